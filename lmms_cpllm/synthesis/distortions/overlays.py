"""What is laid over a picture on purpose: bars and captions. Harmless: none of it is a fault of quality.

Functions take and give uint8 (height, width, 3) RGB frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Height of a caption's letters and its distance from the lower edge, as shares of the frame's height.
_LETTERS, _MARGIN = 0.06, 0.06


def letterbox(frames: Iterable[np.ndarray], aspect: float) -> Iterator[np.ndarray]:
    """Black bars that leave a picture of another shape in the middle; nothing is scaled.

    Args:
        frames: the clip.
        aspect: width over height of what is left; bars lie above and below where it is wider than the frame, left and
            right where it is narrower.
    """
    for frame in frames:
        height, width = frame.shape[:2]
        bar_y = max(0, round((height - width / aspect) / 2))
        bar_x = max(0, round((width - height * aspect) / 2))
        framed = np.zeros_like(frame)
        window = (slice(bar_y, height - bar_y), slice(bar_x, width - bar_x))
        framed[window] = frame[window]
        yield framed


def caption(frames: Iterable[np.ndarray], text: str, at: str = "bottom") -> Iterator[np.ndarray]:
    """White letters with a black rim, the same in every frame.

    Args:
        frames: the clip.
        text: one line.
        at: `bottom` (subtitle, centred) or `corner` (logo or clock, upper right).

    Raises:
        ValueError: another place.
    """
    if at not in ("bottom", "corner"):
        raise ValueError(f"unknown place {at!r}; allowed: bottom, corner")
    for frame in frames:
        height, width = frame.shape[:2]
        picture = Image.fromarray(frame)
        font = ImageFont.load_default(max(8.0, height * _LETTERS))
        margin = round(height * _MARGIN)
        where, anchor = ((width // 2, height - margin), "md") if at == "bottom" else ((width - margin, margin), "ra")
        rim = max(1, height // 240)
        draw = ImageDraw.Draw(picture)
        draw.text(where, text, (255, 255, 255), font, anchor, stroke_width=rim, stroke_fill=(0, 0, 0))
        yield np.asarray(picture)
