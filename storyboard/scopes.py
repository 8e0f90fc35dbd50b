"""Frames -> figures that need no model: seams, flicker, brightness, drift, black and frozen spans, hard cuts.

Frames are uint8 RGB [n, height, width, 3]; differences are in grey levels, 0..255. D(a, b) is the mean absolute
difference of two frames. Measures without a named source are our own. May import what stands above `scopes` in the
layout; numpy is imported inside functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import pairwise
from statistics import fmean, median
from typing import TYPE_CHECKING, Final

from storyboard.timing import FrameRange

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frames = NDArray[np.uint8]
    Figures = NDArray[np.float64]

AROUND: Final = 8
"""Frames on each side of a seam, or steps on each side of a cut, that say what is usual there."""
_STILL: Final = 0.255  # D up to which a picture stands


def difference(a: Frames, b: Frames) -> float:
    """D: the mean absolute difference of two arrays of the same shape, 0..255."""
    import numpy as np

    return float((np.maximum(a, b) - np.minimum(a, b)).mean())


def steps(frames: Iterable[Frames]) -> Figures:
    """D of each frame and the next: [n - 1]. Two frames are held at a time, where `frames` is an iterator."""
    return _figures(difference(a, b) for a, b in pairwise(frames))


def flicker(frames: Frames) -> float:
    """(255 - mean D) / 255, of still shots: 1 is none. Motion counts too (VBench: Huang et al., CVPR 2024)."""
    return 1 - float(steps(frames).mean()) / 255 if len(frames) > 1 else 1.0


def luma(frames: Frames) -> Figures:
    """Mean brightness of each frame, 0..255 (ITU-R BT.601): [n]."""
    return _figures(float(_grey(frame).mean()) for frame in frames)


def saturation(frames: Frames) -> Figures:
    """Mean saturation of each frame, 0..1, black having none (HSV: A. R. Smith, SIGGRAPH 1978): [n]."""
    import numpy as np

    def mean(frame: Frames) -> float:
        red, green, blue = np.moveaxis(frame, -1, 0)
        most = np.maximum(np.maximum(red, green), blue)
        least = np.minimum(np.minimum(red, green), blue)
        return float(((most - least) / most.clip(1)).mean())

    return _figures(mean(frame) for frame in frames)


def sharpness(frames: Frames) -> Figures:
    """Variance of the Laplacian of each frame's brightness, without border (Pech-Pacheco et al., ICPR 2000): [n]."""

    def variance(frame: Frames) -> float:
        grey = _grey(frame)
        around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
        return float((around - 4 * grey[1:-1, 1:-1]).var()) if around.size else 0.0  # no inside under 3x3

    return _figures(variance(frame) for frame in frames)


def _figures(values: Iterable[float]) -> Figures:
    import numpy as np

    return np.array([*values], np.float64)


def _grey(frame: Frames) -> Figures:
    grey: Figures = (299.0 * frame[..., 0] + 587.0 * frame[..., 1] + 114.0 * frame[..., 2]) / 1000  # grey stays exact
    return grey


def drift(figures: Sequence[float]) -> float:
    """How far the shots of a chain go from its first: the sum over i = 2..N of (N - i + 1) |m_i - m_1| / m_1.

    `figures` are one of each shot, such as `luma(shot).mean()`. It grows with the length of the chain. Video Drift
    Error (BlockVid: Zhang et al., 2025). Raises ValueError where there is no first figure above 0.
    """
    if not len(figures) or figures[0] <= 0:
        raise ValueError("drift is measured against the first shot, whose figure must be above 0")
    count, first = len(figures), figures[0]
    return sum((count - i + 1) * abs(figure - first) / first for i, figure in enumerate(figures[1:], start=2))


def seam_ratio(before: Frames, after: Frames, *, still: bool = False) -> float | None:
    """D across the seam over the median D inside the last 8 frames before it and the first 8 after it.

    1 is invisible; 1 too where nothing moves at all, and infinite where only the seam does. `still` is the form for
    shots that may be still, (D + 1) / (median + 1), which is always finite. None where each side is a single frame.
    """
    return against([difference(before[-1], after[0])], _beside(before, after), raised=1 if still else 0)


