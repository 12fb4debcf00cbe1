"""What the model is asked to do, in several wordings; the first of each is the one that the tasks use."""

from __future__ import annotations

PROMPTS: dict[str, tuple[str, ...]] = {
    "rate": (
        "Rate the quality of this video.",
        "How would you rate the quality of this video?",
        "Please rate this video.",
        "Give the quality level of this video.",
        "What is the quality of this video?",
        "Assess the quality of this video in one word.",
    ),
    "describe": (
        "Describe the quality of this video.",
        "Describe the quality of this video and give reasons.",
        "Which distortions does this video have? Describe its quality.",
        "What can be said about the quality of this video?",
        "Please describe the visual quality of this video.",
        "Explain how good the quality of this video is.",
    ),
    "compare": (
        "Which video has better quality?",
        "Which of the two videos has better quality?",
        "Which video looks better, the first or the second?",
        "Compare the quality of both videos.",
        "Is the quality of the first or of the second video better?",
    ),
}
