"""What the tests of the profile share: one tiny checkpoint, two tiny clips and a file that is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import write_clip

from lmms_cpllm.profile.timing import Timing


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny_models import tiny_cpllm

    return tiny_cpllm(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("clips")
    return [write_clip(folder / f"clip{i}.mp4", frames=12, content="texture", seed=i) for i in range(2)]


@pytest.fixture
def no_video(tmp_path: Path) -> Path:
    path = tmp_path / "no.mp4"
    path.write_bytes(b"")
    return path


@pytest.fixture
def timing():
    """A `Timing` of the given seconds."""
    return lambda *seconds: Timing(tuple(seconds))
