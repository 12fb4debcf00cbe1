"""Which of two videos an answer calls better."""

import random

import pytest

from lmms_cpllm.ratings import parse_choice

FIRST, SECOND = ("first", ""), ("second", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("first", FIRST),
        ("Second.", SECOND),
        ("**Second**", SECOND),
        ("A", FIRST),
        ("B", SECOND),
        ("(B)", SECOND),
        ("1", FIRST),
        ("2.", SECOND),
        ("Video 2", SECOND),
        ("video A", FIRST),
        ("Option 1", FIRST),
        ("The former.", FIRST),
        ("The second one", SECOND),
        ("Answer: A", FIRST),
        ("The answer is B.", SECOND),
        ("The second video is better.", SECOND),
        ("The second video is better than the first.", SECOND),
        ("Compared to the first video, the second one is better.", SECOND),
        ("The first video has lower quality than the second.", SECOND),
        ("The second video has higher visual quality than the first one, which is blurry.", SECOND),
        ("The first is worse and the second is better.", SECOND),
        ("A is better than B.", FIRST),
        ("A better video is the second one.", SECOND),
        ("The video with better quality is the first one.", FIRST),
        ("The better video is: Video 2", SECOND),
        ("I prefer the second.", SECOND),
        ("I would choose video 1 over video 2.", FIRST),
        ("Which is better? The second.", SECOND),
        ("First, because it is sharper.", FIRST),
        ("Second. The first video is blurry.", SECOND),
        ("At first glance both are sharp, but the second video is better.", SECOND),
        ("<think>the first?</think>second", SECOND),
        ("<answer>B</answer>", SECOND),
        ("\\boxed{A}", FIRST),
        ('{"choice": "second"}', SECOND),
        ('{"better": 2, "reason": "the first is blurred"}', SECOND),
        ("", (None, "empty")),
        (None, (None, "empty")),
        ("[LMMS_EVAL_REQUEST_FAILED after 5 retries] second", (None, "failed request")),
        ("<think>the first", (None, "no choice found: the answer is all thinking")),
        ('{"choice": "sec', (None, "no choice found: the JSON object is not closed")),
        ("None", (None, "no choice found")),
        ("It's a tie.", (None, "no choice found: the videos are said to be equal")),
        ("Both videos are equally good.", (None, "no choice found: the videos are said to be equal")),
        ("8 second clip", (None, "no choice found")),
        ("First, the video shows a park.", (None, "no choice found")),
        ("The video is 10 seconds long. The second half is blurry.", (None, "no choice found")),
        ("The first is not better than the second.", (None, "ambiguous: a verdict is denied")),
        ("Video 1 is better.\nVideo 2 is better.", (None, "ambiguous: first, second")),
        ("<answer>A</answer><answer>B</answer>", (None, "ambiguous: first, second")),
        ("In the first video there is noise.", (None, "ambiguous: nothing says that first is the better one")),
        ("The second has better colours.", (None, "ambiguous: nothing says that second is the better one")),
        ("Video 1: blurry. Video 2: sharp.", (None, "ambiguous: nothing says that first or second is the better one")),
    ],
)
def test_table(text, expected):
    assert parse_choice(text) == expected


def test_no_mixture_of_parts_raises():
    words = "first second a b 1 2 video better worse not than the . , \n ( ) <answer> { } prefer because"
    parts = words.split(" ")
    generator = random.Random(7)
    for _ in range(2000):
        text = " ".join(generator.choice(parts) for _ in range(generator.randint(1, 12)))
        choice, reason = parse_choice(text)
        assert choice in ("first", "second", None)
        assert (choice is None) == bool(reason), text


@pytest.mark.parametrize("part", ["first ", "first better ", "b ", "a is ", "the ", "\n1", "higher a ", "first. "])
def test_a_million_characters_end(part):
    choice, reason = parse_choice(part * (1_000_000 // len(part)))
    assert bool(choice) != bool(reason)
