"""H.264 pieces -> one movie file, and what is known of a file's coding.

A movie is encoded in pieces that are joined by packet copy, and must then be, frame for frame, what one encode of the
whole would be. So nothing in the coding of a piece may depend on what stands before or after it: each begins with an
IDR frame, groups of pictures are closed, and each picture's quantiser follows from its type alone (no rate control
with a memory, no look-ahead, no adaptive B-frames, one fixed number of threads).

Imports nothing heavy by itself; PyAV inside functions. May import what stands above `encoding` in the layout.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from storyboard.digest import Plain, canonical
from storyboard.durable import make_folder, scratch_name
from storyboard.errors import ConformError
from storyboard.timing import Rate

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream
    from filelock import BaseFileLock

CODEC: Final = "libx264"
PRESET: Final = "medium"
THREADS: Final = 4
"""x264's output depends on how many there are."""

_X264: Final = (
    "qp=19:ipratio=1.8:pbratio=1.5:mbtree=0:rc-lookahead=0:scenecut=0:weightp=0:bframes=3:b-adapt=0:b-pyramid=none:"
    "open-gop=0:keyint=250:stitchable=1:force-cfr=1:colorprim=bt709:transfer=bt709:colormatrix=bt709:range=tv"
)
_SCALE: Final = "in_range=pc:out_range=tv:out_color_matrix=bt709:flags=bicubic+accurate_rnd+full_chroma_int+bitexact"
CODING: Final = f"{CODEC} {PRESET} threads={THREADS} {_X264} {_SCALE}"
"""All that decides how a picture is coded, but for ffmpeg itself."""
RECIPE: Final = f"segment 1: {CODING}; mixed over black by alpha in 255ths"
"""How a movie is composed and coded, in words: part of the key of each piece."""

_REORDERED: Final = 1
"""By how many frames coding runs ahead of showing: B-frames without pyramid need one."""

_NOTE: Final = bytes.fromhex("8d7d5f3cb1f04c0e9a5e6f7374627264")
"""The type of our `uuid` box, which players skip. In it: a version byte and the note as zlib-packed JSON."""
_NOTE_VERSION: Final = b"\x01"
_MOST_NOTE: Final = 256 << 20
_MOST_BOXES: Final = 100_000

_ASIDE: Final = ".conform"


def ffmpeg_binary() -> str:
    """The ffmpeg that moviepy will run."""
    name = os.environ.get("FFMPEG_BINARY", "ffmpeg-imageio")
    if name == "ffmpeg-imageio":
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    return "ffmpeg" if name == "auto-detect" else name


