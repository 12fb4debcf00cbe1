import pytest

from lmms_cpllm.ratings.answers import parse_answer
from lmms_cpllm.synthesis.distortions import FAMILIES
from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.synthesis.language import NAMES, description, severity


def test_every_family_has_a_name():
    assert set(NAMES) == set(FAMILIES) | set(CODECS)


@pytest.mark.parametrize("variant", range(4))
@pytest.mark.parametrize(
    ("quality", "level"), [(0, "bad"), (25, "poor"), (50, "fair"), (75, "good"), (100, "excellent")]
)
@pytest.mark.parametrize("families", [(), ("blur",), ("noise", "hevc")])
def test_a_description_begins_with_the_rating_and_parses_back(families, quality, level, variant):
    text = description(families, quality, variant)
    assert text.startswith(f"The quality of this video is {level}. ")
    assert parse_answer(text).rating.level == level


def test_distortions_are_named_once_the_last_one_first():
    text = description(("scaling", "blur", "vp9"), 40)
    assert text == (
        "The quality of this video is fair. The picture shows visible compression artifacts and blur and "
        "softness from upscaling."
    )
    assert description(("h264", "vp9"), 10).count("compression artifacts") == 1


def test_severity_follows_quality():
    words = [severity(q) for q in (100, 70, 50, 20, 0)]
    assert words == ["barely visible", "slight", "visible", "strong", "severe"]
