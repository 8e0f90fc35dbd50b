"""A crew on Ray: the same film, whoever shoots it; a worker that dies loses the shot in its hands and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storyboard.crew_ray import RayCrew, crew_named
from storyboard.errors import CommandError, OutOfMemory
from storyboard.events import ShotAgain, ShotDone, ShotEvent, ShotFailed, ShotNotAttempted, ShotStarted, ShotStepped
from storyboard.plan import make_plan
from storyboard.render import MOST_TRIES, render
from storyboard.shots import Breakdown
from storyboard.vault import Vault
from tests.films import broken_down, film_of, scene, screenplay, shoot, storyboard, text_of
from tests.test_kills import hear_interrupts

pytest.importorskip("ray")
BEAR = "A teddy bear is swimming in the ocean at San Francisco."


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where test engines note what they begin, in whichever process."""
    path = tmp_path_factory.mktemp("ray") / "log"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORYBOARD_TEST_LOG", str(path))
        yield path


@pytest.fixture(scope="module")
def crew(log: Path) -> Iterator[RayCrew]:
    """Two workers, for all tests here: a Ray takes its time to start."""
    workers = RayCrew(workers=2)
    yield workers
    workers.close()


def branching(**film: object) -> Breakdown:
    """Six scenes in two chains, one of which branches."""
    scenes = [
        scene("a", prompt=f"{BEAR} SLOW"),
        scene("b"),
        scene("c", continues="a"),
        scene("d", continues="nothing", prompt="SLOW."),
        scene("e"),
        scene("f", continues="d"),
    ]
    return broken_down(screenplay(scenes, **film))


def kinds(events: list[ShotEvent], kind: type) -> list[str]:
    return [event.shot.id for event in events if isinstance(event, kind)]


def same_film(film: Breakdown, vault: Vault, folder: Path) -> bool:
    """Whether what is in the vault is what one process shoots, frame for frame."""
    alone = shoot(film, Vault(folder / "alone"))
    return film_of(film, vault, make_plan(film, vault).takes) == film_of(film, Vault(folder / "alone"), alone.takes)


def test_the_film_is_that_of_one_process_and_the_longest_chains_begin_first(crew: RayCrew, tmp_path: Path) -> None:
    film, vault = branching(engine="strict"), Vault(tmp_path / "vault")
    events = list(render(make_plan(film, vault), vault, crew))
    assert sorted(kinds(events, ShotDone)) == sorted(film.shots)
    assert sorted(kinds(events, ShotStarted)[:2]) == ["a/1", "d/1"], "both at once"
    assert same_film(film, vault, tmp_path)
    assert vault.verify(deep=True) == []
    take = make_plan(film, vault).takes["a/1"]
    assert {"storyboard", "python", "machine", "libraries", "seconds"} <= take.made.keys()


def test_a_worker_that_is_killed_in_mid_shot_loses_that_shot_alone(crew: RayCrew, tmp_path: Path) -> None:
    film, vault = branching(engine="strict", seed=2), Vault(tmp_path / "vault")
    assert crew.ready() == 2
    victim = crew.processes()[0]
    seen: list[ShotEvent] = []
    for event in render(make_plan(film, vault), vault, crew):
        seen.append(event)
        if isinstance(event, ShotStepped) and event.step == 2 and victim:
            os.kill(victim, signal.SIGKILL)
            victim = 0
    again = [event for event in seen if isinstance(event, ShotAgain)]
    assert len(again) == 1 and again[0].tries == 2
    assert "its worker is gone" in again[0].error.message
    assert sorted(kinds(seen, ShotDone)) == sorted(film.shots)
    assert kinds(seen, ShotFailed) == []
    assert same_film(film, vault, tmp_path)
    assert crew.ready() == 2, "there is another one in its place"


def test_a_shot_without_memory_is_shot_elsewhere(crew: RayCrew, log: Path, tmp_path: Path) -> None:
    scenes = [scene("a", prompt="FULL once"), scene("b", continues="nothing"), scene("c", prompt="FULL always")]
    vault = Vault(tmp_path / "vault")
    events = list(render(make_plan(film := broken_down(screenplay(scenes, engine="strict")), vault), vault, crew))
    assert kinds(events, ShotAgain) == ["a/1"] + ["c/1"] * (MOST_TRIES - 1)
    assert sorted(kinds(events, ShotDone)) == ["a/1", "b/1"]
    failed = [event for event in events if isinstance(event, ShotFailed)]
    assert [event.shot.id for event in failed] == ["c/1"]
    assert isinstance(failed[0].error, OutOfMemory) and failed[0].error.hint
    begun = [line.split()[0] for line in log.read_text().splitlines() if "FULL" in line]
    assert begun == ["a/1"] * 2 + ["c/1"] * MOST_TRIES
    assert set(make_plan(film, vault).takes) == {"a/1", "b/1"}


