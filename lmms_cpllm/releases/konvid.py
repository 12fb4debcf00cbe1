"""KoNViD-1k: 1200 videos of Flickr users (YFCC100M) with crowd-sourced MOS.

Hosu et al., "The Konstanz natural video database (KoNViD-1k)", QoMEX 2017. Layout as downloaded:

    KoNViD_1k_videos/<flickr_id>.mp4                 (older: <flickr_id>_original_centercrop_960x540_8s.mp4)
    KoNViD_1k_metadata/KoNViD_1k_mos.csv             (flickr_id,mos), or
    KoNViD_1k_metadata/KoNViD_1k_attributes.csv      (flickr_id,file_name,MOS,SD,...)

`KoNViD_1k_subjective.csv` of the same archive holds the addresses of the crowd workers. It is never opened and never
unpacked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from lmms_cpllm.releases.base import Label, Labels, Release
from lmms_cpllm.releases.files import find_file
from lmms_cpllm.releases.origins import Archive
from lmms_cpllm.releases.tables import deviation, parse_number, read_csv, require_columns

VIDEOS = "KoNViD_1k_videos"
METADATA = "KoNViD_1k_metadata"
LABEL_FILES = ("KoNViD_1k_mos.csv", "KoNViD_1k_attributes.csv")
ARCHIVES = "http://datasets.vqa.mmsp-kn.de/archives"  # plain http: the certificate of this host has expired before
HOW_TO_GET = (
    "`lmms-cpllm data get konvid` downloads it (about 2.4 GB, open to everybody) into LMMS_CPLLM_DATA, "
    f"or unpack {ARCHIVES}/{VIDEOS}.zip and {ARCHIVES}/{METADATA}.zip there"
)

_VIDEO_NAME = re.compile(r"(?P<id>\d+)(?P<old>_.*centercrop_960x540_8s)?\.mp4", re.IGNORECASE)
_SPOILED_ID = re.compile(r"\d+\.\d*|\d+(\.\d+)?[eE]\+?\d+")


def read(folder: Path) -> Labels:
    """Read the MOS of every flickr_id. Raises DataError when the file or one of its columns is missing."""
    table = read_csv(find_file("KoNViD-1k", folder, LABEL_FILES, (METADATA,), HOW_TO_GET))
    require_columns(table, ("flickr_id", "mos"))
    labels, faults = [], []
    for line, cells in table.lines:
        where, name, mos = f"line {line}", cells["flickr_id"], parse_number(cells["mos"])
        if _SPOILED_ID.fullmatch(name):
            faults.append(
                f"{where}: flickr_id {name} was turned into a decimal number (a spreadsheet or pandas saved this "
                "file), "
                "so its video cannot be known"
            )
        elif not (name.isascii() and name.isdigit()):
            faults.append(f"{where}: flickr_id {name!r} is not a whole number")
        elif mos is None:
            faults.append(f"{where}: MOS {cells['mos']!r} of {name} is not a number")
        else:
            labels.append(Label(name, mos, where, deviation(cells)))
    return Labels(table.path, tuple(labels), tuple(faults))


def videos(folder: Path) -> Mapping[str, Path]:
    """flickr_id -> file. `<id>.mp4` wins over the older name where both are there."""
    place = folder / VIDEOS
    if not place.is_dir():
        return {}
    found: dict[str, Path] = {}
    for entry in sorted(os.scandir(place), key=lambda entry: entry.name):
        match = _VIDEO_NAME.fullmatch(entry.name)
        if match and entry.is_file() and (match["old"] is None or match["id"] not in found):
            found[match["id"]] = Path(entry.path)
    return found


KONVID = Release(
    name="konvid",
    title="KoNViD-1k",
    count=1200,
    mos_min=1.0,  # ACR scale; the published values run from 1.22 to 4.64
    mos_max=5.0,
    licence="not stated by its authors; Creative Commons videos of YFCC100M",
    source="https://database.mmsp-kn.de/konvid-1k-database.html",
    how_to_get=HOW_TO_GET,
    folders=("konvid", "KoNViD-1k", "KoNViD_1k"),
    markers=(VIDEOS, METADATA),
    read=read,
    videos=videos,
    archives=(
        Archive(
            f"{ARCHIVES}/{METADATA}.zip",
            METADATA,
            unpacked_bytes_max=2**30,
            skip=("KoNViD_1k_subjective.csv",),
        ),
        Archive(f"{ARCHIVES}/{VIDEOS}.zip", VIDEOS),
    ),
)
