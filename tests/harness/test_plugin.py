"""The hook in fresh processes, because what counts is what was imported before it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lmms_cpllm import plugin

# With the groups and the tag, as the host lists them.
OUR_TASKS = [
    "vqa",
    "vqa_custom",
    "vqa_cvd2014",
    "vqa_finevd_choice",
    "vqa_finevd_yesno",
    "vqa_konvid",
    "vqa_konvid_describe",
    "vqa_kvq",
    "vqa_ladder",
    "vqa_live_qualcomm",
    "vqa_live_vqc",
    "vqa_live_yt_gaming",
    "vqa_lsvq_1080p",
    "vqa_lsvq_test",
    "vqa_maxwell",
    "vqa_mini",
    "vqa_mini_describe",
    "vqa_mini_pairs",
    "vqa_mini_qa",
    "vqa_pairs_konvid",
    "vqa_qbench_video_dev",
    "vqa_qbench_video_dev_open",
    "vqa_qbench_video_dev_pairs",
    "vqa_qbench_video_dev_whathow",
    "vqa_qbench_video_dev_yesno",
    "vqa_t2vqa",
    "vqa_ugc",
    "vqa_ugc_mean",
    "vqa_youtube_ugc",
]

# The two thousand task files of lmms-eval take 4 s to read: its own folder is replaced by one made here.
PREPARE = """
import sys, os
from pathlib import Path
HOST, OURS = Path(sys.argv[1]), sys.argv[2]
def small(module):
    module.__file__ = str(HOST / "__init__.py")
def ours(manager):
    return [name for name in manager.all_tasks if name.startswith("vqa")]
"""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder that stands for the built-in tasks; it has a `vqa_mini` of its own when a test puts one there."""
    folder = tmp_path / "host"
    folder.mkdir()
    (folder / "builtin.yaml").write_text("task: builtin\ndataset_path: json\n")
    return folder


