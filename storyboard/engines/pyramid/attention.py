"""A context -> in what order its tokens stand and who attends to whom; the attention of both transformers' blocks.

    |pad|text| z_0 | z_1 | ... | noisy |      one row of the guidance batch

A token attends to all of its own time and before; text is of the time of the first latent, and padding is not there
for anybody. So nothing is masked but by where keys begin and end: queries are taken group by group, each against the
keys from the row's first word to the group's last token, and only a group that spans several times needs a mask.
Padding stands in front, as text has no order but that of its embeddings: all of its tokens are at place 0.

Imports torch: for engines.pyramid.flux and engines.pyramid.mmdit only. May import engines.pyramid.parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from diffusers.models.embeddings import apply_rotary_emb
from torch.nn.functional import scaled_dot_product_attention

from storyboard.engines.pyramid.parts import Texts

_GROUP: Final = 1024
"""Tokens, at most, of several times that are taken together: fewer calls, and a mask that stays small."""
Rotary = tuple[torch.Tensor, torch.Tensor]
"""Cosines and sines [S, head width]."""


@dataclass(frozen=True, slots=True)
class Group:
    """Queries that are taken together."""

    start: int
    end: int
    """Of the tokens of a row, half-open; the keys end here too."""
    mask: torch.Tensor | None
    """[end - start, end]: whether a query attends to a key, where that is not true of all."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who attends to whom, for all rows of a batch."""

    firsts: tuple[int, ...]
    """Of each row: where padding ends and text begins."""
    groups: tuple[Group, ...]


def leading(texts: Texts) -> tuple[torch.Tensor, tuple[int, ...]]:
    """Text states [B, L', width] of only as many tokens as the longest text has, padding first, and where it ends."""
    counts = (texts.mask != 0).sum(1).tolist()
    longest = max(counts)
    firsts = tuple(longest - count for count in counts)
    rows = [texts.states[row, :count] for row, count in enumerate(counts)]
    return torch.stack([torch.nn.functional.pad(row, (0, 0, longest - len(row), 0)) for row in rows]), firsts


def order_of(firsts: tuple[int, ...], lengths: Sequence[int], device: torch.device) -> Order:
    """For `lengths` of tokens at times 0, 1, 2, ..., in order; those of time 0 include the text's."""
    return Order(firsts, tuple(_groups(lengths, device)))


def _groups(lengths: Sequence[int], device: torch.device) -> Iterator[Group]:
    times = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths)).to(device)
    start = end = first = 0
    for time, length in enumerate(lengths):
        end += length
        if time + 2 < len(lengths) and end - start + lengths[time + 1] <= _GROUP:
            continue
        mask = None if first == time else times[start:end, None] >= times[None, :end]
        yield Group(start, end, mask)
        start, first = end, time + 1


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, order: Order) -> torch.Tensor:
    """What all tokens [B, S, heads, width] see, in the same shape; padding sees nothing and is 0."""
    seen = torch.zeros_like(query)
    for row, first in enumerate(order.firsts):
        for group in order.groups:
            start = max(group.start, first)
            mask = None if group.mask is None else group.mask[start - group.start :, first:]
            q, k, v = (
                each[row : row + 1, begin : group.end].transpose(1, 2)
                for each, begin in ((query, start), (key, first), (value, first))
            )
            made = scaled_dot_product_attention(q, k, v, attn_mask=mask)
            seen[row, start : group.end] = made[0].transpose(0, 1)
    return seen


class CausalAttention:
    """A processor for the attention of diffusers' blocks: of text and video together, or of what is joined already."""

    def __init__(self, text_norms: tuple[str, str] = ("norm_added_q", "norm_added_k")) -> None:
        """`text_norms` are what the block calls those of the text's queries and keys."""
        self.text_norms = text_norms

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        image_rotary_emb: Rotary | None = None,
        order: Order | None = None,
    ) -> Any:
        assert order is not None and image_rotary_emb is not None and attention_mask is None
        width = attn.norm_q.weight.shape[0]
        q, k, v = (each(hidden_states).unflatten(-1, (-1, width)) for each in (attn.to_q, attn.to_k, attn.to_v))
        q, k = attn.norm_q(q), attn.norm_k(k)
        if encoder_hidden_states is not None:
            added = (attn.add_q_proj, attn.add_k_proj, attn.add_v_proj)
            text_q, text_k, text_v = (each(encoder_hidden_states).unflatten(-1, (-1, width)) for each in added)
            norm_q, norm_k = (getattr(attn, name) for name in self.text_norms)
            q, k = torch.cat([norm_q(text_q), q], 1), torch.cat([norm_k(text_k), k], 1)
            v = torch.cat([text_v, v], 1)
        q, k = (apply_rotary_emb(each, image_rotary_emb, sequence_dim=1) for each in (q, k))
        seen = attend(q, k, v, order).flatten(2)
        if encoder_hidden_states is None:
            return seen
        text, video = seen.tensor_split([encoder_hidden_states.shape[1]], 1)
        return attn.to_out[0](video), text if attn.context_pre_only else attn.to_add_out(text)
