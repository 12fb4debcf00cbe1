"""Files, probes and pictures: what is there is used, what is not is never a failure."""

from __future__ import annotations

import base64
import io

import pytest
from clips import write_clip
from fake_konvid import konvid_ids, make_konvid
from fake_reports import built
from fake_results import score_items, write_run
from PIL import Image

from lmms_cpllm.releases import RELEASES, mini
from lmms_cpllm.report.videos import families_of, locate, probe_all, release_of, thumbnails

TASK = "vqa_konvid"


@pytest.mark.parametrize(
    ("task", "release"),
    [
        ("vqa_konvid", "konvid"),
        ("vqa_konvid_describe", "konvid"),
        ("vqa_pairs_konvid", "konvid"),
        ("vqa_mini_qa", "mini"),
        ("vqa_live_vqc", "live_vqc"),
        ("vqa_lsvq_1080p", "lsvq_1080p"),
        ("mmbench", ""),
    ],
)
def test_the_release_of_a_task(task, release):
    assert release_of(task) == release


def test_files_of_a_release_are_found(tmp_path, monkeypatch):
    make_konvid(tmp_path, n=4)
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(tmp_path))
    names = konvid_ids(4)
    found = locate(TASK, [*names, "another"])
    assert sorted(found) == sorted(names)
    assert all(path.is_file() for path in found.values())


def test_without_data_nothing_is_found_and_nothing_fails(tmp_path, monkeypatch):
    monkeypatch.delenv("LMMS_CPLLM_DATA", raising=False)
    monkeypatch.setenv("LMMS_CPLLM_CACHE", str(tmp_path / "cache"))
    for release in RELEASES:
        assert locate(f"vqa_{release}", ["a", "b"]) == {}
    assert locate("vqa_mini", [row.name for row in mini.table()]) == {}
    assert not (tmp_path / "cache").exists(), "nothing is rendered for a report"


def test_folders_come_first_and_are_searched_by_name_and_stem(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    clip = write_clip(tmp_path / "deep" / "er" / "clip.mp4", frames=3)
    assert locate("vqa_custom", ["clip", "clip.mp4", "other"], [tmp_path]) == {"clip": clip, "clip.mp4": clip}


def test_what_was_done_to_the_embedded_clips_is_known_without_them():
    row = next(row for row in mini.table() if not row.reference)
    assert families_of("vqa_mini", [row.name, "another"]) == {row.name: row.family}
    assert families_of(TASK, [row.name]) == {}


def test_pictures_are_small_and_damaged_files_have_none(tmp_path):
    clip = write_clip(tmp_path / "wide.mp4", width=320, height=160, frames=5)
    (tmp_path / "damaged.mp4").write_bytes(b"no video at all")
    paths = {"wide": clip, "damaged": tmp_path / "damaged.mp4", "gone": tmp_path / "gone.mp4"}
    infos = probe_all(paths, workers=2)
    assert list(infos) == ["wide"]
    pictures = thumbnails(paths, infos, workers=2)
    assert list(pictures) == ["wide"]
    head, _, body = pictures["wide"].partition(",")
    assert head == "data:image/webp;base64"
    assert len(body) < 8000
    assert Image.open(io.BytesIO(base64.b64decode(body))).size == (144, 72)


def test_a_report_with_some_of_the_videos(tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    write_run(tmp_path / "run", {TASK: score_items(count=12)})
    for name in ("clip03", "clip07"):
        write_clip(videos / f"{name}.mp4", frames=3)
    (task,) = built(tmp_path / "run", open_videos=True, folders=(videos,)).tasks
    assert task.found == 2
    assert sorted(task.thumbnails) == ["clip03", "clip07"]
    codec = next(one for one in task.breakdowns if one.title == "codec")
    assert [(line.label, line.n) for line in codec.lines] == [("h264", 2), ("unknown", 10)]
    (few,) = built(tmp_path / "run", open_videos=True, folders=(videos,), pictures=1).tasks
    assert len(few.thumbnails) == 1
    (none,) = built(tmp_path / "run").tasks
    assert (none.found, none.thumbnails, len(none.breakdowns)) == (0, {}, 1)
