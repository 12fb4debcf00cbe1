"""A recipe of tiny random towers through all stages: killed and resumed to the same bit, exported, scored by lmms-eval."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from full_training import WORKER, make_data, make_parts, stage, three_stages, write_recipe
from safetensors.torch import load_file

from lmms_cpllm.cli import main
from lmms_cpllm.errors import ArgumentError, DataError
from lmms_cpllm.model import load
from lmms_cpllm.training.full import checkpoints
from lmms_cpllm.training.full.loop import LOG


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> dict:
    return make_parts(tmp_path_factory.mktemp("parts"))


@pytest.fixture(autouse=True)
def without_releases(monkeypatch):
    for name in ("LMMS_CPLLM_DATA", "LMMS_CPLLM_CUSTOM"):
        monkeypatch.delenv(name, raising=False)


def train(folder: Path, path: Path, name: str = "run", *options: str) -> Path:
    """Trains in this process; gives the work folder."""
    arguments = ["--work", str(folder / name), "--out", str(folder / f"{name}-out"), *options]
    assert main(["train", "recipe", str(path), *arguments]) == 0
    return folder / name


def same(first: Path, second: Path) -> bool:
    one, other = load_file(first), load_file(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_three_stages_and_a_kill_in_between(tmp_path, parts, monkeypatch, capsys):
    make_data(tmp_path)
    path = write_recipe(tmp_path, three_stages(), parts)
    straight = train(tmp_path, path)
    assert f"saved to {tmp_path / 'run-out'}" in capsys.readouterr().out
    record = json.loads((tmp_path / "run-out" / "training.json").read_text())
    assert [entry["step"] for entry in record["stages"]] == [2, 4, 2]
    assert [entry["step"] for entry in record["stages"][1]["history"]] == [2, 4]
    lines = [json.loads(line) for line in (straight / "2-tasks" / "log.jsonl").read_text().splitlines()]
    assert {f"loss/{name}" for name in ("rating", "ranking", "choice", "language")} <= lines[0].keys()
    assert [line["step"] for line in lines if "validation/srcc" in line] == [2, 4]

    start_and_kill(tmp_path, path, "killed", "2-tasks", step=3)
    killed = tmp_path / "killed"
    assert checkpoints.latest(killed / "2-tasks").name == checkpoints.name_of(2)
    assert not (tmp_path / "killed-out").exists()
    train(tmp_path, path, "killed")
    for name in ("1-projectors", "2-tasks", "3-whole"):
        newest = checkpoints.latest(straight / name)
        for file in newest.glob("*.safetensors"):
            assert same(file, killed / name / newest.name / file.name), (name, file.name)
    assert same(tmp_path / "run-out" / "model.safetensors", tmp_path / "killed-out" / "model.safetensors")

    scores = score_with_lmms_eval(tmp_path, tmp_path / "run-out", monkeypatch)
    assert scores["answered,none"] == 1.0


def start_and_kill(folder: Path, path: Path, name: str, stage_name: str, step: int) -> None:
    """A run in a process of its own that is killed, as by kill -9, while it writes the state of a step."""
    command = [sys.executable, str(WORKER), str(path), f"{folder / name}:none"]
    environment = os.environ | {"KILL_AT": f"{stage_name}/.{checkpoints.name_of(step)}"}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr[-3000:]


def score_with_lmms_eval(folder: Path, checkpoint: Path, monkeypatch) -> dict:
    """The results of `vqa_custom` on the training clips, in this process."""
    from lmms_eval.evaluator import simple_evaluate

    monkeypatch.setenv("LMMS_CPLLM_CUSTOM", str(folder / "scores.csv"))
    monkeypatch.setenv("LMMS_EVAL_DATASETS_CACHE", str(folder / "datasets"))
    found = simple_evaluate(
        model="cpllm", model_args=f"pretrained={checkpoint}", tasks=["vqa_custom"], device="cpu", batch_size=2
    )
    return found["results"]["vqa_custom"]


def test_adapters_beside_the_weights_score_as_merged_ones(tmp_path, parts):
    make_data(tmp_path, clips=6)
    settings = stage("tasks", steps=2, lora={"rate": 1e-2, "rank": 4, "alpha": 8, "targets": ["q_proj", "down_proj"]})
    merged = write_recipe(tmp_path, [settings], parts)
    train(tmp_path, merged, "merged")
    beside = write_recipe(tmp_path, [settings], parts, merge_lora=False)
    train(tmp_path, beside, "beside")
    config = json.loads((tmp_path / "beside-out" / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] is None
    clip = tmp_path / "clean" / "clip-of-training-0.mp4"
    qualities = [quality(tmp_path / f"{name}-out", clip) for name in ("merged", "beside")]
    assert qualities[0] == pytest.approx(qualities[1], abs=1e-3)
    (tmp_path / "beside-out" / "adapter" / "adapter_config.json").unlink()
    assert abs(quality(tmp_path / "beside-out", clip) - qualities[0]) > 1e-4


def quality(checkpoint: Path, clip: Path) -> float:
    model, processor = load(checkpoint)
    messages = [
        {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "Rate the quality of this video."}]}
    ]
    inputs = processor(text=[processor.render(messages, processor.answer_prefix)], videos=[clip])
    return float(model.score(**inputs).quality)


def test_a_video_that_fails_is_named_and_skipped_up_to_the_share(tmp_path, parts, caplog):
    make_data(tmp_path)
    torn = tmp_path / "clean" / "clip-of-training-2.mp4"
    torn.write_bytes(b"no video")
    scores = {"kind": "scores", "list": "scores.csv", "pairs": 0.0, "held_out": 0.0}
    settings = stage("tasks", steps=6, data=[scores], failed_share=0.2, evaluate_every=50)
    path = write_recipe(tmp_path, [settings], parts)
    with caplog.at_level(logging.INFO):
        work = train(tmp_path, path)
    assert sum("left out" in line and str(torn) in line for line in caplog.text.splitlines()) == 1
    state = checkpoints.read_state(checkpoints.latest(work / "1-tasks"))
    assert list(state["failed"]) == [str(torn)]
    path = write_recipe(tmp_path, [settings | {"failed_share": 0.1}], parts)
    with pytest.raises(DataError, match=r"1 of 8 videos failed, more than the share of 0.1 that may"):
        train(tmp_path, path, "strict")


def test_early_stopping_keeps_the_best(tmp_path, parts, monkeypatch):
    make_data(tmp_path)
    values = iter([0.1, 0.5, 0.5, 0.4, 0.9])
    monkeypatch.setattr("lmms_cpllm.training.full.loop.validate", lambda *_: {"srcc": next(values), "answered": 1.0})
    settings = stage("tasks", steps=50, evaluate_every=1, save_every=50, patience=2, keep=1)
    work = train(tmp_path, write_recipe(tmp_path, [settings], parts))
    record = json.loads((work / "1-tasks" / "record.json").read_text())
    assert (record["step"], record["kept"]) == (4, "checkpoint-00000002")
    assert sorted(p.name for p in (work / "1-tasks").glob("checkpoint-*")) == [
        "checkpoint-00000002",
        "checkpoint-00000004",
    ]


def test_a_torn_line_of_the_log_does_not_stop_a_resumed_run(tmp_path, parts):
    make_data(tmp_path)
    path = write_recipe(tmp_path, [stage("tasks", steps=2, save_every=1, log_every=1, evaluate_every=50)], parts)
    work = train(tmp_path, path)
    (work / "1-tasks" / "record.json").unlink()
    shutil.rmtree(checkpoints.latest(work / "1-tasks"))
    log = work / "1-tasks" / LOG
    log.write_text(log.read_text() + '{"step": 1, "lo')
    train(tmp_path, path)
    assert [json.loads(line)["step"] for line in log.read_text().splitlines() if "loss/rating" in line] == [1, 2]


def test_a_folder_of_something_else_is_not_replaced(tmp_path, parts):
    make_data(tmp_path)
    recipe = write_recipe(tmp_path, [stage("tasks", steps=1, evaluate_every=50)], parts)
    letters = tmp_path / "run-out"
    letters.mkdir()
    (letters / "letter.txt").write_text("Dear Sir")
    with pytest.raises(DataError, match="run-out: expected a new or an empty folder, or a CP-LLM to replace; found"):
        train(tmp_path, recipe)
    assert (letters / "letter.txt").read_text() == "Dear Sir"


def test_a_work_folder_of_other_settings_is_refused(tmp_path, parts):
    make_data(tmp_path)
    settings = stage("tasks", steps=1, evaluate_every=50)
    train(tmp_path, write_recipe(tmp_path, [settings], parts))
    changed = write_recipe(tmp_path, [settings | {"batch": 1}], parts)
    with pytest.raises(DataError, match=r"1-tasks: was made with another stage \(batch\); take another --work, or del"):
        train(tmp_path, changed)
    with pytest.raises(DataError, match=r"run: was made with another seed; take another --work, or delete it to begin"):
        train(tmp_path, write_recipe(tmp_path, [settings], parts, seed=1))
    with pytest.raises(ArgumentError, match="stages: expected some of tasks, found 'task'"):
        train(tmp_path, changed, "other", "--stages", "task")


def test_a_stage_is_not_taken_for_finished_if_the_one_before_it_was_another(tmp_path, parts):
    make_data(tmp_path)
    first, second = (stage(name, steps=1, evaluate_every=50) for name in ("one", "two"))
    work = train(tmp_path, write_recipe(tmp_path, [first, second], parts))
    shutil.rmtree(work / "1-one")
    with pytest.raises(DataError, match=r"2-two: was made with another start; .* those of the stages after it"):
        train(tmp_path, write_recipe(tmp_path, [first | {"warmup": 0.5}, second], parts))
