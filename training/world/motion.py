"""What moves a sprite: a closed form of time for each action, so that any clip can go on where another one ended.

Positions are fractions of the picture's width (x, from the middle) and height (y, the feet, from the top); time is in
frames. Imports cast, places and the standard library.
"""

from __future__ import annotations

import math
from random import Random
from typing import NamedTuple

from training.world.cast import Subject
from training.world.places import Place

TAU = 2 * math.pi
LEAST_SIZE, MOST_SIZE = 0.25, 0.68
"""Of a sprite, as fractions of the picture's height: what a subject is held to when it goes on."""


class Motion(NamedTuple):
    """One sprite and its closed form: with t frames since `onset`, e = smoothstep(t / span), a = phase + omega t,

    x = x + vx t + dx e + ax sin a;  y = y + dy e + ay sin a - hop |sin a|;  turn = r + vr t + dr e + ar sin a;
    size = s exp(ls e), squashed by squash sin 2a; `face` is 1 as drawn, -1 mirrored.
    """

    sprite: int = 0
    onset: int = 0
    x: float = 0.0
    vx: float = 0.0
    dx: float = 0.0
    ax: float = 0.0
    y: float = 0.5
    dy: float = 0.0
    ay: float = 0.0
    hop: float = 0.0
    r: float = 0.0
    vr: float = 0.0
    dr: float = 0.0
    ar: float = 0.0
    s: float = 0.1
    ls: float = 0.0
    face: float = 1.0
    omega: float = 0.0
    phase: float = 0.0
    span: float = 1.0
    squash: float = 0.0
    alpha: float = 0.0
    ground: float = 0.0
    """How strong its shadow on the ground is, 0 to 1."""


class Pose(NamedTuple):
    """Where a motion is at one time; what the next one takes over."""

    x: float
    y: float
    size: float
    face: float
    angle: float
    """Of the oscillation, radians."""


def ease(t: float, span: float) -> float:
    """0 before the onset, 1 after the span, smooth between."""
    u = min(max(t / span, 0.0), 1.0)
    return u * u * (3 - 2 * u)


def pose(motion: Motion, frame: int) -> Pose:
    """Where the sprite is in a frame, oscillations left out."""
    t = frame - motion.onset
    e = ease(t, motion.span)
    size = motion.s * math.exp(motion.ls * e)
    x = motion.x + motion.vx * t + motion.dx * e
    return Pose(x, motion.y + motion.dy * e, size, motion.face, (motion.phase + motion.omega * t) % TAU)


class Setting(NamedTuple):
    """What a motion is planned in."""

    place: Place
    onset: int
    x: float
    """Where the sprite starts, or is to be."""
    size: float
    way: int
    """-1 leftwards, 1 rightwards."""
    drift: float
    """Widths per frame by which the camera moves to the right."""
    tracked: bool
    """The camera goes with who moves."""
    fresh: bool
    angle: float
    """Phase to go on from."""
    zoom: float = 1.0
    """Of the camera, in the end."""


WALKS = {"walks": (0.0075, 0.035, 10.0), "runs": (0.012, 0.06, 8.0), "hops": (0.0075, 0.13, 11.0)}
"""Widths per frame, height of a step, frames of a step."""
GONE = frozenset({"leaves", "flies away"})
"""Actions after which the subject is off screen."""
ONCE = frozenset({"falls", "falls over", "flies away", "grows", "shrinks", "enters", "leaves", "dives", "surfaces"})
"""Actions that end; all others go on for ever."""


def mirror(subject: Subject, way: int) -> float:
    """The `face` that makes a subject look where it goes."""
    return 1.0 if subject.faces == 0 else float(subject.faces * way)


def plan(rng: Random, action: str, sprite: int, subject: Subject, at: Setting) -> Motion:
    """The motion of one who acts, starting where the setting says."""
    medium = at.place.medium
    foot = at.place.foot + rng.uniform(-0.02, 0.02)
    floats = medium in ("surface", "under", "air", "space")
    still = -at.drift
    base = Motion(
        sprite,
        at.onset,
        at.x,
        still,
        y=foot,
        s=at.size,
        face=mirror(subject, at.way),
        alpha=1.0,
        omega=TAU / rng.uniform(15, 19),
        phase=at.angle,
        ground=0.0 if floats else 1.0,
    )
    if floats:
        base = base._replace(ay=0.018 if medium == "surface" else 0.035, ar=0.06)
    else:
        base = base._replace(squash=0.015, ar=0.015)
    step = 0.0 if at.tracked else 1.0
    if action in WALKS:
        return _walk(base, action, at, floats, step)
    if action in ("swims", "flies", "drives", "sails", "dives", "surfaces"):
        return _travel(rng, base, action, at, step)
    if action in ("grows", "shrinks", "spins", "sleeps", "dances", "jumps", "eats"):
        return _in_place(rng, base, action, subject, at, foot)
    if action in ONCE:
        return _once(base, action, subject, at, foot)
    return base


