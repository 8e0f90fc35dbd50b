"""Engines for tests: `animatic` with the habits of real ones.

strict  8n+1 frames, tails and heads of 1 or 9: the frame rule of latent video models
twelve  shoots at 12 frames per second only
dice    noise, another at every run: nothing of it can be right by accident
alone   cannot continue a shot, takes no images and no negative prompt
ends    takes no head, but an end image
forth   takes neither head nor end image
wide    sides that are multiples of 64 only
gone    announced by an entry point that leads nowhere

Each writes a line to the file that STORYBOARD_TEST_LOG names for every shot it begins. A prompt with the word FAIL
fails; EXIT and CANCEL raise SystemExit and Cancelled; one with SLOW takes a moment at each frame; one with NOISE is
noise for that shot, with DARK it is black, with STILL nothing moves; SHORT returns a frame too few; DEAF hears no
cancellation.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from storyboard.engines.animatic import SPEC as ANIMATIC
from storyboard.engines.base import Assignment, Capabilities, Engine, EngineOptions, EngineSpec, FrameRule, Progress
from storyboard.errors import Cancelled
from storyboard.footage import Footage
from storyboard.timing import Rate


class Habits:
    """An engine around `animatic`."""

    def __init__(self, name: str, options: EngineOptions) -> None:
        self.name = name
        self.inner: Engine = ANIMATIC.open(ANIMATIC.options())

    def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
        if log := os.environ.get("STORYBOARD_TEST_LOG"):
            with Path(log).open("a") as file:
                file.write(f"{assignment.shot} {assignment.prompt}\n")
        if "FAIL" in assignment.prompt:
            raise RuntimeError("the prompt says so")
        if "EXIT" in assignment.prompt:
            raise SystemExit(3)
        if "CANCEL" in assignment.prompt:
            raise Cancelled("nobody asked")
        if "DEAF" in assignment.prompt:
            time.sleep(60)

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
        if "DARK" in assignment.prompt:
            footage.frames[:] = 3
        if "STILL" in assignment.prompt:
            footage.frames[:] = footage.frames[0]
        if "SHORT" in assignment.prompt:
            footage = Footage(footage.frames[:-1].copy(), footage.rate)
        return footage

    def close(self) -> None:
        self.inner.close()


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
        open=lambda options: Habits(name, options),
    )


NINES = FrameRule(8, 1, 1, 9)
STRICT = _spec("strict", frames=FrameRule(8, 1, 9, 49), tail=NINES, head=NINES, default_tail=9, default_head=9)
TWELVE = _spec("twelve", native_rate=Rate(Fraction(12)))
DICE = _spec("dice")
WIDE = _spec("wide", size_multiple=64, default_size=(128, 64))
ALONE = _spec(
    "alone", tail=None, default_tail=0, head=None, default_head=0, start_image=False, end_image=False, negative=False
)
ENDS = _spec("ends", head=None, default_head=0)
FORTH = _spec("forth", head=None, default_head=0, end_image=False)
