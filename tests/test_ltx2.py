"""The engine `ltx2` on a tiny model with random weights, through the real pipeline: what is given stands where it is
said, sound comes with the pictures, and what the pipeline would do silently is refused or done right."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from storyboard.engines.arithmetic import reproducible
from storyboard.engines.base import Assignment, EngineOptions
from storyboard.engines.ltx2 import SPEC, Ltx2
from storyboard.engines.ltx2_options import DISTILLED, Ltx2Options
from storyboard.engines.replacement import encode_head, encode_tail
from storyboard.errors import ShotError
from storyboard.footage import Footage
from storyboard.timing import Rate
from storyboard.vault import Vault
from tests.films import broken_down, scene, screenplay, shoot
from tests.tiny_ltx2 import RATE, tiny_ltx2

Frames = NDArray[np.uint8]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PROMPT = "A bear swims."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_ltx2(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[Ltx2]:
    opened = open_engine(model)
    yield opened
    opened.close()


def options(model: Path, **said: object) -> Ltx2Options:
    plain: dict[str, object] = {"model": str(model), "distilled": True, "dtype": "float32", "device": "cpu"}
    steps = {} if "schedule" in said else {"steps": 2}
    return Ltx2Options.model_validate(plain | {"max_sequence_length": 128} | steps | said)


def open_engine(model: Path, **said: object) -> Ltx2:
    opened = SPEC.open(options(model, **said))
    assert isinstance(opened, Ltx2)
    return opened


def made(engine: Ltx2, **fields: object) -> Footage:
    rate = Rate(Fraction(24))
    plain = Assignment("a/1", PROMPT, "", 7, 32, 32, rate, 13, EngineOptions())
    return engine.shoot(replace(plain, **fields), lambda step, steps: None)  # type: ignore[arg-type]


def shot(engine: Ltx2, **fields: object) -> Frames:
    return made(engine, **fields).frames


def noise(count: int, seed: int = 0) -> Frames:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), np.uint8)


def differs(one: Frames, other: Frames) -> bool:
    return float(np.abs(one.astype(int) - other).mean()) > 0.05


@contextmanager
def watched(engine: Ltx2) -> Iterator[list[dict[str, Any]]]:
    """What the transformer is asked, step by step."""
    asked: list[dict[str, Any]] = []
    transformer = engine.pipeline.transformer
    hook = transformer.register_forward_pre_hook(lambda _, __, named: asked.append(named), with_kwargs=True)
    try:
        yield asked
    finally:
        hook.remove()


# What is given


def test_it_is_what_the_pipeline_itself_makes(engine: Ltx2, model: Path) -> None:
    from diffusers import LTX2ConditionPipeline
    from diffusers.pipelines.ltx2.pipeline_ltx2_condition import LTX2VideoCondition

    pipeline = LTX2ConditionPipeline.from_pretrained(model, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.tokenizer_padding_side == "right", "as the model was saved, and not as the pipeline pads"
    pipeline.tokenizer_padding_side = "left"
    with reproducible("cpu", 7) as generator:
        result = pipeline(
            conditions=[LTX2VideoCondition(frames=noise(5))],
            prompt=PROMPT,
            width=32,
            height=32,
            num_frames=13,
            frame_rate=24,
            num_inference_steps=2,
            guidance_scale=1.0,
            audio_guidance_scale=1.0,
            modality_scale=1.0,
            audio_modality_scale=1.0,
            stg_scale=0.0,
            audio_stg_scale=0.0,
            guidance_rescale=0.0,
            audio_guidance_rescale=0.0,
            use_cross_timestep=False,
            generator=generator,
            max_sequence_length=128,
            output_type="np",
        )
    ours = made(engine, tail=noise(5))
    assert (np.rint(result.frames[0] * 255).astype(np.uint8) == ours.frames).all()
    assert ours.sound is not None
    heard = np.rint(result.audio[0].double().numpy().T[: len(ours.sound.samples)] * 32767).astype(np.int16)
    assert (heard == ours.sound.samples[: len(heard)]).all()


def test_what_is_held_is_held_to_the_end(engine: Ltx2) -> None:
    """Tail and head are the first and last latents of what is decoded, encoded as a film has them there."""
    vae, decoded = engine.pipeline.vae, []
    hook = vae.decoder.register_forward_pre_hook(lambda _, given: decoded.append(given[0]))
    try:
        shot(engine, frames=21, tail=noise(5, 1), head=noise(8, 2))
    finally:
        hook.remove()
    latents = (decoded[0] - vae.latents_mean.view(1, -1, 1, 1, 1)) / vae.latents_std.view(1, -1, 1, 1, 1)
    assert torch.allclose(latents[:, :, :2], encode_tail(vae, noise(5, 1), "cpu"), atol=1e-4)
    assert torch.allclose(latents[:, :, -2:], encode_head(vae, noise(8, 2), "cpu"), atol=1e-4)
    film = encode_tail(vae, np.concatenate([noise(1, 2), noise(8, 2)]), "cpu")
    assert torch.equal(encode_head(vae, noise(8, 2), "cpu"), film[:, :, 1:])


def test_an_end_picture_stands_at_the_last_frame(engine: Ltx2) -> None:
    """The pipeline's own index counts latents, and would have it three frames earlier."""
    with watched(engine) as asked:
        shot(engine, end=noise(1)[0])
    times = asked[0]["video_coords"][0, 0, -4:] * 24
    assert times.allclose(torch.tensor([[12.0, 13.0]]).expand(4, 2))
    with watched(engine) as asked:
        shot(engine)
    assert asked[0]["video_coords"].shape[2] == 4 * 4, "nothing of it is left for the next shot"
    assert differs(shot(engine, end=noise(1)[0])[:-1], shot(engine)[:-1])


