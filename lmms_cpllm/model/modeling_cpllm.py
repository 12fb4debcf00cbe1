"""CP-LLM in PyTorch: a context tower, a pixel tower and a language decoder that reads both (arXiv 2505.16025)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from transformers import AutoModel, GenerationMixin, LogitsProcessor, LogitsProcessorList, PreTrainedModel
from transformers.activations import ACT2FN
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast, ModelOutput

from lmms_cpllm.model.configuration_cpllm import CPLLMConfig
from lmms_cpllm.model.towers import Projector, build_tower, compare_runs, feature_maps, pool, tower_channels
from lmms_cpllm.ratings import LEVELS, WEIGHTS

IGNORED_LABEL = -100


@dataclass
class RatingOutput(ModelOutput):
    """
    Attributes:
        distribution: `(B, 5)` float32, probability of each rating, best first; rows sum to 1.
        quality: `(B,)` float32, 0 (bad) to 100 (excellent).
    """

    distribution: torch.Tensor | None = None
    quality: torch.Tensor | None = None


@dataclass
class DescriptionOutput(RatingOutput):
    """
    Attributes:
        sequences: `(B, L)` generated token ids; the first one is the rating nearest to `quality`.
    """

    sequences: torch.LongTensor | None = None


class CPLLMPreTrainedModel(PreTrainedModel):
    config_class = CPLLMConfig
    base_model_prefix = "model"
    main_input_name = "input_ids"
    input_modalities = ("video", "image", "text")
    supports_gradient_checkpointing = True
    _skip_keys_device_placement = ["past_key_values", "cache"]  # noqa: RUF012 - read by transformers
    _supports_flash_attn = True
    _supports_sdpa = True
    _supports_flex_attn = True
    _supports_attention_backend = True


def _pieces(values: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Key frames or moments of a video, on a CPU one by one: what a core works on stays in its cache.

    Not while gradients are kept: then all activations stay anyway, and training costs the same memory everywhere.
    """
    return values.split(1) if values.device.type == "cpu" and not torch.is_grad_enabled() else (values,)


