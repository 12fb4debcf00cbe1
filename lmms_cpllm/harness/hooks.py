"""What the task files name with `!function lmms_cpllm.harness.hooks.NAME`.

Importing this module is cheap (no torch): the host does it for every task it loads. The names `rows_<release>`,
`pairs_mini` and `checkpoint` are computed each time they are read; a task file puts them into its `metadata`, which is a
part of the response cache's key and of the results file. The key has nothing else of the data, only the number of the row:
a list of videos that has changed, or other weights, would get the answers of the old ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from lmms_cpllm import releases
from lmms_cpllm.errors import DataError
from lmms_cpllm.harness import running
from lmms_cpllm.harness.describe import describe_metric, describe_results
from lmms_cpllm.harness.pairs import pair_metric, pair_results
from lmms_cpllm.harness.questions import choice_metric, choice_results, open_metric, open_results, pooled_share, prompt
from lmms_cpllm.harness.scoring import score_metric, score_results
from lmms_cpllm.metrics.levels import quality_of_mos
from lmms_cpllm.releases import finevd, qbench_video

__all__ = ["describe_results", "open_results", "pair_results", "pooled_share", "score_results"]

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
    """`process_docs`: the pairs of the embedded benchmark."""
    return _dataset(_pairs())


def _pairs() -> list[dict]:
    from lmms_cpllm.releases import mini  # brings the decoders that render it

    return [
        {
            "name": f"{first.name} | {second.name}",
            "release": "mini",
            "first": first.video,
            "second": second.video,
            "first_name": first.name,
            "second_name": second.name,
            "first_mos": first.mos,
            "second_mos": second.mos,
            "better": "first" if first.mos > second.mos else "second",
        }
        for first, second in mini.pairs()
    ]


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

    return Dataset.from_list(list(documents))


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
    """`doc_to_text`: the prompt of the task file, the model's own where it has one there."""
    return (lmms_eval_specific_kwargs or {})["prompt"]


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

pair_accuracy = _aggregation(pair_metric, "accuracy")
pair_answered = _aggregation(pair_metric, "answered")
pair_first_share = _aggregation(pair_metric, "first_share")

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


def _of_rows(rows: Sequence) -> dict:
    return {"count": len(rows), "fingerprint": releases.fingerprint(rows)}


def _of_pairs() -> dict:
    pairs = _pairs()
    named = "\n".join(pair["name"] for pair in pairs)
    digest = hashlib.sha256(f"{releases.fingerprint(releases.rows('mini'))}\n{named}".encode())
    return {"count": len(pairs), "fingerprint": digest.hexdigest()[:16]}


def __getattr__(name: str):
    if name == "checkpoint":
        return running.checkpoint()
    if name == "pairs_mini":
        return _of_pairs()
    release = name.removeprefix("rows_")
    if release != name and release in releases.RELEASES:
        return _of_rows(releases.rows(release))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
