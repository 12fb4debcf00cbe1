"""The answer parser: a table of answers as models give them, and rules one by one."""

import random
import time

import pytest
from real_answers import ANSWERS

from lmms_cpllm.ratings import Answer, parse_answer, unwrapping

AMBIGUOUS, NONE, RANGE = "ambiguous: ", "no rating found", "out of range: "

# (answer, quality or None, the reason or its start)
TABLE = [
    # numbers alone
    ("72", 72, ""),
    ("72.", 72, ""),
    (" 72.5\n", 72.5, ""),
    ("**72**", 72, ""),
    ("[72]", 72, ""),
    ("`72`", 72, ""),
    ("$72$", 72, ""),
    ("+72", 72, ""),
    ("0", 0, ""),
    ("100", 100, ""),
    (".85", 0.85, ""),
    ("0.85", 0.85, ""),
    ("72,5", 72.5, ""),
    ("72,50", 72.5, ""),
    ("0,725", 0.725, ""),
    ("72%", 72, ""),
    ("72 percent", 72, ""),
    ("85 out of 100", 85, ""),
    ("85 out of a possible 100", 85, ""),
    ("8/10", 80, ""),
    ("72 /100", 72, ""),
    ("3.5/5", 70, ""),
    ("4 out of 5 stars", 80, ""),
    ("7/10 (70%)", 70, ""),
    ("~72", 72, ""),
    ("about 72", 72, ""),
    ("72 points", 72, ""),
    ("72pts", 72, ""),
    ("I think 72", 72, ""),
    ("72\n\n72.0", 72, ""),
    ("72 +/- 5", 72, ""),
    # digits of other scripts, other languages
    ("\u0667\u0662", 72, ""),
    ("\u0667\u0662\u066b\u0665", 72.5, ""),
    ("\uff17\uff12", 72, ""),
    ("\u8bc4\u5206\uff1a72\u5206", 72, ""),
    ("72\u5206", 72, ""),
    ("\u89c6\u9891\u65f6\u957f8\u79d2", None, NONE),
    # called the score
    ("Score: 72", 72, ""),
    ("score=72;", 72, ""),
    ("Score - 72", 72, ""),
    ("Score: **72**/100", 72, ""),
    ("Score:72/100.", 72, ""),
    ("**Score:** 3.5/5", 70, ""),
    ("Score (0-100): 72", 72, ""),
    ("Score (out of 100): 72", 72, ""),
    ("Score: 72 \u00b1 5", 72, ""),
    ("Quality: 72.5", 72.5, ""),
    ("Video Quality Score: 45.00", 45, ""),
    ("mean opinion score: 62.400", 62.4, ""),
    ("My rating is 4/5.", 80, ""),
    ("The score is approximately 72.3, since there is some noise.", 72.3, ""),
    ("I would rate the quality of this video as 75 out of 100.", 75, ""),
    ("I'd rate the video quality at **68**.", 68, ""),
    ("I'd give it a 72 out of 100 because of the noise.", 72, ""),
    ("Sure! Here is the score: 72", 72, ""),
    ("The overall quality of the video is 75.", 75, ""),
    ("On a scale of 0 to 100, I would rate it 72.", 72, ""),
    ("4 on a scale of 1 to 5", 75, ""),
    ("On a 5-point scale, I'd rate it 4.", 75, ""),
    ("The video quality score is 72 on a scale of 100", 72, ""),
    ("Score (1-5): 4", 75, ""),
    ("Score: 85\n\nThe video has 1080p resolution at 30 fps, shows 3 people and uses H.264 at 2.5 Mbps.", 85, ""),
    ("I cannot view videos, but based on the 8 frames provided, I'd estimate a score of 65.", 65, ""),
    ("72 - The video is clear, with 2 cars.", 72, ""),
    ("72. The video is sharp.", 72, ""),
    ("This is a 1080p video. 70", 70, ""),
    ("Sharpness: 80\nNoise: 60\nOverall: 72", 72, ""),
    ("| Sharpness | 80 |\n| Overall | 72 |", 72, ""),
    ("Final score: 72\nSharpness score: 80", 72, ""),
    ("1. Sharpness: 80\n2. Noise: 60\n\nOverall quality: 72", 72, ""),
    ("Score (where 0 is worst and 100 is best): 72", 72, ""),
    ("From 0 (worst) to 100 (best): 72", 72, ""),
    ("72 of 100", 72, ""),
    ("Score => 72", 72, ""),
    ("Score: <72>", 72, ""),
    ("> 72", 72, ""),
    ("#### 72", 72, ""),
    ("- 72", 72, ""),
    ("Quality: High (85)", 85, ""),
    ("The video scores 72.", 72, ""),
    ("I'd go with 72.", 72, ""),
    ("My final verdict: 72", 72, ""),
    ("Hence: 72", 72, ""),
    ("Good question! The score is 30.", 30, ""),
    ("Range: 70-75. Final score: 72", 72, ""),
    ("Score: 72 (confidence: 90%)", 72, ""),
    ("Without the noise it might be 90. Score: 60", 60, ""),
    ("\u30b9\u30b3\u30a2\uff1a72", 72, ""),
    # several, none, unclear
    ("72-75", None, "ambiguous: 72, 75"),
    ("72\u201375", None, "ambiguous: 72, 75"),
    ("between 60 and 70", None, "ambiguous: 60, 70"),
    ("Score: 60 to 70", None, "ambiguous: 60, 70"),
    ("Score: 72\nScore: 80", None, "ambiguous: 72, 80"),
    ("Sharpness: 7/10\nNoise: 6/10", None, "ambiguous: nothing says that 7/10 or 6/10 is the quality of the video"),
    ("Technical quality: 70, aesthetic quality: 80", None, AMBIGUOUS),
    ("1,000", None, "ambiguous: 1,000 can be read in two ways"),
    ("Score: 1.2.3", None, "ambiguous: 1.2.3 can be read in two ways"),
    ("4 on a scale of 1 to 5, or on a scale of 0 to 100", None, "ambiguous: several scales are named: 0..100, 1..5"),
    ("1080p video, perhaps 70", None, "ambiguous: nothing says that 70 is the quality of the video"),
    ("I give 3 reasons.", None, "ambiguous: nothing says that 3 is the quality of the video"),
    ("30% of the frames are blurred", None, "ambiguous: nothing says that 30% is the quality of the video"),
    ("3 people walk in the park", None, NONE),
    ("1. The video is sharp", None, NONE),
    ("5 stars", None, NONE),
    ("seventy-two", None, NONE),
    ("The video is 1920x1080, 16:9, 8 s at 29.97 fps, H.264.", None, NONE),
    ("I'm sorry, but I cannot assess videos.", None, NONE),
    ("nan", None, NONE),
    ("Not 100.", None, AMBIGUOUS),
    ("Not 100, but 85.", None, AMBIGUOUS),
    ("60. No wait, 70.", None, "ambiguous: 60, 70"),
    ("More than 60/100", None, AMBIGUOUS),
    ("Score: >80", None, AMBIGUOUS),
    ("Score: < 50", None, AMBIGUOUS),
    ("Score: 80+", None, AMBIGUOUS),
    ("Score: 80 or higher", None, AMBIGUOUS),
    ("Score: at least 70", None, AMBIGUOUS),
    ("Score: __/100", None, NONE),
    ("Score out of 100:", None, NONE),
    ("Noise level: 30/100", None, AMBIGUOUS),
    ("Confidence: 90/100", None, AMBIGUOUS),
    ("Quality: 80 at the beginning and 60 at the end", None, AMBIGUOUS),
    ("Is the quality 80?", None, AMBIGUOUS),
    ("If the noise were removed, the quality would be 90.", None, AMBIGUOUS),
    ("I would not say the quality is 80.", None, AMBIGUOUS),
    ("0 (worst) to 100 (best)", None, NONE),
    ("v1.5", None, NONE),
    # out of range
    ("120", None, "out of range: 120 is not in 0..100"),
    ("100.01", None, "out of range: 100.01 is not in 0..100"),
    ("-5", None, "out of range: -5 is not in 0..100"),
    ("\u22125", None, "out of range: -5 is not in 0..100"),
    ("Score: 6/5", None, "out of range: 6/5 is not in 0..100"),
    ("7 on a scale of 1 to 5", None, "out of range: 7 is not in 1..5"),
    # words
    ("excellent", 100, ""),
    ("EXCELLENT!", 100, ""),
    ("Good.", 75, ""),
    ("**Fair**", 50, ""),
    ("poor\n", 25, ""),
    ("bad", 0, ""),
    ("(B) Good", 75, ""),
    ("very poor", 25, ""),
    ("fairly good", 75, ""),
    ("Rating: Good", 75, ""),
    ("The quality of the video is fair.", 50, ""),
    ("The video quality can be described as poor.", 25, ""),
    ("I would rate the quality of this video as good.", 75, ""),
    ("The video looks good to me.", 75, ""),
    ("It is a good video.", 75, ""),
    ("A good-quality clip with many colours", 75, ""),
    ("Excellent - the video is crisp.", 100, ""),
    ("Good\n\nThe video has poor lighting.", 75, ""),
    ("The quality is not good, it is poor.", 25, ""),
    ("The quality of this video is fair, not good.", 50, ""),
    ("The quality of this video is fair. The picture has a good light and a poor contrast.", 50, ""),
    ("The quality of this video is fair. The focus is of poor quality.", 50, ""),
    ("The overall quality of the video is good, with poor lighting.", 75, ""),
    ("**Overall Quality: Good**\n- Sharpness: excellent\n- Noise: fair", 75, ""),
    ("Options: excellent, good, fair, poor, bad. Answer: fair", 50, ""),
    ("not good", None, "no rating found: only what it is not (good)"),
    ("The quality isn\u2019t bad.", None, "no rating found: only what it is not (bad)"),
    ("better than fair", None, "no rating found: only what it is not (fair)"),
    ("neither good nor bad", None, NONE),
    ("far from excellent", None, NONE),
    ("excellently made", None, NONE),
    ("The quality is high", None, NONE),
    ("fair to good", None, "ambiguous: good, fair"),
    ("good/excellent", None, "ambiguous: excellent, good"),
    ("The quality of this video is fair to good.", None, "ambiguous: good, fair"),
    ("between fair and good", None, "ambiguous: good, fair"),
    ("Good, poor, bad", None, "ambiguous: good, poor, bad"),
    ("The video has good lighting.", None, "ambiguous: nothing says that good is the quality of the video"),
    ("Lighting: good, contrast: poor", None, "ambiguous: nothing says that good or poor is the quality of the video"),
    ("The sound quality of this video is good", None, AMBIGUOUS),
    ("Option B: good", 75, ""),
    ("Neither excellent nor poor: fair.", 50, ""),
    ("It is not excellent, but it is good.", 75, ""),
    ("Verdict: fair", 50, ""),
    ("If I were to choose, I'd say good.", 75, ""),
    ("If the video were rated from 0 to 100, I would give it 70.", 70, ""),
    ("I can't judge the content but I would rate the quality as 70.", 70, ""),
    ("Mostly good, sometimes poor.", None, "ambiguous: good, poor"),
    ("The quality of this video is between fair and good, leaning towards good.", None, "ambiguous: good, fair"),
    ("The quality is good in the beginning and poor at the end.", None, AMBIGUOUS),
    ("Is the video good?", None, AMBIGUOUS),
    ("I would not say the quality is good.", None, AMBIGUOUS),
    ("almost excellent", None, "no rating found: only what it is not (excellent)"),
    ("A poor quality of life", None, AMBIGUOUS),
    # a number and a word
    ("72/100 (Good)", 72, ""),
    ("Rating: Good (75)", 75, ""),
    ("The quality of the video is good. Score: 78/100", 78, ""),
    ("The quality of the video is excellent, with 5 actors in it.", 100, ""),
    ("Score: 20. The quality is excellent.", None, "ambiguous: 20, excellent"),
    # JSON
    ('{"quality": 61.84, "acr": 3.4736, "rating": "fair"}', 61.84, ""),
    ('{"quality": 61.84, "rating": "fair"}\nThe quality of this video is poor. It is blurred.', 61.84, ""),
    ('```json\n{\n  "score": 72,\n  "reason": "2 of 8 frames are blurred, good light"\n}\n```', 72, ""),
    ('Here you are: {"Overall Score": "72/100", "sharpness": 90}', 72, ""),
    ('[{"score": 72}]', 72, ""),
    ('{"result": {"rating": "good"}}', 75, ""),
    ("{'score': 72}", 72, ""),
    ('{"score": "62.400"}', 62.4, ""),
    ('{"score": 4, "max": 5}', 80, ""),
    ('{"overall": 72, "quality": 60}', 72, ""),
    ('{"score": 72, "quality": 60}', None, "ambiguous: 60, 72"),
    ('{"quality": "good", "score": 8}', None, "ambiguous: 8, good"),
    ('{"technical": 60, "aesthetic": 80}', None, AMBIGUOUS),
    ('{"score": 120}', None, "out of range: 120 is not in 0..100"),
    ('{"score": NaN}', None, "out of range: nan is not in 0..100"),
    ('{"score": null}', None, NONE),
    ('{"score": true}', None, "no rating found: the JSON holds no number or level word"),
    ('{"quality": 6', None, "no rating found: the JSON object is not closed"),
    # wrappings
    ("<answer>3.45</answer>", 3.45, ""),
    ("<think>Perhaps 60, or 70.</think><answer>72</answer>", 72, ""),
    ("<think>Perhaps 60, or 70.</think>\n\n72", 72, ""),
    ("Perhaps 60, or 70.\n</think>\n\n72", 72, ""),
    ("<think>Perhaps 60. <answer>72</answer>", 72, ""),
    ("<think>It should be in <answer> tags", None, "no rating found: the answer is all thinking"),
    ("<think>Perhaps 60, or 70", None, "no rating found: the answer is all thinking"),
    ("<ANSWER> Good </ANSWER>", 75, ""),
    ("<answer>\\boxed{72}</answer> I first said 60.", 72, ""),
    ("<answer>72</answer><answer>60</answer>", None, "ambiguous: 72, 60"),
    ("<score>72</score>", 72, ""),
    ("72</answer>", 72, ""),
    ("<answer></answer>", None, NONE),
    ("\\boxed{72}", 72, ""),
    ("It has 3 actors, so $\\boxed{\\text{good}}$.", 75, ""),
    ("<|begin_of_box|>72<|end_of_box|>", 72, ""),
    ("\u25c1think\u25b760\u25c1/think\u25b772", 72, ""),
    # no answer
    (None, None, "empty"),
    ("", None, "empty"),
    (" \n", None, "empty"),
    ("[LMMS_EVAL_REQUEST_FAILED after 5 retries] Error code: 429", None, "failed request"),
    ("[LMMS_EVAL_BUDGET_EXCEEDED]", None, "failed request"),
]


