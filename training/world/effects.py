"""What is neither land nor sprite: weather, waves, fireworks, shadows and a lead. Imports torch, poses and backdrop.

All functions draw in place on pictures [B, F, 3, height, width], only where there is something to draw.
"""

from __future__ import annotations

import functools
import math
from random import Random

import torch
import torch.nn.functional as functional
from torch import Tensor

from training.world.backdrop import region
from training.world.canvas import Canvas
from training.world.poses import PIVOT, SCENE, Poses, Timeline, mix, on_screen
from training.world.state import COMPANION, SUBJECT

WATERLINE = 0.70
"""Where the water's surface is, in heights from the top."""


def _some(line: Timeline, chosen: Tensor) -> Timeline:
    return Timeline(*(item[chosen] for item in (line.weight, line.offset, line.zoom, line.clock)))


def _amount(packed: dict[str, Tensor], line: Timeline, name: str) -> Tensor:
    """How much of something there is, [B, F]."""
    of = packed["scene"][:, :, SCENE[name], None]
    return mix(of[:, 0], of[:, 1], line.weight)


def _chosen(amount: Tensor) -> Tensor:
    return (amount.amax(1) > 0.002).nonzero()[:, 0]


def _axes(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Middles of columns in heights from the middle, of rows in heights from the top."""
    x = ((torch.arange(width, device=device) + 0.5) / width - 0.5) * (width / height)
    return x, (torch.arange(height, device=device) + 0.5) / height


def add_shadow(picture: Tensor, where: Poses, line: Timeline, slot: int, height: int, width: int) -> None:
    """A soft dark oval on the ground under a sprite."""
    chosen = _chosen(where.ground[:, slot])
    if not len(chosen):
        return
    part = _some(line, chosen)
    cx, cy = on_screen(part, where.x[chosen, slot : slot + 1], where.floor[chosen, slot : slot + 1])
    x, y = _axes(height, width, picture.device)
    high = (where.floor[chosen, slot] - where.y[chosen, slot]).clamp(0, 1)
    half = where.size[chosen, slot] * part.zoom * 0.4 * (1 - 0.6 * high)
    dx = (x - cx[:, 0, :, None] * (width / height)) / half[..., None]
    dy = (y - cy[:, 0, :, None] + 0.01) / (half[..., None] * 0.24)
    dark = (1.25 - (dx[..., None, :] ** 2 + dy[..., None] ** 2)).clamp(0, 1)
    dark = dark * (0.34 * where.ground[chosen, slot] * (1 - 0.7 * high))[..., None, None]
    picture[chosen] = picture[chosen] * (1 - dark[:, :, None])


def add_lead(picture: Tensor, packed: dict[str, Tensor], where: Poses, line: Timeline, height: int, width: int) -> None:
    """A red line from the subject's hand to the companion's neck."""
    amount = _amount(packed, line, "lead")
    chosen = _chosen(amount)
    if not len(chosen):
        return
    part = _some(line, chosen)
    ends = []
    for slot, share in ((SUBJECT, 0.42), (COMPANION, 0.55)):
        y = where.y[chosen, slot : slot + 1] - share * where.size[chosen, slot : slot + 1]
        cx, cy = on_screen(part, where.x[chosen, slot : slot + 1], y)
        ends.append((cx[:, 0, :, None, None] * (width / height), cy[:, 0, :, None, None]))
    (ax, ay), (bx, by) = ends
    x, y = _axes(height, width, picture.device)
    px, py = x[None, None, None, :] - ax, y[None, None, :, None] - ay
    along = ((px * (bx - ax) + py * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2 + 1e-6)).clamp(0, 1)
    sag = 0.035 * torch.sin(along * math.pi)
    far = torch.sqrt((px - along * (bx - ax)) ** 2 + (py - along * (by - ay) - sag) ** 2)
    cover = ((0.013 - far) * 128 + 0.5).clamp(0, 1) * amount[chosen][..., None, None]
    red = picture.new_tensor((0.82, 0.16, 0.14))[:, None, None]
    picture[chosen] = picture[chosen] * (1 - cover[:, :, None]) + red * cover[:, :, None]


def add_water(picture: Tensor, packed: dict[str, Tensor], line: Timeline, height: int, width: int) -> None:
    """The sea in front of who swims in it: a wavy edge with a bright crest, all below it veiled."""
    scene = packed["scene"]
    chosen = (scene[:, :, SCENE["surface"]].amax(1) > 0).nonzero()[:, 0]
    if not len(chosen):
        return
    part, way = _some(line, chosen), packed["turn"][chosen, 2:3]
    surface = scene[chosen, :, SCENE["surface"], None]
    weight = part.weight
    x, y = _axes(height, width, picture.device)
    # In a dive the surface goes up and out of the picture; coming up, it comes in from above.
    shift = torch.where(surface[:, 0] > 0, weight * way.clamp(min=0), 1 - weight) * (way != 0)
    level = (WATERLINE - PIVOT) * part.zoom + PIVOT - shift
    along = x / part.zoom[..., None] + (part.offset * (width / height))[..., None]
    clock = part.clock[..., None]
    swell = 0.011 * torch.sin(along * 21 + clock * 0.30) + 0.006 * torch.sin(along * 37 - clock * 0.21)
    edge = level[..., None] + swell * part.zoom[..., None]
    depth = y[None, None, :, None] - edge[..., None, :]
    share = region(weight, way, y)[..., None]
    amount = surface[:, 0, :, None, None] * (1 - share) + surface[:, 1, :, None, None] * share
    veil = (depth * height + 0.5).clamp(0, 1) * (0.58 + 0.8 * depth).clamp(0, 0.8) * amount
    crest = (1 - ((depth - 0.006) * height / 1.7).abs()).clamp(0, 1) * amount * 0.85
    grades = scene[chosen, :, SCENE["bg_r"] : SCENE["bg_b"] + 1]
    grade = mix(grades[:, :1], grades[:, 1:], weight[..., None])[..., None, None]
    sea = picture.new_tensor((0.16, 0.46, 0.76))[:, None, None] * grade
    foam = picture.new_tensor((0.86, 0.95, 1.0))[:, None, None] * (0.35 + 0.65 * grade)
    wet = picture[chosen] * (1 - veil[:, :, None]) + sea * veil[:, :, None]
    picture[chosen] = wet * (1 - crest[:, :, None]) + foam * crest[:, :, None]


@functools.lru_cache(maxsize=4)
def _curtains(device: torch.device) -> Tensor:
    """How much rain, snow and bubbles cover, two layers of each: [3, 2, 128, 512], repeating both ways."""
    layers = []
    for kind in ("rain", "snow", "bubbles"):
        for depth in range(2):
            rng, canvas = Random(f"{kind} {depth}"), Canvas()
            for _ in range((150, 130, 26)[["rain", "snow", "bubbles"].index(kind)]):
                x, y = rng.random() * 512, rng.random() * 128
                for turn in (-128, 0, 128):
                    if kind == "rain":
                        long = (9, 14)[depth]
                        canvas.line([(x, y + turn), (x - long * 0.18, y + turn + long)], "#ffffff", (1.0, 1.5)[depth])
                    elif kind == "snow":
                        radius = rng.choice(((1.1, 1.4), (1.6, 2.1))[depth])
                        canvas.oval(x, y + turn, radius, radius, "#ffffff")
                    else:
                        radius = ((1.6, 2.2), (2.4, 3.4))[depth][round(x) % 2]
                        canvas.oval(x, y + turn, radius, radius, "#ffffff")
                        canvas.oval(x, y + turn, radius - 0.9, radius - 0.9, "#00000000")
            layers.append(torch.from_numpy(canvas.pixels()[3]))
    return torch.stack(layers).reshape(3, 2, 128, 512).float().div(255).to(device)


_FALL = {
    "rain": ((-0.9, 5.0), (-1.2, 7.0)),
    "snow": ((0.25, 1.3), (-0.35, 2.0)),
    "bubbles": ((0.12, -0.9), (-0.15, -1.5)),
}
"""Pixels of a 128 pixel picture that each layer moves in a frame."""
_COVER = {"rain": 0.5, "snow": 0.92, "bubbles": 0.6}


def add_weather(picture: Tensor, packed: dict[str, Tensor], line: Timeline, height: int, width: int) -> None:
    """Rain, snow, bubbles and fog, before everything else."""
    x, y = _axes(height, width, picture.device)
    for kind, name in enumerate(_FALL):
        amount = _amount(packed, line, name)
        chosen = _chosen(amount)
        if not len(chosen):
            continue
        part = _some(line, chosen)
        for depth, (across, down) in enumerate(_FALL[name]):
            sheet = _curtains(picture.device)[kind, depth]
            left = torch.remainder(
                (part.offset * (0.5 + 0.5 * depth) * (width / height)) * 128 - across * part.clock, 512
            )
            top = torch.remainder(-down * part.clock, 128)
            cover = _wrapped(sheet, left[..., None] + x * 128 + 136, top[..., None] + y * 128)
            cover = cover * (_COVER[name] * amount[chosen])[..., None, None]
            picture[chosen] = picture[chosen] * (1 - cover[:, :, None]) + 0.95 * cover[:, :, None]
    amount = _amount(packed, line, "fog")
    chosen = _chosen(amount)
    if len(chosen):
        thick = (0.62 - 0.4 * (y - 0.55).clamp(min=0) / 0.45)[:, None] * amount[chosen][..., None, None]
        grades = packed["scene"][chosen, :, SCENE["bg_r"] : SCENE["bg_b"] + 1]
        grade = mix(grades[:, :1], grades[:, 1:], line.weight[chosen][..., None])[..., None, None]
        grey = picture.new_tensor((0.84, 0.87, 0.9))[:, None, None] * (0.25 + 0.75 * grade)
        picture[chosen] = picture[chosen] * (1 - thick[:, :, None]) + grey * thick[:, :, None]


def _wrapped(sheet: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """A repeating picture [h, w] at columns [B, F, W] and rows [B, F, H] in pixels, bilinear: [B, F, H, W]."""
    tall, wide = sheet.shape
    x, y = torch.remainder(columns - 0.5, wide), torch.remainder(rows - 0.5, tall)
    x0, y0 = x.floor(), y.floor()
    fx, fy = (x - x0)[..., None, :], (y - y0)[..., None]
    x0, y0 = x0.long().clamp(0, wide - 1), y0.long().clamp(0, tall - 1)
    x1, y1 = (x0 + 1) % wide, (y0 + 1) % tall

    def at(row: Tensor, column: Tensor) -> Tensor:
        return sheet[row[..., None], column[..., None, :]]

    return (at(y0, x0) * (1 - fx) + at(y0, x1) * fx) * (1 - fy) + (at(y1, x0) * (1 - fx) + at(y1, x1) * fx) * fy


_BURSTS = 3
_PERIOD = 24
"""Frames from one bang of a rocket to the next of the same."""


@functools.lru_cache(maxsize=4)
def _chances(device: torch.device) -> Tensor:
    """Random numbers for the bursts, [64, 3, 5]."""
    rng = Random("fireworks")
    return torch.tensor([[[rng.random() for _ in range(5)] for _ in range(_BURSTS)] for _ in range(64)], device=device)


def add_fireworks(picture: Tensor, amount: Tensor, line: Timeline, height: int, width: int) -> None:
    """Bursts of sparks high in the sky, each growing and going out; `amount` is [B, F]."""
    chosen = _chosen(amount)
    if not len(chosen):
        return
    x, y = _axes(height, width, picture.device)
    colours = picture.new_tensor(
        ((1.0, 0.35, 0.3), (1.0, 0.85, 0.35), (0.45, 0.9, 1.0), (0.6, 1.0, 0.5), (1.0, 0.55, 0.95))
    )
    clock, strength = line.clock[chosen], amount[chosen]
    glow = torch.zeros_like(picture[chosen])
    for burst in range(_BURSTS):
        time = clock + burst * (_PERIOD // _BURSTS)
        number = torch.div(time, _PERIOD, rounding_mode="floor").long()
        age = torch.remainder(time, _PERIOD) / _PERIOD
        lot = _chances(picture.device)[number % 64, burst]
        cx = ((burst - 1) * 0.3 + (lot[..., 0] - 0.5) * 0.2) * (width / height)
        cy = 0.14 + 0.16 * lot[..., 1] + 0.05 * age**2
        dx, dy = x - cx[..., None], y - cy[..., None]
        far = torch.sqrt(dx[..., None, :] ** 2 + dy[..., None] ** 2)
        angle = torch.atan2(dy[..., None].expand_as(far), dx[..., None, :].expand_as(far))
        reach = ((0.16 + 0.08 * lot[..., 2]) * (1 - (1 - age) ** 3))[..., None, None]
        rays = (0.5 + 0.5 * torch.cos(angle * 12 + lot[..., 3, None, None] * 6)) ** 2
        spark = torch.zeros_like(far)
        for ring in (1.0, 0.66, 0.33):
            spark += torch.exp(-(((far - reach * ring) / 0.02) ** 2))
        bright = (spark * rays).clamp(max=1) * ((1 - age) ** 0.7 * strength)[..., None, None]
        colour = colours[(lot[..., 4] * 5).long().clamp(max=4)]
        glow += bright[:, :, None] * colour[..., None, None] * 1.25
    picture[chosen] = picture[chosen] + glow * (1 - 0.5 * picture[chosen])


def blur(picture: Tensor, size: int) -> Tensor:
    """Mean of a square around each pixel, edges repeated: [B, F, C, H, W]."""
    flat = functional.pad(picture.flatten(0, 1), (size // 2,) * 4, mode="replicate")
    return functional.avg_pool2d(flat, size, 1).reshape(picture.shape)
