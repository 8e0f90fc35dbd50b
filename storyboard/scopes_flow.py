"""Frames on both sides of a seam -> how much of the jump no motion explains, by a dense optical flow.

A seam at which the picture only moves too far has a high `scopes.seam_ratio` and a figure near 1 here; one at which it
becomes another picture, of other colours or other things, is high in both. Needs OpenCV, which comes with
`storyboard[scopes]`; without it there is no such figure. May import what stands above `scopes_flow` in the layout;
OpenCV and numpy are imported inside functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from storyboard.scopes import AROUND, against

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frames = NDArray[np.uint8]

_WIDEST: Final = 192  # pixels: larger pictures are made smaller first
_LEAST: Final = 32  # pixels of a side, below which a flow is guesswork


def has_flow() -> bool:
    """Whether OpenCV is there."""
    return find_spec("cv2") is not None


def motion_seam(before: Frames, after: Frames) -> float | None:
    """(W + 1) / (median + 1): W is D of the frame before a seam and the one after it, moved back by their optical flow;
    the median is of the same inside the last 8 frames before the seam and the first 8 after it.

    1 is invisible. Frames are uint8 RGB [n, height, width, 3]; of those wider than 192 pixels, smaller ones. None where
    each side is a single frame, or a side of the picture is below 32 pixels. Raises ImportError without OpenCV.

    Flow: dense inverse search (Kroeger et al., ECCV 2016). Warp error as a measure: Lai et al., ECCV 2018.
    """
    small_before, small_after = _smaller(before[-AROUND:]), _smaller(after[:AROUND])
    if min(before.shape[1:3]) < _LEAST:
        return None
    inside = [warp_error(a, b) for side in (small_before, small_after) for a, b in pairwise(side)]
    return against([warp_error(small_before[-1], small_after[0])], inside, raised=1)


def warp_error(a: Frames, b: Frames) -> float:
    """D of `a` and of `b` moved back onto it by the flow from `a` to `b`, 0..255; both [height, width, 3]."""
    import cv2
    import numpy as np

    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (a, b)]
    moved = flow.calc(grey[0], grey[1], np.zeros((*grey[0].shape, 2), np.float32))
    down, across = np.indices(grey[0].shape, np.float32)
    back = cv2.remap(b, across + moved[..., 0], down + moved[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return float(np.abs(back.astype(np.int16) - a).mean())


def _smaller(frames: Frames) -> Sequence[Frames]:
    import cv2
    import numpy as np

    height, width = frames.shape[1:3]
    if width <= _WIDEST:
        return [np.ascontiguousarray(frame) for frame in frames]
    size = (_WIDEST, max(1, round(height * _WIDEST / width)))
    return [cv2.resize(frame, size, interpolation=cv2.INTER_AREA).astype(np.uint8) for frame in frames]
