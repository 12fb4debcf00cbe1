"""The recipe of `cpllm-tiny`: from contents and scored photographs to the exported folder.

Contents -> clips with measurements -> labels and facts -> features of the pretrained towers -> decoder and projectors
on cached features (or, with `UNFROZEN`, these first, then the towers' upper stages too on live ones, then features
anew and all tasks on them) -> export. Everything on the way is kept below the work folder and used again, so a run
that was cut off goes on.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from lmms_cpllm.model import CPLLMForConditionalGeneration, CPLLMProcessor
from lmms_cpllm.training.batches import Mix
from lmms_cpllm.training.contents import find_contents, first_picture
from lmms_cpllm.training.corpus import make_clean_part, make_human_part, make_test_part, scene_facts, write_json
from lmms_cpllm.training.features import CachedFeatures, Moments, encode_files, fold, moments_of
from lmms_cpllm.training.human import Scored, read_scored
from lmms_cpllm.training.labelling import Example, example_of_clip, example_of_photograph
from lmms_cpllm.training.live import LiveFeatures, WholeFeatures, open_towers
from lmms_cpllm.training.loop import Stage, run_stage
from lmms_cpllm.training.texts import Texts
from lmms_cpllm.training.tiny import TEXTS, build, export

logger = logging.getLogger(__name__)


_TASKS = Stage("tasks", epochs=14, patience=6)
FROZEN = (_TASKS,)
"""All tasks on cached features of the pretrained towers: what `cpllm-tiny` is made with."""
UNFROZEN = (
    Stage("decoder", epochs=6, patience=3),
    Stage(
        "towers",
        epochs=4,
        # Every video costs a pass through the towers here, so all of them are described and compared.
        mix=Mix(12, 12, 4, questions=8, pairs=12, describe_share=0.7, fresh_pairs=False),
        learning_rate=3e-4,
        tower_rate=3e-5,
        weight_decay=0.05,
        feature_noise=0.1,
        silence=0.2,
    ),
    replace(_TASKS, name="tasks-on-learned-towers"),
)
"""The towers' upper stages learn too, between a stage that gives the decoder something to say and one that finishes it."""


@dataclass(frozen=True)
class Recipe:
    """Everything that a run may choose."""

    scenes: int = 4
    """Clean scenes of each content."""
    codecs: int = 4
    """Clips of each scene with a single codec."""
    others: int = 8
    """Clips of each scene with another single distortion."""
    chains: int = 4
    """Clips of each scene with a chain."""
    human_clips: int = 2000
    """Scored photographs that are also made into clips."""
    texts: int = TEXTS
    """Texts of the grammar that the tokenizer is trained on."""
    small_test: bool = False
    stages: tuple[Stage, ...] = FROZEN
    """`FROZEN` or `UNFROZEN`."""
    seed: int = 0
    """Of weights, batches and augmentation."""
    corpus_seed: int = 0
    """Of scenes and distortions: runs of several seeds share one corpus."""
    workers: int = 2


@dataclass(frozen=True)
class Corpus:
    """All examples, in parts that are made and encoded one by one."""

    parts: dict[str, list[Example]]

    @property
    def examples(self) -> list[Example]:
        return [example for part in self.parts.values() for example in part]

    @property
    def paths(self) -> list[Path]:
        return [example.path for example in self.examples]


def small(recipe: Recipe) -> Recipe:
    """A miniature that runs through everything in a minute: to see that the way is open, not for a model."""
    mix = Mix(4, 2, 1, questions=2, pairs=2)
    stages = tuple(
        replace(stage, epochs=1, mix=replace(mix, fresh_pairs=stage.mix.fresh_pairs)) for stage in recipe.stages
    )
    return replace(
        recipe, scenes=1, codecs=1, others=2, chains=1, human_clips=3, texts=300, small_test=True, stages=stages
    )


def run_recipe(recipe: Recipe, contents: Path, photographs: Path, work: Path, out: Path) -> dict:
    """Does everything; see the module.

    Args:
        recipe: the settings.
        contents: folder with photos/ and videos/.
        photographs: folder with scores.csv.
        work: where everything on the way is kept.
        out: the checkpoint.

    Returns:
        The record that is saved as training.json beside the weights.

    Raises:
        DataError: contents or photographs are missing or not as expected.
        UserError: a package of the extra `train` is missing.
    """
    corpus = make_corpus(recipe, contents, photographs, work)
    model, processor = build(recipe.seed, texts=recipe.texts)
    texts = Texts(processor)
    records = []
    features = encode_corpus(model, processor, corpus, work, recipe.workers)
    moments = moments_of(features, train_indices(corpus.examples))
    for stage in recipe.stages:
        stage = replace(stage, seed=recipe.seed)
        folder = work / f"stage-{stage.name}-{recipe.seed}"
        if stage.tower_rate:
            records.append(_train_towers(model, processor, texts, corpus, moments, stage, folder, recipe.workers))
            features = encode_corpus(model, processor, corpus, work, recipe.workers)
        else:
            freeze_towers(model)
            source = CachedFeatures(features, moments)
            records.append(run_stage(model, texts, corpus.examples, source, source, stage, folder))
    fold(model, moments)
    export(model, processor, out)
    record = {"recipe": asdict(recipe), "stages": records}
    write_json(out / "training.json", record)
    return record


