"""Profiles: other ways to shoot the same film, with its lock left alone and faults where they are written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storyboard.breakdown import break_down
from storyboard.errors import CommandError, ScreenplayError
from storyboard.film import prepare, produce
from storyboard.fresh import find_fresh
from storyboard.pins import Mode
from storyboard.profiles import in_profile, profile_faults
from storyboard.project import Variant, places
from storyboard.screenplay import Screenplay, loads
from tests.films import decoded, storyboard

FILM = """\
title: Two ways
engine: {name: animatic, tail: 4}
format: {width: 96, height: 54, rate: 8}
scenes:
  - {id: a, prompt: Here., duration: 1s}
  - id: b
    prompt: There.
    duration: 1s
    engine: {name: strict, tail: 1}
profiles:
  draft:
    engine: {name: animatic, window: 60}
    format: {rate: 4}
  final: {engine: {name: strict, window: 17}}
  small: {format: {width: 64, height: 36}}
  wide: {engine: wide}
  wrong: {engine: {name: wide, widow: 9}, format: {width: 100, height: 100}}
  nobody:
    engine: stritc
  narrow: {engine: wide, format: {width: 100, height: 100}}
"""


@pytest.fixture
def play() -> Screenplay:
    return loads(FILM, "film.yaml")


def engines(play: Screenplay, profile: str) -> list[tuple[str, dict[str, object]]]:
    return [
        (shot.engine.spec.name, shot.engine.options.model_dump(include={"tail", "window"}, exclude_none=True))
        for shot in break_down(in_profile(play, profile)).shots.values()
    ]


def test_its_engine_shoots_all_scenes_and_keeps_what_it_does_not_change(play: Screenplay) -> None:
    draft = {"tail": 4, "window": 60}
    assert engines(play, "draft") == [("animatic", draft), ("animatic", {"window": 60})]
    assert engines(play, "final") == [("strict", {"window": 17}), ("strict", {"tail": 1, "window": 17})]
    assert engines(play, "small") == [("animatic", {"tail": 4}), ("strict", {"tail": 1})]


def test_its_format_changes_field_by_field(play: Screenplay) -> None:
    draft, small = (break_down(in_profile(play, name)) for name in ("draft", "small"))
    assert (draft.width, draft.height, str(draft.rate)) == (96, 54, "4")
    assert (small.width, small.height, str(small.rate)) == (64, 36, "8")


def test_an_engine_that_cannot_shoot_the_films_size_shoots_its_own(play: Screenplay) -> None:
    film = break_down(in_profile(play, "wide"))
    assert (film.width, film.height) == (128, 64)
    assert "this film is 128x64" in film.notices[0].message
    with pytest.raises(ScreenplayError, match=r"film.yaml:20:20: `wide` cannot shoot at the film's 100x100"):
        break_down(in_profile(play, "narrow"))


def test_faults_stand_where_the_profile_says_it(play: Screenplay) -> None:
    with pytest.raises(ScreenplayError) as caught:
        break_down(in_profile(play, "wrong"))
    assert len(caught.value.faults) == 1, "once, though two scenes are shot so"
    assert "film.yaml:17:32: unknown field `widow`" in str(caught.value) and "did you mean `window`?" in str(
        caught.value
    )
    said = [(play.source.position(fault), fault.message) for fault in profile_faults(play)]
    assert ((17, 32), "profile `wrong`: unknown field `widow`") in said
    assert ((19, 13), "profile `nobody`: unknown engine `stritc`") in said
    assert {message.split("`")[1] for _, message in said} == {"wrong", "nobody", "narrow"}


def test_no_profile_is_the_film_and_an_unknown_one_is_told_with_the_nearest(play: Screenplay) -> None:
    assert in_profile(play, None) is play
    with pytest.raises(CommandError) as caught:
        in_profile(play, "dratf")
    assert (str(caught.value), caught.value.hint) == (
        "there is no profile `dratf` in `film.yaml`",
        "did you mean `draft`?",
    )
    with pytest.raises(CommandError) as caught:
        in_profile(loads("scenes: [{id: a, prompt: A., duration: 1s}]"), "draft")
    assert "it has no `profiles`" in str(caught.value.hint)


def test_names_are_parts_of_file_names() -> None:
    with pytest.raises(ScreenplayError, match=r"3:3: `My draft` cannot be the name of a profile"):
        loads("scenes: [{id: a, prompt: A., duration: 1s}]\nprofiles:\n  My draft: {engine: animatic}\n")
    with pytest.raises(ScreenplayError, match="unknown field `engin`"):
        loads("scenes: [{id: a, prompt: A., duration: 1s}]\nprofiles:\n  draft: {engin: animatic}\n")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.yaml"
    path.write_text(FILM)
    return path


def test_a_profile_makes_a_film_of_its_own_and_leaves_the_lock_alone(film: Path) -> None:
    list(produce(prepare(film)))
    lock, folder = film.with_suffix(".lock").read_bytes(), film.parent / "renders" / "film"
    movie = (folder / "film.mp4").read_bytes()
    done = storyboard("render", film, "--profile", "draft")
    assert done.stdout.strip() == str(folder / "film.draft.mp4")
    assert decoded(folder / "film.draft.mp4").shape == (8, 54, 96, 3)
    assert film.with_suffix(".lock").read_bytes() == lock and (folder / "film.mp4").read_bytes() == movie
    assert (folder / "manifest.draft.json").exists()
    variant = Variant(profile="draft")
    assert "nothing to do" in storyboard("render", film, "--profile", "draft").stderr
    assert variant.name == "draft" and not variant.as_written
    again = [
        json.loads(line)
        for line in storyboard("render", film, "--profile", "small", "--only", "a", "--json").stdout.splitlines()
    ]
    assert again[-1]["movie"].endswith("film.small.a.mp4")


def test_a_finished_film_in_a_profile_is_known(tmp_path: Path) -> None:
    path = tmp_path / "film.yaml"
    path.write_text(
        "scenes: [{id: a, prompt: A., duration: 1s}]\nengine: animatic\nprofiles: {fast: {format: {rate: 4}}}\n"
    )
    list(produce(prepare(path, profile="fast")))
    where = places(path, variant="fast")
    assert find_fresh(where, Variant(profile="fast")) is not None
    assert find_fresh(where, Variant(engine="fast")) is None
    path.write_text(path.read_text().replace("rate: 4", "rate: 6"))
    assert find_fresh(where, Variant(profile="fast")) is None
    assert not film_lock(path).exists()


def film_lock(path: Path) -> Path:
    return path.with_suffix(".lock")


def test_what_a_movie_says_of_itself_is_the_profiles(film: Path) -> None:
    list(produce(prepare(film, profile="small")))
    movie = film.parent / "renders" / "film" / "film.small.mp4"
    film.unlink()
    assert json.loads(storyboard("blame", movie, "--at", "0", "--json").stdout)["engine"] == "animatic"
    assert decoded(movie).shape[1:3] == (36, 64)


def test_the_final_is_priced_from_the_drafts_screenplay(film: Path) -> None:
    list(produce(prepare(film)))
    list(produce(prepare(film, profile="final")))
    film.write_text(film.read_text().replace("There.", "Over there."))
    plan = json.loads(storyboard("plan", film, "--profile", "final", "--json").stdout)
    assert [(shot["state"], shot["frames"]) for shot in plan["shots"]] == [("hit", 9), ("miss", 9)]
    assert plan["shots"][1]["estimate_seconds"] > 0
    assert plan["ways"]["plan"]["shots"] == 1 and plan["ways"]["splice"] is None
    why = storyboard("plan", film, "--profile", "final", "--why").stdout
    assert '`prompt` changed: "There." -> "Over there." (line 7)' in why


def test_check_looks_at_profiles_too_and_at_one_closely(film: Path) -> None:
    done = storyboard("check", film)
    assert "film.yaml:19:13: note: profile `nobody`: unknown engine `stritc` (did you mean `strict`?)" in done.stderr
    assert "film.yaml:17:32" in storyboard("check", film, "--profile", "wrong", check=2).stderr
    assert storyboard("check", film, "--profile", "draft").stderr == ""
    assert "did you mean `draft`?" in storyboard("check", film, "--profile", "dratf", check=2).stderr


def test_splices_are_for_the_film_itself(film: Path) -> None:
    with pytest.raises(CommandError, match="`--splice` is for the film itself, not for `--profile`"):
        prepare(film, profile="draft", mode=Mode.SPLICE)


def test_an_engine_may_take_the_place_of_a_profiles(film: Path) -> None:
    production = prepare(film, profile="draft", engine="strict")
    assert production.places.movie.name == "film.draft.strict.mp4"
    assert str(production.plan.breakdown.rate) == "4"
