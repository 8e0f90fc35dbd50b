"""Frames in memory <-> their lossless file; an author's pictures and movies -> frames.

Frames are uint8 RGB arrays [frames, height, width, 3]. Stored footage is FFV1 level 3 in Matroska: RGB without any
colour conversion, each frame by itself, four slices with checksums, so that a tail is read without what lies before it.
Decoders repair silently: whoever reads footage for keeps compares digests. Sound, where there is any, is a track beside
the pictures; without any, nothing in the file tells of it.

May import errors, timing, digest and sound. numpy, Pillow and PyAV are imported where pictures are really touched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from storyboard.digest import Digest, digest_frame
from storyboard.errors import BadFootage, DamagedFootage, ShotError
from storyboard.sound import Sound, Track, check_sound, lasting
from storyboard.timing import Rate, round_half_up

if TYPE_CHECKING:
    import numpy as np
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray
    from PIL import Image

RESAMPLE: Final = "lanczos on 8 bits; cover: centre crop, scaled; contain: scaled, centred on black"
"""The recipe of `resample`, in words: whatever is resampled names it in its key."""

MOST_IMAGE_PIXELS: Final = 64_000_000
"""In one picture that is read, be it a file's or a movie's: a few KB may say that they are gigabytes of pixels."""
_IMAGE_FORMATS: Final = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
_ORIENTATION: Final = 0x0112  # the EXIF tag; values from 5 up swap width and height

_BOUNDED: Final = {"protocol_whitelist": "file", "max_pixels": str(MOST_IMAGE_PIXELS)}
_FOOTAGE_OPTIONS: Final = {"format_whitelist": "matroska", **_BOUNDED}
_MOVIE_FORMATS: Final = "mov,matroska,avi,mpegts,mpeg,ogg,mxf"


@dataclass(frozen=True, slots=True, eq=False)
class Footage:
    """What an engine shot: `frames` is uint8 RGB [frames, height, width, 3], C-contiguous."""

    frames: NDArray[np.uint8]
    rate: Rate
    sound: Sound | None = None
    """That the engine made with them, from the first frame to the end of the last."""

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def width(self) -> int:
        return int(self.frames.shape[2])

    @property
    def height(self) -> int:
        return int(self.frames.shape[1])

    def head(self, count: int) -> NDArray[np.uint8]:
        """The first `count` frames, a view."""
        assert 0 <= count <= len(self), (count, len(self))
        return self.frames[:count]

    def tail(self, count: int) -> NDArray[np.uint8]:
        """The last `count` frames, a view."""
        assert 0 <= count <= len(self), (count, len(self))
        return self.frames[len(self) - count :]


def check_footage(footage: object, *, frames: int, width: int, height: int, rate: Rate, shot: str) -> None:
    """Raise BadFootage unless the footage is exactly what shot `shot` was asked for."""
    import numpy as np

    wanted = f"{frames} frames of {width}x{height}"
    if not isinstance(footage, Footage):
        raise BadFootage(f"shot `{shot}` asks for {wanted}; its engine returned a {type(footage).__name__}, no footage")
    got: object = footage.frames
    if not isinstance(got, np.ndarray):
        raise BadFootage(f"shot `{shot}` asks for {wanted}; its engine returned a {type(got).__name__}, no array")
    if got.dtype != np.uint8:
        hint = "an engine returns uint8; `from_float` makes it from values of 0 to 1"
        raise BadFootage(f"shot `{shot}` asks for {wanted} of uint8; its engine returned {got.dtype}", hint)
    if got.shape != (frames, height, width, 3):
        came = f"an array of shape {'x'.join(map(str, got.shape)) or 'nothing'}"
        if got.ndim == 4 and got.shape[3] == 3:
            came = f"{got.shape[0]} frames of {got.shape[2]}x{got.shape[1]}"
        raise BadFootage(f"shot `{shot}` asks for {wanted}; its engine returned {came}")
    if not got.flags.c_contiguous:
        raise BadFootage(f"shot `{shot}`: its engine returned frames that are not contiguous in memory")
    if footage.rate != rate:
        raise BadFootage(f"shot `{shot}` asks for {rate} frames per second; its engine returned {footage.rate}")
    if footage.sound is not None:
        check_sound(footage.sound, frames=frames, rate=footage.rate, shot=shot)


def from_float(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Values of 0 to 1, [frames, height, width, 3] -> uint8, rounded half to even; what lies outside is clipped.

    Raises BadFootage on NaN and infinities: cast to uint8 they would be black pixels that nobody notices.
    """
    import numpy as np

    frames = np.empty(values.shape, np.uint8)
    exact = np.empty(values.shape[1:], np.float64)
    for frame, (index, value) in zip(frames, enumerate(values), strict=True):
        np.multiply(value, 255, out=exact, dtype=np.float64)
        if exact.size and not (np.isfinite(exact.min()) and np.isfinite(exact.max())):
            hint = "lower the guidance, or run the model at a higher precision"
            raise BadFootage(f"frame {index} of what the model made holds values that are no numbers (NaN, Inf)", hint)
        frame[:] = np.clip(np.rint(exact, out=exact), 0, 255, out=exact)
    return frames


