"""The pyramid flow-matching scheduler against golden files, and the noise of its jumps against what it shall be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pyramid_parts import GOLDEN, golden

FACTS: dict[str, Any] = json.loads((GOLDEN / "scheduler.json").read_text())
STEPS = 1e-6
"""How far numbers of about 1 may be off."""


def near(made: Any, wanted: Any, tolerance: float) -> None:
    import torch

    torch.testing.assert_close(made, wanted, rtol=0, atol=tolerance)


def test_stages_start_and_end_at_the_golden_levels_of_noise() -> None:
    from storyboard.engines.pyramid.scheduler import pyramid_scheduler

    stages = pyramid_scheduler().stages
    assert [stage.start for stage in stages] == pytest.approx(FACTS["start_sigmas"], abs=STEPS)
    assert [stage.end for stage in stages] == pytest.approx(FACTS["end_sigmas"], abs=STEPS)
    for index, jump in FACTS["jump"].items():
        assert stages[int(index)].alpha == pytest.approx(jump["alpha"], abs=STEPS)
        assert stages[int(index)].beta == pytest.approx(jump["beta"], abs=STEPS)


@pytest.mark.parametrize("name", ["alt_shift3", "alt_gamma02", "alt_two"])
def test_flows_trained_otherwise_are_golden_too(name: str) -> None:
    from storyboard.engines.pyramid.scheduler import pyramid_scheduler

    wanted = FACTS[name]
    said = {key: value for key, value in wanted["kw"].items() if key in ("shift", "gamma")}
    bounds = {"bounds": wanted["kw"]["stage_range"]} if "stage_range" in wanted["kw"] else {}
    stages = pyramid_scheduler(**said, **bounds).stages
    assert [stage.start for stage in stages] == pytest.approx(wanted["start"], abs=STEPS)
    assert [stage.end for stage in stages] == pytest.approx(wanted["end"], abs=STEPS)
    assert [stage.first for stage in stages] == pytest.approx(wanted["t_first"], abs=1e-3)
    assert [stage.last for stage in stages] == pytest.approx(wanted["t_last"], abs=1e-3)


@pytest.mark.parametrize("stage", range(3))
def test_timesteps_and_sigmas_are_the_golden_ones(stage: int) -> None:
    import torch

    from storyboard.engines.pyramid.scheduler import pyramid_scheduler

    io, scheduler = golden("scheduler.io"), pyramid_scheduler()
    for steps in (1, 2, 3, 10, 20, 28):
        times = torch.tensor(scheduler.stages[stage].timesteps(steps), dtype=torch.float64)
        near(times, io[f"set.{steps}.{stage}.timesteps"], 1e-3)
        sigmas = torch.tensor(scheduler.sigmas(stage, steps), dtype=torch.float64)
        near(sigmas, io[f"set.{steps}.{stage}.sigmas"], 1e-9)
    every = torch.tensor(scheduler.stages[stage].timesteps(1000), dtype=torch.float64)
    near(every, io[f"timesteps_per_stage.{stage}"], 1e-3)


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_a_stage_goes_through_the_golden_steps(steps: int) -> None:
    io = golden("scheduler.io")
    seen, _ = walked([io[f"steps.{steps}.v{k}"] for k in range(steps)], io[f"steps.{steps}.x0"], stage=1)
    for k, x in enumerate(seen):
        near(x, io[f"steps.{steps}.x{k + 1}"], STEPS)


def test_a_transformer_in_bfloat16_is_asked_at_the_golden_timesteps_and_followed_as_near_as_that_is() -> None:
    """The published code rounds the latent after each step as well; here it stays as exact as it is."""
    import torch

    io = golden("scheduler.io")
    seen, times = walked([io[f"bf16.v{k}"] for k in range(3)], io["bf16.x0"].float(), stage=2)
    for k in range(3):
        assert times[k].to(torch.bfloat16) == io[f"bf16.t{k}"]
        assert seen[k].dtype == torch.float32
        near(seen[k], io[f"bf16.x{k + 1}"].float(), 0.03)


def walked(velocities: list[Any], x: Any, stage: int) -> tuple[list[Any], list[Any]]:
    """The latents after each step of a stage in which a transformer answers with these velocities, and its times."""
    import torch

    from storyboard.engines.pyramid.loop import Run
    from storyboard.engines.pyramid.parts import Context, Texts
    from storyboard.engines.pyramid.scheduler import pyramid_scheduler

    seen: list[Any] = []
    times: list[Any] = []

    def transformer(noisy: Any, timestep: Any, context: Context) -> Any:
        times.append(timestep[0])
        return velocities[len(times) - 1]

    one = torch.ones(1, 1)
    Run(transformer, Texts(one, one, one), pyramid_scheduler(), seen.append).stage(x, stage, (), len(velocities), 7.0)
    return seen, times


def test_history_and_first_noise_are_halved_as_in_the_golden_pyramid() -> None:
    from storyboard.engines.pyramid.scheduler import first_noise, pyramid

    io = golden("scheduler.io")
    for level, made in enumerate(pyramid(io["pyr.in"], 3)):
        near(made, io[f"pyr.level{level}"], STEPS)
    near(first_noise(io["pyr.in"], 3), io["noise.level0"], STEPS)
    near(first_noise(io["pyr.in"], 2), io["noise.level1"], STEPS)


@pytest.mark.parametrize("stage", [1, 2])
def test_a_jump_is_the_golden_one(stage: int) -> None:
    from storyboard.engines.pyramid.scheduler import pyramid_scheduler

    io = golden("scheduler.io")
    made = pyramid_scheduler().jump(io["jump.in"], stage, io["block_noise.seed77"])
    near(made, io[f"jump.out.{stage}"], STEPS)


def test_noise_of_a_jump_has_the_golden_covariance_in_a_block_and_none_between_blocks() -> None:
    import torch

    from storyboard.engines.pyramid.scheduler import correlated

    normal = torch.randn(64, 64, 64, 8, 8, generator=torch.Generator().manual_seed(0))
    blocks = correlated(normal, 1 / 3).unflatten(3, (4, 2)).unflatten(5, (4, 2)).transpose(4, 5).flatten(5)
    near(torch.cov(blocks.reshape(-1, 4).T), golden("scheduler.io")["block_noise.cov"], 5e-3)
    beside = torch.stack([blocks[..., 0, 0, 1], blocks[..., 0, 1, 0]]).flatten(1)
    assert abs(torch.corrcoef(beside)[0, 1].item()) < 5e-3
    milder = correlated(normal, 0.2).unflatten(3, (4, 2)).unflatten(5, (4, 2)).transpose(4, 5).flatten(5)
    near(torch.cov(milder.reshape(-1, 4).T), 1.2 * torch.eye(4) - 0.2, 5e-3)
