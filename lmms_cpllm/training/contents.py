"""Pristine contents: photographs and clips that clean scenes are made of, and the side of the split that each is on.

The split stands in a file, `splits.csv`, by name and hash of the contents that the shipped checkpoint was made of; a
content that is not named there is drawn by its hash. All scenes of a content lie on one side.
"""

from __future__ import annotations

import csv
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from lmms_cpllm.errors import DataError
from lmms_cpllm.synthesis import scenes
from lmms_cpllm.synthesis.recipe import PHOTOGRAPHS

logger = logging.getLogger(__name__)

SPLITS = Path(__file__).with_name("splits.csv")
TRAIN, VALIDATION, TEST = "train", "validation", "test"
_PICTURES = (".jpg", ".jpeg", ".png")
_VIDEOS = (".mp4", ".mkv", ".mov", ".webm", ".y4m", ".avi")
# Of contents that are not in the file: one in eight is for validation. None is in the sealed test, which is fixed.
_VALIDATION_SHARE = 0.125
# A source is pristine only after shrinking at least twofold, and a scene has about as many pixels as one of 320x180 or
# more, and no side much shorter than 180.
SHRINK = 0.5
_LEAST_PIXELS, _LEAST_SIDE = 320 * 180, 180
# Side of the difference hash, and of its bits the share in which two pictures may differ and still be the same one.
# Over the 78 contents of `cpllm-tiny`, copies of 640x400 that were cropped by 1.5 % and saved as JPEG of quality 30
# differ in up to 19.9 %, different contents in 24.2 % and more.
_HASH_SIDE, _SAME_PICTURE_SHARE = 16, 0.22
HASH_BITS = _HASH_SIDE**2


@dataclass(frozen=True)
class Content:
    """One source of clean scenes."""

    name: str
    """The file's name without its ending, unique."""
    path: Path
    is_video: bool
    split: str
    """`train`, `validation` or `test`."""


def find_contents(folder: Path) -> list[Content]:
    """The contents of `folder`/photos and `folder`/videos that are large enough, in the order of their names.

    Raises:
        DataError: there are none; two have one name; one is of `vqa_mini`; two on different sides of the split are the same
            picture.
    """
    paths = [p for name in ("photos", "videos") for p in sorted((folder / name).glob("*"))]
    paths = [p for p in paths if p.suffix.lower() in (*_PICTURES, *_VIDEOS)]
    _refuse_equal_names(paths)
    fixed = _fixed_splits()
    forbidden = mini_hashes()
    contents, hashes, small = [], [], []
    for path in paths:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        first = first_picture(path)
        code = difference_hash(first)
        if any(_is_same(code, other) for other in forbidden):
            raise DataError(f"{path}: this looks like a content of vqa_mini, which training must not see; take it out")
        if first.shape[0] * first.shape[1] * SHRINK**2 < _LEAST_PIXELS or min(first.shape[:2]) * SHRINK < _LEAST_SIDE:
            small.append(path.name)
            continue
        is_video = path.suffix.lower() in _VIDEOS
        contents.append(Content(path.stem, path, is_video, fixed.get(digest) or split_of(digest)))
        hashes.append(code)
    if not contents:
        raise DataError(
            f"{folder}: expected photographs in photos/ or clips in videos/, of 640x360 or more, found none"
        )
    if small:
        logger.warning("%s: smaller than 640x360 and left out: %s", folder, ", ".join(small))
    _refuse_near_duplicates(contents, hashes)
    return contents


def split_of(digest: str) -> str:
    """`train` or `validation`, by the hash of a content that is not in the file."""
    return VALIDATION if int(digest[:8], 16) / 0xFFFFFFFF < _VALIDATION_SHARE else TRAIN


def difference_hash(picture: np.ndarray) -> int:
    """256 bits that hardly change with size and compression: which of two neighbours in a small picture is brighter."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_HASH_SIDE + 1, _HASH_SIDE), interpolation=cv2.INTER_AREA).astype(int)
    return int("".join("1" if bit else "0" for bit in (small[:, 1:] > small[:, :-1]).flatten()), 2)


def first_picture(path: Path) -> np.ndarray:
    """A photograph, or the first frame of a clip, uint8 `(height, width, 3)` RGB."""
    if path.suffix.lower() in _PICTURES:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    return clip_frames(path, 1)[0][0]


def clip_frames(path: Path, count: int, start: int = 0) -> tuple[list[np.ndarray], int]:
    """Frames of a clip from number `start` on, uint8 RGB, and its rate in whole frames per second.

    Raises:
        DataError: the clip is shorter.
    """
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        fps = round(float(stream.average_rate or 25))
        frames = []
        for number, frame in enumerate(container.decode(stream)):
            if number >= start:
                frames.append(frame.to_ndarray(format="rgb24"))
            if len(frames) == count:
                return frames, fps
    raise DataError(f"{path}: expected {count} frames from frame {start} on, found {len(frames)}")


def _fixed_splits() -> dict[str, str]:
    with open(SPLITS, newline="", encoding="utf-8") as file:
        return {row["sha256"]: row["split"] for row in csv.DictReader(file)}


def mini_hashes() -> list[int]:
    """Difference hashes of the contents of `vqa_mini`: one that was saved anew, or made smaller, is still one of them."""
    return [difference_hash(scenes.load_photograph(photograph)) for photograph in PHOTOGRAPHS.values()]


def _is_same(code: int, other: int) -> bool:
    return (code ^ other).bit_count() <= _SAME_PICTURE_SHARE * HASH_BITS


def _refuse_equal_names(paths: Sequence[Path]) -> None:
    known: dict[str, Path] = {}
    for path in paths:
        if path.stem in known:
            raise DataError(
                f"{path}: there is also {known[path.stem].name}; clips are named after their content, so rename one of them"
            )
        known[path.stem] = path


def _refuse_near_duplicates(contents: Sequence[Content], hashes: Sequence[int]) -> None:
    for i, (content, code) in enumerate(zip(contents, hashes, strict=True)):
        for other, other_code in zip(contents[:i], hashes[:i], strict=True):
            if content.split != other.split and _is_same(code, other_code):
                raise DataError(
                    f"{content.path}: looks the same as {other.path.name}, but is on the {content.split} side of the "
                    f"split and the other on the {other.split} side; take one of them out"
                )
