"""The engine `wan` on tiny models of each kind: what is given is held where the model can hold it, what the pipelines
drop silently is refused, and which kind a model is follows from its files or its name."""

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

from storyboard import testing
from storyboard.engines.arithmetic import reproducible
from storyboard.engines.base import Assignment
from storyboard.engines.replacement import as_video
from storyboard.engines.wan import SPEC, Wan, WanOptions
from storyboard.engines.wan_given import film_and_mask
from storyboard.engines.wan_layout import by_name, usual_shift
from storyboard.engines.wan_text import cleaned
from storyboard.errors import ShotError
from storyboard.timing import Rate
from tests.tiny_wan import tiny_wan

Frames = NDArray[np.uint8]
SIDE = 32
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def vace(models: Path) -> Iterator[Wan]:
    yield from opened(tiny_wan(models / "vace"))


@pytest.fixture(scope="module")
def plain(models: Path) -> Iterator[Wan]:
    yield from opened(tiny_wan(models / "t2v", "t2v"))


def opened(model: Path, **said: object) -> Iterator[Wan]:
    engine = open_engine(model, **said)
    yield engine
    engine.close()


def options(folder: Path, **said: object) -> WanOptions:
    given: dict[str, object] = {"model": str(folder), "dtype": "float32", "device": "cpu", "steps": 2, "guidance": 1.0}
    return WanOptions.model_validate(given | {"max_sequence_length": 64} | said)


def open_engine(model: Path, **said: object) -> Wan:
    engine = SPEC.open(options(model, **said))
    assert isinstance(engine, Wan)
    return engine


def asked(engine: Wan, **fields: object) -> Assignment:
    given = Assignment("a/1", "A bear swims.", "", 7, SIDE, SIDE, Rate(Fraction(16)), 13, engine.options)
    return replace(given, **fields)  # type: ignore[arg-type]


def shot(engine: Wan, **fields: object) -> Frames:
    return engine.shoot(asked(engine, **fields), lambda step, steps: None).frames


def given(count: int, seed: int = 0) -> Frames:
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def differs(one: Frames, other: Frames) -> bool:
    return float((one != other).mean()) > 0.005


def seen_again(engine: Wan, frames: Frames) -> Frames:
    """Frames as the autoencoder shows them at a film's beginning: through its latents and back."""
    vae = engine.pipeline.vae
    with torch.no_grad():
        decoded = vae.decode(vae.encode(as_video(frames, vae, "cpu")).latent_dist.mode()).sample[0]
    return ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().permute(1, 2, 3, 0).numpy().astype(np.uint8)


# VACE


