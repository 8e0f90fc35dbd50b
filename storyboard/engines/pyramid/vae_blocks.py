"""What the causal video autoencoder is made of: convolutions that see no later frame, and what is built on them.

A clip may go through in pieces, one after the other. Each convolution keeps the last frames of its input in `past`, and
so gives for a piece what it would give for it in the whole clip. An empty `past` means that the clip begins here.

Shapes are [B, C, T, H, W]. Attribute names are those of the published weights. Imports torch and diffusers; imported
when a shot is really shot. May import nothing of storyboard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn
from torch.nn.functional import conv2d, silu

_REACH = 2
"""Frames before its own that a convolution sees."""
_EPS = 1e-6


@dataclass(frozen=True, slots=True)
class Past:
    """What convolutions keep of a clip between its pieces. No mapping itself: hooks that move arguments copy those."""

    frames: dict[nn.Module, Tensor] = field(default_factory=dict)


Layer = Callable[[Tensor, Past], Tensor]


class Conv3d(nn.Conv3d):
    """A convolution that makes a single frame of those that it sees as one of pictures, whose channels are theirs.

    It is the same sum, and there are faster ways to it: on a CPU it takes less than half the time.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] != self.kernel_size[0]:
            return super().forward(x)
        picture, weight = x.flatten(1, 2), self.weight.flatten(1, 2)
        return conv2d(picture, weight, self.bias, self.stride[1:], self.kernel_size[1] // 2).unsqueeze(2)


class CausalConv3d(nn.Module):
    """A convolution over time, height and width, padded with zeros around the picture and before the first frame."""

    def __init__(self, channels: int, out: int, kernel: int = 3, stride: tuple[int, int, int] = (1, 1, 1)) -> None:
        super().__init__()
        self.conv = Conv3d(channels, out, kernel, stride, padding=(0, kernel // 2, kernel // 2))

    def forward(self, x: Tensor, past: Past) -> Tensor:
        if self.conv.kernel_size[0] > 1:
            x = self._continued(x, past)
        made: Tensor = self.conv(x)
        return made

    def _continued(self, x: Tensor, past: Past) -> Tensor:
        if self in past.frames:
            # The next step of a stride of 2 begins one frame further on than that of a stride of 1.
            x = torch.cat([past.frames[self][:, :, self.conv.stride[0] - 1 :], x], dim=2)
        else:
            x = torch.cat([x.new_zeros(*x.shape[:2], _REACH, *x.shape[3:]), x], dim=2)
        past.frames[self] = x[:, :, -_REACH:].clone()
        return x


class FrameNorm(nn.GroupNorm):
    """Normalizes groups of channels over each frame by itself."""

    def __init__(self, groups: int, channels: int) -> None:
        super().__init__(groups, channels, eps=_EPS)

    def forward(self, x: Tensor) -> Tensor:
        b, _, t, _, _ = x.shape
        return _clip(super().forward(_pictures(x)), b, t)


class ResidualBlock(nn.Module):
    def __init__(self, channels: int, out: int, groups: int) -> None:
        super().__init__()
        self.norm1 = FrameNorm(groups, channels)
        self.conv1 = CausalConv3d(channels, out)
        self.norm2 = FrameNorm(groups, out)
        self.conv2 = CausalConv3d(out, out)
        if channels != out:
            self.conv_shortcut = CausalConv3d(channels, out, kernel=1)

    def forward(self, x: Tensor, past: Past) -> Tensor:
        h: Tensor = self.conv1(silu(self.norm1(x)), past)
        h = self.conv2(silu(self.norm2(h)), past)
        return h + (self.conv_shortcut(x, past) if hasattr(self, "conv_shortcut") else x)


class MiddleBlock(nn.Module):
    """Two residual blocks, and between them attention over the pixels of each frame."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([ResidualBlock(channels, channels, groups) for _ in range(2)])
        attention = Attention(
            channels, dim_head=channels, heads=1, norm_num_groups=groups, eps=_EPS, bias=True, residual_connection=True
        )
        self.attentions = nn.ModuleList([attention])

    def forward(self, x: Tensor, past: Past) -> Tensor:
        b, _, t, _, _ = x.shape
        x = self.resnets[0](x, past)
        x = _clip(self.attentions[0](_pictures(x)), b, t)
        made: Tensor = self.resnets[1](x, past)
        return made


class Resampler(nn.Module):
    """A convolution that makes a clip smaller, or makes more channels out of which a clip becomes larger."""

    def __init__(self, channels: int, out: int, stride: tuple[int, int, int] = (1, 1, 1)) -> None:
        super().__init__()
        self.conv = CausalConv3d(channels, out, stride=stride)

    def forward(self, x: Tensor, past: Past) -> Tensor:
        return self.conv.forward(x, past)


class PictureUpsampler(Resampler):
    """To twice the height and width."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 4 * channels)

    def forward(self, x: Tensor, past: Past) -> Tensor:
        b, c, t, h, w = x.shape
        wide = super().forward(x, past).reshape(b, c, 2, 2, t, h, w)
        return wide.permute(0, 1, 4, 5, 2, 6, 3).reshape(b, c, t, 2 * h, 2 * w)


class TimeUpsampler(Resampler):
    """To twice the frames, but for the first one of a clip, of which there is one afterwards as well."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 2 * channels)

    def forward(self, x: Tensor, past: Past) -> Tensor:
        b, c, t, h, w = x.shape
        begins = self.conv not in past.frames
        long = super().forward(x, past).reshape(b, c, 2, t, h, w).transpose(2, 3).reshape(b, c, 2 * t, h, w)
        return long[:, :, 1:] if begins else long


class DownBlock(nn.Module):
    """Residual blocks, then half the size, then half the frames."""

    def __init__(self, channels: int, out: int, layers: int, groups: int, *, smaller: bool, shorter: bool) -> None:
        super().__init__()
        self.resnets = _residual_blocks(channels, out, layers, groups)
        self.downsamplers = nn.ModuleList([Resampler(out, out, (1, 2, 2))] if smaller else [])
        self.temporal_downsamplers = nn.ModuleList([Resampler(out, out, (2, 1, 1))] if shorter else [])

    def forward(self, x: Tensor, past: Past) -> Tensor:
        for layer in (*self.resnets, *self.downsamplers, *self.temporal_downsamplers):
            x = layer(x, past)
        return x


class UpBlock(nn.Module):
    """Residual blocks, then twice the size, then twice the frames."""

    def __init__(self, channels: int, out: int, layers: int, groups: int, *, larger: bool, longer: bool) -> None:
        super().__init__()
        self.resnets = _residual_blocks(channels, out, layers, groups)
        self.upsamplers = nn.ModuleList([PictureUpsampler(out)] if larger else [])
        self.temporal_upsamplers = nn.ModuleList([TimeUpsampler(out)] if longer else [])

    def forward(self, x: Tensor, past: Past) -> Tensor:
        for layer in (*self.resnets, *self.upsamplers, *self.temporal_upsamplers):
            x = layer(x, past)
        return x


def pieces(x: Tensor, first: int, size: int) -> Sequence[Tensor]:
    """A clip in pieces: `first` frames, then `size` each, the last one what remains."""
    rest = x.shape[2] - first
    if rest <= 0:
        return [x]
    return torch.split(x, [first, *[size] * (rest // size), *([rest % size] if rest % size else [])], dim=2)


def stream(x: Tensor, layers: Sequence[Layer], past: Past, window: int) -> Iterator[Tensor]:
    """A clip through `layers`, in pieces of at most `window` frames before each of them.

    Each piece goes all the way before the next one sets out, so that memory holds one piece a layer, not the clip.
    """
    if not layers:
        yield x
        return
    for piece in torch.split(x, window, dim=2):
        yield from stream(layers[0](piece, past), layers[1:], past, window)


def _residual_blocks(channels: int, out: int, layers: int, groups: int) -> nn.ModuleList:
    return nn.ModuleList([ResidualBlock(out if layer else channels, out, groups) for layer in range(layers)])


def _pictures(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(0, 1)


def _clip(x: Tensor, b: int, t: int) -> Tensor:
    return x.reshape(b, t, *x.shape[1:]).transpose(1, 2)
