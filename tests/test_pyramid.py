"""The engine `pyramid`: what it loads and refuses, what it asks of the model, and that it may wait anywhere."""

from __future__ import annotations

import importlib
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from storyboard.engines import spec_of
from storyboard.engines.base import Assignment
from storyboard.engines.memory import modules_of, take_down
from storyboard.engines.pyramid.convert import convert
from storyboard.engines.pyramid.engine import SPEC, Pyramid
from storyboard.engines.pyramid.layout import CONVERT
from storyboard.engines.pyramid.options import NEGATIVE, PyramidOptions
from storyboard.errors import EngineUnavailable, ShotError
from storyboard.testing import pictures
from storyboard.timing import Rate
from tests.tiny_pyramid import WEIGHTS, tiny_pyramid

HUB = {"model": "rain1011/pyramid-flow-miniflux", "revision": "0" * 40}
FEW = {"steps": [1, 1, 1], "video_steps": [1, 1, 1], "suffix": "", "usual_negative": ""}
each_kind = pytest.mark.parametrize("kind", ["flux", "mmdit"])
VAE, TRANSFORMER = "causal_video_vae", "diffusion_transformer_384p"


def options(**said: object) -> PyramidOptions:
    return PyramidOptions.model_validate(said)


def on(model: Path, **more: object) -> PyramidOptions:
    """Options for a tiny model, on the CPU."""
    plain = {"model": str(model), "resolution": "384p", "dtype": "float32", "device": "cpu", "width": 64, "height": 64}
    return options(**plain | FEW | more)


def opened(given: PyramidOptions) -> Pyramid:
    engine = SPEC.open(given)
    assert isinstance(engine, Pyramid)
    return engine


def assignment(given: PyramidOptions, **fields: Any) -> Assignment:
    plain = Assignment("a/1", "A bear swims.", "", 7, 64, 64, Rate(Fraction(24)), 9, given)
    return replace(plain, **fields)


def shot(engine: Pyramid, **fields: Any) -> NDArray[np.int64]:
    return engine.shoot(assignment(engine.options, **fields), lambda step, steps: None).frames.astype(int)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pyramid(tmp_path_factory.mktemp("pyramid") / "model")


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[Pyramid]:
    made = opened(on(model))
    yield made
    made.close()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A model to spoil."""
    return tiny_pyramid(tmp_path / "model")


# What is said of it


def test_it_is_registered_and_its_defaults_are_those_that_its_makers_recommend() -> None:
    assert spec_of("pyramid") is SPEC
    large, small = options(**HUB), options(**HUB, resolution="384p")
    assert (large.steps, large.video_steps) == ((20, 20, 20), (10, 10, 10))
    assert (large.first_guidance, small.first_guidance) == (9.0, 7.0)
    assert (large.video_guidance, large.continued_guidance) == (5.0, 4.0)
    assert (large.suffix, large.usual_negative) == (", hyper quality, Ultra HD, 8K", NEGATIVE)
    assert small.keyed()["guidance"] == 7.0 and small.keyed()["steps"] == [20, 20, 20]


def test_what_it_can_do_follows_from_the_resolution() -> None:
    large, small = (SPEC.capabilities(options(**HUB, resolution=each)) for each in ("768p", "384p"))
    assert (large.frames.most, small.frames.most) == (241, 121)
    assert (large.native_sizes, small.native_sizes) == (((1280, 768),), ((640, 384),))
    assert large.only_native_sizes and large.native_rate == Rate(Fraction(24))
    assert large.tail is not None and (large.tail.fits(17), large.tail.fits(16), large.default_tail) == (True, False, 9)
    assert large.head is None and not large.end_image and large.start_image
    assert "unverified" in str(large.licence) and large.notices == ()
    memory = dict(large.memory)
    assert memory["model"] < 12 and memory["sequential"] < memory["group"] < 8


def test_a_size_that_it_was_not_made_for_has_to_be_asked_for_and_is_told() -> None:
    can = SPEC.capabilities(options(**HUB, width=512, height=512))
    assert not can.only_native_sizes and "poor at other sizes" in can.notices[0]
    assert SPEC.capabilities(options(**HUB, width=1280, height=768)).notices == ()
    assert SPEC.capabilities(options(**HUB, width=1280, height=704)).notices == can.notices


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"dtype": "float16"}, "NaN"),
        ({"model": "somebody/video"}, "set `variant` to `flux` or `mmdit`"),
        ({"model": "nowhere", "revision": None}, "there is no folder `nowhere`"),
        ({"steps": [20, 20]}, "steps"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_loaded(said: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        options(**HUB | said)


def test_a_hub_model_is_of_the_kind_that_its_name_says_or_its_author() -> None:
    assert options(**HUB).layout.variant == "flux"
    assert options(**HUB | {"model": "rain1011/pyramid-flow-sd3"}).layout.variant == "mmdit"
    other = options(**HUB | {"model": "somebody/video", "variant": "mmdit"})
    assert "text_encoder_3" in {part.name for part in other.used_parts}
    assert other.identity() == f"hub:somebody/video@{'0' * 40}"


def test_a_folder_has_to_have_the_resolution_and_parts_that_fit(copied: Path) -> None:
    with pytest.raises(ValidationError, match="no folder `diffusion_transformer_768p`; set another `resolution`"):
        on(copied, resolution="768p")
    with pytest.raises(ValidationError, match="the model is `flux`; leave `variant` out"):
        on(copied, variant="mmdit")
    config = copied / TRANSFORMER / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"in_channels": 64}))
    with pytest.raises(ValidationError, match="its autoencoder and its transformer do not fit"):
        on(copied)


# Weights


def spoil(file: Path, change: Any) -> None:
    weights = load_file(file)
    change(weights)
    save_file(weights, file)


def test_weights_that_do_not_fit_are_named(copied: Path) -> None:
    def change(weights: dict[str, torch.Tensor]) -> None:
        del weights["x_embedder.bias"], weights["context_embedder.weight"]
        weights["proj_out.bias"] = torch.zeros(3)
        weights["somebody.else"] = torch.zeros(1)

    spoil(copied / TRANSFORMER / WEIGHTS, change)
    with pytest.raises(EngineUnavailable) as caught:
        opened(on(copied))
    assert caught.value.message == (
        "`pyramid`: the weights of `diffusion_transformer_384p` do not fit its configuration: missing: "
        "`context_embedder.weight` and 1 more; of another shape: `proj_out.bias` ([3] instead of [16]); "
        "not known: `somebody.else`"
    )
    assert caught.value.hint == "copy or download the model again, or name another"


def test_weights_that_are_not_known_are_told_and_left_out(copied: Path, caplog: pytest.LogCaptureFixture) -> None:
    spoil(copied / TRANSFORMER / WEIGHTS, lambda weights: weights.update(extra=torch.zeros(1)))
    with caplog.at_level(logging.WARNING, "storyboard"):
        engine = opened(on(copied))
    assert caplog.messages == [
        "`pyramid`: weights of `diffusion_transformer_384p` are not known, and left out: `extra`"
    ]
    assert "extra" not in engine.pipeline.transformer.state_dict()


def test_attention_may_have_the_names_of_older_files(copied: Path) -> None:
    plain = shot(opened(on(copied)))
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def change(weights: dict[str, torch.Tensor]) -> None:
        for name in [each for each in weights if ".attentions." in each]:
            for new, before in old.items():
                if f".{new}." in name:
                    weights[name.replace(f".{new}.", f".{before}.")] = weights.pop(name)

    spoil(copied / VAE / WEIGHTS, change)
    assert any(".query." in name for name in load_file(copied / VAE / WEIGHTS))
    assert (shot(opened(on(copied))) == plain).all()


class Bomb:
    """What a pickle may hold."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("bomb",))


