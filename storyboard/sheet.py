"""Rows of pictures, each with its label -> one picture on which people compare them.

May import what stands above `sheet` in the layout; numpy and Pillow are imported when a sheet is really drawn.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storyboard.durable import write_asked
from storyboard.lettering import letter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frames = NDArray[np.uint8]

_GROUND: Final = (24, 24, 28)
_INK: Final = (230, 230, 230)
_MARK: Final = (240, 190, 60)
_GAP: Final = 8
_LABEL: Final = 168  # pixels for the words beside a row
_LETTERS: Final = 18
_MOST_WIDTH: Final = 320  # of one picture
_LEAST_HEIGHT: Final = 72


@dataclass(frozen=True, slots=True)
class Row:
    """Pictures uint8 RGB [n, height, width, 3], of one size on a sheet; none where there is nothing to be seen."""

    label: str
    pictures: Frames | None
    marked: bool = False
    """It stands out, by a frame around it; the label has to say why."""


def picture_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of a film's pictures on a sheet: not larger than they are, and not wider than a sheet allows."""
    shown = min(width, _MOST_WIDTH)
    return shown, max(1, round(height * shown / width))


def draw_sheet(rows: Sequence[Row], columns: int, size: tuple[int, int]) -> Frames:
    """The sheet, uint8 RGB [height, width, 3]: a row a line, labels on the left. `size` is a picture's."""
    import numpy as np

    width, height = size
    high = max(height, _LEAST_HEIGHT) + 2 * _GAP
    sheet = np.empty((len(rows) * (high + _GAP) + _GAP, _LABEL + columns * (width + _GAP) + 2 * _GAP, 3), np.uint8)
    sheet[:] = _GROUND
    for place, row in enumerate(rows):
        top = _GAP + place * (high + _GAP)
        band = sheet[top : top + high, _GAP:-_GAP]
        if row.marked:
            _frame(band)
        _write(band[_GAP:-_GAP, _GAP : _LABEL - _GAP], row.label)
        for column, picture in enumerate(() if row.pictures is None else row.pictures):
            left = _LABEL + column * (width + _GAP)
            band[_GAP : _GAP + height, left : left + width] = picture
    return sheet


def _frame(band: Frames) -> None:
    for edge in (band[:2], band[-2:], band[:, :2], band[:, -2:]):
        edge[:] = _MARK


def _write(box: Frames, text: str) -> None:
    import numpy as np

    cover = letter(text, box.shape[1], box.shape[0], _LETTERS)[..., None].astype(np.uint32)
    box[:] = ((box * (255 - cover) + np.array(_INK, np.uint32) * cover + 127) // 255).astype(np.uint8)


def write_picture(path: Path, picture: Frames) -> None:
    """Write a picture, uint8 RGB [height, width, 3], as PNG, whole or not at all. Raises CommandError."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    write_asked(path, data.getvalue(), "name another folder with `--out`")
