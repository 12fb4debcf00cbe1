"""What the process-wide hooks of the task files must know of the model that is being evaluated.

lmms-eval builds the model first and loads the tasks after it, and hands the hooks of a task no model. Three facts have to
get across: the checkpoint's fingerprint, which belongs into the key of the response cache; why a video got no answer,
which belongs into the sample log; and whose scores a `VQAScores` replays, which belongs into the documents that it answers.
The models note them here and take them back when the host lets go of them.
"""

from __future__ import annotations

_checkpoint: dict | None = None
_replayed: str | None = None
_failures: dict[str, str] = {}


def started(checkpoint: dict, replayed: str | None = None) -> None:
    """Notes the running model.

    Args:
        checkpoint: JSON types only, they reach the results file.
        replayed: what identifies the scores that the model replays; None for a model that looks at videos.
    """
    global _checkpoint, _replayed
    _checkpoint, _replayed = dict(checkpoint), replayed
    _failures.clear()


def stopped() -> None:
    """The model is gone; another one may be evaluated in this process. Failures stay readable until the next start."""
    global _checkpoint, _replayed
    _checkpoint = _replayed = None


def replayed() -> str | None:
    """What identifies the scores that the running model replays, None when another model is evaluated."""
    return _replayed


def checkpoint() -> dict | None:
    """The running CP-LLM's checkpoint, None when another model is evaluated."""
    return _checkpoint


def failed(path: str, reason: str) -> None:
    """Notes why a video could not be read."""
    _failures[path] = reason


def failure(path: str) -> str:
    """Why a video could not be read, `""` if it could or nothing is known."""
    return _failures.get(path, "")


def failures() -> dict[str, str]:
    """All failures so far: path to reason."""
    return dict(_failures)
