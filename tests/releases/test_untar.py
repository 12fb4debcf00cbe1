"""Tar archives: what is unpacked, and everything that is refused."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases import unpack, untar
from lmms_cpllm.releases.origins import Archive
from lmms_cpllm.releases.unpack import DamagedArchive
from lmms_cpllm.releases.untar import check_tar, extract_tar

MIRROR = Archive("https://hub.example/x.tar.gz", "")
VIDEOS = {"./ia-batch1/a.mp4": b"a" * 70_000, "ia-batch1/b.mp4": b"b" * 10, "ia-batch1/readme.txt": b"hello"}


def tar_bytes(members: dict[str, bytes], edit=None, mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        folder = tarfile.TarInfo(".")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if edit:
                edit(info)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def put(folder: Path, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "x.tar.gz"
    path.write_bytes(content)
    return path


def refusal(path: Path, archive: Archive = MIRROR) -> str:
    with pytest.raises(DataError) as caught:
        check_tar(path, archive)
    return str(caught.value)


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_only_what_is_wanted_is_unpacked(tmp_path, mode):
    path = put(tmp_path, tar_bytes(VIDEOS, mode=mode))
    archive = Archive("https://hub.example/x.tar.gz", "", keep=lambda name: name.endswith(".mp4"))
    contents = check_tar(path, archive)
    assert contents.names == tuple(VIDEOS)
    out = tmp_path / "out"
    out.mkdir()
    extract_tar(path, contents, out)
    assert {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()} == {
        "ia-batch1/a.mp4": VIDEOS["./ia-batch1/a.mp4"],
        "ia-batch1/b.mp4": VIDEOS["ia-batch1/b.mp4"],
    }
    kept = (out / "ia-batch1" / "a.mp4").stat().st_ino
    (out / "ia-batch1" / "b.mp4").write_bytes(b"cut off")
    extract_tar(path, contents, out)
    assert (out / "ia-batch1" / "a.mp4").stat().st_ino == kept  # not written again
    assert (out / "ia-batch1" / "b.mp4").read_bytes() == VIDEOS["ia-batch1/b.mp4"]


def test_an_archive_in_parts_is_read_without_a_copy(tmp_path):
    whole = tar_bytes(VIDEOS)
    parts = [tmp_path / f"x.tar.gz.parta{letter}" for letter in "abc"]
    cut = len(whole) // 3
    for place, part in enumerate(parts):
        part.write_bytes(whole[place * cut : (place + 1) * cut if place < 2 else None])
    contents = check_tar(tmp_path / "x.tar.gz", MIRROR, parts)
    extract_tar(tmp_path / "x.tar.gz", contents, tmp_path, parts)
    assert (tmp_path / "ia-batch1" / "a.mp4").read_bytes() == VIDEOS["./ia-batch1/a.mp4"]
    assert not (tmp_path / "x.tar.gz").exists()
    with pytest.raises(DamagedArchive, match="not a whole tar archive"):
        check_tar(tmp_path / "x.tar.gz", MIRROR, parts[:2])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.mp4", "has a name that leads out of the folder"),
        ("ia-batch1/../../evil.mp4", "has a name that leads out of the folder"),
        ("/tmp/evil.mp4", "has an absolute or foreign name"),
        ("C:/evil.mp4", "has an absolute or foreign name"),
        ("..\\evil.mp4", "has an absolute or foreign name"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path, name, reason):
    path = put(tmp_path / "deep", tar_bytes({"ia-batch1/a.mp4": b"fine", name: b"evil"}))
    text = refusal(path)
    assert f"{path}: refused: member {name!r} {reason}. Nothing was unpacked" in text
    assert not list(tmp_path.rglob("*.mp4"))


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE],
)
def test_links_devices_pipes_and_sparse_files_are_refused(tmp_path, kind):
    def edit(info):
        info.type, info.linkname, info.size = kind, "/etc/passwd", 0

    path = put(tmp_path, tar_bytes({"ia-batch1/a.mp4": b""}, edit))
    assert "member 'ia-batch1/a.mp4' is a link or a special file" in refusal(path)


def test_bombs_are_refused_without_being_unpacked(tmp_path, monkeypatch):
    path = put(tmp_path, tar_bytes({"ia-batch1/a.mp4": bytes(3_000_000)}))
    assert path.stat().st_size < 10_000
    text = refusal(path, Archive("https://hub.example/x.tar.gz", "", unpacked_bytes_max=1_000_000))
    assert "at least 2 members and 3,000,000 bytes unpacked" in text
    assert "1,000,000 bytes expected" in text
    monkeypatch.setattr(untar, "MEMBERS_MAX", 2)
    assert "refused: at least 3 members" in refusal(put(tmp_path, tar_bytes(VIDEOS)))


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path):
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 64 << 20
    path = put(tmp_path, gzip.compress(info.tobuf(format=tarfile.USTAR_FORMAT) + bytes(64 << 20), 1))
    assert "not a whole tar archive (a header of 67,108,864 bytes)" in refusal(path)


def test_zeros_without_end_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(untar, "_REST_BYTES_MAX", 1 << 20)
    path = put(tmp_path, tar_bytes(VIDEOS) + gzip.compress(bytes(4 << 20), 1))
    assert "more than 1,048,576 bytes after the last member" in refusal(path)


@pytest.mark.parametrize("damage", ["cut", "flipped", "page"])
def test_damage_is_found_before_anything_is_unpacked(tmp_path, damage):
    whole = bytearray(tar_bytes({"ia-batch1/a.mp4": bytes(range(256)) * 400}))
    if damage == "flipped":
        whole[-6] ^= 1  # the checksum at the end
    content = {"cut": whole[:-20], "flipped": whole, "page": b"<!DOCTYPE html><title>log in</title>"}[damage]
    path = put(tmp_path, bytes(content))
    with pytest.raises(DamagedArchive) as caught:
        check_tar(path, MIRROR)
    assert f"{path}: not a whole tar archive" in str(caught.value)


def test_two_members_for_one_file_are_refused(tmp_path):
    path = put(tmp_path, tar_bytes({"a.mp4": b"1", "./a.mp4": b"2"}))
    assert "two members would be written to a.mp4" in refusal(path)


def test_too_little_room(tmp_path, monkeypatch):
    path = put(tmp_path, tar_bytes(VIDEOS))
    contents = check_tar(path, MIRROR)
    monkeypatch.setattr(unpack.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 999})())
    with pytest.raises(DataError, match=r"to unpack x\.tar\.gz: 70,015 bytes needed, 999 free"):
        extract_tar(path, contents, tmp_path)
