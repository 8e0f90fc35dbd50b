"""What a plan says of each change: the field that the author wrote, from what to what, and what that reaches."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import pytest

from storyboard.film import prepare, produce
from storyboard.pins import Mode
from storyboard.reasons import Changed, Gone, New, Reached
from storyboard.why import LAST, Why, explain, last_render
from tests.films import SMALL, scene, screenplay, text_of

Film = dict[str, object]
Scenes = list[dict[str, object]]
ASSETS = Path(__file__).parent.parent / "examples" / "assets"


def film() -> Film:
    """Two chains, a b c and d e, a piece of footage that f goes on from, and a card."""
    scenes = [
        scene("a", prompt="{bear} walks."),
        scene("b", beats=[{"at": 0.5, "prompt": "It runs."}]),
        scene("c", negative="fog"),
        scene("d", 2, start={"image": "dawn.png"}),
        scene("e", engine={"name": "strict", "tail": 1}),
        scene("old", 1, footage={"file": "archive.mp4"}),
        scene("f", end={"image": "evening.png"}),
        scene("end", card={"text": "The End"}),
    ]
    cast = {"bear": "a teddy bear"}
    return screenplay(scenes, title="T", seed=3, style="calm", negative="blur", cast=cast, engine="animatic")


@dataclass
class Shot:
    """A rendered film to change."""

    folder: Path

    def plan(self, edited: Film, folder: Path, *, movie: bool = True) -> Why:
        """The film with another text, planned against what the render left."""
        for name in ("dawn.png", "evening.png", "archive.mp4", "film.lock"):
            shutil.copy(self.folder / name, folder / name)
        path = folder / "film.yaml"
        path.write_text(text_of(edited))
        out = self.folder / "out"
        if not movie:
            out = folder / "out"
            out.mkdir()
            shutil.copy(self.folder / "out" / "manifest.json", out)
        production = prepare(path, out=out, vault=self.folder / "vault")
        return explain(production, last_render(production))


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Shot:
    folder = tmp_path_factory.mktemp("shot")
    for name in ("dawn.png", "evening.png", "archive.mp4"):
        shutil.copy(ASSETS / name, folder)
    path = folder / "film.yaml"
    path.write_text(text_of(film()))
    list(produce(prepare(path, out=folder / "out", vault=folder / "vault")))
    return Shot(folder)


def edit(name: str, **fields: object) -> Callable[[Film], None]:
    """Change fields of a scene."""

    def change(film: Film) -> None:
        next(each for each in scenes_of(film) if each["id"] == name).update(fields)

    return change


def scenes_of(film: Film) -> Scenes:
    scenes = film["scenes"]
    assert isinstance(scenes, list)
    return scenes


def of_film(**fields: object) -> Callable[[Film], None]:
    return lambda film: film.update(fields)


def moved(film: Film) -> None:
    scenes = scenes_of(film)
    scenes.insert(0, scenes.pop(1))


def inserted(film: Film) -> None:
    scenes_of(film).insert(1, scene("new"))


def left_out(film: Film) -> None:
    scenes_of(film).pop(1)


def from_card_to_prompt(film: Film) -> None:
    scenes_of(film)[7] = scene("end", prompt="Night.")


ALL = "a/1 b/1 b/2 c/1 d/1 e/1 f/1"
EDITS: list[tuple[str, Callable[[Film], None], dict[str, list[str]], str]] = [
    ("a prompt", edit("b", prompt="Now."), {"b/1": ['`prompt` changed: "This is b." -> "Now."']}, "b/2 c/1"),
    (
        "a beat's prompt",
        edit("b", beats=[{"at": 0.5, "prompt": "It flies."}]),
        {"b/2": ['`beats.1.prompt` changed: "It runs." -> "It flies."']},
        "c/1",
    ),
    (
        "a beat's time",
        edit("b", beats=[{"at": 0.25, "prompt": "It runs."}]),
        {shot: ['`beats.1.at` changed: "0.5s" -> "0.25s"'] for shot in ("b/1", "b/2")},
        "b/2 c/1",
    ),
    (
        "one more beat",
        edit("b", beats=[{"at": 0.5, "prompt": "It runs."}, {"at": 0.75, "prompt": "It flies."}]),
        {
            "b/2": ['`beats.0.75s` changed: nothing -> "It flies."'],
            "b/3": ["it was not in the last render", '`beats.0.75s` changed: nothing -> "It flies."'],
        },
        "c/1",
    ),
    ("a retake", edit("a", take=2), {"a/1": ["`take` changed: 1 -> 2"]}, "b/1 b/2 c/1"),
    ("a scene's seed", edit("c", seed=5), {"c/1": ["`seed` changed: nothing -> 5"]}, ""),
    (
        "the film's seed",
        of_film(seed=4),
        {shot: ["the film's `seed` changed: 3 -> 4"] for shot in ALL.split()},
        "b/1 b/2 c/1 e/1",
    ),
    ("a length", edit("b", duration=2), {"b/2": ['`duration` changed: "1s" -> "2s"']}, "c/1"),
    ("a negative prompt", edit("c", negative="rain"), {"c/1": ['`negative` changed: "fog" -> "rain"']}, ""),
    (
        "the film's negative prompt",
        of_film(negative="smoke"),
        {shot: ['the film\'s `negative` changed: "blur" -> "smoke"'] for shot in ALL.split() if shot != "c/1"},
        "b/1 b/2 c/1 e/1",
    ),
    (
        "the cast",
        of_film(cast={"bear": "a panda"}),
        {"a/1": ['the film\'s `cast.bear` changed: "a teddy bear" -> "a panda"']},
        "b/1 b/2 c/1",
    ),
    (
        "the style",
        of_film(style=None),
        {shot: ['the film\'s `style` changed: "calm" -> nothing'] for shot in ALL.split()},
        "b/1 b/2 c/1 e/1",
    ),
    (
        "an engine's option",
        edit("e", engine={"name": "strict", "tail": 9}),
        {"e/1": ["`engine.tail` changed: 1 -> 9"]},
        "",
    ),
    ("a scene's engine", edit("c", engine="strict"), {"c/1": ['`engine` changed: nothing -> "strict"']}, ""),
    (
        "the film's engine",
        of_film(engine={"name": "animatic", "tail": 3}),
        {shot: ["the film's `engine.tail` changed: nothing -> 3"] for shot in ["b/1", "b/2", "c/1", "f/1"]},
        "b/2 c/1",
    ),
    ("a hard cut", edit("b", continues="nothing"), {"b/1": ['`continues` changed: "a" -> "nothing"']}, "b/2 c/1"),
    ("another scene before it", edit("c", continues="a"), {"c/1": ['`continues` changed: "b" -> "a"']}, ""),
    (
        "a scene moved",
        moved,
        {
            "b/1": ['`continues` changed: "a" -> "nothing"'],
            "a/1": ['`continues` changed: "nothing" -> "b"'],
            "c/1": ['`continues` changed: "b" -> "a"'],
        },
        "b/2 a/1 c/1",
    ),
    (
        "a scene inserted",
        inserted,
        {"new/1": ["it was not in the last render"], "b/1": ['`continues` changed: "a" -> "new"']},
        "b/1 b/2 c/1",
    ),
    ("a scene left out", left_out, {"c/1": ['`continues` changed: "b" -> "a"']}, ""),
    ("what it leads into", edit("c", leads_into="d"), {"c/1": ['`leads_into` changed: nothing -> "d"']}, ""),
    (
        "a first frame",
        edit("d", start={"image": "evening.png"}),
        {"d/1": ['`start.image` changed: "dawn.png" -> "evening.png"']},
        "e/1",
    ),
    ("a last frame", edit("f", end=None), {"f/1": ['`end.image` changed: "evening.png" -> nothing']}, ""),
    (
        "where footage begins",
        edit("old", footage={"file": "archive.mp4", "from": 1}),
        {"old/1": ['`footage.from` changed: "0s" -> "1s"']},
        "f/1",
    ),
    ("a card", edit("end", card={"text": "Fin"}), {"end/1": ['`card.text` changed: "The End" -> "Fin"']}, ""),
    (
        "a card that becomes a scene",
        from_card_to_prompt,
        {
            "end/1": [
                '`prompt` changed: nothing -> "Night."',
                '`card.text` changed: "The End" -> nothing',
                '`continues` changed: "nothing" -> "f"',
            ]
        },
        "",
    ),
    (
        "the size",
        of_film(format={"width": 64, "height": 36, "rate": 8}),
        {
            shot: ["the film's `format.width` changed: 96 -> 64", "the film's `format.height` changed: 54 -> 36"]
            for shot in f"{ALL} old/1 end/1".split()
        },
        "b/1 b/2 c/1 e/1 f/1",
    ),
    (
        "how pictures are fitted",
        of_film(format={**SMALL, "fit": "contain"}),
        {shot: ['the film\'s `format.fit` changed: "cover" -> "contain"'] for shot in ("d/1", "old/1", "f/1")},
        "e/1 f/1",
    ),
    ("the title", of_film(title="U"), {}, ""),
    ("a transition", edit("b", transition={"kind": "dissolve", "duration": 0.25}), {}, ""),
    ("a length by less than half a frame", edit("b", duration=1.01), {}, ""),
    ("the same in other words", edit("a", prompt="  {bear}   walks."), {}, ""),
]


def told(why: Why) -> dict[str, list[str]]:
    """What is said of each shot's own change, without lines."""
    own = {
        name: [str(reason).partition(" (line")[0] for reason in each.reasons if isinstance(reason, New | Changed)]
        for name, each in why.shots.items()
    }
    return {name: said for name, said in own.items() if said}


