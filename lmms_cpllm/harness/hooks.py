"""What the task files name with `!function lmms_cpllm.harness.hooks.NAME`.

Importing this module is cheap (no torch): the host does it for every task it loads. The names `rows_<release>`,
`pairs_<release>`, `questions_mini` and `checkpoint` are computed each time they are read; a task file puts them into its
`metadata`, which is a part of the response cache's key and of the results file. The key has nothing else of the data, only
the number of the row: a list of videos that has changed, or other weights, would get the answers of the old ones.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from lmms_cpllm import releases
from lmms_cpllm.harness import running
from lmms_cpllm.harness.describe import describe_metric, describe_results
from lmms_cpllm.harness.describe_known import known_metric, known_results
from lmms_cpllm.harness.pairs import DIFFERENCES, pair_difference_results, pair_metric, pair_results
from lmms_cpllm.harness.questions import question_metric, question_results
from lmms_cpllm.harness.scoring import score_metric, score_results
from lmms_cpllm.metrics.levels import quality_of_mos
from lmms_cpllm.metrics.pairs import accuracy_by_difference

__all__ = [
    "describe_results",
    "known_results",
    "pair_difference_results",
    "pair_results",
    "question_results",
    "score_results",
]

# A document is written into the sample log; a column of these types needs no conversion.
_PLAIN = (str, int, float, bool, type(None))


def release_documents(stub):
    """`process_docs`: the rows of the release that the stub names, as found on disk.

    Args:
        stub: a `datasets.Dataset` of one row, `{"release": name}`.

    Raises:
        DataError: the release is missing or is not what its authors published.
    """
    name = stub[0]["release"]
    rows = releases.rows(name)
    low, high = releases.mos_scale(releases.find_release(name), rows)
    return _dataset(
        {
            **{key: value for key, value in asdict(row).items() if isinstance(value, _PLAIN)},
            "release": name,
            "mos_quality": quality_of_mos(row.mos, low, high),
        }
        for row in rows
    )


def pair_documents(stub):
    """`process_docs`: the pairs of the release that the stub names.

    Raises:
        DataError: as `release_documents`, or there are no pairs.
    """
    name = stub[0]["release"]
    return _dataset(
        {
            "name": _name(pair),
            "release": name,
            "first": pair.first.video,
            "second": pair.second.video,
            "first_name": pair.first.name,
            "second_name": pair.second.name,
            "first_mos": pair.first.mos,
            "second_mos": pair.second.mos,
            "better": pair.better,
        }
        for pair in releases.pairs(name)
    )


def question_documents(stub):
    """`process_docs`: the questions on the clips of the embedded benchmark, by their names."""
    from lmms_cpllm.releases import mini, mini_questions  # brings the decoders that render the clips

    videos = {row.name: row.video for row in mini.rows()}
    return _dataset(
        {
            "name": asked.name,
            "release": stub[0]["release"],
            "video": videos[asked.clip],
            "clip": asked.clip,
            "kind": asked.kind,
            "prompt": asked.prompt,
            "options": list(asked.options),
            "lettered": asked.lettered,
            "answer": asked.answer,
        }
        for asked in mini_questions.questions()
    )


def _name(pair: releases.Pair) -> str:
    return f"{pair.first.name} | {pair.second.name}"


def _dataset(documents):
    from datasets import Dataset  # half a second that only a task which is run has to pay

    return Dataset.from_list(list(documents))


def visuals(doc: Mapping) -> list[str]:
    """`doc_to_visual`: the absolute path of the video."""
    return [doc["video"]]


def pair_visuals(doc: Mapping) -> list[str]:
    """`doc_to_visual`: the paths of both videos, in order."""
    return [doc["first"], doc["second"]]


def question(doc: Mapping, lmms_eval_specific_kwargs: Mapping | None = None) -> str:
    """`doc_to_text`: the document's own prompt, else that of the task file, the model's own where it has one there."""
    return doc["prompt"] if "prompt" in doc else (lmms_eval_specific_kwargs or {})["prompt"]


def messages(doc: Mapping, lmms_eval_specific_kwargs: Mapping | None = None) -> list[dict]:
    """`doc_to_messages`: the video, whatever its file name ends in (the host takes .webm for audio), then the prompt."""
    return _user([_video(doc["video"]), _text(question(doc, lmms_eval_specific_kwargs))])


def pair_messages(doc: Mapping, lmms_eval_specific_kwargs: Mapping | None = None) -> list[dict]:
    """`doc_to_messages`: both videos in order, each under its label where the task file gives one, then the prompt."""
    labels = lmms_eval_specific_kwargs or {}
    content = []
    for place in ("first", "second"):
        label = labels.get(f"{place}_label")
        content += [*([_text(label)] if label else []), _video(doc[place])]
    return _user([*content, _text(question(doc, lmms_eval_specific_kwargs))])


def _user(content: list[dict]) -> list[dict]:
    return [{"role": "user", "content": content}]


def _video(path: str) -> dict:
    return {"type": "video", "url": path}


def _text(text: str) -> dict:
    return {"type": "text", "text": text}


def _aggregation(function: Callable, metric: str) -> Callable[[Sequence[Mapping]], float]:
    def aggregate(items: Sequence[Mapping]) -> float:
        return function(metric, items)

    aggregate.__name__ = aggregate.__qualname__ = f"{function.__name__}:{metric}"  # what stands in the results file
    return aggregate


score_srcc = _aggregation(score_metric, "srcc")
score_plcc = _aggregation(score_metric, "plcc")
score_krcc = _aggregation(score_metric, "krcc")
score_rmse = _aggregation(score_metric, "rmse")
score_fit_lcc = _aggregation(score_metric, "fit_lcc")
score_answered = _aggregation(score_metric, "answered")
score_ci95_low = _aggregation(score_metric, "ci95_low")
score_ci95_high = _aggregation(score_metric, "ci95_high")

describe_level_agreement = _aggregation(describe_metric, "level_agreement")
describe_level_within_one = _aggregation(describe_metric, "level_within_one")
describe_level_rho = _aggregation(describe_metric, "level_rho")
describe_srcc = _aggregation(describe_metric, "srcc")
describe_answered = _aggregation(describe_metric, "answered")

known_precision = _aggregation(known_metric, "precision")
known_recall = _aggregation(known_metric, "recall")
known_f1 = _aggregation(known_metric, "f1")
known_silent_when_clean = _aggregation(known_metric, "silent_when_clean")
known_strength_order = _aggregation(known_metric, "strength_order")

pair_accuracy = _aggregation(pair_metric, "accuracy")
pair_answered = _aggregation(pair_metric, "answered")
pair_first_share = _aggregation(pair_metric, "first_share")
pair_acc_diff_03 = _aggregation(pair_metric, "acc_diff_0.3")
pair_acc_diff_05 = _aggregation(pair_metric, "acc_diff_0.5")
pair_acc_diff_10 = _aggregation(pair_metric, "acc_diff_1.0")

question_accuracy = _aggregation(question_metric, "accuracy")
question_acc_yes_no = _aggregation(question_metric, "acc_yes_no")
question_acc_present = _aggregation(question_metric, "acc_present")
question_acc_clean = _aggregation(question_metric, "acc_clean")
question_acc_motion = _aggregation(question_metric, "acc_motion")
question_acc_which = _aggregation(question_metric, "acc_which")
question_acc_strength = _aggregation(question_metric, "acc_strength")
question_answered = _aggregation(question_metric, "answered")
question_yes_share = _aggregation(question_metric, "yes_share")


def _of_rows(rows: Sequence) -> dict:
    return {"count": len(rows), "fingerprint": releases.fingerprint(rows)}


def _of_pairs(release: str) -> dict:
    rows, pairs = releases.rows(release), releases.pairs(release)
    named = "\n".join(map(_name, pairs))
    digest = hashlib.sha256(f"{releases.fingerprint(rows)}\n{named}".encode())
    summary = {"count": len(pairs), "fingerprint": digest.hexdigest()[:16]}
    if release == releases.MINI.name:
        return summary  # its pairs are chosen by difference
    mos = ([getattr(pair, place).mos for pair in pairs] for place in ("first", "second"))
    by_difference = accuracy_by_difference([None] * len(pairs), *mos, thresholds=list(DIFFERENCES.values()))
    return {
        **summary,
        "videos": len(rows),
        "counts": {name: found.count for name, found in zip(DIFFERENCES, by_difference, strict=True)},
    }


def _of_questions() -> dict:
    from lmms_cpllm.releases import mini, mini_questions  # as above

    rows, asked = mini.rows(), mini_questions.questions()
    listed = "\n".join(map(repr, asked))
    digest = hashlib.sha256(f"{releases.fingerprint(rows)}\n{listed}".encode())
    return {
        "count": len(asked),
        "fingerprint": digest.hexdigest()[:16],
        "counts": dict(Counter(question.kind for question in asked)),
        "chance": round(sum(1 / len(question.options) for question in asked) / len(asked), 4),
    }


def __getattr__(name: str):
    if name == "checkpoint":
        return running.checkpoint()
    if name == "questions_mini":
        return _of_questions()
    kind, _, release = name.partition("_")
    if release in releases.RELEASES and kind in ("rows", "pairs"):
        return _of_rows(releases.rows(release)) if kind == "rows" else _of_pairs(release)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
