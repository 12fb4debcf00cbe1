"""Scores of any method from a file, as a model of lmms-eval: `lmms-eval --model vqa_scores --model_args path=dover.csv`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from loguru import logger

from lmms_cpllm.errors import ArgumentError, UserError
from lmms_cpllm.harness import replay, running
from lmms_cpllm.harness.arguments import check_names
from lmms_cpllm.harness.requests import unsupported
from lmms_cpllm.harness.score_matching import Matching, Video, match
from lmms_cpllm.harness.score_table import ScoreRow, ScoreTable, read_scores

MODES = ("score", "compare")
_OF_THE_HOST = ("batch_size", "max_batch_size", "device")  # what lmms-eval gives every model
_SHOWN = 5


@dataclass(frozen=True)
class ScoresArguments:
    """The model arguments of `--model vqa_scores`."""

    path: str
    """file with the scores: csv, tsv, txt, json, jsonl, parquet"""
    name_column: str | None = None
    """column that names the videos; guessed"""
    score_column: str | None = None
    """column with the scores; guessed"""
    higher_is_better: bool = True
    """false for a method whose lower scores are the better ones, such as BRISQUE; the scores are then negated"""


def parse(given: Mapping[str, object]) -> ScoresArguments:
    """Checks the model arguments.

    Raises:
        ArgumentError: a name is unknown, a value is not allowed, or `path` is missing.
    """
    allowed = [field.name for field in fields(ScoresArguments)]
    values = {name: value for name, value in given.items() if name not in _OF_THE_HOST and value is not None}
    check_names(values, allowed)
    if not str(values.get("path", "")).strip():
        raise ArgumentError("path: expected a file with scores, found none\n  what to do: --model_args path=scores.csv")
    better = values.get("higher_is_better", True)
    if not isinstance(better, bool):
        raise ArgumentError(f"higher_is_better: expected true or false, found {better!r}")
    texts = {name: str(value) for name, value in values.items() if name != "higher_is_better"}
    return ScoresArguments(**texts, higher_is_better=better)


_REFUSAL = ("vqa_scores", "replays scores of videos")


class VQAScores(lmms):
    """Answers scoring and pairs tasks of this package with the scores of a file; it opens no video and loads no weights.

    Every answer holds the score as it is in the file, to the bit; of two videos the higher score is the better one. A
    video without a score is unanswered.

    Args:
        **arguments: the fields of `ScoresArguments`.

    Raises:
        ArgumentError: an argument or the file is not as expected.
    """

    is_simple = False
    device = "cpu"
    batch_size = 1

    def __init__(self, **arguments) -> None:
        super().__init__()
        self.arguments = parse(arguments)
        self.table = read_scores(self.arguments.path, self.arguments.name_column, self.arguments.score_column)
        sign = 1.0 if self.arguments.higher_is_better else -1.0
        self._rows = [ScoreRow(row.name, sign * row.score) for row in self.table.rows]
        self._digest = hashlib.sha256(Path(self.table.path).read_bytes()).hexdigest()
        running.started(
            {
                "fingerprint": self._digest[:16],
                "scores": self.table.path.name,
                "name_column": self.table.name_column,
                "score_column": self.table.score_column,
                "higher_is_better": self.arguments.higher_is_better,
            },
            replayed=self._digest,
        )

    def generate_until(self, requests: list[Instance]) -> list[GenerationResult]:
        """Answers chat requests. Raises a UserError for a task that asks for something else, or if no row matches."""
        tasks = {request.args[4]: request for request in requests}
        videos = {name: list(self._videos_of_task(request)) for name, request in tasks.items()}
        matching = match(self._rows, [video for several in videos.values() for video in several])
        self._check(matching, videos)
        if self.rank == 0:
            self._report(matching, videos)
        return [GenerationResult(self._answer(request, matching), TokenCounts(0, 0)) for request in requests]

    def loglikelihood(self, requests: list[Instance]):
        raise unsupported(*_REFUSAL, "loglikelihood or multiple_choice", requests)

    def generate_until_multi_round(self, requests: list[Instance]):
        raise unsupported(*_REFUSAL, "generate_until_multi_round", requests)

    def clean(self) -> None:
        """The host calls this after the last answer."""
        super().clean()
        running.stopped()

    def _answer(self, request: Instance, matching: Matching) -> str:
        _, _, _, doc_id, task, split = request.args
        scores = [matching.scores.get(video.path) for video in _videos(self.task_dict[task][split][doc_id])]
        line = replay.score_line if len(scores) == 1 else replay.pair_line
        return line(self._digest, *scores)

    def _videos_of_task(self, request: Instance) -> Iterator[Video]:
        """The videos of all documents of the request's task, whichever of them this rank answers."""
        _, _, _, _, task, split = request.args
        mode = request.metadata.get("cpllm_mode")
        if mode not in MODES:
            raise UserError(
                f"task {task}: vqa_scores answers tasks that ask for a score or for the better of two videos, found "
                f"{mode or 'a task of another package'}\n  what to do: leave this task out"
            )
        for document in self.task_dict[task][split]:
            if document.get(replay.MARK) != self._digest:
                raise UserError(
                    f"task {task}: it was loaded before this model, and its documents do not know the scores\n"
                    "  what to do: build the model first, then load the tasks, as lmms-eval does"
                )
            yield from _videos(document)

    def _check(self, matching: Matching, videos: Mapping[str, list[Video]]) -> None:
        path = self.table.path
        if matching.ambiguous:
            raise ArgumentError(
                f"{path}: expected one score for each video\n"
                + "".join(f"  found: {sentence}\n" for sentence in matching.ambiguous[:_SHOWN])
                + f"  what to do: {len(matching.ambiguous)} of these; let column {self.table.name_column} hold paths with "
                "enough folders to tell the videos apart, and each video once"
            )
        for task, shown in videos.items():
            if not any(video.path in matching.scores for video in shown):
                raise ArgumentError(
                    f"{path}: no row matches a video of {task}\n"
                    f"  expected in column {self.table.name_column}: {_some(video.name for video in shown)} (or the files' "
                    "paths or stems)\n"
                    f"  found: {_some(row.name for row in self._rows)}\n"
                    "  what to do: name the right column with name_column=..., or run the task that the scores belong to"
                )

    def _report(self, matching: Matching, videos: Mapping[str, list[Video]]) -> None:
        """Says what was read and what is left over. One warning each; the host's log shows nothing less than that."""
        table = self.table
        logger.info(describe(table, self.arguments.higher_is_better))
        if table.faults:
            logger.warning(f"{table.path}: {len(table.faults)} rows are left out: {_some(table.faults, '; ')}")
        for task, shown in videos.items():
            unique = {video.path: video.name for video in shown}
            missing = [name for path, name in unique.items() if path not in matching.scores]
            logger.info(f"{task}: {len(unique) - len(missing)} of {len(unique)} videos have a score in {table.path}")
            if missing:
                logger.warning(
                    f"{task}: {len(missing)} of {len(unique)} videos have no score in {table.path} and count as "
                    f"unanswered: {_some(missing)}"
                )
        if matching.surplus:
            logger.warning(
                f"{table.path}: {len(matching.surplus)} of {len(table.rows)} rows match no video of {', '.join(videos)}: "
                f"{_some(matching.surplus)}"
            )


def describe(table: ScoreTable, higher_is_better: bool) -> str:
    """One line on what was read from a file."""
    better = "higher is better" if higher_is_better else "lower is better, so the scores are negated"
    return f"{table.path}: {len(table.rows)} scores from {table.score_column} by {table.name_column}; {better}"


def _videos(document: Mapping) -> list[Video]:
    """The one or two videos of a document of this package's tasks."""
    if "video" in document:
        return [Video(document["video"], document["name"])]
    return [Video(document[place], document[f"{place}_name"]) for place in ("first", "second")]


def _some(names: Iterable[str], joint: str = ", ") -> str:
    names = list(names)
    more = len(names) - _SHOWN
    return joint.join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
