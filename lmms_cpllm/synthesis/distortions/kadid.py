"""The 25 distortions of KADID-10k (Lin, Hosu, Saupe, QoMEX 2019) at their five levels, for calibrating labels alone.

Its authors' code is MATLAB; what is here follows its description and the order of the mean opinions it got. Images are
uint8 (height, width, 3) RGB; counts of patches and blocks are meant for the 512x384 pixels of KADID-10k. Two levels are
not what their place suggests: `mean_shift` 3 and the middle between `contrast_change` 3 and 4 are the image itself.
`denoise` stands for a network (DnCNN) that is not here, and is only roughly as harmful.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image
from scipy.interpolate import CubicSpline

from lmms_cpllm.synthesis.distortions.optics import disc, line

# Levels 1 to 5 of every distortion, in the unit that its function states.
LEVELS: dict[str, tuple[float, float, float, float, float]] = {
    "gaussian_blur": (0.1, 0.5, 1, 2, 5),
    "lens_blur": (1, 2, 4, 6, 8),
    "motion_blur": (1, 2, 4, 6, 10),
    "color_diffusion": (1, 3, 6, 8, 12),
    "color_shift": (1, 3, 6, 8, 12),
    "color_quantization": (64, 48, 32, 16, 8),
    "saturation_decrease": (0.4, 0.2, 0.1, 0, -0.4),
    "saturation_increase": (1, 2, 3, 6, 9),
    "jpeg2000": (16, 32, 45, 120, 170),
    "jpeg": (43, 36, 24, 7, 4),
    "white_noise": (0.001, 0.002, 0.003, 0.005, 0.01),
    "white_noise_chroma": (0.0001, 0.0005, 0.001, 0.002, 0.003),
    "impulse_noise": (0.001, 0.005, 0.01, 0.02, 0.03),
    "multiplicative_noise": (0.001, 0.005, 0.01, 0.02, 0.05),
    "denoise": (0.001, 0.002, 0.003, 0.005, 0.01),
    "brighten": (0.1, 0.2, 0.4, 0.7, 1.1),
    "darken": (0.05, 0.1, 0.2, 0.4, 0.8),
    "mean_shift": (0.15, 0.08, 0, -0.08, -0.15),
    "jitter": (0.05, 0.1, 0.2, 0.5, 1),
    "non_eccentricity_patch": (20, 40, 60, 80, 100),
    "pixelate": (0.01, 0.05, 0.1, 0.2, 0.5),
    "quantization": (20, 16, 13, 10, 7),
    "color_block": (2, 4, 6, 8, 10),
    "high_sharpen": (1, 2, 3, 6, 12),
    "contrast_change": (0.3, 0.15, 0, -0.4, -0.6),
}
# Everything random is drawn from this seed: one image at one level has one result.
_SEED = 25


def _bytes_of(share: np.ndarray) -> np.ndarray:
    """0..1 -> uint8, clipped."""
    return np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)


def _share_of(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float64) / 255


def _lab(image: np.ndarray) -> np.ndarray:
    """CIELAB: lightness 0..100, two colours about 0."""
    return cv2.cvtColor(_share_of(image).astype(np.float32), cv2.COLOR_RGB2LAB)


def _of_lab(lab: np.ndarray) -> np.ndarray:
    """RGB, 0..1."""
    return cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB)


def _normal(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(_SEED).standard_normal(shape)


def _curve(values: np.ndarray, through: dict[float, float]) -> np.ndarray:
    """Values in 0..1 along the cubic spline through (0, 0), the given points and (1, 1)."""
    points = {0.0: 0.0, **through, 1.0: 1.0}
    return CubicSpline(list(points), list(points.values()))(values)


def gaussian_blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Sigma in pixels; the kernel ends at two of them."""
    side = 2 * int(np.ceil(2 * sigma)) + 1
    return cv2.GaussianBlur(image, (side, side), sigma, borderType=cv2.BORDER_REFLECT)


def lens_blur(image: np.ndarray, radius: float) -> np.ndarray:
    """Radius in pixels."""
    return cv2.filter2D(image, -1, disc(radius), borderType=cv2.BORDER_REFLECT)


def motion_blur(image: np.ndarray, length: float) -> np.ndarray:
    """Length in pixels, of which one is the point itself."""
    return cv2.filter2D(image, -1, line(length - 1, np.pi / 6), borderType=cv2.BORDER_REFLECT)


def color_diffusion(image: np.ndarray, amount: float) -> np.ndarray:
    """Colours (CIELAB) multiplied by the amount and blurred by 1.5 times the amount plus 2 pixels."""
    lab = _lab(image)
    lab[..., 1:] = amount * cv2.GaussianBlur(lab[..., 1:], (0, 0), 1.5 * amount + 2)
    return _bytes_of(_of_lab(lab))


