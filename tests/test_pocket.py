"""The model in the box: it loads as any other of its kind, is conditioned on what it is given, and tells which words it
has never seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from storyboard.breakdown import break_down
from storyboard.engines.base import Assignment, EngineOptions
from storyboard.engines.ltx_layout import read_layout
from storyboard.engines.pocket import FOLDER, SPEC, Pocket, PocketOptions
from storyboard.fresh import code_digest, find_fresh
from storyboard.project import Variant, places, read_manifest, write_manifest
from storyboard.screenplay import load
from storyboard.timing import Rate
from storyboard.vault import Vault
from tests.films import broken_down, decoded, scene, screenplay, storyboard, text_of

Frames = NDArray[np.uint8]
EXAMPLES = Path(__file__).parent.parent / "examples"
BEAR = "A teddy bear is swimming in the ocean at San Francisco."
MARS = "An astronaut is walking on mars."


@pytest.fixture(scope="module")
def engine() -> Iterator[Pocket]:
    opened = open_engine()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def bear(engine: Pocket) -> Frames:
    return shot(engine, prompt=BEAR)


@pytest.fixture(scope="module")
def mars(engine: Pocket) -> Frames:
    return shot(engine, prompt=MARS)


def open_engine(**said: object) -> Pocket:
    opened = SPEC.open(PocketOptions.model_validate({"device": "cpu"} | said))
    assert isinstance(opened, Pocket)
    return opened


def shot(engine: Pocket, **fields: object) -> Frames:
    """A short take, 17 frames unless told otherwise."""
    plain = Assignment("a/1", BEAR, "", 7, 128, 128, Rate(Fraction(8)), 17, EngineOptions())
    return engine.shoot(replace(plain, **fields), lambda step, steps: None).frames  # type: ignore[arg-type]


def apart(one: Frames, other: Frames) -> float:
    """Mean difference in grey levels."""
    return float(np.abs(one.astype(int) - other).mean())


# The folder


def test_its_weights_are_small_and_only_safetensors() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    weights = [path for path in files if path.suffix == ".safetensors"]
    assert {path.parent.name for path in weights} == {"vae", "transformer", "text_encoder"}
    assert sum(path.stat().st_size for path in files) <= 24_000_000
    assert {path.suffix for path in files} == {".safetensors", ".json", ".md"}


def test_its_capabilities_are_those_of_its_files() -> None:
    options = SPEC.options()
    can, layout = SPEC.capabilities(options), read_layout(FOLDER)
    recipe = json.loads((FOLDER / "sampling.json").read_text())
    assert (can.frames.step, can.size_multiple % layout.pixels) == (layout.frames, 0)
    assert (can.default_size, can.frames.most) == ((recipe["width"], recipe["height"]), recipe["num_frames"])
    assert can.native_rate == Rate(Fraction(recipe["frame_rate"]))
    assert can.tail is not None and can.head is not None
    for count in range(1, 34):
        assert can.tail.fits(count) == can.head.fits(count) == (count in recipe["condition_frames"])
    keyed = options.keyed()
    assert (keyed["schedule"], keyed["steps"]) == (recipe["timesteps"], len(recipe["timesteps"]))
    assert (keyed["guidance"], can.negative) == (recipe["guidance_scale"], False)
    assert "Apache-2.0" in (can.licence or "") and "SIL OFL" in (can.licence or "")


def test_it_is_what_the_pipeline_itself_makes_of_the_folder(engine: Pocket, bear: Frames) -> None:
    import torch
    from diffusers import LTXConditionPipeline
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition
    from PIL import Image

    from storyboard.engines.arithmetic import reproducible

    pipeline = LTXConditionPipeline.from_pretrained(FOLDER, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    recipe = json.loads((FOLDER / "sampling.json").read_text())
    del recipe["condition_frames"]
    tail = LTXVideoCondition(video=[Image.fromarray(frame) for frame in bear[-5:]])
    with reproducible("cpu", 7) as generator:
        result = pipeline(
            prompt=BEAR, conditions=[tail], generator=generator, output_type="np", **recipe | {"num_frames": 9}
        )
    ours = shot(engine, frames=9, tail=bear[-5:])
    assert apart(np.rint(result.frames[0] * 255).astype(np.uint8), ours) < 0.01


# What it is given


def test_the_prompt_is_seen(bear: Frames, mars: Frames) -> None:
    """The sea is blue and mars is red."""
    assert bear[..., 2].mean() > bear[..., 0].mean() + 10
    assert mars[..., 0].mean() > mars[..., 2].mean() + 10


@pytest.mark.parametrize("count", [1, 5, 9])
def test_the_tail_is_shown_again_and_changes_what_comes_after(
    engine: Pocket, bear: Frames, mars: Frames, count: int
) -> None:
    one = shot(engine, tail=bear[-count:])
    other = shot(engine, tail=mars[-count:])
    assert apart(one[:count], bear[-count:]) < 8 < apart(one[:count], mars[-count:])
    assert all(apart(one[frame], other[frame]) > 2 for frame in range(count, 17))


def test_the_head_is_led_into_and_changes_what_comes_before(engine: Pocket, bear: Frames, mars: Frames) -> None:
    one, other = shot(engine, head=bear[:5]), shot(engine, head=mars[:5])
    assert all(apart(one[frame], other[frame]) > 0.2 for frame in range(12))
    assert apart(other[-5:], mars[:5]) < apart(other[-5:], bear[:5])


def test_start_and_end_pictures_change_the_shot(engine: Pocket, bear: Frames, mars: Frames) -> None:
    begun = shot(engine, start=mars[-1])
    assert apart(begun[0], mars[-1]) < 8 and apart(begun, bear) > 2
    assert apart(shot(engine, end=mars[-1])[:-1], bear[:-1]) > 0.2


def test_the_same_seed_gives_the_same_frames_after_reopening(engine: Pocket, bear: Frames) -> None:
    again = open_engine()
    assert (shot(again) == bear).all()
    again.close()
    assert apart(shot(engine, seed=8), bear) > 2


def test_words_that_it_does_not_know_are_left_out(engine: Pocket) -> None:
    plain = shot(engine, frames=5, prompt="A dog in the forest.")
    assert (shot(engine, frames=5, prompt="A zygomorphic dog in the #forest.") == plain).all()
    assert shot(engine, frames=5, prompt="Zygomorphic!" * 100).shape == (5, 128, 128, 3)


def test_another_schedule_is_another_take(bear: Frames) -> None:
    options = PocketOptions(schedule=(1000.0, 500.0))
    assert options.keyed() != PocketOptions().keyed()
    quick = open_engine(schedule=[1000, 500])
    assert apart(shot(quick), bear) > 0.5
    quick.close()


def test_it_has_no_guidance_and_no_other_size() -> None:
    from storyboard.errors import ScreenplayError

    for said in ({"guidance": 3}, {"schedule": [10, 20]}, {"width": 256, "height": 128}, {"tail": 4}, {"rate": 24}):
        with pytest.raises(ScreenplayError):
            broken_down({"engine": {"name": "pocket"} | said, "scenes": [scene("a"), scene("b")]})


# What it says


def test_the_stories_of_phenaki_are_told_in_words_that_it_knows() -> None:
    for name in ("teddy", "astronaut"):
        assert break_down(load(EXAMPLES / f"{name}.yaml"), engine="pocket").notices == ()


def test_unknown_words_are_told_once_where_they_are_written(tmp_path: Path) -> None:
    film = tmp_path / "film.yaml"
    film.write_text(
        "engine: pocket\n"
        "style: chiaroscuro\n"
        "cast:\n"
        "  hero: a zebra\n"
        "  other: {description: an ugly robot}\n"
        "  nobody: an ogre\n"
        "scenes:\n"
        "  - id: a\n"
        '    prompt: "{hero} and {other} ride spaceships with 2 dogs."\n'
        "    duration: 2s\n"
        "    beats:\n"
        '      - {at: 1s, prompt: "{hero} explodes."}\n'
        "  - id: b\n"
        "    prompt: A bear swims.\n"
        "    duration: 1s\n"
    )
    said = storyboard("check", film).stderr.replace(f"{film}:", "").splitlines()
    more = "`storyboard engines pocket` lists what it knows"
    assert said == [
        f"2:8: note: `pocket` has never seen `chiaroscuro`; it is left out ({more})",
        f"4:11: note: `pocket` has never seen `zebra`; it is left out ({more})",
        f"5:27: note: `pocket` has never seen `ugly`; it is left out ({more})",
        "9:38: note: `pocket` has never seen the words `spaceships`, `2`, `dogs`; they are left out "
        f"(it knows `spaceship`, `dog`; {more})",
        f"12:34: note: `pocket` has never seen `explodes`; it is left out (it knows `explode`; {more})",
    ]
    assert storyboard("check", film, "--engine", "animatic").stderr == ""


def test_a_prompt_that_is_too_long_is_told() -> None:
    words = "A teddy bear is swimming in the ocean at San Francisco, " * 4
    notices = broken_down({"engine": "pocket", "scenes": [scene("a", prompt=words + "zebra.")]}).notices
    told = [notice.message for notice in notices if "reads" in notice.message]
    assert told == ["`pocket` reads the first 39 words and marks of a prompt, and here are 49"]


def test_engines_lists_what_it_can_draw() -> None:
    said = json.loads(storyboard("engines", "pocket", "--json").stdout)
    assert {"teddy bear", "astronaut"} <= set(said["subjects"].split(", "))
    assert {"mars", "under water"} <= set(said["places"].split(", "))
    assert all(said[kind] for kind in ("actions", "weathers", "times", "styles", "cameras"))


# The whole line


def test_a_film_is_shot_with_it_by_the_command_line(tmp_path: Path) -> None:
    film = tmp_path / "film.yaml"
    scenes = [scene("surface", prompt=BEAR), scene("under", prompt="The teddy bear goes under water.")]
    wide = {"width": 192, "height": 128, "rate": 24}
    film.write_text(text_of(screenplay(scenes, format=wide)))
    storyboard("render", film, "--engine", "pocket", "--vault", tmp_path / "vault")
    where = places(film, vault=tmp_path / "vault", variant="pocket")
    assert decoded(where.movie).shape == (48, 128, 192, 3)
    manifest = read_manifest(where.manifest)
    assert manifest is not None and [shot.engine for shot in manifest.shots] == ["pocket", "pocket"]
    first, second = (Vault(where.vault).find(shot.key) for shot in manifest.shots)
    assert first is not None and second is not None
    assert (len(first.frames), len(second.frames)) == (9, 13)
    assert second.slate["tail"] == {"digests": list(first.frames[3:8]), "resample": None}
    libraries = second.made["libraries"]
    assert isinstance(libraries, dict) and set(libraries) == {"torch", "diffusers", "transformers"}
    variant = Variant("pocket")
    assert manifest.code == code_digest(variant, carried=True) != code_digest(variant)
    assert find_fresh(where, variant) is not None, "its weights are ours, so the film is known to be finished"
    write_manifest(where.manifest, replace(manifest, code=code_digest(variant)))
    assert find_fresh(where, variant) is None, "other weights may make another film"
