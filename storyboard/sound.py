"""What an engine makes to be heard with its pictures: samples in memory <-> a track in the file of the footage.

Samples are int16 [samples, channels], kept as they are. A sound begins with the first frame of its footage and ends
with the last: how many samples that is, the two rates say, to the sample.

May import errors, timing and digest. numpy and PyAV are imported where sound is really touched.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storyboard.digest import Digest
from storyboard.errors import BadFootage, DamagedFootage
from storyboard.timing import Rate, round_half_up

if TYPE_CHECKING:
    import numpy as np
    from av.container import OutputContainer
    from numpy.typing import NDArray

_LOUDEST: Final = 32767
_LAYOUTS: Final = {1: "mono", 2: "stereo"}


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """`samples` is int16 [samples, channels], C-contiguous, of one channel or two; `rate` is samples per second."""

    samples: NDArray[np.int16]
    rate: int

    @property
    def digest(self) -> Digest:
        """Of rate, channels and samples, nothing else."""
        hasher = hashlib.sha256(f"s16 {self.rate} {self.samples.shape[1]}\n".encode())
        hasher.update(self.samples.astype("<i2").data)
        return Digest(hasher.hexdigest())


def lasting(frames: int, picture_rate: Rate, rate: int) -> int:
    """How many samples there are, `rate` a second, from the first of so many frames to the end of the last."""
    return round_half_up(picture_rate.seconds(frames) * rate)


def sound_from_float(values: NDArray[np.floating], rate: int, count: int) -> Sound:
    """Values of -1 to 1, [samples, channels] -> `count` samples: what is over is left out, what is missing is silence.

    What is louder is clipped. Raises BadFootage on NaN and infinities.
    """
    import numpy as np

    exact = values[:count].astype(np.float64)
    if not np.isfinite(exact).all():
        hint = "lower the guidance, or run the model at a higher precision"
        raise BadFootage("the sound that the model made holds values that are no numbers (NaN, Inf)", hint)
    samples = np.zeros((count, values.shape[1]), np.int16)
    samples[: len(exact)] = np.rint(np.clip(exact, -1, 1) * _LOUDEST)
    return Sound(samples, rate)


def check_sound(sound: Sound, *, frames: int, rate: Rate, shot: str) -> None:
    """Raise BadFootage unless the sound is one that can be kept, as long as its `frames` frames of `rate` a second."""
    import numpy as np

    got: object = sound.samples
    count = lasting(frames, rate, sound.rate)
    if not isinstance(got, np.ndarray) or got.dtype != np.int16 or got.ndim != 2 or not got.flags.c_contiguous:
        raise BadFootage(f"shot `{shot}`: the sound of its engine is no int16 array of samples by channels")
    if got.shape[1] not in _LAYOUTS:
        raise BadFootage(f"shot `{shot}`: the sound of its engine has {got.shape[1]} channels, and one or two are kept")
    if len(got) != count:
        raise BadFootage(f"shot `{shot}` lasts {count} samples; the sound of its engine has {len(got)}")


class Track:
    """The sound of a file that is being written, piece by piece beside the pictures."""

    def __init__(self, container: OutputContainer, sound: Sound) -> None:
        """Add the track; before anything is written."""
        self.container, self.sound, self.done = container, sound, 0
        self.layout = _LAYOUTS[sound.samples.shape[1]]
        self.stream = container.add_stream("pcm_s16le", rate=sound.rate, layout=self.layout)

    def write(self, stop: int) -> None:
        """Write the samples up to `stop` that are not written yet."""
        from fractions import Fraction

        from av.audio.frame import AudioFrame

        piece = self.sound.samples[self.done : stop]
        if not len(piece):
            return
        frame = AudioFrame.from_ndarray(piece.reshape(1, -1), format="s16", layout=self.layout)
        frame.sample_rate, frame.pts, frame.time_base = self.sound.rate, self.done, Fraction(1, self.sound.rate)
        self.container.mux(self.stream.encode(frame))
        self.done = stop


def read_sound(path: Path) -> Sound:
    """The sound in a file of footage. Raises DamagedFootage where there is none that can be read."""
    import av
    import numpy as np

    options = {"format_whitelist": "matroska", "protocol_whitelist": "file"}
    try:
        with av.open(f"file:{path}", options=options) as container:
            stream = container.streams.audio[0]
            channels = stream.codec_context.channels
            pieces = [frame.to_ndarray().reshape(-1, channels) for frame in container.decode(stream)]
            return Sound(np.ascontiguousarray(np.concatenate(pieces), np.int16), stream.codec_context.sample_rate)
    except (OSError, av.FFmpegError, LookupError, ValueError) as error:
        raise DamagedFootage(f"the sound of footage `{path.name}` cannot be read") from error
