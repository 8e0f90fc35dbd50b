"""Packed motions in, poses of every frame out. Imports torch, motion and packing.

The same closed form as `motion.pose`, for all sprites of all clips at once, and the way one state comes over another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from training.world.motion import Motion
from training.world.packing import FIELDS

SPRITE = {name: index for index, name in enumerate(Motion._fields)}
SCENE = {name: index for index, name in enumerate(FIELDS)}


@dataclass(frozen=True, slots=True)
class Poses:
    """Where sprites are, each [B, slots, F]: x in widths from the middle, y and size in heights."""

    x: Tensor
    y: Tensor
    """Of the feet, hops included."""
    floor: Tensor
    """Of the ground under them."""
    size: Tensor
    turn: Tensor
    """Radians, clockwise on screen."""
    face: Tensor
    squash: Tensor
    alpha: tuple[Tensor, Tensor]
    """Of the earlier and of the later sprite."""
    ground: Tensor

    def centre(self) -> Tensor:
        """Height of the sprites' middles."""
        return self.y - 0.5 * self.size


@dataclass(frozen=True, slots=True)
class Timeline:
    """What holds for whole frames, each [B, F]."""

    weight: Tensor
    """Of the later state: 0 up to `start`, 1 from `start + length` on, smooth between."""
    offset: Tensor
    """Of the camera, in widths."""
    zoom: Tensor
    clock: Tensor


def _smooth(u: Tensor) -> Tensor:
    u = u.clamp(0, 1)
    return u * u * (3 - 2 * u)


def mix(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """Exactly the first where the weight is 0 and the second where it is 1, which `lerp` is not."""
    return first * (1 - weight) + second * weight


def timeline(packed: dict[str, Tensor], frames: int) -> Timeline:
    """How the states of each clip follow one another."""
    scene, turn = packed["scene"], packed["turn"]
    frame = torch.arange(frames, device=scene.device, dtype=torch.float32)
    weight = _smooth((frame - turn[:, :1]) / turn[:, 1:2])

    def of(name: str) -> Tensor:
        return scene[:, :, SCENE[name], None]

    since = frame - of("onset")
    offset = of("cam_x") + of("cam_vx") * since
    zoom = of("zoom") * torch.exp(of("log_zoom") * _smooth(since / of("span")))
    return Timeline(
        weight,
        mix(offset[:, 0], offset[:, 1], weight),
        mix(zoom[:, 0], zoom[:, 1], weight),
        of("clock")[:, 1] + frame,
    )


def _closed_form(sprites: Tensor, frames: int) -> dict[str, Tensor]:
    """The closed forms of [B, 2, slots, fields], each [B, 2, slots, F]."""
    frame = torch.arange(frames, device=sprites.device, dtype=torch.float32)

    def of(name: str) -> Tensor:
        return sprites[..., SPRITE[name], None]

    since = frame - of("onset")
    done = _smooth(since / of("span"))
    angle = of("phase") + of("omega") * since
    swing = torch.sin(angle)
    floor = of("y") + of("dy") * done
    return {
        "x": of("x") + of("vx") * since + of("dx") * done + of("ax") * swing,
        "y": floor + of("ay") * torch.sin(2 * angle) - of("hop") * swing.abs(),
        "floor": (of("y") + of("dy")).expand_as(since),
        "turn": of("r") + of("vr") * since + of("dr") * done + of("ar") * swing,
        "size": of("s") * torch.exp(of("ls") * done),
        "squash": 1 + of("squash") * torch.sin(2 * angle),
        "face": of("face").expand_as(since),
        "alpha": of("alpha").expand_as(since),
        "ground": (of("ground") * of("alpha")).expand_as(since),
    }


def poses(packed: dict[str, Tensor], line: Timeline, frames: int) -> Poses:
    """Poses in all frames. Where a slot is empty in one state, the other's motion alone counts."""
    form = _closed_form(packed["sprites"], frames)
    weight = line.weight[:, None]
    alpha = form["alpha"]
    both = (alpha[:, 0] > 0) & (alpha[:, 1] > 0)
    share = torch.where(both, weight, (alpha[:, 1] > 0).float().expand_as(alpha[:, 1]))
    # Whole turns are dropped, so that whoever has been spinning does not unwind.
    start = packed["turn"][:, 0].clamp(0, frames - 1).long()[:, None, None].expand(-1, alpha.shape[2], 1)
    turns = torch.round(form["turn"][:, 0].gather(-1, start) / (2 * math.pi)) * both[..., :1]
    first = form["turn"][:, 0] - 2 * math.pi * turns

    def mixed(name: str) -> Tensor:
        return mix(form[name][:, 0], form[name][:, 1], share)

    return Poses(
        mixed("x"),
        mixed("y"),
        mixed("floor"),
        mixed("size"),
        mix(first, form["turn"][:, 1], share),
        mixed("face"),
        mixed("squash"),
        (alpha[:, 0] * (1 - weight), alpha[:, 1] * weight),
        mix(form["ground"][:, 0], form["ground"][:, 1], weight),
    )


def on_screen(line: Timeline, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Where points of the world, [B, slots, F], are seen through the camera's zoom."""
    zoom = line.zoom[:, None]
    return x * zoom, (y - PIVOT) * zoom + PIVOT


PIVOT = 0.64
"""The height that stays where it is when the camera zooms."""
