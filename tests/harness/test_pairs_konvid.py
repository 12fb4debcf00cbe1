"""`vqa_pairs_konvid` on a fake release, through the real harness."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from evaluation import evaluate, items_of, metrics_of
from fake_konvid import konvid_ids, konvid_scores, labels_file

from lmms_cpllm import releases
from lmms_cpllm.harness import hooks

TASK = "vqa_pairs_konvid"
METRICS = {"accuracy", "acc_diff_0.3", "acc_diff_0.5", "acc_diff_1.0", "answered", "first_share"}


def share(items: list[dict], difference: float) -> float:
    """Of right choices, computed anew; none counts one half."""
    kept = [item for item in items if abs(item["first_mos"] - item["second_mos"]) > difference - 1e-6]
    return sum(0.5 if item["choice"] is None else item["choice"] == item["better"] for item in kept) / len(kept)


def check(results: dict) -> list[dict]:
    metrics, items = metrics_of(results, TASK), list(items_of(results, TASK, "accuracy").values())
    assert set(metrics) == METRICS
    for name, difference in {"accuracy": 0, "acc_diff_0.3": 0.3, "acc_diff_0.5": 0.5, "acc_diff_1.0": 1}.items():
        assert metrics[name] == pytest.approx(share(items, difference)), name
    return items


def test_cpllm_compares(konvid: Path, checkpoint: Path) -> None:
    results = evaluate("cpllm", [TASK], f"pretrained={checkpoint}", batch_size=4)
    items = check(results)
    assert metrics_of(results, TASK)["answered"] == 1
    pairs = releases.pairs("konvid")
    assert {item["video"] for item in items} == {f"{pair.first.name} | {pair.second.name}" for pair in pairs}
    assert json.loads(results["samples"][TASK][0]["filtered_resps"][0])["choice"] in ("first", "second")
    rows = results["configs"][TASK]["metadata"]["rows"]
    assert rows == hooks.pairs_konvid
    assert (rows["count"], rows["videos"]) == (8, 8)
    differences = [pair.difference for pair in pairs]
    assert rows["counts"] == {
        "acc_diff_0.3": sum(difference > 0.299 for difference in differences),
        "acc_diff_0.5": sum(difference > 0.499 for difference in differences),
        "acc_diff_1.0": sum(difference > 0.999 for difference in differences),
    }
    assert rows["counts"]["acc_diff_0.3"] > rows["counts"]["acc_diff_1.0"] > 0


def test_dummy_gains_nothing_by_a_place(konvid: Path) -> None:
    results = evaluate("dummy", [TASK], "response=first")
    check(results)
    metrics = metrics_of(results, TASK)
    assert (metrics["accuracy"], metrics["first_share"]) == (0.5, 1)
    silent = metrics_of(evaluate("dummy", [TASK], "response=none"), TASK)
    assert {silent[name] for name in METRICS if name.startswith("acc")} == {0.5}
    assert silent["answered"] == 0


def test_replayed_scores_choose(konvid: Path, tmp_path: Path) -> None:
    path = tmp_path / "mos.csv"
    ids, mos = konvid_ids(8), konvid_scores(8)
    path.write_text("\n".join(["video,score", *(f"{name},{score}" for name, score in zip(ids, mos, strict=True))]))
    metrics = metrics_of(evaluate("vqa_scores", [TASK], f"path={path}"), TASK)
    assert {metrics[name] for name in METRICS if name.startswith("acc")} == {1}
    path.write_text("\n".join(["video,score", *(f"{name},{1 / score}" for name, score in zip(ids, mos, strict=True))]))
    results = evaluate("vqa_scores", [TASK, "vqa_konvid"], f"path={path}")
    assert metrics_of(results, TASK)["accuracy"] == 0
    assert metrics_of(results, "vqa_konvid")["srcc"] == pytest.approx(-1)


def test_equal_mos_is_asked_of_no_model(konvid: Path, checkpoint: Path) -> None:
    pair = releases.pairs("konvid")[0]
    labels = labels_file(konvid)
    lines = [
        f"{pair.second.name},{pair.first.mos}" if line.startswith(f"{pair.second.name},") else line
        for line in labels.read_text().splitlines()
    ]
    labels.write_text("\n".join(lines) + "\n")
    for model, arguments in (("cpllm", f"pretrained={checkpoint}"), ("dummy", "response=first")):
        results = evaluate(model, [TASK], arguments)
        names = {frozenset(item["video"].split(" | ")) for item in check(results)}
        assert len(names) == 7
        assert {pair.first.name, pair.second.name} not in names
        assert results["configs"][TASK]["metadata"]["rows"]["count"] == 7
