"""A soundtrack -> its track for a movie: mixed sample by sample, brought to its loudness, coded as AAC.

Sounds are decoded, mixed and levelled on disk, a block at a time, so that a long film needs no more memory than a short
one. The same sounds give the same bytes. May import what stands above `mixing` in the layout; numpy and PyAV inside
functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from math import pi
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from storyboard.audio import CHANNELS, RATE, audible, read_audio
from storyboard.cut import MixKind
from storyboard.digest import Digest, digest_file, digest_of
from storyboard.errors import ConformError, VaultError
from storyboard.footage import reason_of
from storyboard.loudness import RECIPE as LEVELLING
from storyboard.loudness import frame_of, levelled
from storyboard.soundtrack import DEFAULT_FADE, Ramp, Soundtrack, Strand
from storyboard.timing import round_half_up
from storyboard.vault import Vault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]
    """[samples, 2]."""

SUFFIX: Final = ".m4a"
_BITS: Final = 256_000
"""Of AAC, a second."""
RECIPE: Final = f"sound 1: {DEFAULT_FADE} samples where cut, equal power under dissolves; {LEVELLING}; aac {_BITS}"
"""How a film's sound is mixed and coded, in words."""

_BLOCK: Final = RATE
_ENDLESS: Final = 1 << 62
_SAMPLE: Final = 4 * CHANNELS
"""Bytes of a sample on disk."""

Alive = Callable[[], None]
"""Called now and then; what it raises stops the work."""


@dataclass(frozen=True, slots=True)
class Track:
    """The sound of a film, coded."""

    key: str
    path: Path
    samples: int


def keep_piece(vault: Vault, key: str, piece: Path) -> Path:
    """Move an encoded piece of a movie into the vault, and return where it is then. Raises VaultError where it is lost:
    a vault that cannot be written to only costs time."""
    try:
        return vault.put_segment(key, piece)
    except VaultError:
        if not piece.exists():
            raise
        return piece


def track_key(soundtrack: Soundtrack) -> str:
    """The key of a soundtrack's track: all that decides its bytes."""
    import av

    versions = {name: list(version) for name, version in av.library_versions.items()}
    return str(digest_of([RECIPE, versions, soundtrack.plain()]))


def write_track(soundtrack: Soundtrack, vault: Vault, folder: Path, alive: Alive) -> Path:
    """Write the track of a film's sound into a folder, with scratch files beside it, and return its file.

    It has the soundtrack's length exactly. Raises ConformError where a sound cannot be read, VaultError, OSError.
    """
    import av

    out = folder / f"sound{SUFFIX}"
    try:
        mixed = _Mixer(soundtrack, vault, folder, alive).mix()
        _encode(levelled(lambda: _blocks(mixed, alive), soundtrack.loudness), out)
    except av.FFmpegError as error:
        raise ConformError(f"the film's sound cannot be made: {reason_of(error)}") from error
    return out


def _blocks(samples: Samples, alive: Alive) -> Iterator[Samples]:
    for first in range(0, len(samples), _BLOCK):
        alive()
        yield samples[first : first + _BLOCK]


