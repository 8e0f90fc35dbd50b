"""What engines on diffusers share: errors in plain words, quiet libraries, packages that are not there."""

from __future__ import annotations

import importlib
import logging

import pytest
import torch

from storyboard.engines import diffusion
from storyboard.errors import BadFootage, Cancelled, EngineUnavailable, OutOfMemory, ShotError


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), OutOfMemory, "ran out of memory"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 17 GB)"), OutOfMemory, "ran out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), OutOfMemory, "ran out of memory"),
        (RuntimeError("CUDA error: an illegal memory access"), ShotError, "lost its device"),
        (ImportError("no module named accelerate"), EngineUnavailable, "needs a package"),
        (FileNotFoundError("no file named config.json"), EngineUnavailable, "could not read its weights"),
        (KeyError("odd"), ShotError, "failed with KeyError"),
    ],
)
def test_errors_of_others_are_translated(error: Exception, kind: type[ShotError], says: str) -> None:
    with pytest.raises(ShotError) as caught, diffusion.translated("ltx", "a/1"):
        raise error
    assert type(caught.value) is kind and says in caught.value.message and caught.value.__cause__ is error
    assert caught.value.message.startswith("shot `a/1`: `ltx` ")


def test_every_class_of_the_table_is_there() -> None:
    for rule in diffusion._RULES:
        for kind in rule.kinds:
            module, _, name = kind.rpartition(".")
            found = getattr(importlib.import_module(module), name)
            assert issubclass(found, Exception) and f"{found.__module__}.{found.__qualname__}" == kind


def test_our_own_errors_pass_as_they_are() -> None:
    for own in (Cancelled("stopped"), ShotError("known", "do this")):
        with pytest.raises(type(own)) as caught, diffusion.translated("ltx", "a/1"):
            raise own
        assert caught.value is own


def test_only_the_record_that_is_named_is_unheard() -> None:
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    logger, ear = logging.getLogger("some.module"), Ear()
    logger.addHandler(ear)
    try:
        with diffusion.unheard("some.module", "this"):
            logger.warning("this again")
            logger.warning("that")
        logger.warning("this after")
    finally:
        logger.removeHandler(ear)
    assert heard == ["that", "this after"]


def test_missing_packages_are_named_with_the_command_that_helps() -> None:
    assert diffusion.missing_packages() is None
    said = diffusion.missing_packages(("json", "no_such_package"))
    assert said == '`no_such_package` not installed; pip install "storyboard[models]"'


def test_a_device_that_is_not_there_is_refused() -> None:
    assert diffusion.pick_device("cpu", "ltx") == "cpu"
    assert diffusion.pick_device("auto", "ltx") in ("cpu", "cuda", "mps")
    with pytest.raises(EngineUnavailable, match="shall run on `cuda:99`, which is not there"):
        diffusion.pick_device("cuda:99", "ltx")


def test_settings_of_torch_are_put_back_even_after_an_error() -> None:
    def settings() -> tuple[object, ...]:
        return torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_rng_state().sum()

    before = settings()
    with pytest.raises(KeyError), diffusion.reproducible("cpu", 7) as generator:
        first = torch.get_num_threads(), torch.rand(2).tolist(), torch.rand(2, generator=generator).tolist()
        raise KeyError
    assert settings() == before
    with diffusion.reproducible("cpu", 7) as generator:
        assert first == (diffusion.CPU_THREADS, torch.rand(2).tolist(), torch.rand(2, generator=generator).tolist())
    assert first[1] != first[2], "what draws from the global generator draws other numbers"


def test_latents_that_are_no_numbers_end_the_shot_before_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    report = diffusion.after_step("a/1", lambda step, steps: told.append((step, steps)), 3)
    assert report(None, 0, None, {"latents": torch.zeros(2)}) == {}
    for odd in (float("nan"), float("inf")):
        with pytest.raises(BadFootage, match="after step 2"):
            report(None, 1, None, {"latents": torch.tensor([0.0, odd])})
    assert told == [(1, 3)]
