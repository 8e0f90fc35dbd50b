"""Takes that are black or frozen are refused where the screenplay says so, once and for all, on every machine."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from storyboard.attempts import attempt_at, attempt_seed
from storyboard.blame import blame
from storyboard.events import FilmDone, ShotDone, ShotFailed, ShotRefused, ShotStarted
from storyboard.film import Mode, prepare, produce
from storyboard.lock import read_lock
from storyboard.plan import State, make_plan
from storyboard.project import places, read_manifest
from storyboard.reasons import Changed, Kept, Refused
from storyboard.remote import Remote, film_keys, pull, push
from storyboard.scopes import Flaw
from storyboard.shots import Breakdown
from storyboard.slate import slate_of
from storyboard.telling import event_line, event_plain
from storyboard.timing import Duration
from storyboard.vault import Vault
from tests.films import Result, broken_down, scene, screenplay, shoot, storyboard, text_of
from tests.test_incremental import random_edit, random_film

MOODS = {0: Flaw.BLACK, 1: Flaw.FROZEN, 2: None}
"""Of the engine `moody`, by its seeds."""


def good_after(refused: int) -> int:
    """A seed with which `moody` is fine at that attempt, and at none before."""
    seeds = range(10_000)
    return next(
        seed for seed in seeds if [mood_of(seed, n) is None for n in range(refused + 1)] == [False] * refused + [True]
    )


def mood_of(seed: int, attempt: int) -> Flaw | None:
    return MOODS[attempt_seed(seed, attempt) % 3]


def moody(seeds: list[int], **film: object) -> dict[str, object]:
    """A chain with these seeds."""
    scenes = [scene(f"s{place}", 1.5, seed=seed) for place, seed in enumerate(seeds)]
    return screenplay(scenes, engine="moody", **film)


def refused(result: Result) -> list[tuple[str, Flaw, int, int]]:
    return [(e.shot.id, e.flaw, e.attempt, e.of) for e in result.events if isinstance(e, ShotRefused)]


def started(result: Result) -> list[str]:
    return [event.key for event in result.events if isinstance(event, ShotStarted)]


def states(film: Breakdown, vault: Vault) -> list[State]:
    return [each.state for each in make_plan(film, vault)]


def test_a_flawed_take_is_refused_and_shot_again_with_the_next_seed(tmp_path: Path) -> None:
    vault, seeds = Vault(tmp_path), [good_after(0), good_after(2), good_after(1)]
    film = broken_down(moody(seeds, retries=3))
    result = shoot(film, vault)
    assert refused(result) == [
        ("s1/1", mood_of(seeds[1], 0), 1, 4),
        ("s1/1", mood_of(seeds[1], 1), 2, 4),
        ("s2/1", mood_of(seeds[2], 0), 1, 4),
    ]
    assert result.shot == ["s0/1", "s1/1", "s2/1"] and result.failed == []
    assert [take.seed for take in result.takes.values()] == [
        seeds[0],
        attempt_seed(seeds[1], 2),
        attempt_seed(seeds[2], 1),
    ]
    tail = result.takes["s2/1"].slate["tail"]
    assert isinstance(tail, dict) and tail["digests"] == list(result.takes["s1/1"].frames[-8:]), (
        "it goes on from what stays"
    )
    assert [take.key for take in vault.takes()] == sorted(take.key for take in result.takes.values())
    plan = make_plan(film, vault)
    assert {each.state for each in plan} == {State.HIT} and started(shoot(film, vault)) == []
    assert plan.shots["s1/1"].reasons[1] == Refused(
        2, 4, ", ".join(dict.fromkeys([mood_of(seeds[1], n).value for n in (0, 1)]))
    )


def test_the_key_of_an_attempt_is_the_slate_with_its_seed_and_nothing_else(tmp_path: Path) -> None:
    seed = good_after(1)
    take = shoot(broken_down(moody([seed], retries=1)), Vault(tmp_path / "one")).takes["s0/1"]
    as_written = broken_down(moody([attempt_seed(seed, 1)]))
    assert take.key == slate_of(as_written.shots["s0/1"], {}).key
    assert shoot(as_written, Vault(tmp_path / "two")).takes["s0/1"].frames == take.frames


def test_without_retries_it_is_kept_and_said_and_with_them_it_is_refused_without_being_shot_again(
    tmp_path: Path,
) -> None:
    vault, seed = Vault(tmp_path), good_after(1)
    kept = shoot(broken_down(moody([seed])), vault)
    assert [e.flaw for e in kept.events if isinstance(e, ShotDone)] == [mood_of(seed, 0)] and refused(kept) == []
    later = broken_down(moody([seed], retries=1))
    assert states(later, vault) == [State.MISS]
    result = shoot(later, vault)
    assert started(result) == [result.takes["s0/1"].key] and result.takes["s0/1"].seed == attempt_seed(seed, 1)
    assert states(broken_down(moody([seed])), vault) == [State.HIT], "and without them again it is there"


def test_a_shot_of_which_all_attempts_are_refused_fails_and_is_not_tried_again(tmp_path: Path) -> None:
    vault, seed = Vault(tmp_path), good_after(2)
    film = broken_down(moody([seed, 1], retries=1))
    for tries in (2, 0):
        result = shoot(film, vault)
        assert (result.failed, result.not_attempted, len(started(result))) == (["s0/1"], ["s1/1"], tries)
        error = next(event.error for event in result.events if isinstance(event, ShotFailed))
        assert error.message.startswith("shot `s0/1`: all 2 attempts were refused: ") and "`take`" in str(error.hint)
    reason = make_plan(film, vault).shots["s0/1"].reasons[-1]
    assert str(reason).startswith("all 2 attempts were refused") and make_plan(film, vault).shots["s0/1"].seconds == 0
    more = shoot(broken_down(moody([seed], retries=2)), vault)
    assert (more.shot, len(started(more))) == (["s0/1"], 1), "one attempt more is one shot more"


def test_a_scene_s_own_retries_count_and_cards_are_never_refused(tmp_path: Path) -> None:
    seed = good_after(1)
    scenes = [scene("a", 1.5, seed=seed, retries=0), scene("b", 1.5, seed=seed, continues="nothing", retries=1)]
    scenes += [scene("end", 2, card={"text": "."}), scene("roll", 2, card={"credits": [""], "color": "#000000"})]
    result = shoot(broken_down(screenplay(scenes, engine="moody", retries=1)), Vault(tmp_path))
    assert [name for name, *_ in refused(result)] == ["b/1"] and result.failed == []


def test_what_is_refused_depends_on_the_key_alone(tmp_path: Path) -> None:
    """Not on how much of the take the film shows: a longer scene of the same key would otherwise be another film."""
    vault = Vault(tmp_path)
    for seconds in ("10f", "12f"):
        film = broken_down(screenplay([scene("a", seconds, prompt="DARK")], engine="strict", retries=1))
        assert film.shots["a/1"].frames == 17
        assert len(started(shoot(film, vault))) == (2 if seconds == "10f" else 0)


def test_only_what_is_missing_is_shot_again_when_an_accepted_take_is_lost(tmp_path: Path) -> None:
    vault, film = Vault(tmp_path), broken_down(moody([good_after(2)], retries=2))
    take = shoot(film, vault).takes["s0/1"]
    vault.footage_path(take).unlink()
    assert started(shoot(film, vault)) == [take.key]


def test_why_says_what_was_refused_and_does_not_take_an_attempt_s_seed_for_a_change(tmp_path: Path) -> None:
    path, seed = tmp_path / "film.yaml", good_after(1)
    play = moody([seed], retries=2)
    path.write_text(text_of(play))
    list(produce(prepare(path)))
    play["scenes"][0]["prompt"] = "Another."  # type: ignore[index]
    path.write_text(text_of(play))
    changed = prepare(path).plan.shots["s0/1"].reasons
    assert [reason.field for reason in changed if isinstance(reason, Changed)] == ["prompt"]
    assert "1 of 3 attempts was refused" not in str(changed)
    play["scenes"][0]["prompt"] = "This is s0."  # type: ignore[index]
    path.write_text(text_of(play | {"retries": 3}))
    said = storyboard("plan", path, "--why").stdout
    assert "1 of 4 attempts was refused" in said and "seed" not in said


def test_lock_manifest_and_movie_name_the_seed_that_was_shot(tmp_path: Path) -> None:
    path, seed = tmp_path / "film.yaml", good_after(1)
    path.write_text(text_of(moody([seed], retries=2)))
    list(produce(prepare(path)))
    where, real = places(path), attempt_seed(seed, 1)
    lock, manifest = read_lock(where.lock), read_manifest(where.manifest)
    assert lock and manifest and lock.shots[0].seed == manifest.shots[0].seed == real
    assert blame(where.movie, Duration.parse("0f")).seed == real
    assert not lock.shots[0].pinned
    for mode in (Mode.LOCKED, Mode.PLAIN):
        done = list(produce(prepare(path, mode=mode)))[-1]
        assert isinstance(done, FilmDone) and not done.changed
    alternatives = json.loads(storyboard("takes", path, "s0", "--n", "1", "--json", check=None).stdout)
    assert alternatives["takes"][0]["seeds"] == [real]


def test_a_splice_keeps_takes_that_were_second_attempts(tmp_path: Path) -> None:
    path, seeds = tmp_path / "film.yaml", [good_after(0), good_after(1), good_after(1)]
    play = moody(seeds, retries=4)
    path.write_text(text_of(play))
    list(produce(prepare(path)))
    play["scenes"][2]["hold"] = True  # type: ignore[index]
    play["scenes"][1]["prompt"] = "Another."  # type: ignore[index]
    path.write_text(text_of(play))
    before = read_lock(places(path).lock)
    list(produce(prepare(path)))
    lock = read_lock(places(path).lock)
    assert before and lock and lock.shots[2].key == before.shots[2].key and lock.shots[2].pinned
    assert not lock.shots[1].pinned and lock.shots[1].key != before.shots[1].key


def test_events_are_told_to_people_and_programs(tmp_path: Path) -> None:
    result = shoot(broken_down(moody([good_after(1)], retries=1)), Vault(tmp_path))
    event = next(event for event in result.events if isinstance(event, ShotRefused))
    assert event_line(event) == f"shot `s0/1`: attempt 1 of 2 refused: all of it is {event.flaw.value}"
    plain = {"event": "refused", "shot": "s0/1", "key": event.key, "flaw": event.flaw.value, "attempt": 1, "of": 2}
    assert event_plain(event) == plain


# The store


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A film with second and third attempts, rendered into the vault `here`."""
    path = tmp_path / "film.yaml"
    path.write_text(text_of(moody([good_after(2), good_after(1)], retries=2)))
    done = [event for event in produce(prepare(path, vault=tmp_path / "here")) if isinstance(event, ShotDone)]
    assert len(done) == 2
    return path