@pytest.mark.parametrize("count", [4, 8])
def test_the_head_changes_the_frames_before_it(engine: Ltx2, count: int) -> None:
    one, other = (shot(engine, frames=17, head=noise(count, seed)) for seed in (1, 2))
    assert differs(one[: 17 - count], shot(engine, frames=17)[: 17 - count])
    assert (one[: 17 - count] != other[: 17 - count]).mean() > 0.02


def test_given_pictures_are_compressed_as_films_are(engine: Ltx2, model: Path) -> None:
    start = noise(1)[0]
    with_options = {value: options(model, compression=value) for value in (0, 33)}
    plain, usual = (shot(engine, start=start, options=each) for each in with_options.values())
    assert differs(plain, usual) and (shot(engine, start=start) == usual).all()
    frames = [shot(engine, tail=noise(5), options=each) for each in with_options.values()]
    assert (frames[0] == frames[1]).all(), "a tail is film already"
    assert with_options[0].keyed() != with_options[33].keyed()


# How it is sampled


def test_a_schedule_is_meant_as_it_stands_and_steps_are_as_the_model_spreads_them(engine: Ltx2, model: Path) -> None:
    def timesteps(**said: object) -> list[float]:
        with watched(engine) as asked:
            shot(engine, frames=5, options=options(model, **said))
        return [float(each["sigma"][0]) for each in asked]

    assert np.allclose(timesteps(schedule=None), DISTILLED)
    assert np.allclose(timesteps(schedule=[1000, 500]), [1000, 500])
    first, second = timesteps(steps=2)
    assert first == 1000 and np.isclose(second, 100), "shifted, and stretched to the model's last level"


def test_one_guidance_alone_reads_the_negative_prompt_and_none_leaves_it(engine: Ltx2, model: Path) -> None:
    for said, batch in (({}, 1), ({"guidance": 2}, 2), ({"audio_guidance": 2}, 2)):
        asked_for = options(model, **said)
        with watched(engine) as asked:
            shot(engine, frames=5, options=asked_for)
        assert len(asked[0]["hidden_states"]) == batch
        assert SPEC.capabilities(asked_for).negative is (batch == 2)


def test_each_generation_is_asked_in_its_own_way(engine: Ltx2, model: Path, tmp_path: Path) -> None:
    newer = open_engine(tiny_ltx2(tmp_path / "newer", crossed=True, perturbed=True))
    for each, crossed in ((engine, False), (newer, True)):
        with watched(each) as asked:
            shot(each, frames=5)
        assert {step["use_cross_timestep"] for step in asked} == {crossed}
    guided = options(tmp_path / "newer", stg=1)
    assert differs(shot(newer, options=guided), shot(newer))
    newer.close()
    with pytest.raises(ValidationError, match="`stg` has no effect on this model"):
        options(model, stg=1)


def test_what_is_kept_of_a_text_is_its_words(engine: Ltx2) -> None:
    shot(engine)
    (words,) = engine.texts.read(PROMPT, "cpu")
    assert words is not None and words.shape[1] == engine.count_tokens(PROMPT) == len(PROMPT) + 1
    with pytest.raises(ShotError, match="tokens, and `ltx2` reads 128") as caught:
        shot(engine, prompt="A bear. " * 20)
    assert "max_sequence_length" in (caught.value.hint or "")


