"""One file over HTTP into a `.part` file: resume, retry, room on the disk; and what a person sees meanwhile."""

from __future__ import annotations

import hashlib
import re
import sys
import time
from pathlib import Path

import requests
from tqdm import tqdm

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.unpack import require_space, write_error

ATTEMPTS = 5  # in a row without one new byte
TIMEOUT_S = (15, 60)  # to connect, and between two pieces of data
_CHUNK_BYTES = 1 << 16  # what a broken connection loses at most: requests drops an unfinished chunk
_DROPPED = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


class _TryAgain(Exception):
    """The connection or the server failed in a way that may pass; the text says how."""


def download(
    url: str, part: Path, *, expected_bytes: int | None = None, pause_s: float = 1.0, leave: bool = True
) -> None:
    """Download `url` into the file `part`, going on after the bytes that it holds already.

    Args:
        url: http or https.
        part: `<name>.part`; its folder exists.
        expected_bytes: size of the whole file where it is known; another one is refused.
        pause_s: seconds before the second attempt, doubled for each one after that.
        leave: whether its progress bar stays on the screen.

    Raises:
        DataError: the server refuses, the size is wrong, the disk is full, or the connection was lost `ATTEMPTS` times
            in a row without a new byte. The bytes so far are kept for the next run, except where the size shows that
            they are wrong.
    """
    furthest, failures = size_of(part), 0
    while True:
        try:
            _stream(url, part, expected_bytes, leave)
            return
        except requests.exceptions.SSLError as error:
            raise DataError(
                f"{url}: the server's certificate could not be verified: {error}. Fetch the file by hand and put it at "
                f"{part.with_suffix('')}, or name a mirror with --mirror; then run the same command again."
            ) from error
        except (*_DROPPED, _TryAgain) as error:
            if size_of(part) > furthest:
                furthest, failures = size_of(part), 0
            failures += 1
            if failures >= ATTEMPTS:
                raise DataError(
                    f"{url}: gave up after {failures} attempts without progress; {size_of(part):,} bytes are kept in "
                    f"{part}. "
                    f"Last: {error}. Run the same command again later; it goes on where it stopped."
                ) from error
            time.sleep(pause_s * 2 ** (failures - 1))
        except requests.RequestException as error:
            raise DataError(f"{url}: cannot be requested: {error}. Check the address given with --mirror.") from error


def _stream(url: str, part: Path, expected_bytes: int | None, leave: bool) -> None:
    """One request. Returns when the file is whole, raises _TryAgain or a requests error when it is not yet."""
    start = size_of(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if response.status_code == 416:
            return _after_the_end(response, part, start)
        if response.status_code in (408, 429) or response.status_code >= 500:
            raise _TryAgain(f"HTTP {response.status_code} {response.reason}")
        if response.status_code not in (200, 206):
            raise DataError(
                f"{url}: HTTP {response.status_code} {response.reason}. If the archive has moved, name a mirror with "
                "--mirror, "
                f"or fetch {part.stem} by hand and put it at {part.with_suffix('')}"
            )
        start, total = _announced(response, start)
        if expected_bytes is not None and total is not None and total != expected_bytes:
            raise DataError(
                f"{url}: the server announces {total:,} bytes, the release has {expected_bytes:,}. Not downloaded: "
                "the archive "
                "was changed, or the mirror holds another file."
            )
        if total is not None:
            require_space(part.parent, total - start, f"download {part.stem}")
        _write(response, part, start, total, leave)
    size = size_of(part)
    if total is not None and size < total:
        raise _TryAgain(f"the connection ended after {size:,} of {total:,} bytes")
    _refuse_size(url, part, total if total is not None else expected_bytes)


def _announced(response: requests.Response, start: int) -> tuple[int, int | None]:
    """(byte the answer begins at, size of the whole file if known). A server may ignore the Range asked for."""
    if response.status_code == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != start:
            raise DataError(
                f"{response.url}: byte {start} was asked for, the server answers with Content-Range "
                f"{response.headers.get('Content-Range')!r}. Delete the .part file and run the same command again."
            )
        return start, None if match[2] == "*" else int(match[2])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _write(response: requests.Response, part: Path, start: int, total: int | None, leave: bool) -> None:
    look = {"unit": "B", "unit_scale": True, "unit_divisor": 1024, "leave": leave}
    with tqdm(total=total, initial=start, desc=part.stem, **look) as bar:
        try:
            with part.open("ab" if start else "wb") as file:
                for chunk in response.iter_content(_CHUNK_BYTES):
                    file.write(chunk)
                    bar.update(len(chunk))
        except requests.RequestException:
            raise  # is an OSError too, but not one of the disk
        except OSError as error:
            raise write_error(part, error) from error


def _after_the_end(response: requests.Response, part: Path, start: int) -> None:
    """HTTP 416: the bytes that are there are all there is, or more than there is."""
    total = response.headers.get("Content-Range", "").rpartition("/")[2]
    if total.isdigit() and int(total) == start:
        return
    part.unlink()
    raise _TryAgain(f"the file so far had {start:,} bytes, the server's has {total or 'another number of'}")


def _refuse_size(url: str, part: Path, expected_bytes: int | None) -> None:
    size = size_of(part)
    if expected_bytes is not None and size != expected_bytes:
        part.unlink()
        raise DataError(
            f"{url}: {size:,} bytes were downloaded, {expected_bytes:,} expected; they were deleted. Run the same "
            "command again."
        )


def size_of(path: Path) -> int:
    """Size of a file in bytes; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def announce(text: str) -> None:
    """A line for the person who waits; it does not disturb a progress bar."""
    tqdm.write(text, file=sys.stderr)


def size_text(number: int) -> str:
    """A number of bytes for people: "110.3 GB", of 10^9 bytes each."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:.1f} {unit}"
    return f"{number} bytes"


def digest_of(path: Path, algorithm: str) -> bytes:
    """The digest of a file, by the name of the algorithm in hashlib; against damage, not against forgers."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.digest()
