"""The render loop: failures isolate, interruptions lose nothing, two renders at once shoot each shot once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from storyboard.crew import Delivered, Here, Stepped, Word
from storyboard.digest import Plain
from storyboard.engines.base import Assignment
from storyboard.errors import VaultError
from storyboard.events import ShotDone, ShotElsewhere, ShotFailed, ShotFound, ShotStarted, ShotStepped
from storyboard.footage import Footage
from storyboard.plan import State, make_plan
from storyboard.render import render
from storyboard.shots import Breakdown
from storyboard.vault import Take, Vault
from tests.films import broken_down, film_of, scene, screenplay, shoot, storyboard, text_of
from tests.plugin.storyboard_test_engines import WRONG
from tests.tally import tally


def test_a_failure_stops_its_descendants_and_nothing_else(tmp_path: Path) -> None:
    scenes = [
        scene("a"),
        scene("b", prompt="FAIL"),
        scene("c"),
        scene("d", continues="a"),
        scene("e", continues="nothing"),
    ]
    vault = Vault(tmp_path)
    film = broken_down(screenplay(scenes, engine="strict"))
    result = shoot(film, vault)
    assert (result.failed, result.not_attempted) == (["b/1"], ["c/1"])
    assert sorted(result.shot) == ["a/1", "d/1", "e/1"]
    scenes[1]["prompt"] = "Better."
    assert sorted(shoot(broken_down(screenplay(scenes, engine="strict")), vault).shot) == ["b/1", "c/1"]


@pytest.mark.parametrize("word", WRONG)
def test_what_an_engine_does_wrong_is_a_named_failure(word: str, tmp_path: Path) -> None:
    tally("faults injected")
    vault = Vault(tmp_path)
    scenes = [scene("a", prompt=word), scene("b", continues="nothing"), scene("c", prompt=word, continues="nothing")]
    result = shoot(broken_down(screenplay(scenes, engine="strict")), vault)
    errors = [event.error for event in result.events if isinstance(event, ShotFailed)]
    assert ["shot `a/1`" in errors[0].message, "shot `c/1`" in errors[1].message] == [True, True]
    assert result.shot == ["b/1"] and [take.key for take in vault.takes()] == [result.takes["b/1"].key]


def test_an_engine_that_hangs_is_given_up_and_the_others_shoot_on(tmp_path: Path) -> None:
    tally("faults injected")
    vault = Vault(tmp_path)
    scenes = [
        scene("a"),
        scene("h", prompt="HANG"),
        scene("c"),
        scene("d", continues="nothing"),
        scene("e", continues="nothing", engine="animatic"),
    ]
    film = broken_down(screenplay(scenes, engine="strict"))
    crew = Here(patience=0.5)
    events = list(render(make_plan(film, vault), vault, crew))
    crew.close()
    failed = {event.shot.id: event.error for event in events if isinstance(event, ShotFailed)}
    assert list(failed) == ["h/1", "d/1"]
    assert "shot `h/1`: `strict` has made no step for 0.5 s" in failed["h/1"].message
    assert "--shot-timeout" in (failed["h/1"].hint or "")
    assert "shot `d/1`: `strict` still hangs in shot `h/1`" in failed["d/1"].message
    assert [event.shot.id for event in events if isinstance(event, ShotDone)] == ["a/1", "e/1"]
    assert vault.verify() == []
    scenes[1]["prompt"] = "Better."
    again = shoot(broken_down(screenplay(scenes, engine="strict")), vault)
    assert again.shot == ["h/1", "c/1", "d/1"]


def test_a_render_with_a_timeout_ends_though_its_engine_hangs(tmp_path: Path) -> None:
    tally("faults injected")
    film = tmp_path / "film.yaml"
    film.write_text(text_of(screenplay([scene("a"), scene("b", prompt="HANG")], engine="strict")))
    said = storyboard("render", film, "--shot-timeout", "0.5", check=1).stderr
    assert "shot `b/1`: `strict` has made no step for 0.5 s, and was given up" in said and "Traceback" not in said
    for wrong in ("-1", "soon"):
        said = storyboard("render", film, "--shot-timeout", wrong, check=2).stderr
        assert f"`{wrong}` is no number of seconds" in said


def test_events_come_in_order_and_name_every_step(tmp_path: Path) -> None:
    result = shoot(broken_down(screenplay([scene("a"), scene("b")])), Vault(tmp_path))
    told = [(type(event), event.shot.id) for event in result.events if not isinstance(event, ShotStepped)]
    for name in ("a/1", "b/1"):
        assert [kind for kind, shot in told if shot == name] == [ShotStarted, ShotDone]
    for kind in (ShotStarted, ShotDone):
        assert [shot for each, shot in told if each is kind] == ["a/1", "b/1"]
    steps = [event for event in result.events if isinstance(event, ShotStepped) and event.shot.id == "a/1"]
    assert steps[-1].step == steps[-1].steps > 0


class SlowVault(Vault):
    """Stores the first take only once it may."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.may = threading.Event()

    def put(self, key: str, slate: Mapping[str, Plain], footage: Footage, made: Mapping[str, Plain]) -> Take:
        if not any(self.takes()):
            assert self.may.wait(20), "nobody waits for what is being stored"
        return super().put(key, slate, footage, made)


