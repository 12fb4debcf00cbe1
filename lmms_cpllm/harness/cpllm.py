"""CP-LLM as a chat model of lmms-eval: `lmms-eval --model cpllm`."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from lmms_eval.models.model_utils.gen_metrics import log_metrics
from loguru import logger
from tqdm import tqdm

from lmms_cpllm import __version__
from lmms_cpllm.errors import ArgumentError, UserError, VideoError
from lmms_cpllm.harness import fingerprint, running
from lmms_cpllm.harness.answers import Answer, answer_requests
from lmms_cpllm.harness.arguments import Arguments, parse
from lmms_cpllm.harness.embeddings import Embeddings, most_videos
from lmms_cpllm.harness.failures import FailureList, refusal
from lmms_cpllm.harness.loading import is_on_cpu, load_model
from lmms_cpllm.harness.requests import prompted_for_others, read_request, unsupported, uses_of_media
from lmms_cpllm.harness.stream import LazyAnswers
from lmms_cpllm.memory import keep_freed_memory
from lmms_cpllm.video import isolated

RUN_ID_VARIABLE = "LMMS_CACHE_RUN_ID"
RUN_ID_PREFIX = "cpllm-"
# What the host's response cache takes for the name of a run, in this order. Its third, TORCHELASTIC_RUN_ID, is not the
# user's choice: torchrun sets it to "none" or to a random one.
RUN_ID_VARIABLES = (RUN_ID_VARIABLE, "SLURM_JOB_ID")
_REFUSAL = ("cpllm", "scores, compares and describes videos")


class CPLLM(lmms):
    """Scores, compares and describes videos.

    Answers come in the order of the requests and as soon as each is known, so that a run with `--use_cache` that was killed
    goes on where it stopped. A video that cannot be read is unanswered; any other failure ends the process with exit
    status 1, because the other ranks of a distributed run would wait for it.

    Args:
        **arguments: the fields of `lmms_cpllm.harness.arguments.Arguments`.

    Raises:
        ArgumentError: an argument is unknown or not allowed.
        CheckpointError: `pretrained` or `adapter` cannot be loaded.
    """

    is_simple = False

    def __init__(self, **arguments) -> None:
        super().__init__()
        self.arguments = parse(arguments)
        with _user_errors("cpllm could not be set up"):
            self._join_ranks()
            self._failures = self._failure_list()
            if self.arguments.isolate:
                isolated.prestart()  # gets ready while the model is loaded
            self._model, self.processor = load_model(self.arguments, self.accelerator_device)
        self._on_cpu = is_on_cpu(self._model, self.arguments)
        self._threads_before = torch.get_num_threads()
        if self._on_cpu:
            torch.set_num_threads(self.arguments.threads)
            keep_freed_memory()
        commit = getattr(self._model.config, "_commit_hash", None)
        checkpoint = {
            "fingerprint": fingerprint.of_checkpoint(self.arguments.pretrained, commit),
            "package": __version__,
        }
        if self.arguments.adapter:
            checkpoint["adapter"] = fingerprint.of_checkpoint(self.arguments.adapter)
        running.started(checkpoint)
        self._run_id = _set_run_id(self.arguments, checkpoint)

    def _join_ranks(self) -> None:
        """Rank, number of ranks and this rank's device, where the host was started by torchrun."""
        self.accelerator_device = None
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            if self.arguments.device_map:
                raise ArgumentError(
                    f"device_map={self.arguments.device_map}: expected none when torchrun starts one process per device"
                )
            from accelerate import Accelerator  # a second of import that a single process does not need

            self.accelerator = Accelerator()
            self._rank = self.accelerator.process_index
            self._world_size = self.accelerator.num_processes
            self.accelerator_device = self.accelerator.device

    def _failure_list(self) -> FailureList:
        """Of all ranks in one file; the first one begins it before another adds to it."""
        if self._rank == 0:
            failures = FailureList(self.arguments.failures)
        if self._world_size > 1:
            self.accelerator.wait_for_everyone()
        return failures if self._rank == 0 else FailureList(self.arguments.failures, begin=False)

    @property
    def device(self) -> torch.device:
        """Where the host puts the tensors it exchanges between ranks."""
        return self.accelerator_device or self._model.device

    @property
    def batch_size(self) -> int:
        return self.arguments.batch_size

    def generate_until(self, requests: list[Instance]) -> LazyAnswers[GenerationResult]:
        """Answers chat requests; computes while the result is being read."""
        return LazyAnswers(len(requests), self._answers(list(requests)))

    def loglikelihood(self, requests: list[Instance]):
        raise unsupported(*_REFUSAL, "loglikelihood or multiple_choice", requests)

    def generate_until_multi_round(self, requests: list[Instance]):
        raise unsupported(*_REFUSAL, "generate_until_multi_round", requests)

    def clean(self) -> None:
        """Lets go of the model; the host calls this after the last answer."""
        super().clean()
        running.stopped()
        torch.set_num_threads(self._threads_before)
        if self._run_id and os.environ.get(RUN_ID_VARIABLE) == self._run_id:
            del os.environ[RUN_ID_VARIABLE]

    def _answers(self, instances: list[Instance]) -> Iterator[GenerationResult]:
        _warn_about_prompts(instances)
        settings = self.arguments
        requests = (read_request(instance, self.task_dict) for instance in instances)
        started, tokens, unanswered = time.perf_counter(), 0, 0
        progress = tqdm(total=len(instances), desc="cpllm", unit="video", disable=self.rank != 0, dynamic_ncols=True)
        with _user_errors("cpllm stopped"), progress:
            embeddings = self._embeddings(instances)
            known = answer_requests(
                self._model, self.processor, requests, settings, encode=self._on_cpu, embeddings=embeddings
            )
            for request, answer in known:
                if isinstance(answer, VideoError):
                    self._note_failure(answer)
                    answer = Answer(None)
                tokens += answer.output_tokens
                unanswered += answer.text is None and not request.padding
                progress.set_postfix(failed=unanswered, refresh=False)
                progress.update()
                yield GenerationResult(answer.text, TokenCounts(answer.input_tokens, answer.output_tokens))
        self._report(len(instances), tokens, unanswered, time.perf_counter() - started, embeddings)

    def _embeddings(self, instances: list[Instance]) -> Embeddings:
        most = most_videos(self._model, self.processor, self.arguments.embedding_cache)
        return Embeddings(uses_of_media(instances, self.task_dict) if most else {}, most)

    def _note_failure(self, error: VideoError) -> None:
        if self.arguments.on_error == "raise":
            raise refusal(error)
        if not running.failure(error.path):  # once for a video that several pairs show
            logger.warning(f"{error.path}: {error.reason}; it counts as unanswered")
            self._failures.add(error.path, error.reason)
        running.failed(error.path, error.reason)

    def _report(self, count: int, tokens: int, unanswered: int, seconds: float, embeddings: Embeddings) -> None:
        if unanswered:
            logger.warning(
                f"rank {self.rank}: {unanswered} of {count} requests are unanswered, because {len(running.failures())} "
                "files could not be read; they are scored as the middle of the scale"
            )
        speed = count / seconds if seconds else 0.0
        reused = embeddings.reused / embeddings.asked if embeddings.asked else 0.0
        if reused:
            logger.info(f"{reused:.0%} of {embeddings.asked} videos had been encoded for another request")
        log_metrics(
            total_elapsed_time=seconds,
            total_gen_tokens=tokens,
            avg_speed=tokens / seconds if seconds else 0.0,
            additional_metrics={"videos_per_second": speed, "unanswered": unanswered, "encoded_before": reused},
        )


