"""The releases that can be scored: their registry, and their rows.

To add a release write one file beside `konvid.py` and name its `Release` in `RELEASES`.
"""

from __future__ import annotations

from collections.abc import Sequence

from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.releases.base import Release, Row, checked_rows, data_root, fingerprint
from lmms_cpllm.releases.konvid import KONVID

__all__ = ["RELEASES", "Release", "Row", "data_root", "find_release", "fingerprint", "rows"]


def _mini_rows() -> Sequence[Row]:
    # Only here: mini renders videos, everything else in this package only reads text.
    from lmms_cpllm.releases import mini

    return mini.rows()


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
)

RELEASES: dict[str, Release] = {release.name: release for release in (MINI, KONVID)}


def find_release(name: str) -> Release:
    """The release of that name. Raises ArgumentError that lists the names."""
    if name not in RELEASES:
        raise ArgumentError(f"release {name!r} is not known; expected one of: {', '.join(sorted(RELEASES))}")
    return RELEASES[name]


def rows(name: str) -> list[Row]:
    """The rows of a release as it lies below LMMS_CPLLM_DATA, in the order of their names.

    Raises:
        ArgumentError: no release has this name.
        DataError: the release is missing, incomplete (see LMMS_CPLLM_ALLOW_PARTIAL) or not what its authors published.
    """
    release = find_release(name)
    if release.embedded:
        return list(release.embedded())
    return checked_rows(release, data_root(hint=f"{release.title}: {release.how_to_get}"))
