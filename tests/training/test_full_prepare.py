"""`lmms-cpllm train prepare`: what it keeps gives the same batches to the bit; it goes on, and names what is damaged."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from full_training import make_data, make_parts, stage, write_recipe
from safetensors.torch import load_file

from lmms_cpllm.cli import main
from lmms_cpllm.errors import DataError
from lmms_cpllm.training.full import preparing, reading
from lmms_cpllm.training.full.building import assemble_start, empty_model, plan_config, plan_views
from lmms_cpllm.training.full.data.collating import Encoder, collate_batch
from lmms_cpllm.training.full.data.decoded import PieceReader, ViewReader, piece_shards, versions, view_shards
from lmms_cpllm.training.full.data.mixing import Samples
from lmms_cpllm.training.full.data.shards import DamagedShard, Record, Shards, Writer
from lmms_cpllm.training.full.data.sources import find_data
from lmms_cpllm.video import decode

SYNTHETIC = {"kind": "synthetic", "folder": "clean", "seconds": 0.4, "weight": 1}
KILL = """
import os, signal, sys
from lmms_cpllm.cli import main
from lmms_cpllm.training.full.data import shards

save = shards.save_file
def once(arrays, part, about):
    if list(part.parent.glob("*.safetensors")):
        save(arrays, part, about)
        os.kill(os.getpid(), signal.SIGKILL)  # the second shard is written, and does not have its name yet
    save(arrays, part, about)
shards.save_file = once
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> dict:
    return make_parts(tmp_path_factory.mktemp("parts"))


@pytest.fixture
def recipe(tmp_path, parts, monkeypatch) -> Path:
    """One stage that mixes scores, conversations and clean videos."""
    for name in ("LMMS_CPLLM_DATA", "LMMS_CPLLM_CUSTOM"):
        monkeypatch.delenv(name, raising=False)
    make_data(tmp_path)
    return write_recipe(tmp_path, [_stage()], parts)


def _stage(**changes) -> dict:
    settings = stage("tasks", steps=2, evaluate_every=50, **changes)
    return settings | {"data": [*settings["data"], SYNTHETIC]}


def prepare(recipe: Path, *options: str) -> Path:
    cache = recipe.parent / "cache"
    assert main(["train", "prepare", str(recipe), "--cache", str(cache), "--workers", "2", *options]) == 0
    return cache


def plan_of(recipe: Path):
    model = reading.read(recipe).model
    return plan_views(model, empty_model(plan_config(model)))


def no_decoding(monkeypatch) -> None:
    def refuse(path, *_):
        raise AssertionError(f"{path} was decoded")

    monkeypatch.setattr("lmms_cpllm.training.full.data.decoded.decode", refuse)
    monkeypatch.setattr("lmms_cpllm.training.full.data.decoded.decode_piece", refuse)


def test_batches_are_equal_to_the_bit_with_and_without_a_cache(recipe, monkeypatch, capsys):
    cache = prepare(recipe, "--pieces")
    told = capsys.readouterr().out
    assert f"views in {view_shards(cache, plan_of(recipe)).folder}: 0 videos were there, 8 added, 0 failed" in told
    assert "videos/s" in told
    assert "pieces in" in told
    read = reading.read(recipe)
    _, processor = assemble_start(read)
    plan = processor.video_processor.plan
    assert plan == plan_of(recipe), "the plan of a recipe needs no model"
    encoder = Encoder(processor, read.text_tokens)
    plain = Samples(find_data(read.stages[0], recipe.parent, plan), encoder, 24, seed=3)
    expected = [collate_batch([plain[i], plain[i + 1]], processor) for i in range(0, 24, 2)]
    data = find_data(read.stages[0], recipe.parent, plan, cache=cache)
    assert data.cached() == (12, 12), "8 of which views are taken; of the clean ones 4 are held out"
    no_decoding(monkeypatch)
    cached = Samples(data, encoder, 24, seed=3)
    for number, batch in enumerate(expected):
        other = collate_batch([cached[2 * number], cached[2 * number + 1]], processor)
        for mine, theirs in ((batch.inputs, other.inputs), (batch.targets, other.targets)):
            assert mine.keys() == theirs.keys()
            assert all(torch.equal(mine[name].nan_to_num(-7), theirs[name].nan_to_num(-7)) for name in mine)
        assert batch.failed == other.failed == ()