def test_a_shot_begins_while_the_one_that_it_continues_is_stored(tmp_path: Path) -> None:
    film = broken_down(screenplay([scene(name) for name in "abcd"]))
    clean = shoot(film, Vault(tmp_path / "clean"))
    vault, crew = SlowVault(tmp_path / "slow"), Here()
    told: list[tuple[type, str]] = []
    takes: dict[str, Take] = {}
    for event in render(make_plan(film, vault), vault, crew):
        if isinstance(event, ShotStepped) and event.shot.id == "b/1" and event.step == event.steps:
            threading.Timer(0.5, vault.may.set).start()  # time enough to begin another, which must not be
        if isinstance(event, ShotStarted | ShotDone):
            told.append((type(event), event.shot.id))
        if isinstance(event, ShotDone):
            assert vault.find(event.take.key) == event.take, "what is told is there"
            takes[event.shot.id] = event.take
    crew.close()
    assert told[:3] == [(ShotStarted, "a/1"), (ShotStarted, "b/1"), (ShotDone, "a/1")], "two are in flight, not three"
    assert film_of(film, vault, takes) == film_of(film, Vault(tmp_path / "clean"), clean.takes)
    assert make_plan(film, vault).takes.keys() == film.shots.keys(), (
        "planned from what is stored, the keys are the same"
    )


class FullVault(Vault):
    """Has no room for takes."""

    def put(self, key: str, slate: Mapping[str, Plain], footage: Footage, made: Mapping[str, Plain]) -> Take:
        raise VaultError("there is no room")


def test_what_cannot_be_stored_stops_what_was_begun_meanwhile(tmp_path: Path) -> None:
    film = broken_down(screenplay([scene("a"), scene("b", prompt="SLOW", duration=20)], engine="dice"))
    vault, crew = FullVault(tmp_path), Here()
    with pytest.raises(VaultError, match="no room"):
        list(render(make_plan(film, vault), vault, crew))
    crew.close()
    assert crew.free and not list(vault.takes())


