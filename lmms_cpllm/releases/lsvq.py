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

The authors give the videos on request; the mirror, by the authors of DOVER
(https://github.com/VQAssessment/DOVER#tip-to-download-lsvq), is not theirs. It holds one .tar.gz for each folder, with
training and test videos mixed; about 70 GB in all according to those who fetched it, not counted here. Of them the
videos of both test sets are unpacked.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lmms_cpllm.releases.base import Labels, Release
from lmms_cpllm.releases.files import find_file, last_two, videos_by_folder
from lmms_cpllm.releases.origins import HubFolder, LabelFile
from lmms_cpllm.releases.tables import read_csv, require_columns, table_labels

TRAIN_TEST = "labels_train_test.csv"
TEST_1080P = "labels_test_1080p.csv"
LABELS_FROM = "https://github.com/baidut/PatchVQ/releases/download/v0.1"

MIRROR = "teowu/LSVQ-videos"

_TRUE, _FALSE = ("true", "1", "1.0"), ("false", "0", "0.0")


def how_to_get(release: str, labels: str) -> str:
    """What to do to have the videos and one label file."""
    return (
        "ask for the videos by the form on https://github.com/baidut/PatchVQ, or take them from the mirror "
        f"{MIRROR} on the Hugging Face hub, which is not the authors' own (`lmms-cpllm data get {release}` does, with the "
        f"labels; or unpack its tar.gz by hand); put yfcc-batch*/, ia-batch*/ and {LABELS_FROM}/{labels} below "
        "LMMS_CPLLM_DATA/lsvq"
    )


def read_test(folder: Path) -> Labels:
    """The MOS of the videos of labels_train_test.csv that are in the test set. Raises DataError."""
    return _read(folder, is_test=True)


def read_train(folder: Path) -> Labels:
    """The MOS of the videos of labels_train_test.csv that are not in the test set. Raises DataError."""
    return _read(folder, is_test=False)


def _read(folder: Path, is_test: bool) -> Labels:
    table = read_csv(find_file("LSVQ", folder, (TRAIN_TEST,), (), how_to_get("lsvq_test", TRAIN_TEST)))
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
    table = read_csv(find_file("LSVQ", folder, (TEST_1080P,), (), how_to_get("lsvq_1080p", TEST_1080P)))
    return table_labels(table, "name", "mos", name=last_two)


def labelled(folder: Path) -> frozenset[str]:
    """The names in both test sets: they lie in the same archives. Raises DataError."""
    return frozenset(label.name for labels in (read_test(folder), read_1080p(folder)) for label in labels.labels)


def all_labelled(folder: Path) -> frozenset[str]:
    """Those and the training set's. Raises DataError."""
    return labelled(folder) | {label.name for label in read_train(folder).labels}


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
    how_to_get=how_to_get("lsvq_test", TRAIN_TEST),
    folders=("lsvq", "LSVQ", "LSVQ-videos"),
    markers=(TRAIN_TEST,),
    split="test (is_test), without 1080p",
    read=read_test,
    videos=videos_by_folder,
    label_files=tuple(LabelFile(f"{LABELS_FROM}/{name}", name) for name in (TRAIN_TEST, TEST_1080P)),
    hub_folders=(
        HubFolder(
            MIRROR,
            folder="",
            name_of=last_two,
            wanted=labelled,
            notice=f"LSVQ: its authors give it on request (form on https://github.com/baidut/PatchVQ). {MIRROR} on the "
            "Hugging Face hub is a mirror by others. Whoever uses the videos is bound by the authors' terms: research, "
            "with the copyright notice of UT Austin.",
        ),
    ),
)

LSVQ_1080P = replace(
    LSVQ_TEST,
    name="lsvq_1080p",
    title="LSVQ-1080p",
    count=3573,
    other_counts=tuple(range(3561, 3573)),
    how_to_get=how_to_get("lsvq_1080p", TEST_1080P),
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
    how_to_get=how_to_get("lsvq_train", TRAIN_TEST),
    hub_folders=tuple(replace(folder, wanted=all_labelled) for folder in LSVQ_TEST.hub_folders),
    split="train (not is_test)",
    read=read_train,
)
"""For training only; it is no task."""
