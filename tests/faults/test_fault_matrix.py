"""Every row of the fault matrix through `lmms-cpllm score`'s own way: a quality, or the reason why there is none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fault_table import FAULTS, LINES_ELSEWHERE, Fault
from same_views import PLAN, assert_same

from lmms_cpllm.errors import VideoError
from lmms_cpllm.harness.direct import judge_files
from lmms_cpllm.video import decode, isolated, probe

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Name of a fault -> its file."""
    made = {}
    for number, fault in enumerate(FAULTS):
        made[fault.name] = fault.make(tmp_path_factory.mktemp(f"fault{number}"))
    return made


@pytest.fixture(scope="module")
def judged(files: dict[str, Path], tiny_checkpoint: Path) -> dict[str, str | VideoError]:
    """Name of a fault -> what was said of its file, all of them in one run."""
    paths = [[str(path)] for path in files.values()]
    said = [answer for _, answer in judge_files(paths, "score", {"pretrained": str(tiny_checkpoint), "batch_size": 3})]
    return dict(zip(files, said, strict=True))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_quality_or_the_reason(fault: Fault, files: dict[str, Path], judged: dict[str, str | VideoError]) -> None:
    said = judged[fault.name]
    if fault.reason is None:
        assert 0 <= json.loads(said)["quality"] <= 100
    else:
        assert isinstance(said, VideoError)
        assert said.path == str(files[fault.name])
        assert said.reason == fault.reason


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.reason is None], ids=lambda fault: fault.name)
def test_facts_and_the_same_bits_from_another_process(fault: Fault, files: dict[str, Path]) -> None:
    clip = decode(files[fault.name], PLAN)
    assert_same(isolated.decode(files[fault.name], PLAN), clip)
    info = probe(files[fault.name])
    assert isolated.probe(files[fault.name]) == info
    for name, value in fault.facts.items():
        approximate = pytest.approx(value, rel=2e-3) if isinstance(value, (int, float)) else value
        assert getattr(info, name) == approximate, name


@pytest.mark.skipif(not README.is_file(), reason="the README lies beside the tests in a checkout only")
def test_the_readme_says_the_same() -> None:
    section = README.read_text(encoding="utf-8").split("## Faults")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", section, re.MULTILINE))
    del rows["fault"]
    assert set(rows) == {fault.line for fault in FAULTS} | set(LINES_ELSEWHERE)
    for fault in FAULTS:
        assert rows[fault.line].startswith("unreadable" if fault.reason else "a quality"), fault.name
    for file in LINES_ELSEWHERE.values():
        assert (Path(__file__).parent / file).is_file()
