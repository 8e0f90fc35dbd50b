"""Random edits with splices and holds among them: what must hold after each of them, whatever was before."""

from __future__ import annotations

import random
from copy import deepcopy
from pathlib import Path

import pytest

from storyboard.errors import CommandError, ScreenplayError
from storyboard.pins import Mode
from storyboard.slate import slate_of
from tests.spliced import Reel, Rendered
from tests.test_incremental import Film, random_edit, random_film

TINY = {"width": 32, "height": 18, "rate": 8}


def scenes_of(film: Film) -> list[dict[str, object]]:
    scenes = film["scenes"]
    assert isinstance(scenes, list)
    return scenes


def edited(rng: random.Random, film: Film) -> Film:
    """Another film, one edit away: now and then a hold, two scenes swapped, or two edits at once."""
    kind = rng.random()
    if kind < 0.25:
        film = deepcopy(film)
        one = rng.choice(scenes_of(film))
        if "card" not in one:
            one["hold"] = not one.get("hold", False)
        return film
    film = random_edit(rng, film)
    return random_edit(rng, film) if kind < 0.4 else film


def check_lock(after: Rendered) -> None:
    """The lock says exactly what is in the film."""
    locked = after.lock.by_id
    assert [shot.id for shot in after.lock.shots] == [name for span in after.film.scenes for name in span.shots]
    assert {name: shot.key for name, shot in locked.items()} == after.keys
    for name, shot in after.film.shots.items():
        take, said = after.takes[name], locked[name]
        assert (said.footage, said.engine, said.seed) == (take.footage, shot.engine.spec.name, shot.seed)
        assert (said.weights, take.slate["seed"]) == (None, shot.seed)
        if not said.pinned and not said.head:
            assert slate_of(shot, after.takes).key == take.key, "what is not pinned follows from what is before it"


def changed_scenes(before: Rendered, after: Rendered) -> set[str]:
    old, new = before.lock.by_id, after.lock.by_id
    return {
        span.id
        for span in after.film.scenes
        if any(name not in old or old[name].own != new[name].own for name in span.shots)
        or len(span.shots) != sum(shot.scene == span.id for shot in before.lock.shots)
    }


def go_through(seed: int, folder: Path, edits: int) -> int:
    """Random edits of a random film, each rendered in a random mode and undone again. How many were spliced."""
    rng = random.Random(seed)
    film = {**random_film(rng), "format": TINY}
    reel = Reel(folder)
    before = reel.render(film)
    spliced = 0
    for step in range(edits):
        other, mode, lock = edited(rng, film), rng.choice([Mode.PLAIN, Mode.SPLICE]), reel.lock
        try:
            after = reel.render(other, mode)
        except (ScreenplayError, CommandError):
            continue  # a held scene was changed, or a head does not fit
        where = (seed, step, mode)
        check_lock(after)
        spliced += bool(after.lock.pins.takes)
        if mode is Mode.SPLICE:
            changed = changed_scenes(before, after)
            assert {name.split("/")[0] for name in after.shot} <= changed, where
            stayed = {name: key for name, key in before.keys.items() if name.split("/")[0] not in changed}
            assert {name: key for name, key in after.keys.items() if name in stayed} == {
                name: key for name, key in stayed.items() if name in after.keys
            }, where
        again = reel.render(other)
        assert (again.shot, again.keys, again.lock) == ([], after.keys, after.lock), where
        if lock is None or after.lock.film not in {
            pins.film for pins in lock.earlier
        }:  # else it was itself the undoing of an edit
            undone = reel.render(film)
            assert (undone.shot, undone.shown) == ([], before.shown), where
            assert reel.lock == lock, where
        keys = {*before.keys.values(), *after.keys.values()}
        assert all(reel.vault.find(key) for key in keys), "no take is lost by an edit"
        reel.lock = lock
        if rng.random() < 0.7:
            reel.lock = again.lock
            film, before = other, again
    free = {**film, "scenes": [{**each, "hold": False} if "hold" in each else each for each in scenes_of(film)]}
    through, clean = reel.render(free, Mode.RIPPLE), Reel(folder / "clean").render(free)
    assert (through.shown, through.lock) == (clean.shown, clean.lock), seed
    return spliced


def test_whatever_is_edited_the_lock_is_right_and_undoing_brings_the_film_back(tmp_path: Path) -> None:
    spliced = [go_through(seed, tmp_path / str(seed), edits=8) for seed in range(8)]
    assert sum(spliced) > 8


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 200))
def test_whatever_is_edited_for_many_films(seed: int, tmp_path: Path) -> None:
    go_through(seed, tmp_path, edits=12)
