"""The engine `modelscope` on a tiny model: tails and heads are what the autoencoder shows of them, by replacement, with
each of its schedulers; and its limits are told."""

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
from pydantic import ValidationError

from storyboard.engines.arithmetic import reproducible
from storyboard.engines.base import Assignment
from storyboard.engines.modelscope import SPEC, Modelscope, ModelscopeOptions
from storyboard.errors import ShotError
from storyboard.timing import Rate
from storyboard.vault import Vault
from tests.films import broken_down, scene, screenplay, shoot
from tests.tiny import tiny_modelscope

Frames = NDArray[np.uint8]
SIDE = 16


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_modelscope(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[Modelscope]:
    opened = open_engine(model)
    yield opened
    opened.close()


def options(model: Path, **said: object) -> ModelscopeOptions:
    plain: dict[str, object] = {"model": str(model), "dtype": "float32", "device": "cpu", "steps": 2, "guidance": 1.0}
    return ModelscopeOptions.model_validate(plain | said)


def open_engine(model: Path, **said: object) -> Modelscope:
    opened = SPEC.open(options(model, **said))
    assert isinstance(opened, Modelscope)
    return opened


def asked(engine: Modelscope, **fields: object) -> Assignment:
    plain = Assignment("a/1", "A bear swims.", "", 7, SIDE, SIDE, Rate(Fraction(8)), 6, engine.options)
    return replace(plain, **fields)  # type: ignore[arg-type]


def shot(engine: Modelscope, **fields: object) -> Frames:
    return engine.shoot(asked(engine, **fields), lambda step, steps: None).frames


def given(count: int, seed: int = 0) -> Frames:
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def seen_again(engine: Modelscope, frames: Frames) -> Frames:
    """Frames as the autoencoder shows them: through its latents and back, each by itself."""
    vae = engine.pipeline.vae
    with torch.no_grad():
        pictures = torch.from_numpy(frames).permute(0, 3, 1, 2) / 127.5 - 1
        decoded = vae.decode(vae.encode(pictures).latent_dist.mode()).sample
    values = ((decoded / 2 + 0.5).clamp(0, 1) * 255).round()
    return values.permute(0, 2, 3, 1).numpy().astype(np.uint8)


@pytest.mark.parametrize("scheduler", ["DPMSolverMultistep", "UniPCMultistep", "DDIM", "EulerDiscrete"])
def test_what_is_given_comes_back_as_the_autoencoder_shows_it(model: Path, scheduler: str) -> None:
    engine = open_engine(model, scheduler=scheduler)
    tail, head = given(2), given(1, 1)
    frames = shot(engine, tail=tail, head=head).astype(int)
    assert np.abs(frames[:2] - seen_again(engine, tail)).max() <= 1
    assert np.abs(frames[-1:] - seen_again(engine, head)).max() <= 1
    assert type(engine.pipeline.scheduler).__name__ == f"{scheduler}Scheduler"
    engine.close()


def test_without_anything_given_it_is_what_the_pipeline_itself_makes(engine: Modelscope, model: Path) -> None:
    from diffusers import DPMSolverMultistepScheduler, TextToVideoSDPipeline

    pipeline = TextToVideoSDPipeline.from_pretrained(model, dtype=torch.float32)
    pipeline.scheduler = DPMSolverMultistepScheduler.from_config(pipeline.scheduler.config)
    with reproducible("cpu", 7) as generator:
        noise = torch.randn((6, 4, SIDE // 2, SIDE // 2), generator=generator).transpose(0, 1)[None]
        given = {"latents": noise, "num_inference_steps": 2, "guidance_scale": 1.0, "output_type": "np"}
        made = pipeline("A bear swims.", width=SIDE, height=SIDE, num_frames=6, **given).frames[0]
    assert np.abs(np.rint(made * 255) - shot(engine)).max() <= 1


def test_schedulers_and_steps_give_other_frames_and_keys(engine: Modelscope, model: Path) -> None:
    plain = shot(engine)
    other = open_engine(model, scheduler="DDIM")
    assert (shot(other) != plain).mean() > 0.1
    other.close()
    more = options(model, steps=3)
    assert (shot(engine, options=more) != plain).mean() > 0.1
    assert more.keyed() != engine.options.keyed() != options(model, scheduler="DDIM").keyed()
    with pytest.raises(ValidationError, match="DPMSolverMultistep"):
        options(model, scheduler="Heun")


def test_a_window_is_as_long_as_the_author_says_up_to_what_makes_sense(model: Path) -> None:
    can = SPEC.capabilities(options(model))
    assert (str(can.frames), str(can.tail), can.default_tail) == ("1 to 16", "1 to 15", 4)
    assert str(SPEC.capabilities(options(model, window=24)).frames) == "1 to 24"
    alone = SPEC.capabilities(options(model, window=1))
    assert alone.tail is None and alone.head is None
    assert (can.default_size, can.size_multiple, can.negative) == ((32, 32), 8, False)
    hub = SPEC.capabilities(SPEC.options())
    assert (hub.default_size, hub.licence, hub.negative) == ((256, 256), "CC-BY-NC-4.0", True)


def test_a_prompt_that_is_longer_than_it_reads_is_refused_and_not_cut(engine: Modelscope) -> None:
    with pytest.raises(ShotError, match=r"a prompt has [0-9]+ tokens, and `modelscope` reads 77"):
        shot(engine, prompt="bear " * 40)


def test_parts_that_do_not_fit_together_are_a_fault(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(model, folder)
    config = folder / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"cross_attention_dim": 8}))
    with pytest.raises(ValidationError, match="its text encoder and its denoiser do not fit together"):
        options(folder)


def test_its_limits_are_told_once_where_the_engine_is_named(model: Path) -> None:
    said = {"name": "modelscope", "model": str(model)}
    film = screenplay([scene("a"), scene("b"), scene("c", engine="animatic")], engine=said)
    notices = broken_down(film).notices
    told = [notice for notice in notices if notice.message.startswith("`modelscope`: ")]
    assert len(told) == 2 and {notice.path for notice in told} == {("engine",)}
    assert not [each for each in broken_down(screenplay([scene("a")])).notices if "modelscope" in each.message]


def test_a_chain_is_shot_from_the_screenplay_and_its_texts_are_read_first(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    encode, generate = Modelscope.encode, Modelscope.generate
    monkeypatch.setattr(Modelscope, "encode", lambda self, text: (read.append(text), encode(self, text))[1])
    monkeypatch.setattr(Modelscope, "generate", lambda self, call: (read.append("-"), generate(self, call))[1])
    said = {"name": "modelscope", "model": str(model), "dtype": "float32", "steps": 2, "window": 6, "tail": 2}
    film = screenplay([scene("a", 0.5), scene("b", 0.5, negative="snow"), scene("c", 0.25, engine="animatic")])
    film |= {"engine": said, "format": {"width": 32, "height": 32, "rate": 8}}
    result = shoot(broken_down(film), Vault(tmp_path / "vault"))
    assert result.shot == ["a/1", "b/1", "c/1"]
    assert result.takes["b/1"].slate["tail"] == {"digests": list(result.takes["a/1"].frames[2:4]), "resample": None}
    assert read == ["This is a.", "", "This is b.", "snow", "-", "-"], "all texts of the film before its first shot"
