"""What a text names: synonyms of every kind, and what only looks like one. Denials are in `test_negation`."""

import time

import pytest

from lmms_cpllm.metrics.lexicon import KINDS, named

# Kind -> texts that name it and nothing else, with bars between them.
SYNONYMS = {
    "compression": "The picture is blocky | artefacts | Visible artifacts | artifacts like blocking | mosquito noise | "
    "macroblocking | over-compressed",
    "blur": "out of focus | out-of-focus | The subject is out of focus | lacks sharpness | soft image | "
    "The picture looks a bit soft | a lack of sharpness",
    "motion blur": "motion blur | blur caused by motion | blurred by fast movement | motion-blurred",
    "camera shake": "shaky | The camera is shaky | camera shakes | unsteady hand-held camera | jittery",
    "noise": "Noise. | B. noise | grain | grainy | film grain | salt-and-pepper noise",
    "smearing": "smeared textures | oversmoothed | over-smoothed | heavy noise reduction | oil painting look | "
    "watercolour effect",
    "underexposure": "underexposed | under-exposed | too dark | poorly lit | crushed blacks",
    "overexposure": "overexposed | blown-out highlights | too bright | washed-out highlights | clipped highlights",
    "colour cast": "a colour cast | a yellow tint | a slight greenish tinge | wrong white balance | "
    "The white balance is off.",
    "low contrast": "low contrast | lacks contrast | washed out | washed-out colors | a milky picture",
    "oversharpening": "oversharpened | halos around edges | excessive sharpening | over-sharpening",
    "unnatural colours": "unnatural colours | unnatural colors | oversaturated | The colors look unnatural | "
    "colours are too vivid | desaturated | faded colours | The colours are dull",
    "low resolution": "low resolution | low-res | upscaled | softness from upscaling | The resolution is poor",
    "pixelation": "pixelated | pixellation | jagged edges | aliasing | individual pixels",
    "banding": "banding artifacts | artifacts such as banding | banding | colour banding in the sky | posterization | "
    "posterised | false contours",
    "interlacing": "interlacing artifacts | interlaced | combing | comb artifacts | interlacing effects",
    "stutter": "choppy | judder | jerky | dropped frames | frame drops | low frame rate | lag",
    "freezing": "freezes | The picture freezes in the middle | stalls | rebuffering",
    "transmission errors": "packet loss | transmission errors | glitches | corrupted blocks | transmission artifacts",
}
# Texts that say nothing against the picture.
HARMLESS = (
    "The video is clear. | motion artifacts | A field of wheat grain | background noise | The background is blurred | "
    "a blurred background | The background is slightly out of focus | bokeh | soft light | the picture is softly lit "
    "| the colors are soft | stable | He shakes his head | two men shaking hands | a dark scene | shot at night | "
    "bright | accurate white balance | the trees cast long shadows | The cast of the movie | good contrast | hazy sky "
    "| sharp | sharpness is high | vivid colours | natural colours | high resolution | A band plays music | "
    "rubber bands | She is combing her hair | smooth motion | a frozen lake | freezing cold | a market stall | "
    "market stalls | uncompressed"
)


def split(texts):
    return [text.strip() for text in texts.split("|")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_synonyms(kind):
    assert named(kind) == {kind}
    assert named(f"{kind.capitalize()}.") == {kind}
    texts = split(SYNONYMS[kind])
    assert len(texts) >= 3
    assert {text: named(text) for text in texts if named(text) != {kind}} == {}


@pytest.mark.parametrize("kind", KINDS)
def test_every_synonym_can_be_denied(kind):
    phrases = [text for text in split(SYNONYMS[kind]) if text[0].islower() and not text.startswith("the ")]
    assert phrases
    for phrase in phrases:
        assert named(f"The picture is fine, without {phrase}.") == set(), phrase
        assert named(f"No {phrase} can be seen, nor is there any {phrase}.") == set(), phrase
        assert named(f"There is nothing else, but {phrase} can be seen.") == {kind}, phrase


@pytest.mark.parametrize("text", split(HARMLESS))
def test_harmless(text):
    assert named(text) == set()


def test_nothing_is_named_by_nothing():
    assert named("") == frozenset()
    assert isinstance(named("noise"), frozenset)


def test_case_markup_and_line_ends():
    assert named("**NOISE**\nand\n_Blur_") == {"noise", "blur"}
    assert named("out\nof focus") == set()  # a line end is no space: two items of a list
    assert named("motion  blur") == {"motion blur"}


LONG = ("not " * 1000 + "noise", "noise is very very well " * 500, "a " * 5000, "colours are " * 1000)


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_long_texts_take_no_time(text):
    start = time.perf_counter()
    named(text)
    # Milliseconds; a pattern that goes back and forth would take minutes.
    assert time.perf_counter() - start < 5
