"""Fits the curves of `opinion.severity`: strength of a family -> mean opinion, where no metric knows the harm.

KADID-10k has its own functions for brightness, contrast and saturation. Its levels are translated into strengths of the
families by what both do to the same photographs: the strength that changes a statistic as much as a level does gets
the opinion of that level.

- overexposure, underexposure: `brighten` and `darken`, by the mean change of luma;
- low_contrast: the two levels of `contrast_change` that take contrast away, by the root mean square change of luma. That
  distortion flattens the middle and leaves black and white where they are, a veil flattens all alike: the share of
  contrast that is gone would put the same opinions at half the strengths in the whole picture and at nearly twice in
  the middle tones. Two points and the unchanged image: the far end is an extrapolation;
- oversaturation, desaturation: `saturation_increase` and `saturation_decrease` (without its last level, which turns
  colours into their complements), by the mean distance of Cb and Cr from grey. Nobody was shown a loss of less than
  60 %, so the near end of desaturation is an interpolation between that and the unchanged image;
- colour_cast: no such row. The curve is the fit of `calibration` on photographs with a cast, which rests on its colour
  term, that is, on the rows of saturation, diffused and shifted colours;
- shake: no opinions at all; set by hand so that an unsteady hand (1 px a frame) is good, walking (4 px) between fair
  and poor, and 10 px annoying. Its error is set to 0.6 categories.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import scipy

from lmms_cpllm.synthesis.calibration import Meter, Row
from lmms_cpllm.synthesis.distortions import FAMILIES
from lmms_cpllm.synthesis.distortions.kadid import KADID
from lmms_cpllm.synthesis.opinion import CLEAN_ACR, SEVERITY_FAMILIES, WORST_ACR, Curve, Term, dmos_of

Images = Sequence[np.ndarray]
Statistic = Callable[[Images, Images], float]

_LUMA = np.array([0.299, 0.587, 0.114])
# What the way from KADID-10k's function to a family may be wrong by, in categories.
_TRANSLATION_SD = 0.3
_SHAKE = Curve(neutral=0.0, half=4.0, slope=1.3, floor=0.0, sd=0.6)
_CAST_STRENGTHS = tuple(float(x) for x in np.geomspace(0.1, 4, 8))
# One cast to the warm and one to the cold side.
_CAST_SEEDS = (0, 1)


def luma(image: np.ndarray) -> np.ndarray:
    """Y of BT.601, 0..255, full range."""
    return image @ _LUMA


def luma_change(before: Images, after: Images) -> float:
    """Mean change of luma in 8-bit steps, without its sign."""
    return abs(float(np.mean([luma(b).mean() - luma(a).mean() for a, b in zip(before, after, strict=True)])))


def luma_error(before: Images, after: Images) -> float:
    """Root mean square change of luma in 8-bit steps."""
    return float(np.sqrt(np.mean([(luma(b) - luma(a)) ** 2 for a, b in zip(before, after, strict=True)])))


def chroma_gain(before: Images, after: Images) -> float:
    """Relative change of the mean distance from grey."""
    return sum(map(_chroma, after)) / sum(map(_chroma, before)) - 1


def chroma_loss(before: Images, after: Images) -> float:
    return -chroma_gain(before, after)


def _chroma(image: np.ndarray) -> float:
    y = luma(image)
    return float(np.hypot(0.564 * (image[..., 2] - y), 0.713 * (image[..., 0] - y)).mean())


# family -> (distortion, levels, statistic, strengths that are tried)
_TRANSLATED: dict[str, tuple[str, tuple[int, ...], Statistic, np.ndarray]] = {
    "overexposure": ("brighten", (1, 2, 3, 4, 5), luma_change, np.geomspace(0.03, 6, 32)),
    "underexposure": ("darken", (1, 2, 3, 4, 5), luma_change, np.geomspace(0.03, 6, 32)),
    "low_contrast": ("contrast_change", (4, 5), luma_error, np.linspace(1, 99, 32)),
    "oversaturation": ("saturation_increase", (2, 3, 4, 5), chroma_gain, np.geomspace(1.03, 20, 32)),
    "desaturation": ("saturation_decrease", (1, 2, 3, 4), chroma_loss, np.linspace(1, 100, 32)),
}


def fit_curves(
    meter: Meter, severity: Mapping[Row, float], top: float, terms: Sequence[Term], sd: float
) -> dict[str, Curve]:
    """The curve of every family of `SEVERITY_FAMILIES`.

    Args:
        meter: the photographs.
        severity: mean opinions of KADID-10k.
        top: DMOS of an image that differs in nothing.
        terms: the fit to full-reference features, for the colour cast.
        sd: the error of that fit in categories.
    """
    found = {"shake": _SHAKE}
    for family, (distortion, levels, _, _) in _TRANSLATED.items():
        strengths = translated(meter.photographs, family)
        shares = [(severity[distortion, level] - 1) / (top - 1) for level in levels]
        found[family] = _with_error(fit_curve(FAMILIES[family].lowest, strengths, shares, family == "desaturation"))
    casts = [_cast_share(meter, terms, top, strength) for strength in _CAST_STRENGTHS]
    cast = fit_curve(0.0, _CAST_STRENGTHS, casts, False)
    found["colour_cast"] = replace(cast, sd=math.hypot(cast.sd, sd))
    return {family: found[family] for family in SEVERITY_FAMILIES}


def translated(photographs: Images, family: str) -> list[float]:
    """The strengths of a family that change its statistic as much as the levels of KADID-10k's distortion do."""
    distortion, levels, statistic, strengths = _TRANSLATED[family]
    apply = FAMILIES[family].apply
    known = np.array([statistic(photographs, list(apply(photographs, strength, 0))) for strength in strengths])
    wanted = [statistic(photographs, [KADID[distortion](image, level) for image in photographs]) for level in levels]
    # A statistic that clips may stand still at the end, never fall.
    return [float(np.interp(value, np.maximum.accumulate(known), strengths)) for value in wanted]


