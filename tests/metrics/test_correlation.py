"""Correlations against scipy, the logistic fit, and the rules for what is not defined."""

import math
import warnings

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from lmms_cpllm.metrics import correlation
from lmms_cpllm.metrics.correlation import fit_logistic4, krcc, logistic4, plcc, plcc_fit, rmse, rmse_fit, srcc

CORRELATIONS = (srcc, krcc, plcc, plcc_fit)
METRICS = (*CORRELATIONS, rmse, rmse_fit)


def cases():
    """Seeded pairs of lists of many sizes; every second one full of ties."""
    for seed in range(30):
        generator = np.random.default_rng(seed)
        size = int(generator.integers(3, 300))
        x = generator.normal(50, 15, size)
        y = 1 + 4 / (1 + np.exp(-(x - 50) / 12)) + generator.normal(0, 0.4, size)
        yield (np.round(x, -1), np.round(y)) if seed % 2 else (x, y)


@pytest.mark.parametrize(("x", "y"), list(cases()))
def test_equal_to_scipy(x, y):
    assert srcc(x, y) == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-12)
    assert krcc(x, y) == pytest.approx(scipy.stats.kendalltau(x, y).statistic, abs=1e-12)
    assert plcc(x, y) == pytest.approx(scipy.stats.pearsonr(x, y).statistic, abs=1e-12)
    assert rmse(x, y) == pytest.approx(
        math.sqrt(sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / len(x)), abs=1e-12
    )


def test_ties_get_average_ranks():
    x, y = [1, 2, 2, 3], [1, 3, 2, 4]
    by_hand = scipy.stats.pearsonr([1, 2.5, 2.5, 4], [1, 3, 2, 4]).statistic
    assert srcc(x, y) == pytest.approx(by_hand, abs=1e-12)
    # tau-b: 5 concordant, 0 discordant, one tie in x: 5 / sqrt(5 * 6)
    assert krcc(x, y) == pytest.approx(5 / math.sqrt(30), abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("size", [0, 1, 2])
def test_fewer_than_three_items_are_nan(metric, size):
    assert math.isnan(metric([1.0, 2.0][:size], [1.0, 3.0][:size]))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_gives_nan(metric, value):
    assert math.isnan(metric([1, 2, 3, value, 5, 6], [1, 2, 3, 4, 5, 7]))
    assert math.isnan(metric([1, 2, 3, 4, 5, 7], [1, 2, 3, value, 5, 6]))


@pytest.mark.parametrize("metric", CORRELATIONS)
def test_a_constant_has_no_correlation_and_warns_of_nothing(metric):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan(metric([50.0] * 6, [1, 2, 3, 4, 5, 6]))
        assert math.isnan(metric([1, 2, 3, 4, 5, 6], [3.0] * 6))


@pytest.mark.parametrize("metric", METRICS)
def test_unequal_lengths_are_refused(metric):
    message = r"^predictions have shape \(3,\) and MOS \(2,\), expected two lists of equal length$"
    with pytest.raises(ValueError, match=message):
        metric([1, 2, 3], [1, 2])


def test_inputs_are_left_as_they_were():
    x, y = np.array([3.0, 1.0, 2.0, 5.0, 4.0, 6.0]), np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    for metric in METRICS:
        metric(x, y)
    assert x.tolist() == [3.0, 1.0, 2.0, 5.0, 4.0, 6.0]
    assert y.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_logistic_is_the_published_formula_and_does_not_overflow():
    x = np.array([-3.0, 0.0, 2.0])
    expected = 1 + (5 - 1) / (1 + np.exp(-(x - 0.5) / abs(-2.0)))
    assert logistic4(x, 5, 1, 0.5, -2.0) == pytest.approx(expected, abs=1e-12)
    with np.errstate(all="raise"):
        assert logistic4(np.array([-1e9, 1e9]), 5.0, 1.0, 0.0, 1e-3).tolist() == [1.0, 5.0]


def test_fit_finds_the_logistic_that_made_the_data():
    x = np.linspace(0, 100, 60)
    fit = fit_logistic4(x, logistic4(x, 4.5, 1.2, 55.0, 9.0))
    assert fit.kind == "logistic"
    b1, b2, b3, b4 = fit.parameters
    assert (b1, b2, b3, abs(b4)) == pytest.approx((4.5, 1.2, 55.0, 9.0), abs=1e-6)
    assert plcc_fit(x, logistic4(x, 4.5, 1.2, 55.0, 9.0)) == pytest.approx(1.0, abs=1e-9)
    assert rmse_fit(x, logistic4(x, 4.5, 1.2, 55.0, 9.0)) == pytest.approx(0.0, abs=1e-6)


def test_fit_is_that_of_curve_fit_from_the_published_start():
    generator = np.random.default_rng(5)
    x = generator.uniform(0, 100, 200)
    y = logistic4(x, 4.6, 1.1, 48, 14) + generator.normal(0, 0.3, 200)

    def published(x, b1, b2, b3, b4):  # as in MinimalisticVQA and ModularBVQA
        return b2 + (b1 - b2) / (1 + np.exp(-(x - b3) / np.abs(b4)))

    start = [np.max(y), np.min(y), np.mean(x), np.std(x) / 4]
    parameters, _ = scipy.optimize.curve_fit(published, x, y, p0=start, maxfev=100_000)
    fitted = published(x, *parameters)
    assert plcc_fit(x, y) == pytest.approx(scipy.stats.pearsonr(fitted, y).statistic, abs=1e-9)
    assert rmse_fit(x, y) == pytest.approx(np.sqrt(np.mean((fitted - y) ** 2)), abs=1e-9)
    assert plcc_fit(x, y) > plcc(x, y)


@pytest.mark.parametrize(("scale", "offset"), [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e4)])
def test_fit_does_not_depend_on_the_scale_of_the_predictions(scale, offset):
    generator = np.random.default_rng(3)
    x = generator.normal(50, 20, 150)
    y = logistic4(x, 4.6, 1.1, 48, 14) + generator.normal(0, 0.3, 150)
    assert rmse_fit(x * scale + offset, y) == pytest.approx(rmse_fit(x, y), rel=1e-4)


