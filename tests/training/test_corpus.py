"""The parts of the corpus: who is in which, what a row holds, what is made again."""

import itertools
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_training import picture, save_picture

from lmms_cpllm.synthesis.distortions import FAMILIES
from lmms_cpllm.synthesis.encode import CODECS
from lmms_cpllm.training import corpus, scenery
from lmms_cpllm.training.contents import Content
from lmms_cpllm.training.corpus import (
    make_clean_part,
    make_human_part,
    make_moving_part,
    make_test_part,
    scene_facts,
    write_json,
)
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
    monkeypatch.setattr(corpus, "_PHOTOGRAPH_FRAMES", 4)
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
        Scored(path.stem, path, round(1.95 + n / 20, 2), "s", f"s-{n % 7}", side)
        for n, side in enumerate(["train", "validation", "test"] * 10)
        for path in [save_picture(folder / f"p{n}.png", picture(n, 100, 140))]
    ]


def clean_part(contents, folder, seed=0):
    return make_clean_part(contents, folder, seed=seed, workers=1, **DRAW)


def human_part(photographs, folder, clips=3, seed=0):
    return make_human_part(photographs, folder, seed=seed, clips=clips, workers=1)


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
        path = Path(row["path"])
        assert path.read_bytes()
        assert (path.parent.parent, path.name) == (tmp_path, row["file"])
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
    [table] = tmp_path.glob("bee-*/clips.json")
    table.unlink()
    assert clean_part(contents, tmp_path) == first
    assert len(quick) == count + count // 2
    assert [p.name[:4] for p in sorted(tmp_path.iterdir())] == ["ant-", "bee-"]
    moved = [replace(content, path=Path("elsewhere", content.path.name)) for content in contents]
    assert clean_part(moved, tmp_path) == first


def test_clips_of_other_draws_lie_beside_the_old_ones(contents, tmp_path):
    def fewer(*args):
        return make_clean_part(*args, seed=0, workers=1, **DRAW | {"chains": 1})

    first = clean_part(contents[:1], tmp_path)
    others = [clean_part(contents[:1], tmp_path, seed=1), fewer(contents[:1], tmp_path)]
    folders = [{Path(row["path"]).parent for row in rows} for rows in (first, *others)]
    assert [len(folder) for folder in folders] == [1, 1, 1]
    assert len(set.union(*folders)) == 3
    assert clean_part(contents[:1], tmp_path) == first
    assert all(Path(row["path"]).is_file() for row in first)


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
    rows = human_part(photographs, tmp_path, clips=5)
    known = {photo.name: photo for photo in photographs if photo.split != "test"}
    # Several of those of the training side that are fair or better, one of each for validation.
    known = {name: photo for name, photo in known.items() if photo.split == "validation" or photo.acr >= 3}
    wanted = {name: 5 if photo.split == "train" else 1 for name, photo in known.items()}
    assert Counter(row["scene"] for row in rows) == wanted
    assert list(wanted.values()).count(5) == 3
    assert len({row["path"] for row in rows}) == len(rows) == len(quick)
    for row in rows:
        photo = known[row["scene"]]
        assert (row["acr"], row["split"], row["content"]) == (photo.acr, photo.split, photo.content)
        assert row["facts"]["overlay"] == ""
        assert 0 < example_of_clip(row).quality <= 25 * (photo.acr - 1) + 1e-6
    assert all(row["chain"] for row in rows)
    assert not families(rows) & set(UNSEEN_CODECS)


def test_every_scored_photograph_moves_once_and_keeps_its_score(photographs, tmp_path):
    rows = make_moving_part(photographs, tmp_path, seed=0, workers=1)
    assert sorted(row["scene"] for row in rows) == sorted(photo.name for photo in photographs)
    known = {photo.name: photo for photo in photographs}
    for row in rows:
        photo = known[row["scene"]]
        assert (row["acr"], row["split"], row["content"], row["chain"]) == (photo.acr, photo.split, photo.content, [])
        found = example_of_clip(row)
        assert found.source == "human"
        assert found.quality == pytest.approx(25 * (photo.acr - 1))
        # What is wrong with a photograph that is not faultless is not known.
        assert found.facts.impairments is None or photo.acr >= 4


def test_a_photograph_moves_in_the_same_way_with_and_without_a_distortion(photographs, tmp_path, monkeypatch):
    seen, render = [], corpus.render_chain

    def note(frames, chain, fps, path):
        seen.append((np.stack(frames), fps))
        return render(frames, chain, fps, path)

    monkeypatch.setattr(corpus, "render_chain", note)
    [fair] = [photo for photo in photographs if photo.name == "p27"]
    human_part([fair], tmp_path / "human", clips=2)
    make_moving_part([fair], tmp_path / "moving", seed=0, workers=1)
    assert len(seen) == 3
    for frames, fps in seen[1:]:
        assert fps == seen[0][1]
        np.testing.assert_array_equal(frames, seen[0][0])


def chains_of_the_best(photographs, folder, clips):
    """Of each photograph that is made into more than one clip."""
    rows = human_part(photographs, folder, clips)
    chains = [[row["chain"] for row in rows if row["scene"] == photo.name] for photo in photographs]
    return [found for found in chains if len(found) > 1]


def test_of_three_clips_two_differ_in_the_strength_of_one_distortion_alone(photographs, tmp_path):
    def is_ladder(first, second):
        [plain, other] = [[link | {"strength": 0} for link in chain] for chain in (first, second)]
        return len(plain) == 1 and plain == other and first[0]["strength"] < second[0]["strength"]

    for chains in chains_of_the_best(photographs, tmp_path, 3):
        assert len(chains) == 3
        assert is_ladder(*chains[:2])
    assert not any(is_ladder(*chains) for chains in chains_of_the_best(photographs, tmp_path, 2))


def test_a_photograph_more_leaves_the_clips_of_the_others(photographs, tmp_path, quick):
    before = human_part(photographs[:-2], tmp_path)
    count = len(quick)
    after = human_part(photographs, tmp_path)  # one for validation and one of the test
    assert [row for row in after if row["scene"] != "p28"] == before
    assert [name for name, *_ in quick[count:]] == [row["file"] for row in after if row["scene"] == "p28"]


def test_clips_of_a_photograph_with_another_score_are_made_anew(photographs, tmp_path):
    [old] = human_part(photographs[1:2], tmp_path)
    [new] = human_part([replace(photographs[1], acr=2.5)], tmp_path)
    assert (old["acr"], new["acr"]) == (2.0, 2.5)
    assert Path(old["path"]).parent != Path(new["path"]).parent


def test_a_failure_names_its_reason_and_keeps_what_is_done(contents, tmp_path, monkeypatch):
    broken = [contents[0], replace(contents[1], path=contents[1].path.with_name("gone.png"))]
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        clean_part(broken, tmp_path)
    assert [p.parent.name[:4] for p in tmp_path.glob("*/clips.json*")] == ["ant-"]


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
