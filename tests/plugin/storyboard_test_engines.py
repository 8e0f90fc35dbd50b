"""Engines for tests: `animatic` with the habits of real ones.

strict  8n+1 frames, tails and heads of 1 or 9: the frame rule of latent video models
twelve  shoots at 12 frames per second only
dice    noise, another at every run: nothing of it can be right by accident
alone   cannot continue a shot, takes no images and no negative prompt
ends    takes no head, but an end image
forth   takes neither head nor end image
moody   by its seed, a third of what it shoots is black, and a third frozen
wide    sides that are multiples of 64 only
humming makes sound with its pictures: noise by the seed, by the frame rule of `strict`
gone    announced by an entry point that leads nowhere

Each writes a line to the file that STORYBOARD_TEST_LOG names for every shot it begins. A prompt with the word FAIL
fails; EXIT and CANCEL raise SystemExit and Cancelled; one with SLOW takes a moment at each frame; one with NOISE is
noise for that shot, with DARK it is black, with STILL nothing moves; DEAF hears no cancellation, and HANG never ends.
FULL always runs out of memory, FULL once the first time that the log knows of. What is no footage as asked is returned,
or raised, by the words in `WRONG`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import NoReturn

import numpy as np

from storyboard.engines.animatic import SPEC as ANIMATIC
from storyboard.engines.base import Assignment, Capabilities, Engine, EngineOptions, EngineSpec, FrameRule, Progress
from storyboard.errors import Cancelled, OutOfMemory
from storyboard.footage import Footage, from_float
from storyboard.sound import Sound, lasting
from storyboard.timing import Rate


class Unspeakable(Exception):
    """Its text cannot be told."""

    def __str__(self) -> str:
        raise ValueError("no text")


def _raise(error: BaseException) -> NoReturn:
    raise error


WRONG: dict[str, Callable[[Footage], object]] = {
    "FAIL": lambda made: _raise(RuntimeError("the prompt says so")),
    "EXIT": lambda made: _raise(SystemExit(3)),
    "CANCEL": lambda made: _raise(Cancelled("nobody asked")),
    "INTERRUPT": lambda made: _raise(KeyboardInterrupt()),
    "MEMORY": lambda made: _raise(MemoryError()),
    "UNSPEAKABLE": lambda made: _raise(Unspeakable()),
    "SHORT": lambda made: Footage(made.frames[:-1].copy(), made.rate),
    "LONG": lambda made: Footage(np.concatenate([made.frames, made.frames[:1]]), made.rate),
    "NARROW": lambda made: Footage(made.frames[:, :, 1:].copy(), made.rate),
    "GREY": lambda made: Footage(made.frames[..., :1].copy(), made.rate),
    "FLAT": lambda made: Footage(made.frames[0].copy(), made.rate),
    "FLOAT": lambda made: Footage(made.frames.astype(np.float32), made.rate),  # type: ignore[arg-type]
    "NAN": lambda made: Footage(from_float(np.full(made.frames.shape, np.nan)), made.rate),
    "FASTER": lambda made: Footage(made.frames, Rate(made.rate.fraction + 1)),
    "LIST": lambda made: Footage(made.frames.tolist(), made.rate),  # type: ignore[arg-type]
    "NOTHING": lambda made: None,
    "FRAMES": lambda made: made.frames,
}


class Habits:
    """An engine around `animatic`."""

    def __init__(self, name: str, options: EngineOptions) -> None:
        self.name = name
        self.inner: Engine = ANIMATIC.open(ANIMATIC.options())

    def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
        if log := os.environ.get("STORYBOARD_TEST_LOG"):
            with Path(log).open("a") as file:
                file.write(f"{assignment.shot} {assignment.prompt}\n")
        if "FULL" in assignment.prompt:
            _run_out(assignment)
        if "DEAF" in assignment.prompt:
            time.sleep(60)
        if "HANG" in assignment.prompt:
            threading.Event().wait()

        def slowly(step: int, steps: int) -> None:
            if "SLOW" in assignment.prompt:
                time.sleep(0.01)
            progress(step, steps)

        footage = self.inner.shoot(assignment, slowly)
        if self.name == "dice" or "NOISE" in assignment.prompt:
            frames = footage.frames.copy()
            kept = 0 if assignment.tail is None else len(assignment.tail)
            fresh = frames[kept:]
            fresh[:] = np.random.default_rng().integers(0, 256, fresh.shape, dtype=np.uint8)
            footage = Footage(frames, footage.rate)
        mood = assignment.seed % 3 if self.name == "moody" else None
        if "DARK" in assignment.prompt or mood == 0:
            footage.frames[:] = 3
        if "STILL" in assignment.prompt or mood == 1:
            footage.frames[:] = footage.frames[0]
        for word in WRONG.keys() & set(assignment.prompt.split()):
            footage = WRONG[word](footage)  # type: ignore[assignment]
        return footage

    def close(self) -> None:
        self.inner.close()


class Humming(Habits):
    """One that is heard as well."""

    def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
        sound = hum(assignment.seed, assignment.frames, assignment.rate)
        return replace(super().shoot(assignment, progress), sound=sound)


def hum(seed: int, frames: int, rate: Rate) -> Sound:
    """The sound of `humming`."""
    count = lasting(frames, rate, 24000)
    return Sound(np.random.default_rng(seed).integers(-3000, 3000, (count, 1)).astype(np.int16), 24000)


def _run_out(assignment: Assignment) -> None:
    begun = Path(os.environ["STORYBOARD_TEST_LOG"]).read_text().splitlines()
    if "once" not in assignment.prompt or begun.count(f"{assignment.shot} {assignment.prompt}") == 1:
        raise OutOfMemory(f"shot `{assignment.shot}`: the prompt says so", "write another")


def _spec(name: str, **changes: object) -> EngineSpec:
    def capabilities(options: EngineOptions) -> Capabilities:
        return replace(ANIMATIC.capabilities(ANIMATIC.options()), **changes)  # type: ignore[arg-type]

    return EngineSpec(
        name=name,
        summary=f"for tests: {name}",
        options=EngineOptions,
        capabilities=capabilities,
        missing=lambda: None,
        weights=lambda options: None,
        open=lambda options: (Humming if name == "humming" else Habits)(name, options),
    )


NINES = FrameRule(8, 1, 1, 9)
STRICT = _spec("strict", frames=FrameRule(8, 1, 9, 49), tail=NINES, head=NINES, default_tail=9, default_head=9)
HUMMING = _spec(
    "humming", frames=FrameRule(8, 1, 9, 49), tail=NINES, head=NINES, default_tail=9, default_head=9, sound=True
)
TWELVE = _spec("twelve", native_rate=Rate(Fraction(12)))
DICE = _spec("dice")
MOODY = _spec("moody", head=None, default_head=0, end_image=False)
WIDE = _spec("wide", size_multiple=64, default_size=(128, 64))
ALONE = _spec(
    "alone", tail=None, default_tail=0, head=None, default_head=0, start_image=False, end_image=False, negative=False
)
ENDS = _spec("ends", head=None, default_head=0)
FORTH = _spec("forth", head=None, default_head=0, end_image=False)
