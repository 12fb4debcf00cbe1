"""Downloads against a local server that does what real ones do: ignore Range, break off, send the wrong thing."""

from __future__ import annotations

import errno
import http.server
import io
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from fake_konvid import expect_count, konvid_ids, labels_file, make_konvid
from fake_site import running

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases import RELEASES, rows, transfer, unpack
from lmms_cpllm.releases.fetch import fetch_archive, fetch_file, get
from lmms_cpllm.releases.origins import Archive, LabelFile
from lmms_cpllm.releases.transfer import download

ZIP = "KoNViD_1k_videos.zip"


@dataclass
class Site:
    """What the server holds and how it behaves."""

    files: dict[str, bytes]
    ranges: bool = True
    statuses: list[int] = field(default_factory=list)
    """Answers to the next requests, before the real one."""
    drop_after: list[int] = field(default_factory=list)
    """Bytes after which the next answers break off."""
    sized: bool = True
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    """(file, Range header) of every request."""
    url: str = ""


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("LMMS_CPLLM_MIRROR", raising=False)
    site = Site({})

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name, wanted = self.path.rpartition("/")[2], self.headers.get("Range")
            site.requests.append((name, wanted))
            status = site.statuses.pop(0) if site.statuses else 0
            if status or name not in site.files:
                self.send_error(status or 404)
                return
            body, start = site.files[name], 0
            if wanted and site.ranges:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if start >= len(body):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(body)}")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            else:
                self.send_response(200)
            if site.sized:
                self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            stop = start + site.drop_after.pop(0) if site.drop_after else len(body)
            self.wfile.write(body[start:stop])

        def log_message(self, *args):
            """Keep the test's output clean."""

    with running(Handler) as address:
        site.url = f"{address}/mirror"
        yield site


def zip_bytes(members: dict[str, bytes], edit=None) -> bytes:
    """A stored zip archive; `edit` may change a ZipInfo before it is written."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            if edit:
                edit(info)
            file.writestr(info, content)
    return buffer.getvalue()


def publish(site: Site, source: Path, top: bool = True) -> None:
    """Put a release's folder on the server as its two archives, with or without their top folders."""
    for name in ("KoNViD_1k_metadata", "KoNViD_1k_videos"):
        members = {
            str(path.relative_to(source if top else source / name)): path.read_bytes()
            for path in sorted((source / name).iterdir())
        }
        site.files[f"{name}.zip"] = zip_bytes(members)


@pytest.fixture
def release(site, tmp_path, monkeypatch):
    """KoNViD-1k of four videos, published on the server."""
    expect_count(monkeypatch, 4)
    source = make_konvid(tmp_path / "source", n=4)
    (source / "KoNViD_1k_metadata" / "KoNViD_1k_subjective.csv").write_text("worker,address\n1,10.0.0.1\n")
    publish(site, source)
    return RELEASES["konvid"]


def archive(**changes) -> Archive:
    return replace(Archive(f"http://datasets.example/archives/{ZIP}", "KoNViD_1k_videos"), **changes)


def content(site: Site) -> bytes:
    """An archive of about 300 kB on the server."""
    site.files[ZIP] = zip_bytes({f"KoNViD_1k_videos/{i}.mp4": bytes([i]) * 100_000 for i in range(3)})
    return site.files[ZIP]


def failure(function, *args, **kwargs) -> str:
    with pytest.raises(DataError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def fetched(site: Site, folder: Path, **changes) -> Path:
    return fetch_archive(archive(**changes), folder, mirror=site.url, pause_s=0)


# The whole way


@pytest.mark.parametrize("top", [True, False])
def test_get_makes_a_release_that_can_be_scored(site, release, tmp_path, monkeypatch, top):
    publish(site, tmp_path / "source" / "konvid", top=top)
    root = tmp_path / "new" / "data"
    folder = get(release, root, mirror=site.url)
    assert folder == root / "konvid"
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(root))
    assert [row.name for row in rows("konvid")] == sorted(konvid_ids(4))
    left = {path.name for path in folder.rglob("*") if path.is_file()}
    # No archive, no .part, and not the file with the workers' addresses.
    assert left - {".lmms-cpllm.lock"} == {f"{x}.mp4" for x in konvid_ids(4)} | {"KoNViD_1k_mos.csv"}


