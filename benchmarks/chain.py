"""A chain of shots with all that has to be done besides shooting: stored, and made into a movie.

The engine is a stand-in that waits, as this process does while a GPU works. What is measured is what remains to be done
when it is done.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.conform import decoded_frames
from benchmarks.field_films import write_lossless, write_movie
from benchmarks.films import write_film
from benchmarks.measure import Comparison, Target, Timed, seconds_of
from storyboard.breakdown import break_down
from storyboard.crew import Here
from storyboard.engines.base import Assignment, Engine, Progress
from storyboard.engines.choice import EngineUse
from storyboard.events import ShotFailed
from storyboard.film import prepare, produce
from storyboard.footage import Footage
from storyboard.screenplay import load

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STEPS = 20
MOST_TAIL = 16
"""Frames that a shot may have to repeat of the one before."""


def compare(folder: Path, rounds: int, *, small: bool) -> Iterator[Comparison]:
    """The loop and storyboard, in turns."""
    shots, frames, size, seconds = (2, 9, (96, 54), 0.1) if small else (6, 97, (768, 512), 4.0)
    pictures = landscape(frames + MOST_TAIL, size)
    spent: dict[str, list[float]] = {"ours": [], "theirs": []}
    movies = {"film": write_film(folder / "film.yaml", shots, frames=frames, size=size, chain=True)}
    for number in range(rounds + 1):  # the first one, which imports what is imported late, does not count

        def ours(number: int = number) -> None:
            movies["ours"] = render_film(folder / f"{number}", shots, frames, size, pictures, seconds)

        def theirs(number: int = number) -> None:
            movies["theirs"] = loop(folder / f"loop-{number}", movies["film"], pictures, seconds)

        for name, work in (("theirs", theirs), ("ours", ours)):
            spent[name].append(seconds_of(work))
    counted = {name: decoded_frames(movies[name]) for name in spent}
    what = f"{shots} shots of {frames} frames"
    hand = Timed(f"wait, write FFV1, then moviepy: {what}", tuple(spent["theirs"][1:]))
    made = Timed(f"`storyboard render` of {what}", tuple(spent["ours"][1:]))
    waiting = Timed("the waiting alone", (shots * seconds,) * rounds)
    facts = {"frames of the film": shots * frames, "ours": counted["ours"], "by hand": counted["theirs"]}
    yield Comparison("chain", made, hand, Target(0.95, at_most=True), facts)
    yield Comparison("chain: besides", made, waiting, None, {"seconds a shot": f"{seconds:g}"})


def landscape(frames: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Hills with grain, panned over: uint8 RGB [frames, height, width, 3]. As hard to code as filmed pictures are."""
    import numpy as np

    width, height = size
    across, down = np.meshgrid(np.arange(width + 4 * frames), np.arange(height))
    hills = np.sin(across / 37) * 30 + np.sin(across / 11 + down / 23) * 12 + down * (120 / height)
    grain = np.random.default_rng(0).normal(0, 4, (*across.shape, 3))
    whole = np.clip(60 + hills[..., None] * np.array([0.9, 1.1, 0.7]) + grain, 0, 255).astype(np.uint8)
    return np.stack([whole[:, 4 * frame : 4 * frame + width] for frame in range(frames)])


class Waits:
    """An engine that shows these pictures when it has waited for so many seconds."""

    def __init__(self, pictures: NDArray[np.uint8], seconds: float) -> None:
        self.pictures, self.seconds = pictures, seconds

    def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
        for step in range(STEPS):
            time.sleep(self.seconds / STEPS)
            progress(step + 1, STEPS)
        return Footage(self.pictures[: assignment.frames].copy(), assignment.rate)

    def close(self) -> None:
        pass


class Elsewhere(Here):
    """A crew whose engines all wait."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine

    def _open(self, use: EngineUse, progress: Progress) -> Engine:
        return self._engine


def render_film(
    folder: Path, shots: int, frames: int, size: tuple[int, int], pictures: NDArray[np.uint8], seconds: float
) -> Path:
    """By storyboard: from the screenplay to the movie."""
    folder.mkdir()
    prompt = f"Wave {{number}} rolls in, for the {folder.name}th time."
    film = write_film(folder / "film.yaml", shots, frames=frames, size=size, chain=True, prompt=prompt)
    production = prepare(film, out=folder, vault=folder / "vault")
    crew = Elsewhere(Waits(pictures, seconds))
    for event in produce(production, crew):
        if isinstance(event, ShotFailed):
            raise SystemExit(event.error.message)
    crew.close()
    return production.places.movie


def loop(folder: Path, film: Path, pictures: NDArray[np.uint8], seconds: float) -> Path:
    """By hand, the same shots."""
    folder.mkdir()
    kept = []
    for shot in break_down(load(film)).shots.values():
        time.sleep(seconds)
        frames = pictures[: shot.frames].copy()
        write_lossless(folder / f"{shot.scene}.mkv", frames, 24)
        kept.append(frames[shot.visible.start : shot.visible.stop])
    write_movie(folder / "film.mp4", kept, 24.0)
    return folder / "film.mp4"
