"""The rule from VMAF to quality, and a table made of three tiny clips."""

import csv
import sys

import pytest
from tiny_recipe import ITEMS

from lmms_cpllm.errors import DataError, UserError
from lmms_cpllm.synthesis import labels, scenes
from lmms_cpllm.synthesis.__main__ import main
from lmms_cpllm.synthesis.encode import LOSSLESS, encode
from lmms_cpllm.synthesis.recipe import digest
from lmms_cpllm.synthesis.table import COLUMNS, make_table


@pytest.mark.parametrize(("vmaf", "quality"), [(97.43, 100), (100, 100), (20, 0), (3, 0), (58.715, 50)])
def test_rule(vmaf, quality):
    assert labels.quality_of_vmaf(vmaf) == pytest.approx(quality)


def test_table_of_real_vmaf(tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    make_table(ITEMS, tmp_path / "tiny.csv", clips=tmp_path / "clips")
    with open(tmp_path / "tiny.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [item.name for item in ITEMS]
    assert tuple(rows[0]) == COLUMNS
    assert [row["recipe"] for row in rows] == [digest(item) for item in ITEMS]
    clean, h264, blurred = (float(row["quality"]) for row in rows)
    assert clean > 90
    assert clean > h264 + 20
    assert clean > blurred + 20
    assert [int(row["bytes"]) for row in rows] == [
        (tmp_path / "clips" / f"{item.name}.mp4").stat().st_size for item in ITEMS
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips", "tiny.csv"]


def test_vmaf_of_another_number_of_frames_is_refused(tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    clip = tmp_path / "clip.mp4"
    encode(scenes.frames(ITEMS[0].scene), clip, LOSSLESS, 12)
    assert labels.vmaf(clip, clip, 6) == pytest.approx(97.43, abs=0.01)
    with pytest.raises(DataError, match=r"clip.mp4: VMAF compared 6 frames, expected 7"):
        labels.vmaf(clip, clip, 7)


def test_vmaf_of_a_file_that_is_no_video(tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(
        DataError, match=r"broken.mp4: ffmpeg's libvmaf failed with exit status \d+: .*moov atom not found"
    ):
        labels.vmaf(broken, broken, 1)


def test_without_imageio_ffmpeg(monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(UserError, match=r"pip install 'lmms-cpllm\[train\]'"):
        labels.ffmpeg_path()


def test_command_line(monkeypatch, tmp_path, capsys):
    calls = []
    monkeypatch.setattr("lmms_cpllm.synthesis.__main__.make_table", lambda *args: calls.append(args))
    main(["make-table", "--out", str(tmp_path / "t.csv"), "--workers", "3"])
    ((made, out, clips, workers),) = calls
    assert (len(made), out, clips, workers) == (120, tmp_path / "t.csv", None, 3)
    assert capsys.readouterr().out == f"{tmp_path / 't.csv'}: 120 rows\n"
