"""Any Hugging Face MLLM of lmms-eval, rated by the probabilities of five words instead of by the text of its answer.

`lmms-eval --model vqa_levels --model_args base=qwen2_5_vl,pretrained=Qwen/Qwen2.5-VL-7B-Instruct --tasks vqa_konvid`
"""

from __future__ import annotations

import copy
import difflib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import torch
from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from loguru import logger
from tqdm import tqdm

from lmms_cpllm import __version__, ratings
from lmms_cpllm.errors import ArgumentError, UserError
from lmms_cpllm.harness import fingerprint, running
from lmms_cpllm.harness.capture import first_logits
from lmms_cpllm.harness.first_token import Shares, level_tokens, shares_of
from lmms_cpllm.harness.requests import unsupported
from lmms_cpllm.harness.stream import LazyAnswers

OWN_NAMES = ("cpllm", "vqa_scores", "vqa_levels")
WEAK_MASS = 0.5
"""Where the five words have less of the first token on average, the run says that the model does not answer with one."""
_REFUSAL = ("vqa_levels", "reads the first token of an answer")


class VQALevels(lmms):
    """Answers scoring tasks with the distribution over the five levels; other tasks are answered by the base as it would.

    The class `base` prepares prompt and video and calls its `model.generate`, one request at a time; only the logits of
    the first token are used. A request whose video the base could not read is unanswered.

    Args:
        base: name of a model of lmms-eval with a transformers `model` and a tokenizer.
        force_simple: takes the base's class for plain prompts where it has one for chat too, as the host's flag does.
        **arguments: those of the base.

    Raises:
        ArgumentError: `base` is missing, unknown or one of ours.
        UserError: the base cannot be set up, or has not what is needed.
    """

    is_simple = False  # of the class; an instance has what its base has

    def __init__(self, base: str = "", force_simple: bool = False, **arguments) -> None:
        super().__init__()
        self.base_name = str(base)
        self.base = _build(self.base_name, bool(force_simple), arguments)
        self.is_simple = self.base.is_simple
        self._rank, self._world_size = self.base.rank, self.base.world_size
        if hasattr(self.base, "accelerator"):
            self.accelerator = self.base.accelerator
        self.tokens = level_tokens(_tokenizer(self.base_name, self.base))
        _check_model(self.base_name, self.base)
        pretrained = arguments.get("pretrained")
        running.started(
            {
                "base": self.base_name,
                "fingerprint": fingerprint.of_checkpoint(str(pretrained)) if pretrained else "the base's default",
                "package": __version__,
            }
        )

    @property
    def device(self):
        """Where the host puts the tensors it exchanges between ranks."""
        return getattr(self.base, "device", torch.device("cpu"))

    @property
    def batch_size(self) -> int:
        return 1

    def generate_until(self, requests: list[Instance]) -> LazyAnswers[GenerationResult]:
        """Answers requests; computes while the result is being read."""
        return LazyAnswers(len(requests), self._answers(list(requests)))

    def loglikelihood(self, requests: list[Instance]):
        raise unsupported(*_REFUSAL, "loglikelihood or multiple_choice", requests)

    def generate_until_multi_round(self, requests: list[Instance]):
        raise unsupported(*_REFUSAL, "generate_until_multi_round", requests)

    def clean(self) -> None:
        """Lets go of the model; the host calls this after the last answer."""
        self.base.clean()
        super().clean()
        running.stopped()

    def _answers(self, instances: list[Instance]) -> Iterator[GenerationResult]:
        self.base.task_dict = self.task_dict
        _check_prompts(instances)
        masses: list[float] = []
        asked: dict[tuple[str, str], set[int]] = defaultdict(set)  # task and split -> documents
        with tqdm(total=len(instances), desc="vqa_levels", disable=self.rank != 0, dynamic_ncols=True) as progress:
            for instance in instances:
                if instance.metadata.get("__padding_only__"):
                    answer = GenerationResult("", TokenCounts(0, 0))
                elif instance.metadata.get("cpllm_mode") == "score":
                    _, _, _, document, task, split, *_ = instance.args
                    asked[task, split].add(document)
                    answer, shares = self._rate(instance)
                    masses += [shares.mass] if shares else []
                else:
                    answer = self._ask(instance)
                progress.update()
                yield answer
        self._report(asked, masses)

    def _rate(self, instance: Instance) -> tuple[GenerationResult, Shares | None]:
        with first_logits(self.base.model) as captured:
            answer = self._ask(instance)
        if not captured:
            if answer.text:
                raise UserError(_refusal(self.base_name, "expected an answer by model.generate, found one without"))
            logger.warning(f"{_where(instance)}: {self.base_name} gave no answer; it counts as unanswered")
            return GenerationResult(None, TokenCounts(0, 0)), None
        if len(captured) != 1 or captured[0].shape[0] != 1:
            found = (
                f"{len(captured)} calls of model.generate" if len(captured) != 1 else f"{captured[0].shape[0]} answers"
            )
            raise UserError(_refusal(self.base_name, f"expected one answer for one question, found {found}"))
        shares = shares_of(captured[0][0], self.tokens)
        return GenerationResult(
            ratings.to_json(ratings.from_distribution(shares.distribution)), TokenCounts(0, 1)
        ), shares

    def _ask(self, instance: Instance) -> GenerationResult:
        """The base's own answer to one request."""
        # Some classes write into the generation arguments, from which the host computes the cache's key afterwards.
        arguments = tuple(copy.deepcopy(item) if isinstance(item, dict) else item for item in instance.args)
        with _quiet(self.base):
            try:
                answers = self.base.generate_until([replace(instance, arguments=arguments)])
            except Exception as error:
                logger.opt(exception=True).error(f"{_where(instance)}: {type(error).__name__}: {error}")
                raise UserError(
                    f"vqa_levels: {self.base_name} stopped at {_where(instance)}: {type(error).__name__}: {error}\n"
                    "  the lines above say where"
                ) from error
        answer = next(iter(answers))
        return answer if isinstance(answer, GenerationResult) else GenerationResult(answer)

    def _report(self, asked: Mapping[tuple[str, str], Collection[int]], masses: list[float]) -> None:
        if asked and not masses:
            text = (
                f"vqa_levels: {self.base_name} answered none of {sum(map(len, asked.values()))} questions; the lines above "
                "say why"
            )
            # With a cache of answers, or several ranks, these may be nothing but the videos that cannot be read.
            if any(len(found) == len(self.task_dict[task][split]) for (task, split), found in asked.items()):
                raise UserError(f"{text}\n  what to do: run it by its own name and make that work first")
            logger.warning(f"{text}, and they count as unanswered")
            return
        mean = sum(masses) / len(masses) if masses else 1.0
        text = f"the five words had {mean:.1%} of the first token's probability on average of {len(masses)} videos"
        if mean < WEAK_MASS:
            logger.warning(f"{text}: {self.base_name} does not answer with one of them, so its scores may mean little")
        elif masses:
            logger.info(text)


