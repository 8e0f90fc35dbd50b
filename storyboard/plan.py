"""A breakdown and a vault -> for each shot HIT, MISS or WAITING, and why. Says whether; `render` says in what order.

A shot's key needs the digests of the frames that condition it. So a shot whose conditioning is itself to be shot is
WAITING: it may turn out to be a hit. Nothing is decoded. May import what stands above `plan` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from statistics import median

from storyboard.attempts import Attempt, attempt_at
from storyboard.digest import Plain
from storyboard.events import FilmPlanned
from storyboard.lock import Lock
from storyboard.past import differing, field_name, present, recorded
from storyboard.pins import pinned_take
from storyboard.project import Manifest
from storyboard.reasons import Changed, Gone, Kept, LeadsInto, New, Reason, Refused, Stays, WaitsFor
from storyboard.shots import Breakdown, Shot
from storyboard.slate import Slate
from storyboard.vault import Take, Vault


class State(Enum):
    """Whether a shot's take is there."""

    HIT = "hit"
    MISS = "miss"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Planned:
    """What is known of one shot before anything is shot. `slate` is None while its conditioning is not there."""

    shot: Shot
    state: State
    reasons: tuple[Reason, ...]
    slate: Slate | None
    take: Take | None
    seconds: float | None
    """To shoot it, from past takes of the same engine and size; None where there are none, or nothing to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The state of every shot of a film, in the order of the breakdown."""

    breakdown: Breakdown
    shots: Mapping[str, Planned]
    heads: Mapping[str, Take] = field(default_factory=dict)
    """Takes that shots lead into whatever is in the film, by key."""

    def __iter__(self) -> Iterator[Planned]:
        return iter(self.shots.values())

    def count(self, state: State) -> int:
        return sum(each.state is state for each in self)

    @property
    def takes(self) -> dict[str, Take]:
        """Of the shots that are hits."""
        return {shot: each.take for shot, each in self.shots.items() if each.take is not None}

    def told(self, only: frozenset[str] | None = None) -> FilmPlanned:
        """The plan in numbers; `only` names the shots that count."""
        asked = [each for each in self if only is None or each.shot.id in only]
        states = [each.state for each in asked]
        seconds = {each.shot.id: each.seconds for each in asked if each.state is not State.HIT}
        return FilmPlanned(states.count(State.MISS), states.count(State.WAITING), states.count(State.HIT), seconds)


def make_plan(breakdown: Breakdown, vault: Vault, last: Manifest | Lock | None = None) -> Plan:
    """The plan of a film against a vault. `last` is what its last render left, to say what changed since.

    Raises MissingTakes where a take that is pinned, or led into, is not in the vault.
    """
    before = {record.id: record.key for record in last.shots} if last else {}
    pace = _Pace(vault, before.values())
    planned: dict[str, Planned] = {}
    needed: dict[str, int] = {}
    for ref in (ref for shot in breakdown.shots.values() if shot.pin is None for ref in shot.head):
        if ref.take is not None:
            needed[ref.take] = max(needed.get(ref.take, 0), ref.frame + 1)
    heads = {
        key: take
        for key, shot in breakdown.takes_ahead.items()
        if (take := pinned_take(vault, shot, key, frames=needed[key]) if key in needed else vault.find(key))
    }
    takes: dict[str, Take] = dict(heads)
    for shot in breakdown.shots.values():
        if shot.pin is not None:
            takes[shot.id] = pinned_take(vault, shot.id, shot.pin, frames=shot.visible.stop)
            planned[shot.id] = Planned(shot, State.HIT, (Stays(),), None, takes[shot.id], None)
            continue
        missing = tuple(giver for giver in shot.depends if giver not in takes)
        attempt = None if missing else attempt_at(shot, takes, vault)
        slate, refused = (attempt.slate, _refused(attempt)) if attempt else (None, ())
        if attempt and attempt.take is not None:
            takes[shot.id] = attempt.take
            planned[shot.id] = Planned(shot, State.HIT, (Kept(), *refused), slate, attempt.take, None)
            continue
        state = State.MISS if slate else State.WAITING
        reasons = _reasons(shot, slate, missing, before.get(shot.id), vault) + refused
        reasons += tuple(dict.fromkeys(LeadsInto(ref.shot) for ref in shot.head if ref.take is not None))
        planned[shot.id] = Planned(
            shot, state, reasons, slate, None, 0.0 if attempt and attempt.is_last_refused else pace.seconds(shot)
        )
    return Plan(breakdown, planned, heads)


def _refused(attempt: Attempt) -> tuple[Reason, ...]:
    return (Refused(len(attempt.refused), attempt.of, attempt.flaws),) if attempt.refused else ()


def _reasons(
    shot: Shot, slate: Slate | None, missing: tuple[str, ...], before: str | None, vault: Vault
) -> tuple[Reason, ...]:
    waits: tuple[Reason, ...] = (WaitsFor(missing),) if missing else ()
    if before is None:
        return (*waits, New())
    if slate is not None and slate.key == before:
        return (Gone(),)
    old = vault.peek(before)
    if old is None:
        return (*waits, Gone())
    changed = differing(recorded(old.slate), present(shot, slate))
    return (*waits, *(Changed(field_name(name, shot), was, now) for name, was, now in changed))


class _Pace:
    """Seconds a frame, by engine and size: of what was shot here with the same options, else of the takes in the film's
    last render, wherever they were shot."""

    def __init__(self, vault: Vault, film: Iterable[str]) -> None:
        self._vault, self._film = vault, film
        self._known: dict[str, float | None] = {}

    def seconds(self, shot: Shot) -> float | None:
        group = shot.engine.group
        if group not in self._known:
            past = [seconds / frames for frames, seconds in self._vault.timings(group) if frames]
            past = past or self._of_film.get((shot.engine.spec.name, shot.engine.width, shot.engine.height), [])
            self._known[group] = median(past) if past else None
        pace = self._known[group]
        return None if pace is None else pace * shot.frames

    @cached_property
    def _of_film(self) -> Mapping[tuple[Plain, ...], list[float]]:
        """Seconds a frame of the film's takes, by engine, width and height."""
        found: dict[tuple[Plain, ...], list[float]] = {}
        for key in self._film:
            take = self._vault.peek(key)
            if take is not None and isinstance(seconds := take.made.get("seconds"), int | float):
                slate = take.slate
                size = (slate.get("engine"), slate.get("width"), slate.get("height"))
                found.setdefault(size, []).append(seconds / len(take.frames))
        return found