def test_a_falling_prediction_is_fitted_too():
    x = np.linspace(0, 100, 50)
    assert plcc_fit(-x, logistic4(x, 4.5, 1.2, 50, 12)) > 0.99
    assert srcc(-x, logistic4(x, 4.5, 1.2, 50, 12)) == pytest.approx(-1.0)


def test_a_search_that_does_not_converge_gives_the_line(monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("Optimal parameters not found: Number of calls to function has reached maxfev = 20000.")

    generator = np.random.default_rng(1)
    x = generator.normal(size=40)
    y = 2 * x + 3 + generator.normal(0, 0.1, 40)
    monkeypatch.setattr(scipy.optimize, "curve_fit", fail)
    fit = fit_logistic4(x, y)
    assert fit.kind == "line"
    assert fit.parameters == pytest.approx(np.polyfit(x, y, 1), abs=1e-9)
    assert fit.fitted == pytest.approx(np.polyval(np.polyfit(x, y, 1), x), abs=1e-9)
    assert plcc_fit(x, y) == pytest.approx(plcc(x, y), abs=1e-12)


@pytest.mark.parametrize("parameters", [(math.nan, 1.0, 1.0, 1.0), (9.0, 9.0, 0.0, 1.0)])
def test_a_search_that_ends_nowhere_gives_the_line(monkeypatch, parameters):
    monkeypatch.setattr(scipy.optimize, "curve_fit", lambda *args, **kwargs: (np.array(parameters), None))
    assert fit_logistic4([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 7]).kind == "line"


def test_a_fit_is_never_worse_than_a_line():
    for x, y in cases():
        if np.ptp(x) and np.ptp(y):
            line = np.polyval(np.polyfit(x, y, 1), x)
            assert rmse_fit(x, y) <= np.sqrt(np.mean((line - y) ** 2)) + 1e-9


@pytest.mark.parametrize("size", [3, 4])
def test_too_few_items_for_four_parameters_get_the_line(size):
    assert fit_logistic4([1, 2, 3, 5][:size], [1, 3, 2, 4][:size]).kind == "line"


def test_constant_predictions_are_mapped_onto_the_mean():
    fit = fit_logistic4([50.0] * 4, [1, 2, 3, 4])
    assert fit.kind == "line"
    assert fit.fitted.tolist() == [2.5] * 4
    assert rmse_fit([50.0] * 4, [1, 2, 3, 4]) == pytest.approx(np.std([1, 2, 3, 4]), abs=1e-12)
    assert rmse_fit([1, 2, 3, 4, 5], [3.0] * 5) == 0.0


def test_nothing_to_fit_is_said():
    fit = fit_logistic4([1, 2], [1, 2])
    assert (fit.kind, fit.parameters) == ("none", ())
    assert np.isnan(fit.fitted).all()


def test_docstring_example():
    assert srcc([1, 2, 3, 4], [10, 20, 40, 30]) == pytest.approx(0.8)
    assert correlation.MIN_ITEMS == 3
