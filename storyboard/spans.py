"""Scenes -> where each is in the film: how long it is shot, what of that is shown, and from which frame on.

    scene as shot   | head trim |      shown      | tail trim |
    film            ...         |      film       |         ...

May import what stands above `spans` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from storyboard.errors import Fault
from storyboard.scene import Scene
from storyboard.screenplay import Screenplay
from storyboard.shots import SceneSpan
from storyboard.timing import FrameRange, Rate


def lay_out(screenplay: Screenplay, rate: Rate) -> tuple[tuple[SceneSpan, ...], list[Fault], list[Fault]]:
    """The film's scenes without their shots, in its order; and the faults and the notices about their lengths."""
    spans: list[SceneSpan] = []
    faults: list[Fault] = []
    notices: list[Fault] = []
    first, total, declared = 0, 0, Fraction(0)
    for index, scene in enumerate(screenplay.scenes):
        frames = max(1, scene.duration.frames(rate))
        total += frames
        declared += scene.duration.seconds(rate)
        shown = _shown(scene, frames, rate)
        if len(shown) < 1:
            message = f"`trim` leaves nothing of a scene of {frames} frames"
            faults.append(Fault(("scenes", index, "trim"), message, "trim less, or take the scene out"))
            shown = FrameRange(0, frames)
        kind, length = None, 0
        if scene.transition:
            kind, length = scene.transition.kind, scene.transition.duration.frames(rate)
            path = ("scenes", index, "transition", "duration")
            if length > len(shown):
                message = f"a {kind} of {length} frames into a scene of {len(shown)}"
                faults.append(Fault(path, message, "make the scene longer or the transition shorter"))
            if length == 0:
                message = f"a {kind} of {scene.transition.duration} is less than half a frame: the film cuts"
                notices.append(Fault(path, message))
        film = FrameRange(first, first + len(shown))
        line, hold = screenplay.line(index), scene.card is not None and scene.card.credits is None
        spans.append(
            SceneSpan(scene.id, line, frames, shown, film, (), kind if length else None, length, hold),
        )
        first = film.stop
    notices += [*_drift(rate, total, declared), *_jumps(screenplay, spans)]
    return tuple(spans), faults, notices


def _shown(scene: Scene, frames: int, rate: Rate) -> FrameRange:
    """What of a scene's frames the film shows; empty, or worse, where its trims meet."""
    if scene.trim is None:
        return FrameRange(0, frames)
    head, tail = scene.trim.head.frames(rate), scene.trim.tail.frames(rate)
    return FrameRange(head, max(head, frames - tail))


def _drift(rate: Rate, frames: int, declared: Fraction) -> Iterator[Fault]:
    drift = rate.seconds(frames) - declared
    if abs(drift) * rate.fraction * 2 > 1:
        which = f"{float(abs(drift)):.3f} s {'longer' if drift > 0 else 'shorter'}"
        message = f"the film is {which} than its scenes say, by rounding each to whole frames"
        hint = f"at {rate} frames per second a frame is {float(1 / rate.fraction):.4f} s"
        yield Fault(("scenes",), message, hint)


def _jumps(screenplay: Screenplay, spans: list[SceneSpan]) -> Iterator[Fault]:
    """Trims at a seam: the take goes on from frames that the film does not show."""
    for index, span in enumerate(spans):
        before = spans[index - 1] if index else None
        if before is None or screenplay.predecessor(index) != before.id or span.transition:
            continue
        out, into = before.frames - before.shown.stop, span.shown.start
        if out + into:
            message = f"the film jumps {out + into} frames where `{span.id}` goes on from `{before.id}`, by `trim`"
            hint = f"no shot is lost; to go on from what is shown, shorten `duration` of `{before.id}` instead"
            yield Fault(("scenes", index if into else index - 1, "trim"), message, hint)