def ffmpeg_version() -> str:
    """What ffmpeg says of itself: another build may code the same pictures differently. Raises ConformError."""

    import subprocess

    binary = ffmpeg_binary()
    try:
        run = subprocess.run([binary, "-version"], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ConformError(
            f"ffmpeg cannot be run: `{binary}`: {error}", "set `FFMPEG_BINARY` to one that can"
        ) from error
    return run.stdout.decode(errors="replace")


def encode_options(rate: Rate, keyframes: Sequence[int]) -> list[str]:
    """ffmpeg's options from RGB frames to a piece, with an IDR at each of the frames `keyframes`.

    Timestamps are counted anew, in frames: who feeds ffmpeg may have told it a rounded rate.
    """
    fraction = rate.fraction
    base = f"{fraction.denominator}/{fraction.numerator}"
    tags = "range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    filters = f"scale={_SCALE},format=yuv420p,settb={base},setpts=N,setparams={tags}"
    options = ["-vf", filters, "-fps_mode", "passthrough", "-enc_time_base", base]
    options += ["-x264-params", f"{_X264}:fps={fraction.numerator}/{fraction.denominator}"]
    if keyframes:
        # A quarter of a frame early: ffmpeg counts these times in microseconds.
        times = [float(rate.seconds(frame) - rate.seconds(1) / 4) for frame in keyframes]
        options += ["-force_key_frames", ",".join(f"{time:.6f}" for time in times)]
    options += ["-bsf:v", "filter_units=remove_types=6"]  # x264's own name and settings, in each piece
    options += ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1"]
    return [*options, "-video_track_timescale", str(fraction.numerator), "-f", "mp4"]


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


def join(pieces: Iterable[tuple[Path, int]], out: Path, rate: Rate, title: str) -> None:
    """Write the movie `out` from pieces (file, frames) by packet copy; one is open at a time.

    Frame i of the film is shown at i / rate exactly. Raises ConformError where a piece has not the frames that it
    should have, or is coded otherwise than the first.
    """
    import av

    base = 1 / rate.fraction
    options = {"movflags": "+faststart", "fflags": "+bitexact", "movie_timescale": str(base.denominator)}
    try:
        with av.open(str(out), "w", format="mp4", options=options) as movie:
            movie.metadata.update({"title": title, "comment": "Made with storyboard"})
            joiner = _Joiner(movie, rate)
            for path, frames in pieces:
                with av.open(str(path)) as container:
                    joiner.add(container, frames, path)
    except av.FFmpegError as error:
        raise ConformError(f"the pieces of the movie cannot be joined: {error}") from error


class _Joiner:
    """Puts the packets of one piece after another into a movie."""

    def __init__(self, movie: OutputContainer, rate: Rate) -> None:
        self._movie, self._rate = movie, rate
        self._track: VideoStream | None = None
        self._coding: Coding | None = None
        self._frames = 0

    def add(self, container: InputContainer, frames: int, path: Path) -> None:
        stream = container.streams.video[0]
        track = self._track_for(stream, path)
        shown: set[Fraction] = set()
        for count, packet in enumerate(packet for packet in container.demux(stream) if packet.pts is not None):
            assert packet.pts is not None
            place = packet.pts * packet.time_base * self._rate.fraction
            if place.denominator != 1 or (count == 0 and not (packet.is_keyframe and place == 0)):
                raise ConformError(f"`{path}` has a frame that is not in its place")
            shown.add(place)
            packet.stream = track
            packet.time_base = 1 / self._rate.fraction
            packet.pts = self._frames + int(place)
            packet.dts = self._frames + count - _REORDERED
            packet.duration = 1
            self._movie.mux(packet)
        if shown != set(range(frames)):
            raise ConformError(f"`{path}` has {len(shown)} frames, not {frames}")
        self._frames += frames

    def _track_for(self, stream: VideoStream, path: Path) -> VideoStream:
        coding = Coding.of(stream)
        if self._track is None or self._coding is None:
            self._check_first(coding, path)
            self._coding = coding
            self._track = self._movie.add_stream_from_template(stream)
            self._track.time_base = 1 / self._rate.fraction
        elif coding != self._coding:
            raise ConformError(f"`{path}` is coded otherwise than the first piece: {coding.differences(self._coding)}")
        return self._track

    def _check_first(self, coding: Coding, path: Path) -> None:
        if (coding.codec, coding.pixels, coding.rate) != ("h264", "yuv420p", self._rate.fraction):
            raise ConformError(f"`{path}` is {coding.codec}, {coding.pixels}, {coding.rate} frames per second")


def check_movie(path: Path, *, frames: int, rate: Rate, width: int, height: int) -> None:
    """Decode all of a movie. Raises ConformError unless it shows `frames` pictures of that size, one each 1 / rate."""
    import av

    shown = 0
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            if stream.average_rate != rate.fraction:
                raise ConformError(f"the movie has {stream.average_rate} frames per second, not {rate}")
            for frame in container.decode(stream):
                at = None if frame.pts is None else frame.pts * (frame.time_base or 0) * rate.fraction
                if at != shown or frame.is_corrupt or (frame.width, frame.height) != (width, height):
                    raise ConformError(f"frame {shown} of the movie is not what it should be")
                shown += 1
    except av.FFmpegError as error:
        raise ConformError(f"the movie cannot be decoded after frame {shown}: {error}") from error
    if shown != frames:
        raise ConformError(f"the movie has {shown} frames, not {frames}")


def append_note(movie: Path, note: Plain) -> None:
    """Add a box with plain data to the end of a movie file. Raises OSError."""
    packed = zlib.compress(canonical(note), 9)
    payload = _NOTE + _NOTE_VERSION + packed
    with movie.open("ab") as file:
        file.write(struct.pack(">I4s", 8 + len(payload), b"uuid") + payload)


def read_note(movie: Path) -> Plain:
    """The plain data in a movie file. Raises ConformError where there is none, or the file cannot be read."""
    try:
        with movie.open("rb") as file:
            packed = _find_note(file)
    except OSError as error:
        raise ConformError(f"`{movie}` cannot be read: {error.strerror or error}") from error
    if packed is None:
        raise ConformError(
            f"`{movie}` holds no screenplay", "it was not made by storyboard, or was encoded again since"
        )
    try:
        if packed[:1] != _NOTE_VERSION:
            raise ValueError("it is of another version")
        opened = zlib.decompressobj()
        text = opened.decompress(packed[1:], _MOST_NOTE)
        if not opened.eof:
            raise ValueError("it is cut short, or too long")
        return cast("Plain", json.loads(text))
    except (ValueError, RecursionError, zlib.error) as error:
        raise ConformError(f"the screenplay in `{movie}` cannot be read: {error}") from error


def _find_note(file: BinaryIO) -> bytes | None:
    """What is in our box of an MP4 file, past its type; None where there is none."""
    end = file.seek(0, os.SEEK_END)
    at = 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return None
        size, kind = struct.unpack(">I4s", head)
        header = 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8).rjust(8, b"\0"))
            header = 16
        if size == 0:
            size = end - at
        if size < header or at + size > end:
            return None
        if kind == b"uuid" and file.read(16) == _NOTE:
            return file.read(min(size - header - 16, _MOST_NOTE))
        at += size
    return None


@contextmanager
def aside(out: Path) -> Iterator[Path]:
    """A hidden folder beside `out` to work in; gone in the end. Removes those that killed processes left.

    Whoever works in one holds the lock in it, so that what nobody holds is left over. Raises OSError.
    """
    make_folder(out.parent)
    prefix = f".{out.name[:80]}."
    for left in list(out.parent.iterdir()):
        if left.name.startswith(prefix) and left.name.endswith(_ASIDE):
            _sweep(left)
    while True:
        folder = out.parent / f"{prefix}{scratch_name()}{_ASIDE}"
        folder.mkdir()
        lock = _held(folder)
        if lock is not None:
            break
    try:
        yield folder
    finally:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def _held(folder: Path) -> BaseFileLock | None:
    """The folder's lock; None where someone else holds it, or has just removed the folder."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / "lock", thread_local=False)
    try:
        lock.acquire(blocking=False)
    except (Timeout, FileNotFoundError):
        return None
    if not Path(lock.lock_file).exists():
        lock.release()
        return None
    return lock


def _sweep(folder: Path) -> None:
    with suppress(OSError):  # another user's, or just gone
        lock = _held(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)  # while held: nobody may take a folder that is about to go
            lock.release()
            shutil.rmtree(folder, ignore_errors=True)  # where a file that is open cannot be removed
