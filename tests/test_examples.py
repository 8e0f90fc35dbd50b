"""Every example is a film: checked, shot, conformed to the frame, and there at once the second time."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from storyboard.audio import read_audio
from storyboard.breakdown import break_down
from storyboard.screenplay import load
from storyboard.shots import Breakdown
from tests.films import decoded, scene, screenplay, storyboard, text_of
from tests.tiny_pyramid import tiny_pyramid

EXAMPLES = Path(__file__).parent.parent / "examples"
ASSETS = EXAMPLES / "assets"
GUIDE = EXAMPLES / "guide.yaml"
"""The one that needs weights from elsewhere, and a GPU."""
PYRAMID = [EXAMPLES / "great-wall.yaml", EXAMPLES / "space-man.yaml"]
"""Those whose weights have to be in a folder."""
FILMS = sorted(set(EXAMPLES.glob("*.yaml")) - {GUIDE, *PYRAMID})
each_film = pytest.mark.parametrize("film", FILMS, ids=lambda film: film.stem)
STORIES = [film for film in FILMS if film.stem != "harbour"]
"""The films on the default engine."""


def each(films: list[Path], *short: str) -> pytest.MarkDecorator:
    """A test for each film; only `make test-all` runs it for others than the short ones."""
    marks = {film: () if film.stem in short else (pytest.mark.long,) for film in films}
    return pytest.mark.parametrize("film", [pytest.param(film, id=film.stem, marks=marks[film]) for film in films])


def rendered(film: Path, folder: Path, *more: str) -> list[dict[str, object]]:
    """The events of a render by the command line, with movie and vault in `folder`."""
    done = storyboard("render", film, "--out", folder / "out", "--vault", folder / "vault", "--json", *more)
    return [json.loads(line) for line in done.stdout.splitlines()]


def shot(events: list[dict[str, object]]) -> list[object]:
    return [event["shot"] for event in events if event["event"] == "done"]


def is_whole(movie: Path, breakdown: Breakdown) -> None:
    """The movie has the breakdown's frames, of its size, and is not one picture all along."""
    frames = decoded(movie)
    assert frames.shape == (breakdown.frames, breakdown.height, breakdown.width, 3)
    assert len({frame.tobytes() for frame in frames[:: max(1, len(frames) // 12)]}) > 6


@each_film
def test_it_is_checked_without_notices(film: Path) -> None:
    """None of its words is unknown to its engine, above all."""
    said = storyboard("check", film)
    assert (said.stderr, said.stdout.count("shots")) == ("", 1)


@each(FILMS, "harbour")
def test_it_renders_and_then_has_nothing_to_do(film: Path, tmp_path: Path) -> None:
    breakdown = break_down(load(film))
    first = rendered(film, tmp_path)
    assert set(shot(first)) == set(breakdown.shots)
    movie = tmp_path / "out" / f"{film.stem}.mp4"
    is_whole(movie, breakdown)
    before = movie.read_bytes()
    assert [event["event"] for event in rendered(film, tmp_path)] == ["planned", "film"]
    assert movie.read_bytes() == before


@each(STORIES, "astronaut")
def test_it_can_be_previewed_as_an_animatic(film: Path, tmp_path: Path) -> None:
    breakdown = break_down(load(film), engine="animatic")
    assert set(shot(rendered(film, tmp_path, "--engine", "animatic"))) == set(breakdown.shots)
    is_whole(tmp_path / "out" / f"{film.stem}.animatic.mp4", breakdown)


@each_film
def test_stories_follow_the_default_engine(film: Path) -> None:
    written = yaml.safe_load(film.read_text(encoding="utf-8"))
    named = [scene["id"] for scene in written["scenes"] if "engine" in scene]
    assert (named, written.get("engine")) == ([], "animatic" if film.stem == "harbour" else None)
    assert written.keys().isdisjoint({"profiles", "format"}), "size and rate are those of the engine"


@each_film
def test_editors_find_its_schema(film: Path) -> None:
    header = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", film.read_text(encoding="utf-8").splitlines()[0])
    assert header is not None
    assert (film.parent / header[1]).is_file()


def test_the_guide_is_the_known_recipe_and_is_checked_without_any_weights() -> None:
    said = storyboard("check", GUIDE)
    assert "CC-BY-NC-4.0" in said.stderr and "English" in said.stderr and "text that can be read" in said.stderr
    first, second = break_down(load(GUIDE)).shots.values()
    options = first.engine.options.model_dump()
    recipe = {"scheduler": "DPMSolverMultistep", "dtype": "float16", "steps": 25, "offload": "model"}
    assert recipe.items() <= options.items() and first.prompt == "Spiderman is surfing"
    assert len(second.tail) == 4 and second.continues == first.id


@each([GUIDE, *PYRAMID], "guide")
def test_films_for_a_gpu_can_be_previewed_as_animatics(film: Path, tmp_path: Path) -> None:
    breakdown = break_down(load(film), engine="animatic")
    assert set(shot(rendered(film, tmp_path, "--engine", "animatic"))) == set(breakdown.shots)
    is_whole(tmp_path / "out" / f"{film.stem}.animatic.mp4", breakdown)


def test_films_on_pyramid_flow_are_as_its_makers_advise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_pyramid(tmp_path / "pyramid-flow-miniflux", resolution="768p")
    monkeypatch.chdir(tmp_path)
    wall, trailer = (break_down(load(film)) for film in PYRAMID)
    (flying,) = wall.shots.values()
    assert (flying.prompt, flying.start is not None) == ("FPV flying over the Great Wall", True)
    options = flying.engine.options.model_dump()
    assert (options["video_steps"], options["continued_guidance"]) == ((10, 10, 10), 4.0)
    first, *others = trailer.shots.values()
    assert first.prompt.startswith(
        "A movie trailer featuring the adventures of the 30 year old space man wearing a red"
    )
    recipe = {"steps": (20, 20, 20), "video_steps": (10, 10, 10), "guidance": 9.0, "video_guidance": 5.0}
    assert recipe.items() <= first.engine.options.model_dump().items()
    assert [len(shot.tail) for shot in others] == [9, 9]
    assert {(shot.engine.width, shot.engine.height) for shot in (flying, first, *others)} == {(1280, 768)}


def test_films_on_pyramid_flow_say_where_their_weights_have_to_be() -> None:
    said = storyboard("check", PYRAMID[0], check=2)
    assert "there is no folder `pyramid-flow-miniflux`" in said.stderr


def test_there_are_the_stories_of_phenaki_those_of_the_model_s_world_and_one_to_learn_from() -> None:
    assert {film.stem for film in FILMS} >= {"teddy", "astronaut", "journey", "wishes", "friends", "harbour"}


@pytest.mark.parametrize("name", ["journey", "wishes", "friends"])
def test_stories_of_the_model_s_world_are_short_and_each_prompt_is_one_shot(name: str) -> None:
    breakdown = break_down(load(EXAMPLES / f"{name}.yaml"))
    prompts = [shot.prompt for shot in breakdown.shots.values()]
    assert 4 <= len(set(prompts)) == len(prompts) <= 8
    assert 20 <= breakdown.frames / breakdown.rate.fraction <= 40
    continued = [shot for shot in breakdown.shots.values() if shot.continues]
    assert len(continued) >= 4 and all(len(shot.tail) == 5 for shot in continued)


def test_the_gallery_shows_the_middle_of_each_shot(tmp_path: Path) -> None:
    film = tmp_path / "film.yaml"
    scenes = [scene("a", 2), scene("b", transition={"kind": "fade", "duration": 0.5}), *map(scene, "cde")]
    film.write_text(text_of(screenplay(scenes)))
    rendered(film, tmp_path)
    gallery, movie = runpy.run_path(str(EXAMPLES / "gallery.py")), tmp_path / "out" / "film.mp4"
    assert gallery["middles_of"](movie) == [8, 20, 28, 36, 44]
    sheet = np.asarray(gallery["sheet_of"](movie), int)
    assert sheet.shape == (2 * 112 - 4, 4 * 196 - 4, 3)
    wanted = Image.fromarray(decoded(movie)[20]).resize((192, 108), Image.Resampling.LANCZOS)
    assert abs(sheet[:108, 196:388] - np.asarray(wanted)).mean() < 3


def test_harbour_shows_what_a_screenplay_can_say() -> None:
    written = yaml.safe_load((EXAMPLES / "harbour.yaml").read_text(encoding="utf-8"))
    scenes = {scene["id"]: scene for scene in written["scenes"]}
    used = {field for scene in scenes.values() for field in scene}
    wanted = {"beats", "continues", "transition", "leads_into", "footage", "start", "end", "card", "take", "negative"}
    assert used >= {*wanted, "sound"}
    assert written.keys() >= {"title", "seed", "style", "negative", "cast", "sound"}
    assert {scene["transition"]["kind"] for scene in scenes.values() if "transition" in scene} == {"dissolve", "fade"}
    play = load(EXAMPLES / "harbour.yaml")
    before = {scene.id: play.predecessor(index) for index, scene in enumerate(play.scenes)}
    assert before["first-light"] == "night", "own footage is continued"
    assert before["gulls"] == before["nets"] == "casting-off", "a branch"
    assert before["keeper"] is None, "a hard cut"
    assert 30 <= sum(float(scene["duration"].rstrip("s")) for scene in scenes.values()) <= 40


def test_the_lead_in_of_harbour_ends_on_what_follows() -> None:
    shots = break_down(load(EXAMPLES / "harbour.yaml")).shots
    lead = shots["homeward/1"]
    assert {ref.shot for ref in lead.head} == {"moored/1"}
    assert {ref.shot for ref in lead.tail} == {"nets/1"}


def test_drawing_the_assets_again_gives_the_same() -> None:
    draw = runpy.run_path(str(ASSETS / "draw.py"))
    make: Callable[[], np.ndarray] = draw["dawn"]
    for name in ("dawn", "evening"):
        make = draw[name]
        kept = np.asarray(Image.open(ASSETS / f"{name}.png").convert("RGB"), int)
        # Sines differ in their last digit between processors, so a channel may fall on the other side of a half.
        assert abs(make().astype(int) - kept).max() <= 1, name
    wall = runpy.run_path(str(ASSETS / "wall.py"))["wall"]
    assert abs(wall().astype(int) - np.asarray(Image.open(ASSETS / "wall.png").convert("RGB"), int)).max() <= 1
    kept = decoded(ASSETS / "archive.mp4")
    assert kept.shape == (96, 216, 384, 3)
    assert abs(draw["night"](41).astype(int) - kept[41]).mean() < 3


def test_making_the_sounds_again_gives_the_same() -> None:
    make = runpy.run_path(str(ASSETS / "sounds.py"))
    for name in ("sea", "horn"):
        made = make[name]()
        kept = np.concatenate(list(read_audio(ASSETS / f"{name}.ogg")))[:, 0]
        assert len(kept) == len(made)
        assert np.corrcoef(made, kept)[0, 1] > 0.9 and abs(kept).max() < 1, name


def test_assets_are_small() -> None:
    most = {".png": 60_000, ".mp4": 300_000, ".ogg": 60_000, ".py": 30_000}
    kept = [path for path in ASSETS.iterdir() if path.is_file()]
    assert kept
    assert [path.name for path in kept if path.stat().st_size > most[path.suffix]] == []