def reached(why: Why) -> set[str]:
    return {name for name, each in why.shots.items() if any(isinstance(reason, Reached) for reason in each.reasons)}


@pytest.mark.parametrize(("name", "change", "expected", "further"), EDITS, ids=[name for name, *_ in EDITS])
def test_each_edit_is_told_as_it_was_made_and_what_it_reaches(
    name: str, change: Callable[[Film], None], expected: dict[str, list[str]], further: str, shot: Shot, tmp_path: Path
) -> None:
    edited = deepcopy(film())
    change(edited)
    why = shot.plan(edited, tmp_path)
    assert why.before == LAST
    assert told(why) == expected
    assert reached(why) == set(further.split())
    assert bool(why.idle) == (not expected), "what is said of no shot is said of the film"


def test_a_ripple_is_told_from_where_it_comes_to_where_it_ends(shot: Shot, tmp_path: Path) -> None:
    edited = film()
    edit("a", prompt="Now.")(edited)
    edit("c", take=2)(edited)
    why = shot.plan(edited, tmp_path)
    assert why.shots["a/1"].reaches == ("b/1", "b/2", "c/1")
    assert [str(reason) for reason in why.shots["b/2"].reasons] == [
        "waits for `a/1`, `b/1`",
        "its tail changes with `a/1`",
    ]
    changed = Changed("take", 1, 2, line=26)
    assert [reason for reason in why.shots["c/1"].reasons if isinstance(reason, Changed)] == [changed]
    assert (tmp_path / "film.yaml").read_text().splitlines()[25].strip() == "take: 2"
    assert {each.planned.shot.id for each in why.touched} == {"a/1", "b/1", "b/2", "c/1"}


