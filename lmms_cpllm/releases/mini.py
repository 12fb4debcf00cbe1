"""The embedded benchmark `vqa_mini`: 120 clips of 2 s, rendered into the user's cache on first use.

The clips are made by `synthesis` from photographs of scikit-image and scikit-learn, by the recipe in
`synthesis.recipe`; labels and facts are shipped beside this file in `mini.csv`, which `python -m lmms_cpllm.synthesis
make-table` makes. A label is the mean opinion that `synthesis.opinion` computes from full-reference metrics; nobody was
asked about these clips. Another version of an encoder may write slightly other bytes than those that were measured; the
label stays.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import platformdirs

from lmms_cpllm.errors import DataError
from lmms_cpllm.ratings import level_of
from lmms_cpllm.releases.pairing import Pair, in_turn
from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.synthesis.recipe import CLEAN, Item, digest, items
from lmms_cpllm.synthesis.render import clip_path, folder_of, render

CACHE_VARIABLE = "LMMS_CPLLM_CACHE"
NAME = "mini"
TITLE = "vqa_mini"
TABLE = Path(__file__).with_name("mini.csv")

# Degradation scale of ITU-T P.910 and ITU-R BT.500, at the levels of the quality scale.
SEVERITIES = {
    "excellent": "imperceptible",
    "good": "perceptible but not annoying",
    "fair": "slightly annoying",
    "poor": "annoying",
    "bad": "very annoying",
}
# Speed in picture widths per second, upper ends.
MOTIONS = ((0.05, "nearly still"), (0.12, "slow"), (0.3, "moderate"), (float("inf"), "fast"))

SHOWS = {
    "astronaut": "an astronaut in an orange suit before a flag and a model of a space shuttle",
    "cameraman": "a man in a dark coat behind a camera on a tripod, in black and white",
    "coffee": "a red cup of espresso with a spoon on a wooden table",
    "dahlia": "an orange dahlia before dark leaves",
    "galaxies": "distant galaxies on a black sky",
    "grass": "grass and clover from close by, in black and white",
    "gravel": "gravel from above, in black and white",
    "motorcycle": "a red motorcycle in a garage",
    "pagoda": "a pagoda above a lake under a hazy sky",
    "retina": "the back of an eye, smooth and red with thin vessels",
    "rocket": "a rocket on its launch pad at dusk",
    "tissue": "stained tissue under a microscope",
}

_BLOCKS = "{codec} compression removes fine detail and leaves blocks and ringing"
_SMEAR = "{codec} compression smears fine detail and texture"
# family -> kind of distortion, and what it does to the picture
_FAMILIES = {
    CLEAN: ("none", "no distortion is visible"),
    "h264": ("compression", _BLOCKS.format(codec="H.264")),
    "hevc": ("compression", _SMEAR.format(codec="HEVC")),
    "vp9": ("compression", _SMEAR.format(codec="VP9")),
    "av1": ("compression", _SMEAR.format(codec="AV1")),
    "mpeg4": ("compression", _BLOCKS.format(codec="MPEG-4")),
    "blur": ("blur", "the picture is blurred, as if out of focus"),
    "noise": ("noise", "grainy noise flickers over the whole picture"),
    "scaling": ("low resolution", "the picture was enlarged from a low resolution and lacks fine detail"),
    "drops": ("frame drops", "frames are missing, so the motion stutters"),
}

# Pairs: clips of one content that are neighbours on a ladder must differ by this much, clips of different contents by
# more, because there the computed opinion is less certain: its error is about 7.
_SAME_CONTENT_DIFFERENCE, _OTHER_CONTENT_DIFFERENCE = 5.0, 15.0
_PAIRS_OF_A_KIND = 50
_MOST_PAIRS_OF_A_CLIP = 2


@dataclass(frozen=True)
class MiniRow:
    """One clip, its label and what is known about it."""

    video: str
    """Absolute path of the MP4 file; empty in the rows of `table()`."""
    name: str
    """Unique: content, family and strength."""
    mos: float
    """Quality 0..100, higher is better: opinion on the ACR scale, 25 * (ACR - 1), as computed by `synthesis.opinion`."""
    content: str
    """A key of `SHOWS`."""
    shows: str
    """What is seen, a noun phrase."""
    family: str
    """`h264`, `hevc`, `vp9`, `av1`, `mpeg4`, `blur`, `noise`, `scaling`, `drops` or `clean`."""
    distortion: str
    """What a viewer would call it: compression, blur, noise, low resolution, frame drops, none."""
    strength: float
    """In `unit`; rises with the distortion. 0 for a clean clip."""
    unit: str
    """CRF, quantiser, px sigma, 8-bit sigma, factor, % of frames; empty for a clean clip."""
    reference: bool
    """Whether this is the clean clip of its content."""
    severity: str
    """A value of `SEVERITIES`, by the label."""
    motion: str
    """nearly still, slow, moderate, fast: of the camera."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    fps: int
    """Frames per second, constant."""
    frames: int
    speed_px_per_second: float
    """Mean speed of the picture."""
    vmaf: float
    """Mean VMAF 0..100 with its motion feature at zero."""
    bytes: int
    """Size of the clip in its own codec when the label was made."""


