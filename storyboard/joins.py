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
from storyboard.scopes import seam_ratio
from storyboard.shots import Breakdown, Shot
from storyboard.vault import Take, Vault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROUGH: Final = 2.0
"""A seam ratio above it is told to the author. 1 is invisible; at 2 the picture moves across the seam as far as in two
steps beside it, which is about where people begin to see it as a jerk."""
AROUND: Final = 8
"""Frames on each side that say what is usual there."""


def new_seams(
    film: Breakdown, takes: Mapping[str, Take], vault: Vault, lock: Lock, last: Lock | None
) -> Iterator[SeamMeasured]:
    """The seams on both sides of the splices in a film, and of takes that stay, as far as they are new since `last`.

    Raises DamagedFootage.
    """
    known = {shot.key for shot in last.shots} if last else set()
    stayed = {(shot.id, shot.key) for shot in last.shots if shot.pinned} if last else set()
    for span in film.scenes:
        first = film.shots[span.shots[0]]
        spliced = any(lock.by_id[name].head for name in span.shots)
        for shot in (film.shots[name] for name in span.shots):
            here = lock.by_id[shot.id]
            if shot.continues is None or not (here.pinned or (spliced and shot is first)):
                continue
            before = film.shots[shot.continues]
            newly = here.pinned and (here.id, here.key) not in stayed
            if newly or not {takes[before.id].key, takes[shot.id].key} <= known:
                ratio = _ratio(before, shot, takes, vault)
                rough = here.pinned and ratio is not None and ratio > ROUGH
                yield SeamMeasured(before.id, shot.id, ratio, here.pinned, rough, here.pinned and here.hold)


def _ratio(before: Shot, after: Shot, takes: Mapping[str, Take], vault: Vault) -> float | None:
    """The seam ratio where one shot goes on from another, at the size of the second."""
    size = (after.engine.width, after.engine.height)

    def frames(shot: Shot, start: int, stop: int) -> NDArray[np.uint8]:
        return resample(vault.frames(takes[shot.id], range(start, stop)), *size, "cover")

    out, into = before.visible, after.visible
    return seam_ratio(
        frames(before, max(out.start, out.stop - AROUND), out.stop),
        frames(after, into.start, min(into.stop, into.start + AROUND)),
    )
