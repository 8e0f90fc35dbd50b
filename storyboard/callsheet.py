"""Shots that are to be shot -> which is next, and who shoots it. `render` asks it, and so does `forecast`.

    sheet = CallSheet(entries, hands=2)
    while turn := sheet.next(free):        # Turn(hand=0, shots=("a/1",))
        ...
    sheet.done("a/1")                      # what waited for it is ready

Several hands take the shot first that has the longest way to go behind it: list scheduling by the critical path, which
takes at most twice as long as the best there is (R. L. Graham, *Bounds on Multiprocessing Timing Anomalies*, 1969). One
hand takes them in the film's order, which takes as long and shows the beginning first. Plain data; may import what
stands above `callsheet` in the layout.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Final

from storyboard.digest import Digest, digest_of
from storyboard.plan import Planned
from storyboard.shots import Shot

MOST_TOGETHER: Final = 16
"""Shots in one batch."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One shot, as far as its turn depends on it."""

    needs: tuple[str, ...]
    """Shots of the sheet that have to be there before; any others are there."""
    seconds: float
    """That it takes, by estimate; of all entries alike, whatever the unit."""
    engine: str = ""
    """What a hand has to have open for it."""
    continues: str | None = None
    """The shot before it in its chain."""
    shape: str | None = None
    """Shots of the same shape may be shot together; None: it is shot alone."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one hand is to shoot now: one shot, or several together."""

    hand: int
    shots: tuple[str, ...]


def entries_of(asked: Iterable[Planned]) -> dict[str, Entry]:
    """The entries of shots as they are planned, in the order of the breakdown.

    Where nobody knows yet how long some take, their frames count, at the usual pace of the others.
    """
    shots = list(asked)
    paces = [each.seconds / each.shot.frames for each in shots if each.seconds is not None]
    pace = median(paces) if paces else 1.0
    return {
        each.shot.id: Entry(
            needs=each.shot.depends,
            seconds=each.shot.frames * pace if each.seconds is None else each.seconds,
            engine=each.shot.engine.resident,
            continues=each.shot.continues,
            shape=shape_of(each.shot),
        )
        for each in shots
    }


def shape_of(shot: Shot) -> Digest | None:
    """What shots share that are shot together: all but texts, seeds and pictures. None where the engine's options want
    each by itself."""
    use = shot.engine
    if not use.options.together:
        return None
    given = [len(shot.tail), len(shot.head), shot.head_is_end, shot.start is not None, shot.end is not None]
    return digest_of([use.resident, use.group, str(use.rate), shot.frames, *given, len(shot.references)])


