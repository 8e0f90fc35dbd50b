"""The generation loop of Pyramid Flow: one latent frame after the other, each in three stages of growing resolution,
each conditioned on all latents before it.

    generate(transformer, texts, draw_noise(generator, shape, units), recipe, history=latents_of(tail))

History is seen by a stage as a pyramid: its newest latent at the stage's own level, the one before a level lower, and
so on down to the lowest level, at which all the rest is one clip.

    stage 2 of unit 6     [z0 z1 z2 z3] at a quarter, z4 at a half, z5 whole  ->  z6

A latent depends on no later one, so continuing a clip is the same as going on generating it: the latents of its tail,
encoded as a clip of their own, are the history of the first new unit. The loop knows nothing of what transformer it
drives. Imports torch; imported when a shot is really shot. May import engines.pyramid.parts and
engines.pyramid.scheduler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, pairwise

import torch
from torch import Tensor

from storyboard.engines.pyramid.parts import STAGES, Context, Texts, Transformer
from storyboard.engines.pyramid.scheduler import PyramidScheduler, correlated, first_noise, pyramid, pyramid_scheduler

Report = Callable[[int, Tensor], None]
"""Called after each step with its number from 0 and the latent as it is now. What it raises ends the generation."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How many steps are made in each stage, and how strongly the prompt guides them."""

    first_steps: tuple[int, ...]
    """Of latent 0, which is an image by itself: one number a stage."""
    steps: tuple[int, ...]
    """Of each later latent."""
    first_guidance: float
    """velocity = negative + guidance * (prompt - negative), for latent 0."""
    guidance: float
    """For each later one."""

    def count(self, units: int, history: int = 0) -> int:
        """How many steps are made for `units` new latents after `history` given ones."""
        first = int(history == 0 and units > 0)
        return first * sum(self.first_steps) + (units - first) * sum(self.steps)


@dataclass(frozen=True, slots=True)
class UnitNoise:
    """All that is random in one new latent."""

    start: Tensor
    """[1, C, 1, h, w] at full size: N(0, 1)."""
    jumps: tuple[Tensor, ...]
    """For the jumps into the second and the third stage, at the size of each: `correlated`."""


def draw_noise(generator: torch.Generator, shape: tuple[int, int, int], units: int) -> Iterator[UnitNoise]:
    """The noise of `units` latents of `shape` (C, h, w), drawn on the CPU, latent by latent.

    So the first latents of a longer shot have the noise of a shorter one.
    """
    gamma = pyramid_scheduler().gamma
    c, h, w = shape
    for _ in range(units):
        start = torch.randn(1, c, 1, h, w, generator=generator)
        sizes = [(h >> level, w >> level) for level in reversed(range(STAGES - 1))]
        jumps = (torch.randn(1, c, 1, *size, generator=generator) for size in sizes)
        yield UnitNoise(start, tuple(correlated(normal, gamma) for normal in jumps))


@torch.no_grad()
def generate(
    transformer: Transformer,
    texts: Texts,
    noises: Iterable[UnitNoise],
    recipe: Recipe,
    *,
    report: Report,
    history: Tensor | None = None,
) -> Tensor:
    """Normalized latents [1, C, n, h, w], float32: `history`, which is such latents, and one for each of `noises`.

    All is done on the device where `texts` are.
    """
    numbers = count()
    run = Run(transformer, texts, pyramid_scheduler(), lambda x: report(next(numbers), x))
    latents = [] if history is None else list(torch.split(history.to(run.device, torch.float32), 1, dim=2))
    levels = [pyramid(latent, STAGES) for latent in latents]
    for noise in noises:
        latents.append(run.unit(noise, levels, recipe))
        levels.append(pyramid(latents[-1], STAGES))
    return torch.cat(latents, dim=2)


def clips_of(levels: Sequence[tuple[Tensor, ...]], stage: int) -> tuple[Tensor, ...]:
    """History as a stage sees it, oldest first. Of each latent all levels are given, the smallest first."""
    alone = min(len(levels), max(stage, 1))
    rest, newest = levels[: len(levels) - alone], levels[len(levels) - alone :]
    oldest = [torch.cat([each[0] for each in rest], dim=2)] if rest else []
    return (*oldest, *(each[stage - back] for each, back in zip(newest, reversed(range(alone)), strict=True)))


@dataclass(frozen=True, slots=True)
class Run:
    """What is the same for all units of a generation."""

    transformer: Transformer
    texts: Texts
    scheduler: PyramidScheduler
    tell: Callable[[Tensor], None]

    @property
    def device(self) -> torch.device:
        return self.texts.states.device

    def unit(self, noise: UnitNoise, levels: Sequence[tuple[Tensor, ...]], recipe: Recipe) -> Tensor:
        """The next latent [1, C, 1, h, w] after those of `levels`, from noise through all stages."""
        steps, guidance = (recipe.steps, recipe.guidance) if levels else (recipe.first_steps, recipe.first_guidance)
        x = first_noise(noise.start.to(self.device), STAGES)
        for stage in range(STAGES):
            if stage > 0:
                x = self.scheduler.jump(x, stage, noise.jumps[stage - 1].to(self.device))
            x = self.stage(x, stage, clips_of(levels, stage), steps[stage], guidance)
        return x

    def stage(self, x: Tensor, stage: int, clips: tuple[Tensor, ...], steps: int, guidance: float) -> Tensor:
        """`x` at the start of a stage -> `x` at its end, by Euler's method."""
        rows = len(self.texts.states)
        context = Context(self.texts, tuple(clip.expand(rows, -1, -1, -1, -1) for clip in clips))
        sigmas = self.scheduler.sigmas(stage, steps)
        for time, (here, there) in zip(self.scheduler.stages[stage].timesteps(steps), pairwise(sigmas), strict=True):
            times = torch.full((rows,), time, device=self.device)
            velocity = self.transformer(x.expand(rows, -1, -1, -1, -1), times, context).float()
            x = x + (there - here) * _guided(velocity, guidance)
            self.tell(x)
        return x


def _guided(velocity: Tensor, guidance: float) -> Tensor:
    """Of the guidance batch [B, ...] -> [1, ...]."""
    if len(velocity) == 1:
        return velocity
    negative, prompt = velocity.chunk(2)
    return negative + guidance * (prompt - negative)
