"""Contents that no photograph of ours shows: star fields, textures, pages of text, graphics, soft pictures, grey ones.

On pictures unlike those of its training a model takes what belongs to the picture for a distortion: stars for noise, the
softness of a microscope for blur. These contents are clean by construction, and what is done to them is known.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lmms_cpllm.training.contents import TEST, Content, first_picture, split_of

# Shrunk twofold a picture still holds a scene of 640x360 that moves.
_WIDTH, _HEIGHT = 1400, 840
_WORDS = (
    *(
        "light",
        "record",
        "window",
        "river",
        "of",
        "the",
        "and",
        "under",
        "seven",
        "results",
        "north",
        "engine",
        "letter",
    ),
    *(
        "version",
        "paper",
        "to",
        "in",
        "market",
        "season",
        "open",
        "signal",
        "total",
        "water",
        "early",
        "figure",
        "with",
    ),
)


def draw_contents(folder: Path, greys: Sequence[Content], count: int) -> list[Content]:
    """Draws `count` contents of each kind into `folder`, the same every time, and keeps those that are there.

    Args:
        folder: of the PNG files.
        greys: photographs, of which the first `count` that are not of the test are kept without their colours, each on its
            side of the split.
        count: of each kind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for kind, draw in _KINDS.items():
        for number in range(count):
            name = f"{kind}-{number:03d}"
            path = folder / f"{name}.png"
            if not path.is_file():
                _save(draw(np.random.default_rng(zlib.crc32(name.encode()))), path)
            found.append(Content(name, path, False, split_of(hashlib.sha256(name.encode()).hexdigest())))
    for content in [content for content in greys if content.split != TEST][:count]:
        path = folder / f"grey-{content.name}.png"
        if not path.is_file():
            grey = cv2.cvtColor(first_picture(content.path), cv2.COLOR_RGB2GRAY)
            _save(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), path)
        found.append(Content(path.stem, path, False, content.split))
    return found


def stars(rng: np.random.Generator) -> np.ndarray:
    """Points of light, a few bright and many faint, before a dark sky with a nebula or without."""
    picture = np.full((_HEIGHT, _WIDTH, 3), rng.uniform(0, 16, 3), np.float32)
    if rng.random() < 0.6:
        picture += np.maximum(0.0, _clouds(rng, 2.2)[..., None] - 0.5) * rng.uniform(30, 260, 3)
    for sigma in (0.9, 1.4, 2.2):
        points = np.zeros((_HEIGHT, _WIDTH, 3), np.float32)
        number = int(rng.integers(100, 1500) / sigma**2)
        brightness = 40 * rng.pareto(1.5, number)[:, None] * rng.uniform(0.7, 1.0, (number, 3))
        points[rng.integers(0, _HEIGHT, number), rng.integers(0, _WIDTH, number)] = np.minimum(brightness, 600)
        picture += cv2.GaussianBlur(points, (0, 0), sigma) * 6 * sigma**2
    return _bytes(picture)


def texture(rng: np.random.Generator) -> np.ndarray:
    """Grains, blades or clouds between two colours or greys, from coarse to fine."""
    field = _clouds(rng, float(rng.uniform(0.9, 1.8)))
    noise, (across, along) = rng.normal(size=(_HEIGHT, _WIDTH)).astype(np.float32), rng.uniform(1.2, 8, 2)
    fine = cv2.GaussianBlur(noise, (0, 0), sigmaX=float(across), sigmaY=float(along))
    field = 0.4 * field + 0.6 * _stretched(fine)
    if rng.random() < 0.4:
        # Hard-edged grains, lit from one side.
        grains = (field > rng.uniform(0.4, 0.6)).astype(np.float32)
        field = 0.5 * field + 0.5 * cv2.GaussianBlur(grains, (0, 0), 0.8)
    return _bytes(_between(field, rng))


