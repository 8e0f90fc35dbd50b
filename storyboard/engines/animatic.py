"""The engine that needs no model: it draws what the slate knows on each frame, so that a film can be judged, and
tested, before a model is asked.

On each frame: the prompt, the negative prompt, seed, size and rate; the timecode within the take; a strip along the top
that a program reads (`read_strip`: which take, which frame of it); and a mark that crosses the lane at the bottom once
in four seconds (`read_mark`). The mark goes on from where the tail that was given left it, and arrives where the head
that was given has it. So continuity, order and trims can be read off the pixels of a finished film. And as with a real
model, other frames given are other frames drawn: the colour of the take's line is a digest of them.

    +--------------------------------+
    | strip: 2 rows of 16 cells      |  12 bits take, 14 bits frame, 6 bits checksum
    | seed               size, rate  |
    | prompt                         |
    | negative                       |
    | timecode                n / N  |
    | =====|-------------------===== |  the take, in a colour by what was given at its ends, which is drawn brighter
    | lane             o             |
    +--------------------------------+

Drawn with numpy and Pillow, in integers and in the font of this package: one version of Pillow, one picture, on every
machine. May import engines.base, engines.strip, engines.board and what stands above them.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from storyboard.engines.base import Assignment, Capabilities, EngineOptions, EngineSpec, FrameRule, Progress
from storyboard.engines.board import LANE_SECONDS, Board
from storyboard.engines.strip import read_mark
from storyboard.errors import ShotError
from storyboard.footage import Footage
from storyboard.timing import Rate

WINDOW: Final = 120
"""Frames of one generation at most, unless the author says otherwise."""
MOST_FRAMES: Final = 10_000


def capabilities(options: EngineOptions) -> Capabilities:
    """Any size and any rate; as many frames at a time as `window` says, 120 where it says nothing."""
    return Capabilities(
        version=2,
        frames=FrameRule(1, 0, 1, min(options.window or WINDOW, MOST_FRAMES)),
        native_rate=None,
        default_size=(384, 216),
        default_rate=Rate(Fraction(24)),
        tail=FrameRule(1, 0, 1, 16),
        default_tail=8,
        head=FrameRule(1, 0, 1, 16),
        default_head=8,
        repeats_tail=True,
        start_image=True,
        end_image=True,
        negative=True,
    )


class Animatic:
    """Draws; holds nothing between shots."""

    def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
        """Exactly what is asked. What is given comes back as it is: tail, start, then what is drawn, then end, head."""
        import numpy as np

        a = assignment
        before = [*(() if a.tail is None else a.tail), *(() if a.start is None else (a.start,))]
        after = [*(() if a.end is None else (a.end,)), *(() if a.head is None else a.head)]
        drawn = a.frames - len(before) - len(after)
        if drawn < 0:
            message = f"shot `{a.shot}` asks for {a.frames} frames, but is given {len(before) + len(after)}"
            raise ShotError(message, "make the scene longer, or set a smaller `tail` or `head`")
        frames = np.empty((a.frames, a.height, a.width, 3), np.uint8)
        board = Board(a, before, after)
        left = read_mark(before[-1]) if before else None
        right = read_mark(after[0]) if after else None
        marks = _way(left, right, drawn, float(1 / (LANE_SECONDS * a.rate.fraction)))
        for index in range(a.frames):
            if index < len(before):
                frames[index] = before[index]
            elif index < len(before) + drawn:
                board.draw(frames[index], index, marks[index - len(before)])
            else:
                frames[index] = after[index - len(before) - drawn]
            progress(index + 1, a.frames)
        return Footage(frames, a.rate)

    def close(self) -> None:
        """Nothing is held."""


def _way(before: float | None, after: float | None, count: int, step: float) -> list[float]:
    """Where the mark is in `count` frames between a frame that has it at `before` and one that has it at `after`.

    Even steps, of size `step` where nothing says otherwise; else the nearest size that arrives, going into the frame
    after as well. With nothing before, the first of them has it at 0.
    """
    first = 0 if before is None else 1
    start, steps = before or 0.0, count + first
    if after is not None and steps > 0:
        distance = (after - start) % 1.0
        step = (distance + round(step * steps - distance)) / steps
    return [(start + step * (index + first)) % 1.0 for index in range(count)]


SPEC: Final = EngineSpec(
    name="animatic",
    summary="draws slate, timing and prompt on each frame; needs no model",
    options=EngineOptions,
    capabilities=capabilities,
    missing=lambda: None,
    weights=lambda options: None,
    open=lambda options: Animatic(),
    libraries=("numpy", "pillow"),
)
