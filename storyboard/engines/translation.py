"""What torch, diffusers, transformers or the hub raise -> a ShotError in plain words, by one table.

    with translated("wan", assignment.shot):
        ...                            # whatever is raised in here is told as one of ours, with what to do

Also what libraries would say besides: `unheard` and `quiet_loading` keep it off the terminal, which has words of ours.
May import what stands above `engines` in the layout.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from storyboard.errors import EngineUnavailable, OutOfMemory, ShotError, StoryboardError

PACKAGES: Final = ("torch", "diffusers", "transformers", "accelerate")
INSTALL: Final = "install storyboard again"


def missing_packages(packages: Sequence[str] = PACKAGES) -> str | None:
    """Why models cannot run here, with the command that helps; None when all packages are there. Imports none."""
    absent = [name for name in packages if find_spec(name) is None]
    return f"{', '.join(f'`{name}`' for name in absent)} not installed; {INSTALL}" if absent else None


def require_package(package: str, name: str, what: str) -> None:
    """Raise EngineUnavailable, with the command that helps, unless an optional package is there. Imports nothing.

    `name` is the engine's, `what` is what needs the package.
    """
    if find_spec(package) is None:
        raise EngineUnavailable(f"`{name}`: {what} needs the package `{package}`", f"pip install {package}")


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


_LESS: Final = "set `vae: {tiling: true}`, `quantize: fp8` where the engine can, or a smaller size or `window`"
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
        ("builtins.RuntimeError", "builtins.ValueError", "builtins.KeyError"),
        r"\blora",
        EngineUnavailable,
        "has a LoRA that does not fit the model",
        "name one that was made for it",
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
