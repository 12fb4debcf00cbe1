"""Training of `cpllm-tiny`: contents -> distorted clips with labels -> features of frozen towers -> decoder."""
