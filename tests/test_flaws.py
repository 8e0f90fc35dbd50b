"""Takes that are black or frozen: kept, and said."""

from __future__ import annotations

import json
from pathlib import Path

from storyboard.events import ShotDone
from storyboard.scopes import Flaw
from storyboard.telling import event_line, event_plain
from storyboard.vault import Vault
from tests.films import broken_down, scene, screenplay, shoot, storyboard, text_of


def test_a_take_that_is_black_or_frozen_is_kept_and_said(tmp_path: Path) -> None:
    scenes = [scene("a", 2), scene("b", 2, prompt="DARK"), scene("c", 2, prompt="STILL", continues="a")]
    scenes += [
        scene("d", "4f", prompt="STILL", continues="nothing"),
        scene("end", card={"text": "."}),
    ]
    result = shoot(broken_down(screenplay(scenes, engine="strict")), Vault(tmp_path))
    done = {event.shot.id: event for event in result.events if isinstance(event, ShotDone)}
    flaws = {shot: event.flaw for shot, event in done.items()}
    assert flaws == {"a/1": None, "b/1": Flaw.BLACK, "c/1": Flaw.FROZEN, "d/1": None, "end/1": None}
    assert "all of it is black" in (event_line(done["b/1"]) or "") and event_plain(done["c/1"])["flaw"] == "frozen"
    assert "flaw" not in event_plain(done["a/1"]) and result.takes.keys() == done.keys()


def test_the_command_says_it_too(tmp_path: Path) -> None:
    film = tmp_path / "film.yaml"
    film.write_text(text_of(screenplay([scene("a", 2, prompt="DARK")], engine="strict")))
    done = storyboard("render", film, "--json")
    assert [line["flaw"] for line in map(json.loads, done.stdout.splitlines()) if "flaw" in line] == ["black"]
    assert "shot `a/1`: black: frames 0 to 15" in storyboard("dailies", film).stderr
