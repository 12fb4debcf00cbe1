"""Repositories of the hub, through the hub's own library and a server on this machine."""

from __future__ import annotations

import io
import tarfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from fake_hub import FakeHub
from fake_questions import CHOICE, YES_NO, line
from fake_site import Answer, serve

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases import RELEASES, TRAINING_RELEASES, hub, rows, unpack
from lmms_cpllm.releases.fetch import get
from lmms_cpllm.releases.hub import HubFile, archives_of

GATED = Answer(403, headers={"X-Error-Code": "GatedRepo", "X-Error-Message": "ask its authors"})


@pytest.fixture
def lsvq() -> FakeHub:
    """Two batches, each with a video of both test sets and one of the training set."""
    return FakeHub(
        "teowu/LSVQ-videos",
        {
            "README.md": b"a mirror",
            "ia-batch1.tar.gz": batch("ia-batch1", {"t.mp4": b"test", "p.mp4": b"1080p", "x.mp4": b"train"}),
            "yfcc-batch2.tar.gz": batch("./yfcc-batch2", {"T.mp4": b"test 2", "P.mp4": b"1080p 2", "X.mp4": b"train"}),
        },
    )


def batch(folder: str, videos: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in videos.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size, info.type, info.linkname = len(content), kind, "/etc/passwd"
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


LABELS = {
    "labels_train_test.csv": b"name,mos,is_test\nia-batch1/t,50,True\nyfcc-batch2/T,60,True\nia-batch1/x,40,False\n",
    "labels_test_1080p.csv": b"name,mos\nia-batch1/p,30\nyfcc-batch2/P,20\n",
    "yesno_test.jsonl": "\n".join(line(*row) for row in YES_NO).encode(),
    "abcd_test_en.jsonl": "\n".join(line(*row) for row in CHOICE).encode(),
}


@pytest.fixture
def serving(monkeypatch):
    """Starts the hub's server, with the label files at its root for `--mirror`."""
    from huggingface_hub import constants

    with serve(lambda path, query: Answer(404)) as site:
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.delenv("LMMS_CPLLM_MIRROR", raising=False)
        monkeypatch.setattr(constants, "ENDPOINT", site.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", site.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

        def start(fake: FakeHub):
            def answer(path: str, query: dict[str, str]) -> Answer:
                name = path.removeprefix("/")
                return Answer(body=LABELS[name]) if name in LABELS else fake.answer(path, query)

            site.answer = answer
            return site

        yield start


@pytest.fixture
def lsvq_test(monkeypatch):
    for name in ("lsvq_test", "lsvq_1080p"):
        monkeypatch.setitem(RELEASES, name, replace(RELEASES[name], count=2, other_counts=()))
    return RELEASES["lsvq_test"]


def fetched(site, release, root: Path) -> Path:
    return get(release, root, mirror=site.url, pause_s=0)


def failure(site, release, root: Path) -> str:
    with pytest.raises(DataError) as caught:
        fetched(site, release, root)
    return str(caught.value)


def files_in(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix in (".mp4", ".gz", ".part", ".zip"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def archives_asked(site) -> list[str]:
    return [entry.rpartition("/")[2] for entry in site.asked if entry.startswith("GET") and "/resolve/" in entry]


# The whole way


def test_both_test_sets_of_lsvq_come_with_one_download(serving, lsvq, lsvq_test, tmp_path, monkeypatch, capsys):
    site = serving(lsvq)
    folder = fetched(site, lsvq_test, tmp_path)
    both = {"ia-batch1/t.mp4": b"test", "ia-batch1/p.mp4": b"1080p", "yfcc-batch2/T.mp4": b"test 2"}
    assert files_in(folder) == {**both, "yfcc-batch2/P.mp4": b"1080p 2"}  # no archive, nothing of the training set
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(tmp_path))
    assert [row.name for row in rows("lsvq_test")] == ["ia-batch1/t", "yfcc-batch2/T"]
    said = capsys.readouterr().err
    assert "its authors give it on request (form on https://github.com/baidut/PatchVQ)" in said
    assert "teowu/LSVQ-videos on the Hugging Face hub is a mirror by others" in said
    assert "https://huggingface.co/datasets/teowu/LSVQ-videos: 0 videos, 0 bytes, and 2 archives, " in said
    site.asked.clear()
    fetched(site, RELEASES["lsvq_1080p"], tmp_path)
    assert site.asked == []


def test_the_training_set_of_lsvq_comes_with_the_test_sets(serving, lsvq, lsvq_test, tmp_path):
    site = serving(lsvq)
    folder = fetched(site, lsvq_test, tmp_path)
    train = {label.name for label in TRAINING_RELEASES["lsvq_train"].read(folder).labels}
    before = files_in(folder)
    assert not train & {name.removesuffix(".mp4") for name in before}
    fetched(site, TRAINING_RELEASES["lsvq_train"], tmp_path)
    there = {name.removesuffix(".mp4") for name in files_in(folder)}
    assert there - {name.removesuffix(".mp4") for name in before} == train & there != set()


def test_only_the_archive_that_holds_a_lost_video_is_fetched_again(serving, lsvq, lsvq_test, tmp_path):
    site = serving(lsvq)
    folder = fetched(site, lsvq_test, tmp_path)
    (folder / "yfcc-batch2" / "T.mp4").unlink()
    kept = (folder / "yfcc-batch2" / "P.mp4").stat().st_ino
    site.asked.clear()
    fetched(site, lsvq_test, tmp_path)
    assert archives_asked(site) == ["yfcc-batch2.tar.gz"]
    assert (folder / "yfcc-batch2" / "T.mp4").read_bytes() == b"test 2"
    assert (folder / "yfcc-batch2" / "P.mp4").stat().st_ino == kept


def test_a_video_that_no_archive_holds_is_looked_for_once(serving, lsvq, lsvq_test, tmp_path, capsys):
    lsvq.files["yfcc-batch2.tar.gz"] = batch("yfcc-batch2", {"P.mp4": b"1080p 2"})
    site = serving(lsvq)
    fetched(site, lsvq_test, tmp_path)
    site.asked.clear()
    fetched(site, lsvq_test, tmp_path)
    assert archives_asked(site) == []
    assert "teowu/LSVQ-videos: none of the 1 videos that are missing is there, as a video" in capsys.readouterr().err
    lsvq.files["yfcc-batch2.tar.gz"] = batch("yfcc-batch2", {"P.mp4": b"1080p 2", "T.mp4": b"found"})
    folder = fetched(site, lsvq_test, tmp_path)  # the repository has changed since
    assert (folder / "yfcc-batch2" / "T.mp4").read_bytes() == b"found"


def test_finevd_as_single_videos_takes_those_that_are_asked_about(serving, tmp_path, monkeypatch):
    release = replace(RELEASES["finevd_choice"], count=len(CHOICE))
    names = [f"videos_all/{row[0]}" for row in CHOICE]
    fake = FakeHub("IntMeGroup/FineVD", {name: name.encode() for name in [*names, "videos_all/9_train.mp4", "MOS.csv"]})
    folder = fetched(serving(fake), release, tmp_path)
    assert files_in(folder) == {f"videos/{name}": name.encode() for name in names}


@pytest.mark.parametrize("cut", [None, 3])
def test_finevd_as_a_zip_whole_and_in_parts(serving, tmp_path, cut):
    release = replace(RELEASES["finevd_yesno"], count=len(YES_NO))
    names = sorted({row[0] for row in YES_NO})
    whole = zipped({f"videos_all/{name}": name.encode() * 50 for name in [*names, "9_train.mp4"]})
    step = len(whole) // (cut or 1) + 1
    parts = [whole[at : at + step] for at in range(0, len(whole), step)]
    endings = [""] if cut is None else [f".part{letter}" for letter in ("aa", "ab", "ac")]
    fake = FakeHub("IntMeGroup/FineVD", {f"videos.zip{end}": part for end, part in zip(endings, parts, strict=True)})
    folder = fetched(serving(fake), release, tmp_path)
    assert files_in(folder) == {f"videos/videos_all/{name}": name.encode() * 50 for name in names}


# The download


def test_a_broken_connection_is_taken_up_again(serving, lsvq, lsvq_test, tmp_path, monkeypatch):
    lsvq.files["ia-batch1.tar.gz"] += bytes(300_000)  # padding after the end of the gzip stream
    site = serving(lsvq)
    site.drop_after = [100_000]
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    folder = fetched(site, lsvq_test, tmp_path)
    assert (folder / "ia-batch1" / "t.mp4").read_bytes() == b"test"
    assert archives_asked(site) == ["ia-batch1.tar.gz", "ia-batch1.tar.gz", "yfcc-batch2.tar.gz"]


def test_a_wrong_checksum_is_not_kept(serving, lsvq, lsvq_test, tmp_path):
    name = "ia-batch1.tar.gz"
    lsvq.wrong[name] = bytes(len(lsvq.files[name]))
    text = failure(serving(lsvq), lsvq_test, tmp_path)
    assert f"datasets/teowu/LSVQ-videos/blob/main/{name}: {len(lsvq.files[name]):,} bytes with SHA-256" in text
    assert "they were deleted" in text
    assert files_in(tmp_path) == {}


def test_a_damaged_archive_is_not_kept_and_a_dangerous_one_is_not_unpacked(serving, lsvq, lsvq_test, tmp_path):
    lsvq.files["ia-batch1.tar.gz"] = lsvq.files["ia-batch1.tar.gz"][:-30]
    text = failure(serving(lsvq), lsvq_test, tmp_path)
    assert "LSVQ-videos/blob/main/ia-batch1.tar.gz: what was downloaded is damaged and was deleted" in text
    assert files_in(tmp_path) == {}
    lsvq.files["ia-batch1.tar.gz"] = batch("ia-batch1/../../..", {"ia-batch1/t.mp4": b"evil"})
    assert "has a name that leads out of the folder. Nothing was unpacked" in failure(
        serving(lsvq), lsvq_test, tmp_path
    )
    lsvq.files["ia-batch1.tar.gz"] = batch("ia-batch1", {"t.mp4": b""}, tarfile.SYMTYPE)
    assert "'ia-batch1/t.mp4' is a link or a special file" in failure(serving(lsvq), lsvq_test, tmp_path)
    assert not [name for name in files_in(tmp_path) if name.endswith(".mp4")]


def test_file_names_that_lead_elsewhere_are_refused(serving, lsvq, lsvq_test, tmp_path):
    lsvq.extra = [{"type": "file", "path": "../../ia-batch1/t.mp4", "size": 1, "oid": "0"}]
    text = failure(serving(lsvq), lsvq_test, tmp_path)
    assert "refused: file '../../ia-batch1/t.mp4' has a name that leads out of the folder" in text


def test_too_little_room(serving, lsvq, lsvq_test, tmp_path, monkeypatch):
    (tmp_path / "lsvq").mkdir()
    for name in ("labels_train_test.csv", "labels_test_1080p.csv"):
        (tmp_path / "lsvq" / name).write_bytes(LABELS[name])
    monkeypatch.setattr(unpack.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 9})())
    site = serving(lsvq)
    assert "not enough room to download from teowu/LSVQ-videos" in failure(site, lsvq_test, tmp_path)
    assert archives_asked(site) == []


# Refusals of the hub


def test_a_repository_that_asks_for_access(serving, tmp_path, capsys):
    release = replace(RELEASES["finevd_choice"], count=len(CHOICE))
    fake = FakeHub("IntMeGroup/FineVD", {f"videos_all/{CHOICE[0][0]}": b"x"}, refusal=GATED)
    text = failure(serving(fake), release, tmp_path)
    assert "https://huggingface.co/datasets/IntMeGroup/FineVD: only those to whom its authors granted access" in text
    assert "`hf auth login`" in text
    assert "FineVD: its authors grant access by hand" in capsys.readouterr().err
    fake.tree_refusal = GATED
    assert "only those to whom its authors granted access" in failure(serving(fake), release, tmp_path)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            Answer(404, headers={"X-Error-Code": "RepoNotFound"}),
            "teowu/LSVQ-videos was not found there: 404 Client Error",
        ),
        (Answer(404, headers={"X-Error-Code": "RevisionNotFound"}), "was renamed or withdrawn"),
        (Answer(403, body=b"no"), "teowu/LSVQ-videos: HTTP 403: "),
    ],
)
def test_a_repository_that_cannot_be_listed(serving, lsvq, lsvq_test, tmp_path, answer, text):
    lsvq.tree_refusal = answer
    assert text in failure(serving(lsvq), lsvq_test, tmp_path)


