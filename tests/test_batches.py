"""Shots that are shot together: each as it would be by itself but for rounding, whatever it is shot with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from storyboard.crew import Delivered, Here, Lost, Word, shoot
from storyboard.engines.base import Assignment, EngineOptions, Together
from storyboard.engines.ltx import SPEC, Ltx, LtxOptions, LtxSampling
from storyboard.engines.pocket import SPEC as POCKET
from storyboard.engines.pocket import PocketOptions
from storyboard.engines.resident import Call
from storyboard.errors import BadFootage, Cancelled
from storyboard.events import ShotDone, ShotStarted
from storyboard.plan import make_plan
from storyboard.render import render
from storyboard.timing import Rate
from storyboard.vault import Vault
from tests.films import broken_down, scene, screenplay
from tests.tiny import tiny_ltx

Frames = NDArray[np.uint8]
PROMPTS = ("A bear swims.", "A dog runs.", "A car.", "Rain.", "Night falls.")
MOST = 2
"""Grey levels between a shot and the same in a batch: what is rounded otherwise is seldom more than one."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_ltx(tmp_path_factory.mktemp("models") / "tiny")


def said(model: Path, **more: object) -> dict[str, object]:
    plain: dict[str, object] = {"model": str(model), "distilled": True, "steps": 2, "dtype": "float32"}
    return plain | {"device": "cpu", "max_sequence_length": 64, "batch": True} | more


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[Ltx]:
    opened = SPEC.open(LtxOptions.model_validate(said(model)))
    assert isinstance(opened, Ltx) and isinstance(opened, Together)
    yield opened
    opened.close()


def rows(count: int = 3, **fields: object) -> list[Assignment]:
    rate = Rate(Fraction(24))
    plain = [
        Assignment(f"s/{row}", PROMPTS[row], "", 7 + row, 32, 32, rate, 13, EngineOptions()) for row in range(count)
    ]
    return [replace(each, **fields) for each in plain]  # type: ignore[arg-type]


def noise(count: int, seed: int) -> Frames:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), np.uint8)


def together(engine: Together, asked: Sequence[Assignment]) -> list[Frames]:
    return [each.frames for each in engine.shoot_together(asked, lambda step, steps: None)]


def alone(engine: Ltx, asked: Sequence[Assignment]) -> list[Frames]:
    return [engine.shoot(each, lambda step, steps: None).frames for each in asked]


def most_apart(some: Sequence[Frames], others: Sequence[Frames]) -> int:
    return max(int(np.abs(one.astype(int) - other).max()) for one, other in zip(some, others, strict=True))


def given(row: int) -> dict[str, dict[str, Frames]]:
    """What a shot may be given, other pictures in each row."""
    tail, head, still = noise(5, row), noise(5, 10 + row), noise(1, 20 + row)[0]
    return {"nothing": {}, "tail": {"tail": tail}, "both": {"tail": tail, "head": head}, "start": {"start": still}}


@pytest.mark.parametrize("what", given(0))
def test_each_is_as_it_would_be_by_itself_and_knows_nothing_of_the_others(engine: Ltx, what: str) -> None:
    asked = [replace(each, **given(row)[what]) for row, each in enumerate(rows())]  # type: ignore[arg-type]
    single, batch = alone(engine, asked), together(engine, asked)
    assert most_apart(single, batch) <= MOST
    assert most_apart(single[:1], batch[1:2]) > 20, "they are others"
    changed = [replace(asked[2], seed=99, prompt="Fire."), asked[0], replace(asked[1], seed=98)]
    assert (together(engine, changed)[1] == batch[0]).all(), "whatever is beside it, in whichever row"
    assert (together(engine, asked)[2] == batch[2]).all()


def test_guidance_and_negative_prompts_are_of_each_row(model: Path) -> None:
    guided = SPEC.open(LtxOptions.model_validate(said(model, distilled=False, guidance=3)))
    assert isinstance(guided, Ltx)
    asked = [replace(each, negative=text) for each, text in zip(rows(), ("Fog.", "", "Snow."), strict=True)]
    assert most_apart(alone(guided, asked), together(guided, asked)) <= MOST
    guided.close()


