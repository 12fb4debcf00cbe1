"""KoNViD-1k in its official layout, made of tiny clips."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from clips import write_clip

from lmms_cpllm.releases import RELEASES


def konvid_ids(n: int) -> list[str]:
    """Ids like Flickr's; as numbers in another order than as text, because some are shorter."""
    return [str(98_765_431 * (i + 1)) for i in range(n)]


def konvid_scores(n: int) -> list[float]:
    """MOS between 1.22 and 4.64, as in the release, not in the order of the ids."""
    return [round(1.22 + 3.42 * ((7 * i) % n) / max(n - 1, 1), 2) for i in range(n)]


def make_konvid(
    root: Path,
    n: int = 6,
    scores: Sequence[float] | None = None,
    *,
    folder: str = "konvid",
    labels: str = "mos",
    clips: Sequence[Path] | None = None,
) -> Path:
    """Write a release of n videos below `root` and return its folder.

    Args:
        folder: the release's folder below `root`; "" for the root itself.
        labels: "mos" writes KoNViD_1k_mos.csv, "attributes" KoNViD_1k_attributes.csv.
        clips: files that the videos are hard links of, in turn; default one clip made here.
    """
    base = root / folder
    videos, metadata = base / "KoNViD_1k_videos", base / "KoNViD_1k_metadata"
    videos.mkdir(parents=True)
    metadata.mkdir()
    ids, scores = konvid_ids(n), konvid_scores(n) if scores is None else scores
    if not clips:
        clips = [write_clip(root / ".clip.mp4", frames=5, content="texture")]
    for i, name in enumerate(ids):
        os.link(clips[i % len(clips)], videos / f"{name}.mp4")
    if labels == "mos":
        lines = ["flickr_id,mos", *(f"{name},{mos}" for name, mos in zip(ids, scores, strict=True))]
        (metadata / "KoNViD_1k_mos.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        lines = ["flickr_id,file_name,MOS,SD"]
        lines += [f"{x},{x}_original_centercrop_960x540_8s.mp4,{mos},0.6" for x, mos in zip(ids, scores, strict=True)]
        (metadata / "KoNViD_1k_attributes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return base


def labels_file(folder: Path) -> Path:
    return folder / "KoNViD_1k_metadata" / "KoNViD_1k_mos.csv"


def expect_count(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    """Let the release have n videos in this process."""
    monkeypatch.setitem(RELEASES, "konvid", replace(RELEASES["konvid"], count=n))
