"""Files whose names or places strangers may have chosen -> their bytes: of regular files only, and never without end.

A link may lead to a device that has no end, or to a pipe that nobody writes to. Imports nothing of storyboard.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

MOST_RECORD: Final = 64 << 20
"""Bytes of any record of ours: that of a take holds a digest for each frame."""


def path_named(text: str) -> Path:
    """The path that a text names, with `~` for a home. Raises ValueError where there can be no such path."""
    try:
        path = Path(text).expanduser()
        path.exists()
    except (OSError, RuntimeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ValueError(
            f"`{text[:64]}` is no possible path: {reason}; name a file or a folder that is there"
        ) from None
    return path


def open_regular(path: Path) -> BinaryIO:
    """The file, to be read. Raises OSError, also where it is no regular file; waits for nobody."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path, most: int = MOST_RECORD) -> bytes:
    """The file's bytes. Raises OSError, also where it is no regular file, or has more than `most` bytes."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(min(size, most) + 1)  # room is made for as much as is asked for, whatever there is
    if max(size, len(data)) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return data
