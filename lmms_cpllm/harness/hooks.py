"""What the task files name with `!function lmms_cpllm.harness.hooks.NAME`.

Importing this module is cheap (no torch): the host does it for every task it loads. The names `rows_<release>`,
`pairs_<release>`, `questions_mini`, `rows_ladder` and `checkpoint` are computed each time they are read; a task file puts
them into its `metadata`, which is a part of the response cache's key and of the results file. The key has nothing else of
the data, only the number of the row: a list of videos that has changed, or other weights, would get the answers of the old
ones. `ladder_metrics` is such a name too, for a `metric_list`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from lmms_cpllm import releases
from lmms_cpllm.errors import DataError
from lmms_cpllm.harness import replay, running
from lmms_cpllm.harness.describe import describe_metric, describe_results
from lmms_cpllm.harness.describe_known import known_metric, known_results
from lmms_cpllm.harness.ladder import ladder_metric, ladder_results, metric_names
from lmms_cpllm.harness.mini_questions import mini_question_metric, mini_question_results
from lmms_cpllm.harness.open_questions import open_metric, open_results
from lmms_cpllm.harness.pairs import DIFFERENCES, pair_difference_results, pair_metric, pair_results
from lmms_cpllm.harness.questions import choice_metric, choice_results, pooled_share, prompt
from lmms_cpllm.harness.scoring import score_metric, score_results
from lmms_cpllm.metrics.levels import quality_of_mos
from lmms_cpllm.metrics.pairs import accuracy_by_difference
from lmms_cpllm.releases import finevd, qbench_video
from lmms_cpllm.releases.base import counts, official

__all__ = [
    "describe_results",
    "known_results",
    "ladder_results",
    "mini_question_results",
    "open_results",
    "pair_difference_results",
    "pair_results",
    "pooled_share",
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
            # What opinions differed by is for training.
            **{key: value for key, value in asdict(row).items() if isinstance(value, _PLAIN) and key != "sd"},
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


def mini_question_documents(stub):
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


def ladder_documents(stub):
    """`process_docs`: the clips of `vqa_ladder`.

    Raises:
        DataError, ArgumentError: as `releases.ladder.ladders`.
    """
    return _dataset({**asdict(row), "release": "ladder"} for row in _ladders().rows)


def _ladders():
    from lmms_cpllm.releases import ladder  # brings the encoders that render it

    return ladder.ladders()


def question_documents(stub):
    """`process_docs`: the questions of the release that the stub names; of one `part`, if it names one.

    Raises:
        DataError: the release is missing or is not what its authors published, or has no question of the part.
    """
    name, part = stub[0]["release"], stub[0].get("part")
    questions = [question for question in releases.rows(name) if part in (None, question.part)]
    if not questions:
        release = releases.find_release(name)
        raise DataError(
            f"{release.title}: no question of the part {part} is there with its videos.\n"
            f"  how to get it: {release.how_to_get}, or leave the task of this part out"
        )
    return _dataset(
        {**{key: _plain(value) for key, value in asdict(question).items()}, "release": name} for question in questions
    )


def _plain(value):
    return list(value) if isinstance(value, tuple) else value


def _dataset(documents):
    from datasets import Dataset  # half a second that only a task which is run has to pay

    replayed = running.replayed()
    mark = {replay.MARK: replayed} if replayed else {}
    return Dataset.from_list([{**document, **mark} for document in documents])


def visuals(doc: Mapping) -> list[str]:
    """`doc_to_visual`: the absolute path of the video."""
    return [doc["video"]]


def pair_visuals(doc: Mapping) -> list[str]:
    """`doc_to_visual`: the paths of both videos, in order."""
    return [doc["first"], doc["second"]]


def question_visuals(doc: Mapping) -> list[str]:
    """`doc_to_visual`: the paths of the one or two videos of a question, in order."""
    return list(doc["videos"])


def question(doc: Mapping, lmms_eval_specific_kwargs: Mapping | None = None) -> str:
    """`doc_to_text`: the document's own prompt, else that of the task file, the model's own where it has one there."""
    return doc["prompt"] if "prompt" in doc else (lmms_eval_specific_kwargs or {})["prompt"]


def messages(doc: Mapping, lmms_eval_specific_kwargs: Mapping | None = None) -> list[dict]:
    """`doc_to_messages`: the video, whatever its file name ends in (the host takes .webm for audio), then the prompt."""
    return _user([_video(doc["video"]), _text(question(doc, lmms_eval_specific_kwargs))])


def pair_messages(doc: Mapping, lmms_eval_specific_kwargs: Mapping | None = None) -> list[dict]:
    """`doc_to_messages`: both videos in order, each under its label where the task file gives one, then the prompt."""
    shown = _labelled([doc["first"], doc["second"]], lmms_eval_specific_kwargs)
    return _user([*shown, _text(question(doc, lmms_eval_specific_kwargs))])


def question_text(doc: Mapping, lmms_eval_specific_kwargs: Mapping | None = None) -> str:
    """`doc_to_text`: the question of a document, with its options in the form of the task file."""
    return prompt(doc, lmms_eval_specific_kwargs or {})


def question_messages(doc: Mapping, lmms_eval_specific_kwargs: Mapping | None = None) -> list[dict]:
    """`doc_to_messages`: the video or both, as `pair_messages` shows them, then the question."""
    videos = doc["videos"]
    shown = _labelled(videos, lmms_eval_specific_kwargs) if len(videos) > 1 else [_video(videos[0])]
    return _user([*shown, _text(question_text(doc, lmms_eval_specific_kwargs))])


def _labelled(videos: Sequence[str], labels: Mapping | None) -> list[dict]:
    content = []
    for place, video in zip(("first", "second"), videos, strict=True):
        label = (labels or {}).get(f"{place}_label")
        content += [*([_text(label)] if label else []), _video(video)]
    return content


def _user(content: list[dict]) -> list[dict]:
    return [{"role": "user", "content": content}]


def _video(path: str) -> dict:
    return {"type": "video", "url": path}


def _text(text: str) -> dict:
    return {"type": "text", "text": text}


def qbench_results(doc: Mapping, results: Sequence[str]) -> dict[str, dict]:
    """`process_results` of the questions of Q-Bench-Video that have options."""
    return choice_results(qbench_video.FACETS[doc["part"]], doc, results)


def finevd_yesno_results(doc: Mapping, results: Sequence[str]) -> dict[str, dict]:
    """`process_results` of the yes-or-no questions of FineVD."""
    return choice_results(finevd.YES_NO_FACETS, doc, results)


def finevd_choice_results(doc: Mapping, results: Sequence[str]) -> dict[str, dict]:
    """`process_results` of the questions of FineVD with lettered options."""
    return choice_results(finevd.CHOICE_FACETS, doc, results)


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

mini_question_accuracy = _aggregation(mini_question_metric, "accuracy")
mini_question_acc_yes_no = _aggregation(mini_question_metric, "acc_yes_no")
mini_question_acc_present = _aggregation(mini_question_metric, "acc_present")
mini_question_acc_clean = _aggregation(mini_question_metric, "acc_clean")
mini_question_acc_which = _aggregation(mini_question_metric, "acc_which")
mini_question_acc_strength = _aggregation(mini_question_metric, "acc_strength")
mini_question_answered = _aggregation(mini_question_metric, "answered")
mini_question_yes_share = _aggregation(mini_question_metric, "yes_share")


choice_accuracy = _aggregation(choice_metric, "accuracy")
choice_answered = _aggregation(choice_metric, "answered")
choice_yes_no = _aggregation(choice_metric, "yes_no")
choice_what_how = _aggregation(choice_metric, "what_how")
choice_other_type = _aggregation(choice_metric, "other_type")
choice_technical = _aggregation(choice_metric, "technical")
choice_aesthetic = _aggregation(choice_metric, "aesthetic")
choice_temporal = _aggregation(choice_metric, "temporal")
choice_aigc = _aggregation(choice_metric, "aigc")
choice_other_concern = _aggregation(choice_metric, "other_concern")
choice_single_global = _aggregation(choice_metric, "single_global")
choice_single_referring = _aggregation(choice_metric, "single_referring")
choice_pair_coarse = _aggregation(choice_metric, "pair_coarse")
choice_pair_fine = _aggregation(choice_metric, "pair_fine")
choice_pair_other = _aggregation(choice_metric, "pair_other")
choice_other_context = _aggregation(choice_metric, "other_context")
choice_noise = _aggregation(choice_metric, "noise")
choice_blur = _aggregation(choice_metric, "blur")
choice_artifact = _aggregation(choice_metric, "artifact")
choice_color = _aggregation(choice_metric, "color")
choice_undistorted = _aggregation(choice_metric, "undistorted")
choice_other_dimension = _aggregation(choice_metric, "other_dimension")

open_judge_score = _aggregation(open_metric, "judge_score")
open_judged = _aggregation(open_metric, "judged")
open_failed_calls = _aggregation(open_metric, "failed_calls")
open_answered = _aggregation(open_metric, "answered")


def _identity(release: str, rows: Sequence, asked: str = "") -> dict[str, str]:
    """What tells other data: names, labels, file sizes, and what is asked about them. Of clips that are rendered here
    also how, without the sizes: encoders of another build write other bytes of the same clips."""
    whole = releases.fingerprint(rows)
    told = {"fingerprint": _digits(f"{whole}\n{asked}") if asked else whole}
    recipe = releases.RELEASES[release].recipe
    if recipe:
        told["recipe"] = _digits("\n".join([recipe(), *(f"{row.name}\t{row.mos!r}" for row in rows), asked]))
    return told


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _of_part(name: str, count: int) -> dict:
    """What the results have to say when LMMS_CPLLM_ALLOW_PARTIAL lets a part of a release pass."""
    release = releases.RELEASES[name]
    return {} if release.embedded or official(release, count) else {"expected": counts(release)}


def _of_ladders() -> dict:
    from lmms_cpllm.releases import ladder

    found = _ladders()
    return {
        "count": len(found.rows),
        "fingerprint": ladder.fingerprint(found),
        **({"recipe": found.recipe} if found.recipe else {}),
        "missing_codecs": list(found.missing_codecs),
        "unusable": list(found.unusable),
    }


def _ladder_metrics() -> list[dict]:
    """`metric_list`: all that is known of the ladders, over all of them and for each family that is asked for."""
    from lmms_cpllm.releases import ladder

    return [
        {"metric": name, "aggregation": _aggregation(ladder_metric, name), "higher_is_better": better}
        for name, better in metric_names(ladder.asked_families())
    ]


def _of_pairs(release: str) -> dict:
    rows, pairs = releases.rows(release), releases.pairs(release)
    named = "\n".join(map(_name, pairs))
    summary = {"count": len(pairs), **_identity(release, rows, named)}
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
    return {
        "count": len(asked),
        **_identity(releases.MINI.name, rows, listed),
        "counts": dict(Counter(question.kind for question in asked)),
        "chance": round(sum(1 / len(question.options) for question in asked) / len(asked), 4),
    }


def __getattr__(name: str):
    if name == "checkpoint":
        return running.checkpoint()
    if name == "questions_mini":
        return _of_questions()
    if name == "rows_ladder":
        return _of_ladders()
    if name == "ladder_metrics":
        return _ladder_metrics()
    kind, _, release = name.partition("_")
    if release in releases.RELEASES and kind == "rows":
        rows = releases.rows(release)
        return {"count": len(rows), **_identity(release, rows), **_of_part(release, len(rows))}
    if release in releases.RELEASES and kind == "pairs":
        return _of_pairs(release)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
