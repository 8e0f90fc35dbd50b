"""A render killed at any moment, or interrupted once or twice: nothing is lost, and the next one needs no flag."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.films import scene, screenplay, storyboard, text_of
from tests.test_faults import lossless


def test_kills_lose_nothing(tmp_path: Path) -> None:
    assert lossless("kills", "random_kills", tmp_path, "edited", 1, 10) >= 10


@pytest.mark.long
@pytest.mark.parametrize("state", ["fresh", "edited"])
def test_a_hundred_kills_lose_nothing(tmp_path: Path, state: str) -> None:
    assert lossless("kills", "random_kills", tmp_path, state, 2, 100) >= 100


def hear_interrupts() -> None:
    """As at a terminal: whoever runs the tests in the background may have had interrupts ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_render_says_so_and_leaves_no_process(number: signal.Signals, code: int, tmp_path: Path) -> None:
    film = tmp_path / "film.yaml"
    scenes = [scene("a"), scene("b", prompt="SLOW", duration=12)]
    film.write_text(text_of(screenplay(scenes, engine="strict")))
    log = tmp_path / "log"
    process = subprocess.Popen(
        [sys.executable, "-m", "storyboard", "render", str(film), "--out", str(tmp_path / "out")],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"STORYBOARD_TEST_LOG": str(log)},
        preexec_fn=hear_interrupts,
    )
    while not log.exists() or "b/1" not in log.read_text():
        time.sleep(0.02)
        assert process.poll() is None
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == code
    assert "finished takes are kept" in said
    done = storyboard("plan", film, "--json")
    assert '"hit": 1' in done.stdout


def test_a_second_interrupt_ends_a_render_whose_engine_does_not_hear(tmp_path: Path) -> None:
    film = tmp_path / "film.yaml"
    film.write_text(text_of(screenplay([scene("a", prompt="DEAF")], engine="strict")))
    log = tmp_path / "log"
    process = subprocess.Popen(
        [sys.executable, "-m", "storyboard", "render", str(film)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"STORYBOARD_TEST_LOG": str(log)},
        preexec_fn=hear_interrupts,
    )
    while not log.exists():
        time.sleep(0.02)
        assert process.poll() is None
    begun = time.monotonic()
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert time.monotonic() - begun < 4, "the first alone waits 5 s for the engine"
    assert "Traceback" not in said
