"""Full-reference features of tiny clips, and a table made of three of them."""

import csv
import json
import subprocess

import numpy as np
import pytest
from tiny_recipe import ITEMS

from lmms_cpllm.errors import DataError
from lmms_cpllm.synthesis import labels, scenes
from lmms_cpllm.synthesis.__main__ import main
from lmms_cpllm.synthesis.encode import LOSSLESS, encode
from lmms_cpllm.synthesis.opinion import CLEAN_ACR, opinion
from lmms_cpllm.synthesis.recipe import digest
from lmms_cpllm.synthesis.table import COLUMNS, make_table
from lmms_cpllm.video import libvmaf


@pytest.fixture(scope="module")
def frames():
    return list(scenes.frames(ITEMS[0].scene))


@pytest.fixture(scope="module")
def clean(frames, tmp_path_factory):
    pytest.importorskip("imageio_ffmpeg")
    path = tmp_path_factory.mktemp("labels") / "clean.mp4"
    encode(frames, path, LOSSLESS, 12)
    return path


@pytest.mark.parametrize(("acr", "quality"), [(5, 100), (1, 0), (3.4, 60), (0.2, 0), (5.3, 100)])
def test_quality_of_acr(acr, quality):
    assert labels.quality_of_acr(acr) == pytest.approx(quality)


def test_a_clip_against_itself(clean):
    found = labels.full_reference(clean, clean, 6)
    assert found["vmaf"] == pytest.approx(labels.PERFECT_VMAF, abs=0.01)
    assert found["psnr_y"] == found["psnr_cb"] == 60
    assert found["aim"] == found["chroma_error"] == 0
    assert all(found[name] == pytest.approx(1, abs=1e-3) for name in found if name.startswith(("adm", "vif")))
    assert opinion(found).acr == pytest.approx(CLEAN_ACR, abs=1e-3)


def test_features_are_the_means_over_frames_and_every_one_is_there(clean, frames, tmp_path):
    worse = tmp_path / "worse.mp4"
    encode([frame if n < 4 else frame // 2 for n, frame in enumerate(frames)], worse, LOSSLESS, 12)
    each = labels.frame_features(clean, worse, 6)
    assert tuple(each) == labels.FEATURES
    assert all(value.shape == (6,) for value in each.values())
    assert each["vmaf"][:4].min() > 97 > 60 > each["vmaf"][4:].max()
    found = labels.full_reference(clean, worse, 6)
    for name in labels.FEATURES:
        assert found[name] == pytest.approx(each[name].mean())
    slices = labels.slices_of(found)
    for name in labels.SLICED:
        assert slices[name].shape == (labels.SLICES,)
        assert slices[name].mean() == pytest.approx(found[name])
    # Two of six frames are bad: the first third of the tenths, worst first, and no other.
    assert slices["vmaf"][:3].max() < 60
    assert slices["vmaf"][4:].min() > 97
    assert slices["aim"][:3].min() > slices["aim"][4:].max()


def test_chroma_error_is_in_8_bit_steps_of_cb_and_cr(clean, frames, tmp_path):
    # BT.601: 20 more blue are 20 * 0.5 * 224 / 255 more Cb, and 20 * 0.081 * 224 / 255 less Cr.
    grey = [np.full_like(frame, 100) for frame in frames]
    reference, blue = tmp_path / "grey.mp4", tmp_path / "blue.mp4"
    encode(grey, reference, LOSSLESS, 12)
    encode([frame + np.array([0, 0, 20], np.uint8) for frame in grey], blue, LOSSLESS, 12)
    found = labels.full_reference(reference, blue, 6)
    assert found["chroma_error"] == pytest.approx((8.78 + 1.43) / 2, abs=0.6)


def test_slices_of_means_alone():
    found = labels.slices_of({"vmaf": 80.0, "aim": 0.1, "chroma_error": 2.0})
    assert {name: value.tolist() for name, value in found.items()} == {
        "vmaf": [80.0],
        "aim": [0.1],
        "chroma_error": [2.0],
    }


def test_another_number_of_frames_is_refused(clean):
    with pytest.raises(DataError, match=r"clean.mp4: VMAF compared 6 frames, expected 7"):
        labels.full_reference(clean, clean, 7)


def test_a_file_that_is_no_video(clean, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(
        DataError, match=r"broken.mp4: ffmpeg's libvmaf failed with exit status \d+: .*moov atom not found"
    ):
        labels.full_reference(clean, broken, 1)


def test_an_older_libvmaf_is_named_with_what_it_lacks(clean, monkeypatch):
    def without_aim(command, cwd, **options):
        done = subprocess_run(command, cwd=cwd, **options)
        log = json.loads((cwd / "vmaf.json").read_text())
        for frame in log["frames"]:
            del frame["metrics"]["integer_aim"]
        (cwd / "vmaf.json").write_text(json.dumps(log))
        return done

    subprocess_run = subprocess.run
    monkeypatch.setattr(libvmaf.subprocess, "run", without_aim)
    with pytest.raises(DataError, match=r"its libvmaf does not give integer_aim. Install a newer one: pip install"):
        labels.full_reference(clean, clean, 6)


def test_table_of_real_clips(tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    make_table(ITEMS, tmp_path / "tiny.csv", clips=tmp_path / "clips")
    with open(tmp_path / "tiny.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [item.name for item in ITEMS]
    assert tuple(rows[0]) == COLUMNS
    assert [row["recipe"] for row in rows] == [digest(item) for item in ITEMS]
    clean, h264, blurred = (float(row["quality"]) for row in rows)
    # A clean clip stands where people put one, which is below the end of the scale.
    assert 85 < clean <= 25 * (CLEAN_ACR - 1)
    assert clean > h264 + 20
    assert clean > blurred + 20
    assert all(0 < float(row["vmaf"]) < 98 for row in rows)
    assert [int(row["bytes"]) for row in rows] == [
        (tmp_path / "clips" / f"{item.name}.mp4").stat().st_size for item in ITEMS
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips", "tiny.csv"]


def test_command_line(monkeypatch, tmp_path, capsys):
    calls = []
    monkeypatch.setattr("lmms_cpllm.synthesis.__main__.make_table", lambda *args: calls.append(args))
    main(["make-table", "--out", str(tmp_path / "t.csv"), "--workers", "3"])
    ((made, out, clips, workers),) = calls
    assert (len(made), out, clips, workers) == (120, tmp_path / "t.csv", None, 3)
    assert capsys.readouterr().out == f"{tmp_path / 't.csv'}: 120 rows\n"
