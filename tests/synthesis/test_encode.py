"""The encoders write what they say: codec, size, rate, number of frames, quality in order, the same bytes again."""

import io

import av
import numpy as np
import pytest

from lmms_cpllm.errors import DataError
from lmms_cpllm.synthesis import scenes
from lmms_cpllm.synthesis.encode import CODECS, LOSSLESS, NEAR_LOSSLESS, check_encoders, encode, encoding
from lmms_cpllm.synthesis.recipe import PHOTOGRAPHS
from lmms_cpllm.synthesis.scenes import Camera, Scene

QUALITIES = {"h264": (25, 45), "hevc": (25, 45), "vp9": (30, 60), "av1": (30, 60), "mpeg4": (3, 25)}
DECODERS = {"h264": "h264", "hevc": "hevc", "vp9": "vp9", "av1": "av1", "mpeg4": "mpeg4"}


@pytest.fixture(scope="module")
def clip():
    """Ten frames whose width is no multiple of 64: the size at which x264 once differed from run to run."""
    photo = PHOTOGRAPHS["motorcycle"]
    return list(scenes.frames(Scene(photo, (240, 176), 25, 0.4, Camera((0.3, 0.3), (0.4, 0.3)))))


def written(clip, how):
    buffer = io.BytesIO()
    assert encode(clip, buffer, how, 25) == len(clip)
    return buffer.getvalue()


def psnr(data, clip):
    with av.open(io.BytesIO(data)) as container:
        shown = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    return 10 * np.log10(255**2 / np.square(shown.astype(float) - np.stack(clip)).mean())


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_what_is_written(clip, codec):
    data = written(clip, encoding(codec, QUALITIES[codec][0]))
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert DECODERS[codec] in stream.codec_context.codec.canonical_name
        assert (stream.width, stream.height) == (240, 176)
        assert stream.average_rate == 25
    assert len(frames) == 10
    assert [frame.time for frame in frames] == pytest.approx([index / 25 for index in range(10)])
    assert frames[0].format.name == "yuv420p"
    assert (int(frames[0].colorspace), int(frames[0].color_range)) == (5, 1)  # BT.601, limited


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_the_same_bytes_again(clip, codec):
    how = encoding(codec, QUALITIES[codec][0])
    assert len({written(clip, how) for _ in range(3)}) == 1


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_a_higher_number_is_smaller_and_worse(clip, codec):
    fine, coarse = (written(clip, encoding(codec, quality)) for quality in QUALITIES[codec])
    assert len(coarse) < len(fine)
    assert psnr(coarse, clip) < psnr(fine, clip) - 2


def test_near_lossless_comes_close_to_lossless(clip):
    # Both lose the chroma's resolution.
    assert psnr(written(clip, NEAR_LOSSLESS), clip) > psnr(written(clip, LOSSLESS), clip) - 1.5


def test_to_a_file(clip, tmp_path):
    encode(clip, tmp_path / "a.mp4", NEAR_LOSSLESS, 25)
    assert (tmp_path / "a.mp4").read_bytes() == written(clip, NEAR_LOSSLESS)


def test_refusals():
    with pytest.raises(ValueError, match="unknown codec 'h263'; allowed: h264, hevc, vp9, av1, mpeg4"):
        encoding("h263", 20)
    with pytest.raises(ValueError, match=r"mpeg4: quantiser 40 is outside 1..31"):
        encoding("mpeg4", 40)
    with pytest.raises(ValueError, match="no frame to encode"):
        encode([], io.BytesIO(), NEAR_LOSSLESS, 25)
    with pytest.raises(ValueError, match="needs an even width and height, got 33x32"):
        encode([np.zeros((32, 33, 3), np.uint8)], io.BytesIO(), NEAR_LOSSLESS, 25)


def test_a_missing_encoder_is_named():
    check_encoders(["libx264"])
    with pytest.raises(
        DataError, match=r"was built without the encoder\(s\) libnone, which the embedded benchmark needs"
    ):
        check_encoders(["libx264", "libnone"])
