"""The releases that ask questions, in their official layouts and with their traps, made of tiny clips."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lmms_cpllm.releases import RELEASES

# All of Q-Bench-Video: types, concerns and contexts as texts and as lists, both forms of pairs, answers by letter and text.
ITEMS = [
    {
        "video_name": "v0.mp4",
        "question": "Is the video blurry?",
        "question_type": "yes-or-no",
        "answers": ["Yes", "No"],
        "correct_choice": "A",
        "context": "Global",
        "quality_concern": "Technical distortion",
    },
    {
        "video_name": "v2.mp4",
        "question": "Does the beginning look appealing?",
        "question_type": ["yes-or-no"],
        "answers": ["No", "Yes"],
        "correct_choice": "Yes",
        "context": ["Referring"],
        "quality_concern": ["Aesthetic", "Temporal"],
    },
    {
        "video_name": "a_black_cat_runs.mp4",  # one video, and no pair
        "question": "What is wrong with the cat?",
        "question_type": "what/how",
        "answers": ["Its colour", "Its size", "Its paws melt", "Nothing"],
        "correct_choice": "C.",
        "context": "Global",
        "quality_concern": "AIGC distortion",
    },
    {
        "video_name": "v0.mp4_cat_v2.mp4.mp4",
        "question": "How does the first video compare with the second?",
        "question_type": "what/how",
        "answers": ["Better", "Worse", "The same"],
        "correct_choice": "B",
        "context": "Compare-coarse",
        "quality_concern": "Technical",
    },
    {
        "video_name": "a_black_cat_runs_cat_v1.mp4",
        "question": "Is the first video smoother?",
        "question_type": "yes-or-no",
        "answers": ["Yes", "No"],
        "correct_choice": "b",
        "context": "Compare-fine",
        "quality_concern": "Temporal",
    },
    {
        "video_name": "v1.mp4",
        "question": "Which distortions are there?",
        "question_type": "open_ended",
        "answers": ["Slight noise in dark areas."],
        "correct_choice": None,
        "context": "Global",
        "quality_concern": "Technical",
    },
    {
        "video_name": "v1.mp4_cat_v0.mp4.mp4",
        "question": "Which of both is better, and why?",
        "question_type": "open_ended",
        "answers": [],
        "correct_choice": "The first, because it is sharper.",
        "context": "Joint",
        "quality_concern": "Other",
    },
    {
        "video_name": "v1.mp4",
        "question": "When does the video freeze?",
        "question_type": "when",
        "answers": ["Early", "Late"],
        "correct_choice": "B",
        "context": "",
        "quality_concern": "Temporal",
    },
]
ITEMS.append(ITEMS[0])  # stands there twice

_HAS = "If there is no {0} in the video, please answer [No]. If there is {0} in the video, please answer [Yes]."
_WHICH = "Please select one distortion type from below options{{{0}}}Just answer the corresponding letter."
YES_NO = [
    ("0_00_1.mp4", _HAS.format("noise"), "Yes"),
    ("0_00_2-yase.mp4", _HAS.format("noise"), "No"),
    ("0_00_1.mp4", _HAS.format("temporal distortion"), "No"),
    ("0_00_2-yase.mp4", _HAS.format("color distortion").replace("]. If", "].If") + " ", "No"),
]
CHOICE = [
    ("0_00_1.mp4", _WHICH.format("A:[None], B:[low saturation], C:[gussian noise], D:[moire pattern]"), "C"),
    ("0_00_2-yase.mp4", _WHICH.format("A:[lagging], B:[flickering], C:[None]"), "C"),
    (
        "1_22_3.mp4",
        _WHICH.format("A:[over dark], B:[None], C:[stripe noise], D:[moire pattern], E:[exposure blur]"),
        "D",
    ),
]


def line(video: str, asked: str, said: str) -> str:
    turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": said}]
    return json.dumps({"video": video, "conversations": turns}, ensure_ascii=False)


def qbench_video(folder: Path, clips: Sequence[Path], items: Sequence[dict] = ITEMS) -> Path:
    """Q-Bench-Video below a folder; one video is in a folder of its own. Gives the file of questions."""
    places = ["video/v0.mp4", "video/v1.mp4", "video/more/v2.mp4", "video/a_black_cat_runs.mp4"]
    link(folder, places, clips)
    path = folder / "Q_Bench_Video_dev.json"
    path.write_text(json.dumps(items, indent=2), encoding="utf-8-sig")
    return path


def finevd(folder: Path, clips: Sequence[Path]) -> tuple[Path, Path]:
    """FineVD below a folder. Gives both files of questions: a mark before the first name, blank lines, CR LF."""
    link(folder, [f"videos_all/{name}" for name in ("0_00_1.mp4", "0_00_2-yase.mp4", "1_22_3.mp4")], clips)
    (folder / "data").mkdir(exist_ok=True)
    yes_no, choice = folder / "data" / "yesno_test.jsonl", folder / "data" / "abcd_test_en.jsonl"
    yes_no.write_text("\n".join([*(line(*row) for row in YES_NO), "", ""]), encoding="utf-8-sig")
    first, *others = CHOICE
    rows = [("\ufeff" + first[0], *first[1:]), *others]
    choice.write_bytes("\r\n".join(["", *(line(*row) for row in rows), " "]).encode())
    return yes_no, choice


def link(folder: Path, places: Sequence[str], clips: Sequence[Path]) -> None:
    for place, clip in zip(places, clips, strict=False):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        os.link(clip, folder / place)


def make_questions(root: Path, clips: Sequence[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both releases below a data root, and a registry that expects their numbers of questions."""
    qbench_video(root / "qbench_video", clips)
    finevd(root / "finevd", clips)
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(root))
    for name, count in (("finevd_yesno", len(YES_NO)), ("finevd_choice", len(CHOICE))):
        monkeypatch.setitem(RELEASES, name, replace(RELEASES[name], count=count))
