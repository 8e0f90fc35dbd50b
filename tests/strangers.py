"""Runs commands as a stranger's files would have them run: each in a process of its own, within limits, and watched.

    results = run_all([Trial("bomb", folder, ["check", "film.yaml"])])

A trial's process may use so much processor time and address space and no more; what it opens for writing, whom it
calls, and what it starts is written down. All of them are forked from one process that has read the command line's
modules, so that hundreds of them take seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NoReturn

CPU_SECONDS: Final = 10
ADDRESSES: Final = 4 << 30
"""Bytes of address space: a guard of the machine. What is really used is measured."""
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES: Final = frozenset({"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate"})
_REACHES: Final = frozenset({"socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.exec", "os.system"})


@dataclass(frozen=True, slots=True)
class Trial:
    """A command line, run in a folder."""

    name: str
    folder: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial."""

    name: str
    code: int
    """Exit code; below 0 the signal that ended it."""
    out: str
    err: str
    cpu: float
    """Seconds of processor time."""
    memory: int
    """The most that was resident, in bytes."""
    touched: tuple[str, ...]
    """Paths that it opened for writing, made, renamed or removed."""
    reached: tuple[str, ...]
    """Whom it called, and what it started."""


def run_all(trials: Sequence[Trial], environment: Mapping[str, str] | None = None) -> dict[str, Outcome]:
    """Run trials one after another; outcomes by name."""
    asked = json.dumps([asdict(trial) for trial in trials])
    done = subprocess.run(
        [sys.executable, "-m", "tests.strangers"],
        input=asked,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "HF_HUB_OFFLINE": "1", **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {each["name"]: Outcome(**each | {key: tuple(each[key]) for key in ("touched", "reached")}) for each in found}


# In the process that forks


def _main() -> None:
    import storyboard.commands.exchange
    import storyboard.commands.film
    import storyboard.commands.store
    import storyboard.film
    import storyboard.since  # noqa: F401

    for trial in json.load(sys.stdin):
        print(json.dumps(asdict(_run(Trial(trial["name"], trial["folder"], tuple(trial["words"]))))), flush=True)


def _run(trial: Trial) -> Outcome:
    with tempfile.TemporaryDirectory() as aside:
        logs = [Path(aside) / name for name in ("out", "err", "touched", "reached")]
        child = os.fork()
        if child == 0:
            _become(trial, logs)
        _, status, usage = os.wait4(child, 0)
        out, err, touched, reached = (log.read_text("utf-8", "replace") if log.exists() else "" for log in logs)
    code = os.waitstatus_to_exitcode(status)
    spent = usage.ru_utime + usage.ru_stime
    lines = (tuple(json.loads(line) for line in text.splitlines()) for text in (touched, reached))
    return Outcome(trial.name, code, out, err, spent, usage.ru_maxrss * 1024, *lines)


def _become(trial: Trial, logs: Sequence[Path]) -> NoReturn:
    """Run the command line in this process and end it."""
    import resource

    code = 99
    try:
        os.chdir(trial.folder)
        for stream, log in ((1, logs[0]), (2, logs[1])):
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), stream)
        touched, reached = (os.open(log, os.O_WRONLY | os.O_CREAT) for log in logs[2:])
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
        sys.addaudithook(lambda event, given: _note(event, given, touched, reached))
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - as long as the process
        from storyboard.cli import main

        code = main(list(trial.words))
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _note(event: str, given: tuple[object, ...], touched: int, reached: int) -> None:
    for path in _changed(event, given):
        if isinstance(path, str | bytes | os.PathLike):
            os.write(touched, (json.dumps(str(Path(os.fsdecode(path)).absolute())) + "\n").encode())
    if event in _REACHES:
        os.write(reached, (json.dumps(f"{event} {given[:2]!r}") + "\n").encode())


def _changed(event: str, given: tuple[object, ...]) -> Iterator[object]:
    if event == "open" and isinstance(given[2], int) and given[2] & _WRITES:
        yield given[0]
    elif event in _CHANGES:
        yield from given[:2]


if __name__ == "__main__":
    _main()
