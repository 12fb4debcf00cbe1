"""What a model of full size learns from.

Files: samples (one prompt, its videos, its answer), scores (releases and lists with a MOS), conversations (LLaVA JSON),
synthetic (clean videos, distorted on the fly), guard (nothing of a benchmark is trained on), sources (from a recipe to
these), decoded (views and frames of a file, from a cache or not), shards (the cache on disk), mixing (which sample comes
when, what failed), grouping (which of them share a batch), collating (samples to tensors).
"""