def test_every_count_of_given_frames_that_is_accepted_is_held_as_latents(vace: Wan) -> None:
    """The mask goes to the latents by the nearest frame: a shorter tail would be marked as to be made."""
    can = vace.can
    assert (str(can.tail), can.default_tail, str(can.head), can.default_head) == ("4n+1, 5 to 77", 9, "4n, 4 to 76", 8)

    def held(frames: int, **fields: object) -> list[bool]:
        mask = film_and_mask(asked(vace, frames=frames, **fields))["mask"]
        taken = vace.pipeline.video_processor.preprocess_video(mask, SIDE, SIDE) / 2 + 0.5
        return [not latent.any() for latent in vace.pipeline.prepare_masks(taken.expand(1, 3, -1, -1, -1), [[]])[0, 0]]

    for frames in (13, 33, 81):
        assert not any(held(frames, tail=given(1)))
        for count in range(5, min(frames - 4, 21), 4):
            assert held(frames, tail=given(count))[: (count - 1) // 4] == [True] * ((count - 1) // 4)
        for count in range(4, min(frames - 4, 21), 4):
            assert held(frames, head=given(count))[-(count // 4) :] == [True] * (count // 4)
    with pytest.raises(ShotError, match="for 1 tail frames"):
        shot(vace, tail=given(1))


def test_it_is_what_the_pipeline_itself_makes_of_film_mask_and_references(vace: Wan, models: Path) -> None:
    from diffusers import WanVACEPipeline
    from PIL import Image

    pipeline = WanVACEPipeline.from_pretrained(models / "vace", dtype=torch.float32)
    tail, who = given(5), given(1, 5)[0]
    grey, black, white = (Image.new("RGB", (SIDE, SIDE), (level,) * 3) for level in (128, 0, 255))
    with reproducible("cpu", 7) as generator:
        result = pipeline(
            prompt_embeds=vace.encode("A bear swims.")[0],
            video=[*[Image.fromarray(frame) for frame in tail], *[grey] * 8],
            mask=[*[black] * 5, *[white] * 8],
            reference_images=[Image.fromarray(who)],
            width=SIDE,
            height=SIDE,
            num_frames=13,
            num_inference_steps=2,
            guidance_scale=1.0,
            generator=generator,
        )
    made = np.rint(result.frames[0] * 255).astype(np.uint8)
    assert (made == shot(vace, tail=tail, references=(who,))).all()


def test_references_may_have_any_shape_and_their_order_counts(vace: Wan) -> None:
    tall, wide = given(1)[0][:, :16], given(1, 1)[0][:8]
    one, other = shot(vace, references=(tall, wide)), shot(vace, references=(wide, tall))
    assert differs(one, other) and differs(one, shot(vace, references=(tall,)))
    assert len(one) == 13


# I2V


@pytest.mark.parametrize(
    ("said", "tail", "head", "first"),
    [({}, "1", "1", True), ({"eyes": True}, "1", "None", True), ({"eyes": True, "both": True}, "1", "1", True)],
    ids=["2.2", "2.1", "flf2v"],
)
def test_a_picture_is_set_in_motion(models: Path, said: dict[str, bool], tail: str, head: str, first: bool) -> None:
    engine = open_engine(tiny_wan(models / "-".join(["i2v", *said]), "i2v", **said))
    can = engine.can
    assert (str(can.tail), str(can.head), can.needs_picture, can.references) == (tail, head, True, False)
    begun = shot(engine, start=given(1)[0])
    assert (begun == shot(engine, tail=given(1))).all(), "a tail of one frame is a start picture"
    assert differs(shot(engine, start=given(1, 1)[0])[1:], begun[1:])
    assert [note for note in can.notices if "both ends" in note] or "both" not in said
    if can.end_image:
        assert differs(shot(engine, start=given(1)[0], end=given(1, 2)[0])[:-1], begun[:-1])
    else:
        with pytest.raises(ShotError, match="a picture as `end`"):
            shot(engine, start=given(1)[0], end=given(1, 2)[0])
    with pytest.raises(ShotError, match="begins with nothing"):
        shot(engine)
    engine.close()


# What knows only text, and what holds latents


@pytest.mark.parametrize("scheduler", ["UniPCMultistep", "FlowMatchEulerDiscrete", "DPMSolverMultistep"])
def test_a_tail_and_a_head_come_back_as_the_autoencoder_shows_them(models: Path, plain: Wan, scheduler: str) -> None:
    engine = open_engine(models / "t2v", scheduler=scheduler, steps=3)
    tail = given(5)
    frames = shot(engine, frames=17, tail=tail, head=given(4, 1)).astype(int)
    assert np.abs(frames[:5] - seen_again(engine, tail)).max() <= 1
    assert differs(shot(engine, frames=17, tail=tail, head=given(4, 2)), frames)
    assert type(engine.pipeline.scheduler).__name__ == f"{scheduler}Scheduler"
    engine.close()


def test_ti2v_holds_what_is_given_though_its_pipeline_drops_all_but_a_first_picture(models: Path) -> None:
    engine = open_engine(tiny_wan(models / "ti2v", "ti2v"))
    can = engine.can
    assert (str(can.native_rate), str(can.tail), can.default_tail, can.end_image) == ("24", "4n+1, 1 to 117", 5, False)
    tail, head = given(5), given(4, 1)
    frames = shot(engine, frames=17, tail=tail, head=head).astype(int)
    assert np.abs(frames[:5] - seen_again(engine, tail)).max() <= 1
    assert differs(shot(engine, frames=17, tail=tail)[5:13], frames[5:13])
    from diffusers import WanImageToVideoPipeline
    from PIL import Image

    pipeline = WanImageToVideoPipeline(**engine.pipeline.components, expand_timesteps=True)
    with reproducible("cpu", 7) as generator:
        made = pipeline(
            image=Image.fromarray(tail[0]),
            prompt_embeds=engine.encode("A bear swims.")[0],
            width=SIDE,
            height=SIDE,
            num_frames=13,
            num_inference_steps=2,
            guidance_scale=1.0,
            generator=generator,
        ).frames[0]
    assert np.abs(np.rint(made * 255) - shot(engine, start=tail[0])).max() <= 1
    engine.close()


def test_two_denoisers_share_the_work_at_the_boundary_that_the_model_names(models: Path, tmp_path: Path) -> None:
    folder = tiny_wan(models / "two", "t2v", two=True)
    engine = open_engine(folder, guidance=2.0)
    other = replace(asked(engine), options=options(folder, guidance=2.0, guidance_2=6.0))
    assert differs(shot(engine), engine.shoot(other, lambda *_: None).frames)
    moved = shutil.copytree(folder, tmp_path / "moved")
    index = moved / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"boundary_ratio": 0.1}))
    assert options(moved).keyed() != options(folder).keyed(), "it is in no part of the model"
    second = open_engine(moved, guidance=2.0)
    assert differs(shot(second), shot(engine))
    assert not SPEC.capabilities(options(folder)).lora
    second.close()
    engine.close()


