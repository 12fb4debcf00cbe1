"""Figures on data made by hand."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_training import example

from lmms_cpllm.synthesis.facts import Facts, Impairment
from lmms_cpllm.synthesis.language import ask
from lmms_cpllm.training import evaluation
from lmms_cpllm.training.evaluation import (
    Figure,
    correlation,
    description_figures,
    figure,
    ladders,
    language_figures,
    score_figures,
    share,
    visible_kinds,
)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(evaluation, "RESAMPLES", 80)


def clip(content, quality, family="", strength=0.0, number=0, scene=0):
    done = (Impairment(family, strength, max(1.0, 1 + quality / 25)),) if family else ()
    return example(
        number,
        quality,
        content=content,
        scene=f"{content}-{scene}",
        split="test",
        facts=Facts(quality, "plants", impairments=done),
        families=(family,) if family else (),
        strengths=(strength,) if family else (),
    )


def still(number, quality, subset="s1", block=6):
    facts = Facts(quality, impairments=None)
    names = {"content": f"{subset}-{block}", "scene": f"{subset}-{number}", "families": (), "strengths": ()}
    return example(number, quality, source="still", split="test", facts=facts, closed=False, **names)


def sealed():
    """Four contents, each clean, a ladder of a seen codec, of an unseen one and of blur, and a chain; six photographs."""
    found = []
    for content in ("ant", "bee", "cat", "dog"):
        found.append(clip(content, 88.0))
        for family, qualities in (("h264", (70.0, 45.0, 15.0)), ("vp8", (60.0, 30.0)), ("blur", (80.0, 40.0))):
            found += [clip(content, quality, family, 10.0 * (step + 1)) for step, quality in enumerate(qualities)]
        chain = clip(content, 20.0, "noise", 9.0)
        found.append(replace(chain, families=("noise", "h264"), strengths=(9.0, 30.0)))
    return found + [still(n, 10.0 + 15 * n) for n in range(6)]


def named_figures(figures):
    assert len({f.name for f in figures}) == len(figures)
    return {f.name: f for f in figures}


def test_a_figure_counts_items_and_contents_and_its_interval_holds_the_value():
    rng = np.random.default_rng(0)
    groups = [f"c{i // 5}" for i in range(60)]
    values = rng.normal(size=60)
    found = figure("mean", groups, lambda at: float(values[at].mean()))
    assert found.value == pytest.approx(values.mean())
    assert found.low < found.value < found.high
    assert (found.count, found.contents) == (60, 12)
    assert found == figure("mean", groups, lambda at: float(values[at].mean()))
    assert found != figure("mean", groups, lambda at: float(values[at].mean()), seed=1)


def test_the_interval_of_a_share_is_as_wide_as_the_binomial_law_has_it():
    found = share("s", [True] * 60 + [False] * 40, [f"c{i}" for i in range(100)])
    expected = 2 * 1.96 * (0.6 * 0.4 / 100) ** 0.5
    assert 0.7 * expected < found.high - found.low < 1.3 * expected


def test_whole_contents_are_drawn():
    # Ten times the same clip is one clip: the interval must not be narrower for it.
    values = np.repeat([0.0, 1.0, 0.0, 1.0, 1.0, 0.0], 10)
    by_content = figure("x", [f"c{i // 10}" for i in range(60)], lambda at: float(values[at].mean()))
    by_clip = figure("x", [f"c{i}" for i in range(60)], lambda at: float(values[at].mean()))
    assert by_content.high - by_content.low > 2 * (by_clip.high - by_clip.low)


def test_resamples_without_a_value_are_left_out():
    found = figure("x", ["a", "b", "c"], lambda at: 1.0 if 0 in at else float("nan"))
    assert (found.value, found.low, found.high) == (1, 1, 1)
    nothing = figure("x", [], lambda at: 1.0)
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()
    assert (nothing.count, nothing.contents) == (0, 0)


def test_correlation_and_share():
    groups = ["a", "a", "b", "b", "c"]
    assert correlation("r", [1, 2, 3, 4, 5], [10, 20, 30, 40, 60], groups).value == pytest.approx(1)
    assert correlation("r", [5, 4, 3, 2, 1], [10, 20, 30, 40, 60], groups).value == pytest.approx(-1)
    found = share("s", [True, True, False, False, True], groups)
    assert found.value == pytest.approx(0.6)
    assert str(Figure("s", 0.6, 0.25, 1.0, 5, 3)) == "s: 0.600 [0.250, 1.000], n = 5, 3 contents"


def test_ladders_are_found_weakest_first_behind_the_clean_clip():
    known = [
        clip("ant", 15.0, "h264", 45.0),  # 0
        clip("ant", 88.0),  # 1
        clip("ant", 70.0, "h264", 30.0),  # 2
        clip("ant", 60.0, "blur", 2.0),  # 3: alone, no ladder
        clip("bee", 40.0, "h264", 40.0),  # 4
        clip("bee", 60.0, "h264", 30.0),  # 5
        clip("ant", 50.0, "h264", 0.0),  # 6: a bitrate
        clip("ant", 50.0, "h264", 38.0, scene=1),  # 7: another scene
    ]
    assert ladders(known, range(8)) == [[1, 2, 0], [5, 4]]
    assert ladders(known, [0, 2, 4]) == [[2, 0]]
    assert ladders(known, []) == []


def test_scores_that_are_the_labels():
    known = sealed()
    found = named_figures(score_figures(known, [e.quality for e in known], range(len(known))))
    assert {name for name in found if not name.startswith("order")} == {
        f"{metric}, {part}"
        for metric in ("SRCC", "PLCC")
        for part in ("seen families", "unseen codecs", "photographs s1")
    }
    assert all(f.value == pytest.approx(1) for f in found.values())
    assert found["SRCC, seen families"].count == 4 * 7
    assert found["SRCC, unseen codecs"].count == 4 * 2
    assert found["SRCC, photographs s1"].count == found["SRCC, photographs s1"].contents == 6
    # Of a ladder with its clean clip: 4, 3 and 3 clips, so 6 + 3 + 3 pairs, and of codecs 3 + 2 single steps.
    assert found["order of strengths within a content"].count == 4 * 12
    assert found["order, one step, compression"].count == 4 * 5


def test_orders_and_correlations_of_wrong_scores():
    known = sealed()
    quality = [-e.quality for e in known]
    found = named_figures(score_figures(known, quality, range(len(known))))
    assert found["SRCC, seen families"].value == pytest.approx(-1)
    assert found["order of strengths within a content"].value == 0
    constant = named_figures(score_figures(known, [50.0] * len(known), range(len(known))))
    assert constant["order of strengths within a content"].value == 0  # equal is not right
    assert np.isnan(constant["SRCC, seen families"].value)
    rungs = [i for i, e in enumerate(known) if e.families == ("blur",) and e.content == "ant"]
    quality = [e.quality for e in known]
    quality[rungs[0]], quality[rungs[1]] = quality[rungs[1]], quality[rungs[0]]
    found = named_figures(score_figures(known, quality, range(len(known))))
    assert found["order of strengths within a content"].value == pytest.approx(1 - 1 / 48)
    assert found["order, one step, compression"].value == 1
    interval = found["order of strengths within a content"]
    assert interval.low <= interval.value <= interval.high


def test_scores_of_a_part_of_the_examples_are_by_their_numbers():
    known = sealed()
    part = [i for i, e in enumerate(known) if e.content == "bee"]
    found = named_figures(score_figures(known, [known[i].quality for i in part], part))
    assert found["SRCC, seen families"].value == pytest.approx(1)
    assert found["SRCC, seen families"].contents == 1
    assert not any("photographs" in name for name in found)


def test_subsets_of_photographs_with_a_hyphen_in_their_name():
    known = [still(n, 10.0 * n, subset) for subset in ("koniq-10k", "koniq") for n in range(4)]
    found = named_figures(score_figures(known, [e.quality for e in known], range(8)))
    assert {name: f.count for name, f in found.items() if name.startswith("SRCC")} == {
        "SRCC, photographs koniq": 4,
        "SRCC, photographs koniq-10k": 4,
    }


def test_photographs_that_move_have_figures_of_their_own():
    known = [replace(still(n, 10.0 * n), source=source) for source in ("still", "human") for n in range(4)]
    quality = [known[i].quality if i < 4 else -known[i].quality for i in range(8)]
    found = named_figures(score_figures(known, quality, range(8)))
    assert found["SRCC, photographs s1"].value == pytest.approx(1)
    assert found["SRCC, moving photographs s1"].value == pytest.approx(-1)
    assert found["PLCC, moving photographs s1"].count == 4


def test_what_a_viewer_can_see():
    facts = Facts(
        30.0, impairments=(Impairment("blur", 1, 3.0), Impairment("noise", 1, 4.9), Impairment("vp8", 30, 4.0))
    )
    assert visible_kinds(example(facts=facts)) == {"blur", "compression"}
    assert visible_kinds(example()) == frozenset()
    assert visible_kinds(still(0, 50.0)) == frozenset()


def test_descriptions():
    known = [clip("ant", 40.0, "blur", 3.0), clip("ant", 88.0), clip("bee", 30.0, "h264", 40.0), clip("bee", 88.0)]
    texts = [
        "The quality of this video is fair. The picture is blurry.",
        "The quality of this video is excellent. No distortion can be seen.",
        "The quality of this video is poor. It suffers from strong noise.",
        "The quality of this video is good. There is slight noise.",
    ]
    found = named_figures(description_figures(texts, known))
    # A hit, two false alarms, a miss.
    assert found["F1 of distortions named"].value == pytest.approx(2 / (2 + 2 + 1))
    assert found["macro F1 over kinds"].value == pytest.approx((1 + 0) / 2)
    assert found["clean clips left in peace"].value == 0.5
    assert found["clean clips left in peace"].count == 2
    assert found["F1 of distortions named"].contents == 2


class Oracle:
    """Answers from the facts; of the clips with the numbers `wrong` it knows nothing."""

    def __init__(self, known, monkeypatch, wrong=()):
        self.known, self.wrong, self.asked, self.compared = known, set(wrong), [], []
        self.told = {}
        monkeypatch.setattr(evaluation, "_PAIRS", 30)
        monkeypatch.setattr(evaluation, "ask", self.ask)

    def ask(self, facts, rng):
        questions = ask(facts, rng)
        self.told |= {(facts, question.prompt): question.answer for question in questions}
        return questions

    def descriptions(self, videos):
        kinds = [visible_kinds(self.known[i]) for i in videos]
        return [f"There is {' and '.join(sorted(k))}." if k else "Nothing can be seen." for k in kinds]

    def answers(self, questions):
        self.asked = list(questions)
        answers = [self.told[self.known[i].asked, prompt] for i, prompt in questions]
        return [
            "Who knows" if i in self.wrong else f" {answer.upper()} "
            for (i, _), answer in zip(questions, answers, strict=True)
        ]

    def choices(self, pairs):
        self.compared += list(pairs)
        return np.array([float(self.known[a].quality > self.known[b].quality) for a, b in pairs])


def test_questions_and_pairs_are_counted(monkeypatch):
    known = sealed()
    judge = Oracle(known, monkeypatch)
    found = named_figures(language_figures(judge, known, range(len(known))))
    clips = [i for i, e in enumerate(known) if e.source == "synthetic"]
    assert {i for i, _ in judge.asked} == set(clips)
    assert len(judge.asked) == 3 * len(clips)
    questions = found["question answering accuracy"]
    assert (questions.value, questions.count, questions.contents) == (1, 3 * len(clips), 4)
    kinds = {name: f for name, f in found.items() if name.startswith("questions, ")}
    assert sum(f.count for f in kinds.values()) == questions.count
    assert {"questions, level", "questions, fault", "questions, subject"} <= kinds.keys()
    assert found["F1 of distortions named"].value == 1
    for name, same, least in (("pairs, same content", True, 5), ("pairs, other content", False, 15)):
        assert (found[name].value, found[name].count) == (1, 30)
        pairs = [(known[a], known[b]) for a, b in judge.compared if (known[a].scene == known[b].scene) == same]
        assert len(pairs) == 30
        assert all(abs(a.quality - b.quality) >= least for a, b in pairs)
        assert {a.quality > b.quality for a, b in pairs} == {True, False}
        assert all(e.source == "synthetic" for pair in pairs for e in pair)


def test_wrong_answers_cost(monkeypatch):
    known = sealed()[:9]
    found = named_figures(language_figures(Oracle(known, monkeypatch, wrong=[0, 1, 2]), known, range(9)))
    assert found["question answering accuracy"].value == pytest.approx(2 / 3)
    assert "pairs, other content" not in found  # there is only one
    judge = Oracle(known, monkeypatch)
    judge.choices = lambda pairs: np.zeros(len(pairs))
    worst = named_figures(language_figures(judge, known, range(9)))["pairs, same content"]
    first_better = worst.count * (1 - worst.value)
    assert 0 < first_better < worst.count
