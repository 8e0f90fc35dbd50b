"""A cut and the vault -> measures of the film as it is shown: seams, placement of cuts, and figures of every frame.

All of it is measured on the frames before they are encoded, as the film shows them. May import what stands above
`scopes_film` in the layout; numpy is imported inside functions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from storyboard.cut import Cut, Edit
from storyboard.errors import MissingTakes
from storyboard.footage import resample
from storyboard.scopes import (
    AROUND,
    difference,
    frozen_spans,
    hard_cuts,
    is_black,
    luma,
    saturation,
    seam_jerk,
    seam_ratio,
    sharpness,
    spans_of,
    stands,
)
from storyboard.scopes_flow import has_flow, motion_seam
from storyboard.shots import Breakdown, scene_of
from storyboard.timing import FrameRange
from storyboard.vault import Vault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frames = NDArray[np.uint8]
    Figures = NDArray[np.float64]

_STRETCH: Final = 32  # frames of a strip that are held at a time

Joined = Collection[tuple[str, str]]
"""Pairs of shots of which the first was made to go on into the second, whether or not the film shows them so."""


def joined_shots(breakdown: Breakdown) -> frozenset[tuple[str, str]]:
    """Each shot with the one that it continues, and with the first of the scene that it leads into."""
    shots = breakdown.shots.values()
    led = {(shot.id, breakdown.scene(scene_of(ref.shot)).shots[0]) for shot in shots for ref in shot.head}
    return frozenset(led | {(shot.continues, shot.id) for shot in shots if shot.continues})


@dataclass(frozen=True, slots=True)
class Seam:
    """Where shot `after` goes on from shot `before` on screen, at film frame `first`. `still` is the form of the ratio
    for still shots, `motion` what of the jump no motion explains (`scopes_flow.motion_seam`). A figure is None where
    the shots are too short for it, and `motion` without OpenCV too."""

    first: int
    before: str
    after: str
    ratio: float | None
    still: float | None
    jerk: float | None
    motion: float | None
    stands: bool
    """So little moves beside it that `still` is the form to go by."""

    @property
    def figure(self) -> float | None:
        """The ratio to judge it by: 1 is invisible."""
        return self.still if self.stands else self.ratio


def seams(joined: Joined, cut: Cut, vault: Vault) -> Iterator[Seam]:
    """The film's continuity seams, in its order: where the film goes from a shot to one that it is joined to.

    Cuts and transitions are left out. A frame that the film shows several times, its rate being above the engine's,
    counts once. At most 16 frames are held. Raises MissingTakes, DamagedFootage.
    """
    flow = has_flow()
    for out, into in pairwise(cut.edits):
        if (out.shot, into.shot) in joined and not out.mix and not into.mix:
            before = shown(cut, vault, out.strip.key, list(dict.fromkeys(out.strip.frames))[-AROUND:])
            after = shown(cut, vault, into.strip.key, list(dict.fromkeys(into.strip.frames))[:AROUND])
            yield Seam(
                first=into.first,
                before=out.shot,
                after=into.shot,
                ratio=seam_ratio(before, after),
                still=seam_ratio(before, after, still=True),
                jerk=seam_jerk(before, after),
                motion=motion_seam(before, after) if flow else None,
                stands=stands(before, after),
            )


@dataclass(frozen=True, slots=True)
class CutPlacement:
    """The screenplay's hard cuts against those seen, as film frames: seen as said, said but not seen, seen unsaid."""

    right: tuple[int, ...]
    missing: tuple[int, ...]
    extra: tuple[int, ...]


def cut_placement(joined: Joined, cut: Cut, vault: Vault) -> CutPlacement:
    """Whether the film cuts where the screenplay says so and nowhere else, such as at a seam or inside a shot;
    transitions are passed over. Raises MissingTakes, DamagedFootage."""
    return placement(joined, cut, measure(cut, vault).changes)


def placement(joined: Joined, cut: Cut, changes: Figures) -> CutPlacement:
    """The same from the D of each film frame and the next, [n - 1]."""
    said, seen = set(said_cuts(joined, cut)), set(hard_cuts(changes))
    mixed = {edit.first + frame for edit in cut.edits if edit.mix for frame in range(len(edit) + 1)}
    right, missing, extra = (tuple(sorted(those)) for those in (said & seen, said - seen, seen - said - mixed))
    return CutPlacement(right, missing, extra)


def said_cuts(joined: Joined, cut: Cut) -> tuple[int, ...]:
    """The film frames on which the screenplay cuts to another shot, in order."""
    return tuple(into.first for out, into in pairwise(cut.edits) if _is_cut(joined, out, into))


def _is_cut(joined: Joined, out: Edit, into: Edit) -> bool:
    return out.shot != into.shot and not into.mix and (out.shot, into.shot) not in joined


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Figures of each of a film's n frames, as `scopes` defines them."""

    luma: Figures
    saturation: Figures
    sharpness: Figures
    changes: Figures
    """D of each frame and the next: [n - 1]."""
    black: tuple[FrameRange, ...]
    frozen: tuple[FrameRange, ...]


def measure(cut: Cut, vault: Vault) -> Track:
    """All figures in one reading of the film, of which few frames are held. Raises MissingTakes, DamagedFootage."""
    import numpy as np

    figures: list[tuple[float, float, float]] = []
    changes: list[float] = []
    dark: list[bool] = []

    def looked_at() -> Iterator[Frames]:
        last: Frames | None = None
        for frame in pictures(cut, vault):
            one = frame[None]
            figures.append((float(luma(one)[0]), float(saturation(one)[0]), float(sharpness(one)[0])))
            if last is not None:
                changes.append(difference(last, frame))
            dark.append(is_black(frame))
            last = frame
            yield frame

    frozen = frozen_spans(looked_at())
    light, colour, sharp = np.array(figures, np.float64).T
    return Track(light, colour, sharp, np.array(changes, np.float64), tuple(spans_of(dark)), tuple(frozen))


def pictures(cut: Cut, vault: Vault) -> Iterator[Frames]:
    """What the film shows before encoding: [height, width, 3] for each frame. Raises MissingTakes, DamagedFootage."""
    import numpy as np

    for edit in cut.edits:
        under = edit.mix.under if edit.mix else None
        for start in range(0, len(edit), _STRETCH):
            stretch = slice(start, start + _STRETCH)
            over = shown(cut, vault, edit.strip.key, edit.strip.frames[stretch])
            if edit.mix is None:
                yield from over
                continue
            below = shown(cut, vault, under.key, under.frames[stretch]) if under else np.zeros_like(over)
            for place, (low, high) in enumerate(zip(below, over, strict=True), start):
                low_weight, high_weight = map(float, edit.mix.weights(place))
                yield np.rint(low_weight * low + high_weight * high).astype(np.uint8)


def shown(cut: Cut, vault: Vault, key: str, frames: Sequence[int]) -> Frames:
    """Frames of a take as the film shows them: [n, height, width, 3]. Raises MissingTakes, DamagedFootage."""
    take = vault.find(key)
    if take is None:
        raise MissingTakes("the film shows a take that is not in the vault", "render the film first")
    return resample(vault.frames(take, frames), cut.width, cut.height, cut.fit)
