"""Models of lmms-eval that need no weights: what the first token says of a video is written in its document."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from lmms_eval.api.instance import GenerationResult
from lmms_eval.api.model import lmms

VOCABULARY = [*"efgpb", "other"]


class Letters:
    """A tokenizer by first letters."""

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        return [VOCABULARY.index(letter) for letter in text.strip().lower() if letter in VOCABULARY]


class ToyModel:
    """`generate` as transformers has it: ids and logits of one answer."""

    def __init__(self) -> None:
        self.options: list[dict] = []

    def generate(self, logits: torch.Tensor, **options) -> object:
        self.options.append(options)
        sequences = torch.tensor([[0, int(logits.argmax())]])
        return SimpleNamespace(sequences=sequences, logits=(logits[None],)) if "output_logits" in options else sequences


class Toy(lmms):
    """A chat model. It changes its generation arguments and stops at documents with `fails`, as real ones do."""

    is_simple = False

    def __init__(self, batch_size: int = 1, device: str = "cpu", pretrained: str = "toy", fails: str = "") -> None:
        super().__init__()
        assert batch_size == 1
        self.model, self.tokenizer, self.fails, self.cleaned = ToyModel(), Letters(), fails, False

    def generate_until(self, requests: list) -> list:
        assert self.rank != 0, "no progress bar for each request"
        answers = []
        for request in requests:
            _, _, options, doc_id, task, split = request.args
            document = self.task_dict[task][split][doc_id]
            options["image_sizes"] = []
            if self.fails == "raise":
                raise OSError("cannot be decoded")
            if self.fails == "silent" or document.get("broken"):
                answers.append("")
                continue
            ids = self.model.generate(document["logits"], max_new_tokens=options["max_new_tokens"])
            answers.append(GenerationResult(VOCABULARY[int(ids[0, -1])]))
        return answers

    def loglikelihood(self, requests: list):
        raise NotImplementedError

    def generate_until_multi_round(self, requests: list):
        raise NotImplementedError

    def clean(self) -> None:
        self.cleaned = True


class NoModel(Toy):
    """As an API model: nothing to read logits from."""

    def __init__(self, **arguments) -> None:
        super().__init__(**arguments)
        self.model = None


class NoTokenizer(Toy):
    def __init__(self, **arguments) -> None:
        super().__init__(**arguments)
        self.tokenizer = None


class TextOnly(Toy):
    """Answers without `model.generate`."""

    def generate_until(self, requests: list) -> list:
        return ["good" for _ in requests]
