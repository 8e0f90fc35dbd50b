"""Renders that meet faults, held to all that must hold.

Run as a program, a task at a time, so that it forks from a process without threads that has imported what renders need:
`python -m tests.faulty TASK FOLDER WORDS...` prints a line that begins with `met` for each fault, and ends with a
traceback at the first loss.
"""

from __future__ import annotations

import itertools
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from storyboard.durable import aside, place
from storyboard.vault import Vault
from tests.injector import Fault, Ran, can_watch, end_of, run, start
from tests.stage import Stage, film_text
from tests.stored import empty, flip, truncate, zero

UNWATCHABLE: Final = 77
"""Exit code where this system lets nobody watch system calls, or mount a disk."""
DISK: Final = 40
"""Kilobytes of the smallest disk."""


def met(what: object) -> None:
    print("met", what, flush=True)


def every_call(folder: str, state: str, first: str, step: str, *kinds: str) -> None:
    """The n-th call fails, for n = first, first + step... until the render completes; each of the kinds in turn."""
    if not can_watch():
        sys.exit(UNWATCHABLE)
    stage = Stage(Path(folder), state)
    turns = itertools.cycle(kinds)
    for nth in itertools.count(int(first), int(step)):
        kind = next(turns)
        ran = stage.meet(Fault(kind.removesuffix("+"), nth, onwards=kind.endswith("+")))
        if len(ran.calls) < nth:
            break
        if ran.hits:
            met(ran.calls[nth - 1])


def random_kills(folder: str, state: str, seed: str, count: str) -> None:
    """Renders killed at random moments, until so many were. A film that was killed four times goes on to its end, and
    another is begun."""
    rng = random.Random(int(seed))
    stage = Stage(Path(folder), state)
    stage.reset()
    begun = time.monotonic()
    assert run(stage.words, stage.folder, stage.log).code == 0
    life = time.monotonic() - begun
    total = 0
    while total < int(count):
        stage.reset()
        renders: list[Ran] = []
        while len(renders) < 4 and stage.stands() != stage.wanted:
            pid = start(stage.words, stage.log)
            time.sleep(rng.uniform(0, life))
            os.kill(pid, signal.SIGKILL)
            renders.append(end_of(pid, stage.log))
            if renders[-1].code == -signal.SIGKILL:
                total += 1
                met(total)
            stage.check_whole(total)
        stage.check_next(sum(ran.begun() for ran in renders), total, lost=len(renders) * stage.in_flight)


# Damage


def delete(path: Path) -> None:
    path.unlink()


def become_foreign(path: Path) -> None:
    """The right name, with what another of its kind holds, whole."""
    kind = next((above for above in path.parents if above.parent.name in ("vault", "film")), path.parent)
    others = (other for other in sorted(kind.rglob("*")) if other.is_file() and other.suffix == path.suffix)
    others = (other for other in others if other.read_bytes() != path.read_bytes())
    path.write_bytes(next((other.read_bytes() for other in others), b"another's"))


DAMAGES: Final = (truncate, zero, flip, empty, delete, become_foreign)


def damaged(folder: str, step: str) -> None:
    """Each file of the vault and of the film, damaged in each way (every `step`-th of these), with and without its
    movie."""
    stage = Stage(Path(folder), "whole")
    files = [path for path in stage.before.rglob("*") if path.is_file() and path.name != "film.yaml"]
    cases = [
        (path.relative_to(stage.before), damage)
        for path in sorted(files)
        for damage in (DAMAGES if path.stat().st_size else DAMAGES[-2:])
    ]
    for number, (name, damage) in enumerate(cases[:: int(step)]):
        stage.reset()
        path = stage.folder / name
        damage(path)
        met((name, damage.__name__))
        told = (str(name), damage.__name__, number % 2)
        if number % 2:  # not all is looked at while the movie is there
            if refused(stage, path, told):
                path.unlink()
            ran = run(stage.words, stage.folder, stage.log)
            assert ran.code == 0 and stage.stands() == stage.wanted, (told, ran)
            stage.vault.verify(heal=True)
        stage.movie.unlink(missing_ok=True)
        if refused(stage, path, told):
            path.unlink()
        if path.parent.name == "roots":  # nothing is pruned before that is healed
            stage.vault.verify(heal=True)
        stage.check_next(0, told)


