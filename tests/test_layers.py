"""The order of the package: a file imports only from parts with a lower number, so the way of the data has one
direction.

CONTRIBUTING.md explains the numbers to people; this file is what enforces them.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lmms_cpllm

PACKAGE = Path(lmms_cpllm.__file__).parent
CONTRIBUTING = Path(__file__).parents[1] / "CONTRIBUTING.md"

# Part -> (number, the files and folders directly under lmms_cpllm/ that belong to it).
PARTS = {
    "package": (0, {"__init__"}),
    "errors": (0, {"errors", "memory"}),
    "ratings": (0, {"ratings"}),
    "checkpoints": (0, {"checkpoints"}),
    "tasks": (0, {"tasks"}),
    "video": (1, {"video", "sampling", "raw_video"}),
    "metrics": (1, {"metrics"}),
    "synthesis": (2, {"synthesis"}),
    "releases": (2, {"releases"}),
    "baselines": (2, {"baselines"}),
    "model": (2, {"model"}),
    "harness": (3, {"harness"}),
    "training": (3, {"training"}),
    "results": (4, {"results"}),
    "compare": (5, {"compare"}),
    "report": (5, {"report"}),
    "profile": (5, {"profile"}),
    "publish": (5, {"publish"}),
    "cli": (6, {"cli", "commands"}),
    "plugin": (5, {"plugin"}),
}
# The one import between parts of the same number: the synthesis renders the embedded release, never the other way.
BESIDE = {("releases", "synthesis")}

NO_TORCH = ("errors", "ratings", "metrics", "releases", "baselines", "results", "compare", "report")
HEAVY = {"torch", "torchvision", "transformers", "accelerate", "lmms_eval", "datasets", "pandas", "timm"}
SLOW_TO_START = HEAVY | {"numpy", "scipy", "av", "cv2", "PIL", "requests", "rich", "tqdm"}


def modules() -> dict[str, Path]:
    """Name -> file of every module of the package."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ["lmms_cpllm", *path.relative_to(PACKAGE).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def part_of(module: str) -> str:
    """The part that a module of the package belongs to."""
    top = [*module.split("."), "__init__"][1]
    for part, (_, names) in PARTS.items():
        if top in names:
            return part
    raise AssertionError(f"lmms_cpllm/{top} belongs to no part: give it a number in tests/test_layers.py")


def imports(source: str, module: str, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """(line, full name) of everything that `module` imports, also inside functions; relative names are resolved."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{origin}.{alias.name}"
                yield node.lineno, full if full in MODULES or origin == "lmms_cpllm" else origin


def wrong_imports(source: str, module: str, is_package: bool = False) -> list[str]:
    """One line for every import that goes upward or sideways."""
    own = part_of(module)
    wrong = []
    for line, name in imports(source, module, is_package):
        if name.split(".")[0] != "lmms_cpllm" or name == "lmms_cpllm.__version__":
            continue
        other = part_of(name)
        if other != own and PARTS[other][0] >= PARTS[own][0] and (own, other) not in BESIDE and other != "package":
            wrong.append(f"{module}:{line} imports {name}: {own} is [{PARTS[own][0]}], {other} is [{PARTS[other][0]}]")
    return wrong


def reachable(module: str, seen: set[str]) -> None:
    """Add `module` and everything of the package that it imports, directly or not, to `seen`."""
    if module in seen or module not in MODULES:
        return
    seen.add(module)
    path = MODULES[module]
    for _, name in imports(path.read_text(encoding="utf-8"), module, path.name == "__init__.py"):
        reachable(name, seen)


def loaded_by(statement: str) -> set[str]:
    """Top-level names in sys.modules after running `statement` in a new interpreter."""
    code = f"import sys\nbefore = set(sys.modules)\n{statement}\n"
    code += "import json\nprint(json.dumps(sorted({name.split('.')[0] for name in set(sys.modules) - before})))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(answer.stdout.splitlines()[-1]))


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_downward(module):
    path = MODULES[module]
    assert wrong_imports(path.read_text(encoding="utf-8"), module, path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("module", "source", "upward"),
    [
        ("lmms_cpllm.errors", "import lmms_cpllm.model", "errors is [0], model is [2]"),
        ("lmms_cpllm.metrics.pairs", "from lmms_cpllm import releases", "metrics is [1], releases is [2]"),
        ("lmms_cpllm.metrics.pairs", "from ..releases import base", "metrics is [1], releases is [2]"),
        ("lmms_cpllm.model.load", "def f():\n from lmms_cpllm.harness import hooks", "model is [2], harness is [3]"),
        ("lmms_cpllm.model.load", "from lmms_cpllm.releases import rows", "model is [2], releases is [2]"),
        ("lmms_cpllm.synthesis.render", "from lmms_cpllm.releases import mini", "synthesis is [2], releases is [2]"),
        ("lmms_cpllm.metrics.pairs", "from lmms_cpllm.video import probe", "metrics is [1], video is [1]"),
    ],
)
def test_the_rule_itself_sees_wrong_imports(module, source, upward):
    assert [line.split(": ")[1] for line in wrong_imports(source, module)] == [upward]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("lmms_cpllm.cli", "from lmms_cpllm import __version__"),
        ("lmms_cpllm.releases.mini", "from lmms_cpllm.synthesis.render import render"),
        ("lmms_cpllm.metrics.pairs", "from . import summary\nimport numpy"),
        ("lmms_cpllm.harness.hooks", "from lmms_cpllm.video import probe"),
    ],
)
def test_the_rule_itself_lets_right_imports_pass(module, source):
    assert wrong_imports(source, module) == []


def test_a_file_without_a_number_is_noticed():
    with pytest.raises(AssertionError, match="lmms_cpllm/novelty belongs to no part"):
        part_of("lmms_cpllm.novelty.base")


@pytest.mark.parametrize("part", NO_TORCH)
def test_nothing_that_is_reachable_imports_torch(part):
    seen: set[str] = set()
    for module in MODULES:
        if part_of(module) == part:
            reachable(module, seen)
    assert seen
    heavy = {
        f"{module}: {name}"
        for module in seen
        for _, name in imports(MODULES[module].read_text(encoding="utf-8"), module)
        if name.split(".")[0] in HEAVY
    }
    assert heavy == set()


def test_no_torch_is_loaded_by_what_must_do_without():
    light = [module for module in MODULES if part_of(module) in NO_TORCH]
    assert "lmms_cpllm.releases.mini" in light
    assert loaded_by("import " + ", ".join(light)) & HEAVY == set()


@pytest.mark.parametrize("module", ["lmms_cpllm", "lmms_cpllm.cli", "lmms_cpllm.plugin", "lmms_cpllm.releases"])
def test_what_is_loaded_at_every_start_is_light(module):
    loaded = loaded_by(f"import {module}")
    assert "lmms_cpllm" in loaded
    assert loaded & SLOW_TO_START == set()


def test_contributing_gives_the_same_numbers():
    text = CONTRIBUTING.read_text(encoding="utf-8")
    told = {
        name: int(number)
        for number, names in re.findall(r"^\| (\d) \| ([^|]+) \|", text, re.M)
        for name in names.split()
    }
    numbered = {part: number for part, (number, _) in PARTS.items() if part not in ("package", "tasks")}
    assert {name.strip("`,"): number for name, number in told.items()} == numbered
