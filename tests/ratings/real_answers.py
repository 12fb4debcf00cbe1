"""Answers in the manner of the models that are asked: whole texts, as they come back from our prompts.

The manner is that of each family (how it opens, what it puts around a number, how long it goes on); the texts are made up.
Of each: the text, the quality that it gives or None, and the beginning of the reason where there is none.
"""

from __future__ import annotations

AMBIGUOUS, NONE, RANGE = "ambiguous: ", "no rating found", "out of range: "

# The prompt asks for a number from 0 to 100.
ANSWERS: list[tuple[str, float | None, str]] = [
    # GPT: markdown, a verdict, reasons in a list
    ("**Quality score: 68**", 68, ""),
    (
        "**Overall Quality Score: 68/100**\n\n"
        "- **Sharpness:** The image is moderately sharp, with some softness in the background.\n"
        "- **Noise:** Noticeable grain in the darker areas.\n"
        "- **Compression:** Light blocking around moving objects.\n",
        68,
        "",
    ),
    (
        "### Video Quality Assessment\n\n| Aspect | Score |\n|---|---|\n| Sharpness | 70 |\n| Noise | 55 |\n"
        "| Motion | 80 |\n| **Overall** | **66** |",
        66,
        "",
    ),
    (
        "### Assessment\n1. **Sharpness**: 7/10 \u2013 edges are mostly clear.\n2. **Noise**: 6/10 \u2013 visible grain.\n"
        "3. **Compression**: 5/10 \u2013 blocking in the sky.\n\n**Final score: 60**",
        60,
        "",
    ),
    (
        "I\u2019d rate the quality of this video **72 out of 100**. It is well exposed and stable, but there is visible "
        "compression in the water.",
        72,
        "",
    ),
    ("Based on the frames provided, I would estimate the overall quality at approximately **62**.", 62, ""),
    ("Score: 55\n\nReasoning: the footage shows 2 people walking at 1080p, 30 fps, with heavy blocking.", 55, ""),
    (
        "The video appears to have **moderate quality**. I would assign it a score of **58/100**, mainly due to blur.",
        58,
        "",
    ),
    ("My assessment: 64 (fair).", 64, ""),
    ("Quality: 81/100 \u2014 crisp, well lit, and free of visible artifacts.", 81, ""),
    (
        "I'm unable to view videos directly, so I can't provide a quality score. If you can describe the video or share "
        "some frames, I would be happy to help.",
        None,
        NONE,
    ),
    ("I\u2019m sorry, but I can\u2019t help with that.", None, NONE),
    (
        "Technical quality: 65/100\nAesthetic quality: 78/100",
        None,
        AMBIGUOUS,
    ),
    (
        "Depending on the viewing conditions, I would give it between 60 and 70.",
        None,
        "ambiguous: 60, 70",
    ),
    ("Score: 60-65/100", None, AMBIGUOUS),
    # GPT and others, as JSON
    ('{"score": 73}', 73, ""),
    ('{"quality": 47.5}', 47.5, ""),
    ('```json\n{"score": 42, "level": "fair", "distortions": ["blur", "noise"]}\n```', 42, ""),
    (
        '```json\n{\n  "video_quality": {\n    "score": 71,\n    "reason": "Slight blur in 3 of 8 frames."\n  }\n}\n```',
        71,
        "",
    ),
    (
        'Here is the evaluation:\n\n```json\n{"overall_score": 66, "sharpness": 70, "noise": 50}\n```\nLet me know!',
        66,
        "",
    ),
    ('{"score": "78 / 100", "explanation": "The video is sharp and steady."}', 78, ""),
    ('{"rating": "Good", "confidence": 0.85}', 75, ""),
    ('{"score": 73, "reason": "The video shows a busy str', None, "no rating found: the JSON object is not closed"),
    # Qwen: terse, or a sentence
    ("The quality of the video is 75.", 75, ""),
    ("75.0", 75, ""),
    ("The score is 75.", 75, ""),
    ("The video quality is good, so I would rate it 80.", 80, ""),
    ("The quality of this video can be rated as 70 out of 100.", 70, ""),
    ("I would rate this video an 85 out of 100 for quality.", 85, ""),
    ("Addressing the quality of the video, I would give it a score of 75.", 75, ""),
    (
        "The video quality is quite good, with clear visuals and smooth motion. However, there is some noise in the dark "
        "areas. Overall, I would rate it 78.",
        78,
        "",
    ),
    ("The quality of the video is excellent.", 100, ""),
    ("The quality of the video is not good. It is poor.", 25, ""),
    ("The quality of this video is not bad.", None, "no rating found: only what it is not (bad)"),
    ("\u8be5\u89c6\u9891\u7684\u8d28\u91cf\u8bc4\u5206\u4e3a72\u5206\u3002", 72, ""),
    (
        "\u8bc4\u5206\uff1a72\n\n\u7406\u7531\uff1a\u753b\u9762\u6e05\u6670\uff0c\u4f46\u6709\u8f7b\u5fae\u566a\u70b9\u3002",
        72,
        "",
    ),
    ("\u89c6\u9891\u8d28\u91cf: 65/100 (Video quality: 65/100)", 65, ""),
    # Qwen, VQAThinker and other models that think
    (
        "<think>\nThe video shows a street at night. There is noise, perhaps 40 to 50 on this scale. Compression is "
        "moderate.\n</think>\n\n<answer>45</answer>",
        45,
        "",
    ),
    ("<think>\nSharp frames, little noise. Score maybe 80.\n</think>\n\n78", 78, ""),
    ("The frames look sharp; I first thought 90, but the sky is blocky.\n</think>\n\n**82**", 82, ""),
    ("<think>\nOkay, let me look at the frames one by one. Frame 1 is sharp. Frame 2 has 20% blur", None, NONE),
    ("<think>The blur is strong.</think><answer>The quality of the video is poor.</answer>", 25, ""),
    ("<think>x</think>\n\\boxed{63}", 63, ""),
    ("Therefore, the final score is:\n\n\\[\n\\boxed{72}\n\\]", 72, ""),
    ("The answer is $\\boxed{\\text{Fair}}$", 50, ""),
    ("<think>Hmm.</think>\n\nTherefore the score is $\\boxed{72/100}$.", 72, ""),
    ("<thinking>70? 75?</thinking><answer>\n72.5\n</answer>", 72.5, ""),
    ("<answer>between 70 and 80</answer>", None, "ambiguous: 70, 80"),
    # InternVL: a table of aspects, or one word
    ("Good", 75, ""),
    (
        "To evaluate the quality of the video, several factors are considered:\n\n1. **Clarity**: good.\n2. **Color**: "
        "excellent.\n3. **Stability**: fair.\n\nOverall, the quality of this video is **good**.",
        75,
        "",
    ),
    (
        "Clarity: 80\nColor: 85\nStability: 70\nCompression artifacts: 60",
        None,
        AMBIGUOUS,
    ),
    ("The quality score of this video is: 67.3", 67.3, ""),
    ("Rating: 3.5 out of 5", 70, ""),
    ("I would rate it as a 7 out of 10.", 70, ""),
    ("4/5 stars", 80, ""),
    # LLaVA and its kin: a caption with a verdict, or the scale repeated
    (
        "The video is of good quality, with clear and sharp images of a man playing a guitar in a room.",
        75,
        "",
    ),
    ("The quality of this video is fair, with some blur and low light.", 50, ""),
    ("The image quality is poor, with low resolution and a lot of noise.", 25, ""),
    ("On a scale from 0 to 100, where 100 is the best, the quality of the video is 80.", 80, ""),
    ("100", 100, ""),
    ("0", 0, ""),
    ("The video features a man in good spirits walking through a park.", None, AMBIGUOUS),
    ("A man is riding a bike. There are 3 cars and 2 trees.", None, AMBIGUOUS),
    ("The video is neither good nor bad.", None, NONE),
    ("The quality is far from excellent.", None, NONE),
    # Gemini: a heading, then prose; hedges
    (
        "## Quality Score: 85/100\n\n**Strengths**\n* Sharp 4K footage at 60 fps\n* Natural colors\n\n**Weaknesses**\n"
        "* Slight banding in the sky (about 5% of the frame)",
        85,
        "",
    ),
    ("I'd give this video a **70/100**.\n\nHere's a breakdown:\n* Resolution: 720p\n* Frame rate: 24 fps", 70, ""),
    ("Overall rating: **Fair (50/100)**", 50, ""),
    ("This video would probably score around 35-40 due to heavy compression.", None, AMBIGUOUS),
    ("72,5", 72.5, ""),
    ("Punktzahl: 72,5 von 100", 72.5, ""),
    ("Note : 72/100\n\nLa vid\u00e9o est nette, avec un l\u00e9ger bruit.", 72, ""),
    ("Quality: 68 %", 68, ""),
    ("The quality is about 85%.", 85, ""),
    ("Quality Score: 105/100 \u2013 simply stunning!", None, RANGE),
    ("I would rate it -10 out of 100, it is unwatchable.", None, RANGE),
    ("Score: 850", None, RANGE),
    ("Score: 8", 8, ""),
    ("0.85", 0.85, ""),
    ("eighty-five", None, NONE),
    (
        "On a scale of 0 (worst) to 100 (best), I would rate this video 64, mainly because of the visible blocking.",
        64,
        "",
    ),
    ("On a scale of 0-100 where 0 is the worst and 100 is the best, I'd rate this video a 65.", 65, ""),
    ("A score of 0 would be the worst and 100 the best.", None, NONE),
    ("I would need to see the video to give a score from 0 to 100.", None, NONE),
    ("The quality of this video is good at the beginning and poor at the end.", None, AMBIGUOUS),
    ("The quality of this video is between fair and good.", None, "ambiguous: good, fair"),
    ("The quality would be good if it were sharper.", None, AMBIGUOUS),
    ("I would not say that the quality of this video is excellent.", None, AMBIGUOUS),
    ("The quality score is certainly below 50.", None, AMBIGUOUS),
    ("Noise: 30/100", None, AMBIGUOUS),
    # tokens that a model's class left in the text
    ("72<|im_end|>", 72, ""),
    ("<s> The quality of this video is good. </s>", 75, ""),
    ("assistant\n68", 68, ""),
    # services that fail
    (
        "[LMMS_EVAL_REQUEST_FAILED after 5 retries] Error code: 429 - Rate limit reached for 100 requests",
        None,
        "failed",
    ),
    ("[LMMS_EVAL_BUDGET_EXCEEDED] 100", None, "failed"),
    ("\n", None, "empty"),
]
