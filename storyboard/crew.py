"""Who shoots: this process, one shot or one batch at a time, with each engine opened once and kept.

The engine works in a thread of its own, so that whoever renders can show progress and be interrupted at any moment.
Others who shoot are in `crew_ray`. May import what stands above `crew` in the layout.
"""

from __future__ import annotations

import os
import platform
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Protocol

from storyboard.digest import Digest, Plain
from storyboard.engines.base import Assignment, Engine, Preparing, Progress, Together
from storyboard.engines.choice import EngineUse
from storyboard.errors import Cancelled, OutOfMemory, ShotError
from storyboard.footage import Footage, check_footage
from storyboard.grade import graded


@dataclass(frozen=True, slots=True)
class Stepped:
    """The shot in hand has done `step` of `steps`."""

    shot: str
    step: int
    steps: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """Footage as asked, and how long the engine took."""

    shot: str
    footage: Footage
    seconds: float
    """Of a batch, its share."""
    made: Mapping[str, Plain]
    """On what it was shot."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The shot could not be shot."""

    shot: str
    error: ShotError


@dataclass(frozen=True, slots=True)
class Dropped:
    """Who shot it is gone, or has too little memory: another may shoot it."""

    shot: str
    error: ShotError
    """What there is to say where nobody can."""


Word = Stepped | Delivered | Lost | Dropped


class Crew(Protocol):
    """Takes assignments and brings footage. Used from one thread. Its hands are numbered from 0."""

    @property
    def hands(self) -> int:
        """How many shots, or batches, it can shoot at once."""
        ...

    @property
    def free(self) -> Sequence[int]:
        """The hands that can begin a shot now."""
        ...

    def expect(self, texts: Iterable[tuple[EngineUse, str]]) -> None:
        """What will be read, as far as anyone knows yet: engines that want to may read it all before they shoot."""
        ...

    def submit(self, use: EngineUse, assignments: Sequence[Assignment], hand: int = 0) -> None:
        """Begin a shot, or several together as a batch; the hand has to be free."""
        ...

    def wait(self, seconds: float) -> Word | None:
        """What happened next, or None when nothing did for so long."""
        ...

    def cancel(self) -> None:
        """Stop what is being shot at its next step; nothing more is heard of it."""
        ...

    def close(self) -> None:
        """Close all engines."""
        ...


