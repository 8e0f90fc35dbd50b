"""Which frames condition a shot: the tail before it, over as many shots as it takes, and the head it leads into.

    sender   ...|----------V----------|  out point
    tail                     [ K last visible frames, by the receiver's clock ]

    receiver |----------V----------| p handles |  head H  |
    sender                         |0 .. p-1    p .. p+H-1|   frames of the scene led into, by the receiver's clock

Whole-frame arithmetic only. May import what stands above `conditioning` in the layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from storyboard.engines.base import FrameRule
from storyboard.engines.choice import EngineUse
from storyboard.shots import Ahead, FrameRef, Shot
from storyboard.timing import Rate, shown_frame


def tail_refs(shots: Mapping[str, Shot], last: Shot, wanted: int, rate: Rate) -> tuple[FrameRef, ...]:
    """The `wanted` last visible frames before the out point of shot `last`, oldest first; fewer where there are fewer.

    Runs back over the shots that each shot continues. Where a sender's rate differs, the frame is taken that is there
    in the middle of each of the receiver's: frame j before the out point is (j - 1/2) / `rate` seconds before. So a
    receiver at the film's rate gets what is on screen.
    """
    found: list[FrameRef] = []
    shot: Shot | None = last
    passed = Fraction(0)
    while shot is not None and len(found) < wanted:
        own = shot.engine.rate
        if own == rate and passed.denominator == 1 and passed == len(found):
            take = min(wanted - len(found), len(shot.visible))
            found += (FrameRef(shot.id, shot.visible.stop - 1 - back) for back in range(take))
        else:
            while len(found) < wanted:
                before = (Fraction(2 * len(found) + 1, 2) - passed) / rate.fraction * own.fraction
                if before > shot.lasts:
                    break
                place = min(int(shot.lasts - before), len(shot.visible) - 1)
                found.append(FrameRef(shot.id, shot.visible.start + place))
        passed += len(shot.visible) if own == rate else shot.lasts / own.fraction * rate.fraction
        shot = shots[shot.continues] if shot.continues else None
    return tuple(reversed(found))


@dataclass(frozen=True, slots=True)
class Closing:
    """How a shot ends: `padding` handles after its last visible frame, then `head` conditioning frames."""

    padding: int
    head: int


_ONE_PICTURE: Final = FrameRule(1, 0, 1, 1)


def head_rule(use: EngineUse) -> FrameRule | None:
    """How many frames after a shot the engine can be given: where it takes no head, but a last picture, one."""
    can = use.capabilities
    return can.head or (_ONE_PICTURE if can.end_image else None)


def close_on_head(use: EngineUse, before: int, sender: Sequence[Ahead]) -> Closing | None:
    """The closing of a shot that has `before` frames up to its out point and leads into the frames of `sender`.

    As many head frames as the engine is asked for, or as there are; the fewest handles with which the frame rule
    fits. None where nothing fits the window.
    """
    can, window, rule = use.capabilities, use.window, head_rule(use)
    assert rule is not None
    have = sum(len(each.visible) for each in sender)
    wanted = (use.options.head or can.default_head) if can.head else 1
    for head in _down(rule, wanted):
        total = can.frames.at_least(before + head)
        if total is None or total > window:
            continue
        padding = total - before - head
        if shown_frame(padding + head - 1, sender[0].rate, use.rate) < have:
            return Closing(padding, head)
    return None


def _down(rule: FrameRule, count: int) -> Sequence[int]:
    most = rule.at_most(count)
    return range(most, rule.least - 1, -rule.step) if most else ()


def close_on_end(use: EngineUse, before: int) -> Closing | None:
    """The closing of a shot whose last generated frame is a given picture: handles only where the rule wants them."""
    total = use.capabilities.frames.at_least(before)
    return Closing(total - before, 0) if total is not None and total <= use.window else None


def head_refs(sender: Sequence[Ahead], close: Closing, rate: Rate) -> tuple[FrameRef, ...]:
    """Frames `padding` .. `padding + head - 1` of `sender`, by the receiver's clock, as frames of files."""
    refs: list[FrameRef] = []
    for frame in range(close.padding, close.padding + close.head):
        place = shown_frame(frame, sender[0].rate, rate)
        each = next(each for each in reversed(sender) if each.first <= place)
        refs.append(FrameRef(each.shot, each.visible.start + place - each.first, each.take))
    return tuple(refs)
