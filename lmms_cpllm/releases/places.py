"""Where releases lie on disk: the data root, a release's folder, and the words for what is there.

A release that is not found ends in an error that says what was looked for, what is there and how to get it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lmms_cpllm.errors import DataError

if TYPE_CHECKING:
    from lmms_cpllm.releases.base import Release

DATA_VARIABLE = "LMMS_CPLLM_DATA"
SHOWN = 5  # how many names or faults an error lists before it says "and n more"


def data_root(hint: str = "") -> Path:
    """The folder that holds the releases, from the environment variable LMMS_CPLLM_DATA.

    Raises:
        DataError: the variable is not set, or names no folder. `hint` is appended to the message.
    """
    value = os.environ.get(DATA_VARIABLE, "").strip()
    if not value:
        raise DataError(
            f"{DATA_VARIABLE} is not set. It names the folder that holds the releases, each as its authors publish "
            "it.\n"
            f"  what to do: export {DATA_VARIABLE}=/path/to/releases (`lmms-cpllm data list` shows what is found there)"
            + (f"\n  {hint}" if hint else "")
        )
    root = Path(value).expanduser().absolute()
    if not root.is_dir():
        raise DataError(
            f"{DATA_VARIABLE}={value}: there is no such folder.\n"
            f"  what to do: create it, or set {DATA_VARIABLE} to the folder that holds the releases"
            + (f"\n  {hint}" if hint else "")
        )
    return root


def locate(release: Release, root: Path) -> Path | None:
    """The release's folder at or below `root`, or None. A folder with all the markers wins over one with some."""
    candidates = [root, *(root / name for name in release.folders)]
    present = {folder: sum(any(folder.glob(marker)) for marker in release.markers) for folder in candidates}
    best = max(candidates, key=lambda folder: present[folder])  # the first of equals
    return best if present[best] else None


def find_folder(release: Release, root: Path) -> Path:
    """Like `locate`, but raises a DataError with what was looked for, what was found and how to get the release."""
    folder = locate(release, root)
    if folder is None:
        candidates = [root, *(root / name for name in release.folders)]
        raise DataError(
            f"{release.title} was not found.\n"
            f"  looked for: {' or '.join(release.markers)} in {', '.join(map(str, candidates))}\n"
            f"  found: {describe_folder(root)}\n"
            f"  how to get it: {release.how_to_get}"
        )
    return folder


def describe_folder(folder: Path) -> str:
    """The first entries of a folder, for error texts: "/data holds a, b and 3 more"."""
    if not folder.is_dir():
        return f"no folder {folder}"
    names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in folder.iterdir())
    return f"{folder} holds {shorten(names)}" if names else f"{folder} is empty"


def shorten(items: Sequence[str], separator: str = ", ") -> str:
    """The first items, and how many more there are."""
    text = separator.join(items[:SHOWN])
    return text if len(items) <= SHOWN else f"{text}{separator}and {len(items) - SHOWN} more"


def find_place(release: Release) -> Path:
    """What `read` and `videos` of a release take: its folder below the data root, or the list that its variable names.

    Raises:
        DataError: there is none; says what to do.
    """
    if not release.variable:
        return find_folder(release, data_root(hint=f"{release.title}: {release.how_to_get}"))
    value = os.environ.get(release.variable, "").strip()
    path = Path(value).expanduser().absolute()
    if not value or not path.is_file():
        found = f"{release.variable}={value}: there is no such file" if value else f"{release.variable} is not set"
        raise DataError(f"{found}.\n  what to do: {release.how_to_get}")
    return path
