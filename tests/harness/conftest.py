"""What the tests of the harness share: one tiny checkpoint, one fake KoNViD-1k, one small stand-in for vqa_mini."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from evaluation import write_clips
from fake_konvid import expect_count, make_konvid
from fake_questions import make_questions
from fake_releases import MAKERS, make

COUNT = 8


@pytest.fixture(scope="session", autouse=True)
def _own_caches(tmp_path_factory: pytest.TempPathFactory):
    """The host and `datasets` write into the user's cache otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMMS_EVAL_DATASETS_CACHE", str(tmp_path_factory.mktemp("datasets")))
        patch.setenv("HF_HUB_OFFLINE", "1")
        for name in ("LMMS_CACHE_RUN_ID", "SLURM_JOB_ID", "LMMS_CPLLM_ALLOW_PARTIAL"):
            patch.delenv(name, raising=False)
        for name in ("API_TYPE", "MODEL_VERSION", "OPENAI_API_KEY", "AZURE_API_KEY"):
            patch.delenv(name, raising=False)  # no test may reach a judge
        yield


@pytest.fixture(autouse=True)
def _nothing_runs():
    """A run that was refused leaves its model behind, as it may: the process would have ended."""
    yield
    from lmms_cpllm.harness import judging, running

    running.stopped()
    judging.forget()


@pytest.fixture
def warnings():
    """The warnings of loguru."""
    import lmms_eval.evaluator  # noqa: F401 - its first import drops the handlers that are there
    from loguru import logger

    texts: list[str] = []
    handler = logger.add(lambda message: texts.append(message.record["message"]), level="WARNING")
    yield texts
    logger.remove(handler)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny_models import tiny_cpllm

    return tiny_cpllm(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_clips(tmp_path_factory.mktemp("clips"), COUNT)


@pytest.fixture
def konvid(tmp_path: Path, clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """KoNViD-1k with 8 videos; gives its folder."""
    root = tmp_path / "releases"
    root.mkdir()
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(root))
    expect_count(monkeypatch, COUNT)
    # Copies, for hard links would let a test that spoils a video spoil those of the others.
    copies = [root / f".{clip.name}" for clip in clips]
    for clip, copy in zip(clips, copies, strict=True):
        copy.write_bytes(clip.read_bytes())
    return make_konvid(root, COUNT, clips=copies)


@pytest.fixture
def fakes(konvid: Path, clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> dict:
    """All releases in one data root; KoNViD-1k has 8 videos, the others 4."""
    root = konvid.parent
    copies = [root / f".{clip.name}" for clip in clips[::2]]
    return {name: make(name, root, copies, monkeypatch) for name in MAKERS}


@pytest.fixture
def asked(konvid: Path, clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Q-Bench-Video and FineVD with a few questions; gives the data root."""
    root = konvid.parent
    copies = [root / f".asked_{clip.name}" for clip in clips]
    for clip, copy in zip(clips, copies, strict=True):
        copy.write_bytes(clip.read_bytes())
    make_questions(root, copies, monkeypatch)
    return root


@pytest.fixture
def mini(clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> list:
    """vqa_mini with the files of `clips` in the place of rendered ones: 6 rows, 4 pairs and the questions on the rows;
    gives the rows."""
    from lmms_cpllm.releases import mini as module
    from lmms_cpllm.releases import mini_questions

    rows = [replace(row, video=str(clip)) for row, clip in zip(module.table()[:6], clips, strict=False)]
    pairs = [module.Pair(rows[0], rows[5]), module.Pair(rows[5], rows[1]), module.Pair(rows[2], rows[4])]
    pairs.append(module.Pair(rows[4], rows[3]))
    names = {row.name for row in rows}
    questions = [question for question in mini_questions.questions() if question.clip in names]
    monkeypatch.setattr(mini_questions, "questions", lambda: questions)
    monkeypatch.setattr(module, "rows", lambda: rows)
    monkeypatch.setattr(module, "pairs", lambda: pairs)
    return rows


@pytest.fixture
def ladder(clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> list:
    """vqa_ladder with the files of `clips` in the place of rendered ones: two contents on two steps of H.264, one of them
    on one of blur; gives the rows."""
    from lmms_cpllm.releases import ladder as module

    facts = [
        ("coffee", "clean", 0, 0.0, ""),
        ("coffee", "h264", 1, 23.0, "CRF"),
        ("coffee", "h264", 2, 42.0, "CRF"),
        ("coffee", "blur", 1, 1.2, "px sigma"),
        ("grass", "clean", 0, 0.0, ""),
        ("grass", "h264", 1, 23.0, "CRF"),
        ("grass", "h264", 2, 42.0, "CRF"),
    ]
    rows = [
        module.LadderRow(str(clip), f"{content}-{family}-{strength:g}", content, family, step, strength, unit)
        for clip, (content, family, step, strength, unit) in zip(clips, facts, strict=False)
    ]
    monkeypatch.setattr(module, "ladders", lambda: module.Ladders(tuple(rows), ("av1",), ("notes.txt: no video",)))
    monkeypatch.setenv("LMMS_CPLLM_LADDER_FAMILIES", "h264,av1,blur")
    return rows
