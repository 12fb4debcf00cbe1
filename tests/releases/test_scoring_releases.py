"""What every release must do with its official layout, and what it says when something is wrong; then each one's own."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import write_clip
from fake_releases import COUNT, MAKERS, Fake, make, write_xlsx

from lmms_cpllm.cli import main
from lmms_cpllm.errors import DataError, VideoError
from lmms_cpllm.releases import RELEASES, fingerprint, rows
from lmms_cpllm.releases.live_qualcomm import LIVE_QUALCOMM
from lmms_cpllm.video import probe

BELOW_THE_ROOT = [name for name in MAKERS if not RELEASES[name].variable]


@pytest.fixture
def make_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LMMS_CPLLM_ALLOW_PARTIAL", raising=False)
    clip = write_clip(tmp_path / ".clip.mp4", frames=3, content="texture")
    return lambda name: make(name, tmp_path / "data", [clip] * COUNT, monkeypatch)


def failure(name: str) -> str:
    with pytest.raises(DataError) as caught:
        rows(name)
    return str(caught.value)


def run(capsys: pytest.CaptureFixture, *arguments: str) -> tuple[int, str]:
    capsys.readouterr()
    status = main(list(arguments))
    return status, capsys.readouterr().out


@pytest.mark.parametrize("name", MAKERS)
def test_rows_of_the_official_layout(make_release, name):
    fake = make_release(name)
    found = rows(name)
    assert {row.name: row.mos for row in found} == fake.scores
    assert {row.name: row.video for row in found} == {key: str(path) for key, path in fake.files.items()}
    assert [row.name for row in found] == sorted(fake.scores)
    low, high = RELEASES[name].mos_min, RELEASES[name].mos_max
    assert low < high
    assert len(fingerprint(found)) == 16


@pytest.mark.parametrize("name", BELOW_THE_ROOT)
def test_every_usual_folder_is_found(make_release, monkeypatch, tmp_path, name):
    fake = make_release(name)
    for folder in RELEASES[name].folders[1:]:
        os.rename(fake.folder, tmp_path / "data" / folder)
        assert len(rows(name)) == COUNT
        os.rename(tmp_path / "data" / folder, fake.folder)
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(fake.folder))
    assert len(rows(name)) == COUNT


@pytest.mark.parametrize("name", MAKERS)
def test_a_missing_video_is_named_and_may_be_left_out(make_release, monkeypatch, caplog, name):
    fake = make_release(name)
    gone = sorted(fake.files)[1]
    fake.files[gone].unlink()
    text = failure(name)
    assert f"4 videos expected, 4 labelled in {fake.labels.name}, 3 found" in text
    assert f"missing: {gone}\n" in text
    assert RELEASES[name].how_to_get in text
    monkeypatch.setenv("LMMS_CPLLM_ALLOW_PARTIAL", "1")
    with caplog.at_level(logging.WARNING):
        assert gone not in [row.name for row in rows(name)]
    assert f"{RELEASES[name].title}: scoring 3 of 4 videos" in caplog.text


@pytest.mark.parametrize("name", BELOW_THE_ROOT)
def test_without_labels_it_says_what_it_looked_for_and_what_is_there(make_release, name):
    fake = make_release(name)
    fake.labels.unlink()
    text = failure(name)
    assert str(fake.folder) in text
    assert RELEASES[name].how_to_get in text
    assert "found: " in text


@pytest.mark.parametrize("name", BELOW_THE_ROOT)
def test_without_the_release_it_says_where_it_looked(make_release, tmp_path, name):
    shutil.rmtree(make_release(name).folder)
    text = failure(name)
    assert f"{RELEASES[name].title} was not found" in text
    assert f"found: {tmp_path / 'data'} is empty" in text


@pytest.mark.parametrize("name", MAKERS)
def test_garbage_in_the_place_of_labels_names_the_file(make_release, name):
    fake = make_release(name)
    fake.labels.write_bytes(bytes(range(256)) * 3)
    assert str(fake.labels) in failure(name)


@pytest.mark.parametrize("name", MAKERS)
def test_list_check_and_get(make_release, capsys, name):
    fake = make_release(name)
    status, text = run(capsys, "data", "list")
    assert status == 0
    assert str(fake.labels if RELEASES[name].variable else fake.folder) in text
    status, text = run(capsys, "data", "check", name)
    assert (status, text.splitlines()[-1]) == (0, f"{RELEASES[name].title} is complete.")
    for fact in (RELEASES[name].split, RELEASES[name].direction, RELEASES[name].licence, RELEASES[name].source):
        assert fact in text
    release = RELEASES[name]
    if release.archives or release.buckets or release.hub_folders:
        assert main(["data", "get", name]) == 0  # it is there: nothing is asked for
    else:
        with pytest.raises(DataError, match="has nothing to download: "):
            main(["data", "get", name])
    gone = sorted(fake.files)[1]
    fake.files[gone].unlink()
    status, text = run(capsys, "data", "check", name)
    assert status == 1
    assert f"missing: {gone}\n" in text


@pytest.mark.parametrize("name", BELOW_THE_ROOT)
def test_every_release_states_its_facts_and_where_it_is_fetched_from_if_it_may_be(name):
    release = RELEASES[name]
    # Of what is open, its addresses are known.
    assert bool(release.archives) == (name == "maxwell")
    assert bool(release.buckets) == (name == "youtube_ugc")
    assert bool(release.hub_folders) == (name in ("lsvq_test", "lsvq_1080p"))
    assert bool(release.label_files) == bool(release.archives or release.buckets or release.hub_folders)
    assert (f"`lmms-cpllm data get {name}`" in release.how_to_get) == bool(release.label_files)
    assert release.direction == "higher is better"
    assert release.source.startswith("http")
    assert f"LMMS_CPLLM_DATA/{release.folders[0]}" in release.how_to_get


@pytest.mark.parametrize(
    ("name", "count", "others", "low", "high"),
    [
        ("live_vqc", 585, (), 0, 100),
        ("youtube_ugc", 1380, (1147, 1142, 1020), 1, 5),
        ("lsvq_test", 7182, tuple(range(7183, 7221)), 0, 100),
        ("lsvq_1080p", 3573, tuple(range(3561, 3573)), 0, 100),
        ("cvd2014", 234, (), -6.5, 100),
        ("live_qualcomm", 208, (), 0, 100),
        ("live_yt_gaming", 600, (), 0, 100),
        ("maxwell", 909, (), 1, 5),
        ("kvq", 2926, (4200,), 1, 5),
        ("t2vqa", 10_000, (), 0, 100),
    ],
)
def test_counts_and_scales(name, count, others, low, high):
    release = RELEASES[name]
    assert (release.count, release.other_counts, release.mos_min, release.mos_max) == (count, others, low, high)


def shrink(monkeypatch, name: str, count: int, others: tuple[int, ...]) -> None:
    monkeypatch.setitem(RELEASES, name, replace(RELEASES[name], count=count, other_counts=others))


@pytest.mark.parametrize("name", ["youtube_ugc", "lsvq_test", "lsvq_1080p"])
def test_videos_that_were_withdrawn_are_no_fault_where_their_number_circulates(
    make_release, monkeypatch, caplog, capsys, name
):
    fake = make_release(name)
    fake.files[sorted(fake.files)[1]].unlink()
    shrink(monkeypatch, name, COUNT, (3,))
    with caplog.at_level(logging.WARNING):
        assert len(rows(name)) == 3
    assert f"{RELEASES[name].title}: scoring 3 of 4 labelled videos; lists of 4 or 3 circulate" in caplog.text
    assert run(capsys, "data", "check", name)[0] == 0
    shrink(monkeypatch, name, COUNT, (2,))
    assert "4 or 2 videos expected, 4 labelled" in failure(name)
    shrink(monkeypatch, name, 3, ())  # the labels may name more than were ever scored
    assert len(rows(name)) == 3
    assert run(capsys, "data", "check", name)[0] == 0
    shrink(monkeypatch, name, 2, ())
    assert "2 videos expected, 4 labelled" in failure(name)
    assert "4 videos are labelled, 2 expected" in run(capsys, "data", "check", name)[1]


class TestMatlab:
    def test_a_file_of_version_7_3(self, make_release):
        fake = make_release("live_vqc")
        fake.labels.write_bytes(
            b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116) + b" " * 8 + b"\x00\x02IM" + b"\0" * 512
        )
        assert "a MATLAB file of version 5 to 7 expected, found version 7.3 (HDF5)" in failure("live_vqc")

    def test_missing_fields_are_named_beside_those_that_are_there(self, make_release):
        from scipy.io import savemat

        fake = make_release("live_qualcomm")
        savemat(fake.labels, {"qualcommVideoData": {"vidNames": np.array(["a"], dtype=object)}})
        text = failure("live_qualcomm")
        assert "fields vidNames, unBiasedMOS expected, found qualcommVideoData, qualcommVideoData.vidNames" in text

    def test_unequal_lengths_and_scores_that_are_none(self, make_release):
        from scipy.io import savemat

        fake = make_release("live_vqc")
        cell = np.array([["A001.mp4"], ["A002.mp4"]], dtype=object)
        savemat(fake.labels, {"video_list": cell, "mos": [[1.0], [2.0], [3.0]]})
        assert "one number in mos for each of the 2 video_list expected, found 3 of type float64" in failure("live_vqc")
        savemat(fake.labels, {"video_list": cell, "mos": [[1.0], [np.nan]]})
        assert "entry 2: MOS nan of A002.mp4 is not a number" in failure("live_vqc")
        savemat(fake.labels, {"video_list": cell, "mos": [[1.0], [101.0]]})
        assert "entry 2: MOS 101 of A002 is outside 0 to 100" in failure("live_vqc")

    def test_fields_without_a_struct_and_a_char_matrix(self, make_release):
        from scipy.io import savemat

        fake = make_release("live_qualcomm")
        names, values = list(fake.scores), list(fake.scores.values())
        savemat(fake.labels, {"vidNames": np.array(names), "unBiasedMOS": values})  # padded with blanks
        assert {row.name: row.mos for row in rows("live_qualcomm")} == fake.scores

    def test_gaming_needs_one_file_with_both_fields(self, make_release):
        fake = make_release("live_yt_gaming")
        shutil.copy(fake.labels, fake.folder / "copy.mat")
        text = failure("live_yt_gaming")
        assert "one .mat file with video_list and MOS expected" in text
        assert f"found: {fake.labels}, {fake.folder / 'copy.mat'}" in text
        for path in (fake.labels, fake.folder / "copy.mat"):
            path.unlink()
        assert f"found: {fake.folder / 'other.mat'}" in failure("live_yt_gaming")
        (fake.folder / "other.mat").write_bytes(b"damaged")
        assert f"{fake.folder / 'other.mat'}: not a whole MATLAB file" in failure("live_yt_gaming")


class TestYouTubeUGC:
    def test_the_sheet_and_columns_are_named(self, make_release):
        fake = make_release("youtube_ugc")
        write_xlsx(fake.labels, {"diff2": [["vid"]]})
        assert f"{fake.labels}: sheet MOS expected, found diff2" in failure("youtube_ugc")
        write_xlsx(fake.labels, {"MOS": [["vid", "MOS"], ["a", 3]]})
        assert "columns vid, mos full expected, found vid, mos" in failure("youtube_ugc")

    def test_a_vid_that_looks_like_a_number_stays_whole(self, make_release):
        fake = make_release("youtube_ugc")
        for name, path in fake.files.items():
            os.rename(path, path.with_name(path.name.replace(name, str(100 + sorted(fake.files).index(name)))))
        write_xlsx(fake.labels, {"MOS": [["vid", "MOS full"], *([float(100 + place), 3.5] for place in range(4))]})
        assert [row.name for row in rows("youtube_ugc")] == ["100", "101", "102", "103"]

    def test_the_name_from_the_console(self, make_release):
        fake = make_release("youtube_ugc")
        os.rename(fake.labels, fake.folder / "original_videos" / "original_videos_MOS_for_YouTube_UGC_dataset.xlsx")
        assert len(rows("youtube_ugc")) == COUNT


class TestTextTables:
    @pytest.mark.parametrize(
        ("name", "old", "new", "fault"),
        [
            ("lsvq_test", ",TRUE,", ",maybe,", "line 5: is_test 'maybe' of ia-batch1/a.b_tour-part2 is neither"),
            ("lsvq_test", "50.5,240,239,False", "x,240,239,False", ""),  # in training: not read
            ("cvd2014", "67,29", "1.067,29", "line 2: realignment mos '1.067,29' of Test01_City_D01 is not a number"),
            ("cvd2014", "-6,5", "-7,5", "line 3: MOS -7.5 of Test04_City_D06 is outside -6.5 to 100"),
            ("maxwell", "0012.mp4,", "0000.mp4,", "line 2: 0000 stands on line 1 already"),
            ("kvq", "0002.mp4,1.4", "0002.mp4,good", "line 3: score 'good' of 0002.mp4 is not a number"),
            ("kvq", "0002.mp4,1.4", ",1.4", "line 3: filename is empty"),
            ("t2vqa", "9999.mp4|x|65.0", "9999.mp4|65.0", "line 4: name|prompt|mos expected, found '9999.mp4|65.0'"),
            ("t2vqa", "|x|65.0", "|x|?", "line 4: mos '?' of 9999 is not a number"),
        ],
    )
    def test_wrong_lines(self, make_release, name, old, new, fault):
        fake = make_release(name)
        text = fake.labels.read_bytes().decode("utf-8")
        assert old in text
        fake.labels.write_bytes(text.replace(old, new).encode("utf-8"))
        if fault:
            assert fault in failure(name)
        else:
            assert len(rows(name)) == COUNT

    def test_maxwell_with_a_head_line(self, make_release):
        fake = make_release("maxwell")
        lines = fake.labels.read_text().splitlines()
        fake.labels.unlink()
        (fake.folder / "val_labels.csv").write_text("\n".join(["name,aesthetic,technical,overall", *lines]))
        assert {row.name: row.mos for row in rows("maxwell")} == fake.scores

    def test_kvq_takes_the_only_table_that_fits(self, make_release):
        fake = make_release("kvq")
        os.rename(fake.labels, fake.folder / "labels.csv")
        (fake.folder / "sample_submission.csv").write_text("filename,prediction\n0001.mp4,3\n")
        assert len(rows("kvq")) == COUNT
        shutil.copy(fake.folder / "labels.csv", fake.folder / "more.csv")
        assert f"found: {fake.folder / 'labels.csv'}, {fake.folder / 'more.csv'}" in failure("kvq")


class TestRawVideo:
    def test_size_and_rate_are_those_of_the_release(self, make_release, monkeypatch):
        fake = make_release("live_qualcomm")
        monkeypatch.setitem(RELEASES, "live_qualcomm", replace(RELEASES["live_qualcomm"], raw=LIVE_QUALCOMM.raw))
        name = sorted(fake.files)[0]
        with fake.files[name].open("wb") as file:
            file.truncate(2 * 1920 * 1080 * 3 // 2)  # a hole: costs neither time nor room
        info = probe(rows("live_qualcomm")[0].video)
        assert (info.width, info.height, info.frames, info.pixel_format) == (1920, 1080, 2, "yuv420p")
        assert (info.fps, info.duration_s) == (pytest.approx(30), pytest.approx(2 / 30))

    def test_a_container_of_the_same_name_wins(self, make_release):
        fake = make_release("live_qualcomm")
        name = sorted(fake.files)[0]
        write_clip(fake.files[name].with_suffix(".mp4"), frames=3)
        assert rows("live_qualcomm")[0].video == str(fake.files[name].with_suffix(".mp4"))

    def test_a_raw_video_of_no_release(self, tmp_path):
        (tmp_path / "x.yuv").write_bytes(b"\x80" * 4608)
        with pytest.raises(VideoError, match="raw video does not say its size and rate"):
            probe(tmp_path / "x.yuv")


def copies(fake: Fake, place: str, ending: str | None = None) -> Path:
    """Other videos under the names of a release's own, in another folder of it; as a resized copy would be."""
    for path in fake.files.values():
        copy = fake.folder / place / path.relative_to(fake.folder).with_suffix(ending or path.suffix)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(b"smaller")
    return fake.folder / place


