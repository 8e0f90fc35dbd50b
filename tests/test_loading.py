"""What people bring: checkpoints in one file, quantized or not, and LoRAs; known by content, refused with a reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from storyboard.digest import digest_of
from storyboard.engines.base import Assignment
from storyboard.engines.ltx import SPEC, Ltx, LtxOptions
from storyboard.errors import EngineUnavailable, ScreenplayError
from storyboard.timing import Rate
from tests.films import broken_down, scene, screenplay
from tests.tiny import tiny_lora, tiny_ltx

Frames = NDArray[np.uint8]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_ltx(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def loras(model: Path) -> list[Path]:
    return [tiny_lora(model, model.parent / f"{seed}.safetensors", seed=seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[Ltx]:
    opened = open_engine(model)
    yield opened
    opened.close()


def options(model: Path, **said: object) -> LtxOptions:
    plain: dict[str, object] = {"model": str(model), "distilled": True, "steps": 2, "dtype": "float32"}
    return LtxOptions.model_validate(plain | {"device": "cpu", "max_sequence_length": 64} | said)


def open_engine(model: Path, **said: object) -> Ltx:
    opened = SPEC.open(options(model, **said))
    assert isinstance(opened, Ltx)
    return opened


def shot(engine: Ltx, **said: object) -> Frames:
    """A short take; `said` are options that come with the assignment."""
    ours = engine.options.model_copy(update=said) if said else engine.options
    asked = Assignment("a/1", "A bear swims.", "", 7, 32, 32, Rate(Fraction(24)), 5, ours)
    return engine.shoot(asked, lambda step, steps: None).frames


def transformer(model: Path) -> dict[str, torch.Tensor]:
    return load_file(model / "transformer" / "diffusion_pytorch_model.safetensors")


def without_weights(model: Path, to: Path) -> Path:
    """The model as one has it who brings a checkpoint: of the transformer there is only the configuration."""
    shutil.copytree(model, to)
    (to / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    return to


def as_gguf(weights: dict[str, torch.Tensor], file: Path) -> Path:
    """Matrices in 8 bits, and the rest as it is."""
    from gguf import GGMLQuantizationType, GGUFWriter
    from gguf.quants import quantize

    writer = GGUFWriter(file, "ltxv")
    for name, value in weights.items():
        array = value.float().numpy()
        if name.endswith(".weight") and array.ndim == 2 and array.shape[1] % 32 == 0:
            kind = GGMLQuantizationType.Q8_0
            writer.add_tensor(name, quantize(array, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


# Checkpoints


def test_a_checkpoint_takes_the_transformers_place(engine: Ltx, model: Path, tmp_path: Path) -> None:
    folder = without_weights(model, tmp_path / "bare")
    file = tmp_path / "theirs.safetensors"
    makers = {"proj_in": "patchify_proj", "time_embed": "adaln_single", "norm_q": "q_norm", "norm_k": "k_norm"}

    def named(name: str) -> str:
        for ours, theirs in makers.items():
            name = name.replace(ours, theirs)
        return f"model.diffusion_model.{name}"

    save_file({named(name): value for name, value in transformer(model).items()}, file)
    brought = open_engine(folder, checkpoint={"file": str(file)})
    off = np.abs(shot(brought).astype(int) - shot(engine))
    brought.close()
    # Where in memory a file's weights begin decides how sums are split.
    assert off.max() <= 1 and off.mean() < 0.01, "the same weights, in their makers' layout"


def test_a_gguf_checkpoint_is_loaded_as_it_is_quantized(engine: Ltx, model: Path, tmp_path: Path) -> None:
    folder = without_weights(model, tmp_path / "bare")
    file = as_gguf(transformer(model), tmp_path / "q8.gguf")
    brought = open_engine(folder, checkpoint={"file": str(file)})
    frames = shot(brought)
    brought.close()
    off = np.abs(frames.astype(int) - shot(engine)).mean()
    assert 0 < off < 8, "near to the weights that it was made of, and not the same"


def test_quantized_weights_give_other_pixels_and_another_key(engine: Ltx, model: Path) -> None:
    small = open_engine(model, quantize="fp8")
    off = np.abs(shot(small).astype(int) - shot(engine)).mean()
    small.close()
    assert 0 < off < 32
    assert options(model, quantize="fp8").keyed()["quantize"] == "fp8"
    assert "quantize" not in options(model).keyed(), "films from before it was there keep their keys"


def test_a_checkpoint_is_in_the_key_by_content(model: Path, tmp_path: Path) -> None:
    folder = without_weights(model, tmp_path / "bare")
    files = [tmp_path / "one.safetensors", tmp_path / "two.safetensors", tmp_path / "three.safetensors"]
    weights = transformer(model)
    for file in files[:2]:
        save_file(weights, file)
    save_file({name: value + 1 for name, value in weights.items()}, files[2])
    known = [SPEC.weights(options(folder, checkpoint={"file": str(file)})) for file in files]
    assert known[0] == known[1] != known[2] and known[0] != SPEC.weights(options(model))
    hub = options(model, checkpoint={"repo": "org/name", "revision": COMMIT, "name": "q4.gguf"})
    assert str(SPEC.weights(hub)).endswith(f" with hub:org/name@{COMMIT}/q4.gguf")


def test_a_checkpoint_of_something_else_is_told_plainly(model: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.safetensors"
    save_file(dict(list(transformer(model).items())[:3]), few)
    with pytest.raises(EngineUnavailable, match="`ltx`"):
        open_engine(model, checkpoint={"file": str(few)})
    with pytest.raises(EngineUnavailable, match=r"`q4.gguf` of `org/name` is not on this machine") as caught:
        open_engine(model, checkpoint={"repo": "org/name", "revision": COMMIT, "name": "q4.gguf"})
    assert "download: true" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"checkpoint": {"file": "nowhere.safetensors"}}, "there is no file `nowhere.safetensors`"),
        ({"checkpoint": {"file": "model.ckpt"}}, "`model.ckpt` is no .safetensors or .gguf file"),
        ({"checkpoint": {"repo": "org/name", "name": "a.gguf"}}, "needs `revision`"),
        ({"checkpoint": {"repo": "org/name", "revision": COMMIT}}, "needs `name`"),
        ({"checkpoint": {"repo": "org/name", "revision": "main", "name": "a.gguf"}}, "`main` is no commit"),
        ({"checkpoint": {}}, "needs either `file` or `repo`"),
        ({"loras": [{"file": "nowhere.safetensors"}]}, "there is no file"),
        ({"loras": [{"file": "lora.gguf"}]}, "is no .safetensors file"),
        ({"loras": [{"repo": "org/name", "weight": 1.0}]}, "needs `revision`"),
        ({"loras": [{"repo": "org/name", "revision": COMMIT, "weight": float("nan")}]}, "finite"),
        ({"loras": [{"repo": "org/name", "revision": COMMIT}] * 2}, "named twice"),
        ({"loras": ["lora.safetensors"]}, "Lora"),
    ],
)
def test_files_are_checked_where_they_are_written(said: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LtxOptions.model_validate(said)
    assert says in str(caught.value)


def test_a_gguf_checkpoint_is_not_quantized_again(model: Path, tmp_path: Path) -> None:
    file = as_gguf({"proj_in.bias": torch.zeros(8)}, tmp_path / "a.gguf")
    with pytest.raises(ValidationError, match="is quantized already"):
        options(model, checkpoint={"file": str(file)}, quantize="fp8")


# LoRAs


def test_a_lora_without_weight_or_of_none_changes_nothing(engine: Ltx, model: Path, loras: list[Path]) -> None:
    without = options(model).keyed()
    assert "loras" not in without
    none = options(model, loras=[{"file": str(loras[0]), "weight": 0.0}])
    assert (shot(engine, loras=none.loras) == shot(engine)).all()
    assert digest_of(none.keyed()) != digest_of(without)


def test_loras_are_known_by_content_and_in_order(model: Path, loras: list[Path], tmp_path: Path) -> None:
    copied = Path(shutil.copy(loras[0], tmp_path / "copied.safetensors"))

    def key(*files: Path) -> str:
        return digest_of(options(model, loras=[{"file": str(file)} for file in files]).keyed())

    assert key(loras[0]) == key(copied) != key(loras[1])
    assert key(*loras) != key(*reversed(loras))
    hub = {"repo": "org/name", "revision": COMMIT, "weight": 0.5}
    assert options(model, loras=[hub]).keyed()["loras"] == [
        {"weights": f"hub:org/name@{COMMIT}/pytorch_lora_weights.safetensors", "weight": 0.5}
    ]


def test_a_lora_for_another_model_is_told_plainly_and_leaves_the_engine_whole(
    engine: Ltx, model: Path, loras: list[Path], tmp_path: Path
) -> None:
    plain = shot(engine)
    other, wrong = tmp_path / "other.safetensors", tmp_path / "wrong.safetensors"
    save_file({"unet.down.lora_A.weight": torch.zeros(4, 8)}, other)
    save_file({name: value[..., :1].contiguous() for name, value in load_file(loras[0]).items()}, wrong)
    for file in (other, wrong):
        with pytest.raises(EngineUnavailable) as caught:
            shot(engine, loras=options(model, loras=[{"file": str(file)}]).loras)
        assert "LoRA" in caught.value.message and caught.value.hint, caught.value.message
        assert (shot(engine) == plain).all()


def test_scenes_that_differ_in_loras_share_one_loaded_model(model: Path, loras: list[Path]) -> None:
    engine = {"name": "ltx", "model": str(model), "steps": 2, "dtype": "float32"}
    worn = engine | {"loras": [{"file": str(loras[0]), "weight": 0.5}], "guidance": 2.0}
    film = screenplay([scene("a"), scene("b", engine=worn)], engine=engine)
    film |= {"format": {"width": 32, "height": 32, "rate": 24}}
    one, two = (shot.engine for shot in broken_down(film).shots.values())
    assert one.resident == two.resident and one.group != two.group


def test_a_fault_in_a_lora_has_its_line(model: Path) -> None:
    engine = {"name": "ltx", "model": str(model), "loras": [{"file": "nowhere.safetensors"}]}
    with pytest.raises(ScreenplayError) as caught:
        broken_down(screenplay([scene("a")], engine=engine))
    (fault,) = caught.value.faults
    assert fault.path == ("engine", "loras", 0) and "there is no file `nowhere.safetensors`" in fault.message


def test_a_recipe_follows_from_the_name_and_can_be_said() -> None:
    def recipe(**said: object) -> tuple[int, bool, float]:
        made = LtxOptions.model_validate(said)
        return made.count, made.schedule is not None, made.guidance

    hub = {"model": "org/LTX-Video-0.9.8-dev", "revision": COMMIT}
    assert recipe() == (8, True, 1.0), "the default model is distilled"
    assert recipe(**hub) == (40, False, 3.0)
    assert recipe(**hub, distilled=True) == (8, True, 1.0)
    assert recipe(steps=4) == (4, False, 1.0)
    assert recipe(**hub, schedule=[1000, 500]) == (2, True, 3.0)
    assert recipe(**hub, guidance=5.0, steps=20) == (20, False, 5.0)
    named = {"repo": "org/name", "revision": COMMIT, "name": "ltxv-2b-0.9.8-distilled.safetensors"}
    assert recipe(**hub, checkpoint=named) == (8, True, 1.0), "by what takes the transformer's place"
    assert "distilled" not in LtxOptions().keyed() and LtxOptions().keyed()["steps"] == 8


def test_options_of_an_assignment_count(engine: Ltx) -> None:
    fewer = replace(Assignment("a/1", "A bear swims.", "", 7, 32, 32, Rate(Fraction(24)), 5, engine.options))
    steps: list[int] = []
    options = engine.options.model_copy(update={"steps": 3})
    engine.shoot(replace(fewer, options=options), lambda step, count: steps.append(count))
    assert steps == [4, 4, 4, 4] and json.dumps(options.keyed())