def test_closing_a_render_stops_the_shot_and_frees_its_lock(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    film = broken_down(screenplay([scene("a"), scene("b", prompt="SLOW", duration=20)], engine={"name": "dice"}))
    crew = Here()
    events = render(make_plan(film, vault), vault, crew)
    for event in events:
        if isinstance(event, ShotStepped) and event.shot.id == "b/1" and event.step == 3:
            break
    events.close()
    crew.close()
    assert "b/1" not in {thread.name for thread in threading.enumerate()}
    plan = make_plan(film, vault)
    assert [each.state for each in plan][:2] == [State.HIT, State.MISS]
    key = plan.shots["b/1"].slate.key if plan.shots["b/1"].slate else ""
    with vault.locked(key, wait=False) as held:
        assert held
    assert vault.verify() == []


def test_a_crew_goes_on_after_a_shot_that_does_not_hear() -> None:
    """What was stopped stays stopped, and its late words are not taken for another shot's."""
    film = broken_down(screenplay([scene("a", prompt="SLOW"), scene("b", continues="nothing")], engine="strict"))
    crew = Here()
    words: list[Word | None] = []
    for name in ("a/1", "b/1"):
        use = film.shots[name].engine
        crew.submit(use, [assigned(film, name)])
        if name == "a/1":
            crew.cancel()
    while not words or isinstance(words[-1], Stepped):
        words.append(crew.wait(5))
    crew.close()
    assert {word.shot for word in words if word is not None} == {"b/1"}
    assert isinstance(words[-1], Delivered)


def assigned(film: Breakdown, name: str) -> Assignment:
    shot = film.shots[name]
    use = shot.engine
    size = (use.width, use.height, use.rate)
    return Assignment(name, shot.prompt, shot.negative, shot.seed, *size, shot.frames, use.options)


def test_two_renders_at_once_on_one_vault_shoot_each_shot_once(tmp_path: Path) -> None:
    scenes = [
        scene(name, prompt=f"SLOW {name}", continues="nothing" if name in "ad" else "previous") for name in "abcdef"
    ]
    for number in range(2):
        (tmp_path / f"film{number}.yaml").write_text(text_of(screenplay(scenes, engine="strict")))
    log = tmp_path / "log"
    environment = os.environ | {"STORYBOARD_TEST_LOG": str(log)}
    command = [sys.executable, "-m", "storyboard", "render", "--vault", str(tmp_path / "vault"), "--out"]
    renders = [
        subprocess.Popen([*command, str(tmp_path / f"out{n}"), str(tmp_path / f"film{n}.yaml")], env=environment)
        for n in range(2)
    ]
    assert [each.wait(timeout=120) for each in renders] == [0, 0]
    shot = sorted(line.split()[0] for line in log.read_text().splitlines())
    assert shot == [f"{name}/1" for name in "abcdef"]
    movies = [(tmp_path / f"out{n}" / f"film{n}.mp4").read_bytes() for n in range(2)]
    assert len(movies[0]) > 1000
    assert movies[0] == movies[1]


def test_a_shot_that_another_render_holds_is_waited_for_and_found(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    film = broken_down(screenplay([scene("a"), scene("b", continues="nothing")]))
    plan = make_plan(film, vault)
    slate = plan.shots["a/1"].slate
    assert slate is not None
    crew = Here()
    seen: list[object] = []
    other = vault.locked(slate.key, wait=False)
    assert other.__enter__()
    for event in render(plan, vault, crew):
        seen.append(event)
        if isinstance(event, ShotDone) and event.shot.id == "b/1":
            copied = Vault(tmp_path / "other")
            take = shoot(film, copied).takes["a/1"]
            frames = copied.frames(take, range(len(take.frames)))
            from storyboard.footage import Footage

            vault.put(slate.key, slate.plain(), Footage(frames, take.rate), {})
            other.__exit__(None, None, None)
    crew.close()
    kinds = [(type(event), event.shot.id) for event in seen if isinstance(event, ShotElsewhere | ShotFound | ShotDone)]
    assert kinds == [(ShotElsewhere, "a/1"), (ShotDone, "b/1"), (ShotFound, "a/1")]


def test_conditioning_frames_are_brought_to_the_receiver_s_size(tmp_path: Path) -> None:
    engine = {"name": "animatic", "width": 48, "height": 48, "tail": 2}
    film = broken_down(screenplay([scene("a"), scene("b", engine=engine)]))
    vault = Vault(tmp_path)
    takes = shoot(film, vault).takes
    assert (takes["b/1"].width, takes["b/1"].height) == (48, 48)
    tail = takes["b/1"].slate["tail"]
    assert isinstance(tail, dict) and "cover" in str(tail["resample"])
    repeated = vault.frames(takes["b/1"], [0, 1])
    assert repeated.shape == (2, 48, 48, 3)
    whole = vault.frames(takes["a/1"], [6, 7])[:, :, 24:72]
    assert np.abs(repeated.astype(int).mean() - whole.astype(int).mean()) < 12


def test_start_and_end_images_are_the_first_and_last_frame(tmp_path: Path) -> None:
    from PIL import Image

    for name, color in (("one", (200, 30, 30)), ("two", (30, 30, 200))):
        Image.new("RGB", (200, 100), color).save(tmp_path / f"{name}.png")
    made = scene("a", start={"image": "one.png"}, end={"image": "two.png"})
    vault = Vault(tmp_path / "vault")
    film = broken_down(screenplay([made]), tmp_path)
    take = shoot(film, vault).takes["a/1"]
    first, last = vault.frames(take, [0, 7])
    assert np.abs(first.astype(int) - (200, 30, 30)).max() <= 1
    assert np.abs(last.astype(int) - (30, 30, 200)).max() <= 1
    Image.new("RGB", (200, 100), (30, 200, 30)).save(tmp_path / "two.png")
    late = shoot(film, Vault(tmp_path / "other"))
    error = next(event.error for event in late.events if isinstance(event, ShotFailed))
    assert "`two.png` changed while the film was being made" in error.message, "no take under another picture's key"
    assert shoot(broken_down(screenplay([made]), tmp_path), vault).shot == ["a/1"], "another picture, another key"
