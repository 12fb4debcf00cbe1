"""Every scoring task on a fake release in its official layout, through the real harness."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from evaluation import evaluate, items_of, metrics_of

from lmms_cpllm import releases
from lmms_cpllm.harness import hooks
from lmms_cpllm.plugin import tasks_path
from lmms_cpllm.releases import RELEASES

UGC = ["vqa_konvid", "vqa_live_vqc", "vqa_youtube_ugc", "vqa_lsvq_test", "vqa_lsvq_1080p"]


def test_cpllm_scores_every_release(fakes: dict, checkpoint: Path) -> None:
    results = evaluate("cpllm", [f"vqa_{name}" for name in fakes], f"pretrained={checkpoint}", batch_size=4)
    for name, fake in fakes.items():
        task = f"vqa_{name}"
        items = items_of(results, task)
        assert {key: item["mos"] for key, item in items.items()} == fake.scores, name
        assert metrics_of(results, task)["answered"] == 1, name
        assert len({item["quality"] for item in items.values()}) > 1, name
        metadata = results["configs"][task]["metadata"]
        assert metadata["rows"] == {"count": 4, "fingerprint": releases.fingerprint(releases.rows(name))}


def test_dummy_and_the_group_of_user_content(fakes: dict) -> None:
    others = [f"vqa_{name}" for name in fakes if f"vqa_{name}" not in UGC]
    results = evaluate("dummy", ["vqa_ugc", *others], "response=73")
    for name in fakes:
        assert {item["quality"] for item in items_of(results, f"vqa_{name}").values()} == {73.0}
    assert results["versions"]["vqa_ugc"] == "1.0"
    assert results["group_subtasks"]["vqa_ugc_mean"] == UGC
    for group in ("vqa_ugc", "vqa_ugc_mean"):
        assert metrics_of(results, group)["answered"] == 1
        assert math.isnan(metrics_of(results, group)["srcc"])


def test_both_means_of_the_group(fakes: dict, checkpoint: Path) -> None:
    results = evaluate("cpllm", ["vqa_ugc"], f"pretrained={checkpoint}", batch_size=4)
    for metric in ("srcc", "plcc", "krcc", "fit_lcc"):
        values = [metrics_of(results, task)[metric] for task in UGC]
        weighted = (8 * values[0] + 4 * sum(values[1:])) / 24
        assert metrics_of(results, "vqa_ugc")[metric] == pytest.approx(weighted, abs=1e-12)
        assert metrics_of(results, "vqa_ugc_mean")[metric] == pytest.approx(sum(values) / 5, abs=1e-12)
    assert set(metrics_of(results, "vqa_ugc")) == {"srcc", "plcc", "krcc", "fit_lcc", "answered"}


def test_the_tag_names_every_release_that_has_a_published_list() -> None:
    from lmms_eval.tasks import TaskManager

    manager = TaskManager(include_path=[str(tasks_path())], include_defaults=False)
    assert manager.all_tags == ["vqa"]
    assert set(manager.task_index["vqa"]["task"]) == {
        f"vqa_{name}" for name, release in RELEASES.items() if name not in ("mini", "custom") and not release.questions
    }
    assert set(manager.all_groups) == {"vqa_ugc", "vqa_ugc_mean", "vqa_qbench_video_dev"}


def test_the_scale_of_a_list_is_that_of_its_scores(fakes: dict) -> None:
    documents = hooks.release_documents([{"release": "custom"}])
    assert (min(documents["mos_quality"]), max(documents["mos_quality"])) == (0, 100)
    fakes["custom"].labels.write_text('[{"image": "clips/0.mp4", "mos": 3}, {"image": "clips/1.mp4", "mos": 3}]')
    assert hooks.release_documents([{"release": "custom"}])["mos_quality"] == [50, 50]
