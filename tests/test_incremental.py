"""After any edits, the film equals a render into an empty vault; a planner that always says HIT fails the same test."""

from __future__ import annotations

import random
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

from storyboard.conform import conform
from storyboard.cut import assemble
from storyboard.plan import Kept, Plan, Planned, State, make_plan
from storyboard.shots import Breakdown
from storyboard.vault import Take, Vault
from tests.films import Planner, broken_down, decoded, film_of, scene, screenplay, shoot

Film = dict[str, object]


def random_scene(rng: random.Random, name: str, before: list[str]) -> dict[str, object]:
    made = scene(name, rng.choice([0.5, 1, 1.5, "7f"]), prompt=f"Picture {rng.randrange(1000)}.")
    if rng.random() < 0.15:
        return scene(name, 0.5, card={"text": f"Card {rng.randrange(100)}"})
    if rng.random() < 0.3:
        made["continues"] = rng.choice(["nothing", *before]) if before else "nothing"
    if rng.random() < 0.25:
        made["beats"] = [{"at": "3f", "prompt": f"Then {rng.randrange(1000)}."}]
    if rng.random() < 0.2:
        made["engine"] = rng.choice(["strict", "twelve", {"name": "animatic", "tail": rng.randrange(1, 5)}])
    return made


def shown_scenes(scenes: list[dict[str, object]]) -> list[str]:
    return [str(each["id"]) for each in scenes if "card" not in each]


def random_film(rng: random.Random) -> Film:
    scenes: list[dict[str, object]] = []
    for number in range(rng.randrange(3, 6)):
        scenes.append(random_scene(rng, f"s{number}", shown_scenes(scenes)))
    return screenplay(scenes, seed=rng.randrange(100))


def random_edit(rng: random.Random, film: Film) -> Film:
    """Another film, one edit away, that is still sound."""
    film = deepcopy(film)
    scenes = film["scenes"]
    assert isinstance(scenes, list)
    place = rng.randrange(len(scenes))
    kind = rng.choice(["prompt", "duration", "take", "insert", "transition", "engine", "style", "remove", "cut"])
    if kind == "insert":
        scenes.insert(place, random_scene(rng, f"n{rng.randrange(10**6)}", shown_scenes(scenes[:place])))
    elif kind == "remove" and len(scenes) > 2:
        gone = scenes.pop(place)["id"]
        for each in scenes:
            if each.get("continues") == gone:
                each["continues"] = "nothing"
    elif kind == "duration":
        scenes[place]["duration"] = rng.choice(["4f", 1, 2])
    elif kind == "transition" and place:
        scenes[place]["transition"] = {"kind": rng.choice(["dissolve", "fade"]), "duration": "2f"}
    elif kind == "style":
        film["style"] = rng.choice(["ink", "oil"])
    elif "card" not in scenes[place]:
        fields: dict[str, object] = {
            "prompt": f"Picture {rng.randrange(1000)}.",
            "take": rng.randrange(1, 4),
            "engine": rng.choice(["animatic", "strict", "twelve"]),
        }
        scenes[place] |= {kind: fields[kind]} if kind in fields else {"continues": "nothing"}
    return film


def incremental_equals_clean(seed: int, folder: Path, planner: Planner, *, movies: bool) -> None:
    """Five edits of a random film, each rendered into one vault, each compared with a render into an empty one."""
    rng = random.Random(seed)
    film = random_film(rng)
    kept = Vault(folder / "kept")
    for step in range(6):
        breakdown = broken_down(film)
        incremental = shoot(breakdown, kept, planner)
        empty = Vault(folder / f"empty{step}")
        clean = shoot(breakdown, empty)
        assert film_of(breakdown, kept, incremental.takes) == film_of(breakdown, empty, clean.takes), (seed, step)
        film = random_edit(rng, film)
    if movies:
        one = conform(assemble(breakdown, kept, takes=incremental.takes), kept, folder / "one.mp4")
        two = conform(assemble(breakdown, empty, takes=clean.takes), empty, folder / "two.mp4")
        assert np.array_equal(decoded(one.path), decoded(two.path))


@pytest.mark.parametrize("seed", range(6))
def test_incremental_equals_clean(seed: int, tmp_path: Path) -> None:
    incremental_equals_clean(seed, tmp_path, make_plan, movies=seed < 2)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 160))
def test_incremental_equals_clean_for_many_films(seed: int, tmp_path: Path) -> None:
    incremental_equals_clean(seed, tmp_path, make_plan, movies=True)


class AlwaysHit:
    """A planner that takes whatever a shot of that name had before for its take."""

    def __init__(self) -> None:
        self.last: dict[str, Take] = {}

    def __call__(self, breakdown: Breakdown, vault: Vault) -> Plan:
        honest = make_plan(breakdown, vault)
        shots = {}
        for name, planned in honest.shots.items():
            take = planned.take or self.last.get(name)
            if take is not None:
                planned = Planned(planned.shot, State.HIT, (Kept(),), planned.slate, take, None)
            shots[name] = planned
        if any(planned.take is None for planned in shots.values()):
            made = shoot(breakdown, vault)
            self.last.update(made.takes)
            return make_plan(breakdown, vault)
        return Plan(breakdown, shots)


def test_a_planner_that_always_says_hit_fails_the_same_test(tmp_path: Path) -> None:
    caught = 0
    for seed in range(4):
        try:
            incremental_equals_clean(seed, tmp_path / str(seed), AlwaysHit(), movies=False)
        except (AssertionError, IndexError):
            caught += 1
    assert caught == 4
