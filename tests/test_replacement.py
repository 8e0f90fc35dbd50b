"""Replacement: known latents have the scheduler's level of noise at each step, the same noise all along, and none at
the end; what is around them goes with them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from storyboard.engines import replacement
from storyboard.engines.replacement import Known

SHAPE = (1, 2, 6, 3, 3)
STEPS = 5
SCHEDULERS: dict[str, Callable[[], Any]] = {
    "DPMSolverMultistep": lambda: diffusers.DPMSolverMultistepScheduler(),
    "UniPCMultistep": lambda: diffusers.UniPCMultistepScheduler(),
    "UniPC, flow": lambda: diffusers.UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
    ),
    "DDIM": lambda: diffusers.DDIMScheduler(),
    "DDPM": lambda: diffusers.DDPMScheduler(),
    "EulerDiscrete": lambda: diffusers.EulerDiscreteScheduler(),
    "CogVideoXDDIM": lambda: diffusers.CogVideoXDDIMScheduler(),
    "FlowMatchEulerDiscrete": lambda: diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
}
each_scheduler = pytest.mark.parametrize("name", SCHEDULERS)


def drawn(seed: int, shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def given(seed: int = 1) -> Known:
    known = replacement.know(drawn(0), 2, tail=drawn(seed)[:, :, :2], head=drawn(seed + 10)[:, :, :1])
    assert known is not None
    return known


class Loop:
    """A pipeline as far as this needs one: its model mixes frames, so that each goes with those around it."""

    def __init__(self, scheduler: Any) -> None:
        self.scheduler = scheduler
        self.levels: list[torch.Tensor] = []
        """The latents after each step."""

    def __call__(self, latents: torch.Tensor, after: Callable[..., dict[str, Any]] | None = None) -> torch.Tensor:
        self.scheduler.set_timesteps(STEPS)
        latents = latents * getattr(self.scheduler, "init_noise_sigma", 1.0)
        for step, timestep in enumerate(self.scheduler.timesteps):
            seen = self.scheduler.scale_model_input(latents, timestep) if self._scales else latents
            predicted = (seen.roll(1, 2) + seen.roll(-1, 2) + seen) / 3
            latents = self.scheduler.step(predicted, timestep, latents, return_dict=False)[0]
            if after is not None:
                latents = after(self, step, timestep, {"latents": latents}).get("latents", latents)
            self.levels.append(latents)
        return latents

    @property
    def _scales(self) -> bool:
        return hasattr(self.scheduler, "scale_model_input")


def held(name: str, known: Known | None, by: str = "scheduler") -> Loop:
    loop = Loop(SCHEDULERS[name]())
    begun = drawn(0) if known is None else replacement.start(loop.scheduler, known, STEPS)
    torch.manual_seed(0)  # for schedulers that add noise of their own
    if by == "callback":
        loop(begun, replacement.by_callback(known, lambda *_: {}))
        return loop
    with replacement.by_scheduler(loop, known):
        loop(begun)
    return loop


@each_scheduler
def test_after_the_loop_known_latents_are_the_given_ones_and_others_went_with_them(name: str) -> None:
    known, other = given(), given(2)
    plain, one, two = (held(name, each).levels[-1] for each in (None, known, other))
    where = known.mask.expand(SHAPE)
    assert torch.equal(one[where], known.clean[where]), "exactly, not nearly"
    assert where.sum() == 3 * where[:, :, :1].numel()
    for frame in (2, 3, 4):
        assert not torch.allclose(one[:, :, frame], plain[:, :, frame])
        assert not torch.allclose(one[:, :, frame], two[:, :, frame])


@each_scheduler
def test_at_each_step_they_have_its_level_of_noise_and_the_same_noise(name: str) -> None:
    known = given()
    loop = held(name, known)
    where = known.mask.expand(SHAPE)
    clean, noise = known.clean[where], known.noise[where]
    for step, latents in enumerate(loop.levels[:-1], 1):
        signal, level = expected_levels(loop.scheduler, step)
        torch.testing.assert_close(latents[where], signal * clean + level * noise, rtol=1e-4, atol=1e-4)


def expected_levels(scheduler: Any, step: int) -> tuple[float, float]:
    """How much of the clean latents and of the noise is in latents after so many steps, from the schedule itself."""
    flow = "Flow" in type(scheduler).__name__ or getattr(scheduler.config, "use_flow_sigmas", False)
    if flow:
        sigma = float(scheduler.sigmas[step])
        return 1 - sigma, sigma
    if "Euler" in type(scheduler).__name__:
        return 1.0, float(scheduler.sigmas[step])
    kept = float(scheduler.alphas_cumprod[int(scheduler.timesteps[step])])
    return kept**0.5, (1 - kept) ** 0.5


@each_scheduler
def test_a_callback_and_a_scheduler_do_the_same(name: str) -> None:
    known = given()
    one, two = held(name, known, "callback"), held(name, known, "scheduler")
    assert torch.equal(one.levels[-1], two.levels[-1])


def test_the_loop_begins_at_the_level_of_its_first_step() -> None:
    known, scheduler = given(), SCHEDULERS["DDIM"]()
    begun = replacement.start(scheduler, known, STEPS)
    where = known.mask.expand(SHAPE)
    kept = float(scheduler.alphas_cumprod[int(scheduler.timesteps[0])])
    torch.testing.assert_close(begun[where], kept**0.5 * known.clean[where] + (1 - kept) ** 0.5 * known.noise[where])
    assert torch.equal(begun[~where], known.noise[~where])


def test_the_scheduler_stays_of_its_class_and_is_as_before_afterwards() -> None:
    loop = Loop(SCHEDULERS["DDIM"]())
    plain, signature = type(loop.scheduler), inspect.signature(loop.scheduler.step)
    with pytest.raises(KeyError), replacement.by_scheduler(loop, given()):
        assert isinstance(loop.scheduler, plain) and type(loop.scheduler) is not plain
        assert inspect.signature(loop.scheduler.step) == signature, "pipelines look at it"
        raise KeyError
    assert type(loop.scheduler) is plain


def test_without_anything_known_nothing_is_touched() -> None:
    assert replacement.know(drawn(0), 2) is None
    assert torch.equal(held("DDIM", None).levels[-1], held("DDIM", None, "callback").levels[-1])


def test_what_the_report_raises_or_returns_comes_through() -> None:
    known, seen = given(), []

    def report(_: object, step: int, timestep: object, got: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        seen.append(got["latents"])
        return {}

    scheduler = SCHEDULERS["FlowMatchEulerDiscrete"]()
    scheduler.set_timesteps(STEPS)
    scheduler.step(drawn(3), scheduler.timesteps[0], drawn(4))
    after = replacement.by_callback(known, report)
    made = after(SimpleNamespace(scheduler=scheduler), 0, scheduler.timesteps[0], {"latents": drawn(5)})
    assert torch.equal(made["latents"], seen[0]) and not torch.equal(seen[0], drawn(5))


# Frames -> latents


def frames(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 16, 16, 3), np.uint8)


@pytest.fixture(scope="module")
def causal() -> Any:
    """A causal autoencoder: 4 frames a latent, the first alone."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = {"base_dim": 4, "z_dim": 4, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1}
        means = {"latents_mean": [0.1, 0.2, 0.3, 0.4], "latents_std": [2.0, 1.0, 0.5, 1.5]}
        return diffusers.AutoencoderKLWan(**sizes, **means, temperal_downsample=[False, True, True]).eval()


