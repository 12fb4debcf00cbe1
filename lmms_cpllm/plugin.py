"""The entry point for lmms-eval: the models, and the folder of tasks.

lmms-eval loads models through the entry-point group `lmms_eval.models` and has nothing of the kind for tasks; it finds
those in its own folder and in `--include_path`. So that `--tasks vqa_konvid` works by its bare name, `register` makes
`TaskManager.initialize_tasks` behave as if our folder came last in `include_path`: a built-in task of the same name wins,
then one of the user's `--include_path`, then ours.

This module imports nothing of lmms_eval when it is imported, and `register` never raises: lmms-eval calls it while it
sets itself up, and an exception would take every later plugin down as well.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.util
import inspect
import logging
import sys
from pathlib import Path
from types import ModuleType

TASKS_MODULE = "lmms_eval.tasks"
MODELS = {
    "cpllm": "lmms_cpllm.harness.cpllm.CPLLM",
    "vqa_scores": "lmms_cpllm.harness.vqa_scores.VQAScores",
    "vqa_levels": "lmms_cpllm.harness.vqa_levels.VQALevels",
}
# A file that tells our folder of tasks from any other.
TASK_BASE = "_score"
_MARK = "_lmms_cpllm_tasks"


def tasks_path() -> Path:
    """The folder of the task files, for `--include_path`.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    spec = importlib.util.find_spec("lmms_cpllm.tasks")
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve()
    # `python -m` in a checkout takes the package from there, where the tasks lie beside it and not inside.
    beside = Path(__file__).resolve().parents[1] / "tasks"
    if (beside / TASK_BASE).is_file():
        return beside
    raise FileNotFoundError(
        "the package lmms_cpllm.tasks is missing: install lmms-cpllm again (pip install lmms-cpllm)"
    )


def register() -> list:
    """What the entry point `lmms_eval.models` calls: hooks the tasks in and returns the manifests of the models."""
    try:
        _hook_tasks()
    except Exception as error:  # noqa: BLE001 - see the module's docstring
        _log_fallback(error)
    try:
        from lmms_eval.models.registry_v2 import ModelManifest

        return [ModelManifest(model_id=name, chat_class_path=path) for name, path in MODELS.items()]
    except Exception as error:  # noqa: BLE001 - see the module's docstring
        _log(f"the models of lmms-cpllm ({', '.join(MODELS)}) are not registered: {error}")
        return []


def _hook_tasks() -> None:
    """Extends `TaskManager` now if its module is there, else as soon as it has been imported."""
    module = sys.modules.get(TASKS_MODULE)
    if module is not None and hasattr(module, "TaskManager"):
        extend_task_manager(module)
    elif not any(isinstance(finder, _TasksFinder) for finder in sys.meta_path):
        # An import here instead would make every `lmms-eval` command pay for it: 16 s against 0.2 s.
        sys.meta_path.insert(0, _TasksFinder())


class _TasksFinder(importlib.abc.MetaPathFinder):
    """Lets the other finders find `lmms_eval.tasks` and extends it once it has been executed."""

    def find_spec(self, fullname: str, path=None, target=None):
        if fullname != TASKS_MODULE:
            return None
        others = (finder for finder in list(sys.meta_path) if finder is not self and hasattr(finder, "find_spec"))
        spec = next((spec for finder in others if (spec := finder.find_spec(fullname, path, target))), None)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            self._extend_after(spec.loader)
        return spec

    def _extend_after(self, loader) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            try:
                extend_task_manager(module)
            except Exception as error:  # noqa: BLE001 - the host must start without our tasks too
                _log_fallback(error)

        try:
            loader.exec_module = exec_module
        except AttributeError as error:
            _log_fallback(error)


def extend_task_manager(module: ModuleType) -> None:
    """Puts our folder last into the folders that `module.TaskManager` reads. Does nothing the second time.

    Raises:
        AttributeError: `initialize_tasks` of this lmms-eval has not the parameters that the hook relies on.
    """
    original = module.TaskManager.initialize_tasks
    if getattr(original, _MARK, False):
        return
    signature = inspect.signature(original)
    missing = {"include_path", "include_defaults"} - set(signature.parameters)
    if missing:
        raise AttributeError(f"TaskManager.initialize_tasks has no parameter {', '.join(sorted(missing))}")

    @functools.wraps(original)
    def initialize_tasks(*args, **kwargs):
        try:
            call = signature.bind(*args, **kwargs)
            call.apply_defaults()
            if call.arguments["include_defaults"]:
                call.arguments["include_path"] = with_our_folder(call.arguments["include_path"])
            return original(*call.args, **call.kwargs)
        except Exception as error:  # noqa: BLE001 - the host's own tasks must stay reachable
            index = original(*args, **kwargs)
            _log_fallback(error)
            return index

    setattr(initialize_tasks, _MARK, True)
    module.TaskManager.initialize_tasks = initialize_tasks


def with_our_folder(include_path: str | list | None) -> list:
    """`include_path` as a list with our folder at its end, where it loses every clash of names."""
    given = [include_path] if isinstance(include_path, (str, Path)) else include_path
    paths = list(given or ())
    ours = str(tasks_path())
    return paths if ours in map(str, paths) else [*paths, ours]


def _log_fallback(error: Exception) -> None:
    try:
        folder = str(tasks_path())
    except FileNotFoundError:
        folder = "$(lmms-cpllm tasks-path)"
    _log(
        f"the tasks of lmms-cpllm are not reachable by their bare names ({type(error).__name__}: {error}); "
        f"add --include_path {folder} to the command"
    )


def _log(message: str) -> None:
    """A warning through the host's logger, which is loguru, or the standard one where that is absent."""
    try:
        from loguru import logger
    except ImportError:
        logger = logging.getLogger(__name__)
    logger.warning(message)
