"""Which files of a checkpoint are published, and their copy: weights, settings, tokenizer and the record of training."""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

from lmms_cpllm.errors import CheckpointError, DataError

CARD, RECORD = "README.md", "training.json"
_PUBLISHED = (
    *("config.json", "generation_config.json"),
    *("model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json"),
    *("processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "vocab.txt", "merges.txt", "tokenizer.model", "chat_template.jinja", "chat_template.json"),
    *("adapter/adapter_config.json", "adapter/adapter_model.safetensors"),
)
"""Names of a CP-LLM's files as `save_pretrained` and training write them; nothing else ever leaves the machine."""
_NEEDED = {"config.json": "config.json", "weights": "*.safetensors", "processor": "*processor_config.json"}
_TYPE = "cpllm"


def published(checkpoint: Path) -> tuple[list[str], list[str]]:
    """(names of the files that are published, names of all others), without card and record.

    Raises:
        CheckpointError: the folder holds no CP-LLM.
    """
    if not checkpoint.is_dir():
        raise CheckpointError(f"{checkpoint}: expected a folder with a CP-LLM, found {_kind(checkpoint)}")
    names = sorted(path.relative_to(checkpoint).as_posix() for path in checkpoint.rglob("*") if path.is_file())
    taken = [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in _PUBLISHED)]
    for what, pattern in _NEEDED.items():
        if not any(fnmatch.fnmatchcase(name, pattern) for name in taken if "/" not in name):
            found = ", ".join(names[:8]) or "an empty folder"
            raise CheckpointError(f"{checkpoint}: expected {what} ({pattern}) of a CP-LLM, found {found}")
    kind = read_json(checkpoint / "config.json").get("model_type")
    if kind != _TYPE:
        raise CheckpointError(f"{checkpoint}: expected a checkpoint of type {_TYPE}, found {kind}")
    return taken, [name for name in names if name not in taken and name != RECORD]


def _kind(path: Path) -> str:
    return "a file" if path.exists() else "nothing"


def read_json(path: Path) -> dict[str, Any]:
    """An object from a file of a checkpoint, {} where there is none. Raises CheckpointError where it is damaged."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read as JSON: {error}") from error
    return found if isinstance(found, dict) else {}


def without_places(value: Any) -> Any:
    """A record in which every absolute path, also of a key, is its last name: where files lay is nobody else's matter.

    Example:
        >>> without_places({"/home/me/a.mp4": ["empty", 3, "/data/clean"]})
        {'a.mp4': ['empty', 3, 'clean']}
    """
    if isinstance(value, dict):
        return {without_places(key): without_places(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_places(entry) for entry in value]
    if isinstance(value, str) and (PurePath(value).is_absolute() or value.startswith("~")):
        return PurePath(value).name
    return value


def write_folder(checkpoint: Path, names: list[str], target: Path, card: Callable[[dict], str]) -> list[str]:
    """Copies files, and writes card and record, beside `target`; then moves all there in one step.

    Args:
        checkpoint: with the files.
        names: of `published`.
        target: a new or empty folder, or one that `check_target` allows to replace.
        card: gives README.md from the record.

    Returns:
        The names of everything in the folder.

    Raises:
        DataError: it cannot be written, or is the checkpoint itself.
    """
    if target.exists() and target.resolve() == checkpoint.resolve():
        raise DataError(f"{target}: is the checkpoint itself; choose another --out")
    part = target.with_name(f".{target.name}.part")
    record = without_places(read_json(checkpoint / RECORD))
    text = card(record)
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for name in names:
            (part / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(checkpoint / name, part / name)
        written = [*names, CARD]
        (part / CARD).write_text(text, encoding="utf-8")
        if record:
            (part / RECORD).write_text(json.dumps(record), encoding="utf-8")
            written.append(RECORD)
        if target.exists():
            shutil.rmtree(target)
        os.replace(part, target)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise DataError(f"{target}: cannot be written: {error.strerror or error}") from error
    return written
