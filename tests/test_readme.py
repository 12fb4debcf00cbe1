"""The README says what the code does: commands, tasks, model arguments and the file tree."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

import lmms_cpllm
from lmms_cpllm.cli import build_parser
from lmms_cpllm.commands.baseline import METHOD_NAMES
from lmms_cpllm.harness.arguments import Arguments
from lmms_cpllm.harness.vqa_scores import ScoresArguments
from lmms_cpllm.plugin import tasks_path

README = Path(__file__).parents[1] / "README.md"

pytestmark = pytest.mark.skipif(not README.is_file(), reason="the README lies beside the tests in a checkout only")


@pytest.fixture(scope="module")
def text() -> str:
    return README.read_text(encoding="utf-8")


def test_two_commands_do_all_the_setting_up(text):
    assert "\npip install . && lmms-eval --model cpllm --tasks vqa_mini\n" in text
    assert "\npip install '.[test]' && python -m pytest\n" in text


def test_every_task_stands_in_the_table_and_no_other(text):
    tasks = {path.stem for path in tasks_path().rglob("*.yaml")}
    table = text.split("## Tasks")[1].split("## ")[0]
    assert set(re.findall(r"^\| `(vqa_\w+)`", table, re.MULTILINE)) == tasks


def test_every_model_argument_stands_in_the_table_and_no_other(text):
    flags_of_the_host = {"device", "batch_size", "max_batch_size"}
    table = text.split("## Models")[1].split("`--device` and")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert named == {field.name for field in fields(Arguments)} - flags_of_the_host


def test_every_argument_of_vqa_scores_stands_in_its_table_and_no_other(text):
    table = text.split("`vqa_scores` replays")[1].split("\nScores count")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    assert [name for cell in cells for name in re.findall(r"`(\w+)`", cell)] == [
        field.name for field in fields(ScoresArguments)
    ]


def test_commands_and_options_of_training_are_there(text):
    section = text.split("\n## Training\n")[1].split("### Publish")[0]
    commands = [
        shlex.split(line, comments=True) for line in re.findall("^lmms-cpllm (train .*)", section, re.MULTILINE)
    ]
    assert {action for _, action, *_ in commands} == {"recipe", "prepare", "test", "baselines", "ablations"}
    for command in commands:
        build_parser().parse_args(command)
    recipe = next(command for command in commands if command[1] == "recipe")
    for option in re.findall(r"`(--[\w-]+)`", section):
        if option not in recipe:
            build_parser().parse_args([*recipe, option])


def test_commands_that_publish_are_there(text):
    section = text.split("### Publish")[1].split("## File tree")[0]
    commands = [
        shlex.split(line, comments=True) for line in re.findall("^lmms-cpllm (export .*)", section, re.MULTILINE)
    ]
    assert len(commands) == 2
    for command in commands:
        for option in ([], *([option] for option in re.findall(r"`(--[\w-]+)`", section))):
            build_parser().parse_args([*command, *option])


def test_commands_of_the_baselines_are_there(text):
    section = text.split("### Other models in the same table")[1].split("\n### ")[0]
    commands = [
        shlex.split(line, comments=True) for line in re.findall("^lmms-cpllm (baseline .*)", section, re.MULTILINE)
    ]
    assert commands
    for command in commands:
        build_parser().parse_args(command)
    named = re.search(r"`lmms-cpllm baseline ([\w|]+) RELEASE --out FILE.csv`", section)[1]
    assert tuple(named.split("|")) == METHOD_NAMES


def test_commands_and_options_of_compare_are_there(text):
    section = text.split("## Compare")[1].split("## Report")[0]
    commands = re.findall(
        r"^(?:.*\brun: |\s+- )?(lmms-cpllm (?:compare|baseline) .*?)(?: > \S+)?$", section, re.MULTILINE
    )
    assert len(commands) == 6
    for command in commands:
        build_parser().parse_args(shlex.split(command, comments=True)[1:])
    actions = build_parser()._subparsers._group_actions[0].choices["compare"]._option_string_actions
    named = set(re.findall(r"`?(--[\w-]+)", section))
    assert named >= {option for option in actions if option.startswith("--")} - {"--help"}


def test_commands_and_options_of_report_are_there(text):
    section = text.split("## Report")[1].split("## Training")[0]
    commands = [shlex.split(line) for line in re.findall("^lmms-cpllm (report .*)", section, re.MULTILINE)]
    assert len(commands) == 2
    for command in commands:
        build_parser().parse_args(command)
    actions = build_parser()._subparsers._group_actions[0].choices["report"]._option_string_actions
    named = set(re.findall(r"`?(--[\w-]+)", section))
    assert named <= set(actions)
    assert named >= {"--out", "--markdown", "--latex", "--csv", "--videos", "--no-videos"}


def test_commands_and_options_of_profile_are_there(text):
    section = text.split("## Benchmarks")[1].split("\n## ")[0]
    commands = re.findall("^lmms-cpllm (profile .*)", section, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        build_parser().parse_args(shlex.split(command, comments=True))
    actions = build_parser()._subparsers._group_actions[0].choices["profile"]._option_string_actions
    named = set(re.findall(r"(--[a-z][\w-]*)", section))
    assert named == {option for option in actions if option.startswith("--")} - {"--help", "--score-only"}


def test_the_jobs_install_run_and_compare(text):
    github, gitlab = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    steps = [step["run"] for step in github["jobs"]["compare"]["steps"] if "run" in step]
    scripts = gitlab["compare"]["script"]
    for lines in (steps, scripts):
        assert [line.split()[0] for line in lines] == ["pip", "lmms-eval", "lmms-cpllm"]
    assert steps[:2] == scripts[:2]
    assert scripts[2].endswith(f"> {gitlab['compare']['artifacts']['reports']['junit']}")


def test_the_file_tree_names_every_part(text):
    package = Path(lmms_cpllm.__file__).parent
    parts = {f"{path.name}/" for path in package.iterdir() if path.is_dir() and not path.name.startswith("__")}
    parts |= {path.name for path in package.glob("*.py")} - {"__init__.py", "cli.py"}
    tree = text.split("## File tree")[1].split("```")[1]
    assert {word for word in re.findall(r"^  (\S+)", tree, re.MULTILINE)} >= parts


def test_links_lead_somewhere(text):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert targets
    assert [target for target in targets if not (README.parent / target).exists()] == []