# Those that say in which folder their videos are, and those whose videos may be anywhere.
WITH_PLACES = ["live_vqc", "youtube_ugc", "cvd2014", "live_qualcomm", "live_yt_gaming", "maxwell", "kvq"]
ANYWHERE = ["lsvq_test", "lsvq_1080p", "t2vqa"]


class TestCopies:
    @pytest.mark.parametrize("name", WITH_PLACES)
    def test_the_documented_folder_comes_first(self, make_release, name):
        fake = make_release(name)
        copies(fake, "0_540p")
        assert {row.name: row.video for row in rows(name)} == {key: str(path) for key, path in fake.files.items()}

    @pytest.mark.parametrize("name", ANYWHERE)
    def test_without_one_the_two_files_are_named(self, make_release, monkeypatch, capsys, name):
        fake = make_release(name)
        copies(fake, "540p")
        monkeypatch.setenv("LMMS_CPLLM_ALLOW_PARTIAL", "1")  # which video is meant cannot be left open
        text = failure(name)
        first = sorted(fake.files)[0]
        two = sorted([fake.files[first], fake.folder / "540p" / fake.files[first].relative_to(fake.folder)])
        assert "one file for each video expected, found two for 4 of them, in different folders.\n" in text
        assert f"  {first} is both {two[0]} and {two[1]}\n" in text
        assert text.endswith("and move resized and other copies out of the release's folder")
        status, text = run(capsys, "data", "check", name)
        assert status == 1
        assert f"twice: {first} is both {two[0]} and {two[1]}; keep the file that its authors publish" in text

    def test_two_in_the_documented_folder_are_named_too(self, make_release):
        fake = make_release("live_vqc")
        copy = fake.folder / "Video" / "540p" / "A001.mp4"
        copy.parent.mkdir()
        copy.write_bytes(b"smaller")
        assert f"A001 is both {copy} and {fake.files['A001']}\n" in failure("live_vqc")
        copy.unlink()
        copy.symlink_to(fake.files["A001"])  # no other file
        assert len(rows("live_vqc")) == COUNT

    def test_a_name_that_differs_in_case_has_two_as_well(self, make_release):
        fake = make_release("cvd2014")
        name = "Test06_Talking_Head_D12"  # the file is called Test06_Talking_head_D12.avi
        copy = fake.folder / "Test6" / "540p" / f"{name.upper()}.avi"
        copy.parent.mkdir()
        copy.write_bytes(b"smaller")
        assert f"{name} is both {copy} and {fake.files[name]}\n" in failure("cvd2014")

    def test_a_better_container_needs_no_folder(self, make_release):
        fake = make_release("cvd2014")
        place = copies(fake, "converted", ".mp4")
        assert {Path(row.video).relative_to(place).suffix for row in rows("cvd2014")} == {".mp4"}

    def test_a_video_that_is_not_scored_may_be_there_twice(self, make_release, tmp_path):
        fake = make_release("t2vqa")
        for place in ("a", "b"):
            (fake.folder / place).mkdir()
            (fake.folder / place / "not_labelled.mp4").write_bytes(place.encode())
        assert len(rows("t2vqa")) == COUNT

    def test_nothing_is_fetched_again_for_copies(self, make_release):
        copies(make_release("lsvq_test"), "540p")
        assert main(["data", "get", "lsvq_test"]) == 1


