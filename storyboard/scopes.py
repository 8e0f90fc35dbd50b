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


class Look:
    """The figures of one frame, [height, width, 3], whose colours and brightness are taken apart once."""

    def __init__(self, frame: Frames) -> None:
        import numpy as np

        self.planes = np.ascontiguousarray(np.moveaxis(frame, -1, 0))
        red, green, blue = self.planes
        weights = np.float32(299), np.float32(587), np.float32(114)
        self.grey: NDArray[np.float32] = weights[0] * red + weights[1] * green + weights[2] * blue
        """Brightness in thousandths: whole numbers, which stay exact in this type, and so do sums of a few."""

    @property
    def luma(self) -> float:
        import numpy as np

        return float(self.grey.mean(dtype=np.float64)) / 1000

    @property
    def saturation(self) -> float:
        import numpy as np

        red, green, blue = self.planes
        most = np.maximum(np.maximum(red, green), blue)
        least = np.minimum(np.minimum(red, green), blue)
        return float(np.divide(most - least, most.clip(1), dtype=np.float32).mean(dtype=np.float64))

    @property
    def sharpness(self) -> float:
        import numpy as np

        grey = self.grey
        bend = grey[:-2, 1:-1] + grey[2:, 1:-1]
        bend += grey[1:-1, :-2]
        bend += grey[1:-1, 2:]
        bend -= 4 * grey[1:-1, 1:-1]
        return float(bend.var(dtype=np.float64)) / 1e6 if bend.size else 0.0  # no inside under 3x3

    def is_black(self, *, dark: float = 25.5, share: float = 0.98) -> bool:
        """Whether `share` of the pixels are at most `dark` bright, 0..255 (thresholds: ffmpeg's `blackdetect`)."""
        return bool((self.grey <= dark * 1000).mean() >= share)


def luma(frames: Frames) -> Figures:
    """Mean brightness of each frame, 0..255 (ITU-R BT.601): [n]."""
    return _figures(Look(frame).luma for frame in frames)


def saturation(frames: Frames) -> Figures:
    """Mean saturation of each frame, 0..1, black having none (HSV: A. R. Smith, SIGGRAPH 1978): [n]."""
    return _figures(Look(frame).saturation for frame in frames)


def sharpness(frames: Frames) -> Figures:
    """Variance of the Laplacian of each frame's brightness, without border (Pech-Pacheco et al., ICPR 2000): [n]."""
    return _figures(Look(frame).sharpness for frame in frames)


def _figures(values: Iterable[float]) -> Figures:
    import numpy as np

    return np.array([*values], np.float64)


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
    """Runs of black frames (see `Look.is_black`)."""
    return spans_of(Look(frame).is_black(dark=dark, share=share) for frame in frames)


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
    runs = Runs(still)
    for frame in frames:
        runs.add(frame)
    return runs.spans(least)


class Runs:
    """Runs of frames that stand still, found as the frames come."""

    def __init__(self, still: float = _STILL) -> None:
        self.still = still
        self._starts: list[int] = []
        self._first: Frames | None = None
        self._last: Frames | None = None
        self._count = 0

    def add(self, frame: Frames) -> float | None:
        """The next frame; its D from the one before it."""
        change = None if self._last is None else difference(self._last, frame)
        begun = change if self._first is self._last else None  # where that is known already
        if self._first is None or (difference(self._first, frame) if begun is None else begun) > self.still:
            self._first = frame
            self._starts.append(self._count)
        self._last = frame
        self._count += 1
        return change

    def spans(self, least: int = AROUND) -> list[FrameRange]:
        """Those of at least `least` frames."""
        spans = map(FrameRange, self._starts, [*self._starts[1:], self._count])
        return [span for span in spans if len(span) >= least]


class Flaw(Enum):
    """What makes a whole shot unfit to be seen."""

    BLACK = "black"
    FROZEN = "frozen"


def flaw_of(frames: Frames) -> Flaw | None:
    """BLACK where every frame is, FROZEN where all of at least 8 frames stand still (see `frozen_spans`)."""
    if all(Look(frame).is_black() for frame in frames):
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
