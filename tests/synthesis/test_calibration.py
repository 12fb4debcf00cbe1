"""The fit finds constants that are known, its inputs are checked at the door, and a tiny one runs from end to end."""

import csv
import json

import cv2
import numpy as np
import pytest

from lmms_cpllm.errors import DataError
from lmms_cpllm.synthesis import calibration, calibration_curves, opinion
from lmms_cpllm.synthesis.__main__ import main
from lmms_cpllm.synthesis.calibration import COLOUR_ONLY, LIKE_CODECS, UNCHANGED, WEIGHTS, Table
from lmms_cpllm.synthesis.distortions import FAMILIES
from lmms_cpllm.synthesis.distortions.kadid import KADID
from lmms_cpllm.synthesis.labels import PERFECT_VMAF
from lmms_cpllm.synthesis.opinion import SEVERITY_FAMILIES, Term, dmos_of

ROWS = [(name, level) for name in KADID for level in range(1, 6)]
TRUTH = (Term("vmaf", 25.0, 1.8), Term("aim", 0.15, 1.2), Term("chroma_error", 12.0, 2.0))


def write_severity(path, opinions, columns=("distortion", "level", "mean_dmos")):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows((*row, value) for row, value in opinions.items())
    return path


def write_photographs(folder, count, size):
    """Photographs of coloured smooth shapes with some detail."""
    folder.mkdir()
    rng = np.random.default_rng(3)
    for index in range(count):
        small = rng.integers(0, 256, (9, 12, 3), np.uint8)
        image = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC) // 2 + rng.integers(40, 90, (1, 1, 3))
        image = image + rng.normal(0, 6, image.shape)
        cv2.imwrite(str(folder / f"{index}.png"), np.clip(image, 0, 255).astype(np.uint8))
    return folder


def made_up_table():
    """Features at random and the opinions that follow from `TRUTH`."""
    rng = np.random.default_rng(1)
    rows = tuple((name, level) for name in WEIGHTS for level in range(1, 6))
    shape = (len(rows), 3)
    features = {
        "vmaf": PERFECT_VMAF - rng.uniform(0, 90, shape),
        "aim": rng.uniform(0, 0.5, shape),
        "chroma_error": rng.uniform(0, 20, shape),
        "psnr_y": rng.uniform(20, 50, shape),
    }
    return Table(rows, dmos_of(features, TRUTH, 4.6).mean(axis=1), features, 4.6)


def test_every_row_of_the_table_is_read(tmp_path):
    opinions = {row: 1 + index / 50 for index, row in enumerate(ROWS)}
    assert calibration.read_severity(write_severity(tmp_path / "s.csv", opinions)) == opinions


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({("jpeg", 3): 5.2}, r"s.csv: \('jpeg', 3\) has a mean opinion of 5.2, expected 1..5"),
        ({("jpeg", 3): None}, r"s.csv: expected 125 rows, 1 are missing, first \('jpeg', 3\)"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, change, message):
    opinions = {row: value for row, value in ({row: 3.0 for row in ROWS} | change).items() if value is not None}
    with pytest.raises(DataError, match=message):
        calibration.read_severity(write_severity(tmp_path / "s.csv", opinions))


def test_a_wrong_table_is_named(tmp_path):
    path = write_severity(tmp_path / "s.csv", dict.fromkeys(ROWS, 3.0), ("distortion", "level", "mos"))
    with pytest.raises(DataError, match=r"expected rows with columns distortion, level, mean_dmos; missing: mean_dmos"):
        calibration.read_severity(path)
    with pytest.raises(DataError, match=r"none.csv: expected a table of mean opinions, found none"):
        calibration.read_severity(tmp_path / "none.csv")


def test_photographs_are_cut_to_shape_and_shrunk(tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "SIZE", (64, 48))
    folder = write_photographs(tmp_path / "photos", 3, (150, 100))
    (folder / "notes.txt").write_text("no photograph")
    cv2.imwrite(str(folder / "small.png"), np.zeros((90, 140, 3), np.uint8))
    wide = np.zeros((96, 256, 3), np.uint8)
    wide[:, 64:192] = (0, 0, 255)
    cv2.imwrite(str(folder / "9.png"), wide)
    found = calibration.load_photographs(folder, 4)
    assert [image.shape for image in found] == [(48, 64, 3)] * 4
    # The middle of the wide one is all there is left, in RGB.
    assert (found[-1] == (255, 0, 0)).all()
    assert len(calibration.load_photographs(folder, 2)) == 2
    with pytest.raises(DataError, match=r"photos: expected 5 photographs of 128x96 pixels or more, found 4"):
        calibration.load_photographs(folder, 5)


def test_the_fit_finds_the_truth():
    found = calibration.fit(made_up_table())
    for term, truth in zip(found, TRUTH, strict=True):
        assert term.feature == truth.feature
        assert term.half == pytest.approx(truth.half, rel=0.01)
        assert term.exponent == pytest.approx(truth.exponent, rel=0.01)


def test_a_distortion_is_predicted_by_a_fit_that_has_not_seen_it():
    table = made_up_table()
    lie = np.where(table.mask(("jpeg",)), 6 - table.dmos, table.dmos)
    lied = Table(table.rows, lie, table.features, table.top)
    jpeg = table.mask(("jpeg",))
    # Without the lie in the fit the truth comes out, and the lie is as far from it as it was made.
    assert calibration.cross_validated(lied)[jpeg] == pytest.approx(table.dmos[jpeg], abs=0.02)


