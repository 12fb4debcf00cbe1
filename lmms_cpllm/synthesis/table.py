"""Make the table of labels of a benchmark: render every clip, measure it, write one row an item.

The label of a clip is the opinion that is computed from its full-reference features (`synthesis.opinion`), as a quality
of 0..100. That holds for lost frames too: each is compared with the frame that should be there, judged for itself, and
the impairments are pooled over time.
"""

from __future__ import annotations

import csv
import itertools
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from lmms_cpllm.synthesis import scenes
from lmms_cpllm.synthesis.encode import LOSSLESS, encode
from lmms_cpllm.synthesis.labels import full_reference, quality_of_acr
from lmms_cpllm.synthesis.opinion import opinion
from lmms_cpllm.synthesis.recipe import Item, digest
from lmms_cpllm.synthesis.render import coded_bytes

COLUMNS = (
    *("name", "content", "family", "strength", "unit", "width", "height", "fps", "frames"),
    *("speed", "quality", "vmaf", "bytes", "recipe"),
)


def item_columns(item: Item) -> dict[str, str]:
    """What the recipe alone says of a row, as it stands in the table."""
    width, height = item.scene.size
    values = (item.name, item.content, item.family, f"{item.strength:g}", item.unit)
    numbers = (width, height, item.scene.fps, item.scene.frame_count)
    return dict(zip(COLUMNS, (*values, *map(str, numbers)), strict=False)) | {"recipe": digest(item)}


def measure(group: Sequence[Item], folder: Path) -> list[dict[str, str]]:
    """Rows of items that share one scene; their clips are left in `folder`."""
    scene = group[0].scene
    photo = scenes.load_photograph(scene.photograph)
    clean = list(scenes.frames(scene, photo))
    speed = scenes.speed_px_per_second(scene, (photo.shape[1], photo.shape[0]))
    reference = folder / f"{scene.photograph.name}.reference.mp4"
    encode(clean, reference, LOSSLESS, scene.fps)
    rows = []
    for item in group:
        data = coded_bytes(item, clean)
        path = folder / f"{item.name}.mp4"
        path.write_bytes(data)
        features = full_reference(reference, path, len(clean))
        quality = quality_of_acr(opinion(features).acr)
        measured = {"speed": f"{speed:.1f}", "quality": f"{quality:.2f}", "vmaf": f"{features['vmaf']:.3f}"}
        rows.append(item_columns(item) | measured | {"bytes": str(len(data))})
    reference.unlink()
    return rows


def make_table(items: Sequence[Item], out: Path, clips: Path | None = None, workers: int = 2) -> None:
    """Write the CSV table of `items` to `out`; `clips` keeps the rendered files.

    Raises:
        UserError: imageio-ffmpeg is missing.
        DataError: a photograph or an encoder is missing, or ffmpeg failed.
    """
    groups = [list(group) for _, group in itertools.groupby(items, key=lambda item: item.scene)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = clips or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(workers) as pool:
            parts = list(
                tqdm(pool.map(lambda group: measure(group, folder), groups), total=len(groups), unit="content")
            )
    partial = out.with_name(f"{out.name}.part")
    with open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(itertools.chain.from_iterable(parts))
    os.replace(partial, out)
