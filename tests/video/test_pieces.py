"""The middle of a clip, every frame of it, and what is no clean clip."""

import numpy as np
import pytest
from clips import flip_bytes, read_number, set_rotation, write_clip

from lmms_cpllm.errors import VideoError
from lmms_cpllm.video import pieces
from lmms_cpllm.video.pieces import plan_piece, read_piece

JITTER = np.random.default_rng(0).uniform(-0.008, 0.008, 90)


def taken(path, seconds=1.0):
    piece = plan_piece(str(path), seconds)
    frames = read_piece(str(path), piece)
    assert {frame.shape for frame in frames} == {frames[0].shape}
    assert all(frame.dtype == np.uint8 and frame.flags.c_contiguous for frame in frames)
    return piece.fps, frames


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mkv", "libvpx-vp9"), ("a.avi", "mpeg4"), ("a.ts", "libx264"), ("a.webm", "libvpx")],
)
def test_the_middle_second_frame_by_frame(tmp_path, name, codec):
    path = write_clip(tmp_path / name, codec=codec, width=96, height=80, frames=90, fps=30, gop=10)
    fps, frames = taken(path)
    assert fps == 30
    assert [read_number(frame) for frame in frames] == list(range(30, 60))


def test_a_short_clip_is_taken_whole(tmp_path):
    fps, frames = taken(write_clip(tmp_path / "a.mp4", width=96, height=80, frames=9, fps=24))
    assert (fps, [read_number(frame) for frame in frames]) == (24, list(range(9)))


def test_a_variable_rate_is_made_constant(tmp_path):
    times = [i / 30 + j for i, j in enumerate(JITTER)]
    fps, frames = taken(write_clip(tmp_path / "a.mkv", width=96, height=80, frames=90, times=times))
    assert fps in (29, 30, 31)
    numbers = [read_number(frame) for frame in frames]
    assert numbers == list(range(numbers[0], numbers[0] + fps))


def test_a_pause_does_not_slow_the_rest_down(tmp_path):
    times = [i / 25 + 20 * (i > 40) for i in range(90)]
    assert taken(write_clip(tmp_path / "a.mkv", width=96, height=80, frames=90, times=times))[0] == 25


def test_of_a_fast_clip_some_frames_are_left_out(tmp_path):
    fps, frames = taken(write_clip(tmp_path / "a.mp4", width=96, height=80, frames=240, fps=120), 0.5)
    assert fps == 60
    assert [read_number(frame) for frame in frames] == list(range(90, 150, 2))


def test_sides_are_made_even_and_the_picture_is_turned_upright(tmp_path):
    path = write_clip(tmp_path / "a.mp4", width=99, height=75, pix_fmt="yuv444p", frames=10)
    assert taken(path)[1][0].shape == (74, 98, 3)
    set_rotation(path, 90)
    assert taken(path)[1][0].shape == (98, 74, 3)


def test_a_large_picture_is_shrunk_and_a_small_one_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "LARGEST", (96, 72))
    shapes = [
        taken(write_clip(tmp_path / f"{w}.mp4", width=w, height=h, frames=8))[1][0].shape[:2]
        for w, h in ((192, 144), (200, 80), (80, 160), (96, 72))
    ]
    assert shapes == [(72, 96), (38, 96), (96, 48), (72, 96)]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"frames": 7}, "expected a video of at least 8 frames, found 7 frames"),
        ({"width": 62}, "expected at least 64 pixels on each side, found 62x80"),
    ],
)
def test_what_is_too_small(tmp_path, options, reason):
    path = write_clip(tmp_path / "a.mp4", **({"width": 96, "height": 80, "frames": 20} | options))
    with pytest.raises(VideoError) as error:
        plan_piece(str(path), 1.0)
    assert error.value.reason == reason


def test_what_is_no_video(tmp_path):
    from PIL import Image

    Image.new("RGB", (96, 80)).save(tmp_path / "a.png")
    (tmp_path / "b.mp4").write_bytes(b"no video")
    (tmp_path / "c.mp4").touch()
    for name, reason in (
        ("a.png", "expected a video of at least 8 frames, found a still image"),
        ("b.mp4", "this is not a media file, or its header is missing or damaged"),
        ("c.mp4", "the file is empty (0 bytes)"),
    ):
        with pytest.raises(VideoError) as error:
            plan_piece(str(tmp_path / name), 1.0)
        assert error.value.reason == reason


def test_a_damaged_middle_is_refused(tmp_path):
    whole = write_clip(tmp_path / "a.mp4", width=96, height=80, frames=60, content="texture", gop=60)
    damaged = flip_bytes(whole, tmp_path / "b.mp4", seed=1, count=400, start=0.1)
    with pytest.raises(VideoError):
        taken(damaged)


def test_open_groups_of_pictures_are_run_through(tmp_path):
    options = {"x264-params": "keyint=10:open-gop=1:bframes=3"}
    path = write_clip(tmp_path / "a.mp4", width=96, height=80, frames=90, options=options)
    assert [read_number(frame) for frame in taken(path)[1]] == list(range(30, 60))
