"""Many videos: what the harness adds to the bare model, and what a second process brings."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from lmms_cpllm.errors import UserError
from lmms_cpllm.profile.alone import QUIET, measure_alone
from lmms_cpllm.profile.stages import MOST_TOKENS, Bench
from lmms_cpllm.profile.timing import clocked
from lmms_cpllm.synthesis.language import PROMPTS

OVERHEAD_BOUND = 0.05
SPEED_UP_BOUND = 1.7
_TASK, _SPLIT = "profile", "test"
# As torchrun tells two processes of one machine how many they are: each takes its share of the cores.
_ONE_OF_TWO = {"LOCAL_WORLD_SIZE": "2"} | QUIET


@dataclass(frozen=True)
class Throughput:
    """Seconds for the same videos on four ways, loading left out."""

    videos: int
    bare_s: float
    """`processor(...)` and `model.score(...)`, video after video, with as many threads as the harness uses."""
    harness_s: float
    """The model class of lmms-eval and its `generate_until`."""
    one_process_s: float
    """The same in one process that takes half of the cores."""
    two_processes_s: float
    """The same in two such processes at once, with half of the videos each."""

    @property
    def overhead(self) -> float:
        """Of the harness, as a share of the bare loop; negative where reading ahead wins more than the harness costs."""
        return self.harness_s / self.bare_s - 1

    @property
    def speed_up(self) -> float:
        """One process over two."""
        return self.one_process_s / self.two_processes_s


def copies(videos: Sequence[str], count: int, folder: Path) -> list[str]:
    """`count` files of their own with the contents of the videos in turn: the same file again might be remembered."""
    paths = []
    for number, video in enumerate(itertools.islice(itertools.cycle(videos), count)):
        path = folder / f"{number:05d}{Path(video).suffix}"
        shutil.copyfile(video, path)
        paths.append(str(path))
    return paths


def measure_throughput(bench: Bench, arguments: Mapping[str, object], videos: Sequence[str]) -> Throughput:
    """Measures the four ways.

    Args:
        bench: a loaded model.
        arguments: those that it was loaded with.
        videos: at least 2, all readable.

    Raises:
        UserError: a process failed, or a video got no answer.
    """
    bare_s = bare_run(bench, videos)
    started, ended = harness_run(arguments, videos, bench.describe)
    request = {"task": "harness", "arguments": dict(arguments), "describe": bench.describe}
    halves = [videos[::2], videos[1::2]]
    [one] = measure_alone([request | {"videos": list(videos)}], _ONE_OF_TWO)
    two = measure_alone([request | {"videos": list(half)} for half in halves], _ONE_OF_TWO)
    return Throughput(
        len(videos),
        bare_s,
        ended - started,
        one["ended"] - one["started"],
        max(each["ended"] for each in two) - min(each["started"] for each in two),
    )


def bare_run(bench: Bench, videos: Sequence[str]) -> float:
    """Seconds of the loop that the README shows, after one video that does not count."""
    message = {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": bench.prompt}]}
    prompt = bench.processor.render([message], bench.processor.answer_prefix)

    def answer(video: str) -> None:
        inputs = bench.processor(text=[prompt], videos=[video])
        if bench.describe:
            bench.model.describe(**inputs, max_new_tokens=MOST_TOKENS, do_sample=False)
        else:
            bench.model.score(**inputs)

    before = torch.get_num_threads()
    torch.set_num_threads(bench.settings.workers * bench.settings.threads)
    try:
        answer(videos[0])
        return clocked(lambda: [answer(video) for video in videos])[1]
    finally:
        torch.set_num_threads(before)


def harness_run(
    arguments: Mapping[str, object], videos: Sequence[str], describe: bool, go: Callable[[], None] = lambda: None
) -> tuple[float, float]:
    """When the harness began with the videos and when it ended, in seconds of a clock that all processes share.

    Args:
        arguments: those of `--model cpllm`.
        videos: paths.
        describe: score and description, or the score alone.
        go: called when everything is loaded and one video, which does not count, is answered.

    Raises:
        UserError: a video got no answer.
    """
    from lmms_eval.api.instance import Instance  # slow to import

    from lmms_cpllm.harness.cpllm import CPLLM

    mode, prompt = ("describe", PROMPTS["describe"][0]) if describe else ("score", PROMPTS["rate"][0])

    def messages(video: str) -> list[dict]:
        content = [{"type": "video", "url": video}, {"type": "text", "text": prompt}]
        return [{"role": "user", "content": content}]

    settings = {"cpllm_mode": mode, "max_new_tokens": MOST_TOKENS}
    instances = [
        Instance(
            "generate_until",
            ("", messages, dict(settings), number, _TASK, _SPLIT),
            0,
            {"task": _TASK, "doc_id": number, "repeats": 1, "split": _SPLIT},
        )
        for number in range(len(videos))
    ]
    model = CPLLM(**{"device": "cpu"} | dict(arguments))
    try:
        model.task_dict = {_TASK: {_SPLIT: list(videos)}}
        list(model.generate_until(instances[:1]))
        go()
        started = time.monotonic()
        answers = list(model.generate_until(instances))
        ended = time.monotonic()
    finally:
        model.clean()
    unanswered = [video for video, answer in zip(videos, answers, strict=True) if answer.text is None]
    if unanswered:
        raise UserError(f"{unanswered[0]} and {len(unanswered) - 1} more of {len(videos)} videos got no answer")
    return started, ended
