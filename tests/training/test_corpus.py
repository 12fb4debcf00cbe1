"""The parts of the corpus: who is in which, what a row holds, what is made again."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from tiny_training import picture, save_picture

from lmms_cpllm.synthesis.distortions import FAMILIES
from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.training import corpus, scenery
from lmms_cpllm.training.contents import Content
from lmms_cpllm.training.corpus import make_clean_part, make_human_part, make_test_part, scene_facts, write_json
from lmms_cpllm.training.draws import UNSEEN_CODECS
from lmms_cpllm.training.human import Scored
from lmms_cpllm.training.labelling import example_of_clip
from lmms_cpllm.training.rendering import Measured

FEATURES = {"vmaf": 70.0, "aim": 0.1, "chroma_error": 1.0}
DRAW = {"scenes": 2, "codecs": 2, "others": 3, "chains": 2}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Threads instead of processes, short scenes, and files of a few bytes instead of videos; gives what was rendered."""
    rendered = []

    def render(frames, chain, fps, path):
        rendered.append((path.name, tuple(chain), len(frames), fps))
        path.write_bytes(b"clip" * 100)
        return Measured(tuple(FEATURES for _ in chain), dict(FEATURES) if chain else {})

    monkeypatch.setattr(corpus, "ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.setattr(corpus, "render_chain", render)
    monkeypatch.setattr(corpus, "subject_of", lambda frame: "plants")
    monkeypatch.setattr(corpus, "FRAMES", 4)
    monkeypatch.setattr(scenery, "FRAMES", 4)
    return rendered


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contents")
    sides = {"ant": "train", "bee": "validation", "cat": "test", "dog": "test"}
    return [
        Content(name, save_picture(folder / f"{name}.png", picture(seed)), False, side)
        for seed, (name, side) in enumerate(sides.items())
    ]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    return [
        Scored(f"p{n}", save_picture(folder / f"p{n}.png", picture(n, 100, 140)), 2.0 + n / 20, "s", f"s-{n % 7}", side)
        for n, side in enumerate(["train", "validation", "test"] * 10)
    ]


def clean_part(contents, folder, seed=0):
    return make_clean_part(contents, folder, seed=seed, workers=1, **DRAW)


def families(rows):
    return {link["family"] for row in rows for link in row["chain"]}


def test_clips_of_the_training_and_validation_contents(contents, tmp_path, quick):
    rows = clean_part(contents, tmp_path)
    assert {row["content"] for row in rows} == {"ant", "bee"}
    assert {(row["content"], row["split"]) for row in rows} == {("ant", "train"), ("bee", "validation")}
    assert len(rows) == 2 * 2 * (1 + 2 + 3 + 2)
    assert {row["scene"] for row in rows} == {"ant-0", "ant-1", "bee-0", "bee-1"}
    assert len({row["file"] for row in rows}) == len(rows) == len(quick)
    assert not families(rows) & set(UNSEEN_CODECS)
    for row in rows:
        assert (tmp_path / row["file"]).read_bytes()
        assert row["path"] == str(tmp_path / row["file"])
        last = row["chain"][-1]["family"] if row["chain"] else "h264"
        assert row["file"].endswith(CODECS[last].container if last in CODECS else "mp4")
        assert len(row["links"]) == len(row["chain"])
        assert row["acr"] is None
        assert 0 < row["bits_per_pixel"] < 1
        example_of_clip(row)  # it can be labelled
    clean = [row for row in rows if not row["chain"]]
    assert len(clean) == 4
    assert all(row["whole"] == {} for row in clean)


def test_the_same_seed_draws_the_same_whatever_else_there_is(contents, tmp_path):
    def plain(rows):
        return [{key: value for key, value in row.items() if key != "path"} for row in rows]

    both, one = clean_part(contents, tmp_path / "a"), clean_part(contents[:1], tmp_path / "b")
    assert plain(one) == [row for row in plain(both) if row["content"] == "ant"]
    assert plain(clean_part(contents[:1], tmp_path / "c", seed=1)) != plain(one)


def test_finished_contents_are_kept(contents, tmp_path, quick):
    first = clean_part(contents, tmp_path)
    count = len(quick)
    assert clean_part(contents, tmp_path) == first
    assert len(quick) == count
    (tmp_path / "bee.json").unlink()
    assert clean_part(contents, tmp_path) == first
    assert len(quick) == count + count // 2
    assert sorted(p.name for p in tmp_path.glob("*.json*")) == ["ant.json", "bee.json"]


def test_the_sealed_test_is_of_its_contents_and_the_only_place_of_unseen_codecs(contents, tmp_path):
    rows = make_test_part(contents, tmp_path, seed=0, workers=1)
    assert {(row["content"], row["split"], row["acr"]) for row in rows} == {
        ("cat", "test", None),
        ("dog", "test", None),
    }
    assert set(UNSEEN_CODECS) <= families(rows)
    for content in ("cat", "dog"):
        own = [row for row in rows if row["content"] == content]
        assert len({row["scene"] for row in own}) == 1
        assert sum(not row["chain"] for row in own) == 1
        single = [row["chain"][0] for row in own if len(row["chain"]) == 1]
        steps = {
            name: [link["strength"] for link in links]
            for name, links in itertools.groupby(single, lambda x: x["family"])
        }
        assert len(steps) == 2 + 2 + 3  # seen codecs, unseen codecs, other distortions
        assert all(a < b for ladder in steps.values() for a, b in itertools.pairwise(ladder))
        assert all(len(ladder) == (4 if name in CODECS else 3) for name, ladder in steps.items())
        chains = [row["chain"] for row in own if len(row["chain"]) > 1]
        assert len(chains) == 3
        assert not {link["family"] for chain in chains for link in chain} & set(UNSEEN_CODECS)


def test_a_small_test_has_something_of_everything(contents, tmp_path):
    rows = make_test_part(contents[3:], tmp_path, seed=0, workers=1, small=True)
    assert len(rows) == 1 + 2 * (1 + 1 + 1)
    found = families(rows)
    assert len(found & set(UNSEEN_CODECS)) == len(found & set(FAMILIES)) == 1


def test_clips_of_scored_photographs(photographs, tmp_path, quick):
    rows = make_human_part(photographs, tmp_path, seed=0, clips=20, workers=1)
    assert len(rows) == len(quick) == 20
    known = {photo.name: photo for photo in photographs}
    for row in rows:
        photo = known[row["scene"]]
        assert (row["acr"], row["split"], row["content"]) == (photo.acr, photo.split, photo.content)
        assert row["facts"]["overlay"] == ""
        assert 0 < example_of_clip(row).quality <= 25 * (photo.acr - 1) + 1e-6
    assert len({row["scene"] for row in rows}) == 20
    assert 0 < sum(not row["chain"] for row in rows) < 12  # some are moved only
    assert not families(rows) & set(UNSEEN_CODECS)


def test_every_photograph_once_where_more_are_asked_for(photographs, tmp_path):
    rows = make_human_part(photographs, tmp_path, seed=0, clips=1000, workers=1)
    assert [row["scene"] for row in rows] == [photo.name for photo in photographs]


def test_a_failure_names_its_reason_and_keeps_what_is_done(contents, tmp_path, monkeypatch):
    broken = [contents[0], replace(contents[1], path=contents[1].path.with_name("gone.png"))]
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        clean_part(broken, tmp_path)
    assert (tmp_path / "ant.json").is_file()
    assert not (tmp_path / "bee.json").exists()


def test_facts_of_a_scene():
    frames = [picture(0, 120, 160)] * 3
    found = scene_facts(frames, 25.0)
    assert found == {"subject": "plants", "light": "normal", "texture": found["texture"], "motion": "still"}
    assert found["texture"] in ("flat", "textured", "busy")
    dark = scene_facts([frame // 8 for frame in frames], 25.0)
    assert dark["light"] == "dark"


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
