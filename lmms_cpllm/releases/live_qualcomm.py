"""LIVE-Qualcomm: 208 videos of phones with distortions of capture, as raw video.

Ghadiyaram et al., "In-capture mobile video distortions: a study of subjective behavior and objective algorithms", IEEE
TCSVT 2018. Layout as downloaded:

    Artifacts/ Color/ Exposure/ Focus/ Sharpness/ Stabilization/     <name>.yuv, 1920x1080, planar 4:2:0, 8 bits
    qualcommSubjectiveData.mat        (qualcommSubjectiveData.unBiasedMOS, qualcommVideoData.vidNames)

The structs are those that published readers use
(https://github.com/uniqzheng/HFR-BVQA/blob/HEAD/src/data/data_info_maker.m); fields without a struct are read too. A file
does not say its rate: published feature extraction takes 30 frames per second for all of them, and so does this.

Other models than cpllm cannot open raw video. Where the same name is there in a container (.mkv, .mp4, .avi), that file is
taken instead:

    ffmpeg -f rawvideo -video_size 1920x1080 -framerate 30 -pix_fmt yuv420p -i NAME.yuv -c:v libx264 -qp 0 NAME.mp4
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from lmms_cpllm.raw_video import RawFormat
from lmms_cpllm.releases.base import Labels, Release
from lmms_cpllm.releases.files import find_file, stem_of, videos_by_stem
from lmms_cpllm.releases.matlab import read_mat_labels

LABEL_FILE = "qualcommSubjectiveData.mat"
DISTORTIONS = ("Artifacts", "Color", "Exposure", "Focus", "Sharpness", "Stabilization")
HOW_TO_GET = (
    "ask its authors by the form on http://live.ece.utexas.edu/research/incaptureDatabase/index.html, and put its folders "
    f"and {LABEL_FILE} below LMMS_CPLLM_DATA/live_qualcomm"
)


def read(folder: Path) -> Labels:
    """The MOS without the bias of the subjects, for every video. Raises DataError."""
    return read_mat_labels(
        find_file("LIVE-Qualcomm", folder, (LABEL_FILE,), (), HOW_TO_GET), "vidNames", "unBiasedMOS", stem_of
    )


LIVE_QUALCOMM = Release(
    name="live_qualcomm",
    title="LIVE-Qualcomm",
    count=208,
    mos_min=0.0,  # a continuous scale; the published values run from 16.56 to 73.64
    mos_max=100.0,
    licence="not known here, see its page; given out on request",
    source="http://live.ece.utexas.edu/research/incaptureDatabase/index.html",
    how_to_get=HOW_TO_GET,
    folders=("live_qualcomm", "LIVE-Qualcomm", "LIVE_Qualcomm", "LIVE-QualcommDatabase"),
    markers=(LABEL_FILE, *DISTORTIONS),
    raw=RawFormat(1920, 1080, 30),
    read=read,
    videos=partial(videos_by_stem, places=DISTORTIONS),
)
