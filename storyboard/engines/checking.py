"""An assignment and an engine's capabilities -> nothing, or the ShotError that says what does not fit.

May import what stands above `engines` in the layout, engines.base and engines.choice.
"""

from __future__ import annotations

from storyboard.engines.base import Assignment, Capabilities, FrameRule
from storyboard.engines.choice import fits_size, sizes_of
from storyboard.errors import ShotError


def check_assignment(assignment: Assignment, can: Capabilities, name: str) -> None:
    """Raise ShotError unless the engine can shoot exactly this: pipelines trim and round what does not fit, silently.

    The tail counts as repeated, and the head lies within `assignment.frames`.
    """
    a = assignment
    tail, head = (0 if frames is None else len(frames) for frames in (a.tail, a.head))
    _accept(a.shot, name, "frames", a.frames, can.frames)
    if tail:
        _accept(a.shot, name, "tail frames", tail, can.tail)
    if head:
        _accept(a.shot, name, "head frames", head, can.head)
    given = tail + head + (a.start is not None) + (a.end is not None)
    if given >= a.frames:
        message = f"shot `{a.shot}` has {a.frames} frames, and {given} of them are given"
        raise ShotError(message, "make the scene longer, or set a smaller `tail` or `head`")
    for what, is_given, is_taken, rival in (
        ("start", a.start is not None, can.start_image, tail),
        ("end", a.end is not None, can.end_image, head),
    ):
        if is_given and (rival or not is_taken):
            raise ShotError(f"shot `{a.shot}` gives `{name}` a picture as `{what}`, which it cannot take here")
    if can.needs_picture and not tail and a.start is None:
        message = f"shot `{a.shot}` begins with nothing, and `{name}` sets a picture in motion"
        raise ShotError(message, "give it a `start` picture, or let it continue a scene")
    if a.references and not can.references:
        raise ShotError(f"shot `{a.shot}` gives `{name}` references, and it takes none")
    if not fits_size(can, (a.width, a.height)):
        raise ShotError(f"shot `{a.shot}` is {a.width}x{a.height}, which `{name}` cannot shoot", sizes_of(can))


def _accept(shot: str, name: str, what: str, count: int, rule: FrameRule | None) -> None:
    if rule is None:
        raise ShotError(f"shot `{shot}` gives `{name}` {count} {what}, and it takes none")
    if not rule.fits(count):
        raise ShotError(f"shot `{shot}` asks `{name}` for {count} {what}", f"it takes {rule}")
