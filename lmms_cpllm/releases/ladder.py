"""The clips of `vqa_ladder`: contents at rising strength of one distortion, rendered into the user's cache on first use.

The contents are the embedded ones, or a user's own clean clips: LMMS_CPLLM_LADDER=folder. A clip that cannot be used, and
a codec that this machine cannot write, are left out and named; neither ends a run while anything is left to score. There
are no opinions of these clips: what a model says of one is compared with what it says of the others of the same content.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from lmms_cpllm.errors import ArgumentError, DataError, VideoError
from lmms_cpllm.releases.files import VIDEO_ENDINGS, files_below, without_ending
from lmms_cpllm.releases.mini import CACHE_VARIABLE, cache_root
from lmms_cpllm.releases.places import shorten
from lmms_cpllm.synthesis import ladder as recipe
from lmms_cpllm.synthesis.footage import file_digest, footage_of
from lmms_cpllm.synthesis.recipe import Item, digest
from lmms_cpllm.synthesis.render import render
from lmms_cpllm.video.pieces import LEAST_FRAMES, LEAST_SIDE

VARIABLE = "LMMS_CPLLM_LADDER"
FAMILIES_VARIABLE = "LMMS_CPLLM_LADDER_FAMILIES"
TITLE = "vqa_ladder"
# A file's name holds 255 bytes, and family, strength and ending are added to a content's name.
_NAME_BYTES = 120

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LadderRow:
    """One clip."""

    video: str
    """Absolute path of the file."""
    name: str
    """Unique: content, family and strength."""
    content: str
    family: str
    """A family of `synthesis.ladder.FAMILIES`, or `clean`."""
    step: int
    """Place on the ladder, from 1 for the weakest; 0 for the clean clip, on which all ladders of its content stand."""
    strength: float
    """In `unit`; rises with the distortion. 0 for a clean clip."""
    unit: str


@dataclass(frozen=True)
class Ladders:
    """All clips, and what could not be one."""

    rows: tuple[LadderRow, ...]
    """Content by content, clean first, then family by family at rising strength."""
    missing_codecs: tuple[str, ...]
    """Families whose encoder the installed PyAV has not."""
    unusable: tuple[str, ...]
    """"name: reason" of each of the user's files that was left out."""
    recipe: str = ""
    """Of the embedded contents: changes with anything that changes a picture, and not with the bytes of a file."""


def asked_families() -> tuple[str, ...]:
    """The families that LMMS_CPLLM_LADDER_FAMILIES names, all where it names none; in the order of the recipe.

    Raises:
        ArgumentError: one is unknown; lists the allowed ones.
    """
    named = [name for name in re.split(r"[,\s]+", os.environ.get(FAMILIES_VARIABLE, "")) if name]
    unknown = [name for name in named if name not in recipe.FAMILIES]
    if unknown:
        raise ArgumentError(
            f"{FAMILIES_VARIABLE}: {', '.join(unknown)}: not known; expected some of: {', '.join(recipe.FAMILIES)}"
        )
    return tuple(family for family in recipe.FAMILIES if family in named or not named)


def ladders() -> Ladders:
    """The clips of the asked families, rendered where they are not in the cache yet.

    Raises:
        ArgumentError: as `asked_families`.
        DataError: the cache cannot be written; the folder of LMMS_CPLLM_LADDER is missing or holds no clip that can be
            used; PyAV has none of the encoders asked for.
    """
    asked = asked_families()
    missing = recipe.missing_codecs(asked)
    families = [family for family in asked if family not in missing]
    if missing:
        log.warning("%s: this PyAV was built without the encoders of %s; left out", TITLE, ", ".join(missing))
    if not families:
        raise DataError(
            f"{FAMILIES_VARIABLE}: PyAV {av.__version__} has none of the encoders of {', '.join(missing)}\n"
            "  what to do: ask for other families, or install PyAV's own wheel: pip install --force-reinstall "
            "--only-binary av 'av>=15,<16'"
        )
    folder = os.environ.get(VARIABLE, "").strip()
    if folder:
        rows, unusable = _own(Path(folder).expanduser().absolute(), families)
        return Ladders(tuple(rows), missing, tuple(unusable))
    items = recipe.items(families)
    return Ladders(tuple(_rendered(items, TITLE)), missing, (), digest(*items))