class _Mixer:
    """One mix under way."""

    def __init__(self, soundtrack: Soundtrack, vault: Vault, folder: Path, alive: Alive) -> None:
        self._soundtrack, self._vault, self._folder, self._alive = soundtrack, vault, folder, alive

    def mix(self) -> Samples:
        """All strands added up: a file, mapped into memory."""
        import numpy as np

        path, length = self._folder / "mix.f32", self._soundtrack.length
        with path.open("wb") as file:  # in full, since a disk that fills up later would end the process
            for first in range(0, length, _BLOCK):
                file.write(bytes(_SAMPLE * min(_BLOCK, length - first)))
        mixed = np.memmap(path, np.float32, "r+", shape=(length, CHANNELS))
        by_source = sorted(self._soundtrack.strands, key=lambda strand: strand.source)
        for source, strands in groupby(by_source, key=lambda strand: strand.source):
            those = list(strands)
            with self._tape(source, self._needed(source, those)) as tape:
                for strand in those:
                    self._add(strand, tape, mixed)
        return mixed

    def _add(self, strand: Strand, tape: Samples, mixed: Samples) -> None:
        sounding = _Sounding(strand, len(tape))
        stop = min(sounding.stop, len(mixed))
        for first in range(max(0, strand.first), stop, _BLOCK):
            self._alive()
            last = min(first + _BLOCK, stop)
            mixed[first:last] += sounding.samples(tape, first, last)

    def _needed(self, source: Digest, strands: Iterable[Strand]) -> int:
        """How many samples of a source are used, and one more, by which it is known whether it is cut off."""
        file = self._soundtrack.files.get(source)
        ends = [_ENDLESS if each.loop is not None else each.begin + each.stop - each.first + 1 for each in strands]
        # Coders pad their last frame: what is behind the sound's end is none of it.
        return min(max(ends), _ENDLESS if file is None else round_half_up(file.seconds * RATE))

    @contextmanager
    def _tape(self, source: Digest, needed: int) -> Iterator[Samples]:
        """The first `needed` samples of a source, if there are so many: a file, mapped into memory."""
        import numpy as np

        path, count = self._folder / "tape.f32", 0
        with path.open("wb") as file:
            for piece in self._decoded(source):
                self._alive()
                file.write(piece[: max(0, needed - count)].tobytes())
                count = file.tell() // _SAMPLE
                if count >= needed:
                    break
        if count:
            yield np.memmap(path, np.float32, "r", shape=(count, CHANNELS))
        else:
            yield np.zeros((0, CHANNELS), np.float32)
        path.unlink()

    def _decoded(self, source: Digest) -> Iterator[Samples]:
        file = self._soundtrack.files.get(source)
        if file is None:
            sound = self._vault.sound(self._soundtrack.takes[source])
            assert sound is not None, "the take says so"
            yield from audible(sound)
            return
        name = file.path.name
        try:
            if digest_file(file.path) != source:
                hint = "render again, which reads it as it is now"
                raise ConformError(f"`{name}` changed while the film was being made", hint)
            yield from read_audio(file.path)
        except (ValueError, OSError) as error:
            reason = str(error) if type(error) is ValueError else f"`{name}` cannot be read: {reason_of(error)}"
            raise ConformError(reason, "give a file of sound that plays to its end") from error


@dataclass(frozen=True, slots=True)
class _Sounding:
    """A strand of a source of `length` samples."""

    strand: Strand
    length: int

    @property
    def stop(self) -> int:
        """Where in the film it is heard no more."""
        strand = self.strand
        return strand.stop if strand.loop is not None else min(strand.stop, strand.first + self.length - strand.begin)

    def samples(self, tape: Samples, first: int, stop: int) -> Samples:
        """What is heard of it from film sample `first` to `stop`."""
        import numpy as np

        at = np.arange(first, stop)
        places = at - self.strand.first + self.strand.begin
        if (loop := self.strand.loop) is not None and loop < self.length:
            places = np.where(places < loop, places, loop + (places - loop) % (self.length - loop))
        heard = np.zeros((len(places), CHANNELS), np.float32)
        there = (places >= 0) & (places < self.length)
        heard[there] = tape[places[there]]
        return heard * self._levels(at + 0.5)[:, None].astype(np.float32)

    def _levels(self, at: NDArray[np.floating]) -> NDArray[np.float64]:
        """By how much what is heard at these places of the film is louder than its source."""
        import numpy as np

        strand, stop = self.strand, self.stop
        ends_itself = strand.loop is None and stop < strand.stop
        rise = (DEFAULT_FADE if strand.begin > 0 else 0) if strand.fade_in is None else strand.fade_in
        fall = (0 if ends_itself else DEFAULT_FADE) if strand.fade_out is None else strand.fade_out
        levels = np.full(len(at), 10 ** (strand.gain / 20))
        levels *= np.minimum(1, (at - strand.first) / rise) if rise else 1
        levels *= np.minimum(1, (stop - at) / fall) if fall else 1
        for ramp in strand.ramps:
            levels *= _swell(ramp, np.clip((at - ramp.first) / ramp.length, 0, 1))
        return levels


def _swell(ramp: Ramp, part: NDArray[np.float64]) -> NDArray[np.float64]:
    """How loud a sound is at a part, from 0 to 1, of a transition. A fade has silence in its middle, as pictures have
    black."""
    import numpy as np

    weight = part if ramp.rises else 1 - part
    if ramp.kind is MixKind.FADE and not ramp.alone:
        weight = np.maximum(0, 2 * weight - 1)
    return cast("NDArray[np.float64]", np.sin(weight * pi / 2))


def _encode(blocks: Iterable[Samples], out: Path) -> None:
    """AAC in MP4, which says by an edit list how many samples of run-up the decoder has to leave out."""
    import av

    with av.open(str(out), "w", format="mp4", options={"fflags": "+bitexact", "movie_timescale": str(RATE)}) as file:
        track = file.add_stream("aac", rate=RATE, layout="stereo", options={"flags": "+bitexact"})
        track.bit_rate = _BITS
        done = 0
        for block in blocks:
            file.mux(track.encode(frame_of(block, done)))
            done += len(block)
        file.mux(track.encode(None))
