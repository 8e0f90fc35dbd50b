"""Every frame of the finished film is the right one, read from the strips of the decoded movie."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from storyboard.conform import conform
from storyboard.cut import assemble
from storyboard.engines.strip import read_mark, read_strip, tag_of
from storyboard.shots import Breakdown
from storyboard.vault import Vault
from tests.films import broken_down, decoded, film_of, scene, screenplay, shoot

RATES = [8, 16, 24, 25, "24000/1001", "30000/1001"]
READABLE = {"width": 192, "height": 108}


def expected_frames(film: Breakdown) -> list[tuple[int, int] | None]:
    """Tag and number that each film frame must carry, by the design's words alone; None inside a transition."""
    wanted: list[tuple[int, int] | None] = []
    for span in film.scenes:
        shots = [film.shots[name] for name in span.shots]
        for frame in range(len(span.film)):
            rate = shots[0].engine.rate.fraction
            shown = (Fraction(2 * frame + 1, 2) * rate / film.rate.fraction).__floor__()
            shot = next(each for each in reversed(shots) if each.scene_first <= shown)
            tail = len(shot.tail)
            number = tail + shown - shot.scene_first
            wanted.append(None if frame < span.transition_frames else (tag_of(shot.seed), number))
    return wanted


def check_film(film: Breakdown, folder: Path) -> list[tuple[int, int] | None]:
    vault = Vault(folder / "vault")
    result = shoot(film, vault)
    assert not result.failed
    movie = conform(assemble(film, vault, takes=result.takes), vault, folder / "film.mp4")
    frames = decoded(movie.path)
    wanted = expected_frames(film)
    assert len(frames) == len(wanted) == film.frames
    read = [read_strip(frame) for frame in frames]
    seen = [(strip.tag, strip.number) if strip else None for strip in read]
    for place, (was, should) in enumerate(zip(seen, wanted, strict=True)):
        assert should is None or was == should, f"film frame {place}: {was}, not {should}"
    return wanted


@pytest.mark.parametrize("rate", RATES)
def test_every_frame_is_the_right_one_at_every_rate(rate: object, tmp_path: Path) -> None:
    engine = {"name": "animatic", "window": 13, "tail": 5}
    scenes = [
        scene("a", 0.77),
        scene("b", 1.313, transition={"kind": "dissolve", "duration": "3f"}),
        scene("c", "1f"),
        scene("d", 0.9, continues="b", beats=[{"at": 0.4, "prompt": "On."}]),
    ]
    film = broken_down(screenplay(scenes, engine=engine, format=READABLE | {"rate": rate}))
    wanted = check_film(film, tmp_path)
    shown = [each for each in wanted if each is not None]
    assert len(set(shown)) == len(shown), "no frame is shown twice"


@pytest.mark.parametrize("rate", [8, 24, "30000/1001"])
def test_engines_whose_own_rate_differs(rate: object, tmp_path: Path) -> None:
    scenes = [scene("a", 1.07, engine="twelve"), scene("b", 0.93), scene("c", 1.21, engine="twelve")]
    film = broken_down(screenplay(scenes, format=READABLE | {"rate": rate}))
    check_film(film, tmp_path)


@pytest.mark.parametrize("own", [10, 24, 25, 60])
def test_a_tail_at_the_film_s_rate_is_what_is_on_screen_whatever_the_sender_s(own: int, tmp_path: Path) -> None:
    other = {"name": "animatic", "rate": own}
    scenes = [scene("a", "9f", engine=other), scene("b", "3f"), scene("c", "2f", engine=other), scene("d")]
    film = broken_down(screenplay(scenes, engine={"name": "animatic", "tail": 12}))
    vault = Vault(tmp_path)
    takes = shoot(film, vault).takes
    recorded = takes["d/1"].slate["tail"]
    assert isinstance(recorded, dict)
    assert recorded["digests"] == [frame for (frame,) in film_of(film, vault, takes)[2:14]]


