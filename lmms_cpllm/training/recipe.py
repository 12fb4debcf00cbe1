"""The recipe of `cpllm-tiny`: from contents and scored photographs to the exported folder.

Contents -> clips with measurements -> labels and facts -> the pixel tower learns what is done to pixels (`TOWER`) ->
features of both towers -> decoder and projectors learn all tasks on cached features (`TASKS`) -> export. Everything on
the way is kept below the work folder and used again, so a run that was cut off goes on.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from lmms_cpllm.errors import ArgumentError, DataError
from lmms_cpllm.model import CPLLMForConditionalGeneration, CPLLMProcessor
from lmms_cpllm.training.batches import Mix
from lmms_cpllm.training.contents import (
    TEST,
    TRAIN,
    Content,
    difference_hash,
    find_contents,
    first_picture,
    mini_hashes,
)
from lmms_cpllm.training.corpus import (
    make_clean_part,
    make_human_part,
    make_moving_part,
    make_test_part,
    scene_facts,
    write_json,
)
from lmms_cpllm.training.drawn import draw_contents
from lmms_cpllm.training.features import VIEWS, CachedFeatures, Moments, encode_files, fold, moments_of, view_moments
from lmms_cpllm.training.human import Scored, photographs_as_contents, read_scored, without_copies
from lmms_cpllm.training.labelling import Example, example_of_clip, example_of_photograph
from lmms_cpllm.training.live import LiveFeatures, WholeFeatures, settle_statistics
from lmms_cpllm.training.loop import Stage, digest_examples, run_stage
from lmms_cpllm.training.texts import Texts
from lmms_cpllm.training.tiny import TEXTS, build, export

logger = logging.getLogger(__name__)
_Source = TypeVar("_Source", Content, Scored)

TOWER = Stage(
    "tower",
    epochs=3,
    steps=330,
    # Every video costs a pass through the tower here, so all of them are described and compared.
    mix=Mix(12, 8, 10, questions=8, pairs=12, describe_share=0.5, fresh_pairs=False),
    learning_rate=5e-4,
    tower_rate=3e-4,
    weight_decay=0.1,
    warmup=0.1,
    feature_noise=0.1,
    silence=0.2,
    weights={"rating": 1.0, "ranking": 1.0, "language": 0.5, "choice": 0.5, "kinds": 3.0},
    # Whole views of a video cost more than its part in a step does.
    validated=240,
)
"""The pixel tower learns, together with a decoder that is then thrown away: `TASKS` begins with a new one, so that seeds
and ablations differ in nothing but what they are about."""
TASKS = Stage(
    "tasks",
    epochs=8,
    # Nearly as many scored photographs as clips: with ten of them a step, they were judged worse for the clips beside them.
    mix=Mix(28, 24, 28, questions=40, pairs=12, describe_share=0.4),
    learning_rate=6e-4,
    weight_decay=0.2,
    # Without mixup and with half of the noise, photographs of unseen blocks were judged worse from epoch to epoch.
    feature_noise=0.6,
    mixup=0.4,
    weights={"rating": 1.0, "ranking": 1.0, "language": 1.0, "choice": 0.5, "kinds": 2.0},
)
"""All tasks on cached features."""
_SMALL = Mix(4, 2, 1, questions=2, pairs=2)
# Videos whose pixel features say how those of the pretrained tower are standardised while it learns.
_SAMPLE = 1000
# Of them, those that give a tower of random weights its statistics.
_SETTLING = 100


PARTS = ("clips", "human", "shrunk", "drawn", "moving", "photographs")
"""Clips of contents, of scored photographs, of photographs shrunk to contents, of drawn contents; scored photographs that
move and are otherwise as they are; and these as they are. Training needs no more."""
TEST_PARTS = ("test", "moving test", "photographs")
"""Clips of the sealed test, its scored photographs that move, all scored photographs."""
WITH_TEST = (*PARTS, "test", "moving test")
"""Everything."""


@dataclass(frozen=True)
class Recipe:
    """Everything that a run may choose."""

    scenes: int = 2
    """Clean scenes of each content."""
    codecs: int = 3
    """Clips of each scene with a single codec."""
    others: int = 4
    """Clips of each scene with another single distortion."""
    chains: int = 2
    """Clips of each scene with a chain."""
    human_clips: int = 3
    """Distorted clips of each scored photograph of the training side that people found fair or better."""
    texts: int = TEXTS
    """Texts of the grammar that the tokenizer is trained on."""
    small_test: bool = False
    drawn: int = 40
    """Drawn contents of each kind."""
    tower: Stage | None = TOWER
    """How the pixel tower learns; None leaves it as ImageNet made it."""
    tasks: Stage = TASKS
    """How the rest learns."""
    seed: int = 0
    """Of weights, batches and noise of the tasks."""
    tower_seed: int = 0
    """Of the tower's stage: runs of several seeds share one pixel tower, which takes longest."""
    corpus_seed: int = 0
    """Of scenes and distortions: runs of several seeds share one corpus."""
    share: float = 1.0
    """Of the contents and photographs of training and validation; the sealed test is whole at any rate."""
    workers: int = 2


