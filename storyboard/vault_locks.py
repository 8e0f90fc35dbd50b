"""Who is using a vault: renders, a shot being shot, or someone who removes things.

Locks are held on files by the operating system, which lets go of them when a process dies in whatever way. A render
holds a file of its own in `in-use`. A shot being shot holds the file of its key in `locks`; such a file is empty,
stays where it is, and does no harm. It is removed only while nobody uses the vault, because to unlink a file that
another process is about to lock would give two processes the same lock. May import what stands above
`vault_locks` in the layout.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storyboard.durable import make_folder, scratch_name
from storyboard.errors import VaultError
from storyboard.vault_layout import Layout, entries

if TYPE_CHECKING:
    from filelock import BaseFileLock

READ_ONLY: Final = (errno.EROFS, errno.EACCES, errno.EPERM)
"""Numbers of the errors of a vault that can only be read."""
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_POLL: Final = 0.02
"""Seconds."""


@contextmanager
def writing(layout: Layout, what: str) -> Iterator[None]:
    """OSErrors become a VaultError that says what could not be written, why, and what to do about it."""
    try:
        yield
    except OSError as error:
        hint = "name another folder with `--vault` or `STORYBOARD_VAULT`"
        if error.errno in READ_ONLY:
            hint = f"the vault can only be read; {hint}"
        elif error.errno in _FULL:
            hint = f"make room: `storyboard vault prune` says what no film uses; or {hint}"
        raise VaultError(
            f"cannot write {what} in the vault `{layout.root}`: {error.strerror or error}", hint
        ) from error


def _lock(path: Path) -> BaseFileLock:
    from filelock import FileLock

    # Not bound to a thread: a crew may begin a shot in one and end it in another.
    return FileLock(path, thread_local=False)


def _try(lock: BaseFileLock) -> bool:
    from filelock import Timeout

    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


@contextmanager
def in_use(layout: Layout) -> Iterator[None]:
    """While it is held, nothing is removed from the vault. Any number may hold it at once; they wait while something
    is being removed. A vault that can only be read is used without a lock. Raises VaultError."""
    mine = layout.in_use / scratch_name()
    lock = _lock(mine)
    held = True
    with writing(layout, "a lock"):
        try:
            layout.prepare()
            make_folder(layout.in_use)
            # Inside the gate, so that nobody finds the file before it is locked and takes its holder for dead.
            with _lock(layout.gate).acquire(poll_interval=_POLL):
                held = _try(lock)
        except OSError as error:
            if error.errno not in READ_ONLY:
                raise
            held = False
    try:
        yield
    finally:
        if held:
            _drop(lock, mine)


def _drop(lock: BaseFileLock, path: Path) -> None:
    lock.release()
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # it is locked by nobody now: whoever prunes next removes it


@contextmanager
def locked(layout: Layout, key: str, *, wait: bool) -> Iterator[bool]:
    """Yields whether the key's lock is held: always after waiting, else only if nobody else holds it. Raises VaultError
    where the vault cannot be written, before any work is done in vain."""
    with in_use(layout):
        lock = _lock(layout.lock(key))
        with writing(layout, "a lock"):
            make_folder(layout.locks)
            if wait:
                lock.acquire(poll_interval=_POLL)
                held = True
            else:
                held = _try(lock)
        try:
            yield held
        finally:
            if held:
                lock.release()


@contextmanager
def alone(layout: Layout) -> Iterator[None]:
    """While it is held, nobody uses the vault; whoever wants to, waits. Sweeps the lock files that the dead left.
    Raises VaultError while a render is using it."""
    with writing(layout, "a lock"):
        layout.prepare()
        gate = _lock(layout.gate)
        gate.acquire(poll_interval=_POLL)
    try:
        with writing(layout, "a lock"):
            for path in entries(layout.in_use):
                lock = _lock(path)
                if not _try(lock):
                    raise VaultError(
                        f"the vault `{layout.root}` is in use by a render", "try again when the render is done"
                    )
                _drop(lock, path)
            for path in entries(layout.locks):
                path.unlink(missing_ok=True)
        yield
    finally:
        gate.release()
