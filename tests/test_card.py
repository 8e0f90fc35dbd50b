"""Title cards say what they were told to, in the middle, at any size."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from storyboard.engines import Assignment, spec_of
from storyboard.timing import Rate

SPEC = spec_of("card", internal=True)


def draw(width: int = 320, height: int = 180, frames: int = 1, **said: str) -> NDArray[np.uint8]:
    options = SPEC.options.model_validate({"text": "Made with storyboard", **said})
    rate = Rate.parse(24)
    engine = SPEC.open(options)
    footage = engine.shoot(Assignment("c", "", "", 0, width, height, rate, frames, options), lambda done, of: None)
    engine.close()
    assert footage.rate == rate and footage.frames.shape == (frames, height, width, 3)
    return footage.frames


def test_letters_are_centred_and_antialiased() -> None:
    picture = draw(color="#102030", ink="#fff0e0")[0]
    assert (picture[0] == (0x10, 0x20, 0x30)).all() and (picture[:, 0] == (0x10, 0x20, 0x30)).all()
    inked = (picture != (0x10, 0x20, 0x30)).any(axis=2)
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    assert abs(rows[0] + rows[-1] - 179) <= 12 and abs(columns[0] + columns[-1] - 319) <= 4
    assert (picture == (0xFF, 0xF0, 0xE0)).all(axis=2).any(), "the ink itself is there"
    assert len(np.unique(picture[..., 0])) > 10, "and soft edges"


def test_every_option_is_in_the_key_and_in_the_pixels() -> None:
    said = {"text": "The end", "color": "#000000", "ink": "#ffffff"}
    assert SPEC.options.model_validate(said).keyed() == said | {"credits": [], "first": 0, "of": 1}
    pictures = [draw(**said), draw(**said | {"text": "An end"}), draw(**said | {"color": "#000001"})]
    pictures += [draw(**said | {"ink": "#fffffe"})]
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert draw(**said).tobytes() == pictures[0].tobytes()


def test_much_text_wraps_and_line_breaks_are_kept() -> None:
    much = draw(text="all of the people who lent a hand " * 12)[0]
    assert (much != much[0, 0]).any(axis=2).any(axis=1).sum() > 90
    inked = (draw(text="one\ntwo\nthree")[0] != (16, 16, 32)).any(axis=2).any(axis=1)
    assert np.count_nonzero(np.diff(inked.astype(int)) == 1) == 3, "three lines with air between them"


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (17, 300), (300, 17), (1920, 1080)])
def test_any_size_can_be_drawn(size: tuple[int, int]) -> None:
    assert draw(*size, frames=2 if size[0] < 100 else 1).dtype == np.uint8


def test_colors_are_checked() -> None:
    with pytest.raises(ValidationError):
        draw(color="blue")


def test_it_can_always_run_and_continues_nothing() -> None:
    can = SPEC.capabilities(SPEC.options.model_validate({"text": "x"}))
    assert SPEC.missing() is None and can.tail is None and can.head is None and can.frames.fits(1)
