"""Sources of full-size training: scores, conversations, distortions on the fly; what fails is named, counted, skipped."""

import json
from dataclasses import replace

import numpy as np
import pytest
from clips import write_clip
from fake_releases import make
from full_training import VIEWS, make_data

from lmms_cpllm.errors import ArgumentError, DataError, VideoError
from lmms_cpllm.model import CPLLMVideoProcessor
from lmms_cpllm.synthesis.distortions import FAMILIES, TRAINING_RANGES
from lmms_cpllm.training.full.data import synthetic
from lmms_cpllm.training.full.data.conversations import ConversationsSource, read_conversations
from lmms_cpllm.training.full.data.decoded import PieceReader
from lmms_cpllm.training.full.data.mixing import Failures
from lmms_cpllm.training.full.data.scores import ScoresSource, _place, hold_out, read_list, read_release
from lmms_cpllm.training.full.data.sources import find_data, locate
from lmms_cpllm.training.full.data.synthetic import SyntheticSource, find_clean
from lmms_cpllm.training.full.recipe import Conversations, Scores, Stage

PLAN = CPLLMVideoProcessor(**VIEWS, pixel_size=32, context_size={"height": 32, "width": 32}).plan


@pytest.fixture
def data(tmp_path, monkeypatch):
    for name in ("LMMS_CPLLM_DATA", "LMMS_CPLLM_CUSTOM"):
        monkeypatch.delenv(name, raising=False)
    make_data(tmp_path)
    return tmp_path


def test_a_list_becomes_qualities_and_deviations(data):
    scored = read_list(data / "scores.csv", sd=0.5, failed_share=0.0)
    assert [one.quality for one in scored] == pytest.approx([100 * i / 7 for i in range(8)])
    # 3.5 units are the four categories of the ACR scale.
    assert [one.sd for one in scored] == pytest.approx([(0.4 + i / 20) / 3.5 * 4 for i in range(8)])
    (data / "clean" / "clip-of-training-3.mp4").unlink()
    with pytest.raises(DataError, match=r"8 videos expected, 7 found; missing: clean/clip-of-training-3.mp4"):
        read_list(data / "scores.csv", sd=0.5, failed_share=0.1)
    assert len(read_list(data / "scores.csv", sd=0.5, failed_share=0.2)) == 7


def test_the_training_part_of_lsvq(tmp_path, monkeypatch):
    clip = write_clip(tmp_path / ".clip.mp4", frames=3)
    make("lsvq_test", tmp_path / "data", [clip] * 4, monkeypatch)
    with pytest.raises(DataError, match=r"LSVQ-train in .* 1 videos expected, 0 found; missing: ia-batch2/in_training"):
        read_release("lsvq_train", 0.5, 0.01)
    [labels] = (tmp_path / "data").rglob("labels_train_test.csv")
    (labels.parent / "ia-batch2").mkdir(exist_ok=True)
    write_clip(labels.parent / "ia-batch2" / "in_training.mp4", frames=3)
    [one] = read_release("lsvq_train", 0.5, 0.01)
    assert (one.video.name, one.quality, one.sd) == ("ia-batch2/in_training", 50.5, 0.5)


def test_releases_that_cannot_be_trained_on():
    with pytest.raises(ArgumentError, match="release 'lsvq' is not known"):
        read_release("lsvq", 0.5, 0.01)
    with pytest.raises(DataError, match="mini: is the embedded benchmark and has no training part"):
        read_release("mini", 0.5, 0.01)
    with pytest.raises(DataError, match="finevd_yesno: a release with a MOS expected, found one of questions"):
        read_release("finevd_yesno", 0.5, 0.01)


