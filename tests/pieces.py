"""Pictures with numbers in them, takes and cuts of them, and what a movie shows: for tests of movie files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from storyboard.cut import Cut, Edit, Mix, Strip
from storyboard.digest import digest_of
from storyboard.footage import Footage
from storyboard.timing import Rate
from storyboard.vault import Vault

Pictures = NDArray[np.uint8]

WIDTH, HEIGHT = 64, 48
RATES = ("8", "16", "24", "25", "24000/1001", "30000/1001")
BITS = 8


def numbered(numbers: Sequence[int], width: int = WIDTH, height: int = HEIGHT) -> Pictures:
    """Pictures in whose upper half a number is written in black and white bars, over a gradient that moves."""
    across = np.arange(width) * 3
    pictures = np.zeros((len(numbers), height, width, 3), np.uint8)
    for picture, number in zip(pictures, numbers, strict=True):
        picture[...] = ((across + 5 * number) % 200)[None, :, None]
        picture[..., 2] = 90
        for bit in range(BITS):
            bar = slice(bit * width // BITS, (bit + 1) * width // BITS)
            picture[: height // 2, bar] = 255 * (number >> bit & 1)
    return pictures


def read_number(picture: Pictures) -> int:
    height, width = picture.shape[:2]
    middles = [(2 * bit + 1) * width // (2 * BITS) for bit in range(BITS)]
    return sum(int(picture[height // 4, middle].mean() > 127) << bit for bit, middle in enumerate(middles))


def shoot(vault: Vault, name: str, pictures: Pictures) -> str:
    key = digest_of(name)
    vault.put(key, {"name": name}, Footage(pictures, Rate.parse(24)), {})
    return key


def film(*parts: Strip | tuple[Strip, Mix], rate: str = "24", fit: str = "cover", width: int = WIDTH) -> Cut:
    edits: list[Edit] = []
    for part in parts:
        strip, mix = part if isinstance(part, tuple) else (part, None)
        first = edits[-1].first + len(edits[-1]) if edits else 0
        edits.append(Edit(first, strip, f"scene{len(edits)}/1", f"scene{len(edits)}", 10 + len(edits), mix))
    return Cut(width, HEIGHT, Rate.parse(rate), fit, tuple(edits))


def decode(movie: Path, form: str = "rgb24") -> Pictures:
    with av.open(str(movie)) as container:
        return np.stack([frame.to_ndarray(format=form) for frame in container.decode(video=0)])


def numbers_of(movie: Path) -> list[int]:
    return [read_number(picture) for picture in decode(movie)]


def three(vault: Vault, second: int = 10) -> Cut:
    keys = [shoot(vault, f"shot {start}", numbered(range(start, start + 6))) for start in (0, second, 20)]
    return film(*(Strip(key, range(6)) for key in keys))
