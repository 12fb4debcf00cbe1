"""Files judged without the host: the prompts of the tasks, the same passes, and so the same numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch

from lmms_cpllm.errors import VideoError
from lmms_cpllm.harness.answers import answer_requests
from lmms_cpllm.harness.arguments import parse
from lmms_cpllm.harness.failures import FailureList, refusal
from lmms_cpllm.harness.loading import is_on_cpu, load_model
from lmms_cpllm.harness.requests import Request
from lmms_cpllm.synthesis.language import PROMPTS
from lmms_cpllm.video import isolated

_PROMPTS = {"score": PROMPTS["rate"][0], "describe": PROMPTS["describe"][0], "compare": PROMPTS["compare"][0]}
_MOST_TOKENS = 256  # as in the task files


def judge_files(
    groups: Iterable[Sequence[str]], mode: str, arguments: Mapping[str, object]
) -> Iterator[tuple[tuple[str, ...], str | VideoError]]:
    """What a CP-LLM says of video or image files.

    The number of threads of PyTorch is changed for the whole process, as `arguments` say.

    Args:
        groups: one path each, or two for `compare`.
        mode: `score`, `describe` or `compare`.
        arguments: those of `--model cpllm`; see `harness.arguments`.

    Yields:
        The paths with the answer that lmms-eval would get (`ratings.parse_answer` reads it; a line of JSON, then the
        description), or with why a file cannot be read. In the order of `groups`, as soon as each is known.

    Raises:
        ArgumentError: an argument is unknown or not allowed.
        CheckpointError: the checkpoint cannot be loaded.
        UserError: a file cannot be read, and `on_error` is `raise`.
    """
    settings = parse(arguments)
    failures = FailureList(settings.failures)
    if settings.isolate:
        isolated.prestart()
    model, processor = load_model(settings)
    if on_cpu := is_on_cpu(model, settings):
        torch.set_num_threads(settings.threads)
    requests = (_request(tuple(paths), mode) for paths in groups)
    for request, answer in answer_requests(model, processor, requests, settings, encode=on_cpu):
        if isinstance(answer, VideoError):
            if settings.on_error == "raise":
                raise refusal(answer)
            failures.add(answer.path, answer.reason)
        yield request.media, answer if isinstance(answer, VideoError) else answer.text


def _request(paths: tuple[str, ...], mode: str) -> Request:
    content = [*({"type": "video"} for _ in paths), {"type": "text", "text": _PROMPTS[mode]}]
    return Request(({"role": "user", "content": content},), paths, mode, _MOST_TOKENS)
