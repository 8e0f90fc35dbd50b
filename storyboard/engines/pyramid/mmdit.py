"""The transformer of `rain1011/pyramid-flow-sd3`: the MMDiT of Stable Diffusion 3 (Esser et al., 2024) on video.

Rows and columns are in a table of sines that is added to the tokens: the middle of it that is the stage's grid, which
is made smaller for coarser clips of history. The rotary embedding knows the time only. Imports torch and diffusers.
May import engines.pyramid.attention and engines.pyramid.transformer.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.configuration_utils import register_to_config
from diffusers.models.attention import JointTransformerBlock
from diffusers.models.embeddings import PatchEmbed
from torch import nn
from torch.nn.functional import interpolate

from storyboard.engines.pyramid.attention import CausalAttention
from storyboard.engines.pyramid.transformer import PATCH, PyramidTransformer

_EPS = 1e-5
"""Of the norms of queries and keys; diffusers' block has another."""


class PyramidDiffusionMMDiT(PyramidTransformer):
    """Named as the checkpoint's configuration names it. Defaults are those of the published one."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        sample_size: int = 128,
        in_channels: int = 16,
        num_layers: int = 24,
        attention_head_dim: int = 64,
        num_attention_heads: int = 24,
        joint_attention_dim: int = 4096,
        pooled_projection_dim: int = 2048,
        pos_embed_max_size: int = 192,
    ) -> None:
        super().__init__()
        head, heads = attention_head_dim, num_attention_heads
        width = head * heads
        self.build(width, joint_attention_dim, pooled_projection_dim, in_channels * PATCH**2, [head])
        self.pos_embed = PatchEmbed(
            sample_size, sample_size, PATCH, in_channels, width, pos_embed_max_size=pos_embed_max_size
        )
        self.transformer_blocks = nn.ModuleList(
            _block(width, heads, head, is_last=index == num_layers - 1) for index in range(num_layers)
        )

    def embed(self, clip: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        height, width = clip.shape[3:]
        frames: torch.Tensor = self.pos_embed.proj(clip.transpose(1, 2).flatten(0, 1))
        tokens = frames.flatten(2).transpose(1, 2) + self._table(grid, (height // PATCH, width // PATCH)).to(clip)
        return tokens.reshape(len(clip), -1, tokens.shape[-1])

    def _table(self, grid: tuple[int, int], size: tuple[int, int]) -> torch.Tensor:
        """The sines [1, tokens, D] of the stage's grid, resized for a clip of another."""
        table: torch.Tensor = self.pos_embed.cropped_pos_embed(grid[0] * PATCH, grid[1] * PATCH)
        if size == grid:
            return table
        picture = table.transpose(1, 2).reshape(1, -1, *grid)
        return interpolate(picture, size, mode="bilinear", align_corners=False).flatten(2).transpose(1, 2)

    def places(self, clip: torch.Tensor, time: int, grid: tuple[int, int]) -> torch.Tensor:
        count, height, width = clip.shape[2:]
        times = torch.arange(time, time + count, device=clip.device, dtype=torch.float32)
        return times.repeat_interleave(height // PATCH * (width // PATCH))[:, None]

    def run(self, text: torch.Tensor, video: torch.Tensor, temb: torch.Tensor, more: dict[str, Any]) -> torch.Tensor:
        for block in self.transformer_blocks:
            text, video = block(video, text, temb, more)
        return video


def _block(width: int, heads: int, head: int, *, is_last: bool) -> JointTransformerBlock:
    """A block of diffusers with the norms of the published weights, by their names."""
    block = JointTransformerBlock(width, heads, head, context_pre_only=is_last, qk_norm="rms_norm")
    attn = block.attn
    attn.norm_add_q, attn.norm_add_k = attn.norm_added_q, attn.norm_added_k
    del attn.norm_added_q, attn.norm_added_k
    for norm in (attn.norm_q, attn.norm_k, attn.norm_add_q, attn.norm_add_k):
        norm.eps = _EPS
    attn.set_processor(CausalAttention(("norm_add_q", "norm_add_k")))
    return block
