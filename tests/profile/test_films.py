"""Clips that are rendered to be measured."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from lmms_cpllm.profile.rendering import SHORT, Film, long_film, render_film
from lmms_cpllm.video import ViewPlan, decode, probe

PLAN = ViewPlan(8, (16, 16), 1, 1, 1, 16)


def key_frames(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [float(p.pts * stream.time_base) for p in container.demux(stream) if p.size and p.is_keyframe]


def test_the_films_are_those_of_the_bounds() -> None:
    assert (SHORT.title, SHORT.repeats) == ("8 s 960x540", 1)
    assert long_film().title == "600 s 1920x1080"
    assert long_film().piece_s <= 10
    assert long_film(4) == Film(1920, 1080, 30, 4.0, 1, gop_s=2.0, preset="veryfast")


def test_a_film_of_one_piece(tmp_path: Path) -> None:
    path = render_film(Film(64, 36, 10, 1.2), tmp_path / "short.mp4")
    info = probe(path)
    assert (info.width, info.height, info.frames, info.codec, info.fps) == (64, 36, 12, "h264", 10)
    assert info.duration_s == pytest.approx(1.2)
    assert len(key_frames(path)) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["short.mp4"]


def test_a_piece_again_and_again_is_one_video(tmp_path: Path) -> None:
    piece = render_film(Film(64, 36, 10, 0.8, gop_s=0.4), tmp_path / "piece.mp4")
    path = render_film(Film(64, 36, 10, 0.8, repeats=3, gop_s=0.4), tmp_path / "long.mp4")
    info = probe(path)
    assert info.frames == 24
    assert info.duration_s == pytest.approx(2.4)
    assert len(key_frames(path)) == 3 * len(key_frames(piece))
    assert {file.name for file in tmp_path.iterdir()} == {"piece.mp4", "long.mp4"}
    with av.open(str(path)) as container:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    assert np.diff([time for time, _ in frames]) == pytest.approx(0.1)
    for index in range(8):
        for shown in (8, 16):
            assert (frames[index][1] == frames[index + shown][1]).all()
    for strategy in ("linear", "seek"):
        assert decode(path, PLAN, strategy=strategy).context.any()
