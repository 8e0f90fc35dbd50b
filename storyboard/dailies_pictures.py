"""A rendered film -> its shots as small pictures: WebP for the page, and the contact sheet.

May import what stands above `dailies_pictures` in the layout; numpy and Pillow are imported inside functions.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import TYPE_CHECKING, Final

from storyboard.lettering import letter
from storyboard.reel import Reel, ReelShot
from storyboard.scopes_film import read_ahead, shown
from storyboard.vault import Vault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frames = NDArray[np.uint8]

MOST_STILLS: Final = 1_750_000
"""Bytes of all pictures on a page, before they are written as text, which adds a third; those of a film of more shots
are smaller and coarser."""
_STEPS: Final = ((320, 80), (256, 75), (208, 68), (176, 60), (144, 50), (112, 38))
"""Width and WebP quality of a picture, best first; the last is taken whatever it weighs."""

_CELL: Final = 208  # pixels: the width of a picture on the contact sheet
_GAP: Final = 10
_LABEL: Final = 34  # pixels under each picture
_GROUND: Final = (24, 24, 28)
_INK: Final = (222, 222, 226)


@dataclass(frozen=True, slots=True)
class Stills:
    """First, middle and last frame of a shot on screen, as data URIs."""

    head: str
    middle: str
    tail: str


def draw_stills(reel: Reel, vault: Vault, notes: Mapping[str, str]) -> tuple[dict[str, Stills], Frames]:
    """Of every shot on screen, by id; and the contact sheet with `notes`. Raises DamagedFootage."""
    most = MOST_STILLS // (3 * len(reel.shots))
    found: dict[str, Stills] = {}
    sheet, step = ContactSheet(reel, notes), 0
    frames = read_ahead(partial(_three, reel, shot, vault) for shot in reel.shots)
    for shot, three in zip(reel.shots, frames, strict=True):
        texts = []
        step = max(0, step - 1)  # pictures of a film are much alike: what did for the last shot, or one better, will do
        for frame in three:
            step, text = _encode(frame, most, step)
            texts.append(text)
        found[shot.id] = Stills(*texts)
        sheet.add(shot, three[1])
    return found, sheet.picture


def _three(reel: Reel, shot: ReelShot, vault: Vault) -> Frames:
    frames = shot.frames
    return shown(reel.cut, vault, shot.take.key, (frames[0], frames[len(frames) // 2], frames[-1]))


def _encode(frame: Frames, most: int, first: int) -> tuple[int, str]:
    """A frame [height, width, 3] as a data URI, by the first step from `first` on that gives at most `most` bytes; and
    which that was."""
    from PIL import Image

    picture = Image.fromarray(frame)
    for step in range(first, len(_STEPS)):
        width, quality = _STEPS[step]
        shape = (min(width, picture.width), max(1, round(picture.height * min(width, picture.width) / picture.width)))
        out = io.BytesIO()
        picture.resize(shape, Image.Resampling.LANCZOS).save(out, "WEBP", quality=quality, method=4)
        data = out.getvalue()
        if len(data) <= most:
            break
    return step, f"data:image/webp;base64,{base64.b64encode(data).decode()}"


class ContactSheet:
    """The whole film on one picture, uint8 RGB [height, width, 3]: the middle of each shot, in the film's order.

    Under each stands its id and where it begins, and what `notes` say of it.
    """

    def __init__(self, reel: Reel, notes: Mapping[str, str]) -> None:
        import numpy as np

        self._reel, self._notes, self._place = reel, notes, 0
        self._columns = min(len(reel.shots), max(3, min(10, round(sqrt(1.6 * len(reel.shots))))))
        self._height = max(1, round(reel.cut.height * _CELL / reel.cut.width))
        rows = -(-len(reel.shots) // self._columns)
        shape = (rows * (self._height + _LABEL + _GAP) + _GAP, self._columns * (_CELL + _GAP) + _GAP, 3)
        self.picture: Frames = np.empty(shape, np.uint8)
        self.picture[:] = _GROUND

    def add(self, shot: ReelShot, frame: Frames) -> None:
        """The next shot, and the frame that stands for it."""
        row, column = divmod(self._place, self._columns)
        top, left = _GAP + row * (self._height + _LABEL + _GAP), _GAP + column * (_CELL + _GAP)
        cell = self.picture[top : top + self._height + _LABEL, left : left + _CELL]
        cell[: self._height] = _small(frame, _CELL, self._height)
        begins = float(self._reel.cut.rate.seconds(shot.film.start))
        note = f"\n{self._notes[shot.id]}" if shot.id in self._notes else ""
        _write(cell[self._height + 4 :], f"{shot.id}  {begins:.1f} s{note}")
        self._place += 1


def _small(frame: Frames, width: int, height: int) -> Frames:
    import numpy as np
    from PIL import Image

    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS))


def _write(box: Frames, text: str) -> None:
    import numpy as np

    cover = letter(text, box.shape[1], box.shape[0], 12)[..., None].astype(np.uint32)
    box[:] = ((box * (255 - cover) + np.array(_INK, np.uint32) * cover + 127) // 255).astype(np.uint8)
