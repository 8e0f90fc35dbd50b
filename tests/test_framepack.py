"""The engine `framepack` on a tiny model: sections come out as exactly the frames asked for, a picture begins each shot
and may end it, and its parts are found where their makers have them."""

from __future__ import annotations

import json
import logging
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
from storyboard.engines.framepack import SPEC, Framepack
from storyboard.engines.framepack_options import DEFAULT_MODEL, FramepackOptions
from storyboard.errors import ScreenplayError, ShotError
from storyboard.timing import Rate
from storyboard.vault import Vault
from tests.films import broken_down, scene, screenplay, shoot
from tests.tiny_framepack import SIDE, apart, tiny_framepack

Frames = NDArray[np.uint8]
WINDOW = 2
SECTION = 4 * WINDOW
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_framepack(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[Framepack]:
    opened = open_engine(model)
    yield opened
    opened.close()


def options(model: Path | str, **said: object) -> FramepackOptions:
    plain: dict[str, object] = {"model": str(model), "dtype": "float32", "device": "cpu", "steps": 2}
    return FramepackOptions.model_validate(plain | {"latent_window_size": WINDOW} | said)


def open_engine(model: Path | str, **said: object) -> Framepack:
    opened = SPEC.open(options(model, **said))
    assert isinstance(opened, Framepack)
    return opened


def asked(engine: Framepack, **fields: object) -> Assignment:
    rate = Rate(Fraction(30))
    plain = Assignment("a/1", "A bear swims.", "", 7, SIDE, SIDE, rate, 2 * SECTION + 1, engine.options)
    if "tail" not in fields:
        plain = replace(plain, start=given(9))
    return replace(plain, **fields)  # type: ignore[arg-type]


def shot(engine: Framepack, **fields: object) -> Frames:
    return engine.shoot(asked(engine, **fields), lambda step, steps: None).frames


def given(seed: int = 0) -> Frames:
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


@pytest.mark.parametrize("sampling", ["inverted_anti_drifting", "vanilla"])
@pytest.mark.parametrize("window", [1, 3])
def test_sections_are_exactly_the_frames_asked_for(model: Path, sampling: str, window: int) -> None:
    engine = open_engine(model, sampling=sampling, latent_window_size=window, steps=1)
    for sections in (1, 2, 5):
        steps: list[tuple[int, int]] = []
        frames = 4 * window * sections + 1
        footage = engine.shoot(asked(engine, frames=frames), lambda step, count: steps.append((step, count)))  # noqa: B023
        assert footage.frames.shape == (frames, SIDE, SIDE, 3)
        assert steps == [(step, sections + 1) for step in range(1, sections + 2)], "steps of all sections"
    engine.close()


def test_other_counts_are_refused_and_not_trimmed(engine: Framepack) -> None:
    can = SPEC.capabilities(SPEC.options())
    assert (str(can.frames), str(can.native_rate), can.default_size) == ("36n+1, 37 to 1801", "30", (832, 480))
    with pytest.raises(ShotError, match="asks `framepack` for 16 frames"):
        shot(engine, frames=16)


def test_it_is_what_the_pipeline_itself_makes(engine: Framepack, model: Path) -> None:
    from diffusers import HunyuanVideoFramepackPipeline

    pipeline = HunyuanVideoFramepackPipeline.from_pretrained(model, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    first, last = (Image.fromarray(given(seed)) for seed in (9, 1))
    with reproducible("cpu", 7) as generator:
        made = pipeline(
            image=first,
            last_image=last,
            prompt="A bear swims.",
            width=SIDE,
            height=SIDE,
            num_frames=10,
            latent_window_size=WINDOW,
            num_inference_steps=2,
            guidance_scale=9.0,
            generator=generator,
            output_type="np",
        ).frames[0]
    assert (np.rint(made * 255).astype(np.uint8) == shot(engine, end=given(1))).all()


def test_a_picture_is_the_start_or_the_last_of_the_tail_and_another_the_end(engine: Framepack) -> None:
    begun = shot(engine, start=given())
    assert (begun == shot(engine, tail=given()[None])).all()
    ended = shot(engine, start=given(), end=given(1))
    assert (ended[:-1] != begun[:-1]).mean() > 0.01
    assert (ended != shot(engine, start=given(), end=given(2))).mean() > 0.01
    assert (ended == shot(engine, start=given(), head=given(1)[None])).all()
    with pytest.raises(ShotError, match="begins with nothing, and `framepack` sets a picture in motion"):
        shot(engine, start=None)


def test_an_f1_model_goes_forward_in_time_and_takes_no_last_picture(model: Path, tmp_path: Path) -> None:
    assert options(model).order == "inverted_anti_drifting"
    named = tmp_path / "FramePack_F1_I2V_HY"
    shutil.copytree(model, named)
    assert options(named).order == "vanilla" == options(named).keyed()["sampling"]
    hub = "lllyasviel/FramePack_F1_I2V_HY_20250503"
    assert options(hub, revision=COMMIT).order == "vanilla"
    assert not SPEC.capabilities(options(named)).end_image
    Image.fromarray(given()).save(tmp_path / "a.png")
    picture = {"image": "a.png"}
    said = {"name": "framepack", "model": str(named)}
    film = screenplay([scene("a", start=picture, end=picture)], engine=said) | {"format": {"width": 32, "height": 32}}
    with pytest.raises(ScreenplayError, match="`framepack` takes no end image"):
        broken_down(film, tmp_path)


def test_a_chain_continues_and_leads_into_pictures_and_begins_with_one(model: Path, tmp_path: Path) -> None:
    Image.fromarray(given()).save(tmp_path / "a.png")
    said = {"name": "framepack", "model": str(model), "dtype": "float32", "steps": 1, "latent_window_size": WINDOW}
    film = {"engine": said, "format": {"width": SIDE, "height": SIDE, "rate": 30}}
    first = scene("a", "9f", start={"image": "a.png"})
    second = scene("b", "8f", leads_into="a")
    result = shoot(broken_down(screenplay([first, second]) | film, tmp_path), Vault(tmp_path / "vault"))
    one, other = result.takes["a/1"], result.takes["b/1"]
    assert len(one.frames) == 9 and len(other.frames) == 17
    assert other.slate["tail"] == {"digests": [one.frames[-1]], "resample": None}
    assert other.slate["head"] == {"digests": [one.frames[7]], "resample": None}
    with pytest.raises(ScreenplayError) as caught:
        broken_down(screenplay([scene("a", "9f"), scene("b", "8f")]) | film, tmp_path)
    (fault,) = caught.value.faults
    assert fault.path == ("scenes", 0)
    assert fault.message == "scene `a` begins with nothing, and `framepack` sets a picture in motion"
    assert fault.hint is not None and fault.hint.startswith("give it `start: {image: ...}`")


def test_a_negative_prompt_is_read_where_it_is_asked_for(model: Path, engine: Framepack) -> None:
    assert not engine.can.negative
    guided = open_engine(model, negative_guidance=3.0)
    assert guided.can.negative
    assert (shot(guided, negative="Fireworks over a city") != shot(guided, negative="word")).mean() > 0.005
    guided.close()


def test_prompts_are_counted_as_they_are_read(engine: Framepack, caplog: pytest.LogCaptureFixture) -> None:
    assert engine.count_tokens("A bear swims.") == 5, "and the mark that ends it"
    with pytest.raises(ShotError, match=r"a prompt has 301 tokens, and `framepack` reads 256"):
        shot(engine, prompt="word " * 300)
    with caplog.at_level(logging.WARNING):
        logging.getLogger("diffusers").propagate = True
        shot(engine, prompt="word " * 200)
    assert [each.getMessage() for each in caplog.records] == []


def test_the_tokenizer_is_as_its_file_has_it(model: Path, engine: Framepack, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(model, folder)
    config = folder / "tokenizer" / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"tokenizer_class": "LlamaTokenizerFast"}))
    named = open_engine(folder)
    assert named.count_tokens("A bear swims.") == 5
    assert (shot(named) == shot(engine)).all()
    named.close()