def test_another_machine_walks_on_through_what_was_refused(film: Path) -> None:
    folder, here = film.parent, Vault(film.parent / "here")
    keys = film_keys(places(film, vault=folder / "here"))
    there = Remote(str(folder / "there"))
    assert [moved.missing for moved in push(here, there, keys)] == [False, False]
    other = Vault(folder / "other")
    assert [moved.missing for moved in pull(other, there, keys)] == [False, False]
    assert list(other.refusals()) == list(here.refusals()) and len(list(other.refusals())) == 3
    locked = prepare(film, vault=folder / "other", out=folder / "out", mode=Mode.LOCKED)
    assert not [event for event in produce(locked) if isinstance(event, ShotStarted)]
    through = prepare(film, vault=folder / "third", out=folder / "third out", remote=there)
    assert {each.state for each in through.plan} == {State.HIT}
    look = prepare(film, vault=folder / "fourth", remote=Remote(str(folder / "there"), look=True))
    assert {each.state for each in look.plan} == {State.HIT} and not (folder / "fourth").exists()


def test_a_refusal_of_another_key_is_not_believed(film: Path) -> None:
    folder, here = film.parent, Vault(film.parent / "here")
    one, two = list(here.refusals())[:2]
    here.refusal_path(one).write_bytes(two.sealed())
    assert here.refusal(one.key) is None and Remote(str(folder / "here")).refusal(one.key) is None
    assert [damage.kind.value for damage in here.verify()] == ["refusal"]
    here.verify(heal=True)
    assert here.verify() == [] and len(list(here.refusals())) == 2


