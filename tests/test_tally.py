"""What the tests of trust did is added up, from whichever process they ran in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest
from tests.tally import tally

@pytest.mark.parametrize("number", range(4))
def test_one(number):
    tally("kills", 500)
    tally("faults injected", number)

def test_other():
    pass

def test_failing():
    tally("bad inputs")
    assert LOST
"""
ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(("workers", "lost"), [((), 0), (("-n", "2"), 1)])
def test_counts_of_all_workers_are_told_in_one_line(tmp_path: Path, workers: tuple[str, ...], lost: int) -> None:
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "conftest.py").write_text("from tests.tally import pytest_runtest_makereport, pytest_terminal_summary")
    (tmp_path / "test_counting.py").write_text(TESTS.replace("LOST", str(not lost)))
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-m", "pytest", "-q", *workers, "test_counting.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == lost
    assert f"trust: 6 faults injected, 2,000 kills, 1 bad inputs, {lost} losses" in done.stdout.splitlines()
