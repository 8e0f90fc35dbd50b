"""A rendered film -> its dailies: all that is measured of it.

What people look at is made of it by `dailies_page`, what machines read by `junit`. Shoots and writes nothing. May
import what stands above `dailies` in the layout; numpy is imported inside functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isinf
from typing import TYPE_CHECKING, Final

from storyboard.joins import ROUGH
from storyboard.reel import Reel, ReelShot
from storyboard.scopes import drift
from storyboard.scopes_film import CutPlacement, Seam, Track, measure_film, placement
from storyboard.timing import FrameRange
from storyboard.vault import Vault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROUGH_SEAM: Final = ROUGH
"""Above it a seam stands out on the page where no other limit is given."""
_LEAST_FROZEN: Final = 8


@dataclass(frozen=True, slots=True)
class ShotFigures:
    """Means over the frames of a shot that the film shows unmixed, as `scopes` defines them; None without any."""

    luma: float | None
    saturation: float | None
    sharpness: float | None
    flicker: float | None
    black: tuple[FrameRange, ...]
    """Film frames that are black though an engine drew them."""
    frozen: tuple[FrameRange, ...]
    """Film frames on which nothing moves though an engine drew them."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the shots of a chain go from its first (`scopes.drift`); None where the first has no figure above 0."""

    shots: tuple[str, ...]
    luma: float | None
    saturation: float | None
    sharpness: float | None


@dataclass(frozen=True, slots=True)
class Dailies:
    """What is measured of a film."""

    reel: Reel
    seams: tuple[Seam, ...]
    """In the film's order."""
    cuts: CutPlacement
    track: Track
    shots: Mapping[str, ShotFigures]
    drifts: tuple[Drift, ...]
    """Of each chain of two shots or more."""

    @property
    def worst(self) -> tuple[Seam, ...]:
        """The seams, worst first; those without figure last."""
        return tuple(sorted(self.seams, key=lambda seam: (seam.figure is None, -(seam.figure or 0), seam.first)))


def look(reel: Reel, vault: Vault) -> Dailies:
    """Measure a film, as it is before it is encoded. Raises MissingTakes, DamagedFootage."""
    track, found = measure_film(reel.joined, reel.cut, vault)
    figures = {shot.id: _figures(shot, track) for shot in reel.shots}
    cuts = placement(reel.joined, reel.cut, track.changes)
    return Dailies(reel, found, cuts, track, figures, tuple(_drifts(reel.shots, figures)))


def _figures(shot: ReelShot, track: Track) -> ShotFigures:
    plain = slice(shot.plain.start, shot.plain.stop)
    inside = track.changes[shot.plain.start : max(shot.plain.start, shot.plain.stop - 1)]
    return ShotFigures(
        luma=_mean(track.luma[plain]),
        saturation=_mean(track.saturation[plain]),
        sharpness=_mean(track.sharpness[plain]),
        flicker=None if (change := _mean(inside)) is None else 1 - change / 255,
        black=_within(track.black, shot, least=1),
        frozen=_within(track.frozen, shot, least=_LEAST_FROZEN),
    )


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None


def _within(spans: Iterable[FrameRange], shot: ReelShot, least: int) -> tuple[FrameRange, ...]:
    """What of the spans lies in a shot's plain frames, where an engine drew them."""
    cropped = [FrameRange(max(span.start, shot.plain.start), min(span.stop, shot.plain.stop)) for span in spans]
    return tuple(span for span in cropped if span.stop - span.start >= least) if shot.drawn else ()


def _drifts(shots: Sequence[ReelShot], figures: Mapping[str, ShotFigures]) -> Iterable[Drift]:
    chains: dict[int, list[str]] = {}
    for shot in shots:
        if shot.drawn:
            chains.setdefault(shot.chain, []).append(shot.id)
    for those in chains.values():
        if len(those) > 1:
            each = [figures[shot] for shot in those]
            columns = ([one.luma for one in each], [one.saturation for one in each], [one.sharpness for one in each])
            yield Drift(tuple(those), *map(_drift, columns))


def _drift(figures: Sequence[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return drift(known) if known and known[0] > 0 else None


def too_rough(dailies: Dailies, most: float) -> tuple[Seam, ...]:
    """The seams whose figure is above `most`, worst first."""
    return tuple(seam for seam in dailies.worst if seam.figure is not None and seam.figure > most)


def figure_text(figure: float | None, digits: int = 2) -> str:
    """A figure as people read it."""
    if figure is None:
        return "not measured"
    return "no bound" if isinf(figure) else f"{figure:.{digits}f}"


def seam_facts(seam: Seam) -> str:
    """All figures of a seam, in a line."""
    figures = {"ratio": seam.ratio, "for still shots": seam.still, "jerk": seam.jerk, "beyond motion": seam.motion}
    return f"film frame {seam.first}; " + ", ".join(f"{what} {figure_text(each)}" for what, each in figures.items())


def flaws(figures: ShotFigures) -> list[str]:
    """What is black or frozen in a shot, in words: film frames, the last one included."""

    def told(spans: Sequence[FrameRange]) -> str:
        return ", ".join(f"{span.start} to {span.stop - 1}" if len(span) > 1 else f"{span.start}" for span in spans)

    found = [("black", figures.black), ("frozen", figures.frozen)]
    return [f"{what}: frames {told(spans)}" for what, spans in found if spans]
