"""Each video against one fixed other: which pairs, in which order, and that nothing but the names decides."""

import hashlib
import random
from collections import Counter
from pathlib import Path

import pytest
from fake_konvid import expect_count, konvid_ids, konvid_scores, make_konvid

from lmms_cpllm import releases
from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.base import Row
from lmms_cpllm.releases.pairing import one_other_each


def rows_of(count: int, seed: int = 1) -> list[Row]:
    rng = random.Random(seed)
    return [Row("", str(98_765_431 * (i + 1)), round(rng.gauss(3, 0.6), 2)) for i in range(count)]


def partners(pairs) -> set[frozenset[str]]:
    return {frozenset((pair.first.name, pair.second.name)) for pair in pairs}


def test_every_video_is_in_two_pairs_and_no_pair_comes_twice():
    rows = [Row("", str(i), float(i)) for i in range(50)]
    pairs = one_other_each(rows)
    assert len(pairs) == len(partners(pairs)) == 50
    assert set(Counter(row.name for pair in pairs for row in pair).values()) == {2}
    assert [(pair.first.name, pair.second.name) for pair in pairs] == sorted(
        (pair.first.name, pair.second.name) for pair in pairs
    )


@pytest.mark.parametrize("count", [8, 51, 1200])
def test_in_half_of_the_pairs_the_first_is_better(count):
    pairs = one_other_each(rows_of(count))
    firsts = sum(pair.better == "first" for pair in pairs)
    assert abs(2 * firsts - len(pairs)) <= 1


def test_pairs_depend_on_names_alone():
    rows = rows_of(40)
    pairs = one_other_each(rows)
    assert one_other_each(rows[::-1]) == pairs
    other_scores = [Row("/elsewhere", row.name, row.mos + 100 * i) for i, row in enumerate(rows)]
    assert partners(pairs) <= partners(one_other_each(other_scores))


def test_a_missing_video_changes_only_its_own_pairs():
    rows = [Row("", str(i), float(i)) for i in range(50)]
    whole, partial = partners(one_other_each(rows)), partners(one_other_each(rows[1:]))
    assert len(whole - partial) == 2
    assert len(partial - whole) == 1


def test_equal_mos_is_left_out():
    rows = [Row("", str(i), float(i % 2)) for i in range(60)]
    pairs = one_other_each(rows)
    assert 0 < len(pairs) < 60
    assert all(pair.difference == 1 for pair in pairs)
    assert one_other_each([Row("", str(i), 3.0) for i in range(5)]) == []


@pytest.mark.parametrize(("count", "pairs"), [(0, 0), (1, 0), (2, 1), (3, 3)])
def test_few_videos(count, pairs):
    assert len(one_other_each([Row("", str(i), float(i)) for i in range(count)])) == pairs


def test_pairs_are_these():
    """Golden: other pairs are another task, so raise the version of vqa_pairs_konvid when this changes."""
    rows = [Row("", name, mos) for name, mos in zip(konvid_ids(1200), konvid_scores(1200), strict=True)]
    text = "\n".join(f"{pair.first.name} {pair.second.name} {pair.better}" for pair in one_other_each(rows))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "297fbef7f32f8716"


def test_pairs_of_a_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    expect_count(monkeypatch, 3)
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(tmp_path))
    make_konvid(tmp_path, 3, scores=[2.0, 3.0, 4.0])
    assert releases.pairs("konvid") == one_other_each(releases.rows("konvid"))


def test_a_release_without_pairs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    expect_count(monkeypatch, 3)
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(tmp_path))
    make_konvid(tmp_path, 3, scores=[2.5, 2.5, 2.5])
    with pytest.raises(DataError) as error:
        releases.pairs("konvid")
    assert str(error.value).startswith(
        "KoNViD-1k: expected at least two videos with different MOS to make pairs of, found 3 with MOS 2.5\n"
        "  how to get it: `lmms-cpllm data get konvid`"
    )