def run(host: Path, code: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", PREPARE + code, str(host), str(plugin.tasks_path())],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )


def lines(result: subprocess.CompletedProcess) -> list[str]:
    assert result.returncode == 0, result.stderr[-2000:]
    return [line for line in result.stdout.splitlines() if line.startswith("> ")]


ORDERS = {
    "models first": "import lmms_eval.models; import lmms_eval.tasks as tasks",
    "tasks first": "import lmms_eval.tasks as tasks; import lmms_eval.models",
    "plugin first": "import lmms_cpllm.plugin; import lmms_eval.tasks as tasks; import lmms_eval.models",
}


@pytest.mark.parametrize("order", ORDERS)
def test_bare_names_work_in_every_import_order(host: Path, order: str) -> None:
    result = run(
        host,
        f"""
{ORDERS[order]}
small(tasks)
manager = tasks.TaskManager()
print(">", *ours(manager))
print(">", *sorted(manager.match_tasks(["vqa_mini*"])))
print(">", "builtin" in manager.all_tasks)
print(">", *(lmms_eval.models.get_model_manifest(name).chat_class_path for name in ("cpllm", "vqa_scores", "vqa_levels")))
print(">", *ours(tasks.TaskManager(include_defaults=False)), "nothing")
print(">", len(tasks.TaskManager(include_path=OURS, include_defaults=False).all_tasks))
print(">", len(tasks.TaskManager(include_path=OURS).all_tasks))
import lmms_cpllm.plugin as plugin
before = tasks.TaskManager.initialize_tasks
plugin.register()
print(">", tasks.TaskManager.initialize_tasks is before)
print(">", sum(type(finder).__name__ == "_TasksFinder" for finder in sys.meta_path))
""",
    )
    assert lines(result) == [
        "> " + " ".join(OUR_TASKS),
        "> vqa_mini vqa_mini_describe vqa_mini_pairs vqa_mini_qa",
        "> True",
        "> lmms_cpllm.harness.cpllm.CPLLM lmms_cpllm.harness.vqa_scores.VQAScores lmms_cpllm.harness.vqa_levels.VQALevels",
        "> nothing",
        f"> {len(OUR_TASKS)}",
        f"> {len(OUR_TASKS) + 1}",
        "> True",
        "> 0",
    ]


def test_built_in_wins_over_include_path_which_wins_over_ours_and_groups_find_ours(host: Path, tmp_path: Path) -> None:
    (host / "mini.yaml").write_text("task: vqa_mini\ndataset_path: json\n")
    user = tmp_path / "user"
    user.mkdir()
    for name in ("vqa_mini", "vqa_konvid"):
        (user / f"{name}.yaml").write_text(f"task: {name}\ndataset_path: json\n")
    (user / "both.yaml").write_text("group: both\ntask: [vqa_konvid_describe, builtin]\n")
    result = run(
        host,
        f"""
import lmms_eval.models
import lmms_eval.tasks as tasks
small(tasks)
manager = tasks.TaskManager(include_path={str(user)!r})
for name in ("vqa_mini", "vqa_konvid", "vqa_konvid_describe"):
    print(">", Path(manager.task_index[name]["yaml_path"]).parent.name, Path(manager.task_index[name]["yaml_path"]).name)
print(">", *manager._get_config("both")["task"], *manager.all_groups)
positional = tasks.TaskManager("INFO", [{str(user)!r}], True)
print(">", len(positional.all_tasks))
""",
    )
    assert lines(result) == [
        "> host mini.yaml",
        "> user vqa_konvid.yaml",
        "> konvid vqa_konvid_describe.yaml",
        "> vqa_konvid_describe builtin both vqa_qbench_video_dev vqa_ugc vqa_ugc_mean",
        f"> {len(OUR_TASKS) + 2}",
    ]


def test_the_models_alone_cost_no_import_of_the_tasks(host: Path) -> None:
    result = run(
        host,
        """
import lmms_eval.models
print(">", "lmms_eval.tasks" in sys.modules, "cpllm" in lmms_eval.models.list_available_models())
""",
    )
    assert lines(result) == ["> False True"]


def test_looking_for_the_module_without_importing_it_does_not_use_the_hook_up(host: Path) -> None:
    result = run(
        host,
        """
import importlib.util
import lmms_eval.models
importlib.util.find_spec("lmms_eval.tasks")
import lmms_eval.tasks as tasks
small(tasks)
print(">", *ours(tasks.TaskManager()))
""",
    )
    assert lines(result) == ["> " + " ".join(OUR_TASKS)]


def test_another_initialize_tasks_is_left_alone_and_the_fall_back_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    import lmms_eval.models.registry_v2  # noqa: F401 - it calls `register` itself when it is first imported

    class TaskManager:
        def initialize_tasks(self, folders):
            return folders

    original = TaskManager.initialize_tasks
    monkeypatch.setitem(sys.modules, "lmms_eval.tasks", SimpleNamespace(TaskManager=TaskManager))
    logged: list[str] = []
    monkeypatch.setattr(plugin, "_log", logged.append)
    assert [manifest.model_id for manifest in plugin.register()] == ["cpllm", "vqa_scores", "vqa_levels"]
    assert TaskManager.initialize_tasks is original
    assert logged == [
        "the tasks of lmms-cpllm are not reachable by their bare names (AttributeError: TaskManager.initialize_tasks has "
        f"no parameter include_defaults, include_path); add --include_path {plugin.tasks_path()} to the command"
    ]


def test_a_failure_with_our_folder_leaves_the_host_its_own_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    class TaskManager:
        def initialize_tasks(self, include_path=None, include_defaults=True):
            if include_path:
                raise OSError("our folder cannot be read")
            return {"builtin": 1}

    module = SimpleNamespace(TaskManager=TaskManager)
    plugin.extend_task_manager(module)
    logged: list[str] = []
    monkeypatch.setattr(plugin, "_log", logged.append)
    assert TaskManager().initialize_tasks() == {"builtin": 1}
    assert len(logged) == 1
    assert "OSError: our folder cannot be read" in logged[0]
    with pytest.raises(OSError, match="our folder"):
        TaskManager().initialize_tasks("somewhere")  # the user's own folder is the user's own error


def test_register_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken():
        raise RuntimeError("surprise")

    logged: list[str] = []
    monkeypatch.setattr(plugin, "_log", logged.append)
    monkeypatch.setattr(plugin, "_hook_tasks", broken)
    monkeypatch.setitem(sys.modules, "lmms_eval.models.registry_v2", None)  # an import of it fails
    assert plugin.register() == []
    assert "RuntimeError: surprise" in logged[0]
    assert "the models of lmms-cpllm (cpllm, vqa_scores, vqa_levels) are not registered" in logged[1]


def test_tasks_path_holds_the_task_files_and_loses_every_clash() -> None:
    folder = plugin.tasks_path()
    assert sorted(path.stem for path in folder.rglob("*.yaml")) == [name for name in OUR_TASKS if name != "vqa"]
    assert plugin.with_our_folder(None) == [str(folder)]
    assert plugin.with_our_folder("mine") == ["mine", str(folder)]
    assert plugin.with_our_folder([str(folder), "mine"]) == [str(folder), "mine"]


def test_in_a_checkout_the_tasks_lie_beside_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    beside = Path(plugin.__file__).resolve().parents[1] / "tasks" / plugin.TASK_BASE
    if not beside.is_file():
        pytest.skip("this package is not in a checkout")
    monkeypatch.setattr(plugin.importlib.util, "find_spec", lambda name: None)
    assert plugin.tasks_path() == beside.parent


def test_an_incomplete_installation_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(plugin, "TASK_BASE", "no such file")
    with pytest.raises(FileNotFoundError, match=r"lmms_cpllm.tasks is missing: install lmms-cpllm again"):
        plugin.tasks_path()
