"""Output folders as lmms-eval writes them, small; `tests/harness/test_results_contract.py` compares them with real ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lmms_cpllm.harness.describe_known import BRIEF as KNOWN_BRIEF
from lmms_cpllm.harness.describe_known import METRICS as KNOWN_METRICS
from lmms_cpllm.harness.describe_known import known_metric
from lmms_cpllm.harness.ladder import CLEAN, ladder_metric, metric_names
from lmms_cpllm.harness.pairs import METRICS as PAIR_METRICS
from lmms_cpllm.harness.pairs import pair_metric
from lmms_cpllm.harness.scoring import score_metric, spread
from lmms_cpllm.metrics.summary import SCORE_METRICS
from lmms_cpllm.ratings import level_of

COUNT = 60
DATE = "20260102_030405"
FAMILIES = {"blur": ("px sigma", (0.5, 1.0, 2.0, 4.0)), "h264": ("CRF", (20.0, 28.0, 36.0, 44.0))}
FUNCTIONS = {
    "score": (score_metric, tuple(SCORE_METRICS)),
    "pair": (pair_metric, PAIR_METRICS),
    "known": (known_metric, KNOWN_METRICS),
    "ladder": (ladder_metric, tuple(name for name, _ in metric_names(tuple(FAMILIES)))),
}
BRIEF = {
    "score": ("video", "mos", "quality"),
    "pair": ("video", "choice", "better"),
    "known": KNOWN_BRIEF,
    "ladder": ("video", "content", "family", "step", "strength", "quality"),
}


def score_items(noise: float = 5.0, seed: int = 0, unanswered: int = 0, count: int = COUNT) -> list[dict]:
    """Items of a scoring task: MOS on 0..100, and qualities that differ from them by `noise` (standard deviation)."""
    mos = np.linspace(5, 95, count)
    quality = mos + np.random.default_rng(seed).normal(size=count) * noise
    return [
        {
            "video": f"clip{place:02d}",
            "mos": round(float(mos[place]), 2),
            "quality": None if place < unanswered else round(float(quality[place]), 2),
            "acr": None,
            "level": None,
            "distribution": None,
            "reason": "no rating found" if place < unanswered else "",
        }
        for place in range(count)
    ]


def pair_items(right: int = 8, count: int = 10) -> list[dict]:
    """Items of a pairs task, of which the first `right` are right."""
    return [
        {
            "video": f"a{place} | b{place}",
            "first": f"a{place}",
            "second": f"b{place}",
            "first_mos": 40.0,
            "second_mos": 60.0,
            "better": "second",
            "choice": "second" if place < right else "first",
            "reason": "",
        }
        for place in range(count)
    ]


def known_items(noise: float = 5.0, seed: int = 0, count: int = 12) -> list[dict]:
    """Items of a task that asks for descriptions of clips whose distortion is known: blur, rising in each content."""
    generator = np.random.default_rng(seed)
    items = []
    for place in range(count):
        content, strength = divmod(place, 4)
        quality = float(np.clip(90 - 22 * strength + generator.normal() * noise, 0, 100))
        items.append(
            {
                "video": f"scene{content}-blur-{strength}",
                "mos": 90.0 - 22 * strength,
                "mos_quality": 90.0 - 22 * strength,
                "quality": round(quality, 2),
                "acr": round(1 + quality / 25, 4),
                "level": level_of(quality),
                "distribution": None,
                "reason": "",
                "known": ["blur"] if strength else [],
                "named": ["blur"] if quality < 60 else [],
                "stated_strength": None,
                "content": f"scene{content}",
                "family": "blur" if strength else "clean",
                "strength": float(strength),
            }
        )
    return items


def ladder_items(
    noise: float = 5.0, seed: int = 0, contents: Sequence[str] = ("coffee", "grass", "pagoda")
) -> list[dict]:
    """Items of a task of ladders: each content clean and at four strengths of each of `FAMILIES`."""
    generator = np.random.default_rng(seed)
    items = []
    for content in contents:
        for family, (unit, strengths) in {CLEAN: ("", (0.0,)), **FAMILIES}.items():
            for place, strength in enumerate(strengths):
                step = 0 if family == CLEAN else place + 1
                items.append(
                    {
                        "video": f"{content}-{family}-{strength:g}",
                        "content": content,
                        "family": family,
                        "step": step,
                        "strength": strength,
                        "unit": unit,
                        "quality": round(85 - 16 * step + float(generator.normal()) * noise, 2),
                        "acr": None,
                        "level": None,
                        "distribution": None,
                        "reason": "",
                    }
                )
    return items


def write_run(
    folder: Path,
    tasks: Mapping[str, Sequence[dict]],
    *,
    model: str = "cpllm",
    model_args: str = "",
    date: str = DATE,
    version: str = "2.0",
    fingerprint: str = "0123456789abcdef",
    recipe: str = "",
    checkpoint: dict | None = None,
    limit: float | None = None,
    offset: int = 0,
    log_samples: bool = True,
    expected: str = "",
    groups: Mapping[str, Sequence[str]] | None = None,
    answers: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> Path:
    """Write one run; gives its results file.

    Args:
        folder: created.
        tasks: name to items.
        model: and all that follows, as it stands in a results file.
        answers: name of a video to the text of the answer, which stands in the sample log.
        seconds: that the run took.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kinds = {task: _kind(items[0]) for task, items in tasks.items()}
    rows = {
        task: {
            "count": len(items) if not limit else COUNT,
            "fingerprint": fingerprint,
            **({"expected": expected} if expected else {}),
            **({"recipe": recipe} if recipe else {}),
        }
        for task, items in tasks.items()
    }
    document = {
        "results": {task: _reported(task, kinds[task], items) for task, items in tasks.items()},
        "group_subtasks": {**{task: [] for task in tasks}, **(groups or {})},
        "configs": {
            task: {
                "task": task,
                "metric_list": _metric_list(kinds[task]),
                "metadata": {"version": version, "rows": rows[task], "checkpoint": checkpoint},
            }
            for task in tasks
        },
        "versions": dict.fromkeys(tasks, version),
        "higher_is_better": {task: _directions(kinds[task]) for task in tasks},
        "n-samples": {
            task: {"original": rows[task]["count"], "effective": len(items)} for task, items in tasks.items()
        },
        "config": {
            "model": model,
            "model_args": model_args,
            "limit": limit,
            "offset": offset,
            "resolved_cli_args": {
                **({"model": model, "tasks": ",".join(tasks), "model_args": model_args} if seconds else {}),
                "log_samples": log_samples,
            },
        },
        **({"lmms_eval_version": "0.7.3", "total_evaluation_time_seconds": str(seconds)} if seconds else {}),
        "date": date,
        "usage": {},
    }
    path = folder / f"{date}_results.json"
    path.write_text(json.dumps(document, indent=2), encoding="utf-8")
    for task, items in tasks.items() if log_samples else ():
        lines = [
            json.dumps(
                {
                    "doc_id": place,
                    "filtered_resps": [(answers or {}).get(item["video"], "")],
                    **_spread(item, kinds[task]),
                }
            )
            for place, item in enumerate(items)
        ]
        log_of(path, task).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def log_of(path: Path, task: str) -> Path:
    """The sample log beside a results file."""
    return path.with_name(path.name.replace("_results.json", f"_samples_{task}.jsonl"))