def cache_root() -> Path:
    """Folder of everything that is rendered: $LMMS_CPLLM_CACHE, else the user's cache folder of this system."""
    chosen = os.environ.get(CACHE_VARIABLE, "").strip()
    return Path(chosen).expanduser().absolute() if chosen else Path(platformdirs.user_cache_dir("lmms-cpllm"))


def rows() -> list[MiniRow]:
    """The clips in the order of their names, rendered where they are not in the cache yet (about a minute, once).

    Raises:
        DataError: the cache cannot be written, the table is not of this recipe, a photograph or an encoder is missing.
    """
    labelled = table()
    hint = (
        f"Set {CACHE_VARIABLE} to a folder with 200 MB of free space that you may write to (now: "
        f"{os.environ.get(CACHE_VARIABLE) or 'not set'})."
    )
    paths = render(items(), cache_root(), TITLE, hint=hint)
    return [replace(row, video=str(paths[row.name])) for row in labelled]


def recipe() -> str:
    """Digits that change with anything that changes the picture of a clip, but not with the bytes that encoders write."""
    return digest(*items())


def places() -> dict[str, Path]:
    """Name of each clip -> where it lies, or would lie: nothing is rendered."""
    folder = folder_of(items(), cache_root(), TITLE)
    return {item.name: clip_path(folder, item) for item in items()}


def references(rows: Iterable[MiniRow]) -> dict[str, str]:
    """Path of each clip -> that of the clean clip of its content, which is its own reference.

    The clean clips are coded, too: these are references as a user has them, not the lossless ones behind the labels.
    """
    rows = list(rows)
    clean = {row.content: row.video for row in rows if row.reference}
    return {row.video: clean[row.content] for row in rows}


def coded_sizes(rows: Iterable[MiniRow]) -> dict[str, int]:
    """Path -> bytes in its own codec, of each clip that is delivered in another one (see `render.clip_bytes`)."""
    others = [name for name, codec in CODECS.items() if not codec.widely_decoded]
    return {row.video: row.bytes for row in rows if row.family in others}


def pairs() -> list[Pair]:
    """The pairs of `vqa_mini_pairs`, always the same 100; in half of them the first is better.

    50 are neighbours on a ladder (one content, one family, one step apart; the clean clip is step 0) whose labels
    differ by at least 5, 50 show different contents whose labels differ by at least 15. Of all such pairs those are
    taken that come first in the order of the SHA-256 of their names, no clip more than twice in each half.

    Raises:
        DataError: as `rows`.
    """
    return choose_pairs(rows())


def table() -> list[MiniRow]:
    """The rows in the order of their names, without video files: nothing is rendered.

    Raises:
        DataError: the table is missing, or is not of this recipe.
    """
    return list(_read_table(TABLE))


def describe(row: MiniRow) -> str:
    """A reference description: the rating, what is seen, what is wrong with it and how much it matters."""
    effect = _FAMILIES[row.family][1]
    camera = "the camera is nearly still" if row.motion == MOTIONS[0][1] else f"the camera moves at a {row.motion} pace"
    sentences = [f"The quality of this video is {level_of(row.mos)}.", f"It shows {row.shows}; {camera}."]
    if row.reference:
        return " ".join([*sentences, f"{effect.capitalize()}."])
    effect = effect[0].upper() + effect[1:]
    return " ".join([*sentences, f"{effect}; the impairment is {row.severity}."])