def test_too_many_requests(serving, lsvq, lsvq_test, tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    lsvq.tree_refusal = Answer(429)
    assert "HTTP 429: too many requests. Log in with `hf auth login`" in failure(serving(lsvq), lsvq_test, tmp_path)


def test_no_network(serving, lsvq, lsvq_test, tmp_path, monkeypatch):
    from huggingface_hub import constants

    site = serving(lsvq)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    text = failure(site, lsvq_test, tmp_path)
    assert "https://huggingface.co/datasets/teowu/LSVQ-videos: teowu/LSVQ-videos could not be downloaded: " in text
    assert "Check the network (HF_ENDPOINT, HF_HUB_OFFLINE, proxies) and run the same command again" in text


def test_a_full_disk(lsvq_test, tmp_path):
    error = OSError(28, "No space left on device", str(tmp_path / "x"))
    said = str(hub._explained(lsvq_test.hub_folders[0], "x", error))
    assert f"{tmp_path / 'x'}: cannot be written: No space left on device" in said


def test_archives_are_known_by_their_names():
    names = [
        "a.tar.gz",
        "b.tar.gz.partab",
        "b.tar.gz.partaa",
        "c.zip.001",
        "c.zip.002",
        "d.tgz",
        "e.tar.00",
        "f.mp4",
        "h.tar.xz",
        "g.gz",
    ]
    found = archives_of([HubFile(name, 1, name, None) for name in names])
    assert {one.path: [part.path for part in one.parts] for one in found} == {
        "a.tar.gz": ["a.tar.gz"],
        "b.tar.gz": ["b.tar.gz.partaa", "b.tar.gz.partab"],
        "c.zip": ["c.zip.001", "c.zip.002"],
        "d.tgz": ["d.tgz"],
        "e.tar": ["e.tar.00"],
    }
