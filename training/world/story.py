"""Clips that stand alone, go on from another, or are made to order.

Imports sampling, staging, captions and state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from random import Random

import numpy as np

from training.world.captions import Event, caption
from training.world.cast import FOODS, PROPS, SUBJECTS
from training.world.motion import GONE, ONCE
from training.world.places import CAMERAS, PLACE_INDEX, PLACES, STYLES, TIMES, WEATHERS
from training.world.sampling import (
    ACTIONS,
    FRAMES,
    KEPT,
    act,
    fresh_wish,
    is_held_out,
    pick,
    settle,
    somebody,
    view_of,
)
from training.world.staging import Wish, stage
from training.world.state import Clip, State, labels_of

NEVER = -100
"""As `Clip.start`: nothing changes."""

_NAMES = frozenset(subject.name for subject in SUBJECTS)
KNOWN: dict[str, frozenset[str]] = {
    "subject": _NAMES,
    "second": _NAMES,
    "transformation": _NAMES,
    "place": frozenset(place.name for place in PLACES),
    "action": frozenset(ACTIONS),
    "weather": frozenset(WEATHERS),
    "time": frozenset(TIMES),
    "style": frozenset(STYLES),
    "camera": frozenset(CAMERAS),
    "prop": frozenset(name for name, _, _ in PROPS),
    "food": frozenset(name for name, _ in FOODS),
    "fireworks": frozenset({"fireworks"}),
    "school": frozenset({"school"}),
}
"""The labels that can be asked for, and what each may be."""


def sample(rng: np.random.Generator, *, split: str = "train") -> Clip:
    """A clip drawn by lot: a third are fresh, the rest go on from an earlier state.

    `split` is `train` or `held-out`; the pair of subject and place in every state of a train clip is never one that is
    held out, and that of a held-out clip's caption always is. Raises ValueError for another split.
    """
    if split not in ("train", "held-out"):
        raise ValueError(f"split `{split}` is neither `train` nor `held-out`")
    lot = Random(int(rng.integers(1 << 62)))
    held_out = split == "held-out"
    if lot.random() < 0.34:
        return _fresh(lot, held_out)
    kept = KEPT[int(lot.random() * 3)]
    while True:
        first = _past(lot)
        clip = _next(lot, first, kept, held_out)
        if is_held_out(clip.later.subject, clip.later.place) == held_out:
            return clip


def sample_story(rng: np.random.Generator, prompts: int, *, kept: int = 5, split: str = "train") -> list[Clip]:
    """A chain of clips of 33 frames, each of which starts with the last `kept` frames of the one before."""
    lot = Random(int(rng.integers(1 << 62)))
    clips = [_fresh(lot, split == "held-out")]
    while len(clips) < prompts:
        last = clips[-1]
        clips.append(_next(lot, last.later.shifted(FRAMES - kept), kept, False, last.caption))
    return clips


def sample_led(rng: np.random.Generator) -> Clip:
    """A fresh clip whose caption holds until, late in it, something else comes that no caption tells of.

    So films look that lead into a scene which is already there.
    """
    lot = Random(int(rng.integers(1 << 62)))
    while True:
        first = _fresh(lot, False)
        if first.start == NEVER and first.later.action not in GONE:
            break
    onset = lot.randrange(12, 20)
    wish, _, change = _happening(lot, first.later, False)
    later = stage(lot, wish, first.later, onset)
    return replace(first, later=later, start=onset - 1, whole=False, change=change)


def describe(labels: Mapping[str, str | None], rng: np.random.Generator | None = None) -> Clip:
    """A fresh clip with the wanted labels, its caption naming all attributes; the rest is drawn by lot.

    Without `rng`, the same labels give the same clip. The pair of subject and place may be one that is held out.
    None asks for none: `second`, `transformation`, `prop`, `fireworks` and `school` are drawn by lot when left out. Who
    is transformed stands rather than doing what ends.
    Raises ValueError for a name that is not known.
    """
    for name, value in labels.items():
        if name not in KNOWN or (value is not None and KNOWN[name] and value not in KNOWN[name]):
            raise ValueError(f"the world has no {name} `{value}`")
    digest = hashlib.sha256(repr(sorted(labels.items())).encode()).digest()
    lot = Random(int.from_bytes(digest[:8], "big") if rng is None else int(rng.integers(1 << 62)))
    subject, place = labels.get("subject"), labels.get("place")
    held_out = bool(subject and place and is_held_out(subject, place))
    return _fresh(lot, held_out, labels, full=True)


def _fresh(lot: Random, held_out: bool, given: Mapping[str, str | None] | None = None, *, full: bool = False) -> Clip:
    """A clip with nothing before it, but perhaps a transformation or a dive in it."""
    given = given or {}
    wish = fresh_wish(lot, held_out, given)
    full = full or lot.random() < 0.3
    old = given.get("transformation")
    by_lot = not given.get("action") and "transformation" not in given and not wish.second
    if old or (by_lot and lot.random() < 0.07):
        return _transformation(lot, wish, old or somebody(lot, wish.place, False, but=(wish.subject,)), full)
    if wish.action in ("dives", "surfaces"):
        medium = "surface" if wish.action == "dives" else "under"
        sides = tuple(p.name for p in PLACES if p.medium == medium and not is_held_out(wish.subject, p.name))
        if sides:
            return _crossing(lot, wish, pick(lot, sides), full)
        wish.action = "swims"
    state = stage(lot, wish, None, 0)
    text = caption(lot, state, Event.FRESH, None, full=full)
    return Clip(text, 0, "", labels_of(state, None), state, state, NEVER)


def _transformation(lot: Random, wish: Wish, old: str, full: bool) -> Clip:
    """A fresh clip in which one subject becomes another."""
    if wish.action in ONCE:
        wish.action = "stands"
    onset = lot.randrange(7, 12)
    earlier = stage(lot, _with_subject(wish, old), None, 0)
    later = stage(lot, wish, earlier, onset)
    text = caption(lot, later, Event.BECOMES, replace(earlier, clock=-5), full=full)
    return Clip(text, 0, "", labels_of(later, old), earlier, later, onset, 12)


def _with_subject(wish: Wish, subject: str) -> Wish:
    """The same scene with someone else."""
    names = Wish.__dataclass_fields__
    return Wish(**{**{name: getattr(wish, name) for name in names}, "subject": subject})


def _crossing(lot: Random, wish: Wish, side: str, full: bool) -> Clip:
    """A fresh clip that goes under the water, or comes up, from the place on the other side."""
    down = wish.action == "dives"
    before = _with_subject(wish, wish.subject)
    before.place, before.action, before.school = side, "swims", False
    before.weather, before.fireworks = "clear", False
    if not down:
        wish.fireworks = False
    onset = lot.randrange(5, 9)
    earlier = stage(lot, before, None, 0)
    later = stage(lot, wish, earlier, onset)
    text = caption(lot, later, Event.FRESH, None, full=full)
    return Clip(text, 0, "", labels_of(later, None), earlier, later, onset, 10, "down" if down else "up")


def _past(lot: Random) -> State:
    """A state that has been going on for a while, as the frames before a continuation show it."""
    wish = fresh_wish(lot, False, {})
    state = stage(lot, wish, None, 0)
    return state.shifted(lot.randrange(20, 30))


def _next(lot: Random, earlier: State, kept: int, held_out: bool, before: str = "") -> Clip:
    """What happens after a state, as a clip whose first `kept` frames still show that state."""
    full = lot.random() < 0.25
    wish, event, change = _happening(lot, earlier, held_out)
    later = stage(lot, wish, earlier, kept)
    was = earlier.subject if event is Event.BECOMES else None
    text = caption(lot, later, event, earlier, full=full)
    before = before or caption(lot, earlier, Event.FRESH, None)
    return Clip(text, kept, before, labels_of(later, was), earlier, later, kept - 1, 8, change)


def _same(state: State) -> Wish:
    """The wish that a state came from."""
    return Wish(
        state.subject,
        state.action,
        state.place,
        state.second,
        state.relation,
        state.prop,
        state.food,
        state.variant,
        state.time,
        state.weather,
        state.style,
        "still",
        state.fireworks,
        state.school,
    )


def _happening(lot: Random, earlier: State, held_out: bool) -> tuple[Wish, Event, str]:
    """What may happen next."""
    wish, odds = _same(earlier), lot.random()
    if held_out:
        return _elsewhere(lot, wish, True, other=lot.random() < 0.6)
    if earlier.action in GONE:
        return _after_leaving(lot, wish, odds)
    medium = PLACES[PLACE_INDEX[wish.place]].medium
    if medium in ("surface", "under") and odds > (0.78 if medium == "surface" else 0.92):
        crossed = _cross(lot, wish, medium)
        if crossed is not None:
            return crossed
    if odds < 0.14 and earlier.action not in ONCE:
        return _going_on(lot, wish, earlier)
    if odds < 0.40:
        return _new_action(lot, wish, earlier)
    if odds < 0.54:
        return _elsewhere(lot, wish, False, other=False)
    if odds < 0.62:
        return _becoming(lot, wish)
    if odds < 0.74:
        return _arrival(lot, wish)
    if odds < 0.82 and not wish.second and wish.action not in ONCE:
        return _joining(lot, wish)
    if odds < 0.93:
        return _circumstance(lot, wish, earlier)
    return _elsewhere(lot, wish, False, other=True)


def _after_leaving(lot: Random, wish: Wish, odds: float) -> tuple[Wish, Event, str]:
    """The subject comes back, someone else comes, or another scene begins."""
    if odds < 0.35:
        wish.action, wish.relation = "enters", "with" if wish.second else ""
        return wish, Event.ACTS, "fade"
    return _elsewhere(lot, wish, False, other=True) if odds < 0.7 else _arrival(lot, wish)


def _joining(lot: Random, wish: Wish) -> tuple[Wish, Event, str]:
    """Someone comes to the subject."""
    wish.second = somebody(lot, wish.place, False, but=(wish.subject,))
    wish.relation, wish.prop = "with", None
    return wish, Event.JOINS, "fade"


def _finished(wish: Wish) -> None:
    """An action that is over is not done again: whoever did it stands."""
    if wish.action in ONCE:
        wish.action = "swims" if PLACES[PLACE_INDEX[wish.place]].medium in ("surface", "under") else "stands"


def _going_on(lot: Random, wish: Wish, earlier: State) -> tuple[Wish, Event, str]:
    """The same again, perhaps with fishes, perhaps with a moving camera."""
    wish.view = view_of(lot, wish, {}, earlier.camera.z, fresh=False)
    if PLACES[PLACE_INDEX[wish.place]].medium == "under" and lot.random() < 0.5:
        wish.school = True
    return wish, Event.KEEPS, "fade"


def _new_action(lot: Random, wish: Wish, earlier: State) -> tuple[Wish, Event, str]:
    """The same subject in the same place does something else."""
    while wish.action == earlier.action or wish.action in ("dives", "surfaces", "enters", "falls"):
        wish.second = earlier.second
        act(lot, wish, {})
    if wish.action == "eats":
        wish.prop = None
    settle(wish, {})
    wish.view = view_of(lot, wish, {}, earlier.camera.z, fresh=False)
    return wish, Event.ACTS, "fade"


def _elsewhere(lot: Random, wish: Wish, held_out: bool, *, other: bool) -> tuple[Wish, Event, str]:
    """Another place, with the same subject or with someone else."""
    given: dict[str, str | None] = {"style": wish.style}
    if not other:
        given |= {"subject": wish.subject, "second": wish.second}
        open_to = [p.name for p in PLACES if p.name != wish.place and is_held_out(wish.subject, p.name) == held_out]
        if not open_to:
            return _elsewhere(lot, wish, held_out, other=True)
        given["place"] = pick(lot, tuple(open_to))
    fresh = fresh_wish(lot, held_out, given)
    while fresh.action in ("dives", "surfaces", "falls") or (not other and fresh.action == "enters"):
        fresh = fresh_wish(lot, held_out, given)
    return fresh, Event.ARRIVES if other else Event.MOVES, "fade"


def _becoming(lot: Random, wish: Wish) -> tuple[Wish, Event, str]:
    """The subject becomes another one."""
    wish.subject = somebody(lot, wish.place, False, but=(wish.subject, wish.second))
    _finished(wish)
    act(lot, wish, {"action": wish.action, "food": wish.food})
    return wish, Event.BECOMES, "fade"


def _arrival(lot: Random, wish: Wish) -> tuple[Wish, Event, str]:
    """Someone else is there instead, in the same place."""
    wish.subject = somebody(lot, wish.place, False, but=(wish.subject, wish.second))
    if lot.random() < 0.6:
        wish.second = None
    act(lot, wish, {})
    while wish.action in ("dives", "surfaces", "falls"):
        act(lot, wish, {})
    settle(wish, {})
    return wish, Event.ARRIVES, "fade"


def _cross(lot: Random, wish: Wish, medium: str) -> tuple[Wish, Event, str] | None:
    """Under the water from its surface, or back; None where all that is held out."""
    down = medium == "surface"
    fitting = [place.name for place in PLACES if place.medium == ("under" if down else "surface")]
    free = tuple(name for name in fitting if not is_held_out(wish.subject, name))
    if not free:
        return None
    wish.place, wish.action = pick(lot, free), "dives" if down else "surfaces"
    wish.relation = "with" if wish.second else ""
    wish.weather, wish.fireworks, wish.school = "clear", False, down and lot.random() < 0.2
    return wish, Event.ACTS, "down" if down else "up"


def _circumstance(lot: Random, wish: Wish, earlier: State) -> tuple[Wish, Event, str]:
    """Weather, night, fireworks, fishes or the camera change."""
    _finished(wish)
    place, odds = PLACES[PLACE_INDEX[wish.place]], lot.random()
    if place.medium == "under" and odds < 0.5 and not wish.school:
        wish.school = True
        return wish, Event.SCHOOL, "fade"
    if place.sky == "earth" and odds < 0.4:
        wish.weather = pick(lot, tuple(w for w in ("clear", "rain", "snow", "fog") if w != wish.weather))
        return wish, Event.WEATHER, "fade"
    if place.sky == "earth" and odds < 0.75 and wish.style != "night" and not wish.fireworks:
        wish.time = pick(lot, tuple(t for t in ("day", "sunset", "night") if t != wish.time))
        return wish, Event.TIME, "fade"
    if place.medium in ("land", "surface") and not wish.fireworks:
        wish.fireworks = True
        settle(wish, {})
        return wish, Event.FIREWORKS, "fade"
    wish.view = view_of(lot, wish, {}, earlier.camera.z, fresh=False)
    return wish, Event.KEEPS, "fade"
