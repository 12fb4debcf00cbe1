"""Facts: checked when they are made, and the same after JSON."""

import json
from dataclasses import replace

import pytest

from lmms_cpllm.metrics.lexicon import KINDS
from lmms_cpllm.synthesis.distortions import FAMILIES
from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.synthesis.facts import Facts, Impairment, from_json, kind_of, to_json

NOISY = Facts(
    quality=41.5,
    subject="animals",
    motion="fast",
    light="dark",
    texture="busy",
    impairments=(Impairment("noise", 20.0, 3.2, "end", "left"), Impairment("h264", 40, 2.9)),
    overlay="caption",
)


@pytest.mark.parametrize("facts", [NOISY, Facts(100.0, impairments=()), Facts(0)], ids=["noisy", "clean", "unknown"])
def test_facts_survive_json(facts):
    text = json.dumps(to_json(facts))
    again = from_json(json.loads(text))
    assert again == facts
    assert hash(again) == hash(facts)
    assert isinstance(again.impairments, (tuple, type(None)))


def test_every_family_has_a_kind_and_every_kind_a_family():
    kinds = {family: kind_of(family) for family in (*FAMILIES, *CODECS)}
    assert set(kinds.values()) == set(KINDS)
    assert kinds["scaling"] == "low resolution"
    assert kinds["packet_loss"] == "transmission errors"
    assert {kinds[codec] for codec in CODECS} == {"compression"}
    with pytest.raises(ValueError, match=r"^unknown distortion 'fog'; allowed: .*\bblur\b.*\bh264\b"):
        kind_of("fog")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quality": 100.1}, r"^quality is 100.1, expected a number in 0..100$"),
        ({"quality": float("nan")}, r"^quality is nan"),
        ({"subject": "cats"}, r"^subject is 'cats', allowed: '', 'people', 'animals', "),
        ({"motion": "quick"}, r"^motion is 'quick', allowed: 'still', 'slow', 'moderate', 'fast'$"),
        ({"light": ""}, r"^light is '', allowed: 'dark', 'normal', 'bright'$"),
        ({"texture": "smooth"}, r"^texture is 'smooth', allowed: 'flat', 'textured', 'busy'$"),
        ({"overlay": "bars"}, r"^overlay is 'bars', allowed: '', 'letterbox', 'caption'$"),
    ],
)
def test_wrong_facts_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(NOISY, **change)
    with pytest.raises(ValueError, match=message):
        from_json(to_json(NOISY) | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "fog"}, r"^unknown distortion 'fog'; allowed: "),
        ({"strength": float("inf")}, r"^noise: strength is inf, expected a finite number$"),
        ({"acr": 0.9}, r"^noise: acr is 0.9, expected a number in 1..5$"),
        ({"acr": float("nan")}, r"^noise: acr is nan"),
        ({"when": "later"}, r"^when is 'later', allowed: 'throughout', 'beginning', 'middle', 'end'$"),
        ({"where": "here"}, r"^where is 'here', allowed: 'everywhere', 'left', 'right', 'top', 'bottom', 'centre'$"),
    ],
)
def test_wrong_impairments_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(NOISY.impairments[0], **change)


def test_wrong_names_in_json_are_refused():
    with pytest.raises(ValueError, match=r"^Facts: unknown 'mood'; allowed: quality, subject, "):
        from_json(to_json(NOISY) | {"mood": "sad"})
    with pytest.raises(ValueError, match=r"^Facts: 'quality' is missing$"):
        from_json({"subject": "food"})
    with pytest.raises(ValueError, match=r"^Impairment: 'acr' is missing$"):
        from_json({"quality": 5, "impairments": [{"family": "blur", "strength": 1}]})
