"""End credits -> how far they have rolled up in each frame, and how much each pixel is covered by their letters.

    top of the content --+      frame 0: its first line comes in at the lower edge
          The Film       |
        Story  Ann       |      every frame is the same way further up, to the pixel
              Ben        |
    end of the content --+      last frame: its last line goes out at the upper edge

All in whole pixels: two steps differ by one at most. May import lettering. numpy and Pillow are imported when letters
are really drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from storyboard.lettering import font_of, spelled, wrap

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Rows = Sequence[Sequence[str]]
"""Lines by themselves, and roles with the names beside them."""
_LEAST_LETTERS: Final = 9
_FULL, _DIM = 255, 165
"""Coverage by the letters of names, and of the roles beside them."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of letters; `left` is of its first letter, `top` in pixels below the top of the content."""

    text: str
    left: int
    top: int
    cover: int


class Roll:
    """Credits laid out for pictures of one size."""

    def __init__(self, rows: Rows, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.size = letters_of(width, height)
        self.font, self.pitch = font_of(self.size), pitch_of(self.size)
        self.lines, self.length = [*self._lines(rows)], 0
        self.length = max((line.top for line in self.lines), default=0) + self.pitch

    def offset(self, frame: int, of: int) -> int:
        """How many pixels of the content have come in by the middle of frame `frame` of `of`."""
        return (2 * frame + 1) * (self.height + self.length) // (2 * of)

    def cover(self, first: int, count: int, of: int) -> Iterator[NDArray[np.uint8]]:
        """For `count` frames from `first` on, of a roll of `of`: uint8 [height, width]."""
        import numpy as np
        from PIL import Image, ImageDraw

        offsets = [self.offset(frame, of) for frame in range(first, first + count)]
        top, bottom = offsets[0] - self.height, offsets[-1]
        band = Image.new("L", (self.width, bottom - top))
        draw = ImageDraw.Draw(band)
        for line in self.lines:
            if top - self.pitch < line.top < bottom:
                place = (line.left, line.top - top + self.size)
                draw.text(place, line.text, fill=line.cover, font=self.font, anchor="ls")
        pixels = np.asarray(band)
        for offset in offsets:
            yield pixels[offset - self.height - top : offset - top]

    def _lines(self, rows: Rows) -> Iterator[_Line]:
        """Roles stand to the left of the middle and names to the right, where all have room there; else above each
        other. What is too wide goes on in the next line."""
        room, gap = self.width * 9 // 10, self.size
        rows = [[spelled(words) for words in row] for row in rows]
        aside = all(self._length(words) <= (room - gap) // 2 for row in rows if len(row) > 1 for words in row)
        top = 0
        for role, *names in rows:
            if names and aside:
                yield _Line(role, (self.width - gap) // 2 - self._length(role), top, _DIM)
                for place, name in enumerate(names):
                    yield _Line(name, (self.width + gap) // 2, top + place * self.pitch, _FULL)
                top += len(names) * self.pitch
                continue
            for words, cover in ((role, _DIM if names else _FULL), *((name, _FULL) for name in names)):
                for text in wrap(words, lambda line: self._length(line) > room) or [""]:
                    yield _Line(text, (self.width - self._length(text)) // 2, top, cover)
                    top += self.pitch
            top += self.pitch // 2 if names else 0

    def _length(self, text: str) -> int:
        return round(self.font.getlength(text))


def letters_of(width: int, height: int) -> int:
    """How large the letters of credits are, in pixels."""
    return max(_LEAST_LETTERS, min(height // 20, width // 26))


def pitch_of(size: int) -> int:
    """From one line to the next, in pixels."""
    return size * 3 // 2


def share_in_sight(rows: Rows, width: int, height: int) -> float:
    """For how much of the whole roll a line is on screen, where none has to be wrapped."""
    lines = sum(max(1, len(row) - 1) for row in rows)
    return height / (height + lines * pitch_of(letters_of(width, height)))
