"""A render killed at any moment: the vault stays clean, the next render converges, the film is the undisturbed one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storyboard.vault import Vault
from tests.films import scene, screenplay, storyboard, text_of

SCENES = [scene(name, 1, continues="nothing" if name == "d" else "previous") for name in "abcdef"]


def killed_renders(folder: Path, kills: int, seed: int) -> None:
    """Kill a render of a fresh film `kills` times, each at a random moment of its life, then finish it."""
    film = folder / "film.yaml"
    film.write_text(text_of(screenplay(SCENES, format={"width": 192, "height": 108, "rate": 8})))
    begun = time.monotonic()
    storyboard("render", film, "--vault", folder / "whole-vault", "--out", folder / "whole")
    life = time.monotonic() - begun
    whole = (folder / "whole" / "film.mp4").read_bytes()
    rng = random.Random(seed)
    log, vault, out = folder / "log", folder / "vault", folder / "out"
    command = [sys.executable, "-m", "storyboard", "render", str(film), "--vault", str(vault), "--out", str(out)]
    unfinished = 0
    for number in range(kills):
        if number % 2 == 0:  # a new film every other time, so that kills fall on every part of the line
            SEEDED = text_of(screenplay(SCENES, format={"width": 192, "height": 108, "rate": 8}, seed=number))
            film.write_text(SEEDED)
        with log.open("w") as sink:
            process = subprocess.Popen(command, stdout=sink, stderr=sink)
            time.sleep(rng.uniform(0.15, life))
            process.send_signal(signal.SIGKILL)
            unfinished += process.wait() == -signal.SIGKILL
        if vault.exists():
            assert Vault(vault).verify() == [], number
        movie = out / "film.mp4"
        if movie.exists():
            storyboard("blame", movie, "--at", "0f")
    assert unfinished > kills / 3, "most kills must fall into a render"
    film.write_text(text_of(screenplay(SCENES, format={"width": 192, "height": 108, "rate": 8})))
    storyboard("render", film, "--vault", vault, "--out", out)
    assert (out / "film.mp4").read_bytes() == whole
    assert sorted(path.name for path in out.iterdir()) == ["film.mp4", "manifest.json"]
    assert Vault(vault).verify(deep=True) == []
    done = storyboard("render", film, "--vault", vault, "--out", out)
    assert "0 to shoot, 0 waiting, 6 there" in done.stderr


def test_kills_lose_nothing(tmp_path: Path) -> None:
    killed_renders(tmp_path, 8, seed=1)


@pytest.mark.long
def test_fifty_kills_lose_nothing(tmp_path: Path) -> None:
    killed_renders(tmp_path, 50, seed=2)


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
