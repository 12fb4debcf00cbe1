"""The releases that can be scored, in their official layouts and with their traps, made of tiny clips.

`make(name, root, clips)` writes one and returns what its rows must be. The traps in them do no harm to a reader that is
right: byte order marks, blank rows, decimal commas, other upper and lower case, names without endings, extra columns,
videos that are not in the scored part.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from lmms_cpllm.raw_video import RawFormat
from lmms_cpllm.releases import RELEASES

COUNT = 4
RAW = RawFormat(128, 96, 30)


@dataclass(frozen=True)
class Fake:
    """A release as it was written."""

    folder: Path
    labels: Path
    scores: dict[str, float]
    """Name of a video as in the rows -> MOS."""
    files: dict[str, Path]
    """Name of a video as in the rows -> its file."""


def scores_between(low: float, high: float) -> list[float]:
    """COUNT scores in the scale, not in the order of the names."""
    return [round(low + (high - low) * share, 2) for share in (0.4, 0.1, 0.9, 0.65)]


def put(clip: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(clip, target)
    return target


def live_vqc(folder: Path, clips: Sequence[Path]) -> Fake:
    from scipy.io import savemat

    names, scores = ["A001", "A002", "B010", "B011"], scores_between(6.22, 94.29)
    files = {name: put(clip, folder / "Video" / f"{name}.mp4") for name, clip in zip(names, clips, strict=False)}
    cell = np.array([[f"{name}.mp4"] for name in names], dtype=object)
    savemat(folder / "data.mat", {"video_list": cell, "mos": np.array(scores)[:, None]})
    return Fake(folder, folder / "data.mat", dict(zip(names, scores, strict=True)), files)


def youtube_ugc(folder: Path, clips: Sequence[Path]) -> Fake:
    names = ["Gaming_720P-25aa", "HDR_2160P-06ae", "Vlog_480P-343d", "Sports_1080P-0063"]
    scores, clip = scores_between(1.242, 4.698), iter(clips)
    h264 = folder / "original_videos_h264"
    files = {name: put(next(clip), h264 / f"{name}_crf_10_ss_00_t_20.0.mp4") for name in names[:3]}
    files[names[3]] = put(next(clip), folder / "original_videos" / "Sports" / "1080P" / f"{names[3]}.mkv")
    put(clips[0], folder / "original_videos" / "Gaming" / "720P" / f"{names[0]}.mkv")  # both versions: H.264 wins
    rows = [["vid", "category", "MOS full", "MOS chunk00"], [None] * 4]
    rows += [[name, name.split("_")[0], score, 3.0] for name, score in zip(names, scores, strict=True)]
    rows += [["Vlog_480P-gone", "Vlog", None, None], [None] * 4]
    labels = write_xlsx(folder / "MOS_for_YouTube_UGC_dataset.xlsx", {"notes": [["read me"]], "MOS": rows})
    return Fake(folder, labels, dict(zip(names, scores, strict=True)), files)


def write_xlsx(path: Path, sheets: dict[str, list[list]]) -> Path:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def lsvq(folder: Path, clips: Sequence[Path], names: Sequence[str], labels: str, tests: Sequence[str]) -> Fake:
    """`tests` is the column is_test, empty where the file has none; there is one more video in training."""
    scores = scores_between(2.4, 91.4)
    files = {name: put(clip, folder / f"{name}.mp4") for name, clip in zip(names, clips, strict=False)}
    put(clips[0], folder / "yfcc-batch9" / f"{names[0].split('/')[1]}.mp4")  # another video of the same number
    head = "name,height,width,mos,frame_number,fn_last_frame" + (",is_test,is_valid" if tests else "")
    lines = [head]
    for place, (name, score) in enumerate(zip(names, scores, strict=True)):
        lines.append(f"{name},1080,1920,{score},240,239" + (f",{tests[place]},False" if tests else ""))
    if tests:
        lines.insert(1, "ia-batch2/in_training,540,960,50.5,240,239,False,True")
    (folder / labels).write_text("\n".join([*lines, "", ""]), encoding="utf-8-sig")
    return Fake(folder, folder / labels, dict(zip(names, scores, strict=True)), files)


def lsvq_test(folder: Path, clips: Sequence[Path]) -> Fake:
    names = ["yfcc-batch1/7", "yfcc-batch12/7", "ia-batch1/a.b_tour-part2", "ia-batch1/007"]
    return lsvq(folder, clips, names, "labels_train_test.csv", ["True", "1", "TRUE", "1.0"])


def lsvq_1080p(folder: Path, clips: Sequence[Path]) -> Fake:
    names = ["yfcc-batch1/70", "yfcc-batch12/70", "ia-batch1/x.y", "ia-batch2/00"]
    return lsvq(folder, clips, names, "labels_test_1080p.csv", [])


def cvd2014(folder: Path, clips: Sequence[Path]) -> Fake:
    # The last name is written otherwise in the table than on disk.
    names = ["Test01_City_D01", "Test04_City_D06", "Test05_Traffic_D02", "Test06_Talking_Head_D12"]
    scores, files = [67.29, -6.5, 93.38, 57.0], {}
    for name, clip in zip(names, clips, strict=False):
        content = name[7:].rsplit("_", 1)[0]
        files[name] = put(clip, folder / f"Test{name[5]}" / content / f"{name.replace('Head', 'head')}.avi")
    lines = ["File_name;Content;Camera;Realignment MOS;;"]
    lines += [f"{n};City;D;{str(s).replace('.', ',')};;" for n, s in zip(names, scores, strict=True)]
    (folder / "CVD2014_ratings").mkdir()
    labels = folder / "CVD2014_ratings" / "Realignment_MOS.csv"
    labels.write_text("\r\n".join([*lines, *[";;;;;"] * 170]), encoding="utf-8-sig")
    return Fake(folder, labels, dict(zip(names, scores, strict=True)), files)


def live_qualcomm(folder: Path, clips: Sequence[Path]) -> Fake:
    """Raw video in the size of RAW instead of 1920x1080, two frames each."""
    from scipy.io import savemat

    distortions = ["Artifacts", "Color", "Focus"]
    names = ["0723_ManUnderTree_GS5_03_20150723_130016", "0911duckSwim_gs5", "1019_FlyingKite_GS6", "1006_ParkBus"]
    kinds, scores, files = [1, 2, 3, 1], scores_between(16.56, 73.64), {}
    for place, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        files[name] = folder / distortions[kind - 1] / f"{name}.yuv"
        files[name].parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(place).integers(
            0, 40 * (place + 1), (2, RAW.width * RAW.height * 3 // 2), np.uint8
        )
        noise.tofile(files[name])
    cells = {key: np.array(value, dtype=object) for key, value in (("vid", names), ("distortion", distortions))}
    savemat(
        folder / "qualcommSubjectiveData.mat",
        {
            "qualcommSubjectiveData": {"unBiasedMOS": np.array(scores)[:, None], "biasedMOS": np.zeros((COUNT, 1))},
            "qualcommVideoData": {
                "vidNames": np.array([f"{name}.yuv" for name in cells["vid"]], dtype=object)[:, None],
                "distortionNames": cells["distortion"][:, None],
                "distortionType": np.array(kinds)[:, None],
            },
        },
    )
    return Fake(folder, folder / "qualcommSubjectiveData.mat", dict(zip(names, scores, strict=True)), files)


def live_yt_gaming(folder: Path, clips: Sequence[Path]) -> Fake:
    from scipy.io import savemat

    names, scores = [f"Sekiro-00{place}" for place in (1, 2, 5)] + ["WildHeart-010"], scores_between(4.53, 95.95)
    files = {name: put(clip, folder / "mp4" / f"{name}.mp4") for name, clip in zip(names, clips, strict=False)}
    cell = np.array(names, dtype=object)[:, None]
    savemat(folder / "LIVE-YT-Gaming.mat", {"video_list": cell, "MOS": np.array(scores)[None, :]})
    savemat(folder / "other.mat", {"subjects": np.zeros((3, 3))})
    return Fake(folder, folder / "LIVE-YT-Gaming.mat", dict(zip(names, scores, strict=True)), files)


def maxwell(folder: Path, clips: Sequence[Path]) -> Fake:
    names, scores = ["0000", "0012", "0409", "4542"], scores_between(1, 5)
    files = {name: put(clip, folder / "videos" / f"{name}.mp4") for name, clip in zip(names, clips, strict=False)}
    put(clips[0], folder / "videos" / "0001.mp4")  # of the training set
    put(clips[0], folder / "videos" / ".ipynb_checkpoints" / "0012-checkpoint.mp4")
    lines = [f"{name}.mp4, 1.114285714, 4.057142857, {score}" for name, score in zip(names, scores, strict=True)]
    (folder / "val_labels.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Fake(folder, folder / "val_labels.txt", dict(zip(names, scores, strict=True)), files)


def kvq(folder: Path, clips: Sequence[Path]) -> Fake:
    names, scores = ["0001", "0002", "0010", "2926"], scores_between(1, 5)
    files = {name: put(clip, folder / "train_video" / f"{name}.mp4") for name, clip in zip(names, clips, strict=False)}
    lines = ["filename,score", *(f"{name}.mp4,{score}" for name, score in zip(names, scores, strict=True)), ","]
    (folder / "train_data.csv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return Fake(folder, folder / "train_data.csv", dict(zip(names, scores, strict=True)), files)


def t2vqa(folder: Path, clips: Sequence[Path]) -> Fake:
    names, scores = ["0000", "0001", "1234", "9999"], [40.5, -1.25, 101.5, 65.0]  # standardised: beyond the ends
    files = {name: put(clip, folder / "videos" / f"{name}.mp4") for name, clip in zip(names, clips, strict=False)}
    prompts = ['a sign that says "stop', "a cat, 3 dogs | and 7 birds", "ein Mädchen", "x"]
    lines = [f"{name}.mp4|{prompt}|{score}" for name, prompt, score in zip(names, prompts, scores, strict=True)]
    (folder / "info.txt").write_text("\n".join(lines) + "\n\n", encoding="utf-8-sig")
    return Fake(folder, folder / "info.txt", dict(zip(names, scores, strict=True)), files)


def custom(folder: Path, clips: Sequence[Path]) -> Fake:
    """A list of Q-Align with names relative to the folder."""
    names, scores = [f"clips/{place}.mp4" for place in range(COUNT)], scores_between(-3, 7)
    files = {name: put(clip, folder / name) for name, clip in zip(names, clips, strict=False)}
    items = [{"id": "x", "img_path": name, "gt_score": score} for name, score in zip(names, scores, strict=True)]
    (folder / "list.json").write_text(json.dumps(items), encoding="utf-8-sig")
    return Fake(folder, folder / "list.json", dict(zip(names, scores, strict=True)), files)


MAKERS: dict[str, Callable[[Path, Sequence[Path]], Fake]] = {
    maker.__name__: maker
    for maker in (
        live_vqc,
        youtube_ugc,
        lsvq_test,
        lsvq_1080p,
        cvd2014,
        live_qualcomm,
        live_yt_gaming,
        maxwell,
        kvq,
        t2vqa,
        custom,
    )
}


def make(name: str, root: Path, clips: Sequence[Path], monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Write a release of COUNT videos below `root`, and let the registry and the environment expect it.

    Args:
        clips: at least COUNT files in the same file system; the videos are hard links of them.
    """
    release = RELEASES[name]
    folder = root / (release.folders[0] if release.folders else name)
    folder.mkdir(parents=True, exist_ok=True)  # both test sets of LSVQ lie in one
    fake = MAKERS[name](folder, clips)
    monkeypatch.setenv("LMMS_CPLLM_DATA", str(root))
    if release.variable:
        monkeypatch.setenv(release.variable, str(fake.labels))
    else:
        raw = RAW if release.raw else None
        monkeypatch.setitem(RELEASES, name, replace(release, count=COUNT, other_counts=(), raw=raw))
    return fake
