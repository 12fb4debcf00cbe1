"""The sealed test: what is in it, and the table of several checkpoints."""

import json
from types import SimpleNamespace

import pytest
from tiny_training import example

from lmms_cpllm.errors import DataError
from lmms_cpllm.synthesis.facts import Facts
from lmms_cpllm.training import sealed
from lmms_cpllm.training.evaluation import Figure
from lmms_cpllm.training.recipe import Recipe
from lmms_cpllm.training.sealed import run_tests, table, write


def test_clips_of_contents_and_photographs_still_and_moving():
    known = [
        example(0, split="test"),
        example(1, split="train"),
        example(2, split="test", source="still", facts=Facts(50.0)),
        example(3, split="test", source="human", facts=Facts(50.0)),
        example(4, split="validation"),
    ]
    assert sealed.test_examples(known) == [known[0], known[2], known[3]]


def figures(value):
    return [Figure("SRCC", value, value - 0.1, value + 0.1, 20, 4), Figure("F1", 1 - value, 0.0, 1.0, 9, 4)]


def test_the_table_shows_the_median_checkpoint_and_all_values():
    assert table({"a": figures(0.7), "b": figures(0.9), "c": figures(0.8)}) == [
        "SRCC: 0.800 [0.700, 0.900], n = 20, 4 contents (0.700, 0.900, 0.800)",
        "F1: 0.200 [0.000, 1.000], n = 9, 4 contents (0.300, 0.100, 0.200)",
    ]
    assert table({"a": figures(0.7)})[0] == "SRCC: 0.700 [0.600, 0.800], n = 20, 4 contents"


def test_the_figures_as_json(tmp_path):
    write({"a": figures(0.5)}, tmp_path / "f.json")
    found = json.loads((tmp_path / "f.json").read_text())
    assert found["a"][0] == {"name": "SRCC", "value": 0.5, "low": 0.4, "high": 0.6, "count": 20, "contents": 4}


@pytest.mark.parametrize("sources", [(), ("still",)])
def test_without_a_content_of_the_test_there_is_no_test(monkeypatch, tmp_path, sources):
    left = [example(1)] + [example(2, split="test", source=s, facts=Facts(50.0)) for s in sources]
    monkeypatch.setattr(sealed, "make_corpus", lambda *args, parts: SimpleNamespace(examples=left))
    with pytest.raises(DataError, match=r"media: none of its contents is of the sealed test"):
        run_tests(Recipe(), ["ckpt"], tmp_path / "media", tmp_path, tmp_path)
