"""What a recipe of full size says: the parts of the model, and stages with their data, rates and losses.

The dataclasses are checked by pydantic when a file is read (`reading`); their names are the keys of the YAML file.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

PARTS = ("context_tower", "pixel_tower", "projectors", "decoder")
"""Of a model; each learns at a rate of its own, or is frozen."""
SHARDINGS = ("none", "zero2", "fsdp")
"""Over processes: nothing; gradients and optimizer; these and the weights."""

_CHECKED = ConfigDict(extra="forbid")
_Share = Annotated[float, Field(ge=0, lt=1)]
_Count = Annotated[int, Field(ge=1)]
_Weight = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, config=_CHECKED)
class Part:
    """A tower or the decoder."""

    source: str
    """Hub id or folder of the published weights."""
    config: dict[str, Any] | None = None
    """Its transformers configuration with `model_type`, so that a plan needs no network; None only for a folder."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Overrides of the published configuration, such as `out_indices`."""


@dataclass(frozen=True, config=_CHECKED)
class Model:
    """What is assembled before the first stage."""

    context: Part
    pixel: Part
    text: Part
    views: dict[str, Any] = Field(default_factory=dict)
    """Overrides of the video processor, such as `pixel_moments`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Further fields of `CPLLMConfig`, such as `pixel_grid`."""


@dataclass(frozen=True, config=_CHECKED)
class Lora:
    """Low-rank adapters in the decoder, by PEFT."""

    rate: Annotated[float, Field(gt=0)]
    rank: _Count = 16
    alpha: Annotated[float, Field(gt=0)] = 32
    dropout: _Share = 0.05
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Linear layers of the decoder by the last part of their name."""
    quantised: bool = False
    """QLoRA: the decoder is held in 4 bits while it is trained (bitsandbytes, CUDA)."""


@dataclass(frozen=True, config=_CHECKED)
class Losses:
    """Weights of the losses; each is logged by itself, before its weight."""

    rating: _Weight = 1.0
    """Soft cross entropy with the distribution of ratings."""
    ranking: _Weight = 1.0
    """Fidelity of the order of all pairs of scored videos in a batch of one device; a batch of one video has none."""
    choice: _Weight = 1.0
    """Cross entropy of the better of two videos that were shown together."""
    language: _Weight = 1.0
    """Next words of descriptions and answers."""


@dataclass(frozen=True, config=_CHECKED)
class Scores:
    """Videos with a MOS."""

    kind: Literal["scores"]
    release: str = ""
    """A release below LMMS_CPLLM_DATA, or `lsvq_train`."""
    list: str = ""
    """Instead of a release: a list of videos and scores in any form that `vqa_custom` takes."""
    weight: _Weight = 1.0
    """Share of the samples, in proportion to the other sources."""
    pairs: _Share = 0.25
    """Share of the samples that show two videos and ask for the better one."""
    sd: Annotated[float, Field(gt=0)] = 0.5
    """Standard deviation of the opinions in ACR categories, for videos without one of their own."""
    held_out: _Share = 0.02
    """Share of the videos that is never trained on, by no source of the stage, and validates; at least three, or none."""
    evaluation: Literal["refuse", "drop", "allow"] = "refuse"
    """What to do with a video that belongs to a benchmark."""


@dataclass(frozen=True, config=_CHECKED)
class Conversations:
    """Instructions in LLaVA's JSON form."""

    kind: Literal["conversations"]
    file: str
    videos: str
    """Folder below which the file's names lie."""
    weight: _Weight = 1.0
    evaluation: Literal["refuse", "drop", "allow"] = "refuse"


@dataclass(frozen=True, config=_CHECKED)
class Synthetic:
    """Clean videos, distorted on the fly."""

    kind: Literal["synthetic"]
    folder: str
    weight: _Weight = 1.0
    seconds: Annotated[float, Field(gt=0)] = 2.0
    """Of the middle of a clip that are distorted."""
    evaluation: Literal["refuse", "drop", "allow"] = "refuse"


Source = Annotated[Scores | Conversations | Synthetic, Field(discriminator="kind")]


@dataclass(frozen=True, config=_CHECKED)
class Stage:
    """One stage: what learns, from what, how long."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    steps: _Count
    data: Annotated[tuple[Source, ...], Field(min_length=1)]
    rates: dict[Literal[PARTS], Annotated[float, Field(gt=0)]] = Field(default_factory=dict)  # type: ignore[valid-type]
    """Learning rate of each part that learns; the others are frozen."""
    lora: Lora | None = None
    batch: _Count = 1
    """Samples at once on one device."""
    accumulate: _Count = 1
    """Batches of one step on one device."""
    grouped: _Count = 16
    """Batches of one device among which samples of like length are put together; 1 leaves them as they are drawn."""
    warmup: _Share = 0.03
    """Share of the steps in which the rates rise; then they fall as half a cosine."""
    weight_decay: _Weight = 0.05
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Largest norm of the gradient."""
    checkpointing: bool = True
    """Activations are computed again in the backward pass instead of being kept."""
    losses: Losses = Field(default_factory=lambda: Losses())
    log_every: _Count = 10
    evaluate_every: _Count = 500
    save_every: _Count = 500
    keep: _Count = 2
    """Newest checkpoints that are kept, besides the best."""
    patience: _Count | None = None
    """Validations without a better one after which the stage ends; None for never."""
    failed_share: _Share = 0.01
    """Share of the videos that may be unreadable; beyond it training stops."""
    workers: Annotated[int, Field(ge=0)] = 4
    """Processes that decode, for each device."""
    optional: bool = False
    """Left out unless it is asked for by name."""


@dataclass(frozen=True, config=_CHECKED)
class Recipe:
    """A whole recipe."""

    model: Model
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    about: str = ""
    precision: Literal["bf16", "fp32"] = "bf16"
    """bf16: frozen parts are held in bfloat16, learning ones in float32, products are in bfloat16."""
    text_tokens: _Count = 192
    """Prompt and answer together; longer samples count as failed."""
    merge_lora: bool = True
    """Whether the exported model holds the last stage's adapters in its weights, or beside them in `adapter/`."""
    cache: str = ""
    """Folder of decoded videos that `lmms-cpllm train prepare` makes; a relative name is beside the recipe."""
    trackers: tuple[str, ...] = ()
    """Of accelerate, such as `tensorboard`; a log in JSON lines is always written."""
    seed: int = 0
