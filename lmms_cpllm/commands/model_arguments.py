"""The option `--model-args` of commands that run a CP-LLM."""

from __future__ import annotations

import argparse

from lmms_cpllm.errors import UserError


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the option to a command."""
    parser.add_argument(
        "--model-args", metavar="NAME=VALUE,...", default="", help="arguments of `lmms-eval --model cpllm`"
    )


def read_model_arguments(text: str) -> dict[str, str]:
    """The arguments of a text as lmms-eval takes it.

    Raises:
        UserError: a part without a name or value.
    """
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise UserError(f"--model-args: expected name=value,name=value, found {part!r}")
        found[name.strip()] = value.strip()
    return found