@pytest.mark.parametrize(("text", "quality", "reason"), TABLE)
def test_table(text, quality, reason):
    answer = parse_answer(text)
    if quality is None:
        assert answer.rating is None
        assert answer.reason.startswith(reason)
        assert reason
    else:
        assert answer.reason == ""
        assert answer.rating.quality == pytest.approx(quality, abs=1e-9)


@pytest.mark.parametrize(("text", "quality", "reason"), ANSWERS)
def test_real_looking_answers(text, quality, reason):
    test_table(text, quality, reason)


@pytest.mark.parametrize("table", [TABLE, ANSWERS])
def test_tables_are_long_enough_and_have_no_entry_twice(table):
    assert len({text for text, _, _ in table}) == len(table) >= 60


@pytest.mark.parametrize(
    ("text", "quality"),
    [("3.45", 61.25), ("<answer>1</answer>", 0.0), ("5", 100.0), ("3/5", 50.0), ("70%", 70.0), ('{"score": 2}', 25.0)],
)
def test_a_number_is_on_the_scale_asked_for(text, quality):
    assert parse_answer(text, low=1, high=5).rating.quality == pytest.approx(quality, abs=1e-9)


def test_beyond_the_scale_asked_for_is_out_of_range():
    assert parse_answer("72", low=1, high=5) == Answer(None, "out of range: 72 is not in 1..5")


