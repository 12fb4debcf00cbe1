"""A still photograph seen by a virtual camera that pans, zooms and shakes: frames, the same on every run.

The photographs come with installed packages and are read from their files only; nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

import cv2
import numpy as np
from PIL import Image

from lmms_cpllm.errors import DataError

# Sinusoids of a hand's tremor and sway; the range of frequencies is that of hand-held cameras, 1 to 4 Hz.
_SHAKE_HZ = (1.1, 1.9, 3.1)


@dataclass(frozen=True)
class Photograph:
    """A photograph inside an installed package."""

    name: str
    """Short name, unique in a recipe."""
    package: str
    """Importable package that carries it."""
    path: str
    """Path inside the package, with slashes."""
    sha256: str
    """First 16 hexadecimal digits of the file's SHA-256: another picture under the same name would get wrong labels."""


@dataclass(frozen=True)
class Camera:
    """The virtual camera's way over the photograph. Pairs are values at the first and at the last frame."""

    start: tuple[float, float] = (0.5, 0.5)
    """Where the view begins, x and y, 0..1 of the room that the view has in the photograph."""
    end: tuple[float, float] = (0.5, 0.5)
    """Where it ends, in the same unit; the speed in between is constant."""
    scale: tuple[float, float] = (1.0, 1.0)
    """Output pixels per pixel of the photograph; geometric in between."""
    roll_degrees: tuple[float, float] = (0.0, 0.0)
    """Rotation about the optical axis."""
    shake_px: float = 0.0
    """Root mean square of the hand's shake on each axis, in output pixels."""
    mirror: bool = False
    """The view may leave the photograph, which is mirrored there; meant for textures. `start` and `end` are then 0..1
    of the whole photograph."""
    seed: int = 0


@dataclass(frozen=True)
class Scene:
    """A clip before any distortion."""

    photograph: Photograph
    size: tuple[int, int]
    """Width and height in pixels."""
    fps: int
    seconds: float
    camera: Camera = Camera()

    @property
    def name(self) -> str:
        return self.photograph.name

    @property
    def seed(self) -> int:
        """Of whatever is drawn for this scene."""
        return self.camera.seed

    @property
    def frame_count(self) -> int:
        return round(self.fps * self.seconds)


def load_photograph(photograph: Photograph) -> np.ndarray:
    """The photograph as uint8 (height, width, 3) RGB.

    Raises:
        DataError: the package or its file is missing, or the file holds another picture than the labels were made for.
    """
    try:
        data = resources.files(photograph.package).joinpath(photograph.path).read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise DataError(
            f"photograph {photograph.name!r}: {photograph.path} is not in the installed package {photograph.package} "
            f"({error}). Reinstall it from its wheel: pip install --force-reinstall scikit-image scikit-learn"
        ) from error
    found = hashlib.sha256(data).hexdigest()[:16]
    if found != photograph.sha256:
        raise DataError(
            f"photograph {photograph.name!r}: {photograph.package}/{photograph.path} has SHA-256 {found}..., expected "
            f"{photograph.sha256}...: the labels do not hold for it. Install another version of that package."
        )
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def camera_path(scene: Scene, photo_size: tuple[int, int]) -> np.ndarray:
    """The camera's state at every frame.

    Args:
        scene: the clip.
        photo_size: width and height of the photograph in pixels.

    Returns:
        float64 (frames, 4): centre x and centre y in pixels of the photograph, scale, roll in degrees.

    Raises:
        ValueError: the view is larger than the photograph and `mirror` is off, or the clip has fewer than two frames.
    """
    count, camera = scene.frame_count, scene.camera
    if count < 2:
        raise ValueError(f"a scene needs at least 2 frames, got {count} ({scene.seconds} s at {scene.fps} fps)")
    t = np.linspace(0.0, 1.0, count)
    scale = np.exp(np.log(camera.scale[0]) * (1 - t) + np.log(camera.scale[1]) * t)
    path = np.empty((count, 4))
    shake = _shake(camera, count, scene.fps)
    for axis in (0, 1):
        # Room for the centre: all of the photograph when mirrored, else where the view stays inside.
        view = scene.size[axis] / scale
        margin = np.zeros(count) if camera.mirror else view / 2
        room = photo_size[axis] - 2 * margin
        if room.min() < 0:
            raise ValueError(
                f"scene of {scene.photograph.name!r}: a view of {view.max():.0f} photograph pixels on axis "
                f"{'xy'[axis]} is larger than the photograph's {photo_size[axis]}; raise the scale or set mirror"
            )
        fraction = camera.start[axis] * (1 - t) + camera.end[axis] * t
        path[:, axis] = margin + fraction * room + shake[axis] / scale
    path[:, 2] = scale
    path[:, 3] = camera.roll_degrees[0] * (1 - t) + camera.roll_degrees[1] * t
    return path


