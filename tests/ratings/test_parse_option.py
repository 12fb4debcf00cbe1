"""Which of the offered answers an answer gives."""

import random

import pytest

from lmms_cpllm.ratings import YES_NO, parse_option
from lmms_cpllm.synthesis.language import SEVERITIES

KINDS = ("blur", "noise", "nothing", "low resolution")
YES, NO = ("yes", ""), ("no", "")
NONE = (None, "no choice found")


def ambiguous(*options):
    return None, f"ambiguous: {', '.join(options)}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes.", YES),
        ("no", NO),
        ("**Yes**", YES),
        ("Yes, the picture is noisy.", YES),
        ("No, it is sharp. There is no blur.", NO),
        ("No there is no noise.", NO),
        ("Yes - grain is visible everywhere.", YES),
        ("Definitely yes.", YES),
        ("Yeah", YES),
        ("Nope.", NO),
        ("Answer: no", NO),
        ("The answer is yes, because it flickers.", YES),
        ("I would say no.", NO),
        ("The picture is smooth.\nSo, no.", NO),
        ("Is there noise? Yes.", YES),
        ("<think>yes? no?</think>No", NO),
        ("<answer>yes</answer>", YES),
        ('{"answer": "Yes"}', YES),
        ("\\boxed{\\text{no}}", NO),
        # The answer is called so, what stands alone before it is not.
        ("Yes. Wait. The answer is no.", NO),
        ("Yes.\nNo.", ambiguous("yes", "no")),
        ("<answer>yes</answer><answer>no</answer>", (None, "ambiguous: no, yes")),
        ("Yes or no", NONE),
        ("Yes/no", NONE),
        ("No noise can be seen.", NONE),
        ("No doubt it is noisy.", NONE),
        ("There is no noise.", NONE),
        ("The picture is noisy.", NONE),
        ("Maybe.", NONE),
        ("", (None, "empty")),
        (None, (None, "empty")),
        ("[LMMS_EVAL_REQUEST_FAILED after 5 retries] yes", (None, "failed request")),
        ("<think>yes", (None, "no choice found: the answer is all thinking")),
        ('{"answer": "ye', (None, "no choice found: the JSON object is not closed")),
    ],
)
def test_yes_and_no(text, expected):
    assert parse_option(text, YES_NO) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("B", "noise"),
        ("b.", "noise"),
        ("(B)", "noise"),
        ("B)", "noise"),
        ("B. noise", "noise"),
        ("B: noise", "noise"),
        ("**A. blur**", "blur"),
        ("D. Low-resolution.", "low resolution"),
        ("Option C", "nothing"),
        ("The answer is B.", "noise"),
        ("The correct answer is (D) low resolution.", "low resolution"),
        ("Answer: A", "blur"),
        ("A, because edges are soft.", "blur"),
        ("I would choose B because the picture is grainy.", "noise"),
        ("noise", "noise"),
        ("Noise.", "noise"),
        ("The main problem of this video is noise.", "noise"),
        ("It is the blur", "blur"),
        ("The picture suffers from noise in the dark parts.", "noise"),
        ("There is no blur, the problem is noise.", "noise"),
        ("It is not blur but noise.", "noise"),
        ("Blur is not visible. Noise is.", "noise"),
        ("A. blur\nB. noise\nC. nothing\nD. low resolution\nAnswer: B", "noise"),
        ("Options A and C are wrong. The answer is D.", "low resolution"),
        ("<answer>B</answer>", "noise"),
        ('{"answer": "B"}', "noise"),
        ('{"choice": "noise", "reason": "no blur"}', "noise"),
        ("The noise is strong. Blur can be seen too. The answer is noise.", "noise"),
    ],
)
def test_letters_and_words(text, expected):
    assert parse_option(text, KINDS, lettered=True) == (expected, "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A, B", NONE),
        ("B and C", NONE),
        ("A blocky picture", NONE),
        ("The answer is a matter of taste.", NONE),
        ("E", NONE),
        ("It is bad.", NONE),
        ("B. blur", ambiguous("blur", "noise")),
        ("The answer is B: blur.", ambiguous("blur", "noise")),
        ("A\nB", ambiguous("blur", "noise")),
        ("blur and noise", ambiguous("blur", "noise")),
        ("It is either blur or noise.", ambiguous("blur", "noise")),
        ("A. blur\nB. noise\nC. nothing\nD. low resolution", ambiguous(*KINDS)),
        ("It is not noise.", NONE),
        ("noise-free", NONE),
    ],
)
def test_nothing_is_guessed(text, expected):
    assert parse_option(text, KINDS, lettered=True) == expected


