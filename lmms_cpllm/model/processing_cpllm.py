"""Text and videos in, tensors out: the prompt with its placeholders, and the owner of their number."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from transformers import BatchFeature, ProcessorMixin

from lmms_cpllm.model.video_processing_cpllm import Video
from lmms_cpllm.video import Clip

VIDEO_TOKEN = "<|video|>"
CONTEXT_TOKEN = "<|context|>"
PIXEL_TOKEN = "<|pixel|>"

# The answer starts with these words; the rating, or the choice, is the next token.
ANSWER_PREFIX = "The quality of this video is"
COMPARE_PREFIX = "The video of better quality is the"
# With the space in front, each is one token in the vocabulary of most decoders, or is added as one.
RATING_WORDS = (" excellent", " good", " fair", " poor", " bad")
CHOICE_WORDS = (" first", " second")


class CPLLMProcessor(ProcessorMixin):
    """Joins the video processor and the tokenizer of a CP-LLM.

    Args:
        video_processor: [`CPLLMVideoProcessor`].
        tokenizer: the decoder's tokenizer, with the placeholder tokens added.
        chat_template: Jinja template; a video or an image becomes one `<|video|>`.
        context_tokens: tokens of one key frame (`context_grid ** 2` of the model).
        pixel_tokens: tokens of one crop (`pixel_grid ** 2` of the model).
    """

    def __init__(
        self, video_processor=None, tokenizer=None, chat_template=None, context_tokens: int = 4, pixel_tokens: int = 4
    ) -> None:
        self.context_tokens = context_tokens
        self.pixel_tokens = pixel_tokens
        super().__init__(video_processor, tokenizer, chat_template=chat_template)
        self.tokenizer.padding_side = "left"

    @property
    def model_input_names(self) -> list[str]:
        return [*self.tokenizer.model_input_names, *self.video_processor.model_input_names]

    @property
    def answer_prefix(self) -> str:
        return ANSWER_PREFIX

    @property
    def compare_prefix(self) -> str:
        return COMPARE_PREFIX

    def read(self, video: str | PathLike) -> Clip:
        """Decodes a video or an image; safe to call from several threads. Raises `VideoError`."""
        return self.video_processor.read(video)

    def render(self, messages: list[dict], prefix: str = "") -> str:
        """A conversation as prompt text, with the start of the answer behind it.

        Args:
            messages: `[{"role": ..., "content": [{"type": "video"}, {"type": "text", "text": ...}]}]`.
            prefix: the words with which the answer begins.
        """
        return self.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) + prefix

    def media_tokens(self) -> str:
        """What one video stands for in a prompt: its context placeholders, then its pixel placeholders."""
        plan = self.video_processor.plan
        context = plan.context_frames * self.context_tokens
        pixels = plan.pixel_moments * plan.pixel_crops * self.pixel_tokens
        return CONTEXT_TOKEN * context + PIXEL_TOKEN * pixels

    def __call__(
        self,
        images: Sequence[Video] | None = None,
        text: str | Sequence[str] | None = None,
        videos: Sequence[Video] | None = None,
        **kwargs,
    ) -> BatchFeature:
        """Makes the model's inputs.

        Args:
            images: images, each of which is a video of one frame; not together with `videos`, whose order they would lose.
            text: prompts; each `<|video|>` in them takes the next video.
            videos: files, arrays or clips, flat over the batch, in the order of the prompts.
            **kwargs: for the tokenizer (`padding`, `return_tensors`).

        Returns:
            `input_ids` and `attention_mask` `(B, L)`, `context_values` `(V, M, 3, h, w)`, `pixel_values`
            `(V, K, G, R, 3, c, c)`.

        Raises:
            ValueError: the prompts ask for another number of videos than were given.
        """
        if images is not None and videos is not None:
            raise ValueError("images and videos in one call: pass all of them as videos, in the order of the prompts")
        media = [v for v in (videos if videos is not None else images or []) for v in _flat(v)]
        encoded = self.tokenize(text, len(media), **kwargs)
        views = dict(self.video_processor(media)) if media else {}
        return BatchFeature({**encoded, **views}, tensor_type=None)

    def tokenize(self, text: str | Sequence[str] | None, videos: int, **kwargs) -> BatchFeature:
        """The part of a call that is text; the views, or the features of the towers, may come from elsewhere.

        Args:
            text: prompts; each `<|video|>` in them stands for one video.
            videos: how many videos there are for them.
            **kwargs: for the tokenizer.

        Returns:
            `input_ids` and `attention_mask` `(B, L)`.

        Raises:
            ValueError: the prompts ask for another number of videos.
        """
        prompts = [text] if isinstance(text, str) else list(text or [])
        asked = sum(prompt.count(VIDEO_TOKEN) for prompt in prompts)
        if asked != videos:
            raise ValueError(f"the prompts hold {asked} {VIDEO_TOKEN} and {videos} videos were given")
        prompts = [prompt.replace(VIDEO_TOKEN, self.media_tokens()) for prompt in prompts]
        kwargs.setdefault("add_special_tokens", False)
        kwargs.setdefault("return_tensors", "pt")
        kwargs.pop("return_mm_token_type_ids", None)
        encoded = dict(self.tokenizer(prompts, **kwargs)) if prompts else {}
        encoded.pop("token_type_ids", None)
        return BatchFeature(encoded, tensor_type=None)


def _flat(video) -> list:
    """transformers hands images of a conversation over in lists of lists."""
    return [item for inner in video for item in _flat(inner)] if isinstance(video, (list, tuple)) else [video]


__all__ = ["CPLLMProcessor"]
