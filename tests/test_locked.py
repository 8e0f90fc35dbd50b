"""Splices, holds and locks from the command line: prices before, seams after, and what leaves the lock alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from storyboard.fresh import find_fresh
from storyboard.lock import read_lock
from storyboard.project import Variant, places, read_manifest
from tests.films import scene, screenplay, storyboard, text_of
from tests.test_splice import Film, chain, changed, new_words


def written(folder: Path, film: Film) -> Path:
    path = folder / "film.yaml"
    path.write_text(text_of(film))
    return path


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Five scenes in a chain, rendered."""
    path = written(tmp_path, chain())
    storyboard("render", path)
    return path


def movie_of(path: Path) -> Path:
    return path.parent / "renders" / "film" / "film.mp4"


def test_the_price_is_known_before_and_the_seams_after(film: Path) -> None:
    whole, lock = movie_of(film).read_bytes(), film.with_suffix(".lock").read_bytes()
    written(film.parent, new_words(chain(), "b"))
    planned = json.loads(storyboard("plan", film, "--json").stdout)
    assert planned["summary"] == {"hit": 1, "miss": 1, "waiting": 3}
    ways = planned["ways"]
    assert [ways[way] and ways[way]["shots"] for way in ("plan", "splice", "ripple")] == [4, 1, None]
    assert "with `--splice`: 1 shot, 24 frames" in storyboard("plan", film).stdout
    done = storyboard("render", film, "--splice")
    assert "seam `a/1` | `b/1`: " in done.stderr and "seam `b/1` | `c/1`: " in done.stderr
    assert "that is rough: `--ripple` shoots through instead" in done.stderr, "two boards are no motion"
    told = "film: contains 1 splice, at `c/1`; shooting through with `--ripple`: 4 shots, 64 frames"
    assert told in done.stderr
    again = storyboard("render", film)
    assert told in again.stderr and "seam" not in again.stderr and "nothing to do" in again.stderr
    assert "the film contains 1 splice, at `c/1`" in storyboard("plan", film).stdout
    events = [json.loads(line) for line in storyboard("render", film, "--ripple", "--json").stdout.splitlines()]
    assert [event["shot"] for event in events if event["event"] == "done"] == ["b/1", "c/1", "d/1", "e/1"]
    assert "spliced" not in [event["event"] for event in events]
    written(film.parent, chain())
    assert "0 to shoot, 0 waiting, 5 there" in storyboard("render", film).stderr
    assert (movie_of(film).read_bytes(), film.with_suffix(".lock").read_bytes()) == (whole, lock)


def test_seams_as_json(film: Path) -> None:
    written(film.parent, new_words(chain(), "b"))
    events = [json.loads(line) for line in storyboard("render", film, "--splice", "--json").stdout.splitlines()]
    left, right = (event for event in events if event["event"] == "seam")
    assert (left["before"], left["after"], left["stays"], left["rough"]) == ("a/1", "b/1", False, False)
    assert (right["before"], right["after"], right["stays"]) == ("b/1", "c/1", True)
    assert right["ratio"] > 0
    spliced = next(event for event in events if event["event"] == "spliced")
    assert (spliced["splices"], spliced["ripple"]["shots"], spliced["ripple"]["frames"]) == (["c/1"], 4, 64)


def test_the_lock_says_what_is_in_the_film(film: Path) -> None:
    written(film.parent, new_words(chain(), "b"))
    storyboard("render", film, "--splice")
    lock, manifest = read_lock(film.with_suffix(".lock")), read_manifest(movie_of(film).with_name("manifest.json"))
    assert lock is not None and manifest is not None
    assert {(shot.id, shot.key, shot.footage, shot.seed) for shot in lock.shots} == {
        (shot.id, shot.key, shot.footage, shot.seed) for shot in manifest.shots
    }


@pytest.mark.parametrize("asked", [["--engine", "animatic"], ["--only", "b"], ["--partial"]])
def test_other_films_leave_the_lock_alone(asked: list[str], film: Path) -> None:
    before = film.with_suffix(".lock").read_bytes()
    written(film.parent, new_words(chain(), "b"))
    storyboard("render", film, *asked)
    assert film.with_suffix(".lock").read_bytes() == before
    if asked != ["--only", "b"]:
        said = storyboard("render", film, *asked, "--splice", check=2).stderr
        assert f"`--splice` is for the film itself, not for `{asked[0]}`" in said


def test_a_render_that_fails_leaves_the_lock_alone(film: Path) -> None:
    before = film.with_suffix(".lock").read_bytes()
    written(film.parent, changed(chain(), e={"prompt": "FAIL", "engine": "strict"}, d={"prompt": "Other."}))
    storyboard("render", film, check=1)
    assert film.with_suffix(".lock").read_bytes() == before


