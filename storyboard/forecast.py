"""A plan and a number of hands -> how long its shots will take: the call sheet is worked off as a render would do it.

    forecast(plan, vault, hands=64)        # Forecast(seconds, longest, chain, idle)

Nothing is shot; what shots and their storing took before is all there is to go by. May import what stands above
`forecast` in the layout.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final

from storyboard.callsheet import CallSheet, Entry, entries_of
from storyboard.errors import CommandError
from storyboard.plan import Plan, State
from storyboard.vault import Vault

MOST_HANDS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Forecast:
    """How a render is expected to go with so many hands, from the first shot that is begun to the last take stored."""

    hands: int
    seconds: float
    longest: float
    """Of the longest chain: with any number of hands it takes no less."""
    chain: tuple[str, ...]
    """Its shots, first to last."""
    idle: float
    """The share of the hands' time in which they have nothing to shoot."""

    @property
    def total(self) -> float:
        """Seconds of all shots."""
        return (1 - self.idle) * self.hands * self.seconds


def forecast(plan: Plan, vault: Vault, hands: int) -> Forecast | None:
    """What a render of the plan is expected to take; None where the time of a shot cannot be estimated.

    A shot that waits is taken to be shot. What a crew takes to start, and a model to load, is not in it. Raises
    CommandError where there cannot be so many hands.
    """
    if not 1 <= hands <= MOST_HANDS:
        raise CommandError(f"a crew of {hands} cannot shoot", f"ask for 1 to {MOST_HANDS}")
    asked = [each for each in plan if each.state is not State.HIT]
    if any(each.seconds is None for each in asked):
        return None
    storing: dict[str, float] = {}
    for each in asked:
        past = [seconds / frames for frames, seconds in vault.timings(each.shot.engine.storing) if frames]
        storing[each.shot.id] = median(past) * each.shot.frames if past else 0.0
    return simulate(entries_of(asked), hands, storing)


def simulate(entries: Mapping[str, Entry], hands: int, storing: Mapping[str, float] | None = None) -> Forecast:
    """The entries of a call sheet, worked off by so many hands, each of which takes exactly the seconds of its shots.

    `storing` says how long it takes to store each shot's take. What waits for the shot is shot meanwhile, as in
    `render`, unless too much is being stored.
    """
    sheet = CallSheet(entries, hands)
    lasting = storing or {}
    free, keepers = set(range(hands)), [0.0] * hands
    clock = busy = 0.0
    keeping = 0
    ahead: list[tuple[float, int, int | None, tuple[str, ...]]] = []
    """When a hand is free again, or its shots are stored: in order."""
    told = 0
    while True:
        while keeping <= hands and (turn := sheet.next(sorted(free))):
            free.remove(turn.hand)
            lasts = sum(entries[name].seconds for name in turn.shots)
            busy += lasts
            heapq.heappush(ahead, (clock + lasts, told, turn.hand, turn.shots))
            told += 1
        if not ahead:
            break
        clock = ahead[0][0]
        while ahead and ahead[0][0] <= clock:
            _, _, hand, shots = heapq.heappop(ahead)
            if hand is None:
                keeping -= 1
                continue
            free.add(hand)
            stored = clock
            for name in shots:
                sheet.done(name)
                there = max(clock, keepers[0]) + lasting.get(name, 0.0)
                heapq.heapreplace(keepers, there)
                stored = max(stored, there)
            heapq.heappush(ahead, (stored, told, None, shots))
            told += 1
            keeping += 1
    chain = longest_chain(sheet)
    longest = sum(entries[name].seconds for name in chain)
    return Forecast(hands, clock, longest, chain, 1 - busy / (hands * clock) if clock else 0.0)


def longest_chain(sheet: CallSheet) -> tuple[str, ...]:
    """The shots of the longest chain, first to last; of several, that which stands first."""
    chain: list[str] = []
    after = [name for name, each in sheet.entries.items() if not any(need in sheet.entries for need in each.needs)]
    while after:
        chain.append(max(after, key=sheet.remaining.__getitem__))
        after = sheet.receivers[chain[-1]]
    return tuple(chain)