# What it is told


def test_noise_is_shifted_by_size_unless_the_author_says(plain: Wan) -> None:
    assert [usual_shift(*size) for size in ((832, 480), (480, 832), (1280, 720), (1280, 704))] == [3, 3, 5, 5]
    usual = shot(plain)
    assert plain.pipeline.scheduler.config.flow_shift == 3
    more = options(Path(plain.options.model), flow_shift=8.0)
    assert differs(shot(plain, options=more), usual)
    assert plain.pipeline.scheduler.config.flow_shift == 8
    assert (shot(plain) == usual).all()


def test_the_autoencoder_reckons_in_32_bits_whatever_the_denoiser_does(models: Path, plain: Wan) -> None:
    narrow = open_engine(models / "t2v", dtype="bfloat16")
    assert (narrow.pipeline.vae.dtype, narrow.pipeline.transformer.dtype) == (torch.float32, torch.bfloat16)
    assert shot(narrow, tail=given(5)).std() > 10
    narrow.close()


def test_prompts_are_cleaned_and_read_as_the_pipeline_reads_them(plain: Wan) -> None:
    text = "  A bear&amp;nbsp;swims.\n In the  sea. "
    theirs, _ = plain.pipeline.encode_prompt(text, do_classifier_free_guidance=False, max_sequence_length=64)
    (ours,) = plain.encode(text)
    assert ours is not None and torch.allclose(ours, theirs, atol=1e-5)
    assert cleaned("\u201cDon\u2019t\u201d \ufb01nd\u3000\uff22\uff0c e\u0301") == '"Don\'t" find B, \u00e9'


def test_a_prompt_that_is_longer_than_it_reads_is_refused_and_not_cut(plain: Wan) -> None:
    with pytest.raises(ShotError, match=r"a prompt has [0-9]+ tokens, and `wan` reads 64"):
        shot(plain, prompt="bear " * 40)


# What it is


