"""One stage: batches, losses, steps, validation, states. A resumed stage is the straight one, to the bit in one process."""

from __future__ import annotations

import functools
import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch.utils.data import DataLoader
from tqdm import tqdm

from lmms_cpllm.errors import DataError
from lmms_cpllm.model import CPLLMForConditionalGeneration, CPLLMProcessor
from lmms_cpllm.training.full import checkpoints
from lmms_cpllm.training.full.building import learning, parameter_groups, set_modes
from lmms_cpllm.training.full.data.collating import Batch, Encoder, collate_batch
from lmms_cpllm.training.full.data.grouping import GroupedBatches
from lmms_cpllm.training.full.data.mixing import Failures, Samples
from lmms_cpllm.training.full.data.sources import StageData
from lmms_cpllm.training.full.losses import batch_losses, total
from lmms_cpllm.training.full.recipe import Recipe, Stage
from lmms_cpllm.training.full.sharding import gradients, wrap
from lmms_cpllm.training.full.validation import validate

logger = logging.getLogger(__name__)
LOG = "log.jsonl"


@dataclass
class Progress:
    """What a state knows of the run."""

    step: int
    history: list[dict]
    """Validations in their order, each with `step` and `srcc`."""
    failed: dict[str, str]
    processes: int

    @property
    def best(self) -> int | None:
        """Step of the best validation, the first of equals; None without one."""
        return max(self.history, key=lambda entry: (entry["srcc"], -entry["step"]))["step"] if self.history else None

    def is_over(self, stage: Stage) -> bool:
        """All steps done, or no better validation for too long."""
        since = sum(entry["step"] > self.best for entry in self.history) if self.history else 0
        return self.step >= stage.steps or (stage.patience is not None and since >= stage.patience)


def run_stage(
    model: CPLLMForConditionalGeneration,
    processor: CPLLMProcessor,
    data: StageData,
    stage: Stage,
    recipe: Recipe,
    folder: Path,
    accelerator: Accelerator,
    sharding: str,
) -> tuple[Path, dict]:
    """Trains the parts of a stage.

    Args:
        model: with adapters and open parts (see `building.prepare`), on the CPU.
        processor: of the model.
        data: what it learns from.
        stage: the settings.
        recipe: to which the stage belongs.
        folder: for states and log; a stage that was cut off goes on after its newest state.
        accelerator: the processes.
        sharding: one of `SHARDINGS`.

    Returns:
        The state with the best validation, or the last one without validation; and the record.

    Raises:
        DataError: too many samples failed.
    """
    encoder = Encoder(processor, recipe.text_tokens)
    wrapped = wrap(model, stage, accelerator, sharding)
    device = accelerator.device
    fused = device.type in ("cpu", "cuda")
    optimizer = torch.optim.AdamW(parameter_groups(model, stage), fused=fused)
    progress = _restore(folder, model, optimizer, accelerator)
    failures = Failures(data.count, stage.failed_share, progress.failed)
    log = _Log(folder, accelerator, progress.step)
    batches = _batches(data, encoder, stage, recipe.seed, progress.step, accelerator)
    trained = [parameter for _, parameter in learning(model)]
    set_modes(model, stage)
    with tqdm(
        total=stage.steps, initial=progress.step, desc=stage.name, unit="step", disable=not accelerator.is_main_process
    ) as bar:
        while not progress.is_over(stage):
            step = progress.step
            # Noise of a step is that of its number, so that nothing of a generator has to be kept.
            torch.manual_seed((recipe.seed * 1_000_003 + step) * 1_009 + accelerator.process_index)
            rate = schedule(step, stage.steps, stage.warmup)
            for group in optimizer.param_groups:
                group["lr"] = group["rate"] * rate
            losses = _accumulate(wrapped, model, batches, stage, recipe, accelerator, failures)
            norm = torch.nn.utils.clip_grad_norm_(trained, stage.clip)
            optimizer.step()
            optimizer.zero_grad()
            progress.step += 1
            log.add(losses, float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm), rate, failures)
            bar.update()
            last = progress.step == stage.steps
            if data.held_out and (last or progress.step % stage.evaluate_every == 0):
                ids = model.config.rating_token_ids
                scores = validate(wrapped, data, encoder, ids, accelerator, stage.batch, recipe.precision)
                set_modes(model, stage)
                progress.history.append({"step": progress.step} | scores)
                log.write({f"validation/{name}": value for name, value in scores.items()})
            evaluated = bool(progress.history) and progress.history[-1]["step"] == progress.step
            if last or evaluated or progress.step % stage.save_every == 0:
                progress.failed = failures.found
                record = asdict(progress)
                checkpoints.save(folder, progress.step, model, optimizer, record, accelerator.is_main_process)
                if accelerator.is_main_process:
                    checkpoints.keep(folder, stage.keep, progress.best)
                accelerator.wait_for_everyone()
            if progress.step % stage.log_every == 0 or last:
                log.flush()
    kept = folder / checkpoints.name_of(progress.best if progress.best is not None else progress.step)
    return kept, {"stage": asdict(stage), "data": _describe(data), "kept": kept.name} | asdict(progress)