def test_scores_are_drawn_to_rate_and_to_compare(data):
    scored = read_list(data / "scores.csv", 0.5, 0.0)
    source, rng = ScoresSource("list", scored, pairs=0.5, group=3), np.random.default_rng(0)
    by_path = {one.video.path: one for one in scored}
    shown: list = []
    samples = [source.draw(rng, lambda path: shown.append(path) or path) for _ in range(40)]
    rated, pairs = ([s for s in samples if (s.choice is None) is one] for one in (True, False))
    assert len(rated) > 10
    assert len(pairs) > 10
    for sample in rated:
        assert sample.quality == by_path[sample.clips[0]].quality
        assert (sample.group, sample.prefix) == (3, "The quality of this video is")
    for sample in pairs:
        first, second = (by_path[path].quality for path in sample.clips)
        assert sample.choice == int(first < second)
        assert sample.answer == (" second." if first < second else " first.")
        assert [part["type"] for part in sample.messages[0]["content"]] == ["video", "video", "text"]


def test_the_same_videos_are_held_out_whatever_else_is_there(data):
    scored = read_list(data / "scores.csv", 0.5, 0.0)
    training, held = hold_out(scored, 0.4)
    assert len(held) + len(training) == 8
    assert held
    assert hold_out(scored[::-1], 0.4)[1] == held[::-1]
    assert hold_out(scored, 0.0)[1] == []


def test_conversations(data):
    source = ConversationsSource("talk", read_conversations(data / "talk.json", data))
    assert len(source.videos) == 8
    rng = np.random.default_rng(0)
    samples = [source.draw(rng, lambda path: path) for _ in range(20)]
    assert {sample.answer for sample in samples} == {"It is good.", "It is."}
    second = next(sample for sample in samples if sample.answer == "It is.")
    assert [message["role"] for message in second.messages] == ["user", "assistant", "user"]
    assert second.messages[0]["content"] == [{"type": "video"}, {"type": "text", "text": "Describe the quality."}]
    assert len(second.clips) == 1
    assert second.quality is None


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"video": "a.mp4"}, "item 1: conversations is missing"),
        (
            {"video": "a.mp4", "conversations": [{"from": "human", "value": "x"}]},
            "item 1: a question and an answer after it expected",
        ),
        (
            {"video": "a.mp4", "conversations": [{"from": "gpt", "value": "y"}, {"from": "human", "value": "x"}]},
            "item 1: a question and an answer after it expected",
        ),
        ({"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "y"}]}, "item 1: no video"),
        ({"video": "a.mp4", "conversations": [{"from": "robot", "value": "x"}]}, "item 1: from: expected human or gpt"),
        (
            {
                "video": "a",
                "conversations": [{"from": "human", "value": "<video><video>"}, {"from": "gpt", "value": "y"}],
            },
            "item 1: 2 <video> and 1 videos",
        ),
    ],
)
def test_what_is_no_conversation_is_named(tmp_path, item, said):
    path = tmp_path / "talk.json"
    path.write_text(json.dumps([item]))
    with pytest.raises(DataError) as caught:
        read_conversations(path, tmp_path)
    assert f"{path}: 1 of 1 items are no conversations: {said}" in str(caught.value)


def test_distortions_on_the_fly(data):
    source, rng = SyntheticSource("clean", find_clean(data / "clean"), PLAN, PieceReader(0.3)), np.random.default_rng(1)
    samples = [source.draw(rng, lambda path: None) for _ in range(24)]
    pairs = [sample for sample in samples if sample.choice is not None]
    named = [sample for sample in samples if sample.choice is None]
    assert pairs
    assert named
    for sample in pairs:
        assert sample.answer.startswith(
            f" {('first', 'second')[sample.choice]}. The {('second', 'first')[sample.choice]} has"
        )
    assert all((s.clips[0].pixel != s.clips[1].pixel).any() for s in pairs)
    assert {clip.pixel.shape for sample in samples for clip in sample.clips} == {(2, 1, 1, 32, 32, 3)}
    assert all(sample.answer.startswith(("It has ", "Nothing is wrong")) for sample in named)


@pytest.mark.parametrize("family", FAMILIES)
def test_two_rungs_of_every_family_at_its_weakest_can_be_drawn(data, monkeypatch, family):
    # Of some ranges the lower end times a factor, divided by the factor again, is less than the lower end.
    monkeypatch.setattr(synthetic, "FAMILIES", {family: FAMILIES[family]})
    monkeypatch.setattr(synthetic, "draw_strength", lambda name, rng: TRAINING_RANGES[name][0])
    source, rng = SyntheticSource("clean", find_clean(data / "clean"), PLAN, PieceReader(0.3)), np.random.default_rng(0)
    assert any(source.outline(rng).choice is not None for _ in range(12))