def test_locked_is_the_film_of_the_lock_or_fails(film: Path) -> None:
    whole = movie_of(film).read_bytes()
    code = (
        "import sys; from storyboard.cli import main; code = main(sys.argv[1:]);"
        "print('TORCH', 'torch' in sys.modules); sys.exit(code)"
    )
    out = film.parent / "elsewhere"
    command = [sys.executable, "-c", code, "render", str(film), "--locked", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("TORCH False\n")
    assert (out / "film.mp4").read_bytes() == whole
    written(film.parent, new_words(chain(), "b", "d"))
    said = storyboard("render", film, "--locked", check=1).stderr
    assert "the screenplay says another film than its lock: `b/1`, `d/1`" in said and "hint: " in said
    dissolve = {"kind": "dissolve", "duration": "2f"}
    written(film.parent, changed(chain(), b={"transition": dissolve}))
    assert "in a transition" in storyboard("render", film, "--locked", check=1).stderr
    written(film.parent, chain())
    shutil.rmtree(film.parent / "renders" / "vault")
    said = storyboard("render", film, "--locked", check=1).stderr
    assert "5 of 5 locked shots are not in the vault: `a/1`, `b/1`, `c/1`" in said and "vault pull" in said
    film.with_suffix(".lock").unlink()
    assert "no lock beside its screenplay" in storyboard("render", film, "--locked", check=1).stderr
    storyboard("render", film, "--locked", "--splice", check=2)


def test_locked_knows_splices(film: Path) -> None:
    written(film.parent, new_words(chain(), "b"))
    storyboard("render", film, "--splice")
    whole = movie_of(film).read_bytes()
    storyboard("render", film, "--locked", "--out", film.parent / "out")
    assert (film.parent / "out" / "film.mp4").read_bytes() == whole


def test_a_held_scene_is_checked(tmp_path: Path) -> None:
    film = changed(chain(), c={"hold": True})
    path = written(tmp_path, film)
    storyboard("render", path)
    storyboard("check", path)
    written(tmp_path, changed(film, c={"prompt": "Other."}))
    for verb in ("check", "plan", "render"):
        said = storyboard(verb, path, check=2).stderr
        assert "film.yaml:16:9: scene `c` is on hold, but " in said
        assert ("`prompt` changed" in said) == (verb != "check"), "what a take was shot with is in the vault"
    storyboard("render", path, "--engine", "strict")


def test_a_wrong_lock_stops_a_render(film: Path) -> None:
    lock = film.with_suffix(".lock")
    lock.write_text(lock.read_text().replace("shots:\n", "<<<<<<< HEAD\nshots:\n"))
    written(film.parent, new_words(chain(), "b"))
    said = storyboard("render", film, check=2).stderr
    assert "film.lock:4:1: a merge left a conflict here" in said and "keep one side" in said
    assert "cannot read the lock" in storyboard("vault", "prune", cwd=film.parent, check=1).stderr


def test_pruning_keeps_what_a_lock_names(film: Path) -> None:
    edited = new_words(chain(), "b")
    written(film.parent, edited)
    storyboard("render", film, "--splice")
    written(film.parent, new_words(edited, "c"))
    storyboard("render", film)
    shutil.rmtree(film.parent / "renders" / "film")
    storyboard("vault", "prune", "--yes", cwd=film.parent)
    assert "0 to shoot" in storyboard("render", film).stderr
    written(film.parent, edited)
    storyboard("render", film)
    lock = read_lock(film.with_suffix(".lock"))
    assert lock is not None and set(lock.pins.takes) == {"c/1"}, "the pins of an earlier film are kept too"


def test_a_finished_film_is_known_while_its_lock_is_as_it_was(film: Path) -> None:
    lock = film.with_suffix(".lock")
    text = lock.read_bytes()
    assert find_fresh(places(film), Variant()) is not None
    lock.write_bytes(text.replace(b"seed: ", b"seed: 1", 1))
    assert find_fresh(places(film), Variant()) is None
    lock.unlink()
    assert find_fresh(places(film), Variant()) is None
    assert "nothing to do" in storyboard("render", film).stderr
    assert lock.read_bytes() == text
    assert find_fresh(places(film), Variant()) is not None
    lock.unlink()
    storyboard("render", film, "--engine", "animatic")
    assert find_fresh(places(film, variant="animatic"), Variant("animatic")) is not None, "no lock matters to it"


def test_films_in_one_folder_have_a_lock_each(tmp_path: Path) -> None:
    for name in ("one", "two"):
        path = tmp_path / f"{name}.yaml"
        path.write_text(text_of(screenplay([scene(name)])))
        storyboard("render", path)
    assert sorted(path.name for path in tmp_path.glob("*.lock")) == ["one.lock", "two.lock"]