def frame_digests(frames: NDArray[np.uint8]) -> tuple[Digest, ...]:
    """The digest of each frame of [frames, height, width, 3]."""
    return tuple(digest_frame(frame) for frame in frames)


def write_footage(path: Path, footage: Footage) -> None:
    """Write footage without loss; the same frames and rate give the same bytes on every run. Raises OSError.

    The count of frames stands in the file's head, so that a file that ends early is known by it.
    """
    import av
    from av.video.frame import VideoFrame

    rate = footage.rate.fraction
    slices = 4 if min(footage.width, footage.height) >= 2 else 1
    coding = {"level": "3", "slices": str(slices), "slicecrc": "1", "g": "1", "flags": "+bitexact"}
    with av.open(str(path), "w", format="matroska", options={"fflags": "+bitexact"}) as container:
        container.metadata["FRAMES"] = str(len(footage))
        stream = container.add_stream("ffv1", rate=rate, options=coding)
        stream.width, stream.height, stream.pix_fmt = footage.width, footage.height, "bgr0"
        stream.codec_context.time_base = 1 / rate
        # Slices are coded by themselves, so the number of threads changes no byte. Frame threads would.
        stream.codec_context.thread_type = "SLICE"
        track = Track(container, footage.sound) if footage.sound is not None else None
        for index, picture in enumerate(footage.frames):
            frame = VideoFrame(footage.width, footage.height, "bgr0")
            pixels = _pixels(frame)
            pixels[..., :3], pixels[..., 3] = picture[..., ::-1], 255
            frame.pts, frame.time_base = index, 1 / rate
            container.mux(stream.encode(frame))
            if track is not None:
                track.write(lasting(index + 1, footage.rate, track.sound.rate))
        container.mux(stream.encode(None))


def _pixels(frame: VideoFrame) -> NDArray[np.uint8]:
    """The memory of a `bgr0` frame as [height, width, 4], a view."""
    import numpy as np

    plane = frame.planes[0]
    rows = np.frombuffer(cast("memoryview[int]", plane), np.uint8).reshape(plane.height, plane.line_size)
    return cast("NDArray[np.uint8]", rows[:, : plane.width * 4].reshape(plane.height, plane.width, 4))


def read_footage(path: Path, frames: Sequence[int] | None = None) -> NDArray[np.uint8]:
    """The frames with these indices, in this order and as often as named; all of them where None.

    Only what is wanted is decoded. Raises DamagedFootage when the file is missing, cut short, undecodable, or has
    fewer frames than that. Flipped bits may pass: compare digests.
    """
    import numpy as np

    result = np.empty(0, np.uint8)
    places: dict[int, list[int]] = {}
    with _open_footage(path) as (container, count):
        wanted = range(count) if frames is None else frames
        for place, index in enumerate(wanted):
            places.setdefault(index, []).append(place)
        for index, picture in _decode_picked(container, places.keys(), max(places, default=0)):
            if not result.size:
                result = np.empty((len(wanted), *picture.shape), np.uint8)
            result[places.pop(index, [])] = picture
    if places:
        raise _ends_early(path, min(places))
    return result


def footage_digests(path: Path) -> tuple[Digest, ...]:
    """The digest of each frame, one decoded at a time, however many the file says it has. Raises as `read_footage`."""
    with _open_footage(path) as (container, count):
        found = tuple(digest_frame(picture) for _, picture in _decode_picked(container, range(count), count - 1))
    if len(found) < count:
        raise _ends_early(path, len(found))
    return found


