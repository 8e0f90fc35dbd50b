"""What an author says of the end credits, and what shot the film -> all of their lines.

May import what stands above `credits` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil
from typing import Final

from storyboard.engines.choice import EngineUse
from storyboard.engines.roll import share_in_sight
from storyboard.errors import DocumentPath, Fault
from storyboard.fields import AUTO, Credit
from storyboard.scene import Card

LEAST_IN_SIGHT: Final = 2
"""Seconds for which a line should be seen."""


def credit_lines(card: Card, title: str, uses: Iterable[EngineUse]) -> tuple[Credit, ...]:
    """The lines of a card that has credits, with those that `auto` stands for in its place."""
    auto = tuple(_auto(title, uses))
    return tuple(line for each in card.credits or () for line in (auto if each == (AUTO,) else (each,)))


def _auto(title: str, uses: Iterable[EngineUse]) -> Iterator[Credit]:
    """The title; each engine with its model and the licence of that; and ourselves."""
    if title.strip():
        yield (" ".join(title.split()),)
        yield ("",)
    yield from dict.fromkeys(map(_model, uses))
    yield ("Made with", "storyboard")


def _model(use: EngineUse) -> Credit:
    """The engine as it is named, its model as the hub names it, and what licence its weights are under.

    A folder's path is the author's own affair.
    """
    model = getattr(use.options, "model", None)
    is_public = isinstance(model, str) and getattr(use.options, "revision", None) is not None
    licence = (use.capabilities.licence or "").split("; ")[0]
    return ("Pictures", use.spec.name, *([str(model)] if is_public else []), *([licence] if licence else []))


def speed_notices(
    lines: tuple[Credit, ...], width: int, height: int, seconds: Fraction, path: DocumentPath
) -> Iterator[Fault]:
    """A notice where credits of that size and length roll faster than people read."""
    share = share_in_sight(lines, width, height)
    if float(seconds) * share < LEAST_IN_SIGHT:
        message = f"the credits roll too fast to be read: each line is on screen for {float(seconds) * share:.1f} s"
        yield Fault(path, message, f"{ceil(LEAST_IN_SIGHT / share)} s would give each line {LEAST_IN_SIGHT} s")
