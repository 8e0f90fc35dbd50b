"""Measures of whole films: of takes in which a square moves by a pixel a frame, so that each figure is known."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from storyboard.cut import Cut, assemble
from storyboard.digest import digest_of
from storyboard.errors import MissingTakes
from storyboard.footage import Footage
from storyboard.scopes_film import CutPlacement, cut_placement, joined_shots, measure, pictures, seams
from storyboard.shots import Breakdown
from storyboard.timing import FrameRange
from storyboard.vault import Vault
from tests.films import broken_down, scene, screenplay
from tests.pictures import HEIGHT, STEP, WIDTH, flat, square


def film_of(film: Breakdown, vault: Vault, starts: Mapping[str, int], levels: Mapping[str, int]) -> Cut:
    """The cut of takes in which a square moves on by a pixel a frame from where it is in each shot's first on screen.

    What is no part of the film, before and after, is of another brightness.
    """
    takes = {}
    for name, shot in film.shots.items():
        places = [starts.get(name, 0) + frame - shot.visible.start for frame in range(shot.frames)]
        frames = square(places, levels.get(name, 60), shot.engine.width // WIDTH)
        handles = [frame for frame in range(shot.frames) if frame not in shot.visible]
        frames[handles] += np.uint8(99)
        key = digest_of([name, starts.get(name, 0), levels.get(name, 60)])
        takes[name] = vault.put(key, {}, Footage(frames, shot.engine.rate), {})
    return assemble(film, vault, takes=takes)


@pytest.mark.parametrize(("rate", "times"), [(8, 1), (16, 2), (24, 3)])
def test_seams_of_a_film(tmp_path: Path, rate: int, times: int) -> None:
    scenes = [scene("a", 2), scene("b"), scene("c", continues="nothing"), scene("d"), scene("e", continues="b")]
    shape = {"width": WIDTH, "height": HEIGHT, "rate": rate}
    film = broken_down(screenplay(scenes, format=shape, engine={"name": "animatic", "rate": 8}))
    vault = Vault(tmp_path)
    assert [len(shot.visible) for shot in film.shots.values()] == [16, 8, 8, 8, 8]
    starts = {"a/1": 0, "b/1": 15 + 5, "d/1": 8}
    cut = film_of(film, vault, starts, {"c/1": 120, "d/1": 120})
    found = list(seams(joined_shots(film), cut, vault))
    assert [(seam.first, seam.before, seam.after) for seam in found] == [
        (16 * times, "a/1", "b/1"),
        (32 * times, "c/1", "d/1"),
    ]
    assert [seam.ratio for seam in found] == pytest.approx([5, 1])
    assert [seam.still for seam in found] == pytest.approx([(5 * STEP + 1) / (STEP + 1), 1])
    assert [seam.jerk for seam in found] == pytest.approx([3, 1])
    assert cut_placement(joined_shots(film), cut, vault) == CutPlacement((24 * times, 40 * times), (), ())


def test_shots_of_one_scene_and_scenes_led_into_have_seams(tmp_path: Path) -> None:
    scenes = [scene("a", 3, leads_into="c"), scene("c", 1, continues="nothing"), scene("d", 1, continues="a")]
    film = broken_down(screenplay(scenes, engine={"name": "animatic", "tail": 3, "head": 2, "window": 16}))
    assert list(film.shots["a/2"].head) and len(film.shots) == 4
    vault = Vault(tmp_path)
    cut = film_of(film, vault, {"a/2": 16 + 1, "c/1": 30}, {})
    found = {(seam.before, seam.after): seam.ratio for seam in seams(joined_shots(film), cut, vault)}
    last = 16 + 1 + len(film.shots["a/2"].visible) - 1
    assert found == pytest.approx({("a/1", "a/2"): 2, ("a/2", "c/1"): 30 - last})


def test_a_seam_is_measured_at_the_size_of_the_film(tmp_path: Path) -> None:
    twice = {"name": "animatic", "width": 2 * WIDTH, "height": 2 * HEIGHT}
    film = broken_down(screenplay([scene("a"), scene("b", engine=twice)]))
    vault = Vault(tmp_path)
    (found,) = seams(joined_shots(film), film_of(film, vault, {"b/1": 7 + 4}, {}), vault)
    assert found.ratio == pytest.approx(4, rel=0.1)  # but for what scaling adds at edges


def test_shots_of_a_frame_are_too_short_for_figures(tmp_path: Path) -> None:
    film = broken_down(screenplay([scene("a", "1f"), scene("b", "1f"), scene("c", "2f"), scene("d", "3f")]))
    vault = Vault(tmp_path)
    cut = film_of(film, vault, {"a/1": 0, "b/1": 1, "c/1": 2, "d/1": 4}, {})
    found = [
        (seam.ratio is None, seam.still is None, seam.jerk is None) for seam in seams(joined_shots(film), cut, vault)
    ]
    assert found == [(True, True, True), (False, False, True), (False, False, False)]


def test_cuts_that_are_not_seen_and_jumps_that_nobody_wrote(tmp_path: Path) -> None:
    scenes = [scene("a", 2), scene("b", 2), scene("c", 2, continues="nothing"), scene("d", 2, continues="nothing")]
    film = broken_down(screenplay(scenes, engine={"name": "animatic", "window": 24}))
    vault = Vault(tmp_path)
    cut = film_of(film, vault, {}, {"b/1": 100, "c/1": 100})
    assert cut_placement(joined_shots(film), cut, vault) == CutPlacement(right=(48,), missing=(32,), extra=(16,))


@pytest.mark.parametrize("continues", ["previous", "nothing"])
@pytest.mark.parametrize(("kind", "frames"), [("dissolve", 2), ("fade", 4), ("fade", 16)])
def test_transitions_are_neither_seams_nor_cuts(tmp_path: Path, continues: str, kind: str, frames: int) -> None:
    into = {"kind": kind, "duration": f"{frames}f"}
    scenes = [scene("a", 2), scene("b", 2, continues=continues, transition=into), scene("c", 2, continues="nothing")]
    film = broken_down(screenplay(scenes))
    vault = Vault(tmp_path)
    cut = film_of(film, vault, {}, {"a/1": 10, "b/1": 140})
    assert list(seams(joined_shots(film), cut, vault)) == []
    assert cut_placement(joined_shots(film), cut, vault) == CutPlacement((32,), (), ())


def test_what_a_transition_covers_whole_has_no_seam(tmp_path: Path) -> None:
    film = broken_down(
        screenplay([scene("a"), scene("b", transition={"kind": "dissolve", "duration": "1s"}), scene("c")])
    )
    vault = Vault(tmp_path)
    cut = film_of(film, vault, {}, {})
    assert [edit.mix is None for edit in cut.edits] == [True, False, True] and list(
        seams(joined_shots(film), cut, vault)
    ) == []


def test_pictures_are_those_of_the_film(tmp_path: Path) -> None:
    scenes = [
        scene("a", "40f", transition={"kind": "fade", "duration": "40f"}),
        scene("title", "9f", card={"text": "Then"}, transition={"kind": "dissolve", "duration": "4f"}),
        scene("b", "8f", continues="a", transition={"kind": "fade", "duration": "3f"}),
    ]
    film = broken_down(screenplay(scenes))
    vault = Vault(tmp_path)
    levels = {"a/1": 205, "title/1": 200, "b/1": 40}
    takes = {
        name: vault.put(
            digest_of(name), {}, Footage(flat([levels[name]] * shot.frames).repeat(2, axis=2), shot.engine.rate), {}
        )
        for name, shot in film.shots.items()
    }
    shown = [int(picture[0, 0, 0]) for picture in pictures(assemble(film, vault, takes=takes), vault)]
    assert shown == [*range(5, 205, 5), 204, 203, 202, 201, *[200] * 5, 100, 0, 20, *[40] * 5]


def test_a_film_is_never_held_whole(tmp_path: Path) -> None:
    film = broken_down(screenplay([scene("a", 36), scene("b", 36)], engine={"name": "animatic", "window": 304}))
    vault = Vault(tmp_path)
    cut = film_of(film, vault, {"b/1": 100}, {})

    def measured() -> None:
        assert len(list(seams(joined_shots(film), cut, vault))) == 1
        cut_placement(joined_shots(film), cut, vault)

    measured()  # imports what decodes and measures: that memory is not the film's
    tracemalloc.start()
    measured()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * cut.frames * HEIGHT * WIDTH * 3


def test_takes_that_are_not_there_are_said(tmp_path: Path) -> None:
    film = broken_down(screenplay([scene("a"), scene("b")]))
    cut = film_of(film, Vault(tmp_path / "vault"), {}, {})
    with pytest.raises(MissingTakes, match="not in the vault"):
        list(seams(joined_shots(film), cut, Vault(tmp_path / "other")))
    with pytest.raises(MissingTakes, match="not in the vault"):
        next(pictures(cut, Vault(tmp_path / "other")))


def test_all_figures_of_a_film_come_from_one_reading(tmp_path: Path) -> None:
    film = broken_down(screenplay([scene("a", 2), scene("b", 2, continues="nothing")]))
    vault = Vault(tmp_path)
    takes = {}
    for name, levels in {"a/1": [90] * 4 + [*range(100, 112)], "b/1": [0, 2, *[50] * 12, 60, 70]}.items():
        shot = film.shots[name]
        assert shot.visible == FrameRange(0, 16)
        frames = flat([*levels, *[255] * (shot.frames - 16)]).repeat(2, axis=2)
        takes[name] = vault.put(digest_of(name), {}, Footage(frames, shot.engine.rate), {})
    track = measure(assemble(film, vault, takes=takes), vault)
    assert track.luma.tolist() == [90] * 4 + [*range(100, 112)] + [0, 2] + [50] * 12 + [60, 70]
    assert track.changes[:5].tolist() == [0, 0, 0, 10, 1] and track.changes[15] == 111 and len(track.changes) == 31
    assert not track.saturation.any() and not track.sharpness[1:15].any() and len(track.sharpness) == 32
    assert track.black == (FrameRange(16, 18),) and track.frozen == (FrameRange(18, 30),)


@pytest.mark.parametrize("late", [-1, 0, 1, 3])
def test_a_cut_that_comes_late_is_missing_where_it_was_said(tmp_path: Path, late: int) -> None:
    film = broken_down(screenplay([scene("a", 2), scene("b", 2, continues="nothing")]))
    vault = Vault(tmp_path)
    levels = [60] * (16 + late) + [140] * (16 - late)
    takes = {}
    for place, (name, shot) in enumerate(film.shots.items()):
        footage = np.concatenate([square([at], level) for at, level in enumerate(levels)])[16 * place :][:16]
        padded = np.concatenate([footage, footage[-1:].repeat(shot.frames - 16, axis=0)])
        takes[name] = vault.put(digest_of([name, late]), {}, Footage(padded, shot.engine.rate), {})
    found = cut_placement(joined_shots(film), assemble(film, vault, takes=takes), vault)
    assert found == (CutPlacement((16,), (), ()) if late == 0 else CutPlacement((), (16,), (16 + late,)))


def test_a_seam_that_stands_is_judged_by_the_form_for_still_shots(tmp_path: Path) -> None:
    film = broken_down(screenplay([scene("a", 2), scene("b", 2), scene("c", 2)]))
    vault = Vault(tmp_path)
    takes = {}
    for name, levels in {"a/1": [40] * 16, "b/1": [41] * 16, "c/1": [*range(61, 109, 3)]}.items():
        shot = film.shots[name]
        shown = [levels[0]] * shot.visible.start + levels
        frames = flat([*shown, *[0] * (shot.frames - len(shown))]).repeat(2, axis=2)
        takes[name] = vault.put(digest_of(name), {}, Footage(frames, shot.engine.rate), {})
    first, second = seams(joined_shots(film), assemble(film, vault, takes=takes), vault)
    assert (first.ratio, first.still, first.stands, first.figure) == (float("inf"), 2, True, 2)
    assert second.stands is False and second.figure == second.ratio == pytest.approx(20 / 1.5)
