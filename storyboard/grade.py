"""A tail as it was given and as the engine gave it back -> footage with the engine's own shift of colour undone.

An engine that repeats its tail shows what it does to colours: the same pictures came in and went out. For each channel
the gain and the offset that bring the one back to the other are those of mean and spread (Reinhard et al., Color
Transfer between Images, 2001). All of it counts for the repeated frames, which are never shown, and less and less for
the new ones, so that a shot begins as the one before it ended and keeps its own colours in the end:

    given     |KKKKK|
    returned  |KKKKK......................|
    share      11111 linear, down to 0 behind `over` new frames

Sums are of whole numbers, so the same pictures give the same result on every machine. May import nothing of storyboard;
numpy is imported inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frames = NDArray[np.uint8]

RECIPE: Final = "mean and spread of each channel as in the tail, gain 0.8 to 1.25, fading out linearly"
"""What `graded` does, in words: whatever is graded names it in its key."""
GAIN: Final = (0.8, 1.25)
"""The least and the most: a tail without contrast says nothing of a gain."""


def shift(given: Frames, returned: Frames) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gain and offset of each channel, [3] each, that bring frames as they were returned back to those given.

    Both are [n, height, width, 3]. The offset is in grey levels, 0..255.
    """
    import numpy as np

    (mean, spread), (had, width) = _moments(given), _moments(returned)
    gain = np.clip(np.divide(spread, width, out=np.ones(3), where=width > 0), *GAIN)
    return gain, mean - gain * had


def graded(frames: Frames, tail: Frames, over: int | bool) -> Frames:
    """Footage [n, height, width, 3] whose first frames repeat `tail` [K, height, width, 3], with its shift undone.

    From all of it at the tail, what is undone falls to nothing `over` frames behind it, at least 1, or with True at the
    end of the shot.
    """
    import numpy as np

    over = max(1, len(frames) - len(tail)) if over is True else over
    gain, offset = shift(tail, frames[: len(tail)])
    made = frames.copy()
    for place in range(min(len(frames), len(tail) + over)):
        share = min(1.0, 1 - (place - len(tail)) / over)
        exact = frames[place] * (1 + share * (gain - 1)) + share * offset
        made[place] = np.clip(np.rint(exact), 0, 255)
    return made


def _moments(frames: Frames) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel, [3] each, from exact sums."""
    import numpy as np

    values = frames.reshape(-1, 3).astype(np.int64)
    count, total, squares = len(values), values.sum(axis=0), (values * values).sum(axis=0)
    mean: NDArray[np.float64] = total / count
    spread: NDArray[np.float64] = np.sqrt((squares * count - total * total) / count**2)
    return mean, spread