class CPLLMModel(CPLLMPreTrainedModel):
    """The towers, their projectors and the decoder, without a head."""

    def __init__(self, config: CPLLMConfig) -> None:
        super().__init__(config)
        width = config.text_config.hidden_size
        hidden = config.projector_hidden_size or width
        self.context_tower = build_tower(config.context_config)
        self.pixel_tower = build_tower(config.pixel_config)
        self.context_projector = Projector(
            sum(tower_channels(self.context_tower)) * len(config.context_statistics),
            hidden,
            width,
            ACT2FN[config.projector_hidden_act],
        )
        self.pixel_projector = Projector(
            sum(tower_channels(self.pixel_tower)) * len(config.pixel_statistics),
            hidden,
            width,
            ACT2FN[config.projector_hidden_act],
        )
        self.language_model = AutoModel.from_config(config.text_config)
        self.ablated: str | None = None
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        return self.language_model.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.language_model.set_input_embeddings(value)

    def encode_context(self, context_values: torch.Tensor) -> torch.Tensor:
        """Pooled features of the context tower; zeros, and the tower is not run, while it is ablated.

        Args:
            context_values: `(V, M, 3, h, w)`, M normalised key frames of V videos.

        Returns:
            `(V, M * context_grid ** 2, features)` float32.
        """
        if self.ablated == "context":
            videos, frames = context_values.shape[:2]
            tokens = frames * self.config.context_grid**2
            return torch.zeros(
                videos, tokens, self.context_projector.linear_1.in_features, device=context_values.device
            )
        # One video at a time: what a video's features are must not depend on its neighbours in the batch.
        return torch.stack([self._pool_context(frames) for frames in context_values.to(self.dtype)])

    def _pool_context(self, frames: torch.Tensor) -> torch.Tensor:
        grid, statistics = self.config.context_grid, self.config.context_statistics
        maps = (feature_maps(self.context_tower, part.unsqueeze(1)) for part in _pieces(frames))
        return torch.cat([pool(stages, grid, statistics) for stages in maps]).flatten(0, 1)

    def encode_pixels(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Pooled features of the pixel tower; zeros, and the tower is not run, while it is ablated.

        Args:
            pixel_values: `(V, K, G, R, 3, c, c)`, R consecutive normalised frames of G crops at K moments of V videos.

        Returns:
            `(V, K * G * pixel_grid ** 2, features)` float32.
        """
        if self.ablated == "pixel":
            videos, moments, crops = pixel_values.shape[:3]
            tokens = moments * crops * self.config.pixel_grid**2
            return torch.zeros(videos, tokens, self.pixel_projector.linear_1.in_features, device=pixel_values.device)
        return self.compare_moments(torch.stack([self._pool_pixels(crops) for crops in pixel_values.to(self.dtype)]))

    def compare_moments(self, pixel_features: torch.Tensor) -> torch.Tensor:
        """Puts the statistics that need all moments of a video in their places: moments that were encoded apart know of
        themselves alone.

        Args:
            pixel_features: `(V, tokens, features)` from one or several calls of `encode_pixels`.
        """
        if self.ablated == "pixel":
            return pixel_features
        return compare_runs(pixel_features, tower_channels(self.pixel_tower), self.config.pixel_statistics)

    def _pool_pixels(self, moments: torch.Tensor) -> torch.Tensor:
        grid, statistics = self.config.pixel_grid, self.config.pixel_statistics
        maps = (feature_maps(self.pixel_tower, part.flatten(0, 1)) for part in _pieces(moments))
        return torch.cat([pool(stages, grid, statistics) for stages in maps]).flatten(0, 1)

    def project_context(self, context_features: torch.Tensor) -> torch.Tensor:
        """`(V, tokens, features)` to `(V, tokens, decoder width)`; zeros while the context tower is ablated."""
        projected = self.context_projector(context_features)
        return torch.zeros_like(projected) if self.ablated == "context" else projected

    def project_pixels(self, pixel_features: torch.Tensor) -> torch.Tensor:
        """`(V, tokens, features)` to `(V, tokens, decoder width)`; zeros while the pixel tower is ablated."""
        projected = self.pixel_projector(pixel_features)
        return torch.zeros_like(projected) if self.ablated == "pixel" else projected

    def merge(
        self, input_ids: torch.Tensor, inputs_embeds: torch.Tensor, features: torch.Tensor, kind: str
    ) -> torch.Tensor:
        """Puts features in the place of their placeholder tokens.

        Args:
            input_ids: `(B, L)`.
            inputs_embeds: `(B, L, width)`.
            features: `(V, tokens, width)`, in the order of the videos in the batch.
            kind: `context` or `pixel`.

        Raises:
            ValueError: the numbers of placeholders and features differ.
        """
        token_id = self.config.context_token_id if kind == "context" else self.config.pixel_token_id
        mask = input_ids == token_id
        placeholders, found = int(mask.sum()), features.shape[0] * features.shape[1]
        if placeholders != found:
            raise ValueError(
                f"{kind} placeholders and features differ in number: {placeholders} tokens, {found} features"
            )
        features = features.to(inputs_embeds.device, inputs_embeds.dtype)
        return inputs_embeds.masked_scatter(mask.unsqueeze(-1).to(inputs_embeds.device), features)

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.LongTensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        context_values: torch.Tensor | None = None,
        pixel_values: torch.Tensor | None = None,
        context_features: torch.Tensor | None = None,
        pixel_features: torch.Tensor | None = None,
        **kwargs,
    ) -> BaseModelOutputWithPast:
        """Reads text and videos.

        Args:
            input_ids: `(B, L)` with placeholders.
            attention_mask: `(B, L)`, 1 for tokens and 0 for padding.
            position_ids: `(B, L)`; made from the mask if None, so that padding moves nothing.
            inputs_embeds: `(B, L, width)` instead of `input_ids`.
            context_values: `(V, M, 3, h, w)`.
            pixel_values: `(V, K, G, R, 3, c, c)`.
            context_features: `(V, tokens, features)` from `encode_context`, instead of `context_values`.
            pixel_features: `(V, tokens, features)` from `encode_pixels`, instead of `pixel_values`.
            **kwargs: for the decoder, the cache of what was read before among them (`past_key_values`, since transformers
                5.24 `cache`).
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("exactly one of input_ids and inputs_embeds is needed")
        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)
            if context_values is not None:
                context_features = self.encode_context(context_values)
            if pixel_values is not None:
                pixel_features = self.encode_pixels(pixel_values)
            if context_features is not None:
                inputs_embeds = self.merge(input_ids, inputs_embeds, self.project_context(context_features), "context")
            if pixel_features is not None:
                inputs_embeds = self.merge(input_ids, inputs_embeds, self.project_pixels(pixel_features), "pixel")
        if position_ids is None and attention_mask is not None and attention_mask.ndim == 2:
            position_ids = (attention_mask.long().cumsum(-1) - 1).clamp_min(0)[:, -inputs_embeds.shape[1] :]
        outputs = self.language_model(
            attention_mask=attention_mask,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            **kwargs,
        )
        return outputs


