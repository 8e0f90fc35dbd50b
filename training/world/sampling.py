"""Random numbers in, wishes out: which subject does what where, with whom and in what weather.

Imports the tables, motion and staging.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from training.world.cast import FOODS, PROPS, SUBJECT_INDEX, SUBJECTS, Subject
from training.world.motion import GONE
from training.world.places import PLACE_INDEX, PLACES, STYLES
from training.world.staging import GOING, Wish

ACTIONS: tuple[str, ...] = (
    "stands",
    "walks",
    "runs",
    "hops",
    "swims",
    "dances",
    "jumps",
    "spins",
    "falls",
    "falls over",
    "flies",
    "flies away",
    "follows",
    "chases",
    "grows",
    "shrinks",
    "enters",
    "leaves",
    "sleeps",
    "dives",
    "surfaces",
    "watches fireworks",
    "walks pet",
    "eats",
    "drives",
    "sails",
)
KEPT = (1, 5, 9)
FRAMES = 33
"""Of the clips that a story is chained from."""

_COMMON = (
    "dances",
    "jumps",
    "spins",
    "grows",
    "shrinks",
    "enters",
    "leaves",
    "falls",
    "falls",
    "falls",
    "falls over",
    "stands",
)
_KINDS: dict[str, tuple[str, ...]] = {
    "person": (
        "walks",
        "walks",
        "runs",
        "dances",
        "sleeps",
        "eats",
        "follows",
        "chases",
        "walks pet",
        "walks pet",
        "walks pet",
        "watches fireworks",
        "flies",
        "flies away",
    ),
    "animal": ("walks", "walks", "runs", "hops", "sleeps", "eats", "follows", "chases", "watches fireworks", "flies"),
    "bird": ("walks", "hops", "flies", "flies", "flies away", "sleeps", "eats", "follows"),
    "fish": ("swims", "swims", "hops", "flies", "sleeps", "eats", "follows", "chases"),
    "vehicle": ("drives", "drives", "drives", "flies", "follows", "chases"),
    "ship": ("sails", "sails", "drives", "flies"),
    "aircraft": ("flies", "flies", "flies away", "drives", "follows"),
    "thing": ("flies", "flies", "flies away", "follows"),
}
_WET = {
    "surface": (
        "swims",
        "swims",
        "swims",
        "swims",
        "jumps",
        "dances",
        "spins",
        "sleeps",
        "follows",
        "surfaces",
        "surfaces",
        "watches fireworks",
        "grows",
        "enters",
        "leaves",
        "flies",
        "flies away",
    ),
    "under": (
        "swims",
        "swims",
        "swims",
        "swims",
        "swims",
        "dances",
        "spins",
        "sleeps",
        "follows",
        "chases",
        "dives",
        "grows",
        "shrinks",
        "enters",
        "leaves",
        "walks",
        "eats",
    ),
}
_AFLOAT = (
    "sails",
    "sails",
    "sails",
    "spins",
    "enters",
    "leaves",
    "follows",
    "grows",
    "watches fireworks",
    "flies away",
)
_HIGH = (
    "flies",
    "flies",
    "flies",
    "flies",
    "dances",
    "spins",
    "follows",
    "chases",
    "flies away",
    "grows",
    "shrinks",
    "enters",
    "leaves",
    "sleeps",
)


STEPPING = frozenset({"walks", "runs", "hops", "drives", "dances", "jumps"})
"""What can be done in a puddle."""


def possible(subject: Subject, medium: str) -> tuple[str, ...]:
    """What a subject may do in a medium, the usual more often."""
    if medium in ("air", "space"):
        return _HIGH
    if medium == "surface" and subject.kind in ("ship", "vehicle", "aircraft", "thing"):
        return _AFLOAT if subject.kind in ("ship", "thing") else (*_AFLOAT, "swims", "surfaces")
    if medium in _WET:
        return _WET[medium]
    return _KINDS[subject.kind] + _COMMON


def is_held_out(subject: str, place: str) -> bool:
    """Whether this pair is kept from training."""
    return (31 * SUBJECT_INDEX[subject] + 17 * PLACE_INDEX[place]) % 11 == 10


SUBJECT_NAMES = tuple(subject.name for subject in SUBJECTS)
PLACE_NAMES = tuple(place.name for place in PLACES)
STARS = ("teddy bear", "panda bear", "astronaut", "dog", "robot", "dragon")
SETS = ("san francisco", "under water", "mars")
"""Who and what stories are told of most often: they come up a little more often than their share."""


def one_of_all(rng: Random, names: tuple[str, ...], favourites: tuple[str, ...]) -> str:
    """A name drawn by lot, in one of ten cases a favourite."""
    return pick(rng, favourites if rng.random() < 0.1 else names)


def pick(rng: Random, items: tuple[str, ...]) -> str:
    return items[int(rng.random() * len(items))]


def somebody(rng: Random, place: str, held_out: bool, *, but: tuple[str | None, ...] = ()) -> str:
    """A subject whose pair with the place is, or is not, held out."""
    while True:
        name = one_of_all(rng, SUBJECT_NAMES, STARS)
        if is_held_out(name, place) == held_out and name not in but:
            return name


_PETS = ("dog", "dog", "dog", "cat", "rabbit", "pig", "turtle", "sheep", "duck", "fox", "penguin")


def act(rng: Random, wish: Wish, given: Mapping[str, str | None]) -> None:
    """Fill in the action and what it brings along: a companion, food, fireworks, a puddle."""
    subject = SUBJECTS[SUBJECT_INDEX[wish.subject]]
    medium = PLACES[PLACE_INDEX[wish.place]].medium
    asked = given.get("action")
    wish.action = asked or pick(rng, possible(subject, medium))
    wish.relation, wish.food = "", None
    if wish.action in ("follows", "chases"):
        wish.relation = wish.action
    elif wish.action == "walks pet":
        wish.relation = "lead"
        wish.second = wish.second or pick(rng, _PETS)
    elif wish.action == "watches fireworks":
        wish.fireworks = True
    elif wish.action == "eats":
        wish.food = given.get("food") or FOODS[int(rng.random() * len(FOODS))][0]
    if wish.relation and wish.second in (None, wish.subject):
        wish.second = somebody(rng, wish.place, False, but=(wish.subject,))
    if wish.second and not wish.relation:
        wish.relation = "with"


def surroundings(rng: Random, wish: Wish, given: Mapping[str, str | None]) -> None:
    """Fill in time, weather and what else is about."""
    place = PLACES[PLACE_INDEX[wish.place]]
    odds = rng.random()
    outside = place.sky == "earth"
    wish.time = "day"
    if place.sky in ("earth", "mars", "water"):
        wish.time = "night" if odds < 0.17 else "sunset" if odds < 0.29 and place.sky == "earth" else "day"
    odds = rng.random()
    wish.weather = "clear"
    if outside and odds < 0.27:
        wish.weather = "rain" if odds < 0.1 else "snow" if odds < 0.2 else "fog"
    wish.fireworks = wish.fireworks or (outside and rng.random() < 0.05)
    wish.school = place.medium == "under" and rng.random() < 0.4
    wish.prop = None
    if place.medium in ("land", "indoors") and not wish.second and rng.random() < 0.22:
        wish.prop = PROPS[int(rng.random() * (len(PROPS) - 1))][0]
    if place.medium == "land" and wish.action in STEPPING and rng.random() < (0.4 if wish.place == "mars" else 0.12):
        wish.prop = "puddle"
    if wish.action == "eats":
        wish.prop = None
    wish.time = given.get("time") or wish.time
    wish.weather = given.get("weather") or wish.weather
    if "prop" in given:
        wish.prop = given["prop"]
    wish.fireworks = bool(given["fireworks"]) if "fireworks" in given else wish.fireworks
    wish.school = bool(given["school"]) if "school" in given else wish.school
    settle(wish, given)


def settle(wish: Wish, given: Mapping[str, str | None]) -> None:
    """What follows from the rest: fireworks and the style `night` want the dark."""
    if (wish.fireworks or wish.style == "night") and not given.get("time"):
        wish.time = "night"
    if wish.fireworks and not given.get("weather"):
        wish.weather = "clear"


def view_of(rng: Random, wish: Wish, given: Mapping[str, str | None], zoom: float = 1.0, *, fresh: bool = True) -> str:
    """The camera's move; zooms only where there is room for them."""
    asked = given.get("camera")
    if asked:
        return asked
    odds = rng.random()
    if wish.action in GOING and rng.random() < 0.2:
        return "follows"
    if zoom > 1.15 and rng.random() < 0.3:
        return "zooms out"
    if odds < 0.68 or wish.action in GONE or wish.action == "enters":
        return "still"
    view = "pans left" if odds < 0.78 else "pans right" if odds < 0.88 else "zooms in" if odds < 0.94 else "zooms out"
    if view == "zooms in" and zoom > 1.15:
        return "zooms out"
    return "zooms in" if view == "zooms out" and not fresh and zoom < 1.2 else view


