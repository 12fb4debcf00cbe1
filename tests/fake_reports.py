"""Result folders of three models for the tests of the report, with markup in answers and in a name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from fake_results import known_items, ladder_items, pair_items, score_items, write_run

from lmms_cpllm.report.building import Options, Report, build
from lmms_cpllm.report.gather import Gathered, gather
from lmms_cpllm.results import read
from lmms_cpllm.results.recompute import FUNCTIONS
from lmms_cpllm.results.runs import Rows, TaskRun

EVIL_NAME = '</script><script>window.evil="name"</script><img src=x onerror="window.evil=1">.mp4'
EVIL_WORDS = "It is <script>window.evil='words'</script> blurred & dark.\n<!-- <b>noisy</b> -->"
TASKS = ("vqa_konvid", "vqa_ladder", "vqa_mini_describe", "vqa_mini_pairs")
TINY, PIXEL, NIQE, LIMITED = "cpllm", "cpllm ablate=pixel", "vqa_scores path=/data/niqe.csv", "dummy response=73"


def three_models(root: Path) -> Path:
    """`root` with the runs of three models on four tasks, and a limited run of a fourth.

    The best is `cpllm`; `ablate=pixel` leaves three videos unanswered; `niqe.csv` is the worst.
    """
    for place, (model, arguments) in enumerate(
        [("cpllm", ""), ("cpllm", "ablate=pixel"), ("vqa_scores", "path=/data/niqe.csv")]
    ):
        noise = (4, 12, 40)[place]
        scores = score_items(noise=noise, seed=place, unanswered=3 if place == 1 else 0)
        scores[-1]["video"] = EVIL_NAME
        known = known_items(noise=noise, seed=place)
        words = {item["video"]: f'{{"quality": 60}}\n{EVIL_WORDS}' for item in known}
        write_run(
            root / f"run{place}",
            {
                "vqa_konvid": scores,
                "vqa_ladder": ladder_items(noise=noise / 3, seed=place),
                "vqa_mini_describe": known,
                "vqa_mini_pairs": pair_items(right=8 - 2 * place),
            },
            model=model,
            model_args=arguments,
            answers={**words, "clip01": EVIL_WORDS},
            seconds=120.0,
            checkpoint={"pretrained": "cpllm-tiny", "fingerprint": "ab12cd34"} if place == 0 else None,
        )
    write_run(
        root / "limited", {"vqa_konvid": score_items(count=20)}, model="dummy", model_args="response=73", limit=20
    )
    return root


def gathered(*paths: Path) -> Gathered:
    return gather([read(path) for path in paths], lambda model, task, groups: True)


def built(*paths: Path, **options) -> Report:
    """A report without videos, unless `options` say otherwise."""
    return build(gathered(*paths), Options(**{"open_videos": False, **options}))


def many_runs(models: int, tasks: int, videos: int) -> Gathered:
    """Runs as they are after reading, all on different scores; names are as long as those of real releases."""
    generator = np.random.default_rng(0)
    runs: dict[tuple[str, str], TaskRun] = {}
    for task in range(tasks):
        names = [f"release{task:02d}_video_{place:05d}_1080p_crf.mp4" for place in range(videos)]
        mos = generator.uniform(1, 5, videos).round(3)
        for model in range(models):
            quality = (25 * (mos - 1) + generator.normal(0, 5 + model, videos)).clip(0, 100).round(4)
            run = _run(f"model-{model:02d} pretrained=organisation/a-model-{model:02d}-7b", f"vqa_task{task:02d}")
            items = tuple(
                {"video": name, "mos": float(m), "quality": float(q), "level": None, "distribution": None, "reason": ""}
                for name, m, q in zip(names, mos, quality, strict=True)
            )
            runs[run.model, run.task] = _with_items(run, items, videos)
    return Gathered(
        tuple(sorted({model for model, _ in runs})),
        {model: model for model, _ in runs},
        tuple(sorted({task for _, task in runs})),
        runs,
        {},
        (),
        {task: "srcc" for _, task in runs},
    )


def _run(model: str, task: str) -> TaskRun:
    return TaskRun(
        model=model,
        task=task,
        date="20260102_030405",
        source=Path("/results") / f"{model}.json",
        version="1.0",
        rows=Rows(0, "0123456789abcdef"),
        checkpoint=None,
        metrics={},
        higher_is_better={"srcc": True, "answered": True},
        functions={"srcc": "score_metric:srcc", "answered": "score_metric:answered"},
    )


def _with_items(run: TaskRun, items: tuple[Mapping, ...], count: int) -> TaskRun:
    metrics = {name: FUNCTIONS["score_metric"](name, items) for name in ("srcc", "answered")}
    return TaskRun(**{**run.__dict__, "items": dict.fromkeys(metrics, items), "metrics": metrics, "count": count})
