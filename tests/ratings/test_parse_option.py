"""Which option of a question an answer names."""

import random

import pytest

from lmms_cpllm.ratings import parse_option

KINDS = ("None", "low saturation", "gussian noise", "noise", "compression artifact")
YES_NO = ("Yes", "No")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("B", 1),
        ("b", 1),
        ("B.", 1),
        ("(C)", 2),
        ("[E]", 4),
        ("**D**", 3),
        ("Answer: A", 0),
        ("The answer is B.", 1),
        ("The correct option is (E).", 4),
        ("So the right answer would be C", 2),
        ("D. noise", 3),
        ("D: noise", 3),
        ("D) noise, because the dark areas are grainy", 3),
        ("B - low saturation", 1),
        ("noise", 3),
        ("Low saturation.", 1),
        ("[gussian noise]", 2),
        ("Gussian noise, in the dark areas", 2),
        ("I would choose option C here, since it is grainy.", 2),
        ("Looking at the frames, it must be (E) in my view", 4),
        ("The video suffers from low saturation in most frames", 1),
        ("It shows gussian noise but no compression artifact", 2),
        ("<think>A or B?</think>C", 2),
        ("<answer>B</answer>", 1),
        ("\\boxed{E}", 4),
        ('{"answer": "D", "why": "grain"}', 3),
        ('{"choice": "low saturation"}', 1),
        ("\uff22", 1),
    ],
)
def test_an_option_is_found(text, place):
    assert parse_option(text, KINDS) == (place, "")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Yes", 0),
        ("yes.", 0),
        ("[No]", 1),
        ("A", 0),
        ("B. No", 1),
        ("No, there is no noise.", 1),
        ("Yes, there is no doubt.", 0),
        ("The answer is no.", 1),
        ("The answer is [Yes].", 0),
        ("I would say yes", 0),
    ],
)
def test_yes_and_no(text, place):
    assert parse_option(text, YES_NO) == (place, "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (None, "empty"),
        (" \n", "empty"),
        ("[LMMS_EVAL_REQUEST_FAILED after 5 retries] B", "failed request"),
        ("<think>B", "no option found: the answer is all thinking"),
        ('{"answer": "B', "no option found: the JSON object is not closed"),
        ("F", "no such option: F of A to E"),
        ("Option H", "no such option: H of A to E"),
        ("D. low saturation", "ambiguous: B (low saturation), D (noise)"),
        ("It is either (B) or (C)", "ambiguous: B (low saturation), C (gussian noise)"),
        ("Both noise and low saturation can be seen", "ambiguous: B (low saturation), D (noise)"),
        ("<answer>A</answer> <answer>B</answer>", "ambiguous: A (none), B (low saturation)"),
        ("A video of a street.", "no option found"),
        ("I cannot tell.", "no option found"),
    ],
)
def test_no_option_has_a_reason(text, reason):
    assert parse_option(text, KINDS) == (None, reason)


def test_yes_and_no_together_are_ambiguous():
    assert parse_option("It may be yes or no", YES_NO) == (None, "ambiguous: A (yes), B (no)")


def test_no_text_makes_it_raise_or_take_long():
    signs = random.Random(0)
    for _ in range(300):
        text = "".join(signs.choice("ab(){}[]<>\\.:,yesno answer\n\"'") for _ in range(signs.randrange(200)))
        place, reason = parse_option(text, YES_NO)
        assert (place is None) == bool(reason)
    assert parse_option("the answer is " * 20_000, KINDS) == (None, "no option found")
