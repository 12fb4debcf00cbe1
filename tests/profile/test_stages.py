"""One video on a tiny model: nine stages that add up. How long they take is no matter of a test."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from lmms_cpllm.errors import ArgumentError, VideoError
from lmms_cpllm.harness.direct import judge_files
from lmms_cpllm.profile.machine import Machine
from lmms_cpllm.profile.stages import STAGES, answer_once, conversion_clock, decode_whole, profile_video, set_up
from lmms_cpllm.profile.timing import Timing
from lmms_cpllm.video import ViewPlan, decode
from lmms_cpllm.video.colour import Converter

MACHINE = Machine("a processor", 1, "none", 1, {"float32": 1e9})
PLAN = ViewPlan(2, (32, 32), 2, 2, 1, 32)


def arguments(checkpoint: Path, **more) -> dict:
    return {"pretrained": str(checkpoint), "decode_workers": 1, "isolate": False, **more}


@pytest.fixture(scope="module")
def score(checkpoint: Path, clips: list[Path]):
    with set_up(arguments(checkpoint), describe=False) as bench:
        yield profile_video(bench, str(clips[0]), 2, MACHINE)


def by_name(profile) -> dict:
    return {stage.name: stage for stage in profile.stages}


def test_median_lowest_and_spread() -> None:
    timing = Timing((3.0, 1.0, 2.5, 9.0))
    assert timing.as_json() == {"median_s": 2.75, "min_s": 1.0, "spread_s": 8.0}


def test_nine_stages_add_up_to_the_whole(score) -> None:
    assert tuple(stage.name for stage in score.stages) == STAGES
    assert len(STAGES) == 9
    assert sum(stage.share for stage in score.stages) == pytest.approx(1)
    stages = by_name(score)
    for name in set(STAGES) - {"glue", "generate"}:
        # Decode is a difference, which on a busy machine can be anything for so small a clip.
        assert name == "decode" or stages[name].timing.lowest > 0, name
        assert stages[name].share == pytest.approx(stages[name].timing.median / score.end_to_end.median), name
        assert len(stages[name].timing.seconds) == 2, name
    for repeat, whole in enumerate(score.end_to_end.seconds):
        assert sum(stage.timing.seconds[repeat] for stage in score.stages) == pytest.approx(whole)


def test_floors_are_full_decode_and_operations_over_the_rate(score) -> None:
    stages = by_name(score)
    assert stages["decode"].floor_s == score.full_decode.median > 0
    for name in ("context tower", "pixel tower", "prefill"):
        assert stages[name].flops > 0
        assert stages[name].floor_s == stages[name].flops / 1e9
        assert stages[name].times_floor == stages[name].timing.median / stages[name].floor_s
    for name in ("probe", "convert", "views", "glue", "generate"):
        assert stages[name].floor_s is None
        assert stages[name].times_floor is None
    assert score.ratio == score.end_to_end.median / score.full_decode.median
    assert score.decode_threads >= 1


def test_the_answer_is_that_of_a_run(score, checkpoint: Path, clips: list[Path]) -> None:
    [(_, said)] = judge_files([[str(clips[0])]], "score", arguments(checkpoint))
    assert score.answer == said
    assert (score.info.frames, score.info.width, score.info.codec) == (12, 64, "h264")


def test_a_description_is_generated_after_the_prefill(
    score, checkpoint: Path, clips: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmms_cpllm.profile.stages.MOST_TOKENS", 12)
    with set_up(arguments(checkpoint), describe=True) as bench:
        bench.model.generation_config.eos_token_id = None  # random weights may end at once
        found = by_name(profile_video(bench, str(clips[0]), 1, MACHINE))
    assert found["generate"].flops > 0
    assert found["generate"].floor_s == found["generate"].flops / 1e9
    assert found["generate"].timing.median > 0
    assert by_name(score)["generate"].timing.seconds == (0.0, 0.0)
    assert by_name(score)["generate"].flops == 0


def test_a_tower_that_is_switched_off_has_no_floor(checkpoint: Path, clips: list[Path]) -> None:
    with set_up(arguments(checkpoint, ablate="pixel"), describe=False) as bench:
        found = by_name(profile_video(bench, str(clips[0]), 1, MACHINE))
    assert (found["pixel tower"].flops, found["pixel tower"].floor_s) == (0, None)
    assert found["context tower"].floor_s > 0


def test_what_only_pillow_reads_has_no_full_decode(checkpoint: Path, tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (70, 70), (level, 90, 200)) for level in (0, 80, 160)]
    path = tmp_path / "moving.webp"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40)
    with set_up(arguments(checkpoint), describe=False) as bench:
        profile = profile_video(bench, str(path), 1, MACHINE)
    assert (profile.full_decode, profile.ratio, by_name(profile)["decode"].floor_s) == (None, None, None)
    assert sum(stage.share for stage in profile.stages) == pytest.approx(1)


def test_a_file_that_is_no_video_is_named(checkpoint: Path, no_video: Path) -> None:
    with set_up(arguments(checkpoint), describe=False) as bench, pytest.raises(VideoError, match="empty"):
        answer_once(bench, str(no_video))


def test_the_whole_file_is_decoded(clips: list[Path]) -> None:
    frames, threads = decode_whole(str(clips[0]))
    assert frames == 12
    assert threads >= 1


def test_conversion_is_clocked_from_outside_and_let_go(clips: list[Path]) -> None:
    before = (Converter.resized, Converter.crops)
    plain = decode(clips[0], PLAN)
    with conversion_clock() as seconds:
        clocked = decode(clips[0], PLAN)
        assert seconds[0] > 0
    assert (clocked.context == plain.context).all()
    assert (Converter.resized, Converter.crops) == before


def test_threads_are_those_of_the_arguments_and_then_as_before(checkpoint: Path) -> None:
    before = torch.get_num_threads()
    with set_up(arguments(checkpoint, threads=before + 1), describe=False):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("given", [{"device": "cuda"}, {"device_map": "auto"}])
def test_another_device_is_refused(checkpoint: Path, given: dict) -> None:
    with pytest.raises(ArgumentError, match="expected"), set_up(arguments(checkpoint, **given), describe=False):
        pass
