"""Makers of files that are odd or broken: each takes an empty folder and gives the path to hand to the product."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from clips import textured_frames, write_clip
from PIL import Image

Maker = Callable[[Path], Path]


def clip(name: str = "a.mp4", **options) -> Maker:
    """An encoded clip; options as for `clips.write_clip`, 12 frames unless they say otherwise."""

    def make(folder: Path) -> Path:
        return write_clip(folder / name, **{"frames": 12, "content": "texture", **options})

    return make


def content(data: bytes, name: str = "a.mp4") -> Maker:
    """A file with these bytes."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def part(maker: Maker, share: float) -> Maker:
    """The first `share` of another file."""

    def make(folder: Path) -> Path:
        path = maker(folder)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        return path

    return make


def before_box(maker: Maker, box: bytes) -> Maker:
    """An mp4 up to the head of the box, which says that content follows."""

    def make(folder: Path) -> Path:
        path = maker(folder)
        data = path.read_bytes()
        path.write_bytes(data[: data.index(box) + 4])
        return path

    return make


def sound(cover: bool) -> Maker:
    """A file without a video stream, with or without a picture of its cover."""

    def make(folder: Path) -> Path:
        path = folder / "a.m4a"
        with av.open(str(path), "w", format="mp4") as container:
            stream = container.add_stream("aac", rate=48000)
            picture = None
            if cover:
                picture = container.add_stream("mjpeg", rate=1)
                picture.width, picture.height, picture.pix_fmt = 64, 48, "yuvj420p"
                picture.disposition = av.stream.Disposition.attached_pic.value
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48000, 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            if picture is not None:
                still = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")
                container.mux(picture.encode(still.reformat(format="yuvj420p")))
                container.mux(picture.encode(None))
        return path

    return make


def stamped(name: str, pts: Sequence[int]) -> Maker:
    """Intra-only frames whose packets get these timestamps, in milliseconds; decoding timestamps stay in order."""

    def make(folder: Path) -> Path:
        frames = textured_frames(len(pts), 48, 64)
        with av.open(str(folder / name), "w") as container:
            stream = container.add_stream("mjpeg", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
            for index, (picture, stamp) in enumerate(zip(frames, pts, strict=True)):
                frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuvj420p")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                for packet in stream.encode(frame):
                    packet.time_base = Fraction(1, 1000)
                    packet.pts, packet.dts = stamp, min(pts) - len(pts) + index
                    container.mux(packet)
        return folder / name

    return make


def hdr(transfer: int, **options) -> Maker:
    """10 bits of BT.2020, marked as PQ (16) or HLG (18)."""
    params = {16: "smpte2084", 18: "arib-std-b67"}[transfer]
    coded = {"preset": "ultrafast", "x265-params": f"colorprim=bt2020:transfer={params}:colormatrix=bt2020nc"}
    return clip(codec="libx265", pix_fmt="yuv420p10le", options=coded, **options)


def before_zero(folder: Path) -> Path:
    """Frames that begin a second before time 0, in ASF, whose muxer writes such times."""
    path = folder / "a.wmv"
    with av.open(str(path), "w", format="asf", container_options={"avoid_negative_ts": "disabled"}) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index, picture in enumerate(textured_frames(12, 48, 64)):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            for packet in stream.encode(frame):
                packet.time_base = Fraction(1, 1000)
                packet.pts = packet.dts = 40 * index - 1000
                container.mux(packet)
    with av.open(str(path)) as container:
        assert next(container.demux(video=0)).pts == -1000
    return path


def picture(name: str, frames: int = 1, **options) -> Maker:
    """An image file, animated where it has several frames."""

    def make(folder: Path) -> Path:
        pictures = [Image.fromarray(frame) for frame in textured_frames(frames, 48, 64)]
        more = {"save_all": True, "append_images": pictures[1:], "duration": 100} if frames > 1 else {}
        pictures[0].save(folder / name, **more, **options)
        return folder / name

    return make


def linked(maker: Maker) -> Maker:
    """A symbolic link to another file."""

    def make(folder: Path) -> Path:
        (folder / "link.mp4").symlink_to(maker(folder))
        return folder / "link.mp4"

    return make


def dangling(folder: Path) -> Path:
    (folder / "a.mp4").symlink_to(folder / "gone.mp4")
    return folder / "a.mp4"


def directory(folder: Path) -> Path:
    (folder / "a.mp4").mkdir()
    return folder / "a.mp4"


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "a.mp4")
    return folder / "a.mp4"


def vanished(folder: Path) -> Path:
    path = write_clip(folder / "a.mp4", frames=2)
    path.unlink()
    return path
