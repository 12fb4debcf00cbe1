"""Batches of samples of like length: less padding, each sample once, the same in every process and after a resume."""

import numpy as np
import pytest

from lmms_cpllm.training.full.data.grouping import GroupedBatches

# As of a stage that mixes ratings, pairs of videos and descriptions: (tokens, share).
MIXTURE = ((350, 0.5), (620, 0.3), (440, 0.2))


@pytest.fixture(scope="module")
def lengths() -> np.ndarray:
    rng = np.random.default_rng(5)
    base = rng.choice([tokens for tokens, _ in MIXTURE], size=2000, p=[share for _, share in MIXTURE])
    return base + rng.integers(0, 60, size=2000)


def batches(lengths, *, rank=0, world=1, window=16, first=0, count=100, batch=4, seed=0) -> list[list[int]]:
    return list(GroupedBatches(lambda place: lengths[place], first, count, batch, world, rank, window, seed))


def padding(lengths, found: list[list[int]]) -> float:
    """Share of the places of all batches that are filled up."""
    filled = sum(lengths[place] for places in found for place in places)
    return 1 - filled / sum(max(lengths[place] for place in places) * len(places) for places in found)


def test_a_window_leaves_little_padding(lengths):
    drawn, grouped = batches(lengths, window=1), batches(lengths)
    assert padding(lengths, drawn) > 0.2
    assert padding(lengths, grouped) < 0.05
    assert drawn == [list(range(4 * i, 4 * i + 4)) for i in range(100)]


@pytest.mark.parametrize("count", [16, 37, 100])
def test_every_sample_stands_in_one_batch_of_one_process(lengths, count):
    ranks = [batches(lengths, rank=rank, world=3, count=count) for rank in range(3)]
    places = [place for found in ranks for one in found for place in one]
    assert sorted(places) == list(range(3 * 4 * count))
    # A window is of samples that were drawn together, whatever comes later.
    for number in range(count):
        window = number // 16
        assert all(window * 16 * 12 <= place < (window + 1) * 16 * 12 for found in ranks for place in found[number])


def test_batches_of_one_number_are_alike_in_all_processes(lengths):
    ranks = [batches(lengths, rank=rank, world=4, count=32) for rank in range(4)]
    spread = [
        max(lengths[place] for found in ranks for place in found[number])
        - min(lengths[place] for found in ranks for place in found[number])
        for number in range(32)
    ]
    drawn = [int(np.ptp(lengths[16 * number : 16 * number + 16])) for number in range(32)]
    assert np.mean(spread) < np.mean(drawn) / 5


@pytest.mark.parametrize("first", [1, 16, 21, 99])
def test_a_resumed_run_goes_on_with_the_same_batches(lengths, first):
    assert batches(lengths, first=first) == batches(lengths)[first:]


def test_order_depends_on_the_seed_and_on_nothing_else(lengths):
    assert batches(lengths) == batches(lengths)
    one, other = batches(lengths, count=16), batches(lengths, count=16, seed=1)
    assert one != other
    assert sorted(one) == sorted(other)
    longest = [max(lengths[place] for place in places) for places in one]
    assert longest != sorted(longest), "a stage that goes from short to long would be no random one"