def fingerprint(found: Ladders) -> str:
    """16 hex digits that change when a clip, its file's size, their order or what is left out changes."""
    lines = [f"{row.name}\t{Path(row.video).stat().st_size}" for row in found.rows]
    text = "\n".join([*lines, *found.missing_codecs, *found.unusable])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _rendered(items: Sequence[Item], name: str) -> list[LadderRow]:
    hint = (
        f"Set {CACHE_VARIABLE} to a folder with 1 GB of free space that you may write to (now: "
        f"{os.environ.get(CACHE_VARIABLE) or 'not set'})."
    )
    paths = render(items, cache_root(), name, hint=hint)
    rows, places = [], {ladder.family: ladder.strengths for ladder in recipe.LADDERS}
    for item in items:
        step = 0 if item.reference else places[item.family].index(item.strength) + 1
        video = str(paths[item.name])
        rows.append(LadderRow(video, item.name, item.content, item.family, step, float(item.strength), item.unit))
    return rows


def _own(folder: Path, families: Sequence[str]) -> tuple[list[LadderRow], list[str]]:
    """The rows of a user's clips, and one sentence for each file that is none."""
    if not folder.is_dir():
        raise DataError(
            f"{VARIABLE}={folder}: there is no such folder\n"
            f"  what to do: let {VARIABLE} name a folder of clean clips, or unset it to take the embedded contents"
        )
    files = files_below(folder)
    rows: list[LadderRow] = []
    unusable: list[str] = []
    known: dict[str, str] = {}  # digest of a file -> where it is
    names: set[str] = set()
    for path in files:
        shown = os.fsencode(path.relative_to(folder)).decode(errors="replace")
        try:
            digest = _digest(path)
            if digest in known:
                raise VideoError(str(path), f"the same file as {known[digest]}")
            known[digest] = shown
            footage = footage_of(path, _unique_name(shown, digest, names))
            rows += _rendered(recipe.items_of(footage, families), f"{TITLE}-{footage.name}")
        except (VideoError, av.FFmpegError, OSError, ValueError) as error:
            # Without the path, for what is left out is part of the fingerprint, and folders do not matter there.
            reason = error.reason if isinstance(error, VideoError) else getattr(error, "strerror", None)
            unusable.append(f"{shown}: {reason or error}")
    if not rows:
        raise DataError(
            f"{VARIABLE}={folder}: expected at least one clean clip, found none that can be used\n"
            f"  left out: {shorten(unusable, '; ') or 'nothing, for the folder is empty'}\n"
            f"  what to do: put clips of {LEAST_FRAMES} frames and {LEAST_SIDE}x{LEAST_SIDE} pixels or more there"
        )
    if unusable:
        count = f"{len(unusable)} of {len(files)} files"
        log.warning("%s: %s in %s are left out: %s", TITLE, count, folder, "; ".join(unusable))
    return rows, unusable


def _digest(path: Path) -> str:
    if path.suffix.lower() not in VIDEO_ENDINGS:
        raise VideoError(str(path), "its name does not end as that of a video")
    return file_digest(path)


def _unique_name(shown: str, digest: str, taken: set[str]) -> str:
    """A name for a content, fit for a file's name; two files may differ in their endings only."""
    plain = re.sub(r"[^\w.-]+", "_", without_ending(shown))
    name = plain.encode()[:_NAME_BYTES].decode(errors="ignore")
    if name != plain or name.casefold() in taken:
        name = f"{name}-{digest[:6]}"
    taken.add(name.casefold())
    return name
