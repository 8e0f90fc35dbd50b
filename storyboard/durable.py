"""Bytes -> files that are whole or not there, and records that can tell whether they are whole.

A file is written aside, flushed to the disk and renamed; then the folder is flushed, so that the name survives a power
cut too. A record is JSON that carries the digest of its own bytes. May import what stands above `durable` in the
layout: `digest` and `errors`.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from storyboard.digest import Digest, Plain, canonical, digest_bytes
from storyboard.errors import CommandError

if TYPE_CHECKING:
    from filelock import BaseFileLock

LEFTOVER = ".tmp"
"""How the names of files being written end; what a killed writer leaves behind has such a name."""

_HEAD = '{{"digest":"{}","record":'
_TAIL = b"}\n"
_MOST_PARTS = 2_000_000
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

    It is written in the folder `scratch` first (left out: in one of its own, see `aside`), which must be on the same
    filesystem. Folders are made. What need not outlive a power cut may go without the `flush`. Raises OSError; then
    nothing is left behind.
    """
    if scratch is None:
        with aside(path) as folder:
            write_atomically(path, data, scratch=folder, flush=flush)
        return
    make_folder(path.parent)
    make_folder(scratch)
    written = scratch / f".{scratch_name()}{LEFTOVER}"
    try:
        with written.open("xb") as file:
            file.write(data)
        if flush:
            place(written, path)
        else:
            written.replace(path)
    except BaseException:
        with suppress(OSError):
            written.unlink(missing_ok=True)
        raise


def write_asked(path: Path, data: bytes, hint: str) -> None:
    """`write_atomically` for a file that somebody asked for. Raises CommandError, with the hint, where it cannot be."""
    try:
        write_atomically(path, data)
    except OSError as error:
        raise CommandError(f"cannot write `{path}`: {error.strerror or error}", hint) from error


@contextmanager
def aside(out: Path) -> Iterator[Path]:
    """A hidden folder beside `out` to work in; gone in the end. Removes those that killed processes left.

    Whoever works in one holds the lock in it, so that what nobody holds is left over. Raises OSError.
    """
    make_folder(out.parent)
    sweep(out)
    while True:
        folder = out.parent / f"{_prefix(out)}{scratch_name()}{LEFTOVER}"
        folder.mkdir()
        lock = _held(folder)
        if lock is not None:
            break
    try:
        yield folder
    finally:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def sweep(out: Path) -> None:
    """Remove what killed processes left beside `out`. What cannot be removed stays for the next who tries."""
    with suppress(OSError):
        for left in list(out.parent.iterdir()):
            if left.name.startswith(_prefix(out)) and left.name.endswith(LEFTOVER):
                _sweep(left)


def _prefix(out: Path) -> str:
    return f".{out.name[:80]}."


def _held(folder: Path) -> BaseFileLock | None:
    """The folder's lock; None where someone else holds it, or has just removed the folder."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / "lock", thread_local=False)
    try:
        lock.acquire(blocking=False)
    except (Timeout, FileNotFoundError, FileExistsError):  # filelock makes the folder, which may go meanwhile
        return None
    if not Path(lock.lock_file).exists():
        lock.release()
        return None
    return lock


def _sweep(folder: Path) -> None:
    with suppress(OSError):  # another user's, or just gone
        if folder.is_symlink():  # which no process of ours leaves: to hold its lock would be to write elsewhere
            return
        lock = _held(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)  # while held: nobody may take a folder that is about to go
            lock.release()
            if os.name == "nt":  # where a file that is open cannot be removed; elsewhere it may be another's by now
                shutil.rmtree(folder, ignore_errors=True)


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
    """A JSON object. Raises ValueError where it is none, or would fill the memory: few bytes make many small parts."""
    if sum(map(data.count, (b",", b"[", b"{"))) > _MOST_PARTS:
        raise ValueError(f"it has more than {_MOST_PARTS:,} parts")
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
