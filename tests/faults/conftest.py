"""One tiny checkpoint for the tests of this folder, and no decoder process that outlives one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmms_cpllm.video import isolated


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny_models import tiny_cpllm

    return tiny_cpllm(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module", autouse=True)
def _no_decoder_stays():
    yield
    isolated.stop()