def test_a_letter_is_none_where_none_was_shown():
    assert parse_option("B", KINDS) == NONE
    assert parse_option("b. noise", KINDS) == ("noise", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Barely visible.", "barely visible"),
        ("barely-visible", "barely visible"),
        ("Visible.", "visible"),
        ("The noise is slight.", "slight"),
        ("The picture is severely distorted.", "severe"),
        ("It is visibly blurred.", "visible"),
        ("The strength is strong.", "strong"),
        ("Not severe, only slight.", "slight"),
        ("invisible", None),
        ("The noise is strong and visible.", None),
        ("very", None),
    ],
)
def test_words_of_a_scale(text, expected):
    assert parse_option(text, SEVERITIES)[0] == expected


def test_no_mixture_of_parts_raises():
    words = "yes no a b c noise blur nothing answer is not the . , \n : ( ) <answer> { } because and so"
    generator = random.Random(7)
    for options, lettered in ((YES_NO, False), (KINDS, True), (SEVERITIES, False)):
        for _ in range(1000):
            text = " ".join(generator.choice(words.split(" ")) for _ in range(generator.randint(1, 12)))
            choice, reason = parse_option(text, options, lettered)
            assert choice is None or choice in options
            assert (choice is None) == bool(reason), text


@pytest.mark.parametrize("part", ["yes ", "no, ", "b ", "a. ", "noise ", "the ", "\nb", "answer is is ", "not noise "])
def test_a_million_characters_end(part):
    for options in (YES_NO, KINDS):
        choice, reason = parse_option(part * (1_000_000 // len(part)), options, lettered=True)
        assert bool(choice) != bool(reason)


SAID = ("None", "low saturation", "gussian noise", "noise", "compression artifact")  # as files write them


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[E]", 4),
        ("The correct option is (E).", 4),
        ("So the right answer would be C", 2),
        ("D) noise, because the dark areas are grainy", 3),
        ("B - low saturation", 1),
        ("[gussian noise]", 2),
        ("Gussian noise, in the dark areas", 2),
        ("I would choose option C here, since it is grainy.", 2),
        ("Looking at the frames, it must be (E) in my view", 4),
        ("The video suffers from low saturation in most frames", 1),
        ("It shows gussian noise but no compression artifact", 2),
        ("<think>A or B?</think>C", 2),
        ('{"choice": "low saturation"}', 1),
        ("\uff22", 1),
    ],
)
def test_an_option_is_given_back_as_it_is_written(text, place):
    assert parse_option(text, SAID, lettered=True) == (SAID[place], "")


@pytest.mark.parametrize("text", ["F", "Option H", "A video of a street.", "I cannot tell."])
def test_a_letter_that_no_option_has_is_no_answer(text):
    assert parse_option(text, SAID, lettered=True) == NONE


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("[No]", "No"),
        ("A", "Yes"),
        ("B. No", "No"),
        ("Yes, there is no doubt.", "Yes"),
        ("The answer is [Yes].", "Yes"),
    ],
)
def test_yes_and_no_with_letters(text, option):
    assert parse_option(text, ("Yes", "No"), lettered=True) == (option, "")


def test_a_letter_and_another_word_are_ambiguous():
    assert parse_option("A. No", ("Yes", "No"), lettered=True) == ambiguous("yes", "no")
    assert parse_option("It is either (B) or (C)", SAID, lettered=True) == ambiguous("low saturation", "gussian noise")
