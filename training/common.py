"""What every training command shares: the team of processes, the clock, gradients, averages, files and the log.

Turns a command line into a run that goes data-parallel under torchrun, on one GPU or on a CPU, stops by itself, and
leaves weights and a log behind at least once a minute. Imports torch and nothing of this folder.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

MOST_BYTES = 16 * 2**20
"""No file that a run writes is larger."""


@dataclass(frozen=True)
class Team:
    """The processes of a run, one for each device."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def average(self, values: Tensor) -> Tensor:
        """The mean over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(values, op=dist.ReduceOp.AVG if values.is_cuda else dist.ReduceOp.SUM)
            if not values.is_cuda:
                values /= self.size
        return values

    def agree(self, value: float) -> float:
        """The first process's value, for all."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], device=self.device, dtype=torch.float64)
        dist.broadcast(shared, 0)
        return float(shared.item())

    def align(self, module: nn.Module) -> None:
        """Give all processes the first one's parameters and buffers."""
        if self.size > 1:
            for tensor in [*module.parameters(), *module.buffers()]:
                dist.broadcast(tensor.data, 0)

    def gather(self, values: Tensor) -> Tensor:
        """[n, ...] of each process -> [n * size, ...], the same on all; n must be the same everywhere."""
        if self.size == 1:
            return values
        parts = [torch.empty_like(values) for _ in range(self.size)]
        dist.all_gather(parts, values.contiguous())
        return torch.cat(parts)

    def close(self) -> None:
        """Leave together."""
        if self.size > 1:
            dist.barrier()
            dist.destroy_process_group()


def assemble(seed: int, threads: int = 1, tune: bool = False, eager: bool = False) -> Team:
    """Join the process group that torchrun describes, if any, and choose the device; seeds torch, by rank.

    `tune` lets convolutions be timed at each new shape, which pays where there are few shapes; `eager` leaves
    torch.compile out.
    """
    if eager:
        torch.compiler.set_stance("force_eager")
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = tune
        torch._dynamo.config.cache_size_limit = 128  # one block class, many shapes
    else:
        device = torch.device("cpu")
        torch.set_num_threads(threads)
    if size > 1:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timedelta(minutes=3))
    torch.manual_seed(1000 * seed + rank)
    return Team(rank, size, device)


class Clock:
    """Wall time since the command began, as a fraction of what it may use; all processes read the same.

    `reserve` seconds at the end are kept for the final figures and files.
    """

    def __init__(self, team: Team, minutes: float, reserve: float, every: int = 10) -> None:
        self.began = time.monotonic()
        self.team, self.every, self.ticks, self.fraction = team, every, 0, 0.0
        self.span = max(60 * minutes - reserve, 30 * minutes)

    @property
    def seconds(self) -> float:
        """Since the command began, by this process's own clock."""
        return time.monotonic() - self.began

    def tick(self) -> bool:
        """Call once a step on every process; False when the time is up."""
        if self.ticks % self.every == 0:
            self.fraction = self.team.agree(self.seconds / self.span)
        self.ticks += 1
        return self.fraction < 1


def trapezoid(fraction: float, step: int, warm: int, decay: float) -> float:
    """Learning rate as a share of its peak: `warm` steps up, level, and down over the last `decay` of the time."""
    down = min(1.0, max(0.0, (1 - fraction) / decay)) if decay > 0 else 1.0
    return min(1.0, (step + 1) / warm) * max(down, 0.01)


class Gradients:
    """All gradients of some parameters as views of one flat buffer: one reduction, one norm."""

    def __init__(self, team: Team, parameters: Iterable[nn.Parameter]) -> None:
        self.team = team
        wanted = [parameter for parameter in parameters if parameter.requires_grad]
        self.flat = torch.zeros(sum(p.numel() for p in wanted), device=team.device)
        start = 0
        for parameter in wanted:
            parameter.grad = self.flat.as_strided(parameter.size(), parameter.stride(), start)
            start += parameter.numel()

    def gather(self, most: float = 1.0) -> Tensor:
        """Average over the team and scale to a norm of at most `most`; returns the norm before. NaN becomes zero."""
        self.team.average(self.flat)
        norm = self.flat.norm()
        scale = torch.where(norm.isfinite(), (most / (norm + 1e-6)).clamp(max=1.0), torch.zeros_like(norm))
        self.flat.nan_to_num_(0.0, 0.0, 0.0).mul_(scale)
        return norm

    def clear(self) -> None:
        """Set to zero, before a backward pass."""
        self.flat.zero_()


