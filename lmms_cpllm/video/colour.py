"""Decoded frames -> upright 8-bit RGB, whole and resized or as crops at native resolution. One swscale context per purpose.

Colour rules, in this order:
- range: as the frame says; unsaid means full range for yuvj*, RGB and grey (as FFmpeg reads them), limited for other YUV;
- matrix: as the frame says; unsaid means BT.601 for fewer than 720 lines and BT.709 from 720 lines on;
- matrix unsaid in a stream marked PQ or HLG means BT.2020; such pictures are tone-mapped by `hdr.py`;
- high bit depths are reduced to 8 bits; the transfer functions of SDR are left alone;
- alpha is dropped, the sample aspect ratio is not applied, and both fields of an interlaced frame stay woven.
"""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from lmms_cpllm.sampling import reflected
from lmms_cpllm.video.hdr import TRANSFERS, to_sdr

# libswscale/swscale.h. Correct rounding, chroma at full resolution in and out, and the same bits from every SIMD path.
_EXACT = 0x40000 | 0x2000 | 0x4000 | 0x80000
# For shrinking; swscale widens the kernel with the ratio, so nothing aliases.
_RESIZE = 0x4 | _EXACT  # SWS_BICUBIC
# At native resolution only subsampled chroma is interpolated.
_NATIVE = 0x2 | _EXACT  # SWS_BILINEAR

# AVColorSpace. swscale's number for BT.601 (5) is also PyAV's "leave what is set", hence 6, the same matrix.
_BT709, UNSPECIFIED, _BT470BG, _SMPTE170M, _BT2020 = 1, 2, 5, 6, 9
_LIMITED, _FULL = 1, 2  # AVColorRange
_HD_LINES = 720

# Room around a cut, so that chroma interpolation at its edge sees the same neighbours as in the whole frame; a multiple
# of every chroma subsampling (4:1:0 has 4) and of swscale's 8x8 dither.
_MARGIN = 8


@dataclass(frozen=True)
class Orientation:
    """How to turn a stored frame upright: transpose first, then mirror."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    def upright(self, image: np.ndarray) -> np.ndarray:
        """(h, w, 3) as stored -> (h, w, 3) or (w, h, 3) as seen; a view."""
        if self.transpose:
            image = image.transpose(1, 0, 2)
        return image[:: -1 if self.mirror_y else 1, :: -1 if self.mirror_x else 1]

    def upright_size(self, height: int, width: int) -> tuple[int, int]:
        """Size (height, width) as seen of a frame stored with this size."""
        return (width, height) if self.transpose else (height, width)

    @property
    def rotation(self) -> int:
        """Degrees counter-clockwise by which the stored picture is turned (0, 90, 180, 270); a mirror image counts as 0."""
        turns = {(False, True, True): 180, (True, True, False): 270, (True, False, True): 90}
        return turns.get((self.transpose, self.mirror_x, self.mirror_y), 0)


# The eight values of the Exif tag 0x0112, for image formats whose orientation FFmpeg does not read.
EXIF_ORIENTATIONS = {
    1: Orientation(),
    2: Orientation(mirror_x=True),
    3: Orientation(mirror_x=True, mirror_y=True),
    4: Orientation(mirror_y=True),
    5: Orientation(transpose=True),
    6: Orientation(transpose=True, mirror_x=True),
    7: Orientation(transpose=True, mirror_x=True, mirror_y=True),
    8: Orientation(transpose=True, mirror_y=True),
}


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """Orientation from the frame's display matrix; angles between the quarter turns go to the nearest."""
    try:
        matrix = np.frombuffer(frame.side_data["DISPLAYMATRIX"], np.int32)
    except KeyError:
        return Orientation()
    except ValueError:
        # PyAV refuses all side data where it does not know the type of one; the angle it still gives.
        turns = round(frame.rotation / 90) % 4
        return EXIF_ORIENTATIONS[{0: 1, 1: 8, 2: 3, 3: 6}[turns]]
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)


