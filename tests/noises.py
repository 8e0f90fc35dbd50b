"""Sounds for tests: noise that is found again wherever it is, and what is heard in a movie."""

from __future__ import annotations

import wave
from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from storyboard.breakdown import break_down
from storyboard.film import prepare, produce
from storyboard.screenplay import load
from storyboard.shots import Breakdown
from tests.films import text_of

RATE = 48000
Samples = NDArray[np.float64]
"""[samples, channels]."""


def noise(seed: int, seconds: float = 1, rate: int = RATE, channels: int = 2) -> Samples:
    """Noise of its own for each seed, the same in all channels, up to a quarter of full scale, of 100 to 5000 Hz: AAC
    keeps the shape of that."""
    count = round(seconds * rate)
    spectrum = np.fft.rfft(np.random.default_rng(seed).uniform(-1, 1, count))
    pitch = np.fft.rfftfreq(count, 1 / rate)
    spectrum[(pitch < 100) | (pitch > 5000)] = 0
    values = np.fft.irfft(spectrum, count)
    return np.repeat(values[:, None] / abs(values).max() / 4, channels, axis=1)


def keep(path: Path, samples: Samples, rate: int = RATE) -> Samples:
    """Write samples of -1 to 1 as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())
    return samples


def coded(path: Path, samples: Samples, codec: str, form: str) -> Path:
    """Write samples of 48 kHz in another format."""
    with av.open(str(path), "w", format=form) as container:
        layout = "mono" if samples.shape[1] == 1 else "stereo"
        stream = container.add_stream(codec, rate=RATE, layout=layout)
        whole = np.rint(samples * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout=layout)
        frame.sample_rate, frame.pts = RATE, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def rendered(folder: Path, film: Mapping[str, object], only: str | None = None, engine: str | None = None) -> Breakdown:
    """Render a screenplay as `film.yaml` in a folder, and return what it is broken down into."""
    path = folder / "film.yaml"
    path.write_text(text_of(film))
    list(produce(prepare(path, only=only, engine=engine)))
    return break_down(load(path), engine=engine)


def heard(folder: Path, name: str = "film") -> Samples:
    """What is heard in a rendered film, by a decoder of its own."""
    with av.open(str(folder / "renders" / "film" / f"{name}.mp4")) as container:
        track = container.streams.audio[0]
        assert track.duration is not None
        pieces = [frame.to_ndarray() for frame in container.decode(track)]
        return np.concatenate(pieces, axis=1).T[: track.duration].astype(np.float64)


def place_of(sound: Samples, film: Samples) -> int:
    """The sample of a film at which a sound begins that is somewhere in it, by correlation; it may begin before it."""
    size = 1 << (len(film) + len(sound)).bit_length()
    spectra = np.fft.rfft(film[:, 0], size) * np.conj(np.fft.rfft(sound[:, 0], size))
    place = int(np.argmax(np.fft.irfft(spectra, size)))
    return place if place < len(film) else place - size


def gain_of(sound: Samples, film: Samples, place: int) -> float:
    """By how many decibels a sound is louder in a film than by itself; what else is heard does not matter."""
    there = film[place : place + len(sound), 0]
    own = sound[: len(there), 0]
    return float(20 * np.log10(there @ own / (own @ own)))


def level(samples: Samples) -> float:
    """In decibels below full scale."""
    return float(10 * np.log10((samples**2).mean() + 1e-12))