def test_a_pickle_is_refused_with_the_command_that_converts_it(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file, pickled = copied / VAE / WEIGHTS, copied / VAE / "diffusion_pytorch_model.bin"
    weights = load_file(file)
    file.unlink()
    torch.save({"x": Bomb()}, pickled)
    with pytest.raises(ValidationError, match=f"convert it once, with `python -m {CONVERT} {copied}`"):
        on(copied)
    assert importlib.import_module(CONVERT).main([str(copied)]) == 2
    assert "cannot be read as tensors alone" in capsys.readouterr().err
    assert not (tmp_path / "bomb").exists() and not file.exists()
    torch.save(weights, pickled)
    assert importlib.import_module(CONVERT).main([str(copied)]) == 0
    assert capsys.readouterr().out == f"{file}\n" and on(copied).weights.folder == copied
    converted = load_file(file)
    assert converted.keys() == weights.keys() and all((converted[name] == weights[name]).all() for name in weights)
    assert convert(copied) == []


# Shooting


def test_a_start_picture_is_a_tail_of_one_frame(engine: Pyramid) -> None:
    picture = pictures(1, (64, 64), 1)
    assert (shot(engine, start=picture[0]) == shot(engine, tail=picture)).all()


def test_the_frames_that_were_given_come_first_and_look_as_the_autoencoder_has_them(engine: Pyramid) -> None:
    tail = pictures(9, (64, 64), 1)
    one, other = (shot(engine, tail=tail, frames=17, seed=seed) for seed in (7, 8))
    assert (one[:9] == other[:9]).all(), "whatever follows"
    assert (one[9:] != other[9:]).mean() > 0.005
    longer = shot(engine, tail=tail, frames=25)
    assert (longer[:17] == one).all(), "a longer shot begins as a shorter one does"


def test_steps_are_counted_as_they_are_made(engine: Pyramid) -> None:
    given = engine.options.model_copy(update={"steps": (3, 2, 1), "video_steps": (1, 2, 1)})

    def told(**fields: Any) -> list[tuple[int, int]]:
        heard: list[tuple[int, int]] = []
        engine.shoot(assignment(given, **fields), lambda done, count: heard.append((done, count)))
        return heard

    assert told() == [(done, 11) for done in range(1, 12)]
    start = pictures(1, (64, 64), 1)[0]
    assert told(start=start, frames=17) == [(done, 9) for done in range(1, 10)]


@pytest.mark.long
def test_each_guidance_counts_where_it_is_said_to(engine: Pyramid) -> None:
    def changes(name: str, **fields: Any) -> list[bool]:
        stronger = engine.options.model_copy(update={name: 30.0})
        one, other = (
            engine.shoot(assignment(each, **fields), lambda done, count: None).frames
            for each in (engine.options, stronger)
        )
        return [bool((one[part] != other[part]).any()) for part in (slice(0, 1), slice(1, None))]

    start = pictures(1, (64, 64), 1)[0]
    assert changes("guidance") == [True, True]
    assert changes("video_guidance") == [False, True]
    assert changes("continued_guidance") == [False, False]
    assert changes("continued_guidance", start=start) == [False, True]
    assert changes("video_guidance", start=start) == [False, False]


def test_suffix_and_usual_negative_are_as_if_the_author_had_written_them(engine: Pyramid) -> None:
    said = engine.options.model_copy(update={"suffix": ", sharp", "usual_negative": "blurry"})
    asked = assignment(engine.options, prompt="A bear swims, sharp", negative="blurry")
    written = engine.shoot(asked, lambda step, steps: None).frames
    added = engine.shoot(assignment(said), lambda step, steps: None).frames
    assert (written == added).all() and (written != shot(engine)).any()


@pytest.mark.parametrize("kind", ["flux", pytest.param("mmdit", marks=pytest.mark.long)])
def test_once_a_film_s_texts_are_read_no_text_encoder_is_asked(kind: str, tmp_path: Path) -> None:
    engine = opened(on(tiny_pyramid(tmp_path / "model", kind), suffix=", sharp", usual_negative="blurry"))
    texts, plain = ["A bear swims.", "dull"], shot(engine, negative="dull")
    engine.texts.clear()
    engine.prepare(texts, lambda step, steps: None)
    asked: list[str] = []
    for _, encoder in engine.pipeline.readers:
        encoder.register_forward_pre_hook(lambda *_: asked.append("read"))
    assert (shot(engine, negative="dull") == plain).all() and asked == []
    shot(engine)
    assert asked == [], "nor for the usual negative prompt"
    shot(engine, prompt="A city.")
    assert asked, "else nothing was listened to"


def test_a_prompt_that_is_too_long_is_refused_by_its_shot(engine: Pyramid) -> None:
    with pytest.raises(ShotError, match=r"a prompt has \d+ tokens, and `pyramid` reads 128"):
        shot(engine, prompt="word " * 100)


@each_kind
def test_wherever_the_parts_wait_the_pixels_are_the_same(kind: str, tmp_path: Path) -> None:
    engine, tail = opened(on(tiny_pyramid(tmp_path / "model", kind))), pictures(1, (64, 64), 1)
    plain = shot(engine, tail=tail)
    ways = {
        "group": lambda: engine.pipeline.enable_group_offload(torch.device("cpu"), offload_type="leaf_level"),
        "model": lambda: engine.pipeline.enable_model_cpu_offload(device="cpu:0"),
    }
    assert engine.pipeline.device == torch.device("cpu"), "asked where layers are to be fetched one by one"
    for way, put in ways.items():
        put()
        assert np.abs(shot(engine, tail=tail) - plain).max() <= 1, way
        take_down(engine.pipeline)
        assert np.abs(shot(engine, tail=tail) - plain).max() <= 1, way


@each_kind
def test_a_layer_s_weights_are_used_nowhere_but_in_the_layer(kind: str, tmp_path: Path) -> None:
    """So they may be fetched when it is run, and be gone afterwards: what `sequential` does, but not on a CPU."""
    engine, tail = opened(on(tiny_pyramid(tmp_path / "model", kind))), pictures(1, (64, 64), 1)
    plain = shot(engine, tail=tail)
    engine.texts.clear()
    layers = [each for part in modules_of(engine.pipeline).values() for each in part.modules() if each._parameters]
    for layer in layers:
        weights = {name: weight for name, weight in layer._parameters.items() if weight is not None}

        def fetch(layer: torch.nn.Module, *_: object, weights: dict[str, torch.nn.Parameter] = weights) -> None:
            layer._parameters.update(weights)

        def drop(layer: torch.nn.Module, *_: object, weights: dict[str, torch.nn.Parameter] = weights) -> None:
            layer._parameters.update({name: torch.nn.Parameter(each.to("meta")) for name, each in weights.items()})

        layer.register_forward_pre_hook(fetch)
        layer.register_forward_hook(drop)
        drop(layer)
    assert (shot(engine, tail=tail) == plain).all()


@pytest.mark.long
def test_it_reckons_in_bfloat16_and_in_eight_bits(model: Path) -> None:
    exact = shot(opened(on(model)))
    for more in ({"dtype": "bfloat16"}, {"quantize": "fp8"}):
        rough = shot(opened(on(model, **more)))
        assert 0 < np.abs(rough - exact).mean() < 40, more


def test_tiles_are_cut_where_that_is_said(model: Path, engine: Pyramid) -> None:
    assert opened(on(model, vae={"tiling": True})).pipeline.vae.use_tiling
    assert not engine.pipeline.vae.use_tiling
