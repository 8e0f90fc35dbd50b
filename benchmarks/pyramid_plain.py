"""Pyramid Flow's generation as one writes it first: each step makes everything anew, and one mask says who sees whom.

Text is padded to its full length, all tokens are in one attention under a dense mask, and nothing is kept from one step
to the next. The same pixels but for the last few bits, and what the engine's own way is measured against.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    import torch

    from storyboard.engines.pyramid.attention import Order
    from storyboard.engines.pyramid.parts import Context, Texts
    from storyboard.engines.pyramid.transformer import PyramidTransformer


@contextmanager
def forgetting() -> Iterator[None]:
    """Transformers keep nothing from one step to the next."""
    from storyboard.engines.pyramid.parts import Context, Texts
    from storyboard.engines.pyramid.transformer import PyramidTransformer

    usual = PyramidTransformer.forward

    def forward(
        self: PyramidTransformer, noisy: torch.Tensor, timestep: torch.Tensor, context: Context
    ) -> torch.Tensor:
        texts = context.texts
        return usual(self, noisy, timestep, Context(Texts(texts.states, texts.mask, texts.pooled), context.clips))

    with patch.object(PyramidTransformer, "forward", forward):
        yield


@contextmanager
def plain() -> Iterator[None]:
    """The same, and all attention is of all tokens at once, under a dense mask."""
    with (
        forgetting(),
        patch("storyboard.engines.pyramid.transformer.leading", _whole),
        patch("storyboard.engines.pyramid.transformer.order_of", _dense),
        patch("storyboard.engines.pyramid.attention.attend", _attend),
    ):
        yield


def _whole(texts: Texts) -> tuple[torch.Tensor, tuple[int, ...]]:
    """Text with its padding, the padding first, and where it ends in each row."""
    import torch

    counts = (texts.mask != 0).sum(1).tolist()
    length = texts.states.shape[1]
    rows = [torch.roll(states, length - count, 0) for states, count in zip(texts.states, counts, strict=True)]
    return torch.stack(rows), tuple(length - count for count in counts)


def _dense(firsts: tuple[int, ...], lengths: Sequence[int], device: torch.device) -> Order:
    """One group of all tokens, with a mask [B, 1, S, S]: padding sees padding, the rest what is no later."""
    import torch

    from storyboard.engines.pyramid.attention import Group, Order

    times = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths)).to(device)
    is_there = torch.arange(len(times), device=device) >= torch.tensor(firsts, device=device)[:, None]
    mask = (is_there[:, :, None] == is_there[:, None, :]) & (times[:, None] >= times[None, :])
    return Order(firsts, (Group(0, len(times), mask[:, None]),))


def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, order: Order) -> torch.Tensor:
    from torch.nn.functional import scaled_dot_product_attention

    (group,) = order.groups
    q, k, v = (each.transpose(1, 2) for each in (query, key, value))
    return scaled_dot_product_attention(q, k, v, attn_mask=group.mask).transpose(1, 2)