def _walk(base: Motion, action: str, at: Setting, floats: bool, step: float) -> Motion:
    """Steps, along the ground or through what it floats in."""
    speed, hop, frames = WALKS[action]
    vx = at.way * speed * step - (0.0 if at.tracked else at.drift)
    return base._replace(vx=vx, hop=hop, ar=0.07, omega=TAU / 2 / frames, squash=0.0, ay=0.01 if floats else 0.0)


def _travel(rng: Random, base: Motion, action: str, at: Setting, step: float) -> Motion:
    """Going along without steps."""
    under = at.place.medium == "under"
    speed = at.way * step
    drift = 0.0 if at.tracked else -at.drift
    if action in ("swims", "dives", "surfaces"):
        along = base._replace(vx=0.0055 * speed + drift)
        if under:
            return along._replace(ay=0.045, ar=0.16, omega=TAU / 17)
        return along._replace(ay=0.022, ar=0.11, omega=TAU / 14)
    if action == "drives":
        return base._replace(vx=0.009 * speed + drift, hop=0.008, ar=0.012, omega=TAU / 10, squash=0.0)
    if action == "sails":
        return base._replace(vx=0.006 * speed + drift, ay=0.014, ar=0.07, omega=TAU / 20)
    high = base.y if at.place.medium in ("air", "space", "under") else base.y - rng.uniform(0.26, 0.34)
    return base._replace(vx=0.006 * speed + drift, y=high, ay=0.045, ar=0.1, omega=TAU / 18, squash=0.0, ground=0.0)


def _in_place(rng: Random, base: Motion, action: str, subject: Subject, at: Setting, foot: float) -> Motion:
    """What is done on one spot."""
    if action == "dances":
        return base._replace(ar=0.3, hop=0.055, squash=0.07, ax=0.05, omega=TAU / 15)
    if action == "jumps":
        return base._replace(hop=0.27, squash=0.04, omega=TAU / 2 / 13, ay=0.0, ar=0.02)
    if action == "spins":
        return base._replace(vr=at.way * TAU / 24, squash=0.0, ar=0.0)
    if action == "eats":
        return base._replace(ar=0.1, squash=0.03, omega=TAU / 12)
    if action == "sleeps":
        # Whoever is seen from the side lowers the head; whoever looks at us lies down.
        lie = 0.4 * subject.faces * base.face if subject.kind != "person" and subject.faces else rng.choice((-1.5, 1.5))
        breathing = base._replace(squash=0.035, ar=0.0, omega=TAU / 22)
        return breathing._replace(r=lie) if at.fresh else breathing._replace(dr=lie, span=9.0)
    if action == "grows":
        small = min(at.size, 0.34) if at.fresh else at.size
        return base._replace(
            s=small, ls=math.log(max(1.0, min(1.85, 0.72 / small / at.zoom))), span=22.0, y=max(foot, 0.8)
        )
    return base._replace(ls=math.log(max(0.45, 0.2 / at.size)), span=22.0)


def _once(base: Motion, action: str, subject: Subject, at: Setting, foot: float) -> Motion:
    """What is done once and ends."""
    if action == "falls":
        spin = at.way * TAU
        return base._replace(y=foot - 0.95, dy=0.95, r=-spin, dr=spin, span=17.0, squash=0.0, ar=0.0)
    if action == "falls over":
        # On its side who looks at us, on its back who is seen from the side.
        return base._replace(dr=at.way * (1.5 if subject.faces == 0 else 2.9), span=12.0, squash=0.0, ar=0.0)
    if action == "flies away":
        far = at.way * 0.35
        return base._replace(dx=far, dy=-0.95, ls=math.log(0.5), ar=0.1, span=24.0, ground=0.0, vx=0.0)
    if action == "enters":
        start = -at.way * 0.78
        return base._replace(x=start, dx=at.x - start, hop=0.035, ar=0.06, omega=TAU / 16, span=20.0)
    away = at.way * 0.85 - at.x
    return base._replace(dx=away, hop=0.035, ar=0.06, omega=TAU / 16, span=24.0, vx=0.0)
