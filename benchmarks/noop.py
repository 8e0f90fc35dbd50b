"""A render with nothing to do against Python importing pydantic and yaml.

Twice: of a film that is as it was, which storyboard knows without reading the screenplay (see `storyboard.fresh`); and
of one whose text changed by a comment, which is read, broken down and planned before there is nothing to do. Films on
engines whose weights are elsewhere, on other people's engines, or with notices always take that second, longer way.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.films import render_command, write_film
from benchmarks.measure import Comparison, Target, Timed, in_turns, run, seconds_of

FRAMES = 33
SIZE = (96, 54)
TARGET, LONG_TARGET = Target(2.5, at_most=True), Target(5, at_most=True)
SHORT = 4
"""These take a fraction of a second, so each is timed so many times as often."""
IMPORTS: list[str | Path] = [sys.executable, "-c", "import pydantic, yaml"]
IMPORTED = '`python -c "import pydantic, yaml"`'


def compare(folder: Path, rounds: int, *, small: bool) -> Iterator[Comparison]:
    """Chains of shots, a film that is all hard cuts, and one of hard cuts on the default engine."""
    many = 3 if small else 100
    rounds *= 1 if small else SHORT
    for name, shots in (("chain", many), ("long chain", 10 * many), ("cuts", many), ("pocket", -(-many // 4))):
        facts = {"shots": shots, "frames": shots * FRAMES}
        place = folder / name.replace(" ", "-")
        place.mkdir()
        film = film_of(name, place / "film.yaml", shots)
        render = render_command(film)
        run(render)
        check_nothing_to_do(render)
        what = f"`storyboard render`, {shots} shots{' on `pocket`' * (name == 'pocket')}, nothing to do"
        over, under = in_turns({what: partial(run, render), IMPORTED: partial(run, IMPORTS)}, rounds)
        target = LONG_TARGET if shots > 100 else TARGET
        yield Comparison(f"noop: {name}", over, under, target, facts)
        over, under = after_comments(film, render, rounds)
        yield Comparison(f"noop: {name}, planned", over, under, facts=facts)


def film_of(name: str, path: Path, shots: int) -> Path:
    """The film of that name. The model takes a second or two for each shot, and knows all words of its prompt."""
    if name == "pocket":
        prompt = "A dog is walking in the forest."
        size = (128, 128)
        return write_film(path, shots, frames=FRAMES, size=size, rate=8, chain=False, engine=name, prompt=prompt)
    return write_film(path, shots, frames=FRAMES, size=SIZE, chain="chain" in name)


def after_comments(film: Path, render: list[str | Path], rounds: int) -> tuple[Timed, Timed]:
    """Renders that have to plan, in turns with the imports: before each a comment is added to the screenplay."""
    renders: list[float] = []
    imports: list[float] = []
    for number in range(rounds):
        with film.open("a", encoding="utf-8") as text:
            text.write(f"# {number}\n")
        renders.append(seconds_of(partial(check_nothing_to_do, render)))
        imports.append(seconds_of(partial(run, IMPORTS)))
    return Timed("the same after a new comment in the screenplay", tuple(renders)), Timed(IMPORTED, tuple(imports))


def check_nothing_to_do(render: list[str | Path]) -> None:
    """Render, and be sure that it was a no-op."""
    said = run(render).stderr
    if "nothing to do" not in said:
        raise SystemExit(f"the second render has something to do:\n{said}")