@pytest.mark.parametrize("family", ["drops", "freezes", "interlacing"])
def test_what_changes_nothing_is_not_taught(data, monkeypatch, family):
    monkeypatch.setattr(synthetic, "FAMILIES", {family: FAMILIES[family]})
    still = [np.full((64, 64, 3), 90, np.uint8)] * 12
    source = SyntheticSource("still", find_clean(data / "clean"), PLAN, PieceReader(0.3))
    monkeypatch.setattr(source, "read_piece", lambda path: (still, 25))
    samples = [source.draw(np.random.default_rng(seed), lambda path: None) for seed in range(8)]
    assert {(sample.answer, sample.choice, len(sample.clips)) for sample in samples} == {
        ("Nothing is wrong with it.", None, 1)
    }


def test_outlines_are_the_samples_without_their_clips(data):
    scored = read_list(data / "scores.csv", 0.5, 0.0)
    sources = [
        ScoresSource("list", scored, pairs=0.5, group=0),
        ConversationsSource("talk", read_conversations(data / "talk.json", data)),
        SyntheticSource("clean", find_clean(data / "clean"), PLAN, PieceReader(0.3)),
    ]
    for source in sources:
        for seed in range(8):
            sample = source.draw(np.random.default_rng(seed), lambda path: path)
            outline = source.outline(np.random.default_rng(seed))
            assert outline.clips == (None,) * len(sample.clips)
            assert outline == replace(sample, clips=outline.clips)


def test_all_of_a_stage(data, caplog):
    scores = Scores("scores", list="scores.csv", weight=3, held_out=0.4)
    talk = Conversations("conversations", "talk.json", ".", weight=1)
    stage = Stage("one", 1, (scores, talk), {"projectors": 1e-3})
    found = find_data(stage, data, PLAN)
    assert found.weights == (0.75, 0.25)
    assert found.count == 8 - len(found.held_out[0][1])
    [(title, held)] = found.held_out
    assert title == "scores.csv"
    for source in found.sources:
        assert not {one.video.path for one in held} & {video.path for video in source.videos}
    assert "nothing was compared with them: KoNViD-1k" in caplog.text
    with pytest.raises(DataError, match=r"nowhere: expected at .*nowhere, found nothing; LMMS_CPLLM_DATA is not set"):
        locate("nowhere", data)


def test_what_one_source_holds_out_no_other_learns(data):
    held, whole = (Scores("scores", list="scores.csv", held_out=share) for share in (0.4, 0.0))
    found = find_data(Stage("one", 1, (whole, held), {"projectors": 1e-3}), data, PLAN)
    [(_, kept)] = found.held_out
    for source in found.sources:
        assert not {one.video.path for one in kept} & {video.path for video in source.videos}


def test_too_few_held_out_for_a_correlation_are_refused(data):
    places = sorted(_place(one.video.name) for one in read_list(data / "scores.csv", 0.5, 0.0))
    scores = Scores("scores", list="scores.csv", held_out=(places[1] + places[2]) / 2)
    with pytest.raises(DataError, match=r"scores.csv: held_out 0.\d+ holds 2 of 8 videos out; at least 3 expected"):
        find_data(Stage("one", 1, (scores,), {"projectors": 1e-3}), data, PLAN)


def test_failures_are_counted_once_and_stop_beyond_their_share():
    failures = Failures(videos=10, share=0.25)
    assert failures.add([("a.mp4", "empty"), ("a.mp4", "empty")]) == [("a.mp4", "empty")]
    assert failures.add([("a.mp4", "empty"), ("b.mp4", "torn")]) == [("b.mp4", "torn")]
    with pytest.raises(DataError) as caught:
        failures.add([("c.mp4", "torn")])
    assert str(caught.value).startswith(
        "3 of 10 videos failed, more than the share of 0.25 that may (failed_share of the stage):\n  a.mp4: empty\n"
    )
    assert issubclass(VideoError, Exception)