def fake_with(fake: Fake, content: str, name: str = "list.txt") -> None:
    """Write another list beside the videos of a custom one, and name it in the environment."""
    path = fake.folder / name
    path.write_text(content, encoding="utf-8-sig")
    os.environ["LMMS_CPLLM_CUSTOM"] = str(path)  # put back by the monkeypatch of `make_release`


class TestCustom:
    @pytest.mark.parametrize(
        ("file", "content"),
        [
            ("dover.txt", "{0}, 8.0, 24.0, 40.5\n{1}, -1, -1, 70"),
            ("qalign.json", '[{{"img_path": "{0}", "gt_score": 40.5}}, {{"img_path": "{1}", "gt_score": 70}}]'),
            ("qalign2.json", '[{{"image": "{0}", "gt_score": 40.5}}, {{"image": "{1}", "gt_score": 70}}]'),
            ("vqa2.json", '[{{"img_path": "{0}", "mos": 40.5}}, {{"img_path": "{1}", "mos": "70.0"}}]'),
            (
                "vqathinker.json",
                '{{"info": [], "annotations": [{{"image_id": "{0}", "score": "40.500"}}, '
                '{{"image_id": "{1}", "score": "70.000"}}]}}',
            ),
            ("vid.csv", "vid,mos,extra\n{0},40.5,x\n\n{1},70,y\n"),
            ("konvid.csv", "flickr_id,MOS\n{0},40.5\n{1},70"),
            ("excel.csv", "Filename;Score\n{0};40,5\n{1};70,0\n"),
            ("tabs.tsv", "video\tmos\n{0}\t40.5\n{1}\t70"),
            ("ugc.csv", "vid,category,MOS full\n{0},x,40.5\n{1},y,70"),
            ("maxwell.csv", "name,aesthetic,technical,overall\n{0},1,2,40.5\n{1},3,4,70"),
            ("t2vqa.txt", '{0}|a "cat, | and|40.5\n{1}|y|70'),
            ("blanks.txt", "{0} 40.5\n{1} 70"),
        ],
    )
    @pytest.mark.parametrize("names", [("clips/0.mp4", "clips/1.mp4"), ("0", "1"), ("elsewhere/0.mp4", "1.mp4")])
    def test_every_format_that_circulates(self, make_release, file, content, names):
        fake = make_release("custom")
        fake_with(fake, content.format(*names), file)
        found = [(row.name, row.mos, row.video) for row in rows("custom")]
        assert found == sorted(
            (name, mos, str(fake.folder / "clips" / f"{place}.mp4"))
            for place, (name, mos) in enumerate(zip(names, (40.5, 70.0), strict=True))
        )

    def test_absolute_names_and_names_below_the_data_root(self, make_release, tmp_path):
        fake = make_release("custom")
        (tmp_path / "data" / "more").mkdir()
        os.link(tmp_path / ".clip.mp4", tmp_path / "data" / "more" / "x.mp4")
        fake_with(fake, f"{fake.folder / 'clips/0.mp4'},1\nmore/x.mp4,2")
        found = sorted(row.video for row in rows("custom"))
        assert found == [str(fake.folder / "clips/0.mp4"), str(tmp_path / "data/more/x.mp4")]

    def test_a_name_that_two_folders_have_is_not_guessed(self, make_release, tmp_path):
        fake = make_release("custom")
        (fake.folder / "other").mkdir()
        os.link(tmp_path / ".clip.mp4", fake.folder / "other" / "0.mp4")
        fake_with(fake, "0.mp4,1\n1.mp4,2")
        assert "2 videos expected, 2 labelled in list.txt, 1 found" in failure("custom")

    def test_a_missing_video_does_not_become_another_one(self, make_release, capsys):
        fake = make_release("custom")
        fake_with(fake, "day1/0.mp4,1\nday2/0.mp4,2\n1.mp4,3")  # both would be clips/0.mp4
        assert "3 videos expected, 3 labelled in list.txt, 1 found" in failure("custom")
        fake_with(fake, "clips/0.mp4,1\n0,2\n1.mp4,3")
        assert "2 found.\n  missing: 0\n" in failure("custom")
        status, text = run(capsys, "data", "check", "custom")
        assert (status, "missing: 0\n" in text) == (1, True)

    def test_a_video_is_looked_for_in_the_folder_that_the_list_names_if_it_is_there(self, make_release):
        fake = make_release("custom")
        (fake.folder / "day2").mkdir()
        fake_with(fake, "day2/0.mp4,1\nclips/1,2\n/2.mp4,3")
        assert "2 found.\n  missing: day2/0.mp4\n" in failure("custom")

    @pytest.mark.parametrize(
        ("file", "content", "error"),
        [
            ("a.csv", "what,ever\na,b\n", "expected, found what, ever. Rename the columns"),
            ("a.csv", "", "the file is empty"),
            ("a.csv", "vid,mos\na.mp4,good", "line 2: mos 'good' of a.mp4 is not a number"),
            ("a.txt", "a.mp4,1\nb.mp4,x", "line 2: score 'x' of b.mp4 is not a number"),
            ("a.txt", "a.mp4,1\na.mp4,2", "line 2: a.mp4 stands on line 1 already"),
            ("a.json", "{", "not a JSON file"),
            ("a.json", "[]", "a list of objects, or an object with one such list, expected, found list"),
            ("a.json", '{"a": [{"x": 1}], "b": [{"x": 1}]}', "expected, found dict with a, b"),
            ("a.json", '[{"mos": 1}]', "expected, found mos. Rename"),
            ("a.json", '[{"image": "a", "mos": null}]', "item 1: mos None of a is not a number"),
            ("a.json", '[{"image": "a", "mos": true}]', "item 1: mos True of a is not a number"),
        ],
    )
    def test_wrong_lists(self, make_release, file, content, error):
        fake_with(make_release("custom"), content, file)
        text = failure("custom")
        assert error in text
        assert file in text

    def test_unset_variable_and_one_that_names_nothing(self, monkeypatch, tmp_path):
        monkeypatch.delenv("LMMS_CPLLM_CUSTOM", raising=False)
        assert "LMMS_CPLLM_CUSTOM is not set.\n  what to do: export LMMS_CPLLM_CUSTOM=" in failure("custom")
        monkeypatch.setenv("LMMS_CPLLM_CUSTOM", str(tmp_path / "no.csv"))
        assert f"LMMS_CPLLM_CUSTOM={tmp_path / 'no.csv'}: there is no such file" in failure("custom")
