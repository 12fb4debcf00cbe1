"""`vqa_ladder` through the real harness, and its items."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import pytest
from evaluation import evaluate, items_of, metrics_of

from lmms_cpllm.harness.ladder import ladder_metric, ladder_results, ladders_of
from lmms_cpllm.metrics.ladder import Ladder

WHOLE = "all_detected_step"
NAN = "nan"


def readable(metrics: dict) -> dict:
    """nan does not equal itself."""
    return {name: NAN if isinstance(value, float) and math.isnan(value) else value for name, value in metrics.items()}


def item(content: str, family: str, step: int, quality: float | None) -> dict:
    name = f"{content}-{family}-{step}"
    return {
        "video": name,
        "content": content,
        "family": family,
        "step": step,
        "strength": 10.0 * step,
        "quality": quality,
    }


def test_cpllm_climbs(ladder: list, checkpoint: Path) -> None:
    results = evaluate("cpllm", ["vqa_ladder"], f"pretrained={checkpoint}", batch_size=3)
    metrics, items = metrics_of(results, "vqa_ladder"), items_of(results, "vqa_ladder", WHOLE)
    assert items.keys() == {row.name for row in ladder}
    assert set(items["coffee-h264-23"]) == {
        *("video", "content", "family", "step", "strength", "unit"),
        *("quality", "acr", "level", "distribution", "reason"),
    }
    quality = {name: found["quality"] for name, found in items.items()}
    climbs = [
        [quality[f"coffee-{name}"] for name in ("clean-0", "blur-1.2")],
        [quality[f"coffee-{name}"] for name in ("clean-0", "h264-23", "h264-42")],
        [quality[f"grass-{name}"] for name in ("clean-0", "h264-23", "h264-42")],
    ]
    right = [a > b for climb in climbs for a, b in itertools.pairwise(climb)]
    assert metrics["all_steps"] == sum(right) / 5
    assert metrics["steps_blur"] == right[0]
    assert metrics["steps_h264"] == sum(right[1:]) / 4
    assert metrics["answered"] == 1


def test_what_stands_in_results_and_log(ladder: list) -> None:
    results = evaluate("dummy", ["vqa_ladder"], "response=73")
    assert readable(metrics_of(results, "vqa_ladder")) == {
        "all_detected_step": math.inf,
        "all_fall_back": 0.0,
        "all_rho": 0.0,
        "all_steps": 0.5,
        "all_violated": 0.0,
        "all_violations": 0.0,
        "answered": 1.0,
        **{"detected_h264": math.inf, "detected_av1": NAN, "detected_blur": math.inf},
        **{"rho_h264": 0.0, "rho_av1": NAN, "rho_blur": 0.0},
        **{"steps_h264": 0.5, "steps_av1": NAN, "steps_blur": 0.5},
        **{"violated_h264": 0.0, "violated_av1": NAN, "violated_blur": 0.0},
    }
    rows = results["configs"]["vqa_ladder"]["metadata"]["rows"]
    assert (rows["count"], rows["missing_codecs"], rows["unusable"]) == (7, ["av1"], ["notes.txt: no video"])
    clean, distorted = results["samples"]["vqa_ladder"][:2]
    brief = {"video", "content", "family", "step", "strength", "quality"}
    assert (clean["target"], distorted["target"]) == (0, 1)
    assert set(clean["steps_av1"]) == set(distorted["steps_h264"]) == brief
    assert "steps_av1" not in distorted


def test_a_replay_of_known_scores(ladder: list, tmp_path: Path) -> None:
    scores = dict(zip([row.name for row in ladder], [-1.0, -1.5, -3.0, -0.5, -2.0, -2.5], strict=False))
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(scores))
    metrics = readable(metrics_of(evaluate("vqa_scores", ["vqa_ladder"], f"path={path}"), "vqa_ladder"))
    # coffee on H.264 is right; grass has no score for its last clip; coffee on blur rises by a half.
    assert metrics == {
        "all_detected_step": 2.0,  # the first is seen in 2 of 3, the second, which blur has not, in 1.5 of 2
        "all_fall_back": pytest.approx(0.5 / 3),
        "all_rho": pytest.approx((1 + 0 + 0) / 3),
        "all_steps": pytest.approx((1 + 1 + 1 + 0.5 + 0) / 5),
        "all_violated": pytest.approx(2 / 3),
        "all_violations": 1.0,
        "answered": pytest.approx(6 / 7),
        **{"detected_h264": 23.0, "detected_av1": NAN, "detected_blur": math.inf},
        **{"rho_h264": 0.5, "rho_av1": NAN, "rho_blur": 0.0},
        **{"steps_h264": 0.875, "steps_av1": NAN, "steps_blur": 0.0},
        **{"violated_h264": 0.5, "violated_av1": NAN, "violated_blur": 1.0},
    }


def test_a_part_of_the_clips_makes_the_ladders_that_are_whole_from_below(ladder: list) -> None:
    results = evaluate("dummy", ["vqa_ladder"], "response=73", limit=2)
    assert metrics_of(results, "vqa_ladder")["steps_h264"] == 0.5
    assert math.isnan(metrics_of(results, "vqa_ladder")["steps_blur"])


def test_ladders_of_items() -> None:
    items = [item("a", "clean", 0, 90.0), item("a", "vp9", 2, 70.0), item("a", "vp9", 1, None)]
    items += [item("b", "vp9", 1, 50.0)]  # no clean clip
    items += [item("c", "clean", 0, 80.0), item("c", "vp9", 2, 10.0), item("c", "vp8", 1, 5.0)]  # no first step of VP9
    expected = [Ladder((10.0, 20.0), (90.0, None, 70.0)), Ladder((10.0,), (80.0, 5.0))]
    assert ladders_of(items) == ladders_of(items[::-1]) == expected
    assert ladder_metric("steps_vp9", items) == 0.5
    assert ladder_metric("steps_vp8", items) == 1.0
    assert math.isnan(ladder_metric("steps_packet_loss", items))
    assert ladder_metric("detected_vp8", items) == 10.0


def test_an_answer_that_cannot_be_read(ladder: list) -> None:
    doc = {
        "video": "/v/a.mp4",
        "name": "a-vp9-24",
        "content": "a",
        "family": "vp9",
        "step": 1,
        "strength": 24.0,
        "unit": "CRF",
    }
    whole = ladder_results(doc, ["I cannot see a video."])[WHOLE]
    assert (whole["quality"], whole["reason"]) == (None, "no rating found")
    assert list(ladder_results(doc, ["50"]))[-4:] == ["detected_vp9", "rho_vp9", "steps_vp9", "violated_vp9"]
