"""Pictures of the cast: of those whom a shot's prompt names, they go to an engine that takes any, and into the key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storyboard.breakdown import break_down
from storyboard.errors import ScreenplayError
from storyboard.pins import own_digests
from storyboard.screenplay import loads
from storyboard.shots import Breakdown
from storyboard.vault import Vault
from tests.films import scene, screenplay, shoot, text_of
from tests.tiny_wan import tiny_wan

CAST = {
    "bear": {"description": "a bear", "reference": "bear.png"},
    "fox": {"description": "a fox", "reference": "fox.png"},
    "sea": "the sea",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_wan(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw(tmp_path / "bear.png", (40, 20), 1)
    draw(tmp_path / "fox.png", (20, 40), 2)
    return tmp_path


def draw(path: Path, size: tuple[int, int], seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path)


def film(model: Path, folder: Path, **more: object) -> Breakdown:
    engine = {"name": "wan", "model": str(model), "dtype": "float32", "steps": 1, "guidance": 1.0, "tail": 5}
    scenes = [
        scene("a", 0.5, prompt="The {fox} sees the {bear} in {sea}, and the {fox} runs."),
        scene("b", 0.5, prompt="{sea}.", beats=[{"at": 0.25, "prompt": "The {bear} again."}]),
    ]
    said = screenplay(scenes, cast=CAST, engine=engine, format={"width": 32, "height": 32, "rate": 16}) | more
    return break_down(loads(text_of(said), name="film.yaml", folder=folder))


def test_each_shot_is_given_those_whom_its_own_prompt_names_each_once(model: Path, folder: Path) -> None:
    shots = film(model, folder).shots
    named = {name: [still.path.name for still in shot.references] for name, shot in shots.items()}
    assert named == {"a/1": ["fox.png", "bear.png"], "b/1": [], "b/2": ["bear.png"]}
    assert not film(model, folder, engine="animatic").shots["a/1"].references


def test_another_picture_is_another_take_of_the_shots_that_show_it(model: Path, folder: Path) -> None:
    vault = Vault(folder / "vault")
    first = shoot(film(model, folder), vault)
    assert first.shot == ["a/1", "b/1", "b/2"]
    slate = first.takes["a/1"].slate["references"]
    assert isinstance(slate, dict) and len(slate["digests"]) == 2 and str(slate["resample"]).endswith(" whole")  # type: ignore[arg-type]
    assert "references" not in first.takes["b/1"].slate
    before = own_digests(film(model, folder))
    draw(folder / "fox.png", (20, 40), 3)
    changed = film(model, folder)
    assert {name for name, own in own_digests(changed).items() if own != before[name]} == {"a/1"}
    again = shoot(changed, vault)
    assert again.shot[0] == "a/1"
    assert again.takes["a/1"].frames != first.takes["a/1"].frames


def test_a_picture_that_cannot_be_read_is_told_once_where_it_is_named(model: Path, folder: Path) -> None:
    (folder / "bear.png").write_text("no picture")
    with pytest.raises(ScreenplayError) as caught:
        film(model, folder)
    assert [fault.path for fault in caught.value.faults] == [("cast", "bear", "reference")]