class CPLLMForConditionalGeneration(CPLLMPreTrainedModel, GenerationMixin):
    """CP-LLM with a language modelling head: scores, compares and describes videos."""

    _tied_weights_keys = {"lm_head.weight": "model.language_model.embed_tokens.weight"}  # noqa: RUF012

    def __init__(self, config: CPLLMConfig) -> None:
        super().__init__(config)
        self.model = CPLLMModel(config)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        return self.model.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.model.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module:
        return self.lm_head

    def set_output_embeddings(self, value: nn.Module) -> None:
        self.lm_head = value

    def set_ablation(self, tower: str | None) -> None:
        """Switches one tower off (its features become zeros and it is not run), or none.

        Raises:
            ValueError: `tower` is not `context`, `pixel` or None.
        """
        if tower not in (None, "context", "pixel"):
            raise ValueError(f"ablate: expected context, pixel or nothing, found {tower!r}")
        self.model.ablated = tower

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.LongTensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        context_values: torch.Tensor | None = None,
        pixel_values: torch.Tensor | None = None,
        context_features: torch.Tensor | None = None,
        pixel_features: torch.Tensor | None = None,
        labels: torch.LongTensor | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        **kwargs,
    ) -> CausalLMOutputWithPast:
        """Next-token logits; arguments as in [`CPLLMModel.forward`].

        Args:
            labels: `(B, L)`; -100 is left out of the loss.
            logits_to_keep: number of last positions to compute logits for; 0 for all.
        """
        outputs = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            context_values=context_values,
            pixel_values=pixel_values,
            context_features=context_features,
            pixel_features=pixel_features,
            **kwargs,
        )
        keep = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(outputs.last_hidden_state[:, keep])
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=self.config.text_config.vocab_size)
        # The decoder's own fields, whatever this version of transformers calls the cache.
        others = {name: value for name, value in outputs.items() if name != "last_hidden_state"}
        return CausalLMOutputWithPast(loss=loss, logits=logits, **others)

    def prepare_inputs_for_generation(self, *args, is_first_iteration: bool | None = False, **kwargs):
        inputs = super().prepare_inputs_for_generation(*args, is_first_iteration=is_first_iteration, **kwargs)
        if not is_first_iteration and kwargs.get("use_cache", True):
            # The videos are in the cache after the prefill; encoding them for every new word would be waste.
            for name in ("context_values", "pixel_values", "context_features", "pixel_features"):
                inputs.pop(name, None)
        return inputs

    def answer_logits(self, input_ids: torch.LongTensor, attention_mask: torch.Tensor | None = None, **inputs):
        """Logits `(B, vocabulary)`, float32, of the token that follows each prompt, padded on either side."""
        if attention_mask is None:
            return self(input_ids=input_ids, logits_to_keep=1, **inputs).logits[:, -1].float()
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False, **inputs)
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        last = (attention_mask * positions).argmax(-1)
        rows = torch.arange(input_ids.shape[0], device=input_ids.device)
        return self.lm_head(hidden.last_hidden_state[rows, last]).float()

    def rating_of(self, logits: torch.Tensor) -> RatingOutput:
        """Expectation over the five rating tokens (Q-Align, arXiv 2312.17090): `(B, vocabulary)` logits to a rating."""
        ids = torch.tensor(list(self.config.rating_token_ids), device=logits.device)
        distribution = logits.float()[:, ids].softmax(-1)
        return RatingOutput(distribution=distribution, quality=expected_quality(distribution))

    @torch.inference_mode()
    def score(self, input_ids: torch.LongTensor, attention_mask: torch.Tensor | None = None, **inputs) -> RatingOutput:
        """Rates one video per prompt in one forward pass; nothing is sampled.

        Args:
            input_ids: `(B, L)` prompts that end where the rating word follows.
            attention_mask: `(B, L)`.
            **inputs: `context_values`, `pixel_values`.
        """
        return self.rating_of(self.answer_logits(input_ids, attention_mask, **inputs))

    @torch.inference_mode()
    def compare(
        self, input_ids: torch.LongTensor, attention_mask: torch.Tensor | None = None, **inputs
    ) -> torch.Tensor:
        """Compares two videos per prompt in one forward pass.

        Returns:
            `(B, 2)` float32: probability that the first, and that the second, has the better quality.
        """
        logits = self.answer_logits(input_ids, attention_mask, **inputs)
        ids = torch.tensor(list(self.config.choice_token_ids), device=logits.device)
        return logits[:, ids].softmax(-1)

    @torch.inference_mode()
    def describe(self, input_ids: torch.LongTensor, **inputs) -> DescriptionOutput:
        """Rates and describes with one prefill and one cache.

        The rating is read from the logits of the first step of `generate`, whose token is then the word nearest to
        the expected quality, so that number and sentence agree.

        Args:
            input_ids: `(B, L)` prompts, padded on the left, that end where the rating word follows.
            **inputs: `attention_mask`, `context_values`, `pixel_values` and any argument of `generate`.
        """
        prompt_length = input_ids.shape[1]
        forced = LogitsProcessorList([RatingWord(prompt_length, list(self.config.rating_token_ids))])
        outputs = self.generate(
            input_ids=input_ids,
            logits_processor=forced,
            output_logits=True,
            return_dict_in_generate=True,
            **inputs,
        )
        rating = self.rating_of(outputs.logits[0])
        return DescriptionOutput(
            distribution=rating.distribution,
            quality=rating.quality,
            sequences=outputs.sequences[:, prompt_length:],
        )


