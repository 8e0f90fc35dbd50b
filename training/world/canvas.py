"""A picture that repeats sideways, to paint panoramas on: 512 x 128 pixels, drawn twice as large.

Imports Pillow and numpy only.
"""

from __future__ import annotations

import math
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 512, 128
_LARGER = 2

Colour = str
Point = tuple[float, float]


class Canvas:
    """RGBA and, apart, what shines at night. All shapes that cross an edge come in again on the other side."""

    def __init__(self) -> None:
        size = (WIDTH * _LARGER, HEIGHT * _LARGER)
        self.picture, self.light = Image.new("RGBA", size), Image.new("L", size)
        self._draw, self._shine = ImageDraw.Draw(self.picture), ImageDraw.Draw(self.light)

    def _shifts(self, left: float, right: float) -> list[float]:
        return [turn * WIDTH for turn in (-1, 0, 1) if right + turn * WIDTH > 0 and left + turn * WIDTH < WIDTH]

    def polygon(self, points: list[Point], fill: Colour) -> None:
        """A filled shape."""
        xs = [x for x, _ in points]
        for shift in self._shifts(min(xs), max(xs)):
            self._draw.polygon([((x + shift) * _LARGER, y * _LARGER) for x, y in points], fill=fill)

    def box(self, left: float, top: float, right: float, bottom: float, fill: Colour, light: int = 0) -> None:
        """A rectangle; `light` is how strongly it shines at night, 0 to 255."""
        for shift in self._shifts(left, right):
            edges = [(left + shift) * _LARGER, top * _LARGER, (right + shift) * _LARGER - 1, bottom * _LARGER - 1]
            if edges[2] >= edges[0] and edges[3] >= edges[1]:
                self._draw.rectangle(edges, fill=fill)
                self._shine.rectangle(edges, fill=light)

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Colour, light: int = 0) -> None:
        """An ellipse round a point."""
        for shift in self._shifts(x - rx, x + rx):
            edges = [(x - rx + shift) * _LARGER, (y - ry) * _LARGER, (x + rx + shift) * _LARGER, (y + ry) * _LARGER]
            self._draw.ellipse(edges, fill=fill)
            self._shine.ellipse(edges, fill=light)

    def line(self, points: list[Point], fill: Colour, width: float = 1.0) -> None:
        """A line through points."""
        xs = [x for x, _ in points]
        for shift in self._shifts(min(xs) - width, max(xs) + width):
            moved = [((x + shift) * _LARGER, y * _LARGER) for x, y in points]
            self._draw.line(moved, fill=fill, width=max(1, round(width * _LARGER)), joint="curve")

    def ridge(self, rng: Random, top: float, swing: float, fill: Colour, waves: tuple[int, ...] = (2, 3, 5)) -> None:
        """A rolling skyline, filled down to the bottom."""
        parts = [(count, rng.uniform(0.4, 1.0) / count**0.5, rng.random() * 2 * math.pi) for count in waves]
        most = sum(size for _, size, _ in parts)
        points = []
        for x in range(0, WIDTH + 1, 2):
            lift = sum(size * math.sin(2 * math.pi * count * x / WIDTH + turn) for count, size, turn in parts)
            points.append((float(x), top - swing * lift / most))
        self.polygon([*points, (WIDTH, HEIGHT), (0, HEIGHT)], fill)

    def slope(self, top: str, bottom: str, start: float = 0.0, end: float = HEIGHT) -> None:
        """Colours what is painted so far, from one hue above to another below."""
        above, below = (
            np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32) for colour in (top, bottom)
        )
        rows = np.clip((np.arange(HEIGHT * _LARGER) / _LARGER - start) / (end - start), 0, 1)[:, None, None]
        pixels = np.asarray(self.picture).copy()
        pixels[..., :3] = (above * (1 - rows) + below * rows).round().astype(np.uint8)
        self.picture = Image.fromarray(pixels)
        self._draw = ImageDraw.Draw(self.picture)

    def blur(self, radius: float) -> None:
        """Softens what is painted so far; the sides stay joined."""
        wide = Image.new("RGBA", (self.picture.width * 3, self.picture.height))
        for turn in range(3):
            wide.paste(self.picture, (turn * self.picture.width, 0))
        soft = wide.convert("RGBa").filter(ImageFilter.GaussianBlur(radius * _LARGER)).convert("RGBA")
        self.picture = soft.crop((self.picture.width, 0, 2 * self.picture.width, self.picture.height))
        self._draw = ImageDraw.Draw(self.picture)

    def pixels(self) -> NDArray[np.uint8]:
        """Premultiplied RGB, alpha and light, uint8 [5, HEIGHT, WIDTH]."""
        small = self.picture.convert("RGBa").resize((WIDTH, HEIGHT), Image.Resampling.BOX)
        light = self.light.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
        raw = np.frombuffer(small.tobytes(), np.uint8).reshape(HEIGHT, WIDTH, 4)
        return np.concatenate([raw.transpose(2, 0, 1), np.asarray(light)[None]]).copy()
