"""The engine `cogvideox` on tiny models of each kind: given latents stand where they belong, counts and sizes are those
that the family really makes, and a model that needs a picture gets one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from storyboard.engines.arithmetic import reproducible
from storyboard.engines.base import Assignment
from storyboard.engines.cogvideox import SPEC, Cogvideox, CogvideoxOptions
from storyboard.engines.replacement import encode_head, encode_tail
from storyboard.errors import EngineUnavailable, ScreenplayError, ShotError
from storyboard.timing import Rate
from storyboard.vault import Vault
from tests.films import broken_down, scene, screenplay, shoot
from tests.tiny_cogvideox import LATENTS, SIDE, tiny_cogvideox

Frames = NDArray[np.uint8]
Opener = Callable[..., Cogvideox]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
KINDS = ["1.0", "1.0-I2V", "1.5", "1.5-I2V"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {kind: tiny_cogvideox(folder / kind, kind) for kind in KINDS}


@pytest.fixture(scope="module")
def opened(models: dict[str, Path]) -> Iterator[Opener]:
    engines: dict[str, Cogvideox] = {}

    def open_one(kind: str, scheduler: str = "DDIM") -> Cogvideox:
        name = f"{kind} {scheduler}"
        if name not in engines:
            engine = SPEC.open(options(models[kind], scheduler=scheduler))
            assert isinstance(engine, Cogvideox)
            engines[name] = engine
        return engines[name]

    yield open_one
    for engine in engines.values():
        engine.close()


def options(model: Path | str, **said: object) -> CogvideoxOptions:
    plain: dict[str, object] = {"model": str(model), "dtype": "float32", "device": "cpu", "steps": 3, "guidance": 1.0}
    return CogvideoxOptions.model_validate(plain | said)


def asked(engine: Cogvideox, **fields: object) -> Assignment:
    plain = Assignment("a/1", "A bear swims.", "", 7, SIDE, SIDE, Rate(Fraction(8)), 17, engine.options)
    if engine.can.needs_picture and "tail" not in fields:
        plain = replace(plain, start=given(1, 9)[0])
    return replace(plain, **fields)  # type: ignore[arg-type]


def shot(engine: Cogvideox, **fields: object) -> Frames:
    return engine.shoot(asked(engine, **fields), lambda step, steps: None).frames


def given(count: int, seed: int = 0) -> Frames:
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


@pytest.mark.parametrize("scheduler", ["DDIM", "DPM"])
@pytest.mark.parametrize("kind", KINDS)
def test_given_latents_stand_where_they_are_decoded(
    opened: Opener, kind: str, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = opened(kind, scheduler)
    vae, decoded = engine.pipeline.vae, []
    plain = vae.decode
    monkeypatch.setattr(vae, "decode", lambda latents: (decoded.append(latents), plain(latents))[1])
    tail, head = given(1 if engine.can.needs_picture else 9), given(4, 1)
    shot(engine, tail=tail, head=head)
    (latents,) = decoded
    latents = latents * vae.config.scaling_factor
    assert latents.shape[2] == 5, "what stands before those that are shown is not decoded"
    assert torch.allclose(latents[:, :, -1:], encode_head(vae, head, "cpu"), atol=1e-5)
    if not engine.can.needs_picture:
        assert torch.allclose(latents[:, :, :3], encode_tail(vae, tail, "cpu"), atol=1e-5)


def test_in_1_5_the_first_latent_of_the_tail_stands_before_it_once_more(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = opened("1.5")
    seen: list[torch.Tensor] = []
    hook = engine.pipeline.transformer.register_forward_pre_hook(
        lambda module, args, named: seen.append(named["hidden_states"]), with_kwargs=True
    )
    shot(engine, tail=given(9))
    hook.remove()
    begun = torch.randn(seen[0].shape, generator=torch.Generator().manual_seed(7))
    clean = encode_tail(engine.pipeline.vae, given(9), "cpu").transpose(1, 2)
    expected = torch.cat([clean[:, :1], clean], dim=1)
    scheduler = engine.pipeline.scheduler
    for latents, timestep in zip(seen, scheduler.timesteps, strict=True):
        assert latents.shape[1] == 6
        noised = scheduler.add_noise(expected, begun[:, :4], timestep[None])
        assert torch.allclose(latents[:, :4], noised, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_each_accepted_count_of_frames_comes_back(opened: Opener, kind: str) -> None:
    engine = opened(kind)
    rule = engine.can.frames
    for count in [count for count in range(1, rule.most + 1) if rule.fits(count)]:
        assert len(shot(engine, frames=count)) == count
    with pytest.raises(ShotError, match="asks `cogvideox` for 13 frames"):
        shot(engine, frames=13)


def test_counts_sizes_and_rates_are_those_of_the_family() -> None:
    def can(name: str) -> tuple[str, str, tuple[int, int], str, bool]:
        of = SPEC.capabilities(CogvideoxOptions(model=f"org/{name}", revision=COMMIT))
        return str(of.frames), str(of.tail), of.default_size, str(of.native_rate), of.needs_picture

    assert can("CogVideoX-2b") == ("8n+1, 9 to 49", "4n+1, 1 to 45", (720, 480), "8", False)
    assert can("CogVideoX-5b") == ("8n+1, 9 to 49", "4n+1, 1 to 45", (720, 480), "8", False)
    assert can("CogVideoX-5b-I2V") == ("49", "1", (720, 480), "8", True)
    assert can("CogVideoX1.5-5B") == ("16n+1, 17 to 161", "4n+1, 1 to 157", (1360, 768), "16", False)
    assert can("CogVideoX1.5-5B-I2V") == ("16n+1, 17 to 161", "1", (1360, 768), "16", True)
    said = CogvideoxOptions(model="org/mine", revision=COMMIT, kind="1.5-I2V")
    assert str(SPEC.capabilities(said).frames) == "16n+1, 17 to 161"
    small, large = (dict(SPEC.capabilities(each).memory)["model"] for each in (SPEC.options(), said))
    assert small < large == 13.1
    assert SPEC.capabilities(SPEC.options()).tail is not None, "the default continues shots"
    assert str(SPEC.weights(SPEC.options())).startswith("hub:THUDM/CogVideoX-2b@1137dac")


def test_learned_positions_are_there_for_one_size_and_length_only(models: dict[str, Path], opened: Opener) -> None:
    engine = opened("1.0-I2V")
    with pytest.raises(ShotError, match="cannot shoot") as caught:
        shot(engine, width=16, height=16)
    assert caught.value.hint == "it takes 32x32 only"
    with pytest.raises(ShotError, match="asks `cogvideox` for 9 frames"):
        shot(engine, frames=9)
    said = {"name": "cogvideox", "model": str(models["1.0-I2V"]), "steps": 2}
    film = screenplay([scene("a", 1)], engine=said | {"width": 16, "height": 16})
    with pytest.raises(ScreenplayError, match="cannot shoot at 16x16"):
        broken_down(film)


def test_without_anything_given_it_is_what_the_pipelines_themselves_make(
    models: dict[str, Path], opened: Opener
) -> None:
    from diffusers import CogVideoXDDIMScheduler, CogVideoXImageToVideoPipeline, CogVideoXPipeline

    for kind, pipeline in (("1.0", CogVideoXPipeline), ("1.5-I2V", CogVideoXImageToVideoPipeline)):
        plain = pipeline.from_pretrained(models[kind], dtype=torch.float32)
        plain.set_progress_bar_config(disable=True)
        plain.scheduler = CogVideoXDDIMScheduler.from_config(plain.scheduler.config, timestep_spacing="trailing")
        more = {"image": Image.fromarray(given(1, 9)[0])} if "I2V" in kind else {}
        with reproducible("cpu", 7) as generator:
            count = 6 if kind.startswith("1.5") else 5
            noise = torch.randn((1, count, LATENTS, SIDE // 8, SIDE // 8), generator=generator)
            more |= {"latents": noise, "generator": generator, "max_sequence_length": 48, "output_type": "np"}
            size = {"width": SIDE, "height": SIDE, "num_frames": 17}
            made = plain(prompt="A bear swims.", num_inference_steps=3, guidance_scale=1.0, **size, **more).frames[0]
        assert np.abs(np.rint(made * 255) - shot(opened(kind))).max() <= 1


def test_a_picture_is_the_start_or_the_last_of_the_tail(opened: Opener) -> None:
    engine = opened("1.5-I2V")
    assert (shot(engine, start=given(1)[0]) == shot(engine, tail=given(1))).all()
    with pytest.raises(ShotError, match="begins with nothing, and `cogvideox` sets a picture in motion"):
        shot(engine, start=None)


def test_a_scene_without_a_picture_is_a_fault_where_one_is_needed(models: dict[str, Path], tmp_path: Path) -> None:
    Image.fromarray(given(1)[0]).save(tmp_path / "start.png")
    said = {"name": "cogvideox", "model": str(models["1.5-I2V"]), "dtype": "float32", "steps": 2}
    film = {"engine": said, "format": {"width": SIDE, "height": SIDE, "rate": 16}}
    begun = scene("a", 1, start={"image": "start.png"})
    alone = scene("c", 1, continues="nothing")
    with pytest.raises(ScreenplayError) as caught:
        broken_down(screenplay([begun, scene("b", 1), alone]) | film, folder=tmp_path)
    (fault,) = caught.value.faults
    assert fault.path == ("scenes", 2)
    assert fault.message == "scene `c` begins with nothing, and `cogvideox` sets a picture in motion"
    result = shoot(broken_down(screenplay([begun, scene("b", 1)]) | film, folder=tmp_path), Vault(tmp_path / "vault"))
    first, second = result.takes["a/1"], result.takes["b/1"]
    assert second.slate["tail"] == {"digests": [first.frames[15]], "resample": None}


def test_schedulers_give_other_frames_and_keys(opened: Opener) -> None:
    one, other = opened("1.0"), opened("1.0", "DPM")
    assert (shot(one) != shot(other)).mean() > 0.1
    assert one.options.keyed() != other.options.keyed()
    for engine, kind in ((one, "CogVideoXDDIMScheduler"), (other, "CogVideoXDPMScheduler")):
        assert type(engine.pipeline.scheduler).__name__ == kind
        assert engine.pipeline.scheduler.config.timestep_spacing == "trailing", "whatever the model's file says"


def test_a_prompt_that_is_longer_than_it_reads_is_refused_and_not_cut(opened: Opener) -> None:
    with pytest.raises(ShotError, match=r"a prompt has [0-9]+ tokens, and `cogvideox` reads 48"):
        shot(opened("1.0"), prompt="bear " * 40)


def test_a_hub_model_that_is_not_what_it_is_taken_for_is_told(
    models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    shutil.copytree(models["1.5"], tmp_path / "models--org--mine" / "snapshots" / COMMIT)
    with pytest.raises(EngineUnavailable, match=r"is not of the kind 1\.0") as caught:
        SPEC.open(options("org/mine", revision=COMMIT))
    assert caught.value.hint == "say in `kind` which of the family it is"


def test_parts_that_do_not_fit_together_are_a_fault(tmp_path: Path) -> None:
    model = tiny_cogvideox(tmp_path / "odd", text_embed_dim=16)
    with pytest.raises(ValueError, match="its text encoder and its transformer do not fit together"):
        options(model)
