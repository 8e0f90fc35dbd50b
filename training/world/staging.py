"""From what is decided to where everything is: a wish in, a state with motions out, going on from an earlier one.

Imports cast, places, motion and state.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from training.world.cast import FISH_HUES, PROPS, SUBJECT_INDEX, SUBJECTS, Subject, sprite_names
from training.world.motion import GONE, LEAST_SIZE, MOST_SIZE, TAU, Motion, Pose, Setting, mirror, plan, pose
from training.world.places import PLACE_INDEX, PLACES, Place
from training.world.state import COMPANION, NOBODY, PROP, SLOTS, SUBJECT, Camera, State

SPRITE_INDEX: dict[str, int] = {name: index for index, name in enumerate(sprite_names())}
PROP_SIZE: dict[str, float] = {name: size for name, _, size in PROPS}
GOING = frozenset({"walks", "runs", "hops", "swims", "drives", "sails", "flies", "follows", "chases", "walks pet"})
"""Actions in which someone gets along, so that the camera can go with them."""
JOINT = frozenset({"follows", "chases", "lead"})
"""Relations in which one goes before the other."""
PAN = 0.008
"""Widths per frame of a camera that moves."""


@dataclass(slots=True)
class Wish:
    """What a state shall show, all of it decided."""

    subject: str
    action: str
    place: str
    second: str | None = None
    relation: str = ""
    prop: str | None = None
    food: str | None = None
    variant: int = 0
    time: str = "day"
    weather: str = "clear"
    style: str = "photorealistic"
    view: str = "still"
    fireworks: bool = False
    school: bool = False


def gait(subject: Subject, medium: str) -> str:
    """How a subject gets along in a medium."""
    if medium in ("air", "space"):
        return "flies"
    if subject.kind == "ship" or (medium == "surface" and subject.kind in ("vehicle", "aircraft", "thing")):
        return "sails"
    if medium in ("surface", "under") or subject.kind == "fish":
        return "swims"
    return {"vehicle": "drives", "aircraft": "flies", "thing": "flies"}.get(subject.kind, "walks")


def stage(rng: Random, wish: Wish, earlier: State | None, onset: int) -> State:
    """A state that shows the wish from frame `onset` on, taking over place, size and phase from an earlier state."""
    if earlier is not None and _goes_on(wish, earlier, onset):
        camera, sprites = earlier.camera, list(earlier.sprites)
        sprites[:PROP] = _school(rng, earlier, onset) if wish.school else [NOBODY] * PROP
        return _state(rng, wish, sprites, camera, earlier, bool(camera.vx))
    place = PLACES[PLACE_INDEX[wish.place]]
    camera, way, tracked = _camera(rng, wish, earlier, onset)
    sprites = [NOBODY] * SLOTS
    lead, mate = _pair(rng, wish, place, earlier, onset, camera, way, tracked)
    sprites[SUBJECT] = lead
    if mate is not None:
        sprites[COMPANION] = mate
    sprites[PROP] = _prop(rng, wish, place, earlier, onset, camera, lead)
    _effect(rng, wish, sprites, lead, onset)
    if wish.school:
        sprites[:PROP] = _school(rng, earlier, onset)
    return _state(rng, wish, sprites, camera, earlier, tracked)


def _state(
    rng: Random, wish: Wish, sprites: list[Motion], camera: Camera, earlier: State | None, tracked: bool
) -> State:
    """The wish and its motions as a state; a camera that goes with the subject unasked is said to follow it."""
    return State(
        subject=wish.subject,
        action=wish.action,
        place=wish.place,
        sprites=tuple(sprites),
        camera=camera,
        second=wish.second,
        relation=wish.relation,
        prop=wish.prop,
        food=wish.food,
        variant=wish.variant,
        time=wish.time,
        weather=wish.weather,
        style=wish.style,
        view="follows" if tracked and wish.view == "still" else wish.view,
        fireworks=wish.fireworks,
        school=wish.school,
        clock=earlier.clock if earlier is not None else rng.randrange(1024),
    )


def _goes_on(wish: Wish, earlier: State, onset: int) -> bool:
    """Whether the wish is what is going on already, with room on the screen for another clip of it."""
    same = ("subject", "second", "relation", "action", "place", "prop", "food")
    if wish.view != "still" or any(getattr(wish, name) != getattr(earlier, name) for name in same):
        return False
    if (earlier.camera.vx and wish.action not in GOING) or wish.food:
        return False
    there = (pose(earlier.sprites[slot], onset + 33) for slot in (COMPANION, SUBJECT) if earlier.sprites[slot].alpha)
    return all(abs(after.x) < 0.36 for after in there)


def _camera(rng: Random, wish: Wish, earlier: State | None, onset: int) -> tuple[Camera, int, bool]:
    """The camera, the way the subject goes, and whether the camera goes with it."""
    way, going, joint = rng.choice((-1, 1)), wish.action in GOING, wish.relation in JOINT
    zoom, offset, x = (1.25 if wish.second else 1.4) if wish.view == "zooms out" else 1.0, rng.random() * 4, 0.0
    if earlier is not None:
        old, x = earlier.camera, pose(earlier.sprites[SUBJECT], onset).x
        zoom, offset = old.z * math.exp(old.log_zoom(onset)), old.offset(onset)
        if earlier.action in GOING and going and rng.random() < 0.9:
            way = _way_of(earlier) or way
        elif not going:
            way = _looks(earlier.subject, earlier.sprites[SUBJECT])
        if earlier.place != wish.place:
            zoom = 1.0
        if joint and abs(x) > 0.1:  # who follows is behind, who leads a pet is in front
            way = (1 if x > 0 else -1) * (1 if wish.relation == "lead" else -1)
    speed = 0.0
    if wish.view in ("pans left", "pans right"):
        side = 1 if wish.view == "pans right" else -1
        speed = side * (0.010 if going else PAN)
        way = side if going and not joint else way
        speed = way * abs(speed) if joint else speed
    elif going and wish.view == "follows":
        speed = way * 0.009
    elif going and (joint or abs(x + way * 0.25) > 0.36 or (wish.second and earlier is not None)):
        if joint or wish.second or rng.random() < 0.6:
            speed = way * 0.009
        else:
            way = -1 if x > 0 else 1
    log_zoom = 0.0
    if wish.view == "zooms in":
        log_zoom = math.log(max(1.25 if wish.second else min(1.5, zoom * 1.4), 1.0) / zoom)
    elif wish.view == "zooms out":
        log_zoom = math.log(max(1.0, zoom / 1.4) / zoom)
    return Camera(onset, offset, speed, zoom, log_zoom, 28.0), way, bool(speed) and going


def _way_of(state: State) -> int:
    """Which way the subject of a state goes, 0 where it does not."""
    motion = state.sprites[SUBJECT]
    speed = motion.vx + state.camera.vx
    return 0 if abs(speed) < 1e-4 else (1 if speed > 0 else -1)


def _taken_over(rng: Random, slot: int, earlier: State | None, onset: int) -> Pose | None:
    """Where a sprite of the earlier state is, if there is one on screen."""
    if earlier is None or not earlier.sprites[slot].alpha:
        return None
    return pose(earlier.sprites[slot], onset)


def _pair(
    rng: Random, wish: Wish, place: Place, earlier: State | None, onset: int, camera: Camera, way: int, tracked: bool
) -> tuple[Motion, Motion | None]:
    """The motions of the subject and of its companion."""
    subject = SUBJECTS[SUBJECT_INDEX[wish.subject]]
    had = _taken_over(rng, SUBJECT, earlier, onset)
    joint = wish.relation in JOINT
    size = rng.uniform(0.45, 0.55) * subject.size
    x = rng.uniform(-0.12, 0.12) if tracked or wish.second else rng.uniform(-0.16, 0.16)
    if not tracked and wish.action in GOING:
        x -= way * 0.12
    x += camera.vx * 16 if not tracked else 0.0
    if wish.second is not None:
        size *= 0.84
        side = _side(rng, wish, way)
        x = side * rng.uniform(0.19, 0.23) + (0.0 if tracked else camera.vx * 16)
        x -= way * 0.1 if not tracked and wish.action in GOING else 0.0
    same = earlier is not None and earlier.subject == wish.subject
    if had is not None and earlier is not None and earlier.action not in GONE and abs(had.x) < 0.6:
        x = had.x if wish.second is None or earlier.second is not None else 0.5 * (had.x + x)
        if same:
            size = min(max(had.size, LEAST_SIZE), MOST_SIZE)
    zoom = camera.z * math.exp(camera.lz)
    size = min(size, 0.72 / zoom)
    room = max(0.5 / zoom - 0.4 * size, 0.02)
    x = min(max(x, -room), room)
    if wish.second is not None and abs(x) < 0.17 / zoom:
        x = math.copysign(0.17 / zoom, x or 1)
    action = gait(subject, place.medium) if joint else wish.action
    angle = had.angle if had is not None else rng.random() * TAU
    setting = Setting(place, onset, x, size, way, camera.vx, tracked, earlier is None, angle, zoom)
    lead = plan(rng, action, SPRITE_INDEX[wish.subject], subject, setting)
    if wish.second is None:
        return lead, None
    mate = _mate(rng, wish, setting, earlier, x)
    if wish.relation == "with" and not joint:
        other = mirror(subject, -1 if x > 0 else 1)
        lead = lead if wish.action in GOING or wish.action in ("enters", *GONE) else lead._replace(face=other)
    return lead, mate


def _side(rng: Random, wish: Wish, way: int) -> int:
    """On which side of the picture the subject of two is: who follows is behind, who leads a pet is in front."""
    if wish.relation in ("follows", "chases"):
        return -way
    return way if wish.relation == "lead" else rng.choice((-1, 1))


def _mate(rng: Random, wish: Wish, setting: Setting, earlier: State | None, x: float) -> Motion:
    """The companion's motion: the same action, or what the relation asks for."""
    assert wish.second is not None
    other = SUBJECTS[SUBJECT_INDEX[wish.second]]
    joint = wish.relation in JOINT
    action = wish.action
    if joint or action in ("walks pet",):
        action = gait(other, setting.place.medium)
    elif action in ("grows", "shrinks", "enters", "leaves", "flies away", "falls", "falls over", "eats", "dives"):
        action = "swims" if setting.place.medium in ("surface", "under") else "stands"
    elif action in ("walks", "drives", "swims", "sails"):
        action = gait(other, setting.place.medium)
    had = _taken_over(rng, COMPANION, earlier, setting.onset)
    size = rng.uniform(0.45, 0.55) * other.size * 0.82
    there = x - math.copysign(0.4, x) / setting.zoom
    if had is not None and abs(had.x) < 0.5 and had.x * x < 0:
        there = min(max(had.x, -0.32), 0.32)
    size = min(size, MOST_SIZE * 0.85, 0.6 / setting.zoom)
    room = 0.5 / setting.zoom - 0.4 * size
    there = min(max(there, -room), room)
    motion = plan(
        rng, action, SPRITE_INDEX[wish.second], other, setting._replace(x=there, size=size, angle=setting.angle + 1.9)
    )
    if not joint and action == "stands":
        motion = motion._replace(face=mirror(other, 1 if x > there else -1))
    return motion


