"""From the logits of one token to the shares of the five levels."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from lmms_cpllm.errors import UserError
from lmms_cpllm.harness.capture import first_logits
from lmms_cpllm.harness.first_token import level_tokens, shares_of
from lmms_cpllm.ratings import LEVELS

ONE_EACH = {level: (index,) for index, level in enumerate(LEVELS)}


class Pieces:
    """A tokenizer that knows some pieces and takes the longest that fits; id = place in the list."""

    unk_token_id = 0

    def __init__(self, *pieces: str) -> None:
        self.pieces = ["<unk>", *pieces]

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        assert not add_special_tokens
        ids = []
        while text:
            fitting = [piece for piece in self.pieces[1:] if text.startswith(piece)]
            piece = max(fitting, key=len, default="")
            ids.append(self.pieces.index(piece) if piece else 0)
            text = text[len(piece) or 1 :]
        return ids


class TestLevelTokens:
    def test_forms_and_first_pieces(self) -> None:
        tokenizer = Pieces(
            " excellent", "ex", "cellent", " good", "good", "Good", " fair", "fair", "po", "or", " bad", "b"
        )
        tokens = level_tokens(tokenizer)
        assert {level: [tokenizer.pieces[i] for i in ids] for level, ids in tokens.items()} == {
            "excellent": [" excellent", "ex"],
            "good": [" good", "good", "Good"],
            "fair": [" fair", "fair"],
            "poor": ["po"],
            "bad": [" bad", "b"],
        }

    def test_what_begins_two_levels_is_left_out(self) -> None:
        tokenizer = Pieces(" ", *"abcdefghijklmnopqrstuvwxyzEGFPB")
        tokens = level_tokens(tokenizer)
        assert {level: "".join(tokenizer.pieces[i] for i in ids) for level, ids in tokens.items()} == {
            "excellent": "eE",
            "good": "gG",
            "fair": "fF",
            "poor": "pP",
            "bad": "bB",
        }

    def test_a_tokenizer_that_cannot_tell_them_apart(self) -> None:
        with pytest.raises(UserError) as error:
            level_tokens(Pieces("excellent", "good", "fair"))
        assert str(error.value) == (
            "vqa_levels: the tokenizer (Pieces): expected a first token of its own for each of excellent, good, fair, "
            "poor, bad, found none for poor, bad\n"
            "  what to do: run this model by its own name; its answers are then read as text"
        )


class TestShares:
    def test_a_softmax_over_the_words_and_their_mass(self) -> None:
        logits = torch.tensor([0.3, -1.0, 2.0, 0.5, -0.7, 1.5, 0.1])
        shares = shares_of(logits, ONE_EACH)
        expected = torch.softmax(logits[:5].double(), 0).tolist()
        assert shares.distribution == pytest.approx(expected, abs=1e-15)
        assert shares.mass == pytest.approx(float(torch.softmax(logits.double(), 0)[:5].sum()), abs=1e-15)

    def test_forms_of_a_word_add_up(self) -> None:
        tokens = {**ONE_EACH, "good": (1, 5)}
        shares = shares_of(torch.zeros(6), tokens)
        assert shares.distribution == pytest.approx([1 / 6, 2 / 6, 1 / 6, 1 / 6, 1 / 6])
        assert shares.mass == pytest.approx(1)

    def test_words_that_are_unlikely_by_far_keep_their_order(self) -> None:
        logits = torch.tensor([-990.0, -991.0, -992.0, -993.0, -994.0, 0.0])
        shares = shares_of(logits, ONE_EACH)
        assert shares.mass == 0
        assert shares.distribution == pytest.approx(torch.softmax(-torch.arange(5.0).double(), 0).tolist())

    def test_low_precision_and_masked_words(self) -> None:
        logits = torch.tensor([1.0, -math.inf, 0.0, 0.0, 0.0], dtype=torch.bfloat16)
        shares = shares_of(logits, ONE_EACH)
        assert shares.distribution[1] == 0
        assert sum(shares.distribution) == pytest.approx(1, abs=1e-15)

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_no_finite_logits(self, value: float) -> None:
        with pytest.raises(
            UserError, match=r"expected finite logits for the words excellent, good, fair, poor, bad, found"
        ):
            shares_of(torch.full((7,), value), ONE_EACH)

    def test_another_vocabulary(self) -> None:
        with pytest.raises(UserError) as error:
            shares_of(torch.zeros(4), ONE_EACH)
        assert str(error.value) == (
            "vqa_levels: expected logits for a vocabulary of more than 4 tokens, found shape (4,); the tokenizer is "
            "not that of the model"
        )


class TestFirstLogits:
    def test_one_token_is_made_and_the_model_is_as_before(self) -> None:
        asked = []

        class Model:
            def generate(self, ids, **options):
                asked.append(options)
                return (
                    SimpleNamespace(sequences=[*ids, 7], logits=("step",)) if options.get("output_logits") else "plain"
                )

        model = Model()
        with first_logits(model) as captured:
            assert model.generate([1, 2], max_new_tokens=128, temperature=0.5, use_cache=True) == [1, 2, 7]
        assert captured == ["step"]
        assert (asked[0]["max_new_tokens"], asked[0]["do_sample"], asked[0]["use_cache"]) == (1, False, True)
        assert model.generate([1], max_new_tokens=9) == "plain"
        assert asked[1] == {"max_new_tokens": 9}
        assert "generate" not in vars(model)

    def test_a_generate_that_is_not_that_of_transformers(self) -> None:
        model = SimpleNamespace(generate=lambda *args, **options: "text")
        original = model.generate
        with pytest.raises(UserError) as error, first_logits(model):
            model.generate("prompt")
        assert str(error.value) == (
            "vqa_levels: SimpleNamespace.generate: expected sequences and logits, as transformers gives them for "
            "output_logits=True, found str\n"
            "  what to do: run this model by its own name; its answers are then read as text"
        )
        assert model.generate is original
