"""What a model said, word by word, from a sample log. Read on demand: the metrics do not need it."""

from __future__ import annotations

from typing import Any

from lmms_cpllm.results.runs import TaskRun
from lmms_cpllm.results.samples import lines_of, name_of


def read_answers(run: TaskRun) -> dict[str, str]:
    """Name of the video, pair or question -> the text of the answer; {} for a run without a sample log.

    Raises:
        ResultsError: as `samples.read_items`.
    """
    if run.samples is None or not run.samples.exists():
        return {}
    answers = {}
    for line in lines_of(run.samples):
        name = name_of(line, run.functions)
        if name is not None:
            answers[name] = _text(line.get("filtered_resps"))
    return answers


def _text(said: Any) -> str:
    """The host keeps one answer in lists, flattened once or not at all."""
    while isinstance(said, list) and said:
        said = said[0]
    return said if isinstance(said, str) else ""
