"""A render with nothing to do against Python importing pydantic and yaml, which any such program has to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.films import render_command, write_film
from benchmarks.measure import Comparison, Target, in_turns, run

FRAMES = 33
SIZE = (96, 54)
TARGET = Target(3, at_most=True)
SHORT = 4
"""These take a fraction of a second, so each is timed so many times as often."""


def compare(folder: Path, rounds: int, *, small: bool) -> Iterator[Comparison]:
    """One film that is a chain of shots, and one that is all hard cuts."""
    shots = 3 if small else 100
    for name, chain in (("chain", True), ("cuts", False)):
        place = folder / name
        place.mkdir()
        film = write_film(place / "film.yaml", shots, frames=FRAMES, size=SIZE, chain=chain)
        render = render_command(film)
        run(render)
        check_nothing_to_do(render)
        imports = [sys.executable, "-c", "import pydantic, yaml"]
        over, under = in_turns(
            {
                f"`storyboard render`, {shots} shots, nothing to do": partial(run, render),
                '`python -c "import pydantic, yaml"`': partial(run, imports),
            },
            rounds * (1 if small else SHORT),
        )
        yield Comparison(f"noop: {name}", over, under, TARGET, {"shots": shots, "frames": shots * FRAMES})


def check_nothing_to_do(render: list[str | Path]) -> None:
    """Warm the files' cache, and be sure that what is timed is a no-op."""
    said = run(render).stderr
    if "nothing to do" not in said:
        raise SystemExit(f"the second render has something to do:\n{said}")
