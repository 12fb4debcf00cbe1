"""A public bucket, answered by a server on this machine in pages of two objects."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from fake_releases import write_xlsx
from fake_site import Answer, serve

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases import RELEASES, bucket, rows, unpack
from lmms_cpllm.releases.fetch import get
from lmms_cpllm.releases.transfer import size_text

VIDS = ("Gaming_720P-25aa", "Vlog_480P-343d", "Sports_1080P-0063")
PREFIX = "original_videos_h264"
LISTING = "GET /storage/v1/b/ugc-dataset/o"


def file_of(vid: str) -> str:
    return f"{PREFIX}/{vid}_crf_10_ss_00_t_20.0.mp4"


@pytest.fixture
def objects() -> dict[str, bytes]:
    """What is in the bucket: three labelled clips, one without a MOS, and a file that is no video."""
    names = [*map(file_of, VIDS), file_of("HDR_2160P-none"), f"{PREFIX}/list.txt"]
    return {name: bytes([place]) * 200_000 for place, name in enumerate(names, start=1)}


@pytest.fixture
def site(objects, tmp_path, monkeypatch):
    """The bucket and, as with `--mirror`, the sheet at its root."""
    sheet = [["vid", "category", "MOS full"], *([vid, "x", 3.5] for vid in VIDS), ["Vlog_480P-gone", "x", 2.0]]
    labels = write_xlsx(tmp_path / "sheet.xlsx", {"MOS": sheet}).read_bytes()
    changes: dict[str, object] = {}

    def answer(path: str, query: dict[str, str]) -> Answer:
        if path in changes:
            return changes[path]
        if path.endswith(".xlsx"):
            return Answer(body=labels)
        if path == "/storage/v1/b/ugc-dataset/o":
            assert query["prefix"] == f"{PREFIX}/"
            names = sorted(objects)
            start = int(query.get("pageToken", 0))
            page = {"items": [entry(name, objects[name]) for name in names[start : start + 2]]}
            if start + 2 < len(names):
                page["nextPageToken"] = str(start + 2)
            return Answer(body=json.dumps(page).encode())
        name = path.removeprefix("/ugc-dataset/")
        return Answer(body=objects[name], ranges=True) if name in objects else Answer(404)

    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("LMMS_CPLLM_MIRROR", raising=False)
    with serve(answer) as running:
        running.changes = changes
        yield running


def entry(name: str, content: bytes) -> dict[str, str]:
    digest = base64.b64encode(hashlib.md5(content).digest()).decode()
    return {"name": name, "size": str(len(content)), **({} if name == file_of(VIDS[2]) else {"md5Hash": digest})}


@pytest.fixture
def release(monkeypatch):
    return replace(RELEASES["youtube_ugc"], count=4, other_counts=(3,))


def fetched(site, release, root: Path) -> Path:
    return get(release, root, mirror=site.url, pause_s=0)


def failure(site, release, root: Path) -> str:
    with pytest.raises(DataError) as caught:
        fetched(site, release, root)
    return str(caught.value)


def downloads(site) -> list[str]:
    return [line for line in site.asked if line.startswith("GET /ugc-dataset/")]


def test_the_labelled_clips_come_and_can_be_scored(site, release, objects, tmp_path, monkeypatch, capsys):
    root = tmp_path / "data"
    folder = fetched(site, release, root)
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(root))
    monkeypatch.setitem(RELEASES, "youtube_ugc", release)
    assert {row.name: Path(row.video).read_bytes() for row in rows("youtube_ugc")} == {
        vid: objects[file_of(vid)] for vid in VIDS
    }
    assert sorted(path.name for path in (folder / PREFIX).iterdir()) == sorted(Path(file_of(vid)).name for vid in VIDS)
    assert site.asked.count(LISTING) == 3  # pages
    said = capsys.readouterr().err
    assert f"ugc-dataset/{PREFIX}/: 3 of 3 videos to download, 600.0 kB; the others are there" in said
    assert f"1 of 4 labelled videos are not in ugc-dataset/{PREFIX}/ (any more)" in said
    site.asked.clear()
    fetched(site, release, root)
    assert site.asked == []


def test_a_run_that_was_killed_goes_on_with_the_file_where_it_stopped(site, release, objects, tmp_path):
    place = tmp_path / "youtube_ugc" / PREFIX
    place.mkdir(parents=True)
    whole, half, cut = (tmp_path / "youtube_ugc" / file_of(vid) for vid in VIDS)
    whole.write_bytes(objects[file_of(VIDS[0])])
    half.with_name(half.name + ".part").write_bytes(objects[file_of(VIDS[1])][:70_000])
    cut.write_bytes(b"cut off by another program")
    before = whole.stat().st_mtime_ns
    fetched(site, release, tmp_path)
    assert downloads(site) == [
        f"GET /ugc-dataset/{file_of(VIDS[2])}",
        f"GET /ugc-dataset/{file_of(VIDS[1])} bytes=70000-",
    ]
    assert whole.stat().st_mtime_ns == before
    assert [path.read_bytes() for path in (half, cut)] == [objects[file_of(vid)] for vid in VIDS[1:]]
    assert not list(place.glob("*.part"))


def test_a_broken_connection_is_taken_up_again(site, release, objects, tmp_path):
    site.drop_after = [70_000]
    folder = fetched(site, release, tmp_path)
    assert f"GET /ugc-dataset/{file_of(VIDS[0])} bytes=65536-" in site.asked
    assert (folder / file_of(VIDS[0])).read_bytes() == objects[file_of(VIDS[0])]


def test_the_raw_version_that_is_there_is_not_fetched_again(site, release, tmp_path):
    raw = tmp_path / "youtube_ugc" / "original_videos" / "Gaming" / "720P" / f"{VIDS[0]}.mkv"
    raw.parent.mkdir(parents=True)
    raw.write_bytes(b"raw")
    folder = fetched(site, release, tmp_path)
    assert not (folder / file_of(VIDS[0])).exists()
    assert (folder / file_of(VIDS[1])).exists()


def test_a_wrong_checksum_is_not_kept_and_an_old_half_starts_again(site, release, objects, tmp_path):
    name = file_of(VIDS[0])
    part = tmp_path / "youtube_ugc" / f"{name}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 70_000)  # of an earlier version
    folder = fetched(site, release, tmp_path)
    assert (folder / name).read_bytes() == objects[name]
    (folder / name).unlink()
    site.changes[f"/ugc-dataset/{name}"] = Answer(body=b"y" * 200_000, ranges=True)
    text = failure(site, release, tmp_path)
    assert f"{site.url}/ugc-dataset/{name}: MD5 {hashlib.md5(objects[name]).hexdigest()} expected, found" in text
    assert not (folder / name).exists()
    assert not part.exists()


def test_a_file_of_another_size_than_listed_is_refused(site, release, tmp_path):
    site.changes[f"/ugc-dataset/{file_of(VIDS[0])}"] = Answer(body=b"y" * 7, ranges=True)
    assert "the server announces 7 bytes, the release has 200,000" in failure(site, release, tmp_path)


def test_clips_that_were_withdrawn_are_named(site, release, tmp_path, capsys):
    place = tmp_path / "youtube_ugc" / PREFIX
    place.mkdir(parents=True)
    (place / "Vlog_480P-gone_crf_10_ss_00_t_20.0.mp4").write_bytes(b"old")
    fetched(site, replace(release, withdrawn=False), tmp_path)
    assert f"1 videos in {place} were withdrawn from the bucket" in capsys.readouterr().err
    assert (place / "Vlog_480P-gone_crf_10_ss_00_t_20.0.mp4").exists()  # never deleted by us


def test_too_little_room_is_said_before_the_download(site, release, tmp_path, monkeypatch):
    (tmp_path / "youtube_ugc").mkdir()
    real = unpack.shutil.disk_usage
    fetched_labels = tmp_path / "youtube_ugc" / "MOS_for_YouTube_UGC_dataset.xlsx"
    usage = type("Usage", (), {"free": 599_999})()
    monkeypatch.setattr(unpack.shutil, "disk_usage", lambda path: usage if fetched_labels.exists() else real(path))
    text = failure(site, release, tmp_path)
    assert "not enough room to download 3 videos: 600,000 bytes needed, 599,999 free" in text
    assert downloads(site) == []


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer(403), "HTTP 403 Forbidden. The bucket cannot be listed by everybody any more"),
        (Answer(404), "HTTP 404 Not Found. The bucket cannot be listed"),
        (Answer(429), "HTTP 429 Too Many Requests. The server is busy or its quota is used up"),
        (Answer(body=b"<html>log in"), "a listing in JSON expected, found '<html>log in'"),
        (Answer(body=b"[]"), "a listing in JSON expected, found '[]'"),
        (Answer(body=b"{}"), f"0 videos, 0 bytes below {PREFIX}/; at least one"),
        (Answer(body=b'{"items": [{"name": "a.mp4"}]}'), "an object without a name or a size"),
        (Answer(body=b'{"items": [{"name": "../a.mp4", "size": "1"}]}'), "object '../a.mp4' has a name that leads out"),
        (Answer(body=b'{"items": [{"name": "/a.mp4", "size": "1"}]}'), "object '/a.mp4' has an absolute"),
        (Answer(body=b'{"items": [{"name": "a.mp4", "size": "999999999999"}]}'), "1 videos, 999,999,999,999 bytes"),
    ],
)
def test_a_listing_that_cannot_be_used(site, release, tmp_path, answer, text):
    site.changes["/storage/v1/b/ugc-dataset/o"] = answer
    said = failure(site, release, tmp_path)
    assert f"{site.url}/storage/v1/b/ugc-dataset/o: " in said
    assert text in said
    assert downloads(site) == []
    assert site.asked.count(LISTING) == (5 if answer.status == 429 else 1)


def test_nobody_there(release, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(DataError) as caught:
        bucket.list_items(release.buckets[0], "http://127.0.0.1:9", pause_s=0)
    assert "http://127.0.0.1:9/storage/v1/b/ugc-dataset/o: the bucket cannot be listed: " in str(caught.value)
    assert "--mirror" in str(caught.value)


def test_sizes_for_people():
    assert [size_text(n) for n in (999, 1000, 110_300_000_000, 2 * 10**12)] == [
        "999 bytes",
        "1.0 kB",
        "110.3 GB",
        "2.0 TB",
    ]
