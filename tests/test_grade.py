"""An engine's shift of colour, measured on the tail that it gave back, is undone in what follows, and is in the key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from storyboard.crew import Delivered, Lost, shoot
from storyboard.engines import spec_of
from storyboard.engines.base import Assignment, Engine, EngineOptions, Progress
from storyboard.engines.choice import EngineUse, use_engine
from storyboard.errors import ScreenplayError
from storyboard.footage import Footage
from storyboard.grade import GAIN, graded, shift
from storyboard.slate import own_fields, slate_of
from storyboard.timing import Rate
from storyboard.vault import Vault
from tests import films

Frames = NDArray[np.uint8]
RATE = Rate.parse(8)


def coloured(count: int, seed: int = 0) -> Frames:
    noise = np.random.default_rng(seed)
    middle = noise.integers(90, 150, (1, 1, 1, 3))
    return np.clip(middle + noise.normal(0, 20, (count, 24, 32, 3)), 0, 255).astype(np.uint8)


def bent(frames: Frames) -> Frames:
    """As an engine may give them back: less red, more blue, less contrast."""
    exact = (frames.astype(np.float64) - 128) * [0.9, 0.95, 1.0] + 128 + [-6, 0, 9]
    return np.clip(np.rint(exact), 0, 255).astype(np.uint8)


def colour(frames: Frames) -> NDArray[np.float64]:
    return np.concatenate([frames.mean(axis=(0, 1, 2)), frames.std(axis=(0, 1, 2))])


def test_the_shift_is_gain_and_offset_of_each_channel() -> None:
    tail = coloured(5)
    gain, offset = shift(tail, bent(tail))
    assert np.allclose(gain, [1 / 0.9, 1 / 0.95, 1], atol=0.01)
    assert np.allclose(colour(graded(bent(tail), tail, 1)), colour(tail), atol=0.1)
    assert (shift(tail, tail)[0] == 1).all() and (shift(tail, tail)[1] == 0).all()
    assert np.allclose(offset, tail.mean(axis=(0, 1, 2)) - gain * bent(tail).mean(axis=(0, 1, 2)))


def test_it_is_undone_at_the_tail_and_fades_out_behind_it() -> None:
    tail = coloured(4)
    frames = np.concatenate([bent(tail), bent(np.repeat(tail[:1], 8, axis=0))])
    made = graded(frames, tail, 4)
    away = [np.abs(colour(made[place : place + 1]) - colour(tail[:1])).sum() for place in range(4, 12)]
    assert away[0] < 1 and away[:5] == sorted(away[:5])
    assert (made[8:] == frames[8:]).all() and (made[7] != frames[7]).any()
    whole = graded(frames, tail, True)
    assert (whole == graded(frames, tail, 8)).all() and (whole[11] != frames[11]).any()
    assert (graded(frames, tail, 1000)[4:] != frames[4:]).any(axis=(1, 2, 3)).all(), "longer than the shot"


def test_what_is_given_back_as_it_was_is_left_as_it_is() -> None:
    tail = coloured(4)
    frames = np.concatenate([tail, coloured(6, 1)])
    assert (graded(frames, tail, True) == frames).all()
    assert (graded(tail, tail, True) == tail).all(), "a shot without new frames"


def test_a_tail_without_contrast_says_nothing_of_a_gain() -> None:
    flat, grey = np.full((3, 8, 8, 3), 100, np.uint8), np.full((3, 8, 8, 3), 90, np.uint8)
    gain, offset = shift(flat, grey)
    assert gain.tolist() == [1, 1, 1] and offset.tolist() == [10, 10, 10]
    assert (shift(coloured(3), grey)[0] <= GAIN[1]).all() and (shift(grey, coloured(3))[0] >= GAIN[0]).all()


# On a set


class Bent:
    """An engine that gives its tail back bent, and goes on so."""

    def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
        assert assignment.tail is not None
        last = np.repeat(assignment.tail[-1:], assignment.frames - len(assignment.tail), axis=0)
        return Footage(bent(np.concatenate([assignment.tail, last])), assignment.rate)

    def close(self) -> None:
        """Nothing is held."""


def asked(options: EngineOptions) -> tuple[Assignment, EngineUse]:
    use = use_engine(spec_of("animatic"), options, (), (32, 24), RATE)
    return Assignment("a/2", "A bear.", "", 7, 32, 24, RATE, 12, options, tail=coloured(4)), use


def shot_by(engine: Engine, options: EngineOptions) -> Frames:
    assignment, use = asked(options)
    (word,) = shoot(lambda use: engine, use, (assignment,), lambda step, steps: None)
    assert isinstance(word, Delivered), word
    return word.footage.frames


def test_whoever_shoots_grades_where_the_options_say_so() -> None:
    plain = shot_by(Bent(), EngineOptions())
    assert (plain == shot_by(Bent(), EngineOptions(grade=False))).all()
    tail = coloured(4)
    assert (shot_by(Bent(), EngineOptions(grade=True)) == graded(plain, tail, True)).all()
    assert (shot_by(Bent(), EngineOptions(grade=3)) == graded(plain, tail, 3)).all()
    assert (shot_by(Bent(), EngineOptions(grade=3)) != plain).any()


def test_footage_that_is_not_what_was_asked_for_is_not_graded() -> None:
    class Short(Bent):
        def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
            made = super().shoot(assignment, progress)
            return replace(made, frames=made.frames[:2].copy())

    assignment, use = asked(EngineOptions(grade=True))
    (word,) = shoot(lambda use: Short(), use, (assignment,), lambda step, steps: None)
    assert isinstance(word, Lost) and "asks for 12 frames" in word.error.message


def test_it_is_in_the_key_of_what_continues_and_nowhere_else(tmp_path: Path) -> None:
    def slates(**said: object) -> list[dict[str, object]]:
        film = films.screenplay([films.scene("a"), films.scene("b")], engine={"name": "animatic", **said})
        breakdown = films.broken_down(film)
        takes = films.shoot(breakdown, Vault(tmp_path / "vault")).takes
        return [dict(slate_of(shot, takes).plain()) for shot in breakdown.shots.values()]

    plain, off, whole, three = slates(), slates(grade=False), slates(grade=True), slates(grade=3)
    assert plain == off and all("grade" not in slate for slate in plain)
    assert "grade" not in whole[0] and plain[0] == whole[0], "nothing is given to the first shot to give back"
    assert str(whole[1]["grade"]).startswith("over all of its new frames: mean and spread")
    assert str(three[1]["grade"]).startswith("over 3 of its new frames: ")
    assert plain[1]["options"] == whole[1]["options"]


def test_it_is_a_shot_s_own_field() -> None:
    film = films.screenplay([films.scene("a"), films.scene("b")], engine={"name": "animatic", "grade": 3})
    first, second = films.broken_down(film).shots.values()
    assert "grade" not in own_fields(first) and "over 3" in str(own_fields(second)["grade"])


@pytest.mark.parametrize("said", [0, -1, "yes", 1.5])
def test_what_is_no_grade_is_a_fault(said: object) -> None:
    with pytest.raises(ScreenplayError, match="grade"):
        films.broken_down(films.screenplay([films.scene("a")], engine={"name": "animatic", "grade": said}))


def test_an_engine_that_gives_no_tail_back_cannot_be_graded() -> None:
    film = films.screenplay([films.scene("a", continues="nothing")], engine={"name": "alone", "grade": True})
    with pytest.raises(ScreenplayError) as caught:
        films.broken_down(film)
    assert "`alone` gives no tail back, by which it could be graded" in str(caught.value)
    assert "hint: leave `grade` out" in str(caught.value)
    off = films.screenplay([films.scene("a")], engine={"name": "alone", "grade": False})
    assert films.broken_down(off).notices == ()
