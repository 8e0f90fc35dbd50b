"""End credits roll evenly from edge to edge, can be read at any size, and say what shot the film."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from storyboard.breakdown import break_down
from storyboard.cut import assemble
from storyboard.engines import Assignment, spec_of
from storyboard.engines.card import piece_of
from storyboard.engines.roll import Roll
from storyboard.scene import Card
from storyboard.screenplay import Screenplay, loads
from storyboard.shots import Breakdown
from storyboard.timing import Rate
from storyboard.vault import Vault
from tests.films import broken_down, scene, screenplay, shoot

SPEC = spec_of("card", internal=True)
ROWS = (("The Film",), ("",), ("Story", "Ann Ωmega"), ("Cast", "Ben", "Чарли"), ("Nobody was harmed",))


def roll(width: int, height: int, first: int, frames: int, of: int, color: str = "#000000") -> NDArray[np.uint8]:
    options = SPEC.options.model_validate({"credits": ROWS, "first": first, "of": of, "color": color, "ink": "#ffffff"})
    assignment = Assignment("c", "", "", 0, width, height, Rate.parse(24), frames, options)
    return SPEC.open(options).shoot(assignment, lambda done, of: None).frames


def rolled(**card: object) -> Breakdown:
    return broken_down(screenplay([scene("a"), scene("end", 20, card={"credits": "auto", **card})], title="The Film"))


@pytest.mark.parametrize("size", [(128, 128), (384, 216), (218, 512)])
def test_each_frame_is_the_one_before_moved_up_by_whole_pixels(size: tuple[int, int]) -> None:
    frames, of = roll(*size, 0, 48, 48), 48
    laid = Roll(ROWS, *size)
    offsets = [laid.offset(frame, of) for frame in range(of)]
    steps = [after - before for before, after in pairwise(offsets)]
    assert max(steps) - min(steps) <= 1 and min(steps) >= 1, "evenly"
    for step, before, after in zip(steps, frames, frames[1:], strict=False):
        assert (after[:-step] == before[step:]).all()


@pytest.mark.parametrize("size", [(128, 128), (384, 216), (218, 512)])
def test_it_comes_in_at_the_bottom_and_has_gone_at_the_top(size: tuple[int, int]) -> None:
    frames, height = roll(*size, 0, 96, 96), size[1]
    assert not frames[0][: height * 3 // 4].any() and not frames[-1][height // 4 :].any()
    assert all(frame.any() for frame in frames[10:-10]), "something can be read all the while"
    columns = np.flatnonzero(frames.any(axis=(0, 1, 3)))
    assert columns[0] > 0 and columns[-1] < size[0] - 1, "nothing is cut off"


def test_letters_can_be_read_at_128_and_at_4k() -> None:
    for size, least in (((128, 128), 9), ((3840, 2160), 80)):
        assert Roll(ROWS, *size).size >= least
    picture = roll(3840, 2160, 20, 1, 48)
    assert picture.shape == (1, 2160, 3840, 3) and picture.max() == 255


def test_roles_stand_aside_where_there_is_room_and_above_where_there_is_none() -> None:
    wide, narrow = Roll(ROWS, 640, 360), Roll(ROWS, 128, 360)
    tops = [{line.text: line.top for line in each.lines} for each in (wide, narrow)]
    assert tops[0]["Cast"] == tops[0]["Ben"] < tops[0]["Чарли"]
    assert tops[1]["Cast"] < tops[1]["Ben"] < tops[1]["Чарли"]


def test_a_roll_in_pieces_is_the_roll_in_one() -> None:
    whole = roll(96, 54, 0, 60, 60)
    parts = [roll(96, 54, first, 20, 60) for first in (0, 20, 40)]
    assert (np.concatenate(parts) == whole).all()
    assert piece_of(3840, 2160) * 3840 * 2160 * 3 <= 1 << 28 and piece_of(128, 128) == 120


def test_the_film_shows_every_frame_of_the_roll_once(tmp_path: Path) -> None:
    film = rolled()
    names = film.scene("end").shots
    assert [film.shots[name].frames for name in names] == [120, 40]
    vault = Vault(tmp_path)
    takes = shoot(film, vault).takes
    shown = [(edit.shot, frame) for edit in assemble(film, vault, takes=takes).edits for frame in edit.strip.frames]
    assert shown[8:] == [(names[0], frame) for frame in range(120)] + [(names[1], frame) for frame in range(40)]


def test_auto_names_the_title_the_engines_and_the_licences_of_their_weights() -> None:
    film = screenplay(
        [
            scene("a"),
            scene("b", engine="pocket", continues="nothing"),
            scene("end", 9, card={"credits": ["auto", "x"]}),
        ],
        title="The  Film",
        format={"width": 128, "height": 128, "rate": 8},
    )
    options = broken_down(film).shots["end/1"].engine.options.model_dump()
    assert options["credits"] == (
        ("The Film",),
        ("",),
        ("Pictures", "animatic"),
        ("Pictures", "pocket", "Apache-2.0"),
        ("Made with", "storyboard"),
        ("x",),
    )


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        ("auto", [("auto",)]),
        ("One\nTwo", [("One",), ("Two",)]),
        (["One", {"Cast": ["Ann", "Ben"]}, "", 2024], [("One",), ("Cast", "Ann", "Ben"), ("",), ("2024",)]),
        ({"Story": "Ann", "Year": 2024}, [("Story", "Ann"), ("Year", "2024")]),
    ],
)
def test_credits_are_written_as_people_write_them_and_spelled_back(written: object, lines: object) -> None:
    card = Card.model_validate({"credits": written})
    assert list(card.credits or ()) == lines
    assert Card.model_validate(card.model_dump(mode="json")) == card


def test_what_a_film_s_credits_say_is_read_again_from_its_canonical_form() -> None:
    play = loads("title: F\nscenes: [{id: end, duration: 9s, card: {credits: [auto, {Cast: [A, B]}]}}]")
    again = Screenplay.model_validate(play.canonical())
    assert again.canonical() == play.canonical() and break_down(play).shots.keys() == {"end/1"}


def test_credits_that_nobody_can_read_in_time_are_told_with_a_remedy() -> None:
    def notices(seconds: int) -> list[str]:
        card = {"credits": [f"line {number}" for number in range(60)]}
        return [each.message for each in broken_down(screenplay([scene("end", seconds, card=card)])).notices]

    assert any("roll too fast" in message for message in notices(4))
    assert not any("roll too fast" in message for message in notices(60))
