"""Nothing of a benchmark is trained on, whatever it is called, unless the recipe says so."""

import logging
from pathlib import Path

import pytest
from clips import write_clip
from fake_konvid import konvid_ids, make_konvid

from lmms_cpllm.errors import DataError
from lmms_cpllm.training.full.data.guard import evaluation_videos, overlap, refused
from lmms_cpllm.training.full.data.samples import Video


@pytest.fixture
def benchmark(tmp_path: Path, monkeypatch) -> Path:
    """KoNViD-1k with six files; the data root."""
    clips = [write_clip(tmp_path / f".clip{i}.mp4", frames=3, content="texture", seed=i) for i in range(6)]
    make_konvid(tmp_path, 6, clips=clips)
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(tmp_path))
    monkeypatch.delenv("LMMS_CPLLM_CUSTOM", raising=False)
    return tmp_path


def own(folder: Path, name: str, content: bytes) -> Video:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return Video(folder / name, name)


def test_a_video_is_known_by_name_and_by_content(benchmark):
    shown = evaluation_videos()
    assert "KoNViD-1k" not in shown.absent
    assert "LIVE-VQC" in shown.absent
    known = next(benchmark.rglob(f"{konvid_ids(6)[0]}.mp4")).read_bytes()
    renamed = own(benchmark / "mine", "holiday.mp4", known)
    changed = own(benchmark / "mine", f"{konvid_ids(6)[1]}.mp4", b"other")
    clean = own(benchmark / "mine", "garden.mp4", known[:-1] + bytes([known[-1] ^ 1]))
    embedded = own(benchmark / "mine", "astronaut-h264-30.mkv", b"x")
    assert overlap([renamed, changed, clean, embedded], shown) == {
        renamed: "the content is in KoNViD-1k",
        changed: "the name is in KoNViD-1k",
        embedded: "the name is in vqa_mini",
    }


def test_what_happens_is_the_policy_of_the_recipe(benchmark, caplog):
    shown = evaluation_videos()
    path = next(benchmark.rglob(f"{konvid_ids(6)[0]}.mp4"))
    videos = [Video(path, path.stem), own(benchmark / "mine", "garden.mp4", b"x")]
    with pytest.raises(DataError) as caught:
        refused("my list", videos, shown, "refuse")
    said = f"my list: 1 of 2 videos belong to a benchmark: {path.stem} (the name is in KoNViD-1k)"
    assert str(caught.value).startswith(f"{said}\n  what to do: write `evaluation: drop`")
    with caplog.at_level(logging.WARNING):
        assert refused("my list", videos, shown, "drop") == {path}
        assert refused("my list", videos, shown, "allow") == set()
    assert [record.getMessage() for record in caplog.records] == [
        f"{said}; they are left out",
        f"{said}; they are trained on, as the recipe says",
    ]
    assert refused("my list", videos[1:], shown, "refuse") == set()


def test_a_short_name_is_no_proof(benchmark):
    shown = evaluation_videos()
    shown.names["0042"] = "MaxWell"
    assert overlap([own(benchmark / "mine", "0042.mp4", b"x")], shown) == {}
