"""A film that is planned, and what it was before -> what was changed of each shot, and which shots that reaches.

Two things are looked at: fields of slates, which say whether a shot is another one, and what the author wrote, which
says why. A change of the text that comes to the same slate reaches nothing. Nothing is decoded. May import what stands
above `why` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from storyboard.alterations import Alteration, alterations, line_of
from storyboard.blame import cut_of
from storyboard.boxes import read_note
from storyboard.breakdown import seed_of
from storyboard.checks import BRACES
from storyboard.digest import Plain
from storyboard.errors import ConformError, DocumentPath
from storyboard.lock import LockedShot
from storyboard.past import GIVEN, Past, differing, field_name, partly, present, recorded
from storyboard.plan import Planned, State
from storyboard.production import Production
from storyboard.project import ShotRecord, places
from storyboard.reasons import Changed, Gone, New, Reached, Reason, Refused
from storyboard.screenplay import Scene, Screenplay
from storyboard.shots import Shot

LAST: Final = "the last render"
_MOST_TAKES: Final = 100


@dataclass(frozen=True, slots=True)
class Before:
    """A film to compare with."""

    name: str
    shots: Mapping[str, Past]
    screenplay: Screenplay | None
    """As it was written, where that is known."""
    is_plain: bool = False
    """Whether it is the film without pins and splices."""


@dataclass(frozen=True, slots=True)
class ShotWhy:
    """Why a shot is planned as it is."""

    planned: Planned
    reasons: tuple[Reason, ...]
    reaches: tuple[str, ...]
    """The shots that its own change reaches, up to others that are changed themselves, in the breakdown's order."""

    @property
    def is_touched(self) -> bool:
        """Whether it is new, or changed, or reached by a change."""
        return any(isinstance(reason, New | Changed | Reached) for reason in self.reasons)


@dataclass(frozen=True)
class Why:
    """A whole plan explained. `shots` are in the order of the breakdown."""

    before: str
    shots: Mapping[str, ShotWhy]
    gone: tuple[str, ...]
    """Shots that the film has no more."""
    idle: tuple[Alteration, ...]
    """What was written otherwise and changes no shot."""

    @cached_property
    def touched(self) -> tuple[ShotWhy, ...]:
        return tuple(each for each in self.shots.values() if each.is_touched)


def last_render(production: Production) -> Before:
    """What the film's last render left: slates from the vault, the screenplay from the movie."""
    last, store = production.last, production.vault
    records: Iterable[ShotRecord | LockedShot] = last.shots if last else ()
    shots: dict[str, Past] = {}
    for record in records:
        take = store.peek(record.key)
        known: dict[str, Plain] = {"engine": record.engine, "weights": record.weights, "seed": record.seed}
        shots[record.id] = recorded(take.slate) if take else partly(**known)
    where = production.places
    main = places(where.screenplay, out=where.out, vault=where.vault)
    keys = {record.id: record.key for record in records}
    found = (_screenplay_in(movie, keys) for movie in (where.movie, main.movie) if last)
    return Before(LAST, shots, next((play for play in found if play), None))


def _screenplay_in(movie: Path, keys: Mapping[str, str]) -> Screenplay | None:
    """The screenplay that a movie was made from, if it shows takes of these keys and no others."""
    try:
        note = read_note(movie)
        shown = {edit.shot: edit.strip.key for edit in cut_of(note).edits}
        if not isinstance(note, Mapping) or any(keys.get(shot) != key for shot, key in shown.items()):
            return None
        return Screenplay.model_validate(note.get("screenplay"))
    except (ConformError, ValueError, ValidationError):  # such as one of an older version
        return None


def explain(production: Production, before: Before) -> Why:
    """Why each shot is planned as it is, compared with another film. Writes nothing."""
    work = _Comparison(production, before)
    reasons = {name: tuple(work.reasons(planned)) for name, planned in production.plan.shots.items()}
    shots = {
        name: ShotWhy(planned, reasons[name], tuple(work.reached.get(name, ())))
        for name, planned in production.plan.shots.items()
    }
    gone = tuple(name for name in before.shots if name not in shots)
    idle = tuple(each for place, each in enumerate(work.written) if place not in work.used)
    return Why(before.name, shots, gone, idle)


