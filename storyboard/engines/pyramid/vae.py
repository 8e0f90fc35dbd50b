"""The causal video autoencoder of Pyramid Flow: frames [B, 3, 8n+1, H, W] in -1..1 <-> latents [B, C, n+1, H/8, W/8].

Frame 0 alone makes latent 0, and frames 0 to 8j make latent j; back again, frames 8j-7 to 8j come from latents 0 to j.
So the latents of a clip's beginning are the beginning of its latents, and the same holds for frames.

State-dict keys are those of the published weights. Clips go through in pieces, which gives the same to the last few
bits. Tiles give other pixels: they are cut only where `use_tiling` is set. Imports torch and diffusers; imported when a
shot is really shot. May import engines.pyramid.parts, engines.pyramid.vae_blocks and engines.pyramid.tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise

import torch
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import Tensor, nn
from torch.nn.functional import silu

from storyboard.engines.pyramid.parts import PIXELS
from storyboard.engines.pyramid.tiles import tiled
from storyboard.engines.pyramid.vae_blocks import (
    CausalConv3d,
    DownBlock,
    FrameNorm,
    MiddleBlock,
    Past,
    UpBlock,
    pieces,
    stream,
)

ENCODE_WINDOW = 8
"""Frames that go through the encoder at once, after the first one."""
DECODE_WINDOW = 1
"""Frames, of whatever size, that go through a layer of the decoder at once."""
_LEAST, _MOST = -30.0, 20.0


@dataclass(frozen=True, slots=True)
class VaeConfig:
    """How an autoencoder is built, in the words of its `config.json`. The defaults are those of the published ones."""

    encoder_in_channels: int = 3
    encoder_out_channels: int = 16
    encoder_layers_per_block: tuple[int, ...] = (2, 2, 2, 2)
    encoder_block_out_channels: tuple[int, ...] = (128, 256, 512, 512)
    encoder_spatial_down_sample: tuple[bool, ...] = (True, True, True, False)
    encoder_temporal_down_sample: tuple[bool, ...] = (True, True, True, False)
    encoder_norm_num_groups: int = 32
    decoder_in_channels: int = 16
    decoder_out_channels: int = 3
    decoder_layers_per_block: tuple[int, ...] = (3, 3, 3, 3)
    decoder_block_out_channels: tuple[int, ...] = (128, 256, 512, 512)
    decoder_spatial_up_sample: tuple[bool, ...] = (True, True, True, False)
    decoder_temporal_up_sample: tuple[bool, ...] = (True, True, True, False)
    decoder_norm_num_groups: int = 32

    @classmethod
    def read(cls, config: Mapping[str, object]) -> VaeConfig:
        """Of a `config.json`, which says more than what is needed here."""
        known = {field.name: config[field.name] for field in fields(cls) if field.name in config}
        return cls(**{name: tuple(said) if isinstance(said, list) else said for name, said in known.items()})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Posterior:
    """What the encoder makes of a clip: a normal distribution for each number of its latents."""

    mean: Tensor
    """[B, C, n+1, h, w], float32."""
    std: Tensor
    """The same."""


class Encoder(nn.Module):
    """Frames to moments."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        groups, widths = config.encoder_norm_num_groups, config.encoder_block_out_channels
        self.conv_in = CausalConv3d(config.encoder_in_channels, widths[0])
        each = zip(
            pairwise((widths[0], *widths)),
            config.encoder_layers_per_block,
            config.encoder_spatial_down_sample,
            config.encoder_temporal_down_sample,
            strict=True,
        )
        self.down_blocks = nn.ModuleList(
            [
                DownBlock(channels, out, layers, groups, smaller=smaller, shorter=shorter)
                for (channels, out), layers, smaller, shorter in each
            ]
        )
        self.mid_block = MiddleBlock(widths[-1], groups)
        self.conv_norm_out = FrameNorm(groups, widths[-1])
        self.conv_out = CausalConv3d(widths[-1], 2 * config.encoder_out_channels)

    def forward(self, x: Tensor, past: Past) -> Tensor:
        x = self.conv_in(x, past)
        for block in self.down_blocks:
            x = block(x, past)
        return self.conv_out.forward(silu(self.conv_norm_out(self.mid_block(x, past))), past)


