import shutil
from importlib import resources

import numpy as np
import pytest
from PIL import Image

from lmms_cpllm.errors import DataError
from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.synthesis.recipe import LADDERS, PHOTOGRAPHS
from lmms_cpllm.training.corpus import draw_strength, draws, item_of, make_corpus, photograph_scene, split_of


def test_no_strength_of_a_ladder_of_vqa_mini_is_drawn():
    rng = np.random.default_rng(0)
    for ladder in LADDERS:
        drawn = {draw_strength(ladder.family, rng) for _ in range(400)}
        assert not drawn & set(ladder.strengths), ladder.family
        assert len(drawn) > 10


def test_codecs_use_other_presets_than_vqa_mini():
    rng = np.random.default_rng(0)
    photo = np.zeros((400, 700, 3), np.uint8)
    scene = photograph_scene("photo", photo, rng)
    for draw in draws(rng, singles=9, chains=5):
        item = item_of(draw, scene, "name")
        codecs = [f for f in draw.families if f in CODECS and f != "mpeg4"]
        for codec in codecs:
            assert item.delivery.codec == codec
            assert not set(CODECS[codec].options) <= set(item.delivery.options)


def test_a_split_belongs_to_a_content_and_both_sides_are_filled():
    splits = [split_of(f"content-{i}") for i in range(200)]
    assert splits == [split_of(f"content-{i}") for i in range(200)]
    assert 15 < splits.count("validation") < 50


def test_scenes_shrink_large_photographs_twofold():
    rng = np.random.default_rng(1)
    photo = np.zeros((1200, 1800, 3), np.uint8)
    scales = [photograph_scene("photo", photo, rng).camera.scale[0] for _ in range(30)]
    assert max(scales) <= 0.55


def test_a_content_of_vqa_mini_is_refused(tmp_path):
    photo = PHOTOGRAPHS["coffee"]
    source = tmp_path / "another-name.png"
    with resources.as_file(resources.files(photo.package).joinpath(photo.path)) as path:
        shutil.copy(path, source)
    with pytest.raises(
        DataError, match=r"another-name.png: this is a content of vqa_mini, which training must not see"
    ):
        make_corpus([source], tmp_path / "out")


def test_a_finished_content_is_not_made_again(tmp_path, monkeypatch):
    from lmms_cpllm.training import corpus

    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    row = dict.fromkeys(corpus.COLUMNS, "1")
    calls = []

    class Pool:
        def __init__(self, workers): ...
        def __enter__(self):
            return self

        def __exit__(self, *_): ...
        def submit(self, function, source, *rest):
            calls.append(source.name)
            return type("Job", (), {"result": staticmethod(lambda: [row])})

    monkeypatch.setattr(corpus, "ProcessPoolExecutor", Pool)
    for _ in range(2):
        table = make_corpus([tmp_path / "a.png"], tmp_path / "out")
    assert calls == ["a.png"]
    assert corpus.read_table(table) == [row]