@contextlib.contextmanager
def _open_footage(path: Path) -> Iterator[tuple[InputContainer, int]]:
    """The file, and how many frames it says it has. Whatever is wrong inside becomes DamagedFootage."""
    import av

    try:
        with av.open(f"file:{path}", options=_FOOTAGE_OPTIONS) as container:
            yield container, int(container.metadata["FRAMES"])
    except (OSError, av.FFmpegError, LookupError, ValueError, MemoryError) as error:
        raise DamagedFootage(f"footage `{path.name}` cannot be read: {reason_of(error)}") from error


def _ends_early(path: Path, frame: int) -> DamagedFootage:
    return DamagedFootage(f"footage `{path.name}` ends early: frame {frame} is not there")


def _decode_picked(
    container: InputContainer, wanted: Container[int], last: int
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Decode the packets with these numbers: packet i is frame i, as every frame is coded by itself and in order."""
    import numpy as np

    stream = container.streams.video[0]
    stream.codec_context.thread_type = "SLICE"  # frame threads would give a packet's frame a few packets late
    for index, packet in enumerate(container.demux(stream)):
        if packet.size and index in wanted:
            for frame in stream.codec_context.decode(packet):
                yield index, np.ascontiguousarray(_pixels(frame)[..., 2::-1])
        if index >= last:
            return


def resample(frames: NDArray[np.uint8], width: int, height: int, fit: str) -> NDArray[np.uint8]:
    """[frames, h, w, 3] -> [frames, height, width, 3] as `RESAMPLE` says; the very same array where the size fits.

    `cover` fills the picture and crops what is over, in the middle; `contain` shows all of it, on black.
    """
    import numpy as np
    from PIL import Image

    assert fit in ("cover", "contain"), fit
    had_height, had_width = frames.shape[1:3]
    if (had_width, had_height) == (width, height):
        return frames
    inner_width, inner_height = width, height
    crop_width, crop_height = Fraction(had_width), Fraction(had_height)
    if fit == "cover":
        crop_width = min(crop_width, Fraction(had_height * width, height))
        crop_height = min(crop_height, Fraction(had_width * height, width))
    else:
        inner_width = max(1, min(width, round_half_up(Fraction(had_width * height, had_height))))
        inner_height = max(1, min(height, round_half_up(Fraction(had_height * width, had_width))))
    x, y = (had_width - crop_width) / 2, (had_height - crop_height) / 2
    box = (float(x), float(y), float(x + crop_width), float(y + crop_height))
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    result = np.zeros((len(frames), height, width, 3), np.uint8)
    for index, frame in enumerate(frames):
        scaled = Image.fromarray(frame).resize((inner_width, inner_height), Image.Resampling.LANCZOS, box=box)
        result[index, top : top + inner_height, left : left + inner_width] = np.asarray(scaled)
    return result


@contextlib.contextmanager
def _open_image(path: Path) -> Iterator[Image.Image]:
    """A picture whose head is read and whose pixels are not. Raises ValueError with a plain sentence."""
    import warnings

    from PIL import Image, UnidentifiedImageError

    names = "PNG, JPEG, WebP, BMP or TIFF"
    try:
        with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):
            image = Image.open(path, formats=_IMAGE_FORMATS)
    except Image.DecompressionBombError:
        raise ValueError(f"`{path.name}` has more than {MOST_IMAGE_PIXELS // 10**6} million pixels") from None
    except UnidentifiedImageError:
        raise ValueError(f"`{path.name}` is no {names} picture") from None
    except (OSError, SyntaxError) as error:
        raise ValueError(f"`{path.name}` cannot be read as a picture: {reason_of(error)}") from error
    with image:
        if image.width * image.height > MOST_IMAGE_PIXELS:
            raise ValueError(f"`{path.name}` has more than {MOST_IMAGE_PIXELS // 10**6} million pixels")
        yield image


def probe_image(path: Path) -> tuple[int, int]:
    """Width and height of a picture as it is seen (EXIF orientation applied), without decoding it.

    Raises ValueError with a plain sentence if it is no usable picture.
    """
    with _open_image(path) as image:
        # Pillow decodes a whole PNG to look for EXIF data behind the pixels, where hardly any program puts it.
        told = image.format != "PNG" or "exif" in image.info
        turned = told and image.getexif().get(_ORIENTATION, 1) >= 5
        return (image.height, image.width) if turned else (image.width, image.height)


def read_image(path: Path, width: int, height: int, fit: str) -> NDArray[np.uint8]:
    """A picture as uint8 RGB [height, width, 3].

    EXIF orientation is applied, transparency lies over black, colour profiles are ignored. Raises ShotError.
    """
    import numpy as np
    from PIL import Image, ImageOps

    hint = f"give a whole picture of at most {MOST_IMAGE_PIXELS // 10**6} million pixels, saved as PNG or JPEG"
    try:
        with _open_image(path) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode == "F":
                raise ValueError(f"`{path.name}` holds floating-point values, which have no fixed white")
            if upright.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip rather than scale
                upright = Image.fromarray((np.asarray(upright, np.int64) >> 8).clip(0, 255).astype(np.uint8))
            if upright.has_transparency_data:
                over = upright.convert("RGBA")
                upright = Image.alpha_composite(Image.new("RGBA", over.size, (0, 0, 0, 255)), over)
            pixels = np.asarray(upright.convert("RGB"))
    except ValueError as error:
        raise ShotError(str(error), hint) from error
    except (OSError, SyntaxError) as error:
        raise ShotError(f"`{path.name}` cannot be read as a picture: {reason_of(error)}", hint) from error
    return cast("NDArray[np.uint8]", resample(pixels[None], width, height, fit)[0])


@dataclass(frozen=True, slots=True)
class Movie:
    """What is known of a movie file without decoding it."""

    width: int
    height: int
    duration: Fraction
    """Seconds of its pictures, from the first one on."""
    frames: int | None
    """Pictures in it, where the file says so."""


def open_media(path: Path, formats: str, what: str) -> InputContainer:
    """A file of the author's, if it is in one of these formats. They have to be containers that hold their content
    themselves: a playlist or a script would make ffmpeg open what it names. Raises ValueError with a plain sentence, in
    which `what` says what was looked for."""
    import av

    try:
        options = {"format_whitelist": formats, **_BOUNDED}
        return av.open(f"file:{path}", options=options, metadata_errors="replace")
    except (OSError, ValueError, av.FFmpegError) as error:
        raise ValueError(f"`{path.name}` is no {what} that can be read: {reason_of(error)}") from error


@contextlib.contextmanager
def open_movie(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file and its main picture track. Opens nothing but this one file. Raises ValueError with a plain sentence."""
    with open_media(path, _MOVIE_FORMATS, "movie") as container:
        tracks = [track for track in container.streams.video if track.width and track.height]
        many = f"more than {MOST_IMAGE_PIXELS // 10**6} million pixels"
        if not tracks:
            raise ValueError(f"`{path.name}` has no pictures in it, or pictures of {many}")
        if tracks[0].width * tracks[0].height > MOST_IMAGE_PIXELS:
            raise ValueError(f"`{path.name}` has pictures of {many}")
        yield container, tracks[0]


def probe_movie(path: Path) -> Movie:
    """Size, length and count of a movie's pictures, none decoded. Raises ValueError with a plain sentence."""
    import av

    with open_movie(path) as (container, track):
        width, height, count = track.width, track.height, track.frames or None
        base = track.time_base or Fraction(1, av.time_base)
        if track.duration:
            return Movie(width, height, track.duration * base, count)
        # Matroska states the length of the whole file, sound included; its packets know better.
        first, end, count = track.start_time or 0, 0, 0
        try:
            for packet in container.demux(track):
                if packet.pts is not None:
                    end, count = max(end, packet.pts + (packet.duration or 0)), count + 1
        except av.FFmpegError as error:
            raise ValueError(f"`{path.name}` is damaged: {reason_of(error)}") from error
        if end <= first:
            raise ValueError(f"`{path.name}` has no pictures in it")
        return Movie(width, height, (end - first) * base, count)


def reason_of(error: Exception) -> str:
    """What went wrong, without the path or the full stop that libraries put in."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.rstrip(".").splitlines()[0]