def _set_run_id(arguments: Arguments, checkpoint: dict) -> str | None:
    """Gives the run a name that the same command has again, and returns it; None if it has one.

    With `--use_cache` the host looks for the answers of a killed run under the name of the run, which for a single process
    is a new random one each time.
    """
    given = [
        value for name in RUN_ID_VARIABLES if (value := os.environ.get(name)) and not value.startswith(RUN_ID_PREFIX)
    ]
    if given:
        return None
    digest = hashlib.sha256(repr((arguments, sorted(checkpoint.items()))).encode()).hexdigest()
    os.environ[RUN_ID_VARIABLE] = f"{RUN_ID_PREFIX}{digest[:16]}"
    return os.environ[RUN_ID_VARIABLE]


@contextmanager
def _user_errors(what: str) -> Iterator[None]:
    """Turns any exception into one that ends the process: see `lmms_cpllm.errors`."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"{what}: out of memory on the device: {error}\n  what to do: --batch_size 1, dtype=bfloat16, device_map=auto, "
            "or fewer context_frames, pixel_moments or pixel_crops"
        ) from error
    except Exception as error:
        logger.opt(exception=True).error(f"{what}: {type(error).__name__}: {error}")
        raise UserError(f"{what}: {type(error).__name__}: {error}\n  the lines above say where") from error


def _warn_about_prompts(instances: list[Instance]) -> None:
    tasks = sorted({instance.task_name for instance in instances if prompted_for_others(instance)})
    if tasks:
        logger.warning(
            f"{', '.join(tasks)}: loaded without the model's name, so cpllm gets the prompts meant for other models and "
            'not those it was trained with; pass task_manager=TaskManager(model_name="cpllm")'
        )
