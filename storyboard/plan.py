"""A breakdown and a vault -> for each shot HIT, MISS or WAITING, and why. Says whether; `render` says in what order.

A shot's key needs the digests of the frames that condition it. So a shot whose conditioning is itself to be shot is
WAITING: it may turn out to be a hit. Nothing is decoded. May import what stands above `plan` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from statistics import median

from storyboard.digest import Digest, Plain
from storyboard.events import FilmPlanned
from storyboard.pins import pinned_take
from storyboard.project import Manifest
from storyboard.shots import Breakdown, Shot
from storyboard.slate import Slate, own_fields, slate_of
from storyboard.vault import Take, Vault


class State(Enum):
    """Whether a shot's take is there."""

    HIT = "hit"
    MISS = "miss"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Kept:
    """Its take is in the vault, whole."""

    def __str__(self) -> str:
        return "its take is in the vault"


@dataclass(frozen=True, slots=True)
class New:
    """The film's last render did not have this shot."""

    def __str__(self) -> str:
        return "it was not in the last render"


@dataclass(frozen=True, slots=True)
class Gone:
    """Nothing changed, but the take is no longer in the vault, or is damaged there."""

    def __str__(self) -> str:
        return "its take is missing from the vault, or damaged there"


@dataclass(frozen=True, slots=True)
class Changed:
    """A field of its slate is not what it was in the last render."""

    field: str
    before: Plain
    after: Plain

    def __str__(self) -> str:
        if self.field in ("tail", "head", "start", "end"):
            return f"`{self.field}` frames changed"
        return f"`{self.field}` changed: {_short(self.before)} -> {_short(self.after)}"


@dataclass(frozen=True, slots=True)
class WaitsFor:
    """It is conditioned on frames that are themselves to be shot."""

    shots: tuple[str, ...]

    def __str__(self) -> str:
        return f"waits for {', '.join(f'`{shot}`' for shot in self.shots)}"


@dataclass(frozen=True, slots=True)
class Stays:
    """It is pinned: its take stays in the film."""

    def __str__(self) -> str:
        return "its take stays in the film, whatever it goes on from now"


@dataclass(frozen=True, slots=True)
class LeadsInto:
    """It is spliced in before a take that stays."""

    shot: str

    def __str__(self) -> str:
        return f"leads into the take of `{self.shot}` that stays in the film"


Reason = Kept | New | Gone | Changed | WaitsFor | Stays | LeadsInto


def _short(value: Plain) -> str:
    text = str(value) if not isinstance(value, str) else f'"{value}"'
    return text if len(text) <= 60 else f"{text[:57]}..."


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


def make_plan(breakdown: Breakdown, vault: Vault, last: Manifest | None = None) -> Plan:
    """The plan of a film against a vault. `last` is the manifest of its last render, to say what changed since.

    Raises MissingTakes where a take that is pinned, or led into, is not in the vault.
    """
    before = {record.id: record.key for record in last.shots} if last else {}
    pace = _Pace(vault)
    planned: dict[str, Planned] = {}
    needed = {ref.take for shot in breakdown.shots.values() if shot.pin is None for ref in shot.head}
    heads = {
        key: take
        for key, shot in breakdown.takes_ahead.items()
        if (take := pinned_take(vault, shot, key) if key in needed else vault.find(key))
    }
    takes: dict[str, Take] = dict(heads)
    for shot in breakdown.shots.values():
        if shot.pin is not None:
            takes[shot.id] = pinned_take(vault, shot.id, shot.pin)
            planned[shot.id] = Planned(shot, State.HIT, (Stays(),), None, takes[shot.id], None)
            continue
        missing = tuple(giver for giver in shot.depends if giver not in takes)
        slate = None if missing else slate_of(shot, takes)
        key = slate.key if slate else None
        take = vault.find(key) if key else None
        if take is not None:
            takes[shot.id] = take
            planned[shot.id] = Planned(shot, State.HIT, (Kept(),), slate, take, None)
            continue
        state = State.MISS if slate else State.WAITING
        reasons = _reasons(shot, slate, key, missing, before.get(shot.id), vault)
        reasons += tuple(dict.fromkeys(LeadsInto(ref.shot) for ref in shot.head if ref.take is not None))
        planned[shot.id] = Planned(shot, state, reasons, slate, None, pace.seconds(shot))
    return Plan(breakdown, planned, heads)


def _reasons(
    shot: Shot, slate: Slate | None, key: Digest | None, missing: tuple[str, ...], before: str | None, vault: Vault
) -> tuple[Reason, ...]:
    waits: tuple[Reason, ...] = (WaitsFor(missing),) if missing else ()
    if before is None:
        return (*waits, New())
    if key == before:
        return (Gone(),)
    old = vault.peek(before)
    if old is None:
        return (*waits, Gone())
    now = slate.plain() if slate else own_fields(shot)
    fields = [name for name in {**old.slate, **now} if slate or name not in ("tail", "head", "start", "end")]
    changed = [
        Changed(name, old.slate.get(name), now.get(name)) for name in fields if old.slate.get(name) != now.get(name)
    ]
    return (*waits, *_flat(changed))


def _flat(changes: list[Changed]) -> Iterator[Changed]:
    """Options one by one, so that a reason names the option."""
    for change in changes:
        before, after = change.before, change.after
        if isinstance(before, Mapping) and isinstance(after, Mapping) and change.field == "options":
            for name in {**before, **after}:
                if before.get(name) != after.get(name):
                    yield Changed(f"options.{name}", before.get(name), after.get(name))
        else:
            yield change


class _Pace:
    """Seconds a frame, by engine and size, from the vault's record of past takes."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._known: dict[str, float | None] = {}

    def seconds(self, shot: Shot) -> float | None:
        group = shot.engine.group
        if group not in self._known:
            past = [seconds / frames for frames, seconds in self._vault.timings(group) if frames]
            self._known[group] = median(past) if past else None
        pace = self._known[group]
        return None if pace is None else pace * shot.frames
