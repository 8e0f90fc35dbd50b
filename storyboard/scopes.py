"""Footage -> figures that need no model: seams, flicker, brightness, drift, black and frozen spans, hard cuts.

Frames are uint8 RGB [n, height, width, 3]; differences are in grey levels, 0..255. D(a, b) is the mean absolute
difference of two frames. Measures without a named source are our own. May import what stands above `scopes` in the
layout; numpy is imported inside functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median
from typing import TYPE_CHECKING, Final

from storyboard.cut import Cut, Edit
from storyboard.errors import MissingTakes
from storyboard.footage import resample
from storyboard.shots import Breakdown
from storyboard.timing import FrameRange
from storyboard.vault import Vault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frames = NDArray[np.uint8]
    Figures = NDArray[np.float64]

_AROUND: Final = 8  # frames on each side of a seam, or steps on each side of a cut, that say what is usual there
_STRETCH: Final = 32  # frames of a strip that are held at a time


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
    return _figures(float(((frame.max(2) - frame.min(2)) / frame.max(2).clip(1)).mean()) for frame in frames)


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
    inside = [*steps(before[-_AROUND:]), *steps(after[:_AROUND])]
    return _against([difference(before[-1], after[0])], inside, raised=1 if still else 0)


def seam_jerk(before: Frames, after: Frames) -> float | None:
    """Mean |x[+1] - 2 x[0] + x[-1]| across the seam over its median inside the shots: 1 where motion goes on evenly.

    Two such differences lie across a seam, x[0] being the frame before it or after it: the mean is theirs. 1 too for
    0 over 0. None unless one of the sides has three frames.
    """
    import numpy as np

    def bends(frames: Frames) -> list[float]:
        return [*np.abs(np.diff(frames.astype(np.int16), 2, axis=0)).mean(axis=(1, 2, 3))]

    return _against(
        bends(np.concatenate([before[-2:], after[:2]])), [*bends(before[-_AROUND:]), *bends(after[:_AROUND])]
    )


def _against(across: Sequence[float], inside: Sequence[float], raised: int = 0) -> float | None:
    if not inside:
        return None
    value, usual = fmean(across) + raised, float(median(inside)) + raised
    if usual:
        return value / usual
    return float("inf") if value else 1.0


@dataclass(frozen=True, slots=True)
class Seam:
    """Where shot `after` goes on from shot `before` on screen, at film frame `first`. `still` is the form of the ratio
    for still shots. A figure is None where the shots are too short for it."""

    first: int
    before: str
    after: str
    ratio: float | None
    still: float | None
    jerk: float | None


def seams(breakdown: Breakdown, cut: Cut, vault: Vault) -> Iterator[Seam]:
    """The film's continuity seams, in its order: a shot that continues, or is led into by, the one before it on screen.

    Cuts and transitions are left out. A frame that the film shows several times, its rate being above the engine's,
    counts once. At most 16 frames are held. Raises MissingTakes, DamagedFootage.
    """
    for out, into in pairwise(cut.edits):
        if _goes_on(breakdown, out, into) and not out.mix and not into.mix:
            before = _shown(cut, vault, out.strip.key, list(dict.fromkeys(out.strip.frames))[-_AROUND:])
            after = _shown(cut, vault, into.strip.key, list(dict.fromkeys(into.strip.frames))[:_AROUND])
            ratio, still = seam_ratio(before, after), seam_ratio(before, after, still=True)
            yield Seam(into.first, out.shot, into.shot, ratio, still, seam_jerk(before, after))


def _goes_on(breakdown: Breakdown, out: Edit, into: Edit) -> bool:
    """Whether two edits that touch are different shots, one made to go on into the other."""
    sender, receiver = breakdown.shots[out.shot], breakdown.shots[into.shot]
    led = any(breakdown.shots[ref.shot].scene == receiver.scene for ref in sender.head)
    return led or receiver.continues == sender.id


def black_spans(frames: Iterable[Frames], *, dark: float = 25.5, share: float = 0.98) -> list[FrameRange]:
    """Runs of frames with `share` of the pixels at most `dark` bright, 0..255 (thresholds: ffmpeg's `blackdetect`)."""
    spans: list[FrameRange] = []
    for index, frame in enumerate(frames):
        if (_grey(frame) <= dark).mean() >= share:
            start = spans.pop().start if spans and spans[-1].stop == index else index
            spans.append(FrameRange(start, index + 1))
    return spans


def frozen_spans(frames: Iterable[Frames], *, still: float = 0.255, least: int = 8) -> list[FrameRange]:
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


def hard_cuts(changes: Figures, *, times: float = 4, least: float = 8) -> list[int]:
    """The frames, counted from 0, that begin a new picture, from the `steps` [n - 1] of n frames.

    There D is at least `least`, 0..255, and `times` the median of the 8 steps on each side, both raised by 1 (adaptive
    thresholds: Yusoff et al., BMVC 2000). Steps of 0 are no part of it: a film may show a frame of its engine's twice.
    """
    import numpy as np

    def stands_out(index: int) -> bool:
        near = np.delete(changes, index)[max(0, index - _AROUND) : index + _AROUND]
        usual = float(np.median(near[near > 0])) if near.any() else 0.0
        return bool(changes[index] + 1 >= times * (usual + 1))

    return [index + 1 for index in np.flatnonzero(changes >= least).tolist() if stands_out(index)]


@dataclass(frozen=True, slots=True)
class CutPlacement:
    """The screenplay's hard cuts against those seen, as film frames: seen as said, said but not seen, seen unsaid."""

    right: tuple[int, ...]
    missing: tuple[int, ...]
    extra: tuple[int, ...]


def cut_placement(breakdown: Breakdown, cut: Cut, vault: Vault) -> CutPlacement:
    """Whether the film cuts where the screenplay says so and nowhere else, such as at a seam or inside a shot;
    transitions are passed over. Raises MissingTakes, DamagedFootage."""
    touching = [(out, into) for out, into in pairwise(cut.edits) if out.shot != into.shot and not into.mix]
    said = {into.first for out, into in touching if not _goes_on(breakdown, out, into)}
    mixed = {edit.first + frame for edit in cut.edits if edit.mix for frame in range(len(edit) + 1)}
    seen = set(hard_cuts(steps(pictures(cut, vault))))
    right, missing, extra = (tuple(sorted(those)) for those in (said & seen, said - seen, seen - said - mixed))
    return CutPlacement(right, missing, extra)


def pictures(cut: Cut, vault: Vault) -> Iterator[Frames]:
    """What the film shows before encoding: [height, width, 3] for each frame. Raises MissingTakes, DamagedFootage."""
    import numpy as np

    for edit in cut.edits:
        under = edit.mix.under if edit.mix else None
        for start in range(0, len(edit), _STRETCH):
            stretch = slice(start, start + _STRETCH)
            over = _shown(cut, vault, edit.strip.key, edit.strip.frames[stretch])
            if edit.mix is None:
                yield from over
                continue
            below = _shown(cut, vault, under.key, under.frames[stretch]) if under else np.zeros_like(over)
            for place, (low, high) in enumerate(zip(below, over, strict=True), start):
                low_weight, high_weight = map(float, edit.mix.weights(place))
                yield np.rint(low_weight * low + high_weight * high).astype(np.uint8)


def _shown(cut: Cut, vault: Vault, key: str, frames: Sequence[int]) -> Frames:
    """Frames of a take as the film shows them: [n, height, width, 3]. Raises MissingTakes, DamagedFootage."""
    take = vault.find(key)
    if take is None:
        raise MissingTakes("the film shows a take that is not in the vault", "render the film first")
    return resample(vault.frames(take, frames), cut.width, cut.height, cut.fit)
