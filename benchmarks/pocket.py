"""Seconds a shot of the engine `pocket` on the CPU, by steps, and the memory that it takes.

A shot has 33 frames of 128x128, the first 5 of which are the last of the shot before. What the model was made for are 8
steps; the schedules of more and fewer are spread in the same way.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import Comparison, in_turns, run, seconds_of

USUAL = 8
STEPS = (4, 12, 20)
TAIL = 5
SHIFT = 2.0
"""How much of a schedule lies where there is much noise: levels are s t / (1 + (s - 1) t), t falling evenly."""
PEAK = """
import resource, sys
from benchmarks.pocket import Shooting
shooting = Shooting(int(sys.argv[1]), int(sys.argv[2]))
shooting.shoot()
shooting.shoot()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(round(peak / (1e6 if sys.platform == "darwin" else 1e3)))
"""


class Shooting:
    """An open engine, and a shot for it to continue."""

    def __init__(self, steps: int, frames: int) -> None:
        os.environ.setdefault("GOMP_SPINCOUNT", "3000")  # as the crew does, before torch is loaded
        import numpy as np

        from storyboard.engines.base import Assignment
        from storyboard.engines.pocket import SPEC, PocketOptions
        from storyboard.timing import Rate

        options = PocketOptions(device="cpu", schedule=None if steps == USUAL else schedule(steps))
        self.engine = SPEC.open(options)
        prompt = "The teddy bear keeps swimming under the water with colorful fishes."
        ramp = np.linspace(0, 255, 128).astype(np.uint8)
        tail = np.broadcast_to(ramp[None, :, None, None], (TAIL, 128, 128, 3)).copy()
        rate = Rate(Fraction(8))
        self.assignment = Assignment("a/1", prompt, "", 7, 128, 128, rate, frames, options, tail=tail)

    def shoot(self) -> None:
        self.engine.shoot(self.assignment, lambda step, steps: None)


def schedule(steps: int) -> tuple[float, ...]:
    """Timesteps from 1000 down, as those of the model are spread."""
    even = [1 - step / steps for step in range(steps)]
    return tuple(round(1000 * SHIFT * t / (1 + (SHIFT - 1) * t), 3) for t in even)


def compare(folder: Path, rounds: int, *, small: bool) -> Iterator[Comparison]:
    """Each number of steps against the usual one, in turns."""
    frames = 9 if small else 33
    opened: list[Shooting] = []
    loading = seconds_of(lambda: opened.append(Shooting(USUAL, frames)))
    usual = opened[0]
    command: list[str | Path] = [sys.executable, "-c", PEAK, str(USUAL), str(frames)]
    peak = run(command, cwd=Path(__file__).parent.parent).stdout.strip()
    facts: dict[str, str | int] = {
        "frames": frames,
        "tail": TAIL,
        "seconds to load": f"{loading:.1f}",
        "peak memory": f"{peak} MB",
        "torch": version("torch"),
        "diffusers": version("diffusers"),
    }
    for steps in STEPS[:1] if small else STEPS:
        other = Shooting(steps, frames)
        for each in (usual, other):  # the first shot of an engine reads its text, and warms its arithmetic
            each.shoot()
        names = (f"`pocket`, {frames} frames in {steps} steps", f"the same in {USUAL} steps")
        over, under = in_turns({names[0]: other.shoot, names[1]: usual.shoot}, rounds)
        yield Comparison(f"pocket: {steps} steps", over, under, None, facts)
