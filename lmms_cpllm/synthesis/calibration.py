"""Fits `opinion.json`: what full-reference metrics, or the strength of a distortion, mean to people.

    python -m lmms_cpllm.synthesis fit-opinion --severity CSV --photographs FOLDER

The table holds the mean opinion of KADID-10k for each of its 25 distortions at 5 levels, the folder any photographs.
They are shrunk to the 512x384 pixels of KADID-10k, the distortions (`distortions.kadid`) are applied to them again, and
the features of `labels` are fitted to the opinions: per photograph, the prediction for a row being the mean over
photographs as the opinion is the mean over KADID-10k's images. What was lost (VMAF), what was added (AIM) and what
happened to the colours (`chroma_error`) do it; the other features that libvmaf has made it no better.

Left out of the fit are the distortions that metrics cannot judge: those of brightness and contrast, squares that are
moved or coloured. Those of saturation are in it with a small weight because they tell what an error of colour costs,
and are not counted in the figures. Distortions that are like codecs weigh more: codecs are what is labelled most.

Figures of the constants that are shipped (40 photographs), each distortion predicted by a fit that has not seen it,
RMSE in categories. All: the 15 distortions that are fitted and counted, 75 rows; codecs: the 5 that are like codecs, 25.

| | all: RMSE | SRCC | PLCC | codecs: RMSE | SRCC | PLCC |
|---|---|---|---|---|---|---|
| VMAF, AIM, colour | .297 | .960 | .956 | .340 | .948 | .962 |
| the same, seen | .235 | .976 | .972 | .284 | .969 | .974 |
| VMAF alone, fitted | .644 | .781 | .797 | .344 | .966 | .969 |
| PSNR alone, fitted | .598 | .829 | .815 | .707 | .928 | .888 |
| VMAF taken for ACR (20 is bad), not fitted | 1.038 | .799 | .795 | .625 | .969 | .937 |

So for codecs VMAF would do, once it is brought on the scale of people; AIM is what tells noise, sharpening and steps.

The exponent of `opinion.combine` was chosen on 39 pairs of these distortions, one after the other on 20 photographs.
The error against `opinion` of the pair as a whole, which itself is no opinion of people, is .20 categories with an
exponent of 3 (.24 with 2, .20 with 4) where each is taken as if alone, and .24 (.30, .23) where the second is measured
against what it was given; the mean error changes its sign between 2.5 and 3.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import scipy
from tqdm import tqdm

from lmms_cpllm.errors import DataError
from lmms_cpllm.metrics.correlation import plcc, rmse, srcc
from lmms_cpllm.synthesis.distortions.kadid import KADID
from lmms_cpllm.synthesis.encode import LOSSLESS, encode
from lmms_cpllm.synthesis.labels import PERFECT_VMAF, frame_features
from lmms_cpllm.synthesis.opinion import Term, dmos_of, harm

Row = tuple[str, int]
"""A distortion of `KADID` and its level 1..5."""

SIZE = (512, 384)
LEVELS = (1, 2, 3, 4, 5)

# Photographs of a smoother sort than KADID-10k's suffer less from JPEG 2000 at a given ratio, its network for denoising
# is not here, and metrics take moved colours for moved detail: so these weigh less than their like.
WEIGHTS = {
    **dict.fromkeys(("gaussian_blur", "lens_blur", "jpeg"), 3.0),
    **dict.fromkeys(("motion_blur", "jpeg2000"), 2.0),
    **dict.fromkeys(("white_noise", "white_noise_chroma", "impulse_noise", "multiplicative_noise"), 1.0),
    **dict.fromkeys(("jitter", "pixelate", "quantization", "color_quantization", "high_sharpen"), 1.0),
    **dict.fromkeys(("denoise", "color_shift", "color_diffusion"), 0.5),
    **dict.fromkeys(("saturation_increase", "saturation_decrease"), 0.3),
}
COLOUR_ONLY = ("color_shift", "color_diffusion", "saturation_increase", "saturation_decrease")
LIKE_CODECS = ("gaussian_blur", "lens_blur", "motion_blur", "jpeg", "jpeg2000")
# Rows that are the image itself (see `distortions.kadid`): their opinion is the top of the scale.
UNCHANGED: tuple[Row, ...] = (("gaussian_blur", 1), ("motion_blur", 1), ("mean_shift", 3), ("saturation_increase", 1))

MODEL = ("vmaf", "aim", "chroma_error")
_START = {"vmaf": 30.0, "aim": 0.2, "chroma_error": 15.0, "psnr_loss": 20.0}


@dataclass(frozen=True)
class Table:
    """Mean opinions and features of the rows that are fitted."""

    rows: tuple[Row, ...]
    dmos: np.ndarray
    """float64 (rows,), 1..5."""
    features: Mapping[str, np.ndarray]
    """float64 (rows, photographs) each."""
    top: float
    """DMOS of an image that differs in nothing."""

    def where(self, chosen: np.ndarray) -> Table:
        """The rows of a mask (rows,)."""
        rows = tuple(row for row, taken in zip(self.rows, chosen, strict=True) if taken)
        features = {name: value[chosen] for name, value in self.features.items()}
        return Table(rows, self.dmos[chosen], features, self.top)

    def mask(self, distortions: Sequence[str]) -> np.ndarray:
        return np.array([name in distortions for name, _ in self.rows])


def read_severity(path: Path) -> dict[Row, float]:
    """Mean opinions, 5 imperceptible .. 1 very annoying, from columns `distortion, level, mean_dmos`.

    Raises:
        DataError: not a file, a column or a row of `KADID` missing, an opinion outside 1..5.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
    except OSError as error:
        raise DataError(f"{path}: expected a table of mean opinions, found none: {error}") from error
    columns = ("distortion", "level", "mean_dmos")
    missing = [name for name in columns if not lines or name not in lines[0]]
    if missing:
        raise DataError(f"{path}: expected rows with columns {', '.join(columns)}; missing: {', '.join(missing)}")
    found = {(line["distortion"], int(line["level"])): float(line["mean_dmos"]) for line in lines}
    wanted = [(name, level) for name in KADID for level in LEVELS]
    absent = [row for row in wanted if row not in found]
    if absent:
        raise DataError(f"{path}: expected {len(wanted)} rows, {len(absent)} are missing, first {absent[0]}")
    outside = [row for row in wanted if not 1 <= found[row] <= 5]
    if outside:
        raise DataError(f"{path}: {outside[0]} has a mean opinion of {found[outside[0]]}, expected 1..5")
    return {row: found[row] for row in wanted}


