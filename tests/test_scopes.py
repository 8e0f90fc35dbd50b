"""Measures of footage whose figures are known by construction: squares that move, pictures that stand, fades, noise."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from storyboard import scopes
from storyboard.cut import Cut, assemble
from storyboard.digest import digest_of
from storyboard.errors import MissingTakes
from storyboard.footage import Footage
from storyboard.scopes import CutPlacement, cut_placement, pictures, seam_jerk, seam_ratio, seams
from storyboard.shots import Breakdown
from storyboard.timing import FrameRange
from storyboard.vault import Vault
from tests.films import broken_down, scene, screenplay

Pictures = NDArray[np.uint8]
WIDTH, HEIGHT, SIDE, LIGHTER = 96, 54, 16, 50
STEP = 2 * SIDE * LIGHTER / (WIDTH * HEIGHT)
"""D of a square that moves by one pixel."""


def square(places: Sequence[int], level: int = 60, scale: int = 1) -> Pictures:
    """A square at each of the places, going round at the picture's edge, on a grey level."""
    found = np.full((len(places), HEIGHT, WIDTH, 3), level, np.uint8)
    for picture, place in zip(found, places, strict=True):
        picture[10 : 10 + SIDE, np.arange(place, place + SIDE) % WIDTH] += np.uint8(LIGHTER)
    return found.repeat(scale, axis=1).repeat(scale, axis=2)


def flat(levels: Sequence[int]) -> Pictures:
    return np.full((len(levels), 4, 6, 3), np.reshape(levels, (-1, 1, 1, 1)), np.uint8)


def noise(seed: int, count: int = 10, low: int = 0, high: int = 256) -> Pictures:
    return np.random.default_rng(seed).integers(low, high, (count, 9, 12, 3), dtype=np.uint8)


noises = st.builds(noise, st.integers(0, 999), st.integers(3, 9), st.just(60), st.just(190))


# Frames


def test_differences_are_mean_and_absolute() -> None:
    assert scopes.difference(flat([3]), flat([250])) == scopes.difference(flat([250]), flat([3])) == 247
    assert scopes.steps(flat([10, 13, 13, 5])).tolist() == [3, 0, 8]
    assert scopes.steps(iter(flat([9]))).tolist() == []
    assert scopes.steps(square(range(5))) == pytest.approx([STEP] * 4)


def test_flicker_is_one_where_nothing_changes() -> None:
    assert scopes.flicker(flat([7] * 5)) == scopes.flicker(flat([7])) == 1
    assert scopes.flicker(flat([0, 51, 0, 51])) == pytest.approx(0.8)
    assert scopes.flicker(noise(0)) == pytest.approx(2 / 3, abs=0.02)  # two even random levels are a third apart


def test_brightness_and_saturation_of_known_colours() -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 90, 90], [0, 0, 0], [1, 0, 0]], np.uint8)
    frames = np.broadcast_to(colours[:, None, None], (6, 4, 5, 3))
    assert scopes.luma(frames) == pytest.approx([76.245, 149.685, 29.07, 90, 0, 0.299])
    assert scopes.saturation(frames) == pytest.approx([1, 1, 1, 0, 0, 1])
    assert scopes.saturation(np.full((1, 2, 2, 3), [200, 150, 100], np.uint8)).tolist() == [0.5]


