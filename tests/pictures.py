"""Pictures whose measures are known by construction: squares that move, pictures that stand, noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[np.uint8]
WIDTH, HEIGHT, SIDE, LIGHTER = 96, 54, 16, 50
STEP = 2 * SIDE * LIGHTER / (WIDTH * HEIGHT)
"""D of a square that moves by one pixel."""


def square(places: Sequence[int], level: int = 60, scale: int = 1) -> Pictures:
    """A square at each of the places, going round at the picture's edge, on a grey level."""
    found = np.full((len(places), HEIGHT, WIDTH, 3), level, np.uint8)
    for picture, place in zip(found, places, strict=True):
        picture[10 : 10 + SIDE, np.arange(place, place + SIDE) % WIDTH] += np.uint8(LIGHTER)
    return found.repeat(scale, axis=1).repeat(scale, axis=2)


def flat(levels: Sequence[int]) -> Pictures:
    return np.full((len(levels), 4, 6, 3), np.reshape(levels, (-1, 1, 1, 1)), np.uint8)


def noise(seed: int, count: int = 10, low: int = 0, high: int = 256) -> Pictures:
    return np.random.default_rng(seed).integers(low, high, (count, 9, 12, 3), dtype=np.uint8)
