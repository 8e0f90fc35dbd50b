"""What landscapes are made of: trees, houses, craters, waves. Imports canvas.

Coordinates are pixels of the panorama; `y` is where a thing stands.
"""

from __future__ import annotations

import math
from random import Random

from training.world.canvas import WIDTH, Canvas

Colours = tuple[str, ...]


def fir(canvas: Canvas, x: float, y: float, height: float, leaf: str, trunk: str, *, snow: bool = False) -> None:
    """A fir of three tiers."""
    canvas.box(x - height * 0.04, y - height * 0.16, x + height * 0.04, y, trunk)
    for tier in range(3):
        low, top = y - height * (0.12 + 0.25 * tier), y - height * (0.56 + 0.22 * tier)
        half = height * (0.27 - 0.06 * tier)
        canvas.polygon([(x - half, low), (x, top), (x + half, low)], leaf)
        if snow:
            canvas.polygon(
                [(x - half * 0.42, top + (low - top) * 0.42), (x, top), (x + half * 0.42, top + (low - top) * 0.42)],
                "#f4f8fc",
            )


def leafy(canvas: Canvas, x: float, y: float, height: float, leaf: str) -> None:
    """A tree with a round crown."""
    canvas.box(x - height * 0.06, y - height * 0.5, x + height * 0.06, y, "#6a4a32")
    for dx, dy, size in ((-0.2, 0.55, 0.24), (0.2, 0.55, 0.24), (0, 0.72, 0.28)):
        canvas.oval(x + dx * height, y - dy * height, size * height, size * height, leaf)


def palm(canvas: Canvas, x: float, y: float, height: float) -> None:
    """A palm that leans a little."""
    top = (x + height * 0.18, y - height)
    canvas.line([(x, y), (x + height * 0.04, y - height * 0.5), top], "#8a6236", height * 0.07)
    for angle in (-2.9, -2.3, -1.57, -0.85, -0.25, 0.3, 2.85):
        tip = (top[0] + math.cos(angle) * height * 0.36, top[1] + math.sin(angle) * height * 0.22 + height * 0.06)
        middle = ((top[0] + tip[0]) / 2, (top[1] + tip[1]) / 2 - height * 0.05)
        canvas.line([top, middle, tip], "#2f8a3e", height * 0.075)


def bush(rng: Random, canvas: Canvas, x: float, y: float, size: float, leaf: str) -> None:
    """A round bush."""
    for dx in (-0.7, 0.0, 0.7):
        canvas.oval(x + dx * size, y - size * rng.uniform(0.2, 0.5), size * 0.7, size * 0.7, leaf)


def peak(canvas: Canvas, x: float, y: float, half: float, height: float, rock: str) -> None:
    """A mountain with snow on its top."""
    canvas.polygon([(x - half, y), (x, y - height), (x + half, y)], rock)
    canvas.polygon([(x, y - height), (x + half, y), (x + half * 0.2, y)], "#00000022")
    line = [(-0.3, 0.7), (-0.16, 0.62), (-0.05, 0.7), (0.08, 0.6), (0.2, 0.68), (0.3, 0.7)]
    canvas.polygon([(x, y - height), *((x + dx * half, y - dy * height) for dx, dy in reversed(line))], "#f6fafd")


