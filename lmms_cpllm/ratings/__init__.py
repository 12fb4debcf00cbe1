"""Ratings: the five-level scale, and what any model's answer says on it. The one module that the rest imports for both.

The parts are `scale` (words, weights, quality, JSON), `answers` (answer text -> rating), `choices` (answer text -> which of
two videos) and `options` (answer text -> one of the answers that were offered).
"""

from lmms_cpllm.ratings.answers import Answer, parse_answer
from lmms_cpllm.ratings.choices import parse_choice
from lmms_cpllm.ratings.options import LETTERS, YES_NO, parse_option
from lmms_cpllm.ratings.scale import (
    LEVELS,
    MIDDLE_QUALITY,
    WEIGHTS,
    Rating,
    from_distribution,
    from_quality,
    level_of,
    quality_of,
    to_json,
)

__all__ = [
    "LETTERS",
    "LEVELS",
    "MIDDLE_QUALITY",
    "WEIGHTS",
    "YES_NO",
    "Answer",
    "Rating",
    "from_distribution",
    "from_quality",
    "level_of",
    "parse_answer",
    "parse_choice",
    "parse_option",
    "quality_of",
    "to_json",
]
