"""Who shoots: this process, one shot at a time, with each engine opened once and kept.

The engine works in a thread of its own, so that whoever renders can show progress and be interrupted at any moment.
May import what stands above `crew` in the layout.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from storyboard.digest import Digest
from storyboard.engines.base import Assignment, Engine, Preparing, Progress
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


@dataclass(frozen=True, slots=True)
class Lost:
    """The shot could not be shot."""

    shot: str
    error: ShotError


Word = Stepped | Delivered | Lost


class Crew(Protocol):
    """Takes assignments and brings footage. Used from one thread."""

    @property
    def free(self) -> int:
        """How many more assignments it can begin now."""
        ...

    def expect(self, texts: Iterable[tuple[EngineUse, str]]) -> None:
        """What will be read, as far as anyone knows yet: engines that want to may read it all before they shoot."""
        ...

    def submit(self, use: EngineUse, assignment: Assignment) -> None:
        """Begin a shot; needs `free`."""
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
    """This process."""

    def __init__(self) -> None:
        self._engines: dict[Digest, Engine] = {}
        self._texts: dict[Digest, dict[str, None]] = {}
        """Not read yet, each once, for the engine that is to read them."""
        self._words: queue.SimpleQueue[Word] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopped: threading.Thread | None = None
        """It was cancelled, and may not have heard of it yet."""

    @property
    def free(self) -> int:
        return 0 if self._thread is not None else 1

    def expect(self, texts: Iterable[tuple[EngineUse, str]]) -> None:
        for use, text in texts:
            self._texts.setdefault(use.resident, {})[text] = None

    def submit(self, use: EngineUse, assignment: Assignment) -> None:
        assert self._thread is None, "one shot at a time"
        self._stop = threading.Event()  # one a shot, so that a shot that was stopped stays so
        progress = self._progress(assignment.shot, self._words, self._stop)
        work = (use, assignment, self._words, progress, self._stopped)
        self._thread = threading.Thread(target=self._shoot, args=work, name=assignment.shot, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> Word | None:
        try:
            word = self._words.get(timeout=seconds)
        except queue.Empty:
            return None
        if not isinstance(word, Stepped) and self._thread is not None:
            self._thread.join()
            self._thread = None
        return word

    def cancel(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._stopped, self._thread = self._thread, None
        self._words = queue.SimpleQueue()

    def close(self) -> None:
        self.cancel()
        for engine in self._engines.values():
            with suppress(Exception):  # what it shot is kept all the same
                engine.close()
        self._engines.clear()

    def _shoot(
        self,
        use: EngineUse,
        assignment: Assignment,
        words: queue.SimpleQueue[Word],
        progress: Progress,
        before: threading.Thread | None,
    ) -> None:
        if before is not None:
            before.join()  # an engine is never used, or opened, twice at once
        words.put(shoot(lambda use: self._open(use, progress), use, assignment, progress))

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
    def _progress(shot: str, words: queue.SimpleQueue[Word], stop: threading.Event) -> Progress:
        def progress(step: int, steps: int) -> None:
            if stop.is_set():
                raise Cancelled(f"shot `{shot}` was stopped")
            words.put(Stepped(shot, step, steps))

        return progress


def shoot(
    engine_for: Callable[[EngineUse], Engine],
    use: EngineUse,
    assignment: Assignment,
    progress: Progress,
) -> Delivered | Lost:
    """One assignment on an engine. What it returns is checked, whatever it raises becomes a ShotError."""
    name = use.spec.name
    begun = time.perf_counter()
    try:
        progress(0, 0)
        footage = engine_for(use).shoot(assignment, progress)
        seconds = time.perf_counter() - begun
        check_footage(
            footage, frames=assignment.frames, width=assignment.width, height=assignment.height, shot=assignment.shot
        )
        if assignment.tail is not None and use.grade:
            footage = replace(footage, frames=graded(footage.frames, assignment.tail, use.grade))
    except ShotError as error:
        return Lost(assignment.shot, error)
    except MemoryError:
        return Lost(assignment.shot, OutOfMemory(f"shot `{assignment.shot}`: `{name}` ran out of memory"))
    except BaseException as error:  # even SystemExit: nothing else would ever be heard of the shot
        lost = ShotError(f"shot `{assignment.shot}`: `{name}` failed with {type(error).__name__}: {error}")
        lost.__cause__ = error
        return Lost(assignment.shot, lost)
    return Delivered(assignment.shot, footage, seconds)
