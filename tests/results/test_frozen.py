"""A run as a small file, and back."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from fake_results import edit, pair_items, score_items, write_run

from lmms_cpllm import __version__
from lmms_cpllm.errors import DataError
from lmms_cpllm.results import frozen, read

TASK = "vqa_mini"


@pytest.fixture
def runs(tmp_path):
    tasks = {TASK: score_items(unanswered=2), "vqa_mini_pairs": pair_items()}
    write_run(tmp_path / "out", tasks, checkpoint={"fingerprint": "abc"}, groups={"vqa_all": list(tasks)})
    return read(tmp_path / "out").runs


def test_there_and_back(tmp_path, runs):
    path = tmp_path / "new" / "base.json"
    frozen.save(runs, path)
    back = read(path)
    assert back.left_out == ()
    for run, before in zip(runs, back.runs, strict=True):
        assert before == replace(run, source=path, samples=None, items=before.items, provenance=None)
        brief = list(run.items["answered"])
        assert all(list(items) == brief for items in before.items.values())
    assert {run.groups for run in back.runs} == {("vqa_all",)}


def test_the_file_is_json_with_a_line_a_video(tmp_path, runs):
    path = tmp_path / "base.json"
    frozen.save(runs[:1], path)
    document = json.loads(path.read_text())
    assert (document["format"], document["package"]) == ("lmms-cpllm baseline 1", __version__)
    assert document["runs"][0]["checkpoint"] == {"fingerprint": "abc"}
    assert document["runs"][0]["columns"] == ["video", "mos", "quality"]
    assert '["clip00", 5.0, null],\n["clip01", 6.53, null],\n' in path.read_text()
    assert path.stat().st_size < 3500


def test_what_is_not_defined_comes_back(tmp_path):
    constant = [{**item, "quality": 50.0} for item in score_items()]
    write_run(tmp_path / "out", {TASK: constant})
    frozen.save(read(tmp_path / "out").runs, tmp_path / "base.json")
    assert "NaN" not in (tmp_path / "base.json").read_text()
    assert math.isnan(read(tmp_path / "base.json").runs[0].metrics["srcc"])


def test_without_a_log_there_is_nothing_to_freeze(tmp_path):
    path = write_run(tmp_path, {TASK: score_items()}, log_samples=False)
    with pytest.raises(DataError) as error:
        frozen.save(read(tmp_path).runs, tmp_path / "base.json")
    assert str(error.value) == (
        f"{path}: vqa_mini of cpllm has no sample log, so there is nothing to freeze.\n"
        "  what to do: evaluate again with --output_path DIR --log_samples"
    )
    assert not (tmp_path / "base.json").exists()


def test_figures_that_the_log_does_not_give_are_not_frozen(tmp_path):
    path = write_run(tmp_path, {TASK: score_items()})
    edit(path, results={TASK: {"srcc,none": 0.5}})
    with pytest.raises(DataError, match=r"the sample log and the results file differ: srcc is 0\.9\d+ by the log and"):
        frozen.save(read(tmp_path).runs, tmp_path / "base.json")


def test_another_layout_of_the_same_json_is_the_same(tmp_path, runs):
    path = tmp_path / "base.json"
    frozen.save(runs, path)
    before = read(path)
    for indent in (None, 4):
        path.write_text(json.dumps(json.loads(path.read_text()), indent=indent, separators=(",", ":")))
        assert read(path) == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text[:-100], "it is not JSON, or ends too early: "),
        (lambda text: text.replace("baseline 1", "baseline 9"), "its format is 'lmms-cpllm baseline 9', this version"),
        (lambda text: text.replace('"clip00", ', ""), "it was edited or cut (ValueError: "),
        (lambda text: text.replace('"functions"', '"fun"'), "it was edited or cut (KeyError: 'functions')"),
    ],
)
def test_a_damaged_file(tmp_path, runs, change, reason):
    path = tmp_path / "base.json"
    frozen.save(runs, path)
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: {reason}")
    assert str(error.value).endswith(f"write it again with `lmms-cpllm baseline save RESULTS --out {path}`")