class Here:
    """This process.

    With `patience` a shot is given up when its engine has made no step for so many seconds, its opening counted as one.
    A thread cannot be ended from outside, so such an engine is left alone, and shoots no more until it is back.
    """

    def __init__(self, patience: float | None = None) -> None:
        self._patience = patience
        self._heard = 0.0
        """When, by a clock that nobody sets, what is in hand began or made its last step."""
        self._in_hand: dict[str, None] = {}
        self._use: EngineUse | None = None
        """The engine that has it."""
        self._hanging: dict[Digest, threading.Thread] = {}
        self._engines: dict[Digest, Engine] = {}
        self._texts: dict[Digest, dict[str, None]] = {}
        """Not read yet, each once, for the engine that is to read them."""
        self._words: queue.SimpleQueue[Word] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopped: threading.Thread | None = None
        """It was cancelled, and may not have heard of it yet."""

    @property
    def hands(self) -> int:
        return 1

    @property
    def free(self) -> Sequence[int]:
        return () if self._in_hand else (0,)

    def expect(self, texts: Iterable[tuple[EngineUse, str]]) -> None:
        for use, text in texts:
            self._texts.setdefault(use.resident, {})[text] = None

    def submit(self, use: EngineUse, assignments: Sequence[Assignment], hand: int = 0) -> None:
        assert not self._in_hand, "one shot, or one batch, at a time"
        names = tuple(each.shot for each in assignments)
        self._in_hand, self._use, self._heard = dict.fromkeys(names), use, time.monotonic()
        hanging = self._hanging.get(use.resident)
        if hanging is not None and hanging.is_alive():
            self._lose(f"still hangs in shot `{hanging.name}`", "render again, which opens it anew")
            return
        self._stop = threading.Event()  # one a shot, so that a shot that was stopped stays so
        progress = self._progress(names, self._words, self._stop)
        work = (use, tuple(assignments), self._words, progress, self._stopped)
        self._thread = threading.Thread(target=self._shoot, args=work, name=names[0], daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> Word | None:
        try:
            word = self._words.get(timeout=seconds)
        except queue.Empty:
            if not self._is_given_up():
                return None
            word = self._words.get()
        self._heard = time.monotonic()
        if not isinstance(word, Stepped):
            self._in_hand.pop(word.shot, None)
            if not self._in_hand and self._thread is not None:
                self._thread.join()
                self._thread = None
        return word

    def _is_given_up(self) -> bool:
        """Whether nothing more is to be expected of what is in hand; then that is what is heard next."""
        if self._thread is None or self._use is None:
            return False
        if self._patience is not None and time.monotonic() - self._heard >= self._patience:
            self._stop.set()
            self._hanging[self._use.resident] = self._thread
            what = f"has made no step for {self._patience:g} s, and was given up"
            self._lose(what, "raise `--shot-timeout` if it is only slow")
            return True
        if not self._thread.is_alive() and self._words.empty():
            self._lose("ended without a word", "render again")
            return True
        return False

    def _lose(self, what: str, hint: str) -> None:
        """All that is in hand is lost; nothing more is heard of whoever had it."""
        assert self._use is not None
        self._thread, self._words = None, queue.SimpleQueue()
        for shot in self._in_hand:
            self._words.put(Lost(shot, ShotError(f"shot `{shot}`: `{self._use.spec.name}` {what}", hint)))

    def cancel(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._stopped, self._thread = self._thread, None
        self._words, self._in_hand = queue.SimpleQueue(), {}

    def close(self) -> None:
        self.cancel()
        for resident, engine in self._engines.items():
            hanging = self._hanging.get(resident)
            if hanging is None or not hanging.is_alive():
                with suppress(Exception):  # what it shot is kept all the same
                    engine.close()
        self._engines.clear()

    def _shoot(
        self,
        use: EngineUse,
        assignments: tuple[Assignment, ...],
        words: queue.SimpleQueue[Word],
        progress: Progress,
        before: threading.Thread | None,
    ) -> None:
        if before is not None:
            before.join()  # an engine is never used, or opened, twice at once
        for word in shoot(lambda use: self._open(use, progress), use, assignments, progress):
            words.put(word)

    def _open(self, use: EngineUse, progress: Progress) -> Engine:
        key = use.resident
        if key not in self._engines:
            # Read when torch is loaded: threads that wait soon sleep, and leave the cores to others. As fast on an idle
            # machine; on a busy one a shot of `pocket` takes half the time, or far less.
            os.environ.setdefault("GOMP_SPINCOUNT", "3000")
            self._engines[key] = use.spec.open(use.options)
        engine = self._engines[key]
        if key in self._texts and isinstance(engine, Preparing):
            engine.prepare(tuple(self._texts[key]), progress)
        self._texts.pop(key, None)
        return engine

    @staticmethod
    def _progress(shots: tuple[str, ...], words: queue.SimpleQueue[Word], stop: threading.Event) -> Progress:
        def progress(step: int, steps: int) -> None:
            if stop.is_set():
                raise Cancelled(f"shot `{shots[0]}` was stopped")
            for shot in shots:
                words.put(Stepped(shot, step, steps))

        return progress


def shoot(
    engine_for: Callable[[EngineUse], Engine],
    use: EngineUse,
    assignments: Sequence[Assignment],
    progress: Progress,
) -> Iterator[Delivered | Lost]:
    """One assignment on an engine, or several together. What it returns is checked, whatever it raises becomes a
    ShotError. Where something is wrong with a batch, each of it is shot by itself."""
    if len(assignments) > 1:
        made = _attempt(engine_for, use, assignments, progress)
        if not isinstance(made, Lost) or isinstance(made.error.__cause__, Cancelled):
            yield from (Lost(a.shot, made.error) for a in assignments) if isinstance(made, Lost) else made
            return
    for assignment in assignments:
        made = _attempt(engine_for, use, (assignment,), progress)
        yield from (made,) if isinstance(made, Lost) else made


def _attempt(
    engine_for: Callable[[EngineUse], Engine], use: EngineUse, assignments: Sequence[Assignment], progress: Progress
) -> list[Delivered] | Lost:
    """All of them delivered, or the first of them lost."""
    name, shot = use.spec.name, assignments[0].shot
    try:
        progress(0, 0)
        engine = engine_for(use)
        begun = time.perf_counter()
        if len(assignments) == 1:
            shots: Sequence[Footage] = (engine.shoot(assignments[0], progress),)
        else:
            assert isinstance(engine, Together), f"`{name}` has an option to shoot together, and cannot"
            shots = engine.shoot_together(assignments, progress)
        seconds = (time.perf_counter() - begun) / len(assignments)
        made = facts_of(use)
        return [
            Delivered(a.shot, checked(footage, use, a), seconds, made)
            for a, footage in zip(assignments, shots, strict=True)
        ]
    except ShotError as error:
        return Lost(shot, _named(error, shot))
    except MemoryError:
        return Lost(shot, OutOfMemory(f"shot `{shot}`: `{name}` ran out of memory"))
    except BaseException as error:  # even SystemExit: nothing else would ever be heard of the shot
        lost = ShotError(f"shot `{shot}`: `{name}` failed with {_text_of(error)}")
        lost.__cause__ = error
        return Lost(shot, lost)


def checked(footage: Footage, use: EngineUse, a: Assignment) -> Footage:
    """Footage that is as it was asked for, graded where that is wanted. Raises BadFootage."""
    check_footage(footage, frames=a.frames, width=a.width, height=a.height, rate=a.rate, shot=a.shot)
    if a.tail is not None and use.grade:
        return replace(footage, frames=graded(footage.frames, a.tail, use.grade))
    return footage


def facts_of(use: EngineUse) -> dict[str, Plain]:
    """What a take remembers of the machine that it is shot on."""
    return {
        "storyboard": metadata.version("storyboard"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": _versions(use.spec.libraries),
    }


def _versions(packages: Sequence[str]) -> dict[str, Plain]:
    """Versions of installed packages; one that goes by another name here is left out."""
    found: dict[str, Plain] = {}
    for name in packages:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _named(error: ShotError, shot: str) -> ShotError:
    """The error, its message naming the shot: whoever raised it may not have known."""
    if f"`{shot}`" in error.message:
        return error
    named = type(error)(f"shot `{shot}`: {error.message}", error.hint)
    named.__cause__ = error
    return named


def _text_of(error: BaseException) -> str:
    name = type(error).__name__
    try:
        return f"{name}: {error}"
    except Exception:  # its own text fails
        return name