def color_shift(image: np.ndarray, pixels: float) -> np.ndarray:
    """The green channel moved where there are contours."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)
    edges = cv2.GaussianBlur(np.hypot(*np.gradient(grey)), (0, 0), 4)
    low, high = np.percentile(edges, (1, 99))
    weight = np.clip((edges - low) / max(high - low, 1e-9), 0, 1)
    matrix = np.array([[1.0, 0, pixels / 2**0.5], [0, 1, pixels / 2**0.5]])
    green = image[..., 1]
    moved = cv2.warpAffine(green, matrix, green.shape[::-1], borderMode=cv2.BORDER_REFLECT)
    result = image.copy()
    result[..., 1] = np.rint(weight * moved + (1 - weight) * green)
    return result


def color_quantization(image: np.ndarray, colors: float) -> np.ndarray:
    """A palette of so many colours, not dithered."""
    palette = Image.fromarray(image).quantize(int(colors), Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE)
    return np.asarray(palette.convert("RGB"))


def saturation_decrease(image: np.ndarray, factor: float) -> np.ndarray:
    """Saturation of HSV multiplied; below 0 the colours turn into their complements."""
    value = image.max(axis=-1, keepdims=True).astype(np.float64)
    return _bytes_of((value - factor * (value - image)) / 255)


def saturation_increase(image: np.ndarray, factor: float) -> np.ndarray:
    """Colours (CIELAB) multiplied."""
    return _bytes_of(_of_lab(_lab(image) * np.array([1, factor, factor])))


def jpeg2000(image: np.ndarray, ratio: float) -> np.ndarray:
    """Bytes of the image over bytes of the file."""
    return _through_file(image, "JPEG2000", quality_mode="rates", quality_layers=[ratio], irreversible=True)


def jpeg(image: np.ndarray, quality: float) -> np.ndarray:
    """Quality of the file, 0..100."""
    return _through_file(image, "JPEG", quality=int(quality))


def _through_file(image: np.ndarray, form: str, **options) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, form, **options)
    return np.asarray(Image.open(file).convert("RGB"))


def white_noise(image: np.ndarray, variance: float) -> np.ndarray:
    """Variance on a scale of 0..1, in RGB."""
    return _bytes_of(_share_of(image) + variance**0.5 * _normal(image.shape))


def white_noise_chroma(image: np.ndarray, variance: float) -> np.ndarray:
    """Variance on a scale of 0..1, in YCbCr."""
    parts = cv2.cvtColor(_share_of(image).astype(np.float32), cv2.COLOR_RGB2YCrCb)
    noisy = parts + variance**0.5 * _normal(image.shape)
    return _bytes_of(cv2.cvtColor(noisy.astype(np.float32), cv2.COLOR_YCrCb2RGB))


def impulse_noise(image: np.ndarray, density: float) -> np.ndarray:
    """Share of the values (each of the three of a pixel by itself) that become 0 or 255."""
    chance = np.random.default_rng(_SEED).random(image.shape)
    return np.where(chance < density / 2, 0, np.where(chance < density, 255, image)).astype(np.uint8)


def multiplicative_noise(image: np.ndarray, variance: float) -> np.ndarray:
    """Variance of the factor that every value is multiplied by."""
    return _bytes_of(_share_of(image) * (1 + variance**0.5 * _normal(image.shape)))


def denoise(image: np.ndarray, variance: float) -> np.ndarray:
    """White noise of this variance, and a filter (non-local means) that takes out three times as much."""
    sigma = 255 * variance**0.5
    noisy = white_noise(image, variance)
    return cv2.fastNlMeansDenoisingColored(noisy, None, 1.5 * sigma, 1.5 * sigma, 5, 15)


def brighten(image: np.ndarray, amount: float) -> np.ndarray:
    """Middle grey becomes 0.5 + amount / 2."""
    return _bent(image, 0.5 + 0.5 * amount)


def darken(image: np.ndarray, amount: float) -> np.ndarray:
    """Middle grey becomes 0.5 - amount / 2."""
    return _bent(image, 0.5 - 0.5 * amount)


def _bent(image: np.ndarray, middle: float) -> np.ndarray:
    """Two thirds of a curve in RGB, one third of the same in CIELAB's lightness."""
    lab = _lab(image)
    lab[..., 0] = 100 * np.clip(_curve(lab[..., 0] / 100, {0.5: middle}), 0, 1)
    return _bytes_of((2 * _curve(_share_of(image), {0.5: middle}) + _of_lab(lab)) / 3)


def mean_shift(image: np.ndarray, shift: float) -> np.ndarray:
    """Added to all values, on a scale of 0..1."""
    return _bytes_of(_share_of(image) + shift)


