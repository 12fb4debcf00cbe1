"""KVQ: short videos of a platform and what its processing made of them, with scores by researchers of image processing.

Lu et al., "KVQ: Kwai video quality assessment for short-form videos", CVPR 2024, the data of a challenge of NTIRE 2024.
Layout as downloaded:

    train_video/0001.mp4 ...
    train_data.csv            (filename, score); another .csv with these columns is read where this one is absent

The part with public scores has 2926 videos; 600 originals and 3600 processed ones, 4200 in all, are what the authors name
(https://github.com/lixinustc/KVQ-Challenge-CVPR-NTIRE2024). Both numbers of labels count as whole.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.base import Labels, Release
from lmms_cpllm.releases.files import stem_of, videos_by_stem
from lmms_cpllm.releases.places import describe_folder, shorten
from lmms_cpllm.releases.tables import read_csv, table_labels

LABEL_FILE = "train_data.csv"
COLUMNS = ("filename", "score")
VIDEOS = "train_video"
HOW_TO_GET = (
    "register for the challenge or follow the links on https://github.com/lixinustc/KVQ-Challenge-CVPR-NTIRE2024, and put "
    f"{VIDEOS}/ and {LABEL_FILE} below LMMS_CPLLM_DATA/kvq"
)


def find_labels(folder: Path) -> Path:
    """train_data.csv, else the only .csv with the two columns. Raises DataError for none and for several."""
    if (folder / LABEL_FILE).is_file():
        return folder / LABEL_FILE
    fitting = [path for path in sorted(folder.glob("*.csv")) if set(COLUMNS) <= set(read_csv(path).columns)]
    if len(fitting) != 1:
        found = shorten([str(path) for path in fitting]) if fitting else describe_folder(folder)
        raise DataError(
            f"KVQ in {folder}: {LABEL_FILE}, or one other .csv with {' and '.join(COLUMNS)}, expected.\n"
            f"  found: {found}\n"
            f"  how to get it: {HOW_TO_GET}"
        )
    return fitting[0]


def read(folder: Path) -> Labels:
    """The score of every file. Raises DataError."""
    return table_labels(read_csv(find_labels(folder)), *COLUMNS, name=stem_of)


KVQ = Release(
    name="kvq",
    title="KVQ",
    count=2926,
    other_counts=(4200,),
    mos_min=1.0,
    mos_max=5.0,
    licence="not known here; the terms of the challenge",
    source="https://lixinustc.github.io/projects/KVQ/",
    how_to_get=HOW_TO_GET,
    folders=("kvq", "KVQ"),
    markers=(VIDEOS, LABEL_FILE),
    split="the part with public scores (training set of the challenge)",
    read=read,
    # The parts of the challenge may number their videos alike.
    videos=partial(videos_by_stem, places=(VIDEOS,)),
)
