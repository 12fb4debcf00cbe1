import contextlib
import dataclasses
import gc
import os
import subprocess
import sys
import threading

import av
import numpy as np
import pytest
from clips import flip_bytes, write_clip
from same_views import PLAN, assert_same, assert_same_every_way, numbers

from lmms_cpllm.errors import VideoError
from lmms_cpllm.video import decode, probe


def reference(path) -> list[tuple[float, np.ndarray]]:
    """(seconds, RGB) of all frames by PyAV's own decoding loop, in display order."""
    with av.open(str(path)) as container:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    frames.sort(key=lambda item: item[0])
    return frames


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {}),
        ("a.mkv", "libx264", {}),
        ("a.ts", "libx264", {}),
        ("a.mp4", "libx265", {"preset": "ultrafast"}),
        ("a.webm", "libvpx-vp9", {"deadline": "realtime"}),
        ("a.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16"}),
        ("a.mp4", "libaom-av1", {"cpu-used": "8"}),
        ("a.avi", "mpeg4", {"bf": "2"}),
        ("a.mpg", "mpeg2video", {}),
        ("a.mp4", "libx264", {"x264-params": "interlaced=1"}),
    ],
)
def test_containers_and_codecs(tmp_path, name, codec, options):
    path = write_clip(tmp_path / name, codec=codec, frames=60, options=options)
    clip = assert_same_every_way(path)
    assert numbers(clip) == [5, 15, 25, 35, 45, 55]
    assert clip.context_seconds == pytest.approx(np.array([5, 15, 25, 35, 45, 55]) / 30, abs=1e-3)
    assert clip.info.frames == 60
    assert clip.info.duration_s == pytest.approx(2, abs=2e-3)
    assert clip.info.fps == pytest.approx(30, abs=0.02)
    assert dataclasses.asdict(probe(path)) == dataclasses.asdict(clip.info)


@pytest.mark.parametrize(("name", "format", "duration_s"), [("a.264", "h264", 2.4), ("a.avi", "avi", 2)])
def test_stream_without_timestamps_is_taken_in_order(tmp_path, name, format, duration_s):
    path = write_clip(tmp_path / name, format=format, frames=60)
    clip = assert_same_every_way(path)
    assert numbers(clip) == [5, 15, 25, 35, 45, 55]
    assert clip.info.frames == 60
    assert clip.info.duration_s == pytest.approx(duration_s)


def test_info(tmp_path):
    path = write_clip(tmp_path / "a.mp4", width=96, height=64, frames=50, fps=25, content="texture")
    info = probe(path)
    size = sum(packet.size for packet in av.open(str(path)).demux(video=0))
    assert (info.path, info.width, info.height, info.frames) == (str(path), 96, 64, 50)
    assert (info.codec, info.pixel_format, info.bit_depth, info.rotation) == ("h264", "yuv420p", 8, 0)
    assert info.interlaced is False
    assert info.bitrate_kbps == pytest.approx(size * 8 / 2 / 1000, rel=1e-3)


def test_frame_count_of_the_header_is_not_believed(tmp_path):
    path = write_clip(tmp_path / "a.mkv", frames=20)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 0
    assert probe(path).frames == 20


def test_variable_rate_goes_by_time(tmp_path):
    times = [i / 30 for i in range(20)] + [20 / 30 + i / 5 for i in range(10)]
    clip = assert_same_every_way(write_clip(tmp_path / "a.mp4", frames=30, times=times))
    expected = [max(i for i in range(30) if times[i] <= (part + 0.5) / 6 * clip.info.duration_s) for part in range(6)]
    assert numbers(clip) == expected
    assert clip.context_seconds == pytest.approx([times[i] for i in expected], abs=1e-4)
    assert clip.info.fps == pytest.approx(29 / times[-1], rel=1e-4)


@pytest.mark.parametrize("name", ["a.mp4", "a.ts", "a.mkv"])
def test_late_start_is_time_zero(tmp_path, name):
    clip = assert_same_every_way(write_clip(tmp_path / name, frames=30, times=[5 + i / 30 for i in range(30)]))
    assert numbers(clip) == [2, 7, 12, 17, 22, 27]
    assert clip.context_seconds[0] == pytest.approx(2 / 30, abs=1e-3)
    assert clip.info.duration_s == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("b_frames", ["0", "3"])
def test_edit_list_cuts_frames(tmp_path, b_frames):
    path = write_clip(tmp_path / "a.mp4", frames=60, gop=250, cut_s=1, options={"bf": b_frames})
    clip = assert_same_every_way(path)
    assert clip.info.frames == 30
    assert numbers(clip) == [32, 37, 42, 47, 52, 57]
    assert clip.context_seconds[0] == pytest.approx(2 / 30, abs=1e-3)


def test_first_stream_may_be_audio(tmp_path):
    for order in ("first", "last"):
        clip = decode(write_clip(tmp_path / f"{order}.mp4", audio=order), PLAN)
        assert numbers(clip) == [2, 7, 12, 17, 22, 27]


def test_nothing_is_left_open(tmp_path):
    path = write_clip(tmp_path / "a.mp4")
    broken = flip_bytes(path, tmp_path / "b.mp4", seed=1, count=300)
    files, workers = len(os.listdir("/dev/fd")), threading.active_count()
    for _ in range(5):
        decode(path, PLAN, threads=2)
        with pytest.raises(VideoError):
            decode(tmp_path, PLAN)
        with contextlib.suppress(VideoError):
            decode(broken, PLAN)
    gc.collect()
    assert len(os.listdir("/dev/fd")) == files
    assert threading.active_count() == workers


def test_decode_from_several_threads(tmp_path):
    path = write_clip(tmp_path / "a.mp4", frames=60, content="texture")
    expected, results = decode(path, PLAN), [None] * 4

    def work(slot):
        results[slot] = decode(path, PLAN)

    workers = [threading.Thread(target=work, args=(slot,)) for slot in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for result in results:
        assert_same(result, expected)


def test_import_has_no_effect_and_needs_no_torch():
    code = "import sys, lmms_cpllm.video; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
