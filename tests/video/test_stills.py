import numpy as np
import pytest
from clips import numbered_frames, textured_frames, write_clip
from PIL import Image, ImageOps
from same_views import PLAN, assert_same_every_way, numbers

from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.video import decode, views_from_frames


def test_array_gives_what_a_lossless_file_gives(tmp_path):
    frames = textured_frames(30, 80, 120)
    path = write_clip(tmp_path / "a.mkv", codec="ffv1", pix_fmt="bgra", content=frames, fps=30)
    plan = ViewPlan(4, (40, 60), 3, 4, 2, 32)
    from_file, from_array = decode(path, plan), views_from_frames(frames, 30, plan, name="frames")
    np.testing.assert_array_equal(from_array.pixel, from_file.pixel)
    assert np.abs(from_array.context.astype(int) - from_file.context).max() <= 2
    assert from_array.context_seconds == pytest.approx(from_file.context_seconds, abs=1e-3)
    info = from_array.info
    assert (info.path, info.frames, info.fps, info.duration_s, info.codec) == ("frames", 30, 30, 1, "array")


@pytest.mark.parametrize(
    ("frames", "fps", "text"),
    [
        (np.zeros((2, 8, 8), np.uint8), 30, r"^array: expected frames \(T, H, W, 3\) uint8, found \(2, 8, 8\) uint8$"),
        (np.zeros((2, 8, 8, 3)), 30, r"found \(2, 8, 8, 3\) float64$"),
        (np.zeros((0, 8, 8, 3), np.uint8), 30, r"found \(0, 8, 8, 3\) uint8$"),
        (np.zeros((2, 8, 8, 3), np.uint8), 0, r"^array: expected fps > 0 for 2 frames, found 0$"),
    ],
)
def test_array_is_checked(frames, fps, text):
    with pytest.raises(ValueError, match=text):
        views_from_frames(frames, fps, PLAN)


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "tiff", "webp", "gif"])
def test_image_is_a_video_of_one_frame(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    Image.fromarray(numbered_frames(90, 48, 64)[85]).save(path)
    clip = assert_same_every_way(path)
    assert numbers(clip) == [85] * 6
    assert (clip.info.frames, clip.info.width, clip.info.height) == (1, 64, 48)
    assert not clip.context_seconds.any()
    assert not clip.pixel_seconds.any()
    if ending != "gif":
        assert (clip.info.fps, clip.info.duration_s) == (0, 0)
    np.testing.assert_array_equal(clip.pixel[:, :, 0], clip.pixel[:, :, 1])


@pytest.mark.parametrize("ending", ["png", "jpg", "tiff", "webp"])
@pytest.mark.parametrize("orientation", [1, 3, 4, 6, 8])
def test_exif_orientation(tmp_path, ending, orientation):
    picture = numbered_frames(90, 48, 64)[77]
    picture[:10] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(picture)
    options = {"lossless": True} if ending == "webp" else {"quality": 95, "subsampling": 0} if ending == "jpg" else {}
    image.save(tmp_path / f"a.{ending}", exif=exif, **options)
    expected = ImageOps.exif_transpose(Image.open(tmp_path / f"a.{ending}")).convert("RGB")
    clip = decode(tmp_path / f"a.{ending}", ViewPlan(1, (expected.height, expected.width), 1, 1, 1, 8))
    assert (clip.info.width, clip.info.height) == expected.size
    assert np.abs(clip.context[0].astype(int) - np.asarray(expected)).mean() < 3


@pytest.mark.parametrize(("ending", "options"), [("gif", {}), ("webp", {"lossless": True}), ("png", {})])
def test_animated_image(tmp_path, ending, options):
    pictures = [Image.fromarray(frame) for frame in numbered_frames(12, 48, 64)]
    path = tmp_path / f"a.{ending}"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100, **options)
    clip = assert_same_every_way(path)
    assert numbers(clip) == [1, 3, 5, 7, 9, 11]
    assert clip.context_seconds == pytest.approx(np.array([1, 3, 5, 7, 9, 11]) / 10)
    assert (clip.info.frames, clip.info.duration_s, clip.info.fps) == (12, pytest.approx(1.2), pytest.approx(10))
