"""A judge's answers are those of the model on the files themselves."""

import numpy as np
import pytest
import torch
from clips import write_clip
from tiny_training import picture, save_picture, small_model

from lmms_cpllm.synthesis.language import PROMPTS
from lmms_cpllm.training import judging
from lmms_cpllm.training.features import VIEWS, encode_files
from lmms_cpllm.training.judging import Judge


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    clip = {"width": 128, "height": 96, "frames": 10}
    return [
        save_picture(folder / "a.png", picture(1, 90, 120)),
        write_clip(folder / "b.mp4", **clip, content="texture"),
        write_clip(folder / "c.mp4", **clip, content="numbers", crf=45),
        save_picture(folder / "d.png", np.full((90, 120, 3), 40, np.uint8)),
    ]


@pytest.fixture(scope="module")
def loaded():
    """A model whose scores of different videos differ."""
    model, processor = small_model(seed=2)
    with torch.no_grad():
        for projector in (model.model.context_projector, model.model.pixel_projector):
            for parameter in projector.parameters():
                parameter.mul_(4)
        model.lm_head.weight.mul_(6)
    return model, processor


@pytest.fixture(scope="module")
def judge(loaded, files):
    model, processor = loaded
    views = processor.video_processor(files)
    with torch.inference_mode():
        features = {
            "context": model.model.encode_context(views["context_values"]),
            "pixel": model.model.encode_pixels(views["pixel_values"]),
        }
    return Judge(model, processor, features)


def prompt_of(processor, task, prefix="", videos=1):
    parts = [{"type": "video"}] * videos + [{"type": "text", "text": task}]
    return processor.render([{"role": "user", "content": parts}], prefix)


def test_ratings_are_the_scores_of_the_files(loaded, judge, files, tmp_path):
    model, processor = loaded
    prompt = prompt_of(processor, PROMPTS["rate"][0], processor.answer_prefix)
    scores = [float(model.score(**processor(text=[prompt], videos=[file])).quality) for file in files]
    assert np.ptp(scores) > 0.5
    np.testing.assert_allclose(judge.ratings(range(4)), scores, atol=1e-3)
    np.testing.assert_allclose(judge.ratings([3, 0, 3]), [scores[3], scores[0], scores[3]], atol=1e-3)
    # Features that were kept in half precision, as the test keeps them: a twentieth of a point at most.
    folders = {view: tmp_path / view for view in VIEWS}
    cached = Judge(model, processor, encode_files(model, processor, files, folders))
    np.testing.assert_allclose(cached.ratings(range(4)), scores, atol=0.05)


def test_choices_are_those_of_the_model(loaded, judge, files):
    model, processor = loaded
    prompt = prompt_of(processor, PROMPTS["compare"][0], processor.compare_prefix, videos=2)
    pairs = [(0, 1), (1, 0), (2, 3)]
    found = judge.choices(pairs)
    for (a, b), chance in zip(pairs, found, strict=True):
        inputs = processor(text=[prompt], videos=[files[a], files[b]])
        assert chance == pytest.approx(float(model.compare(**inputs)[0, 0]), abs=1e-4)


def test_descriptions_begin_with_the_prefix_and_are_those_of_the_model(loaded, judge, files):
    model, processor = loaded
    prompt = prompt_of(processor, PROMPTS["describe"][0], processor.answer_prefix)
    inputs = processor(text=[prompt], videos=[files[1]])
    output = model.describe(**inputs, max_new_tokens=judging._MOST_TOKENS, do_sample=False)
    alone = processor.tokenizer.batch_decode(output.sequences, skip_special_tokens=True)[0].strip()
    assert judge.descriptions([1]) == [f"{processor.answer_prefix} {alone}"]


def test_answers_hold_nothing_of_the_question(loaded, judge, files):
    model, processor = loaded
    questions = [(1, "Is this video blurry?"), (0, "Is there any noise in this picture, or is it clean?")]
    found = judge.answers(questions)
    for (video, question), answer in zip(questions, found, strict=True):
        inputs = processor(text=[prompt_of(processor, question)], videos=[files[video]])
        output = model.generate(**inputs, max_new_tokens=judging._MOST_TOKENS, do_sample=False)
        new = output[0, inputs["input_ids"].shape[1] :]
        assert answer == processor.tokenizer.decode(new, skip_special_tokens=True).strip()
        assert question not in answer


def test_parts_change_nothing(judge, monkeypatch):
    whole = judge.ratings(range(4)), judge.choices([(0, 1), (2, 3), (3, 0)])
    monkeypatch.setattr(judging, "_AT_ONCE", 2)
    parts = judge.ratings(range(4)), judge.choices([(0, 1), (2, 3), (3, 0)])
    np.testing.assert_allclose(whole[0], parts[0], atol=1e-3)
    np.testing.assert_allclose(whole[1], parts[1], atol=1e-5)


def test_nothing_asked_is_nothing_answered(judge):
    assert judge.ratings([]).shape == judge.choices([]).shape == (0,)
    assert judge.descriptions([]) == judge.answers([]) == []
