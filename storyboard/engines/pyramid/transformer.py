"""What both diffusion transformers of Pyramid Flow are: tokens of text and of video, in blocks, modulated by the time.

    class Flux(PyramidTransformer):
        def embed(self, clip, grid): ...       # a clip's tokens, as they stand in the grid of the stage
        def place(self, clip, time, grid): ...    # and where they are, for the rotary embedding
        def run(self, text, video, temb, more): ...     # the blocks

What stays the same over the steps of a stage is made in its first and kept: tokens and places of text and history, and
who attends to whom. Imports torch and diffusers. May import engines.pyramid.parts and engines.pyramid.attention.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from diffusers.configuration_utils import ConfigMixin
from diffusers.models.embeddings import CombinedTimestepTextProjEmbeddings
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.normalization import AdaLayerNormContinuous
from diffusers.models.transformers.transformer_flux import FluxPosEmbed
from torch import nn

from storyboard.engines.pyramid.attention import Order, Rotary, leading, order_of
from storyboard.engines.pyramid.parts import Context

PATCH = 2
"""Latents across a token."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a stage's steps have in common."""

    text: torch.Tensor
    """[B, L', D]"""
    history: torch.Tensor
    """[B, tokens, D]"""
    rotary: Rotary
    order: Order


class Sinusoids(nn.Module):
    """Timesteps [B] -> [B, 256], cosines first, as diffusers makes them, but the same on all processors: `exp` in 32
    bits is not, and at timesteps of hundreds its last digit is seen in the pictures."""

    def forward(self, timestep: torch.Tensor) -> torch.Tensor:
        exponents = -math.log(10000) * torch.arange(128, dtype=torch.float32) / 128
        angles = timestep.float()[:, None] * exponents.double().exp().float().to(timestep.device)
        return torch.cat([angles.cos(), angles.sin()], 1)


class PyramidTransformer(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """The parts that both have, by the names of their weights, and the course of a call."""

    _skip_layerwise_casting_patterns: ClassVar = ["pos_embed", "norm"]

    def build(self, width: int, texts: int, pooled: int, out: int, axes: list[int]) -> None:
        """Make what both have: `texts` and `pooled` are widths of what text encoders make, `out` that of a token."""
        self.rotary = FluxPosEmbed(theta=10000, axes_dim=axes)
        self.time_text_embed = CombinedTimestepTextProjEmbeddings(width, pooled)
        self.time_text_embed.time_proj = Sinusoids()
        self.context_embedder = nn.Linear(texts, width)
        self.norm_out = AdaLayerNormContinuous(width, width, elementwise_affine=False, eps=1e-6)
        self.proj_out = nn.Linear(width, out)

    def embed(self, clip: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """The tokens [B, T * h/2 * w/2, D] of a clip [B, C, T, h, w], ordered by time, row and column."""
        raise NotImplementedError

    def places(self, clip: torch.Tensor, time: int, grid: tuple[int, int]) -> torch.Tensor:
        """Where its tokens are, [tokens, axes]: its first latent is at `time`, and `grid` is the stage's, in tokens."""
        raise NotImplementedError

    def run(self, text: torch.Tensor, video: torch.Tensor, temb: torch.Tensor, more: dict[str, Any]) -> torch.Tensor:
        """The blocks: from tokens of text and video to those of video."""
        raise NotImplementedError

    def forward(self, noisy: torch.Tensor, timestep: torch.Tensor, context: Context) -> torch.Tensor:
        """As `parts.Transformer` says."""
        noisy = noisy.to(self.dtype)
        grid = (noisy.shape[-2] // PATCH, noisy.shape[-1] // PATCH)
        if "stage" not in context.kept:
            context.kept["stage"] = self._keep(noisy, context, grid)
        kept: Kept = context.kept["stage"]
        # Trained on timesteps of its own dtype: bfloat16 has whole numbers up there, and no more.
        temb = self.time_text_embed(timestep.to(self.dtype), context.texts.pooled.to(self.dtype))
        video = torch.cat([kept.history, self.embed(noisy, grid)], 1)
        more = {"image_rotary_emb": kept.rotary, "order": kept.order}
        video = self.run(kept.text, video, temb, more)[:, -grid[0] * grid[1] :]
        return _to_latents(self.proj_out(self.norm_out(video, temb)), grid)

    def _keep(self, noisy: torch.Tensor, context: Context, grid: tuple[int, int]) -> Kept:
        texts = context.texts
        if "text" not in texts.kept:
            states, firsts = leading(texts)
            texts.kept["text"] = self.context_embedder(states.to(self.dtype)), firsts
        text, firsts = texts.kept["text"]
        clips = [clip.to(self.dtype) for clip in context.clips]
        starts = [sum(clip.shape[2] for clip in clips[:index]) for index in range(len(clips) + 1)]
        found = [self.places(clip, start, grid) for clip, start in zip([*clips, noisy], starts, strict=True)]
        place = torch.cat([found[0].new_zeros(text.shape[1], found[0].shape[1]), *found])
        lengths = [
            clip.shape[-2] * clip.shape[-1] // PATCH**2 for clip in [*clips, noisy] for _ in range(clip.shape[2])
        ]
        lengths[0] += text.shape[1]
        history = [text[:, :0], *(self.embed(clip, grid) for clip in clips)]
        rotary: Rotary = self.rotary(place)
        return Kept(text, torch.cat(history, 1), rotary, order_of(firsts, lengths, noisy.device))


def to_patches(clip: torch.Tensor) -> torch.Tensor:
    """Latents [B, C, T, h, w] -> [B, T * h/2 * w/2, 4 C], of each token row, column and channel, channel fastest."""
    patches = clip.unfold(3, PATCH, PATCH).unfold(4, PATCH, PATCH)  # [B, C, T, h/2, w/2, row, column]
    return patches.permute(0, 2, 3, 4, 5, 6, 1).flatten(4).flatten(1, 3)


def _to_latents(tokens: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """The reverse, for the tokens of one latent frame: [B, h/2 * w/2, 4 C] -> [B, C, 1, h, w]."""
    patches = tokens.reshape(len(tokens), *grid, PATCH, PATCH, -1)
    return patches.permute(0, 5, 1, 3, 2, 4).flatten(4).flatten(2, 3).unsqueeze(2)
