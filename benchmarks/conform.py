"""One changed shot in a film of many: encoding it and joining, against encoding the film again.

Also against what people do with moviepy: open each shot's file, `concatenate_videoclips`, write; and how many frames
that film has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.films import write_film
from benchmarks.measure import Comparison, Target, Timed, seconds_of
from storyboard.breakdown import break_down
from storyboard.conform import conform, conform_whole
from storyboard.crew import Here
from storyboard.cut import Cut, assemble
from storyboard.events import ShotFailed
from storyboard.plan import make_plan
from storyboard.render import render
from storyboard.screenplay import load
from storyboard.vault import Vault

TARGET = Target(100 / 3, at_most=False)
"""One changed shot of 200 takes at most 3 % of encoding the film."""


def compare(folder: Path, rounds: int, *, small: bool) -> Iterator[Comparison]:
    """Three ways to the same film, timed in turns; each round changes another shot first."""
    import moviepy  # noqa: F401  (its import is in none of the times)

    shots, frames, size = (4, 9, (96, 54)) if small else (200, 33, (384, 216))
    film = write_film(folder / "film.yaml", shots, frames=frames, size=size, chain=False)
    vault = Vault(folder / "vault")
    cut = shot_film(film, vault)
    conform(cut, vault, folder / "joined.mp4")
    files = export_shots(cut, vault, folder)
    spent: dict[str, list[float]] = {"joined": [], "whole": [], "naive": []}
    for number in range(rounds):
        change_shot(film, number % shots, f"Wave {number} breaks over the wall.")
        cut = shot_film(film, vault)
        ways: dict[str, Callable[[], object]] = {
            "joined": partial(conform, cut, vault, folder / "joined.mp4"),
            "whole": partial(conform_whole, cut, vault, folder / "whole.mp4"),
            "naive": partial(concatenate, files, folder / "naive.mp4"),
        }
        for name, way in ways.items():
            spent[name].append(seconds_of(way))
    joined = Timed(f"one of {shots} shots changed: encode it, join, check", tuple(spent["joined"]))
    whole = Timed(f"encode all {cut.frames} frames again, check", tuple(spent["whole"]))
    naive = Timed("moviepy: `VideoFileClip`, `concatenate_videoclips`, write", tuple(spent["naive"]))
    counted = {name: decoded_frames(folder / f"{name}.mp4") for name in spent}
    facts = {"frames of the film": cut.frames}
    both = {"frames": counted["joined"], "whole": counted["whole"]}
    yield Comparison("conform", whole, joined, TARGET, {**facts, **both})
    yield Comparison("conform against moviepy", naive, joined, None, {**facts, "frames by moviepy": counted["naive"]})


def shot_film(film: Path, vault: Vault) -> Cut:
    """Shoot what is missing. Raises SystemExit when a shot fails."""
    breakdown = break_down(load(film))
    crew = Here()
    try:
        for event in render(make_plan(breakdown, vault), vault, crew):
            if isinstance(event, ShotFailed):
                raise SystemExit(event.error.message)
    finally:
        crew.close()
    return assemble(breakdown, vault)


def change_shot(film: Path, number: int, prompt: str) -> None:
    text = film.read_text(encoding="utf-8")
    before, mark, after = text.partition(f"  - id: scene-{number}\n    prompt: ")
    film.write_text(before + mark + prompt + after[after.index("\n") :], encoding="utf-8")


def export_shots(cut: Cut, vault: Vault, folder: Path) -> list[Path]:
    """Each shot as a file of its own, exact, at a quality that an export is given."""
    files: list[Path] = []
    for number, edit in enumerate(cut.edits):
        alone = replace(cut, edits=(replace(edit, first=0),))
        files.append(conform_whole(alone, vault, folder / f"shot-{number}.mp4").path)
    return files


def concatenate(files: list[Path], out: Path) -> None:
    """As tutorials do."""
    from moviepy import VideoFileClip, concatenate_videoclips

    clips = [VideoFileClip(str(file)) for file in files]
    concatenate_videoclips(clips).write_videofile(str(out), codec="libx264", audio=False, logger=None)
    for clip in clips:
        clip.close()


def decoded_frames(movie: Path) -> int:
    import av

    with av.open(str(movie)) as container:
        return sum(1 for _ in container.decode(video=0))
