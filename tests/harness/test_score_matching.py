"""Rows and videos that belong together, and those that do not."""

from __future__ import annotations

import pytest

from lmms_cpllm.harness.score_matching import Video, key_of, match
from lmms_cpllm.harness.score_table import ScoreRow

A, B = Video("/d/a/1.mp4", "a/1"), Video("/d/b/1.mp4", "b/1")
UGC = Video("/d/Gaming_720P-25aa_crf_10_ss_00_t_20.0.mp4", "Gaming_720P-25aa")


def rows(*names: str) -> list[ScoreRow]:
    return [ScoreRow(name, float(index)) for index, name in enumerate(names)]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("123", ("123",)),
        ("123.0", ("123",)),
        ("123.0.mp4", ("123",)),
        ("videos\\x\\123.MP4", ("videos", "x", "123")),
        ("./a/b.v1.2.mkv", ("a", "b.v1.2")),
        ("x_t_20.0", ("x_t_20.0",)),
        ("", ()),
    ],
)
def test_keys(text: str, key: tuple) -> None:
    assert key_of(text) == key


@pytest.mark.parametrize(
    "name", ["7", "7.mp4", "7.0", "KoNViD/7.mp4", "/elsewhere/7.avi", "C:\\x\\7.mp4", "/d/videos/7.mp4"]
)
def test_by_stem_or_path(name: str) -> None:
    found = match(rows("6", name, "8"), [Video("/d/videos/7.mp4", "7")])
    assert (found.scores, found.unmatched, found.surplus) == ({"/d/videos/7.mp4": 1.0}, (), ("6", "8"))


@pytest.mark.parametrize("name", ["Gaming_720P-25aa", "Gaming_720P-25aa_crf_10_ss_00_t_20.0", UGC.path])
def test_by_the_name_of_the_release_or_of_the_file(name: str) -> None:
    assert match(rows(name), [UGC]).scores == {UGC.path: 0.0}


def test_folders_tell_equal_stems_apart() -> None:
    found = match(rows("b/1.mp4", "x/a/1.mp4"), [A, B, A])
    assert (found.scores, found.surplus, found.ambiguous) == ({B.path: 0.0, A.path: 1.0}, (), ())


def test_the_row_of_a_neighbour_is_not_taken() -> None:
    found = match(rows("a/1.mp4"), [A, B])
    assert (found.scores, found.unmatched) == ({A.path: 0.0}, ("b/1",))


def test_a_better_row_wins() -> None:
    found = match(rows("c/1.mp4", "b/1.mp4"), [B])
    assert (found.scores, found.surplus) == ({B.path: 1.0}, ("c/1.mp4",))


def test_what_cannot_be_told_apart_is_said() -> None:
    assert match(rows("1"), [A, B]).ambiguous == ("1 may be /d/a/1.mp4 or /d/b/1.mp4",)
    assert match(rows("c/1.mp4", "e/1.mp4"), [B]).ambiguous == ("b/1 has several scores (c/1.mp4: 0, e/1.mp4: 1)",)
    twice = match([ScoreRow("1", 2.0), ScoreRow("1.mp4", 2.0)], [B])
    assert (twice.scores, twice.ambiguous, twice.surplus) == ({B.path: 2.0}, (), ())


def test_nothing() -> None:
    found = match([], [A])
    assert (found.scores, found.unmatched, found.surplus) == ({}, ("a/1",), ())
    assert match(rows("1"), []).surplus == ("1",)
