"""Any timestamps and sizes: every plan stays inside the video and depends on nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lmms_cpllm.sampling import ViewPlan, centre_frames, crop_corners, frame_runs, reflected

REPEATABLE = settings(max_examples=300, deadline=None, derandomize=True, database=None)

_INTERVALS = st.lists(st.floats(0, 1e6, allow_subnormal=False), max_size=60)


def timestamps(intervals: list[float]) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(intervals)])


@REPEATABLE
@given(_INTERVALS, st.floats(0, 1e6), st.integers(1, 40), st.integers(1, 8))
def test_frames_are_of_the_video_and_in_order(intervals: list[float], last: float, parts: int, length: int) -> None:
    seconds = timestamps(intervals)
    duration, count = float(seconds[-1]) + last, len(seconds)
    centres = centre_frames(seconds, duration, parts)
    assert centres.shape == (parts,)
    assert centres.min() >= 0
    assert centres.max() < count
    assert (np.diff(centres) >= 0).all()
    runs = frame_runs(seconds, duration, parts, length)
    assert runs.shape == (parts, length)
    assert runs.min() >= 0
    assert runs.max() < count
    assert np.isin(np.diff(runs, axis=1), (0, 1)).all(), "consecutive, or standing still at the end"
    np.testing.assert_array_equal(runs, frame_runs(seconds.copy(), duration, parts, length))


@REPEATABLE
@given(st.integers(1, 200), st.integers(1, 200))
def test_as_many_parts_as_frames_give_every_frame_once(count: int, fps: int) -> None:
    seconds = np.arange(count) / fps
    np.testing.assert_array_equal(centre_frames(seconds, count / fps, count), np.arange(count))


@REPEATABLE
@given(st.integers(1, 9000), st.integers(1, 9000), st.integers(1, 12), st.integers(1, 9), st.integers(1, 400))
def test_crops_lie_in_the_frame(height: int, width: int, moments: int, crops: int, side: int) -> None:
    corners = crop_corners(height, width, ViewPlan(1, (1, 1), moments, crops, 1, side))
    assert corners.shape == (moments, crops, 2)
    assert corners.min() >= 0
    for axis, size in enumerate((height, width)):
        assert corners[..., axis].max() <= max(size - side, 0)
    if height >= 4 * side * moments * crops and width >= 4 * side * moments * crops:
        assert len(np.unique(corners.reshape(-1, 2), axis=0)) == moments * crops


@REPEATABLE
@given(st.integers(1, 500), st.integers(1, 500))
def test_mirrored_indices_are_of_the_side_and_neighbours(size: int, length: int) -> None:
    indices = reflected(size, length)
    assert indices.shape == (length,)
    assert indices.min() >= 0
    assert indices.max() < size
    assert np.abs(np.diff(indices)).max(initial=0) <= 1
    assert len(np.unique(indices)) == min(size, length)
