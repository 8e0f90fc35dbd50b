"""The author's files of sound -> what is known of them without decoding, and their samples as the film has them.

Films are heard at 48,000 samples a second, in stereo; a sound of one channel is as loud in both. What is no file of
sound, or names other files, is refused. May import errors, timing, sound and footage. numpy and PyAV are imported
where files are really opened.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storyboard.footage import open_media, open_movie, reason_of
from storyboard.sound import Sound
from storyboard.timing import round_half_up

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

RATE: Final = 48_000
"""Samples a second of a film's sound."""
CHANNELS: Final = 2

_FORMATS: Final = "wav,w64,aiff,caf,flac,mp3,aac,mov,matroska,avi,mpegts,mpeg,ogg,mxf"
_EXACT: Final = ("flac", "mov,", "aiff", "caf", "w64")
"""The formats, by the start of their names, that state how long their sound is rather than let it be guessed."""
_SHORT: Final = Fraction(1, 20)
"""By how many seconds a file may fall short of what it states."""
_UNKNOWN: Final = (0, 0xFFFFFFFF)
"""What stands in a WAV file for its size where it was not known yet."""


@contextlib.contextmanager
def open_audio(path: Path) -> Iterator[tuple[InputContainer, AudioStream]]:
    """The file and its main sound track. Opens nothing but this one file. Raises ValueError with a plain sentence."""
    with open_media(path, _FORMATS, "sound") as container:
        tracks = [track for track in container.streams.audio if track.rate and track.codec_context.channels]
        if not tracks:
            raise ValueError(f"`{path.name}` has no sound in it")
        yield container, tracks[0]


def probe_audio(path: Path) -> Fraction:
    """How many seconds a sound lasts; only its beginning is decoded. Raises ValueError with a plain sentence, where the
    file ends before the sound that it states, too."""
    import av

    with open_audio(path) as (container, track):
        base, first, end, is_heard = track.time_base or Fraction(1, av.time_base), None, 0, False
        try:
            for packet in container.demux(track):
                if not is_heard:
                    is_heard = bool(_decoded(packet))
                if packet.pts is not None:
                    first = packet.pts if first is None else first
                    end = max(end, packet.pts + (packet.duration or 0))
        except av.FFmpegError as error:
            raise ValueError(f"`{path.name}` is damaged: {reason_of(error)}") from error
        # Encoders need a run-up: what stands before 0, or before the start that is stated, is not heard.
        seconds = (end - max(first or 0, track.start_time or 0)) * base
        if not is_heard or seconds <= 0:
            raise ValueError(f"`{path.name}` has no sound in it")
        stated = track.duration * base if track.duration and _is_exact(container, track) else seconds
        if seconds < stated - _SHORT or _is_cut(path):
            raise ValueError(f"`{path.name}` is damaged: it ends before its sound does")
        return min(seconds, stated)


def _is_exact(container: InputContainer, track: AudioStream) -> bool:
    """Whether the file states how long it is; MP3 does where an encoder that knew how also states its run-up."""
    name = container.format.name
    return name.startswith(_EXACT) or (name == "mp3" and bool(track.start_time))


def _is_cut(path: Path) -> bool:
    """Whether a WAV file has fewer bytes than its head says: ffmpeg reads those as if they were meant."""
    with path.open("rb") as file:
        head = file.read(12)
    size = int.from_bytes(head[4:8], "little")
    return head[:4] == b"RIFF" and size not in _UNKNOWN and path.stat().st_size < size


def lead_of(path: Path) -> Fraction:
    """By how many seconds the sound of a movie begins after its first picture. Raises ValueError, OSError."""
    import av

    try:
        with open_movie(path) as (container, pictures):
            seen = _first_time(container.decode(pictures))
        with open_audio(path) as (container, track):
            return _first_time(container.decode(track)) - seen
    except av.FFmpegError as error:
        raise ValueError(f"`{path.name}` is damaged: {reason_of(error)}") from error


def _first_time(frames: Iterator[AudioFrame] | Iterator[VideoFrame]) -> Fraction:
    """When the first of them is heard or seen, in seconds; 0 where that is not said."""
    times = (frame.pts * frame.time_base for frame in frames if frame.pts is not None and frame.time_base)
    return next(times, Fraction(0))


def read_audio(path: Path) -> Iterator[NDArray[np.float32]]:
    """All of a sound, float32 [samples, 2] a piece at a time, `RATE` samples a second.

    What cannot be decoded is silence, as long as the file says. Raises ValueError with a plain sentence.
    """
    import av
    import numpy as np
    from av.audio.resampler import AudioResampler

    with open_audio(path) as (container, track):
        alone = track.codec_context.channels == 1
        resampler = AudioResampler(format="flt", layout="mono" if alone else "stereo", rate=RATE)
        try:
            for packet in container.demux(track):
                frames = _decoded(packet)
                if frames is None:
                    lost = (packet.duration or 0) * (packet.time_base or 0)
                    yield np.zeros((round_half_up(Fraction(lost) * RATE), CHANNELS), np.float32)
                for frame in frames or ():
                    yield from _resampled(resampler, frame)
            yield from _resampled(resampler, None)
        except (av.FFmpegError, ValueError) as error:
            raise ValueError(f"`{path.name}` is damaged: {reason_of(error)}") from error


def audible(sound: Sound) -> Iterator[NDArray[np.float32]]:
    """The samples of an engine's sound as the film has them, float32 [samples, 2], a second at a time."""
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler

    layout = "mono" if sound.samples.shape[1] == 1 else "stereo"
    resampler = AudioResampler(format="flt", layout=layout, rate=RATE)
    for first in range(0, len(sound.samples), sound.rate):
        frame = AudioFrame.from_ndarray(
            sound.samples[first : first + sound.rate].reshape(1, -1), format="s16", layout=layout
        )
        frame.sample_rate, frame.pts, frame.time_base = sound.rate, first, Fraction(1, sound.rate)
        yield from _resampled(resampler, frame)
    yield from _resampled(resampler, None)


def _decoded(packet: Packet[AudioStream]) -> list[AudioFrame] | None:
    """The frames of a packet; None where it is damaged, over which players pass too."""
    import av

    try:
        return packet.decode()
    except av.InvalidDataError:
        return None


def _resampled(resampler: AudioResampler, frame: AudioFrame | None) -> Iterator[NDArray[np.float32]]:
    import numpy as np

    for piece in resampler.resample(frame):
        samples = piece.to_ndarray().reshape(-1, len(piece.layout.channels)).astype(np.float32, copy=False)
        yield np.ascontiguousarray(np.broadcast_to(samples, (len(samples), CHANNELS)))
