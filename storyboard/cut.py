"""Shots and takes -> the integer edit list of the film: which frame of which take each film frame shows.

A cut is a row of edits that touch. An edit shows a strip of one take, or mixes it with what lies under it:

    film        0         40                 100  104
                |---------|------------------|----|---------
    edit        straight  dissolve           straight
    take A  ....[ visible ]handles..
    take B            ....[ d ][ visible           ]

Nothing here is a float and nothing is decoded. May import what stands above `cut` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction

from storyboard.errors import MissingTakes
from storyboard.plan import make_plan
from storyboard.shots import Breakdown, SceneSpan, Shot
from storyboard.timing import FrameRange, Rate, shown_frame
from storyboard.vault import Take, Vault


class MixKind(Enum):
    """How a transition mixes the incoming picture with what lies under it."""

    DISSOLVE = "dissolve"
    FADE = "fade"


@dataclass(frozen=True, slots=True)
class Strip:
    """Frames of one take, in the order in which they are shown; `frames` are indices into the take."""

    key: str
    frames: Sequence[int]

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True, slots=True)
class Mix:
    """What an edit is mixed with. `under` has the edit's length; None is black. The edit's first frame is frame
    `position` of the transition's `length` frames."""

    kind: MixKind
    under: Strip | None
    position: int
    length: int

    def weights(self, frame: int) -> tuple[Fraction, Fraction]:
        """Weights of (under, over) for frame `frame` of the edit; what is missing to 1 is black.

        A dissolve rises in `length + 1` equal steps, so that no frame of it is wholly the one or the other. A fade
        goes down to black in the first half and up again in the second; from nothing it only rises.
        """
        step = Fraction(self.position + frame + 1, self.length + 1)
        if self.kind is MixKind.DISSOLVE:
            return 1 - step, step
        if self.under is None:
            return Fraction(0), step
        return max(Fraction(0), 1 - 2 * step), max(Fraction(0), 2 * step - 1)


@dataclass(frozen=True, slots=True)
class Edit:
    """`strip` on screen from film frame `first` on, for as many frames as it has."""

    first: int
    strip: Strip
    shot: str
    scene: str
    line: int
    mix: Mix | None = None

    def __len__(self) -> int:
        return len(self.strip)


@dataclass(frozen=True, slots=True)
class Cut:
    """The whole film: edits without gap or overlap, at one size and rate. `fit` is `cover` or `contain`."""

    width: int
    height: int
    rate: Rate
    fit: str
    edits: tuple[Edit, ...]

    @property
    def frames(self) -> int:
        last = self.edits[-1]
        return last.first + len(last)


def assemble(
    breakdown: Breakdown, vault: Vault, *, takes: Mapping[str, Take] | None = None, scene: str | None = None
) -> Cut:
    """The cut of a film whose takes are all there, or of one scene of it alone, without its transition.

    `takes` spares looking them up again. Raises MissingTakes naming what is not in the vault.
    """
    spans = breakdown.scenes if scene is None else (_alone(breakdown.scene(scene)),)
    if takes is None:
        takes = make_plan(breakdown, vault).takes
    wanted = [shot for span in spans for shot in span.shots]
    missing = [shot for shot in wanted if shot not in takes]
    if missing:
        names = ", ".join(f"`{shot}`" for shot in missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise MissingTakes(f"{len(missing)} of {len(wanted)} shots have no take: {names}", "render the film first")
    edits: list[Edit] = []
    for place, span in enumerate(spans):
        under = spans[place - 1] if place and span.transition else None
        edits += _scene_edits(breakdown, takes, span, under)
    return Cut(breakdown.width, breakdown.height, breakdown.rate, breakdown.fit, tuple(edits))


def _alone(span: SceneSpan) -> SceneSpan:
    return replace(span, film=FrameRange(0, len(span.film)), transition=None, transition_frames=0)


def _scene_edits(
    breakdown: Breakdown, takes: Mapping[str, Take], span: SceneSpan, under: SceneSpan | None
) -> Iterator[Edit]:
    """The scene's shots as edits, those under its transition split off and mixed."""
    start = 0
    for name in span.shots:
        shot = breakdown.shots[name]
        stop = len(span.film) if name == span.shots[-1] else _first_film_frame(shot, breakdown.rate)
        strip = _strip(shot, takes[name], span, FrameRange(start, stop), breakdown.rate)
        mixed = max(0, min(span.transition_frames, stop) - start) if span.transition else 0
        if mixed:
            assert span.transition is not None
            handles = _outgoing(breakdown, takes, under, FrameRange(start, start + mixed)) if under else None
            mix = Mix(MixKind(span.transition), handles, start, span.transition_frames)
            over = Strip(strip.key, strip.frames[:mixed])
            yield Edit(span.film.start + start, over, name, span.id, span.line, mix)
        if stop - start > mixed:
            rest = Strip(strip.key, strip.frames[mixed:])
            yield Edit(span.film.start + start + mixed, rest, name, span.id, span.line)
        start = stop


def _first_film_frame(shot: Shot, rate: Rate) -> int:
    """The first film frame of the scene that shows a frame after the shot's visible ones."""
    after = shot.scene_first + len(shot.visible)
    own, film = shot.engine.rate.fraction, rate.fraction
    exact = after * film / own - Fraction(1, 2)
    return max(0, -((-exact.numerator) // exact.denominator))


def _strip(shot: Shot, take: Take, span: SceneSpan, film: FrameRange, rate: Rate) -> Strip:
    """What film frames `film` of the scene show of the take, held at its last frame where there is no more."""
    if span.hold:
        return Strip(take.key, (0,) * len(film))
    offset, last = shot.visible.start - shot.scene_first, len(take.frames) - 1
    if shot.engine.rate == rate and film.stop - 1 + offset <= last:
        return Strip(take.key, range(film.start + offset, film.stop + offset))
    own = shot.engine.rate
    shown = (shown_frame(frame, own, rate) + offset for frame in range(film.start, film.stop))
    return Strip(take.key, tuple(min(frame, last) for frame in shown))


def _outgoing(breakdown: Breakdown, takes: Mapping[str, Take], span: SceneSpan, film: FrameRange) -> Strip:
    """The outgoing take as it goes on after its out point: `film` counts from there."""
    shot = breakdown.shots[span.shots[-1]]
    length = len(span.film)
    beyond = FrameRange(length + film.start, length + film.stop)
    return _strip(shot, takes[shot.id], span, beyond, breakdown.rate)
