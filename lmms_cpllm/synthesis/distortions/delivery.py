"""Faults on the way to the viewer: lost frames, freezes, lost packets.

Functions take and give uint8 (height, width, 3) RGB frames. Freezes and lost packets need the whole clip before they
give its first frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

_GOLDEN = (5**0.5 - 1) / 2
# A stream as it is sent by RTP: slices that fit into one packet each (RFC 6184; 1,200 bytes pass everywhere), at least
# four a picture, a key frame twice a second, no picture that waits for a later one.
_PACKET_BYTES, _SLICES, _GOP = 1200, 4, 12
_STREAM_CRF = "18"
_CLOCK = Fraction(1, 25)
# ITU-T H.264, table 7-1: coded slices; everything else (parameter sets) is sent by a safe way, as SDP does.
_SLICE_TYPES = (1, 5)


def drops(frames: Iterable[np.ndarray], strength: float, seed: int = 0, burst: int = 1) -> Iterator[np.ndarray]:
    """Lost frames, each replaced by the last one that arrived; the first never is lost.

    Strength: percentage of frames lost. The positions follow a golden-ratio sequence: evenly spread, the share met to
    about two bursts, and every frame lost at one strength is lost at each higher one too.

    Args:
        frames: the clip.
        strength: percent, 0..100.
        seed: shifts the sequence.
        burst: this many neighbouring frames are lost or kept together.
    """
    offset = np.random.default_rng(seed).uniform()
    kept = None
    for index, frame in enumerate(frames):
        if kept is None or (offset + (index // burst) * _GOLDEN) % 1.0 >= strength / 100:
            kept = frame
        yield kept


def freezes(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """The picture stands still once, while the scene goes on unseen.

    Strength: length of the stop as a percentage of the clip. Its place is drawn; a longer stop contains the shorter.
    """
    clip = list(frames)
    lost = min(round(strength / 100 * len(clip)), len(clip) - 1)
    start = int(np.random.default_rng(seed).uniform() * (len(clip) - 1 - lost))
    for index, frame in enumerate(clip):
        yield clip[start] if start < index <= start + lost else frame


def packet_loss(frames: Iterable[np.ndarray], strength: float, seed: int = 0) -> Iterator[np.ndarray]:
    """An H.264 stream that lost packets on its way, concealed by FFmpeg's decoder.

    Strength: percentage of packets lost, each for itself; one that is lost at one strength is lost at each higher one
    too, and one is lost at the least. The first picture arrives whole. Where the decoder gives no picture, the last one
    stays.
    """
    clip = list(frames)
    if strength <= 0 or len(clip) < 2:
        yield from clip
        return
    height, width = clip[0].shape[:2]
    pictures = [_packets(data) for data in _stream(clip)]
    lost = _lost_slices(pictures, strength / 100, np.random.default_rng(seed))
    received = [
        b"".join(b"\0\0\0\1" + packet for place, packet in enumerate(packets) if (index, place) not in lost)
        for index, packets in enumerate(pictures)
    ]
    shown = _decoded(received)
    last = shown[0]
    for index in range(len(clip)):
        last = shown.get(index, last)
        yield last[:height, :width]


def _lost_slices(pictures: Sequence[Sequence[bytes]], share: float, rng: np.random.Generator) -> set[tuple[int, int]]:
    """(picture, place in it) of the slices that are lost: the share on average, and at least one."""
    slices = [
        (index, place)
        for index, packets in enumerate(pictures)
        for place, packet in enumerate(packets)
        if index > 0 and packet[0] & 31 in _SLICE_TYPES
    ]
    chances = rng.random(len(slices))
    return {where for where, chance in zip(slices, chances, strict=True) if chance <= max(share, chances.min())}


def _stream(clip: Sequence[np.ndarray]) -> list[bytes]:
    """The clip as H.264, one access unit a frame, with start codes."""
    height, width = clip[0].shape[:2]
    context = av.CodecContext.create("libx264", "w")
    # 4:2:0 needs even sides.
    context.width, context.height, context.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
    context.time_base, context.framerate, context.thread_count = _CLOCK, 1 / _CLOCK, 1
    blocks = -(-width // 16) * -(-height // 16)
    settings = {
        **{"slice-max-size": _PACKET_BYTES, "slice-max-mbs": -(-blocks // _SLICES)},
        **{"keyint": _GOP, "min-keyint": _GOP, "scenecut": 0, "bframes": 0, "rc-lookahead": 0, "sync-lookahead": 0},
        # Sliced threads off and the same decisions on every processor: the same bytes on every run.
        **{"sliced-threads": 0, "cpu-independent": 1},
    }
    params = ":".join(f"{name}={value}" for name, value in settings.items())
    context.options = {"preset": "veryfast", "crf": _STREAM_CRF, "x264-params": params}
    units = []
    for index, frame in enumerate(clip):
        even = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        picture = av.VideoFrame.from_ndarray(even, format="rgb24").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG
        )
        picture.pts, picture.time_base = index, _CLOCK
        units += [bytes(packet) for packet in context.encode(picture)]
    return units + [bytes(packet) for packet in context.encode(None)]


def _packets(unit: bytes) -> list[bytes]:
    """An access unit's NAL units without their start codes (ITU-T H.264, annex B)."""
    return [part.rstrip(b"\0") for part in unit.split(b"\0\0\1") if part.strip(b"\0")]


def _decoded(units: Sequence[bytes]) -> dict[int, np.ndarray]:
    """What the decoder makes of the access units: frame number -> uint8 RGB; an empty unit gives nothing."""
    context = av.CodecContext.create("h264", "r")
    context.thread_count = 1
    # Concealed by what stood in the same place before, as most players do, not by guessed motion.
    context.options = {"flags": "+output_corrupt", "flags2": "+showall", "ec": "deblock"}
    shown = {}
    for index, unit in enumerate((*units, None)):
        if unit == b"":
            continue
        packet = av.Packet(unit) if unit is not None else None
        if packet is not None:
            packet.pts = packet.dts = index
            packet.time_base = _CLOCK
        for picture in context.decode(packet):
            if picture.pts is not None:
                shown[picture.pts] = picture.reformat(
                    format="rgb24", src_colorspace=Colorspace.ITU601, src_color_range=ColorRange.MPEG
                ).to_ndarray()
    return shown
