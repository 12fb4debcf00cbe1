"""Facts about a clip's distortions, put into words: what descriptions are trained on and compared with."""

from __future__ import annotations

from collections.abc import Sequence

from lmms_cpllm.ratings import level_of

# What each family of distortion is called; codecs have one name, since what is seen is compression.
NAMES = {
    "h264": "compression artifacts",
    "hevc": "compression artifacts",
    "vp9": "compression artifacts",
    "av1": "compression artifacts",
    "mpeg4": "compression artifacts",
    "blur": "blur",
    "noise": "noise",
    "scaling": "softness from upscaling",
    "drops": "dropped frames",
}
# Lower end of quality (0..100) and the words for a distortion that leaves that much; steps of the impairment scale of
# ITU-T P.910 (imperceptible, perceptible but not annoying, slightly annoying, annoying, very annoying).
_SEVERITY = ((87.5, "barely visible"), (62.5, "slight"), (37.5, "visible"), (12.5, "strong"), (0.0, "severe"))
_SENTENCES = (
    "The picture shows {findings}.",
    "It suffers from {findings}.",
    "There are signs of {findings}.",
    "What stands out is {findings}.",
)
_CLEAN = (
    "No distortion can be seen.",
    "The picture is clean and sharp.",
    "Nothing disturbs the picture.",
    "It is free of visible distortion.",
)


def severity(quality: float) -> str:
    """The word for how much a distortion is seen in a clip of this quality (0..100)."""
    return next(word for lowest, word in _SEVERITY if quality >= lowest)


def findings(families: Sequence[str], quality: float) -> str:
    """Distortions of a clip as a phrase, each named once, the last one first: it was done to the picture last."""
    names = list(dict.fromkeys(NAMES[family] for family in reversed(families)))
    return f"{severity(quality)} " + " and ".join(names)


def description(families: Sequence[str], quality: float, variant: int = 0) -> str:
    """One or two sentences that begin with the rating.

    Args:
        families: distortions in the order in which they were applied; empty for a clean clip.
        quality: 0..100.
        variant: which wording, any whole number.
    """
    rating = f"The quality of this video is {level_of(quality)}."
    if not families:
        return f"{rating} {_CLEAN[variant % len(_CLEAN)]}"
    return f"{rating} {_SENTENCES[variant % len(_SENTENCES)].format(findings=findings(families, quality))}"
