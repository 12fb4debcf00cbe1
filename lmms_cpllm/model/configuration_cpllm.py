"""Configuration of CP-LLM: two vision towers and a causal language model."""

from __future__ import annotations

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

STATISTICS = ("mean", "std", "delta", "delta_std", "delta_min")


@strict
class CPLLMConfig(PreTrainedConfig):
    r"""
    Composite configuration of [`CPLLMForConditionalGeneration`] (CP-LLM, arXiv 2505.16025).

    A tower whose configuration asks for more than one stage (`out_indices`) is built as an `AutoBackbone`, any other
    one as an `AutoModel`.

    Args:
        context_config: configuration of the context tower, an image encoder (`siglip_vision_model` by default).
        pixel_config: configuration of the pixel tower, a video or an image encoder.
        text_config: configuration of the decoder, any causal language model.
        context_grid: every key frame gives `context_grid ** 2` tokens, one per region.
        pixel_grid: every crop gives `pixel_grid ** 2` tokens, one per region.
        context_statistics: what is taken of each region's features in the context view.
        pixel_statistics: the same for the pixel view. `mean` and `std` run over the region and the run of frames
            (distortion is texture statistics); `delta` is the mean absolute change from frame to frame, `delta_std` and
            `delta_min` are its deviation and its least over all crops of a video (lost and frozen frames stand still).
        projector_hidden_act: activation between the two linear layers of a projector.
        projector_hidden_size: width between them; the decoder's width if None.
        context_token_id: placeholder of one context feature in `input_ids`.
        pixel_token_id: placeholder of one pixel feature in `input_ids`.
        rating_token_ids: the five rating words, best first (ITU-T P.910 absolute category rating).
        choice_token_ids: the answers `first` and `second` of a pair comparison.
    """

    model_type = "cpllm"
    sub_configs_defaults = {  # noqa: RUF012 - the name and type that transformers reads
        "context_config": SubConfigSpec(config_class=AutoConfig, model_type="siglip_vision_model"),
        "pixel_config": SubConfigSpec(config_class=AutoConfig, model_type="videoprism_vision_model"),
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="llama"),
    }

    context_config: dict | PreTrainedConfig | None = None
    pixel_config: dict | PreTrainedConfig | None = None
    text_config: dict | PreTrainedConfig | None = None
    context_grid: int = 2
    pixel_grid: int = 2
    context_statistics: list[str] | tuple[str, ...] = ("mean",)
    pixel_statistics: list[str] | tuple[str, ...] = ("mean", "std")
    projector_hidden_act: str = "gelu"
    projector_hidden_size: int | None = None
    context_token_id: int = 0
    pixel_token_id: int = 1
    rating_token_ids: list[int] | tuple[int, ...] = (2, 3, 4, 5, 6)
    choice_token_ids: list[int] | tuple[int, ...] = (7, 8)
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        for name in ("context_statistics", "pixel_statistics"):
            unknown = [s for s in getattr(self, name) if s not in STATISTICS]
            if unknown or not getattr(self, name):
                raise ValueError(
                    f"{name}: expected one or more of {', '.join(STATISTICS)}, found {getattr(self, name)!r}"
                )
            alone = {"delta_std", "delta_min"} & set(getattr(self, name))
            if alone and "delta" not in getattr(self, name):
                raise ValueError(
                    f"{name}: expected delta beside {', '.join(sorted(alone))}, found {getattr(self, name)!r}"
                )
        for name, count in (("rating_token_ids", 5), ("choice_token_ids", 2)):
            ids = list(getattr(self, name))
            if len(set(ids)) != count or len(ids) != count:
                raise ValueError(f"{name}: expected {count} distinct token ids, found {ids}")
        # Decoders keep this switch in their own configuration; the output layer is tied here.
        self.tie_word_embeddings = bool(self.tie_word_embeddings or self.text_config.tie_word_embeddings)


__all__ = ["CPLLMConfig"]
