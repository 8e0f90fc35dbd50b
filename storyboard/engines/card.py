"""Title cards and end credits: an engine to the crew, which draws letters on a plain ground.

The screenplay's words are `card: {text: ..., credits: ..., color: ..., ink: ...}`. Of a text one frame is shot, and the
cut holds it. Credits roll, in pieces of one window, each of which knows where in the roll it is.

May import engines.base and what stands above it. numpy and Pillow are imported when a card is really drawn.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from pydantic import Field

from storyboard.engines.base import Assignment, Capabilities, EngineOptions, EngineSpec, FrameRule, Progress
from storyboard.engines.roll import Roll
from storyboard.footage import Footage
from storyboard.lettering import letter
from storyboard.timing import Rate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_COLOR: Final = "^#[0-9a-fA-F]{6}$"
_MOST_FRAMES: Final = 120
_MOST_BYTES: Final = 1 << 28
"""Of the frames of one piece of a roll, so that memory is bounded."""


class CardOptions(EngineOptions):
    """What a card says, and its two colours."""

    text: str = Field("", description="What it says; line breaks are kept")
    color: str = Field("#101020", pattern=_COLOR, description="Of the ground, as `#rrggbb`")
    ink: str = Field("#f0f0f0", pattern=_COLOR, description="Of the letters, as `#rrggbb`")
    credits: tuple[tuple[str, ...], ...] = Field((), description="Lines that roll up instead, some with names beside")
    first: int = Field(0, ge=0, description="Which frame of the roll the first one is")
    of: int = Field(1, ge=1, description="How many frames the roll lasts")


def capabilities(options: EngineOptions) -> Capabilities:
    """Any size and rate. One frame at a time, of credits more; a card continues nothing and leads into nothing."""
    rolls = isinstance(options, CardOptions) and bool(options.credits)
    return Capabilities(
        version=2,
        frames=FrameRule(1, 0, 1, _MOST_FRAMES if rolls else 1),
        native_rate=None,
        default_size=(384, 216),
        default_rate=Rate(Fraction(24)),
    )


def piece_of(width: int, height: int) -> int:
    """How many frames of a roll are shot at a time."""
    return max(1, min(_MOST_FRAMES, _MOST_BYTES // (width * height * 3)))


class Card:
    """Draws cards; holds nothing between them."""

    def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
        """A text at the assignment's size, as often as it asks: letters centred, as large as suits them. Of credits,
        so many frames of their roll."""
        import numpy as np

        a, options = assignment, assignment.options
        assert isinstance(options, CardOptions), options
        progress(0, 1)
        frames = np.empty((a.frames, a.height, a.width, 3), np.uint8)
        if options.credits:
            covers = Roll(options.credits, a.width, a.height).cover(options.first, a.frames, options.of)
            for frame, cover in zip(frames, covers, strict=True):
                frame[:] = _inked(options, cover)
        else:
            frames[:] = _inked(options, _centred(options.text, a.width, a.height))
        progress(1, 1)
        return Footage(frames, a.rate)

    def close(self) -> None:
        """Nothing is held."""


def _centred(text: str, width: int, height: int) -> NDArray[np.uint8]:
    """How much each pixel of a card is covered by its text: [height, width]."""
    import numpy as np

    box_width, box_height = max(1, width * 5 // 6), max(1, height * 3 // 4)
    left, top = (width - box_width) // 2, (height - box_height) // 2
    cover = np.zeros((height, width), np.uint8)
    mask = letter(text, box_width, box_height, max(1, min(height // 7, width // 10)), centred=True)
    cover[top : top + box_height, left : left + box_width] = mask
    return cover


def _inked(options: CardOptions, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Letters on the ground: [height, width] of coverage -> uint8 RGB [height, width, 3]."""
    import numpy as np

    ground = np.array(list(bytes.fromhex(options.color[1:])), np.uint32)
    ink = np.array(list(bytes.fromhex(options.ink[1:])), np.uint32)
    levels = np.arange(256, dtype=np.uint32)[:, None]
    inks = ((ground * (255 - levels) + ink * levels + 127) // 255).astype(np.uint8)
    picture: NDArray[np.uint8] = inks[mask]
    return picture


SPEC: Final = EngineSpec(
    name="card",
    summary="draws title cards and end credits",
    options=CardOptions,
    capabilities=capabilities,
    missing=lambda: None,
    weights=lambda options: None,
    open=lambda options: Card(),
)
