"""What a picture shows, roughly: the 1,000 classes of ImageNet in a few groups, as the context tower's classifier
sees it."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import timm
import torch

from lmms_cpllm.synthesis.facts import SUBJECTS
from lmms_cpllm.synthesis.measures import subject_of_class
from lmms_cpllm.training.tiny import BACKBONE, load_backbone_weights

# Probability of a group below which nothing is said: a sentence about the subject must be true more often than not.
_LEAST_CERTAIN = 0.4
_SIDE = 224


def subject_of(picture: np.ndarray) -> str:
    """A key of `SUBJECTS`, or "" where the classifier is not certain.

    Args:
        picture: uint8 `(height, width, 3)` RGB.
    """
    small = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    with torch.inference_mode():
        values = torch.from_numpy(small).permute(2, 0, 1).float().unsqueeze(0) / 127.5 - 1
        chances = _classifier()(values).softmax(-1)[0].numpy()
    sums = {subject: 0.0 for subject in SUBJECTS}
    for index, chance in enumerate(chances):
        if subject := subject_of_class(index):
            sums[subject] += float(chance)
    best = max(sums, key=sums.__getitem__)
    return best if sums[best] >= _LEAST_CERTAIN else ""


@cache
def _classifier() -> torch.nn.Module:
    model = timm.create_model(BACKBONE)
    model.load_state_dict(load_backbone_weights())
    return model.eval()
