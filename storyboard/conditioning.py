"""Which frames condition a shot: the tail before it, over as many shots as it takes, and the head it leads into.

    sender   ...|----------V----------|  out point
    tail                     [ K last visible frames, by the receiver's clock ]

    receiver |----------V----------| head H |
    sender           ... -2 -1 | 0  1  2 ...                  frames of the scene led into, by the receiver's clock

A head begins at frame 0 of the scene led into where the frame rule fits so. Else it begins as many frames earlier as
the rule needs, with what the take of that scene has before its in point: these are the receiver's last visible frames
then, and lead to frame 0 as they did where they were shot. Where there is too little before the in point, it begins
later, and the frames up to it are handles.

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
    """How a shot ends: on `head` conditioning frames, those from frame `first` on of the scene that it leads into.

    `first` is how many handles are between the last visible frame and the head; less than 0, how many of the last
    visible frames are of the head.
    """

    first: int
    head: int


_ONE_PICTURE: Final = FrameRule(1, 0, 1, 1)


def head_rule(use: EngineUse) -> FrameRule | None:
    """How many frames after a shot the engine can be given: where it takes no head, but a last picture, one."""
    can = use.capabilities
    return can.head or (_ONE_PICTURE if can.end_image else None)


def close_on_head(use: EngineUse, visible: int, kept: int, sender: Sequence[Ahead]) -> Closing | None:
    """The closing of a shot of so many `visible` frames, after `kept` of its tail, that leads into those of `sender`.

    As many head frames as the engine is asked for, or as there are; of these, as few before frame 0 as the frame rule
    needs, else as few handles. None where nothing fits the window.
    """
    can, window, rule = use.capabilities, use.window, head_rule(use)
    assert rule is not None
    have = sum(len(each.visible) for each in sender)
    wanted = (use.options.head or can.default_head) if can.head else 1
    for head in _down(rule, wanted):
        count = kept + visible + head
        fewer, more = can.frames.at_most(count), can.frames.at_least(count)
        over = can.frames.step if fewer is None else count - fewer
        overlaps = over < min(can.frames.step, head + 1, visible) and _has_before(sender[0], use.rate, over)
        total = fewer if over == 0 or overlaps else more
        if total is None or total > window:
            continue
        first = total - count
        if shown_frame(first + head - 1, sender[0].rate, use.rate) < have:
            return Closing(first, head)
    return None


def _has_before(sender: Ahead, rate: Rate, count: int) -> bool:
    """Whether a take has so many frames before the in point of its scene, by the receiver's clock."""
    return not sender.first and sender.visible.start + shown_frame(-count, sender.rate, rate) >= 0


def _down(rule: FrameRule, count: int) -> Sequence[int]:
    most = rule.at_most(count)
    return range(most, rule.least - 1, -rule.step) if most else ()


def close_on_end(use: EngineUse, before: int) -> Closing | None:
    """The closing of a shot whose last generated frame is a given picture: handles only where the rule wants them."""
    total = use.capabilities.frames.at_least(before)
    return Closing(total - before, 0) if total is not None and total <= use.window else None


def head_refs(sender: Sequence[Ahead], close: Closing, rate: Rate) -> tuple[FrameRef, ...]:
    """Frames `first` .. `first + head - 1` of `sender`, by the receiver's clock, as frames of files."""
    refs: list[FrameRef] = []
    for frame in range(close.first, close.first + close.head):
        place = shown_frame(frame, sender[0].rate, rate)
        each = next((each for each in reversed(sender) if each.first <= place), sender[0])
        refs.append(FrameRef(each.shot, each.visible.start + place - each.first, each.take))
    return tuple(refs)
