"""Any list of videos and scores: LMMS_CPLLM_CUSTOM=path. What is recognised stands in `lists.py`.

A video is looked for as the list names it: an absolute path, else below the list's own folder, else below
LMMS_CPLLM_DATA; and if it is not there, by its name without folder and ending anywhere below the list's folder.

Higher scores are taken for better. The scale is that of the list: from its lowest to its highest score.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
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
    found, anywhere = {}, None
    for label in read_list(path).labels:
        file = next((place / label.name for place in places if (place / label.name).is_file()), None)
        if file is None:
            anywhere = _unique_stems(path.parent) if anywhere is None else anywhere
            file = anywhere.get(stem_of(label.name))
        if file is not None:
            found[label.name] = file
    return found


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
