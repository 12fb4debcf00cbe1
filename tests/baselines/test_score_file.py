"""The score file, its note, and the numbers with which a stopped run goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lmms_cpllm import __version__
from lmms_cpllm.baselines.measuring import Measured
from lmms_cpllm.baselines.methods import METHODS
from lmms_cpllm.baselines.score_file import Part, note_of, note_path, write
from lmms_cpllm.errors import UserError

NOTE = {"method": "bits per pixel", "fingerprint": "0123"}
FAILED = Measured(np.nan, "there is no such file")


def test_a_row_a_video_and_the_higher_the_better(tmp_path: Path) -> None:
    out = tmp_path / "s.csv"
    found = [Measured(30.5, ""), FAILED, Measured(0.1 + 0.2, "")]
    write(out, METHODS["niqe"], NOTE, ["x/a", "b, c", "d"], found)
    assert out.read_text() == 'name,score,niqe\nx/a,-30.5,30.5\n"b, c",,\nd,-0.30000000000000004,0.30000000000000004\n'
    write(out, METHODS["psnr"], NOTE, ["a"], [Measured(30.5, "")])
    assert out.read_text() == "name,score,psnr_db\na,30.5,30.5\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.csv", "s.csv.json"]


def test_the_note_says_what_the_numbers_depend_on(tmp_path: Path) -> None:
    note = note_of(METHODS["bitrate"], "konvid", 2, "0123", 8)
    assert note == {
        "method": "bits per pixel",
        "score": "bits_per_pixel; higher is better",
        "frames": METHODS["bitrate"].reads,
        "release": "konvid",
        "videos": 2,
        "fingerprint": "0123",
        "versions": {"lmms-cpllm": __version__, "av": note["versions"]["av"]},
    }
    write(tmp_path / "s.csv", METHODS["bitrate"], note, ["a", "b"], [Measured(1.0, ""), FAILED])
    written = json.loads(note_path(tmp_path / "s.csv").read_text())
    assert written == {**note, "scored": 1, "without_score": {"b": "there is no such file"}}


def test_frames_and_direction_stand_in_the_note() -> None:
    pytest.importorskip("brisque", reason="pip install 'lmms-cpllm[baselines]'")
    note = note_of(METHODS["brisque"], "konvid", 2, "0123", 5)
    assert note["score"] == "brisque; lower is better, so the score is it with its sign turned"
    assert note["frames"] == "5 frames from the middles of as many equal parts of the video, at its own size"


def test_numbers_are_found_again_and_failures_are_not(tmp_path: Path) -> None:
    out = tmp_path / "s.csv"
    part = Part(out, NOTE)
    assert part.numbers == {}
    for name, measured in (("a", Measured(0.1 + 0.2, "")), ("b", FAILED), ("c", Measured(-1e300, ""))):
        part.add(name, measured)
    part.close()
    with part.path.open("a") as file:
        file.write('["d", 1')  # killed in the middle of a line
    again = Part(out, NOTE)
    assert again.numbers == {"a": 0.30000000000000004, "c": -1e300}
    again.add("d", Measured(2.0, ""))
    again.close()
    assert Part(out, NOTE).numbers == {"a": 0.30000000000000004, "c": -1e300, "d": 2.0}


@pytest.mark.parametrize("text", ["", "no json\n", '{"method": "NIQE", "fingerprint": "0123"}\n["a", 1]\n'])
def test_numbers_of_anything_else_are_forgotten(text: str, tmp_path: Path) -> None:
    (tmp_path / "s.csv.part").write_text(text)
    assert Part(tmp_path / "s.csv", NOTE).numbers == {}


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--out .*absent/s\.csv: it cannot be written: .*No such file"):
        Part(tmp_path / "absent" / "s.csv", NOTE)
