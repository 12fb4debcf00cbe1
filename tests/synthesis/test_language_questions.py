"""Questions: every answer is true, none is borderline, yes and no are balanced."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from lmms_cpllm.metrics.lexicon import named
from lmms_cpllm.ratings import LEVELS, level_of
from lmms_cpllm.synthesis.facts import Facts, Impairment, kind_of
from lmms_cpllm.synthesis.language import INVISIBLE, ask, drawn_facts, findings
from lmms_cpllm.synthesis.language.findings import CERTAIN, certainly_absent

# Wordings in which the fault stands before its noun, as it does in no answer.
ASKED = {
    "Is the white balance wrong?": ["colour cast"],
    "Is the contrast too low?": ["low contrast"],
    "Is the resolution low?": ["low resolution"],
}
UNKNOWN_KINDS = {"level", "light", "texture", "motion", "subject"}


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(2)
    facts = [drawn_facts(rng) for _ in range(2500)]
    return [(one, ask(one, rng)) for one in facts]


def all_asked(facts, count=200):
    rng = np.random.default_rng(0)
    return [question for _ in range(count) for question in ask(facts, rng)]


def test_questions_on_faults_are_true_and_certain(drawn):
    for facts, questions in drawn:
        certain = {one.kind for one in findings(facts) if one.acr < CERTAIN}
        for question in questions:
            if question.kind == "fault":
                (kind,) = named(question.prompt) or ASKED[question.prompt.removesuffix(" Answer with yes or no.")]
                assert kind in (certain if question.answer == "Yes." else certainly_absent(facts)), question


def test_the_worst_and_the_list_are_true(drawn):
    for facts, questions in drawn:
        by_acr = sorted(facts.impairments or (), key=lambda one: one.acr)
        seen = [kind_of(one.family) for one in by_acr if one.acr < INVISIBLE]
        for question in questions:
            if question.kind in ("worst", "choice"):
                assert named(question.answer) == set(seen[:1]), question
            elif question.kind == "all":
                assert named(question.answer) == set(seen), question
            elif question.kind == "clean":
                affirms = "free of" in question.prompt or "clean" in question.prompt
                assert question.answer == ("Yes." if affirms == (not seen) else "No."), question


def test_strengths_are_those_of_the_kind(drawn):
    for facts, questions in drawn:
        words = {one.kind: one.severity for one in findings(facts)}
        for question in questions:
            if question.kind == "strength":
                (kind,) = named(question.prompt.split("?")[0].split(". Answer")[0])
                assert question.answer.rstrip(".").lower() == words[kind]


def test_wrong_options_are_certainly_wrong(drawn):
    for facts, questions in drawn:
        for question in questions:
            if question.kind == "choice":
                wrong = [option[:-1].lower() for option in question.options if option != question.answer]
                assert len(wrong) == 3
                assert set(wrong) <= {*certainly_absent(facts), "nothing"}
                lines = [f"{letter}. {o[:-1].lower()}" for letter, o in zip("ABCD", question.options, strict=True)]
                assert question.prompt.split("\n")[1:-1] == lines


def test_answers_are_among_the_options_and_short(drawn):
    for _, questions in drawn:
        assert questions
        for question in questions:
            assert question.answer in question.options or question.options == ()
            assert re.fullmatch(r"[A-Z][a-z ,]+\.", question.answer), question
            assert "{" not in question.prompt


def test_yes_and_no_are_balanced(drawn):
    answers = Counter((q.kind, q.answer) for _, questions in drawn for q in questions if q.answer in ("Yes.", "No."))
    assert {kind for kind, _ in answers} >= {"fault", "clean", "light", "motion", "texture", "subject", "overlay"}
    for kind in {kind for kind, _ in answers}:
        share = answers[kind, "Yes."] / (answers[kind, "Yes."] + answers[kind, "No."])
        assert 0.4 < share < 0.6, kind


def test_letters_are_balanced(drawn):
    letters = Counter(q.options.index(q.answer) for _, questions in drawn for q in questions if q.kind == "choice")
    assert set(letters) == {0, 1, 2, 3}
    assert max(letters.values()) < 1.25 * min(letters.values())


def test_the_level_is_asked_for_always(drawn):
    for facts, questions in drawn:
        (level,) = [question for question in questions if question.kind == "level"]
        assert level.answer == f"{level_of(facts.quality).capitalize()}."
        assert [option[:-1].lower() for option in level.options] in (list(LEVELS), list(LEVELS[::-1]))


def test_of_unknown_impairments_nothing_is_asked():
    questions = all_asked(Facts(40.0, subject="food", light="dark"))
    assert {question.kind for question in questions} == UNKNOWN_KINDS


def test_borderline_is_not_asked():
    borderline = Facts(85.0, impairments=(Impairment("noise", 3, 4.2),))
    kinds = {question.kind for question in all_asked(borderline)}
    assert not kinds & {"clean", "worst", "all", "choice", "strength"}
    assert all("nois" not in q.prompt and "grain" not in q.prompt for q in all_asked(borderline) if q.kind == "fault")
    unexplained = Facts(40.0, impairments=())
    assert not {question.kind for question in all_asked(unexplained)} & {"clean", "worst", "choice"}


def test_scene_questions_are_true():
    facts = Facts(
        90.0, subject="animals", motion="fast", light="dark", texture="busy", impairments=(), overlay="caption"
    )
    said = {(q.prompt, q.answer) for q in all_asked(facts)}
    for expected in (
        ("Is the scene dark?", "Yes."),
        ("Is the scene bright?", "No."),
        ("How is the light?", "Dark."),
        ("Is the motion fast?", "Yes."),
        ("Is the scene still?", "No."),
        ("How is the motion?", "Fast."),
        ("Is the texture busy?", "Yes."),
        ("How much texture does the scene have?", "Much."),
        ("What does the video show?", "An animal."),
        ("Can an animal be seen?", "Yes."),
        ("Can food be seen?", "No."),
        ("Was a caption added?", "Yes."),
    ):
        assert expected in said
        opposite = {"Yes.": "No.", "No.": "Yes."}.get(expected[1])
        assert (expected[0], opposite) not in said


def test_place_time_and_stage():
    local = Facts(50.0, impairments=(Impairment("sharpening", 3, 2.0, "end", "top"),))
    answers = {(q.kind, q.answer) for q in all_asked(local) if q.kind in ("stage", "where", "when")}
    assert answers == {("stage", "Processing."), ("where", "At the top."), ("when", "At the end.")}
    frozen = Facts(50.0, impairments=(Impairment("freezes", 30, 2.0),))
    assert "when" not in {q.kind for q in all_asked(frozen)}  # at some time, but which is not known
    torn = Facts(50.0, impairments=(Impairment("packet_loss", 3, 2.0),))
    assert not {"where", "when"} & {q.kind for q in all_asked(torn)}  # here and there, now and then


def test_the_same_draw_gives_the_same_questions():
    facts = replace(Facts(50.0), impairments=(Impairment("blur", 2, 2.0),))
    first, second = (ask(facts, np.random.default_rng(3)) for _ in range(2))
    assert first == second
