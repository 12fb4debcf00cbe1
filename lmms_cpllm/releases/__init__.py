"""The releases that can be scored, or that ask questions: their registry, and their rows.

To add a release write one file beside `konvid.py` and name its `Release` in `RELEASES`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lmms_cpllm.errors import ArgumentError, DataError
from lmms_cpllm.releases.base import Release, Row, checked_rows, fingerprint, mos_scale
from lmms_cpllm.releases.custom import CUSTOM
from lmms_cpllm.releases.cvd2014 import CVD2014
from lmms_cpllm.releases.finevd import FINEVD_CHOICE, FINEVD_YESNO
from lmms_cpllm.releases.konvid import KONVID
from lmms_cpllm.releases.kvq import KVQ
from lmms_cpllm.releases.live_qualcomm import LIVE_QUALCOMM
from lmms_cpllm.releases.live_vqc import LIVE_VQC
from lmms_cpllm.releases.live_yt_gaming import LIVE_YT_GAMING
from lmms_cpllm.releases.lsvq import LSVQ_1080P, LSVQ_TEST, LSVQ_TRAIN
from lmms_cpllm.releases.maxwell import MAXWELL
from lmms_cpllm.releases.pairing import Pair, one_other_each
from lmms_cpllm.releases.places import data_root, find_place
from lmms_cpllm.releases.qbench_video import QBENCH_VIDEO_DEV
from lmms_cpllm.releases.questions import Question
from lmms_cpllm.releases.t2vqa import T2VQA
from lmms_cpllm.releases.youtube_ugc import YOUTUBE_UGC

__all__ = [
    "MINI",
    "RELEASES",
    "TRAINING_RELEASES",
    "Pair",
    "Question",
    "Release",
    "Row",
    "data_root",
    "find_release",
    "fingerprint",
    "mos_scale",
    "pairs",
    "rows",
]


def _mini_rows() -> Sequence[Row]:
    # Only here: mini renders videos, everything else in this package only reads text.
    from lmms_cpllm.releases import mini

    return mini.rows()


def _mini_references(rows: Sequence[Row]) -> Mapping[str, str]:
    from lmms_cpllm.releases import mini

    return mini.references(rows)


def _mini_coded_sizes(rows: Sequence[Row]) -> Mapping[str, int]:
    from lmms_cpllm.releases import mini

    return mini.coded_sizes(rows)


def _mini_recipe() -> str:
    from lmms_cpllm.releases import mini

    return mini.recipe()


MINI = Release(
    name="mini",
    title="vqa_mini",
    count=120,
    mos_min=0.0,
    mos_max=100.0,
    licence="Apache-2.0; photographs of scikit-image and scikit-learn",
    source="made by this package",
    how_to_get="it is rendered into the user's cache on first use",
    embedded=_mini_rows,
    recipe=_mini_recipe,
    references=_mini_references,
    coded_sizes=_mini_coded_sizes,
)

RELEASES: dict[str, Release] = {
    release.name: release
    for release in (
        MINI,
        KONVID,
        LIVE_VQC,
        YOUTUBE_UGC,
        LSVQ_TEST,
        LSVQ_1080P,
        CVD2014,
        LIVE_QUALCOMM,
        LIVE_YT_GAMING,
        MAXWELL,
        KVQ,
        T2VQA,
        CUSTOM,
        QBENCH_VIDEO_DEV,
        FINEVD_YESNO,
        FINEVD_CHOICE,
    )
}

TRAINING_RELEASES: dict[str, Release] = {LSVQ_TRAIN.name: LSVQ_TRAIN}
"""Parts of releases that are for training; they are no tasks."""


def find_release(name: str) -> Release:
    """The release of that name. Raises ArgumentError that lists the names."""
    if name not in RELEASES:
        raise ArgumentError(f"release {name!r} is not known; expected one of: {', '.join(sorted(RELEASES))}")
    return RELEASES[name]


def rows(name: str) -> list[Row] | list[Question]:
    """The rows of a release as it lies below LMMS_CPLLM_DATA, in the order of their names; questions in that of the file.

    Raises:
        ArgumentError: no release has this name.
        DataError: the release is missing, incomplete (see LMMS_CPLLM_ALLOW_PARTIAL) or not what its authors published.
    """
    release = find_release(name)
    if release.embedded:
        return list(release.embedded())
    return checked_rows(release, find_place(release))


def pairs(name: str) -> list[Pair]:
    """The pairs of a release, always the same, in the order of their names; of two equal MOS none.

    Those of the embedded benchmark are chosen by `mini.pairs`, those of any other release are `one_other_each`.

    Raises:
        ArgumentError: no release has this name.
        DataError: as `rows`, or no two videos of a pair differ in their MOS.
    """
    if name == MINI.name:
        from lmms_cpllm.releases import mini  # as above

        return mini.pairs()
    listed = rows(name)
    found = one_other_each(listed)
    if not found:
        raise DataError(
            f"{find_release(name).title}: expected at least two videos with different MOS to make pairs of, found "
            f"{len(listed)} with MOS {', '.join(sorted({f'{row.mos:g}' for row in listed}))}\n"
            f"  how to get it: {find_release(name).how_to_get}"
        )
    return found
