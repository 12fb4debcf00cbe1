"""Lost frames, freezes and lost packets: how many, where, and what stays."""

import itertools

import numpy as np
import pytest
from distorted_clip import error, moving_clip, numbered, run

from lmms_cpllm.synthesis.distortions import delivery, drops
from lmms_cpllm.synthesis.distortions.delivery import freezes, packet_loss


def shown_numbers(frames):
    return [int(frame[0, 0, 0]) for frame in frames]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("percent", [10, 25, 50])
def test_drops_meet_the_stated_share(percent, seed):
    shown = shown_numbers(drops(numbered(60), percent, seed))
    lost = sum(now == before for before, now in itertools.pairwise(shown))
    assert abs(lost - 0.6 * percent) <= 2
    assert shown[0] == 0
    assert all(value in (index, before) for index, before, value in zip(range(1, 60), shown, shown[1:], strict=False))


def test_frames_lost_at_one_strength_are_lost_at_the_next():
    fresh = [set(shown_numbers(drops(numbered(60), percent, 7))) for percent in (5, 20, 40, 80)]
    assert all(fewer < more for more, fewer in itertools.pairwise(fresh))


def test_drops_in_bursts():
    shown = shown_numbers(drops(numbered(60), 30, 1, burst=6))
    repeats = "".join("x" if now == before else "." for before, now in itertools.pairwise(shown))
    runs = [len(run) for run in repeats.split(".") if run]
    assert min(runs) >= 5  # six frames, or five behind the first frame, which is never lost


@pytest.mark.parametrize("seed", range(6))
def test_one_freeze_of_the_stated_length_and_then_the_scene_goes_on(seed):
    shown = shown_numbers(freezes(numbered(50), 30, seed))
    stands = [now == before for before, now in itertools.pairwise(shown)]
    assert sum(stands) == 15
    start = stands.index(True)
    assert all(stands[start : start + 15])
    assert shown[start + 16 :] == list(range(start + 16, 50))


def test_a_longer_freeze_contains_the_shorter_and_places_differ():
    lost = [set(range(50)) - set(shown_numbers(freezes(numbered(50), percent, 2))) for percent in (4, 20, 60, 100)]
    assert all(less < more for less, more in itertools.pairwise(lost))
    assert len({tuple(shown_numbers(freezes(numbered(50), 20, seed))) for seed in range(8)}) > 4


def test_a_clip_of_one_frame_or_none():
    for family in (freezes, packet_loss):
        assert list(family([], 50, 1)) == []
        assert shown_numbers(family(numbered(1), 50, 1)) == [0]


def test_the_stream_has_several_slices_a_picture():
    units = [delivery._packets(unit) for unit in delivery._stream(moving_clip())]
    assert len(units) == 8
    slices = [[packet for packet in unit if packet[0] & 31 in (1, 5)] for unit in units]
    assert all(len(unit) >= 4 for unit in slices)
    assert max(len(packet) for unit in slices for packet in unit) <= 1200


def test_without_a_loss_the_stream_shows_every_frame_in_its_place():
    clip = moving_clip(16)
    shown = delivery._decoded(delivery._stream(clip))
    assert sorted(shown) == list(range(16))
    errors = [[error([frame], shown[index][None]) for index in range(16)] for frame in clip]
    assert [int(np.argmin(row)) for row in errors] == list(range(16))


def test_one_packet_is_lost_at_the_least_and_the_first_picture_is_whole():
    clip = moving_clip(16)
    least, more = (run(clip, "packet_loss", percent) for percent in (0.001, 30))
    whole = np.stack(list(delivery._decoded(delivery._stream(clip)).values()))
    assert np.array_equal(least[0], whole[0])
    assert np.array_equal(more[0], whole[0])
    assert error(clip, whole) < error(clip, least) < error(clip, more)


def test_packets_lost_at_one_strength_are_lost_at_the_next():
    pictures = [[b"\x65", b"\x65"]] + [[b"\x06", b"\x41", b"\x41", b"\x41", b"\x41"]] * 40
    lost = [delivery._lost_slices(pictures, share, np.random.default_rng(1)) for share in (0, 0.05, 0.3, 1)]
    assert len(lost[0]) == 1
    assert all(less < more for less, more in itertools.pairwise(lost))
    assert len(lost[3]) == 160  # every slice but the first picture's; never other units
    assert all(index > 0 and place > 0 for index, place in lost[3])


def test_a_picture_that_never_arrives_is_the_last_one():
    shown = run(moving_clip(), "packet_loss", 100)
    assert (shown == shown[0]).all()