@pytest.mark.parametrize(
    ("name", "variant", "two", "eyes", "ends"),
    [
        ("Wan-AI/Wan2.1-VACE-1.3B-diffusers", "vace", False, False, False),
        ("Wan-AI/Wan2.1-I2V-14B-480P-Diffusers", "i2v", False, True, False),
        ("Wan-AI/Wan2.1-FLF2V-14B-720P-diffusers", "i2v", False, True, True),
        ("Wan-AI/Wan2.2-I2V-A14B-Diffusers", "i2v", True, False, True),
        ("Wan-AI/Wan2.2-TI2V-5B-Diffusers", "ti2v", False, False, False),
        ("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "t2v", False, False, False),
        ("Wan-AI/Wan2.2-T2V-A14B-Diffusers", "t2v", True, False, False),
    ],
)
def test_hub_models_are_known_by_their_names(name: str, variant: str, two: bool, eyes: bool, ends: bool) -> None:
    layout = by_name(name, None)
    assert (layout.variant, layout.two, layout.eyes, layout.ends) == (variant, two, eyes, ends)
    hub = WanOptions(model=name, revision=COMMIT)
    can = SPEC.capabilities(hub)
    assert can.size_multiple == (32 if variant == "ti2v" else 16)
    assert {part.name for part in hub.used_parts} >= ({"transformer_2"} if two else set())
    assert SPEC.weights(hub) == f"hub:{name}@{COMMIT}"
    assert all(w % can.size_multiple == h % can.size_multiple == 0 for w, h in can.native_sizes)


def test_the_first_one_is_known_with_its_commit() -> None:
    can = SPEC.capabilities(SPEC.options())
    assert (can.default_size, str(can.frames), can.references, can.negative) == (
        (832, 480),
        "4n+1, 5 to 81",
        True,
        True,
    )
    assert str(SPEC.weights(SPEC.options())).startswith("hub:Wan-AI/Wan2.1-VACE-1.3B-diffusers@")
    assert "unverified" in (can.licence or "")
    assert str(SPEC.capabilities(WanOptions(window=30)).frames) == "4n+1, 5 to 29"
    short = SPEC.capabilities(WanOptions(window=5))
    assert short.tail is None and short.head is None


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"model": "org/film-maker", "revision": COMMIT}, "does not say of which kind it is; set `variant`"),
        ({"variant": "t2v"}, "`variant` is `t2v`, and the model is `vace`"),
        ({"guidance_2": 3.0}, "`guidance_2` is for models with two denoisers"),
        ({"max_sequence_length": 513}, "less than or equal to 512"),
        ({"scheduler": "DDIM"}, "UniPCMultistep"),
    ],
)
def test_options_are_strict(models: Path, vace: Wan, said: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        options(models / "vace", **said)
    assert WanOptions(model="org/film-maker", revision=COMMIT, variant="i2v").layout.variant == "i2v"


@pytest.mark.parametrize(
    ("part", "config", "says"),
    [
        ("text_encoder/config.json", {"d_model": 8}, "its text encoder and its denoiser do not fit"),
        ("transformer/config.json", {"in_channels": 20}, "its autoencoder and its denoiser do not fit"),
        ("model_index.json", {"boundary_ratio": 0.9}, "it needs two denoisers and a boundary between them, or neither"),
    ],
)
def test_parts_that_do_not_fit_are_a_fault(
    models: Path, vace: Wan, tmp_path: Path, part: str, config: dict[str, object], says: str
) -> None:
    folder = shutil.copytree(models / "vace", tmp_path / "copy")
    file = folder / part
    file.write_text(json.dumps(json.loads(file.read_text()) | config))
    with pytest.raises(ValidationError, match=says):
        options(folder)
    file.unlink()
    with pytest.raises(ValidationError, match=r"cannot read `copy/|has no "):
        options(folder)


KINDS = [("t2v", {}), ("ti2v", {}), ("i2v", {}), ("i2v", {"eyes": True, "both": True}), ("vace", {"two": True})]


@pytest.mark.long
@pytest.mark.parametrize(("variant", "more"), KINDS, ids=["-".join([kind, *more]) for kind, more in KINDS])
def test_every_kind_passes_the_kit(tmp_path: Path, variant: str, more: dict[str, bool]) -> None:
    model = tiny_wan(tmp_path / "model", variant, **more)
    said = {"model": str(model), "dtype": "float32", "device": "cpu", "steps": 2, "guidance": 2.0}
    with testing.trial(SPEC, said | {"max_sequence_length": 64}, size=(SIDE, SIDE)) as trial:
        for check in testing.CHECKS:
            if check is not testing.loras_count_and_do_not_leak:
                check(trial)
