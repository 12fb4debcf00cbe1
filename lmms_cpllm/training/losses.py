"""The losses of CP-LLM's tasks: rating, ranking, language, comparison, and the kinds of distortion."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from lmms_cpllm.metrics.lexicon import KINDS
from lmms_cpllm.model.modeling_cpllm import IGNORED_LABEL, CPLLMForConditionalGeneration, expected_quality
from lmms_cpllm.ratings import WEIGHTS
from lmms_cpllm.training.batches import TIE, Batch

# A label that lies on a category still leaves neighbours some weight: observers choose whole categories.
_LEAST_SPREAD = 0.3
# Thurstone: the chance that one is rated above the other, with a deviation of so many quality points each.
_DISCRIMINATION = 10.0
# Groups of turns by length.
_ROUNDS = 3


def target_distribution(quality: torch.Tensor, sd: torch.Tensor) -> torch.Tensor:
    """Quality `(B,)` and deviation `(B,)` in ACR categories to the soft rating distribution `(B, 5)`, best first.

    A normal law over the five categories whose expectation is the label: its centre is moved until that holds, between two
    categories a little, next to the ends of the scale, where the law is cut off, outward.
    """
    spread = (sd.square() + _LEAST_SPREAD**2).sqrt().unsqueeze(1)
    wanted = 1 + quality.unsqueeze(1) / 25
    levels = torch.tensor(WEIGHTS, dtype=quality.dtype)
    # The expectation rises with the centre, so halving finds it; steps by the error swing where the law is narrow.
    low, high = torch.full_like(wanted, -1.0), torch.full_like(wanted, 7.0)
    for _ in range(24):
        centre = (low + high) / 2
        target = (-0.5 * ((levels - centre) / spread).square()).softmax(-1)
        is_low = (target * levels).sum(-1, keepdim=True) < wanted
        low, high = torch.where(is_low, centre, low), torch.where(is_low, high, centre)
    return target


def ranking_loss(predicted: torch.Tensor, quality: torch.Tensor, kind: torch.Tensor) -> torch.Tensor:
    """Fidelity loss (FRank, Tsai et al. 2007) over all pairs of one kind of label whose labels differ, `(B,)` each."""
    difference = quality.unsqueeze(0) - quality.unsqueeze(1)
    mask = (difference > TIE) & (kind.unsqueeze(0) == kind.unsqueeze(1))
    if not mask.any():
        return predicted.sum() * 0
    deviation = _DISCRIMINATION * 2**0.5
    # How sure the labels themselves are: a difference of a few points is no certain order. Neither is ever quite certain,
    # since the root has no gradient at 0.
    differences = torch.stack((difference[mask], (predicted.unsqueeze(0) - predicted.unsqueeze(1))[mask]))
    true, chance = torch.special.ndtr(differences / deviation).clamp(1e-6, 1 - 1e-6)
    return (1 - (true * chance).sqrt() - ((1 - true) * (1 - chance)).sqrt()).mean()


def answer_logits(
    model: CPLLMForConditionalGeneration, turns: dict[str, torch.Tensor], context: torch.Tensor, pixel: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits `(B, vocabulary)` at the first token of each answer, and the loss of the further tokens: the mean over the
    turns of the mean over a turn's tokens, so that a short answer counts as much as a long description.

    Args:
        model: its projectors, decoder and head are used.
        turns: of `collate`.
        context: `(V, tokens, width)`, projected, of the turns' videos in their order.
        pixel: the same of the pixel view.
    """
    lengths = turns["attention_mask"].sum(1)
    # A few rounds over turns of about one length: as one batch four of ten places would be padding.
    rounds = [rows for rows in lengths.argsort(stable=True).tensor_split(_ROUNDS) if len(rows)]
    found = [_logits_and_losses(model, turns, rows, int(lengths[rows].max()), context, pixel) for rows in rounds]
    back = torch.cat(rounds).argsort()
    losses = torch.cat([losses for _, losses in found])
    return torch.cat([first for first, _ in found])[back], losses.sum() / max(1, len(losses))


