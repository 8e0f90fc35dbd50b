"""Measures of footage whose figures are known by construction: squares that move, pictures that stand, fades, noise."""

from __future__ import annotations

import math
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard import scopes
from storyboard.scopes import seam_jerk, seam_ratio
from storyboard.timing import FrameRange
from tests.pictures import HEIGHT, SIDE, STEP, WIDTH, Pictures, flat, noise, square

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


def test_a_flaw_is_of_the_whole_shot() -> None:
    black, frozen = scopes.Flaw.BLACK, scopes.Flaw.FROZEN
    assert scopes.flaw_of(flat([0, 25, 3])) is scopes.flaw_of(flat([0] * 9)) is black
    assert (
        scopes.flaw_of(flat([0, 26, 3])) is scopes.flaw_of(flat([90] * 7)) is scopes.flaw_of(square(range(9))) is None
    )
    assert scopes.flaw_of(flat([90] * 8)) is frozen and scopes.flaw_of(flat([90] * 8 + [91])) is None


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
