"""The engine `easyanimate` on a tiny model: it fills what is between given frames, as the pipeline does where the
pipeline can be asked, and takes the shape of a start picture where an author asks for that."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from storyboard.engines.arithmetic import reproducible
from storyboard.engines.base import Assignment
from storyboard.engines.easyanimate import SPEC, Easyanimate, EasyanimateOptions
from storyboard.engines.easyanimate_given import film_and_mask
from storyboard.errors import ScreenplayError, ShotError
from storyboard.timing import Rate
from storyboard.vault import Vault
from tests.films import broken_down, scene, screenplay, shoot
from tests.tiny_easyanimate import LATENTS, tiny_easyanimate

Frames = NDArray[np.uint8]
SIDE = 32


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_easyanimate(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[Easyanimate]:
    opened = open_engine(model)
    yield opened
    opened.close()


def options(folder: Path, **said: object) -> EasyanimateOptions:
    given: dict[str, object] = {"model": str(folder), "dtype": "float32", "device": "cpu", "steps": 2, "guidance": 1.0}
    return EasyanimateOptions.model_validate(given | {"max_sequence_length": 64} | said)


def open_engine(folder: Path, **said: object) -> Easyanimate:
    opened = SPEC.open(options(folder, **said))
    assert isinstance(opened, Easyanimate)
    return opened


def asked(engine: Easyanimate, **fields: object) -> Assignment:
    given = Assignment("a/1", "A bear swims.", "", 7, SIDE, SIDE, Rate(Fraction(8)), 13, engine.options)
    return replace(given, **fields)  # type: ignore[arg-type]


def shot(engine: Easyanimate, **fields: object) -> Frames:
    return engine.shoot(asked(engine, **fields), lambda step, steps: None).frames


def given(count: int, seed: int = 0) -> Frames:
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def differs(one: Frames, other: Frames) -> bool:
    return float((one != other).mean()) > 0.005


@pytest.mark.parametrize("tail", [None, 5])
def test_it_is_what_the_pipeline_itself_makes(engine: Easyanimate, model: Path, tail: int | None) -> None:
    """The pipeline fails with the autoencoder as it is saved, whose class does not know what it is asked."""
    from diffusers import EasyAnimateInpaintPipeline

    pipeline = EasyAnimateInpaintPipeline.from_pretrained(model, dtype=torch.float32)
    pipeline.vae.register_to_config(cache_mag_vae=True)
    plain = replace(asked(engine), options=options(model, condition_noise=0.0))
    frames = None if tail is None else given(tail)
    film = {}
    if frames is not None:
        video, mask = torch.zeros(1, 3, 13, SIDE, SIDE), torch.full((1, 1, 13, SIDE, SIDE), 255.0)
        video[0, :, :5], mask[:, :, :5] = torch.from_numpy(frames).permute(3, 0, 1, 2) / 255, 0.0
        film = {"video": video, "mask_video": mask, "noise_aug_strength": 0.0}
    (embeds, mask_of_text), said = engine.encode("A bear swims."), {"num_inference_steps": 2, "guidance_scale": 1.0}
    with reproducible("cpu", 7) as generator:
        size = {"width": SIDE, "height": SIDE, "num_frames": 13}
        text = {"prompt_embeds": embeds, "prompt_attention_mask": mask_of_text}
        made = pipeline(**film, **text, **size, **said, generator=generator, output_type="np").frames[0]
    ours = engine.shoot(replace(plain, tail=frames), lambda *_: None).frames
    assert np.abs(np.rint(made * 255) - ours).max() <= 1


def test_prompts_are_read_as_the_pipeline_reads_them(engine: Easyanimate) -> None:
    theirs, _, mask, _ = engine.pipeline.encode_prompt(
        "A bear swims.", do_classifier_free_guidance=False, max_sequence_length=64
    )
    embeds, ours = engine.encode("A bear swims.")
    assert embeds is not None and ours is not None
    assert torch.allclose(embeds, theirs, atol=1e-5) and torch.equal(ours, mask)
    with pytest.raises(ShotError, match=r"a prompt has [0-9]+ tokens, and `easyanimate` reads 64"):
        shot(engine, prompt="bear " * 40)


def test_what_is_given_is_marked_as_held_at_the_latents_and_nothing_else_is(engine: Easyanimate) -> None:
    from diffusers.pipelines.easyanimate.pipeline_easyanimate_inpaint import resize_mask

    a = asked(engine, frames=17, tail=given(5), head=given(4, 1))
    film = film_and_mask(a, 0.0, torch.Generator(), "cpu")
    video, mask, seen = (film[name] for name in ("video", "mask_video", "masked_video_latents"))
    assert isinstance(video, torch.Tensor) and isinstance(mask, torch.Tensor) and isinstance(seen, torch.Tensor)
    latents = torch.zeros(1, LATENTS, 5, 4, 4)
    assert resize_mask(1 - mask / 255, latents, True)[0, 0, :, 0, 0].tolist() == [1, 1, 0, 0, 1]
    assert (seen[:, :, 5:13] == -1).all() and (seen[:, :, :5] == video[:, :, :5] * 2 - 1).all()
    assert film_and_mask(asked(engine), 0.1, torch.Generator(), "cpu") == {}


def test_an_end_picture_is_taken_alone(engine: Easyanimate) -> None:
    """The helper that comes with the pipeline drops it where there is no first one."""
    assert differs(shot(engine, end=given(1)[0])[:-1], shot(engine)[:-1])


def test_given_frames_get_noise_for_models_that_were_made_so_and_for_no_others(
    engine: Easyanimate, model: Path, tmp_path: Path
) -> None:
    still = replace(asked(engine, tail=given(5)), options=options(model, condition_noise=0.0))
    exact = engine.shoot(still, lambda *_: None).frames
    assert differs(shot(engine, tail=given(5)), exact)
    other = shutil.copytree(model, tmp_path / "other")
    config = other / "transformer" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"add_noise_in_inpaint_model": False}))
    second = open_engine(other)
    assert (shot(second, tail=given(5)) == exact).all()
    second.close()


def test_a_shot_that_ended_while_it_decoded_leaves_nothing_behind(engine: Easyanimate) -> None:
    whole = shot(engine, tail=given(5))
    with torch.no_grad():
        engine.pipeline.vae.encoder(torch.ones(1, 3, 1, SIDE, SIDE))
        engine.pipeline.vae.decoder(torch.ones(1, LATENTS, 1, SIDE // 8, SIDE // 8))
    assert (shot(engine, tail=given(5)) == whole).all()


def test_only_models_that_fill_gaps_are_taken(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="it was not made to fill gaps"):
        options(tiny_easyanimate(tmp_path / "plain", channels=LATENTS))
    with pytest.raises(ValidationError, match="Field required"):
        EasyanimateOptions()


def test_it_can_do_what_its_window_has_room_for(model: Path) -> None:
    can = SPEC.capabilities(options(model))
    assert (str(can.frames), str(can.tail), str(can.head)) == ("4n+1, 5 to 49", "4n+1, 1 to 45", "4n, 4 to 44")
    assert (can.default_tail, can.start_image, can.end_image, can.lora, can.negative) == (5, True, True, False, False)
    short = SPEC.capabilities(options(model, window=7))
    assert (str(short.frames), str(short.tail), short.head) == ("5", "1", None)


# The shape of a start picture


def film(model: Path, **said: object) -> dict[str, object]:
    engine = {"name": "easyanimate", "model": str(model), "dtype": "float32", "steps": 1, "guidance": 1.0, **said}
    scenes = [scene("a", 0.5, start={"image": "tall.png"}), scene("b", 0.5)]
    return screenplay(scenes) | {"engine": engine, "format": {"width": 64, "height": 32, "rate": 8}}


def test_a_scene_takes_the_shape_of_its_start_picture_on_request(model: Path, tmp_path: Path) -> None:
    Image.new("RGB", (30, 60), (200, 30, 60)).save(tmp_path / "tall.png")
    plain, asked_for = (broken_down(film(model, size_from_start=wish), tmp_path) for wish in (False, True))
    sizes = [(shot.engine.width, shot.engine.height) for shot in (*plain.shots.values(), *asked_for.shots.values())]
    assert sizes == [(64, 32), (64, 32), (32, 64), (64, 32)]
    assert {shot.engine.resident for shot in asked_for.shots.values()} == {
        shot.engine.resident for shot in plain.shots.values()
    }
    result = shoot(asked_for, Vault(tmp_path / "vault"))
    assert result.shot == ["a/1", "b/1"]
    slate = result.takes["a/1"].slate
    assert (slate["width"], slate["height"], "size_from_start" in dict(slate["options"])) == (32, 64, False)  # type: ignore[call-overload]


def test_a_shape_that_the_engine_cannot_shoot_is_a_fault_at_the_picture(model: Path, tmp_path: Path) -> None:
    Image.new("RGB", (30, 60)).save(tmp_path / "tall.png")
    engine = {"name": "cogvideox", "model": "THUDM/CogVideoX-5b-I2V", "size_from_start": True}
    said = film(model) | {"engine": engine}
    with pytest.raises(ScreenplayError, match="cannot shoot in the shape of this picture, 30x60"):
        broken_down(said, tmp_path)