def test_what_an_engine_does_wrong_is_a_failure_here_too(crew: RayCrew, tmp_path: Path) -> None:
    scenes = [scene("a", prompt="FAIL"), scene("b"), scene("c", continues="nothing", prompt="EXIT")]
    vault = Vault(tmp_path)
    events = list(render(make_plan(broken_down(screenplay(scenes, engine="strict")), vault), vault, crew))
    assert sorted(kinds(events, ShotFailed)) == ["a/1", "c/1"]
    assert kinds(events, ShotNotAttempted) == ["b/1"]
    assert kinds(events, ShotAgain) == []


def test_a_render_that_is_closed_stops_its_shots_and_the_crew_goes_on(crew: RayCrew, tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    slow = broken_down(screenplay([scene("a", prompt="SLOW", duration=20)], engine="dice"))
    assert crew.ready() == 2
    events = render(make_plan(slow, vault), vault, crew)
    for event in events:
        if isinstance(event, ShotStepped) and event.step == 3:
            break
    events.close()
    assert list(crew.free) == [0, 1], "it heard"
    quick = broken_down(screenplay([scene("b")]))
    assert kinds(list(render(make_plan(quick, vault), vault, crew)), ShotDone) == ["b/1"]


def test_a_crew_that_nobody_can_call_is_told_before_anything_is_shot(tmp_path: Path) -> None:
    for name in ("gpus", "ray://", "rays"):
        with pytest.raises(CommandError):
            crew_named(name)
    for name, workers in (("here", 2), ("ray", 0)):
        with pytest.raises(CommandError):
            crew_named(name, workers)
    film = tmp_path / "film.yaml"
    film.write_text(text_of(screenplay([scene("a")])))
    assert "there is no crew `gpus`" in storyboard("render", film, "--crew", "gpus", check=2).stderr
    lost = storyboard("render", film, "--crew", "ray://127.0.0.1:1", check=2)
    assert "the cluster at `127.0.0.1:1` cannot be reached" in lost.stderr and "hint: " in lost.stderr
    storyboard("render", film)
    again = storyboard("render", film, "--crew", "ray://nowhere.invalid:1", check=0)
    assert "nothing to do" in again.stderr, "there is nothing to call anybody for"


# The command line, and all that it leaves behind


def processes_with(text: str) -> list[int]:
    """Numbers of living processes in whose environment this stands."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            dead = (path.parent / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if not dead and text.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.long
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_an_interrupted_render_leaves_no_process(number: signal.Signals, code: int, tmp_path: Path) -> None:
    film, log = tmp_path / "film.yaml", tmp_path / "log"
    scenes = [scene(name, prompt="SLOW", duration=60, continues="nothing") for name in "ab"]
    film.write_text(text_of(screenplay([scene("z"), *scenes], engine="dice")))
    process = subprocess.Popen(
        [sys.executable, "-m", "storyboard", "render", str(film), "--crew", "ray", "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"STORYBOARD_TEST_LOG": str(log)},
        preexec_fn=hear_interrupts,
        start_new_session=True,
    )
    while not log.exists() or len(log.read_text().splitlines()) < 3:
        time.sleep(0.1)
        assert process.poll() is None, process.communicate()
    time.sleep(1)
    assert len(processes_with(str(log))) > 3
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    printed, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert printed == ""
    if number != signal.SIGKILL:
        assert "finished takes are kept" in said
        assert "Traceback" not in said
    until = time.monotonic() + 120  # Ray's own agents look for their parent now and then
    while processes_with(str(log)) and time.monotonic() < until:
        time.sleep(0.2)
    assert processes_with(str(log)) == []
    assert json.loads(storyboard("plan", film, "--json").stdout)["summary"]["hit"] >= 1


@pytest.mark.long
def test_the_model_shoots_the_same_film_on_ray_though_a_worker_dies(crew: RayCrew, tmp_path: Path) -> None:
    size = {"width": 128, "height": 128}
    film = branching(engine={"name": "pocket", "device": "cpu"}, format=size)
    vault = Vault(tmp_path / "vault")
    assert crew.ready() == 2
    victim = crew.processes()[1]
    seen: list[ShotEvent] = []
    for event in render(make_plan(film, vault), vault, crew):
        seen.append(event)
        if victim and isinstance(event, ShotDone):
            os.kill(victim, signal.SIGKILL)
            victim = 0
    assert sorted(kinds(seen, ShotDone)) == sorted(film.shots)
    assert same_film(film, vault, tmp_path)
