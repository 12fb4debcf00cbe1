"""What a checkpoint is, in a few digits, for the key of the response cache and for the results file."""

from __future__ import annotations

import hashlib
from pathlib import Path

WHOLE_FILE_BYTES = 256 * 2**20
EDGE_BYTES = 2**20


def of_checkpoint(pretrained: str, commit: str | None = None) -> str:
    """Identifies the weights and settings of a checkpoint.

    Args:
        pretrained: folder or hub id.
        commit: revision of the hub repository, where it is known.

    Returns:
        for a folder 16 hex digits of all of its files; for a hub id the id, with its commit.
    """
    folder = Path(pretrained).expanduser()
    if not folder.is_dir():
        return f"{pretrained}@{commit}" if commit else pretrained
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")):
        digest.update(f"{path.relative_to(folder).as_posix()}\t{path.stat().st_size}\n".encode())
        _update(digest, path)
    return digest.hexdigest()[:16]


def _update(digest, path: Path) -> None:
    """Reads a file of up to 256 MiB whole, of a larger one its edges and its time of change.

    Reading 16 GB takes a minute, and a time that differs for the same weights costs no more than answers computed again.
    """
    status = path.stat()
    with path.open("rb") as file:
        if status.st_size <= WHOLE_FILE_BYTES:
            while block := file.read(EDGE_BYTES):
                digest.update(block)
            return
        digest.update(str(status.st_mtime_ns).encode())
        digest.update(file.read(EDGE_BYTES))
        file.seek(-EDGE_BYTES, 2)
        digest.update(file.read(EDGE_BYTES))