class Average:
    """An exponential moving average of modules' parameters, held in copies that are ready to use."""

    def __init__(self, live: nn.Module, copy: nn.Module, decay: float) -> None:
        self.decay, self.steps, self.copy = decay, 0, copy.eval().requires_grad_(False)
        self.copy.load_state_dict(live.state_dict())
        self.pairs = list(copy.parameters()), [parameter.data for parameter in live.parameters()]

    @torch.no_grad()
    def update(self) -> None:
        """Move a little towards the live parameters; faster in the first steps, so that the start is forgotten."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        torch._foreach_lerp_(self.pairs[0], self.pairs[1], 1 - decay)


@dataclass
class Logbook:
    """One JSON object a line in `<out>/<name>.jsonl`, and one short line on the terminal."""

    team: Team
    out: Path
    name: str
    clock: Clock
    pause: float = 5.0
    last: float = field(default=-1e9)

    def __post_init__(self) -> None:
        if self.team.leads:
            self.out.mkdir(parents=True, exist_ok=True)

    def due(self) -> bool:
        """Whether it is time for a line; may differ between processes, so nothing collective may hang on it."""
        return self.clock.seconds - self.last >= self.pause

    def note(self, **facts: object) -> None:
        """Write a line, on the first process only. Tensors of one element become numbers."""
        self.last = self.clock.seconds
        if not self.team.leads:
            return
        row = {"seconds": round(self.last, 1)} | {name: _plain(value) for name, value in facts.items()}
        with (self.out / f"{self.name}.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(f"[{self.name}] " + " ".join(f"{name}={value}" for name, value in row.items()), flush=True)


def _plain(value: object) -> object:
    if isinstance(value, Tensor):
        value = float(value.detach().float().mean())
    return (float(f"{value:.4g}") if math.isfinite(value) else None) if isinstance(value, float) else value


def packed(name: str, tensor: Tensor) -> bool:
    """Whether a checkpoint keeps it in eight bits: kernels and matrices between features, which are most of it.

    Not those from and to pixels, latents and noise levels, which little is saved by and much hangs on.
    """
    edge = name.endswith(("conv_in.conv.weight", "conv_out.conv.weight", "proj_in.weight", "proj_out.weight"))
    return tensor.ndim >= 2 and tensor.numel() >= 2**13 and name.endswith("weight") and not edge


def save_weights(module: nn.Module, path: Path, pack: bool = False) -> None:
    """Write a module's state as float16 safetensors, whole or not at all. Raises ValueError above 16 MiB.

    With `pack`, what is `packed` becomes float8_e4m3, as in the checkpoint that is made of it: whoever reads the file
    has the very numbers that are shipped.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {name: _half(tensor) for name, tensor in module.state_dict().items()}
    if pack:
        state = {n: t.float().to(torch.float8_e4m3fn) if packed(n, t) else t for n, t in state.items()}
    if sum(tensor.nbytes for tensor in state.values()) + 2**16 > MOST_BYTES:
        raise ValueError(f"the weights for `{path.name}` are larger than 16 MiB")
    partial = path.with_suffix(".partial")
    save_file(state, partial)
    partial.chmod(0o644)
    partial.replace(path)


@torch.no_grad()
def narrow(module: nn.Module) -> None:
    """Round what is `packed` to the numbers that `save_weights` writes with `pack`."""
    for name, tensor in module.state_dict().items():
        if packed(name, tensor):
            tensor.copy_(tensor.half().float().to(torch.float8_e4m3fn))


def _half(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    return tensor.half() if tensor.is_floating_point() else tensor


def load_weights(module: nn.Module, path: Path) -> None:
    """Read what `save_weights` wrote, in the module's own precision. Raises RuntimeError where shapes differ."""
    module.load_state_dict(load_file(path))


def parser(description: str, minutes: float) -> argparse.ArgumentParser:
    """The options that all commands share."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    options.add_argument("--out", type=Path, required=True, help="folder for weights, log and pictures")
    options.add_argument("--minutes", type=float, default=minutes, help="wall time in all, start-up included")
    options.add_argument("--size", default="pocket", choices=("pocket", "tiny"), help="tiny is for tests on a CPU")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--workers", type=int, default=-1, help="describing processes of each rank; -1: by cores")
    options.add_argument("--steps", type=int, default=10**9, help="stop after so many steps, if time has not")
    options.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    return options


def workers_for(asked: int, team: Team) -> int:
    """How many describing processes a rank starts: a fair share of the cores, less one for itself; none on a CPU."""
    if asked >= 0:
        return asked
    cores = len(os.sched_getaffinity(0))
    return 0 if team.device.type == "cpu" else max(2, min(4, cores // team.size - 2))


def compiled(function: Callable[..., object], team: Team, off: bool) -> Callable[..., object]:
    """torch.compile for fixed shapes on a GPU; the function itself elsewhere."""
    if off or team.device.type == "cpu":
        return function
    return torch.compile(function, dynamic=False)
