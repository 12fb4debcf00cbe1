"""Fisher's z against the numbers of a table and of its own formula."""

from __future__ import annotations

import math

import pytest

from lmms_cpllm.metrics.significance import fisher_z


def test_a_known_difference():
    # z(.9) = 1.4722, z(.8) = 1.0986; standard deviation sqrt(2 / 97) = 0.14359
    test = fisher_z(0.9, 0.8, 100, 100)
    assert test.statistic == pytest.approx((1.47222 - 1.09861) / 0.143593, abs=1e-4)
    assert test.p == pytest.approx(0.00927, abs=1e-4)
    turned = fisher_z(0.8, 0.9, 100, 100)
    assert (turned.statistic, turned.p) == (-test.statistic, test.p)


def test_other_numbers_of_items():
    assert fisher_z(0.5, 0.0, 103, 28).statistic == pytest.approx(0.549306 / math.sqrt(1 / 100 + 1 / 25), abs=1e-5)


def test_edges():
    assert (fisher_z(0.5, 0.5, 10, 20).statistic, fisher_z(0.5, 0.5, 10, 20).p) == (0.0, 1.0)
    assert (fisher_z(1.0, 1.0, 10, 10).statistic, fisher_z(1.0, 0.9, 10, 10).p) == (0.0, 0.0)
    assert fisher_z(-1.0, 1.0, 10, 10).statistic == -math.inf
    for wrong in (fisher_z(0.5, 0.4, 3, 100), fisher_z(math.nan, 0.4, 100, 100)):
        assert math.isnan(wrong.statistic)
        assert math.isnan(wrong.p)
