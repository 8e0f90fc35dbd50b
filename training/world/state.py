"""What is going on at one time: a state of the world, and a clip that leads from one state to another.

Imports motion and the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from training.world.motion import Motion, ease

SLOTS = 8
"""Sprites of a state, in drawing order: four fishes of a school, a prop, the companion, the subject, food or effect."""
PROP, COMPANION, SUBJECT, EFFECT = 4, 5, 6, 7
NOBODY = Motion()


class Camera(NamedTuple):
    """Offset in widths: x + vx t; zoom: z exp(lz e), with e = smoothstep(t / span)."""

    onset: int = 0
    x: float = 0.0
    vx: float = 0.0
    z: float = 1.0
    lz: float = 0.0
    span: float = 30.0

    def offset(self, frame: int) -> float:
        """Where it is in a frame, in widths."""
        return self.x + self.vx * (frame - self.onset)

    def log_zoom(self, frame: int) -> float:
        """How much the last move has added by a frame, as a logarithm."""
        return self.lz * ease(frame - self.onset, self.span)


@dataclass(frozen=True, slots=True)
class State:
    """Everything that decides the picture, with times counted from the clip's first frame."""

    subject: str
    action: str
    place: str
    sprites: tuple[Motion, ...]
    camera: Camera
    second: str | None = None
    relation: str = ""
    """with, follows, chases, lead (the companion is on one): what binds the two; empty where there is one."""
    prop: str | None = None
    food: str | None = None
    variant: int = 0
    """Which of the place's pictures."""
    time: str = "day"
    weather: str = "clear"
    style: str = "photorealistic"
    view: str = "still"
    """The camera's move."""
    fireworks: bool = False
    school: bool = False
    clock: int = 0
    """Frames since the world began: what rain, waves and fireworks run by."""

    def shifted(self, frames: int) -> State:
        """The same state seen from a clip that starts so many frames later."""
        return replace(
            self,
            sprites=tuple(sprite._replace(onset=sprite.onset - frames) for sprite in self.sprites),
            camera=self.camera._replace(onset=self.camera.onset - frames),
            clock=self.clock + frames,
        )


@dataclass(frozen=True)
class Clip:
    """A caption and what it describes."""

    caption: str
    kept: int
    """0: a fresh clip; 1, 5 or 9: the first so many frames follow the earlier state."""
    before: str
    """The caption of the earlier state; empty for a fresh clip."""
    labels: dict[str, str | None]
    earlier: State = field(repr=False)
    """Equal to `later` where nothing changes."""
    later: State = field(repr=False)
    start: int = field(repr=False)
    """The last frame that shows the earlier state alone; -100 where there is none."""
    length: int = field(default=8, repr=False)
    """Frames in which one state comes over the other."""
    whole: bool = field(default=True, repr=False)
    """Whether the caption tells of the later state; else it tells of the earlier one alone, up to `start`."""
    change: str = field(default="fade", repr=False)
    """fade, down (the later place comes from below) or up."""


def labels_of(state: State, was: str | None) -> dict[str, str | None]:
    """The truth about a state, by name; `transformation` is the subject that its subject was before."""
    return {
        "subject": state.subject,
        "second": state.second,
        "place": state.place,
        "action": state.action,
        "weather": state.weather,
        "time": state.time,
        "style": state.style,
        "camera": state.view,
        "transformation": was,
        "relation": state.relation or None,
        "prop": state.prop,
        "food": state.food,
        "fireworks": "fireworks" if state.fireworks else None,
        "school": "school" if state.school else None,
    }