def test_a_clip_from_the_cache_is_the_decoded_one(recipe):
    cache, plan = prepare(recipe), plan_of(recipe)
    path = recipe.parent / "clean" / "clip-of-training-3.mp4"
    clip, other = ViewReader(plan, view_shards(cache, plan))(path), decode(path, plan)
    assert asdict(clip.info) == asdict(other.info)
    for name in ("context", "pixel", "context_seconds", "pixel_seconds"):
        assert getattr(clip, name).dtype == getattr(other, name).dtype
        assert np.array_equal(getattr(clip, name), getattr(other, name))


def test_training_is_the_same_with_the_cache_of_the_recipe(recipe, parts, monkeypatch, caplog):
    folder = recipe.parent
    for name, changes in (("plain", {}), ("cached", {"cache": "cache"})):
        path = write_recipe(folder, [_stage()], parts, **changes)
        if changes:
            assert main(["train", "prepare", str(path), "--pieces", "--workers", "2"]) == 0
            no_decoding(monkeypatch)
        with caplog.at_level(logging.INFO):
            assert (
                main(["train", "recipe", str(path), "--work", str(folder / name), "--out", f"{folder / name}-out"]) == 0
            )
    assert f"tasks: 12 of 12 videos are in {folder / 'cache'}, the others are decoded on the fly" in caplog.text
    one, other = (load_file(folder / f"{name}-out" / "model.safetensors") for name in ("plain", "cached"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    with pytest.raises(DataError, match=r"nowhere: a folder that `lmms-cpllm train prepare` made expected, found none"):
        main(
            [
                "train",
                "recipe",
                str(recipe),
                "--cache",
                "nowhere",
                "--work",
                str(folder / "w"),
                "--out",
                str(folder / "o"),
            ]
        )


def test_a_kill_costs_no_more_than_one_shard(recipe, capsys):
    """Every shard holds one video here; the second is lost in the kill."""
    cache, plan = recipe.parent / "cache", plan_of(recipe)
    arguments = ["train", "prepare", str(recipe), "--cache", str(cache), "--workers", "1", "--shard-mb", "0.001"]
    killed = subprocess.run([sys.executable, "-c", KILL, *arguments], capture_output=True, timeout=600, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    assert len(view_shards(cache, plan)) == 1
    prepare(recipe, "--shard-mb", "0.001")
    assert "1 videos were there, 7 added, 0 failed" in capsys.readouterr().out
    assert len(list(view_shards(cache, plan).folder.glob("*.safetensors"))) == 8
    prepare(recipe)
    assert "8 videos were there, 0 added, 0 failed" in capsys.readouterr().out


def test_shards_are_as_large_as_they_may_be(tmp_path):
    record = Record({"frames": np.zeros(1000, np.uint8)}, {"fps": 25})
    writer = Writer(Shards(tmp_path, "pieces", {}), most_bytes=2500)
    for number in range(5):
        writer.add(f"video {number}", record)
    writer.flush()
    sizes = sorted(path.stat().st_size for path in tmp_path.rglob("*.safetensors"))
    assert [size // 1000 for size in sizes] == [1, 2, 2]
    assert (writer.shards, writer.bytes) == (3, sum(sizes))
    assert not list(tmp_path.rglob("*.part"))


def test_changed_settings_and_changed_files_are_not_taken(recipe, parts, monkeypatch):
    cache, plan = prepare(recipe), plan_of(recipe)
    path = recipe.parent / "clean" / "clip-of-training-1.mp4"
    assert path in view_shards(cache, plan)
    assert len(view_shards(cache, replace(plan, pixel_moments=3))) == 0
    assert len(piece_shards(cache, 0.4)) == 0, "pieces were not asked for"
    for part in ("av", "decoding"):
        monkeypatch.setitem(versions(), part, "0.0")
        assert len(view_shards(cache, plan)) == 0, "another version may decode other bits"
        monkeypatch.undo()
    shutil.copy(recipe.parent / "clean" / "clip-of-training-2.mp4", path)
    shards = view_shards(cache, plan)
    assert path not in shards
    assert np.array_equal(ViewReader(plan, shards)(path).pixel, decode(path, plan).pixel)
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert path not in view_shards(cache, plan)


def test_a_damaged_shard_is_named(recipe):
    cache, plan = prepare(recipe), plan_of(recipe)
    [shard] = view_shards(cache, plan).folder.glob("*.safetensors")
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedShard, match=f"{shard}: expected a whole shard of decoded videos, found SafetensorError"):
        view_shards(cache, plan)
    with pytest.raises(DamagedShard, match="delete this file, and run `lmms-cpllm train prepare` again"):
        prepare(recipe)
    torn = bytearray(whole)
    torn[-5000] ^= 1
    shard.write_bytes(torn)
    paths = sorted((recipe.parent / "clean").iterdir())
    shards, said = view_shards(cache, plan), []
    for path in paths:
        try:
            shards.read(path)
        except DamagedShard as error:
            said.append(str(error))
    assert len(said) == 1
    assert f"{shard}: expected a whole shard of decoded videos, found other bits of {recipe.parent}" in said[0]
    arguments = ["--cache", str(cache), "--work", str(recipe.parent / "w"), "--out", str(recipe.parent / "o")]
    path = write_recipe(recipe.parent, [_stage() | {"steps": 20}], reading_model(recipe))
    with pytest.raises(DataError, match=f"{shard}: expected a whole shard"):
        main(["train", "recipe", str(path), *arguments])


def reading_model(recipe: Path) -> dict:
    import yaml

    return yaml.safe_load(recipe.read_text())["model"]


def test_a_bad_video_is_named_and_left_out_up_to_the_share(recipe, parts, capsys, caplog):
    torn = recipe.parent / "clean" / "clip-of-training-2.mp4"
    torn.write_bytes(b"no video")
    with pytest.raises(DataError, match=r"1 of 8 videos failed, more than the share of 0.01 that may"):
        prepare(recipe)
    path = write_recipe(recipe.parent, [_stage(failed_share=0.2)], parts)
    with caplog.at_level(logging.WARNING):
        prepare(path)
    assert caplog.text.count(f"left out: {torn}") == 1
    told = capsys.readouterr().out
    assert " 1 failed\n" in told
    assert f"  failed: {torn}: " in told


def test_too_small_a_disk_is_said_before_anything_is_decoded(recipe, monkeypatch):
    monkeypatch.setattr(preparing.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1000))
    with pytest.raises(DataError, match=r"cache: 0.0 GB expected for the views of 8 videos, found 0.0 GB free; choose"):
        prepare(recipe)
    assert not list(recipe.parent.rglob("*.safetensors.part"))


def test_pieces_are_read_as_they_were_decoded(recipe):
    cache = prepare(recipe, "--pieces")
    path = recipe.parent / "clean" / "clip-of-training-0.mp4"
    (mine, fps), (theirs, rate) = PieceReader(0.4, piece_shards(cache, 0.4))(path), PieceReader(0.4)(path)
    assert fps == rate
    assert len(mine) == len(theirs) > 1
    assert all(np.array_equal(a, b) and a.flags.c_contiguous for a, b in zip(mine, theirs, strict=True))
    settings = json.loads((piece_shards(cache, 0.4).folder / "settings.json").read_text())
    assert settings["seconds"] == 0.4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "required for a recipe without the key cache: --cache"),
        (["--cache", "x", "--workers", "-1"], "argument --workers: expected 0 (one a core) or more, found -1"),
        (["--cache", "x", "--shard-mb", "0"], "argument --shard-mb: expected more than 0, found 0"),
    ],
)
def test_wrong_options(recipe, options, said, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["train", "prepare", str(recipe), *options])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err
