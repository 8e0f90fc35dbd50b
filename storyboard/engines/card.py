"""Title cards: an engine to the crew, which draws one line or many in the middle of a plain ground.

The screenplay's words are `card: {text: ..., color: ..., ink: ...}`. One frame is shot; the cut holds it.

May import engines.base and what stands above it. numpy and Pillow are imported when a card is really drawn.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from pydantic import Field

from storyboard.engines.base import Assignment, Capabilities, EngineOptions, EngineSpec, FrameRule, Progress
from storyboard.footage import Footage
from storyboard.lettering import letter
from storyboard.timing import Rate

_COLOR: Final = "^#[0-9a-fA-F]{6}$"


class CardOptions(EngineOptions):
    """What a card says, and its two colours."""

    text: str = Field(description="What it says; line breaks are kept")
    color: str = Field("#101020", pattern=_COLOR, description="Of the ground, as `#rrggbb`")
    ink: str = Field("#f0f0f0", pattern=_COLOR, description="Of the letters, as `#rrggbb`")


def capabilities(options: EngineOptions) -> Capabilities:
    """Any size and rate. One frame at a time; a card continues nothing and leads into nothing."""
    return Capabilities(
        version=1,
        frames=FrameRule(1, 0, 1, 1),
        native_rate=None,
        default_size=(384, 216),
        default_rate=Rate(Fraction(24)),
    )


class Card:
    """Draws cards; holds nothing between them."""

    def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
        """The card at the assignment's size, as often as it asks: letters centred, as large as suits them."""
        import numpy as np

        options, width, height = assignment.options, assignment.width, assignment.height
        assert isinstance(options, CardOptions), options
        progress(0, 1)
        box_width, box_height = max(1, width * 5 // 6), max(1, height * 3 // 4)
        left, top = (width - box_width) // 2, (height - box_height) // 2
        cover = np.zeros((height, width, 1), np.uint32)
        mask = letter(options.text, box_width, box_height, max(1, min(height // 7, width // 10)), centred=True)
        cover[top : top + box_height, left : left + box_width, 0] = mask
        ground = np.array(list(bytes.fromhex(options.color[1:])), np.uint32)
        ink = np.array(list(bytes.fromhex(options.ink[1:])), np.uint32)
        picture = ((ground * (255 - cover) + ink * cover + 127) // 255).astype(np.uint8)
        progress(1, 1)
        return Footage(np.repeat(picture[None], assignment.frames, axis=0), assignment.rate)

    def close(self) -> None:
        """Nothing is held."""


SPEC: Final = EngineSpec(
    name="card",
    summary="draws title cards",
    options=CardOptions,
    capabilities=capabilities,
    missing=lambda: None,
    weights=lambda options: None,
    open=lambda options: Card(),
)
