"""Packed clips in, pictures out, all on one device and without a loop over frames.

Imports torch, atlas, poses, backdrop, effects and styles.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from training.world.atlas import CELL, load_atlas
from training.world.backdrop import backdrop, region
from training.world.effects import add_fireworks, add_lead, add_shadow, add_water, add_weather
from training.world.poses import SCENE, SPRITE, Poses, Timeline, mix, on_screen, poses, timeline
from training.world.state import COMPANION, PROP, SLOTS, SUBJECT
from training.world.styles import restyle

CHUNK = 64
"""Clips that are rendered at once: what bounds memory."""


@torch.no_grad()
def render(
    packed: dict[str, Tensor], *, frames: int = 33, height: int = 128, width: int = 128, device: torch.device | str
) -> Tensor:
    """The pictures of packed clips, uint8 RGB [B, frames, 3, height, width]; the same on every run of one machine."""
    device = torch.device(device)
    moved = {name: values.to(device) for name, values in packed.items()}
    count = len(moved["turn"])
    out = torch.empty(count, frames, 3, height, width, dtype=torch.uint8, device=device)
    for start in range(0, count, CHUNK):
        part = {name: values[start : start + CHUNK] for name, values in moved.items()}
        out[start : start + CHUNK] = _render(part, frames, height, width)
    return out


def _render(packed: dict[str, Tensor], frames: int, height: int, width: int) -> Tensor:
    line = timeline(packed, frames)
    where = poses(packed, line, frames)
    picture = backdrop(packed, line, frames, height, width)
    night = mix(
        packed["scene"][:, 0, SCENE["fireworks"], None], packed["scene"][:, 1, SCENE["fireworks"], None], line.weight
    )
    add_fireworks(picture, night, line, height, width)
    for slot in (PROP, COMPANION, SUBJECT):
        add_shadow(picture, where, line, slot, height, width)
    add_lead(picture, packed, where, line, height, width)
    for slot in range(SLOTS):
        _add_sprite(picture, packed, where, line, slot)
    add_water(picture, packed, line, height, width)
    add_weather(picture, packed, line, height, width)
    picture = restyle(picture, packed, line)
    return (picture.clamp_(0, 1) * 255).round_().to(torch.uint8)


def _grid(where: Poses, line: Timeline, chosen: Tensor, slot: int, height: int, width: int) -> Tensor:
    """For each pixel, where it is in the sprite's cell: [n, F, height, width, 2], -1 to 1."""
    device = chosen.device
    part = Timeline(*(item[chosen] for item in (line.weight, line.offset, line.zoom, line.clock)))
    cx, cy = on_screen(part, where.x[chosen, slot : slot + 1], where.centre()[chosen, slot : slot + 1])
    size = (where.size[chosen, slot] * part.zoom)[..., None, None] * 0.5
    px = ((torch.arange(width, device=device) + 0.5) / width - 0.5)[None, None, None] - cx[:, 0, :, None, None]
    py = ((torch.arange(height, device=device) + 0.5) / height)[None, None, :, None] - cy[:, 0, :, None, None]
    px = px * (width / height)
    turn = where.turn[chosen, slot][..., None, None]
    cos, sin = torch.cos(turn), torch.sin(turn)
    squash = where.squash[chosen, slot][..., None, None]
    face = where.face[chosen, slot][..., None, None]
    # Who turns round is thin for a moment only.
    face = torch.sign(face) * face.abs().clamp(min=0.1).sqrt()
    face = torch.where(face == 0, torch.full_like(face, 0.3), face)
    u = (px * cos + py * sin) / size / face * squash
    v = (py * cos - px * sin) / size / squash
    return torch.stack([u, v], -1)


def _add_sprite(picture: Tensor, packed: dict[str, Tensor], where: Poses, line: Timeline, slot: int) -> None:
    """Draw one slot over the pictures, in place."""
    names = packed["sprites"][:, :, slot, SPRITE["sprite"]].long()
    first, second = (alpha[:, slot] for alpha in where.alpha)
    seen = (first + second).amax(1) > 0
    steady = seen & (names[:, 0] == names[:, 1]) & ((first + second).amin(1) > 0.999)
    atlas = load_atlas(picture.device)
    if slot < PROP or slot > SUBJECT:
        atlas = functional.avg_pool2d(atlas, 2)
    for chosen, changing in ((steady.nonzero()[:, 0], False), ((seen & ~steady).nonzero()[:, 0], True)):
        if not len(chosen):
            continue
        _, frames, _, height, width = picture.shape
        grid = _grid(where, line, chosen, slot, height, width)
        if changing:
            a, b = first[chosen][..., None, None, None], second[chosen][..., None, None, None]
            texture = atlas[names[chosen, 0]][:, None] * a + atlas[names[chosen, 1]][:, None] * b
            layer = functional.grid_sample(texture.flatten(0, 1), grid.flatten(0, 1), align_corners=False)
            layer = layer.reshape(len(chosen), frames, 4, height, width)
        else:
            flat = grid.reshape(len(chosen), frames * height, width, 2)
            layer = functional.grid_sample(atlas[names[chosen, 1]], flat, align_corners=False)
            layer = layer.reshape(len(chosen), 4, frames, height, width).transpose(1, 2)
        tints = packed["scene"][chosen, :, SCENE["sprite_r"] : SCENE["sprite_b"] + 1]
        tint = mix(tints[:, :1], tints[:, 1:], line.weight[chosen][..., None])[..., None, None]
        picture[chosen] = picture[chosen] * (1 - layer[:, :, 3:]) + layer[:, :, :3] * tint


@torch.no_grad()
def masks(
    packed: dict[str, Tensor], *, frames: int = 33, height: int = 128, width: int = 128, device: torch.device | str
) -> Tensor:
    """Where sprites are: bool [B, frames, 1, height, width], true in the boxes of all that is drawn from the atlas."""
    device = torch.device(device)
    packed = {name: values.to(device) for name, values in packed.items()}
    line = timeline(packed, frames)
    where = poses(packed, line, frames)
    cx, cy = on_screen(line, where.x, where.centre())
    half = where.size * line.zoom[:, None] * 0.5
    # A turned square reaches farther out.
    half = half * (torch.cos(where.turn).abs() + torch.sin(where.turn).abs()).clamp(max=1.25) + 1.5 / height
    px = (torch.arange(width, device=device) + 0.5) / width - 0.5
    py = (torch.arange(height, device=device) + 0.5) / height
    inside = torch.zeros(len(cx), frames, height, width, dtype=torch.bool, device=device)
    seen = (where.alpha[0] + where.alpha[1]) > 0.05
    for slot in range(SLOTS):
        columns = ((px - cx[:, slot, :, None]).abs() * (width / height) < half[:, slot, :, None]) & seen[
            :, slot, :, None
        ]
        rows = (py - cy[:, slot, :, None]).abs() < half[:, slot, :, None]
        inside |= rows[..., None] & columns[..., None, :]
    return inside[:, :, None]


__all__ = ["CELL", "masks", "region", "render"]
