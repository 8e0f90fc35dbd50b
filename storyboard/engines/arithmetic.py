"""The same seed gives the same frames on one machine: seeded generators, settled arithmetic, and a look at each step.

    with reproducible(device, assignment.seed) as generator:
        pipeline(..., generator=generator, callback_on_step_end=after_step(shot, progress, steps + 1))

torch is imported when a shot is really shot. May import what stands above `engines` in the layout, and engines.base.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from storyboard.engines.base import Progress
from storyboard.errors import BadFootage

if TYPE_CHECKING:
    import torch

CPU_THREADS: Final = 2
"""Sums are split by threads, so their number is part of the arithmetic and does not follow the machine."""


def after_step(shot: str, progress: Progress, total: int) -> Callable[..., dict[str, torch.Tensor]]:
    """A diffusers pipeline's `callback_on_step_end`, which reports steps of `total` and looks at the latents.

    What `progress` raises goes through the pipeline; BadFootage ends a shot whose latents are no numbers any more.
    """

    def report(_: object, step: int, timestep: object, given: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        if not bool(given["latents"].isfinite().all()):
            hint = "set `dtype: bfloat16` or `float32`, lower the guidance, or check the model"
            raise BadFootage(f"shot `{shot}`: after step {step + 1} the model's values are no numbers (NaN, Inf)", hint)
        progress(step + 1, total)
        return {}

    return report


def seeded(seed: int) -> torch.Generator:
    """A generator on the CPU, for a shot's noise."""
    import torch

    return torch.Generator("cpu").manual_seed(seed)


@contextmanager
def reproducible(device: str, seed: int) -> Iterator[torch.Generator]:
    """A generator on the CPU, seeded, and arithmetic that gives the same frames at every run on one machine.

    All of torch's settings are as before afterwards, and so are its global generators (that of MPS aside): they are
    seeded in here too, as some autoencoders draw from them while they decode.
    """
    import torch

    # cuBLAS reads it when it is first used; without it, its sums depend on which buffer happens to be free.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    threads = torch.get_num_threads()
    strict, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic  # a module whose types are not told
    searches, fills = torch.backends.cudnn.benchmark, memory.fill_uninitialized_memory
    gpus = [torch.device(device)] if device.startswith("cuda") else []
    with torch.random.fork_rng(gpus):
        try:
            torch.set_num_threads(CPU_THREADS if device == "cpu" else threads)
            torch.use_deterministic_algorithms(True, warn_only=True)
            torch.backends.cudnn.benchmark = False
            # Each new tensor would be written once more than it has to be; no model reads what it has not written.
            memory.fill_uninitialized_memory = False
            torch.manual_seed(seed + 1)  # other numbers than those of the latents
            yield seeded(seed)
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(strict, warn_only=warns)
            torch.backends.cudnn.benchmark = searches
            memory.fill_uninitialized_memory = fills
