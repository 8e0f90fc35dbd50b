"""What a program reads off an animatic's frames: the strip (which take, which frame of it), and where the mark is.

Both survive H.264 in yuv420p and scaling. Drawn in integers with numpy. May import what stands above `engines` in the
layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from storyboard.digest import digest_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

LANE: Final = 14
"""Brightness of the lane in which the mark moves."""
_COLUMNS: Final = 16
_NUMBER_BITS: Final = 14
_CHECK_BITS: Final = 6
_WHITENING: Final = 0b0110_1001_0011_1010_0101_1100_1001_0111
"""Turns over half of the cells, so that no black or white picture is a strip, and small numbers do not look alike."""
_BLACK_BELOW, _WHITE_ABOVE = 96, 160
"""Luma between the two is neither: a cell in the middle of a dissolve."""
_RADIUS: Final = 0.36
"""Of the mark, in heights of the lane."""


@dataclass(frozen=True, slots=True)
class Strip:
    """What a strip says: `tag` of the take (see `tag_of`), and the frame's `number` in its file."""

    tag: int
    number: int


def tag_of(seed: int) -> int:
    """The 12 bits by which strips name a take."""
    return int(digest_of([seed])[:3], 16)


def read_strip(frame: Picture) -> Strip | None:
    """The strip of one picture, uint8 RGB [height, width, 3], at whatever size it is now and however it was coded.

    None where there is none, or where its checksum is wrong. Of two mixed pictures it gives the one that outweighs.
    """
    height, width = frame.shape[:2]
    band = band_of(width, height)
    if band is None:
        return None
    word = 0
    for row in range(2):
        rows = _middle(row, band / 2)
        for column in range(_COLUMNS):
            luma = int(_luma(frame[rows, _middle(column, width / _COLUMNS)]).mean())
            if _BLACK_BELOW <= luma <= _WHITE_ABOVE:
                return None
            word = word << 1 | (luma > _WHITE_ABOVE)
    word ^= _WHITENING
    content, check = word >> _CHECK_BITS, word & ((1 << _CHECK_BITS) - 1)
    if check != _checksum(content):
        return None
    return Strip(content >> _NUMBER_BITS, content & ((1 << _NUMBER_BITS) - 1))


def read_mark(frame: Picture) -> float | None:
    """Where in its lane the mark of one picture is, from 0 to 1 (left to right); None where there is no mark.

    The lane is a ring: a mark that leaves at the right comes in at the left, and is found while it does both.
    """
    import numpy as np

    height, width = frame.shape[:2]
    band = band_of(width, height)
    if band is None:
        return None
    radius, middle = _RADIUS * band, height - band / 2
    rows = slice(round(middle - radius), round(middle + radius) + 1)
    light = np.maximum(_luma(frame[rows]) - _BLACK_BELOW, 0).sum(axis=0)
    total = int(light.sum())
    if not 0.4 < total / (3.1416 * radius * radius * (255 - _BLACK_BELOW)) < 1.6:
        return None
    # Turn the ring until the brightest column is in the middle, so that the mark lies in one piece.
    turn = width // 2 - int(light.argmax())
    ring = np.roll(light, turn)
    columns = np.arange(width)
    centre = int((ring * columns).sum()) / total
    near = np.abs(columns - centre) <= radius + 2
    if int(ring[near].sum()) < 0.9 * total:
        return None
    return float((centre - turn + 0.5) / width % 1.0)


def draw_strip(frame: Picture, band: float, strip: Strip) -> None:
    content = strip.tag << _NUMBER_BITS | strip.number
    word = (content << _CHECK_BITS | _checksum(content)) ^ _WHITENING
    width = frame.shape[1]
    tops = (0, round(band / 2), round(band))
    lefts = [round(width * column / _COLUMNS) for column in range(_COLUMNS + 1)]
    for cell in range(2 * _COLUMNS):
        row, column = divmod(cell, _COLUMNS)
        bit = word >> (2 * _COLUMNS - 1 - cell) & 1
        frame[tops[row] : tops[row + 1], lefts[column] : lefts[column + 1]] = 255 * bit


def draw_mark(frame: Picture, band: float, mark: float) -> None:
    """A disc with soft edges; brighter than what it covers, never darker."""
    import numpy as np

    height, width = frame.shape[:2]
    top = round(height - band)
    across = np.abs(np.arange(width) + 0.5 - mark * width)
    across = np.minimum(across, width - across)
    down = np.arange(top, height) + 0.5 - (height - band / 2)
    cover = np.clip(_RADIUS * band + 0.5 - np.sqrt(across**2 + down[:, None] ** 2), 0, 1)
    disc = np.rint(LANE + (255 - LANE) * cover).astype(np.uint8)
    np.maximum(frame[top:], disc[..., None], out=frame[top:])


def band_of(width: int, height: int) -> float | None:
    """Height of the strip and of the lane, in pixels; None where the picture is too small for them."""
    band = min(height / 9, width / 16)
    return band if band >= 2 else None


def _middle(index: int, size: float) -> slice:
    """The middle half of cell `index`, at least one pixel."""
    start = round((index + 0.25) * size)
    return slice(start, max(start + 1, round((index + 0.75) * size)))


def _luma(pixels: Picture) -> NDArray[np.int64]:
    """BT.709 luma, 0 to 255: colour that bled in from below moves it least."""
    import numpy as np

    luma: NDArray[np.int64] = (pixels.astype(np.int64) @ np.array([54, 183, 19])) >> 8
    return luma


def _checksum(content: int) -> int:
    """CRC of 6 bits (x^6 + x + 1) over the 26 bits of a strip."""
    rest = content << _CHECK_BITS
    for bit in range(31, _CHECK_BITS - 1, -1):
        rest ^= 0b1000011 << (bit - _CHECK_BITS) if rest >> bit & 1 else 0
    return rest