def _build(base: str, force_simple: bool, arguments: Mapping) -> lmms:
    """The base model, given one request at a time.

    Raises:
        ArgumentError: the name is missing, unknown or one of ours.
        UserError: its class cannot be imported or built.
    """
    from lmms_eval import models

    known = models.list_available_models()
    if base in OWN_NAMES or base not in known:
        close = difflib.get_close_matches(base, [name for name in known if name not in OWN_NAMES], n=1)
        raise ArgumentError(
            f"base: expected the name of a Hugging Face model of lmms-eval, such as qwen2_5_vl, found {base or 'none'!r}."
            + (f" Did you mean {close[0]}?" if close else "")
            + "\n  what to do: --model_args base=qwen2_5_vl,pretrained=...; `lmms-eval models` lists the names"
        )
    # `max_batch_size` is known to few; None is what the host passes for a flag that was not given.
    given = {name: value for name, value in arguments.items() if name != "max_batch_size" and value is not None}
    try:
        return models.get_model(base, force_simple=force_simple)(**{**given, "batch_size": 1})
    except Exception as error:
        logger.opt(exception=True).error(f"{base}: {type(error).__name__}: {error}")
        raise UserError(
            f"vqa_levels: base {base} could not be set up: {type(error).__name__}: {error}\n"
            f"  what to do: make `lmms-eval --model {base}` work with these arguments first: "
            f"{', '.join(f'{name}={value}' for name, value in given.items()) or 'none'}"
        ) from error


def _check_model(name: str, base: lmms) -> None:
    model = getattr(base, "model", None)
    if not callable(getattr(model, "generate", None)):
        found = "no model" if model is None else f"a {type(model).__name__} without it"
        raise UserError(
            _refusal(name, f"expected an attribute model with generate, as transformers has it, found {found}")
        )


def _tokenizer(name: str, base: lmms):
    """The base's tokenizer, wherever its class keeps it."""
    holders = (base, *(getattr(base, attribute, None) for attribute in ("processor", "_processor", "_image_processor")))
    for holder in holders:
        for attribute in ("tokenizer", "_tokenizer"):
            tokenizer = getattr(holder, attribute, None)
            tokenizer = getattr(tokenizer, "tokenizer", tokenizer)  # a processor under the name of its tokenizer
            if callable(getattr(tokenizer, "encode", None)):
                return tokenizer
    raise UserError(_refusal(name, "expected a tokenizer, found none"))


def _refusal(name: str, what: str) -> str:
    return (
        f"vqa_levels: base {name}: {what}; the probabilities of words cannot be read there\n"
        f"  what to do: run --model {name} itself, whose answers are then read as text, or take another base"
    )


def _check_prompts(instances: list[Instance]) -> None:
    """The prompt has to ask for one of the words. Raises a UserError with the task's name."""
    for instance in instances:
        prompt = str(instance.args[0]).lower()
        if instance.metadata.get("cpllm_mode") == "score" and not all(level in prompt for level in ratings.LEVELS):
            raise UserError(
                f"task {instance.args[4]}: expected a prompt that asks for one of {', '.join(ratings.LEVELS)}, found "
                f"{str(instance.args[0])!r}\n"
                '  what to do: load the tasks for this model, TaskManager(model_name="vqa_levels"); the command line does'
            )


@contextmanager
def _quiet(base: lmms) -> Iterator[None]:
    """No progress bar for each request: the classes of lmms-eval show one on rank 0 only."""
    rank = getattr(base, "_rank", 0)
    base._rank = -1
    try:
        yield
    finally:
        base._rank = rank


def _where(instance: Instance) -> str:
    return f"task {instance.args[4]}, document {instance.args[3]}"
