"""Output folders as lmms-eval writes them, small; `tests/harness/test_results_contract.py` compares them with real ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lmms_cpllm.harness.pairs import METRICS as PAIR_METRICS
from lmms_cpllm.harness.pairs import pair_metric
from lmms_cpllm.harness.scoring import score_metric, spread
from lmms_cpllm.metrics.summary import SCORE_METRICS

COUNT = 60
DATE = "20260102_030405"
FUNCTIONS = {"score": (score_metric, tuple(SCORE_METRICS)), "pair": (pair_metric, PAIR_METRICS)}
BRIEF = {"score": ("video", "mos", "quality"), "pair": ("video", "choice", "better")}


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


def write_run(
    folder: Path,
    tasks: Mapping[str, Sequence[dict]],
    *,
    model: str = "cpllm",
    model_args: str = "",
    date: str = DATE,
    version: str = "2.0",
    fingerprint: str = "0123456789abcdef",
    checkpoint: dict | None = None,
    limit: float | None = None,
    offset: int = 0,
    log_samples: bool = True,
    expected: str = "",
    groups: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Write one run; gives its results file.

    Args:
        folder: created.
        tasks: name to items.
        model: and all that follows, as it stands in a results file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kinds = {task: "pair" if "choice" in items[0] else "score" for task, items in tasks.items()}
    rows = {
        task: {
            "count": len(items) if not limit else COUNT,
            "fingerprint": fingerprint,
            **({"expected": expected} if expected else {}),
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
            "resolved_cli_args": {"log_samples": log_samples},
        },
        "date": date,
        "usage": {},
    }
    path = folder / f"{date}_results.json"
    path.write_text(json.dumps(document, indent=2), encoding="utf-8")
    for task, items in tasks.items() if log_samples else ():
        lines = [
            json.dumps({"doc_id": place, **spread(item, FUNCTIONS[kinds[task]][1], BRIEF[kinds[task]])})
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
    return {metric: {"rmse": False, "first_share": None}.get(metric, True) for metric in FUNCTIONS[kind][1]}
