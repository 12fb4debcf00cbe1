"""BRISQUE and NIQE on tiny clips of a photograph: the orders that everybody sees, and files that give no number."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import write_clip
from PIL import Image
from skimage.data import astronaut

from lmms_cpllm.baselines import naturalness
from lmms_cpllm.errors import UserError, VideoError

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
def measured(request, folder) -> dict[str, float | str]:
    """The number of every file by one method on three frames, or why there is none."""
    pytest.importorskip(PACKAGES[request.param], reason="pip install 'lmms-cpllm[baselines]'")

    def number_of(name: str) -> float | str:
        try:
            return getattr(naturalness, request.param)(folder / name, 3)
        except VideoError as error:
            return error.reason

    return {name: number_of(name) for name in (*FILES, *WITHOUT)}


def test_blur_and_noise_are_worse_than_the_clean_clip(measured):
    assert measured["clean.mp4"] < measured["soft.mp4"] < measured["blurred.mp4"]
    assert measured["clean.mp4"] < measured["noisy.mp4"]


def test_a_clip_is_the_mean_over_three_frames_at_its_own_size(measured):
    mean = (measured["clean.png"] + 2 * measured["blurred.png"]) / 3
    assert measured["exact.mkv"] == pytest.approx(mean, rel=1e-4)


def test_files_without_a_number_say_why(measured):
    missing = {name: number for name, number in measured.items() if isinstance(number, str)}
    assert [name for name in missing if name != "grey.mp4"] == list(WITHOUT)
    assert missing["absent.mp4"] == "there is no such file"
    assert all(np.isfinite(number) for name, number in measured.items() if name not in missing)


@pytest.mark.parametrize("method", METHODS)
def test_the_number_of_frames(method, folder):
    pytest.importorskip(PACKAGES[method], reason="pip install 'lmms-cpllm[baselines]'")
    measure = getattr(naturalness, method)
    # One frame is the one at the middle; there are six, of which four are clean.
    assert measure(folder / "exact.mkv", 1) == pytest.approx(measure(folder / "blurred.png", 1), rel=1e-4) or measure(
        folder / "exact.mkv", 1
    ) == pytest.approx(measure(folder / "clean.png", 1), rel=1e-4)
    mean = (2 * measure(folder / "clean.png", 1) + measure(folder / "blurred.png", 1)) / 3
    assert measure(folder / "exact.mkv", 99) == pytest.approx(mean, rel=1e-4)


@pytest.mark.parametrize("size", [(8, 8), (1, 300), (96, 40)])
@pytest.mark.parametrize("method", METHODS)
def test_pictures_of_odd_sizes_give_a_number_or_a_reason(method, size, tmp_path):
    pytest.importorskip(PACKAGES[method], reason="pip install 'lmms-cpllm[baselines]'")
    Image.fromarray(picture()[: size[0], : size[1]]).save(tmp_path / "odd.png")
    try:
        found = getattr(naturalness, method)(tmp_path / "odd.png", 3)
    except VideoError as error:
        found = error.reason
    assert str(found).startswith("no frame of it has statistics") or np.isfinite(found)


def test_a_frame_of_one_colour_has_no_brisque(folder):
    pytest.importorskip("brisque", reason="pip install 'lmms-cpllm[baselines]'")
    with pytest.raises(VideoError, match=r"grey.mp4: no frame of it has statistics$"):
        naturalness.brisque(folder / "grey.mp4", 3)


@pytest.mark.parametrize(("method", "missing"), [("brisque", "brisque"), ("niqe", "skvideo.measure.niqe")])
def test_a_missing_package_is_an_error_that_says_what_to_install(method, missing, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    for work in (
        lambda: getattr(naturalness, method)(folder / "clean.png", 1),
        getattr(naturalness, f"check_{method}"),
    ):
        getattr(naturalness, LOADERS[method]).cache_clear()
        with pytest.raises(UserError, match=rf"needs a package .*{missing}.*pip install 'lmms-cpllm\[baselines\]'"):
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
    code = "import sys, lmms_cpllm.baselines.naturalness; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
