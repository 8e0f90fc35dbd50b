"""Where a pipeline stands: estimates, rungs that leave pixels alone, and the way down when memory is full."""

from __future__ import annotations

import gc
import weakref
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from storyboard.engines import memory
from storyboard.engines.base import Assignment
from storyboard.engines.ltx import SPEC, Ltx
from storyboard.errors import EngineUnavailable, OutOfMemory, ShotError
from storyboard.timing import Rate
from tests.tiny import tiny_ltx


class Held:
    """Something large."""


def full() -> Exception:
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


def test_a_device_that_is_not_there_is_refused() -> None:
    assert memory.pick_device("cpu", "ltx") == "cpu"
    assert memory.pick_device("auto", "ltx") in ("cpu", "cuda", "mps")
    with pytest.raises(EngineUnavailable, match="shall run on `cuda:99`, which is not there"):
        memory.pick_device("cuda:99", "ltx")


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (OutOfMemory("shot `a/1`: `ltx` ran out of memory"), True),
        (RuntimeError("MPS backend out of memory"), True),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("CUDA error: an illegal memory access"), False),
        (ValueError("out of memory"), False),
        (ShotError("shot `a/1` is too long"), False),
    ],
)
def test_a_full_memory_is_known_in_anyones_words(error: Exception, full: bool) -> None:
    assert memory.is_out_of_memory(error) is full


def test_each_rung_needs_less_and_the_text_encoder_is_alone_while_it_reads() -> None:
    figures = memory.estimate({"text_encoder": 5.0, "transformer": 13.0, "vae": 1.0}, 2, working=2.0)
    assert figures == (("none", 30.0), ("model", 28.0), ("group", 4.6), ("sequential", 3.3))
    assert dict(memory.estimate({"text_encoder": 5.0, "unet": 1.0}, 2))["none"] == 10.0


def test_on_a_cpu_there_is_one_rung_as_all_is_in_main_memory() -> None:
    pipeline = object()
    assert memory.rungs("sequential", pipeline, "cpu") == ("none",)  # type: ignore[arg-type]
    assert memory.rungs("group", pipeline, "mps") == ("group", "sequential")  # type: ignore[arg-type]


def test_work_is_begun_again_one_rung_down_until_it_fits() -> None:
    put: list[str] = []
    told: list[str] = []
    ladder = memory.Ladder(memory.RUNGS, put.append, told.append)

    def work() -> str:
        if ladder.rung in ("none", "model"):
            raise full()
        return ladder.rung

    assert ladder.run(work) == "group"
    assert (put, told) == (["none", "model", "group"], ["model", "group"])
    assert ladder.run(work) == "group", "it stays there"
    assert put == ["none", "model", "group"]


def test_the_last_rung_and_other_errors_are_the_ends_of_it() -> None:
    told: list[str] = []
    ladder = memory.Ladder(("group", "sequential"), lambda rung: None, told.append)

    def fails(error: Exception) -> None:
        raise error

    with pytest.raises(KeyError):
        ladder.run(lambda: fails(KeyError("odd")))
    assert told == []
    with pytest.raises(torch.OutOfMemoryError):
        ladder.run(lambda: fails(full()))
    assert told == ["sequential"]


def test_what_filled_the_memory_is_gone_before_the_next_rung_is_placed() -> None:
    kept: list[weakref.ref[Held]] = []

    def put(rung: str) -> None:
        gc.collect()
        assert all(each() is None for each in kept), "nothing is freed while an error's frames hold it"

    ladder = memory.Ladder(memory.RUNGS[:2], put, lambda rung: None)

    def work() -> str:
        held = Held()
        if ladder.rung == "none":
            kept.append(weakref.ref(held))
            raise full()
        return ladder.rung

    assert ladder.run(work) == "model" and kept


def test_placing_may_run_out_of_memory_too_and_reading_ahead_needs_no_place() -> None:
    put: list[str] = []

    def place(rung: str) -> None:
        put.append(rung)
        if rung == "model":
            raise full()

    ladder = memory.Ladder(memory.RUNGS, place, lambda rung: None)
    assert ladder.run(lambda: ladder.rung, unplaced=("none", "model")) == "none"
    assert put == []
    ladder.rungs = memory.RUNGS[1:]
    assert ladder.run(lambda: ladder.rung) == "group"
    assert put == ["model", "group"]


def test_offloaded_parts_are_put_back_when_a_call_is_interrupted() -> None:
    freed: list[str] = []

    class Pipeline:
        def maybe_free_model_hooks(self) -> None:
            freed.append("all")

    with pytest.raises(KeyError), memory.using(Pipeline()):  # type: ignore[arg-type]
        raise KeyError
    assert freed == ["all"]


def test_a_pipeline_that_is_taken_down_can_be_placed_in_another_way(tmp_path: Path) -> None:
    model = {"model": str(tiny_ltx(tmp_path / "tiny")), "dtype": "float32", "device": "cpu"}
    engine = SPEC.open(SPEC.options.model_validate(model | {"steps": 1, "guidance": 1.0}))
    assert isinstance(engine, Ltx)
    asked = Assignment("a/1", "A bear swims.", "", 7, 32, 32, Rate(Fraction(24)), 5, engine.options)

    def shot() -> NDArray[np.int64]:
        return engine.shoot(asked, lambda step, steps: None).frames.astype(int)

    plain = shot()
    ways = {
        "group": lambda: engine.pipeline.enable_group_offload(torch.device("cpu"), offload_type="leaf_level"),
        "model": lambda: engine.pipeline.enable_model_cpu_offload(device="cpu:0"),
    }
    for way in ("group", "model", "group"):
        ways[way]()
        assert np.abs(shot() - plain).max() <= 1, way
        memory.take_down(engine.pipeline)
        assert np.abs(shot() - plain).max() <= 1, way
    engine.close()


def test_a_films_texts_are_read_in_one_trip_of_the_text_encoder(tmp_path: Path) -> None:
    model = {"model": str(tiny_ltx(tmp_path / "tiny")), "dtype": "float32", "device": "cpu"}
    engine = SPEC.open(SPEC.options.model_validate(model | {"steps": 1, "guidance": 1.0}))
    assert isinstance(engine, Ltx)
    engine.device = "cpu:0"  # to the engine a device of its own, where weights arrive as they would on another
    encoder, trips = engine.pipeline.text_encoder, []
    move = encoder.to

    def moved(device: str) -> torch.nn.Module:
        if device == "cpu:0":
            trips.append(device)
            encoder.shared.weight.data = encoder.shared.weight.data.clone()
        return move(device)

    encoder.to = moved
    before = encoder.shared.weight.data_ptr()
    texts = ["A bear swims.", "A bear dives.", "A bear sleeps."]
    engine.prepare(texts, lambda step, steps: None)
    assert len(trips) == 1
    assert encoder.shared.weight.data_ptr() == before, "weights that waited in main memory are not copied back"
    engine.prepare(texts, lambda step, steps: None)
    assert len(trips) == 1, "there is nothing left to read"
    for text in (texts[0], "A bear wakes."):
        asked = Assignment("a/1", text, "", 7, 32, 32, Rate(Fraction(24)), 5, engine.options)
        engine.shoot(asked, lambda step, steps: None)
    assert len(trips) == 2, "a text that nobody knew of has a trip of its own"
    engine.close()
