"""The figures of a checkpoint on the sealed test, each with a bootstrap interval over contents.

Whole contents are drawn with replacement, since the clips of one content are no independent samples. A figure of pairs,
questions or descriptions is drawn by the content of its (first) video.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lmms_cpllm.metrics.correlation import plcc, srcc
from lmms_cpllm.metrics.lexicon import named
from lmms_cpllm.metrics.naming import naming
from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.synthesis.facts import kind_of
from lmms_cpllm.synthesis.language import INVISIBLE, ask
from lmms_cpllm.training.draws import UNSEEN_CODECS
from lmms_cpllm.training.judging import Judge
from lmms_cpllm.training.labelling import Example

RESAMPLES = 1000
# Labels that lie closer are no pair: their order is not known well enough (quality points).
_SAME_CONTENT, _OTHER_CONTENT = 5.0, 15.0
_PAIRS = 600
_QUESTIONS_OF_A_CLIP = 3


@dataclass(frozen=True)
class Figure:
    """One figure with its 95 % interval."""

    name: str
    value: float
    low: float
    high: float
    count: int
    """Videos, pairs, questions or descriptions."""
    contents: int

    def __str__(self) -> str:
        interval = f"[{self.low:.3f}, {self.high:.3f}]"
        return f"{self.name}: {self.value:.3f} {interval}, n = {self.count}, {self.contents} contents"


def figure(name: str, groups: Sequence[str], statistic: Callable[[np.ndarray], float], seed: int = 0) -> Figure:
    """A statistic of items with its interval.

    Args:
        name: of the figure.
        groups: the content of each item.
        statistic: takes the numbers of the items that count, with repetition; nan where it is not defined.
        seed: of the resampling.
    """
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    parts = [np.array(items) for items in members.values()]
    rng = np.random.default_rng(seed)
    draws = (rng.integers(len(parts), size=len(parts)) for _ in range(RESAMPLES if parts else 0))
    values = [statistic(np.concatenate([parts[i] for i in drawn])) for drawn in draws]
    values = [value for value in values if np.isfinite(value)]
    low, high = np.percentile(values, [2.5, 97.5]) if values else (np.nan, np.nan)
    whole = statistic(np.arange(len(groups))) if groups else np.nan
    return Figure(name, float(whole), float(low), float(high), len(groups), len(parts))


def correlation(name: str, predicted: np.ndarray, quality: np.ndarray, groups: Sequence[str], metric=srcc) -> Figure:
    """SRCC (or PLCC) of predictions with labels."""
    predicted, quality = np.asarray(predicted, float), np.asarray(quality, float)
    return figure(name, groups, lambda at: metric(predicted[at].tolist(), quality[at].tolist()))


def share(name: str, right: Sequence[bool], groups: Sequence[str]) -> Figure:
    """Share of the items that are right."""
    values = np.asarray(right, float)
    return figure(name, groups, lambda at: float(values[at].mean()))


def ladders(examples: Sequence[Example], indices: Sequence[int]) -> list[list[int]]:
    """Clips of one scene with one distortion at different strengths, weakest first, the clean clip in front."""
    found: dict[tuple[str, str], list[int]] = {}
    clean = {examples[i].scene: i for i in indices if not examples[i].families}
    for i in indices:
        if len(examples[i].families) == 1 and examples[i].strengths[0] > 0:
            found.setdefault((examples[i].scene, examples[i].families[0]), []).append(i)
    steps = []
    for (scene, _), rungs in sorted(found.items()):
        if len(rungs) > 1:
            rungs = sorted(rungs, key=lambda i: examples[i].strengths[0])
            steps.append([clean[scene], *rungs] if scene in clean else rungs)
    return steps


def score_figures(examples: Sequence[Example], quality: Sequence[float], indices: Sequence[int]) -> list[Figure]:
    """Everything that follows from one quality a clip: correlations and orders. `quality[k]` is of `indices[k]`."""
    of = dict(zip(indices, np.asarray(quality, float), strict=True))
    clips = [i for i in indices if examples[i].source == "synthetic"]
    seen = [i for i in clips if not set(examples[i].families) & set(UNSEEN_CODECS)]
    unseen = [i for i in clips if set(examples[i].families) & set(UNSEEN_CODECS)]
    figures = []
    for name, part in (("seen families", seen), ("unseen codecs", unseen)):
        if part:
            values = ([of[i] for i in part], [examples[i].quality for i in part], [examples[i].content for i in part])
            figures += [correlation(f"SRCC, {name}", *values), correlation(f"PLCC, {name}", *values, metric=plcc)]
    figures += _orders(examples, of, ladders(examples, clips))
    for source, name in (("still", "photographs"), ("human", "moving photographs")):
        found = [i for i in indices if examples[i].source == source]
        for subset in sorted({_subset(examples[i]) for i in found}):
            part = [i for i in found if _subset(examples[i]) == subset]
            # A block of numbers is a content here, and there are few of them: single photographs are drawn.
            values = ([of[i] for i in part], [examples[i].quality for i in part], [examples[i].scene for i in part])
            figures += [correlation(f"SRCC, {name} {subset}", *values)]
            figures += [correlation(f"PLCC, {name} {subset}", *values, metric=plcc)]
    return figures


def _subset(photograph: Example) -> str:
    """The table's subset; the content is subset and block of numbers."""
    return photograph.content.rpartition("-")[0]


