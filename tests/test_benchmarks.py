"""The benchmarks run, and write what they measured. What they measure is no business of a test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS
from tests.browser import browser

ROOT = Path(__file__).parent.parent
SLOW = {"noop", "pocket", "pyramid"}
ROWS = {
    "noop": 8,
    "chain": 2,
    "conform": 2,
    "plan": 5,
    "pocket": 1,
    "dailies": 1 + (browser() is not None),
    "pyramid": 4,
}


def benchmarks(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments, "--out", str(out)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    "name, rows",
    [pytest.param(*row, marks=pytest.mark.long if row[0] in SLOW else ()) for row in ROWS.items()],
)
def test_it_runs_and_writes_its_table(name: str, rows: int, tmp_path: Path) -> None:
    done = benchmarks(tmp_path, name, "--small", "--repeat", "1")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert len(record["comparisons"]) == rows
    for each in record["comparisons"]:
        assert each["ratio"] > 0
        assert each["ratio"] == pytest.approx(each["a"]["median"] / each["b"]["median"])
        low, high = each["spread"]
        assert low <= high
        assert (each["target"] is None) == (each["met"] is None)
    assert {"date", "processor", "cores", "python", "moviepy"} <= record["machine"].keys()
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert done.stdout == text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == rows + 2
    assert len({line.count("|") for line in table}) == 1, "as many cells in each row"
    assert all(each["name"] in text for each in record["comparisons"])


def test_conform_shows_the_whole_film_by_both_ways(tmp_path: Path) -> None:
    assert benchmarks(tmp_path, "conform", "--small", "--repeat", "2").returncode == 0
    first, naive = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["comparisons"]
    assert first["facts"]["frames"] == first["facts"]["whole"] == first["facts"]["frames of the film"] == 36
    assert naive["facts"]["frames by moviepy"] > 0
    assert len(first["a"]["seconds"]) == len(first["b"]["seconds"]) == 2


@pytest.mark.long
def test_grades_are_compared_on_both_films() -> None:
    command = [sys.executable, "-m", "benchmarks.grade", "--small", "--seeds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    _, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows] == [[f, g] for f in ("one prompt", "a story") for g in ("false", "true")]
    assert all(float(figure) >= 0 for row in rows for figure in row[2:])


@pytest.mark.long
def test_chains_of_pyramid_are_shot_and_what_was_measured_before_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.pyramid", "--small", "--device", "cpu", "--resolutions", "384p"]
    for kind, how in (("flux", ["--tiling"]), ("mmdit", ["--plain"])):
        more = ["--kinds", kind, "--shots", "2", "--out", str(tmp_path), *how]
        done = subprocess.run([*command, *more], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    chains = json.loads((tmp_path / "pyramid.json").read_text(encoding="utf-8"))["chains"]
    assert [(each["kind"], each["plain"]) for each in chains] == [("flux", False), ("mmdit", True)]
    for each in chains:
        assert len(each["shots"]) == 2
        assert all(0 < pictures < whole for pictures, whole in zip(each["pictures"], each["shots"], strict=True))
    assert done.stdout == (tmp_path / "pyramid.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_a_crew_is_measured_against_its_bound_and_its_forecast(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.crew", "--small", "--workers", "2", "--engine", "ltx"]
    done = subprocess.run([*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "crew-ltx-2.json").read_text(encoding="utf-8"))
    film, batch = found["film"], found["together"]
    assert {span[1] for span in film["spans"]} == {0, 1} and len(film["spans"]) == film["shots"] == 6
    assert 0 < film["efficiency"] <= 1 and film["forecast_seconds"] > 0
    assert film["bound_seconds"] >= film["longest_chain_seconds"] > 0
    assert batch["ratio"] > 0 and batch["most_apart"] <= 2
    assert (tmp_path / "crew-ltx-2.md").read_text(encoding="utf-8") in done.stdout
    assert (tmp_path / "crew-ltx-2.svg").read_text(encoding="utf-8").count("<rect") == 6


@pytest.mark.parametrize("arguments", [["nonesuch"], ["plan", "--repeat", "0"]])
def test_a_wrong_command_measures_nothing(arguments: list[str], tmp_path: Path) -> None:
    done = benchmarks(tmp_path, *arguments)
    assert done.returncode == 2
    assert "error:" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_kept_show_every_benchmark() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert [name for name in BENCHMARKS if f"`{name}`" not in text] == []
