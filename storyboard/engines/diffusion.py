"""What engines on torch and diffusers share: options, the device, reproducible arithmetic, and plain errors.

    options        ModelOptions: dtype, vae, device, offload
    device         pick_device, place: where a pipeline runs, and how it shares little memory
    arithmetic     reproducible: the same seed gives the same frames on one machine
    errors         translated: whatever torch, diffusers or the hub raise -> ShotError, by one table

torch is imported when a shot is really shot. May import what stands above `engines` in the layout, and engines.base.
"""

from __future__ import annotations

import gc
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from storyboard.engines.base import Assignment, Capabilities, EngineOptions, FrameRule, Progress
from storyboard.errors import BadFootage, EngineUnavailable, OutOfMemory, ShotError, StoryboardError

if TYPE_CHECKING:
    import torch

CPU_THREADS: Final = 2
"""Sums are split by threads, so their number is part of the arithmetic and does not follow the machine."""
PACKAGES: Final = ("torch", "diffusers", "transformers", "accelerate")
INSTALL: Final = 'pip install "storyboard[models]"'
_DEVICE: Final = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,2})?")


def missing_packages(packages: Sequence[str] = PACKAGES) -> str | None:
    """Why models cannot run here, with the command that helps; None when all packages are there. Imports none."""
    absent = [name for name in packages if find_spec(name) is None]
    return f"{', '.join(f'`{name}`' for name in absent)} not installed; {INSTALL}" if absent else None


# Options