def test_a_tail_is_encoded_as_the_beginning_of_a_longer_film(causal: Any) -> None:
    whole, tail = (replacement.encode_tail(causal, frames(13)[:count], "cpu") for count in (13, 5))
    assert tail.shape[2] == 2
    torch.testing.assert_close(tail, whole[:, :, :2], rtol=1e-4, atol=1e-5)


def test_a_head_is_encoded_as_in_the_middle_of_a_film(causal: Any) -> None:
    head = replacement.encode_head(causal, frames(8), "cpu")
    begun = replacement.encode_tail(causal, np.concatenate([frames(8)[:1], frames(8)]), "cpu")
    assert head.shape[2] == 2 and torch.equal(head, begun[:, :, 1:])


def test_latents_are_scaled_as_the_autoencoder_says(causal: Any) -> None:
    picture = frames(1)
    with torch.no_grad():
        raw = causal.encode(replacement.as_video(picture, causal, "cpu")).latent_dist.mode()
    made = replacement.encode_tail(causal, picture, "cpu")
    torch.testing.assert_close(made[0, 1], raw[0, 1] - 0.2)
    torch.testing.assert_close(made[0, 2], (raw[0, 2] - 0.3) / 0.5)


def test_pictures_are_encoded_each_by_itself() -> None:
    vae = diffusers.AutoencoderKL(block_out_channels=(8,), norm_num_groups=2, latent_channels=4).eval()
    made = replacement.encode_pictures(vae, frames(3), "cpu")
    assert made.shape == (1, 4, 3, 16, 16)
    alone = replacement.encode_pictures(vae, frames(3)[1:2], "cpu")
    assert torch.equal(made[:, :, 1:2], alone)
    video = replacement.as_video(frames(3), vae, "cpu")
    assert video.shape == (1, 3, 3, 16, 16) and video.min() >= -1 and video.max() <= 1
    assert torch.equal(((video[0].permute(1, 2, 3, 0) + 1) * 127.5).round().to(torch.uint8), torch.tensor(frames(3)))