def _logits_and_losses(
    model: CPLLMForConditionalGeneration,
    turns: dict[str, torch.Tensor],
    rows: torch.Tensor,
    length: int,
    context: torch.Tensor,
    pixel: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of some turns, cut off behind the longest: the logits at their answers, and the mean loss of each that has further
    tokens."""
    ids, mask, labels = (turns[name][rows, :length] for name in ("input_ids", "attention_mask", "labels"))
    videos = len(context) // len(turns["input_ids"])
    context, pixel = (view.unflatten(0, (-1, videos))[rows].flatten(0, 1) for view in (context, pixel))
    hidden = hidden_states(model, ids, mask, context, pixel)
    first = model.lm_head(hidden[torch.arange(len(hidden)), turns["answer_at"][rows]]).float()
    labels = labels[:, 1:]
    wanted = labels != IGNORED_LABEL
    # Only the places that have a label go through the head: most of a sequence is placeholders.
    losses = F.cross_entropy(model.lm_head(hidden[:, :-1][wanted]).float(), labels[wanted], reduction="none")
    counts = wanted.sum(1)
    of_turn = losses.new_zeros(len(rows)).index_add(0, wanted.nonzero()[:, 0], losses)
    return first, (of_turn / counts.clamp_min(1))[counts > 0]


def hidden_states(
    model: CPLLMForConditionalGeneration,
    ids: torch.Tensor,
    mask: torch.Tensor,
    context: torch.Tensor,
    pixel: torch.Tensor,
) -> torch.Tensor:
    """Of the decoder `(B, L, width)` over turns whose placeholders are filled with projected tokens."""
    core = model.model
    embeds = model.get_input_embeddings()(ids)
    embeds = core.merge(ids, embeds, context, "context")
    embeds = core.merge(ids, embeds, pixel, "pixel")
    return core(inputs_embeds=embeds, attention_mask=mask, use_cache=False).last_hidden_state


def are_answered(
    model: CPLLMForConditionalGeneration, turns: dict[str, torch.Tensor], context: torch.Tensor, pixel: torch.Tensor
) -> torch.Tensor:
    """Whether greedy decoding would give the labelled answer of each turn word for word, bool `(B,)`: each of its tokens
    is the likeliest behind those before it. Arguments are those of `answer_logits`."""
    hidden = hidden_states(model, turns["input_ids"], turns["attention_mask"], context, pixel)
    labels = turns["labels"][:, 1:]
    wanted = labels != IGNORED_LABEL
    right = torch.ones_like(wanted)
    right[wanted] = model.lm_head(hidden[:, :-1][wanted]).argmax(-1) == labels[wanted]
    return right.all(1)


def project(
    model: CPLLMForConditionalGeneration, context: torch.Tensor, pixel: torch.Tensor, noise: float, silence: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Standardised features `(V, tokens, features)` through the projectors, with noise and now and then one view silent.

    Args:
        model: its projectors are used; a view that is ablated stays silent.
        context: of the context view.
        pixel: of the pixel view.
        noise: standard deviation, in standard deviations of the features.
        silence: chance that one of the two views of a video is silent, so that each view learns to serve alone.
    """
    if noise:
        context = context + noise * torch.randn_like(context)
        pixel = pixel + noise * torch.randn_like(pixel)
    context, pixel = model.model.project_context(context), model.model.project_pixels(pixel)
    if silence:
        luck = torch.rand(len(context), 1, 1)
        context, pixel = context * (luck >= silence / 2), pixel * (luck <= 1 - silence / 2)
    return context, pixel


def kind_head(model: CPLLMForConditionalGeneration, seed: int) -> torch.nn.Linear:
    """Reads the kinds of distortion off the mean of a video's projected tokens. It is trained with the model and then
    thrown away: words come late and seldom, and this tells projectors and towers at every step what must be told apart."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return torch.nn.Linear(model.config.text_config.hidden_size, len(KINDS))


def kinds_loss(logits: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """Binary cross entropy of `(B, kinds)` with 1, 0 or nan for what is not known."""
    known = ~there.isnan()
    if not known.any():
        return logits.sum() * 0
    return F.binary_cross_entropy_with_logits(logits[known].float(), there[known])


def mixed(batch: Batch, views: Sequence[torch.Tensor], alpha: float) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Mixup (Zhang et al., ICLR 2018) of the turns whose answer is the rating alone: each becomes the weighted mean of its
    video and another one whose label is of the same kind, and so does its label. What lies between two contents is rated
    between them, which helps with contents that training does not have.

    Args:
        batch: says which turns.
        views: projected features of each turn of one video, `(B, tokens, width)` each.
        alpha: of the Beta law that the weights are drawn from; the larger weight is of the turn's own video.

    Returns:
        The views, and the labels `(R,)`.
    """
    partner = torch.arange(len(batch.quality))
    for kind in batch.kind[batch.alone].unique():
        rows = (batch.alone & (batch.kind == kind)).nonzero()[:, 0]
        partner[rows] = rows[torch.randperm(len(rows))]
    other = torch.distributions.Beta(alpha, alpha).sample((len(partner),))
    other = torch.minimum(other, 1 - other)
    result = []
    for view in views:
        own, weight = view[: len(partner)], other.to(view.dtype)[:, None, None]
        result.append(torch.cat((torch.lerp(own, own[partner], weight), view[len(partner) :])))
    return result, torch.lerp(batch.quality, batch.quality[partner], other)


def step_losses(
    model: CPLLMForConditionalGeneration,
    batch: Batch,
    context: torch.Tensor,
    pixel: torch.Tensor,
    kinds: torch.nn.Linear,
    mixup: float = 0.0,
) -> dict[str, torch.Tensor]:
    """The separate losses of one batch; `context` and `pixel` are the projected features of `batch.videos`, `kinds` is
    of `kind_head`, `mixup` of `mixed`, or 0 for none."""
    place, quality = batch.rated["place"], batch.quality
    rated = place[: len(quality)]
    views = [context[place], pixel[place]]
    if mixup:
        views, quality = mixed(batch, views, mixup)
    first, language = answer_logits(model, batch.rated, *views)
    first = first[: len(batch.quality)]
    ids = list(model.config.rating_token_ids)
    ratings = first[:, ids].log_softmax(-1)
    target = target_distribution(quality, batch.sd)
    losses = {
        # The rating words must also win against the rest of the vocabulary: they are what is written.
        "rating": -(target * ratings).sum(-1).mean() - _mass(first, ids),
        "ranking": ranking_loss(expected_quality(ratings.exp()), quality, batch.kind),
        "language": language,
        "kinds": kinds_loss(kinds(torch.cat((context, pixel), 1)[rated].mean(1)), batch.there),
    }
    if batch.pairs:
        place, ids = batch.pairs["place"], list(model.config.choice_token_ids)
        choice, reason = answer_logits(model, batch.pairs, context[place], pixel[place])
        losses["choice"] = F.cross_entropy(choice[:, ids], batch.pairs["choice"]) - _mass(choice, ids)
        losses["language"] = losses["language"] + 0.5 * reason
    return losses


def _mass(logits: torch.Tensor, ids: list[int]) -> torch.Tensor:
    """Mean log probability that one of `ids` comes next."""
    return logits.log_softmax(-1)[:, ids].logsumexp(-1).mean()
