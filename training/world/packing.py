"""Clips in, tensors of fixed shape out: all that `render` needs. Imports state, scenery and the tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from training.world.places import PLACE_INDEX, PLACES, STYLES, TIMES
from training.world.skies import SKIES, VARIANTS
from training.world.state import Clip, State

FIELDS: tuple[str, ...] = (
    "sky",
    "land",
    "lit",
    "rain",
    "snow",
    "fog",
    "bubbles",
    "fireworks",
    "lead",
    "surface",
    "bg_r",
    "bg_g",
    "bg_b",
    "sprite_r",
    "sprite_g",
    "sprite_b",
    "clock",
    "onset",
    "cam_x",
    "cam_vx",
    "zoom",
    "log_zoom",
    "span",
    *STYLES,
)
"""Of a state, in the order of the last axis of `scene`."""

_GRADES: dict[str, tuple[float, ...]] = {
    "day": (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    "sunset": (0.95, 0.74, 0.66, 1.0, 0.86, 0.78),
    "night": (0.36, 0.42, 0.64, 0.80, 0.82, 0.93),
}
_INSIDE_AT_NIGHT = (0.62, 0.6, 0.72, 0.8, 0.8, 0.92)
_STYLE_COLUMNS: dict[str, tuple[float, ...]] = {
    name: tuple(float(name == other) for other in STYLES) for name in STYLES
}
_STYLE_COLUMNS["night"] = _STYLE_COLUMNS["photorealistic"]
_MEDIA = {
    place.name: (index, SKIES.index(place.sky), place.medium)
    for place, index in ((p, PLACE_INDEX[p.name]) for p in PLACES)
}


def _row(state: State) -> tuple[float, ...]:
    """A state's fields."""
    index, sky, medium = _MEDIA[state.place]
    time = TIMES.index(state.time)
    grade = _GRADES[state.time]
    if medium in ("indoors", "under") and time == 2:
        grade = _INSIDE_AT_NIGHT
    elif PLACES[index].sky == "black":
        grade = (0.9, 0.9, 0.95, 1.0, 1.0, 1.0)
    elif PLACES[index].sky == "mars" and time == 0:
        grade = (1.0, 1.0, 1.0, 1.0, 0.95, 0.9)
    camera = state.camera
    return (
        (sky * len(TIMES) + time) * VARIANTS + state.variant,
        index * VARIANTS + state.variant,
        float(time == 2),
        float(state.weather == "rain"),
        float(state.weather == "snow"),
        float(state.weather == "fog"),
        float(medium == "under"),
        float(state.fireworks),
        float(state.relation == "lead"),
        float(medium == "surface"),
        *grade,
        state.clock,
        *camera,
        *_STYLE_COLUMNS[state.style],
    )


_CHANGES = {"fade": 0.0, "down": 1.0, "up": -1.0}


def pack(clips: Sequence[Clip]) -> dict[str, torch.Tensor]:
    """Clips as float32 tensors on the CPU: `sprites` [B, 2, 8, fields], `scene` [B, 2, fields], `turn` [B, 4].

    The second axis is the earlier and the later state; `turn` is start, length, change and kept.
    """
    sprites = np.array([(clip.earlier.sprites, clip.later.sprites) for clip in clips], np.float32)
    scene = np.array([(_row(clip.earlier), _row(clip.later)) for clip in clips], np.float32)
    turn = np.array([(clip.start, clip.length, _CHANGES[clip.change], clip.kept) for clip in clips], np.float32)
    packed = {"sprites": sprites, "scene": scene, "turn": turn}
    return {name: torch.from_numpy(values) for name, values in packed.items()}