def _where_and_who(rng: Random, held_out: bool, given: Mapping[str, str | None]) -> tuple[str, str]:
    """Subject and place, as far as given, such that a given action can be done there."""
    action = given.get("action")
    for _ in range(400):
        place = given.get("place") or one_of_all(rng, PLACE_NAMES, SETS)
        subject = given.get("subject") or one_of_all(rng, SUBJECT_NAMES, STARS)
        whole = given.get("place") and given.get("subject")
        if (not whole and is_held_out(subject, place) != held_out) or subject == given.get("second"):
            continue
        if not action or action in possible(SUBJECTS[SUBJECT_INDEX[subject]], PLACES[PLACE_INDEX[place]].medium):
            break
    return subject, place


def fresh_wish(rng: Random, held_out: bool, given: Mapping[str, str | None]) -> Wish:
    """A whole scene, as far as given, the rest drawn by lot."""
    subject, place = _where_and_who(rng, held_out, given)
    wish = Wish(subject, "stands", place, variant=int(rng.random() * 4))
    second = given.get("second")
    if second is None and "second" not in given and rng.random() < 0.34:
        second = somebody(rng, place, False, but=(subject,))
    wish.second = second
    odds = rng.random()
    wish.style = given.get("style") or ("photorealistic" if odds < 0.66 else pick(rng, STYLES[1:]))
    act(rng, wish, given)
    surroundings(rng, wish, given)
    wish.view = view_of(rng, wish, given)
    return wish
