"""The command line in a process of its own, whose n-th system call that changes a disk meets a fault.

After SQLite's method. The kernel itself stops each call and asks what is to come of it (seccomp's user notification,
Linux 5.9 or newer, no privileges needed): so whoever makes it is served alike, Python, a library's C, threads, and the
ffmpegs that it starts. A call may fail with any error; or it is the moment at which a process gets a signal.

    ran = run(["render", "film.yaml"], folder, Fault("ENOSPC", nth=17))

Watched are the calls of `CALLS` on files below one folder, and each start of a program. The process is forked from this
one, so whoever runs hundreds imports what they need once; use it in a process that has no threads.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import platform
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CALLS: Final = {
    # name: number on x86-64, number on arm64, where its file is told: a descriptor, a path, or a folder and a path
    "write": (1, 64, "fd"),
    "pwrite64": (18, 68, "fd"),
    "writev": (20, 66, "fd"),
    "ftruncate": (77, 46, "fd"),
    "fsync": (74, 82, "fd"),
    "fdatasync": (75, 83, "fd"),
    "open": (2, None, "path"),
    "openat": (257, 56, "at"),
    "mkdir": (83, None, "path"),
    "mkdirat": (258, 34, "at"),
    "rename": (82, None, "path"),
    "renameat": (264, 38, "at"),
    "renameat2": (316, 276, "at"),
    "unlink": (87, None, "path"),
    "unlinkat": (263, 35, "at"),
    "rmdir": (84, None, "path"),
    "execve": (59, 221, "path"),
}
_ARCH: Final = {"x86_64": (0, 0xC000003E, 317), "aarch64": (1, 0xC00000B7, 277)}
"""Column of `CALLS`, the kernel's name of the machine, and the number of the call `seccomp`."""
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CONTINUE: Final = 1
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_AT_CWD: Final = -100
_PATIENCE: Final = 60
"""Seconds after which a process that neither ends nor does anything is taken to hang."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at the n-th call, counted from 1; with `onwards` at each from then on.

    `kind` is the name of an error, with which the call fails; or of a signal, which the command's process gets when it
    or a child of its makes the call; or CHILD: then only calls of its children count, and the child is killed that
    makes it. `only` must be in the path.
    """

    kind: str
    nth: int = 1
    onwards: bool = False
    only: str = ""


@dataclass(slots=True)
class Ran:
    """What came of a command."""

    code: int = 0
    """Its exit code; less than 0: the signal that ended it."""
    said: str = ""
    """On stderr."""
    told: str = ""
    """On stdout."""
    calls: list[str] = field(default_factory=list)
    """That were counted: name and path."""
    hits: int = 0
    """How many met the fault."""

    def begun(self) -> int:
        """How many shots were begun, as told by `render --json`."""
        lines = [line for line in self.told.splitlines() if line.endswith("}")]
        return sum(json.loads(line)["event"] == "started" for line in lines)


def start(words: Sequence[str], log: Path, before: Callable[[], None] | None = None) -> int:
    """Fork a process that runs the command; its id. `before` is called in it first."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        for number, name in ((1, "stdout"), (2, "stderr")):
            sink = os.open(log.with_suffix(f".{name}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(sink, number)
            os.close(sink)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        from storyboard.cli import main

        if before is not None:
            before()
        code = main(words)
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def end_of(pid: int, log: Path) -> Ran:
    """What came of a started command, once it has ended."""
    _, status = os.waitpid(pid, 0)
    said, told = (log.with_suffix(f".{name}").read_text() for name in ("stderr", "stdout"))
    return Ran(os.waitstatus_to_exitcode(status), said, told)


def run(words: Sequence[str], folder: Path, log: Path, fault: Fault | None = None) -> Ran:
    """Run a command to its end and that of all its children, watched in `folder` if there is a fault to meet."""
    if fault is None:
        return end_of(start(words, log), log)
    mine, theirs = socket.socketpair()

    def watched() -> None:
        listener = _listen()
        socket.send_fds(theirs, [b"!"], [listener])
        os.close(listener)
        mine.close()
        theirs.close()

    pid = start(words, log, watched)
    theirs.close()
    _, listeners, _, _ = socket.recv_fds(mine, 1, 1)
    mine.close()
    watch = _Watch(listeners[0], pid, f"{folder.resolve()}/", fault)
    try:
        watch.serve()
    finally:
        os.close(listeners[0])
    ran = end_of(pid, log)
    ran.calls, ran.hits = watch.calls, watch.hits
    return ran


def can_watch() -> bool:
    """Whether this system lets a process watch another's calls."""
    pid = os.fork()
    if pid == 0:
        try:
            os.close(_listen())
        except (OSError, KeyError, AttributeError):
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def _listen() -> int:
    """From now on calls of this process and its children wait for whoever reads the descriptor. Raises OSError."""
    column, arch, seccomp = _ARCH[platform.machine()]
    numbers = [number for call in CALLS.values() if (number := call[column]) is not None]
    assert all(isinstance(number, int) for number in numbers)
    last = len(numbers)
    program = [(0x20, 0, 0, 4), (0x15, 0, last + 1, arch), (0x20, 0, 0, 0)]  # another arch: allow; then the number
    program += [(0x15, last - place, 0, number) for place, number in enumerate(numbers)]
    program += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x7FC00000)]  # allow, ask
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in program))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) != 0:  # no new privileges
        raise OSError(ctypes.get_errno(), "prctl")
    listener = int(libc.syscall(seccomp, 1, 8, header))  # a filter, with a listener
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


