"""Which of two clips is better, and why."""

from __future__ import annotations

import numpy as np

from lmms_cpllm.synthesis.facts import Facts
from lmms_cpllm.synthesis.language.findings import WORST_MARGIN, Finding, findings
from lmms_cpllm.synthesis.language.wording import capital, listed, name_of, noun, pick

# More than this many findings of one clip make no sentence that is read to its end.
_NAMED = 2
# From this ACR on what the better clip has is little.
_LITTLE = 3.5


def compare(first: Facts, second: Facts, rng: np.random.Generator, prefix: str) -> str:
    """The better clip by its place, and a reason where the facts hold one.

    The reason is that the worse clip's worst distortion is worse than any of the better clip. There is none where that is
    not so, or where what was done to one of them is not known.

    Args:
        first: what is known of the first clip.
        second: of the second.
        rng: draws the wording.
        prefix: the words before the choice ("The video of better quality is the").

    Raises:
        ValueError: both are of equal quality.
    """
    if first.quality == second.quality:
        raise ValueError(f"both clips have quality {first.quality:g}, expected a difference")
    names = ("first", "second") if first.quality > second.quality else ("second", "first")
    better, worse = (first, second) if first.quality > second.quality else (second, first)
    choice = f"{prefix} {names[0]}."
    if better.impairments is None or worse.impairments is None:
        return choice
    good, harmed = findings(better), findings(worse)
    if not harmed or (good and good[0].acr - harmed[0].acr < WORST_MARGIN):
        return choice
    return f"{choice} {_reason(good, harmed, names, rng)}"


def _reason(
    good: tuple[Finding, ...], harmed: tuple[Finding, ...], names: tuple[str, str], rng: np.random.Generator
) -> str:
    better, worse = (f"the {name}" for name in names)
    faults = listed([noun(one, rng)[0] for one in harmed[:_NAMED]])
    forms = [f"{worse} suffers from {faults}", f"{worse} shows {faults}"]
    if not good:
        forms += [
            f"{better} is clean, while {worse} shows {faults}",
            f"{worse} shows {faults}, while {better} shows no visible fault",
        ]
    elif good[0].kind == harmed[0].kind:
        name, plural = name_of(good[0].kind)
        verb = "are" if plural else "is"
        shown = name_of(good[0].kind, article=True)[0]
        forms = [f"both show {shown}, but {'they are' if plural else 'it is'} stronger in {worse}"]
        if good[0].severity != harmed[0].severity:
            forms.append(f"the {name} {verb} {harmed[0].severity} in {worse} and {good[0].severity} in {better}")
    else:
        less = listed([noun(one, rng)[0] for one in good[:_NAMED]])
        only = "only " if good[0].acr >= _LITTLE else ""
        forms += [
            f"{worse} suffers from {faults}, {better} {only}from {less}",
            f"{worse} shows {faults}, while {better} {only}has {less}",
        ]
    return f"{capital(pick(rng, forms))}."
