"""T2VQA-DB: 10,000 videos made by nine text-to-video models, with MOS of 27 people.

Kou et al., "Subjective-aligned dataset and metric for text-to-video quality assessment", ACM MM 2024. Layout as
downloaded:

    <name>.mp4                (in the folder or in one below it)
    info.txt                  (name|prompt|mos, no head line)

A prompt may hold quotes, commas and the separator itself, so the name is what stands before the first separator and the
MOS what stands behind the last. The prompt is not shown to the model: what is asked for is the quality of the video.

The authors do not state the range. Their own label file is called database_standard_16.6_50
(https://github.com/QMME/T2VQA/blob/HEAD/T2VQA/t2vqa.yml), which says a mean of 50 and a deviation of 16.6: a scale of 0
to 100 that such scores may leave, so values beyond its ends are no fault.
"""

from __future__ import annotations

from pathlib import Path

from lmms_cpllm.releases.base import Label, Labels, Release
from lmms_cpllm.releases.files import find_file, stem_of, videos_by_stem
from lmms_cpllm.releases.tables import parse_number, read_rows

LABEL_FILE = "info.txt"
HOW_TO_GET = (
    "follow the link on https://github.com/QMME/T2VQA to T2VQA-DB, and put the videos and "
    f"{LABEL_FILE} below LMMS_CPLLM_DATA/t2vqa"
)


def read(folder: Path) -> Labels:
    """The MOS of every line. Raises DataError when there is no file; lines that are no labels are faults."""
    path = find_file("T2VQA-DB", folder, (LABEL_FILE,), (), HOW_TO_GET)
    labels, faults = [], []
    for line, cells in read_rows(path, delimiter="|", quoted=False):
        if not any(cells):
            continue
        name, mos = stem_of(cells[0]), parse_number(cells[-1])
        if len(cells) < 3 or not name:
            faults.append(f"line {line}: name|prompt|mos expected, found {'|'.join(cells)!r}")
        elif mos is None:
            faults.append(f"line {line}: mos {cells[-1]!r} of {name} is not a number")
        else:
            labels.append(Label(name, mos, f"line {line}"))
    return Labels(path, tuple(labels), tuple(faults))


T2VQA = Release(
    name="t2vqa",
    title="T2VQA-DB",
    count=10_000,
    mos_min=0.0,
    mos_max=100.0,
    mos_beyond=True,
    licence="not known here, see its page",
    source="https://github.com/QMME/T2VQA",
    how_to_get=HOW_TO_GET,
    folders=("t2vqa", "T2VQA-DB", "T2VQA"),
    markers=(LABEL_FILE,),
    read=read,
    videos=videos_by_stem,
)
