"""Bytes -> files that are whole or not there, and records that can tell whether they are whole.

A file is written aside, flushed to the disk and renamed; then the folder is flushed, so that the name survives a power
cut too. A record is JSON that carries the digest of its own bytes. May import what stands above `durable` in the
layout: `digest`.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from storyboard.digest import Digest, Plain, canonical, digest_bytes

LEFTOVER = ".tmp"
"""How the names of files being written end; what a killed writer leaves behind has such a name."""

_HEAD = '{{"digest":"{}","record":'
_TAIL = b"}\n"
_HEX = frozenset("0123456789abcdef")
_T = TypeVar("_T", bool, int, float, str, list[object], dict[str, object])


def scratch_name() -> str:
    """A name that no other process, thread or fork picks."""
    return os.urandom(8).hex()


def make_folder(path: Path) -> None:
    """The folder and those above it, each flushed into the one that holds it. Raises OSError."""
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from None
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Flush the names in a folder to the disk, where the system can: Windows opens no folders. Raises OSError."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network filesystems cannot, and need not
            raise
    finally:
        os.close(descriptor)


def place(written: Path, path: Path) -> None:
    """Flush the file `written` and rename it to `path`, on the same filesystem. Raises OSError."""
    with written.open("r+b") as file:
        os.fsync(file.fileno())
    written.replace(path)
    sync_folder(path.parent)


def write_atomically(path: Path, data: bytes, *, scratch: Path | None = None, flush: bool = True) -> None:
    """Make `path` hold `data`: at any moment it is what it was before, or all of `data`.

    It is written in the folder `scratch` first (left out: in its own), which must be on the same filesystem. Folders
    are made. What need not outlive a power cut may go without the `flush`. Raises OSError; then nothing is left behind.
    """
    scratch = scratch or path.parent
    make_folder(path.parent)
    make_folder(scratch)
    aside = scratch / f".{scratch_name()}{LEFTOVER}"
    try:
        with aside.open("xb") as file:
            file.write(data)
        if flush:
            place(aside, path)
        else:
            aside.replace(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


def seal(record: Mapping[str, Plain]) -> bytes:
    """The record as JSON with the digest of its own bytes."""
    body = canonical(record)
    return _HEAD.format(digest_bytes(body)).encode() + body + _TAIL


def unseal(data: bytes) -> Mapping[str, object]:
    """What was sealed. Raises ValueError unless each byte is what was written."""
    start = len(_HEAD.format("0" * 64))
    body = data[start : -len(_TAIL)]
    if data[:start] != _HEAD.format(digest_bytes(body)).encode() or data[start + len(body) :] != _TAIL:
        raise ValueError("its bytes are not those that were written")
    return json_object(body)


def json_object(data: bytes) -> Mapping[str, object]:
    """A JSON object. Raises ValueError where it is none."""
    try:
        record = json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError("it is no JSON object")
    return record


def field_of(record: Mapping[str, object], name: str, kind: type[_T]) -> _T:
    """A field that must be there and of that kind; a whole number will do for a float. Raises ValueError."""
    value = record.get(name)
    if kind is float and type(value) is int:
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"its `{name}` is missing or of the wrong kind")
    return value


def digest_in(record: Mapping[str, object], name: str) -> Digest:
    """A field that must be a digest. Raises ValueError."""
    return as_digest(record.get(name))


def as_digest(value: object) -> Digest:
    """The value, if it is 64 hex digits: safe to make a path of. Raises ValueError."""
    if not isinstance(value, str) or len(value) != 64 or not _HEX.issuperset(value):
        raise ValueError("it holds something that is no digest")
    return Digest(value)