def test_what_is_as_it_was_is_not_touched(shot: Shot, tmp_path: Path) -> None:
    why = shot.plan(film(), tmp_path)
    assert (why.touched, why.gone, why.idle) == ((), (), ())
    assert {str(reason) for each in why.shots.values() for reason in each.reasons} == {"its take is in the vault"}


def test_a_picture_with_other_content_under_the_same_name(shot: Shot, tmp_path: Path) -> None:
    shutil.copy(ASSETS / "evening.png", tmp_path / "other.png")
    edited = film()
    edit("d", start={"image": "other.png"})(edited)
    edit("f", end={"image": "other.png"})(edited)
    why = shot.plan(edited, tmp_path)
    assert told(why) == {"d/1": ['`start.image` changed: "dawn.png" -> "other.png"']}
    assert [each.field for each in why.idle] == ["end.image"], "another name for the same picture"
    folder = tmp_path / "same"
    folder.mkdir()
    swapped = Shot(folder)
    for name in ("dawn.png", "archive.mp4", "film.lock"):
        shutil.copy(shot.folder / name, folder / name)
    shutil.copy(ASSETS / "dawn.png", folder / "evening.png")
    for name in ("out", "vault"):
        (folder / name).symlink_to(shot.folder / name)
    (tmp_path / "here").mkdir()
    (said,) = told(swapped.plan(film(), tmp_path / "here"))["f/1"]
    assert re.fullmatch("`end.image` changed: [0-9a-f]{12} -> [0-9a-f]{12}", said)


