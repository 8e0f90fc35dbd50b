"""Two values of a field -> two short texts that show where they differ.

Cut only between words, with `…` for what is left out; what differs is never left out on both sides. May import what
stands above `contrast` in the layout.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from storyboard.digest import Plain
from storyboard.excerpt import printable

MOST: Final = 60
"""Characters of what differs that are shown, on each side."""
AROUND: Final = 16
"""Characters of what is the same that are shown, before it and behind it."""
_DIGEST = re.compile(r"[0-9a-f]{40,64}")
_FIRST: Final = 12
"""Digits of a digest."""
_PIECE = re.compile(r"\s+|\w{1,24}|[^\w\s]")
"""A word, what is between words, or a sign. Of writing without spaces, so many characters."""


def contrast(before: Plain, after: Plain) -> tuple[str, str]:
    """The two values as they are shown: texts in quotes, lists and mappings as JSON, digests by their first digits."""
    if before is None or after is None:
        return spelled(before), spelled(after)
    one, two = _shortened(_text(before), _text(after))
    return _quoted(before, one), _quoted(after, two)


def spelled(value: Plain) -> str:
    """One value by itself."""
    if value is None:
        return "nothing"
    text = _text(value)
    shown = text[:_FIRST] if _DIGEST.fullmatch(text) else _first(_PIECE.findall(text), MOST)
    return _quoted(value, shown)


def _text(value: Plain) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return printable(text)


def _quoted(value: Plain, shown: str) -> str:
    return f'"{shown}"' if isinstance(value, str) and not _DIGEST.fullmatch(value) else shown


def _shortened(before: str, after: str) -> tuple[str, str]:
    if _DIGEST.fullmatch(before) and _DIGEST.fullmatch(after) and before[:_FIRST] != after[:_FIRST]:
        return before[:_FIRST], after[:_FIRST]
    if max(len(before), len(after)) <= MOST:
        return before, after
    one, two = _PIECE.findall(before), _PIECE.findall(after)
    same = _alike(one, two)
    behind = min(_alike(one[::-1], two[::-1]), len(one) - same, len(two) - same)
    lead = _last(one[:same])
    shown_one, shown_two = (
        _shown(lead, each[same : len(each) - behind], each[len(each) - behind :]) for each in (one, two)
    )
    return shown_one, shown_two


def _alike(one: Sequence[str], two: Sequence[str]) -> int:
    """How many pieces are the same from the first on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))


def _shown(lead: str, differing: Sequence[str], behind: Sequence[str]) -> str:
    middle = _first(differing, MOST)
    if middle.endswith("…"):
        return lead + middle
    return lead + middle + _first(behind, AROUND)


def _first(pieces: Sequence[str], most: int) -> str:
    """As many pieces from the first on as fit, and at least one."""
    shown, length = 0, 0
    while shown < len(pieces) and (length + len(pieces[shown]) <= most or not shown):
        length += len(pieces[shown])
        shown += 1
    return "".join(pieces[:shown]).rstrip() + "…" if shown < len(pieces) else "".join(pieces)


def _last(pieces: Sequence[str]) -> str:
    """As many pieces up to the last as fit."""
    shown, length = len(pieces), 0
    while shown and length + len(pieces[shown - 1]) <= AROUND:
        shown -= 1
        length += len(pieces[shown])
    found = "".join(pieces[shown:])
    return "…" + found.lstrip() if shown else found
