"""setup.cfg names the packages one by one: a forgotten one is missing from the wheel, not from a checkout."""

from __future__ import annotations

import configparser
from pathlib import Path

ROOT = Path(__file__).parents[1]


def settings() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_every_package_is_named():
    named = settings()["options"]["packages"].split()
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "lmms_cpllm").rglob("__init__.py")}
    assert sorted(named) == sorted({".".join(folder.parts) for folder in folders} | {"lmms_cpllm.tasks"})