def page(rng: np.random.Generator) -> np.ndarray:
    """Lines of words in one to three columns, dark on light or light on dark."""
    dark, light = (int(v) for v in (rng.integers(0, 60), rng.integers(200, 256)))
    paper, ink = (light, dark) if rng.random() < 0.7 else (dark, light)
    image = Image.new("RGB", (_WIDTH, _HEIGHT), (paper, paper, paper))
    draw = ImageDraw.Draw(image)
    columns, size = int(rng.integers(1, 4)), int(rng.integers(20, 56))
    font, title = ImageFont.load_default(size), ImageFont.load_default(size * 2)
    draw.text(
        (40, 20), " ".join(rng.choice(_WORDS, 4)), fill=tuple(int(v) for v in rng.integers(0, 256, 3)), font=title
    )
    width = _WIDTH // columns
    for column in range(columns):
        for top in range(40 + size * 2, _HEIGHT - size, round(size * 1.4)):
            words = " ".join(rng.choice(_WORDS, 40))[: int((width - 80) / (size * 0.55))]
            draw.text((40 + column * width, top), words, fill=(ink, ink, ink), font=font)
    return np.asarray(image)


def graphic(rng: np.random.Generator) -> np.ndarray:
    """Flat shapes and lines before a plain or shaded ground, as in charts, games and drawn films."""
    ground = np.linspace(rng.integers(0, 256, 3), rng.integers(0, 256, 3), _HEIGHT)[:, None]
    image = Image.fromarray(np.repeat(ground, _WIDTH, axis=1).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(8, 60))):
        x, y = int(rng.integers(-100, _WIDTH)), int(rng.integers(-100, _HEIGHT))
        box = (x, y, x + int(rng.integers(10, 400)), y + int(rng.integers(10, 300)))
        fill = tuple(int(v) for v in rng.integers(0, 256, 3))
        [draw.rectangle, draw.ellipse, draw.line][rng.integers(3)](box, fill=fill, width=int(rng.integers(1, 8)))
    return np.asarray(image)


def soft(rng: np.random.Generator) -> np.ndarray:
    """What a microscope, an eye's fundus or fog looks like: no sharp edge by nature, veins or cells in it."""
    picture = _between(_clouds(rng, 2.0), rng)
    lines = np.zeros((_HEIGHT, _WIDTH), np.float32)
    for _ in range(int(rng.integers(5, 40))):
        turns = np.cumsum(rng.normal(0, 0.15, 200)) + rng.uniform(0, 2 * np.pi)
        steps = np.stack([np.cos(turns), np.sin(turns)], 1) * 8
        way = np.cumsum(steps, 0) + rng.uniform(0, 1, 2) * (_WIDTH, _HEIGHT)
        cv2.polylines(lines, [way.astype(np.int32)], False, float(rng.uniform(0.2, 0.8)), int(rng.integers(2, 10)))
    veins = cv2.GaussianBlur(lines, (0, 0), float(rng.uniform(2, 4)))[..., None]
    return _bytes(picture * (1 - veins) + rng.uniform(0, 255, 3) * veins)


_KINDS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "stars": stars,
    "texture": texture,
    "page": page,
    "graphic": graphic,
    "soft": soft,
}


def _clouds(rng: np.random.Generator, slope: float) -> np.ndarray:
    """A field of 0..1 whose amplitudes fall with frequency to the power of `slope`."""
    y, x = np.fft.fftfreq(_HEIGHT)[:, None], np.fft.rfftfreq(_WIDTH)[None]
    amplitude = np.maximum(np.hypot(y, x), 1 / _WIDTH) ** -slope
    return _stretched(np.fft.irfft2(amplitude * np.exp(2j * np.pi * rng.random(amplitude.shape)), s=(_HEIGHT, _WIDTH)))


def _stretched(field: np.ndarray) -> np.ndarray:
    low, high = np.percentile(field, (1, 99))
    return np.clip((field - low) / (high - low), 0, 1).astype(np.float32)


def _between(field: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A field of 0..1 as a picture between two colours, every third time two greys."""
    a, b = (rng.uniform(0, 255, 3) for _ in range(2))
    if rng.random() < 1 / 3:
        a, b = np.full(3, a[0]), np.full(3, b[0])
    return field[..., None] * a + (1 - field[..., None]) * b


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture, 0, 255).astype(np.uint8)


def _save(picture: np.ndarray, path: Path) -> None:
    part = path.with_suffix(".part")
    Image.fromarray(picture).save(part, "PNG")
    part.replace(path)
