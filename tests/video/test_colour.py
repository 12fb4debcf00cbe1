import dataclasses

import av
import numpy as np
import pytest
from clips import set_rotation, textured_frames, write_clip
from same_views import PLAN, assert_same_every_way

from lmms_cpllm.sampling import ViewPlan, crop_corners
from lmms_cpllm.video import colour, decode, probe, views_from_frames


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "depth"),
    [
        ("libx264", "yuv420p", 8),
        ("libx264", "yuv422p", 8),
        ("libx264", "yuv444p", 8),
        ("libx264", "yuvj420p", 8),
        ("libx264", "yuv420p10le", 10),
        ("libx264", "yuv422p10le", 10),
        ("libx265", "yuv420p12le", 12),
        ("ffv1", "yuva420p", 8),
        ("ffv1", "gray", 8),
        ("ffv1", "bgra", 8),
        ("ffv1", "gray16le", 16),
        ("ffv1", "yuv411p", 8),
        ("ffv1", "yuv410p", 8),
        ("ffv1", "gbrp16le", 16),
        ("rawvideo", "yuyv422", 8),
    ],
)
def test_pixel_formats(tmp_path, codec, pix_fmt, depth):
    grey = "gray" in pix_fmt
    colours = np.array([[200, 60, 40], [40, 180, 60], [50, 60, 190], [128, 128, 128]], np.uint8)
    if grey:
        colours = np.repeat(np.array([[30], [90], [160], [220]], np.uint8), 3, axis=1)
    picture = np.repeat(np.repeat(colours.reshape(2, 2, 3), 64, axis=0), 96, axis=1)
    options = {"libx264": {"qp": "1"}, "libx265": {"preset": "ultrafast", "x265-params": "qp=1"}}.get(codec, {})
    # swscale converts RGB to YUV by BT.601, which is what an unmarked clip of this size is read as.
    path = write_clip(
        tmp_path / "a.mkv", codec=codec, pix_fmt=pix_fmt, content=picture[None].repeat(3, 0), options=options
    )
    clip = decode(path, ViewPlan(1, (64, 96), 1, 4, 1, 40))
    assert clip.info.bit_depth == depth
    np.testing.assert_allclose(clip.context[0, 16::32, 24::48].reshape(4, 3).astype(int), colours.astype(int), atol=6)
    assert len(clip.pixel) == 1
    for crop, (y, x) in zip(
        clip.pixel[0, :, 0], crop_corners(128, 192, ViewPlan(1, (1, 1), 1, 4, 1, 40))[0], strict=True
    ):
        assert np.abs(crop[20, 20].astype(int) - picture[y + 20, x + 20]).max() <= 6