def expected_quality(distribution: torch.Tensor) -> torch.Tensor:
    """`(..., 5)` probabilities, best first, to quality `(...)`, 0 to 100: ACR 1 is 0 and ACR 5 is 100."""
    weights = torch.tensor(WEIGHTS, dtype=distribution.dtype, device=distribution.device)
    lowest, highest = min(WEIGHTS), max(WEIGHTS)
    return ((distribution * weights).sum(-1) - lowest) * (100 / (highest - lowest))


class RatingWord(LogitsProcessor):
    """Makes the first generated token the rating word nearest to the expected quality."""

    def __init__(self, prompt_length: int, rating_token_ids: list[int]) -> None:
        self.prompt_length = prompt_length
        self.rating_token_ids = rating_token_ids

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        if input_ids.shape[1] != self.prompt_length:
            return scores
        ids = torch.tensor(self.rating_token_ids, device=scores.device)
        quality = expected_quality(scores[:, ids].float().softmax(-1))
        # Levels stand best first and evenly spaced on 0..100.
        steps = len(LEVELS) - 1
        level = (steps - (quality * steps / 100).round()).long()
        forced = torch.full_like(scores, float("-inf"))
        return forced.scatter(1, ids[level].unsqueeze(1), 0.0)


__all__ = ["CPLLMForConditionalGeneration", "CPLLMModel", "CPLLMPreTrainedModel"]