class Decoder(nn.Module):
    """Latents to frames. It has no `forward`: its layers are run one by one, so that frames can stream through."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        groups, widths = config.decoder_norm_num_groups, config.decoder_block_out_channels[::-1]
        self.conv_in = CausalConv3d(config.decoder_in_channels, widths[0])
        self.mid_block = MiddleBlock(widths[0], groups)
        each = zip(
            pairwise((widths[0], *widths)),
            config.decoder_layers_per_block,
            config.decoder_spatial_up_sample,
            config.decoder_temporal_up_sample,
            strict=True,
        )
        self.up_blocks = nn.ModuleList(
            [
                UpBlock(channels, out, layers, groups, larger=larger, longer=longer)
                for (channels, out), layers, larger, longer in each
            ]
        )
        self.conv_norm_out = FrameNorm(groups, widths[-1])
        self.conv_out = CausalConv3d(widths[-1], config.decoder_out_channels)

    def finish(self, x: Tensor, past: Past) -> Tensor:
        """The last layer."""
        return self.conv_out.forward(silu(self.conv_norm_out(x)), past)


class CausalVideoVae(nn.Module):
    """The autoencoder. With `use_tiling` a picture of more than `tile` pixels a side is cut into tiles."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder, self.decoder = Encoder(config), Decoder(config)
        self.quant_conv = CausalConv3d(2 * config.encoder_out_channels, 2 * config.encoder_out_channels, kernel=1)
        self.post_quant_conv = CausalConv3d(config.decoder_in_channels, config.decoder_in_channels, kernel=1)
        self.use_tiling = False
        self.use_slicing = False
        """Said by the options that all engines share. There is one clip at a time here, so nothing is to be sliced."""
        self.tile = 256

    @property
    def dtype(self) -> torch.dtype:
        return self.quant_conv.conv.weight.dtype

    @apply_forward_hook  # type: ignore[untyped-decorator]
    def encode(self, frames: Tensor, window: int = ENCODE_WINDOW) -> Posterior:
        """Of [B, 3, 8n+1, H, W] in -1..1, on the device where it runs. `window` is a multiple of 8."""
        assert frames.shape[2] % PIXELS == 1 and window % PIXELS == 0, (frames.shape, window)

        def moments(x: Tensor) -> Tensor:
            past = Past()
            found = [self.quant_conv(self.encoder(piece, past), past) for piece in pieces(x, 1, window)]
            return torch.cat(found, dim=2).float()

        whole = self._cut(moments, frames.to(self.dtype), self.tile, 1 / PIXELS)
        mean, log_variance = whole.chunk(2, dim=1)
        return Posterior(mean, torch.exp(log_variance.clamp(_LEAST, _MOST) / 2))

    @apply_forward_hook  # type: ignore[untyped-decorator]
    def decode(self, latents: Tensor, window: int = DECODE_WINDOW) -> Tensor:
        """Frames [B, 3, 8n+1, H, W] of about -1..1 from [B, C, n+1, h, w] on the device where it runs.

        They are float32 and in main memory, where there is room for a long clip.
        """
        decoder = self.decoder

        def frames(x: Tensor) -> Tensor:
            layers = (self.post_quant_conv, decoder.conv_in, decoder.mid_block, *decoder.up_blocks, decoder.finish)
            return torch.cat([piece.float().cpu() for piece in stream(x, layers, Past(), window)], dim=2)

        return self._cut(frames, latents.to(self.dtype), self.tile // PIXELS, PIXELS)

    def _cut(self, work: Callable[[Tensor], Tensor], x: Tensor, tile: int, factor: float) -> Tensor:
        """What `work` makes of `x`, in tiles where they are asked for and it is larger than one."""
        return tiled(work, x, tile, factor) if self.use_tiling and max(x.shape[-2:]) > tile else work(x)