def frames(scene: Scene, photo: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """The frames of a scene, uint8 (height, width, 3) RGB, sampled between pixels by an 8x8 Lanczos kernel.

    Args:
        scene: the clip.
        photo: the photograph, uint8 (height, width, 3) RGB; read from its package where it is None.
    """
    photo = load_photograph(scene.photograph) if photo is None else photo
    path = camera_path(scene, (photo.shape[1], photo.shape[0]))
    largest = float(path[:, 2].max())
    base = 1.0
    if largest < 1.0:
        # Lanczos alone would alias when shrinking: shrink by area averaging first.
        size = (round(photo.shape[1] * largest), round(photo.shape[0] * largest))
        base = size[0] / photo.shape[1]
        photo = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    for x, y, scale, roll in path:
        yield _view(photo, x * base, y * base, scale / base, roll, scene.size)


def speed_px_per_second(scene: Scene, photo_size: tuple[int, int]) -> float:
    """How fast the picture moves: the mean over the frame's corners and centre, in output pixels per second."""
    path = camera_path(scene, photo_size)
    half = np.array(scene.size) / 2
    points = np.array([(0, 0), (-1, -1), (1, -1), (-1, 1), (1, 1)]) * half
    # Where a fixed point of the photograph, seen at one frame, is seen at the next.
    step = (path[1:, :2] - path[:-1, :2]) * path[:-1, 2:3]
    zoom = path[1:, 2] / path[:-1, 2] - 1
    turn = np.radians(path[1:, 3] - path[:-1, 3])
    rotated = np.stack([-points[:, 1], points[:, 0]], axis=-1)
    moved = points * zoom[:, None, None] + rotated * turn[:, None, None] - step[:, None, :]
    return float(np.linalg.norm(moved, axis=-1).mean() * scene.fps)


def _shake(camera: Camera, count: int, fps: int) -> np.ndarray:
    """Shake in output pixels, float64 (2, count)."""
    phases = np.random.default_rng(camera.seed).uniform(0, 2 * np.pi, (2, len(_SHAKE_HZ)))
    seconds = np.arange(count) / fps
    waves = np.sin(2 * np.pi * np.array(_SHAKE_HZ)[None, :, None] * seconds + phases[..., None]).sum(axis=1)
    return waves * camera.shake_px / np.sqrt(len(_SHAKE_HZ) / 2)


def _view(photo: np.ndarray, x: float, y: float, scale: float, roll: float, size: tuple[int, int]) -> np.ndarray:
    cos, sin = np.cos(np.radians(roll)) / scale, np.sin(np.radians(roll)) / scale
    centre = ((size[0] - 1) / 2, (size[1] - 1) / 2)
    # Output pixel -> photograph pixel; pixel centres lie at whole numbers, hence the halves.
    matrix = np.array(
        [
            [cos, -sin, x - 0.5 - cos * centre[0] + sin * centre[1]],
            [sin, cos, y - 0.5 - sin * centre[0] - cos * centre[1]],
        ]
    )
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(photo, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
