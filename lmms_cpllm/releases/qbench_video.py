"""Q-Bench-Video: questions on the quality of videos, of one or of two, with options or open; the development set.

Zhang et al., "Q-Bench-Video: benchmark the video quality understanding of LMMs", CVPR 2025
(https://github.com/Q-Future/Q-Bench-Video). Layout as downloaded from `zhangzicheng/Q-Bench-Video` on the Hugging Face hub:

    Q_Bench_Video_dev.json    list of {video_name, question, question_type, answers, correct_choice, context,
                              quality_concern}
    video/*.mp4               (video.zip)

`question_type` holds yes-or-no, what/how or open_ended. `answers` are the options without their letters, `correct_choice`
is a letter. A question on two videos has Compare or Joint in its `context`, and its `video_name` joins two file names:
`A.mp4_cat_B.mp4.mp4` shows A.mp4 and then B.mp4, which lie in video/ one by one. Taken as well are names without
the inner endings, texts in lists, and a correct choice in words. The answers of the test set are not published.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from lmms_cpllm.errors import DataError
from lmms_cpllm.ratings import LETTERS
from lmms_cpllm.releases.base import Release
from lmms_cpllm.releases.files import ByName, find_file, stem_of, videos_below, without_ending
from lmms_cpllm.releases.origins import Archive, LabelFile
from lmms_cpllm.releases.places import shorten
from lmms_cpllm.releases.questions import Entry, Question, QuestionFile, read_text

FILE = "Q_Bench_Video_dev.json"
VIDEOS = "video"
_HUB = "https://huggingface.co/datasets/zhangzicheng/Q-Bench-Video"
HOW_TO_GET = (
    f"`lmms-cpllm data get qbench_video_dev` downloads it, or download {FILE} and video.zip from {_HUB} and unpack them "
    "below LMMS_CPLLM_DATA/qbench_video"
)
_JOINT = "_cat_"
# What the type of a question holds -> what it counts under, in the order of the authors' script.
_TYPES = (("open_ended", "open"), ("what/how", "what_how"), ("yes-or-no", "yes_no"))
_OTHER_TYPE = "other_type"
_CONCERNS = ("technical", "aesthetic", "temporal", "aigc")
_OTHER_CONCERN = "other_concern"
# Kind of context -> what it counts under; the first that the text holds.
_SINGLE_CONTEXTS = (("refer", "single_referring"), ("global", "single_global"))
_PAIR_CONTEXTS = (("coarse", "pair_coarse"), ("fine", "pair_fine"), ("compare", "pair_other"), ("joint", "pair_other"))
_OTHER_CONTEXT = "other_context"
_OF_ALL = (*_CONCERNS, _OTHER_CONCERN, _OTHER_CONTEXT)
_OF_SINGLE = (*_OF_ALL, "single_global", "single_referring")
FACETS: dict[str, tuple[str, ...]] = {
    "yes_no": ("yes_no", *_OF_SINGLE),
    "what_how": ("what_how", _OTHER_TYPE, *_OF_SINGLE),
    "pairs": ("yes_no", "what_how", _OTHER_TYPE, *_OF_ALL, "pair_coarse", "pair_fine", "pair_other"),
}
"""What the questions of a part with options can count under: a type, concerns and a context."""

_LETTER = re.compile(r"\W*([A-Z])\W*")


def read(folder: Path) -> QuestionFile:
    """Every question of the development set. Raises DataError without a list of questions."""
    path = find_file("Q-Bench-Video", folder, (FILE,), (), HOW_TO_GET)
    items = _items(path)
    entries, faults = [], []
    unknown: Counter[str] = Counter()
    seen: Counter[tuple[str, str]] = Counter()
    for number, item in enumerate(items, start=1):
        entry = _entry(item, f"{number:0{len(str(len(items)))}d}") if isinstance(item, Mapping) else "not an object"
        if isinstance(entry, str):
            faults.append(f"item {number}: {entry}")
            continue
        entries.append(entry)
        seen[_text(item.get("video_name")), entry.question.question] += 1
        if _OTHER_TYPE in entry.question.facets:
            unknown[_text(item.get("question_type")) or "none"] += 1
    return QuestionFile(path, tuple(entries), tuple(faults), tuple(_notes(unknown, seen)))


def _items(path: Path) -> list:
    try:
        items = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: not a JSON file: {error}. Put the official file back.") from error
    if not isinstance(items, list) or not items:
        raise DataError(
            f"{path}: a list of questions expected, found {type(items).__name__}. Put the official file back."
        )
    return items


def _notes(unknown: Counter[str], seen: Counter[tuple[str, str]]) -> Iterator[str]:
    if unknown:
        kinds = shorten([f"{kind!r} ({count})" for kind, count in sorted(unknown.items())])
        known = ", ".join(text for text, _ in _TYPES)
        yield (
            f"{unknown.total()} questions are of a type that is not one of {known}: {kinds}; they are asked by what they "
            f"hold, options or none, and counted under {_OTHER_TYPE}"
        )
    twice = [f"{name}: {question!r}" for (name, question), count in sorted(seen.items()) if count > 1]
    if twice:
        yield f"{len(twice)} questions stand there more than once and are asked as often: {shorten(twice, '; ')}"


def _entry(item: Mapping, number: str) -> Entry | str:
    """An item as a question; or what is wrong with it."""
    name, question = _text(item.get("video_name")), _text(item.get("question"))
    if not name or not question:
        return f"{'video_name' if not name else 'question'} is empty"
    kind = next((facet for text, facet in _TYPES if text in _text(item.get("question_type")).lower()), _OTHER_TYPE)
    answers = _answers(item.get("answers"))
    correct = _text(item.get("correct_choice"))
    is_open = kind == "open" or (kind == _OTHER_TYPE and len(answers) < 2)
    if is_open:
        answer = _option(correct, answers) or (correct if not _LETTER.fullmatch(correct) else "") or "; ".join(answers)
        if not answer:
            return f"the open question on {name} has no answer"
    elif not 2 <= len(answers) <= len(LETTERS):
        return f"2 to {len(LETTERS)} answers expected for {name}, found {len(answers)}"
    else:
        answer = _option(correct, answers)
        if not answer:
            letters = f"A to {LETTERS[len(answers) - 1]}"
            return f"correct_choice {correct!r} of {name} is neither a letter of {letters} nor one of the answers"
    context = _text(item.get("context")).lower()
    compares = "compare" in context or "joint" in context
    readings = _readings(name, compares)
    is_pair = len(readings[0]) == 2
    part = "open" if is_open else "pairs" if is_pair else "yes_no" if kind == "yes_no" else "what_how"
    facets = (kind, *_concerns(_text(item.get("quality_concern")).lower()), _context(context, is_pair))
    options = () if is_open else answers
    return Entry(Question(f"{number} {name}", question, options, answer, facets, part), readings)


def _concerns(text: str) -> list[str]:
    return [facet for facet in _CONCERNS if facet in text] or [_OTHER_CONCERN]


def _context(text: str, is_pair: bool) -> str:
    contexts = _PAIR_CONTEXTS if is_pair else _SINGLE_CONTEXTS
    return next((facet for word, facet in contexts if word in text), _OTHER_CONTEXT)


def _text(value: object) -> str:
    """A text, or the texts of a list."""
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(part) for part in value)
    return "" if value is None else str(value).replace("\ufeff", "").strip()


def _answers(value: object) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, list):
        value = [value]
    return tuple(text for text in map(_text, value) if text)


def _option(correct: str, answers: tuple[str, ...]) -> str:
    """The answer that `correct_choice` names by its letter or its words; "" if it names none."""
    if correct in answers:
        return correct
    letter = _LETTER.fullmatch(correct.upper()) or re.match(r"([A-Z])[.):]", correct)
    place = LETTERS.find(letter[1]) if letter else -1
    if 0 <= place < len(answers):
        return answers[place]
    folded = [answer.casefold().rstrip(".") for answer in answers]
    wanted = correct.casefold().rstrip(".")
    return answers[folded.index(wanted)] if wanted in folded else ""


def _readings(name: str, compares: bool) -> tuple[tuple[str, ...], ...]:
    """The ways to read a video name. A file may have `_cat_` in its own name, and so may one of two."""
    splits = [(name[: match.start()], name[match.end() :]) for match in re.finditer(_JOINT, name)]
    clear = [pair for pair in splits if pair[0] != without_ending(pair[0])]  # an ending before the joint
    pairs = tuple((_stem(first), _stem(second)) for first, second in (clear or splits))
    return pairs if pairs and (compares or clear) else ((_stem(name),), *pairs)


def _stem(name: str) -> str:
    """The name of a file without its ending or endings: that of a pair is `B.mp4.mp4`."""
    stem = stem_of(name)
    while stem != without_ending(stem):
        stem = without_ending(stem)
    return stem


def videos(folder: Path) -> ByName:
    """All videos below the folder by the name of the file without endings."""
    return ByName(videos_below(folder), lambda path: _stem(path.name), [folder / VIDEOS])


QBENCH_VIDEO_DEV = Release(
    name="qbench_video_dev",
    title="Q-Bench-Video, development set",
    count=0,  # not stated by its authors for the file itself
    licence="not known here, see its page",
    source="https://github.com/Q-Future/Q-Bench-Video",
    how_to_get=HOW_TO_GET,
    folders=("qbench_video", "Q-Bench-Video", "q-bench-video", "Q_Bench_Video"),
    markers=(FILE,),
    split="development set, the one with answers",
    questions=read,
    videos=videos,
    archives=(Archive(f"{_HUB}/resolve/main/video.zip", VIDEOS, unpacked_bytes_max=2**37),),
    label_files=(LabelFile(f"{_HUB}/resolve/main/{FILE}", FILE),),
)