@pytest.mark.parametrize(
    ("height", "space", "colour_range", "yuv", "expected"),
    [
        (64, None, None, (81, 90, 240), (255, 0, 0)),  # pure red in BT.601, limited range
        (720, None, None, (63, 102, 240), (255, 0, 0)),  # pure red in BT.709
        (64, 1, None, (63, 102, 240), (255, 0, 0)),
        (720, 5, None, (81, 90, 240), (255, 0, 0)),
        (64, 9, None, (74, 97, 240), (255, 0, 0)),  # BT.2020
        (64, None, None, (16, 128, 128), (0, 0, 0)),
        (64, None, 2, (16, 128, 128), (16, 16, 16)),
        (64, None, 2, (76, 85, 255), (254, 0, 0)),
        (64, None, 1, (235, 128, 128), (255, 255, 255)),
    ],
)
def test_colour_matrix_and_range(tmp_path, height, space, colour_range, yuv, expected):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt, stream.options = 64, height, "yuv420p", {"qp": "0"}
        if space:
            stream.codec_context.colorspace = space
        if colour_range:
            stream.codec_context.color_range = colour_range
        frame = av.VideoFrame(64, height, "yuv420p")
        for plane, value in zip(frame.planes, yuv, strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.colorspace = space or 2
        frame.color_range = colour_range or 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    clip = decode(path, PLAN)
    np.testing.assert_allclose(clip.context[0, 24, 32].astype(int), expected, atol=3)
    np.testing.assert_allclose(clip.pixel[0, 0, 0, 16, 16].astype(int), expected, atol=3)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuv444p", "gbrp", "gray", "yuva420p", "yuv410p"])
def test_cut_crops_equal_the_converted_frame(pix_fmt):
    picture = textured_frames(1, 128, 256, seed=3)[0]
    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pix_fmt)
    corners = np.array([[0, 0], [13, 27], [50, 101], [96, 224]])
    cut = colour.Converter().crops(frame, corners[:2], 32, colour.Orientation())
    cut = np.concatenate([cut, colour.Converter().crops(frame, corners[2:], 32, colour.Orientation())])
    whole = colour._rgb(colour.VideoReformatter(), frame, colour._NATIVE, colour._colour(frame), 128, 256)
    for crop, (y, x) in zip(cut, corners, strict=True):
        np.testing.assert_array_equal(crop, whole[y : y + 32, x : x + 32])


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2), (270, 3)])
def test_rotation_turns_both_views(tmp_path, degrees, turns):
    still = textured_frames(1, 128, 192, seed=1).repeat(4, 0)
    options = {"qp": "1"}
    stored = write_clip(tmp_path / "stored.mp4", content=still, pix_fmt="yuv444p", options=options)
    turned = write_clip(tmp_path / "turned.mp4", content=still, pix_fmt="yuv444p", options=options, rotation=degrees)
    height, width = (128, 192) if turns == 2 else (192, 128)
    plan = ViewPlan(2, (height, width), 2, 3, 2, 40)
    whole = decode(stored, dataclasses.replace(plan, context_size=(128, 192))).context[0]
    clip = assert_same_every_way(turned, plan)
    upright = np.rot90(whole, turns)
    assert (clip.info.width, clip.info.height, clip.info.rotation) == (width, height, degrees)
    assert dataclasses.asdict(probe(turned)) == dataclasses.asdict(clip.info)
    np.testing.assert_array_equal(clip.context[0], upright)
    for moment, corners in zip(clip.pixel, crop_corners(height, width, plan), strict=True):
        for crop, (y, x) in zip(moment[:, 0], corners, strict=True):
            assert np.abs(crop.astype(int) - upright[y : y + 40, x : x + 40]).mean() < 2


def test_mirrored_display_matrix(tmp_path):
    path = write_clip(tmp_path / "a.mp4")
    plain = decode(path, PLAN)
    set_rotation(path, 0, mirror=True)
    np.testing.assert_array_equal(decode(path, PLAN).context, plain.context[:, :, ::-1])


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 5), (17, 100), (100, 17), (31, 31)])
def test_small_frames_are_mirrored_at_the_border(size):
    frames = textured_frames(3, *size)
    clip = views_from_frames(frames, 30, PLAN)
    assert clip.pixel.shape == (3, 2, 2, 32, 32, 3)
    pads = [(max(32 - n, 0) // 2, -(-max(32 - n, 0) // 2)) for n in size]
    y, x = crop_corners(*size, PLAN)[0, 0]
    expected = np.pad(frames[0], (*pads, (0, 0)), mode="reflect")[y : y + 32, x : x + 32]
    np.testing.assert_array_equal(clip.pixel[0, 0, 0], expected)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 5), (17, 35)])
def test_tiny_and_odd_files(tmp_path, size):
    path = write_clip(tmp_path / "a.mkv", codec="ffv1", content=textured_frames(4, *size))
    clip = assert_same_every_way(path)
    assert (clip.info.height, clip.info.width) == size


def test_large_frame(tmp_path):
    content = np.zeros((1, 4320, 8192, 3), np.uint8)
    content[:, 2160:] = 250
    path = write_clip(tmp_path / "a.mp4", codec="mjpeg", pix_fmt="yuvj420p", content=content)
    clip = decode(path, ViewPlan(1, (32, 32), 1, 2, 1, 64))
    assert clip.context[0, :15].max() < 8
    assert clip.context[0, 17:].min() > 242
