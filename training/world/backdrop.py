"""Where everything happens: skies and land as the camera sees them, one place coming over another.

Imports torch, scenery and poses.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from training.world.poses import PIVOT, SCENE, Timeline
from training.world.scenery import HEIGHT, MARGIN, WIDTH, load_scenery

PARALLAX = (0.12, 0.45, 1.0)
"""How fast the sky, the far land and the near land go by."""


def backdrop(packed: dict[str, Tensor], line: Timeline, frames: int, height: int, width: int) -> Tensor:
    """Pictures without sprites, [B, F, 3, height, width], 0 to 1."""
    scene, change = packed["scene"], packed["turn"][:, 2]
    picture = _seen(scene[:, 0], line, torch.zeros_like(line.weight), height, width)
    keys = [SCENE[name] for name in ("sky", "land", "bg_r", "bg_g", "bg_b", "lit")]
    differs = (scene[:, 0, keys] != scene[:, 1, keys]).any(-1) & (line.weight[:, -1] > 0)
    chosen = differs.nonzero()[:, 0]
    if not len(chosen):
        return picture
    some = Timeline(*(part[chosen] for part in (line.weight, line.offset, line.zoom, line.clock)))
    weight, way = some.weight, change[chosen, None]
    rows = (torch.arange(height, device=scene.device) + 0.5) / height
    after = _seen(scene[chosen, 1], some, -way * (1 - weight), height, width)
    before = picture[chosen]
    scrolled = (way[:, 0] != 0).nonzero()[:, 0]
    if len(scrolled):
        part = Timeline(*(item[chosen][scrolled] for item in (line.weight, line.offset, line.zoom, line.clock)))
        moved = _seen(scene[chosen[scrolled], 0], part, (way * weight)[scrolled], height, width)
        before = before.index_copy(0, scrolled, moved)
    share = region(weight, way, rows)[:, :, None, :, None]
    return picture.index_copy(0, chosen, before * (1 - share) + after * share)


def region(weight: Tensor, way: Tensor, rows: Tensor) -> Tensor:
    """How much of the later place is seen in each row, [B, F, rows]: all rows alike in a fade, a moving edge else."""
    edge = torch.where(way > 0, 1 - weight, weight)[..., None]
    below = ((rows - edge) * 40 + weight[..., None]).clamp(0, 1)
    above = ((edge - rows) * 40 + weight[..., None]).clamp(0, 1)
    fade = weight[..., None].expand_as(below)
    moved = torch.where(way[..., None] > 0, below, above)
    return torch.where(way[..., None] == 0, fade, moved)


def _seen(scene: Tensor, line: Timeline, shift: Tensor, height: int, width: int) -> Tensor:
    """One state's place, shifted down by `shift` heights [B, F]."""
    skies, far, near = load_scenery(scene.device)
    land = scene[:, SCENE["land"]].long()
    grade = scene[:, SCENE["bg_r"] : SCENE["bg_b"] + 1, None, None, None]
    lit = scene[:, SCENE["lit"], None, None, None, None]
    picture = _layer(skies[scene[:, SCENE["sky"]].long()], line, PARALLAX[0], shift, height, width)
    for source, speed in ((far, PARALLAX[1]), (near, PARALLAX[2])):
        layer = _layer(source[land], line, speed, shift, height, width)
        colour = layer[:, :3] * grade
        lamp = layer.new_tensor((1.0, 0.86, 0.5))[:, None, None, None] * layer[:, 4:5] * lit
        picture = picture * (1 - layer[:, 3:4]) + torch.maximum(colour, lamp)
    return picture.transpose(1, 2)


def _layer(textures: Tensor, line: Timeline, speed: float, shift: Tensor, height: int, width: int) -> Tensor:
    """Panoramas [B, C, HEIGHT, W] through the camera: [B, C, F, height, width]."""
    device, (batch, frames) = textures.device, line.offset.shape
    across = HEIGHT * width / height
    assert across <= MARGIN, "pictures this wide need wider margins"
    zoom = 1 + (line.zoom - 1) * speed if speed < 0.2 else line.zoom
    start = torch.remainder(line.offset * speed * across, WIDTH)
    u = (torch.arange(width, device=device) + 0.5) / width - 0.5
    columns = start[..., None] + (u / zoom[..., None] + 0.5) * across
    v = (torch.arange(height, device=device) + 0.5) / height
    rows = ((v - PIVOT) / zoom[..., None] + PIVOT + shift[..., None]) * HEIGHT
    grid_x = (columns / (WIDTH + MARGIN) * 2 - 1)[:, :, None, :].expand(-1, -1, height, -1)
    grid_y = (rows / HEIGHT * 2 - 1)[:, :, :, None].expand(-1, -1, -1, width)
    grid = torch.stack([grid_x, grid_y], -1).reshape(batch, frames * height, width, 2)
    seen = functional.grid_sample(textures.float() / 255, grid, padding_mode="border", align_corners=False)
    return seen.reshape(batch, -1, frames, height, width)
