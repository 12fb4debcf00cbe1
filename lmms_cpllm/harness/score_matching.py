"""Which row of a score file belongs to which video: by name, by path, or by the stem of either."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lmms_cpllm.harness.score_table import ScoreRow

# Only these are taken off: `..._t_20.0` and `v1.2` are names, not endings.
_ENDING = re.compile(
    r"\.(?:mp4|m4v|mov|avi|mkv|webm|wmv|flv|mpg|mpeg|ts|mts|ogv|3gp|yuv|y4m|hevc|h264|gif|png|jpe?g|bmp|webp)$",
    re.IGNORECASE,
)
_FLOAT_ID = re.compile(r"(\d+)\.0")

Key = tuple[str, ...]


@dataclass(frozen=True)
class Video:
    """A video that a task shows."""

    path: str
    """absolute path of its file"""
    name: str
    """what the release calls it"""


@dataclass(frozen=True)
class Matching:
    """What belongs together."""

    scores: Mapping[str, float]
    """path of a video -> its score"""
    unmatched: tuple[str, ...]
    """names of the videos without a score, in the order of the videos"""
    surplus: tuple[str, ...]
    """names of the rows that belong to no video, in the order of the file"""
    ambiguous: tuple[str, ...]
    """one sentence for every video to which several rows, or every row to which several videos, fit equally well"""


def key_of(text: str) -> Key:
    """A name or path as its parts, the last without its ending.

    Example:
        >>> key_of("videos/123.mp4")
        ('videos', '123')
    """
    parts = [part for part in text.strip().replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts:
        return ()
    last = _ENDING.sub("", parts[-1])
    # An id that a program has read as a number and written as 123.0, or 123.0.mp4.
    whole = _FLOAT_ID.fullmatch(last)
    return (*parts[:-1], whole[1] if whole else last)


def match(rows: Sequence[ScoreRow], videos: Iterable[Video]) -> Matching:
    """Gives each video the row that agrees with it best.

    A row can belong to a video if the last part of its name, without the ending, is that of the video's name or file.
    The more folders above it agree, the better; a row and a video belong together if neither has a better partner. So a
    file with bare stems matches any folder, and one with folders tells videos of the same stem apart. Rows that fit
    equally well must have the same score.
    """
    videos = list({video.path: video for video in videos}.values())
    keys = [key_of(row.name) for row in rows]
    by_stem: dict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        by_stem[key[-1] if key else ""].append(index)
    fits: dict[str, dict[int, int]] = {}
    best_of_row: dict[int, int] = defaultdict(int)
    for video in videos:
        aliases = [key for key in (key_of(video.path), key_of(video.name)) if key]
        candidates = {index for alias in aliases for index in by_stem.get(alias[-1], ())}
        fits[video.path] = {index: max(_agreement(keys[index], alias) for alias in aliases) for index in candidates}
        for index, agreement in fits[video.path].items():
            best_of_row[index] = max(best_of_row[index], agreement)
    return _resolve(rows, videos, fits, best_of_row)


def _resolve(
    rows: Sequence[ScoreRow],
    videos: Sequence[Video],
    fits: Mapping[str, dict[int, int]],
    best_of_row: Mapping[int, int],
) -> Matching:
    chosen: dict[str, list[int]] = {}
    for path, agreements in fits.items():
        best = max(agreements.values(), default=0)
        chosen[path] = [index for index, value in agreements.items() if value == best == best_of_row[index]]
    owners: dict[int, list[Video]] = defaultdict(list)
    for video in videos:
        for index in chosen[video.path]:
            owners[index].append(video)
    scores, unmatched, ambiguous = {}, [], []
    for video in videos:
        own = sorted(chosen[video.path])
        if not own:
            unmatched.append(video.name)
        elif len({rows[index].score for index in own}) > 1:
            shown = ", ".join(f"{rows[index].name}: {rows[index].score:g}" for index in own[:3])
            ambiguous.append(f"{video.name} has several scores ({shown})")
        else:
            scores[video.path] = rows[own[0]].score
    for index, several in owners.items():
        if len(several) > 1:
            ambiguous.append(f"{rows[index].name} may be {' or '.join(video.path for video in several[:3])}")
    surplus = tuple(row.name for index, row in enumerate(rows) if index not in owners)
    return Matching(scores, tuple(unmatched), surplus, tuple(ambiguous))


def _agreement(one: Key, other: Key) -> int:
    """How many of the last parts are equal."""
    count = 0
    for left, right in zip(reversed(one), reversed(other), strict=False):
        if left != right:
            break
        count += 1
    return count
