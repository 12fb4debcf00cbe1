"""BRISQUE and NIQE on tiny clips of a photograph: the orders that everybody sees, and files that give no number."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import write_clip
from PIL import Image
from skimage.data import astronaut

from lmms_cpllm.errors import UserError
from lmms_cpllm.training import naturalness

METHODS = ("brisque", "niqe")
LOADERS = {"brisque": "_brisque_model", "niqe": "_niqe_function"}
PACKAGES = {"brisque": "brisque", "niqe": "skvideo"}


def picture(height: int = 200, width: int = 240) -> np.ndarray:
    """Part of a photograph: both methods know nothing but natural scenes."""
    return np.ascontiguousarray(astronaut()[:height, 100 : 100 + width])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    clean = picture()
    noise = np.random.default_rng(0).normal(0, 25, clean.shape)
    shown = {
        "clean": clean,
        "soft": cv2.GaussianBlur(clean, (0, 0), 1),
        "blurred": cv2.GaussianBlur(clean, (0, 0), 4),
        "noisy": np.clip(clean + noise, 0, 255).astype(np.uint8),
        "small": picture(60, 80),
        "grey": np.full_like(clean, 128),
    }
    for name, frame in shown.items():
        write_clip(folder / f"{name}.mp4", content=np.stack([frame] * 4), crf=6)
    # Of six frames 1, 3 and 5 are looked at.
    frames = np.stack([shown["blurred"] if i in (1, 5) else clean for i in range(6)])
    write_clip(folder / "exact.mkv", codec="ffv1", content=frames, pix_fmt="bgr0")
    Image.fromarray(clean).save(folder / "clean.png")
    Image.fromarray(shown["blurred"]).save(folder / "blurred.png")
    (folder / "broken.mp4").write_text("no video")
    return folder


FILES = (
    "clean.mp4",
    "soft.mp4",
    "blurred.mp4",
    "noisy.mp4",
    "exact.mkv",
    "clean.png",
    "blurred.png",
    "small.mp4",
    "grey.mp4",
)
WITHOUT = ("broken.mp4", "absent.mp4")


@pytest.fixture(scope="module", params=METHODS)
def measured(request, folder) -> tuple[dict[str, float], list[str]]:
    """The numbers of all files by one method, and what it warned of. One call for all: every call starts a process."""
    pytest.importorskip(PACKAGES[request.param], reason="pip install 'lmms-cpllm[baselines]'")
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    naturalness.logger.addHandler(handler)
    found = getattr(naturalness, request.param)([folder / name for name in (*FILES, *WITHOUT)], workers=1)
    naturalness.logger.removeHandler(handler)
    return dict(zip((*FILES, *WITHOUT), found.tolist(), strict=True)), messages


def test_blur_and_noise_are_worse_than_the_clean_clip(measured):
    found, _ = measured
    assert found["clean.mp4"] > found["soft.mp4"] > found["blurred.mp4"]
    assert found["clean.mp4"] > found["noisy.mp4"]


def test_a_clip_is_the_mean_over_three_frames_at_its_own_size(measured):
    found, _ = measured
    assert found["exact.mkv"] == pytest.approx((found["clean.png"] + 2 * found["blurred.png"]) / 3, rel=1e-4)


def test_files_without_a_number_are_nan_and_reported(measured):
    found, messages = measured
    missing = [name for name, number in found.items() if not np.isfinite(number)]
    assert [name for name in missing if name != "grey.mp4"] == list(WITHOUT)
    [message] = messages
    assert f"{len(missing)} of {len(found)} files gave no number" in message
    assert all(f"{name}: " in message for name in missing)


def test_a_frame_of_one_colour_has_no_brisque(folder):
    pytest.importorskip("brisque", reason="pip install 'lmms-cpllm[baselines]'")
    number, reason = naturalness._of_file(naturalness._negative_brisque, folder / "grey.mp4")
    assert np.isnan(number)
    assert reason == "no frame of it has statistics"


def test_a_long_list_of_reasons_is_cut(caplog):
    found = naturalness.reported("T", [Path(f"{i}.mp4") for i in range(9)], [(1.0, "")] + [(np.nan, "odd")] * 8)
    assert np.isfinite(found).tolist() == [True] + [False] * 8
    assert "T: 8 of 9 files" in caplog.text
    assert "5.mp4: odd; 3 more" in caplog.text
    assert "6.mp4" not in caplog.text


@pytest.mark.parametrize(("method", "missing"), [("brisque", "brisque"), ("niqe", "skvideo.measure.niqe")])
def test_a_missing_package_is_an_error_that_says_what_to_install(method, missing, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    # Where the other package is missing as well, the check of both may name that one.
    for work, named in (
        (lambda: getattr(naturalness, method)([Path("none.mp4")]), missing),
        (naturalness.check_packages, ""),
    ):
        for loader in LOADERS.values():
            getattr(naturalness, loader).cache_clear()
        with pytest.raises(UserError, match=rf"needs a package .*{named}.*pip install 'lmms-cpllm\[baselines\]'"):
            work()


def test_the_names_that_niqe_misses_are_given_to_it_alone():
    pytest.importorskip("skvideo", reason="pip install 'lmms-cpllm[baselines]'")
    module = sys.modules[naturalness._niqe_function().__module__]
    assert module.np.int(3.7) == 3
    assert module.np.mean is np.mean
    assert not hasattr(np, "int")


def test_the_picture_is_halved_as_scipy_did():
    columns = np.tile(np.arange(8, dtype=np.float32), (6, 1))
    half = naturalness._imresize(columns, 0.5, interp="bicubic", mode="F")
    assert half.shape == (3, 4)
    np.testing.assert_allclose(half[:, 1:3], [[2.5, 4.5]] * 3, atol=0.05)


def test_processes_start_without_torch():
    code = "import sys, lmms_cpllm.training.naturalness; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
