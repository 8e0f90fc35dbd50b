"""Planning a film of 10,000 shots, none of which is there, against PyYAML reading the same file; and the command
`check` of 500 scenes, cold, against Python importing pydantic and yaml.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.films import write_film
from benchmarks.measure import Comparison, Timed, in_turns, run, seconds_of
from benchmarks.noop import IMPORTED, IMPORTS
from storyboard.breakdown import break_down
from storyboard.plan import State, make_plan
from storyboard.screenplay import load
from storyboard.vault import Vault


def compare(folder: Path, rounds: int, *, small: bool) -> Iterator[Comparison]:
    """Each step of `storyboard plan`, and all three. All hard cuts, so that every shot's key is looked up."""
    import yaml

    shots = 50 if small else 10_000
    film = write_film(folder / "film.yaml", shots, frames=33, size=(96, 54), chain=False)
    vault = Vault(folder / "vault")
    spent: dict[str, list[float]] = {"yaml": [], "load": [], "break_down": [], "plan": []}
    for _ in range(rounds):
        spent["yaml"].append(seconds_of(lambda: yaml.safe_load(film.read_text(encoding="utf-8"))))
        spent["load"].append(seconds_of(partial(load, film)))
        screenplay = load(film)
        spent["break_down"].append(seconds_of(partial(break_down, screenplay)))
        breakdown = break_down(screenplay)
        spent["plan"].append(seconds_of(partial(make_plan, breakdown, vault)))
    if make_plan(breakdown, vault).count(State.MISS) != shots:
        raise SystemExit("not every shot of the film is a miss")
    under = Timed("`yaml.safe_load` of the same file", tuple(spent["yaml"]))
    steps = (("load", "`load`: read and validate"), ("break_down", "`break_down`"), ("plan", "`make_plan`, all misses"))
    for step, what in steps:
        over = Timed(f"{what}, {shots:,} shots", tuple(spent[step]))
        yield Comparison(f"plan: {step}", over, under, None, {"shots": shots})
    whole = tuple(map(sum, zip(*(spent[step] for step, _ in steps), strict=True)))
    yield Comparison("plan: all", Timed(f"all three, {shots:,} shots", whole), under, None, {"shots": shots})
    yield checked(folder, rounds, 5 if small else 500)


def checked(folder: Path, rounds: int, scenes: int) -> Comparison:
    """The whole command, in a process of its own."""
    film = write_film(folder / "checked.yaml", scenes, frames=33, size=(96, 54), chain=True)
    check: list[str | Path] = [sys.executable, "-m", "storyboard", "check", film]
    works = {f"`storyboard check`, {scenes} scenes": partial(run, check), IMPORTED: partial(run, IMPORTS)}
    over, under = in_turns(works, rounds)
    return Comparison("check", over, under, None, {"scenes": scenes})