def make_corpus(recipe: Recipe, contents: Path, photographs: Path, work: Path, *, by_vmaf: bool = False) -> Corpus:
    """Renders and labels everything: clips of contents, clips of photographs, photographs, the sealed test.

    `by_vmaf` labels clips by plain VMAF, for the comparison with labels that are anchored in opinion.
    """
    found = find_contents(contents)
    scored = read_scored(photographs)
    if recipe.small_test:
        scored = scored[:: max(1, len(scored) // 24)]
    rows = {
        "clips": make_clean_part(
            found,
            work / "clips",
            seed=recipe.corpus_seed,
            scenes=recipe.scenes,
            codecs=recipe.codecs,
            others=recipe.others,
            chains=recipe.chains,
            workers=recipe.workers,
        ),
        "human": make_human_part(
            scored, work / "human", seed=recipe.corpus_seed, clips=recipe.human_clips, workers=recipe.workers
        ),
        "test": make_test_part(
            found, work / "test", seed=recipe.corpus_seed, workers=recipe.workers, small=recipe.small_test
        ),
    }
    parts = {name: [example_of_clip(row, by_vmaf=by_vmaf) for row in part] for name, part in rows.items()}
    facts = photograph_facts(scored, work / "photographs.json")
    parts["photographs"] = [example_of_photograph(photograph, facts[photograph.name]) for photograph in scored]
    return Corpus(parts)


def encode_corpus(
    model: CPLLMForConditionalGeneration, processor: CPLLMProcessor, corpus: Corpus, work: Path, workers: int
) -> dict[str, torch.Tensor]:
    """Features of all examples in their order, from the work folder where these towers have seen a part before."""
    folder = work / features_name(model, processor)
    parts = [
        encode_files(model, processor, [example.path for example in part], folder / name, workers)
        for name, part in corpus.parts.items()
    ]
    return {key: torch.cat([part[key] for part in parts]) for key in ("context", "pixel")}


def photograph_facts(photographs: Sequence[Scored], path: Path) -> dict[str, dict[str, str]]:
    """Subject, light, texture of every photograph, from `path` where they were found before."""
    known = json.loads(path.read_text()) if path.is_file() else {}
    missing = [photograph for photograph in photographs if photograph.name not in known]
    for photograph in tqdm(missing, desc="photographs", unit="photograph", disable=not missing):
        # One frame stands still at any rate.
        known[photograph.name] = scene_facts([first_picture(photograph.path)], fps=1.0)
    if missing:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, known)
    return known


def train_indices(examples: Sequence[Example]) -> list[int]:
    return [i for i, example in enumerate(examples) if example.split == "train"]


def freeze_towers(model: CPLLMForConditionalGeneration) -> None:
    for tower in (model.model.context_tower, model.model.pixel_tower):
        tower.requires_grad_(False)


def _train_towers(
    model: CPLLMForConditionalGeneration,
    processor: CPLLMProcessor,
    texts: Texts,
    corpus: Corpus,
    moments: Moments,
    stage: Stage,
    folder: Path,
    workers: int,
) -> dict:
    """Stage 2. The towers come out in half precision, as they are shipped: later stages see what users will see."""
    done = folder / "towers.safetensors"
    if done.is_file():
        model.load_state_dict(load_file(done), strict=False)
        return json.loads((folder / "record.json").read_text())
    open_towers(model)
    live = LiveFeatures(model, processor, corpus.paths, moments, seed=stage.seed, workers=workers)
    whole = WholeFeatures(model, processor, corpus.paths, moments, workers=workers)
    record = run_stage(model, texts, corpus.examples, live, whole, stage, folder)
    for tower in (model.model.context_tower, model.model.pixel_tower):
        tower.half().float()
    write_json(folder / "record.json", record)
    save_file(
        {name: value.contiguous() for name, value in model.state_dict().items() if name != "lm_head.weight"}, done
    )
    return record


def features_name(model: CPLLMForConditionalGeneration, processor: CPLLMProcessor) -> str:
    """A folder's name that changes with the towers' weights, with the views and with the pooling."""
    config = model.config
    pooling = [config.context_grid, config.pixel_grid, *config.context_statistics, *config.pixel_statistics]
    settings = [pooling, processor.video_processor.to_dict()]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for tower in (model.model.context_tower, model.model.pixel_tower):
        for value in tower.state_dict().values():
            digest.update(value.detach().contiguous().numpy().tobytes())
    return f"features-{digest.hexdigest()[:12]}"


def load_towers(model: CPLLMForConditionalGeneration, path: Path) -> None:
    """The towers of a finished stage 2 into a new model."""
    towers = {name: value for name, value in load_file(path).items() if "_tower." in name}
    model.load_state_dict(towers, strict=False)
    with torch.no_grad():
        freeze_towers(model)
