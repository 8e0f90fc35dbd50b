"""Rates, durations and frames: exact, and in the author's words when they are wrong."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.timing import MOST_SECONDS, Duration, FrameRange, Rate, engine_frames, round_half_up, shown_frame

RATES = [Rate.parse(text) for text in ("8", "15", "16", "24", "25", "24000/1001", "30000/1001", "240")]
rates = st.sampled_from(RATES)


@given(st.fractions())
def test_round_half_up_is_the_nearest_and_halves_go_up(value: Fraction) -> None:
    whole = round_half_up(value)
    assert whole - Fraction(1, 2) <= value < whole + Fraction(1, 2)


@pytest.mark.parametrize(
    ("text", "rate"),
    [(24, Fraction(24)), (24.0, Fraction(24)), ("24", Fraction(24)), (" 24000/1001 ", Fraction(24000, 1001))],
)
def test_rates_are_read(text: object, rate: Fraction) -> None:
    assert Rate.parse(text) == Rate(rate)


@pytest.mark.parametrize(
    "text", [0, -8, 241, True, None, [], 23.976, "23.976", "24/0", "24 fps", "", "1/" + "9" * 5000, "٢٤"]
)
def test_rates_that_are_none_say_what_to_write(text: object) -> None:
    with pytest.raises(ValueError, match=r"fraction such as|outside 1 to 240"):
        Rate.parse(text)


@given(rates)
def test_a_rate_is_read_back_from_its_text(rate: Rate) -> None:
    assert Rate.parse(str(rate)) == rate


@pytest.mark.parametrize(
    ("text", "amount", "in_frames"),
    [
        (4, 4, False),
        (4.5, Fraction(9, 2), False),
        (0.1, Fraction(1, 10), False),
        ("4s", 4, False),
        (" 4.25 ", Fraction(17, 4), False),
        ("00:01:30", 90, False),
        ("1:30", 90, False),
        ("01:02:03.5", Fraction(7447, 2), False),
        ("96f", 96, True),
        ("0f", 0, True),
        (MOST_SECONDS, MOST_SECONDS, False),
    ],
)
def test_durations_are_read_exactly(text: object, amount: Fraction | int, in_frames: bool) -> None:
    assert Duration.parse(text) == Duration(Fraction(amount), in_frames)


@pytest.mark.parametrize(
    "text",
    [-1, "-4s", "4 s", "4m", "", "s", "1:60", "61:30", "1:2:3:4", MOST_SECONDS + 1, "99999999f", "999999999f", True,
     None, [], 1e-7, 1e30, float("inf"), float("nan"), "9" * 5000, "1." + "1" * 5000, "٤s", "1e3"],
)  # fmt: skip
def test_durations_that_are_none_say_what_to_write(text: object) -> None:
    with pytest.raises(ValueError, match=r"write|such as|up to 59|longer than a day|count from 0"):
        Duration.parse(text)


@given(st.decimals(0, MOST_SECONDS, places=6) | st.integers(0, MOST_SECONDS), st.booleans())
def test_a_duration_is_read_back_from_its_text_without_loss(amount: object, in_frames: bool) -> None:
    duration = Duration.parse(f"{int(amount)}f" if in_frames else f"{amount}s")  # type: ignore[call-overload]
    assert Duration.parse(str(duration)) == duration == Duration.parse(duration)


@given(rates, st.integers(0, 10**6))
def test_frames_and_seconds_are_inverse(rate: Rate, frames: int) -> None:
    assert rate.frames(rate.seconds(frames)) == frames
    assert Duration.parse(f"{frames}f").frames(rate) == frames
    assert Duration.parse(f"{frames}f").seconds(rate) == rate.seconds(frames)


def test_half_a_frame_goes_up() -> None:
    assert [Duration.parse(text).frames(Rate.parse(8)) for text in ("0.0624", "0.0625", "0.1875", "0.3125")] == [
        0,
        1,
        2,
        3,
    ]


@given(st.integers(0, 50), st.integers(0, 50), st.integers(-5, 60))
def test_a_range_is_half_open(start: int, length: int, frame: int) -> None:
    span = FrameRange(start, start + length)
    assert len(span) == length
    assert (frame in span) == (frame in range(start, start + length))


@given(st.integers(0, 10_000), rates, rates)
def test_the_shown_frame_is_the_one_on_screen_in_the_middle_of_the_film_frame(n: int, engine: Rate, film: Rate) -> None:
    middle = (n + Fraction(1, 2)) / film.fraction
    assert shown_frame(n, engine, film) == math.floor(middle * engine.fraction)
    assert engine_frames(n + 1, engine, film) == shown_frame(n, engine, film) + 1
    assert shown_frame(n, film, film) == n
