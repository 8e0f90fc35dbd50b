"""Scenes and their takes -> movie files for editors: ProRes 422 HQ, ten bits, each picture by itself.

A file is named by all that decides its pictures, and written whole or not at all: one that is there is right. May
import what stands above `masters` in the layout; numpy and PyAV inside functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storyboard.cut import Strip
from storyboard.digest import Digest, digest_of
from storyboard.durable import aside, place
from storyboard.errors import ConformError
from storyboard.footage import RESAMPLE, reason_of, resample
from storyboard.shots import Breakdown
from storyboard.vault import Take, Vault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RECIPE: Final = "master 1: prores_ks profile 3, yuv422p10le, bt709 tv range"
"""How pictures are coded, in words: part of the name of each file."""
SUFFIX: Final = ".mov"
_STRETCH: Final = 128 << 20
"""The most bytes of pictures of one take that are held at a time."""
_BT709, _TV = 1, 1


def master_digest(strips: Sequence[Strip], takes: Mapping[str, Take], film: Breakdown) -> Digest:
    """Of all that decides the file of these strips, one after the other. `takes` are by key."""
    pictures = [takes[strip.key].frames[frame] for strip in strips for frame in strip.frames]
    return digest_of([RECIPE, RESAMPLE, film.fit, film.width, film.height, str(film.rate), pictures])


def write_master(path: Path, strips: Sequence[Strip], takes: Mapping[str, Take], film: Breakdown, vault: Vault) -> None:
    """Write the strips, one after the other, at the film's size and rate. `takes` are by key.

    Raises ConformError where the file cannot be written, DamagedFootage.
    """
    import av

    try:
        with aside(path) as folder:
            written = folder / f"written{SUFFIX}"
            _encode(written, _pictures(strips, takes, film, vault), film)
            place(written, path)
    except (OSError, av.FFmpegError) as error:
        raise ConformError(f"`{path}` cannot be written: {reason_of(error)}", "make room, or use `--out`") from error


def _pictures(
    strips: Sequence[Strip], takes: Mapping[str, Take], film: Breakdown, vault: Vault
) -> Iterator[NDArray[np.uint8]]:
    """What the strips show, [height, width, 3] each, read a stretch at a time."""
    for strip in strips:
        take = takes[strip.key]
        most = max(1, _STRETCH // (3 * max(take.width * take.height, film.width * film.height)))
        for first in range(0, len(strip), most):
            stretch = strip.frames[first : first + most]
            indices = sorted(set(stretch))
            found = resample(vault.frames(take, indices), film.width, film.height, film.fit)
            held = dict(zip(indices, found, strict=True))
            yield from (held[index] for index in stretch)


def _encode(path: Path, pictures: Iterator[NDArray[np.uint8]], film: Breakdown) -> None:
    import av
    from av.video.frame import VideoFrame
    from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

    rate = film.rate.fraction
    reformatter = VideoReformatter()
    scaling = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT | Interpolation.FULL_CHR_H_INP
    with av.open(str(path), "w", format="mov", options={"fflags": "+bitexact"}) as container:
        coding = {"profile": "3", "vendor": "apl0", "flags": "+bitexact"}
        stream = container.add_stream("prores_ks", rate=rate, options=coding)
        stream.width, stream.height, stream.pix_fmt = film.width, film.height, "yuv422p10le"
        context = stream.codec_context
        context.time_base = 1 / rate
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _TV
        for index, picture in enumerate(pictures):
            frame = reformatter.reformat(
                VideoFrame.from_ndarray(picture, format="rgb24"),
                format="yuv422p10le",
                src_colorspace=Colorspace.ITU709,
                dst_colorspace=Colorspace.ITU709,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
                interpolation=scaling,
            )
            frame.pts, frame.time_base = index, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
