"""Any text at all as a model's answer, and any bytes as a list: a rating, rows, or an error that is meant for people."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmms_cpllm.errors import ArgumentError, DataError
from lmms_cpllm.harness.score_table import read_scores
from lmms_cpllm.ratings import LEVELS, parse_answer, parse_choice
from lmms_cpllm.ratings.options import parse_option
from lmms_cpllm.releases.lists import read_list

# The same examples in every run: what fails here fails for everybody.
REPEATABLE = settings(max_examples=300, deadline=None, derandomize=True, database=None)

# Pieces of which answers are made, so that what is drawn comes near to one.
_PIECES = st.sampled_from(
    [
        *LEVELS,
        *(
            "score",
            "quality",
            "rating",
            ":",
            " is ",
            "not ",
            "/100",
            "/5",
            "out of 10",
            "%",
            "-",
            "..",
            "{",
            "}",
            '"',
            "[",
            "]",
        ),
        *(
            "<answer>",
            "</answer>",
            "<think>",
            "\\boxed{",
            "<score>",
            "null",
            "NaN",
            "Infinity",
            "1e999",
            "٣",
            "½",
            "\0",
            "\n",
        ),
        *('"distribution"', '{"quality": 50}', "first", "second", "A", "B.", "yes", "no", "between", "and", "**", "`"),
    ]
)
_NUMBERS = st.one_of(st.integers(-(10**400), 10**400).map(str), st.floats(width=64).map(str))
ANSWERS = st.one_of(
    st.text(max_size=200),
    st.lists(st.one_of(_PIECES, _NUMBERS, st.text(max_size=3)), max_size=20).map("".join),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["quality", "score", "distribution", "max", "x"]), inner, max_size=3)
        ),
        max_leaves=8,
    ).map(json.dumps),
)


@REPEATABLE
@given(ANSWERS, st.sampled_from([(0, 100), (1, 5), (-1, 1)]))
def test_an_answer_is_a_rating_or_a_reason(text: str, scale: tuple[float, float]) -> None:
    answer = parse_answer(text, *scale)
    if answer.rating is None:
        assert answer.reason
    else:
        assert answer.reason == ""
        assert 0 <= answer.rating.quality <= 100
        assert answer.rating.level in LEVELS
        shares = answer.rating.distribution
        assert shares is None or (len(shares) == 5 and math.isclose(sum(shares), 1, abs_tol=2e-3))


@REPEATABLE
@given(ANSWERS)
def test_a_choice_and_an_option_never_fail(text: str) -> None:
    assert parse_choice(text)[0] in ("first", "second", None)
    options = ("the first", "yes", "blur")
    assert parse_option(text, options)[0] in (*options, None)


@REPEATABLE
@given(st.floats(0, 100).map(lambda quality: round(quality, 3)))
def test_a_plain_number_is_itself(quality: float) -> None:
    for text in (f"{quality:.3f}", f"Score: {quality:.3f}/100", json.dumps({"quality": quality})):
        assert parse_answer(text).rating.quality == pytest.approx(quality, abs=1e-9)


LISTS = {
    "head.csv": b"video,mos\na.mp4,1.5\nb.mp4,4\n",
    "german.csv": b"\xef\xbb\xbfname;mos\na.mp4;1,5\nb.mp4;4,0\n",
    "quoted.csv": b'"video","score"\n"a, b.mp4","3"\n"c ""d"".mp4","4"\n',
    "headless.txt": b"a.mp4, 8.0, 30, 55.5\nb.mp4, 8.0, 30, 60.1\n",
    "blanks.txt": b"a.mp4 1.5\nb.mp4 3.5\n",
    "bars.txt": b"a.mp4|a prompt, with a comma|2.5\nb.mp4|another|3\n",
    "rows.json": b'[{"image": "a.mp4", "gt_score": 3.5}, {"image": "b.mp4", "gt_score": "4"}]',
    "nested.json": b'{"annotations": [{"image_id": "a.mp4", "score": "3.5"}], "version": 1}',
    "lines.jsonl": b'{"video": "a.mp4", "score": 3.5}\n{"video": "b.mp4", "score": 4}\n',
    "map.json": b'{"a.mp4": 3.5, "b.mp4": 4}',
    "tabs.tsv": b"video\tquality\na.mp4\t3.5\nb.mp4\t4\n",
}
_SIGNS = b'",;|\t\n\r\0{}[]:\\\xff\xfe\xc3'


def changed_text(data: bytes, seed: int) -> bytes:
    """Signs that mean something to a reader put in, pieces cut out, doubled or cut off."""
    rng, values = np.random.default_rng(seed), bytearray(data)
    for _ in range(rng.integers(1, 5)):
        at = int(rng.integers(0, len(values) + 1))
        length = int(rng.integers(1, 12))
        kind = rng.integers(4)
        if kind == 0:
            values[at:at] = bytes([_SIGNS[rng.integers(len(_SIGNS))]]) * int(rng.integers(1, 3))
        elif kind == 1:
            del values[at : at + length]
        elif kind == 2:
            values[at:at] = values[at : at + length]
        else:
            values[at:] = values[at : at + length]
    return bytes(values)


def read_both(path: Path) -> None:
    """A list is read, or refused by name; scores are finite."""
    try:
        read = [(label.name, label.mos) for label in read_list(path).labels]
    except DataError as error:
        read = str(error)
    assert str(path) in read if isinstance(read, str) else all(name and math.isfinite(mos) for name, mos in read)
    try:
        read = [(row.name, row.score) for row in read_scores(path).rows]
    except ArgumentError as error:
        read = str(error)
    assert str(path) in read if isinstance(read, str) else all(name and math.isfinite(mos) for name, mos in read)


@pytest.mark.parametrize("name", LISTS)
def test_changed_lists_are_read_or_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    for seed in range(200):
        path.write_bytes(changed_text(LISTS[name], seed))
        read_both(path)


@REPEATABLE
@given(data=st.binary(max_size=200), ending=st.sampled_from([".csv", ".txt", ".json", ".jsonl", ".tsv"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes, ending: str) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_bytes(data)
    read_both(path)


_CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r\n", exclude_categories=["Cs"]), min_size=1, max_size=12
)


@REPEATABLE
@given(names=st.lists(_CELL.filter(lambda name: name == name.strip()), min_size=1, max_size=5), scores=st.data())
def test_a_json_list_gives_what_was_written(tmp_path_factory: pytest.TempPathFactory, names: list[str], scores) -> None:
    values = [scores.draw(st.floats(-1e6, 1e6)) for _ in names]
    path = tmp_path_factory.getbasetemp() / "written.json"
    path.write_text(json.dumps([{"video": name, "mos": value} for name, value in zip(names, values, strict=True)]))
    assert [(label.name, label.mos) for label in read_list(path).labels] == list(zip(names, values, strict=True))
