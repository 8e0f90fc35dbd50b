"""miniFLUX, the transformer of `rain1011/pyramid-flow-miniflux`: the blocks of Flux (Black Forest Labs, 2024) on video.

Tokens are placed by time, row and column. Rows and columns are counted in the grid of the stage, in which a coarser
clip of history stands at the middles of what its tokens cover. Imports torch and diffusers. May import
engines.pyramid.attention and engines.pyramid.transformer.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.configuration_utils import register_to_config
from diffusers.models.transformers.transformer_flux import FluxSingleTransformerBlock, FluxTransformerBlock
from torch import nn

from storyboard.engines.pyramid.attention import CausalAttention
from storyboard.engines.pyramid.transformer import PATCH, PyramidTransformer, to_patches


class PyramidFluxTransformer(PyramidTransformer):
    """Named as the checkpoint's configuration names it. Defaults are those of the published one."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        in_channels: int = 64,
        num_layers: int = 8,
        num_single_layers: int = 16,
        attention_head_dim: int = 64,
        num_attention_heads: int = 30,
        joint_attention_dim: int = 4096,
        pooled_projection_dim: int = 768,
    ) -> None:
        super().__init__()
        head, heads = attention_head_dim, num_attention_heads
        width = head * heads
        # Whatever a configuration says of its axes: that of the published checkpoint is of another head width.
        axes = [head // 4, head * 3 // 8, head * 3 // 8]
        self.build(width, joint_attention_dim, pooled_projection_dim, in_channels, axes)
        self.x_embedder = nn.Linear(in_channels, width)
        self.transformer_blocks = nn.ModuleList(FluxTransformerBlock(width, heads, head) for _ in range(num_layers))
        self.single_transformer_blocks = nn.ModuleList(
            FluxSingleTransformerBlock(width, heads, head) for _ in range(num_single_layers)
        )
        for block in (*self.transformer_blocks, *self.single_transformer_blocks):
            block.attn.set_processor(CausalAttention())

    def embed(self, clip: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        tokens: torch.Tensor = self.x_embedder(to_patches(clip))
        return tokens

    def places(self, clip: torch.Tensor, time: int, grid: tuple[int, int]) -> torch.Tensor:
        count, *sides = clip.shape[2:]
        rows, columns = (
            (torch.arange(side // PATCH, device=clip.device) + 0.5) * (whole * PATCH / side) - 0.5
            for side, whole in zip(sides, grid, strict=True)
        )
        times = torch.arange(time, time + count, device=clip.device, dtype=rows.dtype)
        return torch.cartesian_prod(times, rows, columns)

    def run(self, text: torch.Tensor, video: torch.Tensor, temb: torch.Tensor, more: dict[str, Any]) -> torch.Tensor:
        rotary, said = more["image_rotary_emb"], {"order": more["order"]}
        for block in (*self.transformer_blocks, *self.single_transformer_blocks):
            text, video = block(video, text, temb, rotary, said)
        return video
