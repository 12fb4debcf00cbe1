"""Many files, in this process and in others: order, failures, raw video."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from lmms_cpllm.baselines.bitrate import bits_per_pixel
from lmms_cpllm.baselines.measuring import Measured, measure_files, numbers_of
from lmms_cpllm.errors import UserError, VideoError
from lmms_cpllm.raw_video import RawFormat, declare


def length(path: str, extra: float) -> float:
    if path == "broken":
        raise VideoError(path, "it is broken")
    return len(path) + extra if path != "odd" else np.nan


def killed(path: str) -> float:
    os._exit(1)


@pytest.mark.parametrize("workers", [1, 2])
def test_numbers_come_in_order_and_failures_say_why(workers: int) -> None:
    found = list(measure_files(length, [("four", 0.5), ("broken", 0), ("odd", 0), ("a", 1)], workers))
    assert [one.reason for one in found] == ["", "it is broken", "the measure gave nan", ""]
    np.testing.assert_array_equal([one.number for one in found], [4.5, np.nan, np.nan, 2])


@pytest.mark.parametrize("workers", [1, 2])
def test_raw_video_is_known_in_every_process(workers: int, tmp_path: Path) -> None:
    paths = [tmp_path / f"{place}.yuv" for place in range(3)]
    for path in paths:
        np.zeros(64 * 48 * 3 // 2 * 2, np.uint8).tofile(path)
        declare(str(path), RawFormat(64, 48, 30))
    found = list(measure_files(bits_per_pixel, [(str(path),) for path in paths], workers))
    assert found == [Measured(pytest.approx(12), "")] * 3, "4:2:0 with 8 bits"


def test_a_process_that_dies_is_no_traceback() -> None:
    with pytest.raises(UserError, match=r"a process that measures videos was killed.*\n.*fewer workers"):
        list(measure_files(killed, [("a",), ("b",)], 2))


def test_a_long_list_of_reasons_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    found = numbers_of("T", [f"{i}.mp4" for i in range(9)], [Measured(1.0, "")] + [Measured(np.nan, "odd")] * 8)
    assert np.isfinite(found).tolist() == [True] + [False] * 8
    assert "T: 8 of 9 files" in caplog.text
    assert "5.mp4: odd; 3 more" in caplog.text
    assert "6.mp4" not in caplog.text
