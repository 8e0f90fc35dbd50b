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

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    shot: str | None = None
    """Whose take lies under it, where that is known."""

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

    @property
    def shots(self) -> frozenset[str]:
        """Ids of the shots whose takes it shows, if only under a transition."""
        under = {edit.mix.shot for edit in self.edits if edit.mix and edit.mix.shot}
        return frozenset({edit.shot for edit in self.edits} | under)


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
    return _cut_of(breakdown, takes, spans, range(len(spans)))


def cut_with(breakdown: Breakdown, takes: Mapping[str, Take], shot: str, *, scene: str | None = None) -> Cut | None:
    """As much of the film's cut, or of a scene's alone, as shows the take of a shot and only takes that are there; None
    where nothing does."""
    spans = breakdown.scenes if scene is None else (_alone(breakdown.scene(scene)),)
    own = [place for place, span in enumerate(spans) if shot in span.shots]
    places = [place for each in own for place in (each, each + 1) if place < len(spans)]
    cut = _cut_of(breakdown, takes, spans, places)
    edits = tuple(edit for edit in cut.edits if shot in {edit.shot, edit.mix and edit.mix.shot})
    return replace(cut, edits=edits) if edits else None


def _cut_of(breakdown: Breakdown, takes: Mapping[str, Take], spans: Sequence[SceneSpan], places: Iterable[int]) -> Cut:
    """The scenes at these places, as far as their takes are there."""
    edits: list[Edit] = []
    for place in places:
        under = spans[place - 1] if place and spans[place].transition else None
        edits += _scene_edits(breakdown, takes, spans[place], under)
    return Cut(breakdown.width, breakdown.height, breakdown.rate, breakdown.fit, tuple(edits))


def _alone(span: SceneSpan) -> SceneSpan:
    return replace(span, film=FrameRange(0, len(span.film)), transition=None, transition_frames=0)


def _scene_edits(
    breakdown: Breakdown, takes: Mapping[str, Take], span: SceneSpan, under: SceneSpan | None
) -> Iterator[Edit]:
    """What the film shows of the scene as edits, those under its transition split off and mixed. What needs a take that
    is not there is left out."""
    for name, run in _runs(breakdown, span, span.shown):
        if name not in takes:
            continue
        position = run.start - span.shown.start
        place = span.film.start + position
        strip = _strip(breakdown, takes, span, name, run)
        mixed = max(0, min(span.transition_frames - position, len(run))) if span.transition else 0
        for below in _outgoing(breakdown, takes, under, FrameRange(position, position + mixed)) if mixed else ():
            assert span.transition is not None
            mix = Mix(MixKind(span.transition), below.strip, below.first, span.transition_frames, below.shot)
            over = Strip(strip.key, strip.frames[below.first - position :][: below.length])
            yield Edit(span.film.start + below.first, over, name, span.id, span.line, mix)
        if len(run) > mixed:
            yield Edit(place + mixed, Strip(strip.key, strip.frames[mixed:]), name, span.id, span.line)


def _runs(breakdown: Breakdown, span: SceneSpan, frames: FrameRange) -> Iterator[tuple[str, FrameRange]]:
    """Which shot shows which of these frames of a scene. Those before its first and after its last are handles."""
    start = frames.start
    for name in span.shots:
        last = name == span.shots[-1]
        stop = frames.stop if last else min(frames.stop, _first_film_frame(breakdown.shots[name], breakdown.rate))
        if start < stop:
            yield name, FrameRange(start, stop)
            start = stop


def _first_film_frame(shot: Shot, rate: Rate) -> int:
    """The first film frame of the scene that shows a frame after the shot's visible ones."""
    after = shot.scene_first + len(shot.visible)
    own, film = shot.engine.rate.fraction, rate.fraction
    exact = after * film / own - Fraction(1, 2)
    return max(0, -((-exact.numerator) // exact.denominator))


def _strip(breakdown: Breakdown, takes: Mapping[str, Take], span: SceneSpan, name: str, film: FrameRange) -> Strip:
    """What film frames `film` of the scene show of a shot's take, held at its ends where there is no more."""
    shot, take = breakdown.shots[name], takes[name]
    if span.hold:
        return Strip(take.key, (0,) * len(film))
    offset, last = shot.visible.start - shot.scene_first, len(take.frames) - 1
    own = shot.engine.rate
    if own == breakdown.rate and film.start + offset >= 0 and film.stop - 1 + offset <= last:
        return Strip(take.key, range(film.start + offset, film.stop + offset))
    shown = (shown_frame(frame, own, breakdown.rate) + offset for frame in range(film.start, film.stop))
    return Strip(take.key, tuple(max(0, min(frame, last)) for frame in shown))


@dataclass(frozen=True, slots=True)
class _Under:
    """What lies under a transition's frames from `first` on, `length` of them; black where there is no strip."""

    strip: Strip | None
    first: int
    length: int
    shot: str | None = None


def _outgoing(
    breakdown: Breakdown, takes: Mapping[str, Take], span: SceneSpan | None, frames: FrameRange
) -> Iterator[_Under]:
    """The outgoing scene as it goes on after its out point, from which `frames` count."""
    if span is None:
        yield _Under(None, frames.start, len(frames))
        return
    out = span.shown.stop
    for name, run in _runs(breakdown, span, FrameRange(out + frames.start, out + frames.stop)):
        if name in takes:
            yield _Under(_strip(breakdown, takes, span, name, run), run.start - out, len(run), name)


def scene_strips(
    breakdown: Breakdown, takes: Mapping[str, Take], span: SceneSpan, frames: FrameRange
) -> tuple[tuple[str, Strip], ...]:
    """What these frames of a scene as it was shot show, by shot; those outside the scene are its handles."""
    runs = _runs(breakdown, span, frames)
    return tuple((name, _strip(breakdown, takes, span, name, run)) for name, run in runs)


def with_handles(breakdown: Breakdown, takes: Mapping[str, Take], span: SceneSpan) -> FrameRange:
    """The frames of a scene for which its takes have pictures, those before its first and after its last among them.

    A card has a second of them on either side.
    """
    if span.hold:
        second = breakdown.rate.frames(Fraction(1))
        return FrameRange(-second, span.frames + second)

    def is_there(name: str, frame: int) -> bool:
        shot = breakdown.shots[name]
        picture = shown_frame(frame, shot.engine.rate, breakdown.rate) + shot.visible.start - shot.scene_first
        return 0 <= picture < len(takes[name].frames)

    start, stop = 0, span.frames
    while is_there(span.shots[0], start - 1):
        start -= 1
    while is_there(span.shots[-1], stop):
        stop += 1
    return FrameRange(start, stop)