def stands(before: Frames, after: Frames) -> bool:
    """Whether so little moves beside a seam, less than one grey level a frame, that its ratio is that for still shots.

    False where each side is a single frame.
    """
    inside = _beside(before, after)
    return bool(inside and median(inside) < 1)


def _beside(before: Frames, after: Frames) -> list[float]:
    return [*steps(before[-AROUND:]), *steps(after[:AROUND])]


def seam_jerk(before: Frames, after: Frames) -> float | None:
    """Mean |x[+1] - 2 x[0] + x[-1]| across the seam over its median inside the shots: 1 where motion goes on evenly.

    Two such differences lie across a seam, x[0] being the frame before it or after it: the mean is theirs. 1 too for
    0 over 0. None unless one of the sides has three frames.
    """
    import numpy as np

    def bends(frames: Frames) -> list[float]:
        return [*np.abs(np.diff(frames.astype(np.int16), 2, axis=0)).mean(axis=(1, 2, 3))]

    return against(bends(np.concatenate([before[-2:], after[:2]])), [*bends(before[-AROUND:]), *bends(after[:AROUND])])


def against(across: Sequence[float], inside: Sequence[float], raised: int = 0) -> float | None:
    """The mean of what lies across a seam over the median of what lies inside, both `raised`; None without the latter.

    1 for 0 over 0, infinite for more over 0.
    """
    if not inside:
        return None
    value, usual = fmean(across) + raised, float(median(inside)) + raised
    if usual:
        return value / usual
    return float("inf") if value else 1.0


def black_spans(frames: Iterable[Frames], *, dark: float = 25.5, share: float = 0.98) -> list[FrameRange]:
    """Runs of black frames."""
    return spans_of(is_black(frame, dark=dark, share=share) for frame in frames)


def is_black(frame: Frames, *, dark: float = 25.5, share: float = 0.98) -> bool:
    """Whether `share` of the pixels are at most `dark` bright, 0..255 (thresholds: ffmpeg's `blackdetect`)."""
    return bool((_grey(frame) <= dark).mean() >= share)


def spans_of(marks: Iterable[bool]) -> list[FrameRange]:
    """Where marks of one frame each are set."""
    spans: list[FrameRange] = []
    for index, mark in enumerate(marks):
        if mark:
            start = spans.pop().start if spans and spans[-1].stop == index else index
            spans.append(FrameRange(start, index + 1))
    return spans


def frozen_spans(frames: Iterable[Frames], *, still: float = _STILL, least: int = AROUND) -> list[FrameRange]:
    """Runs of at least `least` frames whose D from the first of the run is at most `still`, 0..255.

    From the first, so that a slow change is no standstill, as in ffmpeg's `freezedetect`, whose tolerance this is.
    """
    spans: list[FrameRange] = []
    first: Frames | None = None
    for index, frame in enumerate(frames):
        if first is None or difference(first, frame) > still:
            first = frame
            spans.append(FrameRange(index, index))
        spans[-1] = FrameRange(spans[-1].start, index + 1)
    return [span for span in spans if len(span) >= least]


class Flaw(Enum):
    """What makes a whole shot unfit to be seen."""

    BLACK = "black"
    FROZEN = "frozen"


def flaw_of(frames: Frames) -> Flaw | None:
    """BLACK where every frame is, FROZEN where all of at least 8 frames stand still (see `frozen_spans`)."""
    if all(is_black(frame) for frame in frames):
        return Flaw.BLACK
    stands = len(frames) >= AROUND and all(difference(frames[0], frame) <= _STILL for frame in frames)
    return Flaw.FROZEN if stands else None


def hard_cuts(changes: Figures, *, times: float = 4, least: float = 8) -> list[int]:
    """The frames, counted from 0, that begin a new picture, from the `steps` [n - 1] of n frames.

    There D is at least `least`, 0..255, and `times` the median of the 8 steps on each side, both raised by 1 (adaptive
    thresholds: Yusoff et al., BMVC 2000). Steps of 0 are no part of it: a film may show a frame of its engine's twice.
    """
    import numpy as np

    def stands_out(index: int) -> bool:
        near = np.delete(changes, index)[max(0, index - AROUND) : index + AROUND]
        usual = float(np.median(near[near > 0])) if near.any() else 0.0
        return bool(changes[index] + 1 >= times * (usual + 1))

    return [index + 1 for index in np.flatnonzero(changes >= least).tolist() if stands_out(index)]