def test_sharpness_of_known_patterns() -> None:
    board = np.indices((8, 8)).sum(axis=0) % 2 * 255
    ramp = np.indices((8, 8)).sum(axis=0) * 9
    frames = np.stack([board, ramp, board // 5]).astype(np.uint8)[..., None].repeat(3, axis=3)
    assert scopes.sharpness(frames) == pytest.approx([1020**2, 0, 204**2], abs=1e-9)
    assert scopes.sharpness(frames[:, :2]).tolist() == [0, 0, 0]


def test_drift_weighs_early_shots_most() -> None:
    darkening = [float(scopes.luma(flat([level] * 3)).mean()) for level in (100, 90, 80)]
    assert scopes.drift(darkening) == pytest.approx(2 * 0.1 + 1 * 0.2)
    assert scopes.drift([10, 11, 9, 12]) == pytest.approx(3 * 0.1 + 2 * 0.1 + 1 * 0.2)
    assert scopes.drift([5]) == scopes.drift([5, 5, 5]) == 0
    for nothing in ([], [0.0, 3.0]):
        with pytest.raises(ValueError, match="must be above 0"):
            scopes.drift(nothing)


@given(st.lists(st.floats(1, 200), min_size=1, max_size=9), st.floats(0.1, 9))
def test_drift_does_not_know_the_unit(figures: list[float], unit: float) -> None:
    scaled = scopes.drift([unit * figure for figure in figures])
    assert math.isclose(scaled, scopes.drift(figures), rel_tol=1e-6, abs_tol=1e-6)


# Seams of frames


@pytest.mark.parametrize("jump", [0, 1, 2, 5, SIDE])
def test_a_jump_of_n_pixels_in_motion_of_one_is_a_ratio_of_n(jump: int) -> None:
    before, after = square(range(20)), square(range(19 + jump, 40))
    assert seam_ratio(before, after) == pytest.approx(jump)
    assert seam_ratio(before, after, still=True) == pytest.approx((jump * STEP + 1) / (STEP + 1))
    assert seam_jerk(before, after) == pytest.approx((jump + 1) / 2)


def test_only_eight_frames_on_each_side_count() -> None:
    wild = np.random.default_rng(0).integers(0, 256, (20, HEIGHT, WIDTH, 3), dtype=np.uint8)
    before, after = np.concatenate([wild, square(range(8))]), np.concatenate([square(range(12, 20)), wild])
    assert seam_ratio(before, after) == pytest.approx(5)
    assert seam_jerk(before, after) == pytest.approx(3)
    assert seam_ratio(flat([*range(8)]), flat([*range(10, 34, 3)])) == 3 / 2  # the median of 7 ones and 7 threes is 2


def test_stills_and_fades() -> None:
    still, other = flat([40] * 8), flat([43] * 8)
    assert seam_ratio(still, still) == seam_ratio(still, still, still=True) == seam_jerk(still, still) == 1
    assert seam_ratio(still, other) == seam_jerk(still, other) == math.inf
    assert seam_ratio(still, other, still=True) == 4
    fade = flat([*range(0, 160, 10)])
    assert seam_ratio(fade[:8], fade[8:]) == seam_jerk(fade[:8], fade[8:]) == 1
    assert seam_ratio(fade[:8], fade[9:]) == 2
    rising = flat([0, 1, 4, 9, 16, 25, 36, 49, 68, 87, 108, 131, 156])  # bends by 2, but by 6 and then 0 at the seam
    assert seam_jerk(rising[:8], rising[8:]) == 1.5


def test_noise_has_no_seam() -> None:
    assert seam_ratio(noise(1), noise(2)) == pytest.approx(1, abs=0.1)
    assert seam_jerk(noise(1), noise(2)) == pytest.approx(1, abs=0.1)


def test_shots_that_are_too_short_have_no_figures() -> None:
    assert seam_ratio(noise(1, 1), noise(2, 1)) is None and seam_jerk(noise(1, 2), noise(2, 2)) is None
    assert seam_ratio(noise(1, 2), noise(2, 1)) is not None and seam_jerk(noise(1, 1), noise(2, 3)) is not None


@given(noises, noises, st.integers(-60, 65))
def test_seams_do_not_change_with_brightness_mirrors_or_the_arrow_of_time(a: Pictures, b: Pictures, more: int) -> None:
    brighter = [(frames.astype(int) + more).astype(np.uint8) for frames in (a, b)]
    for before, after in (brighter, (a[:, :, ::-1], b[:, :, ::-1]), (a[:, ::-1], b[:, ::-1]), (b[::-1], a[::-1])):
        assert seam_ratio(before, after) == pytest.approx(seam_ratio(a, b))
        assert seam_ratio(before, after, still=True) == pytest.approx(seam_ratio(a, b, still=True))
        assert seam_jerk(before, after) == pytest.approx(seam_jerk(a, b))


@given(st.lists(st.integers(0, SIDE), min_size=2, max_size=2, unique=True))
def test_a_seam_grows_with_its_jump(jumps: list[int]) -> None:
    ratios = [seam_ratio(square(range(8)), square(range(7 + jump, 15 + jump))) or 0 for jump in sorted(jumps)]
    assert ratios[0] < ratios[1]


# Spans and cuts


def test_black_spans() -> None:
    frames = flat([0, 3, 25, 26, 100, 0, 0, 200, 9])
    assert scopes.black_spans(frames) == [FrameRange(0, 3), FrameRange(5, 7), FrameRange(8, 9)]
    assert scopes.black_spans(frames, dark=26) == [FrameRange(0, 4), FrameRange(5, 7), FrameRange(8, 9)]
    assert scopes.black_spans(frames, dark=2) == [FrameRange(0, 1), FrameRange(5, 7)]
    frames[5, 0] = 255  # a row of four
    assert FrameRange(6, 7) in scopes.black_spans(frames)
    assert FrameRange(5, 7) in scopes.black_spans(frames, share=0.75)
    assert scopes.black_spans(flat([])) == scopes.black_spans(noise(0)) == []


def test_frozen_spans() -> None:
    frames = flat([5, 9, *[7] * 8, 9, 9, 9, *[3] * 9])
    assert scopes.frozen_spans(frames) == [FrameRange(2, 10), FrameRange(13, 22)]
    assert scopes.frozen_spans(frames, least=3) == [FrameRange(2, 10), FrameRange(10, 13), FrameRange(13, 22)]
    assert scopes.frozen_spans(frames, least=9) == [FrameRange(13, 22)]
    assert scopes.frozen_spans(frames, still=2, least=11) == [FrameRange(1, 13)]
    assert scopes.frozen_spans(flat([*range(40)]), still=1, least=3) == []  # however slow, a fade is no standstill
    assert scopes.frozen_spans(flat([])) == scopes.frozen_spans(square(range(20))) == []


@given(st.lists(st.tuples(st.integers(9, 15), st.integers(0, 3)), min_size=1, max_size=5), st.sampled_from([1, 2, 3]))
def test_cuts_are_found_where_they_are(shots: list[tuple[int, int]], shown: int) -> None:
    levels = [40 + 60 * (number % 2) for number in range(len(shots))]
    parts = [square([speed * i for i in range(n)], level) for (n, speed), level in zip(shots, levels, strict=True)]
    film = np.concatenate(parts).repeat(shown, axis=0)
    begins = [shown * total for total in accumulate(count for count, _ in shots)][:-1]
    assert scopes.hard_cuts(scopes.steps(film)) == begins


def test_what_is_wild_all_along_or_changes_slowly_is_no_cut() -> None:
    assert scopes.hard_cuts(scopes.steps(noise(0, 30))) == []
    assert scopes.hard_cuts(scopes.steps(noise(0, 30).repeat(3, axis=0))) == []
    assert scopes.hard_cuts(scopes.steps(flat([*range(0, 250, 9)]))) == []
    assert scopes.hard_cuts(scopes.steps(flat([50] * 9 + [57] * 9))) == []
    assert scopes.hard_cuts(scopes.steps(flat([50] * 9 + [57] * 9)), least=7) == [9]
    assert scopes.hard_cuts(scopes.steps(noise(0, 30)), times=0.5) == [*range(1, 30)]
    for more, found in ((10, []), (11, [9])):  # 12 is four times 3
        assert scopes.hard_cuts(scopes.steps(flat([*range(0, 18, 2), *range(16 + more, 50, 2)]))) == found


# Films


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
    found = list(seams(film, cut, vault))
    assert [(seam.first, seam.before, seam.after) for seam in found] == [
        (16 * times, "a/1", "b/1"),
        (32 * times, "c/1", "d/1"),
    ]
    assert [seam.ratio for seam in found] == pytest.approx([5, 1])
    assert [seam.still for seam in found] == pytest.approx([(5 * STEP + 1) / (STEP + 1), 1])
    assert [seam.jerk for seam in found] == pytest.approx([3, 1])
    assert cut_placement(film, cut, vault) == CutPlacement((24 * times, 40 * times), (), ())


def test_shots_of_one_scene_and_scenes_led_into_have_seams(tmp_path: Path) -> None:
    scenes = [scene("a", 3, leads_into="c"), scene("c", 1, continues="nothing"), scene("d", 1, continues="a")]
    film = broken_down(screenplay(scenes, engine={"name": "animatic", "tail": 3, "head": 2, "window": 16}))
    assert list(film.shots["a/2"].head) and len(film.shots) == 4
    vault = Vault(tmp_path)
    cut = film_of(film, vault, {"a/2": 16 + 1, "c/1": 30}, {})
    found = {(seam.before, seam.after): seam.ratio for seam in seams(film, cut, vault)}
    last = 16 + 1 + len(film.shots["a/2"].visible) - 1
    assert found == pytest.approx({("a/1", "a/2"): 2, ("a/2", "c/1"): 30 - last})


def test_a_seam_is_measured_at_the_size_of_the_film(tmp_path: Path) -> None:
    twice = {"name": "animatic", "width": 2 * WIDTH, "height": 2 * HEIGHT}
    film = broken_down(screenplay([scene("a"), scene("b", engine=twice)]))
    vault = Vault(tmp_path)
    (found,) = seams(film, film_of(film, vault, {"b/1": 7 + 4}, {}), vault)
    assert found.ratio == pytest.approx(4, rel=0.1)  # but for what scaling adds at edges


def test_shots_of_a_frame_are_too_short_for_figures(tmp_path: Path) -> None:
    film = broken_down(screenplay([scene("a", "1f"), scene("b", "1f"), scene("c", "2f"), scene("d", "3f")]))
    vault = Vault(tmp_path)
    cut = film_of(film, vault, {"a/1": 0, "b/1": 1, "c/1": 2, "d/1": 4}, {})
    found = [(seam.ratio is None, seam.still is None, seam.jerk is None) for seam in seams(film, cut, vault)]
    assert found == [(True, True, True), (False, False, True), (False, False, False)]


def test_cuts_that_are_not_seen_and_jumps_that_nobody_wrote(tmp_path: Path) -> None:
    scenes = [scene("a", 2), scene("b", 2), scene("c", 2, continues="nothing"), scene("d", 2, continues="nothing")]
    film = broken_down(screenplay(scenes, engine={"name": "animatic", "window": 24}))
    vault = Vault(tmp_path)
    cut = film_of(film, vault, {}, {"b/1": 100, "c/1": 100})
    assert cut_placement(film, cut, vault) == CutPlacement(right=(48,), missing=(32,), extra=(16,))


@pytest.mark.parametrize("continues", ["previous", "nothing"])
@pytest.mark.parametrize(("kind", "frames"), [("dissolve", 2), ("fade", 4), ("fade", 16)])
def test_transitions_are_neither_seams_nor_cuts(tmp_path: Path, continues: str, kind: str, frames: int) -> None:
    into = {"kind": kind, "duration": f"{frames}f"}
    scenes = [scene("a", 2), scene("b", 2, continues=continues, transition=into), scene("c", 2, continues="nothing")]
    film = broken_down(screenplay(scenes))
    vault = Vault(tmp_path)
    cut = film_of(film, vault, {}, {"a/1": 10, "b/1": 140})
    assert list(seams(film, cut, vault)) == []
    assert cut_placement(film, cut, vault) == CutPlacement((32,), (), ())


def test_what_a_transition_covers_whole_has_no_seam(tmp_path: Path) -> None:
    film = broken_down(
        screenplay([scene("a"), scene("b", transition={"kind": "dissolve", "duration": "1s"}), scene("c")])
    )
    vault = Vault(tmp_path)
    cut = film_of(film, vault, {}, {})
    assert [edit.mix is None for edit in cut.edits] == [True, False, True] and list(seams(film, cut, vault)) == []


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
    film = broken_down(screenplay([scene("a", 12), scene("b", 12)], engine={"name": "animatic", "window": 112}))
    vault = Vault(tmp_path)
    cut = film_of(film, vault, {"b/1": 100}, {})
    assert len(list(seams(film, cut, vault))) == 1  # which imports what decodes
    tracemalloc.start()
    list(seams(film, cut, vault))
    cut_placement(film, cut, vault)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * cut.frames * HEIGHT * WIDTH * 3


def test_takes_that_are_not_there_are_said(tmp_path: Path) -> None:
    film = broken_down(screenplay([scene("a"), scene("b")]))
    cut = film_of(film, Vault(tmp_path / "vault"), {}, {})
    with pytest.raises(MissingTakes, match="not in the vault"):
        list(seams(film, cut, Vault(tmp_path / "other")))
    with pytest.raises(MissingTakes, match="not in the vault"):
        next(pictures(cut, Vault(tmp_path / "other")))
