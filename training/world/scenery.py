"""All panoramas as tensors, painted once for each device. Imports skies, landscapes, places and torch."""

from __future__ import annotations

import functools

import numpy as np
import torch

from training.world.canvas import HEIGHT, WIDTH
from training.world.landscapes import paint_land
from training.world.places import PLACES, TIMES
from training.world.skies import SKIES, VARIANTS, paint_sky

MARGIN = 272
"""Columns repeated at the right, so that a screen as wide as that never meets an edge."""


def _widened(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([picture, picture[..., :MARGIN]], axis=-1))


@functools.lru_cache(maxsize=1)
def _painted() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    skies = torch.stack(
        [
            _widened(paint_sky(sky, time, variant).pixels()[:3])
            for sky in SKIES
            for time in TIMES
            for variant in range(VARIANTS)
        ]
    )
    far, near = [], []
    for place in PLACES:
        for variant in range(VARIANTS):
            back, front = paint_land(place.name, variant)
            far.append(_widened(back.pixels()))
            near.append(_widened(front.pixels()))
    return skies, torch.stack(far), torch.stack(near)


@functools.lru_cache(maxsize=4)
def load_scenery(device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Skies uint8 [skies, 3, HEIGHT, W], far and near land [places, 5, HEIGHT, W]: premultiplied RGB, alpha, light.

    A sky's index is (kind * times + time) * variants + variant, a land's place * variants + variant;
    W is WIDTH + MARGIN, the last columns repeat the first.
    """
    skies, far, near = _painted()
    return skies.to(device), far.to(device), near.to(device)


def sky_index(place: int, time: int, variant: int) -> int:
    """Where the sky of a place is among the skies."""
    return (SKIES.index(PLACES[place].sky) * len(TIMES) + time) * VARIANTS + variant


def land_index(place: int, variant: int) -> int:
    """Where a place is among the lands."""
    return place * VARIANTS + variant


__all__ = ["HEIGHT", "MARGIN", "WIDTH", "land_index", "load_scenery", "sky_index"]
