"""Video quality assessment for lmms-eval: the CP-LLM model, the benchmarks, and honest comparison."""

__version__ = "0.1.0"