def test_the_option_is_in_the_key_and_only_where_it_is_said(model: Path) -> None:
    for plain, batch in (
        (PocketOptions(), PocketOptions(batch=True)),
        (LtxOptions.model_validate(said(model, batch=False)), LtxOptions.model_validate(said(model))),
    ):
        assert "batch" not in plain.keyed() and batch.keyed() == plain.keyed() | {"batch": True}
        assert (plain.together, batch.together) == (False, True)
        assert "batch" in plain.each, "one open model serves both"
    assert not EngineOptions().together


def test_progress_is_told_of_all_and_may_cancel(engine: Ltx) -> None:
    steps: list[tuple[int, int]] = []
    engine.shoot_together(rows(), lambda step, count: steps.append((step, count)))
    assert steps == [(1, 3), (2, 3), (3, 3)]

    def stop(step: int, count: int) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        engine.shoot_together(rows(), stop)


class Small(Ltx):
    """A model on a device that has room for two shots at once."""

    sizes: tuple[int, ...] = ()

    def generate_together(self, calls: Sequence[Call[LtxSampling]]) -> Sequence[NDArray[np.floating]]:
        self.sizes += (len(calls),)
        if len(calls) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().generate_together(calls)


def test_a_batch_that_does_not_fit_is_shot_in_halves(model: Path, engine: Ltx) -> None:
    options = LtxOptions.model_validate(said(model))
    small = Small("ltx", options.weights, options, SPEC.capabilities(options))
    asked = rows(5)
    assert most_apart(together(small, asked), alone(engine, asked)) <= MOST
    assert small.sizes == (5, 2, 3, 1, 2)
    small.close()


def test_noise_of_a_decoder_is_not_shared(model: Path) -> None:
    opened = SPEC.open(LtxOptions.model_validate(said(model)))
    assert isinstance(opened, Ltx) and not opened.alone
    opened.pipeline.vae.register_to_config(decoder_inject_noise=(False, True, False, False))
    assert opened.alone
    assert all((one == other).all() for one, other in zip(alone(opened, rows()), together(opened, rows()), strict=True))
    opened.close()


def test_one_that_is_wrong_does_not_take_the_others_along(model: Path) -> None:
    use = broken_down({"engine": {"name": "ltx"} | said(model), "scenes": [scene("a")]}).shots["a/1"].engine
    use = replace(use, width=32, height=32)
    opened = SPEC.open(use.options)
    wrong = replace(rows()[1], prompt=". " * 80)
    words: list[Word] = list(shoot(lambda _: opened, use, [rows()[0], wrong, rows()[2]], lambda step, steps: None))
    assert [type(word) for word in words] == [Delivered, Lost, Delivered]
    assert isinstance(words[1], Lost) and "tokens" in words[1].error.message
    assert not isinstance(words[1].error, BadFootage)
    opened.close()


def test_a_render_shoots_what_is_ready_and_alike_together(model: Path, tmp_path: Path) -> None:
    scenes = [scene(name, 0.5, continues="nothing" if name in "abc" else "a") for name in "abcd"]
    size = {"width": 32, "height": 32, "rate": 24}
    film = broken_down(screenplay(scenes, engine={"name": "ltx"} | said(model), format=size))
    vault, crew = Vault(tmp_path), Here()
    events = list(render(make_plan(film, vault), vault, crew))
    crew.close()
    order = [(type(event), event.shot.id) for event in events if isinstance(event, ShotStarted | ShotDone)]
    first, last = [f"{name}/1" for name in "abc"], "d/1"
    assert order[:3] == [(ShotStarted, name) for name in first]
    assert [name for kind, name in order if kind is ShotDone] == [*first, last]
    assert order[3] in {(ShotStarted, last), (ShotDone, first[0])} and order[-1] == (ShotDone, last)
    assert all(take.slate["options"]["batch"] is True for take in make_plan(film, vault).takes.values())  # type: ignore


@pytest.mark.long
def test_the_model_in_the_box_shoots_together_what_it_shoots_alone() -> None:
    opened = POCKET.open(PocketOptions(device="cpu", batch=True))
    assert isinstance(opened, Together)
    asked = [replace(each, width=128, height=128, rate=Rate(Fraction(8)), frames=9) for each in rows()]
    single = [opened.shoot(each, lambda step, steps: None).frames for each in asked]
    assert most_apart(single, together(opened, asked)) <= MOST
    opened.close()
