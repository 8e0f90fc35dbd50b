"""Given frames held by replacement: tails and heads for pipelines that know only text, without any training.

Whoever denoises a film of which some frames are known puts these back after every step, at that step's level of noise:
what is generated around them then has to go with them (Song et al., Score-Based Generative Modeling, 2021; RePaint of
Lugmayr et al., 2022). The noise that they get is the same at every step, and is that which the loop began with.

    known = Known(clean, noise, mask)                              all in the layout of the loop's latents
    pipeline(latents=start(scheduler, known, steps),
             callback_on_step_end=by_callback(known, after_step(...)))   where the pipeline has such a callback
    with by_scheduler(pipeline, known): pipeline(...)                    where it has none

Works with all schedulers of diffusers that can add noise: flow matching and alphas_cumprod alike, one level a step.
After the last step the known latents are exactly the clean ones.

torch is imported when a shot is really shot. May import nothing of storyboard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

StepEnd = Callable[..., dict[str, "torch.Tensor"]]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the latents of a shot. All three have the layout of the latents in the loop."""

    clean: torch.Tensor
    """The known latents without noise; anything where nothing is known."""
    noise: torch.Tensor
    """What the loop begins with, before any scheduler scales it."""
    mask: torch.Tensor
    """True where something is known; may be of size 1 in dimensions that do not matter."""


class Looping(Protocol):
    """A pipeline with a scheduler."""

    scheduler: Any


def noised(scheduler: Any, known: Known, step: int) -> torch.Tensor:
    """The known latents at the level of noise that latents have after `step` steps; after the last, without any."""
    if step >= len(scheduler.timesteps):
        return known.clean
    timestep = scheduler.timesteps[step : step + 1]
    made: torch.Tensor
    if hasattr(scheduler, "scale_noise"):  # flow matching
        made = scheduler.scale_noise(known.clean, timestep, known.noise)
    else:
        made = scheduler.add_noise(known.clean, known.noise, timestep)
    return made


def put_back(scheduler: Any, known: Known, step: int, latents: torch.Tensor) -> torch.Tensor:
    """The latents after `step` steps with what is known in its place."""
    import torch

    return torch.where(known.mask, noised(scheduler, known, step).to(latents.dtype), latents)


def start(scheduler: Any, known: Known, steps: int, **more: object) -> torch.Tensor:
    """The latents that the loop begins with, as pipelines take them: they multiply them by `init_noise_sigma`.

    `more` is what the pipeline gives the scheduler's `set_timesteps` besides the number of steps.
    """
    scheduler.set_timesteps(steps, **more)
    scale: float | torch.Tensor = getattr(scheduler, "init_noise_sigma", 1.0)  # in flow matching there is none
    return put_back(scheduler, known, 0, known.noise * scale) / scale


