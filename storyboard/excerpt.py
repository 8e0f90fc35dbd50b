"""Faults with their places -> the report that the author reads, safe to print on any terminal.

Knows nothing of YAML. Imports only `errors`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from storyboard.errors import Fault

MOST_FAULTS: Final = 100
"""Shown in one report; how many more there are is said at its end."""
_BEFORE: Final = 60
_WIDTH: Final = 100
_MESSAGE: Final = 400
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_JOINERS: Final = "\u200c\u200d"
_WIDTHLESS: Final = frozenset({"Cf", "Me", "Mn"})


def printable(text: str, most: int | None = None) -> str:
    """The text with control characters, terminal escapes and text-direction marks spelled out, cut to `most`."""
    if most is not None and len(text) > most:
        text = text[: most - 1] + "…"
    return text if text.isascii() and text.isprintable() else "".join(map(_cell, text))


def render_faults(name: str, lines: Sequence[str], faults: Sequence[tuple[tuple[int, int], Fault]]) -> str:
    """The report on faults that are sorted already, each with its line and column from 1."""
    parts = []
    for (line, column), fault in faults[:MOST_FAULTS]:
        rows = [f"{printable(name)}:{line}:{column}: {printable(fault.message, _MESSAGE)}"]
        if line <= len(lines):
            rows += _excerpt(lines[line - 1], line, column)
        if fault.hint:
            rows.append(f"hint: {printable(fault.hint, _MESSAGE)}")
        parts.append("\n".join(rows))
    if len(faults) > MOST_FAULTS:
        parts.append(f"and at least {len(faults) - MOST_FAULTS:,} more")
    return "\n\n".join(parts)


def _excerpt(line: str, number: int, column: int) -> list[str]:
    """The line with its number, and a caret under the column; of a long line, what stands around the caret."""
    at = min(column - 1, len(line))
    whole = len(line) <= _WIDTH
    left = _fit(reversed(line[max(0, at - _WIDTH) : at]), _WIDTH if whole else _BEFORE)[::-1]
    right = _fit(line[at : at + _WIDTH], _WIDTH if whole else _WIDTH - _BEFORE)
    head = "…" if len(left) < at else ""
    tail = "…" if at + len(right) < len(line) else ""
    shown = f"{number:5} | {head}{''.join(left)}{''.join(right)}{tail}".rstrip()
    return [shown, " " * 6 + "| " + " " * (len(head) + sum(map(_columns, left))) + "^"]


def _fit(characters: Iterable[str], most: int) -> list[str]:
    """The first characters, as they are shown, that fit into so many columns."""
    pieces: list[str] = []
    for character in characters:
        piece = _cell(character)
        most -= _columns(piece)
        if most < 0:
            break
        pieces.append(piece)
    return pieces


def _cell(character: str) -> str:
    """How a character is shown."""
    if character == "\t":
        return "    "
    if unicodedata.category(character) in _HIDDEN and character not in _JOINERS:
        code = ord(character)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return character


def _columns(shown: str) -> int:
    """How many columns of a terminal a shown piece takes."""
    return sum(map(_width, shown))


def _width(character: str) -> int:
    if unicodedata.category(character) in _WIDTHLESS:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
