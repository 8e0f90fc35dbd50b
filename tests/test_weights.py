"""Weights: found or refused with a reason, known by content, their digests remembered, nothing of them loaded."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from storyboard.engines import weights
from storyboard.engines.ltx_layout import PARTS
from storyboard.errors import ScreenplayError
from tests.films import broken_down, scene, screenplay
from tests.tiny import tiny_ltx

COMMIT = "0123456789abcdef0123456789abcdef01234567"
Spoil = Callable[[Path], object]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_ltx(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of our own; where digests are remembered in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "storyboard" / "digests.json"


def copied(model: Path, to: Path) -> Path:
    shutil.copytree(model, to)
    return to


def named(folder: Path, now: float | None = None) -> str:
    return weights.identity(weights.locate(str(folder), None, PARTS), PARTS, now=now)


def only_bin(folder: Path) -> None:
    weight = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weight.rename(weight.with_suffix(".bin"))


def change(part: str, old: str, new: str) -> Spoil:
    def changed(folder: Path) -> None:
        config = folder / part / "config.json"
        text = config.read_text()
        assert old in text, text
        config.write_text(text.replace(old, new))

    return changed


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (only_bin, "has no `.safetensors` file"),
        (lambda folder: shutil.rmtree(folder / "vae"), "has no folder `vae`"),
        (
            lambda folder: (folder / "tokenizer" / "tokenizer.json").unlink(),
            "has no `tokenizer.json` or `spiece.model`",
        ),
        (change("vae", "AutoencoderKLLTXVideo", "AutoencoderKLWan"), "is of the class `AutoencoderKLWan`"),
        (change("vae", '"scaling_factor": 1.0', '"scaling_factor": 0.5'), "`scaling_factor` other than 1"),
        (change("vae", '"latent_channels": 8', '"latent_channels": 9'), "do not fit together"),
        (change("transformer", "{", "["), "cannot read"),
    ],
)
def test_a_folder_that_cannot_be_shot_with_is_a_fault_of_the_screenplay(
    model: Path, tmp_path: Path, spoil: Spoil, says: str
) -> None:
    folder = copied(model, tmp_path / "copy")
    spoil(folder)
    film = screenplay([scene("a")], engine={"name": "ltx", "model": str(folder)})
    with pytest.raises(ScreenplayError) as caught:
        broken_down(film)
    (fault,) = caught.value.faults
    assert fault.path == ("engine", "model") and says in fault.message and fault.hint


def test_a_shard_that_an_index_names_must_be_there(model: Path, tmp_path: Path) -> None:
    folder = copied(model, tmp_path / "copy")
    index = folder / "text_encoder" / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"shared.weight": "model-00001-of-00002.safetensors"}}')
    with pytest.raises(ValueError, match=r"`copy/text_encoder` has no `model-00001-of-00002.safetensors`"):
        named(folder)


def test_weights_are_known_by_content_alone(model: Path, tmp_path: Path) -> None:
    folder = copied(model, tmp_path / "copy")
    before = named(folder)
    assert before == named(model), "where they are does not matter"
    assert before.startswith("folder:") and len(before) == len("folder:") + 64
    (folder / "README.md").write_text("Read me.")
    shutil.rmtree(folder / "scheduler")
    assert named(folder) == before, "only what is loaded counts"
    path = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    times = path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert named(folder) != before


def test_digests_of_settled_files_are_remembered(model: Path, cache: Path) -> None:
    newest = max(path.stat().st_ctime for path in model.rglob("*"))
    before = named(model, now=newest + 1)
    assert not cache.exists(), "a file that has just changed may change again within one tick of the clock"
    assert named(model, now=time.time() + 10) == before
    entries = json.loads(cache.read_text())
    assert any(name.endswith("vae/config.json") for name in entries)
    for entry in entries.values():
        entry[1] = "0" * 64
    cache.write_text(json.dumps(entries))
    assert named(model) != before, "it was remembered, not reckoned again"
    cache.write_text("{")
    assert named(model) == before, "what is no memory is none"


def test_a_changed_file_is_not_taken_for_the_remembered_one(model: Path, tmp_path: Path) -> None:
    folder = copied(model, tmp_path / "copy")
    before = named(folder, now=time.time() + 10)
    config = folder / "vae" / "config.json"
    config.write_text(config.read_text() + " ")
    assert named(folder, now=time.time() + 10) != before


def test_a_hub_model_is_known_by_its_commit() -> None:
    there = weights.locate("org/name", COMMIT, PARTS)
    assert weights.identity(there, PARTS) == f"hub:org/name@{COMMIT}"
    assert there.folder is None and not weights.is_here(there, PARTS)
