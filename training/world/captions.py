"""A state of the world and what led to it in, a sentence out, as people would write it.

Imports the tables, wording and state.
"""

from __future__ import annotations

from enum import Enum
from random import Random

from training.world.cast import SUBJECT_INDEX, SUBJECTS
from training.world.motion import ONCE
from training.world.places import (
    CAMERA_PHRASES,
    PLACE_INDEX,
    PLACES,
    STYLE_OPENINGS,
    STYLE_PHRASES,
    TIME_EVENTS,
    TIME_PHRASES,
    WEATHER_EVENTS,
    WEATHER_PHRASES,
)
from training.world.state import State
from training.world.wording import (
    ADVERBS,
    BECOMES,
    BESIDE,
    FIREWORK_EVENTS,
    FIREWORKS,
    FISH_EVENTS,
    FISHES,
    GOES,
    JOINS,
    OPENINGS,
    PROP_PHRASES,
    PUDDLE,
    VERBS,
    Verb,
)


class Event(Enum):
    """What a caption has to tell: everything, or what is new."""

    FRESH = "fresh"
    KEEPS = "keeps"
    ACTS = "acts"
    MOVES = "moves"
    BECOMES = "becomes"
    ARRIVES = "arrives"
    JOINS = "joins"
    WEATHER = "weather"
    TIME = "time"
    FIREWORKS = "fireworks"
    SCHOOL = "school"


MOST_WORDS = 24
_PETS_OF_PEOPLE = frozenset({"dog", "cat", "rabbit", "horse", "pig"})


def _pick(rng: Random, items: tuple[str, ...]) -> str:
    return items[int(rng.random() * len(items))]


def _mostly(rng: Random, items: tuple[str, ...]) -> str:
    """One of several phrases, the first a little more often."""
    return items[0] if rng.random() < 0.25 else _pick(rng, items)


def _verb(rng: Random, verbs: tuple[Verb, ...]) -> Verb:
    return verbs[0] if rng.random() < 0.45 else verbs[int(rng.random() * len(verbs))]


def article(noun: str) -> str:
    """`a` or `an` before a noun, the noun included; none before a name."""
    if noun in ("santa claus", "santa", "father christmas"):
        return noun
    return f"an {noun}" if noun[0] in "aeio" or (noun.startswith(("ugly", "ufo")) and noun != "ufo") else f"a {noun}"


def _noun(rng: Random, name: str) -> str:
    """A subject's name or one of its other names."""
    also = SUBJECTS[SUBJECT_INDEX[name]].also
    return name if not also or rng.random() < 0.62 else _pick(rng, also)


def _named(rng: Random, name: str, known: bool) -> str:
    """A subject with its article: `the` for one that is there already."""
    noun = _noun(rng, name)
    if noun in ("santa claus", "santa", "father christmas"):
        return noun
    return f"the {noun}" if rng.random() < (0.78 if known else 0.06) else article(noun)


