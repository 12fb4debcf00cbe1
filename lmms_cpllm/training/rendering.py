"""Renders a clean scene through a chain of links and measures every link against what it was given."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from lmms_cpllm.errors import DataError
from lmms_cpllm.synthesis.distortions import FAMILIES
from lmms_cpllm.synthesis.encode import LOSSLESS, NEAR_LOSSLESS, encode
from lmms_cpllm.synthesis.labels import full_reference
from lmms_cpllm.training.draws import Link


@dataclass(frozen=True)
class Measured:
    """What full-reference metrics say about a chain; which of it is a label is decided in `training.labelling`."""

    links: tuple[dict[str, float], ...]
    """Of each link against its own input."""
    whole: dict[str, float]
    """Of the finished clip against the clean scene; empty where nothing was done to it."""


def render_chain(clean: Sequence[np.ndarray], chain: Sequence[Link], fps: int, target: Path) -> Measured:
    """Writes the finished clip to `target` and measures it.

    Args:
        clean: uint8 `(height, width, 3)` RGB frames, even sides.
        chain: links in their order; the last codec of the chain delivers the clip if it is its last link, else H.264 at
            visually lossless quality does.
        fps: frames per second.
        target: the file, in the container of the codec that delivers it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        reference = _lossless(clean, folder / "0.mp4", fps)
        before, frames, links = reference, list(clean), []
        for number, link in enumerate(chain, 1):
            last = number == len(chain)
            if last and link.is_codec:
                encode(frames, target, link.encoding(), fps)
                after = target
            else:
                frames = _applied(frames, link, fps)
                after = _lossless(frames, folder / f"{number}.mp4", fps)
            if last and not link.is_codec:
                encode(frames, target, NEAR_LOSSLESS, fps)
            links.append(full_reference(before, after, len(clean)))
            before = after
        if not chain:
            encode(frames, target, NEAR_LOSSLESS, fps)
        whole = links[0] if len(chain) == 1 else full_reference(reference, target, len(clean)) if chain else {}
    return Measured(tuple(links), whole)


def _applied(frames: Sequence[np.ndarray], link: Link, fps: int) -> list[np.ndarray]:
    """The frames after one link that is not the delivery."""
    if not link.is_codec:
        return list(FAMILIES[link.family].apply(frames, link.strength, link.seed))
    buffer = io.BytesIO()
    encode(frames, buffer, link.encoding(), fps)
    buffer.seek(0)
    with av.open(buffer) as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    if len(decoded) != len(frames):
        raise DataError(f"{link.family}: {len(decoded)} frames came back of {len(frames)} that were encoded")
    return decoded


def _lossless(frames: Sequence[np.ndarray], path: Path, fps: int) -> Path:
    encode(frames, path, LOSSLESS, fps)
    return path
