"""LIVE-VQC: 585 videos that many people took with many cameras, with MOS from crowd workers.

Sinno and Bovik, "Large-scale study of perceptual video quality", IEEE TIP 2019. Layout as downloaded:

    Video/A001.mp4 ...
    data.mat                  (video_list: 585x1 cell of "A001.mp4", mos: 585x1; format 5)

It is given out on request.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from lmms_cpllm.releases.base import Labels, Release
from lmms_cpllm.releases.files import find_file, stem_of, videos_by_stem
from lmms_cpllm.releases.matlab import read_mat_labels

VIDEOS = "Video"
HOW_TO_GET = (
    "ask its authors by the form on http://live.ece.utexas.edu/research/LIVEVQC/index.html, and put Video/ and data.mat "
    "below LMMS_CPLLM_DATA/live_vqc"
)


def read(folder: Path) -> Labels:
    """The MOS of every video of `video_list`. Raises DataError."""
    return read_mat_labels(
        find_file("LIVE-VQC", folder, ("data.mat",), (VIDEOS,), HOW_TO_GET), "video_list", "mos", stem_of
    )


LIVE_VQC = Release(
    name="live_vqc",
    title="LIVE-VQC",
    count=585,
    mos_min=0.0,  # a continuous scale; the published values run from 6.22 to 94.29
    mos_max=100.0,
    licence="not known here, see its page; given out on request",
    source="http://live.ece.utexas.edu/research/LIVEVQC/index.html",
    how_to_get=HOW_TO_GET,
    folders=("live_vqc", "LIVE-VQC", "LIVE_VQC", "LIVEVQC", "LIVE Video Quality Challenge (VQC) Database"),
    markers=("data.mat", VIDEOS),
    read=read,
    videos=partial(videos_by_stem, places=(VIDEOS,)),
)