def edit(path: Path, **changes: object) -> None:
    """Change the top level of a results file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _kind(item: Mapping) -> str:
    return next(
        (kind for key, kind in (("choice", "pair"), ("step", "ladder"), ("known", "known")) if key in item), "score"
    )


def _spread(item: dict, kind: str) -> dict[str, dict]:
    names = FUNCTIONS[kind][1]
    if kind == "ladder" and item["family"] != CLEAN:
        others = tuple(f"_{family}" for family in FAMILIES if family != item["family"])
        names = [name for name in names if not name.endswith(others)]
    return spread(item, names, BRIEF[kind])


def _reported(task: str, kind: str, items: Sequence[dict]) -> dict:
    function, metrics = FUNCTIONS[kind]
    reported: dict = {"alias": task}
    for metric in metrics:
        reported[f"{metric},none"] = function(metric, items)
        reported[f"{metric}_stderr,none"] = "N/A"
    return reported


def _metric_list(kind: str) -> list[dict]:
    function, metrics = FUNCTIONS[kind]
    named = {metric: f"<function {function.__name__}:{metric} at 0x7f64ba51b1a0>" for metric in metrics}
    directions = _directions(kind)
    return [
        {"metric": metric, "aggregation": text, "higher_is_better": directions[metric]}
        for metric, text in named.items()
    ]


def _directions(kind: str) -> dict[str, bool | None]:
    told = {"rmse": False, "first_share": None, **dict(metric_names(tuple(FAMILIES)))}
    return {metric: told.get(metric, True) for metric in FUNCTIONS[kind][1]}
