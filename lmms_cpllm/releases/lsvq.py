"""LSVQ: 39,000 videos of the Internet Archive and of Flickr (YFCC), with human MOS; both test sets, and the rest.

Ying et al., "Patch-VQ: 'Patching up' the video quality problem", CVPR 2021. Layout as downloaded, and as in the mirror
`teowu/LSVQ-videos` on the Hugging Face hub once its archives are unpacked:

    yfcc-batch<k>/<id>.mp4, ia-batch<k>/<id>.mp4
    labels_train_test.csv     (name, mos, height, width, ..., is_test, is_valid, patch columns)
    labels_test_1080p.csv     (name, mos, height, width, ..., patch columns)

`name` is "yfcc-batch<k>/<id>" without an ending. `is_test` says whether a video is in the test set
(https://github.com/baidut/PatchVQ); `is_valid` is not used. Both names of columns and files are those of that page. Videos
cannot be had any more or are damaged, so several counts circulate: 7182 to 7220 and, for 1080p, 3561 to 3573. Each of
them counts as whole.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lmms_cpllm.releases.base import Labels, Release
from lmms_cpllm.releases.files import find_file, last_two, videos_by_folder
from lmms_cpllm.releases.tables import read_csv, require_columns, table_labels

TRAIN_TEST = "labels_train_test.csv"
TEST_1080P = "labels_test_1080p.csv"
LABELS_FROM = "https://github.com/baidut/PatchVQ/releases/download/v0.1"

_TRUE, _FALSE = ("true", "1", "1.0"), ("false", "0", "0.0")


def how_to_get(labels: str) -> str:
    """What to do to have the videos and one label file."""
    return (
        f"download {LABELS_FROM}/{labels}, and the videos by the form on https://github.com/baidut/PatchVQ or from the "
        "mirror teowu/LSVQ-videos on the Hugging Face hub (tar.gz, unpack them), and put yfcc-batch*/, ia-batch*/ and the "
        "label file below LMMS_CPLLM_DATA/lsvq"
    )


def read_test(folder: Path) -> Labels:
    """The MOS of the videos of labels_train_test.csv that are in the test set. Raises DataError."""
    return _read(folder, is_test=True)


def read_train(folder: Path) -> Labels:
    """The MOS of the videos of labels_train_test.csv that are not in the test set. Raises DataError."""
    return _read(folder, is_test=False)


def _read(folder: Path, is_test: bool) -> Labels:
    table = read_csv(find_file("LSVQ", folder, (TRAIN_TEST,), (), how_to_get(TRAIN_TEST)))
    require_columns(table, ("name", "mos", "is_test"))
    wanted, others = (_TRUE, _FALSE) if is_test else (_FALSE, _TRUE)
    kept = tuple((line, cells) for line, cells in table.lines if cells["is_test"].lower() not in others)
    labels = table_labels(replace(table, lines=kept), "name", "mos", name=last_two)
    unclear = tuple(
        f"line {line}: is_test {cells['is_test']!r} of {cells['name']} is neither True nor False"
        for line, cells in kept
        if cells["is_test"].lower() not in wanted
    )
    return replace(labels, faults=(*labels.faults, *unclear))


def read_1080p(folder: Path) -> Labels:
    """The MOS of every video of labels_test_1080p.csv. Raises DataError."""
    table = read_csv(find_file("LSVQ", folder, (TEST_1080P,), (), how_to_get(TEST_1080P)))
    return table_labels(table, "name", "mos", name=last_two)


LSVQ_TEST = Release(
    name="lsvq_test",
    title="LSVQ-test",
    count=7182,
    other_counts=tuple(range(7183, 7221)),
    withdrawn=True,
    mos_min=0.0,  # a continuous scale; the published values run from 2.4 to 91.4
    mos_max=100.0,
    licence="free for research with the copyright notice of UT Austin, on request",
    source="https://github.com/baidut/PatchVQ",
    how_to_get=how_to_get(TRAIN_TEST),
    folders=("lsvq", "LSVQ", "LSVQ-videos"),
    markers=(TRAIN_TEST,),
    split="test (is_test), without 1080p",
    read=read_test,
    videos=videos_by_folder,
)

LSVQ_1080P = replace(
    LSVQ_TEST,
    name="lsvq_1080p",
    title="LSVQ-1080p",
    count=3573,
    other_counts=tuple(range(3561, 3573)),
    how_to_get=how_to_get(TEST_1080P),
    markers=(TEST_1080P,),
    split="test-1080p",
    read=read_1080p,
)

LSVQ_TRAIN = replace(
    LSVQ_TEST,
    name="lsvq_train",
    title="LSVQ-train",
    count=28056,
    other_counts=(),
    split="train (not is_test)",
    read=read_train,
)
"""For training only; it is no task."""
