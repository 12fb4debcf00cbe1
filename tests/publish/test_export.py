"""`lmms-cpllm export`: the files and no others, a card that the hub reads, an upload that is private unless asked."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from clips import write_clip
from fake_results import pair_items, score_items, write_run
from huggingface_hub import ModelCard
from huggingface_hub.errors import LocalTokenNotFoundError
from safetensors.numpy import save_file
from tiny_models import tiny_cpllm
from transformers import AutoModelForImageTextToText, AutoProcessor

from lmms_cpllm.cli import main
from lmms_cpllm.errors import ArgumentError, CheckpointError, DataError, UserError
from lmms_cpllm.harness.arguments import embedded_checkpoint
from lmms_cpllm.harness.fingerprint import of_checkpoint
from lmms_cpllm.metrics.correlation import krcc
from lmms_cpllm.publish import card, files, hub
from lmms_cpllm.publish.figures import figures, views_text

VIEWS = {
    "context_frames": 4,
    "context_size": {"height": 224, "width": 224},
    "pixel_moments": 4,
    "pixel_crops": 2,
    "pixel_frames": 2,
    "pixel_size": 160,
}
RECORD = {
    "recipe": {
        "model": {
            "context": {"source": "google/siglip2-base-patch16-224", "config": {"model_type": "siglip_vision_model"}},
            "pixel": {"source": "/data/towers/videoprism", "config": None},
            "text": {"source": "Qwen/Qwen3-0.6B", "config": {}},
        },
        "precision": "bf16",
    },
    "stages": [
        {
            "stage": {"name": "tasks", "data": [{"kind": "scores", "release": "lsvq_train"}, {"kind": "synthetic"}]},
            "data": [
                {"source": "lsvq_train", "videos": 28000, "share": 0.75},
                {"source": "lsvq_train", "held out": 500},
            ],
            "history": [{"step": 10, "srcc": 0.5}, {"step": 20, "srcc": 0.75}],
            "failed": {"/home/me/lsvq/a.mp4": "truncated"},
            "step": 20,
        }
    ],
}


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    """A folder with the files of a checkpoint, small, and with what must never leave a machine."""
    folder = tmp_path / "trained"
    (folder / "adapter").mkdir(parents=True)
    save_file({"a": np.zeros(3, np.float32)}, folder / "model.safetensors")
    save_file({"b": np.zeros(3, np.float32)}, folder / "adapter" / "adapter_model.safetensors")
    contents = {
        "config.json": {"model_type": "cpllm"},
        "processor_config.json": {"video_processor": VIEWS},
        "tokenizer.json": {},
        "training.json": RECORD,
        "adapter/adapter_config.json": {},
        "secrets.json": {"token": "hf_x"},
        "adapter/notes.json": {},
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "optimizer.pt").write_bytes(b"pickle")
    (folder / "README.md").write_text("by hand")
    return folder


TAKEN = [
    "README.md",
    "adapter/adapter_config.json",
    "adapter/adapter_model.safetensors",
    "config.json",
    "model.safetensors",
    "processor_config.json",
    "tokenizer.json",
    "training.json",
]


def run_of(checkpoint: Path, folder: Path, tasks: dict | None = None, **options) -> Path:
    """Results of the checkpoint as lmms-eval writes them."""
    options = {"model_args": f"pretrained={checkpoint}"} | options
    fingerprint = options.pop("weights", of_checkpoint(str(checkpoint)))
    write_run(folder, tasks or {"vqa_konvid": score_items()}, checkpoint={"fingerprint": fingerprint}, **options)
    return folder


def export(checkpoint: Path, *options: object) -> Path:
    out = checkpoint.parent / "out"
    assert main(["export", str(checkpoint), "--out", str(out), *map(str, options)]) == 0
    return out


def test_known_files_and_no_others(checkpoint, capsys):
    out = export(checkpoint)
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()) == TAKEN
    assert (out / "model.safetensors").read_bytes() == (checkpoint / "model.safetensors").read_bytes()
    said = capsys.readouterr()
    assert said.out == f"8 files in {out}\n"
    assert said.err.splitlines() == [
        "left out: README.md: another is written",
        "left out: adapter/notes.json: no file of a CP-LLM",
        "left out: optimizer.pt: no file of a CP-LLM",
        "left out: secrets.json: no file of a CP-LLM",
        "the card states no licence; --license ID says which",
    ]
    record = json.loads((out / "training.json").read_text())
    assert record["stages"][0]["failed"] == {"a.mp4": "truncated"}, "where files lay is nobody else's matter"
    assert record["recipe"]["model"]["pixel"]["source"] == "videoprism"
    assert "/home" not in (out / "README.md").read_text()
    export(checkpoint)  # a CP-LLM is replaced


def test_the_card_is_read_by_the_hub(checkpoint, tmp_path):
    results = run_of(checkpoint, tmp_path / "r", {"vqa_konvid": score_items(), "vqa_mini_pairs": pair_items()})
    ablated = run_of(checkpoint, tmp_path / "a", model_args=f"pretrained={checkpoint},ablate=pixel,context_frames=8")
    out = export(checkpoint, "--results", results, ablated, "--license", "apache-2.0", "--name", "me/my-cpllm")
    read = ModelCard.load(out / "README.md")
    data = read.data
    assert (data.license, data.library_name, data.pipeline_tag) == ("apache-2.0", "transformers", "video-text-to-text")
    assert data.base_model == ["google/siglip2-base-patch16-224", "Qwen/Qwen3-0.6B"], "a folder is no model of the hub"
    assert data.datasets == ["lsvq_train"]
    assert data.metrics == ["srcc", "plcc", "krcc", "accuracy"]
    assert data.model_name == "me/my-cpllm"
    found = {(one.dataset_type, one.metric_type): one for one in data.eval_results}
    assert sorted(found) == [("vqa_konvid", name) for name in ("krcc", "plcc", "srcc")] + [
        ("vqa_mini_pairs", "accuracy")
    ]
    items = score_items()
    expected = krcc([item["quality"] for item in items], [item["mos"] for item in items])
    assert found["vqa_konvid", "krcc"].metric_value == round(expected, 4)
    assert found["vqa_mini_pairs", "accuracy"].metric_value == 0.8
    assert found["vqa_konvid", "srcc"].dataset_revision == "2.0"
    views = "4 frames of 224x224, 4x2 crops of 160x160x2"
    rows = [line.split(" | ") for line in read.text.splitlines() if line.startswith("| vqa_")]
    assert [row[0].removeprefix("| ") for row in rows] == ["vqa_konvid"] * 6 + ["vqa_mini_pairs"]
    assert [row[7] for row in rows] == [views] * 3 + [views.replace("4 frames", "8 frames")] * 3 + [views]
    assert [row[8] for row in rows] == [""] * 3 + ["ablate=pixel,context_frames=8"] * 3 + [""]
    assert {row[9] for row in rows} == {"2026-01-02 |"}
    krcc_row = next(row for row in rows if row[3] == "krcc")
    low, high = map(float, krcc_row[5].split(" to "))
    assert low < float(krcc_row[4]) < high
    assert "| tasks | 20 | lsvq_train (28000, 0.75) | 0.750 | 1 |" in read.text
    recipe = read.text.split("```yaml\n")[1].split("\n```")[0]
    assert yaml.safe_load(recipe)["model"]["text"] == {"source": "Qwen/Qwen3-0.6B"}
    assert "| pixel tower | videoprism |" in read.text


def test_a_card_of_nothing_says_so(checkpoint):
    (checkpoint / "training.json").unlink()
    out = export(checkpoint)
    read = ModelCard.load(out / "README.md")
    assert (read.data.license, read.data.license_name) == ("other", "not-stated")
    assert read.data.eval_results is None
    assert "None were given." in read.text
    assert "## Training" not in read.text
    assert not (out / "training.json").exists()


def test_results_of_other_weights_are_refused(checkpoint, tmp_path):
    other = run_of(checkpoint, tmp_path / "other", weights="feedfeedfeedfeed")
    mine = of_checkpoint(str(checkpoint))
    with pytest.raises(DataError) as caught:
        export(checkpoint, "--results", other)
    assert (
        f"{other}: complete results of this checkpoint ({mine}) expected, found vqa_konvid of cpllm pretrained="
        in str(caught.value)
    )
    assert "(weights feedfeedfeedfeed)" in str(caught.value)
    out = export(checkpoint, "--results", other, "--unverified")
    assert "Whether these figures are of these very weights was not verified." in (out / "README.md").read_text()
    limited = run_of(checkpoint, tmp_path / "limited", limit=10)
    with pytest.raises(DataError, match="run with --limit 10"):
        export(checkpoint, "--results", limited)


def test_without_a_sample_log_only_srcc_has_an_interval(checkpoint, tmp_path):
    results = run_of(checkpoint, tmp_path / "r", log_samples=False)
    found = figures([results], of_checkpoint(str(checkpoint)), {"video_processor": VIEWS})
    assert [(one.metric, math.isfinite(one.low)) for one in found] == [("srcc", True), ("plcc", False), ("krcc", False)]
    assert "| krcc | " in card.card_text("x", {}, found, None)
    assert views_text({}, {}) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "expected weights (*.safetensors) of a CP-LLM, found"),
        (lambda folder: (folder / "processor_config.json").unlink(), "expected processor (*processor_config.json)"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "llama"}'), "type cpllm, found llama"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json: cannot be read as JSON"),
    ],
)
def test_what_is_no_checkpoint_is_refused(checkpoint, change, said):
    change(checkpoint)
    with pytest.raises(CheckpointError) as caught:
        export(checkpoint)
    assert said in str(caught.value)


def test_places_that_are_not_written_to(checkpoint, tmp_path):
    with pytest.raises(CheckpointError, match="nowhere: expected a folder with a CP-LLM, found nothing"):
        main(["export", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")])
    with pytest.raises(DataError, match="is the checkpoint itself; choose another --out"):
        main(["export", str(checkpoint), "--out", str(checkpoint)])
    letters = tmp_path / "letters"
    letters.mkdir()
    (letters / "letter.txt").write_text("Dear Sir")
    with pytest.raises(DataError, match="letters: expected a new or an empty folder, or a CP-LLM to replace"):
        main(["export", str(checkpoint), "--out", str(letters)])
    with pytest.raises(SystemExit) as caught:
        main(["export", str(checkpoint), "--out", str(tmp_path / "out"), "--public"])
    assert caught.value.code == 2


class FakeHub:
    """In the place of `HfApi`: keeps what it is asked for."""

    def __init__(self, private: bool | None = None, error: Exception | None = None) -> None:
        self.private, self.error, self.asked = private, error, []

    def __call__(self, **_) -> FakeHub:
        return self

    def whoami(self) -> dict:
        if self.error:
            raise self.error
        return {"name": "me"}

    def create_repo(self, repo: str, **options) -> str:
        self.asked.append(("create", repo, options))
        if self.private is None:
            self.private = options["private"]
        return f"https://hub/{repo}"

    def repo_info(self, repo: str, **_):
        return type("Info", (), {"private": self.private})

    def upload_folder(self, **options) -> None:
        self.asked.append(("upload", options))


@pytest.mark.parametrize("public", [False, True])
def test_an_upload_is_private_unless_asked(checkpoint, monkeypatch, capsys, public):
    fake = FakeHub()
    monkeypatch.setattr(hub, "HfApi", fake)
    out = export(checkpoint, "--hub", "me/my-cpllm", *(["--public"] if public else []))
    [(_, repo, created), (_, uploaded)] = fake.asked
    assert repo == "me/my-cpllm"
    assert created["private"] is not public
    assert sorted(uploaded["allow_patterns"]) == TAKEN, "these names and no pattern"
    assert uploaded["folder_path"] == str(out)
    assert uploaded["repo_id"] == "me/my-cpllm"
    said = "uploaded to https://hub/me/my-cpllm" + ("" if public else " (private)")
    assert capsys.readouterr().out.splitlines()[-1] == said
    assert '.from_pretrained("me/my-cpllm")' in (out / "README.md").read_text()


def test_nothing_is_uploaded_to_what_is_public_already(checkpoint, monkeypatch):
    fake = FakeHub(private=False)
    monkeypatch.setattr(hub, "HfApi", fake)
    with pytest.raises(UserError, match="a private repository expected, found a public one; nothing was uploaded"):
        export(checkpoint, "--hub", "me/my-cpllm")
    assert [kind for kind, *_ in fake.asked] == ["create"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (LocalTokenNotFoundError("no token"), "a login expected, found none\n  what to do: `hf auth login`"),
        (ConnectionError("no route"), "the hub cannot be reached: no route\n  what to do: try again with a network"),
    ],
)
def test_without_login_or_network_nothing_is_done(checkpoint, monkeypatch, error, said):
    monkeypatch.setattr(hub, "HfApi", FakeHub(error=error))
    with pytest.raises(UserError) as caught:
        export(checkpoint, "--hub", "me/my-cpllm")
    assert f"--hub me/my-cpllm: {said}" in str(caught.value)
    assert not (checkpoint.parent / "out").exists()
    with pytest.raises(ArgumentError, match="--hub: expected a name such as owner/model, found 'a b'"):
        export(checkpoint, "--hub", "a b")


def test_a_full_disk_leaves_nothing(checkpoint, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.shutil, "copyfile", full)
    with pytest.raises(DataError, match="out: cannot be written: No space left on device"):
        export(checkpoint)
    assert [path.name for path in checkpoint.parent.iterdir()] == ["trained"]


def test_the_folder_loads_without_remote_code_and_gives_the_same_score(tmp_path):
    trained = tiny_cpllm(tmp_path / "parts", pixel="videoprism")
    out = tmp_path / "published"
    assert main(["export", str(trained), "--out", str(out)]) == 0
    clip = write_clip(tmp_path / "clip.mp4", width=96, height=80, content="texture")
    qualities = [_quality(folder, clip) for folder in (trained, out)]
    assert qualities[0] == qualities[1]
    assert not list(out.rglob("*.py")), "there is no code to be trusted"


def _quality(folder: Path, clip: Path) -> float:
    model = AutoModelForImageTextToText.from_pretrained(folder, trust_remote_code=False).eval()
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=False)
    question = [{"type": "video"}, {"type": "text", "text": "Rate the quality of this video."}]
    prompt = processor.render([{"role": "user", "content": question}], processor.answer_prefix)
    with torch.inference_mode():
        return float(model.score(**processor(text=[prompt], videos=[clip])).quality)


def test_a_checkpoint_of_the_recipe_tiny_is_exported_too(tmp_path):
    embedded = embedded_checkpoint()
    assert main(["export", embedded, "--out", str(tmp_path / "published")]) == 0
    said = (tmp_path / "published" / "README.md").read_text()
    record = json.loads((Path(embedded) / "training.json").read_text())["stages"][-1]
    scores = record["validation"].values()
    assert f"synthetic ({record['examples']['synthetic train']})" in said
    assert f"{sum(scores) / len(scores):.3f}" in said
    assert [path.name for path in tmp_path.iterdir()] == ["published"]