def jitter(image: np.ndarray, amount: float) -> np.ndarray:
    """Every pixel displaced by a normal step of this deviation in pixels, five times over."""
    height, width = image.shape[:2]
    rng = np.random.default_rng(_SEED)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    for _ in range(5):
        dx, dy = amount * rng.standard_normal((2, height, width), dtype=np.float32)
        image = cv2.remap(image, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return image


def non_eccentricity_patch(image: np.ndarray, count: float, side: int = 16) -> np.ndarray:
    """So many squares of 16 pixels replaced by what lies 16 pixels beside them."""
    rng = np.random.default_rng(_SEED)
    result = image.copy()
    for _ in range(int(count)):
        y, x = (int(rng.integers(side, size - 2 * side)) for size in image.shape[:2])
        angle = rng.uniform(0, 2 * np.pi)
        from_y, from_x = y + round(side * np.sin(angle)), x + round(side * np.cos(angle))
        result[y : y + side, x : x + side] = image[from_y : from_y + side, from_x : from_x + side]
    return result


def pixelate(image: np.ndarray, strength: float) -> np.ndarray:
    """Scaled by 0.95 - strength ** 0.6 and back, each time to the nearest pixel."""
    height, width = image.shape[:2]
    scale = 0.95 - strength**0.6
    small = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_NEAREST_EXACT)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)


def quantization(image: np.ndarray, levels: float) -> np.ndarray:
    """So many levels for all channels, where they leave the least error (Otsu's criterion)."""
    return _best_levels(np.bincount(image.ravel(), minlength=256), int(levels))[image]


def _best_levels(histogram: np.ndarray, count: int) -> np.ndarray:
    """uint8 (256,): the level of every value, by dynamic programming over the bounds between levels."""
    values = np.arange(256.0)
    sums = np.stack([np.concatenate(([0], np.cumsum(histogram * values**power))) for power in range(3)])
    weight, first, second = sums[:, None, :] - sums[:, :, None]
    # Squared error of one level for the values from `row` up to, not including, `column`.
    error = np.where(weight > 0, second - first**2 / np.maximum(weight, 1), 0.0)
    error[np.tril_indices(257, -1)] = np.inf
    best, cuts = error[0], []
    for _ in range(count - 1):
        total = best[:, None] + error
        cuts.append(total.argmin(axis=0))
        best = total.min(axis=0)
    table, end = np.zeros(256), 256
    for cut in (*reversed(cuts), np.zeros(257, int)):
        start = int(cut[end])
        table[start:end] = first[start, end] / max(weight[start, end], 1)
        end = start
    return np.rint(table).astype(np.uint8)


def color_block(image: np.ndarray, count: float, side: int = 32) -> np.ndarray:
    """So many squares of 32 pixels, each of one random colour."""
    rng = np.random.default_rng(_SEED)
    result = image.copy()
    for _ in range(int(count)):
        y, x = (int(rng.integers(0, size - side)) for size in image.shape[:2])
        result[y : y + side, x : x + side] = rng.integers(0, 256, 3)
    return result


def high_sharpen(image: np.ndarray, amount: float) -> np.ndarray:
    """Unsharp mask of 3 pixels on CIELAB's lightness."""
    lab = _lab(image)
    lab[..., 0] += amount * (lab[..., 0] - cv2.GaussianBlur(lab[..., 0], (0, 0), 3))
    return _bytes_of(_of_lab(np.clip(lab, (0, -128, -128), (100, 127, 127))))


def contrast_change(image: np.ndarray, amount: float) -> np.ndarray:
    """A curve that moves 0.3 and 0.7 to 0.25 - amount / 4 and 0.75 + amount / 4: the image itself at -0.2."""
    return _bytes_of(_curve(_share_of(image), {0.3: 0.25 - amount / 4, 0.5: 0.5, 0.7: 0.75 + amount / 4}))


def _at_level(function: Callable[[np.ndarray, float], np.ndarray]) -> Callable[[np.ndarray, int], np.ndarray]:
    def distorted(image: np.ndarray, level: int) -> np.ndarray:
        return function(image, LEVELS[function.__name__][level - 1])

    return distorted


KADID: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    function.__name__: _at_level(function)
    for function in (
        *(gaussian_blur, lens_blur, motion_blur, color_diffusion, color_shift, color_quantization),
        *(saturation_decrease, saturation_increase, jpeg2000, jpeg, white_noise, white_noise_chroma, impulse_noise),
        *(multiplicative_noise, denoise, brighten, darken, mean_shift, jitter, non_eccentricity_patch, pixelate),
        *(quantization, color_block, high_sharpen, contrast_change),
    )
}
