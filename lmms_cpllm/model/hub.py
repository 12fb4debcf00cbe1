"""Files of a checkpoint, wherever it lies: in a folder, on the hub, or in the hub's cache without a network."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from huggingface_hub import hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError


def find_file(source: str | PathLike, name: str, revision: str | None = None) -> Path | None:
    """A file of a checkpoint; None where it is known that there is none.

    Not transformers' `cached_file`, which gives None for a file that could not be asked for as well.

    Args:
        source: folder or hub id.
        name: of the file, with `/` between folders.
        revision: of a hub id; None is the newest.

    Raises:
        OSError: whether there is one cannot be known: the hub cannot be reached, or refuses, and its cache does not say.
        ValueError: `source` is neither a folder nor a hub id.
    """
    if Path(source).is_dir():
        path = Path(source) / name
        return path if path.is_file() else None
    try:
        return Path(hf_hub_download(str(source), name, revision=revision))
    except LocalEntryNotFoundError:
        # The cache may remember that there was none.
        if try_to_load_from_cache(str(source), name, revision=revision) is None:
            raise
        return None
    except EntryNotFoundError:
        return None
