"""The benchmark of the engines of the field runs at a tiny size, and its two sides make the same frames."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.field_models import MODELS
from benchmarks.field_shots import Bench, Limits, Marks, Way, measure, spec_of, with_steps
from benchmarks.field_weights import random_weights, write_model

ROOT = Path(__file__).parent.parent
TINY = Limits("cpu", seconds=0.01, tiny=True)


def test_a_model_is_a_folder_that_takes_no_room(tmp_path: Path) -> None:
    counts = write_model(MODELS["cogvideox"], tmp_path / "model", "published")
    assert 1.6e9 < counts["transformer"] < 1.8e9
    weights = tmp_path / "model" / "transformer" / "diffusion_pytorch_model.safetensors"
    assert weights.stat().st_size > 2 * counts["transformer"]
    assert weights.stat().st_blocks * 512 < 1e7
    spec = spec_of("cogvideox")
    options = spec.options(**TINY.options(MODELS["cogvideox"], str(tmp_path / "model")))
    can = spec.capabilities(options)
    assert (can.default_size, can.frames.most) == ((720, 480), 49)


@pytest.mark.parametrize("name", ["ltx", pytest.param("cogvideox", marks=pytest.mark.long)])
def test_by_hand_it_is_the_same_film(name: str, tmp_path: Path) -> None:
    write_model(MODELS[name], tmp_path / "model", "tiny")
    spec = spec_of(name)
    options: Any = spec.options(**TINY.options(MODELS[name], str(tmp_path / "model")))
    with random_weights("cpu") as kept:
        bench = Bench(spec, MODELS[name], with_steps(options, 2), (64, 64), 17)
        assert {"transformer", "vae", "text_encoder"} == {Path(part).name for part in kept}
        bench.read()
        tail = None
        for number in range(2):
            ours, theirs = bench.ours(number, tail), bench.theirs(number, tail)
            assert ours.std() > 10, "it shows something"
            assert (abs(ours.astype(int) - theirs) <= 1).all()
            tail = ours[-9:]
        assert (bench.ours(1, tail) != bench.ours(1, np.zeros_like(tail))).any(), "what is given is seen"
        bench.close()


def test_a_row_says_what_an_engine_could_not_do(tmp_path: Path) -> None:
    write_model(MODELS["ltx"], tmp_path / "model", "tiny")
    limits = Limits("cpu", 0.01, tiny=True)
    with random_weights("cpu"):
        way = Way("none", options={"max_sequence_length": 4})
        row = measure(MODELS["ltx"], way, str(tmp_path / "model"), {}, limits)
    assert row.error is not None
    assert "tokens" in row.error and "set `max_sequence_length:" in row.error
    assert row.ratio is None and row.ours.seconds == ()


def test_steps_a_second_are_of_the_steps_between_marks() -> None:
    marks = Marks("cpu")
    marks.moments = [1.0, 1.5, 2.0]
    assert marks.rate() == 2.0


def test_overlapping_kernels_are_counted_once() -> None:
    from benchmarks.field_films import covered

    assert covered([(4, 6), (0, 2), (1, 3), (1, 2)]) == 5
    assert covered([]) == 0


def field(out: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.field", "--size", "tiny", "--device", "cpu", *arguments]
    done = subprocess.run([*command, "--out", str(out)], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == (out / "field.md").read_text(encoding="utf-8")
    record: dict[str, Any] = json.loads((out / "field.json").read_text(encoding="utf-8"))
    return record


@pytest.mark.long
@pytest.mark.parametrize("name", ["wan", "modelscope"])
def test_rows_are_measured_and_kept(name: str, tmp_path: Path) -> None:
    asked = ("--only", name, "--parts", "shots", "--ways", "none", "model", "--seconds", "0.01")
    record = field(tmp_path, *asked)
    assert list(record["rows"]) == [f"{name}, none", f"{name}, model"]
    for row in record["rows"].values():
        assert row["error"] is None and row["by_hand"] is None
        assert row["steps"] == 2 and row["ratio"] > 0
        assert len(row["ours"]["seconds"]) == len(row["theirs"]["seconds"]) >= 3
        assert row["ours"]["peak"] == [], "where there is no GPU its memory is not told"
    assert field(tmp_path, *asked, "--resume") == record


@pytest.mark.long
def test_films_of_both_have_the_same_frames(tmp_path: Path) -> None:
    record = field(tmp_path, "--only", "ltx", "--parts", "films", "--shots", "2", "--rounds", "1")
    film = record["films"]["ltx, 2 shots"]
    assert film["counted"][0] == film["frames"] == 32
    assert film["generated"] == [17, 25]
    assert film["ratio"] == pytest.approx(film["ours"][0] / film["theirs"][0])
    assert 0 < film["first_step"][0] < film["ours"][0]
    assert film["busy"] == [None, None]


def test_the_published_sizes_are_not_for_a_cpu(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.field", "--device", "cpu", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert "say `--size tiny`" in done.stderr
    assert list(tmp_path.iterdir()) == []
