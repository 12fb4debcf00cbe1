"""README.md of a published checkpoint: what the hub reads in front, and what people read below."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCardData

from lmms_cpllm.publish.figures import Figure

_TASK, _TASK_NAME = "video-quality-assessment", "Video quality assessment"
_PARTS = {"context": "context tower", "pixel": "pixel tower", "text": "decoder"}
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
NO_LICENCE = ("other", "not-stated")
"""Identifier and name for the hub where nobody has said which."""


def card_text(
    name: str, record: Mapping[str, Any], figures: Sequence[Figure], licence: str | None, verified: bool = True
) -> str:
    """The card.

    Args:
        name: of the model.
        record: of training, {} where there is none.
        figures: of `figures.figures`.
        licence: an identifier of the hub, such as apache-2.0; None where it is not known.
        verified: whether the figures are known to be of these weights.
    """
    parts = ["---", _front(name, record, figures, licence), "---", "", f"# {name}", "", *_about(), *_use(name)]
    parts += _results(figures, verified) + _models(record) + _training(record) + _licence(licence)
    return "\n".join(parts) + "\n"


def _front(name: str, record: Mapping[str, Any], figures: Sequence[Figure], licence: str | None) -> str:
    """What the hub reads; only runs of the model as it is count as its results."""
    results = [
        EvalResult(
            task_type=_TASK,
            task_name=_TASK_NAME,
            dataset_type=figure.task,
            dataset_name=figure.task,
            dataset_revision=figure.version or None,
            metric_type=figure.metric,
            metric_name=figure.metric.upper() if len(figure.metric) == 4 else figure.metric,
            metric_value=round(figure.value, 4),
        )
        for figure in figures
        if figure.is_plain and math.isfinite(figure.value)
    ]
    sources = [source for _, source in base_models(record) if _HUB_ID.fullmatch(source)]
    data = ModelCardData(
        license=licence or NO_LICENCE[0],
        license_name=None if licence else NO_LICENCE[1],
        library_name="transformers",
        pipeline_tag="video-text-to-text",
        tags=[_TASK, "no-reference", "cpllm"],
        base_model=sources or None,
        datasets=_releases(record) or None,
        metrics=list(dict.fromkeys(figure.metric for figure in figures)) or None,
        model_name=name,
        eval_results=results or None,
    )
    return data.to_yaml()


def base_models(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(part, published source) of a recipe of full size; [] of any other."""
    model = (record.get("recipe") or {}).get("model") or {}
    return [(title, model[key]["source"]) for key, title in _PARTS.items() if isinstance(model.get(key), Mapping)]


def _stages(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [entry for entry in record.get("stages") or () if isinstance(entry.get("stage"), Mapping)]


def _releases(record: Mapping[str, Any]) -> list[str]:
    sources = [source for entry in _stages(record) for source in entry["stage"].get("data") or ()]
    return list(dict.fromkeys(source["release"] for source in sources if source.get("release")))


def _about() -> list[str]:
    return [
        "A CP-LLM: a context tower that sees what a video shows, a pixel tower that sees at native resolution what was "
        "done to its pixels, and a language decoder that rates, compares and describes its quality. The architecture "
        "follows arXiv 2505.16025; this is an independent implementation (lmms-cpllm), not the paper's model.",
        "",
    ]


def _use(name: str) -> list[str]:
    return [
        "## Use",
        "",
        "With the package `lmms-cpllm` installed, and no remote code:",
        "",
        "```python",
        "import lmms_cpllm.model  # makes the model type known to transformers",
        "from transformers import AutoModelForImageTextToText, AutoProcessor",
        "",
        f'model = AutoModelForImageTextToText.from_pretrained("{name}")',
        f'processor = AutoProcessor.from_pretrained("{name}")',
        'question = [{"type": "video"}, {"type": "text", "text": "Rate the quality of this video."}]',
        'prompt = processor.render([{"role": "user", "content": question}], processor.answer_prefix)',
        'print(model.score(**processor(text=[prompt], videos=["clip.mp4"])).quality)  # 0 to 100',
        "```",
        "",
        "```",
        f"lmms-eval --model cpllm --model_args pretrained={name} --tasks vqa_konvid",
        f"lmms-cpllm score clip.mp4 --model-args pretrained={name}",
        "```",
        "",
    ]


def _results(figures: Sequence[Figure], verified: bool) -> list[str]:
    if not figures:
        return ["## Results", "", "None were given.", ""]
    lines = [
        "## Results",
        "",
        "| task | version | n | metric | value | 95 % interval | answered | views | arguments | date |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in figures:
        interval = f"{one.low:.3f} to {one.high:.3f}" if math.isfinite(one.low) else ""
        answered = f"{one.answered:.3f}" if math.isfinite(one.answered) else ""
        cells = (one.task, one.version, one.n, one.metric, f"{one.value:.3f}", interval, answered, one.views)
        lines.append(f"| {' | '.join(map(str, cells))} | {one.arguments} | {one.date} |")
    lines += [
        "",
        "By lmms-eval and the tasks of lmms-cpllm. Intervals are of a bootstrap over videos. n never shrinks: an "
        "unanswered video counts as the middle of the scale, an unanswered question as wrong.",
        "",
    ]
    if not verified:
        lines += ["Whether these figures are of these very weights was not verified.", ""]
    return lines


def _models(record: Mapping[str, Any]) -> list[str]:
    found = base_models(record)
    if not found:
        return []
    return ["## Parts", "", "| part | from |", "|---|---|", *(f"| {part} | {source} |" for part, source in found), ""]


def _training(record: Mapping[str, Any]) -> list[str]:
    stages = _stages(record)
    if not stages:
        return []
    lines = ["## Training", "", "| stage | steps | learned from (videos, share) | validation SRCC | failed videos |"]
    lines.append("|---|---|---|---|---|")
    for entry in stages:
        sources = [
            f"{data['source']} ({data['videos']}, {data['share']:.2f})"
            for data in entry.get("data", ())
            if "share" in data
        ]
        # The recipe `tiny` counts its examples by source and side of the split.
        counts = entry.get("examples", {}).items()
        sources += [f"{name.removesuffix(' train')} ({count})" for name, count in counts if name.endswith(" train")]
        best = _validated(entry)
        srcc = f"{best:.3f}" if math.isfinite(best) else ""
        failed = len(entry.get("failed", ()))
        lines.append(
            f"| {entry['stage']['name']} | {entry.get('step', '')} | {'; '.join(sources)} | {srcc} | {failed} |"
        )
    recipe = yaml.safe_dump(_plain(record["recipe"]), sort_keys=False, allow_unicode=True, width=120)
    lines += ["", "<details><summary>Recipe</summary>", "", "```yaml", recipe.rstrip(), "```", "", "</details>", ""]
    return [*lines, "Everything that is known of the training is in `training.json`.", ""]


def _validated(entry: Mapping[str, Any]) -> float:
    """SRCC of a stage: the best of a full-size one, of the recipe `tiny` the mean over the sources in the kept epoch."""
    if "validation" in entry:
        scores = entry["validation"].values()
        return sum(scores) / len(scores) if scores else math.nan
    return max((one["srcc"] for one in entry.get("history", ())), default=math.nan)


def _plain(value: Any) -> Any:
    """Without what the recipe leaves at nothing."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items() if entry not in (None, "", {}, [])}
    return [_plain(entry) for entry in value] if isinstance(value, list) else value


def _licence(licence: str | None) -> list[str]:
    said = (
        licence or "Not stated by who made it. The parts and the data that it was made of have licences of their own."
    )
    return ["## Licence", "", said]