def test_heads_and_handles_are_not_shown(tmp_path: Path) -> None:
    scenes = [scene("a", "11f", leads_into="b"), scene("b", "20f", continues="nothing"), scene("c", "12f")]
    film = broken_down(screenplay(scenes, engine="strict", format=READABLE | {"rate": 8}))
    shown = [each for each in check_film(film, tmp_path) if each is not None]
    assert len(set(shown)) == len(shown) == 43


def test_a_dissolve_mixes_the_outgoing_handles_with_the_incoming_scene(tmp_path: Path) -> None:
    """Each mixed frame is the weighted sum of the two right frames: handles after the out point, then the last held."""
    scenes = [scene("a", "14f"), scene("b", "16f", transition={"kind": "dissolve", "duration": "6f"})]
    film = broken_down(screenplay(scenes, engine="strict", format=READABLE | {"rate": 8}))
    vault = Vault(tmp_path / "vault")
    takes = shoot(film, vault).takes
    movie = conform(assemble(film, vault, takes=takes), vault, tmp_path / "film.mp4")
    frames = decoded(movie.path).astype(float)
    out, into = film.shots["a/1"], film.shots["b/1"]
    assert (out.frames, out.visible.stop) == (17, 14)
    for step in range(6):
        under = vault.frames(takes["a/1"], [min(14 + step, 16)])[0].astype(float)
        over = vault.frames(takes["b/1"], [into.visible.start + step])[0].astype(float)
        weight = (step + 1) / 7
        mixed = under * (1 - weight) + over * weight
        assert np.abs(frames[14 + step] - mixed).mean() < 4, step
        for wrong in (under, over):
            assert np.abs(frames[14 + step] - wrong).mean() > np.abs(frames[14 + step] - mixed).mean()


def test_the_mark_goes_on_across_every_seam(tmp_path: Path) -> None:
    """What `animatic` draws starts where the tail left it, also over beats and windows; a cut starts afresh."""
    scenes = [scene("a", 1.5), scene("b", 1, beats=[{"at": 0.5, "prompt": "On."}]), scene("c", 1, continues="nothing")]
    film = broken_down(screenplay(scenes, engine={"name": "animatic", "window": 12}, format=READABLE | {"rate": 8}))
    vault = Vault(tmp_path / "vault")
    takes = shoot(film, vault).takes
    cut = assemble(film, vault, takes=takes)
    by_key = {take.key: take for take in takes.values()}
    marks = [
        read_mark(vault.frames(by_key[edit.strip.key], [frame])[0]) for edit in cut.edits for frame in edit.strip.frames
    ]
    assert all(mark is not None for mark in marks)
    places = np.array(marks, dtype=float)
    steps = (np.diff(places) + 0.5) % 1 - 0.5
    cut_at = 20 - 1
    inside = np.delete(steps, cut_at)
    assert np.allclose(inside, 1 / 32, atol=0.02), inside
    assert abs(steps[cut_at] - 1 / 32) > 0.02


def test_random_footage_leaves_no_broken_seam(tmp_path: Path) -> None:
    """Each take's recorded tail is what is on screen before it, even where nothing can be right by accident."""
    engine = {"name": "dice", "window": 14, "tail": 6}
    scenes = [
        scene("a", 2),
        scene("b", "3f"),
        scene("c", 2, beats=[{"at": 1, "prompt": "On."}]),
        scene("d", continues="b"),
    ]
    film = broken_down(screenplay(scenes, engine=engine))
    vault = Vault(tmp_path)
    takes = shoot(film, vault).takes
    shown = film_of(film, vault, takes)
    starts = {span.id: span.film.start for span in film.scenes}
    stops = {span.id: span.film.stop for span in film.scenes}
    checked = 0
    for shot in film.shots.values():
        if not shot.tail:
            continue
        begins = starts[shot.scene] + shot.scene_first
        ends_before = begins if shot.scene_first else stops[film.shots[shot.continues or ""].scene]
        recorded = takes[shot.id].slate["tail"]
        assert isinstance(recorded, dict)
        on_screen = [frame for (frame,) in shown[ends_before - len(shot.tail) : ends_before]]
        assert recorded["digests"] == on_screen, shot.id
        assert list(takes[shot.id].frames[: len(shot.tail)]) == on_screen, "and the take repeats it"
        checked += 1
    assert checked == len(film.shots) - 1
