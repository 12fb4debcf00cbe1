"""What the decode tests share: a small plan and comparisons of clips."""

import dataclasses

import numpy as np
from clips import read_number

from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.video import STRATEGIES, Clip, decode

PLAN = ViewPlan(context_frames=6, context_size=(48, 64), pixel_moments=3, pixel_crops=2, pixel_frames=2, crop_size=32)


def numbers(clip: Clip) -> list[int]:
    return [read_number(picture) for picture in clip.context]


def assert_same(one: Clip, other: Clip) -> None:
    np.testing.assert_array_equal(one.context, other.context)
    np.testing.assert_array_equal(one.pixel, other.pixel)
    np.testing.assert_array_equal(one.context_seconds, other.context_seconds)
    np.testing.assert_array_equal(one.pixel_seconds, other.pixel_seconds)
    assert dataclasses.replace(one.info, path="") == dataclasses.replace(other.info, path="")


def assert_same_every_way(path, plan=PLAN) -> Clip:
    first = decode(path, plan, strategy="linear", threads=1)
    for strategy in STRATEGIES:
        for threads in (1, 4):
            assert_same(decode(path, plan, strategy=strategy, threads=threads), first)
    return first
