"""H.264 pieces, sound and words -> one movie file, by packet copy: pictures, the film's sound, chapters, captions, and
how it came about.

What may be joined is coded alike (see `encoding`). The same pieces and words give the same bytes. Imports nothing heavy
by itself; PyAV inside functions. May import what stands above `muxing` in the layout.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storyboard.audio import RATE
from storyboard.boxes import append_note, append_xmp
from storyboard.captions import Cue, text_samples
from storyboard.digest import Digest, Plain
from storyboard.errors import ConformError
from storyboard.provenance import Origin, comment_on, xmp_packet
from storyboard.timing import Rate

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

LAYOUT: Final = "movie 2: index first, chapters, captions as timed text, XMP, note"
"""How a movie is put together, in words: another one makes another file of the same pictures."""

_REORDERED: Final = 1
"""By how many frames coding runs ahead of showing: B-frames without pyramid need one."""
_MOST_SCALE: Final = 1 << 31
_LEAST_SCALE: Final = 10_000
"""The muxer doubles the scale of a picture track until it is as large as this."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a movie says besides its pictures. Cues are in order and do not overlap."""

    title: str = ""
    chapters: tuple[Cue, ...] = ()
    captions: tuple[Cue, ...] = ()
    origin: Origin | None = None
    note: Plain = None


@dataclass(frozen=True, slots=True)
class Coding:
    """What two pieces must have in common to be joined."""

    codec: str
    width: int
    height: int
    pixels: str | None
    rate: Fraction | None
    base: Fraction | None
    extradata: bytes | None

    @classmethod
    def of(cls, stream: VideoStream) -> Coding:
        context = stream.codec_context
        return cls(
            context.name,
            context.width,
            context.height,
            context.pix_fmt,
            stream.average_rate,
            stream.time_base,
            context.extradata,
        )

    def differences(self, other: Coding) -> str:
        """The names of the fields that differ."""
        return ", ".join(name for name in self.__slots__ if getattr(self, name) != getattr(other, name))


def join(pieces: Iterable[tuple[Path, int]], out: Path, rate: Rate, words: Words, sound: Path | None = None) -> Digest:
    """Write the movie `out` from pieces (file, frames) and a file of sound by packet copy; one piece is open at a time.
    Returns the digest of the pictures as they are coded: of what their decoder is told, and each packet in its turn.

    Frame i of the film is shown at i / rate exactly, and words from their first frame to their last; the sound begins
    with the first frame, to the sample. Raises ConformError where a piece has not the frames that it should have, or is
    coded otherwise than the first; OSError.
    """
    import av

    base = 1 / rate.fraction
    options = {"movflags": "+faststart", "fflags": "+bitexact", "movie_timescale": str(_clock_of(base, sound))}
    try:
        with av.open(str(out), "w", format="mp4", options=options) as movie, _opened(sound) as heard:
            movie.metadata.update({"title": words.title, "comment": comment_on(words.origin)})
            movie.set_chapters(
                [
                    {
                        "id": number,
                        "start": cue.frames.start,
                        "end": cue.frames.stop,
                        "time_base": base,
                        "metadata": {"title": cue.text},
                    }
                    for number, cue in enumerate(words.chapters)
                ]
            )
            joiner = _Joiner(movie, rate, words.captions, heard)
            for path, frames in pieces:
                with av.open(str(path)) as container:
                    joiner.add(container, frames, path)
            joiner.end()
    except av.FFmpegError as error:
        raise ConformError(f"the pieces of the movie cannot be joined: {error}") from error
    if words.origin is not None:
        append_xmp(out, xmp_packet(words.origin, words.title))
    if words.note is not None:
        append_note(out, words.note)
    return joiner.pictures