def load_photographs(folder: Path, count: int) -> list[np.ndarray]:
    """`count` photographs evenly from the folder in the order of their names: uint8 (384, 512, 3) RGB, cut and shrunk.

    Only those are taken that can be shrunk at least twofold, which hides what their own compression did to them.

    Raises:
        DataError: fewer than `count` such photographs.
    """
    found = []
    for path in sorted(folder.glob("*")):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) if path.is_file() else None
        if image is not None and image.shape[0] >= 2 * SIZE[1] and image.shape[1] >= 2 * SIZE[0]:
            found.append(_shrunk(image))
    if len(found) < count:
        raise DataError(
            f"{folder}: expected {count} photographs of {2 * SIZE[0]}x{2 * SIZE[1]} pixels or more, found {len(found)}"
        )
    return [found[index] for index in np.linspace(0, len(found) - 1, count).round().astype(int)]


def _shrunk(image: np.ndarray) -> np.ndarray:
    """The middle of the image in the shape of `SIZE`, at that size."""
    height, width = image.shape[:2]
    scale = min(width / SIZE[0], height / SIZE[1])
    cut = (round(SIZE[0] * scale), round(SIZE[1] * scale))
    left, top = (width - cut[0]) // 2, (height - cut[1]) // 2
    return cv2.resize(image[top : top + cut[1], left : left + cut[0]], SIZE, interpolation=cv2.INTER_AREA)


