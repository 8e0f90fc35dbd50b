"""Alternatives of a scene: shot as the film would shoot them, kept, compared, and picked without shooting again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storyboard.crew import Here
from storyboard.cut import assemble
from storyboard.errors import CommandError
from storyboard.events import ShotDone, ShotFailed
from storyboard.film import Mode, Production, prepare, produce
from storyboard.pick import pick
from storyboard.scopes_film import joined_shots, seams
from storyboard.takes import Tryout, compare_takes, shoot_takes, try_takes, write_sheet
from tests.films import scene, screenplay, storyboard, text_of

SCENES = [scene("a"), scene("b", 2, take=2), scene("c"), scene("end", card={"text": "End"})]


def written(folder: Path, scenes: list[dict[str, object]] = SCENES, **film: object) -> Path:
    path = folder / "film.yaml"
    path.write_text(text_of(screenplay(scenes, **{"engine": {"name": "animatic", "window": 16}, **film})))
    return path


def shot_in(production: Production) -> list[str]:
    return [event.shot.id for event in produce(production) if isinstance(event, ShotDone)]


def shot_takes(tryout: Tryout) -> list[str]:
    return [event.shot.id for event in shoot_takes(tryout) if isinstance(event, ShotDone)]


def test_only_what_is_missing_is_shot_and_a_pick_shoots_nothing_of_its_scene(tmp_path: Path) -> None:
    film = written(tmp_path)
    tryout = try_takes(prepare(film), "b", 3)
    assert len(compare_takes(tryout)) == 3 and not any(each.takes for each in compare_takes(tryout))
    first = shot_takes(tryout)
    assert first[0] == "a/1" and sorted(first[1:]) == [f"b@{take}/{part}" for take in (1, 2, 3) for part in (1, 2)]
    assert shot_takes(try_takes(prepare(film), "b", 3)) == []
    assert shot_takes(try_takes(prepare(film), "b", 4)) == ["b@4/1", "b@4/2"]
    assert shot_in(prepare(film)) == ["c/1", "end/1"]
    for number, after in ((3, ["c/1"]), (1, ["c/1"]), (2, []), (3, [])):
        assert pick(film, "b", number)
        assert shot_in(prepare(film)) == after


def test_takes_are_told_apart_and_joined_as_in_the_film(tmp_path: Path) -> None:
    film = written(tmp_path)
    tryout = try_takes(prepare(film), "b", 3)
    shot_takes(tryout)
    found = compare_takes(tryout)
    assert [(each.number, each.in_film) for each in found] == [(1, False), (2, True), (3, False)]
    assert len({shot.seed for each in found for shot in each.shots}) == 6
    assert len({take.key for each in found for take in each.takes or ()}) == 6
    for each in found:
        pick(film, "b", each.number)
        production = prepare(film)
        shot_in(production)
        production = prepare(film)
        cut = assemble(production.plan.breakdown, production.vault)
        of_film = {
            seam.after: seam.ratio for seam in seams(joined_shots(production.plan.breakdown), cut, production.vault)
        }
        assert each.seam == of_film["b/1"] and each.seam is not None


def test_a_take_of_the_film_that_is_not_among_the_first_is_there_too(tmp_path: Path) -> None:
    film = written(tmp_path, [scene("a", take=9)])
    tryout = try_takes(prepare(film), "a", 2)
    shot_takes(tryout)
    found = compare_takes(tryout)
    assert [(each.number, each.in_film, each.seam) for each in found] == [
        (1, False, None),
        (2, False, None),
        (9, True, None),
    ]
    assert shot_in(prepare(film)) == []


def test_the_sheet_shows_each_take_and_marks_the_one_in_the_film(tmp_path: Path) -> None:
    film = written(tmp_path)
    tryout = try_takes(prepare(film), "b", 3)
    shot_takes(tryout)
    path = write_sheet(tryout, compare_takes(tryout))
    assert path == tmp_path / "renders" / "film" / "takes-b.png"
    with Image.open(path) as image:
        picture = np.asarray(image.convert("RGB"))
    tall = 8 + 72 + 2 * 8
    rows = [picture[8 + place * tall : (place + 1) * tall] for place in range(3)]
    shown = [[row[8:62, left : left + 96] for left in (176, 280, 384)] for row in rows]
    assert all(part.std() > 10 for row in shown for part in row), "a picture is in each place"
    assert not np.array_equal(shown[0][0], shown[2][0]), "of another seed each"
    assert [(row == (240, 190, 60)).all(2).any() for row in rows] == [False, True, False]


def test_takes_are_kept_from_pruning_while_their_record_is_there(tmp_path: Path) -> None:
    film = written(tmp_path)
    shot_in(prepare(film))
    production = prepare(film)
    tryout = try_takes(production, "b", 3)
    assert len(shot_takes(tryout)) == 4
    assert production.vault.prune().takes == 0
    tryout.record.unlink()
    assert production.vault.prune().takes == 4


def test_a_take_that_fails_leaves_the_others(tmp_path: Path) -> None:
    film = written(tmp_path, [scene("a"), scene("b", prompt="FAIL")], engine="strict")
    tryout = try_takes(prepare(film), "b", 2)
    failed = [event.shot.id for event in shoot_takes(tryout, Here()) if isinstance(event, ShotFailed)]
    assert failed == ["b@1/1", "b@2/1"]
    assert [each.takes for each in compare_takes(tryout)] == [None, None]
    assert write_sheet(tryout, compare_takes(tryout)).exists()
    assert [planned.shot.id for planned in prepare(film).plan if planned.take] == ["a/1"]


def test_what_has_no_takes_says_so(tmp_path: Path) -> None:
    production = prepare(written(tmp_path))
    for name, count, words in (("end", 2, "is a title card"), ("z", 2, "no scene `z`"), ("b", 0, "0 takes cannot")):
        with pytest.raises(CommandError, match=words):
            try_takes(production, name, count)


def test_takes_of_a_splice_lead_into_what_stays(tmp_path: Path) -> None:
    scenes = [scene(name, 2) for name in "abcd"]
    film = written(tmp_path, scenes, engine="strict")
    shot_in(prepare(film))
    written(
        tmp_path, [scene(name, 2, **({"prompt": "New."} if name == "b" else {})) for name in "abcd"], engine="strict"
    )
    assert shot_in(prepare(film, mode=Mode.SPLICE)) == ["b/1"]
    assert shot_takes(try_takes(prepare(film), "b", 3)) == ["b@2/1", "b@3/1"]
    assert shot_takes(try_takes(prepare(film), "c", 2)) == ["c@2/1"], "the take that is pinned is the film's"
    assert pick(film, "b", 3)
    assert shot_in(prepare(film)) == []


def test_the_verbs(tmp_path: Path) -> None:
    film = written(tmp_path, [scene("a"), scene("b"), scene("c")])
    done = storyboard("takes", film, "b", "--n", "2", "--json")
    told = json.loads(done.stdout)
    assert told["sheet"] == str(tmp_path / "renders" / "film" / "takes-b.png")
    assert [(each["take"], each["in_film"]) for each in told["takes"]] == [(1, True), (2, False)]
    assert "shot `b@2/1`: done in" in done.stderr
    lines = storyboard("takes", film, "b", "--n", "2").stdout.splitlines()
    assert lines[0].startswith("take 1  in the film  seed ") and told["takes"][1]["keys"][0][:12] in lines[1]
    done = storyboard("pick", film, "b", "2")
    assert done.stderr.startswith("scene `b` has take 2 now\nplan: 1 to shoot, 0 waiting, 2 there")
    assert "has take 2 already" in storyboard("pick", film, "b", "2").stderr
    storyboard("pick", film, "b", "two", check=2)
    done = storyboard("render", film)
    assert "`c/1`: done" in done.stderr and "`b/1`" not in done.stderr