class _Joiner:
    """Puts the packets of one piece after another into a movie, and first of all its captions."""

    def __init__(
        self, movie: OutputContainer, rate: Rate, captions: tuple[Cue, ...], sound: InputContainer | None
    ) -> None:
        self._movie, self._rate, self._captions, self._sound = movie, rate, captions, sound
        self._heard: Iterator[Packet[AudioStream]] = iter(())
        self._next: Packet[AudioStream] | None = None
        self._track: VideoStream | None = None
        self._coding: Coding | None = None
        self._frames = 0
        self._hasher = hashlib.sha256()

    @property
    def pictures(self) -> Digest:
        """Of all pictures so far."""
        return Digest(self._hasher.hexdigest())

    def add(self, container: InputContainer, frames: int, path: Path) -> None:
        stream = container.streams.video[0]
        track = self._track_for(stream, path)
        assert stream.time_base is not None
        base, scale = 1 / self._rate.fraction, stream.time_base * self._rate.fraction
        shown: set[int] = set()
        for count, packet in enumerate(packet for packet in container.demux(stream) if packet.pts is not None):
            assert packet.pts is not None
            place, rest = divmod(packet.pts * scale.numerator, scale.denominator)
            if rest or (count == 0 and not (packet.is_keyframe and place == 0)):
                raise ConformError(f"`{path}` has a frame that is not in its place")
            shown.add(place)
            self._hasher.update(packet)
            if self._next is not None:
                self._add_sound((self._frames + count) * base)
            packet.stream = track
            packet.time_base = base
            packet.pts = self._frames + place
            packet.dts = self._frames + count - _REORDERED
            packet.duration = 1
            self._movie.mux(packet)
        if shown != set(range(frames)):
            raise ConformError(f"`{path}` has {len(shown)} frames, not {frames}")
        self._frames += frames

    def end(self) -> None:
        """Add the rest of the sound, after the last piece."""
        self._add_sound(None)

    def _add_sound(self, until: Fraction | None) -> None:
        """Add the sound up to a moment of the film, so that a player finds it beside the pictures."""
        while self._next is not None and (until is None or _time_of(self._next) < until):
            packet, self._next = self._next, next(self._heard, None)
            packet.stream = self._voice
            self._movie.mux(packet)

    def _open_sound(self) -> None:
        if self._sound is None:
            return
        stream = self._sound.streams.audio[0]
        self._voice = self._movie.add_stream_from_template(stream)
        self._voice.time_base = stream.time_base
        self._heard = (packet for packet in self._sound.demux(stream) if packet.pts is not None)
        self._next = next(self._heard, None)

    def _track_for(self, stream: VideoStream, path: Path) -> VideoStream:
        coding = Coding.of(stream)
        if self._track is None or self._coding is None:
            self._check_first(coding, path)
            self._coding = coding
            self._hasher.update(coding.extradata or b"")
            self._track = self._movie.add_stream_from_template(stream)
            self._track.time_base = 1 / self._rate.fraction
            self._open_sound()
            self._add_captions()
        elif coding != self._coding:
            raise ConformError(f"`{path}` is coded otherwise than the first piece: {coding.differences(self._coding)}")
        return self._track

    def _add_captions(self) -> None:
        """A track of timed text, in the film's own frames.

        The muxer compares the times of both tracks as if they counted the same: so this one counts as pictures do.
        """
        from av.packet import Packet

        if not self._captions:
            return
        track = self._movie.add_mux_stream("mov_text")
        base = 1 / self._rate.fraction
        track.time_base = Fraction(1, _scale_of(base))
        for frames, sample in text_samples(self._captions, self._captions[-1].frames.stop):
            packet = Packet(sample)
            packet.stream, packet.time_base = track, base
            packet.pts = packet.dts = frames.start
            packet.duration, packet.is_keyframe = len(frames), True
            self._movie.mux(packet)

    def _check_first(self, coding: Coding, path: Path) -> None:
        if (coding.codec, coding.pixels, coding.rate) != ("h264", "yuv420p", self._rate.fraction):
            raise ConformError(f"`{path}` is {coding.codec}, {coding.pixels}, {coding.rate} frames per second")


def _time_of(packet: Packet[AudioStream]) -> Fraction:
    assert packet.pts is not None
    return packet.pts * packet.time_base


@contextmanager
def _opened(sound: Path | None) -> Iterator[InputContainer | None]:
    import av

    if sound is None:
        yield None
        return
    with av.open(str(sound)) as container:
        yield container


def _clock_of(base: Fraction, sound: Path | None) -> int:
    """In how many parts of a second a movie counts how long its tracks are: so that each is told exactly, if it can."""
    exact = base.denominator if sound is None else lcm(base.denominator, RATE)
    return exact if exact < _MOST_SCALE else base.denominator


def _scale_of(base: Fraction) -> int:
    """In how many parts of a second the muxer counts the times of a picture track with that base."""
    scale = base.denominator
    while scale < _LEAST_SCALE:
        scale *= 2
    return scale
