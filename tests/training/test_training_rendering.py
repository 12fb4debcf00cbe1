"""Rendering and measuring of chains, with real codecs and real VMAF."""

import av
import numpy as np
import pytest
from clips import textured_frames
from tiny_training import picture

from lmms_cpllm.errors import DataError
from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.training import rendering
from lmms_cpllm.training.draws import Link
from lmms_cpllm.training.human import whole_pixel_pan
from lmms_cpllm.training.rendering import Measured, render_chain

pytest.importorskip("imageio_ffmpeg")
FRAMES = 8


@pytest.fixture(scope="module")
def clean():
    return whole_pixel_pan(picture(0, 160, 256), FRAMES, np.random.default_rng(1))


def shown(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_nothing_done_is_nothing_measured(tmp_path, clean):
    assert render_chain(clean, (), 25, tmp_path / "a.mp4") == Measured((), {})
    frames = shown(tmp_path / "a.mp4")
    assert len(frames) == FRAMES
    # Grey, because 4:2:0 leaves out chroma.
    assert np.abs(np.mean(frames, axis=-1) - np.mean(clean, axis=-1)).mean() < 3


@pytest.mark.parametrize(
    ("family", "weak", "strong"), [("h264", 24, 46), ("mjpeg", 4, 29), ("noise", 4, 40), ("pixelation", 1.5, 5)]
)
def test_the_stronger_link_is_measured_as_worse(tmp_path, clean, family, weak, strong):
    measured = [
        render_chain(clean, (Link(family, strength, seed=1),), 25, tmp_path / f"{strength}.mp4")
        for strength in (weak, strong)
    ]
    for found in measured:
        assert len(found.links) == 1
        assert found.whole == found.links[0]
    assert measured[0].whole["vmaf"] > measured[1].whole["vmaf"] + 10
    assert all(len(shown(tmp_path / f"{strength}.mp4")) == FRAMES for strength in (weak, strong))


def test_a_chain_is_measured_link_by_link_and_as_a_whole(tmp_path, clean):
    chain = (Link("blur", 1.5), Link("mpeg4", 12.0), Link("vp8", 40.0))
    found = render_chain(clean, chain, 25, tmp_path / "a.webm")
    assert len(found.links) == 3
    alone = render_chain(clean, chain[:1], 25, tmp_path / "blur.mp4")
    # What delivers the single blur is visually lossless, and its own link is measured before that.
    assert found.links[0]["vmaf"] == pytest.approx(alone.links[0]["vmaf"], abs=1e-6)
    assert found.whole["vmaf"] < min(link["vmaf"] for link in found.links) + 1
    frames = shown(tmp_path / "a.webm")
    assert len(frames) == FRAMES
    assert frames[0].shape == clean[0].shape


def test_every_link_is_measured_against_what_it_was_given(tmp_path, clean):
    strong, weak = Link("pixelation", 5.0), Link("h264", 14.0)
    found = render_chain(clean, (strong, weak), 25, tmp_path / "a.mp4")
    assert found.links[0]["vmaf"] < 60
    assert found.links[1]["vmaf"] > 85  # the codec hardly harmed what was left
    assert found.whole["vmaf"] < 60


def test_a_bitrate_instead_of_a_quality(tmp_path, clean):
    sizes = []
    for kbps in (40.0, 400.0):
        render_chain(clean, (Link("h264", 0.0, 0, kbps),), 25, tmp_path / f"{kbps}.mp4")
        sizes.append((tmp_path / f"{kbps}.mp4").stat().st_size)
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("codec", CODECS)
def test_a_codec_inside_a_chain_keeps_number_size_and_colours(codec):
    # Another matrix or range of colours on the way back would be a distortion that nobody drew.
    frames = list(textured_frames(6, 96, 128))
    back = rendering._applied(frames, Link(codec, max(2.0, CODECS[codec].lowest)), 25)
    assert [frame.shape for frame in back] == [(96, 128, 3)] * 6
    shift = np.stack(back).mean(axis=(0, 1, 2)) - np.stack(frames).mean(axis=(0, 1, 2))
    assert np.abs(shift).max() < 2
    gain = np.stack(back).std(axis=(1, 2)).mean() / np.stack(frames).std(axis=(1, 2)).mean()
    assert 0.85 < gain < 1.02  # less for the chroma that 4:2:0 leaves out


def test_frames_that_a_codec_loses_are_noticed(monkeypatch):
    encode = rendering.encode
    monkeypatch.setattr(rendering, "encode", lambda frames, *rest: encode(frames[:-1], *rest))
    with pytest.raises(DataError, match=r"h264: 5 frames came back of 6 that were encoded"):
        rendering._applied(list(textured_frames(6, 96, 128)), Link("h264", 30.0), 25)


def test_the_same_chain_gives_the_same_bytes(tmp_path, clean):
    chain = (Link("low_light", 4.0, 3), Link("h264", 33.0, 0, 0.0, (("preset", "ultrafast"),)))
    for name in ("a", "b"):
        render_chain(clean, chain, 25, tmp_path / f"{name}.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
