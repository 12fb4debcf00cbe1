from __future__ import annotations

import copy
import json
import math

from lmms_cpllm.metrics.shares import Share, pooled


def test_a_share_is_a_number_with_a_count():
    share = Share([1, 0, 1, 1])
    assert (share, share.count) == (0.75, 4)
    assert json.dumps({"accuracy": share}) == '{"accuracy": 0.75}'
    again = copy.copy(share)
    assert (again, again.count) == (0.75, 4)


def test_no_items():
    share = Share([])
    assert (math.isnan(share), share.count) == (True, 0)
    assert (math.isnan(pooled([])), pooled([]).count) == (True, 0)


def test_parts_weigh_by_their_items_and_empty_ones_nothing():
    parts = [Share([1, 1, 0]), Share([0]), Share([])]
    whole = pooled(parts)
    assert (whole, whole.count) == (0.5, 4)
    assert pooled([whole, Share([1])]) == 0.6
