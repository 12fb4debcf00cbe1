"""Q-Bench-Video and FineVD as they lie on disk, with their traps."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from clips import write_clip
from fake_questions import CHOICE, ITEMS, YES_NO, finevd, line, make_questions, qbench_video

from lmms_cpllm import releases
from lmms_cpllm.errors import DataError
from lmms_cpllm.releases import RELEASES, base, fingerprint, rows
from lmms_cpllm.releases.finevd import dimension


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("clips")
    return [write_clip(folder / f"{n}.mp4", frames=3, seed=n) for n in range(4)]


@pytest.fixture
def root(tmp_path, clips, monkeypatch) -> Path:
    copies = [tmp_path / f".{clip.name}" for clip in clips]
    for clip, copy in zip(clips, copies, strict=True):
        copy.write_bytes(clip.read_bytes())
    make_questions(tmp_path, copies, monkeypatch)
    monkeypatch.delenv(base.PARTIAL_VARIABLE, raising=False)
    base._warn_once.cache_clear()
    return tmp_path


@pytest.fixture
def change(root) -> Callable[..., None]:
    """Writes the file of Q-Bench-Video anew, with item `number` (from 0) changed."""

    def write(number: int, **fields) -> None:
        items = [dict(item) for item in ITEMS]
        items[number].update(fields)
        (root / "qbench_video" / "Q_Bench_Video_dev.json").write_text(json.dumps(items), encoding="utf-8")

    return write


@pytest.mark.parametrize(
    ("name", "video", "known"),
    [
        ("qbench_video_dev", "qbench_video/video/v1.mp4", "v1"),
        ("finevd_yesno", "finevd/videos_all/0_00_1.mp4", "0_00_1"),
    ],
)
def test_a_video_that_is_there_twice_is_named(root, name, video, known):
    place = root / Path(video).parent
    copy = (place / "540p" if name == "qbench_video_dev" else place.parent / "540p") / Path(video).name
    copy.parent.mkdir()
    copy.write_bytes(b"smaller")
    first, second = sorted([copy, root / video])
    with pytest.raises(DataError) as error:
        rows(name)
    assert f"found two for 1 of them, in different folders.\n  {known} is both {first} and {second}\n" in str(
        error.value
    )


class TestQBenchVideo:
    def test_every_item_is_a_question(self, root):
        questions = rows("qbench_video_dev")
        assert [question.name for question in questions] == [
            f"{number} {item['video_name']}" for number, item in enumerate(ITEMS, start=1)
        ]
        assert [question.part for question in questions] == [
            *("yes_no", "yes_no", "what_how", "pairs", "pairs", "open", "open", "what_how", "yes_no")
        ]
        assert [question.answer for question in questions] == [
            *("Yes", "Yes", "Its paws melt", "Worse", "No", "Slight noise in dark areas."),
            *("The first, because it is sharper.", "Late", "Yes"),
        ]
        assert questions[3].options == ("Better", "Worse", "The same")
        assert questions[5].options == ()

    def test_types_concerns_and_contexts(self, root):
        assert [question.facets for question in rows("qbench_video_dev")] == [
            ("yes_no", "technical", "single_global"),
            ("yes_no", "aesthetic", "temporal", "single_referring"),
            ("what_how", "aigc", "single_global"),
            ("what_how", "technical", "pair_coarse"),
            ("yes_no", "temporal", "pair_fine"),
            ("open", "technical", "single_global"),
            ("open", "other_concern", "pair_other"),
            ("other_type", "temporal", "other_context"),
            ("yes_no", "technical", "single_global"),
        ]

    def test_a_pair_is_two_files_and_a_cat_is_no_pair(self, root):
        shown = [[Path(video).name for video in question.videos] for question in rows("qbench_video_dev")]
        assert shown[:5] == [
            ["v0.mp4"],
            ["v2.mp4"],
            ["a_black_cat_runs.mp4"],
            ["v0.mp4", "v2.mp4"],
            ["a_black_cat_runs.mp4", "v1.mp4"],
        ]
        assert shown[6] == ["v1.mp4", "v0.mp4"]

    def test_unknown_types_and_repeated_questions_are_named_once(self, root, caplog):
        with caplog.at_level(logging.WARNING):
            rows("qbench_video_dev")
            rows("qbench_video_dev")
        path = root / "qbench_video" / "Q_Bench_Video_dev.json"
        assert [record.getMessage() for record in caplog.records] == [
            f"{path}: 1 questions are of a type that is not one of open_ended, what/how, yes-or-no: 'when' (1); they are "
            "asked by what they hold, options or none, and counted under other_type",
            f"{path}: 1 questions stand there more than once and are asked as often: v0.mp4: 'Is the video blurry?'",
        ]

    def test_one_video_of_a_pair_is_missing(self, root, monkeypatch, caplog):
        (root / "qbench_video" / "video" / "more" / "v2.mp4").unlink()
        with pytest.raises(DataError) as error:
            rows("qbench_video_dev")
        assert str(error.value).startswith(
            f"Q-Bench-Video, development set in {root}/qbench_video is incomplete: 9 questions expected, 9 asked in "
            "Q_Bench_Video_dev.json, 7 with their videos.\n  missing: v2\n  how to get it: `lmms-cpllm data get "
        )
        assert str(error.value).endswith(
            "or set LMMS_CPLLM_ALLOW_PARTIAL=1 to score what is there (at least one question)"
        )
        monkeypatch.setenv(base.PARTIAL_VARIABLE, "1")
        with caplog.at_level(logging.WARNING):
            assert len(rows("qbench_video_dev")) == 7
        assert (
            "Q-Bench-Video, development set: scoring 7 of 9 questions, because LMMS_CPLLM_ALLOW_PARTIAL=1. The figures are "
            "not those of the release."
        ) in caplog.messages

    @pytest.mark.parametrize(
        ("number", "fields", "fault"),
        [
            (0, {"question": " "}, "item 1: question is empty"),
            (0, {"video_name": None}, "item 1: video_name is empty"),
            (
                3,
                {"correct_choice": "D"},
                "item 4: correct_choice 'D' of v0.mp4_cat_v2.mp4.mp4 is neither a letter of A to C nor one of the answers",
            ),
            (0, {"answers": ["Yes"]}, "item 1: 2 to 10 answers expected for v0.mp4, found 1"),
            (5, {"answers": None}, "item 6: the open question on v1.mp4 has no answer"),
        ],
    )
    def test_faults_are_named_with_their_values(self, root, change, number, fields, fault):
        change(number, **fields)
        with pytest.raises(DataError) as error:
            rows("qbench_video_dev")
        assert str(error.value).startswith(
            f"{root}/qbench_video/Q_Bench_Video_dev.json: not the questions that Q-Bench-Video, development set publishes, "
            f"1 faults.\n  {fault}\n  what to do: put the official file back. "
        )

    @pytest.mark.parametrize(
        ("fields", "answer"),
        [
            ({"correct_choice": "c"}, "The same"),
            ({"correct_choice": "B. Worse"}, "Worse"),
            ({"correct_choice": "the same."}, "The same"),
            ({"answers": {"A": "Better", "B": "Worse"}, "correct_choice": "A"}, "Better"),
        ],
    )
    def test_forms_of_the_right_answer(self, root, change, fields, answer):
        change(3, **fields)
        assert rows("qbench_video_dev")[3].answer == answer

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[{", "not a JSON file: "),
            ("{}", "a list of questions expected, found dict"),
            ("[]", "a list of questions expected, found list"),
            ("[1]", "item 1: not an object"),
        ],
    )
    def test_another_file(self, root, text, message):
        (root / "qbench_video" / "Q_Bench_Video_dev.json").write_text(text)
        with pytest.raises(DataError, match=message):
            rows("qbench_video_dev")

    def test_a_cat_in_the_name_of_one_of_two(self, tmp_path, clips, monkeypatch):
        item = {**ITEMS[3], "video_name": "a_cat_x.mp4_cat_v1.mp4.mp4"}
        path = qbench_video(tmp_path / "qbench_video", clips, [item])
        (path.parent / "video" / "a_black_cat_runs.mp4").rename(path.parent / "video" / "a_cat_x.mp4")
        monkeypatch.setenv("LMMS_CPLLM_DATA", str(tmp_path))
        assert [Path(video).name for video in rows("qbench_video_dev")[0].videos] == ["a_cat_x.mp4", "v1.mp4"]


class TestFineVD:
    def test_yes_no(self, root):
        questions = rows("finevd_yesno")
        assert [(question.name, question.answer, question.facets) for question in questions] == [
            ("1 0_00_1.mp4", "Yes", ("noise",)),
            ("2 0_00_2-yase.mp4", "No", ("noise",)),
            ("3 0_00_1.mp4", "No", ("temporal",)),
            ("4 0_00_2-yase.mp4", "No", ("color",)),
        ]
        assert [question.question for question in questions[:3:2]] == [
            "Does the video show noise?",
            "Does the video show temporal distortion?",
        ]
        assert questions[3].question == "Does the video show color distortion?"
        assert questions[0].written == YES_NO[0][1]
        assert {question.options for question in questions} == {("Yes", "No")}

    def test_choice_with_a_mark_before_the_first_name(self, root):
        questions = rows("finevd_choice")
        assert [(question.name, question.answer, question.facets) for question in questions] == [
            ("2 0_00_1.mp4", "gussian noise", ("noise",)),
            ("3 0_00_2-yase.mp4", "None", ("undistorted",)),
            ("4 1_22_3.mp4", "moire pattern", ("other_dimension",)),
        ]
        assert questions[2].options == ("over dark", "None", "stripe noise", "moire pattern", "exposure blur")
        assert questions[0].written == CHOICE[0][1]
        assert Path(questions[0].videos[0]).name == "0_00_1.mp4"

    @pytest.mark.parametrize(
        ("distortion", "name"),
        [
            ("gussian noise", "noise"),
            ("guassian blur", "blur"),
            ("sqaure artifact", "artifact"),
            ("other tempporal distortion", "temporal"),
            ("shaking", "temporal"),
            ("high contrast ratio", "color"),
            ("over dark", "color"),
            ("moire pattern", "other_dimension"),
        ],
    )
    def test_dimensions(self, distortion, name):
        assert dimension(distortion) == name

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("{", "line 1: a video and a conversation of a question and an answer expected"),
            ('{"video": "x.mp4"}', "line 1: a video and a conversation of a question and an answer expected"),
            (line("", *CHOICE[0][1:]), "line 1: video is empty"),
            (line("x.mp4", CHOICE[1][1], "D"), "line 1: x.mp4: answer 'D' is not a letter of A to C"),
            (
                line("x.mp4", "Which?", "A"),
                "line 1: x.mp4: options A:[..], B:[..], ... expected in the question, found none",
            ),
        ],
    )
    def test_faults(self, root, text, fault):
        (root / "finevd" / "data" / "abcd_test_en.jsonl").write_text(text + "\n")
        with pytest.raises(DataError) as error:
            rows("finevd_choice")
        assert f"1 faults.\n  {fault}\n" in str(error.value)

    def test_another_encoding(self, root):
        path = root / "finevd" / "data" / "abcd_test_en.jsonl"
        path.write_bytes("\n".join(line(*row) for row in CHOICE).encode("utf-16"))
        with pytest.raises(
            DataError, match=r"abcd_test_en\.jsonl: not a text file in UTF-8: (.|\n)*Put the official file"
        ):
            rows("finevd_choice")

    def test_neither_yes_nor_no(self, root):
        (root / "finevd" / "data" / "yesno_test.jsonl").write_text(line("x.mp4", YES_NO[0][1], "Maybe"))
        with pytest.raises(DataError, match=r"line 1: x\.mp4: answer 'Maybe' is neither Yes nor No"):
            rows("finevd_yesno")

    def test_a_file_that_is_cut_off_or_too_long(self, root):
        path = root / "finevd" / "data" / "yesno_test.jsonl"
        lines = [line(*row) for row in YES_NO]
        path.write_text("\n".join(lines[:3]))
        with pytest.raises(DataError, match=r"4 questions expected, 3 asked in yesno_test\.jsonl, 3 with their videos"):
            rows("finevd_yesno")
        path.write_text("\n".join([*lines, lines[0]]))
        with pytest.raises(DataError, match="5 questions, 4 expected"):
            rows("finevd_yesno")

    def test_no_file_of_questions(self, tmp_path, clips, monkeypatch):
        finevd(tmp_path / "finevd", clips)
        (tmp_path / "finevd" / "data" / "yesno_test.jsonl").unlink()
        monkeypatch.setenv("LMMS_CPLLM_DATA", str(tmp_path))
        with pytest.raises(
            DataError,
            match=r"FineVD, yes or no was not found(.|\n)*and data/yesno_test\.jsonl of",
        ):
            rows("finevd_yesno")


def test_the_fingerprint_sees_answers_order_and_sizes_but_not_folders(root):
    found = rows("qbench_video_dev")
    first = fingerprint(found)
    assert fingerprint(found[::-1]) != first
    (root / "qbench_video").rename(root / "Q-Bench-Video")
    assert fingerprint(rows("qbench_video_dev")) == first
    video = root / "Q-Bench-Video" / "video" / "v1.mp4"
    video.write_bytes(video.read_bytes() + b"more")
    assert fingerprint(rows("qbench_video_dev")) != first
    assert releases.find_release("qbench_video_dev") is RELEASES["qbench_video_dev"]