def refused(stage: Stage, path: Path, told: object) -> bool:
    """Whether a render says that it cannot go on with this file as it is, and what to do."""
    if path not in (stage.lock, stage.vault_root / "VERSION"):
        return False
    ran = run(stage.words, stage.folder, stage.log)
    assert "Traceback" not in ran.said, (told, ran)
    assert ran.code == 0 or (ran.code in (1, 2) and path.name in ran.said and "delete it" in ran.said), (told, ran)
    return ran.code != 0


# Other trouble


def crowd(folder: str, rounds: str) -> None:
    """Four renders at once, of two films, on one vault and one folder: each shot is shot once, both films are whole."""
    stage = Stage(Path(folder), "fresh")
    others = [word.replace("film.yaml", "other.yaml") for word in stage.words]
    for number in range(int(rounds)):
        stage.reset()
        stage.screenplay.with_name("other.yaml").write_text(film_text())
        logs = [stage.log.with_name(f"log{each}") for each in range(4)]
        pids = [start(words, log) for words, log in zip([stage.words, others] * 2, logs, strict=True)]
        met(number)
        renders = [end_of(pid, log) for pid, log in zip(pids, logs, strict=True)]
        assert [(ran.code, ran.said) for ran in renders] == [(0, "")] * 4, [ran.said for ran in renders]
        assert sum(ran.begun() for ran in renders) == stage.needed, renders
        assert stage.stands() == stage.wanted
        assert (stage.out / "other.mp4").read_bytes() == stage.wanted[0]
        films = {f"out/{name}" for name in ("film.mp4", "other.mp4", "manifest.json")}
        assert stage.files() - {"out/film.manifest.json", "out/other.manifest.json"} == films | {
            "film.yaml",
            "film.lock",
            "other.yaml",
            "other.lock",
        }, stage.files()
        assert Vault(stage.vault_root).verify(deep=True) == []


def neighbours(folder: str, rounds: str) -> None:
    """Four processes that write the same file aside, again and again, each of them sweeping beside it first."""
    path = Path(folder) / "file"
    path.parent.mkdir()
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            for number in range(int(rounds)):
                with aside(path) as mine:
                    (mine / "new").write_bytes(bytes(number))
                    place(mine / "new", path)
            os._exit(0)
        children.append(child)
    met(rounds)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def clocks(folder: str) -> None:
    """The clock stands at 1970, then at 2096, then at 1970 again: nothing is shot twice, and the film is the same."""
    stage = Stage(Path(folder), "edited")
    stage.reset()
    needed = stage.needed
    for seconds in (0.0, 3_976_214_400.0, 0.0):
        pid = start(stage.words, stage.log, lambda seconds=seconds: set_clock(seconds))  # type: ignore[misc]
        ran = end_of(pid, stage.log)
        met(seconds)
        assert ran.code == 0 and ran.begun() == needed, ran
        assert stage.stands() == stage.wanted
        for path in stage.folder.rglob("*"):
            os.utime(path, (seconds, seconds))
        stage.vault.prune(yes=True)
        stage.movie.unlink()
        needed = 0
    stage.check_next(0, "now")


def set_clock(seconds: float) -> None:
    """What this process reads of the time of day; the kernel's own clock is everybody's."""
    import datetime as dates

    class Then(dates.datetime):
        @classmethod
        def now(cls, tz: dates.tzinfo | None = None) -> Then:
            return cls.fromtimestamp(seconds, tz)

    import storyboard.render

    time.time = lambda: seconds
    time.time_ns = lambda: int(seconds) * 10**9
    storyboard.render.datetime = Then  # type: ignore[attr-defined]


