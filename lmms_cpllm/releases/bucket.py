"""Fetch videos out of a public bucket of Google Cloud Storage: list, compare, download one by one.

The listing is that of the JSON API (https://cloud.google.com/storage/docs/json_api/v1/objects/list): pages of `items` with
`name`, `size` in bytes as text and, for most objects, `md5Hash` in base64; `nextPageToken` where there are more.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.util import Retry

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.files import without_ending
from lmms_cpllm.releases.origins import Bucket
from lmms_cpllm.releases.places import shorten
from lmms_cpllm.releases.transfer import ATTEMPTS, TIMEOUT_S, announce, digest_of, download, size_of, size_text
from lmms_cpllm.releases.unpack import require_space, unsafe_name

_PAGES_MAX = 200  # of 1000 objects each
_BUSY = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Item:
    """One object of a bucket."""

    name: str
    bytes: int
    md5: bytes | None
    """None for the objects that have none."""


def fetch_bucket(
    bucket: Bucket,
    folder: Path,
    videos: Callable[[Path], Mapping[str, Path]],
    *,
    mirror: str | None = None,
    pause_s: float = 1.0,
) -> None:
    """Download the videos that the labels in `folder` name and that are not there yet.

    A file of the right size is kept: it got its name only after its checksum was found right.

    Args:
        bucket: what to fetch.
        folder: the release's own, with its labels.
        videos: `Release.videos`; what it finds is not fetched in another version.
        mirror: stands in for `Bucket.endpoint`.
        pause_s: see `transfer.download`.

    Raises:
        DataError: no network, not open any more, no room, or a file that stays damaged.
    """
    endpoint = (mirror or bucket.endpoint).rstrip("/")
    listed = list_items(bucket, endpoint, pause_s=pause_s)
    wanted = {name.casefold() for name in bucket.wanted(folder)}
    items = [item for item in listed if bucket.name_of(item.name).casefold() in wanted]
    there = videos(folder)
    todo = [item for item in items if _is_needed(item, bucket, folder, there)]
    _say_what_is_odd(bucket, folder, listed, len(wanted), len(items))
    needed_bytes = sum(item.bytes for item in todo)
    announce(
        f"{bucket.name}/{bucket.prefix}: {len(todo)} of {len(items)} videos to download, {size_text(needed_bytes)}; "
        "the others are there"
    )
    begun = sum(size_of(_part_of(folder / item.name)) for item in todo)
    require_space(folder, max(0, needed_bytes - begun), f"download {len(todo)} videos")
    with tqdm(total=needed_bytes, desc=bucket.prefix, unit="B", unit_scale=True, unit_divisor=1024) as bar:
        for item in todo:
            _fetch_item(f"{endpoint}/{bucket.name}/{quote(item.name)}", item, folder / item.name, pause_s)
            bar.update(item.bytes)


def list_items(bucket: Bucket, endpoint: str, *, pause_s: float = 1.0) -> list[Item]:
    """Every video of the bucket below its prefix, by name. Raises DataError."""
    url = f"{endpoint}/storage/v1/b/{bucket.name}/o"
    asked = {"prefix": bucket.prefix, "fields": "nextPageToken,items(name,size,md5Hash)", "maxResults": "1000"}
    items: list[Item] = []
    with requests.Session() as session:
        retry = Retry(total=ATTEMPTS - 1, backoff_factor=pause_s, status_forcelist=_BUSY, raise_on_status=False)
        session.mount("http://", HTTPAdapter(max_retries=retry))
        session.mount("https://", HTTPAdapter(max_retries=retry))
        for _ in range(_PAGES_MAX):
            page = _page(session, url, asked)
            items += _items_of(url, page)
            if not page.get("nextPageToken"):
                break
            asked["pageToken"] = page["nextPageToken"]
        else:
            raise DataError(f"{url}: more than {_PAGES_MAX} pages of objects below {bucket.prefix}: not the release")
    found = [item for item in items if without_ending(item.name) != item.name]
    total = sum(item.bytes for item in found)
    if not found or total > bucket.bytes_max:
        raise DataError(
            f"{url}: {len(found)} videos, {total:,} bytes below {bucket.prefix}; at least one and at most "
            f"{bucket.bytes_max:,} bytes expected. Nothing was downloaded: the bucket was changed, or a mirror holds "
            "something else."
        )
    return sorted(found, key=lambda item: item.name)


def _page(session: requests.Session, url: str, asked: Mapping[str, str]) -> dict:
    try:
        response = session.get(url, params=asked, timeout=TIMEOUT_S)
        page = response.json() if response.status_code == 200 else None
    except requests.exceptions.JSONDecodeError as error:
        raise DataError(f"{url}: a listing in JSON expected, found {response.text[:40]!r}: {error}") from error
    except requests.RequestException as error:
        raise DataError(
            f"{url}: the bucket cannot be listed: {error}. Check the network, or name a mirror with --mirror; then run "
            "the same command again."
        ) from error
    if response.status_code != 200:
        raise DataError(f"{url}: HTTP {response.status_code} {response.reason}. {_remedy(response.status_code)}")
    if not isinstance(page, dict):
        raise DataError(f"{url}: a listing in JSON expected, found {response.text[:40]!r}")
    return page


def _remedy(status: int) -> str:
    if status in _BUSY:
        return "The server is busy or its quota is used up: run the same command again later."
    return "The bucket cannot be listed by everybody any more, or has moved: see the release's page."


def _items_of(url: str, page: Mapping) -> list[Item]:
    items = []
    try:
        for entry in page.get("items", ()):
            md5 = base64.b64decode(entry["md5Hash"], validate=True) if "md5Hash" in entry else None
            items.append(Item(str(entry["name"]), int(entry["size"]), md5))
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise DataError(f"{url}: an object without a name or a size in the listing: {error!r}") from error
    for item in items:
        if unsafe_name(item.name) or item.bytes < 0:
            raise DataError(
                f"{url}: refused: object {item.name!r} {unsafe_name(item.name) or 'has a negative size'}. Nothing was "
                "downloaded."
            )
    return items


def _is_needed(item: Item, bucket: Bucket, folder: Path, there: Mapping[str, Path]) -> bool:
    target = folder / item.name
    if target.is_file():
        return target.stat().st_size != item.bytes
    return bucket.name_of(item.name) not in there


def _say_what_is_odd(bucket: Bucket, folder: Path, listed: list[Item], wanted: int, found: int) -> None:
    if found < wanted:
        announce(f"{wanted - found} of {wanted} labelled videos are not in {bucket.name}/{bucket.prefix} (any more)")
    names = {Path(item.name).name for item in listed}
    place = folder / bucket.prefix
    here = sorted(path.name for path in place.iterdir() if path.is_file()) if place.is_dir() else []
    withdrawn = [name for name in here if name not in names and without_ending(name) != name]
    if withdrawn:
        announce(
            f"{len(withdrawn)} videos in {place} were withdrawn from the bucket; its authors ask to delete such copies: "
            f"{shorten(withdrawn)}"
        )


def _fetch_item(url: str, item: Item, target: Path, pause_s: float) -> None:
    part = _part_of(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    resumed = part.exists()
    download(url, part, expected_bytes=item.bytes, pause_s=pause_s, leave=False)
    if item.md5 is not None:
        found = digest_of(part, "md5")
        if found != item.md5:
            part.unlink()
            if resumed:  # the earlier half may be of another version: once from the start, then give up
                return _fetch_item(url, item, target, pause_s)
            raise DataError(
                f"{url}: MD5 {item.md5.hex()} expected, found {found.hex()}; what was downloaded is damaged and was "
                "deleted. Run the same command again."
            )
    os.replace(part, target)


def _part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")
