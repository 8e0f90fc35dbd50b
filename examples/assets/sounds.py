"""Makes what is heard in `harbour.yaml`: the sea, which can be repeated without a seam, and a ship's horn.

    python examples/assets/sounds.py [FOLDER]      writes sea.ogg and horn.ogg

Everything is computed, nothing is taken from elsewhere. Needs numpy and PyAV, which storyboard needs anyway; imports
nothing of storyboard.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE = 48_000
BITS = 32_000
"""Of Opus, a second."""

Samples = NDArray[np.float64]
"""Of one channel, -1 to 1."""


def sea(seconds: int = 8) -> Samples:
    """Surf: noise, the darker the louder, that swells three times and ends as it begins."""
    count = seconds * RATE
    pitch = np.fft.rfftfreq(count, 1 / RATE)
    phases = np.random.default_rng(11).uniform(0, 2 * np.pi, len(pitch))
    # A spectrum of whole periods: its last sample leads into its first.
    colour = np.where(pitch > 60, 1 / (1 + (pitch / 400) ** 1.2), 0.0)
    noise = np.fft.irfft(colour * np.exp(1j * phases), count)
    turn = 2 * np.pi * np.arange(count) / count
    swell = 0.55 + 0.3 * np.sin(3 * turn) + 0.15 * np.sin(turn + 1)
    return noise / np.abs(noise).max() * swell * 0.5


def horn(seconds: float = 2.5) -> Samples:
    """Two low tones of a ship's horn, a fifth apart, that come and go softly."""
    time = np.arange(round(seconds * RATE)) / RATE
    tones = sum(
        np.sin(2 * np.pi * pitch * overtone * time + pitch) / overtone**1.3
        for pitch in (110.0, 165.3)
        for overtone in range(1, 9)
    )
    rise, fall = np.minimum(1, time / 0.15), np.minimum(1, (seconds - time) / 0.6)
    return tones / np.abs(tones).max() * np.sin(rise * np.pi / 2) * np.sin(fall * np.pi / 2) * 0.7


def write(path: Path, samples: Samples) -> None:
    """Code as Opus in Ogg."""
    with av.open(str(path), "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        track = container.add_stream("libopus", rate=RATE, layout="mono", options={"flags": "+bitexact"})
        track.bit_rate = BITS
        whole = np.rint(samples * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        container.mux(track.encode(frame))
        container.mux(track.encode(None))


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    write(folder / "sea.ogg", sea())
    write(folder / "horn.ogg", horn())
