"""Draws what `great-wall.yaml` begins with: a wall with towers, along the ridge of a range of hills in the evening.

    python examples/assets/wall.py [FOLDER]      writes wall.png

Everything is computed, nothing is taken from elsewhere: the same call gives the same picture. Needs numpy and Pillow;
imports nothing of storyboard.
"""

from __future__ import annotations

import sys
from math import pi, sin
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 480, 288
SCALE = 4
"""Shapes are drawn so much larger and scaled down, which smooths their edges."""
SUN = (350.0, 74.0, 15.0)
SKY = ((92, 122, 176), (250, 202, 150))
HILLS = (
    (118.0, 22.0, 0.7, (158, 146, 172)),
    (150.0, 26.0, 2.6, (118, 116, 140)),
    (184.0, 30.0, 4.3, (84, 96, 100)),
    (226.0, 34.0, 0.2, (50, 70, 58)),
)
"""From the farthest on: height of the ridge, of its waves, where they begin, colour."""
STONE, SHADE = (206, 178, 142), (132, 104, 86)
WALLED = ((3, 17.0, 9.0), (2, 9.0, 5.0), (1, 4.5, 3.0))
"""Which hills bear the wall, with the height of the wall and of what stands above it, the nearest first."""
TOWERS = 4


def ridge(hill: int, x: float) -> float:
    """The height of a hill's ridge above the lower edge of the picture, from the top, at `x`."""
    base, wave, phase, _ = HILLS[hill]
    turn = 2 * pi * x / WIDTH
    return base - wave * (sin(1.3 * turn + phase) + 0.35 * sin(3.1 * turn + 2 * phase) + 0.08 * sin(11 * turn))


def wall() -> NDArray[np.uint8]:
    """The picture, RGB [288, 480, 3]."""
    rows = np.linspace(0, 1, HEIGHT * SCALE)[:, None, None] ** 1.3
    top, bottom = (np.array(color, float) for color in SKY)
    sky = np.broadcast_to(top + (bottom - top) * np.clip(rows * 1.8, 0, 1), (HEIGHT * SCALE, WIDTH * SCALE, 3))
    picture = Image.fromarray(sky.astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    x, y, radius = (SCALE * number for number in SUN)
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 240, 206))
    borne = {hill: sizes for hill, *sizes in WALLED}
    for hill, (*_, color) in enumerate(HILLS):
        line = [(each * SCALE, ridge(hill, each) * SCALE) for each in range(-8, WIDTH + 9)]
        if hill in borne:
            _draw_wall(pen, hill, *borne[hill])
        pen.polygon([*line, (WIDTH * SCALE, HEIGHT * SCALE), (0, HEIGHT * SCALE)], fill=color)
    return np.asarray(picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))


def _draw_wall(pen: ImageDraw.ImageDraw, hill: int, high: float, tooth: float) -> None:
    """A wall on a hill's ridge, with teeth, and towers where the ridge is divided evenly."""
    step = tooth / 2
    for index in range(int(WIDTH / step) + 2):
        left, rises = index * step, index % 2 == 0
        top = ridge(hill, left) - high - (tooth / 2 if rises else 0)
        box = (left * SCALE, top * SCALE, (left + step) * SCALE, (ridge(hill, left) + high) * SCALE)
        pen.rectangle(box, fill=STONE if rises else _mixed(STONE, SHADE, 0.25))
    for index in range(TOWERS):
        left = (index + 0.35 + 0.1 * hill) * WIDTH / TOWERS
        ground, wide = ridge(hill, left), high * 1.5
        box = (left, ground - high * 2.6, left + wide, ground + high)
        pen.rectangle([each * SCALE for each in box], fill=_mixed(STONE, SHADE, 0.5))
        for tower in range(3):
            edge = left + tower * wide * 0.4
            teeth = (edge, ground - high * 2.6 - tooth * 0.6, edge + wide * 0.2, ground - high * 2.6)
            pen.rectangle([each * SCALE for each in teeth], fill=_mixed(STONE, SHADE, 0.5))
        window = (left + wide * 0.4, ground - high * 2.0, left + wide * 0.6, ground - high * 1.4)
        pen.rectangle([each * SCALE for each in window], fill=SHADE)


def _mixed(one: tuple[int, ...], other: tuple[int, ...], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    Image.fromarray(wall()).save(folder / "wall.png", optimize=True)