class _Comparison:
    """One comparison under way; shots come in an order in which each stands after all that it depends on."""

    def __init__(self, production: Production, before: Before) -> None:
        film = production.plain if before.is_plain else production.plan.breakdown
        self.before, self.play, self.shots = before, film.screenplay, film.shots
        self.last = {span.shots[-1] for span in film.scenes}
        self.scenes = {scene.id: (place, scene) for place, scene in enumerate(self.play.scenes)}
        self.written = alterations(before.screenplay, self.play) if before.screenplay else []
        self.used: set[int] = set()
        """Places in `written` of what changes a shot."""
        self.of_scene: dict[str | None, list[int]] = {}
        for place, each in enumerate(self.written):
            self.of_scene.setdefault(each.scene, []).append(place)
        self.sources: dict[str, tuple[str, ...]] = {}
        """For each touched shot, where what touches those after it comes from."""
        self.reached: dict[str, list[str]] = {}

    def reasons(self, planned: Planned) -> Iterator[Reason]:
        """All reasons for a shot: how it stands in the vault, its own changes, and what reaches it."""
        shot = planned.shot
        yield from (reason for reason in planned.reasons if not isinstance(reason, New | Changed | Gone))
        if shot.pin is not None:
            return
        if shot.id not in self.before.shots:
            self.sources[shot.id] = (shot.id,)
            yield New(self.before.name)
            yield from self.causes(place for place in self.in_scope(shot) if _divides(self.written[place]))
            return
        past, now = self.before.shots[shot.id], self.present(planned)
        own = [*self.own(shot, past, now), *self.of_retries(planned)]
        reach = list(self.through(shot, past, now))
        if own:
            self.sources[shot.id] = (shot.id,)
        elif reach:
            self.sources[shot.id] = tuple(dict.fromkeys(source for each in reach for source in each.shots))
        elif Gone() in planned.reasons:
            yield Gone()
        for each in reach:
            for source in each.shots:
                self.reached.setdefault(source, []).append(shot.id)
        yield from own
        yield from reach

    def present(self, planned: Planned) -> Past:
        shot = self.shots[planned.shot.id]
        return present(shot, planned.slate if shot == planned.shot else None)

    # What was changed of the shot itself

    def own(self, shot: Shot, past: Past, now: Past) -> Iterator[Changed]:
        differ = {name: (was, are) for name, was, are in differing(past, now)}
        open_names = set(differ)
        for role, verb, at_it in (
            ("tail", "continues", shot.number == 1),
            ("head", "leads_into", shot.id in self.last),
        ):
            places = self.of_scene.get(shot.scene, ()) if at_it and _may_differ(past, now, role) else ()
            open_names |= {role for place in places if self.written[place].path == (verb,)}
        found: list[int] = []
        left = set(open_names)
        for place in self.in_scope(shot):
            if decided := {name for name in open_names if self.decides(self.written[place], name, shot, past)}:
                found.append(place)
                left -= decided
        yield from self.causes(found)
        if "engine" in open_names - left:
            left -= {name for name in left if name not in _NOT_BY_ENGINE}
        if "frames" in left and _is_tail_alone(shot, past, now):
            left.remove("frames")
        for name in differ:
            if name in left and (name not in GIVEN or not self.touched(shot, name)):
                yield self.unexplained(shot, name, *differ[name])

    def of_retries(self, planned: Planned) -> Iterator[Changed]:
        """Where attempts were refused, how many there may be has a say."""
        if any(isinstance(reason, Refused) for reason in planned.reasons) and planned.state is not State.HIT:
            places = self.in_scope(planned.shot)
            yield from self.causes(place for place in places if self.written[place].path == ("retries",))

    def causes(self, places: Iterable[int]) -> Iterator[Changed]:
        for place in places:
            self.used.add(place)
            each = self.written[place]
            yield Changed(each.field, each.before, each.after, each.line, of_film=each.scene is None)

    def in_scope(self, shot: Shot) -> Iterator[int]:
        """Places of what was written otherwise of the shot's scene, and of the film where the scene says nothing."""
        _, scene = self.scenes[shot.scene]
        shown = scene.card is not None or scene.footage is not None
        for place in self.of_scene.get(None, ()):
            path = self.written[place].path
            if path[0] in ("engine", "seed", "negative", "retries"):
                holds = not shown and getattr(scene, str(path[0])) is None
            elif path[0] == "cast":
                holds = path[1] in names_in(scene)
            else:
                holds = True
            if holds:
                yield place
        yield from self.of_scene.get(shot.scene, ())

    def decides(self, alteration: Alteration, name: str, shot: Shot, past: Past) -> bool:
        """Whether a field of the text decides a field of the shot's slate."""
        first, *rest = alteration.path
        if first == "engine":
            return _engine_decides(str(rest[0]), name)
        if first in ("card", "footage"):
            return field_name(name, shot) == alteration.field or not name.startswith("options.")
        if first in ("prompt", "beats") and rest[-1:] != ["at"]:
            return self.is_prompt(alteration, shot, past) if name == "prompt" else name == "frames" and first == "beats"
        if first == "continues" and shot.number > 1:
            return False
        return name in _DECIDES.get(str(first), ())

    def is_prompt(self, alteration: Alteration, shot: Shot, past: Past) -> bool:
        """Whether the text is the shot's prompt, or was."""
        old, was, now = self.before.screenplay, alteration.before, alteration.after
        is_now = isinstance(now, str) and self.play.resolved_prompt(now) == shot.prompt
        return is_now or (
            isinstance(was, str) and old is not None and old.resolved_prompt(was) == past.fields.get("prompt")
        )

    def unexplained(self, shot: Shot, name: str, was: Plain, now: Plain) -> Changed:
        """A field of the slate by itself: the text is not known, or says the same, such as the name of another file."""
        place, scene = self.scenes[shot.scene]
        if name in GIVEN:
            return Changed(name, None, None)
        if name == "seed" and (take := self.take_of(shot, scene, was)) is not None:
            return Changed("take", take, scene.take, line_of(self.play, ("scenes", place, "take")))
        field = field_name(name, shot)
        at: DocumentPath = ("scenes", place, *field.split("."))
        if field.startswith("engine") and scene.engine is None:
            at = at[2:]
        elif name in ("width", "height", "rate", "fit"):
            at = ("format", name)
        return Changed(field, was, now, line_of(self.play, at))

    def take_of(self, shot: Shot, scene: Scene, seed: Plain) -> int | None:
        """Which other take of the scene has that seed."""
        takes = (take for take in range(1, _MOST_TAKES + 1) if take != scene.take)
        return next((take for take in takes if seed_of(self.play, scene, shot.number, take) == seed), None)

    # What reaches it

    def touched(self, shot: Shot, role: str) -> tuple[str, ...]:
        """The shots that give its tail or head, and are not as they were."""
        refs = shot.tail if role == "tail" else shot.head
        givers = dict.fromkeys(ref.shot for ref in refs if ref.take is None)
        return tuple(giver for giver in givers if giver in self.sources)

    def through(self, shot: Shot, past: Past, now: Past) -> Iterator[Reached]:
        for role in GIVEN:
            givers = self.touched(shot, role) if _may_differ(past, now, role) else ()
            if givers:
                yield Reached(role, tuple(dict.fromkeys(source for giver in givers for source in self.sources[giver])))


