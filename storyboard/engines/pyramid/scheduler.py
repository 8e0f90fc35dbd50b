"""Pyramid flow matching (Jin et al., 2024, section 3.2 and appendix): one flow from noise to latents in three stages,
each at twice the resolution of the one before.

    stage 0      stage 1      stage 2
    noise ---|   |--------|   |--- latents           a stage goes straight from its start point to its end point
             jump         jump                       a jump upsamples x and adds noise, so that x is as noisy as the
                                                     next stage begins

At the start point of a stage, `start` of x is noise; at its end point, `end`. A position inside a stage is its sigma: 1
at the start point, 0 at the end point. Timesteps, 1000 to 0, fall through all stages.

Imports torch; imported when a shot is really shot. May import nothing of storyboard.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch.nn.functional import avg_pool3d


@dataclass(frozen=True, slots=True)
class Stage:
    """One stretch of the flow, at one resolution."""

    start: float
    """Share of noise where it starts."""
    end: float
    """Share of noise where it ends."""
    first: float
    """Its first timestep."""
    last: float
    """Its last one that a step may start from."""
    alpha: float
    """What x is multiplied with in the jump into it; 1 for the first stage, into which there is none."""
    beta: float
    """What the jump's noise is multiplied with."""

    def timesteps(self, steps: int) -> tuple[float, ...]:
        """Where each of `steps` steps starts: equally spaced from the first timestep to the last."""
        return _spread(self.first, self.last, steps)

    def sigmas(self, steps: int, finest: float) -> tuple[float, ...]:
        """`steps` + 1 positions from 1 to 0. The last step is always the short one from `finest` to 0, unless it is the
        only one."""
        return (*_spread(1.0, finest, steps), 0.0)


@dataclass(frozen=True, slots=True)
class PyramidScheduler:
    """The flow of a model, by what it was trained with."""

    stages: tuple[Stage, ...]
    gamma: float
    """Noise of a jump: -gamma is the covariance of two values of one 2x2 block."""
    resolution: int
    """Timesteps of training."""

    def sigmas(self, stage: int, steps: int) -> tuple[float, ...]:
        """Positions inside a stage, `steps` + 1 of them."""
        return self.stages[stage].sigmas(steps, 1 / self.resolution)

    def jump(self, x: torch.Tensor, stage: int, noise: torch.Tensor) -> torch.Tensor:
        """`x` [B, C, T, h, w] at the end of the stage before -> [B, C, T, 2h, 2w] at the start of this one.

        `noise` has the new shape, and is `correlated`.
        """
        at = self.stages[stage]
        return at.alpha * _upsampled(x) + at.beta * noise


def pyramid_scheduler(
    *,
    resolution: int = 1000,
    shift: float = 1.0,
    bounds: Sequence[float] = (0.0, 1 / 3, 2 / 3, 1.0),
    gamma: float = 1 / 3,
) -> PyramidScheduler:
    """The flow of the published models, unless the arguments say otherwise.

    `bounds` say which share of the whole flow lies before each stage; `gamma` is at most 1/3, where the noise of a 2x2
    block sums to 0. A stage starts noisier than the one before ended, as the jump adds noise.
    """
    even = [(resolution - i) / resolution for i in range(resolution)]
    levels = [shift * sigma / (1 + (shift - 1) * sigma) for sigma in even]
    edges = [levels[i] if (i := int(bound * resolution)) < resolution else 0.0 for bound in bounds]
    jumps = [(1.0, 0.0), *(_jump_factors(before, gamma) for before in edges[1:-1])]
    starts = [edges[0], *(1 - alpha * (1 - noise) for (alpha, _), noise in zip(jumps[1:], edges[1:-1], strict=True))]
    lengths = [start - end for start, end in zip(starts, edges[1:], strict=True)]
    turns = [int(reached / sum(lengths) * resolution) for reached in accumulate(lengths, initial=0.0)]
    times = [resolution * levels[min(turn, resolution - 1)] for turn in turns]
    stages = (
        Stage(start, end, first, first + (beyond - first) * (resolution - 1) / resolution, *factors)
        for start, end, (first, beyond), factors in zip(starts, edges[1:], pairwise(times), jumps, strict=True)
    )
    return PyramidScheduler(tuple(stages), gamma, resolution)


def _jump_factors(noise: float, gamma: float) -> tuple[float, float]:
    # Nearest-neighbour upsampling makes the four values of a block the same, noise and all. What is added makes their
    # noise independent again; alpha keeps signal and noise in the proportion of a straight flow.
    alpha = 1 / (math.sqrt(1 + 1 / gamma) * noise + 1 - noise)
    return alpha, alpha * noise / math.sqrt(gamma)


def _spread(first: float, last: float, count: int) -> tuple[float, ...]:
    return tuple(first + (last - first) * i / (count - 1) if i else first for i in range(count))


# Resolutions


def correlated(normal: torch.Tensor, gamma: float) -> torch.Tensor:
    """N(0, 1) [..., h, w] -> noise whose 2x2 blocks have variance 1 and covariance -gamma inside a block."""
    mean = _upsampled(halved(normal))
    return math.sqrt(1 + gamma) * (normal - mean) + math.sqrt(max(0.0, 1 - 3 * gamma)) * mean


def halved(x: torch.Tensor) -> torch.Tensor:
    """[B, C, T, h, w] -> [B, C, T, h/2, w/2]: the mean of each 2x2 block."""
    half: torch.Tensor = avg_pool3d(x, (1, 2, 2))
    return half


def pyramid(latents: torch.Tensor, levels: int) -> tuple[torch.Tensor, ...]:
    """Latents [B, C, T, h, w] at each level, the smallest first."""
    found = [latents]
    while len(found) < levels:
        found.insert(0, halved(found[0]))
    return tuple(found)


def first_noise(normal: torch.Tensor, levels: int) -> torch.Tensor:
    """N(0, 1) at full size -> N(0, 1) at the size of the first stage; twice the mean of four has variance 1 again."""
    return pyramid(normal, levels)[0] * 2.0 ** (levels - 1)


def _upsampled(x: torch.Tensor) -> torch.Tensor:
    return x.repeat_interleave(2, dim=-2).repeat_interleave(2, dim=-1)
