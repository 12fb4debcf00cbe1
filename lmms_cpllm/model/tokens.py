"""Tokens that a CP-LLM needs of its decoder: placeholders, and five rating words and two choices of one token each."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from lmms_cpllm.model.processing_cpllm import (
    ANSWER_PREFIX,
    CHOICE_WORDS,
    COMPARE_PREFIX,
    CONTEXT_TOKEN,
    PIXEL_TOKEN,
    RATING_WORDS,
    VIDEO_TOKEN,
)

# Decoders' own templates want text; this first part of every template turns a list of parts into text, a marker for each
# video or image.
_FLATTEN = (
    "{%- set flat = namespace(messages=[]) -%}"
    "{%- for message in messages -%}"
    "{%- set text = namespace(value='') -%}"
    "{%- if message['content'] is string -%}{%- set text.value = message['content'] -%}"
    "{%- else -%}{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'text' -%}{%- set text.value = text.value + part['text'] -%}"
    "{%- else -%}{%- set text.value = text.value + '" + VIDEO_TOKEN + "\n' -%}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}"
    "{%- set flat.messages = flat.messages + [{'role': message['role'], 'content': text.value}] -%}"
    "{%- endfor -%}"
    "{%- set messages = flat.messages -%}"
)
# ChatML, for decoders that bring no template.
_CHATML = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
)


def chat_template(tokenizer: PreTrainedTokenizerBase) -> str:
    """The decoder's own chat template, or ChatML, for messages that hold videos and images."""
    return _FLATTEN + (tokenizer.chat_template or _CHATML)


def single_token_ids(tokenizer: PreTrainedTokenizerBase, prefix: str, words: Sequence[str]) -> list[int] | None:
    """Ids of words that follow a prefix, if each is exactly one token and no two are the same; else None."""
    start = tokenizer.encode(prefix, add_special_tokens=False)
    ids = []
    for word in words:
        whole = tokenizer.encode(prefix + word, add_special_tokens=False)
        if whole[:-1] != start:
            return None
        ids.append(whole[-1])
    return ids if len(set(ids)) == len(words) else None


def require_tokens(tokenizer: PreTrainedTokenizerBase, prefix: str, words: Sequence[str]) -> list[int]:
    """Ids of words that follow a prefix; words the vocabulary splits are added to it as tokens of their own.

    Raises:
        ValueError: even an added word is not one token behind the prefix.
    """
    ids = single_token_ids(tokenizer, prefix, words)
    if ids is None:
        tokenizer.add_tokens(list(words))
        ids = single_token_ids(tokenizer, prefix, words)
    if ids is None:
        pieces = {word: tokenizer.tokenize(prefix + word)[-3:] for word in words}
        raise ValueError(f"expected one distinct token for each of {list(words)} behind {prefix!r}, found {pieces}")
    return ids


def prepare_tokenizer(tokenizer: PreTrainedTokenizerBase) -> dict[str, int | list[int]]:
    """Adds what is missing to a tokenizer, in place, and gives the ids that the model's configuration holds."""
    tokenizer.add_special_tokens({"additional_special_tokens": [VIDEO_TOKEN, CONTEXT_TOKEN, PIXEL_TOKEN]})
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return {
        "context_token_id": tokenizer.convert_tokens_to_ids(CONTEXT_TOKEN),
        "pixel_token_id": tokenizer.convert_tokens_to_ids(PIXEL_TOKEN),
        "rating_token_ids": require_tokens(tokenizer, ANSWER_PREFIX, RATING_WORDS),
        "choice_token_ids": require_tokens(tokenizer, COMPARE_PREFIX, CHOICE_WORDS),
    }