def names_in(scene: Scene) -> frozenset[str]:
    """Cast names in the prompts of a scene."""
    prompts = [scene.prompt or "", *(beat.prompt for beat in scene.beats)]
    return frozenset(match[1] for prompt in prompts for match in BRACES.finditer(prompt) if match[1])


_DECIDES: Final[Mapping[str, frozenset[str]]] = {
    "style": frozenset({"prompt"}),
    "cast": frozenset({"prompt", "references"}),
    "negative": frozenset({"negative"}),
    "seed": frozenset({"seed"}),
    "take": frozenset({"seed"}),
    "duration": frozenset({"frames", "options.of"}),
    "title": frozenset({"options.credits"}),
    "beats": frozenset({"frames"}),
    "continues": frozenset({"tail", "frames", "grade"}),
    "leads_into": frozenset({"head", "frames"}),
    "start": frozenset({"start", "tail", "frames", "grade"}),
    "end": frozenset({"end", "frames"}),
    "format": frozenset({"width", "height", "rate", "frames", "fit", "options.fit", "options.of"}),
}
"""Field of the text -> fields of slates. Those of engines, prompts, cards and footage are told apart more closely."""
_ENGINE_DECIDES: Final[Mapping[str, frozenset[str]]] = {
    "tail": frozenset({"tail", "frames", "grade"}),
    "head": frozenset({"head", "frames"}),
    "window": frozenset({"frames", "tail"}),
    "rate": frozenset({"rate", "frames"}),
    "width": frozenset({"width"}),
    "height": frozenset({"height"}),
    "grade": frozenset({"grade"}),
}
_NOT_BY_ENGINE: Final = frozenset({"prompt", "seed"})


def _engine_decides(option: str, name: str) -> bool:
    if option == "name":
        return name not in _NOT_BY_ENGINE
    return name == f"options.{option}" or name in _ENGINE_DECIDES.get(option, ("weights", "version"))


def _divides(alteration: Alteration) -> bool:
    """Whether it decides of how many shots a scene is made."""
    return alteration.path[0] in ("duration", "beats") or alteration.field in ("format.rate", "engine", "engine.window")


def _may_differ(past: Past, now: Past, role: str) -> bool:
    """Unless the frames that the shot is given are known to be those of before."""
    was, are = (past.tail, now.tail) if role == "tail" else (past.head, now.head)
    return was is None or are is None or was != are or None in (*was, *are)


def _is_tail_alone(shot: Shot, past: Past, now: Past) -> bool:
    """Whether it has more or fewer frames only because its tail has."""
    was, are = past.fields.get("frames"), now.fields.get("frames")
    if past.tail is None or now.tail is None or not isinstance(was, int) or not isinstance(are, int):
        return False
    return shot.engine.capabilities.repeats_tail and are - was == len(now.tail) - len(past.tail)
