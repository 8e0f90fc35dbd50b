"""What a movie file carries behind its pictures: boxes of type `uuid`, which players skip.

    | ftyp | moov | mdat |  uuid: XMP  |  uuid: note  |

The note is plain data of ours: a version byte, then zlib-packed JSON. The XMP packet is for everyone. May import what
stands above `boxes` in the layout.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, Final, cast

from storyboard.digest import Plain, canonical
from storyboard.errors import ConformError

_NOTE: Final = bytes.fromhex("8d7d5f3cb1f04c0e9a5e6f7374627264")
_NOTE_VERSION: Final = b"\x01"
_XMP: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""As ISO 16684-3 has it."""
_MOST: Final = 256 << 20
_MOST_BOXES: Final = 100_000


def append_note(movie: Path, note: Plain) -> None:
    """Add a box with plain data to the end of a movie file. Raises OSError."""
    _append(movie, _NOTE, _NOTE_VERSION + zlib.compress(canonical(note), 9))


def append_xmp(movie: Path, packet: bytes) -> None:
    """Add a box with an XMP packet to the end of a movie file. Raises OSError."""
    _append(movie, _XMP, packet)


def _append(movie: Path, kind: bytes, payload: bytes) -> None:
    with movie.open("ab") as file:
        file.write(struct.pack(">I4s", 24 + len(payload), b"uuid") + kind + payload)


def read_note(movie: Path) -> Plain:
    """The plain data in a movie file. Raises ConformError where there is none, or the file cannot be read."""
    packed = _read(movie, _NOTE)
    if packed is None:
        raise ConformError(
            f"`{movie}` holds no screenplay", "it was not made by storyboard, or was encoded again since"
        )
    try:
        if packed[:1] != _NOTE_VERSION:
            raise ValueError("it is of another version")
        opened = zlib.decompressobj()
        text = opened.decompress(packed[1:], _MOST)
        if not opened.eof:
            raise ValueError("it is cut short, or too long")
        return cast("Plain", json.loads(text))
    except (ValueError, RecursionError, zlib.error) as error:
        raise ConformError(f"the screenplay in `{movie}` cannot be read: {error}") from error


def read_xmp(movie: Path) -> bytes | None:
    """The XMP packet in a movie file; None where there is none. Raises ConformError where it cannot be read."""
    return _read(movie, _XMP)


def _read(movie: Path, kind: bytes) -> bytes | None:
    try:
        with movie.open("rb") as file:
            return _find(file, kind)
    except OSError as error:
        raise ConformError(f"`{movie}` cannot be read: {error.strerror or error}") from error


def _find(file: BinaryIO, wanted: bytes) -> bytes | None:
    """What is in the first box of that type in an MP4 file, past its type; None where there is none."""
    end = file.seek(0, os.SEEK_END)
    at = 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return None
        size, kind = struct.unpack(">I4s", head)
        header = 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8).rjust(8, b"\0"))
            header = 16
        if size == 0:
            size = end - at
        if size < header or at + size > end:
            return None
        if kind == b"uuid" and file.read(16) == wanted:
            return file.read(min(size - header - 16, _MOST))
        at += size
    return None