def test_a_scale_upside_down_is_refused():
    with pytest.raises(ValueError, match=r"^the scale asked for is 5\.\.1, expected the lower end first$"):
        parse_answer("3", low=5, high=1)


def test_a_broken_distribution_is_not_kept():
    answer = parse_answer(
        '{"quality": 50, "distribution": {"excellent": 0.9, "good": 0.9, "fair": 0, "poor": 0, "bad": 0}}'
    )
    assert answer.rating.quality == 50
    assert answer.rating.distribution is None


def test_thinking_blocks_are_dropped():
    assert unwrapping.drop_thinking("<think>a</think>b<think>c</think>d").split() == ["b", "d"]
    assert unwrapping.drop_thinking("a</think>b").split() == ["b"]
    assert unwrapping.drop_thinking("b<thinking>a").split() == ["b"]
    assert unwrapping.drop_thinking("b").split() == ["b"]


@pytest.mark.parametrize(
    "part",
    [
        "7 ",
        "9",
        "<",
        "{",
        '{"score":',
        '{"a":[',
        "<think>",
        "<answer>",
        "\\boxed{",
        "\\text{",
        "good ",
        "not ",
        "score ",
        "score: 72 ",
        "1,",
        "1.",
        "-",
        "'",
        "\n7",
        "quality of the ",
        "overall quality ",
        "scale of ",
        "1 to ",
        "1. a\n",
        "(72) ",
        "72/",
        "from  ",
        "5-point ",
        "0 is the worst and ",
        "noise: 7 ",
        "more than 7 ",
        "not say the ",
        "if it were ",
        "is it 7? ",
        "out of 7 ",
        "<|a|>",
    ],
)
def test_a_million_characters_take_linear_time(part):
    short, long = (_seconds(part * (length // len(part))) for length in (100_000, 1_000_000))
    # Ten times the text: ten times as long, where a quadratic pattern would take a hundred.
    assert long < 30 * short + 0.5
    assert long < 20


def _seconds(text):
    start = time.process_time()
    parse_answer(text + " x")
    return time.process_time() - start


def test_a_long_thought_before_the_answer_is_read():
    assert parse_answer("<think>" + "Perhaps 60, or 70. " * 50_000 + "</think>72").rating.quality == 72


def test_no_mixture_of_parts_raises_or_leaves_the_scale():
    words = (
        "72 3.5 /5 -8 120 % 1,000 .5 1-5 good fair bad not n't . , : ; \n ( ) { } [ ] ' * <answer> </answer> <think> "
        "</think> \\boxed{ score quality overall of this video is between and to scale 0 100 \u0667 \u5206 fps § \u0130 "
        '" {"score":72}'
    )
    parts = words.split(" ")
    generator = random.Random(7)
    for _ in range(3000):
        text = "".join(generator.choice(parts) + generator.choice(["", " "]) for _ in range(generator.randint(1, 12)))
        answer = parse_answer(text)
        assert (answer.rating is None) == bool(answer.reason), text
        assert answer.rating is None or 0 <= answer.rating.quality <= 100
