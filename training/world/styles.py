"""Pictures in another style: cartoon, pencil drawing, watercolour, black and white.

Imports torch, places, poses and effects.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from training.world.effects import blur
from training.world.places import STYLES
from training.world.poses import SCENE, Timeline, mix

LUMA = (0.299, 0.587, 0.114)


def restyle(picture: Tensor, packed: dict[str, Tensor], line: Timeline) -> Tensor:
    """Pictures [B, F, 3, H, W] in the style of their states; where styles change, one fades into the other."""
    filters = {
        "cartoon": _cartoon,
        "pencil drawing": _pencil,
        "watercolour": _watercolour,
        "black and white": _old_film,
    }
    result = picture
    for name, apply in filters.items():
        of = packed["scene"][:, :, SCENE[name], None]
        amount = mix(of[:, 0], of[:, 1], line.weight)
        chosen = (amount.amax(1) > 0).nonzero()[:, 0]
        if len(chosen):
            share = amount[chosen][..., None, None, None]
            result = result.clone() if result is picture else result
            result[chosen] = result[chosen] + (apply(picture[chosen].clamp(0, 1)) - picture[chosen]) * share
    return result


def _grey(picture: Tensor) -> Tensor:
    return (picture * picture.new_tensor(LUMA)[:, None, None]).sum(2, keepdim=True)


def _edges(picture: Tensor) -> Tensor:
    """How steep the picture is at each pixel, over all colours: [B, F, 1, H, W]."""
    right = torch.diff(picture, dim=-1, append=picture[..., -1:])
    down = torch.diff(picture, dim=-2, append=picture[..., -1:, :])
    return torch.sqrt((right**2 + down**2).sum(2, keepdim=True) + 1e-8)


@functools.lru_cache(maxsize=8)
def _paper(height: int, width: int, device: torch.device, scale: int) -> Tensor:
    """A fixed grain, about -1 to 1, [height, width]."""
    generator = torch.Generator().manual_seed(scale)
    rough = torch.randn(1, 1, -(-height // scale), -(-width // scale), generator=generator)
    grain = torch.nn.functional.interpolate(rough, scale_factor=scale, mode="bilinear")[0, 0, :height, :width]
    return grain.clamp(-2, 2).div(2).to(device)


def _cartoon(picture: Tensor) -> Tensor:
    """Few bright tones and dark outlines."""
    soft = blur(picture, 3)
    grey = _grey(soft)
    vivid = grey + (soft - grey) * 1.45
    steps = 4.0
    scaled = vivid.clamp(0, 1) * steps
    base = scaled.floor()
    toned = (base + ((scaled - base - 0.5) * 5 + 0.5).clamp(0, 1)) / steps
    line = ((_edges(blur(soft, 3)) - 0.06) * 5).clamp(0, 1)
    return toned * (1 - 0.75 * line)


def _pencil(picture: Tensor) -> Tensor:
    """Soft grey lines and shading on paper."""
    soft = blur(picture, 3)
    grey = _grey(soft)
    line = ((_edges(soft) - 0.04) * 3.0).clamp(0, 1)
    # Shading follows what is darker than its surroundings, so that night does not blacken the paper.
    wide = blur(blur(grey, 31), 31)
    shade = (0.3 * (0.85 - grey) + 0.8 * (wide - grey)).clamp(0, 0.6) * 0.7
    tone = 0.96 - shade - 0.62 * line
    return tone.clamp(0.12, 1) * picture.new_tensor((1.0, 0.985, 0.95))[:, None, None]


def _watercolour(picture: Tensor) -> Tensor:
    """Pale washes that run, darker at their edges, on rough paper."""
    height, width = picture.shape[-2:]
    soft = blur(picture, 5) * 0.45 + blur(picture, 3) * 0.55
    grey = _grey(soft)
    wash = grey + (soft - grey) * 1.25
    rim = ((_edges(blur(picture, 3)) - 0.05) * 1.6).clamp(0, 0.3)
    pale = 1 - (1 - wash) * 0.66
    pooled = 0.07 * _paper(height, width, picture.device, 12)
    edge = _margin(height, width, picture.device)
    return ((pale + pooled * (1 - pale)) * (1 - rim) * (1 - edge) + 0.985 * edge).clamp(0, 1)


@functools.lru_cache(maxsize=8)
def _margin(height: int, width: int, device: torch.device) -> Tensor:
    """How much of the bare paper shows: an uneven border, [height, width]."""
    y = torch.arange(height)[:, None].float()
    x = torch.arange(width)[None].float()
    inside = torch.minimum(torch.minimum(x, width - 1 - x), torch.minimum(y, height - 1 - y)) * (128 / height)
    ragged = inside + 2.5 * _paper(height, width, torch.device("cpu"), 9)
    return (1 - (ragged - 2.5) / 2.5).clamp(0, 1).to(device)


def _old_film(picture: Tensor) -> Tensor:
    """Greys with strong contrast, dark towards the corners."""
    height, width = picture.shape[-2:]
    y = torch.linspace(-1, 1, height, device=picture.device)[:, None]
    x = torch.linspace(-1, 1, width, device=picture.device)[None]
    vignette = 1 - 0.32 * ((x**2 + y**2) / 2) ** 1.4
    tone = ((_grey(picture) - 0.5) * 1.2 + 0.5).clamp(0, 1) * vignette
    return tone.expand_as(picture)


assert set(STYLES) >= {"cartoon", "pencil drawing", "watercolour", "black and white"}