def fit_curve(neutral: float, strengths: Sequence[float], shares: Sequence[float], with_floor: bool) -> Curve:
    """The curve of least squared error; its `sd` is the error that is left, in ACR categories.

    Args:
        neutral: strength that changes nothing.
        strengths: above `neutral`.
        shares: share of the scale that is left at each, 0..1.
        with_floor: whether there is a share that nothing takes.
    """
    strengths, shares = np.asarray(strengths, float), np.asarray(shares, float)

    def curve_of(parameters: np.ndarray) -> Curve:
        half, slope, floor = math.exp(parameters[0]), float(parameters[1]), float(parameters[2])
        return Curve(float(neutral), half, slope, floor if with_floor else 0.0, 0.0)

    def errors(parameters: np.ndarray) -> np.ndarray:
        return curve_of(parameters).share(strengths) - shares

    middle = math.log(float(np.median(strengths - neutral)))
    start, bounds = [middle, 1.5, 0.1], ([middle - 4, 0.7, 0.0], [middle + 4, 4.0, 0.5])
    found = scipy.optimize.least_squares(errors, start, bounds=bounds).x
    error = float(np.sqrt(np.mean(errors(found) ** 2)))
    return replace(curve_of(found), sd=error * (CLEAN_ACR - WORST_ACR))


def _with_error(curve: Curve) -> Curve:
    return replace(curve, sd=math.hypot(curve.sd, _TRANSLATION_SD))


def _cast_share(meter: Meter, terms: Sequence[Term], top: float, strength: float) -> float:
    apply = FAMILIES["colour_cast"].apply
    changed = [meter.features(list(apply(meter.photographs, strength, seed))) for seed in _CAST_SEEDS]
    return float(np.mean([(dmos_of(features, terms, top) - 1) / (top - 1) for features in changed]))