class VaeOptions(BaseModel):
    """How the autoencoder saves memory. In the key, as tiles are blended and so change pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tiling: bool = Field(default=False, description="Decode in tiles: less memory, slightly other pixels")
    slicing: bool = Field(default=False, description="Decode one picture of a batch at a time")


def _device(text: str) -> str:
    if not _DEVICE.fullmatch(text):
        raise ValueError(f"`{text}` is no device; write `auto`, `cpu`, `cuda`, `cuda:1` or `mps`")
    return text


class ModelOptions(EngineOptions):
    """Options of every engine on diffusers. `device` and `offload` say where, not what, and are not in the key.

    `dtype` changes pixels and never depends on the device: an engine's default is fixed, and an author who shoots on a
    CPU writes `dtype: float32` where bfloat16 is slow there.
    """

    unkeyed: ClassVar[frozenset[str]] = frozenset({"device", "offload"})

    dtype: Literal["bfloat16", "float16", "float32"] = Field(default="bfloat16", description="Numbers it reckons in")
    vae: VaeOptions = Field(default=VaeOptions(), description="How the autoencoder saves memory")
    device: Annotated[str, AfterValidator(_device)] = Field(
        default="auto", description="Where it runs: auto, cpu, cuda, cuda:1 or mps; auto takes the first that is there"
    )
    offload: Literal["none", "model", "group", "sequential"] = Field(
        default="none", description="What waits in main memory while it is not used; slower, the same pixels"
    )


# What an engine is asked


def check_assignment(assignment: Assignment, can: Capabilities, name: str) -> None:
    """Raise ShotError unless the engine can shoot exactly this: pipelines trim and round what does not fit, silently.

    The tail counts as repeated, and the head lies within `assignment.frames`.
    """
    a = assignment
    tail, head = (0 if frames is None else len(frames) for frames in (a.tail, a.head))
    _accept(a.shot, name, "frames", a.frames, can.frames)
    if tail:
        _accept(a.shot, name, "tail frames", tail, can.tail)
    if head:
        _accept(a.shot, name, "head frames", head, can.head)
    given = tail + head + (a.start is not None) + (a.end is not None)
    if given >= a.frames:
        message = f"shot `{a.shot}` has {a.frames} frames, and {given} of them are given"
        raise ShotError(message, "make the scene longer, or set a smaller `tail` or `head`")
    for what, is_given, is_taken, rival in (
        ("start", a.start is not None, can.start_image, tail),
        ("end", a.end is not None, can.end_image, head),
    ):
        if is_given and (rival or not is_taken):
            raise ShotError(f"shot `{a.shot}` gives `{name}` a picture as `{what}`, which it cannot take here")
    if a.width % can.size_multiple or a.height % can.size_multiple:
        hint = f"it takes multiples of {can.size_multiple}"
        raise ShotError(f"shot `{a.shot}` is {a.width}x{a.height}, which `{name}` cannot shoot", hint)


def _accept(shot: str, name: str, what: str, count: int, rule: FrameRule | None) -> None:
    if rule is None:
        raise ShotError(f"shot `{shot}` gives `{name}` {count} {what}, and it takes none")
    if not rule.fits(count):
        raise ShotError(f"shot `{shot}` asks `{name}` for {count} {what}", f"it takes {rule}")


# The device


class Pipeline(Protocol):
    """What diffusers pipelines have in common, as far as placing them needs it."""

    def to(self, device: str) -> object: ...
    def set_progress_bar_config(self, *, disable: bool) -> None: ...
    def maybe_free_model_hooks(self) -> None: ...
    def enable_model_cpu_offload(self, *, device: str) -> None: ...
    def enable_sequential_cpu_offload(self, *, device: str) -> None: ...
    def enable_group_offload(self, onload_device: torch.device, *, offload_type: str, use_stream: bool) -> None: ...


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


def place(pipeline: Pipeline, device: str, offload: str) -> None:
    """Put the pipeline on the device, with parts of it waiting in main memory as `offload` says.

    On the CPU everything is in main memory already. Its own progress bar is turned off.
    """
    import torch

    pipeline.set_progress_bar_config(disable=True)
    if device == "cpu" or offload == "none":
        pipeline.to(device)
    elif offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif offload == "group":
        is_cuda = device.startswith("cuda")
        pipeline.enable_group_offload(torch.device(device), offload_type="leaf_level", use_stream=is_cuda)
    else:
        pipeline.enable_sequential_cpu_offload(device=device)


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


# Arithmetic


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
    searches = torch.backends.cudnn.benchmark
    gpus = [torch.device(device)] if device.startswith("cuda") else []
    with torch.random.fork_rng(gpus):
        try:
            torch.set_num_threads(CPU_THREADS if device == "cpu" else threads)
            torch.use_deterministic_algorithms(True, warn_only=True)
            torch.backends.cudnn.benchmark = False
            torch.manual_seed(seed + 1)  # other numbers than those of the latents
            yield torch.Generator("cpu").manual_seed(seed)
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(strict, warn_only=warns)
            torch.backends.cudnn.benchmark = searches


# Errors


@dataclass(frozen=True, slots=True)
class _Rule:
    """What is raised by whoever -> what the author is told."""

    kinds: tuple[str, ...]
    """Classes by full name; an error is of one if it or a class above it is."""
    says: str
    """A regular expression that its message must match, in any case."""
    error: type[ShotError]
    message: str
    hint: str


_LESS: Final = (
    "set `offload: model`, which leaves pixels as they are; then `vae: {tiling: true}`, or a smaller `window`"
)
_AGAIN: Final = "copy or download the model again"
_RULES: Final = (
    _Rule(("torch.OutOfMemoryError", "builtins.MemoryError"), "", OutOfMemory, "ran out of memory", _LESS),
    _Rule(
        ("builtins.RuntimeError",),
        r"out of memory|not enough memory|can't allocate memory|ALLOC_FAILED",
        OutOfMemory,
        "ran out of memory",
        _LESS,
    ),
    _Rule(
        ("torch.AcceleratorError", "builtins.RuntimeError"),
        r"CUDA error|CUDA driver|cuDNN error|CUBLAS_STATUS|MPS backend",
        ShotError,
        "lost its device",
        "begin the render again; what was shot is kept",
    ),
    _Rule(
        ("builtins.NotImplementedError",),
        "",
        EngineUnavailable,
        "needs something that its device cannot do",
        "set another `device` or `dtype`",
    ),
    _Rule(
        ("builtins.Exception",),
        r"sentencepiece|tiktoken|protobuf",
        EngineUnavailable,
        "cannot read the model's tokenizer",
        "pip install sentencepiece protobuf",
    ),
    _Rule(("builtins.ImportError",), "", EngineUnavailable, "needs a package that is not there", INSTALL),
    _Rule(
        ("safetensors._safetensors_rust.SafetensorError", "huggingface_hub.errors.SafetensorsParsingError"),
        "",
        EngineUnavailable,
        "has weights that are damaged",
        _AGAIN,
    ),
    _Rule(
        ("huggingface_hub.errors.GatedRepoError", "huggingface_hub.errors.LocalTokenNotFoundError"),
        "",
        EngineUnavailable,
        "has weights that need an account on the hub",
        "accept the model's terms on its page, then run `hf auth login`",
    ),
    _Rule(
        (
            "huggingface_hub.errors.RepositoryNotFoundError",
            "huggingface_hub.errors.RevisionNotFoundError",
            "huggingface_hub.errors.RevisionResolutionError",
            "huggingface_hub.errors.EntryNotFoundError",
            "huggingface_hub.errors.DisabledRepoError",
            "huggingface_hub.errors.HFValidationError",
        ),
        "",
        EngineUnavailable,
        "asks the hub for weights that are not there",
        "check `model` and `revision`",
    ),
    _Rule(
        (
            "huggingface_hub.errors.HfHubHTTPError",
            "httpx2.HTTPError",
            "huggingface_hub.errors.OfflineModeIsEnabled",
            "huggingface_hub.errors.XetDownloadError",
            "builtins.ConnectionError",
            "builtins.TimeoutError",
        ),
        "",
        EngineUnavailable,
        "could not download its weights",
        "render again when the network is back; what was downloaded is kept",
    ),
    _Rule(
        ("builtins.RuntimeError", "builtins.ValueError"),
        r"size mismatch|shape mismatch|Cannot load .* because|error\(s\) in loading",
        EngineUnavailable,
        "has weights that do not fit their configuration",
        _AGAIN,
    ),
    _Rule(("builtins.OSError",), "", EngineUnavailable, "could not read its weights", _AGAIN),
)
"""The first that fits counts."""


@contextmanager
def translated(name: str, shot: str | None = None) -> Iterator[None]:
    """Raise what others raise as a ShotError that names the engine, and the shot where there is one.

    storyboard's own errors, Cancelled among them, pass as they are.
    """
    try:
        yield
    except StoryboardError:
        raise
    except Exception as error:
        raise translate(error, name, shot) from error


def translate(error: Exception, name: str, shot: str | None = None) -> ShotError:
    """The error as the author is told it: what happened, in whose words, and what to do."""
    kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    lines = [line for line in str(error).splitlines() if line.strip()]
    words = lines[0].strip().rstrip(".")[:300] if lines else type(error).__name__
    whose = f"shot `{shot}`: `{name}`" if shot else f"`{name}`"
    for rule in _RULES:
        if kinds.intersection(rule.kinds) and re.search(rule.says, str(error), re.IGNORECASE):
            return rule.error(f"{whose} {rule.message}: {words}", rule.hint)
    return ShotError(f"{whose} failed with {type(error).__name__}: {words}")


# What libraries say


@contextmanager
def unheard(logger: str, beginning: str) -> Iterator[None]:
    """Without the log records of one logger that begin so; all others are let through."""

    def lets_through(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(beginning)

    logging.getLogger(logger).addFilter(lets_through)
    try:
        yield
    finally:
        logging.getLogger(logger).removeFilter(lets_through)


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Without the progress bars of diffusers and transformers: the terminal has one of ours."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    libraries = (diffusers_logging, transformers_logging)
    shown = [library.is_progress_bar_enabled() for library in libraries]
    for library in libraries:
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library, was_shown in zip(libraries, shown, strict=True):
            if was_shown:
                with suppress(Exception):
                    library.enable_progress_bar()