def schedule(step: int, steps: int, warmup: float) -> float:
    """Share of the full rate: a linear rise, then half a cosine down to nothing.

    Example:
        >>> [round(schedule(step, 4, 0.25), 2) for step in range(4)]
        [1.0, 1.0, 0.75, 0.25]
    """
    rise = round(steps * warmup)
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def _accumulate(
    wrapped: torch.nn.Module,
    model: CPLLMForConditionalGeneration,
    batches: Iterator[Batch],
    stage: Stage,
    recipe: Recipe,
    accelerator: Accelerator,
    failures: Failures,
) -> dict[str, torch.Tensor]:
    """Forward and backward of the batches of one step; the means of the losses."""
    sums: dict[str, torch.Tensor] = {}
    failed: list[tuple[str, str]] = []
    for number in range(stage.accumulate):
        batch = next(batches).to(accelerator.device)
        failed += batch.failed
        if batch.stop:
            failures.add(failed)
            raise DataError(batch.stop)
        with gradients(wrapped, accelerator, shared=number == stage.accumulate - 1):
            with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
                logits = wrapped(**batch.inputs, use_cache=False).logits
                losses = batch_losses(logits, batch.targets, model.config)
            (total(losses, asdict(stage.losses)) / stage.accumulate).backward()
        for name, loss in losses.items():
            sums[name] = sums.get(name, 0) + loss.detach() / stage.accumulate
    for name, reason in failures.add(gather_object(failed)):
        if accelerator.is_main_process:
            logger.warning("left out: %s: %s", name, reason)
    return sums


def _batches(
    data: StageData, encoder: Encoder, stage: Stage, seed: int, start: int, accelerator: Accelerator
) -> Iterator[Batch]:
    """The batches of this process from a step on. Sample n of a stage is the same whoever draws it."""
    world, rank = accelerator.num_processes, accelerator.process_index
    length = stage.steps * stage.accumulate * world * stage.batch
    samples = Samples(data, encoder, length, seed)
    first, count = start * stage.accumulate, stage.steps * stage.accumulate
    loader = DataLoader(
        samples,
        batch_sampler=GroupedBatches(samples.length, first, count, stage.batch, world, rank, stage.grouped, seed),
        num_workers=stage.workers,
        collate_fn=functools.partial(collate_batch, processor=encoder.processor),
        pin_memory=accelerator.device.type == "cuda",
        # A forked process would inherit threads that are not there.
        multiprocessing_context="spawn" if stage.workers else None,
    )
    return iter(loader)


def _restore(folder: Path, model, optimizer, accelerator: Accelerator) -> Progress:
    path = checkpoints.latest(folder)
    if path is None:
        return Progress(0, [], {}, accelerator.num_processes)
    progress = Progress(**checkpoints.load(path, model, optimizer))
    if progress.processes != accelerator.num_processes and accelerator.is_main_process:
        logger.warning(
            "%s: was trained in %d processes, goes on in %d: other samples follow than in a straight run",
            path,
            progress.processes,
            accelerator.num_processes,
        )
    progress.processes = accelerator.num_processes
    if accelerator.is_main_process:
        logger.info("goes on after step %d (%s)", progress.step, path)
    return progress


def _describe(data: StageData) -> list[dict]:
    """Sources, their videos and shares, for the record."""
    return [
        {"source": source.title, "videos": len(source.videos), "share": weight}
        for source, weight in zip(data.sources, data.weights, strict=True)
    ] + [{"source": title, "held out": len(scored)} for title, scored in data.held_out]


def _step_of(line: str) -> float:
    """Of a line of the log; of one that a full disk or a lost machine has torn, none that counts."""
    try:
        return json.loads(line)["step"]
    except json.JSONDecodeError:
        return math.inf


class _Log:
    """Means of the losses as JSON lines, and to the trackers; a resumed run writes on where its state was made."""

    def __init__(self, folder: Path, accelerator: Accelerator, step: int) -> None:
        self._path, self._accelerator, self._step = folder / LOG, accelerator, step
        self._sums: dict[str, torch.Tensor] = {}
        self._count, self._since = 0, time.perf_counter()
        if accelerator.is_main_process and self._path.is_file():
            lines = [line for line in self._path.read_text().splitlines() if _step_of(line) <= step]
            self._path.write_text("".join(f"{line}\n" for line in lines))

    def add(self, losses: dict[str, torch.Tensor], norm: float, rate: float, failures: Failures) -> None:
        """Takes one step in."""
        self._step += 1
        self._count += 1
        for name, loss in losses.items():
            self._sums[f"loss/{name}"] = self._sums.get(f"loss/{name}", 0) + loss
        self._last = {"norm": norm, "rate": rate, "failed": len(failures.found)}

    def flush(self) -> None:
        """Writes the means since the last line."""
        if not self._count:
            return
        names = sorted(self._sums)
        means = torch.stack([self._sums[name] for name in names]) / self._count
        means = self._accelerator.reduce(means, "mean").tolist()
        speed = self._count / max(1e-9, time.perf_counter() - self._since)
        self.write(dict(zip(names, means, strict=True)) | self._last | {"steps_per_s": speed})
        self._sums, self._count, self._since = {}, 0, time.perf_counter()

    def write(self, values: dict[str, float]) -> None:
        """One line, and one entry of every tracker."""
        if self._accelerator.is_main_process:
            with self._path.open("a") as file:
                file.write(json.dumps({"step": self._step} | values) + "\n")
        if self._accelerator.trackers:
            self._accelerator.log(values, step=self._step)
