"""The baselines that come with this package."""

from __future__ import annotations

from pathlib import Path

from lmms_cpllm.errors import DataError

SHIPPED = Path(__file__).with_name("shipped")


def shipped() -> list[str]:
    """Their names."""
    return sorted(path.stem for path in SHIPPED.glob("*.json"))


def find(named: str) -> Path:
    """The path that is meant: what lies there, else the shipped baseline of this name.

    Raises:
        DataError: there is neither.
    """
    if Path(named).exists():
        return Path(named)
    if named in shipped():
        return SHIPPED / f"{named}.json"
    raise DataError(
        f"{named}: expected a file of `lmms-cpllm baseline save`, an output folder of lmms-eval, or the name of a "
        f"shipped baseline ({', '.join(shipped()) or 'there is none'}), found nothing"
    )
