from __future__ import annotations

import os
from pathlib import Path

import pytest

from lmms_cpllm.harness import fingerprint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(range(256)) * 100)
    return folder


def test_every_byte_counts_and_neither_place_nor_time(folder: Path, tmp_path: Path) -> None:
    first = fingerprint.of_checkpoint(str(folder))
    assert len(first) == 16
    moved = folder.rename(tmp_path / "moved")
    os.utime(moved / "model.safetensors", (1, 1))
    assert fingerprint.of_checkpoint(str(moved)) == first
    data = bytearray((moved / "model.safetensors").read_bytes())
    data[len(data) // 2] ^= 1
    (moved / "model.safetensors").write_bytes(data)
    assert fingerprint.of_checkpoint(str(moved)) != first


def test_names_count(folder: Path) -> None:
    first = fingerprint.of_checkpoint(str(folder))
    (folder / "config.json").rename(folder / "other.json")
    assert fingerprint.of_checkpoint(str(folder)) != first


def test_a_large_file_counts_by_its_edges_and_its_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "WHOLE_FILE_BYTES", 1000)
    monkeypatch.setattr(fingerprint, "EDGE_BYTES", 100)
    weights = folder / "model.safetensors"
    os.utime(weights, ns=(10**18, 10**18))
    first = fingerprint.of_checkpoint(str(folder))
    assert fingerprint.of_checkpoint(str(folder)) == first
    os.utime(weights, ns=(10**18, 10**18 + 10**9))
    assert fingerprint.of_checkpoint(str(folder)) != first
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    os.utime(weights, ns=(10**18, 10**18))
    assert fingerprint.of_checkpoint(str(folder)) != first


def test_a_hub_id_with_its_commit() -> None:
    assert fingerprint.of_checkpoint("org/model", "abc") == "org/model@abc"
    assert fingerprint.of_checkpoint("org/model") == "org/model"
