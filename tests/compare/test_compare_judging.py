"""What holds and what fails, with its reason."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from fake_results import COUNT, edit, log_of, pair_items, score_items, write_run

from lmms_cpllm.compare.check import IMPROVED, NOISE, REGRESSED, Check, Questions
from lmms_cpllm.compare.judging import ThresholdError, judge
from lmms_cpllm.compare.selecting import Selection
from lmms_cpllm.compare.thresholds import parse_drop, parse_requirement
from lmms_cpllm.results import frozen, read, recompute

TASK, PAIRS = "vqa_mini", "vqa_mini_pairs"
GOOD, LIKE_GOOD, WORSE = {"noise": 5.0}, {"noise": 5.3, "seed": 1}, {"noise": 40.0, "seed": 2}


@pytest.fixture(autouse=True)
def _fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logistic is fitted to each of them."""
    monkeypatch.setattr(recompute, "_RESAMPLES", 100)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A frozen good run."""
    write_run(tmp_path / "old", {TASK: score_items(**GOOD)})
    return freeze(tmp_path / "old")


def freeze(folder: Path) -> Path:
    path = folder.with_name(f"{folder.name}.json")
    frozen.save(read(folder).runs, path)
    return path


def ask(
    results: Path,
    baseline: Path | None = None,
    require: tuple[str, ...] = (),
    drops: tuple[str, ...] | None = None,
    models: tuple[str, ...] | None = None,
    tasks: tuple[str, ...] | None = None,
    **questions,
) -> list[Check]:
    parsed = Questions(
        require=tuple(map(parse_requirement, require)),
        drops=None if drops is None else tuple(map(parse_drop, drops)),
        **questions,
    )
    return judge(read(results), read(baseline) if baseline else None, Selection(models, tasks), parsed)


def failed(checks: list[Check]) -> list[tuple[str, str]]:
    """(name, reason) of what failed."""
    return [(one.name, one.reason) for one in checks if not one.passed]


def passed(checks: list[Check]) -> list[str]:
    return [one.name for one in checks if one.passed]


class TestByItself:
    def test_all_holds(self, out):
        write_run(out, {TASK: score_items(**GOOD), PAIRS: pair_items()})
        checks = ask(out, require=("srcc:0.9", "rmse:10", "accuracy:0.8"))
        assert failed(checks) == []
        assert [(one.task, one.name) for one in checks] == [
            *((TASK, name) for name in ("complete", "answered", "srcc", "rmse")),
            *((PAIRS, name) for name in ("complete", "answered", "accuracy")),
        ]
        assert [one.limit for one in checks[1:4]] == [">= 1", ">= 0.9", "<= 10"]
        assert checks[0].value == COUNT

    def test_values_that_are_not_reached(self, out):
        write_run(out, {TASK: score_items(**GOOD)})
        figures = read(out).runs[0].metrics
        assert failed(ask(out, require=("srcc:0.9999", "rmse:0.1"))) == [
            ("srcc", f"{figures['srcc']:.4f}, required is >= 0.9999"),
            ("rmse", f"{figures['rmse']:.4f}, required is <= 0.1"),
        ]

    def test_what_is_not_defined(self, out):
        write_run(out, {TASK: [{**item, "quality": 50.0} for item in score_items()]})
        assert failed(ask(out, require=("srcc:-1",))) == [("srcc", "not defined")]

    def test_without_a_log_the_figures_still_count(self, out):
        write_run(out, {TASK: score_items(**GOOD)}, log_samples=False)
        assert failed(ask(out, require=("srcc:0.9",))) == []

    @pytest.mark.parametrize(("least", "holds"), [(1.0, False), (0.96, False), (0.95, True), (0.0, True)])
    def test_unanswered(self, out, least, holds):
        write_run(out, {TASK: score_items(unanswered=3)})
        checks = ask(out, min_answered=least)
        assert failed(checks) == ([] if holds else [("answered", "3 of 60 without an answer that can be read")])

    def test_a_task_that_does_not_say_how_many_answered(self, out):
        edit(write_run(out, {TASK: score_items()}, log_samples=False), results={TASK: {"acc,none": 0.5}})
        assert failed(ask(out)) == [("answered", "the task does not report it; --min-answered 0 does without")]
        assert failed(ask(out, min_answered=0.0)) == []

    def test_an_edited_results_file(self, out):
        edit(write_run(out, {TASK: score_items(**WORSE)}), results={TASK: {"srcc,none": 0.99, "answered,none": 1}})
        ((name, reason),) = failed(ask(out, require=("srcc:0.9",)))
        assert name == "srcc"
        assert reason.startswith("20260102_030405_results.json says srcc 0.9900, its sample log gives 0.")

    def test_a_log_without_what_is_needed(self, out):
        log = log_of(write_run(out, {TASK: score_items()}), TASK)
        log.write_text(log.read_text().replace('"quality"', '"quantity"'))
        ((name, reason),) = failed(ask(out))
        assert name == "answered"
        assert reason == "20260102_030405_results.json: the sample log is damaged (KeyError: 'quality')"


class TestMissing:
    def test_nothing(self, out):
        out.mkdir()
        reason = f"no results of lmms-eval in {out}; evaluate with --output_path"
        assert failed(ask(out)) == [("complete", reason)]

    def test_a_task_that_was_asked_for(self, out):
        write_run(out, {TASK: score_items()})
        checks = ask(out, tasks=(TASK, "vqa_konvid"))
        assert failed(checks) == [("complete", f"no results in {out}")]
        assert [(one.task, one.passed) for one in checks if one.name == "complete"] == [
            ("vqa_konvid", False),
            (TASK, True),
        ]

    def test_none_of_what_was_asked_for(self, out):
        write_run(out, {TASK: score_items()})
        there = f"none of what is asked for is in {out}; it has {TASK} of cpllm"
        assert failed(ask(out, tasks=("vqa_konvid",))) == [("complete", there)]
        assert failed(ask(out, models=("qwen*",))) == [("complete", there)]

    def test_what_was_not_asked_for_is_not_looked_at(self, out):
        write_run(out, {TASK: score_items(), PAIRS: pair_items()})
        write_run(out, {TASK: score_items(unanswered=5)}, model="dummy", date="20260303_000000")
        write_run(out, {TASK: score_items()}, model="other", limit=3, date="20260304_000000")
        checks = ask(out, tasks=(TASK,), models=("cpllm",))
        assert [(one.model, one.task, one.passed) for one in checks] == [("cpllm", TASK, True)] * 2

    def test_a_limited_run(self, out):
        write_run(out, {TASK: score_items()}, limit=10)
        assert failed(ask(out)) == [("complete", "20260102_030405_results.json: run with --limit 10")]

    def test_a_limited_run_of_a_group(self, out):
        write_run(out, {TASK: score_items()}, limit=10, groups={"vqa_all": [TASK]})
        assert failed(ask(out, tasks=("vqa_all",))) == [
            ("complete", "20260102_030405_results.json: run with --limit 10")
        ]

    def test_a_limited_run_after_a_whole_one(self, out):
        write_run(out, {TASK: score_items()})
        write_run(out, {TASK: score_items()}, limit=10, date="20260303_000000")
        assert failed(ask(out)) == []

    def test_an_unfinished_run(self, out):
        log_of(write_run(out, {TASK: score_items()}), TASK).unlink()
        reason = "20260102_030405_results.json: unfinished: 20260102_030405_samples_vqa_mini.jsonl is missing"
        assert failed(ask(out)) == [("complete", reason)]

    def test_an_unfinished_run_after_a_whole_one(self, out):
        write_run(out, {TASK: score_items()})
        log_of(write_run(out, {TASK: score_items()}, date="20260303_000000"), TASK).unlink()
        checks = ask(out)
        reason = "20260303_000000_results.json: unfinished: 20260303_000000_samples_vqa_mini.jsonl is missing"
        assert failed(checks) == [("complete", reason)]
        assert passed(checks) == ["complete", "answered"]

    def test_a_corrupt_results_file(self, out):
        write_run(out, {TASK: score_items()})
        write_run(out, {TASK: score_items()}, date="20260303_000000").write_text('{"results": ')
        ((name, reason),) = failed(ask(out))
        assert name == "complete"
        assert reason.startswith("20260303_000000_results.json: it is not JSON, or ends too early: ")


class TestDrops:
    def verdicts(self, checks: list[Check]) -> dict[str, tuple[str, bool]]:
        return {one.name: (one.change.verdict, one.passed) for one in checks if one.change}

    def test_the_same(self, out, base):
        write_run(out, {TASK: score_items(**GOOD)})
        checks = ask(out, base)
        assert passed(checks) == ["complete", "answered", "same data", "srcc drop"]
        assert checks[-1].change.low == checks[-1].change.high == 0
        assert self.verdicts(checks) == {"srcc drop": (NOISE, True)}

    def test_regressed(self, out, base):
        write_run(out, {TASK: score_items(**WORSE)})
        checks = ask(out, base, drops=("srcc:0.01", "plcc:2%", "rmse:5%"))
        assert self.verdicts(checks) == {name: (REGRESSED, False) for name in ("srcc drop", "plcc drop", "rmse drop")}
        change = checks[3].change
        assert change.low < change.after - change.before < change.high < 0
        loss = change.before - change.after
        assert failed(checks)[0] == ("srcc drop", f"worse by {loss:.4f}, allowed are 0.0100")
        assert checks[5].change.low > 0, "rmse rises"

    def test_a_drop_that_is_allowed(self, out, base):
        write_run(out, {TASK: score_items(**WORSE)})
        assert self.verdicts(ask(out, base, drops=("srcc:0.5", "plcc:50%"))) == {
            "srcc drop": (REGRESSED, True),
            "plcc drop": (REGRESSED, True),
        }

    def test_within_noise(self, out, base):
        write_run(out, {TASK: score_items(**LIKE_GOOD)})
        checks = ask(out, base, drops=("srcc:0",))
        change = checks[-1].change
        assert change.after < change.before
        assert self.verdicts(checks) == {"srcc drop": (NOISE, True)}
        strict = ask(out, base, drops=("srcc:0",), strict=True)
        assert self.verdicts(strict) == {"srcc drop": (NOISE, False)}
        assert failed(strict)[0][1].startswith("worse by 0.00")
        assert failed(ask(out, base, drops=("srcc:0.1",), strict=True)) == []

    def test_improved(self, tmp_path, out):
        write_run(tmp_path / "old", {TASK: score_items(**WORSE)})
        write_run(out, {TASK: score_items(**GOOD)})
        checks = ask(out, freeze(tmp_path / "old"), drops=("srcc:0", "rmse:0"), strict=True)
        assert self.verdicts(checks) == {"srcc drop": (IMPROVED, True), "rmse drop": (IMPROVED, True)}

    def test_pairs(self, tmp_path, out):
        write_run(tmp_path / "old", {PAIRS: pair_items(right=10)})
        write_run(out, {PAIRS: pair_items(right=3)})
        assert self.verdicts(ask(out, freeze(tmp_path / "old"))) == {"accuracy drop": (REGRESSED, False)}

    def test_not_defined(self, out, base):
        write_run(out, {TASK: [{**item, "quality": 50.0} for item in score_items()]})
        checks = ask(out, base)
        assert failed(checks) == [("srcc drop", "not defined")]
        assert math.isnan(checks[-1].change.low)

    def test_without_a_log(self, out, base):
        path = write_run(out, {TASK: score_items(**GOOD)}, log_samples=False)
        assert failed(ask(out, base)) == [("srcc drop", f"{path.name} has no sample log; evaluate with --log_samples")]

    def test_a_metric_that_cannot_be_computed_again(self, tmp_path, out):
        for folder in (tmp_path / "old", out):
            edit(write_run(folder, {TASK: score_items()}, log_samples=False), results={TASK: {"acc,none": 0.5}})
        checks = ask(out, tmp_path / "old", min_answered=0.0)
        assert failed(checks) == [("acc drop", "it cannot be computed again from the answers")]

    def test_an_edited_baseline(self, out, base):
        base.write_text(base.read_text().replace('"clip00", 5.0, ', '"clip00", 50.0, '))
        write_run(out, {TASK: score_items(**GOOD)})
        ((name, reason),) = failed(ask(out, base))
        assert name == "srcc drop"
        assert reason.startswith("old.json says srcc 0.9")

    def test_against_an_output_folder(self, tmp_path, out, base):
        write_run(out, {TASK: score_items(**WORSE)})
        assert ask(out, tmp_path / "old") == ask(out, base)


class TestOtherBaselines:
    def test_another_version(self, out, base):
        write_run(out, {TASK: score_items(**GOOD)}, version="3.0")
        checks = ask(out, base)
        assert failed(checks) == [("same data", "task version 3.0, that of the baseline is 2.0")]
        assert passed(checks) == ["complete", "answered"], "no drop is judged"

    def test_other_data(self, out, base):
        write_run(out, {TASK: score_items(**GOOD)}, fingerprint="fedcba9876543210")
        reason = (
            "other data: 60 rows fedcba9876543210, that of the baseline is 60 rows 0123456789abcdef "
            "(names, MOS, order or file sizes differ)"
        )
        assert failed(ask(out, base)) == [("same data", reason)]

    def test_clips_that_encoders_of_another_build_wrote_are_no_other_data(self, tmp_path, out):
        write_run(tmp_path / "made", {TASK: score_items(**GOOD)}, recipe="a1")
        made = freeze(tmp_path / "made")
        write_run(out, {TASK: score_items(**GOOD)}, fingerprint="fedcba9876543210", recipe="a1")
        assert failed(ask(out, made)) == []

    def test_clips_of_another_recipe_are_other_data(self, tmp_path, out):
        write_run(tmp_path / "made", {TASK: score_items(**GOOD)}, recipe="a1")
        made = freeze(tmp_path / "made")
        write_run(out, {TASK: score_items(**GOOD)}, recipe="b2")
        ((name, reason),) = failed(ask(out, made))
        assert name == "same data"
        assert reason.startswith("other data: 60 rows b2, that of the baseline is 60 rows a1 ")

    def test_a_baseline_of_before_recipes_were_told_is_compared_by_file_sizes(self, out, base):
        write_run(out, {TASK: score_items(**GOOD)}, recipe="a1")
        assert failed(ask(out, base)) == []

    def test_other_rows(self, out, base):
        items = score_items(**GOOD)
        write_run(out, {TASK: [*items[5:], {**items[0], "video": "new"}]})
        reason = "other videos: 1 not in the baseline (new), 5 in the baseline only (clip00, clip01, clip02, ...)"
        assert failed(ask(out, base)) == [("same data", reason)]

    def test_a_task_that_the_baseline_has_not(self, out, base):
        write_run(out, {TASK: score_items(**GOOD), PAIRS: pair_items()})
        reason = f"no complete run of it in {base}; it has {TASK} of cpllm"
        assert failed(ask(out, base)) == [("same data", reason)]
        assert failed(ask(out, base, tasks=(TASK,))) == []

    def test_a_task_that_only_the_baseline_has(self, tmp_path, out):
        write_run(tmp_path / "old", {TASK: score_items(**GOOD), PAIRS: pair_items()})
        write_run(out, {TASK: score_items(**GOOD)})
        base = freeze(tmp_path / "old")
        assert failed(ask(out, base)) == [("complete", "no results; the baseline has some")]
        assert failed(ask(out, base, tasks=(TASK,))) == []

    def test_an_incomplete_baseline(self, tmp_path, out):
        write_run(tmp_path / "old", {TASK: score_items()}, limit=5)
        write_run(out, {TASK: score_items()})
        reason = f"no complete run of it in {tmp_path}/old; 20260102_030405_results.json: run with --limit 5"
        assert failed(ask(out, tmp_path / "old")) == [("same data", reason)]

    def test_an_empty_baseline(self, out, base):
        write_run(out, {TASK: score_items()})
        base.write_text("")
        ((name, reason),) = failed(ask(out, base))
        assert name == "same data"
        assert reason.startswith(f"no complete run of it in {base}; old.json: it is not JSON, or ends too early: ")

    def test_a_group(self, tmp_path, out):
        tasks = {TASK: score_items(**GOOD), PAIRS: pair_items()}
        write_run(tmp_path / "old", tasks, groups={"vqa_all": list(tasks)})
        write_run(out, tasks, groups={"vqa_all": list(tasks)})
        checks = ask(out, freeze(tmp_path / "old"), tasks=("vqa_all",))
        assert (failed(checks), len(checks)) == ([], 8)


class TestSeveralModels:
    @pytest.fixture
    def two(self, tmp_path: Path) -> Path:
        """Two models in one folder, one of them bad."""
        write_run(tmp_path / "two", {TASK: score_items(**GOOD)})
        write_run(tmp_path / "two", {TASK: score_items(**WORSE)}, model_args="ablate=pixel", date="20260105_000000")
        return tmp_path / "two"

    def test_each_is_checked(self, two):
        checks = ask(two, require=("srcc:0.95",))
        assert [(one.model, one.passed) for one in checks if one.name == "srcc"] == [
            ("cpllm", True),
            ("cpllm ablate=pixel", False),
        ]
        assert failed(ask(two, require=("srcc:0.95",), models=("cpllm",))) == []

    def test_each_against_its_own_past(self, two):
        checks = ask(two, freeze(two))
        assert failed(checks) == []
        assert [one.model for one in checks if one.change] == ["cpllm", "cpllm ablate=pixel"]

    def test_one_has_no_past(self, two, base):
        checks = ask(two, base)
        assert [(one.model, one.name) for one in checks if not one.passed] == [("cpllm ablate=pixel", "same data")]

    def test_one_has_no_presence(self, two, out):
        write_run(out, {TASK: score_items(**GOOD)})
        checks = ask(out, freeze(two))
        assert [(one.model, one.reason) for one in checks if not one.passed] == [
            ("cpllm ablate=pixel", "no results; the baseline has some")
        ]
        assert failed(ask(out, freeze(two), models=("cpllm",))) == []

    def test_a_model_that_failed_lends_its_past_to_no_other(self, tmp_path, out, base):
        write_run(out, {TASK: score_items(**GOOD)}, limit=5)
        write_run(out, {TASK: score_items(**WORSE)}, model="dummy", date="20260105_000000")
        checks = ask(out, base)
        assert [(one.model, one.name) for one in checks if not one.passed] == [
            ("cpllm", "complete"),
            ("dummy", "same data"),
        ]

    def test_a_name_with_signs_of_a_pattern(self, out):
        write_run(out, {TASK: score_items(**GOOD)}, model_args="sizes=[1;2]")
        assert failed(ask(out, models=("cpllm sizes=[1;2]",))) == []

    def test_one_against_one_whatever_they_are_called(self, two, base):
        checks = ask(two, base, models=("*ablate=pixel",))
        assert [(one.model, one.name) for one in checks if not one.passed] == [("cpllm ablate=pixel", "srcc drop")]


class TestThresholds:
    def test_a_metric_that_nothing_reports(self, out):
        write_run(out, {PAIRS: pair_items()})
        with pytest.raises(ThresholdError) as error:
            ask(out, require=("srrc:0.9",))
        assert str(error.value) == "no task reports srrc; reported are accuracy, answered, first_share"

    def test_of_a_missing_task_nobody_knows(self, out):
        write_run(out, {PAIRS: pair_items()})
        assert failed(ask(out, require=("srcc:0.9",), tasks=(PAIRS, TASK))) == [("complete", f"no results in {out}")]

    def test_a_metric_without_a_better_side(self, out):
        write_run(out, {PAIRS: pair_items()})
        with pytest.raises(ThresholdError, match=r"^first_share: neither side of it is better$"):
            ask(out, require=("first_share:0.4",))
