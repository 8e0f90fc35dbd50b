"""An assignment -> the pictures that the animatic engine draws of it: the words, the clock, the take as a line.

Drawn with numpy and Pillow, in integers and in the font of this package: one version of Pillow, one picture, on every
machine. May import engines.base, engines.strip and what stands above them.
"""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING, Final

from storyboard.digest import digest_frame, digest_of
from storyboard.engines.base import Assignment
from storyboard.engines.strip import LANE, Strip, band_of, draw_mark, draw_strip, tag_of
from storyboard.lettering import SMALLEST_LETTERS, font_of, letter
from storyboard.timing import round_half_up

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Color = tuple[int, int, int]

LANE_SECONDS: Final = 4
"""What the mark takes to cross the picture."""
_TICK: Final = 64
_INK: Final = (238, 237, 230)


class Board:
    """What stays the same in a take, drawn once, and how to draw what moves over it."""

    def __init__(self, assignment: Assignment, before: list[Picture], after: list[Picture]) -> None:
        import numpy as np

        a = assignment
        self.width, self.height, self.frames, self.tag = a.width, a.height, a.frames, tag_of(a.seed)
        self.nominal = max(1, round_half_up(a.rate.fraction))
        self.ground, self.accent = _colors(a.seed)
        self.still = np.empty((a.height, a.width, 3), np.uint8)
        self.still[:] = self.ground
        self.band = band_of(a.width, a.height)
        self.clock: _Figures | None = None
        if self.band is None:
            return
        top, long, wide = round(a.height - self.band), max(1, round(self.band / 8)), max(1, round(self.band / 24))
        self.still[top:] = LANE
        for second in range(LANE_SECONDS):
            left = a.width * second // LANE_SECONDS
            self.still[top : top + long, left : left + wide] = _TICK
        self.clock = self._draw_text(a, self.band)
        self._draw_take(self.band, before, after)

    def draw(self, frame: Picture, index: int, mark: float) -> None:
        """Frame `index` of the take, with the mark at `mark`, into `frame`."""
        frame[:] = self.still
        if self.band is None:
            return
        draw_strip(frame, self.band, Strip(self.tag, index))
        draw_mark(frame, self.band, mark)
        if self.clock is not None:
            seconds, part = divmod(index, self.nominal)
            time = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{part:02}"
            self.clock.draw(frame, time, self.margin)
            count = f"{index + 1} / {self.frames}"
            right = self.width - self.margin - self.clock.length(count)
            if right > self.margin + self.clock.length(time + " "):
                self.clock.draw(frame, count, right)
        x = self.margin + (self.width - 2 * self.margin) * index // self.frames
        frame[self.take, x : x + max(1, self.thick // 2)] = _INK

    def _draw_text(self, a: Assignment, band: float) -> _Figures | None:
        """All words, from the top down, as far as there is room. Returns the figures of the clock, where it fits."""
        import numpy as np

        self.margin = margin = max(2, round(band * 0.75))
        top, bottom = round(band * 1.45), round(self.height - band - max(3, band * 0.42))
        wide = self.width - 2 * margin
        small = max(SMALLEST_LETTERS, round(band * 0.46))
        clock = None
        figures = _Figures(max(SMALLEST_LETTERS + 1, round(band * 0.8)), self.ground, _INK)
        if figures.length("00:00:00:00") <= wide and bottom - top >= 3 * figures.height:
            bottom -= figures.height
            clock, figures.top = figures, bottom
            bottom -= round(band * 0.3)
        line = small * 5 // 4
        if bottom - top >= 5 * line and wide >= 24 * small:
            self._ink(letter(f"seed {a.seed}", wide // 2, line, small), margin, top, self.accent)
            facts = letter(f"{a.width}x{a.height}, {a.rate} fps", wide // 2, line, small)
            end = int(np.flatnonzero(facts.any(axis=0)).max(initial=0)) + 1
            self._ink(facts, self.width - margin - end, top, self.accent)
            top += round(line * 1.2)
            self.still[top : top + max(1, round(band / 24)), margin : margin + wide] = _mix(self.ground, self.accent, 3)
            top += round(line * 0.6)
        if a.negative and bottom - top >= 5 * line:
            bottom -= line
            dim = _mix(self.ground, _INK, 6)
            self._ink(letter(f"not {' '.join(a.negative.split())}", wide, line, small), margin, bottom, dim)
            bottom -= line // 3
        largest = max(small, round(max(band, min(wide, bottom - top) / 9)))
        self._ink(letter(a.prompt, wide, max(1, bottom - top), largest), margin, top, _INK)
        return clock

    def _draw_take(self, band: float, before: list[Picture], after: list[Picture]) -> None:
        """The take as a line above the lane, in a colour by what was given at its ends, which is brighter."""
        color = _color_of([*before, *after]) if before or after else self.accent
        self.thick = thick = max(2, round(band / 8))
        top = round(self.height - band - max(2, band * 0.3)) - thick // 2
        self.take = slice(top, top + thick)
        wide = self.width - 2 * self.margin
        marks = (0, len(before), self.frames - len(after), self.frames)
        edges = [self.margin + wide * at // self.frames for at in marks]
        self.still[self.take, edges[0] : edges[3]] = _mix(color, _INK, 5)
        self.still[self.take, edges[1] : edges[2]] = color

    def _ink(self, mask: Picture, left: int, top: int, color: Color) -> None:
        """Letters onto the ground, where `mask` covers it; what lies outside the picture is left out."""
        area = self.still[top : top + mask.shape[0], left : left + mask.shape[1]]
        area[:] = _cover(self.ground, color, mask[: area.shape[0], : area.shape[1]])


class _Figures:
    """Figures of one width each, so that a running clock does not tremble."""

    def __init__(self, size: int, ground: Color, ink: Color) -> None:
        import numpy as np
        from PIL import Image, ImageDraw

        font = font_of(size)
        self.top, self.height = 0, size
        self.wide = max(1, round(max(font.getlength(figure) for figure in "0123456789")))
        self.tiles: dict[str, Picture] = {}
        for figure in "0123456789:/ ":
            width = self.wide if figure.isdigit() else max(1, self.wide * 5 // 8)
            tile = Image.new("L", (width, size))
            left = (width - font.getlength(figure)) / 2
            ImageDraw.Draw(tile).text((left, size * 9 // 10), figure, fill=255, font=font, anchor="ls")
            self.tiles[figure] = _cover(ground, ink, np.asarray(tile))

    def length(self, text: str) -> int:
        return sum(self.tiles[figure].shape[1] for figure in text)

    def draw(self, frame: Picture, text: str, left: int) -> None:
        for figure in text:
            tile = self.tiles[figure]
            frame[self.top : self.top + self.height, left : left + tile.shape[1]] = tile
            left += tile.shape[1]


def _colors(seed: int) -> tuple[Color, Color]:
    """A dark ground and a light accent of the same hue, by the seed."""
    hue = int(digest_of(["hue", seed])[:4], 16) / 0x10000
    ground, accent = colorsys.hsv_to_rgb(hue, 0.5, 56), colorsys.hsv_to_rgb(hue, 0.4, 235)
    return (round(ground[0]), round(ground[1]), round(ground[2])), (
        round(accent[0]),
        round(accent[1]),
        round(accent[2]),
    )


def _color_of(given: list[Picture]) -> Color:
    """A colour of middle brightness that tells given frames from others."""
    red, green, blue = bytes.fromhex(digest_of([digest_frame(frame) for frame in given])[:6])
    return 64 + red // 2, 64 + green // 2, 64 + blue // 2


def _mix(ground: Color, ink: Color, tenths: int) -> Color:
    red, green, blue = ((a * (10 - tenths) + b * tenths) // 10 for a, b in zip(ground, ink, strict=True))
    return red, green, blue


def _cover(ground: Color, ink: Color, mask: Picture) -> Picture:
    """Letters in `ink` on `ground`: [h, w] of coverage -> uint8 RGB [h, w, 3]."""
    import numpy as np

    cover = mask[..., None].astype(np.int64)
    return ((np.array(ground) * (255 - cover) + np.array(ink) * cover + 127) // 255).astype(np.uint8)
