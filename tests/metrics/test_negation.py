"""Denials, titles and whole answers: what a text says is there, and what it says is not."""

import pytest

from lmms_cpllm.metrics.lexicon import named
from lmms_cpllm.metrics.negation import asserted

SENTENCES = (
    ("No.", set()),
    ("None.", set()),
    ("no noise", set()),
    ("free of blur", set()),
    ("without any banding", set()),
    ("neither noise nor blur", set()),
    ("not blurry", set()),
    ("noise-free", set()),
    ("The clip does not suffer from noise.", set()),
    ("no noise but strong blur", {"blur"}),
    ("There is no noise, but the picture is out of focus.", {"blur"}),
    ("no noise, blur or banding", set()),
    ("No noise, blur, or banding is visible.", set()),
    ("without noise, blur, and banding", set()),
    ("no noise, strong blur", {"blur"}),
    ("no noise, with strong blur", {"blur"}),
    ("no noise and strong blur", {"blur"}),
    ("no noise and blur", set()),
    ("It has no noise and the picture is blurry", {"blur"}),
    ("The picture is not sharp, noise is visible", {"blur", "noise"}),
    ("It isn't blurry and shows banding.", {"banding"}),
    ("It isn't blurry or noisy.", set()),
    ("not only blurry but also noisy", {"blur", "noise"}),
    ("not without noise", {"noise"}),
    ("There is no doubt that it is noisy", {"noise"}),
    ("a little noise", {"noise"}),
    ("little noise", set()),
    ("a few compression artifacts", {"compression"}),
    ("few artifacts", set()),
    ("barely visible noise", {"noise"}),
    ("hardly any noise", set()),
    ("hardly noisy", set()),
    ("minimal noise", set()),
    ("minimal compression artifacts", set()),
    ("Noise is not visible.", set()),
    ("Noise and blur are absent.", set()),
    ("Noise is absent, but it stutters.", {"stutter"}),
    ("artifacts cannot be seen", set()),
    ("artifacts can't be seen", set()),
    ("The noise is not severe", {"noise"}),
    ("blur is not noticeable", set()),
    ("Blur isn't a problem", set()),
    ("The video is slightly blurry with noticeable compression artifacts.", {"blur", "compression"}),
    ("the image is not very sharp", {"blur"}),
    ("the image isn't sharp", {"blur"}),
    ("motion blur and blur", {"blur", "motion blur"}),
    ("no motion blur", set()),
    ("not stable", {"camera shake"}),
    ("The camera is stable, with no shaking", set()),
    ("The contrast is low", {"low contrast"}),
    ("The motion is not smooth", {"stutter"}),
    ("**Noise**: None", set()),
    ("- Noise: Low", set()),
    ("1. **Compression Artifacts**: There are none.", set()),
    ("Blur: slight", {"blur"}),
    ("Noise: visible in dark areas", {"noise"}),
    ("Noise level: The picture is clean.", set()),
    ("**Sharpness**: not sharp", {"blur"}),
    ("The main problem is: noise", {"noise"}),
    ("The picture is sharp, free from noise, blur and artifacts, though it stutters", {"stutter"}),
    ("There are no visible artifacts, noise, or distortion.", set()),
    ("There is no significant noise, visible artifacts, or banding.", set()),
    ("It shows blur rather than noise.", {"blur"}),
    ("It shows no blur; noise dominates.", {"noise"}),
    ("The video avoids motion blur", set()),
    ("Lack of noise", set()),
    ("It lacks noise and banding.", set()),
    ("The noise, blur and banding are not visible.", set()),
    ("Nothing is blurred.", set()),
    ("nothing but noise", {"noise"}),
    ("No, the video is blurry.", {"blur"}),
    ("No, it is not blurry.", set()),
    ("Yes, the video is blurry.", {"blur"}),
    ("I do not see noise. The blur is severe.", {"blur"}),
    ("not noisy, blur is severe", {"blur"}),
    ("Because of noise, the picture is not clear", {"noise"}),
    ("The picture is not clear due to blur", {"blur"}),
    ("The picture never freezes and never stutters.", set()),
    ("low noise", set()),
    ("low levels of noise", set()),
    ("noise levels are low", set()),
    ("Colours are not unnatural.", set()),
    ("The colours are not natural", {"unnatural colours"}),
    ("The exposure is balanced, with no overexposed or underexposed areas", set()),
    ("neither blurry nor noisy, but shaky", {"camera shake"}),
    ("It is neither too dark nor too bright", set()),
    ("The video has no signs of camera shake or stutter.", set()),
    ("unaffected by noise", set()),
    ("instead of noise there is blur", {"blur"}),
    ("There is noise/blur in the picture", {"blur", "noise"}),
    ("I\u2019m sure it isn\u2019t blurry", set()),
    ("The video doesn't appear to be overly compressed", set()),
    ("zero noise", set()),
    ("devoid of artifacts", set()),
    ("artifact-free", set()),
    ("The image remains artifact free", set()),
)
# As multimodal models write them.
ANSWERS = (
    (
        "The video quality is fair. The footage is somewhat grainy, and there is noticeable motion blur when the "
        "subject moves quickly. The colors are natural and the exposure is well balanced.",
        {"motion blur", "noise"},
    ),
    (
        "The quality of the video is quite good. The image is clear and sharp with vibrant colors, and there are "
        "no noticeable compression artifacts or noise. The camera is steady throughout.",
        set(),
    ),
    (
        "The video appears to be of low quality. It is pixelated and blurry, with significant compression "
        "artifacts, particularly in the background. The lighting is dim, which makes it hard to see details.",
        {"blur", "compression", "pixelation"},
    ),
    (
        "The video suffers from severe blockiness and color banding in the sky. Motion is choppy, likely due to "
        "dropped frames.",
        {"banding", "compression", "stutter"},
    ),
    (
        "Overall, the image is sharp; however, slight noise can be seen in the shadows.",
        {"noise"},
    ),
    (
        "The video is well-lit and stable. There is minimal noise and no visible artifacts. The focus is on the "
        "subject, and the background is slightly blurred.",
        set(),
    ),
    (
        "The footage exhibits a slight yellowish tint and low contrast, giving it a washed-out appearance. There "
        "are no signs of compression.",
        {"colour cast", "low contrast"},
    ),
    (
        "Strengths: good exposure, accurate colors, no noise.\nWeaknesses: camera shake, soft focus.",
        {"blur", "camera shake"},
    ),
    (
        "1. **Sharpness**: The video is moderately sharp, but not very sharp in the background.\n2. **Noise**: "
        "There is a noticeable amount of noise.\n3. **Compression artifacts**: No blocking or ringing is "
        "visible.\n4. **Stability**: The camera is handheld and shaky.",
        {"blur", "camera shake", "noise"},
    ),
    (
        "Although the video is free from blur and noise, there are visible glitches and corrupted areas caused by "
        "packet loss.",
        {"transmission errors"},
    ),
    (
        "I would not say that the video is noisy, but the highlights are blown out.",
        {"overexposure"},
    ),
    (
        "The video isn't too dark or too bright, the colours aren't oversaturated, and there's no flicker.",
        set(),
    ),
    (
        "The picture is oversharpened with white halos around objects and the skin looks waxy from heavy noise "
        "reduction.",
        {"oversharpening", "smearing"},
    ),
    (
        "Fast-moving objects show combing, typical of interlaced content.",
        {"interlacing"},
    ),
    (
        "The video does not show any stuttering, freezing, or dropped frames, and the colours are vivid.",
        set(),
    ),
    (
        "The video is not free of noise.",
        {"noise"},
    ),
    (
        "There's a lot of noise. Colors are faded.",
        {"noise", "unnatural colours"},
    ),
    (
        "Image is not so noisy.",
        set(),
    ),
    (
        "Noise is barely visible, banding is not present.",
        {"noise"},
    ),
    (
        "The clip is a bit out of focus and the autofocus hunts.",
        {"blur"},
    ),
    (
        "Details are lost in the shadows; the scene is underexposed.",
        {"underexposure"},
    ),
    (
        "It looks like an old VHS tape with scan lines and jitter.",
        {"camera shake", "interlacing"},
    ),
    (
        "The video is smooth, without stutters, and shot with a static camera.",
        set(),
    ),
    (
        "The video has poor lighting and lack of detail.",
        set(),
    ),
    (
        "A person is standing in the snow. The frozen lake behind them is beautiful. The noise of the crowd can "
        "be heard.",
        set(),
    ),
    (
        "The main issue is the loss of fine detail because of upscaling.",
        {"low resolution"},
    ),
    (
        "The video shows neither compression artifacts nor noise and has natural colours, but is slightly too bright.",
        {"overexposure"},
    ),
    (
        "Not a single artifact can be seen.",
        set(),
    ),
    (
        "There are no major issues such as blur, noise or compression artifacts.",
        set(),
    ),
    (
        "There are no issues with noise. There are some issues with focus: it is blurry.",
        {"blur"},
    ),
    (
        "The video lacks clarity and appears pixelated.",
        {"pixelation"},
    ),
    (
        "None of the frames are blurry.",
        set(),
    ),
    (
        "The video's compression is noticeable",
        {"compression"},
    ),
    (
        "Video quality: Poor. Reasons: blurry, noisy.",
        {"blur", "noise"},
    ),
    (
        "The quality is reduced by blur, noise, and by low resolution.",
        {"blur", "low resolution", "noise"},
    ),
)


@pytest.mark.parametrize(("text", "kinds"), SENTENCES)
def test_sentences(text, kinds):
    assert named(text) == kinds


@pytest.mark.parametrize(("text", "kinds"), ANSWERS)
def test_answers_of_models(text, kinds):
    assert named(text) == kinds


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("no x but y", "xy", [False, True]),
        ("x is absent and y is not", "xy", [False, True]),
        ("x, y and z are absent", "xyz", [False, False, False]),
        ("without x, y or z", "xyz", [False, False, False]),
        ("without x, with y and z", "xyz", [False, True, True]),
        ("not only x but also y", "xy", [True, True]),
        ("neither x nor y. z", "xyz", [False, False, True]),
        ("no x (y)", "xy", [False, True]),
        ("no b c d e f g h i j k l m n x", "x", [True]),  # out of reach
        ("", "", []),
    ],
)
def test_places_of_a_text(text, words, expected):
    spans = [(text.index(word), text.index(word) + 1) for word in words]
    assert asserted(text, spans) == expected
