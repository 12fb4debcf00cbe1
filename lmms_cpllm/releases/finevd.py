"""FineVD: questions on the distortions of users' videos; its two test sets.

Duan et al., "FineVQ: fine-grained user generated content video quality assessment", CVPR 2025
(https://github.com/IntMeGroup/FineVQ). Layout: the files of that repository's data/, and the videos of `IntMeGroup/FineVD`
on the Hugging Face hub, in any folder:

    yesno_test.jsonl          5,080 lines {"video": "x.mp4", "conversations": [{"from": "human", "value": question},
                              {"from": "gpt", "value": "Yes"}]}; 1,016 videos and 5 dimensions
    abcd_test_en.jsonl        1,016 lines of the same form; the options stand in the question:
                              "...{A:[None], B:[low saturation], ...}...", the answer is a letter

A byte order mark may begin the file or the first name. `abcd_test.jsonl` is the second in Chinese, `abcd2_test.jsonl` asks
for the dimension; neither is read.

The authors grant access to the videos by hand, person by person (issues 2, 9, 11, 16 and 17 of that repository). How the
hub repository is laid out is seen only then, so videos as they are and in archives of any usual kind are taken; those who
have it call the folder videos_all/videos_all_videos.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lmms_cpllm.ratings import LETTERS
from lmms_cpllm.releases.base import Release
from lmms_cpllm.releases.files import find_file, stem_of, videos_by_stem
from lmms_cpllm.releases.origins import HubFolder, LabelFile
from lmms_cpllm.releases.places import shorten
from lmms_cpllm.releases.questions import Entry, Question, QuestionFile, read_text

YES_NO_FILE = "yesno_test.jsonl"
CHOICE_FILE = "abcd_test_en.jsonl"
PLACES = ("data", "QA")
HUB = "IntMeGroup/FineVD"
# Each file at the commit that brought it.
_FILES_FROM = "https://raw.githubusercontent.com/IntMeGroup/FineVQ"
_YES_NO_URL = f"{_FILES_FROM}/526dbbe8114c9ecd1d0272b37e90336843b480ad/data/{YES_NO_FILE}"
_CHOICE_URL = f"{_FILES_FROM}/e8190480728539946a9317ecd7d5b5bf041171fc/data/{CHOICE_FILE}"
YES_NO = ("Yes", "No")

_PRESENT = re.compile(r"if there (?:is|are) (?!no\b)(.+?) in the video, please answer \[yes\]", re.IGNORECASE)
_OPTION = re.compile(r"\b([A-J])\s*:\s*\[([^\]]*)\]")
# Words of a distortion -> its dimension; the first that the text holds.
_DIMENSIONS = (
    ("noise", "noise"),
    ("blur", "blur"),
    ("artifact", "artifact"),
    *((word, "temporal") for word in ("temporal", "tempporal", "lagging", "flickering", "shaking")),
    *((word, "color") for word in ("color", "saturation", "contrast", "over dark", "over bright")),
)
_OTHER = "other_dimension"
_NONE = "none"
_CLEAN = "undistorted"
YES_NO_FACETS = (*dict.fromkeys(name for _, name in _DIMENSIONS), _OTHER)
"""What a question can count under: the dimension that is asked for."""
CHOICE_FACETS = (*YES_NO_FACETS, _CLEAN)
"""What a question can count under: the dimension of the right option, or that there is no distortion."""
_MAIN_PROBLEM = "What is the main problem of this video?"


def how_to_get(release: str, file: str) -> str:
    """What to do to have the videos and one file of questions."""
    return (
        f"ask for access on https://huggingface.co/datasets/{HUB}, which its authors grant by hand, then log in with "
        f"`hf auth login` and run `lmms-cpllm data get {release}`; or put the videos (unpacked) and data/{file} of "
        "https://github.com/IntMeGroup/FineVQ below LMMS_CPLLM_DATA/finevd"
    )


def read_yes_no(folder: Path) -> QuestionFile:
    """The questions whether a video has noise, blur, artifacts, colour or temporal distortion. Raises DataError."""
    return _read(folder, YES_NO_FILE, _yes_no, "finevd_yesno")


def read_choice(folder: Path) -> QuestionFile:
    """The questions which of several distortions a video has. Raises DataError."""
    return _read(folder, CHOICE_FILE, _choice, "finevd_choice")


def dimension(distortion: str) -> str:
    """The dimension that a distortion's name tells; `other_dimension` if it tells none, as "moire pattern"."""
    folded = distortion.casefold()
    return next((name for word, name in _DIMENSIONS if word in folded), _OTHER)


