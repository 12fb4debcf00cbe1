"""LIVE-YT-Gaming: 600 recordings of games that users uploaded, with MOS of 61 people.

Yu et al., "Subjective and objective analysis of streamed gaming videos", IEEE Transactions on Games 2023. Layout as
downloaded:

    mp4/<Game>-001.mp4 ...
    *.mat                     (video_list: names without an ending, MOS)

The name of the label file is not documented in what could be read: the .mat file with these two fields is taken.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.base import Labels, Release
from lmms_cpllm.releases.files import stem_of, videos_by_stem
from lmms_cpllm.releases.matlab import has_fields, read_mat, read_mat_labels
from lmms_cpllm.releases.places import describe_folder, shorten

FIELDS = ("video_list", "MOS")
VIDEOS = "mp4"
HOW_TO_GET = (
    "ask its authors by the form on https://live.ece.utexas.edu/research/LIVE-YT-Gaming/index.html, and put mp4/ and the "
    ".mat file below LMMS_CPLLM_DATA/live_yt_gaming"
)


def find_labels(folder: Path) -> Path:
    """The only .mat file with the two fields. Raises DataError for none and for several."""
    candidates = sorted(folder.glob("*.mat")) + sorted(folder.glob("*/*.mat"))
    fitting = [path for path in candidates if has_fields(path, FIELDS)]
    if len(candidates) == 1 and not fitting:
        read_mat(candidates[0])  # a damaged file says so itself
    if len(fitting) != 1:
        found = shorten([str(path) for path in fitting or candidates]) or describe_folder(folder)
        raise DataError(
            f"LIVE-YT-Gaming in {folder}: one .mat file with {' and '.join(FIELDS)} expected.\n"
            f"  found: {found}\n"
            f"  how to get it: {HOW_TO_GET}"
        )
    return fitting[0]


def read(folder: Path) -> Labels:
    """The MOS of every video of `video_list`. Raises DataError."""
    return read_mat_labels(find_labels(folder), *FIELDS, stem_of)


LIVE_YT_GAMING = Release(
    name="live_yt_gaming",
    title="LIVE-YT-Gaming",
    count=600,
    mos_min=0.0,  # a continuous scale; the published values run from 4.53 to 95.95
    mos_max=100.0,
    licence="not known here, see its page; given out on request",
    source="https://live.ece.utexas.edu/research/LIVE-YT-Gaming/index.html",
    how_to_get=HOW_TO_GET,
    folders=("live_yt_gaming", "LIVE-YT-Gaming", "LIVE_YT_Gaming"),
    markers=(VIDEOS, "*.mat"),
    read=read,
    videos=partial(videos_by_stem, places=(VIDEOS,)),
)
