"""Renders whose disk, processes and files fail in every way: nothing is lost, and the next render needs no flag.

What must hold after each fault stands in `tests/stage.py`, what is done to renders in `tests/faulty.py`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faulty import UNWATCHABLE
from tests.tally import tally

ROOT = Path(__file__).parent.parent


def lossless(noun: str, task: str, folder: Path, *words: object) -> int:
    """Run a task of `tests.faulty`; how many faults it met."""
    command = [sys.executable, "-m", "tests.faulty", task, str(folder / "stage"), *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode == UNWATCHABLE:
        pytest.skip("this system lets nobody watch system calls, or mount a disk")
    count = sum(line.startswith("met ") for line in done.stdout.splitlines())
    tally(noun, max(count, 1))
    assert done.returncode == 0, done.stderr
    return count


@pytest.mark.parametrize(
    ("state", "first", "step", "kinds"),
    [("fresh", 1, 14, ["EIO", "KILL", "ENOSPC", "EACCES"]), ("edited", 3, 14, ["ENOSPC+", "INT", "TERM"])],
)
def test_a_fault_at_a_call_loses_nothing(tmp_path: Path, state: str, first: int, step: int, kinds: list[str]) -> None:
    assert lossless("faults injected", "every_call", tmp_path, state, first, step, *kinds) >= 6


@pytest.mark.long
@pytest.mark.parametrize("kinds", [["ENOSPC", "EIO"], ["EACCES"], ["KILL"]])
def test_a_fault_at_any_call_of_a_first_render_loses_nothing(tmp_path: Path, kinds: list[str]) -> None:
    assert lossless("faults injected", "every_call", tmp_path, "fresh", 1, 1, *kinds) > 180


@pytest.mark.long
@pytest.mark.parametrize("kinds", [["ENOSPC+", "INT"], ["TERM", "EIO"]])
def test_a_fault_at_any_call_of_another_render_loses_nothing(tmp_path: Path, kinds: list[str]) -> None:
    assert lossless("faults injected", "every_call", tmp_path, "edited", 1, 1, *kinds) > 90


@pytest.mark.long
def test_an_ffmpeg_killed_at_any_call_of_its_own_loses_nothing(tmp_path: Path) -> None:
    assert lossless("faults injected", "every_call", tmp_path, "fresh", 1, 1, "CHILD") >= 8


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.long)])
def test_damage_of_any_file_is_found_and_healed(tmp_path: Path, step: int) -> None:
    """Truncated, zeroed, flipped in a bit, emptied, deleted, or another's."""
    assert lossless("faults injected", "damaged", tmp_path, step) > 60 // step


@pytest.mark.parametrize("rounds", [2, pytest.param(25, marks=pytest.mark.long)])
def test_four_renders_at_once_on_one_vault_and_one_folder(tmp_path: Path, rounds: int) -> None:
    lossless("faults injected", "crowd", tmp_path, rounds)


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.long)])
def test_a_render_whose_vault_is_pruned_meanwhile(tmp_path: Path, rounds: int) -> None:
    lossless("faults injected", "pruned_meanwhile", tmp_path, rounds)


@pytest.mark.parametrize("task", ["clocks", "read_only"])
def test_whatever_the_clock_says_and_though_the_vault_can_only_be_read(tmp_path: Path, task: str) -> None:
    lossless("faults injected", task, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("task", ["small_files", "small_disk"])
def test_a_disk_that_is_full_after_any_number_of_bytes(tmp_path: Path, task: str) -> None:
    lossless("faults injected", task, tmp_path)


def test_neighbours_do_not_sweep_each_other_away(tmp_path: Path) -> None:
    lossless("faults injected", "neighbours", tmp_path, 100)
