"""Runs lmms-eval in this process or in another, on releases and models made on the spot."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

from lmms_cpllm.plugin import tasks_path


def evaluate(
    model: str, tasks: Sequence[str], model_args: str = "", *, model_name: str | None = "same", **options
) -> dict:
    """`simple_evaluate` on our tasks alone: reading the other two thousand takes 4 s."""
    from lmms_eval.evaluator import simple_evaluate
    from lmms_eval.tasks import TaskManager

    manager = TaskManager(
        include_path=[str(tasks_path())],
        include_defaults=False,
        model_name=model if model_name == "same" else model_name,
    )
    options = {"batch_size": 1, "device": "cpu", "bootstrap_iters": 0, **options}
    return simple_evaluate(model=model, model_args=model_args, tasks=list(tasks), task_manager=manager, **options)


def metrics_of(results: dict, task: str) -> dict[str, float]:
    """The numbers of a task, without the columns that the host adds."""
    return {
        name.removesuffix(",none"): value
        for name, value in results["results"][task].items()
        if name.endswith(",none") and "_stderr" not in name
    }


def items_of(results: dict, task: str, metric: str = "srcc") -> dict[str, dict]:
    """The items of the sample log by the name of their video."""
    return {sample[metric]["video"]: sample[metric] for sample in results["samples"][task]}


def write_clips(folder: Path, count: int, frames: int = 6) -> list[Path]:
    """Clips of 96x64 that differ in noise and brightness."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(count):
        random = np.random.default_rng(index)
        noise = random.integers(0, 20 + 200 * index // max(count, 1), (frames, 64, 96, 3))
        images = np.clip(noise + 30 * (index % 5), 0, 255).astype(np.uint8)
        path = folder / f"clip{index}.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
            for image in images:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode())
        paths.append(path)
    return paths


def environment(**more: str) -> dict[str, str]:
    """Of a process of its own: offline, one thread, and our tests importable."""
    tests = Path(__file__).resolve().parents[1]
    paths = [str(tests), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        **more,
    }
