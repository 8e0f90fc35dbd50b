"""Words -> how much each pixel of a box is covered by their letters, for cards, boards and contact sheets.

Imports nothing of storyboard. numpy and Pillow are imported where letters are really drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import ImageFont

SMALLEST_LETTERS: Final = 7
_MOST_LETTERS: Final = 2000


def letter(text: str, width: int, height: int, largest: int, *, centred: bool = False) -> NDArray[np.uint8]:
    """How much each pixel of a box is covered by wrapped text, uint8 [height, width], in Pillow's embedded font.

    The letters are as large as fit, `largest` pixels at most; what even the smallest do not hold ends in three dots;
    a box too small for any stays empty. The Pillow version pins every pixel, as no font of the machine is asked for.
    """
    import bisect

    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    mask = Image.new("L", (width, height))
    if largest < SMALLEST_LETTERS or height < SMALLEST_LETTERS * 5 // 4 or width < 2 * SMALLEST_LETTERS:
        return np.asarray(mask)

    def wrapped(size: int) -> tuple[ImageFont.FreeTypeFont, list[str]]:
        font = ImageFont.load_default(size)
        assert isinstance(font, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
        return font, _wrap(text[:_MOST_LETTERS], lambda line: font.getlength(line) > width)

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


def _wrap(text: str, too_wide: Callable[[str], bool]) -> list[str]:
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
