"""The console script, as people run it: in a process of its own, with its texts and its exit status."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from clips import write_clip
from fake_konvid import konvid_ids, labels_file, make_konvid
from fake_questions import qbench_video
from test_layers import SLOW_TO_START

from lmms_cpllm import __version__, cli

SCRIPT = shutil.which("lmms-cpllm", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """Run `lmms-cpllm`; only the given LMMS_CPLLM_ variables are set."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LMMS_CPLLM_")}
    return subprocess.run(
        [SCRIPT, *arguments], capture_output=True, text=True, env=environment | variables, timeout=120
    )


@pytest.fixture(scope="module")
def konvid(tmp_path_factory) -> Path:
    """A whole release of 1200 videos (hard links of one clip); the data root."""
    root = tmp_path_factory.mktemp("data")
    make_konvid(root, n=1200)
    return root


@pytest.fixture
def damaged(tmp_path) -> Path:
    """A release with everything wrong that a release can have; the data root."""
    folder = make_konvid(tmp_path, n=6)
    videos, ids = folder / "KoNViD_1k_videos", konvid_ids(6)
    whole = (videos / f"{ids[0]}.mp4").read_bytes()
    (videos / f"{ids[0]}.mp4").unlink()
    for name, content in ((ids[1], whole[: len(whole) // 2]), (ids[2], b"")):
        (videos / f"{name}.mp4").unlink()  # hard links: never write through one
        (videos / f"{name}.mp4").write_bytes(content)
    lines = labels_file(folder).read_text().splitlines()
    lines[4] = f"{ids[3]},7.5"
    labels_file(folder).write_text("\n".join([*lines, "123.0,3"]) + "\n")
    return tmp_path


def test_version_help_and_wrong_usage():
    assert run("--version").stdout == f"lmms-cpllm {__version__}\n"
    answer = run("--help")
    assert answer.returncode == 0
    assert "list, check and download the releases" in answer.stdout
    for arguments in ((), ("data",), ("data", "check"), ("train",), ("nonsense",)):
        assert run(*arguments).returncode == 2, arguments
    answer = run("data", "check", "konviddd")
    assert answer.returncode == 2
    assert "invalid choice: 'konviddd' (choose from" in answer.stderr


def test_help_answers_at_once():
    """Nothing that takes time is imported for it; how long that takes on a busy machine says nothing."""
    code = (
        "import contextlib, sys; from lmms_cpllm import cli\n"
        "with contextlib.suppress(SystemExit): cli.main(['--help'])\n"
        "print(sorted(set(sys.modules) & set(sys.argv[1:])))"
    )
    answer = subprocess.run([sys.executable, "-c", code, *SLOW_TO_START], check=True, capture_output=True, text=True)
    assert answer.stdout.splitlines()[-1] == "[]"


def test_an_interrupt_is_no_traceback(monkeypatch, capsys):
    def interrupted(args):
        raise KeyboardInterrupt

    monkeypatch.setattr("lmms_cpllm.commands.tasks_path.run", interrupted)
    assert cli.main(["tasks-path"]) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


def test_tasks_path_is_the_folder_of_the_tasks():
    answer = run("tasks-path")
    folder = Path(answer.stdout.removesuffix("\n"))
    assert answer.returncode == 0
    assert folder.name == "tasks"
    assert (folder / "__init__.py").is_file()


def test_list_with_and_without_the_variable(konvid):
    answer = run("data", "list")
    assert answer.returncode == 0
    assert re.search(r"mini\W+vqa_mini\W+120\W+0 to 100\W+Apache-2.0.*embedded", answer.stdout)
    assert re.search(r"konvid\W+KoNViD-1k\W+1200\W+1 to 5\W+not stated by its authors.* no ", answer.stdout)
    assert "LMMS_CPLLM_DATA is not set" in answer.stdout
    answer = run("data", "list", LMMS_CPLLM_DATA=str(konvid))
    assert re.search(rf"KoNViD-1k.*{konvid}/konvid ", answer.stdout)


def test_check_of_a_whole_release(konvid):
    answer = run("data", "check", "konvid", LMMS_CPLLM_DATA=str(konvid))
    assert (answer.returncode, answer.stdout.splitlines()[-1]) == (0, "KoNViD-1k is complete.")
    for line, value in {
        "videos expected": "1200",
        "videos labelled": "1200",
        "videos found": "1200",
        "videos missing": "0",
        "videos unreadable": "0",
        "MOS of the videos found": "1.22 to 4.64",
    }.items():
        assert re.search(rf"{line}\W+{value}\W*\n", answer.stdout), line
    assert "1200/1200" in answer.stderr  # the progress bar


def test_check_lists_every_finding(damaged):
    answer = run("data", "check", "konvid", LMMS_CPLLM_DATA=str(damaged))
    ids = konvid_ids(6)
    assert answer.returncode == 1
    findings = answer.stdout.splitlines()[-7:-1]
    assert findings[0] == (
        "KoNViD_1k_mos.csv, line 8: flickr_id 123.0 was turned into a decimal number "
        "(a spreadsheet or pandas saved this file), so its video cannot be known"
    )
    assert findings[1] == f"KoNViD_1k_mos.csv, line 5: MOS 7.5 of {ids[3]} is outside 1 to 5"
    assert findings[2] == "6 videos are labelled, 1200 expected"
    assert findings[3] == f"missing: {ids[0]}"
    assert {line.rsplit(":", 1)[0].split(": ")[1] for line in findings[4:]} == {ids[1], ids[2]}
    assert all(re.fullmatch(r"unreadable: \d+: \S.*", line) for line in findings[4:])
    assert answer.stdout.splitlines()[-1].startswith("6 findings. What to do: `lmms-cpllm data get konvid`")


def test_check_of_a_release_that_asks_questions(tmp_path):
    clips = [write_clip(tmp_path / f"{n}.mp4", frames=3, seed=n) for n in range(4)]
    path = qbench_video(tmp_path / "qbench_video", clips)
    answer = run("data", "check", "qbench_video_dev", LMMS_CPLLM_DATA=str(tmp_path))
    assert (answer.returncode, answer.stdout.splitlines()[-1]) == (0, "Q-Bench-Video, development set is complete.")
    for line, value in {
        "labels": str(path),
        "questions expected": "any number",
        "questions in the file": "9",
        "questions with their videos": "9",
        "videos found": "4",
        "videos missing": "0",
        "videos unreadable": "0",
    }.items():
        assert re.search(rf"{line}\W+{value}\W*\n", answer.stdout), line
    assert "MOS" not in answer.stdout
    assert "1 questions are of a type that is not one of open_ended, what/how, yes-or-no: 'when' (1)" in answer.stdout
    assert "4/4" in answer.stderr, "each video is opened once"
    (path.parent / "video" / "more" / "v2.mp4").unlink()
    (path.parent / "video" / "v1.mp4").unlink()
    (path.parent / "video" / "v1.mp4").write_bytes(b"no video")
    answer = run("data", "check", "qbench_video_dev", LMMS_CPLLM_DATA=str(tmp_path))
    assert answer.returncode == 1
    assert "missing: v2\n" in answer.stdout
    assert "unreadable: v1.mp4: " in answer.stdout
    answer = run("data", "list", LMMS_CPLLM_DATA=str(tmp_path))
    assert re.search(rf"qbench_video_dev\W+Q-Bench-Video.*any number\W+none: questions.*{path.parent} ", answer.stdout)


def test_check_of_nothing(tmp_path):
    answer = run("data", "check", "konvid")
    assert (answer.returncode, "LMMS_CPLLM_DATA is not set" in answer.stderr) == (1, True)
    answer = run("data", "check", "konvid", LMMS_CPLLM_DATA=str(tmp_path))
    assert answer.returncode == 1
    assert f"found: {tmp_path} is empty" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_get_says_what_it_has_and_what_it_needs(konvid):
    answer = run("data", "get", "konvid")
    assert (answer.returncode, "give one with --to, or set LMMS_CPLLM_DATA" in answer.stderr) == (1, True)
    answer = run("data", "get", "konvid", "--to", str(konvid), "--mirror", "http://127.0.0.1:9")  # nobody is asked
    assert answer.returncode == 0
    assert answer.stdout.splitlines() == [
        f"KoNViD-1k: 1200 of 1200 videos in {konvid / 'konvid'}",
        f"now set: export LMMS_CPLLM_DATA={konvid}",
    ]
    answer = run("data", "get", "mini")
    assert (answer.returncode, answer.stdout.startswith("vqa_mini is part of this package")) == (0, True)


def test_get_of_a_partial_release_that_cannot_be_completed(tmp_path):
    make_konvid(tmp_path, n=3)
    answer = run("data", "get", "konvid", "--to", str(tmp_path), "--mirror", "ftp://nowhere")
    assert answer.returncode == 1
    assert "ftp://nowhere/KoNViD_1k_metadata.zip: cannot be requested" in answer.stderr