def test_pruning_keeps_the_refusals_of_what_films_use(film: Path) -> None:
    here = Vault(film.parent / "here")
    shoot(broken_down(moody([good_after(2) + 9_000_000], retries=0)), here)
    other = broken_down(moody([good_after(1)], retries=1, style="ink"))
    shoot(other, here)
    named = {key for take in here.takes() if take.key in here.named() for key in take.refusals}
    assert len(named) == 3 < len(list(here.refusals()))
    assert here.prune().refusals == len(list(here.refusals())) - 3, "a dry run counts"
    here.prune(yes=True)
    assert {refusal.key for refusal in here.refusals()} == named
    assert {each.state for each in prepare(film, vault=film.parent / "here").plan} == {State.HIT}


def test_push_and_pull_of_all_bring_refusals_that_no_take_came_of(tmp_path: Path) -> None:
    vault, film = Vault(tmp_path / "one"), broken_down(moody([good_after(2)], retries=1))
    assert shoot(film, vault).failed == ["s0/1"]
    remote, other = Remote(str(tmp_path / "there")), Vault(tmp_path / "two")
    assert [moved.missing for moved in push(vault, remote, vault.keys())] == [False, False]
    assert [moved.missing for moved in pull(other, remote, remote.keys())] == [False, False]
    assert started(shoot(film, other)) == []


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 20))])
def test_incremental_equals_clean_with_retries(seed: int, tmp_path: Path) -> None:
    rng, kept, tried = random.Random(seed), Vault(tmp_path / "kept"), 0
    film = random_film(rng) | {"engine": "moody"}
    for step in range(5):
        breakdown = broken_down(film | {"retries": rng.choice([0, 1, 2, 4])})
        incremental, empty = shoot(breakdown, kept), Vault(tmp_path / f"empty{step}")
        clean = shoot(breakdown, empty)
        frames = [{name: take.frames for name, take in each.takes.items()} for each in (incremental, clean)]
        assert frames[0] == frames[1] and sorted(incremental.failed) == sorted(clean.failed), (seed, step)
        tried += len(refused(clean))
        assert started(shoot(breakdown, kept)) == []
        assert all(
            attempt_at(shot, clean.takes, empty).take for name, shot in breakdown.shots.items() if name in clean.takes
        )
        film = random_edit(rng, film)
    assert tried, "nothing was refused: the test says nothing"
    plan = make_plan(breakdown, kept)
    assert kept.verify(deep=True) == [] and all(Kept() in plan.shots[name].reasons for name in frames[0])
