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
from lmms_cpllm.harness import running
from lmms_cpllm.harness.describe import describe_metric, describe_results
from lmms_cpllm.harness.pairs import pair_metric, pair_results
from lmms_cpllm.harness.scoring import score_metric, score_results
from lmms_cpllm.metrics.levels import quality_of_mos
from lmms_cpllm.releases.base import counts, official

__all__ = ["describe_results", "pair_results", "score_results"]

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
    """`doc_to_text`: the prompt of the task file, the model's own where it has one there."""
    return (lmms_eval_specific_kwargs or {})["prompt"]


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

pair_accuracy = _aggregation(pair_metric, "accuracy")
pair_answered = _aggregation(pair_metric, "answered")
pair_first_share = _aggregation(pair_metric, "first_share")


def _of_rows(rows: Sequence) -> dict:
    return {"count": len(rows), "fingerprint": releases.fingerprint(rows)}


def _of_part(name: str, count: int) -> dict:
    """What the results have to say when LMMS_CPLLM_ALLOW_PARTIAL lets a part of a release pass."""
    release = releases.RELEASES[name]
    return {} if release.embedded or official(release, count) else {"expected": counts(release)}


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
        rows = releases.rows(release)
        return {**_of_rows(rows), **_of_part(release, len(rows))}
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
