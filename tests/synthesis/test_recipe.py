"""The recipe: complete, balanced, and tied to its table by a digest."""

import dataclasses
from collections import Counter

import pytest

from lmms_cpllm.synthesis import recipe
from lmms_cpllm.synthesis.distortions import FAMILIES
from lmms_cpllm.synthesis.encode import CODECS


def test_size_and_balance():
    items = recipe.items()
    assert len(items) == len({item.name for item in items}) == 120
    assert Counter(item.content for item in items) == dict.fromkeys(recipe.PHOTOGRAPHS, 10)
    counts = Counter(item.family for item in items)
    families = [ladder.family for ladder in recipe.LADDERS]
    assert counts == dict.fromkeys(families, 12) | {recipe.CLEAN: 12}
    assert set(families) <= {*CODECS, *FAMILIES}
    assert {item.scene.seconds for item in items} == {2.0}
    assert min(item.scene.size[0] * item.scene.size[1] for item in items) == 640 * 360


def test_ladders_rise():
    for ladder in recipe.LADDERS:
        assert list(ladder.strengths) == sorted(set(ladder.strengths))
        assert len(set(ladder.contents)) == len(ladder.contents) == 4


def test_clean_clips_and_codec_clips_have_no_other_distortion():
    for item in recipe.items():
        assert bool(item.steps) == (item.family in FAMILIES)
        assert item.delivery.codec == (item.family if item.family in CODECS else "h264")
        assert item.reference == (item.family == "clean")


def test_digest_sees_every_change_of_the_picture():
    item = recipe.items()[1]
    camera = dataclasses.replace(item.scene.camera, shake_px=0.1)
    changed = dataclasses.replace(item, scene=dataclasses.replace(item.scene, camera=camera))
    assert recipe.digest(item) == recipe.digest(dataclasses.replace(item))
    assert recipe.digest(item) != recipe.digest(changed)
    assert recipe.digest(item) != recipe.digest(item, item)


def test_digest_sees_another_renderer(monkeypatch):
    before = recipe.digest(recipe.items()[0])
    monkeypatch.setattr(recipe, "RENDERER", recipe.RENDERER + 1)
    assert recipe.digest(recipe.items()[0]) != before


def test_unknown_family_is_refused():
    scene = recipe.SCENES["coffee"]
    with pytest.raises(
        ValueError, match=r"unknown family 'fog'; allowed: h264, hevc, vp9, av1, mpeg4, .*blur, noise, scaling, drops"
    ):
        recipe.distorted_item(scene, "fog", 1)