def test_without_the_movie_slates_say_what_changed(shot: Shot, tmp_path: Path) -> None:
    edited = film()
    edited |= {"style": "wild", "format": {"width": 96, "height": 54, "rate": 12}}
    edit("c", take=3)(edited)
    edit("e", engine="strict")(edited)
    edit("end", card={"text": "Fin"})(edited)
    (tmp_path / "again").mkdir()
    said = told(shot.plan(edited, tmp_path, movie=False))
    assert '`prompt` changed: "a teddy bear walks, calm" -> "a teddy bear walks, wild"' in said["a/1"]
    assert '`rate` changed: "8" -> "12"' in said["a/1"] and "its length in frames changed: 8 -> 12" in said["a/1"]
    assert "`take` changed: 1 -> 3" in said["c/1"]
    assert '`card.text` changed: "The End" -> "Fin"' in said["end/1"]
    edited = film()
    edit("d", start={"image": "evening.png"})(edited)
    edited["format"] = {**SMALL, "fit": "contain"}
    (said_of_file, said_of_fit) = sorted(told(shot.plan(edited, tmp_path / "again", movie=False))["d/1"], reverse=True)
    assert re.fullmatch("`start.image` changed: [0-9a-f]{12} -> [0-9a-f]{12}", said_of_file)
    assert said_of_fit.startswith("`format.fit` changed: ")


def test_without_the_takes_the_lock_says_a_little(shot: Shot, tmp_path: Path) -> None:
    edited = film()
    edit("c", take=3)(edited)
    for name in ("dawn.png", "evening.png", "archive.mp4", "film.lock"):
        shutil.copy(shot.folder / name, tmp_path / name)
    (tmp_path / "film.yaml").write_text(text_of(edited))
    production = prepare(tmp_path / "film.yaml", out=tmp_path / "out", vault=tmp_path / "vault")
    why = explain(production, last_render(production))
    assert told(why) == {"c/1": ["`take` changed: 1 -> 3"]}
    assert [str(reason) for reason in why.shots["a/1"].reasons] == [str(Gone())]


def test_a_first_film_is_new_and_nothing_is_reached(tmp_path: Path) -> None:
    (tmp_path / "film.yaml").write_text(text_of(screenplay([scene("a"), scene("b")])))
    production = prepare(tmp_path / "film.yaml")
    why = explain(production, last_render(production))
    assert told(why) == {"a/1": [str(New())], "b/1": [str(New())]} and reached(why) == set()


def test_scenes_that_stay_in_a_spliced_film_are_not_reached(tmp_path: Path) -> None:
    path = tmp_path / "film.yaml"
    path.write_text(text_of(screenplay([scene(name) for name in "abcd"])))
    list(produce(prepare(path)))
    path.write_text(path.read_text().replace("This is b.", "Now."))
    production = prepare(path, mode=Mode.SPLICE)
    why = explain(production, last_render(production))
    assert list(told(why)) == ["b/1"] and reached(why) == set()
    list(produce(production))
    production = prepare(path)
    assert explain(production, last_render(production)).touched == ()
    path.write_text(path.read_text().replace("Now.", "Then."))
    production = prepare(path)
    why = explain(production, last_render(production))
    assert told(why)["b/1"] == ['`prompt` changed: "Now." -> "Then."'], "and nothing of the splice that goes"


def test_estimates_come_from_takes_that_were_shot_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "film.yaml"
    path.write_text(text_of(screenplay([scene("a"), scene("b")])))
    list(produce(prepare(path)))
    shutil.rmtree(tmp_path / "renders" / "vault" / "timings")
    path.write_text(path.read_text().replace("This is b.", "Now."))
    seconds = prepare(path).plan.shots["b/1"].seconds
    assert seconds is not None and seconds > 0
    path.write_text(text_of(screenplay([scene("a"), scene("b")], engine="strict")))
    assert prepare(path).plan.shots["a/1"].seconds is None, "of another engine nothing is known"
