"""Where a loaded pipeline stands: on which device, what of it waits in main memory, and what happens when that is full.

    ladder = Ladder(rungs(options.offload, fits), place, tell)
    footage = ladder.run(lambda: pipeline(...))

    none          all of it on the device, but for the text encoders, which are there only while they read
    model         one part at a time
    group         layer by layer, the next one fetched ahead
    sequential    layer by layer

Each rung is slower and smaller than the one before, and all give the same pixels: so a shot that runs out of memory is
begun again one rung down, and nothing that changes pixels is ever done unasked. torch is imported when a shot is really
shot. May import what stands above `engines` in the layout.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from storyboard.errors import EngineUnavailable, OutOfMemory

if TYPE_CHECKING:
    import torch

_Made = TypeVar("_Made")
RUNGS: Final = ("none", "model", "group", "sequential")
WORKING: Final = 2.0
"""Gigabytes that a step of a video model takes besides its weights, roughly, where an engine says nothing else."""
_GIGA: Final = 1e9


class Pipeline(Protocol):
    """What diffusers pipelines have in common, as far as placing them needs it."""

    @property
    def components(self) -> Mapping[str, object]: ...
    def set_progress_bar_config(self, *, disable: bool) -> None: ...
    def maybe_free_model_hooks(self) -> None: ...
    def remove_all_hooks(self) -> None: ...
    def enable_model_cpu_offload(self, *, device: str) -> None: ...
    def enable_sequential_cpu_offload(self, *, device: str) -> None: ...
    def enable_group_offload(self, onload_device: torch.device, *, offload_type: str, use_stream: bool) -> None: ...


# The device


def pick_device(asked: str, name: str) -> str:
    """The device that the options ask for; for `auto` CUDA, then MPS, then the CPU. Raises EngineUnavailable."""
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if asked == "auto":
        return next(device for device, is_there in there.items() if is_there)
    kind, _, number = asked.partition(":")
    if not there[kind] or (number and int(number) >= torch.cuda.device_count()):
        hint = "set `device: auto`, or leave it out"
        raise EngineUnavailable(f"`{name}` shall run on `{asked}`, which is not there", hint)
    return asked


def modules_of(pipeline: Pipeline) -> dict[str, torch.nn.Module]:
    """The parts of a pipeline that have weights, by name."""
    import torch

    return {name: part for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)}


def place(pipeline: Pipeline, device: str, offload: str, aside: Sequence[str] = ()) -> None:
    """Put the pipeline on the device, with parts of it waiting in main memory as `offload` says.

    With `none` the parts named in `aside` stay where they are. On the CPU everything is in main memory already. The
    pipeline's own progress bar is turned off.
    """
    import torch

    pipeline.set_progress_bar_config(disable=True)
    if device == "cpu":
        return
    if offload == "none":
        for name, part in modules_of(pipeline).items():
            if name not in aside:
                part.to(device)
    elif offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif offload == "group":
        is_cuda = device.startswith("cuda")
        pipeline.enable_group_offload(torch.device(device), offload_type="leaf_level", use_stream=is_cuda)
    else:
        pipeline.enable_sequential_cpu_offload(device=device)


def take_down(pipeline: Pipeline) -> None:
    """Undo `place`: everything back in main memory, and nothing fetched from there by itself any more."""
    pipeline.remove_all_hooks()
    for part in modules_of(pipeline).values():
        for module in part.modules():
            hooks: Any = getattr(module, "_diffusers_hook", None)
            for name in ("group_offloading", "layer_execution_tracker", "lazy_prefetch_group_offloading"):
                if hooks is not None:
                    hooks.remove_hook(name, recurse=False)
        part.to("cpu")


@contextmanager
def using(pipeline: Pipeline) -> Iterator[None]:
    """For a call of the pipeline, which does not put offloaded parts back itself when it is interrupted."""
    try:
        yield
    finally:
        pipeline.maybe_free_model_hooks()


def free_memory() -> None:
    """Give back what is no longer referred to, on the device too."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


# The ladder


def estimate(billions: Mapping[str, float], size: int, working: float = WORKING) -> tuple[tuple[str, float], ...]:
    """Gigabytes of device memory for each `offload`, from the parts' parameter counts in billions: an estimate.

    `size` is that of a number in bytes, `working` what a step takes besides the weights. A part whose name begins with
    `text` is alone on the device while it reads. Of what is fetched layer by layer, a tenth and a twentieth of the
    largest part is taken to be there at once.
    """
    weights = {name: count * size for name, count in billions.items()}
    reading = max((count for name, count in weights.items() if name.startswith("text")), default=0.0)
    shooting = sum(count for name, count in weights.items() if not name.startswith("text"))
    largest = max(weights.values())
    needed = (max(reading, shooting + working), largest + working, largest / 10 + working, largest / 20 + working)
    return tuple((rung, round(gigabytes, 1)) for rung, gigabytes in zip(RUNGS, needed, strict=True))


def device_memory(device: str) -> float | None:
    """Gigabytes of the device that this process may have, or None where nobody can tell."""
    import torch

    if not device.startswith("cuda"):
        return None
    share = torch.cuda.get_per_process_memory_fraction(torch.device(device))
    free, total = torch.cuda.mem_get_info(device)
    return min(free, share * total) / _GIGA


def weigh(pipeline: Pipeline) -> dict[str, float]:
    """Gigabytes of each part's weights as they are loaded."""
    return {
        name: sum(each.numel() * each.element_size() for each in part.parameters()) / _GIGA
        for name, part in modules_of(pipeline).items()
    }


def rungs(offload: str | None, pipeline: Pipeline, device: str) -> tuple[str, ...]:
    """The rungs for a loaded pipeline, the first to try first: from the one asked for, or the first expected to fit."""
    if device == "cpu":
        return RUNGS[:1]
    if offload is not None:
        return RUNGS[RUNGS.index(offload) :]
    there = device_memory(device)
    if there is None:
        return RUNGS
    fitting = [rung for rung, needed in estimate(weigh(pipeline), 1) if needed <= there]
    return RUNGS[RUNGS.index(fitting[0] if fitting else RUNGS[-1]) :]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the device is full, in whoever's words."""
    import torch

    words = ("out of memory", "not enough memory", "can't allocate memory", "alloc_failed")
    known = isinstance(error, torch.OutOfMemoryError | MemoryError | OutOfMemory)
    return known or (isinstance(error, RuntimeError) and any(each in str(error).lower() for each in words))


class Ladder:
    """Runs work on a pipeline, one rung further down each time that it runs out of memory, and stays there."""

    def __init__(self, rungs: Sequence[str], put: Callable[[str], None], tell: Callable[[str], None]) -> None:
        """`put` places the pipeline for a rung, wherever it was before; `tell` hears of each rung that is gone down."""
        self.rungs, self.put, self.tell = tuple(rungs), put, tell
        self.placed = False

    @property
    def rung(self) -> str:
        return self.rungs[0]

    def run(self, work: Callable[[], _Made], *, unplaced: Sequence[str] = ()) -> _Made:
        """What `work` returns. On the rungs named in `unplaced` it needs no pipeline that is placed.

        Raises what `work` raises, and what says that memory is full only from the last rung.
        """
        while True:
            try:
                if not self.placed and self.rung not in unplaced:
                    self.put(self.rung)
                    self.placed = True
                return work()
            except Exception as error:
                if len(self.rungs) < 2 or not is_out_of_memory(error):
                    raise
            # Only here, where the error is gone and with it all that its frames held, can memory be given back.
            self.rungs, self.placed = self.rungs[1:], False
            self.tell(self.rung)
