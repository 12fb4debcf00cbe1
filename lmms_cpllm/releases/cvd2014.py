"""CVD2014: 234 videos of 78 cameras, with MOS from a laboratory.

Nuutinen et al., "CVD2014: a database for evaluating no-reference video quality assessment algorithms", IEEE TIP 2016.
Layout as downloaded:

    Test1/City/Test01_City_D01.avi ...
    Realignment_MOS.csv or CVD2014_ratings/Realignment_MOS.csv
                              (File_name; Content; ...; Realignment MOS)

The table is separated by semicolons, has decimal commas and about 170 blank rows. The realigned scores of the six tests
are on one scale and go below 0: from -6.5 to 93.38. Names and files differ in upper and lower case ("Talking_Head",
"Talking_head"), so case is ignored.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from lmms_cpllm.releases.base import Labels, Release
from lmms_cpllm.releases.files import find_file, stem_of, videos_by_stem
from lmms_cpllm.releases.tables import parse_decimal_comma, read_csv, table_labels

LABEL_FILE = "Realignment_MOS.csv"
RATINGS = "CVD2014_ratings"
TESTS = tuple(f"Test{number}" for number in range(1, 7))
HOW_TO_GET = (
    "get it from its authors (https://www.mv.helsinki.fi/home/msjnuuti/CVD2014/), and put Test1/ to Test6/ and "
    f"{LABEL_FILE} below LMMS_CPLLM_DATA/cvd2014"
)


def read(folder: Path) -> Labels:
    """The realigned MOS of every video. Raises DataError."""
    table = read_csv(find_file("CVD2014", folder, (LABEL_FILE,), (RATINGS,), HOW_TO_GET), delimiter=";")
    return table_labels(table, "file_name", "realignment mos", name=stem_of, parse=parse_decimal_comma)


CVD2014 = Release(
    name="cvd2014",
    title="CVD2014",
    count=234,
    mos_min=-6.5,  # realigned scores of a scale of 0 to 100: the published values run from -6.5 to 93.38
    mos_max=100.0,
    licence="not known here; its page has a copyright notice",
    source="https://www.mv.helsinki.fi/home/msjnuuti/CVD2014/",
    how_to_get=HOW_TO_GET,
    folders=("cvd2014", "CVD2014"),
    markers=(LABEL_FILE, f"{RATINGS}/{LABEL_FILE}", TESTS[0]),
    read=read,
    videos=partial(videos_by_stem, places=TESTS),
)
