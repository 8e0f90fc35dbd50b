"""The author's own footage as a scene: an engine to the crew, which reads a movie file instead of making pictures.

The screenplay's words are `footage: {file: ..., from: 2s}`; the planner turns them into `ArchiveOptions`. The key knows
the file by its content, so moving or renaming it shoots nothing again.

May import engines.base and what stands above it. PyAV and numpy are imported when a shot is really read.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import Field, field_validator

from storyboard.digest import digest_file
from storyboard.engines.base import Assignment, Capabilities, EngineOptions, EngineSpec, FrameRule, Progress
from storyboard.errors import ShotError
from storyboard.footage import Footage, open_movie, reason_of, resample
from storyboard.timing import Rate

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

MOST_FRAMES: Final = 120
"""Of one shot; a longer scene is read in pieces, so that memory is bounded."""
_SEEK_FROM: Final = Fraction(2)
"""Seconds from which on seeking pays."""


class ArchiveOptions(EngineOptions):
    """Which stretch of which file, and how it fills the picture."""

    unkeyed: ClassVar[frozenset[str]] = frozenset({"path"})

    file: str = Field(pattern="^[0-9a-f]{64}$", description="Digest of the file's content")
    begin: str = Field("0", description="Seconds into the file, as a fraction: `2`, `7/2`")
    fit: str = Field("cover", pattern="^(cover|contain)$", description="Fill the picture and crop, or show all of it")
    path: str = Field(description="Where the file is now")

    @field_validator("begin")
    @classmethod
    def _canonical(cls, value: str) -> str:
        """One spelling for one moment, as it enters the key."""
        seconds = Fraction(value)
        if seconds < 0:
            raise ValueError("a file has nothing before its start")
        return str(seconds)


def capabilities(options: EngineOptions) -> Capabilities:
    """Any size, any rate, up to `MOST_FRAMES` at a time. Continues nothing and leads into nothing."""
    return Capabilities(
        version=1,
        frames=FrameRule(1, 0, 1, MOST_FRAMES),
        native_rate=None,
        default_size=(384, 216),
        default_rate=Rate(Fraction(24)),
    )


class Archive:
    """Reads footage; holds nothing between shots."""

    def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
        """The stretch that the options name, at the assignment's size, rate and count. Raises ShotError."""
        options, shot = assignment.options, assignment.shot
        assert isinstance(options, ArchiveOptions), options
        path = Path(options.path)
        try:
            digest = digest_file(path)
        except OSError as error:
            raise ShotError(f"shot `{shot}`: `{path.name}` cannot be read: {reason_of(error)}") from error
        if digest != options.file:
            hint = "render again, which reads it as it is now"
            raise ShotError(f"shot `{shot}`: `{path.name}` changed while the film was being made", hint)
        progress(0, 1)
        a = assignment
        try:
            frames = read_span(path, Fraction(options.begin), a.rate, a.frames, a.width, a.height, options.fit)
        except ShotError as error:
            raise ShotError(f"shot `{shot}`: {error.message}", error.hint) from error
        progress(1, 1)
        return Footage(frames, assignment.rate)

    def close(self) -> None:
        """Nothing is held."""