def _prop(
    rng: Random, wish: Wish, place: Place, earlier: State | None, onset: int, camera: Camera, lead: Motion
) -> Motion:
    """Something that stands about, and goes by as the camera moves."""
    if wish.prop is None:
        return NOBODY
    sprite = SPRITE_INDEX[wish.prop]
    if earlier is not None and earlier.sprites[PROP].sprite == sprite and earlier.place == wish.place:
        there = pose(earlier.sprites[PROP], onset).x
        if abs(there) < 0.6:
            return earlier.sprites[PROP]._replace(onset=onset, x=there, vx=-camera.vx)
    size = 0.4 * PROP_SIZE[wish.prop]
    x = math.copysign(rng.uniform(0.27, 0.36), -lead.x if lead.x else 1.0) + camera.vx * 12
    y = place.foot - 0.03
    if wish.prop == "puddle":
        size, x, y = 0.62, lead.x + lead.vx * 16 + camera.vx * 16, place.foot + 0.07
    return Motion(sprite, onset, x, -camera.vx, y=y, s=size, alpha=1.0, ground=0.0 if wish.prop == "puddle" else 1.0)


def _effect(rng: Random, wish: Wish, sprites: list[Motion], lead: Motion, onset: int) -> None:
    """What shows an action: letters of sleep, music, food, splashes. Puts it in the last slot."""
    along = lead._replace(hop=0.0, ar=0.0, r=0.0, dr=0.0, vr=0.0, squash=0.0, face=1.0, ls=0.0, ground=0.0, onset=onset)
    size = lead.s
    if wish.action == "sleeps":
        name, dx, y, scale = "sleep", 0.36 * size, lead.y - 0.8 * size, 0.6
        along = along._replace(ay=0.02, ax=0.015)
    elif wish.action == "dances":
        name, dx, y, scale = "music", 0.62 * size * (1 if lead.x < 0 else -1), lead.y - 0.75 * size, 0.42
        along = along._replace(ay=0.03, ax=0.02)
    elif wish.action == "eats" and wish.food:
        way = _looks(wish.subject, lead)
        name, dx, y, scale = wish.food, way * 0.5 * size, lead.y - 0.12 * size, 0.42
        along = along._replace(ls=math.log(0.45), span=30.0)
    elif wish.prop == "puddle" and wish.action in ("walks", "runs", "hops", "drives"):
        name, dx, y, scale = "splash", 0.28 * size, lead.y + 0.02, 0.36
        along = along._replace(ay=0.03)
    else:
        return
    sprites[-1] = along._replace(sprite=SPRITE_INDEX[name], x=lead.x + dx, y=y, s=scale * size, ground=0.0)


def _looks(subject: str, motion: Motion) -> int:
    """Which way a sprite looks as it is shown: -1 left, 1 right."""
    faces = SUBJECTS[SUBJECT_INDEX[subject]].faces or 1
    return 1 if faces * motion.face > 0 else -1


def _school(rng: Random, earlier: State | None, onset: int) -> list[Motion]:
    """Four colourful fishes that swim to and fro."""
    if earlier is not None and earlier.school:
        return list(earlier.sprites[:PROP])
    fishes = []
    for index in range(len(FISH_HUES)):
        x = (-0.36, 0.36, -0.2, 0.24)[index] + rng.uniform(-0.06, 0.06)
        y = (0.36, 0.32, 0.86, 0.84)[index] + rng.uniform(-0.04, 0.04)
        fishes.append(
            Motion(
                SPRITE_INDEX[f"fish {index}"],
                onset,
                x,
                ax=0.09,
                y=y,
                ay=0.02,
                ar=0.1,
                s=rng.uniform(0.17, 0.21),
                face=rng.choice((-1.0, 1.0)),
                omega=TAU / rng.uniform(24, 32),
                phase=rng.random() * TAU,
                alpha=1.0,
            )
        )
    return fishes
