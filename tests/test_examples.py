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

from storyboard.breakdown import break_down
from storyboard.screenplay import load
from storyboard.shots import Breakdown
from tests.films import decoded, storyboard

EXAMPLES = Path(__file__).parent.parent / "examples"
ASSETS = EXAMPLES / "assets"
FILMS = sorted(EXAMPLES.glob("*.yaml"))
each_film = pytest.mark.parametrize("film", FILMS, ids=lambda film: film.stem)


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
def test_it_renders_and_then_has_nothing_to_do(film: Path, tmp_path: Path) -> None:
    said = storyboard("check", film)
    assert said.stderr == "", "an example gives no notices"
    breakdown = break_down(load(film))
    first = rendered(film, tmp_path)
    assert set(shot(first)) == set(breakdown.shots)
    movie = tmp_path / "out" / f"{film.stem}.mp4"
    is_whole(movie, breakdown)
    before = movie.read_bytes()
    assert [event["event"] for event in rendered(film, tmp_path)] == ["planned", "film"]
    assert movie.read_bytes() == before
    assert set(rendered(film, tmp_path, "--engine", "animatic")[-1].items()) >= {("event", "film")}
    is_whole(tmp_path / "out" / f"{film.stem}.animatic.mp4", break_down(load(film), engine="animatic"))


@each_film
def test_it_follows_the_default_engine(film: Path) -> None:
    written = yaml.safe_load(film.read_text(encoding="utf-8"))
    assert [scene["id"] for scene in (written, *written["scenes"]) if "engine" in scene] == []
    assert written.keys().isdisjoint({"engine", "profiles", "format"}), "size and rate are those of the engine"


@each_film
def test_editors_find_its_schema(film: Path) -> None:
    header = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", film.read_text(encoding="utf-8").splitlines()[0])
    assert header is not None
    assert (film.parent / header[1]).is_file()


def test_there_are_the_two_stories_of_phenaki_and_one_to_learn_from() -> None:
    assert {film.stem for film in FILMS} >= {"teddy", "astronaut", "harbour"}


def test_harbour_shows_what_a_screenplay_can_say() -> None:
    written = yaml.safe_load((EXAMPLES / "harbour.yaml").read_text(encoding="utf-8"))
    scenes = {scene["id"]: scene for scene in written["scenes"]}
    used = {field for scene in scenes.values() for field in scene}
    wanted = {"beats", "continues", "transition", "leads_into", "footage", "start", "end", "card", "take", "negative"}
    assert used >= wanted
    assert written.keys() >= {"title", "seed", "style", "negative", "cast"}
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
    kept = decoded(ASSETS / "archive.mp4")
    assert kept.shape == (96, 216, 384, 3)
    assert abs(draw["night"](41).astype(int) - kept[41]).mean() < 3


def test_assets_are_small() -> None:
    most = {".png": 60_000, ".mp4": 300_000, ".py": 30_000}
    kept = [path for path in ASSETS.iterdir() if path.is_file()]
    assert kept
    assert [path.name for path in kept if path.stat().st_size > most[path.suffix]] == []
