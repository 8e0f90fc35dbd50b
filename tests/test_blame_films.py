"""`blame` on random films with trims, dissolves and fades: every frame of the movie is what the movie says it is."""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from storyboard.blame import Credit, blame
from storyboard.engines.strip import read_strip
from storyboard.film import prepare, produce
from storyboard.timing import Duration
from storyboard.vault import Vault
from tests.films import decoded, scene, screenplay, text_of

RATES = [8, 12, 24, "24000/1001"]
Picture = NDArray[np.floating]


@dataclass
class Said:
    """A scene as it was written, in frames of the film."""

    name: str
    frames: int
    head: int
    tail: int
    prompts: list[tuple[int, str]]
    """From which frame of the scene on which prompt is seen."""
    step: Fraction
    """Frames of the engine to a frame of the film."""

    def prompt(self, frame: int) -> str:
        """What is seen at a frame of the scene: a beat begins with the picture of the engine that is on screen then."""

        def picture(at: int) -> int:
            return ((at + Fraction(1, 2)) * self.step).__floor__()

        return max((at, text) for at, text in self.prompts if at == 0 or picture(at) <= picture(frame))[1]


def random_film(rng: random.Random) -> tuple[dict[str, object], list[Said]]:
    scenes: list[dict[str, object]] = []
    said: list[Said] = []
    rate = rng.choice(RATES)
    for number in range(rng.randrange(3, 7)):
        name, frames = f"s{number}", rng.randrange(3, 22)
        made = scene(name, f"{frames}f", prompt=f"Picture {rng.randrange(1000)}")
        prompts = [(0, str(made["prompt"]))]
        if rng.random() < 0.15:
            made = scene(name, f"{frames}f", card={"text": f"Card {rng.randrange(100)}"})
            prompts = [(0, "")]
        else:
            if frames > 8 and rng.random() < 0.5:
                at = rng.randrange(3, frames - 3)
                prompts.append((at, f"Then {rng.randrange(1000)}"))
                made["beats"] = [{"at": f"{at}f", "prompt": prompts[1][1]}]
            if rng.random() < 0.3:
                made["continues"] = "nothing"
            if rng.random() < 0.3:
                made["engine"] = rng.choice(["twelve", {"name": "animatic", "window": 9, "tail": 3}])
        head = rng.randrange(0, frames - 1) if rng.random() < 0.4 else 0
        tail = rng.randrange(0, frames - head) if rng.random() < 0.4 else 0
        if head or tail:
            made["trim"] = {"head": f"{head}f", "tail": f"{tail}f"}
        if rng.random() < 0.6:
            kind = rng.choice(["dissolve", "fade"]) if number else "fade"
            made["transition"] = {"kind": kind, "duration": f"{rng.randrange(1, frames - head - tail + 1)}f"}
        scenes.append(made)
        step = 12 / Fraction(rate) if made.get("engine") == "twelve" else Fraction(1)
        said.append(Said(name, frames, head, tail, prompts, step))
    size = {"width": 192, "height": 108, "rate": rate}
    return screenplay(scenes, seed=rng.randrange(100), format=size), said


def shown(vault: Vault, key: str | None, frame: int) -> Picture:
    """A picture of a take, the last one where it has no more; black for no take."""
    take = vault.find(key) if key else None
    if take is None:
        return np.zeros((108, 192, 3))
    return vault.frames(take, [max(0, min(frame, len(take.frames) - 1))])[0].astype(float)


def picture_of(credit: Credit, vault: Vault, over: int = 0, under: int = 0) -> Picture:
    """What a frame must show by its credit, from the takes; or what it would if that named frames so much later."""
    mixed = credit.mixed_with
    picture = shown(vault, credit.key, credit.take_frame + over)
    if mixed is None:
        return picture
    below = shown(vault, mixed.key, (mixed.take_frame or 0) + under)
    return below * float(mixed.weights[0]) + picture * float(mixed.weights[1])


def check_film(seed: int, folder: Path) -> None:
    data, said = random_film(random.Random(seed))
    film = folder / "film.yaml"
    film.write_text(text_of(data))
    lines = film.read_text().splitlines()
    production = prepare(film, out=folder, vault=folder / "vault")
    list(produce(production))
    pictures, vault = decoded(folder / "film.mp4"), Vault(folder / "vault")
    assert len(pictures) == sum(each.frames - each.head - each.tail for each in said)
    frame = 0
    for each in said:
        for own in range(each.head, each.frames - each.tail):
            credit = blame(folder / "film.mp4", Duration(Fraction(frame), in_frames=True))
            assert (credit.film_frame, credit.scene, credit.prompt) == (frame, each.name, each.prompt(own))
            assert lines[credit.line - 1].strip(" -").split(":")[1].strip() == each.name
            check_picture(credit, pictures[frame].astype(float), vault)
            frame += 1


def check_picture(credit: Credit, picture: Picture, vault: Vault) -> None:
    """The frame's picture is the take's, to the number that is drawn in its strip; or mixed of those two, not of their
    neighbours."""
    wanted = picture_of(credit, vault)
    error = np.abs(picture - wanted).mean()
    assert error < 4, credit
    mixed = credit.mixed_with
    if mixed is None and credit.engine != "card":
        drawn = read_strip(shown(vault, credit.key, credit.take_frame).astype(np.uint8))
        assert drawn is not None and read_strip(picture.astype(np.uint8)) == drawn, credit
    for over, under in ((1, 0), (-1, 0), (0, 1), (0, -1)) if mixed and min(mixed.weights) > Fraction(1, 4) else ():
        other = picture_of(credit, vault, over, under)
        assert np.array_equal(other, wanted) or np.abs(picture - other).mean() > error, credit


@pytest.mark.parametrize("seed", range(1))
def test_each_frame_of_a_random_film_is_credited_right(seed: int, tmp_path: Path) -> None:
    check_film(seed, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 51))
def test_each_frame_of_fifty_random_films_is_credited_right(seed: int, tmp_path: Path) -> None:
    check_film(seed, tmp_path)
