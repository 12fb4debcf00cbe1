"""The baselines that come with this package."""

from __future__ import annotations

from pathlib import Path

SHIPPED = Path(__file__).with_name("shipped")


def shipped() -> list[str]:
    """Their names."""
    return sorted(path.stem for path in SHIPPED.glob("*.json"))


def find(named: str) -> Path:
    """The path that is meant: what lies there, else the shipped baseline of this name, else the path as it is."""
    path = SHIPPED / f"{named}.json"
    return path if named in shipped() and not Path(named).exists() else Path(named)