# Sound


def test_sound_lasts_as_long_as_its_pictures(engine: Ltx2) -> None:
    for frames, rate in ((13, Rate(Fraction(24))), (5, Rate(Fraction(25)))):
        sound = made(engine, frames=frames, rate=rate).sound
        assert sound is not None and sound.rate == RATE and sound.samples.shape[1] == 2
        assert len(sound.samples) == round(frames / rate.fraction * RATE)
    one, other = (made(engine, prompt=prompt).sound for prompt in (PROMPT, "Fireworks."))
    assert one is not None and other is not None and one.samples.std() > 100
    assert (one.samples != other.samples).mean() > 0.5
    again = made(engine).sound
    assert again is not None and again.digest == one.digest


def test_a_film_keeps_its_sound_in_the_vault(model: Path, tmp_path: Path) -> None:
    said = {"name": "ltx2", "model": str(model), "distilled": True, "steps": 2, "dtype": "float32"}
    scenes = [scene("a", "9f"), scene("b", "9f", leads_into="a", continues="nothing"), scene("c", "8f", continues="a")]
    film = screenplay(
        scenes, engine=said | {"max_sequence_length": 128}, format={"width": 32, "height": 32, "rate": 24}
    )
    vault = Vault(tmp_path / "vault")
    result = shoot(broken_down(film), vault)
    assert sorted(result.shot) == ["a/1", "b/1", "c/1"]
    first, into, after = (result.takes[name] for name in ("a/1", "b/1", "c/1"))
    assert into.slate["head"] == {"digests": list(first.frames[0:4]), "resample": None}
    assert after.slate["tail"] == {"digests": list(first.frames[4:9]), "resample": None}
    for take in result.takes.values():
        sound = vault.sound(take)
        assert sound is not None and take.sound is not None and sound.digest == take.sound.digest
        assert len(sound.samples) == round(len(take.frames) / 24 * RATE)
    assert shoot(broken_down(film), vault).shot == []


# What is refused


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"frames": 12}, "asks `ltx2` for 12 frames"),
        ({"tail": noise(4)}, "asks `ltx2` for 4 tail frames"),
        ({"head": noise(5)}, "asks `ltx2` for 5 head frames"),
        ({"width": 48}, "is 48x32, which `ltx2` cannot shoot"),
    ],
)
def test_what_does_not_fit_is_refused_and_never_trimmed(engine: Ltx2, fields: dict[str, object], says: str) -> None:
    with pytest.raises(ShotError) as caught:
        shot(engine, **fields)
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("part", "field", "value", "says"),
    [
        ("vae", "scaling_factor", 0.5, "`scaling_factor`"),
        ("vae", "latent_channels", 16, "autoencoder and its transformer do not fit"),
        ("transformer", "patch_size", 2, "has patches"),
        ("transformer", "vae_scale_factors", [8, 32, 32], "count frames and pixels differently"),
        ("audio_vae", "mel_bins", 64, "its sound's autoencoder"),
    ],
)
def test_models_that_would_go_wrong_without_a_word_are_refused(
    model: Path, tmp_path: Path, part: str, field: str, value: object, says: str
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(model, folder)
    config = folder / part / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {field: value}))
    with pytest.raises(ValidationError, match=says):
        options(folder)


def test_what_is_left_out_follows_from_the_name() -> None:
    hub = Ltx2Options(model="org/LTX-2-Distilled", revision=COMMIT)
    assert (hub.schedule, hub.guidance, hub.audio_guidance, hub.modality) == (DISTILLED, 1.0, 1.0, 1.0)
    assert not SPEC.capabilities(hub).negative
    usual = Ltx2Options()
    assert (usual.count, usual.schedule, usual.guidance, usual.audio_guidance) == (30, None, 3.0, 7.0)
    assert usual.identity() == "hub:Lightricks/LTX-2@47da56e2ad66ce4125a9922b4a8826bf407f9d0a"
    can = SPEC.capabilities(usual)
    assert (str(can.frames), str(can.tail), str(can.head)) == ("8n+1, 9 to 481", "8n+1, 1 to 473", "8n, 8 to 480")
    assert "unverified" in (can.licence or "") and "sound: own" in can.notices[0]
    with pytest.raises(ValidationError, match="multiple of 128"):
        Ltx2Options(max_sequence_length=200)
    with pytest.raises(ValidationError, match="leave `steps` out"):
        Ltx2Options(schedule=(1000.0, 500.0), steps=3)
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        Ltx2Options(steps=1)  # the model's scheduler makes no number of it
