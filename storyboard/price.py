"""A film ready to be rendered -> what each way of rendering it would shoot: plainly, spliced, or through its splices.

May import what stands above `price` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from storyboard.errors import CommandError, StoryboardError
from storyboard.lock import Lock
from storyboard.pins import Mode
from storyboard.plan import Plan, Planned, State, make_plan
from storyboard.production import Production
from storyboard.splice import splice


@dataclass(frozen=True, slots=True)
class Price:
    """Shots, at most: one that waits may turn out to be there. `seconds` is None where a shot has no estimate."""

    shots: int
    frames: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Prices:
    """What a render would shoot: as it is planned, and in the other ways that there are."""

    plan: Price
    splice: Price | CommandError | None
    """With `--splice`; or why that cannot be done; None where no film is there to splice into."""
    ripple: Price | None
    """With `--ripple`; None where the film contains no splices."""
    splices: tuple[str, ...]
    """Shots of the film at which it is spliced."""


def price_of(shots: Iterable[Planned]) -> Price:
    """Of the shots that are no hits."""
    asked = [each for each in shots if each.state is not State.HIT]
    known = [each.seconds for each in asked if each.seconds is not None]
    return Price(len(asked), sum(each.shot.frames for each in asked), sum(known) if len(known) == len(asked) else None)


def prices(production: Production) -> Prices:
    """All that an author chooses between. Writes nothing; raises VaultError."""
    lock, planned = production.lock, price_of(production.plan)
    spliced: Price | CommandError | None = planned if lock is not None else None
    if lock is not None and planned.shots:
        try:
            spliced = price_of(_plan(production, lock, Mode.SPLICE))
        except CommandError as error:
            spliced = error
    return Prices(planned, spliced, shooting_through(production, lock), splices_in(lock) if lock else ())


def splices_in(lock: Lock) -> tuple[str, ...]:
    """The shots whose takes stay only because something was spliced in before them, and those that lead elsewhere."""
    stays = {shot.id for shot in lock.shots if shot.pinned}
    return tuple(
        shot.id
        for shot in lock.shots
        if (shot.pinned and not shot.hold) or (shot.head is not None and shot.head.shot not in stays)
    )


def shooting_through(production: Production, lock: Lock | None) -> Price | None:
    """What `--ripple` would shoot; None where the film contains no splices, or it cannot be known."""
    if lock is None or not splices_in(lock):
        return None
    try:
        return price_of(_plan(production, lock, Mode.RIPPLE))
    except StoryboardError:  # such as a held take that is nowhere: the render itself says so
        return None


def _plan(production: Production, lock: Lock, mode: Mode) -> Plan:
    return make_plan(splice(production.plain, lock, production.vault, mode), production.vault)
