"""The engine that needs no model: it draws what the slate knows on each frame, so that a film can be judged, and
tested, before a model is asked.

On each frame: the prompt, the negative prompt, seed, size and rate; the timecode within the take; a strip along the top
that a program reads (`read_strip`: which take, which frame of it); and a mark that crosses the lane at the bottom once
in four seconds (`read_mark`). The mark goes on from where the tail that was given left it, and arrives where the head
that was given has it. So continuity, order and trims can be read off the pixels of a finished film. And as with a real
model, other frames given are other frames drawn: the colour of the take's line is a digest of them.

    +--------------------------------+
    | strip: 2 rows of 16 cells      |  12 bits take, 14 bits frame, 6 bits checksum
    | seed               size, rate  |
    | prompt                         |
    | negative                       |
    | timecode                n / N  |
    | =====|-------------------===== |  the take, in a colour by what was given at its ends, which is drawn brighter
    | lane             o             |
    +--------------------------------+

Drawn with numpy and Pillow, in integers and in the font that is embedded in Pillow: one version of Pillow, one picture,
on every machine. May import engines.base and what stands above it.
"""

from __future__ import annotations

import colorsys
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from storyboard.digest import digest_frame, digest_of
from storyboard.engines.base import Assignment, Capabilities, EngineOptions, EngineSpec, FrameRule, Progress
from storyboard.engines.strip import LANE, Strip, band_of, draw_mark, draw_strip, read_mark, tag_of
from storyboard.errors import ShotError
from storyboard.footage import SMALLEST_LETTERS, Footage, letter
from storyboard.timing import Rate, round_half_up

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Color = tuple[int, int, int]

WINDOW: Final = 120
"""Frames of one generation at most, unless the author says otherwise."""
MOST_FRAMES: Final = 10_000
LANE_SECONDS: Final = 4
"""What the mark takes to cross the picture."""

_TICK: Final = 64
_INK: Final = (238, 237, 230)


def capabilities(options: EngineOptions) -> Capabilities:
    """Any size and any rate; as many frames at a time as `window` says, 120 where it says nothing."""
    return Capabilities(
        version=1,
        frames=FrameRule(1, 0, 1, min(options.window or WINDOW, MOST_FRAMES)),
        native_rate=None,
        default_size=(384, 216),
        default_rate=Rate(Fraction(24)),
        tail=FrameRule(1, 0, 1, 16),
        default_tail=8,
        head=FrameRule(1, 0, 1, 16),
        default_head=8,
        repeats_tail=True,
        start_image=True,
        end_image=True,
        negative=True,
    )


class Animatic:
    """Draws; holds nothing between shots."""

    def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
        """Exactly what is asked. What is given comes back as it is: tail, start, then what is drawn, then end, head."""
        import numpy as np

        a = assignment
        before = [*(() if a.tail is None else a.tail), *(() if a.start is None else (a.start,))]
        after = [*(() if a.end is None else (a.end,)), *(() if a.head is None else a.head)]
        drawn = a.frames - len(before) - len(after)
        if drawn < 0:
            message = f"shot `{a.shot}` asks for {a.frames} frames, but is given {len(before) + len(after)}"
            raise ShotError(message, "make the scene longer, or set a smaller `tail` or `head`")
        frames = np.empty((a.frames, a.height, a.width, 3), np.uint8)
        board = _Board(a, before, after)
        left = read_mark(before[-1]) if before else None
        right = read_mark(after[0]) if after else None
        marks = _way(left, right, drawn, float(1 / (LANE_SECONDS * a.rate.fraction)))
        for index in range(a.frames):
            if index < len(before):
                frames[index] = before[index]
            elif index < len(before) + drawn:
                board.draw(frames[index], index, marks[index - len(before)])
            else:
                frames[index] = after[index - len(before) - drawn]
            progress(index + 1, a.frames)
        return Footage(frames, a.rate)

    def close(self) -> None:
        """Nothing is held."""


def _way(before: float | None, after: float | None, count: int, step: float) -> list[float]:
    """Where the mark is in `count` frames between a frame that has it at `before` and one that has it at `after`.

    Even steps, of size `step` where nothing says otherwise; else the nearest size that arrives, going into the frame
    after as well. With nothing before, the first of them has it at 0.
    """
    first = 0 if before is None else 1
    start, steps = before or 0.0, count + first
    if after is not None and steps > 0:
        distance = (after - start) % 1.0
        step = (distance + round(step * steps - distance)) / steps
    return [(start + step * (index + first)) % 1.0 for index in range(count)]


class _Board:
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
        from PIL import Image, ImageDraw, ImageFont

        font = ImageFont.load_default(size)
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


SPEC: Final = EngineSpec(
    name="animatic",
    summary="draws slate, timing and prompt on each frame; needs no model",
    options=EngineOptions,
    capabilities=capabilities,
    missing=lambda: None,
    weights=lambda options: None,
    open=lambda options: Animatic(),
    libraries=("numpy", "pillow"),
)