class Meter:
    """Features of changed photographs, all of them one lossless clip against the clip of the originals."""

    def __init__(self, photographs: Sequence[np.ndarray], folder: Path) -> None:
        self.photographs = photographs
        self._folder = folder
        self._reference = folder / "reference.mp4"
        encode(photographs, self._reference, LOSSLESS, 25)

    def features(self, changed: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """`labels.frame_features` of the photographs after a change, in their order."""
        clip = self._folder / "changed.mp4"
        encode(changed, clip, LOSSLESS, 25)
        return frame_features(self._reference, clip, len(self.photographs))


def measure(meter: Meter, severity: Mapping[Row, float]) -> Table:
    """The table of the distortions of `WEIGHTS` at all levels."""
    rows = tuple((name, level) for name in WEIGHTS for level in LEVELS)
    measured = [
        meter.features([KADID[name](photograph, level) for photograph in meter.photographs])
        for name, level in tqdm(rows, unit="clip")
    ]
    features = {name: np.stack([found[name] for found in measured]) for name in measured[0]}
    top = float(np.mean([severity[row] for row in UNCHANGED]))
    return Table(rows, np.array([severity[row] for row in rows]), features, top)


def predict(terms: Sequence[Term], table: Table) -> np.ndarray:
    """DMOS (rows,): the mean over photographs."""
    return dmos_of(table.features, terms, table.top).mean(axis=1)


def fit(table: Table, model: Sequence[str] = MODEL) -> tuple[Term, ...]:
    """The terms of least weighted squared error. Half values are positive, exponents in 0.5..4: every term rises."""
    weights = np.sqrt([WEIGHTS.get(name, 1.0) for name, _ in table.rows])
    count = len(model)

    def terms_of(parameters: np.ndarray) -> tuple[Term, ...]:
        halves, exponents = np.exp(parameters[:count]), parameters[count:]
        return tuple(Term(*parts) for parts in zip(model, map(float, halves), map(float, exponents), strict=True))

    def errors(parameters: np.ndarray) -> np.ndarray:
        return weights * (predict(terms_of(parameters), table) - table.dmos)

    start = np.log([_START[name] for name in model])
    bounds = (np.concatenate((start - 4, [0.5] * count)), np.concatenate((start + 4, [4.0] * count)))
    found = scipy.optimize.least_squares(errors, np.concatenate((start, [1.5] * count)), bounds=bounds)
    return terms_of(found.x)


def cross_validated(table: Table, model: Sequence[str] = MODEL) -> np.ndarray:
    """DMOS (rows,): each distortion by a fit to all the others."""
    result = np.zeros(len(table.rows))
    for name in dict.fromkeys(name for name, _ in table.rows):
        left_out = table.mask((name,))
        result[left_out] = predict(fit(table.where(~left_out), model), table.where(left_out))
    return result


def figures(predicted: np.ndarray, table: Table, distortions: Sequence[str]) -> dict[str, float]:
    """How well the rows of these distortions are predicted, all rows alike."""
    chosen = table.mask(distortions)
    x, y = predicted[chosen], table.dmos[chosen]
    measured = {"rmse": rmse(x, y), "srcc": srcc(x, y), "plcc": plcc(x, y)}
    return {"rows": int(chosen.sum())} | {name: round(value, 3) for name, value in measured.items()}


def judged(table: Table) -> dict[str, dict[str, dict[str, float]]]:
    """Figures of the model and of the baselines, over the fidelity distortions and over those like codecs."""
    features = dict(table.features) | {"psnr_loss": np.maximum(0.0, 60 - table.features["psnr_y"])}
    table = Table(table.rows, table.dmos, features, table.top)
    # The rule of the labels before: VMAF 20 is bad, its top excellent, linear in between.
    former = 5 - 4 * np.minimum(1, harm(features, "vmaf") / (PERFECT_VMAF - 20))
    predictions = {
        "cross_validated": cross_validated(table),
        "in_sample": predict(fit(table), table),
        "vmaf_alone": cross_validated(table, ("vmaf",)),
        "psnr_alone": cross_validated(table, ("psnr_loss",)),
        "vmaf_as_acr": former.mean(axis=1),
    }
    fidelity = [name for name in WEIGHTS if name not in COLOUR_ONLY]
    return {
        name: {"fidelity": figures(value, table, fidelity), "like_codecs": figures(value, table, LIKE_CODECS)}
        for name, value in predictions.items()
    }


def fit_opinion(severity_csv: Path, photograph_folder: Path, out: Path, count: int = 40) -> dict:
    """Write the constants to `out` and return what was written; some minutes.

    Raises:
        DataError: the table or the photographs are not what is expected, or ffmpeg failed.
        UserError: imageio-ffmpeg is missing.
    """
    from lmms_cpllm.synthesis.calibration_curves import fit_curves

    severity = read_severity(severity_csv)
    photographs = load_photographs(photograph_folder, count)
    with tempfile.TemporaryDirectory() as folder:
        meter = Meter(photographs, Path(folder))
        table = measure(meter, severity)
        terms = fit(table)
        report = judged(table)
        sd = report["cross_validated"]["fidelity"]["rmse"]
        curves = fit_curves(meter, severity, table.top, terms, sd)
    written = {
        "made_by": "python -m lmms_cpllm.synthesis fit-opinion",
        "opinions": "KADID-10k (Lin, Hosu, Saupe, QoMEX 2019), means over 81 images",
        "photographs": count,
        "fidelity": {
            "top_dmos": round(table.top, 3),
            "terms": [_rounded(asdict(term)) for term in terms],
            "sd": sd,
            "figures": report,
        },
        "severity": {family: _rounded(asdict(curve)) for family, curve in curves.items()},
    }
    partial = out.with_name(f"{out.name}.part")
    partial.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, out)
    return written


def _rounded(values: Mapping[str, float | str]) -> dict[str, float | str]:
    return {name: value if isinstance(value, str) else float(f"{value:.4g}") for name, value in values.items()}
