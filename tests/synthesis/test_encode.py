"""The encoders write what they say: codec, size, rate, number of frames, quality in order, the same bytes again."""

import dataclasses
import io
import os

import av
import numpy as np
import pytest

from lmms_cpllm.errors import DataError
from lmms_cpllm.synthesis import scenes
from lmms_cpllm.synthesis.encode import (
    CODECS,
    LOSSLESS,
    NEAR_LOSSLESS,
    TRAINING_QUALITIES,
    at_bitrate,
    check_encoders,
    encode,
    encoding,
)
from lmms_cpllm.synthesis.recipe import PHOTOGRAPHS
from lmms_cpllm.synthesis.scenes import Camera, Scene

QUALITIES = {
    **{"h264": (25, 45), "hevc": (25, 45), "vp9": (30, 60), "av1": (30, 60), "mpeg4": (3, 25), "mpeg2": (3, 25)},
    **{"mjpeg": (3, 25), "vp8": (10, 50), "jpeg2000": (15, 150)},
}
DECODERS = {codec: codec for codec in QUALITIES} | {"mpeg2": "mpeg2video"}
CONTROLLED = sorted(codec for codec, spec in CODECS.items() if spec.rate_control)


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
    # BT.601; limited range, but for the JPEG of cameras.
    full = codec == "mjpeg"
    assert frames[0].format.name == ("yuvj420p" if full else "yuv420p")
    assert (int(frames[0].colorspace), int(frames[0].color_range)) == (5, 2 if full else 1)
    assert CODECS[codec].container in container.format.name


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_the_same_bytes_again(clip, codec):
    how = encoding(codec, QUALITIES[codec][0])
    assert len({written(clip, how) for _ in range(3)}) == 1


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_a_higher_number_is_smaller_and_worse(clip, codec):
    fine, coarse = (written(clip, encoding(codec, quality)) for quality in QUALITIES[codec])
    assert len(coarse) < len(fine)
    assert psnr(coarse, clip) < psnr(fine, clip) - 2


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_every_step_of_the_quality_counts(clip, codec):
    low, high = TRAINING_QUALITIES[codec]
    sizes = [len(written(clip, encoding(codec, round(quality)))) for quality in np.linspace(low, high, 5)]
    assert sizes == sorted(set(sizes), reverse=True)


@pytest.mark.parametrize("codec", CONTROLLED)
def test_more_bitrate_is_larger_and_better(clip, codec):
    low, high = (
        written(clip, at_bitrate(codec, kbps, 5)) for kbps in ((900, 3000) if codec == "mjpeg" else (100, 900))
    )
    assert len(low) < len(high)
    assert psnr(low, clip) < psnr(high, clip) - 1
    assert written(clip, at_bitrate(codec, 900, 5)) == written(clip, at_bitrate(codec, 900, 5))


@pytest.mark.parametrize("codec", sorted({*CONTROLLED} - {"mjpeg"}))
def test_key_frames_come_as_often_as_asked(clip, codec):
    for how in (at_bitrate(codec, 500, 4), encoding(codec, QUALITIES[codec][0], g="4")):
        with av.open(io.BytesIO(written(clip, how))) as container:
            packets = sorted((packet for packet in container.demux(video=0) if packet.size), key=lambda p: p.pts)
        assert [index for index, packet in enumerate(packets) if packet.is_keyframe] == [0, 4, 8]


def test_a_bitrate_is_met_over_a_longer_clip(clip):
    long = (clip + clip[::-1]) * 5
    for codec in ("h264", "mpeg4", "mpeg2"):
        buffer = io.BytesIO()
        encode(long, buffer, at_bitrate(codec, 600, 25), 25)
        assert len(buffer.getvalue()) * 8 / 1000 / 4 == pytest.approx(600, rel=0.2), codec


def test_an_encoding_says_whether_it_is_at_a_bitrate():
    assert at_bitrate("h264", 500).bitrate_kbps == 500
    assert "g" not in dict(at_bitrate("h264", 500).options)
    assert dict(at_bitrate("hevc", 500.4, 12).options) | {"b": "500400", "g": "12"} == dict(
        at_bitrate("hevc", 500.4, 12).options
    )
    assert encoding("h264", 30).bitrate_kbps is None
    assert "crf" not in dict(at_bitrate("vp8", 500).options)


def test_what_the_embedded_benchmark_writes_is_the_same_as_ever():
    assert dataclasses.asdict(encoding("mpeg4", 6)) == {
        "codec": "mpeg4",
        "encoder": "mpeg4",
        "quality": 6,
        "options": (("qmax", "6"), ("qmin", "6")),
    }
    assert encoding("vp9", 57).options == (("cpu-used", "4"), ("crf", "57"), ("deadline", "good"), ("row-mt", "0"))


def test_codecs_say_what_they_do_and_where_training_draws():
    assert {spec.kind for spec in CODECS.values()} == {"compression"}
    assert set(TRAINING_QUALITIES) == set(CODECS)
    for codec, (low, high) in TRAINING_QUALITIES.items():
        assert CODECS[codec].lowest <= low < high <= CODECS[codec].highest


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
    with pytest.raises(ValueError, match="unknown codec 'h263'"):
        at_bitrate("h263", 500)
    with pytest.raises(ValueError, match="jpeg2000: its encoder has no rate control; allowed: h264, hevc, vp9"):
        at_bitrate("jpeg2000", 500)
    with pytest.raises(ValueError, match=r"h264: expected more than 0 kbit/s and a GOP of 1 or more, got 500 and 0"):
        at_bitrate("h264", 500, 0)
    with pytest.raises(ValueError, match="got 0 and None"):
        at_bitrate("h264", 0)
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


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="this system has no scheduling policies")
def test_encoding_leaves_the_scheduling_of_the_caller_as_it_was():
    before = os.sched_getscheduler(0)
    frames = [np.full((64, 64, 3), value, np.uint8) for value in (0, 100, 200)]
    encode(frames, io.BytesIO(), encoding("av1", 50), 25)
    assert os.sched_getscheduler(0) == before