@dataclass(frozen=True)
class Corpus:
    """All examples, in parts that are made one by one."""

    parts: dict[str, list[Example]]

    @property
    def examples(self) -> list[Example]:
        return [example for part in self.parts.values() for example in part]

    @property
    def paths(self) -> list[Path]:
        return [example.path for example in self.examples]


def small(recipe: Recipe) -> Recipe:
    """A miniature that runs through everything in a minute: to see that the way is open, not for a model."""
    tasks = replace(recipe.tasks, epochs=1, steps=0, mix=_SMALL)
    tower = recipe.tower and replace(recipe.tower, epochs=1, steps=0, mix=replace(_SMALL, fresh_pairs=False))
    sizes = {
        "scenes": 1,
        "codecs": 1,
        "others": 2,
        "chains": 1,
        "human_clips": 1,
        "drawn": 1,
        "texts": 300,
        "small_test": True,
    }
    return replace(recipe, **sizes, tower=tower, tasks=tasks)


def partial(recipe: Recipe, share: float) -> Recipe:
    """The recipe on a share of its contents and photographs, which its tower sees as often as it would see all of them:
    for studies that compare, at a share of the time.

    Raises:
        ArgumentError: the share is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ArgumentError(f"--share: expected more than 0 and at most 1, found {share:g}")
    tower = recipe.tower
    if tower and tower.steps:  # without a number they follow the examples
        tower = replace(tower, steps=max(1, round(tower.steps * share)))
    return replace(recipe, share=share, drawn=max(1, round(recipe.drawn * share)), tower=tower)


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
    records = []
    if recipe.tower:
        record, tower = learn_tower(recipe, recipe.tower, corpus, work)
        load_tower(model, tower)
        records.append(record)
    freeze_towers(model)
    features = encode_corpus(model, processor, corpus, work, recipe.workers)
    moments = moments_of(features, train_indices(corpus.examples))
    source = CachedFeatures(features, moments)
    stage = replace(recipe.tasks, seed=recipe.seed)
    folder = work / f"stage-{stage.name}{'-pretrained-tower' if recipe.tower is None else ''}-{recipe.seed}"
    records.append(run_stage(model, Texts(processor), corpus.examples, source, source, stage, folder))
    fold(model, moments)
    export(model, processor, out)
    record = {"recipe": asdict(recipe), "stages": records}
    write_json(out / "training.json", record)
    return record


def learn_tower(
    recipe: Recipe, stage: Stage, corpus: Corpus, work: Path, *, from_scratch: bool = False
) -> tuple[dict, Path]:
    """The record of a stage and the file of its pixel tower, in half precision as it is shipped; what is there is kept.

    `from_scratch` begins with random weights instead of ImageNet's, for the comparison, and trains all of them at the
    rate of the decoder.

    Raises:
        DataError: what is there was learned with other settings or examples.
    """
    stage = replace(stage, seed=recipe.tower_seed)
    if from_scratch:
        stage = replace(stage, name=f"{stage.name}-scratch", tower_rate=stage.learning_rate)
    folder = work / f"stage-{stage.name}-{recipe.tower_seed}"
    tower, record = folder / "tower.safetensors", folder / "record.json"
    if tower.is_file():
        known = json.loads(record.read_text())
        wanted = {"stage": asdict(stage), "corpus": digest_examples(corpus.examples)}
        other = [name for name, value in wanted.items() if known[name] != value]
        if other:
            raise DataError(
                f"{tower}: was learned with another {' and another '.join(other)} (see {record.name}); take another work "
                "folder, or delete this one to train anew"
            )
        return known, tower
    model, processor = build(recipe.tower_seed, texts=recipe.texts)
    train = train_indices(corpus.examples)
    sample = [corpus.paths[i] for i in train[:: max(1, len(train) // _SAMPLE)]]
    if from_scratch:
        random, _ = build(recipe.tower_seed, pretrained=False, texts=recipe.texts)
        model.model.pixel_tower = random.model.pixel_tower
        settle_statistics(model, processor, sample[:: max(1, len(sample) // _SETTLING)])
    freeze_towers(model)
    examples, workers, folders = corpus.examples, recipe.workers, feature_folders(model, processor, work)
    [context] = encode_files(model, processor, corpus.paths, {"context": folders["context"]}, workers).values()
    [pixel] = encode_files(model, processor, sample, {"pixel": folders["pixel"]}, workers).values()
    known = (model, processor, corpus.paths, context, Moments(view_moments(context[train]), view_moments(pixel)))
    live = LiveFeatures(*known, seed=stage.seed, workers=workers, whole_tower=from_scratch)
    whole = WholeFeatures(*known, workers=workers)
    write_json(record, run_stage(model, Texts(processor), examples, live, whole, stage, folder))
    weights = model.model.pixel_tower.half().state_dict()
    part = tower.with_suffix(".part")
    save_file({name: value.contiguous() for name, value in weights.items()}, part)
    part.replace(tower)
    return json.loads(record.read_text()), tower


def make_corpus(
    recipe: Recipe,
    contents: Path,
    photographs: Path,
    work: Path,
    *,
    parts: Sequence[str] = PARTS,
    by_vmaf: bool = False,
) -> Corpus:
    """Renders and labels what is trained, or some other parts of `WITH_TEST`.

    `by_vmaf` labels clips by plain VMAF, for the comparison with labels that are anchored in opinion.
    """
    found = _shared(find_contents(contents), recipe.share, contents)
    scored = _shared(read_scored(photographs), recipe.share, photographs)
    if recipe.small_test:
        scored = scored[:: max(1, len(scored) // 24)]
    kept = without_copies(scored, _hashes(scored, work / "hashes.json"), mini_hashes())
    if len(kept) < len(scored):
        text = "%s: %d of %d photographs look the same as one that is held out, and are left out of training"
        logger.warning(text, photographs, len(scored) - len(kept), len(scored))
    scored = kept
    shared = {"seed": recipe.corpus_seed, "workers": recipe.workers}
    draws = {"scenes": recipe.scenes, "codecs": recipe.codecs, "others": recipe.others, "chains": recipe.chains}
    few = {"scenes": 1, "codecs": 1, "others": 1, "chains": 1}
    make = {
        "clips": lambda folder: make_clean_part(found, folder, **draws, **shared),
        "human": lambda folder: make_human_part(scored, folder, clips=recipe.human_clips, **shared),
        "shrunk": lambda folder: make_clean_part(photographs_as_contents(scored), folder, **few, **shared),
        "drawn": lambda folder: make_clean_part(
            draw_contents(work / "drawn-contents", photographs_as_contents(scored), recipe.drawn),
            folder,
            **few,
            **shared,
        ),
        "moving": lambda folder: make_moving_part([p for p in scored if p.split != TEST], folder, **shared),
        "test": lambda folder: make_test_part(found, folder, small=recipe.small_test, **shared),
        "moving test": lambda folder: make_moving_part([p for p in scored if p.split == TEST], folder, **shared),
    }
    made = {
        name: [example_of_clip(row, by_vmaf=by_vmaf) for row in make[name](work / name.replace(" ", "-"))]
        for name in parts
        if name in make
    }
    if "photographs" in parts:
        facts = photograph_facts(scored, work / "photographs.json", recipe.workers)
        made["photographs"] = [example_of_photograph(photograph, facts[photograph.name]) for photograph in scored]
    return Corpus(made)


def _shared(sources: Sequence[_Source], share: float, folder: Path) -> list[_Source]:
    """A share of the sources, by their names, and all of the sealed test: what a smaller share holds, a larger one does.

    Raises:
        DataError: there are some for training, and the share leaves none of them.
    """
    kept = [s for s in sources if s.split == TEST or zlib.crc32(s.name.encode()) < share * 2**32]
    before, after = (sum(s.split == TRAIN for s in part) for part in (sources, kept))
    if before and not after:
        raise DataError(
            f"{folder}: expected something to learn from with --share {share:g}, found none of {before} of the training "
            "side; take a larger share"
        )
    return kept


def encode_corpus(
    model: CPLLMForConditionalGeneration, processor: CPLLMProcessor, corpus: Corpus, work: Path, workers: int
) -> dict[str, torch.Tensor]:
    """Features of all examples in their order, from the work folder where these towers have seen a file before."""
    return encode_files(model, processor, corpus.paths, feature_folders(model, processor, work), workers)


def _hashes(photographs: Sequence[Scored], path: Path) -> dict[str, int]:
    """The difference hash of every photograph, from `path` where it was made before."""
    known = json.loads(path.read_text()) if path.is_file() else {}
    missing = [photograph for photograph in photographs if photograph.name not in known]
    for photograph in tqdm(missing, desc="copies", unit="photograph", disable=not missing):
        known[photograph.name] = f"{difference_hash(first_picture(photograph.path)):x}"
    if missing:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, known)
    return {name: int(code, 16) for name, code in known.items()}


def photograph_facts(photographs: Sequence[Scored], path: Path, workers: int = 1) -> dict[str, dict[str, str]]:
    """Subject, light, texture of every photograph, from `path` where they were found before, else by so many threads."""
    known = json.loads(path.read_text()) if path.is_file() else {}
    missing = [photograph for photograph in photographs if photograph.name not in known]
    if missing:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            found = pool.map(_still_facts, missing)
            bar = tqdm(found, desc="photographs", unit="photograph", total=len(missing))
            known |= {photograph.name: facts for photograph, facts in zip(missing, bar, strict=True)}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, known)
    return known


def _still_facts(photograph: Scored) -> dict[str, str]:
    # One frame stands still at any rate.
    return scene_facts([first_picture(photograph.path)], fps=1.0)


def train_indices(examples: Sequence[Example]) -> list[int]:
    return [i for i, example in enumerate(examples) if example.split == "train"]


def freeze_towers(model: CPLLMForConditionalGeneration) -> None:
    for tower in (model.model.context_tower, model.model.pixel_tower):
        tower.requires_grad_(False)


def feature_folders(model: CPLLMForConditionalGeneration, processor: CPLLMProcessor, work: Path) -> dict[str, Path]:
    """A folder for each view, whose name changes with the tower's weights, with the view and with its pooling."""
    return {view: work / f"features-{view}-{_view_digest(model, processor, view)}" for view in VIEWS}


def _view_digest(model: CPLLMForConditionalGeneration, processor: CPLLMProcessor, view: str) -> str:
    config, tower = model.config, getattr(model.model, f"{view}_tower")
    settings = {k: v for k, v in processor.video_processor.to_dict().items() if k.startswith(f"{view}_")}
    pooling = [getattr(config, f"{view}_grid"), getattr(config, f"{view}_statistics")]
    digest = hashlib.sha256(json.dumps([settings, pooling], sort_keys=True, default=str).encode())
    for value in tower.state_dict().values():
        digest.update(value.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def load_tower(model: CPLLMForConditionalGeneration, path: Path) -> None:
    """A pixel tower that was learned by the recipe into a new model."""
    model.model.pixel_tower.load_state_dict(load_file(path))