class CallSheet:
    """Which shots are ready, in which order, and whose they are."""

    def __init__(self, entries: Mapping[str, Entry], hands: int) -> None:
        """`entries` are in an order in which each stands after all that it needs."""
        self.entries = entries
        self.place = {name: place for place, name in enumerate(entries)}
        self.names = list(entries)
        self.receivers = _receivers(entries)
        self.remaining = remaining(entries)
        self.hands = hands
        self.open_needs = {name: {need for need in each.needs if need in entries} for name, each in entries.items()}
        self.left = set(entries)
        self.ready = [self._rank(name) for name, needs in self.open_needs.items() if not needs]
        heapq.heapify(self.ready)
        self.deferred: list[str] = []
        self.shot_by: dict[str, int] = {}
        """Who has, or had, each shot."""
        self.in_hand: set[str] = set()
        """Shots whose turn it was, and which are neither there nor back."""
        self.opened: dict[int, set[str]] = {}
        """The engines that each hand has open."""
        self.shunned: dict[str, set[int]] = {}
        """Hands that lost a shot."""

    def next(self, free: Collection[int]) -> Turn | None:
        """The most urgent shots, and the free hand that suits them best; None while nothing is ready or nobody free."""
        name = self._pop(free) if free else None
        if name is None:
            return None
        together = (name, *self._others_like(name, len(free)))
        hand = min(free, key=lambda hand: self._strangeness(hand, name))
        self.in_hand.update(together)
        self.opened.setdefault(hand, set()).add(self.entries[name].engine)
        for each in together:
            self.shot_by[each] = hand
        return Turn(hand, together)

    def done(self, name: str) -> None:
        """The shot is there; what waited for it alone is ready."""
        self.left.discard(name)
        self.in_hand.discard(name)
        for receiver in self.receivers[name]:
            needs = self.open_needs[receiver]
            if name in needs:
                needs.remove(name)
                if not needs and receiver in self.left:
                    heapq.heappush(self.ready, self._rank(receiver))

    def fail(self, name: str) -> Iterator[str]:
        """The shot will not be there: the shots that will not be either, as they wait on it, leave the sheet too."""
        self.left.discard(name)
        self.in_hand.discard(name)
        lost = [name]
        while lost:
            for receiver in self.receivers[lost.pop()]:
                if receiver in self.left:
                    self.left.discard(receiver)
                    lost.append(receiver)
                    yield receiver

    def again(self, name: str, *, shun: int | None = None) -> None:
        """The shot is ready once more: for another hand than `shun`, while there is one."""
        self.in_hand.discard(name)
        if shun is not None:
            self.shunned.setdefault(name, set()).add(shun)
            self.opened.pop(shun, None)
        heapq.heappush(self.ready, self._rank(name))

    def defer(self, name: str) -> None:
        """The shot is ready, and has to wait for what the sheet knows nothing of, until `resume`."""
        self.in_hand.discard(name)
        self.deferred.append(name)

    def resume(self) -> None:
        """What was deferred is looked at again."""
        for name in self.deferred:
            heapq.heappush(self.ready, self._rank(name))
        self.deferred = []

    def _rank(self, name: str) -> tuple[float, int]:
        place = self.place[name]
        return (-self.remaining[name] if self.hands > 1 else 0.0, place)

    def _pop(self, free: Collection[int]) -> str | None:
        """The most urgent shot for which one of these hands will do: one that has lost it does only where nothing else
        is under way that could free another."""
        skipped: list[tuple[float, int]] = []
        found: str | None = None
        while self.ready and found is None:
            rank = heapq.heappop(self.ready)
            name = self.names[rank[1]]
            if self.in_hand and self.shunned.get(name, set()) >= set(free):
                skipped.append(rank)
            else:
                found = name
        for rank in skipped:
            heapq.heappush(self.ready, rank)
        return found

    def _others_like(self, name: str, free: int) -> list[str]:
        """Ready shots to be shot together with one: so many that there are as many left for each other free hand."""
        shape = self.entries[name].shape
        if shape is None:
            return []
        alike = [rank for rank in sorted(self.ready) if self.entries[self.names[rank[1]]].shape == shape]
        taken = set(alike[: min(MOST_TOGETHER, ceil((len(alike) + 1) / free)) - 1])
        self.ready = [rank for rank in self.ready if rank not in taken]
        heapq.heapify(self.ready)
        return [self.names[rank[1]] for rank in sorted(taken)]

    def _strangeness(self, hand: int, name: str) -> tuple[bool, bool, bool, int, int]:
        """How badly a hand suits a shot: best is who has its engine open and shot what is before it; else who has the
        fewest engines open."""
        entry, opened = self.entries[name], self.opened.get(hand, set())
        return (
            hand in self.shunned.get(name, ()),
            entry.engine not in opened,
            entry.continues is None or self.shot_by.get(entry.continues) != hand,
            len(opened),
            hand,
        )


def remaining(entries: Mapping[str, Entry]) -> dict[str, float]:
    """For each shot the seconds of the longest chain that begins with it."""
    after = _receivers(entries)
    found: dict[str, float] = {}
    for name in reversed(list(entries)):
        found[name] = entries[name].seconds + max((found[each] for each in after[name]), default=0.0)
    return found


def _receivers(entries: Mapping[str, Entry]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in entries}
    for name, entry in entries.items():
        for need in entry.needs:
            if need in entries:
                found[need].append(name)
    return found