class _Writer:
    """Puts one caption together."""

    def __init__(self, rng: Random, state: State, event: Event, earlier: State | None, full: bool) -> None:
        self.rng, self.state, self.event, self.earlier, self.full = rng, state, event, earlier, full
        self.adjective = ""

    def _chance(self, odds: float) -> bool:
        return self.full or self.rng.random() < odds

    def subject(self) -> str:
        """Who acts, with article and perhaps the style as an adjective."""
        rng, state = self.rng, self.state
        known = self.earlier is not None and self.earlier.subject == state.subject and self.event is not Event.ARRIVES
        if known and not self.full and rng.random() < 0.04:
            person = SUBJECTS[SUBJECT_INDEX[state.subject]].kind == "person"
            return _pick(rng, ("he", "she", "it")) if person else "it"
        name = _named(rng, state.subject, known)
        if self.adjective:
            head, _, rest = name.partition(" ")
            if head in ("a", "an", "the") and rest:
                return f"the {self.adjective} {rest}" if head == "the" else article(f"{self.adjective} {rest}")
        return name

    def second(self) -> str:
        """The companion: `a dog`, `the dog`, `his dog`."""
        rng, state = self.rng, self.state
        assert state.second is not None
        known = self.earlier is not None and self.earlier.second == state.second
        pet = state.second in _PETS_OF_PEOPLE and SUBJECTS[SUBJECT_INDEX[state.subject]].kind == "person"
        if pet and rng.random() < (0.75 if state.relation == "lead" else 0.3):
            return f"{_pick(rng, ('his', 'his', 'her', 'its'))} {_noun(rng, state.second)}"
        return _named(rng, state.second, known)

    def clause(self) -> str:
        """Subject and verb, with the companion where there is one."""
        rng, state = self.rng, self.state
        base, third, going = _verb(rng, VERBS[state.action])
        who, form = self.subject(), rng.random()
        if state.second and state.relation != "with":
            other = self.second()
            base, third, going = (text.replace("{o}", other) for text in (base, third, going))
        if state.food:
            food = (
                article(state.food)
                if state.food in ("apple", "banana", "carrot", "doughnut") or form < 0.5
                else state.food
            )
            base, third, going = (text.replace("{f}", food) for text in (base, third, going))
        if state.second and state.relation == "with":
            other = self.second()
            if form < 0.55 or state.action in (
                "enters",
                "leaves",
                "grows",
                "shrinks",
                "falls",
                "falls over",
                "eats",
                "dives",
                "surfaces",
                "flies away",
            ):
                tail = f" {_pick(rng, BESIDE)} {other}"
                return self._single(who, base, third, going) + tail
            both = self.event is Event.KEEPS and not self.full and rng.random() < 0.12
            return self._plural("they" if both else f"{who} and {other}", base, going)
        return self._single(who, base, third, going)

    def _single(self, who: str, base: str, third: str, going: str) -> str:
        odds = self.rng.random()
        if self.event is Event.KEEPS:
            forms = (
                f"keeps {going}",
                f"keeps {going}",
                f"is still {going}",
                f"continues to {base}",
                f"goes on {going}",
            )
            return f"{who} {forms[int(odds * 5)]}"
        if self.event is Event.ACTS and odds < 0.3:
            starts = (
                f"{who} starts {going}",
                f"{who} begins to {base}",
                f"{who} starts to {base}",
                f"now {who} is {going}",
                f"then {who} {third}",
                f"suddenly {who} {third}",
            )
            return starts[int(odds / 0.3 * 6)]
        if (odds < 0.62 and self.state.action not in ONCE) or odds < 0.4:
            how = f"{_pick(self.rng, ADVERBS)} " if self.rng.random() < 0.03 else ""
            return f"{who} is {how}{going}"
        if odds > 0.9 and self.event is Event.FRESH:
            return f"{who} {going}"
        return f"{who} {third}"

    def _plural(self, who: str, base: str, going: str) -> str:
        odds = self.rng.random()
        if self.event is Event.KEEPS:
            return f"{who} {(f'keep {going}', f'are still {going}', f'continue to {base}')[int(odds * 3)]}"
        if self.event is Event.ACTS and odds < 0.25:
            return f"{who} start {going}" if odds < 0.12 else f"{who} begin to {base}"
        return f"{who} are {going}" if odds < 0.55 else f"{who} {base}"

    def core(self) -> str:
        """The sentence without place and circumstances."""
        rng, state, event = self.rng, self.state, self.event
        if event is Event.BECOMES and self.earlier is not None:
            old = _named(rng, self.earlier.subject, self.earlier.clock > -1 and rng.random() < 0.8)
            return f"{old} {_pick(rng, BECOMES)} {article(_noun(rng, state.subject))}"
        if event is Event.JOINS:
            how, who, other = _pick(rng, JOINS), self.subject(), self.second()
            joined = f"{who} {how} {other}" if how in ("is joined by", "meets") else f"{other} {how} {who}"
            return joined if rng.random() < 0.5 else self.clause()
        if event is Event.MOVES and rng.random() < 0.3:
            into = PLACES[PLACE_INDEX[state.place]].into
            if into:
                return f"{self.subject()} {_pick(rng, GOES)} {_pick(rng, into)}"
        news = {
            Event.WEATHER: WEATHER_EVENTS[state.weather],
            Event.TIME: TIME_EVENTS[state.time],
            Event.FIREWORKS: FIREWORK_EVENTS,
            Event.SCHOOL: FISH_EVENTS,
        }.get(event)
        if news and rng.random() < 0.6:
            said = _pick(rng, news)
            odds = rng.random()
            if odds < 0.3 and not self.full:
                return said
            return f"{said} while {self.clause()}" if odds < 0.7 else f"{said} and {self.clause()}"
        return self.clause()

    def where(self, core: str) -> str:
        """The place, where the sentence needs it."""
        state = self.state
        if state.action == "dives" or "under water" in core or "under the water" in core:
            return ""
        if self.event is Event.MOVES and any(core.endswith(into) for into in PLACES[PLACE_INDEX[state.place]].into):
            return ""
        must = {Event.FRESH: 0.97, Event.MOVES: 1.0, Event.ARRIVES: 0.7}.get(self.event, 0.45)
        return _mostly(self.rng, PLACES[PLACE_INDEX[state.place]].phrases) if self._chance(must) else ""

    def details(self, core: str) -> list[str]:
        """Everything else that may be told, what is new for sure."""
        rng, state, before = self.rng, self.state, self.earlier
        details = []
        if state.school and "fish" not in core and self._chance(0.85):
            details.append(_mostly(rng, FISHES))
        if state.prop == "puddle":
            if "walk" in core or self._chance(0.7):
                details.insert(0, _mostly(rng, PUDDLE))
        elif state.prop and self._chance(0.75):
            details.append(f"{_pick(rng, PROP_PHRASES)} {article(state.prop)}")
        if state.fireworks and "firework" not in core and self._chance(0.9):
            details.append(_pick(rng, FIREWORKS))
        new = before is None or before.weather != state.weather
        told = any(text in core for text in WEATHER_EVENTS[state.weather])
        odds = (0.9 if new else 0.4) if state.weather != "clear" else 0.5 if new and before else 0.0
        if not told and odds and self._chance(odds):
            details.append(_pick(rng, WEATHER_PHRASES[state.weather]))
        new = before is None or before.time != state.time
        told = state.style == "night" or any(text in core for text in TIME_EVENTS[state.time])
        odds = (0.9 if new else 0.4) if state.time != "day" else 0.08 if self._bright() else 0.0
        if not told and odds and self._chance(odds):
            details.append(_pick(rng, TIME_PHRASES[state.time]))
        return details

    def _bright(self) -> bool:
        """Whether it makes sense to speak of daylight."""
        return (
            self.state.time == "day"
            and self.state.weather == "clear"
            and PLACES[PLACE_INDEX[self.state.place]].sky == "earth"
        )

    def write(self) -> str:
        """The whole caption, capital letter and full stop as people put them or not."""
        rng, state = self.rng, self.state
        style, odds = state.style, rng.random()
        opening = ending = ""
        if style != "photorealistic" or odds < 0.3:
            if odds < 0.12 and style == "photorealistic":
                self.adjective = _pick(rng, STYLE_PHRASES[style][:2])
            elif odds < 0.2 and self.event is Event.FRESH:
                opening = _pick(rng, STYLE_OPENINGS[style])
            elif self.event is Event.FRESH or self.full or odds < 0.75:
                ending = _pick(rng, STYLE_PHRASES[style])
        if not opening and self.event in (Event.FRESH, Event.ARRIVES) and rng.random() < 0.1:
            opening = _pick(rng, OPENINGS)
        core = self.core()
        where, details = self.where(core), self.details(core)
        camera = ""
        if state.view != "still" and self._chance(0.35 if state.view == "follows" else 0.85):
            camera = _pick(rng, CAMERA_PHRASES[state.view])
        elif rng.random() < 0.04:
            camera = _pick(rng, CAMERA_PHRASES["still"])
        while details and len(" ".join([opening, core, where, *details, camera, ending]).split()) > MOST_WORDS:
            details.pop()
        text = self._ordered(core, where, details, opening)
        text = f"{opening} {text}" if opening else text
        return self._finished(f"{text}, {camera}" if camera else text, ending)

    def _ordered(self, core: str, where: str, details: list[str], opening: str) -> str:
        rng = self.rng
        if (
            where
            and not opening
            and rng.random() < 0.12
            and not core.startswith(("it starts", "now", "then", "suddenly"))
        ):
            return " ".join([f"{where},", core, *details])
        first = details.pop(0) if details and rng.random() < (0.8 if details[0] in PUDDLE else 0.25) else ""
        return " ".join(part for part in (core, first, where, *details) if part)

    def _finished(self, text: str, ending: str) -> str:
        rng = self.rng
        if rng.random() < 0.82:
            text = text[0].upper() + text[1:]
        odds = rng.random()
        if ending:
            joined = f"{text}, {ending}" if odds < 0.8 else f"{text}. {ending[0].upper()}{ending[1:]}"
            return joined + "." if odds < 0.25 else joined
        return text + "." if odds < 0.6 else text


def caption(rng: Random, state: State, event: Event, earlier: State | None, *, full: bool = False) -> str:
    """A sentence for a state; `full` names every attribute. `earlier` is what was before, None for a fresh clip."""
    return _Writer(rng, state, event, earlier, full).write()
