"""The list of videos that could not be read, with the reasons, as one CSV file: what is to be repaired or replaced."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

from loguru import logger

from lmms_cpllm.errors import ArgumentError, UserError, VideoError

COLUMNS = ("video", "reason")


class FailureList:
    """Adds a line for each video as soon as it has failed, so that a run that is killed leaves what it knew.

    Several processes may write into one file: a line goes out in one call that appends.

    Args:
        path: the file, replaced if it is there; None writes nothing.
        begin: False for a process that goes on with what another began.

    Raises:
        ArgumentError: the file cannot be written.
    """

    def __init__(self, path: str | None, begin: bool = True) -> None:
        self._path = Path(path).expanduser() if path else None
        self._known: set[str] = set()
        if self._path is not None and begin:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._path.write_bytes(_line(COLUMNS))
            except OSError as error:
                raise ArgumentError(
                    f"failures={path}: expected a file that can be written, found: {error.strerror or error}"
                ) from error

    def add(self, video: str, reason: str) -> None:
        """Note why a video could not be read; only the first time that it is shown."""
        if self._path is None or video in self._known:
            return
        self._known.add(video)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(descriptor, _line((video, reason)))
            finally:
                os.close(descriptor)
        except OSError as error:
            # The run is worth more than its list: the reasons stand in the sample log too.
            logger.warning(
                f"failures={self._path}: cannot be written any more ({error.strerror or error}); it ends here"
            )
            self._path = None


def refusal(error: VideoError) -> UserError:
    """What `on_error=raise` makes of a video that could not be read."""
    return UserError(f"{error}\n  what to do: replace the file, or count such videos as unanswered with on_error=count")


def _line(cells: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode(errors="surrogateescape")  # a name that is not UTF-8 stays what it is
