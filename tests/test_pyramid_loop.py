"""Whole generations of Pyramid Flow against golden files; continuing, resuming and stopping them."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import pytest

from tests.pyramid_parts import LOOPS, MANIFEST, golden, noises_of, recipe_of, texts_of, tiny_transformer, tiny_vae

KINDS = ("flux", "mmdit")
each_kind = pytest.mark.parametrize("kind", KINDS)
SHAPE = (4, 8, 16)


def normalization(kind: str) -> Any:
    from storyboard.engines.pyramid.parts import FLUX_NORMALIZATION, MMDIT_NORMALIZATION

    return {"flux": FLUX_NORMALIZATION, "mmdit": MMDIT_NORMALIZATION}[kind]


def near(made: Any, wanted: Any, tolerance: float = LOOPS) -> None:
    import torch

    torch.testing.assert_close(made, wanted, rtol=0, atol=tolerance)


def nothing(step: int, x: Any) -> None:
    """Of no interest."""


class Watched:
    """A transformer whose calls are seen."""

    def __init__(self, kind: str) -> None:
        self.inner, self.times, self.clips, self.out = tiny_transformer(kind), [], [], []  # type: ignore[var-annotated]

    def __call__(self, noisy: Any, timestep: Any, context: Any) -> Any:
        self.times.append(timestep[0].item())
        self.clips.append([list(clip.shape) for clip in (*context.clips, noisy)])
        self.out.append(self.inner(noisy, timestep, context))
        return self.out[-1]


def shot(kind: str, case: str, units: int, history: Any = None) -> tuple[Watched, list[Any], Any]:
    """A golden generation: who was asked what, the latent after each step, and the latents that it ended with."""
    from storyboard.engines.pyramid.loop import generate

    io, watched = golden(f"e2e_{kind}.io"), Watched(kind)
    seen: list[Any] = []
    latents = generate(
        watched,
        texts_of(io),
        noises_of(io, case, units),
        recipe_of(kind, case),
        report=lambda step, x: seen.append(x),
        history=history,
    )
    return watched, seen, latents


def ends_of_stages(kind: str, case: str, units: int, first: bool) -> list[int]:
    """The numbers of the steps that end each stage of each unit."""
    recipe = recipe_of(kind, case)
    steps = [recipe.first_steps if first and not unit else recipe.steps for unit in range(units)]
    return [done - 1 for done in accumulate(count for unit in steps for count in unit)]


def check_golden(kind: str, case: str, units: int, history: Any = None) -> None:
    io = golden(f"e2e_{kind}.io")
    watched, seen, latents = shot(kind, case, units, history)
    for index, end in enumerate(ends_of_stages(kind, case, units, first=history is None)):
        near(seen[end], io[f"{case}.unit{index // 3}.stage{index % 3}"])
    near(latents, io[f"{case}.latents"])
    near(watched.out[0], io[f"{case}.first_dit_out"])
    near(watched.out[-1], io[f"{case}.last_dit_out"])
    calls = MANIFEST["e2e_args"][kind][case].get("dit_calls")
    if calls:
        assert watched.times == pytest.approx([call["t"] for call in calls], abs=1e-3)
        assert watched.clips == [call["clip_shapes"] for call in calls]


@each_kind
def test_a_clip_from_text_is_the_golden_one(kind: str) -> None:
    check_golden(kind, "t2v", 5)


@each_kind
def test_a_picture_from_text_is_the_golden_one(kind: str) -> None:
    check_golden(kind, "t2i", 1)


@each_kind
def test_a_clip_from_an_image_is_the_golden_one(kind: str) -> None:
    from storyboard.engines.pyramid.frames import normalized

    io = golden(f"e2e_{kind}.io")
    image = io["i2v.image_u8"].permute(2, 0, 1)[None, :, None].float() / 127.5 - 1
    seen = tiny_vae().encode(image)
    first = normalized(seen.mean + seen.std * io["i2v.posterior_noise"], normalization(kind))
    check_golden(kind, "i2v", 3, first)


@each_kind
def test_a_clip_from_a_tail_is_the_golden_one(kind: str) -> None:
    io = golden(f"e2e_{kind}.io")
    _, _, latents = shot(kind, "cont", 2, io["cont.history"])
    near(latents, io["cont.latents"])
    near(latents[:, :, :3], io["cont.history"], 0)


def test_a_tail_is_encoded_to_the_golden_history_and_its_new_frames_are_golden() -> None:
    import torch

    from storyboard.engines.pyramid.frames import frames_of, normalized

    io, vae = golden("e2e_flux.io"), tiny_vae()
    history = normalized(vae.encode(io["cont.tail"].float()).mean, normalization("flux"))
    near(history, io["cont.history"])
    _, _, latents = shot("flux", "cont", 2, history)
    frames = torch.from_numpy(frames_of(latents, vae, normalization("flux"), "cpu"))[17:]
    near(frames, (io["cont.new_frames_f16"][0].permute(1, 2, 3, 0).float() / 2 + 0.5).clamp(0, 1), 0.005)


def test_latents_are_decoded_to_the_golden_pictures() -> None:
    import torch

    from storyboard.engines.pyramid.frames import frames_of, normalized, restored
    from storyboard.footage import from_float

    io, vae = golden("e2e_flux.io"), tiny_vae()
    latents = io["t2v.latents"][:, :, :3]
    near(restored(latents, normalization("flux")), io["t2v.decode3.vae_in"])
    wanted = normalized(io["t2v.decode3.vae_in"], normalization("flux"))
    frames = torch.from_numpy(from_float(frames_of(wanted, vae, normalization("flux"), "cpu")))
    assert (frames.int() - io["t2v.decode3.frames_u8"].int()).abs().max() <= 1


@each_kind
def test_a_run_resumed_from_its_own_latents_is_the_single_run_bit_for_bit(kind: str) -> None:
    from storyboard.engines.pyramid.loop import generate

    io = golden(f"e2e_{kind}.io")
    recipe, noises = recipe_of(kind, "t2v"), list(noises_of(io, "t2v", 5))
    transformer = tiny_transformer(kind)
    single = generate(transformer, texts_of(io), noises, recipe, report=nothing)
    for done in (1, 3):
        begun = single[:, :, :done]
        resumed = generate(transformer, texts_of(io), noises[done:], recipe, report=nothing, history=begun)
        assert (resumed == single).all(), done


@each_kind
def test_a_shorter_shot_is_the_beginning_of_a_longer_one(kind: str) -> None:
    import torch

    from storyboard.engines.pyramid.loop import draw_noise, generate

    io, transformer = golden(f"e2e_{kind}.io"), tiny_transformer(kind)
    made = []
    for units in (2, 3):
        noises = draw_noise(torch.Generator().manual_seed(5), SHAPE, units)
        made.append(generate(transformer, texts_of(io), noises, recipe_of(kind, "t2v"), report=nothing))
    assert (made[0] == made[1][:, :, :2]).all() and made[1].shape == (1, 4, 3, 8, 16)
    noises = draw_noise(torch.Generator().manual_seed(6), SHAPE, 1)
    assert not (
        generate(transformer, texts_of(io), noises, recipe_of(kind, "t2v"), report=nothing) == made[0][:, :, :1]
    ).all()


def test_noise_is_normal_and_that_of_jumps_is_correlated() -> None:
    import torch

    from storyboard.engines.pyramid.loop import draw_noise
    from storyboard.engines.pyramid.scheduler import halved

    noises = list(draw_noise(torch.Generator().manual_seed(0), (16, 64, 64), 2))
    for noise in noises:
        assert noise.start.shape == (1, 16, 1, 64, 64) and noise.start.device.type == "cpu"
        assert [each.shape[-2:] for each in noise.jumps] == [(32, 32), (64, 64)]
        for each in (noise.start, *noise.jumps):
            assert abs(each.mean().item()) < 0.02 and abs(each.std().item() - 1) < 0.02
        for jump in noise.jumps:
            near(halved(jump), torch.zeros_like(halved(jump)), 1e-6)
    assert not torch.equal(noises[0].start, noises[1].start)


def test_steps_are_counted_and_told_one_by_one() -> None:
    from storyboard.engines.pyramid.loop import generate

    io, recipe = golden("e2e_mmdit.io"), recipe_of("mmdit", "t2v")
    transformer = tiny_transformer("mmdit")
    for units, history in ((3, None), (2, io["t2v.latents"][:, :, :2])):
        told: list[int] = []
        generate(
            transformer,
            texts_of(io),
            noises_of(io, "t2v", units),
            recipe,
            report=lambda step, x, told=told: told.append(step),  # type: ignore[misc]
            history=history,
        )
        assert told == list(range(recipe.count(units, 0 if history is None else 2)))
    assert recipe.count(0) == 0


def test_a_report_that_raises_ends_the_generation_there() -> None:
    from storyboard.engines.pyramid.loop import generate
    from storyboard.errors import Cancelled

    io, watched = golden("e2e_mmdit.io"), Watched("mmdit")

    def stop(step: int, x: Any) -> None:
        if step == 3:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        generate(watched, texts_of(io), noises_of(io, "t2v", 5), recipe_of("mmdit", "t2v"), report=stop)
    assert len(watched.times) == 4


def test_without_a_negative_prompt_there_is_no_guidance() -> None:
    from storyboard.engines.pyramid.loop import Recipe, generate
    from storyboard.engines.pyramid.parts import Texts

    io, transformer = golden("e2e_flux.io"), tiny_transformer("flux")
    alone = Texts(io["pos.text"], io["pos.mask"], io["pos.pooled"])
    made = [
        generate(transformer, texts, noises_of(io, "t2v", 2), Recipe((2, 2, 2), (1, 1, 1), 1.0, 1.0), report=nothing)
        for texts in (alone, texts_of(io))
    ]
    near(made[0], made[1])