def test_get_again_asks_for_nothing_and_a_lost_video_comes_back(site, release, tmp_path):
    folder = get(release, tmp_path, mirror=site.url)
    asked = len(site.requests)
    get(release, tmp_path, mirror=site.url)
    assert len(site.requests) == asked
    video = folder / "KoNViD_1k_videos" / f"{konvid_ids(4)[1]}.mp4"
    kept = folder / "KoNViD_1k_videos" / f"{konvid_ids(4)[0]}.mp4"
    before = kept.stat()
    size = video.stat().st_size
    video.unlink()
    get(release, tmp_path, mirror=site.url)
    assert video.stat().st_size == size
    assert kept.stat().st_mtime_ns == before.st_mtime_ns
    assert kept.stat().st_ino == before.st_ino  # the others were not written again


def test_get_needs_only_the_labels_when_the_videos_are_there(site, release, tmp_path):
    folder = get(release, tmp_path, mirror=site.url)
    labels_file(folder).write_text("flickr_id,mos\n123.0,3\n")
    site.requests.clear()
    get(release, tmp_path, mirror=site.url)
    assert [name for name, _ in site.requests] == ["KoNViD_1k_metadata.zip"]
    assert "123.0" not in labels_file(folder).read_text()


def test_the_mirror_may_come_from_the_environment(site, release, tmp_path, monkeypatch):
    monkeypatch.setenv("LMMS_CPLLM_MIRROR", site.url + "/")
    assert labels_file(get(release, tmp_path)).is_file()