class Converter:
    """Turns frames into RGB arrays. Holds two swscale contexts, so it belongs to one thread.

    Args:
        transfer: AVColorTransferCharacteristic of the stream; see `hdr.py` for what it changes.
    """

    def __init__(self, transfer: int = UNSPECIFIED) -> None:
        self._transfer = transfer if transfer in TRANSFERS else None
        self._resizer = VideoReformatter()
        self._native = VideoReformatter()

    def resized(self, frame: av.VideoFrame, size: tuple[int, int], orientation: Orientation) -> np.ndarray:
        """The whole frame at `size` = (height, width) as seen -> (height, width, 3) uint8 RGB, straight from YUV."""
        height, width = orientation.upright_size(*size)
        return self._finished(orientation.upright(self._rgb(self._resizer, frame, _RESIZE, height, width)))

    def crops(self, frame: av.VideoFrame, corners: np.ndarray, side: int, orientation: Orientation) -> np.ndarray:
        """Crops at native resolution -> (n, side, side, 3) uint8 RGB.

        Args:
            corners: (n, 2) top-left corners (y, x) in the frame as seen.
            side: height and width of a crop; a smaller frame is mirrored at its border.
        """
        out = np.empty((len(corners), side, side, 3), np.uint16 if self._transfer else np.uint8)
        height, width = orientation.upright_size(frame.height, frame.width)
        cut_area = len(corners) * (side + 2 * _MARGIN) ** 2
        whole = None
        if cut_area >= height * width or not _can_cut(frame):
            whole = orientation.upright(self._rgb(self._native, frame, _NATIVE, frame.height, frame.width))
        for crop, (y, x) in zip(out, corners.tolist(), strict=True):
            # A side shorter than the crop has its corner at 0 and is taken whole.
            box = (y, x, min(y + side, height), min(x + side, width))
            image = self._cut(frame, box, orientation) if whole is None else whole[box[0] : box[2], box[1] : box[3]]
            if image.shape[:2] != (side, side):
                image = image[reflected(image.shape[0], side)[:, None], reflected(image.shape[1], side)]
            crop[:] = image
        return self._finished(out)

    def _cut(self, frame: av.VideoFrame, box: tuple[int, int, int, int], orientation: Orientation):
        """The part `box` = (top, left, bottom, right) of the frame as seen, converted alone: as `_rgb`."""
        height, width = orientation.upright_size(frame.height, frame.width)
        top, left, bottom, right = box
        if orientation.mirror_y:
            top, bottom = height - bottom, height - top
        if orientation.mirror_x:
            left, right = width - right, width - left
        if orientation.transpose:
            top, left, bottom, right = left, top, right, bottom
        y0, x0 = ((max(v - _MARGIN, 0) // _MARGIN) * _MARGIN for v in (top, left))
        y1, x1 = (-(-v // _MARGIN) * _MARGIN + _MARGIN for v in (bottom, right))
        part = _copy_part(frame, y0, x0, min(y1, frame.height), min(x1, frame.width))
        rgb = self._rgb(self._native, part, _NATIVE, part.height, part.width, of=frame)
        return orientation.upright(rgb[top - y0 : bottom - y0, left - x0 : right - x0])

    def _rgb(
        self,
        scaler: VideoReformatter,
        frame: av.VideoFrame,
        flags: int,
        height: int,
        width: int,
        of: av.VideoFrame | None = None,
    ) -> np.ndarray:
        """Convert and scale a stored frame, or part `of` one: (height, width, 3), uint8 or, of HDR, uint16."""
        matrix, colour_range = _colour(of or frame)
        if self._transfer and int((of or frame).colorspace) == UNSPECIFIED:
            matrix = _BT2020
        return _rgb(scaler, frame, flags, (matrix, colour_range), height, width, bits=16 if self._transfer else 8)

    def _finished(self, rgb: np.ndarray) -> np.ndarray:
        """uint8 from what `_rgb` gave."""
        return to_sdr(rgb, self._transfer) if self._transfer else rgb


def _colour(frame: av.VideoFrame) -> tuple[int, int]:
    """(matrix, range) of the frame by the rules at the head of this file, as swscale numbers them."""
    matrix, colour_range, name = int(frame.colorspace), int(frame.color_range), frame.format.name
    if matrix == UNSPECIFIED:
        matrix = _SMPTE170M if frame.height < _HD_LINES else _BT709
    if matrix == _BT470BG:
        matrix = _SMPTE170M
    if colour_range not in (_LIMITED, _FULL):
        full = name.startswith(("yuvj", "gray", "ya8", "ya16")) or frame.format.is_rgb
        colour_range = _FULL if full else _LIMITED
    return matrix, colour_range


def _rgb(
    scaler: VideoReformatter,
    frame: av.VideoFrame,
    flags: int,
    colour: tuple[int, int],
    height: int,
    width: int,
    bits: int = 8,
) -> np.ndarray:
    """Convert and scale a stored frame: (height, width, 3) uint8, or uint16 for 16 `bits`; a view of the new frame."""
    matrix, colour_range = colour
    converted = scaler.reformat(
        frame,
        width=width,
        height=height,
        format="rgb24" if bits == 8 else "rgb48le",
        src_colorspace=matrix,
        dst_colorspace=_BT470BG,  # not used for RGB; it differs from the source so that PyAV does set the matrix
        src_color_range=colour_range,
        dst_color_range=_FULL,
        interpolation=flags,
    )
    plane = converted.planes[0]
    kind = np.dtype(np.uint8 if bits == 8 else "<u2")
    lines = np.frombuffer(plane, kind).reshape(height, plane.line_size // kind.itemsize)
    return lines[:, : width * 3].reshape(height, width, 3)


def _can_cut(frame: av.VideoFrame) -> bool:
    """Whether each component lies in a plane of its own, top line first, in whole bytes: all common YUV, grey and GBR."""
    layout, planes = frame.format, frame.planes
    if layout.has_palette or layout.is_bit_stream or any(plane.line_size <= 0 for plane in planes):
        return False
    return sorted(component.plane for component in layout.components) == list(range(len(planes)))


def _copy_part(frame: av.VideoFrame, top: int, left: int, bottom: int, right: int) -> av.VideoFrame:
    """Rows top..bottom and columns left..right of a frame that `_can_cut`, in the same pixel format."""
    part = av.VideoFrame(right - left, bottom - top, frame.format.name)
    components = {component.plane: component for component in frame.format.components}
    for index, (source, target) in enumerate(zip(frame.planes, part.planes, strict=True)):
        # Subsampling of this plane, 1, 2 or 4; top and left are multiples of all of them.
        down = across = 1
        if components[index].is_chroma:
            down, across = 64 // frame.format.chroma_height(64), 64 // frame.format.chroma_width(64)
        bits = components[index].bits
        step = 1 if bits <= 8 else 2 if bits <= 16 else 4
        lines = np.frombuffer(source, np.uint8).reshape(source.height, source.line_size)
        into = np.frombuffer(target, np.uint8).reshape(target.height, target.line_size)
        x, y, size = left // across * step, top // down, target.width * step
        into[:, :size] = lines[y : y + target.height, x : x + size]
    return part