def read_only(folder: str) -> None:
    """A vault that can only be read serves a film; one that it has not is refused, and says why."""
    if not can_watch():
        sys.exit(UNWATCHABLE)
    stage = Stage(Path(folder), "whole")
    for number, state in enumerate(("served", "refused")):
        for error in ("EROFS", "EACCES", "EPERM"):
            stage.reset()
            stage.movie.unlink()
            if state == "refused":
                stage.screenplay.write_text(film_text("Not there."))
            ran = run(stage.words, stage.folder, stage.log, Fault(error, 1, onwards=True, only="/film/vault"))
            met((state, error))
            assert ran.hits and ran.code == number and "Traceback" not in ran.said, ran
            if state == "served":
                assert stage.stands() == stage.wanted and ran.begun() == 0
            else:
                assert "the vault can only be read" in ran.said and "--vault" in ran.said, ran
            stage.screenplay.write_text(film_text())
            stage.check_next(0, (state, error))


def small_files(folder: str) -> None:
    """No file may be longer than so many bytes, for more and more of them."""
    stage = Stage(Path(folder), "fresh")
    stage.words.remove("--json")  # what is told is a file here, too
    for limit in itertools.count():
        stage.reset()
        most = int(900 * 1.2**limit)

        def set_limit(most: int = most) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

        ran = end_of(start(stage.words, stage.log, set_limit), stage.log)
        if ran.code == 0:
            break
        met(most)
        assert ran.code in (1, 2) and "Traceback" not in ran.said, (most, ran)
        stage.check_whole(most)
        stage.check_next(ran.begun(), most, lost=stage.in_flight)
    assert limit > 5 and stage.stands() == stage.wanted


def small_disk(folder: str) -> None:
    """A disk that is full, for larger and larger ones; then it is made larger, and the same render goes on."""
    disk = Path(folder)
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "storyboard", disk], capture_output=True).returncode:
        sys.exit(UNWATCHABLE)
    try:
        stage = Stage(disk / "disk", "fresh")
        stage.log = disk.with_name("log")  # on another disk
        for kilobytes in itertools.count(DISK, 12):
            stage.reset()
            shutil.rmtree(stage.before)
            used = sum(path.stat().st_blocks for path in disk.rglob("*")) // 2
            stage_size(disk, used + kilobytes)
            ran = end_of(start(stage.words, stage.log), stage.log)
            stage_size(disk, 1 << 20)
            shutil.copytree(stage.screenplay.parent, stage.before, ignore=lambda *_: ["vault", "out", "film.lock"])
            if ran.code == 0:
                break
            met(kilobytes)
            assert ran.code in (1, 2) and "Traceback" not in ran.said, (kilobytes, ran)
            stage.check_whole(kilobytes)
            stage.check_next(ran.begun(), kilobytes, lost=stage.in_flight)
        assert kilobytes > DISK
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def stage_size(disk: Path, kilobytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", disk], check=True)


def pruned_meanwhile(folder: str, rounds: str) -> None:
    """The vault is pruned over and over while a film is rendered: that waits, or says that it does not."""
    stage = Stage(Path(folder), "edited")
    prune = ["vault", "prune", "--yes", "--max-size", "0", "--vault", str(stage.vault_root)]
    for number in range(int(rounds)):
        stage.reset()
        log = stage.log.with_name("prune")
        pid, refusals = start(stage.words, stage.log), 0
        while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            pruned = end_of(start(prune, log), log)
            refusals += "in use by a render" in pruned.said
            assert pruned.code == 0 or refusals, pruned
        ran = end_of(pid, stage.log)
        met(number)
        assert refusals and ran.code == 0 and ran.begun() <= stage.needed + 1, (refusals, ran)
        assert stage.stands() == stage.wanted
        stage.check_next(0, number)


TASKS: Final[tuple[Callable[..., None], ...]] = (
    every_call,
    random_kills,
    damaged,
    crowd,
    neighbours,
    clocks,
    read_only,
    small_files,
    small_disk,
    pruned_meanwhile,
)

if __name__ == "__main__":
    {task.__name__: task for task in TASKS}[sys.argv[1]](*sys.argv[2:])
