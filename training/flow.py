"""The transformer seen as a flow, for training and for sampling in batches, exactly as LTXConditionPipeline uses it.

Tokens are kept as [n, frames, places, channels]: latent frames, 8 x 8 places of each, normalised latents. Noise level s
goes from 0 (clean) to 1; x = (1 - s) clean + s noise; the network predicts noise - clean and is told 1000 s for each
frame, 0 for frames that are given. Imports torch and training.models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from diffusers.models.transformers.transformer_ltx import LTXVideoTransformerBlock
from torch import Tensor
from transformers import T5EncoderModel

from training.models import RATE

GIVEN_NOISE = 0.15
"""Given frames get this times s squared of noise, the pipeline's `image_cond_noise_scale`."""

Draw = Callable[[Sequence[int]], Tensor]
"""Unit normal noise of a shape."""


def extra_frames(head: int) -> int:
    """How many latent frames of a head of so many frames stand before the film as tokens of their own."""
    return 0 if head == 0 else min(2, (head - 1) // 4 + 1)


def coordinates(latent_frames: int, side: int, head: int, device: torch.device) -> Tensor:
    """Seconds, and rows and columns in pixels, of each token, a head's extra ones first: [1, 3, tokens].

    `side` is the width of a frame in latents, `head` how many last frames are given (0: none).
    """
    frames = 4 * (latent_frames - 1) + 1
    times = [max(4 * f - 3, 0) for f in range(latent_frames)]
    times = [frames - head + max(4 * f - 3, 0) for f in range(extra_frames(head))] + times
    axis = torch.arange(side, device=device) * 16
    grid = torch.meshgrid(torch.tensor(times, device=device) * 1.0, axis * 1.0, axis * 1.0, indexing="ij")
    result = torch.stack(grid).flatten(1)[None]
    result[:, 0] = result[:, 0] * (1.0 / RATE)
    return result


def to_tokens(latents: Tensor, vae: AutoencoderKLLTXVideo) -> Tensor:
    """Raw latents [n, c, frames, h, w] -> normalised [n, frames, h * w, c]."""
    mean, std = (t.view(1, -1, 1, 1, 1).to(latents.dtype) for t in (vae.latents_mean, vae.latents_std))
    return ((latents - mean) / std).flatten(3).permute(0, 2, 3, 1)


def to_latents(tokens: Tensor, vae: AutoencoderKLLTXVideo) -> Tensor:
    """The inverse of `to_tokens`, for square pictures."""
    side = int(tokens.size(2) ** 0.5)
    mean, std = (t.view(1, -1, 1, 1, 1).to(tokens.dtype) for t in (vae.latents_mean, vae.latents_std))
    return tokens.permute(0, 3, 1, 2).unflatten(3, (side, side)) * std + mean


def mixed(device: torch.device) -> torch.autocast:
    """bfloat16 on a GPU; on a CPU everything stays as it is."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


@torch.no_grad()
def encode(vae: AutoencoderKLLTXVideo, films: Tensor, draw: Draw | None = None) -> Tensor:
    """Films [n, 3, frames, h, w] in -1..1 -> tokens, the likeliest, or with `draw` a sample as the pipeline takes."""
    with mixed(films.device):
        posterior = vae.encode(films).latent_dist
    latents = posterior.mean.float()
    if draw is not None:
        latents = latents + posterior.std.float() * draw(latents.shape)
    return to_tokens(latents, vae)


@torch.no_grad()
def decode(vae: AutoencoderKLLTXVideo, tokens: Tensor) -> Tensor:
    """Tokens -> films [n, 3, frames, h, w], clamped to -1..1."""
    with mixed(tokens.device):
        return vae.decode(to_latents(tokens, vae)).sample.float().clamp(-1, 1)


def describe(text: T5EncoderModel, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Caption ids [n, length] -> their states [n, length, width] and which of them count."""
    mask = ids.ne(0)
    return text(ids, attention_mask=mask)[0], mask


def through(
    block: LTXVideoTransformerBlock,
    hidden: Tensor,
    states: Tensor,
    levels: Tensor,
    rotary: tuple[Tensor, Tensor],
    bias: Tensor,
) -> Tensor:
    """One block on [n, frames, places, width], its noise levels embedded once a frame: [n, frames, 1, 6 width].

    The same as calling the block with them for each token, at a fraction of the memory that is moved.
    """
    frames = hidden.size(1)
    table = (block.scale_shift_table + levels.unflatten(3, (6, -1))).to(hidden.dtype)
    shift, scale, gate, shift_after, scale_after, gate_after = table.unbind(3)
    tokens = (block.norm1(hidden) * (1 + scale) + shift).flatten(1, 2)
    seen = block.attn1(hidden_states=tokens, encoder_hidden_states=None, image_rotary_emb=rotary)
    tokens = (hidden + seen.unflatten(1, (frames, -1)) * gate).flatten(1, 2)
    read = block.attn2(tokens, encoder_hidden_states=states, image_rotary_emb=None, attention_mask=bias)
    hidden = (tokens + read).unflatten(1, (frames, -1))
    return hidden + block.ff(block.norm2(hidden) * (1 + scale_after) + shift_after) * gate_after


_through_fast = torch.compile(through, dynamic=False)


def velocity(
    transformer: LTXVideoTransformer3DModel,
    tokens: Tensor,
    levels: Tensor,
    said: tuple[Tensor, Tensor],
    head: int = 0,
    watch: int | None = None,
) -> tuple[Tensor, Tensor | None]:
    """What the transformer predicts for tokens [n, frames, places, c] at noise levels [n, frames]: same shape.

    The same as calling it, but the time embedding is made once a frame instead of once a token. With a `head`, the
    first `extra_frames(head)` frames are its extra ones. Also gives the features after block number `watch`.
    """
    count, frames, places, _ = tokens.shape
    coords = coordinates(frames - extra_frames(head), int(places**0.5), head, tokens.device)
    states, mask = said
    hidden = tokens.flatten(1, 2)
    rotary = transformer.rope(hidden, video_coords=coords)
    bias = ((1 - mask.to(hidden.dtype)) * -10000.0).unsqueeze(1)
    hidden = transformer.proj_in(hidden)
    temb, embedded = transformer.time_embed((1000 * levels).flatten(), batch_size=count, hidden_dtype=hidden.dtype)
    temb, embedded = (t.view(count, frames, 1, -1) for t in (temb, embedded))
    states = transformer.caption_projection(states)
    seen = None
    step = _through_fast if hidden.is_cuda else through
    hidden = hidden.unflatten(1, (frames, places))
    for index, block in enumerate(transformer.transformer_blocks):
        hidden = step(block, hidden, states, temb, rotary, bias)
        seen = hidden.flatten(1, 2) if index == watch else seen
    shift, scale = (transformer.scale_shift_table + embedded.unflatten(3, (1, -1))).unbind(3)
    return transformer.proj_out(transformer.norm_out(hidden) * (1 + scale) + shift), seen


@dataclass(frozen=True)
class Given:
    """Frames that a film is conditioned on, as tokens, encoded by themselves."""

    tail: Tensor | None = None
    """[n, k, places, c]: the first k latent frames."""
    head: Tensor | None = None
    """[n, k, places, c]: the last 4 (k - 1) + 1 frames; the first two are extra tokens, further ones in place."""

    @property
    def head_frames(self) -> int:
        """Of the film that the head covers."""
        return 0 if self.head is None else 4 * (self.head.size(1) - 1) + 1


def place(noise: Tensor, given: Given) -> tuple[Tensor, Tensor]:
    """Put what is given round and into a film's noise [n, frames, places, c]: tokens, and which frames are given."""
    film = noise.clone()
    fixed = torch.zeros(film.shape[:2], device=film.device)
    if given.tail is not None:
        film[:, : given.tail.size(1)] = given.tail
        fixed[:, : given.tail.size(1)] = 1
    if given.head is None:
        return film, fixed
    extra = extra_frames(given.head_frames)
    if given.head.size(1) > extra:
        film[:, extra - given.head.size(1) :] = given.head[:, extra:]
        fixed[:, extra - given.head.size(1) :] = 1
    ones = torch.ones(len(film), extra, device=film.device)
    return torch.cat([given.head[:, :extra], film], dim=1), torch.cat([ones, fixed], dim=1)


def shifted(steps: int, shift: float) -> list[float]:
    """Noise levels of so many steps, from 1 down; a larger shift spends more of them on high noise."""
    return [shift * t / (1 + (shift - 1) * t) for t in (1 - i / steps for i in range(steps))]


@dataclass(frozen=True)
class Guide:
    """Whose caption is followed, and how much more than none."""

    said: tuple[Tensor, Tensor]
    unsaid: tuple[Tensor, Tensor] | None = None
    """States of the empty caption, [n, ...], for a scale above 1."""
    scale: float = 1.0


@torch.no_grad()
def walk(
    transformer: LTXVideoTransformer3DModel,
    guide: Guide,
    tokens: Tensor,
    start: tuple[Tensor, Tensor, int],
    levels: Sequence[float],
    end: float = 0.0,
    draw: Draw | None = None,
) -> Tensor:
    """Euler steps through `levels` and on to `end`, extra frames of a head included: tokens -> tokens.

    `start` is what `place` made (given tokens, which of them are given) and how many frames the head covers.
    """
    given, fixed, head = start
    hold = fixed.bool()[..., None, None]
    holds = bool(hold.any())
    for index, level in enumerate(levels):
        after = levels[index + 1] if index + 1 < len(levels) else end
        if holds:
            noise = draw(tokens.shape) if draw else torch.randn_like(tokens)
            tokens = torch.where(hold, given + GIVEN_NOISE * noise * level**2, tokens)
        told = torch.minimum(torch.full_like(fixed, level), 1 - fixed)
        with mixed(tokens.device):
            moved = velocity(transformer, tokens, told, guide.said, head)[0].float()
            if guide.unsaid is not None and guide.scale > 1:
                plain = velocity(transformer, tokens, told, guide.unsaid, head)[0].float()
                moved = plain + guide.scale * (moved - plain)
        tokens = torch.where(hold, tokens, tokens - (level - after) * moved)
    return tokens


def sample(
    transformer: LTXVideoTransformer3DModel,
    guide: Guide,
    noise: Tensor,
    levels: Sequence[float],
    given: Given | None = None,
    draw: Draw | None = None,
) -> Tensor:
    """Noise [n, frames, places, c] -> tokens of films, as the pipeline does it; `draw` is for given frames."""
    given = given or Given()
    tokens, fixed = place(noise, given)
    tokens = walk(transformer, guide, tokens, (tokens, fixed, given.head_frames), levels, draw=draw)
    return tokens[:, extra_frames(given.head_frames) :]
