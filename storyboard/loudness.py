"""How loud a sound is, by EBU R 128, and the same sound as loud as it shall be.

ffmpeg's filters measure and limit. A gain is all that most sounds need, and changes nothing else. Where peaks would
pass what players bear, they are limited, by as much more as true peaks, those between samples, turn out to be higher.
May import audio. numpy and PyAV inside functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, Final

from storyboard.audio import CHANNELS, RATE

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from numpy.typing import NDArray

_CEILING: Final = 10 ** (-1.5 / 20)
"""For true peaks: coding a sound lifts them a little."""
_SILENT: Final = -70.0
"""What ffmpeg says of what R 128 counts as silence, or is shorter than it can measure."""
_METER: Final = "ebur128=metadata=1:peak=true"
_NEAR: Final = 0.1
_SLACK: Final = 1.01
"""By how much a peak may pass the ceiling: it is told to three digits."""
_MOST_TRIES: Final = 6
_LIMITER: Final = "alimiter=limit={limit:.6f}:attack=5:release=50:level=0:latency=1"
RECIPE: Final = f"R 128 by ebur128; a gain; where true peaks pass {_CEILING:.4f}, {_LIMITER}, {_MOST_TRIES} tries"
"""How a sound is brought to a loudness, in words."""

Blocks = Callable[[], Iterable["NDArray[np.float32]"]]
"""Gives a sound from its start, float32 [samples, 2] a block at a time; called once for each pass over it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """`integrated` in LUFS, None for silence; `peak` is the highest true peak, 1 being full scale."""

    integrated: float | None
    peak: float


def measure(blocks: Iterable[NDArray[np.float32]]) -> Measured:
    """The loudness of a sound as a whole."""
    import numpy as np

    integrated, peak = _SILENT, 0.0
    # It speaks every 100 ms: so much silence behind the end makes it say all of what is before.
    for frame in _filtered(chain(blocks, [np.zeros((RATE // 10, CHANNELS), np.float32)]), _METER):
        if said := frame.metadata:
            integrated, peak = float(said["lavfi.r128.I"]), max(peak, float(said["lavfi.r128.true_peak"]))
    return Measured(integrated if integrated > _SILENT else None, peak)


def levelled(blocks: Blocks, loudness: float | None) -> Iterator[NDArray[np.float32]]:
    """A sound, brought to a loudness in LUFS; with None only what would clip is limited. Silence stays as it is.

    A sound whose peaks stand out too far cannot be so loud, and comes out as loud as limiting makes it.
    """
    heard = measure(blocks())
    gain = 0.0 if loudness is None or heard.integrated is None else loudness - heard.integrated
    if heard.peak * _factor(gain) <= (1.0 if loudness is None else _CEILING):
        return _amplified(blocks(), gain)
    limit = _CEILING
    for _ in range(_MOST_TRIES):
        now = measure(_limited(blocks(), gain, limit))
        short = 0.0 if loudness is None or now.integrated is None else loudness - now.integrated
        if abs(short) < _NEAR and now.peak <= _CEILING * _SLACK:
            break
        gain += short
        limit *= min(1.0, _CEILING / now.peak)
    return _limited(blocks(), gain, limit)


def _factor(gain: float) -> float:
    return float(10 ** (gain / 20))


def _amplified(blocks: Iterable[NDArray[np.float32]], gain: float) -> Iterator[NDArray[np.float32]]:
    import numpy as np

    factor = np.float32(_factor(gain))
    return (block * factor for block in blocks)


def _limited(blocks: Iterable[NDArray[np.float32]], gain: float, limit: float) -> Iterator[NDArray[np.float32]]:
    import numpy as np

    for frame in _filtered(_amplified(blocks, gain), _LIMITER.format(limit=limit)):
        yield frame.to_ndarray().reshape(-1, CHANNELS).astype(np.float32, copy=False)


def _filtered(blocks: Iterable[NDArray[np.float32]], filtering: str) -> Iterator[AudioFrame]:
    """What comes out of one of ffmpeg's filters, float32."""
    import av
    from av.audio.frame import AudioFrame
    from av.filter import Graph

    graph = Graph()
    filters = (filtering, "aformat=sample_fmts=flt", "abuffersink=")
    source = graph.add_abuffer(sample_rate=RATE, format="flt", layout="stereo", time_base=Fraction(1, RATE))
    graph.link_nodes(source, *(graph.add(*each.split("=", 1)) for each in filters)).configure()
    done = 0
    for block in chain(blocks, (None,)):
        graph.push(None if block is None else frame_of(block, done))
        done += 0 if block is None else len(block)
        while True:
            try:
                frame = graph.pull()
            except (av.BlockingIOError, av.EOFError):
                break
            assert isinstance(frame, AudioFrame)
            yield frame


def frame_of(samples: NDArray[np.float32], first: int) -> AudioFrame:
    """Samples from the sample `first` of a sound on, as ffmpeg takes them."""
    import numpy as np
    from av.audio.frame import AudioFrame

    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), format="flt", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, first, Fraction(1, RATE)
    return frame
