"""What is done to clean scenes, and what never is."""

import itertools

import numpy as np
import pytest
from clips import textured_frames

from lmms_cpllm.synthesis.distortions import FAMILIES, TRAINING_RANGES
from lmms_cpllm.synthesis.encode import CODECS, TRAINING_QUALITIES
from lmms_cpllm.synthesis.recipe import LADDERS, items
from lmms_cpllm.training.draws import (
    SEEN_CODECS,
    UNSEEN_CODECS,
    Link,
    draw_afterwards,
    draw_chains,
    draw_link,
    draw_strength,
    families_of,
    ladder,
)

PIXELS_PER_SECOND = 640 * 360 * 30.0
TAKEN = {step.family: set(step.strengths) for step in LADDERS}


@pytest.fixture(scope="module")
def drawn():
    """Links of training: of clips of contents, and of clips of scored photographs."""
    rng = np.random.default_rng(0)
    chains = [c for _ in range(150) for c in draw_chains(rng, PIXELS_PER_SECOND, 4, 8, 6)]
    return chains + [draw_afterwards(rng, PIXELS_PER_SECOND) for _ in range(400)]


@pytest.fixture(scope="module")
def tested():
    """Links of the ladders of the sealed test."""
    rng = np.random.default_rng(1)
    return [c for _ in range(25) for family in (*CODECS, *FAMILIES) for c in ladder(family, 4, rng)]


def test_no_strength_of_a_ladder_of_vqa_mini_is_ever_drawn(drawn, tested):
    rng = np.random.default_rng(2)
    for family, taken in TAKEN.items():
        found = {draw_strength(family, rng) for _ in range(400)}
        assert not found & taken, family
        assert len(found) > 10
    for link in itertools.chain(*drawn, *tested):
        assert link.strength not in TAKEN.get(link.family, ()), link


def test_no_preset_of_vqa_mini_is_ever_drawn(drawn, tested):
    used = {codec: dict(CODECS[codec].options) for codec in CODECS}
    for link in itertools.chain(*drawn, *tested):
        for name, value in link.options:
            assert used[link.family].get(name) != value, link
    presets = [link for link in itertools.chain(*drawn) if used.get(link.family) and link.family not in UNSEEN_CODECS]
    assert {link.family for link in presets} == {"h264", "hevc", "vp9", "av1"}
    assert all(set(used[link.family]) & {name for name, _ in link.options} for link in presets)
    encodings = {item.delivery for item in items() if not item.steps and not item.reference}
    assert not encodings & {link.encoding() for link in itertools.chain(*drawn, *tested) if link.is_codec}


def test_unseen_codecs_are_never_outside_the_ladders_of_the_test(drawn):
    families = {link.family for link in itertools.chain(*drawn)}
    assert families == {*SEEN_CODECS, *FAMILIES}
    assert not families & set(UNSEEN_CODECS)
    assert set(UNSEEN_CODECS) <= set(CODECS)


def test_the_clean_scene_comes_first_then_single_links_then_chains():
    chains = draw_chains(np.random.default_rng(0), PIXELS_PER_SECOND, 3, 5, 20)
    assert chains[0] == ()
    assert [len(chain) for chain in chains[1:9]] == [1] * 8
    assert [chain[0].is_codec for chain in chains[1:9]] == [True] * 3 + [False] * 5
    assert {len(chain) for chain in chains[9:]} == {2, 3}
    assert len({chain[0].family for chain in chains[1:4]}) == 3  # no family twice before all had their turn
    assert len({chain[0].family for chain in chains[4:9]}) == 5


def stages(chain):
    return ["codec" if link.is_codec else FAMILIES[link.family].stage for link in chain]


def test_chains_go_from_capture_over_production_to_delivery(drawn):
    found = {tuple(stages(chain)) for chain in drawn if len(chain) > 1}
    order = {"capture": 0, "production": 1, "codec": 2, "delivery": 2}
    for shape in found:
        # Footage that was delivered once may be worked on again: then the order begins anew behind the first codec.
        part = shape[1:] if shape[0] == "codec" else shape
        assert [order[stage] for stage in part] == sorted(order[stage] for stage in part), shape
        assert "capture" not in shape[1:]
        assert shape[-1] in ("codec", "delivery")
    assert {shape[0] for shape in found} == {"capture", "production", "codec"}
    assert ("capture", "production", "codec") in found


def test_to_footage_that_was_judged_everything_is_done_of_what_training_sees():
    rng = np.random.default_rng(3)
    chains = [draw_afterwards(rng, PIXELS_PER_SECOND) for _ in range(600)]
    single = [chain[0] for chain in chains if len(chain) == 1]
    assert {link.family for link in single} == {*SEEN_CODECS, *FAMILIES}
    assert 0.32 < sum(link.is_codec for link in single) / 600 < 0.48
    assert 0.18 < sum(len(chain) > 1 for chain in chains) / 600 < 0.32


def test_a_bitrate_now_and_then_instead_of_a_quality():
    rng = np.random.default_rng(0)
    links = [draw_link("h264", rng, PIXELS_PER_SECOND) for _ in range(400)]
    steered = [link for link in links if link.kbps]
    assert 60 < len(steered) < 140
    assert all(link.strength == 0 and link.encoding().bitrate_kbps == link.kbps for link in steered)
    bits = [link.kbps * 1000 / PIXELS_PER_SECOND for link in steered]
    assert 0.008 <= min(bits) < 0.02
    assert 0.1 < max(bits) <= 0.25
    assert all(link.encoding().quality == link.strength for link in links if not link.kbps)
    assert not any(draw_link("av1", rng, PIXELS_PER_SECOND).kbps for _ in range(50))


@pytest.mark.parametrize("family", [*CODECS, *FAMILIES])
def test_ladders_rise_and_change_nothing_else(family):
    low, high = TRAINING_QUALITIES[family] if family in CODECS else TRAINING_RANGES[family]
    for seed, steps in itertools.product(range(20), (2, 3, 4)):
        rungs = ladder(family, steps, np.random.default_rng(seed))
        links = [link for (link,) in rungs]
        strengths = [link.strength for link in links]
        assert all(a < b for a, b in itertools.pairwise(strengths))
        assert len(strengths) == steps or family == "interlacing"
        assert low <= strengths[0] <= strengths[-1] <= high
        assert {(link.family, link.seed, link.options, link.kbps) for link in links} == {
            (family, links[0].seed, links[0].options, 0.0)
        }


@pytest.mark.parametrize("family", FAMILIES)
def test_every_rung_of_a_ladder_looks_different(family):
    frames = list(textured_frames(24, 48, 64))
    for seed in range(3):
        rungs = ladder(family, 3, np.random.default_rng(seed))
        shown = [
            np.stack(list(FAMILIES[family].apply(frames, link.strength, link.seed))).tobytes() for (link,) in rungs
        ]
        assert len(set(shown)) == len(shown), [link.strength for (link,) in rungs]


def test_the_same_seed_draws_the_same():
    first, again, other = (draw_chains(np.random.default_rng(s), PIXELS_PER_SECOND, 3, 3, 3) for s in (5, 5, 6))
    assert first == again != other


def test_families_of_a_chain():
    assert families_of((Link("blur", 1.0), Link("h264", 30.0))) == ("blur", "h264")
    assert families_of(()) == ()
