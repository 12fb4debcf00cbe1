"""KoNViD-1k as people have it on disk: places, label files, names, and every way in which it is wrong."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest
from fake_konvid import expect_count, konvid_ids, konvid_scores, labels_file, make_konvid

from lmms_cpllm.errors import ArgumentError, DataError
from lmms_cpllm.releases import RELEASES, Row, fingerprint, rows

HOW_TO_GET = "`lmms-cpllm data get konvid` downloads it"


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """An empty data root; the release has six videos."""
    root = tmp_path / "data"
    root.mkdir()
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(root))
    monkeypatch.delenv("LMMS_CPLLM_ALLOW_PARTIAL", raising=False)
    expect_count(monkeypatch, 6)
    return root


def failure() -> str:
    with pytest.raises(DataError) as caught:
        rows("konvid")
    return str(caught.value)


def rewrite(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path = labels_file(folder)
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def lines_of(folder: Path) -> list[str]:
    return labels_file(folder).read_text(encoding="utf-8").splitlines()


def test_the_release_has_1200_videos_with_mos_from_1_to_5():
    release = RELEASES["konvid"]
    assert (release.count, release.mos_min, release.mos_max) == (1200, 1.0, 5.0)


def test_rows_are_absolute_paths_text_ids_and_scores_in_the_order_of_names(data):
    folder = make_konvid(data)
    expected = sorted(zip(konvid_ids(6), konvid_scores(6), strict=True))
    assert rows("konvid") == [Row(str(folder / "KoNViD_1k_videos" / f"{x}.mp4"), x, mos) for x, mos in expected]
    assert [x for x, _ in expected] != konvid_ids(6)  # text order is not file order, so the test sees the sorting


@pytest.mark.parametrize("folder", ["", "konvid", "KoNViD-1k", "KoNViD_1k"])
def test_every_usual_folder_is_found(data, folder):
    make_konvid(data, folder=folder)
    assert len(rows("konvid")) == 6


def test_the_variable_may_name_the_release_itself_and_a_whole_folder_wins_over_half_of_one(data, monkeypatch):
    folder = make_konvid(data)
    (data / "KoNViD_1k_metadata").mkdir()  # left over from an unpacking that went wrong
    assert len(rows("konvid")) == 6
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(folder))
    assert len(rows("konvid")) == 6


def test_attributes_file_gives_the_same_rows_and_their_deviations(data):
    folder = make_konvid(data)
    expected = rows("konvid")
    labels_file(folder).unlink()
    make_konvid(data / "other", labels="attributes")
    os.rename(data / "other/konvid/KoNViD_1k_metadata/KoNViD_1k_attributes.csv", folder / "KoNViD_1k_attributes.csv")
    found = rows("konvid")
    assert [replace(row, sd=None) for row in found] == expected
    assert all(row.sd is not None for row in found)


def test_older_video_names_are_found_and_the_plain_name_wins(data):
    videos = make_konvid(data) / "KoNViD_1k_videos"
    names = konvid_ids(6)
    for name in names:
        os.rename(videos / f"{name}.mp4", videos / f"{name}_original_centercrop_960x540_8s.mp4")
    assert Path(rows("konvid")[0].video).name.endswith("_original_centercrop_960x540_8s.mp4")
    os.link(videos / f"{names[0]}_original_centercrop_960x540_8s.mp4", videos / f"{names[0]}.mp4")
    assert {Path(row.video).name for row in rows("konvid") if row.name == names[0]} == {f"{names[0]}.mp4"}


def test_byte_order_mark_blank_rows_and_leading_zeros_do_no_harm(data):
    folder = make_konvid(data)
    videos = folder / "KoNViD_1k_videos"
    os.rename(videos / f"{konvid_ids(6)[0]}.mp4", videos / "0042.mp4")
    head, first, *rest = lines_of(folder)
    rewrite(folder, head, "", ",", f"0042,{first.split(',')[1]}", " , ", *rest, "", encoding="utf-8-sig")
    assert rows("konvid")[0].name == "0042"


def test_workers_file_is_never_opened(data):
    folder = make_konvid(data)
    (folder / "KoNViD_1k_metadata" / "KoNViD_1k_subjective.csv").mkdir()  # opening a folder as a file would fail
    assert len(rows("konvid")) == 6


def test_unset_variable(monkeypatch):
    monkeypatch.delenv("LMMS_CPLLM_DATA", raising=False)
    text = failure()
    assert "LMMS_CPLLM_DATA is not set" in text
    assert "export LMMS_CPLLM_DATA=/path/to/releases" in text
    assert HOW_TO_GET in text


def test_variable_that_names_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(tmp_path / "nowhere"))
    assert f"LMMS_CPLLM_DATA={tmp_path / 'nowhere'}: there is no such folder" in failure()


def test_empty_root_says_where_it_looked_and_what_is_there(data):
    text = failure()
    assert f"{data}, {data}/konvid, {data}/KoNViD-1k, {data}/KoNViD_1k" in text
    assert f"found: {data} is empty" in text
    (data / "LIVE-VQC").mkdir()
    text = failure()
    assert f"found: {data} holds LIVE-VQC/" in text
    assert HOW_TO_GET in text


def test_no_labels_names_the_files_looked_for_and_what_is_there(data):
    folder = make_konvid(data)
    labels_file(folder).rename(folder / "KoNViD_1k_metadata" / "mos.csv")
    text = failure()
    assert "KoNViD_1k_mos.csv or KoNViD_1k_attributes.csv" in text
    assert f"{folder / 'KoNViD_1k_metadata'} holds mos.csv" in text


def test_missing_videos_are_counted_and_named(data):
    folder = make_konvid(data)
    gone = konvid_ids(6)[2]
    (folder / "KoNViD_1k_videos" / f"{gone}.mp4").unlink()
    text = failure()
    assert "6 videos expected, 6 labelled in KoNViD_1k_mos.csv, 5 found" in text
    assert f"missing: {gone}" in text
    assert "LMMS_CPLLM_ALLOW_PARTIAL=1" in text


def test_too_few_labels(data):
    folder = make_konvid(data)
    rewrite(folder, *lines_of(folder)[:-1])
    assert "6 videos expected, 5 labelled in KoNViD_1k_mos.csv, 5 found" in failure()


def test_too_many_labels_are_never_let_through(data, monkeypatch):
    make_konvid(data, n=7)
    monkeypatch.setenv("LMMS_CPLLM_ALLOW_PARTIAL", "1")
    assert "7 videos are labelled, 6 expected" in failure()


def test_partial_scores_what_is_there_and_says_so(data, monkeypatch, caplog):
    folder = make_konvid(data)
    (folder / "KoNViD_1k_videos" / f"{konvid_ids(6)[2]}.mp4").unlink()
    monkeypatch.setenv("LMMS_CPLLM_ALLOW_PARTIAL", "1")
    with caplog.at_level(logging.WARNING):
        assert len(rows("konvid")) == 5
    assert "KoNViD-1k: scoring 5 of 6 videos, because LMMS_CPLLM_ALLOW_PARTIAL=1" in caplog.text


def test_partial_needs_one_video_and_a_known_value(data, monkeypatch):
    folder = make_konvid(data)
    for path in (folder / "KoNViD_1k_videos").iterdir():
        path.unlink()
    monkeypatch.setenv("LMMS_CPLLM_ALLOW_PARTIAL", "1")
    assert "0 found" in failure()
    make_konvid(data / "more")
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(data / "more"))
    monkeypatch.setenv("LMMS_CPLLM_ALLOW_PARTIAL", "yes")
    (data / "more/konvid/KoNViD_1k_videos" / f"{konvid_ids(6)[0]}.mp4").unlink()
    with pytest.raises(ArgumentError, match="LMMS_CPLLM_ALLOW_PARTIAL=yes: expected 1"):
        rows("konvid")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("123.0,3.5", "line 2: flickr_id 123.0 was turned into a decimal number"),
        ("1.23E+10,3.5", "line 2: flickr_id 1.23E+10 was turned into a decimal number"),
        ("abc,3.5", "line 2: flickr_id 'abc' is not a whole number"),
        (",3.5", "line 2: flickr_id '' is not a whole number"),
        ("123,good", "line 2: MOS 'good' of 123 is not a number"),
        ("123,", "line 2: MOS '' of 123 is not a number"),
        ("123", "line 2: MOS '' of 123 is not a number"),
        ("123,nan", "line 2: MOS 'nan' of 123 is not a number"),
        ("123,0.99", "line 2: MOS 0.99 of 123 is outside 1 to 5"),
        ("123,61.8", "line 2: MOS 61.8 of 123 is outside 1 to 5"),
        ("197530862,3", "line 3: 197530862 stands on line 2 already"),
    ],
)
def test_wrong_lines(data, monkeypatch, line, fault):
    folder = make_konvid(data)
    head, _, *rest = lines_of(folder)
    path = rewrite(folder, head, line, *rest)
    monkeypatch.setenv("LMMS_CPLLM_ALLOW_PARTIAL", "1")  # wrong labels never pass
    text = failure()
    assert fault in text
    assert str(path) in text
    assert "put the official file back" in text


@pytest.mark.parametrize("value", ["1", "5"])
def test_the_ends_of_the_scale_are_allowed(data, value):
    folder = make_konvid(data)
    head, first, *rest = lines_of(folder)
    rewrite(folder, head, f"{first.split(',')[0]},{value}", *rest)
    assert float(value) in [row.mos for row in rows("konvid")]


def test_many_wrong_lines_are_shortened(data):
    folder = make_konvid(data)
    rewrite(folder, "flickr_id,mos", *(f"{i}.0,3" for i in range(6)))
    text = failure()
    assert "6 faults" in text
    assert "line 6: flickr_id 4.0" in text
    assert "line 7" not in text
    assert "and 1 more" in text


def test_wrong_columns_delimiter_and_content(data):
    folder = make_konvid(data)
    path = rewrite(folder, "vid,score", "1,2")
    assert f"{path}: columns flickr_id, mos expected, found vid, score" in failure()
    rewrite(folder, "flickr_id;mos", "1;2")
    assert "found flickr_id;mos" in failure()
    path.write_bytes(b"")
    assert f"{path}: the file is empty" in failure()
    path.write_text("flickr_id,mos\n1,2\n", encoding="utf-16")
    assert f"{path}: not a text table" in failure()


def test_unknown_release():
    with pytest.raises(
        ArgumentError, match="release 'konviddd' is not known; expected one of: custom, cvd2014, finevd_choice"
    ):
        rows("konviddd")


def test_fingerprint_sees_scores_order_and_file_sizes_but_not_folders(data, tmp_path):
    folder = make_konvid(data)
    found = rows("konvid")
    first = fingerprint(found)
    assert len(first) == 16
    assert int(first, 16) >= 0
    assert fingerprint(list(reversed(found))) != first
    assert fingerprint([Row(found[0].video, found[0].name, 4.99), *found[1:]]) != first
    os.rename(folder, data / "KoNViD-1k")
    moved = rows("konvid")
    assert moved != found
    assert fingerprint(moved) == first
    video = Path(moved[0].video)
    content = video.read_bytes()
    video.unlink()  # a hard link: cut this file only
    video.write_bytes(content[:-1])
    assert fingerprint(moved) != first
