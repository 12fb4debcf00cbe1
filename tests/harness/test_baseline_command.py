"""`lmms-cpllm baseline` on fake releases, and what `vqa_scores` makes of its files."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from evaluation import evaluate, items_of, metrics_of
from fake_konvid import konvid_ids, konvid_scores
from scipy import stats

from lmms_cpllm.baselines import bitrate, measuring
from lmms_cpllm.baselines.methods import FRAMES, METHODS
from lmms_cpllm.cli import build_parser, main
from lmms_cpllm.commands import baseline
from lmms_cpllm.errors import ArgumentError, UserError
from lmms_cpllm.releases import RELEASES

PACKAGES = {"vmaf": "imageio_ffmpeg", "ssim": "imageio_ffmpeg", "psnr": "imageio_ffmpeg", "brisque": "brisque"}
PACKAGES |= {"niqe": "skvideo", "bitrate": "av"}


def run(method: str, release: str, out: Path, *more: str) -> int:
    return main(["baseline", method, release, "--out", str(out), "--workers", "1", *more])


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_on_the_embedded_benchmark_and_back(method: str, mini: list, tmp_path: Path, capsys) -> None:
    pytest.importorskip(PACKAGES[method], reason="pip install 'lmms-cpllm[baselines]'")
    out = tmp_path / f"{method}.csv"
    assert run(method, "mini", out, *(["--frames", "2"] if METHODS[method].takes_frames else [])) == 0
    rows = table(out)
    assert [row["name"] for row in rows] == [row.name for row in mini]
    column = METHODS[method].column
    sign = 1 if METHODS[method].higher_is_better else -1
    assert all(float(row["score"]) == sign * float(row[column]) for row in rows)
    assert len({row["score"] for row in rows}) == 6
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"{METHODS[method].title}: 6 of 6 videos of vqa_mini have a score in {out}",
        f"replay: lmms-eval --model vqa_scores --model_args path={out} --tasks vqa_mini",
    ]
    assert "6/6" in said.err, "the progress bar"
    results = evaluate("vqa_scores", ["vqa_mini", "vqa_mini_pairs"], f"path={out}")
    scores = {row["name"]: float(row["score"]) for row in rows}
    assert {name: item["quality"] for name, item in items_of(results, "vqa_mini").items()} == scores
    mos = [row.mos for row in mini]
    expected = stats.spearmanr(list(scores.values()), mos).statistic
    assert metrics_of(results, "vqa_mini")["srcc"] == pytest.approx(expected, abs=1e-12)
    assert metrics_of(results, "vqa_mini_pairs")["answered"] == 1


@pytest.mark.parametrize("method", ["vmaf", "psnr", "ssim"])
def test_the_reference_is_the_clean_clip_of_the_content(method: str, mini: list, tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg", reason="pip install 'lmms-cpllm[baselines]'")
    assert run(method, "mini", tmp_path / "s.csv") == 0
    scores = {row["name"]: float(row["score"]) for row in table(tmp_path / "s.csv")}
    clean = next(row.name for row in mini if row.reference)
    assert max(scores, key=scores.get) == clean


def test_of_a_video_in_another_codec_than_its_own_the_bits_of_its_own_count(konvid: Path, tmp_path: Path, monkeypatch):
    assert run("bitrate", "konvid", tmp_path / "usual.csv") == 0
    first, second = konvid_ids(8)[:2]
    sizes = {str(konvid / "KoNViD_1k_videos" / f"{name}.mp4"): size for name, size in ((first, 1000), (second, 3000))}
    monkeypatch.setitem(RELEASES, "konvid", replace(RELEASES["konvid"], coded_sizes=lambda rows: sizes))
    assert run("bitrate", "konvid", tmp_path / "own.csv") == 0
    usual, own = (
        {row["name"]: float(row["bits_per_pixel"]) for row in table(tmp_path / f"{name}.csv")}
        for name in ("usual", "own")
    )
    assert own[second] == pytest.approx(3 * own[first])
    assert {name for name in own if own[name] != usual[name]} == {first, second}


def test_every_release_is_measured_and_every_row_found_again(fakes: dict, tmp_path: Path) -> None:
    for name, fake in fakes.items():
        out = tmp_path / f"{name}.csv"
        assert run("bitrate", name, out) == 0, name
        assert {row["name"] for row in table(out)} == set(fake.scores)
        results = evaluate("vqa_scores", [f"vqa_{name}"], f"path={out}")
        assert metrics_of(results, f"vqa_{name}")["answered"] == 1, name


def test_raw_video_in_other_processes(fakes: dict, tmp_path: Path) -> None:
    pytest.importorskip("brisque", reason="pip install 'lmms-cpllm[baselines]'")
    out = tmp_path / "s.csv"
    assert main(["baseline", "brisque", "live_qualcomm", "--out", str(out), "--workers", "2", "--frames", "1"]) == 0
    assert len({row["score"] for row in table(out)}) == 4


def test_a_video_that_cannot_be_read_has_no_score_and_is_named(konvid: Path, tmp_path: Path, capsys) -> None:
    ids, out = konvid_ids(8), tmp_path / "bits.csv"
    (konvid / "KoNViD_1k_videos" / f"{ids[2]}.mp4").write_bytes(b"no video")
    assert run("bitrate", "konvid", out) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"no score: {ids[2]}: ")
    assert said[1] == f"bits per pixel: 7 of 8 videos of KoNViD-1k have a score in {out}"
    rows = {row["name"]: row for row in table(out)}
    assert rows[ids[2]] == {"name": ids[2], "score": "", "bits_per_pixel": ""}
    note = json.loads((tmp_path / "bits.csv.json").read_text())
    assert (note["videos"], note["scored"], list(note["without_score"])) == (8, 7, [ids[2]])
    results = evaluate("vqa_scores", ["vqa_konvid"], f"path={out}")
    assert metrics_of(results, "vqa_konvid")["answered"] == 7 / 8


def test_nothing_that_can_be_read(konvid: Path, tmp_path: Path) -> None:
    for path in (konvid / "KoNViD_1k_videos").iterdir():
        path.write_bytes(b"no video")
    assert run("bitrate", "konvid", tmp_path / "bits.csv") == 1
    assert {row["score"] for row in table(tmp_path / "bits.csv")} == {""}


def test_a_stopped_run_goes_on(konvid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    out, asked = tmp_path / "bits.csv", []
    original = measuring._measured

    def stopping(measure, job):
        asked.append(job[1][0])
        if len(asked) == 4:
            raise KeyboardInterrupt
        return original(measure, job)

    monkeypatch.setattr(measuring, "_measured", stopping)
    assert run("bitrate", "konvid", out) == 130
    assert not out.exists()
    first = asked.copy()
    assert run("bitrate", "konvid", out) == 0
    assert sorted(asked[4:]) == sorted({*asked} - {*first[:3]}), "three were there already"
    assert len(asked[4:]) == 5
    assert sorted(path.name for path in tmp_path.glob("bits*")) == ["bits.csv", "bits.csv.json"]
    measured = {row["name"]: float(row["score"]) for row in table(out)}
    videos = konvid / "KoNViD_1k_videos"
    assert measured == {name: bitrate.bits_per_pixel(videos / f"{name}.mp4") for name in konvid_ids(8)}
    assert len(konvid_scores(8)) == len(measured)


class TestErrors:
    @pytest.mark.parametrize("method", ["vmaf", "ssim", "psnr"])
    def test_no_references(self, method: str, konvid: Path, tmp_path: Path) -> None:
        with pytest.raises(UserError) as error:
            run(method, "konvid", tmp_path / "s.csv")
        assert isinstance(error.value, SystemExit), "so the exit status is 1"
        assert str(error.value) == (
            f"{METHODS[method].title} compares a video with its clean reference, and KoNViD-1k holds none\n"
            "  what to do: take a measure that needs none (brisque, niqe, bitrate), or a release with references (mini)"
        )
        assert not list(tmp_path.glob("s.csv*"))

    def test_frames_where_they_mean_nothing(self, konvid: Path, tmp_path: Path) -> None:
        with pytest.raises(
            ArgumentError, match=r"^--frames: bitrate reads the sizes of all packets.*leave this option"
        ):
            run("bitrate", "konvid", tmp_path / "s.csv", "--frames", "3")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["dover", "konvid", "--out", "s.csv"], "invalid choice: 'dover'"),
            (["niqe", "konvids", "--out", "s.csv"], "invalid choice: 'konvids'"),
            (["niqe", "konvid"], "the following arguments are required: --out"),
            (["niqe", "konvid", "--out", "s.json"], "expected a file that ends in .csv, found s.json"),
            (
                ["niqe", "konvid", "--out", "absent/s.csv"],
                "expected a file in a folder that is there, found absent/s.csv",
            ),
            (["niqe", "konvid", "--out", "s.csv", "--frames", "0"], "expected a number of 1 or more, found 0"),
            (["niqe", "konvid", "--out", "s.csv", "--workers", "x"], "expected a number of 1 or more, found x"),
        ],
    )
    def test_wrong_usage(self, arguments: list[str], message: str, capsys) -> None:
        with pytest.raises(SystemExit) as error:
            main(["baseline", *arguments])
        assert error.value.code == 2
        assert message in capsys.readouterr().err


def test_the_command_names_what_there_is(capsys) -> None:
    assert tuple(METHODS) == baseline.METHOD_NAMES
    with pytest.raises(SystemExit):
        build_parser().parse_args(["baseline", "niqe", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "konvid" in text
    assert "finevd" not in text, "it asks questions, and has no score to stand beside"
    assert f"frames of a video that are read (default: {FRAMES})" in text
    assert [name for name, release in RELEASES.items() if release.references] == ["mini"]
