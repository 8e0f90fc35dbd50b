"""Words -> how much each pixel of a box is covered by their letters, for cards, credits, boards and contact sheets.

All letters are of one font, DejaVu Sans, which is a file of this package, set without the shaping that only some
machines have: one version of Pillow, one picture, on every machine. It has Latin, Greek, Cyrillic, Armenian, Georgian
and many signs. What it has not, and scripts that need shaping or run from the right, is spelled by code points.

Imports nothing of storyboard. numpy and Pillow are imported where letters are really drawn.
"""

from __future__ import annotations

import functools
import struct
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import ImageFont

FONT: Final = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
SMALLEST_LETTERS: Final = 7
_MOST_LETTERS: Final = 2000
_FROM_THE_RIGHT: Final = frozenset({"R", "AL", "AN"})
"""Classes of the bidirectional algorithm."""


def letter(text: str, width: int, height: int, largest: int, *, centred: bool = False) -> NDArray[np.uint8]:
    """How much each pixel of a box is covered by wrapped text, uint8 [height, width].

    The letters are as large as fit, `largest` pixels at most; what even the smallest do not hold ends in three dots;
    a box too small for any stays empty. What the font has not is spelled.
    """
    import bisect

    import numpy as np
    from PIL import Image, ImageDraw

    mask = Image.new("L", (width, height))
    if largest < SMALLEST_LETTERS or height < SMALLEST_LETTERS * 5 // 4 or width < 2 * SMALLEST_LETTERS:
        return np.asarray(mask)
    text = spelled(text[:_MOST_LETTERS])

    def wrapped(size: int) -> tuple[ImageFont.FreeTypeFont, list[str]]:
        font = font_of(size)
        return font, wrap(text, lambda line: font.getlength(line) > width)

    def overflows(size: int) -> bool:
        return len(wrapped(size)[1]) * (size * 5 // 4) > height

    sizes = range(SMALLEST_LETTERS + 1, largest + 1)
    size = SMALLEST_LETTERS + bisect.bisect_left(sizes, True, key=overflows)
    font, lines = wrapped(size)
    pitch = size * 5 // 4
    if len(lines) > (room := height // pitch):
        last = lines[room - 1]
        while last and font.getlength(last + "...") > width:
            last = last[:-1]
        lines = [*lines[: room - 1], last + "..."]
    top = (height - len(lines) * pitch) // 2 if centred else 0
    for row, line in enumerate(lines):
        left = (width - font.getlength(line)) // 2 if centred else 0
        ImageDraw.Draw(mask).text((left, top + row * pitch + size), line, fill=255, font=font, anchor="ls")
    return np.asarray(mask)


def font_of(size: int) -> ImageFont.FreeTypeFont:
    """The font with letters of `size` pixels."""
    from PIL import ImageFont

    return ImageFont.truetype(str(FONT), size, layout_engine=ImageFont.Layout.BASIC)


def unlettered(text: str) -> str:
    """The characters of a text that cannot be set in the font, each once, in order."""
    if text.isascii():
        return ""
    composed = unicodedata.normalize("NFC", text)
    return "".join(dict.fromkeys(sign for sign in composed if not _is_lettered(sign)))


def spelled(text: str) -> str:
    """The text as it can be set: accents on their letters, marks of direction and joining left out, and what the font
    has not as `\\u65e5`."""
    if text.isascii():
        return text
    composed = unicodedata.normalize("NFC", text)
    return "".join(_spelling(sign) for sign in composed if sign in "\n\t" or not _is_unseen(sign))


def _spelling(sign: str) -> str:
    code = ord(sign)
    return sign if _is_lettered(sign) else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _is_lettered(sign: str) -> bool:
    if sign.isspace() or _is_unseen(sign):
        return True
    return unicodedata.bidirectional(sign) not in _FROM_THE_RIGHT and any(ord(sign) in run for run in _covered())


def _is_unseen(sign: str) -> bool:
    """Format characters, such as joiners, and what chooses between forms of a sign."""
    return unicodedata.category(sign) == "Cf" or "\ufe00" <= sign <= "\ufe0f"


@functools.cache
def _covered() -> tuple[range, ...]:
    """The code points for which the font has letters, from the table of format 12 in its `cmap` (OpenType 1.9)."""
    data = FONT.read_bytes()
    tables = (struct.unpack_from(">4sIII", data, 12 + 16 * place) for place in range(*struct.unpack_from(">4xH", data)))
    cmap = next(offset for tag, _, offset, _ in tables if tag == b"cmap")
    count = struct.unpack_from(">2xH", data, cmap)[0]
    starts = [cmap + struct.unpack_from(">4xI", data, cmap + 4 + 8 * place)[0] for place in range(count)]
    whole = next(start for start in starts if struct.unpack_from(">H", data, start)[0] == 12)
    runs = struct.unpack_from(">12xI", data, whole)[0]
    groups = (struct.unpack_from(">III", data, whole + 16 + 12 * place) for place in range(runs))
    return tuple(range(first, last + 1) for first, last, _ in groups)


def wrap(text: str, too_wide: Callable[[str], bool]) -> list[str]:
    """Lines broken at spaces, or inside a word that is too wide by itself (and in writing without spaces)."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            if line and too_wide(f"{line} {word}"):
                lines.append(line)
                line = ""
            line = f"{line} {word}" if line else word
            while len(line) > 1 and too_wide(line):
                cut = next(n for n in range(1, len(line)) if n + 1 == len(line) or too_wide(line[: n + 1]))
                lines.append(line[:cut])
                line = line[cut:]
        lines.append(line)
    return lines
