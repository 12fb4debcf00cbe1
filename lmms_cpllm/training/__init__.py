"""Training of a tiny CP-LLM: contents -> distorted clips -> labels and facts -> features -> decoder -> sealed test."""
