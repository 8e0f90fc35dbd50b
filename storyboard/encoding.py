"""How the pictures of a movie are coded, and whether a movie that was made shows what it should.

A movie is encoded in pieces that are joined by packet copy, and must then be, frame for frame, what one encode of the
whole would be. So nothing in the coding of a piece may depend on what stands before or after it: each begins with an
IDR frame, groups of pictures are closed, and each picture's quantiser follows from its type alone (no rate control
with a memory, no look-ahead, no adaptive B-frames, one fixed number of threads).

Imports nothing heavy by itself; PyAV inside functions. May import what stands above `encoding` in the layout.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

from storyboard.digest import Digest
from storyboard.errors import ConformError
from storyboard.timing import Rate

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


def check_piece(path: Path, frames: int, *, rate: Rate, width: int, height: int) -> None:
    """Decode all of a piece. Raises ConformError unless it shows `frames` pictures of that size, one each 1 / rate."""
    import av

    shown = 0
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                at = None if frame.pts is None else frame.pts * (frame.time_base or 0) * rate.fraction
                if at != shown or frame.is_corrupt or (frame.width, frame.height) != (width, height):
                    raise ConformError(f"frame {shown} of a piece of the movie is not what it should be")
                shown += 1
    except av.FFmpegError as error:
        raise ConformError(f"a piece of the movie cannot be decoded after frame {shown}: {error}") from error
    if shown != frames:
        raise ConformError(f"a piece of the movie has {shown} frames, not {frames}")


def check_movie(
    path: Path, pictures: Digest, frames: int, *, rate: Rate, width: int, height: int, samples: int | None = None
) -> None:
    """Read all of a movie back. Raises ConformError unless it holds these coded pictures, as `muxing.join` counted them
    together, `frames` of that size, one each 1 / rate, and is heard from the first of them on, for `samples` samples;
    with None it has no sound."""
    import av

    shown: set[int] = set()
    hasher = hashlib.sha256()
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            if stream.average_rate != rate.fraction:
                raise ConformError(f"the movie has {stream.average_rate} frames per second, not {rate}")
            if (stream.codec_context.width, stream.codec_context.height) != (width, height):
                raise ConformError("the movie has not the film's size")
            hasher.update(stream.codec_context.extradata or b"")
            scale = (stream.time_base or Fraction(0)) * rate.fraction
            for packet in container.demux(stream):
                if packet.pts is not None:
                    place, rest = divmod(packet.pts * scale.numerator, scale.denominator)
                    shown.add(-1 if rest else place)
                    hasher.update(packet)
    except av.FFmpegError as error:
        raise ConformError(f"the movie cannot be read after frame {len(shown)}: {error}") from error
    if shown != set(range(frames)):
        raise ConformError(f"the movie has {len(shown)} frames, or not each in its place, not {frames}")
    if hasher.hexdigest() != pictures:
        raise ConformError("the movie's pictures are not those of its pieces")
    heard = _heard(path)
    # Where the movie's clock cannot count samples (see `muxing`), it says one more than there are.
    if heard != samples and (samples is None or heard != samples + 1):
        raise ConformError(f"the movie has {heard} samples of sound, not {samples}")


def _heard(path: Path) -> int | None:
    """How many samples of sound a movie has, all decoded; None where it has no sound. Raises ConformError."""
    import av

    done = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                return None
            stream = container.streams.audio[0]
            for frame in container.decode(stream):
                if frame.pts != done or stream.time_base != Fraction(1, frame.sample_rate):
                    raise ConformError(f"the movie's sound is not what it should be after sample {done}")
                done += frame.samples
            # The last frame of a coder is padded; the track says how much of it counts.
            return min(done, stream.duration or 0)
    except av.FFmpegError as error:
        raise ConformError(f"the movie's sound cannot be decoded after sample {done}: {error}") from error
