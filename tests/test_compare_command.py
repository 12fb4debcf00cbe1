"""`lmms-cpllm compare` and `baseline save` as people use them: literal texts, and the exit status.

A golden file is written anew where it is missing: delete it after a change, run the test, read the difference.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_results import log_of, pair_items, score_items, write_run

from lmms_cpllm import cli
from lmms_cpllm.compare import baselines
from lmms_cpllm.errors import DataError
from lmms_cpllm.results import read

GOLDEN = Path(__file__).parent / "golden" / "compare"
TASK, PAIRS = "vqa_mini", "vqa_mini_pairs"


@pytest.fixture
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with `old` results, their frozen `base.json`, and `new` results with everything in them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    write_run(Path("old"), {TASK: score_items(), PAIRS: pair_items()})
    assert cli.main(["baseline", "save", "old", "--out", "base.json"]) == 0
    write_run(Path("new"), {TASK: score_items(seed=3), PAIRS: pair_items(right=3)}, date="20260201_000000")
    write_run(Path("new"), {TASK: score_items(seed=4)}, date="20260101_000000")
    write_run(Path("new"), {TASK: score_items(seed=4)}, date="20260301_000000", limit=5)


def compare(*arguments: str) -> int:
    return cli.main(["compare", *arguments])


def usage(capsys: pytest.CaptureFixture, *arguments: str) -> str:
    """The last line of what is said of wrong usage."""
    with pytest.raises(SystemExit) as error:
        cli.main(list(arguments))
    assert error.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def is_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if not path.exists():
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.usefixtures("_folder")
class TestLiterally:
    @pytest.mark.parametrize(("form", "ending"), [("table", "txt"), ("github", "github.txt"), ("junit", "xml")])
    def test_output(self, form, ending, capsys):
        capsys.readouterr()
        asked = ("--require", "srcc:0.99", "rmse:20", "--max-drop", "srcc:1%", "accuracy:0.1")
        assert compare("new", "--baseline", "base.json", *asked, "--format", form) == 1
        said = capsys.readouterr()
        is_golden(f"output.{ending}", said.out)
        if form != "junit":
            assert said.err == ""

    def test_what_the_log_of_a_job_says_beside_a_file(self, capsys):
        for form in ("json", "junit"):
            capsys.readouterr()
            assert compare("new", "--baseline", "base.json", "--format", form) == 1
            assert capsys.readouterr().err.splitlines() == [
                "FAILED vqa_mini_pairs, cpllm, accuracy drop: worse by 0.5000, allowed are 0.0000",
                "1 of 8 checks failed",
            ]

    @pytest.mark.parametrize("command", ["compare", "baseline save"])
    def test_help(self, command, capsys):
        capsys.readouterr()
        with pytest.raises(SystemExit) as error:
            cli.main([*command.split(), "--help"])
        assert error.value.code == 0
        is_golden(f"help_{command.replace(' ', '_')}.txt", capsys.readouterr().out)

    def test_what_save_says(self, capsys):
        capsys.readouterr()
        assert cli.main(["baseline", "save", "new", "--out", "new.json", "--tasks", TASK]) == 0
        assert capsys.readouterr().out == "vqa_mini of cpllm: 60 rows, run of 20260201_000000\nsaved to new.json\n"
        assert [run["task"] for run in json.loads(Path("new.json").read_text())["runs"]] == [TASK]


@pytest.mark.usefixtures("_folder")
class TestStatus:
    def test_all_holds(self, capsys):
        assert compare("old", "--baseline", "base.json", "--require", "srcc:0.9", "--strict") == 0
        assert capsys.readouterr().out.splitlines()[-1] == "all 9 checks hold"

    def test_without_results(self, capsys):
        for form in ("table", "json", "junit", "github"):
            assert compare("nowhere", "--baseline", "base.json", "--format", form) == 1
            assert "nowhere: expected an output folder of lmms-eval (--output_path), found nothing" in (
                capsys.readouterr().out
            )

    def test_without_baseline(self, capsys):
        Path("base.json").write_text(Path("base.json").read_text()[:-50])
        assert compare("new", "--baseline", "base.json") == 1
        out = capsys.readouterr().out
        assert "FAILED same data: base.json: it is not JSON, or ends too early" in out
        assert "1 of 5 checks failed" in out, "the results are checked nevertheless"

    def test_a_frozen_run_is_a_result_too(self):
        assert compare("base.json", "--baseline", "old") == 0

    def test_tasks_may_be_joined_by_commas(self, capsys):
        assert compare("old", "--tasks", f"{TASK},{PAIRS}", "vqa_konvid") == 1
        assert "FAILED vqa_konvid, cpllm, complete: no results in old" in capsys.readouterr().out

    def test_nothing_incomplete_is_frozen(self, capsys):
        log_of(write_run(Path("broken"), {TASK: score_items()}), TASK).unlink()
        with pytest.raises(SystemExit) as error:
            cli.main(["baseline", "save", "broken", "--out", "broken.json"])
        assert str(error.value) == (
            "broken: nothing is frozen, because of what is missing:\n"
            "  vqa_mini cpllm: 20260102_030405_results.json: unfinished: 20260102_030405_samples_vqa_mini.jsonl is missing"
        )
        assert not Path("broken.json").exists()

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["new", "--max-drop", "srcc:0.1"], "--max-drop needs --baseline"),
            (["new", "--strict"], "--strict needs --baseline"),
            (["new", "--require", "srrc:0.1"], "no task reports srrc; reported are srcc, plcc, krcc, rmse, fit_lcc, "),
            (["new", "--require", "first_share:0.4"], "first_share: neither side of it is better"),
            (["--require", "srcc:0.9", "new"], "argument --require: 'new': expected METRIC:NUMBER such as srcc:0.85"),
            (["new", "--min-answered", "90"], "argument --min-answered: '90': expected a share from 0 to 1"),
            (
                ["new", "--baseline", "old", "--max-drop", "srcc:-1"],
                "argument --max-drop: 'srcc:-1': a drop is 0 or more",
            ),
            ([], "the following arguments are required: RESULTS"),
        ],
    )
    def test_wrong_usage(self, arguments, said, capsys):
        assert usage(capsys, "compare", *arguments).startswith(f"lmms-cpllm compare: error: {said}")

    def test_save_needs_a_file(self, capsys):
        assert usage(capsys, "baseline", "save", "new") == (
            "lmms-cpllm baseline save: error: the following arguments are required: --out"
        )


@pytest.mark.usefixtures("_folder")
def test_a_shipped_baseline_has_a_name(tmp_path, monkeypatch):
    (tmp_path / "shipped").mkdir()
    Path("base.json").rename(tmp_path / "shipped" / "tiny.json")
    monkeypatch.setattr(baselines, "SHIPPED", tmp_path / "shipped")
    assert baselines.shipped() == ["tiny"]
    assert compare("old", "--baseline", "tiny") == 0
    Path("tiny").mkdir()
    assert baselines.find("tiny") == Path("tiny"), "what lies there comes first"
    with pytest.raises(DataError) as error:
        baselines.find("large")
    assert str(error.value) == (
        "large: expected a file of `lmms-cpllm baseline save`, an output folder of lmms-eval, or the name of a shipped "
        "baseline (tiny), found nothing"
    )


def test_shipped_baselines_can_be_read():
    for name in baselines.shipped():
        assert read(baselines.find(name)).runs