def facts(row: MiniRow) -> dict[str, str | float | bool]:
    """What a true description may say, for checking one: plain values under stable keys."""
    return {
        "level": level_of(row.mos),
        "quality": row.mos,
        "severity": row.severity,
        "content": row.content,
        "shows": row.shows,
        "motion": row.motion,
        "family": row.family,
        "distortion": row.distortion,
        "strength": row.strength,
        "unit": row.unit,
        "distorted": not row.reference,
    }


def choose_pairs(clips: Iterable[MiniRow]) -> list[Pair]:
    """The rule of `pairs` on any clips."""
    clips = sorted(clips, key=lambda row: row.name)
    near = _first_by_hash(_ladder_neighbours(clips), _SAME_CONTENT_DIFFERENCE)
    other = (pair for pair in itertools.combinations(clips, 2) if pair[0].content != pair[1].content)
    far = _first_by_hash(other, _OTHER_CONTENT_DIFFERENCE)
    return sorted([*in_turn(near), *in_turn(far)], key=lambda pair: (pair.first.name, pair.second.name))


def _ladder_neighbours(clips: list[MiniRow]) -> list[tuple[MiniRow, MiniRow]]:
    clean = {row.content: row for row in clips if row.reference}
    neighbours = []
    for content, family in sorted({(row.content, row.family) for row in clips if not row.reference}):
        steps = [row for row in clips if (row.content, row.family) == (content, family)]
        steps = [clean[content], *sorted(steps, key=lambda row: row.strength)]
        neighbours.extend(itertools.pairwise(steps))
    return neighbours


def _first_by_hash(candidates: Iterable[tuple[MiniRow, MiniRow]], difference: float) -> list[tuple[MiniRow, MiniRow]]:
    wide = [pair for pair in candidates if abs(pair[0].mos - pair[1].mos) >= difference]
    # A hash of the names and no random numbers: the same pairs in every version of every library.
    wide.sort(key=lambda pair: hashlib.sha256(f"{pair[0].name}|{pair[1].name}".encode()).digest())
    uses, chosen = Counter(), []
    for pair in wide:
        if len(chosen) < _PAIRS_OF_A_KIND and all(uses[row.name] < _MOST_PAIRS_OF_A_CLIP for row in pair):
            chosen.append(pair)
            uses.update(row.name for row in pair)
    return chosen


@cache
def _read_table(path: Path) -> tuple[MiniRow, ...]:
    what_to_do = "Install the package again; whoever changed the recipe: python -m lmms_cpllm.synthesis make-table"
    try:
        with open(path, newline="", encoding="utf-8") as file:
            lines = {line["name"]: line for line in csv.DictReader(file)}
    except FileNotFoundError as error:
        raise DataError(f"{path}: the table of labels is missing. {what_to_do}") from error
    recipe = {item.name: item for item in items()}
    wrong = sorted(set(lines) ^ set(recipe))
    wrong += [name for name, item in recipe.items() if name in lines and lines[name]["recipe"] != digest(item)]
    if wrong:
        raise DataError(
            f"{path}: expected the labels of the {len(recipe)} clips of the recipe, found {len(wrong)} that are "
            f"missing, surplus or of another recipe, first {wrong[0]}. {what_to_do}"
        )
    return tuple(_row(recipe[name], lines[name]) for name in sorted(recipe))


def _row(item: Item, line: dict[str, str]) -> MiniRow:
    quality, speed = float(line["quality"]), float(line["speed"])
    width, height = item.scene.size
    return MiniRow(
        video="",
        name=item.name,
        mos=quality,
        content=item.content,
        shows=SHOWS[item.content],
        family=item.family,
        distortion=_FAMILIES[item.family][0],
        strength=float(item.strength),
        unit=item.unit,
        reference=item.reference,
        severity=SEVERITIES[level_of(quality)],
        motion=next(word for limit, word in MOTIONS if speed / width < limit),
        width=width,
        height=height,
        fps=item.scene.fps,
        frames=item.scene.frame_count,
        speed_px_per_second=speed,
        vmaf=float(line["vmaf"]),
        bytes=int(line["bytes"]),
    )
