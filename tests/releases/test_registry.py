"""What holds for every release, and what one needs to be one: a made-up release with a text table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases import RELEASES, find_release, mini, rows
from lmms_cpllm.releases.base import Label, Labels, Release, inspect, is_complete
from lmms_cpllm.releases.tables import parse_number, read_csv, require_columns


def read(folder: Path) -> Labels:
    table = read_csv(folder / "scores.txt", delimiter="|")
    require_columns(table, ("clip", "mos"))
    labels = (Label(cells["clip"], parse_number(cells["mos"]), f"line {line}") for line, cells in table.lines)
    return Labels(table.path, tuple(labels))


def videos(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in (folder / "clips").iterdir()}


MADE_UP = Release(
    name="made_up",
    title="Made Up",
    count=3,
    other_counts=(2,),
    mos_min=-10.0,
    mos_max=100.0,
    licence="none",
    source="https://example.org",
    how_to_get="ask made-up@example.org",
    folders=("made_up",),
    markers=("clips", "scores.txt"),
    read=read,
    videos=videos,
)


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    (tmp_path / "made_up" / "clips").mkdir(parents=True)
    for name in ("b", "a", "c"):
        (tmp_path / "made_up" / "clips" / f"{name}.avi").write_bytes(b"frames")
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(tmp_path))
    monkeypatch.delenv("LMMS_CPLLM_ALLOW_PARTIAL", raising=False)
    monkeypatch.setitem(RELEASES, "made_up", MADE_UP)
    return tmp_path


def score(root: Path, *lines: str) -> None:
    (root / "made_up" / "scores.txt").write_text("\n".join(["Clip | MOS", *lines]), encoding="utf-8")


def test_the_registry_is_keyed_by_name_and_every_release_says_how_to_get_it():
    for name, release in RELEASES.items():
        assert find_release(name) is release
        assert release.name == name
        assert release.mos_min < release.mos_max
        assert release.count > 0 or release.variable or release.questions
        assert release.licence
        assert release.source
        assert release.how_to_get
        assert release.embedded or (bool(release.read) != bool(release.questions) and release.videos)
        assert release.embedded or release.variable or (release.markers and release.folders)


def test_the_embedded_benchmark_has_as_many_clips_as_the_registry_says():
    table = mini.table()
    assert len(table) == RELEASES["mini"].count
    assert RELEASES["mini"].mos_min <= min(row.mos for row in table) <= max(row.mos for row in table) <= 100


def test_another_release_is_one_small_file(root):
    score(root, "c|-6.5", "a|93.4", "b|50")
    assert [(row.name, row.mos) for row in rows("made_up")] == [("a", 93.4), ("b", 50.0), ("c", -6.5)]


def test_every_circulating_count_is_complete_and_others_are_not(root):
    score(root, "c|1", "a|2")
    assert len(rows("made_up")) == 2
    score(root, "c|1")
    with pytest.raises(
        DataError, match=r"3 or 2 videos expected, 1 labelled in scores.txt, 1 found(.|\n)*made-up@example"
    ):
        rows("made_up")


def test_complete_needs_the_videos_and_labels_without_faults(root):
    score(root, "c|1", "a|2", "b|3")
    listing = inspect(MADE_UP, root / "made_up")
    assert is_complete(MADE_UP, listing)
    assert not is_complete(MADE_UP, replace(listing, missing=("d",)))
    assert not is_complete(MADE_UP, replace(listing, faults=("line 2: odd",)))


def test_an_embedded_release_needs_no_folder(monkeypatch):
    monkeypatch.delenv("LMMS_CPLLM_DATA", raising=False)
    monkeypatch.setitem(RELEASES, "made_up", replace(MADE_UP, embedded=lambda: ("one", "two")))
    assert rows("made_up") == ["one", "two"]