def skyscraper(rng: Random, canvas: Canvas, x: float, y: float, width: float, height: float, wall: str) -> None:
    """A tower with windows, some of which are lit at night."""
    canvas.box(x - width / 2, y - height, x + width / 2, y, wall)
    step = 7
    for row in range(int((height - 6) // step)):
        for column in range(int((width - 4) // 6)):
            left, top = x - width / 2 + 3 + column * 6, y - height + 4 + row * step
            canvas.box(left, top, left + 3.5, top + 4, "#dfe9f2", 235 if rng.random() < 0.6 else 0)


def house(rng: Random, canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
    """A house with a pointed roof, a door and windows."""
    wall = rng.choice(("#e8c890", "#d88a70", "#a8c4d8", "#e4dcc8", "#c8a8b8", "#b8cca0"))
    canvas.box(x - width / 2, y - height, x + width / 2, y, wall)
    canvas.polygon(
        [(x - width / 2 - 1, y - height), (x, y - height - width * 0.42), (x + width / 2 + 1, y - height)], "#9a4a3c"
    )
    for row in range(max(1, int(height // 15))):
        for dx in (-0.26, 0.26):
            top = y - height + 4 + row * 14
            canvas.box(
                x + dx * width - 3, top, x + dx * width + 3, top + 7, "#f4f8fa", 235 if rng.random() < 0.7 else 0
            )
    canvas.box(x - 3, y - 10, x + 3, y, "#6a4630")


def bricks(canvas: Canvas, left: float, top: float, right: float, bottom: float, stone: str) -> None:
    """A wall with battlements."""
    canvas.box(left, top, right, bottom, stone)
    for x in range(int(left), int(right), 8):
        canvas.box(x, top - 5, x + 4, top, stone)
    for row in range(int(top) + 6, int(bottom), 8):
        canvas.line([(left, row), (right, row)], "#00000022", 1)


def crater(canvas: Canvas, x: float, y: float, size: float, dark: str, light: str) -> None:
    """A hollow with a bright lower rim."""
    canvas.oval(x, y + 1, size, size * 0.36, light)
    canvas.oval(x, y, size, size * 0.32, dark)


def coral(rng: Random, canvas: Canvas, x: float, y: float) -> None:
    """A branched coral or a bunch of weed."""
    if rng.random() < 0.45:
        colour = rng.choice(("#2f9a5a", "#57b04a"))
        for dx in (-5, 0, 5):
            height = rng.uniform(16, 28)
            canvas.line(
                [(x + dx, y), (x + dx + 3, y - height / 3), (x + dx - 2, y - height * 0.7), (x + dx + 2, y - height)],
                colour,
                2.6,
            )
        return
    colour = rng.choice(("#f0648a", "#f28a3c", "#a864d0", "#e8484a"))
    for angle in (-2.3, -1.9, -1.57, -1.2, -0.8):
        size = rng.uniform(11, 19)
        tip = (x + math.cos(angle) * size, y + math.sin(angle) * size)
        canvas.line([(x, y), tip], colour, 3.2)
        canvas.oval(tip[0], tip[1], 2.4, 2.4, colour)


def dots(
    rng: Random, canvas: Canvas, top: float, bottom: float, count: int, colours: Colours, size: float, flat: float
) -> None:
    """Stones or flowers, larger where they are near; `flat` is how much wider than high."""
    for _ in range(count):
        y = rng.uniform(top, bottom)
        radius = size * (0.5 + 0.5 * (y - top) / (bottom - top)) * rng.uniform(0.6, 1.0)
        canvas.oval(rng.random() * WIDTH, y, radius, radius / flat, rng.choice(colours))


def tufts(rng: Random, canvas: Canvas, top: float, bottom: float, count: int, colours: Colours) -> None:
    """Blades of grass."""
    for _ in range(count):
        x, y, colour = rng.random() * WIDTH, rng.uniform(top, bottom), rng.choice(colours)
        for dx in (-2.5, 0, 2.5):
            canvas.line([(x, y), (x + dx, y - rng.uniform(3, 6))], colour, 1.2)


def waves(rng: Random, canvas: Canvas, top: float, colour: str, rows: int = 5) -> None:
    """Short bright lines on water, longer and farther apart towards us."""
    for row in range(rows):
        y, size = top + 2 + row * row * 1.5 + row * 2.5, 7 + row * 4
        for _ in range(16 - row):
            x = rng.random() * WIDTH
            canvas.line(
                [(x - size, y), (x - size / 2, y - 1), (x, y), (x + size / 2, y - 1), (x + size, y)], colour, 1.0
            )
