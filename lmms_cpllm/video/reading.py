"""One pass over a video stream: which packets to decode, jumping or running through, and the frames that come out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

import av

from lmms_cpllm.video.demux import Packets, Timeline, iterate
from lmms_cpllm.video.limits import Watch

# A jump costs about as much as decoding this many frames more: the demuxer's search, and decoder threads that run empty.
_JUMP_FRAMES = 8


class Unseekable(Exception):
    """A jump did not land where the packets say: the caller opens the file again and runs through it."""


def plan_spans(packets: Packets, line: Timeline, needed: Collection[int], strategy: str) -> list[tuple[int, int]]:
    """Ranges (first, last) of positions in decoding order that have to be decoded for the frames `needed`.

    Args:
        needed: keys of the timeline, at least one.
        strategy: "linear" gives one range from the start, "seek" the ranges from the key frame before each needed frame,
            "auto" the cheaper of the two. Without usable timestamps it is always the whole stream.
    """
    if not line.by_pts:
        return [(0, len(packets.pts) - 1)]
    places = zip(packets.pts, packets.shown, strict=True)
    position = {pts: place for place, (pts, shown) in enumerate(places) if shown}
    ends = sorted(position[key] for key in needed)
    through = [(0, ends[-1])]
    if strategy == "linear":
        return through
    key_positions = [place for place, is_key in enumerate(packets.keys) if is_key and packets.pts[place] is not None]
    spans: list[tuple[int, int]] = []
    for first, last in sorted((_decodable_from(packets, key_positions, end), end) for end in ends):
        if spans and first <= spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
        else:
            spans.append((first, last))
    cost = sum(last - first + 1 + _JUMP_FRAMES for first, last in spans)
    return spans if strategy == "seek" or cost < ends[-1] + 1 else through


def _decodable_from(packets: Packets, key_positions: list[int], position: int) -> int:
    """The last key frame from which the frame at `position` decodes exactly.

    A frame that is displayed before the key frame it follows (a leading picture of an open GOP) refers to the GOP before.
    """
    for place in reversed(key_positions[: bisect_right(key_positions, position)]):
        if packets.pts[place] <= packets.pts[position]:
            return place
    return 0


def jump(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    packets: Packets,
    spans: list[tuple[int, int]],
    needed: Collection[int] | None,
    watch: Watch,
) -> Iterator[av.VideoFrame | None]:
    """Frames of the `spans`, in display order within each; None stands for a packet that could not be decoded.

    Args:
        needed: timestamps of the frames that have to come. H.264 frames beside them to which no other frame refers are
            not decoded. None: all frames come.
        watch: as for `iterate`.

    Raises:
        Unseekable: the container cannot jump to a span.
        VideoError: as `iterate`.
    """
    if stream.codec_context.name != "h264":  # only here is "unreferenced" the bitstream's own promise in every profile
        needed = None
    for first, last in spans:
        yield from _decoded(stream, _packets_from(container, stream, packets, first, last, watch), needed)


def run_through(
    container: av.container.InputContainer, stream: av.VideoStream, packets: Packets, watch: Watch
) -> Iterator[av.VideoFrame | None]:
    """All frames of a container that was just opened; None stands for a packet that could not be decoded."""
    yield from _decoded(stream, islice(iterate(container, stream, watch), len(packets.pts)), None)


def _packets_from(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    packets: Packets,
    first: int,
    last: int,
    watch: Watch,
) -> Iterator[av.Packet]:
    """The packets at the positions `first` to `last`, by a jump to the key frame at `first`."""
    if packets.positions is None:
        raise Unseekable
    start_pts, start_dts = packets.pts[first], packets.dts[first]
    try:
        # The earlier stamp: some containers index one, some the other. What comes before `first` is dropped.
        container.seek(start_pts if start_dts is None else min(start_pts, start_dts), stream=stream)
    except av.FFmpegError as error:
        raise Unseekable from error
    position = None
    for packet in iterate(container, stream, watch):
        if position is None:
            position = packets.positions.get(packet.pts)
            if position is None or position > first:
                raise Unseekable
        # Leading pictures of an open GOP cannot be decoded from here, and nothing that can refers to them.
        leading = first > 0 and packet.pts is not None and packet.pts < start_pts
        if position >= first and not leading:
            yield packet
        if position >= last:
            return
        position += 1
    if position is None:
        raise Unseekable


def _decoded(
    stream: av.VideoStream, packets: Iterable[av.Packet], needed: Collection[int] | None
) -> Iterator[av.VideoFrame | None]:
    codec = stream.codec_context
    for packet in packets:
        if needed is not None:
            codec.skip_frame = "DEFAULT" if packet.pts in needed else "NONREF"
        yield from _decode_packet(stream, packet)
    yield from _decode_packet(stream, None)  # what the decoder still holds


def _decode_packet(stream: av.VideoStream, packet: av.Packet | None) -> list[av.VideoFrame | None]:
    try:
        return stream.decode(packet)
    except av.error.MemoryError:
        raise
    except av.FFmpegError:
        return [None]
