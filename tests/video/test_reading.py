import av
import numpy as np
import pytest
from clips import write_clip
from same_views import PLAN, assert_same_every_way

from lmms_cpllm.sampling import LONG_FRAMES, ViewPlan, crop_corners
from lmms_cpllm.video import STRATEGIES, decode, decoding, reading
from lmms_cpllm.video.demux import displayed, open_video, read_packets


def reference(path) -> list[tuple[float, np.ndarray]]:
    """(seconds, RGB) of all frames by PyAV's own decoding loop, in display order."""
    with av.open(str(path)) as container:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    frames.sort(key=lambda item: item[0])
    return frames


def forbid_running_through(monkeypatch):
    """Let a first pass that does not deliver fail, where `decode` would quietly go through the whole file again."""

    def second_pass(*args, **kwargs):
        raise AssertionError("the first pass did not deliver")

    monkeypatch.setattr(decoding, "_run_through", second_pass)


def assert_frames_are_those_of(path, clip):
    whole = reference(path)
    start = whole[0][0]
    for k, (seconds, crops) in enumerate(zip(clip.pixel_seconds, clip.pixel, strict=True)):
        for r, second in enumerate(seconds):
            frame = min(whole, key=lambda item: abs(item[0] - start - second))[1]
            for crop, (y, x) in zip(crops[:, r], crop_corners(48, 64, PLAN)[k], strict=True):
                # PyAV's own conversion interpolates chroma more coarsely; a wrong frame would be off by more.
                assert np.abs(crop.astype(int) - frame[y : y + 32, x : x + 32]).mean() < 6


@pytest.mark.parametrize(
    "x264",
    [
        "keyint=250",
        "keyint=8:bframes=0",
        "keyint=8:bframes=3:b-pyramid=normal",
        "keyint=12:interlaced=1:bframes=2",
        "keyint=30:ref=5:bframes=5:b-adapt=2",
    ],
)
@pytest.mark.parametrize("container", ["mp4", "ts", "mkv"])
def test_jumping_and_running_through_give_the_same_frames(tmp_path, monkeypatch, x264, container):
    path = write_clip(tmp_path / f"a.{container}", frames=90, content="texture", options={"x264-params": x264})
    forbid_running_through(monkeypatch)
    assert_frames_are_those_of(path, assert_same_every_way(path))


@pytest.mark.parametrize("x264", ["keyint=10:open-gop=1:bframes=3", "keyint=20:intra-refresh=1"])
@pytest.mark.parametrize("container", ["mp4", "ts", "mkv"])
def test_key_frames_that_are_none(tmp_path, x264, container):
    # Marked as key frames, but a decoder that starts there misses something: found out, and run through instead.
    path = write_clip(tmp_path / f"a.{container}", frames=90, content="texture", options={"x264-params": x264})
    assert_frames_are_those_of(path, assert_same_every_way(path))


def test_open_gop_of_hevc(tmp_path, monkeypatch):
    options = {"preset": "ultrafast", "x265-params": "open-gop=1:keyint=10:min-keyint=10:bframes=4:no-scenecut=1"}
    path = write_clip(tmp_path / "a.mp4", codec="libx265", frames=90, content="texture", options=options)
    forbid_running_through(monkeypatch)
    assert_frames_are_those_of(path, assert_same_every_way(path))


def test_seek_decodes_fewer_packets(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "a.mp4", frames=200, gop=10, content="texture")
    counts = {}
    for strategy in STRATEGIES:
        fed = []
        original = reading._decode_packet

        def count(stream, packet, original=original, fed=fed):
            fed.append(packet)
            return original(stream, packet)

        with monkeypatch.context() as patch:
            patch.setattr(reading, "_decode_packet", count)
            decode(path, ViewPlan(2, (8, 8), 2, 1, 1, 8), strategy=strategy)
        counts[strategy] = len(fed)
    assert counts["seek"] <= 2 * 12
    assert counts["linear"] >= 150
    assert counts["auto"] == counts["seek"]


def test_a_long_video_costs_no_more_than_a_few_frames_for_each_that_is_taken(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "a.mp4", frames=LONG_FRAMES + 100, gop=250, options={"sc_threshold": "0"})
    fed = []
    original = reading._decode_packet
    monkeypatch.setattr(reading, "_decode_packet", lambda *given: fed.append(given) or original(*given))
    plan = ViewPlan(4, (16, 16), 4, 1, 2, 16)
    clip = decode(path, plan)
    assert len(fed) < 4 * 20
    frames = np.round(clip.context_seconds * 30)
    assert frames.tolist() == [254, 504, 1004, 1504], "four frames after the key frame nearest to each centre"
    for strategy in STRATEGIES:
        again = decode(path, plan, strategy=strategy)
        assert all(np.array_equal(getattr(clip, name), getattr(again, name)) for name in ("context", "pixel"))


def test_auto_runs_through_where_there_is_one_key_frame(tmp_path):
    path = write_clip(tmp_path / "a.mp4", frames=100, gop=250, content="texture", options={"sc_threshold": "0"})
    with open_video(str(path), 1) as (container, stream):
        packets = read_packets(container, stream)
    line = displayed(packets)
    assert reading.plan_spans(packets, line, line.keys[50:52], "auto") == reading.plan_spans(
        packets, line, line.keys[50:52], "linear"
    )
