"""Light, texture and motion of a clean scene, and what it shows: the words of `facts`, from frames and ImageNet classes.

Frames are uint8 (T, H, W, 3) RGB, T at least 1. They are looked at with a shorter side of 144 pixels, so that the words
do not depend on the resolution, and without black bars, which are no part of the scene.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np

_SIDE = 144
_FRAMES = 8  # looked at for light and texture, evenly spread; these change slowly
_BLACK = 16  # 8-bit luma of limited range's black: darker borders are bars

# Mean 8-bit luma. A grey card of 18 % is 118 in sRGB, two stops less 60, one stop more 162: what lies outside is darker or
# brighter than a camera's metering makes an ordinary scene.
_DARK, _BRIGHT = 60.0, 162.0

# Standard deviation of 8-bit luma in blocks of 8x8 pixels: below 5 nothing is in a block that could mask a distortion (a
# sky, a wall), above 15 it is full of texture. Then the share of such blocks. The spatial information of ITU-T P.910 does
# not serve: it is the spread of the edges, and even grass and gravel, which mask most, score lower than a portrait.
_BLOCK = 8
_SMOOTH, _BUSY = 5.0, 15.0
_FLAT_SHARE, _BUSY_SHARE = 0.5, 0.6

# Picture heights per second. A pan that takes less than 7 s for a picture's width (16:9) is too fast for detail to be
# followed at 24 frames per second (American Cinematographer Manual): 0.25. The steps below are a third and a tenth of that.
_STILL, _SLOW, _FAST = 0.01, 0.08, 0.25

# Classes of ImageNet-1k. Clothes are nearly always worn in ImageNet; outdoor things of no group, bridges, mushrooms and
# web sites are left out. What is in no list is an object.
_CLASSES = {
    "people": "399-400 416 430 433 439 445 451 457 465 474 501 515 518 524 560 568 578 601-602 608 610 614 617 638-639 652 "
    "655 667 689 697 702 715 735 775 796 808 824 834 841-842 869 887 890 906 981-983",
    "animals": "0-397",
    "plants": "946 984-986 988-990",
    "landscapes": "970 972-980",
    "buildings": "425 437 442 449 483 497 500 538 580 660 663 668 698 727 743 832 853 858 873 884 900 915",
    "vehicles": "403-405 407-408 417 436 444 450 466 468 472 484 510-511 537 547 554-555 561 565 569 573 575-576 586 595 "
    "603 609 612 625 627-628 654 656 661 665 670-671 675 690 705 717 734 751 757 779-780 802-803 812 814 817 820 829 "
    "833 847 856 864 866-867 870-871 874 880 895 913-914",
    "food": "923-945 948-957 959-967 969 987",
    "rooms": "406 415 423-424 435 453-454 467 493 495 498 509 516 520 526 532 534 548 553 559 564 582 598 624 648 736 760 "
    "762 765 788-789 794 799 819 827 831 854 857 860-861 865 876 894 896 904-905",
    "": "410 460 489 525 536 562 634 646 649 672 682 703-704 706 708 716 718 733 755 815 821 825 839 863 888 912 916 947 "
    "958 971 991-997",
}


def light_of(frames: np.ndarray) -> str:
    """`dark`, `normal` or `bright`, by the mean luma (BT.601) of the whole scene."""
    mean = float(np.mean([_luma(frame).mean() for frame in _some(_without_bars(frames))]))
    return "dark" if mean < _DARK else "bright" if mean > _BRIGHT else "normal"


def texture_of(frames: np.ndarray) -> str:
    """`flat`, `textured` or `busy`: whether half of the picture is smooth, or most of it is full of texture."""
    spreads = [_block_spread(_luma(frame)) for frame in _some(_without_bars(frames))]
    smooth = float(np.mean([(spread < _SMOOTH).mean() for spread in spreads]))
    full = float(np.mean([(spread > _BUSY).mean() for spread in spreads]))
    return "flat" if smooth >= _FLAT_SHARE else "busy" if full >= _BUSY_SHARE else "textured"


def speed_of(frames: np.ndarray, fps: float) -> float:
    """How fast the picture moves, in picture heights (shorter sides) per second; 0 for a single frame.

    The optical flow of each pair of neighbours (Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016),
    its root mean square over the picture, so that a small thing that moves fast counts, and the mean over time.

    Raises:
        ValueError: fps is not above 0.
    """
    if not fps > 0:
        raise ValueError(f"fps is {fps}, expected a number above 0")
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    pictures = [np.rint(_luma(frame)).astype(np.uint8) for frame in _without_bars(frames)]
    steps = [flow.calc(before, after, None) for before, after in itertools.pairwise(pictures)]
    lengths = [float(np.sqrt(np.square(step).sum(axis=-1).mean())) for step in steps]
    return float(np.mean(lengths)) * fps / _SIDE if lengths else 0.0


def motion_of(frames: np.ndarray, fps: float) -> str:
    """`still`, `slow`, `moderate` or `fast`, by `speed_of`."""
    speed = speed_of(frames, fps)
    return "still" if speed < _STILL else "slow" if speed < _SLOW else "moderate" if speed < _FAST else "fast"


def subject_of_class(index: int) -> str:
    """What a class of ImageNet-1k (0..999, in the order of the challenge of 2012) shows: one of `facts.SUBJECTS`, or "".

    Raises:
        ValueError: no such class.
    """
    if not 0 <= index < len(_SUBJECT_OF):
        raise ValueError(f"class is {index}, expected 0..{len(_SUBJECT_OF) - 1}")
    return _SUBJECT_OF[index]


def _listed() -> tuple[str, ...]:
    subjects = ["objects"] * 1000
    for subject, listed in _CLASSES.items():
        for part in listed.split():
            first, _, last = part.partition("-")
            for index in range(int(first), int(last or first) + 1):
                subjects[index] = subject
    return tuple(subjects)


_SUBJECT_OF = _listed()


def _some(frames: np.ndarray) -> np.ndarray:
    return frames[np.unique(np.linspace(0, len(frames) - 1, _FRAMES).round().astype(int))]


def _luma(frame: np.ndarray) -> np.ndarray:
    """Float luma, shrunk by area averaging (or enlarged) to a shorter side of 144."""
    grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY).astype(np.float32)
    scale = _SIDE / min(grey.shape)
    size = (max(_SIDE, round(grey.shape[1] * scale)), max(_SIDE, round(grey.shape[0] * scale)))
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def _block_spread(luma: np.ndarray) -> np.ndarray:
    """Standard deviation of each whole block, (rows, columns)."""
    rows, columns = (side // _BLOCK for side in luma.shape)
    blocks = luma[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    return blocks.std(axis=(1, 3))


def _without_bars(frames: np.ndarray) -> np.ndarray:
    """The frames without the rows and columns at their edges that are black throughout: bars do not come and go."""
    lightest = _some(frames).max(axis=0).max(axis=-1)
    rows, columns = ((lightest.max(axis=axis) > _BLACK).nonzero()[0] for axis in (1, 0))
    if len(rows) == 0:
        return frames  # all black: a scene of its own
    return frames[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