def test_only_one_download_into_a_folder(site, release, tmp_path):
    (tmp_path / "konvid").mkdir()
    # In a process of its own: within one, a lock may be let in twice.
    hold = "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print('held', flush=True); input()"
    command = [sys.executable, "-c", hold, str(tmp_path / "konvid" / ".lmms-cpllm.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        text = failure(get, release, tmp_path, mirror=site.url)
        other.communicate("\n")
    assert f"{tmp_path / 'konvid'}: another download into this folder is running" in text
    assert site.requests == []


def test_labels_that_are_a_file_of_their_own_are_fetched_beside_the_videos(site, tmp_path, monkeypatch):
    release = replace(RELEASES["maxwell"], count=2)
    site.files["videos.zip"] = zip_bytes({"videos/0001.mp4": b"one", "videos/0002.mp4": b"two"})
    site.files["val_labels.txt"] = b"0001.mp4, 0, 0, 3.5\n0002.mp4, 0, 0, 4.5\n"
    folder = get(release, tmp_path, mirror=site.url)
    assert (folder / "val_labels.txt").read_bytes() == site.files["val_labels.txt"]
    assert {path.name for path in (folder / "videos").iterdir()} == {"0001.mp4", "0002.mp4"}
    site.requests.clear()
    get(release, tmp_path, mirror=site.url)
    assert site.requests == []


def test_a_file_of_labels_that_is_far_too_long_is_not_kept(site, tmp_path):
    site.files["labels.txt"] = b"x" * 100
    wanted = LabelFile("http://datasets.example/labels.txt", "labels.txt", bytes_max=99)
    text = failure(fetch_file, wanted, tmp_path, mirror=site.url, pause_s=0)
    assert "100 bytes came, at most 99 expected; they were deleted" in text
    assert list(tmp_path.iterdir()) == []


def test_a_release_without_archives_says_how_to_get_it(tmp_path):
    closed = replace(RELEASES["konvid"], archives=(), how_to_get="ask its authors at live@example.org")
    assert "KoNViD-1k has nothing to download: ask its authors at live@example.org" in failure(get, closed, tmp_path)


def test_a_root_that_is_a_file(release, tmp_path):
    (tmp_path / "data").write_text("")
    assert f"{tmp_path / 'data'}: cannot be written" in failure(get, release, tmp_path / "data")


# The download


def test_a_part_file_is_continued_by_range(site, tmp_path):
    whole = content(site)
    (tmp_path / f"{ZIP}.part").write_bytes(whole[:1000])
    assert fetched(site, tmp_path).read_bytes() == whole
    assert site.requests == [(ZIP, "bytes=1000-")]
    assert not (tmp_path / f"{ZIP}.part").exists()


def test_a_server_that_ignores_range_is_read_from_the_start(site, tmp_path):
    whole = content(site)
    site.ranges = False
    (tmp_path / f"{ZIP}.part").write_bytes(b"x" * 1000)
    assert fetched(site, tmp_path).read_bytes() == whole


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_connection_is_taken_up_again(site, tmp_path, ranges):
    whole = content(site)
    site.ranges, site.drop_after = ranges, [70_000, 140_000]  # one and two whole chunks
    assert fetched(site, tmp_path).read_bytes() == whole
    chunk = 65_536
    assert site.requests == [
        (ZIP, None),
        (ZIP, f"bytes={chunk}-"),
        (ZIP, f"bytes={3 * chunk if ranges else 2 * chunk}-"),
    ]


def test_a_complete_part_file_is_accepted(site, tmp_path):
    whole = content(site)
    (tmp_path / f"{ZIP}.part").write_bytes(whole)
    assert fetched(site, tmp_path).read_bytes() == whole
    assert site.requests == [(ZIP, f"bytes={len(whole)}-")]


def test_a_part_file_that_is_too_long_or_of_another_version_starts_again(site, tmp_path):
    whole = content(site)
    (tmp_path / f"{ZIP}.part").write_bytes(whole + b"more")
    assert fetched(site, tmp_path).read_bytes() == whole
    (tmp_path / ZIP).unlink()
    (tmp_path / f"{ZIP}.part").write_bytes(b"x" * 1000)
    assert fetched(site, tmp_path).read_bytes() == whole
    assert site.requests[-2:] == [(ZIP, "bytes=1000-"), (ZIP, None)]


def test_without_a_length_the_zip_check_decides(site, tmp_path):
    whole = content(site)
    site.sized = False
    assert fetched(site, tmp_path).read_bytes() == whole
    (tmp_path / ZIP).unlink()
    site.drop_after = [1000]
    text = failure(fetched, site, tmp_path)
    assert f"{site.url}/{ZIP}: what was downloaded is damaged and was deleted" in text
    assert list(tmp_path.iterdir()) == []


def test_gives_up_after_a_bounded_number_of_attempts_and_keeps_what_it_has(site, tmp_path):
    whole = content(site)
    part = tmp_path / "x.zip.part"
    site.drop_after = [70_000] + [0] * 50
    text = failure(download, f"{site.url}/{ZIP}", part, pause_s=0)
    assert (
        f"{site.url}/{ZIP}: gave up after {transfer.ATTEMPTS} attempts without progress; 65,536 bytes are kept" in text
    )
    assert "Run the same command again later" in text
    assert part.read_bytes() == whole[:65_536]
    assert len(site.requests) == 1 + transfer.ATTEMPTS - 1


def test_the_pause_doubles(site, tmp_path, monkeypatch):
    content(site)
    pauses = []
    monkeypatch.setattr(transfer.time, "sleep", pauses.append)
    site.statuses = [503, 502, 429]
    download(f"{site.url}/{ZIP}", tmp_path / "x.part", pause_s=1.0)
    assert pauses == [1.0, 2.0, 4.0]


def test_nobody_there(tmp_path, site, monkeypatch):
    monkeypatch.setattr(transfer.time, "sleep", lambda seconds: None)
    text = failure(download, "http://127.0.0.1:9/x.zip", tmp_path / "x.zip.part")
    assert "http://127.0.0.1:9/x.zip: gave up after 5 attempts without progress; 0 bytes are kept" in text


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refusal_is_not_repeated(site, tmp_path, status):
    content(site)
    site.statuses = [status]
    text = failure(fetched, site, tmp_path)
    assert f"{site.url}/{ZIP}: HTTP {status}" in text
    assert f"fetch {ZIP} by hand and put it at {tmp_path / ZIP}" in text
    assert len(site.requests) == 1


def test_wrong_address(tmp_path):
    text = failure(download, "ftp://example.org/x.zip", tmp_path / "x.part")
    assert "ftp://example.org/x.zip: cannot be requested" in text
    assert "--mirror" in text


def test_an_expired_certificate_is_not_retried_and_not_overridden(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        assert kwargs.get("verify", True) is True
        raise transfer.requests.exceptions.SSLError("certificate has expired")

    monkeypatch.setattr(transfer.requests, "get", refuse)
    text = failure(download, "https://example.org/x.zip", tmp_path / "x.zip.part")
    assert "certificate has expired" in text
    assert f"put it at {tmp_path / 'x.zip'}" in text


def test_wrong_size_is_refused_before_the_download(site, tmp_path):
    whole = content(site)
    text = failure(fetched, site, tmp_path, bytes=12_345)
    assert f"the server announces {len(whole):,} bytes, the release has 12,345" in text
    assert list(tmp_path.iterdir()) == []


def test_wrong_size_without_announcement_is_refused_afterwards(site, tmp_path):
    whole = content(site)
    site.sized = False
    text = failure(fetched, site, tmp_path, bytes=12_345)
    assert f"{len(whole):,} bytes were downloaded, 12,345 expected" in text
    assert list(tmp_path.iterdir()) == []


def test_a_web_page_instead_of_the_archive(site, tmp_path):
    site.files[ZIP] = b"<!DOCTYPE html><title>please log in</title>"
    text = failure(fetched, site, tmp_path)
    assert "not a whole zip archive" in text
    assert "it begins with b'<!DOCTYPE html><'" in text


def test_an_archive_put_there_by_hand_is_used_and_a_damaged_one_is_left_alone(site, tmp_path):
    target = tmp_path / ZIP
    target.write_bytes(content(site))
    assert fetched(site, tmp_path) == target
    assert site.requests == []
    target.write_bytes(target.read_bytes()[:-50])
    assert f"{target}: not a whole zip archive" in failure(fetched, site, tmp_path)
    assert target.exists()


# The disk


def test_too_little_room(site, tmp_path, monkeypatch):
    whole = content(site)
    monkeypatch.setattr(unpack.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 999})())
    text = failure(fetched, site, tmp_path)
    assert f"{tmp_path}: not enough room to download {ZIP}: {len(whole):,} bytes needed, 999 free" in text
    assert not (tmp_path / ZIP).exists()


def test_a_disk_that_fills_up_during_the_download(site, tmp_path, monkeypatch):
    content(site)
    real = Path.open

    def full(path, mode="r", *args, **kwargs):
        if mode in ("ab", "wb"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    text = failure(fetched, site, tmp_path)
    assert f"{tmp_path / ZIP}.part: cannot be written: No space left on device" in text
    assert "it goes on where it stopped" in text
    assert len(site.requests) == 1


def test_a_disk_that_fills_up_while_unpacking_leaves_no_half_file(site, tmp_path, monkeypatch):
    content(site)
    path = fetched(site, tmp_path)

    def full(source, sink, length):
        sink.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unpack.shutil, "copyfileobj", full)
    text = failure(unpack.extract, path, archive(), tmp_path)
    assert f"{tmp_path / 'KoNViD_1k_videos' / '0.mp4'}: cannot be written: No space left on device" in text
    assert list((tmp_path / "KoNViD_1k_videos").iterdir()) == []


# The archive


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.mp4", "has a name that leads out of the folder"),
        ("KoNViD_1k_videos/../../evil.mp4", "has a name that leads out of the folder"),
        ("/tmp/evil.mp4", "has an absolute or foreign name"),
        ("C:/evil.mp4", "has an absolute or foreign name"),
        ("..\\evil.mp4", "has an absolute or foreign name"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(site, tmp_path, name, reason):
    folder = tmp_path / "deep" / "folder"
    folder.mkdir(parents=True)
    site.files[ZIP] = zip_bytes({"KoNViD_1k_videos/1.mp4": b"fine", name: b"evil"})
    text = failure(fetched, site, folder)
    assert "refused: member" in text
    assert f"{reason}. Nothing was unpacked" in text
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".mp4"]
    assert not (folder / ZIP).exists()


@pytest.mark.parametrize("kind", [0o120777, 0o020666, 0o010644])
def test_links_devices_and_pipes_are_refused(site, tmp_path, kind):
    def edit(info):
        info.external_attr = kind << 16

    site.files[ZIP] = zip_bytes({"KoNViD_1k_videos/1.mp4": b"/etc/passwd"}, edit)
    assert "member 'KoNViD_1k_videos/1.mp4' is a link or a special file" in failure(fetched, site, tmp_path)


def test_bombs_are_refused_before_anything_is_unpacked(site, tmp_path, monkeypatch):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("KoNViD_1k_videos/1.mp4", bytes(3_000_000))
    site.files[ZIP] = buffer.getvalue()
    assert len(buffer.getvalue()) < 10_000
    monkeypatch.setattr(zipfile.ZipFile, "testzip", lambda self: pytest.fail("the bomb was unpacked"))
    text = failure(fetched, site, tmp_path, unpacked_bytes_max=1_000_000)
    assert "refused: 1 members, 3,000,000 bytes unpacked" in text
    assert "1,000,000 bytes expected" in text
    monkeypatch.setattr(unpack, "MEMBERS_MAX", 2)
    content(site)
    assert "refused: 3 members" in failure(fetched, site, tmp_path)


def test_a_table_of_contents_that_lies_about_sizes_is_found(site, tmp_path):
    whole = bytearray(zip_bytes({"KoNViD_1k_videos/1.mp4": b"a" * 1000}))
    entry = whole.rindex(b"PK\x01\x02")
    whole[entry + 24 : entry + 28] = (10).to_bytes(4, "little")  # the size unpacked
    site.files[ZIP] = bytes(whole)
    assert "damaged and was deleted" in failure(fetched, site, tmp_path)


def test_a_flipped_byte_is_found_by_the_checksum(site, tmp_path):
    whole = bytearray(content(site))
    whole[150_000] ^= 1
    site.files[ZIP] = bytes(whole)
    text = failure(fetched, site, tmp_path)
    assert "member KoNViD_1k_videos/1.mp4 fails its checksum" in text
    assert list(tmp_path.iterdir()) == []


def test_two_members_for_one_file_and_encrypted_members_are_refused(site, tmp_path):
    site.files[ZIP] = zip_bytes({"KoNViD_1k_videos/1.mp4": b"a", "1.mp4": b"b"})
    assert "two members would be written to KoNViD_1k_videos/1.mp4" in failure(fetched, site, tmp_path)
    whole = bytearray(zip_bytes({"KoNViD_1k_videos/1.mp4": b"a"}))
    whole[whole.rindex(b"PK\x01\x02") + 8] |= 1
    (tmp_path / ZIP).unlink(missing_ok=True)
    site.files[ZIP] = bytes(whole)
    assert "is encrypted" in failure(fetched, site, tmp_path)
