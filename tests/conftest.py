"""The order of the files: with several processes the longest come first, so that none is left alone with them."""

import pytest

# Roughly the longest first, as `--durations` says; all others come later.
LONG = (
    "training/test_training_recipe.py",
    "harness/test_processes.py",
    "faults/test_many_videos.py",
    "training/test_full_run.py",
    "test_end_to_end.py",
    "training/test_full_processes.py",
    "faults/test_mutations.py",
    "profile/test_scaling.py",
    "profile/test_throughput.py",
    "profile/test_profile_command.py",
    "training/test_full_prepare.py",
    "training/test_ablations.py",
    "test_memory.py",
    "faults/test_isolation.py",
    "profile/test_machine.py",
    "training/test_full_trackers.py",
    "training/test_full_plan.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One process takes the files as they are collected; see the module for several."""
    if hasattr(config, "workerinput"):
        root = config.rootpath / "tests"
        rank = {root / name: place for place, name in enumerate(LONG)}
        if gone := [str(path) for path in rank if not path.is_file()]:
            raise pytest.UsageError(f"{__file__}: LONG names files that are not there: {', '.join(gone)}")
        items.sort(key=lambda item: rank.get(item.path, len(LONG)))
