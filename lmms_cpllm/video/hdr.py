"""HDR (PQ, HLG) -> SDR by a published rule: Report ITU-R BT.2446-1, conversion method A, for 1000 cd/m2 to 100 cd/m2.

    code value -> light of a 1000 cd/m2 display (BT.2100: PQ clipped there, HLG with its system gamma of 1.2)
               -> method A -> BT.2020 primaries to BT.709, clipped -> gamma 1/2.4 (BT.1886) -> 8 bits

Whatever a file says about its mastering display is not used: the same code values give the same picture in every video.
Every stream that is marked PQ or HLG is taken to have the primaries of BT.2100, which are those of BT.2020.
"""

from __future__ import annotations

from functools import cache

import numpy as np

PQ, HLG = 16, 18
"""AVColorTransferCharacteristic: SMPTE ST 2084 and ARIB STD-B67."""
TRANSFERS = (PQ, HLG)

_PEAK, _SDR_PEAK = 1000.0, 100.0  # cd/m2
_GAMMA = 2.4
_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)  # BT.2020
# Report ITU-R BT.2407, linear light.
_TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)


def to_sdr(rgb: np.ndarray, transfer: int) -> np.ndarray:
    """Tone-map pictures.

    Args:
        rgb: (..., 3) uint16, full range, R'G'B' of BT.2100.
        transfer: `PQ` or `HLG`.

    Returns:
        (..., 3) uint8, R'G'B' of BT.709 for a display of gamma 2.4.
    """
    if transfer == PQ:
        light = _pq_display()[rgb]
    else:
        scene = _hlg_scene()[rgb]
        # BT.2100 table 5: the display's light is the scene's times its luminance to the power of gamma - 1.
        light = (scene * np.maximum(scene @ _LUMA, 1e-6)[..., None] ** 0.2) ** (1 / _GAMMA)
    mapped = np.clip(_method_a(light), 0, 1) ** _GAMMA
    return np.rint(np.clip(mapped @ _TO_BT709.T, 0, 1) ** (1 / _GAMMA) * 255).astype(np.uint8)


def _method_a(rgb: np.ndarray) -> np.ndarray:
    """BT.2446-1, 4.2: R'G'B' of gamma 2.4 in [0, 1] of the HDR peak -> the same of the SDR peak, not yet clipped."""
    luma = np.maximum(rgb @ _LUMA, 1e-6)[..., None]
    ratio, sdr_ratio = (1 + 32 * (peak / 10000) ** (1 / _GAMMA) for peak in (_PEAK, _SDR_PEAK))
    perceived = np.log1p((ratio - 1) * luma) / np.log(ratio)
    knee = np.where(
        perceived <= 0.7399,
        1.0770 * perceived,
        np.where(perceived < 0.9909, (-1.1510 * perceived + 2.7811) * perceived - 0.6302, 0.5 * perceived + 0.5),
    )
    sdr_luma = (sdr_ratio**knee - 1) / (sdr_ratio - 1)
    # Its steps through C'b and C'r come down to scaling each component's distance from the luma.
    colour = sdr_luma / (1.1 * luma) * (rgb - luma)
    # C'r, of which a tenth is taken off the luma, is the distance of R' divided by 1.4746.
    return sdr_luma - np.maximum(0.1 * colour[..., :1] / 1.4746, 0) + colour


@cache
def _pq_display() -> np.ndarray:
    """(65536,) float32: code value of PQ -> R'G'B' of gamma 2.4, in [0, 1] of the peak (SMPTE ST 2084)."""
    root = np.linspace(0, 1, 1 << 16) ** (1 / 78.84375)
    light = 10000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
    return (np.minimum(light / _PEAK, 1) ** (1 / _GAMMA)).astype(np.float32)


@cache
def _hlg_scene() -> np.ndarray:
    """(65536,) float32: code value of HLG -> linear light of the scene in [0, 1] (BT.2100, inverse OETF)."""
    code = np.linspace(0, 1, 1 << 16)
    bright = (np.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return np.where(code <= 0.5, code**2 / 3, bright).astype(np.float32)