def _orders(examples: Sequence[Example], of: dict[int, float], steps: Sequence[Sequence[int]]) -> list[Figure]:
    pairs = [(a, b) for rungs in steps for a, b in itertools.combinations(rungs, 2)]
    near = [(a, b) for rungs in steps for a, b in itertools.pairwise(rungs) if examples[b].families[0] in CODECS]
    return [
        share(name, [of[a] > of[b] for a, b in part], [examples[a].content for a, _ in part])
        for name, part in (("order of strengths within a content", pairs), ("order, one step, compression", near))
        if part
    ]


def language_figures(judge: Judge, examples: Sequence[Example], indices: Sequence[int], seed: int = 0) -> list[Figure]:
    """Descriptions, questions and comparisons on the synthetic clips of the test."""
    clips = [i for i in indices if examples[i].source == "synthetic"]
    return [
        *description_figures(judge.descriptions(clips), [examples[i] for i in clips]),
        *_question_figures(judge, examples, clips, seed),
        *_pair_figures(judge, examples, clips, seed),
    ]


def visible_kinds(example: Example) -> frozenset[str]:
    """The kinds of distortion that a viewer can see in a clip."""
    return frozenset(kind_of(found.family) for found in example.facts.impairments or () if found.acr < INVISIBLE)


def description_figures(texts: Sequence[str], examples: Sequence[Example]) -> list[Figure]:
    """Distortions named in descriptions against those that are there: micro and macro F1, and clean clips left in peace."""
    found, known = [named(text) for text in texts], [visible_kinds(e) for e in examples]
    groups = [e.content for e in examples]

    def f1(macro: bool) -> Callable[[np.ndarray], float]:
        def statistic(at: np.ndarray) -> float:
            result = naming([found[i] for i in at], [known[i] for i in at])
            return result.macro_f1 if macro else result.micro.f1

        return statistic

    clean = [i for i, kinds in enumerate(known) if not kinds]
    return [
        figure("F1 of distortions named", groups, f1(False)),
        figure("macro F1 over kinds", groups, f1(True)),
        share("clean clips left in peace", [not found[i] for i in clean], [groups[i] for i in clean]),
    ]


def _question_figures(judge: Judge, examples: Sequence[Example], clips: Sequence[int], seed: int) -> list[Figure]:
    rng = np.random.default_rng(seed)
    asked = []
    for i in clips:
        questions = ask(examples[i].asked, rng)
        picked = rng.permutation(len(questions))[:_QUESTIONS_OF_A_CLIP]
        asked += [(i, questions[k]) for k in picked]
    answers = judge.answers([(i, question.prompt) for i, question in asked])
    right = [_same(answer, question.answer) for answer, (_, question) in zip(answers, asked, strict=True)]
    figures = [share("question answering accuracy", right, [examples[i].content for i, _ in asked])]
    for kind in sorted({question.kind for _, question in asked}):
        at = [k for k, (_, question) in enumerate(asked) if question.kind == kind]
        figures.append(share(f"questions, {kind}", [right[k] for k in at], [examples[asked[k][0]].content for k in at]))
    return figures


def _same(answer: str, wanted: str) -> bool:
    return answer.strip().rstrip(".").lower() == wanted.strip().rstrip(".").lower()


def _pair_figures(judge: Judge, examples: Sequence[Example], clips: Sequence[int], seed: int) -> list[Figure]:
    rng = np.random.default_rng(seed)
    figures = []
    for name, same, least in (("same content", True, _SAME_CONTENT), ("other content", False, _OTHER_CONTENT)):
        pairs: list[tuple[int, int]] = []
        for _ in range(_PAIRS * 50):
            first, second = (int(clips[k]) for k in rng.integers(len(clips), size=2))
            a, b = examples[first], examples[second]
            if (a.scene == b.scene) == same and abs(a.quality - b.quality) >= least:
                pairs.append((first, second))
            if len(pairs) == _PAIRS:
                break
        chances = judge.choices(pairs)
        right = [
            (p >= 0.5) == (examples[a].quality > examples[b].quality) for p, (a, b) in zip(chances, pairs, strict=True)
        ]
        if pairs:
            figures.append(share(f"pairs, {name}", right, [examples[a].content for a, _ in pairs]))
    return figures
