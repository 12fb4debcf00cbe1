"""HDR to SDR against the formulas of the reports, written out for one pixel, and through a file."""

import math

import av
import numpy as np
import pytest
from clips import textured_frames, write_clip
from same_views import assert_same_every_way

from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.video import decode
from lmms_cpllm.video.hdr import HLG, PQ, to_sdr


def pq_code(nits: float) -> float:
    """SMPTE ST 2084, inverse EOTF."""
    power = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg_code(scene: float) -> float:
    """BT.2100, OETF."""
    return math.sqrt(3 * scene) if scene <= 1 / 12 else 0.17883277 * math.log(12 * scene - 0.28466892) + 0.55991073


def method_a(light: tuple[float, float, float]) -> list[int]:
    """BT.2446-1, method A, step by step with Y', C'b and C'r, from display light in cd/m2 to 8 bits of BT.709."""
    red, green, blue = (min(value / 1000, 1) ** (1 / 2.4) for value in light)
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    ratio = 1 + 32 * (1000 / 10000) ** (1 / 2.4)
    p = math.log(1 + (ratio - 1) * luma) / math.log(ratio)
    c = 1.0770 * p if p <= 0.7399 else -1.1510 * p**2 + 2.7811 * p - 0.6302 if p < 0.9909 else 0.5 * p + 0.5
    ratio = 1 + 32 * (100 / 10000) ** (1 / 2.4)
    sdr = (ratio**c - 1) / (ratio - 1)
    scale = sdr / (1.1 * luma)
    cb, cr = scale * (blue - luma) / 1.8814, scale * (red - luma) / 1.4746
    y = sdr - max(0.1 * cr, 0)
    rgb = np.array([y + 1.4746 * cr, y - 0.16455 * cb - 0.57135 * cr, y + 1.8814 * cb]).clip(0, 1) ** 2.4
    to_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
    return np.rint((to_709 @ rgb).clip(0, 1) ** (1 / 2.4) * 255).astype(int).tolist()


def of(codes: tuple[float, ...], transfer: int) -> list[int]:
    return to_sdr(np.rint(np.array(codes) * 65535).astype(np.uint16), transfer).astype(int).tolist()


@pytest.mark.parametrize(
    "light",
    [
        (0.5, 0.5, 0.5),
        (10, 10, 10),
        (100, 100, 100),
        (203, 203, 203),
        (900, 300, 40),
        (20, 300, 60),
        (1000, 5, 5),
        (4000, 90, 600),
    ],
)
def test_pq_is_method_a(light):
    assert of(tuple(map(pq_code, light)), PQ) == pytest.approx(method_a(light), abs=1)


@pytest.mark.parametrize("scene", [(0.01, 0.01, 0.01), (0.265, 0.265, 0.265), (0.8, 0.2, 0.1), (0.05, 0.4, 0.9)])
def test_hlg_is_method_a_of_its_display(scene):
    luminance = 0.2627 * scene[0] + 0.6780 * scene[1] + 0.0593 * scene[2]
    light = tuple(1000 * luminance**0.2 * value for value in scene)
    assert of(tuple(map(hlg_code, scene)), HLG) == pytest.approx(method_a(light), abs=1)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_black_white_and_order(transfer):
    assert of((0, 0, 0), transfer) == [0, 0, 0]
    assert of((1, 1, 1), transfer) == [255, 255, 255]
    ramp = to_sdr(np.arange(0, 65536, 64, dtype=np.uint16)[:, None].repeat(3, 1), transfer).astype(int)
    assert (np.diff(ramp[:, 0]) >= 0).all()
    assert np.abs(np.diff(ramp, axis=1)).max() <= 1, "grey stays grey"


def test_reference_white_is_the_same_in_both():
    # BT.2408: 203 cd/m2 is 58 % of PQ and 75 % of HLG.
    assert of((pq_code(203),) * 3, PQ) == pytest.approx(of((0.75,) * 3, HLG), abs=2)


@pytest.mark.parametrize(("transfer", "name"), [(PQ, "smpte2084"), (HLG, "arib-std-b67")])
def test_a_file_that_is_marked(tmp_path, transfer, name):
    """Flat code values of 10 bits in, the same everywhere in both views."""
    path, luma = tmp_path / "a.mp4", 520
    params = f"log-level=none:lossless=1:colorprim=bt2020:transfer={name}:colormatrix=bt2020nc"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        stream.options = {"preset": "ultrafast", "x265-params": params}
        frame = av.VideoFrame(64, 48, "yuv420p10le")
        for plane, value in zip(frame.planes, (luma, 512, 512), strict=True):
            plane.update(np.full(plane.buffer_size // 2, value, "<u2").tobytes())
        for index in range(8):
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    expected = of(((luma - 64) / 876,) * 3, transfer)
    clip = assert_same_every_way(path)
    for view in (clip.context, clip.pixel):
        assert view.reshape(-1, 3).min(0) == pytest.approx(expected, abs=1)
        assert view.reshape(-1, 3).max(0) == pytest.approx(expected, abs=1)


def test_an_unsaid_matrix_is_that_of_bt2020(tmp_path):
    """And the crops that are cut out before conversion are those of the whole frame."""
    content = textured_frames(8, 128, 256, seed=2)
    clips = {}
    for matrix in ("bt2020nc", "unknown"):
        params = f"colorprim=bt2020:transfer=smpte2084:colormatrix={matrix}"
        path = tmp_path / f"{matrix}.mp4"
        options = {"preset": "ultrafast", "x265-params": params}
        write_clip(path, codec="libx265", pix_fmt="yuv420p10le", content=content, options=options)
        clips[matrix] = decode(path, ViewPlan(1, (128, 256), 1, 2, 1, 32))
    np.testing.assert_array_equal(clips["unknown"].pixel, clips["bt2020nc"].pixel)
    np.testing.assert_array_equal(clips["unknown"].context, clips["bt2020nc"].context)
