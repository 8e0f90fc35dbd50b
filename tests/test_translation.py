"""Errors of others in plain words, quiet libraries, packages that are not there."""

from __future__ import annotations

import importlib
import logging

import pytest
import torch

from storyboard.engines import translation
from storyboard.errors import Cancelled, EngineUnavailable, OutOfMemory, ShotError


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
        (ValueError("Invalid LoRA checkpoint."), EngineUnavailable, "has a LoRA that does not fit"),
    ],
)
def test_errors_of_others_are_translated(error: Exception, kind: type[ShotError], says: str) -> None:
    with pytest.raises(ShotError) as caught, translation.translated("ltx", "a/1"):
        raise error
    assert type(caught.value) is kind and says in caught.value.message and caught.value.__cause__ is error
    assert caught.value.message.startswith("shot `a/1`: `ltx` ")


def test_every_class_of_the_table_is_there() -> None:
    for rule in translation._RULES:
        for kind in rule.kinds:
            module, _, name = kind.rpartition(".")
            found = getattr(importlib.import_module(module), name)
            assert issubclass(found, Exception) and f"{found.__module__}.{found.__qualname__}" == kind


def test_our_own_errors_pass_as_they_are() -> None:
    for own in (Cancelled("stopped"), ShotError("known", "do this")):
        with pytest.raises(type(own)) as caught, translation.translated("ltx", "a/1"):
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
        with translation.unheard("some.module", "this"):
            logger.warning("this again")
            logger.warning("that")
        logger.warning("this after")
    finally:
        logger.removeHandler(ear)
    assert heard == ["that", "this after"]


def test_missing_packages_are_named_with_the_command_that_helps() -> None:
    assert translation.missing_packages() is None
    said = translation.missing_packages(("json", "no_such_package"))
    assert said == "`no_such_package` not installed; install storyboard again"


def test_an_optional_package_is_asked_for_by_name() -> None:
    translation.require_package("json", "ltx", "a LoRA")
    with pytest.raises(EngineUnavailable, match="`ltx`: a LoRA needs the package `no_such_package`") as caught:
        translation.require_package("no_such_package", "ltx", "a LoRA")
    assert caught.value.hint == "pip install no_such_package"