def read_span(
    path: Path, start: Fraction, rate: Rate, count: int, width: int, height: int, fit: str
) -> NDArray[np.uint8]:
    """`count` film frames of a movie from `start` seconds after its first picture, [count, height, width, 3].

    Frame i is the picture on screen at start + (i + 1/2) / rate, by the movie's own timestamps, whatever its rate or
    unevenness. Colours are converted by the track's own matrix and range. Rotation marks, pixel aspect and HDR
    transfer are ignored. Holds one picture at a time besides the result. Raises ShotError, also when the movie is
    too short.
    """
    import av
    import numpy as np

    result = np.empty((count, height, width, 3), np.uint8)
    filled, until = 0, Fraction(0)
    try:
        for frame, until in _on_screen(path, start):
            picture = None
            while filled < count and start + Fraction(2 * filled + 1, 2) / rate.fraction < until:
                if picture is None:
                    picture = resample(_to_rgb(frame)[None], width, height, fit)[0]
                result[filled] = picture
                filled += 1
            if filled == count:
                return result
    except (OSError, ValueError, av.FFmpegError) as error:
        message = str(error) if type(error) is ValueError else f"`{path.name}` is damaged: {reason_of(error)}"
        raise ShotError(message, "give an MP4, MOV, MKV or WebM file that plays to its end") from error
    asked = float(start + count / rate.fraction)
    hint = "start earlier, or shorten the scene"
    raise ShotError(f"`{path.name}` has {float(until):.2f} s of pictures; {asked:.2f} s of them are asked for", hint)


def _on_screen(path: Path, start: Fraction) -> Generator[tuple[VideoFrame, Fraction]]:
    """(picture, the moment at which the next one takes its place), the first of them on screen at `start` or before."""
    shown: tuple[VideoFrame, Fraction] | None = None
    lasts = Fraction(0)
    for frame, at in _from_key_picture(path, start):
        if shown is not None:
            yield shown[0], at
            lasts = at - shown[1]
        shown = frame, at
    if shown is not None:
        frame, at = shown
        yield frame, at + ((frame.duration or 0) * (frame.time_base or 0) or lasts)


def _from_key_picture(path: Path, start: Fraction) -> Generator[tuple[VideoFrame, Fraction]]:
    """Decoded pictures with their moments, by seeking where that lands on a whole picture not after `start`."""
    with closing(_decoded(path, None)) as pictures:
        # Where the first picture is can only be known by decoding it: some containers state when decoding starts.
        first = next(pictures, None)
        zero = first[1] if first is not None else Fraction(0)
        if first is not None and start < _SEEK_FROM:
            yield first[0], Fraction(0)
            yield from ((frame, at - zero) for frame, at in pictures)
            return
    with closing(_decoded(path, zero + start)) as pictures:
        first = next(pictures, None)
        if first is not None and first[0].key_frame and first[1] <= zero + start:
            yield first[0], first[1] - zero
            yield from ((frame, at - zero) for frame, at in pictures)
            return
    yield from ((frame, at - zero) for frame, at in _decoded(path, None))


def _decoded(path: Path, seek: Fraction | None) -> Generator[tuple[VideoFrame, Fraction]]:
    """Pictures in the order in which they are shown, with the file's own times in seconds."""
    with open_movie(path) as (container, track):
        base = track.time_base
        assert base is not None
        track.codec_context.thread_type = "AUTO"
        if seek is not None:
            container.seek(seek // base, stream=track)
        for frame in container.decode(track):
            stamp = frame.pts if frame.pts is not None else frame.dts
            if stamp is not None:
                yield frame, stamp * base


def _to_rgb(frame: VideoFrame) -> NDArray[np.uint8]:
    """One decoded picture as uint8 RGB [height, width, 3], by its own matrix and range, the same on every machine."""
    import numpy as np
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    unspecified = 2
    # What a file does not say is guessed as players do: high definition is BT.709, the rest BT.601.
    guess = Colorspace.ITU709 if frame.width >= 1280 or frame.height > 576 else Colorspace.ITU601
    exact = Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
    exact |= Interpolation.ACCURATE_RND | Interpolation.BITEXACT
    picture = frame.reformat(
        format="rgb24",
        src_colorspace=guess if frame.colorspace == unspecified else None,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BICUBIC | exact,
    )
    return np.asarray(picture.to_ndarray(), np.uint8)


SPEC: Final = EngineSpec(
    name="archive",
    summary="reads the author's own footage",
    options=ArchiveOptions,
    capabilities=capabilities,
    missing=lambda: None,
    weights=lambda options: None,
    open=lambda options: Archive(),
)
