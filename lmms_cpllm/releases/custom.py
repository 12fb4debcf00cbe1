"""Any list of videos and scores: LMMS_CPLLM_CUSTOM=path. What is recognised stands in `lists.py`.

A video is looked for as the list names it: an absolute path, else below the list's own folder, else below
LMMS_CPLLM_DATA; and if it is not there, by its name without folder and ending anywhere below the list's folder. A file
that is another entry's, or does not lie in the folder that the list names though there is one, is not taken for it.

Higher scores are taken for better. The scale is that of the list: from its lowest to its highest score.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from lmms_cpllm.releases.base import Release
from lmms_cpllm.releases.files import ByName, stem_of, videos_below
from lmms_cpllm.releases.lists import read_list
from lmms_cpllm.releases.places import DATA_VARIABLE

VARIABLE = "LMMS_CPLLM_CUSTOM"


def videos(path: Path) -> Mapping[str, Path]:
    """Name in the list -> file, for the files that are there."""
    root = os.environ.get(DATA_VARIABLE, "").strip()
    places = [path.parent, *([Path(root).expanduser().absolute()] if root else [])]
    names = dict.fromkeys(label.name for label in read_list(path).labels)
    as_named = {name: place / name for place in reversed(places) for name in names if (place / name).is_file()}
    others = [name for name in names if name not in as_named]
    return as_named | _found_by_stem(others, path.parent, places, set(as_named.values())) if others else as_named


def _found_by_stem(names: Sequence[str], below: Path, places: Sequence[Path], taken: set[Path]) -> dict[str, Path]:
    """Name -> file for the names whose stem tells one file that is no other's; a missing video is not to become another.

    Args:
        names: that are not there as they are.
        below: where files are looked for.
        places: folders from which names are read.
        taken: files that are there by their name.
    """
    anywhere = _unique_stems(below)
    found = {name: anywhere[stem_of(name)] for name in names if stem_of(name) in anywhere}
    claims = Counter(path.resolve() for path in (*taken, *found.values()))
    return {name: path for name, path in found.items() if claims[path.resolve()] == 1 and _fits(path, name, places)}


def _fits(path: Path, name: str, places: Sequence[Path]) -> bool:
    """Whether a file lies in the folder that a name has, or there is no such folder: lists are made on other machines.

    Folders from the root on tell nothing, for every machine has a /data or /mnt.
    """
    named = Path(name).parent
    if named.is_absolute() or named == Path():
        return True
    there = [(place / named).resolve() for place in places if (place / named).is_dir()]
    return not there or any(path.resolve().is_relative_to(folder) for folder in there)


def _unique_stems(folder: Path) -> Mapping[str, Path]:
    """Name without ending -> file, for the names that only one folder below `folder` has."""
    files = list(videos_below(folder))
    places: dict[str, set[Path]] = {}
    for path in files:
        places.setdefault(stem_of(path.name).casefold(), set()).add(path.parent)
    unique = [path for path in files if len(places[stem_of(path.name).casefold()]) == 1]
    return ByName(iter(unique), lambda path: stem_of(path.name))


CUSTOM = Release(
    name="custom",
    title="vqa_custom",
    count=0,
    mos_min=-math.inf,
    mos_max=math.inf,
    licence="that of your videos",
    source="your own list",
    how_to_get=(
        f"export {VARIABLE}=/path/to/list.csv, a csv, json or txt list of videos and scores; relative names are looked for "
        f"beside the list and below {DATA_VARIABLE}"
    ),
    split="all of the list",
    variable=VARIABLE,
    read=read_list,
    videos=videos,
)
