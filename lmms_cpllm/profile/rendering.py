"""Clips to measure: a photograph that a shaking hand films with a little noise, H.264, as users' clips are.

Ten minutes are a shorter piece whose packets are written again and again, so that rendering them takes a minute; for a
decoder they are ten minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
from tqdm import tqdm

from lmms_cpllm.synthesis.distortions.sensor import noise
from lmms_cpllm.synthesis.encode import encode, encoding
from lmms_cpllm.synthesis.recipe import PHOTOGRAPHS
from lmms_cpllm.synthesis.scenes import Camera, Scene, frames

_CRF = 23  # x264's own choice
_NOISE = 2.0
# Photograph pixels that the view is wide: magnified for larger pictures, so that it stays inside.
_VIEW_WIDTH = 640
_PHOTOGRAPH = "motorcycle"


@dataclass(frozen=True)
class Film:
    """A clip that is made to be measured."""

    width: int
    """Even."""
    height: int
    """Even; at most 3/4 of the width."""
    fps: int
    piece_s: float
    """What is rendered and encoded."""
    repeats: int = 1
    """How often the piece is shown."""
    gop_s: float | None = None
    """From one key frame to the next; x264's own choice (250 frames, one GOP in 8 s) where it is None."""
    preset: str = "medium"
    """Of x264."""

    @property
    def seconds(self) -> float:
        return self.piece_s * self.repeats

    @property
    def title(self) -> str:
        return f"{self.seconds:g} s {self.width}x{self.height}"


SHORT = Film(960, 540, 30, 8.0)
_LONG_PIECE_S = 10.0
LONG_S = 600.0


def long_film(seconds: float = LONG_S) -> Film:
    """1080p with a key frame every two seconds, as platforms deliver it, in whole pieces of at most 10 s."""
    repeats = max(round(seconds / _LONG_PIECE_S), 1)
    return Film(1920, 1080, 30, seconds / repeats, repeats, gop_s=2.0, preset="veryfast")


def render_film(film: Film, path: Path) -> Path:
    """Write a film as MP4, with a progress bar; gives the path.

    Raises:
        DataError: the photograph or the encoder is missing.
    """
    camera = Camera((0.1, 0.3), (0.9, 0.7), (film.width / _VIEW_WIDTH,) * 2, shake_px=film.width / 640, seed=8)
    scene = Scene(PHOTOGRAPHS[_PHOTOGRAPH], (film.width, film.height), film.fps, film.piece_s, camera)
    group = {} if film.gop_s is None else {"g": str(round(film.gop_s * film.fps))}
    piece = path if film.repeats == 1 else path.with_name(f"{path.stem}-piece{path.suffix}")
    pictures = tqdm(noise(frames(scene), _NOISE), f"render {film.title}", scene.frame_count, unit="frame", leave=False)
    encode(pictures, piece, encoding("h264", _CRF, preset=film.preset, **group), film.fps)
    if piece != path:
        repeat(piece, path, film.repeats)
        piece.unlink()
    return path


def repeat(piece: Path, path: Path, times: int) -> None:
    """Write the packets of a video `times` times, one behind the other. It begins with a key frame and has one rate."""
    with av.open(str(piece)) as given, av.open(str(path), "w", format="mp4") as output:
        stream = given.streams.video[0]
        copy = output.add_stream_from_template(stream)
        packets = [packet for packet in given.demux(stream) if packet.size]
        stamps = [(packet.pts, packet.dts) for packet in packets]
        length = sum(packet.duration for packet in packets)
        for number in range(times):
            for packet, (pts, dts) in zip(packets, stamps, strict=True):
                # Muxing turns the stamps into the output's unit.
                packet.time_base = stream.time_base
                packet.pts, packet.dts = pts + number * length, dts + number * length
                packet.stream = copy
                output.mux(packet)