def test_figures_count_and_compare():
    table = made_up_table()
    chosen = table.mask(LIKE_CODECS)
    assert calibration.figures(table.dmos, table, LIKE_CODECS) == {"rows": 25, "rmse": 0.0, "srcc": 1.0, "plcc": 1.0}
    worse = table.dmos + np.where(chosen, 0.5, 9.0)
    assert calibration.figures(worse, table, LIKE_CODECS)["rmse"] == 0.5


def test_groups_are_of_distortions_that_there_are():
    assert set(COLOUR_ONLY) | set(LIKE_CODECS) <= set(WEIGHTS) <= set(KADID)
    assert not set(COLOUR_ONLY) & set(LIKE_CODECS)


def test_unchanged_rows_are_the_image_itself():
    image = cv2.resize(np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8), (64, 48))
    for name, level in UNCHANGED:
        assert np.abs(KADID[name](image, level).astype(int) - image).max() <= 1


def test_statistics():
    grey = [np.full((8, 8, 3), 100, np.uint8)]
    assert calibration_curves.luma_change(grey, [grey[0] - 30]) == pytest.approx(30)
    checks = [np.indices((8, 8)).sum(axis=0)[..., None].repeat(3, axis=2) % 2 * np.uint8(100)]
    assert calibration_curves.luma_change(checks, [100 - checks[0]]) == pytest.approx(0)
    assert calibration_curves.luma_error(checks, [100 - checks[0]]) == pytest.approx(100)
    red = [np.full((8, 8, 3), (150, 100, 100), np.uint8)]
    half = [np.full((8, 8, 3), (132, 107, 107), np.uint8)]
    assert calibration_curves.chroma_loss(red, half) == pytest.approx(0.5, abs=0.01)
    assert calibration_curves.chroma_gain(half, red) == pytest.approx(1, abs=0.01)


def test_a_level_is_translated_into_the_strength_that_does_as_much(tmp_path):
    photographs = [
        cv2.resize(cv2.imread(str(path)), (96, 72))
        for path in sorted(write_photographs(tmp_path / "p", 3, (96, 72)).iterdir())
    ]
    strengths = calibration_curves.translated(photographs, "overexposure")
    assert strengths == sorted(strengths)
    brighter = list(FAMILIES["overexposure"].apply(photographs, strengths[2], 0))
    level = [KADID["brighten"](image, 3) for image in photographs]
    change = calibration_curves.luma_change
    assert change(photographs, brighter) == pytest.approx(change(photographs, level), rel=0.05)
    # KADID-10k's own factor of saturation is nearly the family's percentage.
    assert calibration_curves.translated(photographs, "desaturation") == pytest.approx([60, 80, 90, 100], abs=1.5)


def test_a_curve_is_found_again():
    truth = opinion.Curve(neutral=1.0, half=2.0, slope=1.7, floor=0.0, sd=0.0)
    strengths = [1.5, 2.5, 4.0, 8.0]
    found = calibration_curves.fit_curve(1.0, strengths, [truth.share(s) for s in strengths], with_floor=False)
    assert (found.half, found.slope, found.floor) == (pytest.approx(2.0, rel=1e-3), pytest.approx(1.7, rel=1e-3), 0.0)
    assert found.sd < 1e-3
    with_floor = calibration_curves.fit_curve(0.0, [60, 80, 90, 100], [0.49, 0.37, 0.35, 0.345], with_floor=True)
    assert 0.2 < with_floor.floor < 0.345


def test_from_a_table_and_photographs_to_a_file(tmp_path, monkeypatch, capsys):
    pytest.importorskip("imageio_ffmpeg")
    monkeypatch.setattr(calibration, "SIZE", (96, 72))
    weights = {name: WEIGHTS[name] for name in ("gaussian_blur", "white_noise", "saturation_decrease")}
    monkeypatch.setattr(calibration, "WEIGHTS", weights)
    monkeypatch.setattr(calibration_curves, "_CAST_STRENGTHS", (0.3, 1.0, 3.0))
    severity = write_severity(tmp_path / "s.csv", {(name, level): 4.8 - 0.7 * level for name, level in ROWS})
    folder = write_photographs(tmp_path / "photos", 3, (200, 150))
    out = tmp_path / "opinion.json"
    main(["fit-opinion", "--severity", str(severity), "--photographs", str(folder), "--count", "3", "--out", str(out)])
    assert capsys.readouterr().out.startswith(f"{out}: cross-validated rows 10, rmse ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["opinion.json", "photos", "s.csv"]
    constants = opinion.read(out)
    assert [term.feature for term in constants.terms] == ["vmaf", "aim", "chroma_error"]
    assert all(term.half > 0 and 0.5 <= term.exponent <= 4 for term in constants.terms)
    assert tuple(constants.curves) == SEVERITY_FAMILIES
    written = json.loads(out.read_text())
    assert written["photographs"] == 3
    assert written["fidelity"]["figures"]["in_sample"]["like_codecs"]["rows"] == 5
