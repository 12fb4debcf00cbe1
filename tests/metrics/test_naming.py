"""Precision, recall and F1 of named kinds."""

import math
import warnings

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from lmms_cpllm.metrics.lexicon import KINDS
from lmms_cpllm.metrics.naming import Counts, naming


def drawn(rng, items, share):
    table = rng.random((items, len(KINDS))) < share
    return table, [{kind for kind, there in zip(KINDS, row, strict=True) if there} for row in table]


@pytest.mark.parametrize("seed", range(5))
def test_the_figures_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    known_table, known = drawn(rng, 60, 0.08)
    flips = rng.random(known_table.shape) < 0.05
    named_table = known_table ^ flips
    named = [{kind for kind, there in zip(KINDS, row, strict=True) if there} for row in named_table]
    result = naming(named, known)

    def reference(average):
        return precision_recall_fscore_support(known_table, named_table, average=average, zero_division=np.nan)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # kinds that are not known of any item
        micro, per_kind = reference("micro"), reference(None)
    assert (result.micro.precision, result.micro.recall, result.micro.f1) == pytest.approx(micro[:3])
    for index, kind in enumerate(KINDS):
        own = result.kinds[kind]
        expected = [figures[index] for figures in per_kind[:3]]
        assert [own.precision, own.recall, own.f1] == pytest.approx(expected, nan_ok=True)
        assert own.hits + own.misses == per_kind[3][index]
    seen = per_kind[3] > 0
    assert result.macro_f1 == pytest.approx(per_kind[2][seen].mean())
    assert result.exact == pytest.approx((known_table == named_table).all(axis=1).mean())


def test_silence_earns_nothing():
    result = naming([set(), None], [{"blur"}, {"noise"}])
    assert math.isnan(result.micro.precision)
    assert result.micro.recall == 0
    assert result.micro.f1 == 0
    assert result.macro_f1 == 0
    assert result.exact == 0
    assert result.answered == 0.5
    assert result.count == 2


def test_clean_items():
    result = naming([set(), {"blur"}, None, {"blur"}], [set(), set(), set(), {"blur"}])
    assert result.silent_when_clean == pytest.approx(1 / 3)
    assert result.exact == 0.5
    assert result.micro == Counts(1, 1, 0)
    nothing = naming([set()], [set()])
    assert math.isnan(nothing.micro.f1)
    assert math.isnan(nothing.macro_f1)
    assert nothing.exact == nothing.silent_when_clean == 1
    assert math.isnan(naming([{"blur"}], [{"blur"}]).silent_when_clean)


def test_none_at_all():
    result = naming([], [])
    assert result.count == 0
    assert all(map(math.isnan, (result.answered, result.micro.f1, result.macro_f1, result.exact)))
    assert set(result.kinds) == set(KINDS)


def test_a_kind_that_is_only_named_costs_micro_precision_and_not_the_macro_mean():
    result = naming([{"blur", "noise"}], [{"blur"}])
    assert result.macro_f1 == 1
    assert result.micro.precision == 0.5
    assert result.kinds["noise"] == Counts(0, 1, 0)
    assert math.isnan(result.kinds["noise"].recall)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"^1 answers and 2 items, expected equal numbers$"):
        naming([set()], [set(), set()])
    with pytest.raises(ValueError, match=r"^kind is 'fog', expected some of compression, blur, "):
        naming([{"fog"}], [set()])
