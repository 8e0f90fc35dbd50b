"""Time in whole frames: rates as fractions, seconds to frames, half-open ranges of frames.

Turns what authors write (`4s`, `00:01:30`, `96f`, `24000/1001`) into exact numbers. Nothing here is a float.
Imports nothing of storyboard.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Self

_SECONDS = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,20})?)s?")
_FRAMES = re.compile(r"([0-9]{1,9})f")
_CLOCK = re.compile(r"(?:([0-9]{1,9}):)?([0-9]{1,2}):([0-9]{1,2}(?:\.[0-9]{1,20})?)")
_RATE = re.compile(r"([0-9]{1,9})(?:/([0-9]{1,9}))?")
MOST_SECONDS = 24 * 3600
MOST_RATE = 240


def round_half_up(value: Fraction) -> int:
    """The nearest whole number; halves go up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


@dataclass(frozen=True, slots=True, order=True)
class Rate:
    """Frames per second, exact."""

    fraction: Fraction

    @classmethod
    def parse(cls, value: object) -> Self:
        """From `24`, `"24"`, `"24000/1001"` or a float that is whole. Raises ValueError with the remedy."""
        if isinstance(value, bool) or not isinstance(value, int | float | str | Fraction):
            raise ValueError("a rate is a number of frames per second, or a fraction such as `24000/1001`")
        if isinstance(value, float):
            if not value.is_integer():
                raise ValueError(f"`{value}` is not exact; write a fraction such as `24000/1001`")
            value = int(value)
        if isinstance(value, str):
            match = _RATE.fullmatch(value.strip())
            if not match or (match[2] is not None and int(match[2]) == 0):
                raise ValueError(f"`{value}` is no rate; write a whole number or a fraction such as `24000/1001`")
            value = Fraction(int(match[1]), int(match[2] or 1))
        fraction = Fraction(value)
        if not 1 <= fraction <= MOST_RATE:
            raise ValueError(f"`{fraction}` frames per second is outside 1 to {MOST_RATE}")
        return cls(fraction)

    def frames(self, seconds: Fraction) -> int:
        """Whole frames in so many seconds, rounded half up."""
        return round_half_up(seconds * self.fraction)

    def seconds(self, frames: int) -> Fraction:
        return frames / self.fraction

    def __str__(self) -> str:
        return str(self.fraction)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length or a moment as the author wrote it: in seconds, or in frames of the film (`96f`)."""

    amount: Fraction
    in_frames: bool = False

    @classmethod
    def parse(cls, value: object) -> Self:
        """From a number of seconds, `"4s"`, `"4.5"`, `"00:01:30"` or `"96f"`. Raises ValueError with the remedy."""
        if isinstance(value, bool) or not isinstance(value, int | float | str | Duration):
            raise ValueError("a time is a number of seconds, or text such as `4s`, `00:01:30` or `96f`")
        if isinstance(value, Duration):
            return cls(value.amount, value.in_frames)
        text = repr(value) if isinstance(value, float) else str(value).strip()
        if text.startswith("-"):
            raise ValueError(f"`{value}` is negative; times count from 0")
        if match := _FRAMES.fullmatch(text):
            if int(match[1]) > MOST_SECONDS * MOST_RATE:
                raise ValueError(f"`{value}` is longer than a day; split the film")
            return cls(Fraction(int(match[1])), in_frames=True)
        if match := _SECONDS.fullmatch(text):
            seconds = Fraction(match[1])
        elif match := _CLOCK.fullmatch(text):
            if int(match[2]) >= 60 or Fraction(match[3]) >= 60:
                raise ValueError(f"`{value}` is no time; minutes and seconds go up to 59")
            seconds = int(match[1] or 0) * 3600 + int(match[2]) * 60 + Fraction(match[3])
        else:
            raise ValueError(f"`{value}` is no time; write seconds (`4s`), a clock (`00:01:30`) or frames (`96f`)")
        if seconds > MOST_SECONDS:
            raise ValueError(f"`{value}` is longer than a day; split the film")
        return cls(seconds)

    def frames(self, rate: Rate) -> int:
        """Whole frames at that film rate, rounded half up; may be 0."""
        return int(self.amount) if self.in_frames else rate.frames(self.amount)

    def seconds(self, rate: Rate) -> Fraction:
        return rate.seconds(int(self.amount)) if self.in_frames else self.amount

    def __str__(self) -> str:
        """As an author writes it; what was parsed is spelled without loss."""
        if self.in_frames:
            return f"{self.amount}f"
        return f"{Decimal(self.amount.numerator) / self.amount.denominator:f}s"


@dataclass(frozen=True, slots=True)
class FrameRange:
    """Half-open: `start` is in, `stop` is not."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __contains__(self, frame: int) -> bool:
        return self.start <= frame < self.stop


def shown_frame(frame: int, engine_rate: Rate, film_rate: Rate) -> int:
    """The engine frame that film frame `frame` of a scene shows: floor((frame + 1/2) * engine rate / film rate)."""
    e, f = engine_rate.fraction, film_rate.fraction
    return ((2 * frame + 1) * e.numerator * f.denominator) // (2 * e.denominator * f.numerator)


def engine_frames(film_frames: int, engine_rate: Rate, film_rate: Rate) -> int:
    """How many engine frames a scene of so many film frames needs: one more than the last that it shows."""
    return shown_frame(film_frames - 1, engine_rate, film_rate) + 1
