"""The errors that people see.

A user error is a `SystemExit`: the host retries every `Exception` five times, hides its text behind a `RetryError` and then
exits 0, while a `SystemExit` ends the run (and, under torchrun, the other ranks) with one clean message and exit status 1.
"""

from __future__ import annotations


class UserError(SystemExit):
    """Something the user can fix. The text is the whole message: file, expected, found and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)

    def __str__(self) -> str:
        return str(self.code)


class DataError(UserError):
    """A release is missing, incomplete or not what its authors published."""


class CheckpointError(UserError):
    """A checkpoint folder or hub id cannot be loaded as a CP-LLM."""


class ArgumentError(UserError):
    """An argument is unknown or has a value that is not allowed; the message lists the allowed ones."""


class VideoError(ValueError):
    """One video cannot be decoded. The run counts it and goes on, so this is no `UserError`.

    Attributes:
        path: the file as it was named by the caller.
        reason: one sentence without a full stop.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason

    def __reduce__(self):
        # The default would pickle the joined message only; worker processes send this error home.
        return type(self), (self.path, self.reason)
