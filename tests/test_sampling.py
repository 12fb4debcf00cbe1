import numpy as np
import pytest

from lmms_cpllm.sampling import LONG_FRAMES, ViewPlan, anchors, centre_frames, crop_corners, frame_runs, reflected


def plan(moments=4, crops=4, size=224, run=2):
    return ViewPlan(8, (224, 224), moments, crops, run, size)


def steady(count, fps=30):
    return np.arange(count) / fps, count / fps


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("context_frames", (0, (8, 8), 1, 1, 1, 8)),
        ("context_size", (1, (8, 0), 1, 1, 1, 8)),
        ("crop_size", (1, (8, 8), 1, 1, 1, 0)),
    ],
)
def test_plan_refuses_nothing(field, values):
    with pytest.raises(ValueError, match=rf"^ViewPlan\.{field}: expected at least 1, found (0|\(8, 0\))$"):
        ViewPlan(*values)


def test_centre_frames_of_equal_parts():
    assert centre_frames(*steady(240), 8).tolist() == [15, 45, 75, 105, 135, 165, 195, 225]
    assert centre_frames(*steady(1), 3).tolist() == [0, 0, 0]
    assert centre_frames(*steady(2), 4).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("count", [1, 7, 29, 300, 1001])
@pytest.mark.parametrize("fps", [24000 / 1001, 25, 120])
def test_as_many_parts_as_frames_gives_each_frame_once(count, fps):
    assert centre_frames(*steady(count, fps), count).tolist() == list(range(count))


def test_centre_frames_go_by_time_where_the_rate_varies():
    # One frame stands for 9 s, the ten that follow for 0.1 s each.
    seconds = np.concatenate([[0.0], 9 + np.arange(10) / 10])
    assert centre_frames(seconds, 10.0, 4).tolist() == [0, 0, 0, 0]
    assert centre_frames(seconds, 10.0, 10).tolist() == [0] * 9 + [6]


def test_a_video_that_is_not_long_has_no_anchors():
    assert anchors(np.arange(0, LONG_FRAMES, 10), LONG_FRAMES).tolist() == []


def test_anchors_are_a_little_after_the_key_frames_and_before_the_next():
    keys = np.array([0, 2, 1000, LONG_FRAMES - 1])
    assert anchors(keys, LONG_FRAMES + 1).tolist() == [1, 6, 1004, LONG_FRAMES]
    every = np.arange(LONG_FRAMES + 1)
    assert anchors(every, len(every)).tolist() == every.tolist()


def test_an_anchor_takes_the_place_of_the_centre_of_its_part():
    seconds, duration_s = steady(3000)
    assert centre_frames(seconds, duration_s, 3).tolist() == [500, 1500, 2500]
    near = np.array([700, 1100, 1999])
    assert centre_frames(seconds, duration_s, 3, near).tolist() == [700, 1100, 2500], "the last part has none"
    assert frame_runs(seconds, duration_s, 3, 3, near)[:2].tolist() == [[699, 700, 701], [1099, 1100, 1101]]
    assert centre_frames(seconds, duration_s, 3, np.zeros(0, np.int64)).tolist() == [500, 1500, 2500]


def test_runs_are_consecutive_and_centred():
    runs = frame_runs(*steady(240), 4, 3)
    assert runs.tolist() == [[29, 30, 31], [89, 90, 91], [149, 150, 151], [209, 210, 211]]


def test_runs_shift_back_at_the_ends_and_stand_still_in_short_clips():
    assert frame_runs(*steady(6), 2, 5).tolist() == [[0, 1, 2, 3, 4], [1, 2, 3, 4, 5]]
    assert frame_runs(*steady(2), 2, 4).tolist() == [[0, 1, 1, 1], [0, 1, 1, 1]]
    assert frame_runs(*steady(1), 1, 3).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("size", [(1, 1), (100, 224), (240, 426), (540, 960), (960, 540), (1080, 1920), (4320, 8192)])
@pytest.mark.parametrize(("moments", "crops"), [(1, 1), (4, 4), (3, 5), (7, 1), (8, 2)])
def test_crops_lie_inside_and_do_not_grow_with_the_frame(size, moments, crops):
    corners = crop_corners(*size, plan(moments, crops))
    assert corners.shape == (moments, crops, 2)
    assert corners.min() >= 0
    assert (corners <= np.maximum(np.array(size) - 224, 0)).all()


def coverage(size, corners, side):
    seen = np.zeros(size, int)
    for y, x in corners.reshape(-1, 2):
        seen[y : y + side, x : x + side] += 1
    return seen


def test_crops_cover_the_whole_frame_where_they_can():
    # 16 crops of 224 hold 1.5 times the pixels of 540p.
    seen = coverage((540, 960), crop_corners(540, 960, plan(4, 4)), 224)
    assert seen.min() >= 1
    assert seen.max() <= 4


def test_crops_of_a_large_frame_neither_overlap_nor_leave_a_region_out():
    corners = crop_corners(2160, 3840, plan(4, 4))
    seen = coverage((2160, 3840), corners, 224)
    assert seen.max() == 1
    thirds = seen.reshape(3, 720, 3840).sum(axis=(1, 2)) / 224**2
    assert thirds.tolist() == [5, 5, 6]
    assert seen.reshape(3, 720, 4, 960).sum(axis=(1, 3)).min() >= 224**2


def test_every_moment_sees_all_parts_of_the_frame():
    for corners in crop_corners(2160, 3840, plan(4, 4)):
        assert len(set(corners[:, 0])) >= 2
        assert np.ptp(corners[:, 1]) >= 3840 / 2


def test_crops_along_one_side_only_where_the_other_is_short():
    corners = crop_corners(200, 2000, plan(2, 3))
    assert (corners[..., 0] == 0).all()
    assert np.diff(np.sort(corners[..., 1].ravel())) == pytest.approx(2000 / 6, abs=1)


def test_reflected_is_numpy_reflect_padding():
    for size in (2, 3, 5, 7):
        pad = 12 - size
        expected = np.pad(np.arange(size), (pad // 2, pad - pad // 2), mode="reflect")
        assert reflected(size, 12).tolist() == expected.tolist()
    assert reflected(20, 4).tolist() == [0, 1, 2, 3]
    assert reflected(1, 3).tolist() == [0, 0, 0]
