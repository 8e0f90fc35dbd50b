"""Rendering on save, in a process of its own: what goes on, what is cancelled, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from storyboard.crew import Delivered, Here, Stepped
from storyboard.engines.base import Assignment, Engine, EngineOptions
from storyboard.vault import Vault
from storyboard.watch import Files
from tests.films import broken_down, scene, screenplay, storyboard, text_of
from tests.test_kills import hear_interrupts


class Watched:
    """A film that a process watches."""

    def __init__(self, folder: Path) -> None:
        self.film, self.log = folder / "film.yaml", folder / "log"
        self.said = folder / "said"
        self.movie = folder / "renders" / "film" / "film.mp4"
        self.process: subprocess.Popen[bytes] | None = None

    def save(self, *scenes: dict[str, object]) -> None:
        self.film.write_text(text_of(screenplay(list(scenes), engine="strict")))

    def begin(self, *more: str) -> None:
        with self.said.open("wb") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "storyboard", "watch", str(self.film), *more],
                stdout=subprocess.DEVNULL,
                stderr=sink,
                env=os.environ | {"STORYBOARD_TEST_LOG": str(self.log)},
                preexec_fn=hear_interrupts,
            )

    def until(self, holds: Callable[[], bool]) -> None:
        begun = time.monotonic()
        while not holds():
            assert self.process is not None and self.process.poll() is None, self.said.read_text()
            assert time.monotonic() - begun < 60, self.said.read_text()
            time.sleep(0.02)

    def until_said(self, words: str, times: int = 1) -> None:
        self.until(lambda: self.said.read_text().count(words) >= times)

    def until_begun(self, line: str) -> None:
        self.until(lambda: line in self.begun)

    @property
    def begun(self) -> list[str]:
        """The shots that were begun, with their prompts."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def end(self) -> str:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=20) == 130
        return self.said.read_text()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    film = Watched(tmp_path)
    yield film
    if film.process is not None and film.process.poll() is None:
        film.process.kill()
        film.process.wait()


def test_each_save_is_rendered_faults_are_waited_out_and_an_interrupt_ends_it(watched: Watched) -> None:
    watched.save(scene("a"), scene("b"))
    watched.begin("--splice")
    watched.until_said("watching")
    first = watched.movie.read_bytes()
    watched.film.write_text(watched.film.read_text()[:-20] + "  : [")
    watched.until_said("hint:")
    assert watched.movie.read_bytes() == first
    watched.save(scene("a", prompt="Another a."), scene("b"))
    watched.until_said("watching", 3)
    said = watched.end()
    assert "film.yaml:" in said and "Traceback" not in said and said.count("film: 16 frames") == 2
    assert [line.split(maxsplit=1)[1] for line in watched.begun] == ["This is a.", "This is b.", "Another a."]
    manifest = json.loads(watched.movie.with_name("manifest.json").read_text())
    assert [shot["prompt"] for shot in manifest["shots"]] == ["Another a.", "This is b."]
    assert watched.movie.read_bytes() != first
    assert "nothing to do" in storyboard("render", watched.film).stderr, "what was spliced is as the lock says"


def test_the_shot_in_hand_goes_on_if_it_is_still_wanted_and_is_cancelled_if_not(watched: Watched) -> None:
    """SLOW is half a second for the 49 frames of a shot, and there are 24 of them."""
    watched.save(scene("a", 120, prompt="SLOW a."), scene("b"))
    watched.begin()
    watched.until_begun("a/2 SLOW a.")
    watched.save(scene("a", 120, prompt="SLOW a."), scene("b", prompt="Another b."))
    watched.until_said("changed; again")
    assert watched.begun.count("a/2 SLOW a.") == 1
    number = 1 + next(number for number in range(24, 0, -1) if f"a/{number} SLOW a." in watched.begun)
    watched.until_begun(f"a/{number} SLOW a.")
    watched.save(scene("a", 1, prompt="Quick a."), scene("b", prompt="Another b."))
    watched.until_said("watching")
    said = watched.end()
    assert "changed; cancelled `a/" in said and "Traceback" not in said
    assert [line for line in watched.begun if "SLOW" not in line] == ["a/1 Quick a.", "b/1 Another b."]
    slow = [line for line in watched.begun if "SLOW" in line]
    assert len(slow) == len({*slow}), "no shot was begun twice"
    prompts = [str(take.slate["prompt"]) for take in Vault(watched.film.parent / "renders" / "vault").takes()]
    assert prompts.count("SLOW a.") == len(slow) - 1, "all but the cancelled one are kept"


def test_files_are_changed_when_they_hold_something_else_and_are_at_rest(tmp_path: Path) -> None:
    picture, film = tmp_path / "smoke.png", tmp_path / "film.yaml"
    Image.new("RGB", (8, 8)).save(picture)
    film.write_text(text_of(screenplay([scene("a", start={"image": "smoke.png"}, end={"image": "later.png"})])))
    files = Files(film)
    assert files.paths == (film, picture, tmp_path / "later.png")

    def seen(looks: int = 3) -> list[bool]:
        return [files.changed() for _ in range(looks)]

    assert seen() == [False, False, False]
    os.utime(film, (1, 1))
    assert seen() == [False, False, False], "touched, but the same"
    Image.new("RGB", (8, 8), "red").save(picture)
    assert seen() == [False, True, False]
    (tmp_path / "later.png").touch()
    assert files.changed() is False
    (tmp_path / "later.png").write_bytes(b"more")
    assert seen() == [False, True, False], "while it is being written one waits"
    film.write_text("scenes: [")
    assert seen() == [False, True, False]
    picture.unlink()
    assert seen() == [False, True, False], "what a broken text named before is looked at still"
    film.unlink()
    assert seen() == [False, True, False]


def test_there_must_be_a_screenplay_to_begin_with(tmp_path: Path) -> None:
    assert "does not exist" in storyboard("watch", tmp_path / "film.yaml", check=2).stderr


@pytest.mark.long
def test_an_engine_that_hears_late_of_a_cancelled_shot_is_not_opened_again_meanwhile() -> None:
    shot = broken_down(screenplay([scene("a")])).shots["a/1"]
    opened: list[str] = []
    gate = threading.Event()

    def slowly(options: EngineOptions) -> Engine:
        opened.append("opened")
        assert gate.wait(60)
        return shot.engine.spec.open(options)

    use = replace(shot.engine, spec=replace(shot.engine.spec, open=slowly))
    size = {"width": use.width, "height": use.height, "rate": use.rate, "frames": shot.frames}
    assignment = Assignment("a/1", "A.", "", 1, options=use.options, **size)  # type: ignore[arg-type]
    crew = Here()
    crew.submit(use, [assignment])
    crew.cancel()
    crew.submit(use, [assignment])
    gate.set()
    words = []
    while not words or isinstance(words[-1], Stepped):
        words.append(crew.wait(60))
    crew.close()
    assert isinstance(words[-1], Delivered) and opened == ["opened"]