class _Watch:
    """Serves the calls of one command until all its processes are gone."""

    def __init__(self, listener: int, pid: int, folder: str, fault: Fault) -> None:
        self.listener, self.pid, self.folder, self.fault = listener, pid, folder, fault
        column = _ARCH[platform.machine()][0]
        self.names = {call[column]: (name, call[2]) for name, call in CALLS.items()}
        self.calls: list[str] = []
        self.hits = 0

    def serve(self) -> None:
        poll = select.poll()
        poll.register(self.listener, select.POLLIN)
        heard = time.monotonic()
        while True:
            events = poll.poll(1000)
            if events and events[0][1] & select.POLLIN:
                heard = time.monotonic()
                with suppress(FileNotFoundError):  # whoever asked was killed meanwhile
                    self.answer()
            elif events:
                return
            elif time.monotonic() - heard > _PATIENCE:
                os.kill(self.pid, signal.SIGKILL)
                raise TimeoutError(f"it hangs, after {self.calls[-3:]}")

    def answer(self) -> None:
        asked = bytearray(80)
        fcntl.ioctl(self.listener, _RECEIVE, asked)
        identity, thread, _, number, _, _, *words = struct.unpack("=QIIiIQ6Q", asked)
        error, flags = 0, _CONTINUE
        try:
            if self.counts(thread, number, words):
                error = self.meet(thread)
                flags = 0 if error else _CONTINUE
        except OSError:  # it is gone
            pass
        fcntl.ioctl(self.listener, _SEND, struct.pack("=QqiI", identity, 0, -error, flags))

    def counts(self, thread: int, number: int, words: list[int]) -> bool:
        """Whether it is a call that changes something in the folder, or starts a program; it is noted then."""
        name, kind = self.names[number]
        if name in ("open", "openat") and not words[2 if kind == "at" else 1] & _WRITING:
            return False
        path = _link(f"/proc/{thread}/fd/{words[0]}") if kind == "fd" else self.path(thread, words, at=kind == "at")
        concerned = name == "execve" or f"{path}/".startswith(self.folder)
        if not concerned or self.fault.only not in path:
            return False
        if self.fault.kind == "CHILD" and _process_of(thread) == self.pid:
            return False
        self.calls.append(f"{name} {path.removeprefix(self.folder)}")
        return True

    def path(self, thread: int, words: list[int], *, at: bool) -> str:
        with Path(f"/proc/{thread}/mem").open("rb", buffering=0) as memory:
            memory.seek(words[1 if at else 0])
            path = os.fsdecode(memory.read(4096).split(b"\0")[0])
        if path.startswith("/"):
            return path
        folder = ctypes.c_int(words[0] & 0xFFFFFFFF).value if at else _AT_CWD
        base = _link(f"/proc/{thread}/cwd" if folder == _AT_CWD else f"/proc/{thread}/fd/{folder}")
        return os.path.normpath(f"{base}/{path}")

    def meet(self, thread: int) -> int:
        """The error with which the call fails; 0 where it goes on, perhaps after a signal."""
        count, fault = len(self.calls), self.fault
        if count < fault.nth or (count > fault.nth and not fault.onwards):
            return 0
        self.hits += 1
        if fault.kind == "CHILD":
            os.kill(_process_of(thread), signal.SIGKILL)
            return 0
        if fault.kind in errno.errorcode.values():
            return int(getattr(errno, fault.kind))
        os.kill(self.pid, getattr(signal, f"SIG{fault.kind}"))
        return 0


def _link(path: str) -> str:
    return str(Path(path).readlink())


def _process_of(thread: int) -> int:
    for line in Path(f"/proc/{thread}/status").read_text().splitlines():
        if line.startswith("Tgid:"):
            return int(line.split()[1])
    raise ProcessLookupError(thread)
