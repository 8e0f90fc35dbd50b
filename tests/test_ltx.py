"""The engine `ltx` on a tiny model with random weights, through the real pipeline: what is given changes what follows,
the same seed gives the same frames, and what does not fit is refused with its reason."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from storyboard.conform import conform
from storyboard.cut import assemble
from storyboard.engines.arithmetic import reproducible
from storyboard.engines.base import Assignment, EngineOptions
from storyboard.engines.ltx import SPEC, Ltx, LtxOptions
from storyboard.engines.ltx_layout import can_shoot, read_layout
from storyboard.errors import BadFootage, Cancelled, EngineUnavailable, ShotError
from storyboard.timing import Rate
from storyboard.vault import Vault
from tests.films import broken_down, decoded, scene, screenplay, shoot
from tests.tiny import tiny_ltx

Frames = NDArray[np.uint8]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_ltx(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[Ltx]:
    opened = open_engine(model)
    yield opened
    opened.close()


def options(model: Path, **said: object) -> LtxOptions:
    plain: dict[str, object] = {"model": str(model), "distilled": True, "steps": 2, "dtype": "float32"}
    plain |= {"device": "cpu", "max_sequence_length": 64}
    return LtxOptions.model_validate(plain | said)


def open_engine(model: Path, **said: object) -> Ltx:
    opened = SPEC.open(options(model, **said))
    assert isinstance(opened, Ltx)
    return opened


def asked(**fields: object) -> Assignment:
    rate = Rate(Fraction(24))
    plain = Assignment("a/1", "A bear swims.", "", 7, 32, 32, rate, 13, EngineOptions())
    return replace(plain, **fields)  # type: ignore[arg-type]


def shot(engine: Ltx, **fields: object) -> Frames:
    return engine.shoot(asked(**fields), lambda step, steps: None).frames


def noise(count: int, seed: int = 0, side: int = 32) -> Frames:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


def differs(one: Frames, other: Frames) -> bool:
    return float(np.abs(one.astype(int) - other).mean()) > 0.05


def copied(model: Path, to: Path) -> Path:
    shutil.copytree(model, to)
    return to


# What it returns


@pytest.mark.parametrize(("frames", "width", "height"), [(5, 32, 32), (17, 64, 32)])
def test_it_returns_exactly_what_is_asked(engine: Ltx, frames: int, width: int, height: int) -> None:
    result = shot(engine, frames=frames, width=width, height=height)
    assert (result.shape, result.dtype) == ((frames, height, width, 3), np.uint8)
    assert result.std() > 10


def test_the_tail_changes_the_frames_after_it(engine: Ltx) -> None:
    without, one, other = shot(engine), shot(engine, tail=noise(5, 1)), shot(engine, tail=noise(5, 2))
    assert all(differs(one[frame], other[frame]) for frame in range(5, 13))
    assert all(differs(one[frame], without[frame]) for frame in range(5, 13))
    single, longer = shot(engine, tail=noise(1, 1)), shot(engine, tail=noise(9, 1))
    assert differs(single[9:], one[9:]) and differs(longer[9:], one[9:])


@pytest.mark.parametrize("count", [1, 5, 9])
def test_the_head_changes_the_frames_before_it(engine: Ltx, count: int) -> None:
    without, one, other = (shot(engine, frames=21, head=head) for head in (None, noise(count, 1), noise(count, 2)))
    visible = slice(0, 21 - count)
    assert differs(one[visible], without[visible])
    assert (one[visible] != other[visible]).mean() > 0.02


def test_tail_and_head_are_taken_together(engine: Ltx) -> None:
    both = shot(engine, frames=21, tail=noise(5, 1), head=noise(5, 2))
    assert differs(both[5:16], shot(engine, frames=21, tail=noise(5, 1))[5:16])
    assert differs(both[5:16], shot(engine, frames=21, head=noise(5, 2))[5:16])


def test_start_and_end_pictures_change_the_shot(engine: Ltx) -> None:
    plain, begun = shot(engine), shot(engine, start=noise(1)[0])
    assert differs(begun[1:], plain[1:])
    assert (begun == shot(engine, tail=noise(1))).all(), "a start picture is a tail of one frame"
    assert (shot(engine, start=noise(1)[0], end=noise(1, 2)[0]) != begun).mean() > 0.02


def test_prompt_seed_and_rate_change_the_frames(engine: Ltx) -> None:
    plain = shot(engine)
    assert differs(shot(engine, prompt="Fireworks over a city at night."), plain)
    assert differs(shot(engine, seed=8), plain)
    assert differs(shot(engine, rate=Rate(Fraction(8))), plain), "the model is told how fast time passes"


def test_it_is_what_the_pipeline_itself_makes(engine: Ltx, model: Path) -> None:
    from diffusers import LTXConditionPipeline
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition
    from PIL import Image

    pipeline = LTXConditionPipeline.from_pretrained(model, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    video = [Image.fromarray(frame) for frame in noise(5)]
    with reproducible("cpu", 7) as generator:
        result = pipeline(
            conditions=[LTXVideoCondition(video=video)],
            prompt="A bear swims.",
            width=32,
            height=32,
            num_frames=13,
            frame_rate=24,
            num_inference_steps=2,
            guidance_scale=1.0,
            generator=generator,
            max_sequence_length=64,
            output_type="np",
        )
    assert (np.rint(result.frames[0] * 255).astype(np.uint8) == shot(engine, tail=noise(5))).all()


# The same again


def test_the_same_seed_gives_the_same_frames_in_any_thread_and_after_reopening(engine: Ltx, model: Path) -> None:
    first = shot(engine, tail=noise(5))
    threads = torch.get_num_threads()
    found: list[Frames] = []
    torch.set_num_threads(1)
    try:
        other = threading.Thread(target=lambda: found.append(shot(engine, tail=noise(5))))
        other.start()
        other.join()
        assert torch.get_num_threads() == 1, "what was set is set again"
    finally:
        torch.set_num_threads(threads)
    again = open_engine(model)
    found.append(shot(again, tail=noise(5)))
    again.close()
    assert all((frames == first).all() for frames in found)


def test_a_shot_leaves_torch_as_it_was(engine: Ltx) -> None:
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    shot(engine)
    assert torch.equal(torch.rand(3), expected)
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_cancelled_shot_ends_at_its_next_step_and_leaves_the_engine_whole(engine: Ltx) -> None:
    steps: list[tuple[int, int]] = []

    def stop(step: int, count: int) -> None:
        steps.append((step, count))
        raise Cancelled("enough")

    whole = shot(engine)
    with pytest.raises(Cancelled, match="enough"):
        engine.shoot(asked(seed=99), stop)
    assert steps == [(1, 3)]
    assert (shot(engine) == whole).all()


def test_progress_tells_each_step_and_the_decoding(engine: Ltx) -> None:
    steps: list[tuple[int, int]] = []
    engine.shoot(asked(), lambda step, count: steps.append((step, count)))
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_the_warning_of_timesteps_is_unheard(engine: Ltx, caplog: pytest.LogCaptureFixture) -> None:
    shot(engine)
    assert [record.getMessage() for record in caplog.records] == []


def test_the_scheduler_of_the_checkpoint_is_not_asked(engine: Ltx, model: Path, tmp_path: Path) -> None:
    folder = copied(model, tmp_path / "copy")
    config = folder / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace('"use_dynamic_shifting": false', '"use_dynamic_shifting": true'))
    assert (shot(open_engine(folder)) == shot(engine)).all()


# What is refused


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"frames": 12}, "asks `ltx` for 12 frames"),
        ({"tail": noise(4)}, "asks `ltx` for 4 tail frames"),
        ({"head": noise(6)}, "asks `ltx` for 6 head frames"),
        ({"tail": noise(9), "head": noise(5)}, "has 13 frames, and 14 of them are given"),
        ({"tail": noise(5), "start": noise(1)[0]}, "cannot take here"),
        ({"width": 48}, "is 48x32, which `ltx` cannot shoot"),
        ({"prompt": "A bear. " * 20}, "tokens, and `ltx` reads 64"),
    ],
)
def test_what_does_not_fit_is_refused_and_never_trimmed(engine: Ltx, fields: dict[str, object], says: str) -> None:
    with pytest.raises(ShotError) as caught:
        shot(engine, **fields)
    assert says in caught.value.message and "shot `a/1`" in caught.value.message
    assert not caught.value.message.endswith(".")


def test_weights_that_give_no_numbers_end_the_shot_at_its_first_step(tmp_path: Path) -> None:
    poisoned = open_engine(tiny_ltx(tmp_path / "poisoned", poison=float("nan")))
    with pytest.raises(BadFootage, match="after step 1 the model's values are no numbers"):
        shot(poisoned)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"model": "org/name"}, "add `revision` with the 40 hex digits"),
        ({"model": "org/name", "revision": "main"}, "`main` is no commit"),
        ({"model": "./models", "revision": COMMIT}, "is no model of the hub"),
        ({"model": "nowhere"}, "there is no folder `nowhere`"),
        ({"schedule": [1000, 400, 500]}, "timesteps fall"),
        ({"schedule": [1000, 0]}, "timesteps fall"),
        ({"schedule": [1000, 500], "steps": 3}, "leave `steps` out"),
        ({"guidance": float("nan")}, "finite"),
        ({"device": "gpu"}, "`gpu` is no device"),
        ({"vae": {"tilling": True}}, "Extra inputs"),
    ],
)
def test_options_are_strict(said: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LtxOptions.model_validate(said)
    assert says in str(caught.value)


# What it is, without torch


def test_capabilities_are_read_without_torch(model: Path) -> None:
    code = (
        "import sys; from storyboard.engines import spec_of; spec = spec_of('ltx');"
        f"options = spec.options.model_validate({{'model': {str(model)!r}}});"
        "can = spec.capabilities(options); print(can.frames, can.tail, can.size_multiple, spec.weights(options)[:7]);"
        "print(spec.missing(), {'torch', 'diffusers', 'transformers', 'numpy'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "4n+1, 5 to 257 4n+1, 1 to 253 32 folder:\nNone set()\n"


def test_a_hub_model_is_taken_to_be_as_ltx_video_is() -> None:
    hub = LtxOptions(model="org/name", revision=COMMIT, guidance=3)
    can = SPEC.capabilities(hub)
    assert (str(can.frames), can.size_multiple, can.negative) == ("8n+1, 9 to 257", 32, True)
    assert SPEC.weights(hub) == f"hub:org/name@{COMMIT}"
    assert not SPEC.capabilities(SPEC.options()).negative, "without guidance nothing reads it"
    assert str(SPEC.capabilities(LtxOptions(rate=Rate(Fraction(30)))).native_rate) == "30"


def test_compression_is_read_from_the_autoencoder(model: Path, tmp_path: Path) -> None:
    folder = copied(model, tmp_path / "copy")
    layout = read_layout(folder)
    assert (layout.frames, layout.pixels) == (4, 16)
    config = folder / "vae" / "config.json"
    config.write_text(config.read_text().replace('"patch_size": 4', '"patch_size": 12'))
    assert can_shoot(read_layout(folder), most=33).size_multiple == 96


def test_the_key_knows_pixels_and_not_places(model: Path) -> None:
    here = options(model, device="cpu", offload="model", download=True).keyed()
    assert here == options(model, device="auto").keyed()
    assert not {"model", "revision", "device", "offload", "download"} & here.keys()
    for said in ({"dtype": "bfloat16"}, {"vae": {"tiling": True}}, {"guidance": 2}, {"condition_noise": 0}):
        assert options(model, **said).keyed() != here
    scheduled = LtxOptions(model=str(model), schedule=(1000.0, 500.0)).keyed()
    assert (scheduled["steps"], scheduled["schedule"]) == (2, [1000.0, 500.0])


def test_the_negative_prompt_and_the_schedule_count_where_they_are_asked_for(model: Path) -> None:
    guided = open_engine(model, guidance=4)
    assert differs(shot(guided, negative="Snow."), shot(guided, negative="A dog in the rain at night."))
    guided.close()
    ours = {"max_sequence_length": 64, "model": str(model), "dtype": "float32", "device": "cpu"}
    scheduled, plain = (
        Ltx("ltx", given.weights, given, SPEC.capabilities(given))
        for given in (LtxOptions.model_validate(ours | said) for said in ({"schedule": [1000, 500]}, {"steps": 2}))
    )
    assert differs(shot(scheduled), shot(plain))
    narrow = open_engine(model, dtype="bfloat16", vae={"tiling": True, "slicing": True})
    assert shot(narrow).std() > 10


def test_weights_that_are_damaged_or_not_here_are_told_plainly(model: Path, tmp_path: Path) -> None:
    folder = copied(model, tmp_path / "copy")
    (folder / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"nothing")
    with pytest.raises(EngineUnavailable) as caught:
        open_engine(folder)
    assert caught.value.message.startswith("`ltx` ") and caught.value.hint
    with pytest.raises(EngineUnavailable, match="not on this machine") as caught:
        SPEC.open(LtxOptions(model="org/name", revision=COMMIT))
    assert "download: true" in (caught.value.hint or "")


# The whole line


def test_a_film_is_shot_with_it_from_the_screenplay_to_the_movie(model: Path, tmp_path: Path) -> None:
    engine = {"name": "ltx", "model": str(model), "steps": 2, "dtype": "float32", "max_sequence_length": 64}
    size = {"width": 32, "height": 32, "rate": 24}
    film = screenplay([scene("a", 0.5), scene("b", 0.5), scene("c", 0.5, leads_into="a", continues="nothing")])
    film |= {"engine": engine, "format": size}
    vault = Vault(tmp_path / "vault")
    result = shoot(broken_down(film), vault)
    assert sorted(result.shot) == ["a/1", "b/1", "c/1"]
    first, second, third = (result.takes[name] for name in ("a/1", "b/1", "c/1"))
    assert second.slate["tail"] == {"digests": list(first.frames[7:12]), "resample": None}
    assert third.slate["head"] == {"digests": list(first.frames[0:5]), "resample": None}
    assert str(first.slate["weights"]).startswith("folder:")
    assert (len(first.frames), len(second.frames), len(third.frames)) == (13, 17, 17)
    movie = tmp_path / "film.mp4"
    conform(assemble(broken_down(film), vault), vault, movie)
    assert decoded(movie).shape == (36, 32, 32, 3)
    assert shoot(broken_down(film), vault).shot == []
