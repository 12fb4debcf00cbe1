"""The score file of a measure: a table for `--model vqa_scores`, a note of how it was made, and what is there of it so far.

`scores.csv` has a row a video: `name`; `score`, for which higher is better; and the measure's own number under its own
name. Both are empty for a video without one. `scores.csv.json` says what was measured, on what, with which versions.
Until these two are written, every number is a line of `scores.csv.part`, with which a run goes on that was stopped.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from lmms_cpllm import __version__
from lmms_cpllm.baselines.measuring import Measured
from lmms_cpllm.baselines.methods import Method
from lmms_cpllm.errors import UserError


def note_of(method: Method, release: str, videos: int, fingerprint: str, frames: int) -> dict:
    """How a score file is made: all that the numbers depend on, in JSON types.

    Args:
        method: its packages are installed.
        release: name of the release.
        videos: number of its videos.
        fingerprint: of its rows.
        frames: how many of a video are read, where the method takes that.
    """
    way = "higher is better" if method.higher_is_better else "lower is better, so the score is it with its sign turned"
    packages = {name: version(name) for name in method.packages}
    return {
        "method": method.title,
        "score": f"{method.column}; {way}",
        "frames": method.reads.format(frames=frames),
        "release": release,
        "videos": videos,
        "fingerprint": fingerprint,
        "versions": {"lmms-cpllm": __version__, **packages},
    }


def note_path(out: Path) -> Path:
    """Where the note of a score file lies."""
    return out.with_name(f"{out.name}.json")


class Part:
    """The numbers that are there so far. Numbers of another note (other videos, another version) are forgotten.

    Raises:
        UserError: the file cannot be written.
    """

    def __init__(self, out: Path, note: Mapping) -> None:
        self.path = out.with_name(f"{out.name}.part")
        self.numbers: dict[str, float] = _read(self.path, note)
        """name of a video -> its number"""
        lines = [note, *([name, number] for name, number in self.numbers.items())]
        try:
            _replace(self.path, "".join(json.dumps(line) + "\n" for line in lines))
            self._file = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise UserError(f"--out {out}: it cannot be written: {error}") from error

    def add(self, name: str, measured: Measured) -> None:
        """Keeps a number. What failed is not kept, so that it is tried again."""
        if not measured.reason:
            self._file.write(json.dumps([name, measured.number]) + "\n")
            self._file.flush()

    def close(self) -> None:
        self._file.close()


def _read(path: Path, note: Mapping) -> dict[str, float]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    values = []
    for line in lines:
        try:
            values.append(json.loads(line))
        except ValueError:  # the last one, of a run that was killed
            break
    return dict(values[1:]) if values and values[0] == note else {}


def write(out: Path, method: Method, note: Mapping, names: Sequence[str], found: Iterable[Measured]) -> None:
    """Writes the score file and its note, each whole or not at all.

    Args:
        out: the file, which is replaced.
        method: for the name of the column and the sign.
        note: of `note_of`; the number of scores and the reasons of those that are missing are added.
        names: of all videos, in the order of the rows.
        found: what was measured, in the same order.
    """
    found = dict(zip(names, found, strict=True))
    sign = 1 if method.higher_is_better else -1
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("name", "score", method.column))
    for name, one in found.items():
        writer.writerow((name, "", "") if one.reason else (name, sign * one.number, one.number))
    failed = {name: one.reason for name, one in found.items() if one.reason}
    full = {**note, "scored": len(found) - len(failed), "without_score": failed}
    _replace(out, table.getvalue())
    _replace(note_path(out), json.dumps(full, indent=1, ensure_ascii=False) + "\n")


def _replace(path: Path, text: str) -> None:
    """Whole or not at all."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)
