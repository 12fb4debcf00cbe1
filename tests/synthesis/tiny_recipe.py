"""Three clips of 64x48 that render in a fraction of a second."""

from __future__ import annotations

from lmms_cpllm.synthesis.recipe import PHOTOGRAPHS, clean_item, distorted_item
from lmms_cpllm.synthesis.scenes import Camera, Scene

SCENE = Scene(PHOTOGRAPHS["coffee"], (64, 48), 12, 0.5, Camera(start=(0.2, 0.4), end=(0.6, 0.5), shake_px=1, seed=3))
OTHER = Scene(PHOTOGRAPHS["pagoda"], (64, 48), 12, 0.5, Camera(scale=(0.3, 0.4)))
ITEMS = (clean_item(SCENE), distorted_item(SCENE, "h264", 40), distorted_item(OTHER, "blur", 2))
