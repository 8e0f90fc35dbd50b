"""Pieces of the movie are encoded while other shots are shot; the movie is the same, and so is what goes wrong."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from storyboard.crew import Here
from storyboard.cut import assemble, cut_with
from storyboard.digest import digest_file
from storyboard.errors import ConformError
from storyboard.events import ShotDone, ShotStarted
from storyboard.film import prepare, produce
from storyboard.plan import make_plan
from storyboard.vault import Take, Vault
from tests.films import broken_down, scene, screenplay, shoot, text_of


def written(folder: Path, *names: str, **film: object) -> Path:
    path = folder / "film.yaml"
    path.write_text(text_of(screenplay([scene(name) for name in names], **film)))
    return path


def pieces_in(project: Path) -> list[Path]:
    return sorted((project / "renders" / "vault" / "segments").rglob("*.json"))


def test_pieces_are_there_before_the_last_shot_is(tmp_path: Path) -> None:
    production = prepare(written(tmp_path, *"abc"))
    crew, seen = Here(), 0
    for event in produce(production, crew):
        if isinstance(event, ShotStarted) and event.shot.id == "c/1":
            until = time.monotonic() + 60
            while not (seen := len(pieces_in(tmp_path))) and time.monotonic() < until:
                time.sleep(0.02)
    crew.close()
    assert seen in (1, 2), "of a, and of b if it is stored by now"
    assert len(pieces_in(tmp_path)) == 3
    assert "ahead" not in {thread.name for thread in threading.enumerate()}
    movie = production.places.movie
    assert sorted(entry.name for entry in movie.parent.iterdir() if entry.name.endswith(".tmp")) == []
    first = digest_file(movie)
    for piece in pieces_in(tmp_path):
        piece.unlink()
    movie.unlink()
    list(produce(prepare(tmp_path / "film.yaml"), Here()))
    assert digest_file(movie) == first, "the same movie where all is encoded at the end"


def test_closing_a_render_ends_what_was_encoded_ahead(tmp_path: Path) -> None:
    production = prepare(written(tmp_path, "a", "b", engine="dice"))
    events = produce(production, crew := Here())
    for event in events:
        if isinstance(event, ShotDone):
            break
    events.close()
    crew.close()
    assert "ahead" not in {thread.name for thread in threading.enumerate()}
    assert not [entry for entry in production.places.movie.parent.iterdir() if entry.name.endswith(".tmp")]


def test_what_goes_wrong_ahead_is_told_by_the_conform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FFMPEG_BINARY", str(tmp_path / "nothing"))
    production, crew = prepare(written(tmp_path, "a", "b")), Here()
    events = produce(production, crew)
    done = []
    with pytest.raises(ConformError, match="cannot be run"):
        done += [event.shot.id for event in events if isinstance(event, ShotDone)]
    crew.close()
    assert make_plan(production.plan.breakdown, production.vault).takes.keys() == {"a/1", "b/1"}, "all was shot"


def test_a_cut_with_some_takes_is_that_much_of_the_whole_cut(tmp_path: Path) -> None:
    scenes = [
        scene("a"),
        scene("b", 2, transition={"kind": "dissolve", "duration": "4f"}),
        scene("c", 1, card={"text": "Then"}),
        scene("d", 3, continues="b", transition={"kind": "fade", "duration": "6f"}),
        scene("e", 1),
    ]
    film = broken_down(screenplay(scenes, engine={"name": "animatic", "window": 12}))
    vault = Vault(tmp_path)
    takes = shoot(film, vault).takes
    whole = assemble(film, vault, takes=takes)
    assert len(takes) > len(scenes), "some scenes have several shots"
    known: dict[str, Take] = {}
    found = set()
    for name in sorted(takes, key=lambda name: takes[name].key):  # in no order
        known[name] = takes[name]
        cut = cut_with(film, known, name)
        for edit in cut.edits if cut else ():
            assert edit in whole.edits and edit not in found
            assert {edit.shot, edit.mix.shot if edit.mix and edit.mix.shot else edit.shot} <= known.keys()
            found.add(edit)
    assert found == set(whole.edits), "each edit once, as soon as its takes are there"
    alone = assemble(film, vault, takes=takes, scene="d")
    some = [cut_with(film, takes, name, scene="d") for name in film.scene("d").shots]
    assert [edit for cut in some if cut for edit in cut.edits] == list(alone.edits)
    assert cut_with(film, takes, "a/1", scene="d") is None