def test_what_looks_at_pictures_has_nothing_that_is_not_needed(engine: Framepack) -> None:
    names = [name for name, _ in engine.pipeline.image_encoder.named_modules()]
    assert names and not [name for name in names if "attention" in name and "head" in name]


# Where its parts are


def test_parts_in_three_places_make_the_same_frames(model: Path, engine: Framepack, tmp_path: Path) -> None:
    alone, base, eyes = apart(model, tmp_path)
    said = {"base": {"model": str(base)}, "image_encoder": {"model": str(eyes)}}
    parted = open_engine(alone, **said)
    assert (shot(parted) == shot(engine)).all()
    parted.close()
    (eyes / "image_encoder" / "config.json").write_text("{}")
    with pytest.raises(ValidationError, match="`SiglipVisionModel` is needed"):
        options(alone, **said)
    identity = SPEC.weights(options(model))
    assert identity is not None and identity.count("folder:") == 3
    assert not {"base", "image_encoder", "model"} & set(options(model).keyed())


def test_hub_models_are_found_where_their_makers_have_them(
    model: Path, engine: Framepack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    usual = options(DEFAULT_MODEL)
    wanted = [weights for weights, _ in usual.all_weights]
    assert SPEC.weights(usual) == " with ".join(f"hub:{each.model}@{each.revision}" for each in wanted)
    for weights, folder in zip(wanted, apart(model, tmp_path), strict=True):
        assert SPEC.absent(usual) is not None and f"`{weights.model}` are not on this machine" in SPEC.absent(usual)
        snapshot = (
            tmp_path / "hub" / f"models--{weights.model.replace('/', '--')}" / "snapshots" / str(weights.revision)
        )
        shutil.copytree(folder, snapshot)
    assert SPEC.absent(usual) is None
    opened = open_engine(DEFAULT_MODEL)
    assert (shot(opened) == shot(engine)).all()
    opened.close()


def test_a_model_of_another_kind_is_a_fault(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(model, folder)
    config = folder / "transformer" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"has_clean_x_embedder": False}))
    with pytest.raises(ValidationError, match="`copy` is no FramePack model"):
        FramepackOptions(model=str(folder))
