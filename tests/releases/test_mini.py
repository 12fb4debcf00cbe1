"""The embedded benchmark: its table fits its recipe, its labels are ordered, its pairs are fixed and balanced."""

import csv
import dataclasses
import hashlib
import itertools
from collections import Counter
from pathlib import Path

import pytest

from lmms_cpllm.errors import DataError
from lmms_cpllm.metrics.correlation import srcc
from lmms_cpllm.releases import mini
from lmms_cpllm.synthesis.labels import quality_of_acr
from lmms_cpllm.synthesis.opinion import CLEAN_ACR
from lmms_cpllm.synthesis.recipe import LADDERS, items
from lmms_cpllm.synthesis.table import COLUMNS, item_columns


@pytest.fixture
def rendered(monkeypatch, tmp_path):
    """No rendering: every clip is said to lie in tmp_path."""
    calls = []

    def fake(todo, root, name, hint):
        calls.append((root, name))
        return {item.name: tmp_path / f"{item.name}.mp4" for item in todo}

    monkeypatch.setattr(mini, "render", fake)
    return calls


def same_content(pair):
    return pair.first.content == pair.second.content


def by_name():
    return {row.name: row for row in mini.table()}


def test_every_item_has_a_row_of_its_own_recipe_and_nothing_else():
    with open(mini.TABLE, newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == COLUMNS
    expected = [item_columns(item) for item in items()]
    assert [{key: line[key] for key in expected[0]} for line in lines] == expected


def test_rows_are_complete_and_in_order_of_their_names():
    rows = mini.table()
    assert len(rows) == 120
    assert [row.name for row in rows] == sorted(row.name for row in rows)
    assert all(0 < row.mos < 100 and 0 < row.vmaf < 100 and row.bytes > 1000 for row in rows)
    assert {row.content for row in rows} == set(mini.SHOWS)
    assert {row.motion for row in rows} == {"nearly still", "slow", "moderate", "fast"}


@pytest.mark.parametrize("ladder", LADDERS, ids=lambda ladder: ladder.family)
def test_labels_fall_with_the_strength_on_every_ladder(ladder):
    rows = by_name()
    for content in ladder.contents:
        climb = [rows[f"{content}-clean"], *(rows[f"{content}-{ladder.family}-{s:g}"] for s in ladder.strengths)]
        labels = [row.mos for row in climb]
        assert all(better > worse for better, worse in itertools.pairwise(labels)), (content, labels)
        assert [row.strength for row in climb] == [0, *ladder.strengths]


def test_labels_cover_the_scale():
    rows = mini.table()
    # People avoid the end of the scale: a clean clip has about ACR 4.6, which is quality 90.
    top = quality_of_acr(CLEAN_ACR)
    assert all(top - 1.5 < row.mos <= top and row.severity == "imperceptible" for row in rows if row.reference)
    assert all(row.mos <= top for row in rows)
    counts = Counter(row.severity for row in rows)
    assert set(counts) == set(mini.SEVERITIES.values())
    # Most clips are where people disagree most, between good and poor.
    assert min(counts[mini.SEVERITIES[level]] for level in ("good", "fair", "poor")) >= 25


def test_labels_are_not_vmaf_but_agree_with_it_within_a_family():
    rows = mini.table()
    for family in {row.family for row in rows if not row.reference}:
        clips = [row for row in rows if row.family == family]
        assert srcc([row.vmaf for row in clips], [row.mos for row in clips]) > 0.9
    # Noise costs people more than VMAF says, and blur as much.
    noise, blur = by_name()["retina-noise-20"], by_name()["coffee-blur-1"]
    assert noise.vmaf > blur.vmaf
    assert noise.mos < blur.mos


def test_rows_have_absolute_paths_below_the_cache(rendered, monkeypatch, tmp_path):
    monkeypatch.setenv("LMMS_CPLLM_CACHE", str(tmp_path / "here"))
    rows = mini.rows()
    assert rendered == [(tmp_path / "here", "vqa_mini")]
    assert [row.video for row in rows] == [str(tmp_path / f"{row.name}.mp4") for row in mini.table()]
    assert all(Path(row.video).is_absolute() for row in rows)


def test_without_the_variable_the_users_cache_is_taken(monkeypatch):
    monkeypatch.delenv("LMMS_CPLLM_CACHE", raising=False)
    assert mini.cache_root().name == "lmms-cpllm"
    assert mini.cache_root().is_absolute()


def test_a_cache_that_cannot_be_written_is_named_with_the_variable(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LMMS_CPLLM_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataError) as error:
        mini.rows()
    text = str(error.value)
    assert text.startswith(f"vqa_mini: its clips cannot be written to {tmp_path}/file/cache/vqa_mini-")
    assert text.endswith(
        f"Set LMMS_CPLLM_CACHE to a folder with 200 MB of free space that you may write to (now: {tmp_path}/file/cache)."
    )


def test_a_table_of_another_recipe_is_refused(monkeypatch, tmp_path):
    lines = mini.TABLE.read_text().splitlines(keepends=True)
    changed = tmp_path / "mini.csv"
    changed.write_text("".join([*lines[:5], lines[5].rstrip()[:-3] + "xyz\n", *lines[6:-1]]))
    monkeypatch.setattr(mini, "TABLE", changed)
    with pytest.raises(
        DataError, match=r"expected the labels of the 120 clips of the recipe, found 2 that are missing, "
    ):
        mini.table()
    changed.unlink()
    monkeypatch.setattr(mini, "TABLE", tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"none.csv: the table of labels is missing. Install the package again"):
        mini.table()


def test_pairs_are_balanced_and_clear(rendered):
    pairs = mini.pairs()
    assert len(pairs) == len({frozenset((pair.first.name, pair.second.name)) for pair in pairs}) == 100
    assert sum(pair.better == "first" for pair in pairs) == 50
    same = [pair for pair in pairs if same_content(pair)]
    assert len(same) == 50
    assert sum(pair.better == "first" for pair in same) == 25
    assert min(pair.difference for pair in same) >= 5
    assert min(pair.difference for pair in pairs if not same_content(pair)) >= 15
    assert all(pair.first.video and pair.second.video for pair in pairs)


def test_pairs_unpack_into_rows_and_name_the_better_one(rendered):
    for pair in mini.pairs():
        first, second = pair
        assert pair.better == ("first" if first.mos > second.mos else "second")


def test_same_content_pairs_are_neighbours_on_a_ladder(rendered):
    strengths = {ladder.family: (0, *ladder.strengths) for ladder in LADDERS}
    for pair in mini.pairs():
        if same_content(pair):
            family = next(row.family for row in pair if not row.reference)
            steps = sorted(strengths[family].index(row.strength) for row in pair)
            assert steps[1] - steps[0] == 1


def test_pairs_are_these(rendered):
    """Golden: other pairs are another task, so raise the version of vqa_mini_pairs when this changes."""
    text = "\n".join(f"{pair.first.name} {pair.second.name} {pair.better}" for pair in mini.pairs())
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "42eb0e57637ed55d"


def test_description_of_a_distorted_clip():
    row = dataclasses.replace(by_name()["motorcycle-h264-45"], mos=20.0, severity="annoying", motion="slow")
    assert mini.describe(row) == (
        "The quality of this video is poor. It shows a red motorcycle in a garage; the camera moves at a slow pace. "
        "H.264 compression removes fine detail and leaves blocks and ringing; the impairment is annoying."
    )


def test_description_of_a_clean_clip():
    assert mini.describe(by_name()["tissue-clean"]) == (
        "The quality of this video is excellent. It shows stained tissue under a microscope; the camera is nearly still. "
        "No distortion is visible."
    )


def test_facts():
    row = by_name()["grass-drops-25"]
    found = mini.facts(row)
    assert found.pop("quality") == row.mos
    assert found == {
        "level": "fair",
        "severity": "slightly annoying",
        "content": "grass",
        "shows": "grass and clover from close by, in black and white",
        "motion": "moderate",
        "family": "drops",
        "distortion": "frame drops",
        "strength": 25.0,
        "unit": "% of frames",
        "distorted": True,
    }


def test_what_is_delivered_in_another_codec_has_the_size_that_it_had_in_its_own():
    rows = [dataclasses.replace(row, video=row.name) for row in mini.table()]
    sizes = mini.coded_sizes(rows)
    assert sizes == {row.name: row.bytes for row in rows if row.family == "av1"}
    assert len(sizes) == 12