def _read(folder: Path, name: str, parse: Callable[[str, str], Question | str], release: str) -> QuestionFile:
    path = find_file("FineVD", folder, (name,), PLACES, how_to_get(release, name))
    lines = read_text(path).split("\n")
    entries, faults = [], []
    seen: Counter[str] = Counter()
    for number, line in enumerate(lines, start=1):
        if not line.replace("\ufeff", "").strip():
            continue
        entry = _entry(line, f"{number:0{len(str(len(lines)))}d}", parse)
        if isinstance(entry, str):
            faults.append(f"line {number}: {entry}")
            continue
        entries.append(entry)
        seen[f"{entry.readings[0][0]}: {entry.question.written!r}"] += 1
    twice = [question for question, count in sorted(seen.items()) if count > 1]
    notes = [f"{len(twice)} questions stand there more than once and are asked as often: {shorten(twice, '; ')}"]
    return QuestionFile(path, tuple(entries), tuple(faults), tuple(notes) if twice else ())


def _entry(line: str, number: str, parse: Callable[[str, str], Question | str]) -> Entry | str:
    """A line as a question; or what is wrong with it."""
    try:
        item = json.loads(line.replace("\ufeff", ""))
        video = item["video"].replace("\ufeff", "").strip()
        asked, said = (turn["value"].strip() for turn in item["conversations"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "a video and a conversation of a question and an answer expected"
    question = parse(asked, said) if video else "video is empty"
    if isinstance(question, str):
        return question if not video else f"{video}: {question}"
    return Entry(replace(question, name=f"{number} {video}"), ((stem_of(video),),))


def _yes_no(asked: str, said: str) -> Question | str:
    answer = said.strip("[]. ").capitalize()
    if answer not in YES_NO:
        return f"answer {said!r} is neither Yes nor No"
    present = _PRESENT.search(asked)
    question = f"Does the video show {present[1]}?" if present else asked
    facet = dimension(present[1]) if present else _OTHER
    return Question("", question, YES_NO, answer, (facet,), written=asked)


def _choice(asked: str, said: str) -> Question | str:
    options = _OPTION.findall(asked)
    letters = "".join(letter for letter, _ in options)
    if len(options) < 2 or letters != LETTERS[: len(options)]:
        return f"options A:[..], B:[..], ... expected in the question, found {letters or 'none'}"
    place = letters.find(said.strip("[]. ").upper())
    if len(said.strip("[]. ")) != 1 or place < 0:
        return f"answer {said!r} is not a letter of A to {letters[-1]}"
    texts = tuple(text.strip() for _, text in options)
    facet = _CLEAN if texts[place].casefold() == _NONE else dimension(texts[place])
    return Question("", _MAIN_PROBLEM, texts, texts[place], (facet,), written=asked)


def _shown(read: Callable[[Path], QuestionFile]) -> Callable[[Path], frozenset[str]]:
    """The names of the videos that the questions of a file show."""
    return lambda folder: frozenset(
        name for entry in read(folder).entries for reading in entry.readings for name in reading
    )


def _hub(read: Callable[[Path], QuestionFile]) -> HubFolder:
    return HubFolder(
        HUB,
        folder="videos",
        name_of=stem_of,
        wanted=_shown(read),
        notice=f"FineVD: its authors grant access by hand. Ask on https://huggingface.co/datasets/{HUB}, and log in here "
        "with `hf auth login` (or set HF_TOKEN).",
    )


FINEVD_YESNO = Release(
    name="finevd_yesno",
    title="FineVD, yes or no",
    count=5080,
    licence="not known here, see its page",
    source="https://github.com/IntMeGroup/FineVQ",
    how_to_get=how_to_get("finevd_yesno", YES_NO_FILE),
    folders=("finevd", "FineVD", "FineVQ"),
    markers=(YES_NO_FILE, *(f"{place}/{YES_NO_FILE}" for place in PLACES)),
    split="test",
    questions=read_yes_no,
    videos=videos_by_stem,
    label_files=(LabelFile(_YES_NO_URL, YES_NO_FILE, places=PLACES),),
    hub_folders=(_hub(read_yes_no),),
)

FINEVD_CHOICE = replace(
    FINEVD_YESNO,
    name="finevd_choice",
    title="FineVD, choice",
    count=1016,
    how_to_get=how_to_get("finevd_choice", CHOICE_FILE),
    markers=(CHOICE_FILE, *(f"{place}/{CHOICE_FILE}" for place in PLACES)),
    questions=read_choice,
    label_files=(LabelFile(_CHOICE_URL, CHOICE_FILE, places=PLACES),),
    hub_folders=(_hub(read_choice),),
)
