"""A finished film and its lock -> how well its splices join what is beside them.

    ...  a  |  b, spliced  |  c, which stayed  ...
          left           right

May import what stands above `joins` in the layout; numpy is imported inside `scopes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from storyboard.events import SeamMeasured
from storyboard.footage import resample
from storyboard.lock import Lock
from storyboard.scopes import AROUND, seam_ratio
from storyboard.shots import Breakdown, Shot
from storyboard.vault import Take, Vault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROUGH: Final = 2.0
"""A seam ratio above it is told to the author. 1 is invisible; at 2 the picture moves across the seam as far as in two
steps beside it, which is about where people begin to see it as a jerk."""


def new_seams(
    film: Breakdown, takes: Mapping[str, Take], vault: Vault, lock: Lock, last: Lock | None
) -> Iterator[SeamMeasured]:
    """The seams on both sides of the splices in a film, and of takes that stay, as far as they are new since `last`.

    Raises DamagedFootage.
    """
    known = {shot.key for shot in last.shots} if last else set()
    stayed = {(shot.id, shot.key) for shot in last.shots if shot.pinned} if last else set()
    for before, after, stays in _joins(film, lock):
        here = lock.by_id[stays] if stays else None
        newly = here is not None and (here.id, here.key) not in stayed
        if newly or not {takes[before.id].key, takes[after.id].key} <= known:
            ratio = join_ratio(before, after, (takes[before.id], takes[after.id]), vault)
            rough = here is not None and ratio is not None and ratio > ROUGH
            yield SeamMeasured(before.id, after.id, ratio, here is not None, rough, here is not None and here.hold)


def _joins(film: Breakdown, lock: Lock) -> Iterator[tuple[Shot, Shot, str | None]]:
    """Shots that go on into each other beside a splice; which of them has a take that stays, if one has."""
    for span in film.scenes:
        spliced = any(lock.by_id[name].head for name in span.shots)
        for name in span.shots:
            shot, pinned = film.shots[name], lock.by_id[name].pinned
            if shot.continues is not None and (pinned or (spliced and name == span.shots[0])):
                yield film.shots[shot.continues], shot, name if pinned else None
            if pinned and shot.head and shot.head[0].take is None:
                yield shot, film.shots[shot.head[0].shot], name


def join_ratio(before: Shot, after: Shot, takes: tuple[Take, Take], vault: Vault) -> float | None:
    """The seam ratio where one shot goes on into another, at the size of the second; None where nothing moves beside
    it. Raises DamagedFootage."""
    size = (after.engine.width, after.engine.height)

    def frames(take: Take, start: int, stop: int) -> NDArray[np.uint8]:
        return resample(vault.frames(take, range(start, stop)), *size, "cover")

    out, into = before.visible, after.visible
    return seam_ratio(
        frames(takes[0], max(out.start, out.stop - AROUND), out.stop),
        frames(takes[1], into.start, min(into.stop, into.start + AROUND)),
    )
