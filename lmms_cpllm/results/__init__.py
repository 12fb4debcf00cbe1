"""What lmms-eval wrote: the only reader of its output folders, and of the baselines that are frozen from them. No torch.

Files: runs (one results file), provenance (how it was made), samples (one sample log), answers (its texts), folder (all
runs of an output folder, and which of them count), recompute (a metric from the items of a log, as the harness computes
it), frozen (a run as a small JSON).
"""

from __future__ import annotations

from pathlib import Path

from lmms_cpllm.results import folder, frozen
from lmms_cpllm.results.folder import Results


def read(path: Path, progress: bool = False) -> Results:
    """The runs in an output folder of lmms-eval, in one of its results files, or in a frozen baseline.

    Args:
        path: of any of them.
        progress: show a bar on standard error where reading takes longer than two seconds.

    Raises:
        DataError: there is nothing at `path`, or a frozen baseline that cannot be read.
    """
    return frozen.load(path) if frozen.is_frozen(path) else folder.read(path, progress)