def by_callback(known: Known | None, report: StepEnd) -> StepEnd:
    """A `callback_on_step_end` that puts back what is known, where anything is, and then does what `report` does."""

    def after(pipeline: Looping, step: int, timestep: object, given: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        if known is None:
            return report(pipeline, step, timestep, given)
        latents = put_back(pipeline.scheduler, known, step + 1, given["latents"])
        return {"latents": latents, **report(pipeline, step, timestep, {**given, "latents": latents})}

    return after


@contextmanager
def by_scheduler(pipeline: Looping, known: Known | None) -> Iterator[None]:
    """While inside, the pipeline's scheduler puts back what is known at the end of each of its steps.

    It stays a scheduler of its class to whoever asks, and is as before afterwards. One loop of the pipeline, from its
    first step on, runs inside.
    """
    if known is None:
        yield
        return
    scheduler = pipeline.scheduler
    plain = type(scheduler)
    done = 0

    @wraps(plain.step)  # pipelines look at its signature
    def step(self: Any, *given: object, **named: Any) -> Any:
        nonlocal done
        made = plain.step(self, *given, **named)
        done += 1
        if isinstance(made, tuple):
            return (put_back(self, known, done, made[0]), *made[1:])
        made.prev_sample = put_back(self, known, done, made.prev_sample)
        return made

    scheduler.__class__ = type(plain.__name__, (plain,), {"step": step})
    try:
        yield
    finally:
        scheduler.__class__ = plain


# Frames -> known latents


def placed(clean: torch.Tensor, count: int, first: int, axis: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents of some frames laid out among `count` along `axis` from place `first` on, and the mask of where."""
    import torch

    shape = list(clean.shape)
    shape[axis] = count
    wide = torch.zeros(shape, dtype=clean.dtype, device=clean.device)
    wide.narrow(axis, first, clean.shape[axis]).copy_(clean)
    mask = torch.zeros([count if place == axis % clean.ndim else 1 for place in range(clean.ndim)], dtype=torch.bool)
    mask.narrow(axis, first, clean.shape[axis]).fill_(True)
    return wide, mask.to(clean.device)


def know(
    noise: torch.Tensor, axis: int, *, tail: torch.Tensor | None = None, head: torch.Tensor | None = None
) -> Known | None:
    """What is known when a tail stands at the beginning along `axis`, and a head at the end; None without either."""
    import torch

    count, given = noise.shape[axis], []
    if tail is not None:
        given.append(placed(tail.to(noise), count, 0, axis))
    if head is not None:
        given.append(placed(head.to(noise), count, count - head.shape[axis], axis))
    if not given:
        return None
    clean, mask = given[0]
    for other, where in given[1:]:
        clean, mask = torch.where(where, other, clean), mask | where
    return Known(clean, noise, mask)


def as_video(frames: NDArray[np.uint8], vae: Any, device: str) -> torch.Tensor:
    """Frames [n, h, w, 3] as an autoencoder takes them: [1, 3, n, h, w] in -1..1, on a device, in its numbers.

    The device is that of the loop: where parts wait in main memory, an autoencoder comes to what it is given.
    """
    import torch

    values = torch.from_numpy(frames.copy()).permute(3, 0, 1, 2)[None]
    return (values.to(torch.float32) / 127.5 - 1).to(device=device, dtype=vae.dtype)


def encode_tail(vae: Any, frames: NDArray[np.uint8], device: str) -> torch.Tensor:
    """r*k + 1 frames -> the k + 1 latents [1, c, k + 1, h, w] that a causal autoencoder begins a film of them with."""
    return _mode(vae, as_video(frames, vae, device))


def encode_head(vae: Any, frames: NDArray[np.uint8], device: str) -> torch.Tensor:
    """r*m frames -> m latents [1, c, m, h, w] as they are in the middle of a film, by a causal autoencoder.

    The first latent of a film stands for one frame, all others for r: so the first frame is put before them once more,
    and its latent left out again.
    """
    import numpy as np

    return _mode(vae, as_video(np.concatenate([frames[:1], frames]), vae, device))[:, :, 1:]


def encode_pictures(vae: Any, frames: NDArray[np.uint8], device: str) -> torch.Tensor:
    """n frames -> n latents [1, c, n, h, w], by an autoencoder of single pictures."""
    import torch

    video = as_video(frames, vae, device)[0].permute(1, 0, 2, 3)
    latents = torch.cat([_mode(vae, picture[None]) for picture in video])
    return latents.permute(1, 0, 2, 3)[None]


def _mode(vae: Any, video: torch.Tensor) -> torch.Tensor:
    """Latents as the denoiser knows them, without any chance in them."""
    import torch

    with torch.no_grad():
        latents: torch.Tensor = vae.encode(video).latent_dist.mode()
    config, kept = vae.config, dict(vae.named_buffers(recurse=False))
    mean, spread = (kept.get(name, getattr(config, name, None)) for name in ("latents_mean", "latents_std"))
    if mean is None or spread is None:
        scaled: torch.Tensor = (latents - (getattr(config, "shift_factor", None) or 0.0)) * config.scaling_factor
        return scaled
    shape = (1, -1, *[1] * (latents.ndim - 2))
    center, width = (torch.as_tensor(each).view(shape).to(latents) for each in (mean, spread))
    return (latents - center) / width
