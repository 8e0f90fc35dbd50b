"""Plain data and frames -> digests, the same on every machine.

Plain data is None, bool, int, str, Fraction, and lists and mappings of those; floats are written out by `repr`, which
is shortest-exact in every Python. A digest is 64 hex digits of SHA-256. May import `regular`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NewType

from storyboard.regular import open_regular

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Digest = NewType("Digest", str)
Plain = None | bool | int | float | str | Fraction | Sequence["Plain"] | Mapping[str, "Plain"]

_CHUNK = 1 << 20


def canonical(data: Plain) -> bytes:
    """The one spelling of `data`: JSON with sorted keys, no spaces, ASCII only. NaN and infinities raise ValueError."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, default=_spell)
    return text.encode()


def _spell(value: object) -> object:
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not plain data")


def digest_of(data: Plain) -> Digest:
    """Digest of the canonical spelling of plain data."""
    return Digest(hashlib.sha256(canonical(data)).hexdigest())


def digest_bytes(data: bytes | memoryview) -> Digest:
    return Digest(hashlib.sha256(data).hexdigest())


def digest_file(path: Path) -> Digest:
    """Digest of a regular file's content, read in pieces. Raises OSError."""
    hasher = hashlib.sha256()
    with open_regular(path) as file:
        while piece := file.read(_CHUNK):
            hasher.update(piece)
    return Digest(hasher.hexdigest())


def digest_frame(frame: NDArray[np.uint8]) -> Digest:
    """Digest of one picture, uint8 RGB [height, width, 3]: its size and its pixels, nothing else."""
    height, width, _ = frame.shape
    hasher = hashlib.sha256(f"rgb24 {width}x{height}\n".encode())
    hasher.update((frame if frame.flags.c_contiguous else frame.copy()).data)
    return Digest(hasher.hexdigest())


def seed_from(*parts: int | str) -> int:
    """A seed of 52 bits from a film's seed and names: never from a position, so inserting a scene reseeds nothing."""
    return int(digest_of(list(parts))[:13], 16)
