"""`lmms-cpllm score` and what is below it: files without the host, with the host's numbers."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from pathlib import Path

import pytest
from evaluation import evaluate, items_of
from PIL import Image

from lmms_cpllm import cli
from lmms_cpllm.errors import ArgumentError, UserError, VideoError
from lmms_cpllm.harness.direct import judge_files
from lmms_cpllm.ratings import LEVELS, parse_choice


def judge(paths: list[Path], mode: str, checkpoint: Path, **arguments) -> dict[str, str | VideoError]:
    """File name -> what was said."""
    given = {"pretrained": str(checkpoint), **arguments}
    return {Path(path).name: said for (path,), said in judge_files(([str(path)] for path in paths), mode, given)}


def score(*arguments: str | Path, checkpoint: Path) -> int:
    return cli.main(["score", *map(str, arguments), "--model-args", f"pretrained={checkpoint}"])


@pytest.mark.parametrize(("mode", "task"), [("score", "vqa_konvid"), ("describe", "vqa_konvid_describe")])
def test_numbers_and_texts_are_those_of_the_host(konvid: Path, checkpoint: Path, mode: str, task: str) -> None:
    results = evaluate("cpllm", [task], f"pretrained={checkpoint}")
    answers = {sample["doc"]["name"]: sample["filtered_resps"][0] for sample in results["samples"][task]}
    videos = sorted((konvid / "KoNViD_1k_videos").glob("*.mp4"))
    said = judge(videos, mode, checkpoint, decode_workers="2")
    assert {Path(name).stem: text for name, text in said.items()} == answers


def test_pairs_are_those_of_the_host(mini: list, checkpoint: Path) -> None:
    items = items_of(evaluate("cpllm", ["vqa_mini_pairs"], f"pretrained={checkpoint}"), "vqa_mini_pairs", "accuracy")
    videos = {row.name: row.video for row in mini}
    pairs = [(videos[item["first"]], videos[item["second"]]) for item in items.values()]
    said = [answer for _, answer in judge_files(pairs, "compare", {"pretrained": str(checkpoint)})]
    assert [parse_choice(answer)[0] for answer in said] == [item["choice"] for item in items.values()]


def test_a_bad_file_costs_only_itself(clips: list[Path], checkpoint: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    said = judge([clips[0], empty, clips[1]], "score", checkpoint)
    assert [isinstance(answer, VideoError) for answer in said.values()] == [False, True, False]


def test_a_wrong_argument_is_refused_before_anything_is_read(clips: list[Path], checkpoint: Path) -> None:
    with pytest.raises(ArgumentError, match=r"Did you mean pixel_crops\?"):
        judge(clips[:1], "score", checkpoint, pixel_crop=2)


def test_a_folder_and_a_pattern_as_json(clips: list[Path], checkpoint: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "below").mkdir()
    for name, clip in (("b.mp4", clips[0]), ("below/a.mkv", clips[1]), ("notes.txt", clips[2])):
        (tmp_path / name).write_bytes(clip.read_bytes())
    assert score(tmp_path, f"{tmp_path}/*/*.mkv", clips[3], "--json", checkpoint=checkpoint) == 0
    rows = json.loads(capsys.readouterr().out)
    # What is named twice is judged once; what is no video is not in a folder's list.
    assert [row["file"] for row in rows] == [f"{tmp_path}/b.mp4", f"{tmp_path}/below/a.mkv", str(clips[3])]
    for row in rows:
        assert set(row) == {"file", "quality", "acr", "rating", "distribution"}
        assert row["acr"] == pytest.approx(1 + row["quality"] / 25, abs=1e-4)
        assert set(row["distribution"]) == set(LEVELS)


def test_a_folder_says_what_is_not_taken(clips: list[Path], checkpoint: Path, tmp_path: Path, capsys) -> None:
    for name in (
        "a.flv",
        "b.WMV",
        "c.3gp",
        "d.m2ts",
        "e.mts",
        "f.ogv",
        "notes.txt",
        "more.txt",
        "README",
        ".hidden.txt",
    ):
        (tmp_path / name).write_bytes(clips[0].read_bytes())
    for name in ("g.gif", "h.webp", "i.png"):
        Image.new("RGB", (80, 64), "grey").save(tmp_path / name)
    assert score(tmp_path, "--json", checkpoint=checkpoint) == 0
    out, err = capsys.readouterr()
    assert [Path(row["file"]).name[0] for row in json.loads(out)] == [*"abcdefghi"]
    assert f"{tmp_path}: 3 of 12 files are not taken for videos, by their endings: .txt (2), no ending (1)\n" in err


@pytest.mark.parametrize("form", [[], ["--csv"], ["--json"]])
def test_a_name_that_is_not_utf_8_is_printed_as_it_is(
    clips: list[Path], checkpoint: Path, tmp_path: Path, monkeypatch, form: list[str]
) -> None:
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9.mp4")
    with open(name, "wb") as file:
        file.write(clips[0].read_bytes())
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="utf-8", errors="strict"))
    gone = tmp_path / os.fsdecode(b"gone\xe9.mp4")
    failures = tmp_path / "failures.csv"
    arguments = f"pretrained={checkpoint},failures={failures}"
    assert cli.main(["score", os.fsdecode(name), str(gone), *form, "--model-args", arguments]) == 1
    sys.stdout.flush()
    assert name in written.getvalue()
    assert os.fsencode(gone) in written.getvalue()
    assert os.fsencode(gone) in failures.read_bytes()


def test_the_first_unreadable_file_may_end_it(clips: list[Path], checkpoint: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone.mp4"
    with pytest.raises(UserError) as error:
        judge([clips[0], gone, clips[1]], "score", checkpoint, on_error="raise")
    assert str(error.value) == (
        f"{gone}: there is no such file\n  what to do: replace the file, or count such videos as unanswered with "
        "on_error=count"
    )


def test_csv_with_a_description_and_a_failure(clips: list[Path], checkpoint: Path, tmp_path: Path, capsys) -> None:
    assert score(clips[0], tmp_path / "gone.mp4", "--describe", "--csv", checkpoint=checkpoint) == 1
    out, err = capsys.readouterr()
    good, gone = csv.DictReader(io.StringIO(out))
    assert good["description"].startswith("The quality of this video is ")
    assert sum(float(good[level]) for level in LEVELS) == pytest.approx(1, abs=1e-5)
    assert (gone["quality"], gone["error"]) == ("", "there is no such file")
    assert "1 of 2 could not be judged" in err


def test_the_table_names_every_file(clips: list[Path], checkpoint: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "nothing").mkdir()
    assert score(clips[0], tmp_path / "nothing", checkpoint=checkpoint) == 1
    out, err = capsys.readouterr()
    assert all(text in out for text in ("file", "quality", "ACR", "rating", str(clips[0]), f"{tmp_path}/nothing"))
    assert f"{tmp_path}/nothing: expected a folder with videos (.mp4, " in err


def test_the_better_of_two(clips: list[Path], checkpoint: Path, tmp_path: Path, capsys) -> None:
    assert score(clips[0], clips[5], "--compare", checkpoint=checkpoint) == 0
    assert " is better (probability 0." in capsys.readouterr().out
    assert score(clips[0], clips[5], "--compare", "--json", checkpoint=checkpoint) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["first"], found["second"]) == (str(clips[0]), str(clips[5]))
    assert found["choice"] in ("first", "second")
    assert 0.5 <= found["probability"] <= 1
    with pytest.raises(UserError, match=r"gone\.mp4: there is no such file"):
        score(clips[0], tmp_path / "gone.mp4", "--compare", checkpoint=checkpoint)
    with pytest.raises(UserError, match=r"expected two files, .* found 3 files"):
        score(*clips[:3], "--compare", checkpoint=checkpoint)


def test_model_arguments_need_names_and_values(clips: list[Path]) -> None:
    with pytest.raises(UserError, match="expected name=value,name=value, found 'ablate'"):
        cli.main(["score", str(clips[0]), "--model-args", "ablate"])
