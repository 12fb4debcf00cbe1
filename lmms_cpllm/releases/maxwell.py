"""MaxWell (DIVIDE-MaxWell): 4543 videos with opinions about aesthetics, technical quality and the whole; the test set.

Wu et al., "Towards explainable in-the-wild video quality assessment: a database and a language-prompt approach", ACM MM
2023, and the release note of the merged database
(https://github.com/VQAssessment/DOVER/tree/master/get_divide_dataset). Layout as downloaded:

    videos/0000.mp4 ...       (videos.zip of teowu/DIVIDE-MaxWell on the Hugging Face hub)
    val_labels.txt            (0000.mp4, aesthetic, technical, overall; no head line), or
    val_labels.csv            (the same with a head line name, aesthetic, technical, overall)

The official split has 3634 videos for training and 909 for validation; the 909 are scored, by their overall opinion.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from lmms_cpllm.releases.base import Labels, Release
from lmms_cpllm.releases.files import find_file, stem_of, videos_by_stem
from lmms_cpllm.releases.origins import Archive, LabelFile
from lmms_cpllm.releases.tables import read_rows, table_labels, table_of

LABEL_FILES = ("val_labels.txt", "val_labels.csv")
PLACE = "videos"
COLUMNS = ["name", "aesthetic", "technical", "overall"]
VIDEOS = "https://huggingface.co/datasets/teowu/DIVIDE-MaxWell/resolve/main/videos.zip"
LABELS = (
    "https://raw.githubusercontent.com/VQAssessment/DOVER/master/examplar_data_labels/DIVIDE_MaxWell/val_labels.txt"
)
HOW_TO_GET = (
    "`lmms-cpllm data get maxwell` downloads it, "
    f"or unpack {VIDEOS} below LMMS_CPLLM_DATA/maxwell, "
    "and put examplar_data_labels/DIVIDE_MaxWell/val_labels.txt of https://github.com/VQAssessment/DOVER beside videos/"
)


def read(folder: Path) -> Labels:
    """The overall MOS of every video of the validation set. Raises DataError."""
    path = find_file("MaxWell", folder, LABEL_FILES, (), HOW_TO_GET)
    rows = read_rows(path)
    headless = any(cell.endswith(".mp4") for _, cells in rows[:1] for cell in cells[:1])
    return table_labels(table_of(path, [(0, COLUMNS), *rows] if headless else rows), "name", "overall", name=stem_of)


MAXWELL = Release(
    name="maxwell",
    title="MaxWell",
    count=909,
    mos_min=1.0,  # five-level scale
    mos_max=5.0,
    licence="not known here, see its page",
    source="https://github.com/VQAssessment/ExplainableVQA",
    how_to_get=HOW_TO_GET,
    # "videos" alone is too common a name to know the release by.
    folders=("maxwell", "MaxWell", "DIVIDE-MaxWell", "DIVIDE_MaxWell"),
    markers=LABEL_FILES,
    split="official validation set",
    read=read,
    videos=partial(videos_by_stem, places=(PLACE,)),
    archives=(Archive(VIDEOS, PLACE, unpacked_bytes_max=2**37),),
    label_files=(LabelFile(LABELS, LABEL_FILES[0]),),
)
