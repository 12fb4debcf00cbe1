"""YouTube-UGC: clips of 20 s that users uploaded to YouTube under CC BY, with MOS from crowd workers.

Wang et al., "YouTube UGC dataset for video compression research", MMSP 2019. Layout as downloaded:

    original_videos_h264/<vid>_crf_10_ss_00_t_20.0.mp4       (H.264 version, 110 GB), or
    original_videos/<category>/<resolution>/<vid>.mkv        (raw version, 2 TB)
    MOS_for_YouTube_UGC_dataset.xlsx                         (sheet MOS: vid, category, MOS full, ...)

The MOS range is 1 to 5 (https://media.withyoutube.com/ugc-dataset). The authors withdraw clips every month, so nobody who
comes later has all that the sheet names: lists of 1380, 1147, 1142 and 1020 videos circulate, and each of these numbers of
videos counts as whole. A row without a MOS is left out of the labels; the count then tells. The name with
`original_videos_` in front is what the file is called when it is saved from the cloud's console.

Fetched are the H.264 version and the sheet, from the public bucket `ugc-dataset` that the page names. That version has
fewer clips than the raw one had at first (1263 were counted in 2021,
https://github.com/vztu/BVQA_Benchmark/issues/3), so that what is fetched today may be none of the four numbers.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from lmms_cpllm.releases.base import Labels, Release
from lmms_cpllm.releases.files import ByName, find_file, stem_of, videos_below
from lmms_cpllm.releases.origins import Bucket, LabelFile
from lmms_cpllm.releases.sheets import read_sheet
from lmms_cpllm.releases.tables import table_labels

LABEL_FILES = ("MOS_for_YouTube_UGC_dataset.xlsx", "original_videos_MOS_for_YouTube_UGC_dataset.xlsx")
PLACES = ("original_videos", "original_videos_h264")
COUNTS = (1380, 1147, 1142, 1020)
BUCKET = "ugc-dataset"
HOW_TO_GET = (
    "`lmms-cpllm data get youtube_ugc` downloads the H.264 version (110 GB, open to everybody), "
    "or download original_videos_h264 with gsutil and MOS_for_YouTube_UGC_dataset.xlsx, as "
    "https://media.withyoutube.com/ugc-dataset says, and put both below LMMS_CPLLM_DATA/youtube_ugc"
)

_H264_VERSION = re.compile(r"_crf_\d+_ss_\d+_t_[\d.]+$")


def read(folder: Path) -> Labels:
    """`MOS full` of every vid that has one. Raises DataError."""
    table = read_sheet(find_file("YouTube-UGC", folder, LABEL_FILES, PLACES, HOW_TO_GET), "MOS")
    scored = tuple((line, cells) for line, cells in table.lines if cells.get("mos full") != "")
    return table_labels(replace(table, lines=scored), "vid", "mos full", name=vid_of)


def vid_of(name: str) -> str:
    """The vid in the name of a file of either version."""
    return _H264_VERSION.sub("", stem_of(name))


def videos(folder: Path) -> ByName:
    """vid -> file; the H.264 version wins over the raw one."""
    return ByName(videos_below(folder), lambda path: vid_of(path.name), [folder / place for place in PLACES])


def labelled(folder: Path) -> frozenset[str]:
    """Every vid with a MOS. Raises DataError."""
    return frozenset(label.name for label in read(folder).labels)


YOUTUBE_UGC = Release(
    name="youtube_ugc",
    title="YouTube-UGC",
    count=COUNTS[0],
    other_counts=COUNTS[1:],
    withdrawn=True,
    mos_min=1.0,
    mos_max=5.0,
    licence="CC BY",
    source="https://media.withyoutube.com/ugc-dataset",
    how_to_get=HOW_TO_GET,
    folders=("youtube_ugc", "YouTube-UGC", "YouTubeUGC", "ugc-dataset"),
    markers=(*LABEL_FILES, *PLACES),
    read=read,
    videos=videos,
    label_files=(
        LabelFile(
            f"https://storage.googleapis.com/{BUCKET}/{PLACES[0]}/{LABEL_FILES[0]}", LABEL_FILES[0], places=PLACES
        ),
    ),
    buckets=(Bucket(BUCKET, f"{PLACES[1]}/", name_of=vid_of, wanted=labelled),),
)
