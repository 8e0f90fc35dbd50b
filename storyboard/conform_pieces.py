"""Edits of a cut + takes in the vault -> encoded pieces of a movie, each with a key of its own. The only module that
imports moviepy, which composes and encodes.

moviepy's time is float seconds, so it is asked only for what survives that: a clip of n frames lasts (n + 1/4) / rate,
and the frame at t is round(t * rate). May import what stands above `conform_pieces` in the layout.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from storyboard.cut import Cut, Edit, Mix, Strip
from storyboard.digest import Plain, digest_of
from storyboard.encoding import (
    CODEC,
    PRESET,
    RECIPE,
    THREADS,
    check_piece,
    encode_options,
    ffmpeg_binary,
    ffmpeg_version,
)
from storyboard.errors import ConformError, MissingTakes
from storyboard.footage import RESAMPLE, resample
from storyboard.mixing import Track, keep_piece, track_key, write_track
from storyboard.soundtrack import Soundtrack
from storyboard.timing import round_half_up
from storyboard.vault import Take, Vault

if TYPE_CHECKING:
    import subprocess

    import numpy as np
    from moviepy import VideoClip
    from numpy.typing import NDArray

_OPAQUE: Final = 255
_STRETCH: Final = 256 << 20
"""The most bytes of pictures of one strip that are held at a time."""

Progress = Callable[[int, int], None]
"""Called with (frames done, frames in all); what it raises stops the conform."""


# What a piece's key says


def takes_of(cut: Cut, vault: Vault) -> dict[str, Take]:
    """The takes that a cut shows, by key. Raises MissingTakes."""
    takes: dict[str, Take] = {}
    for edit in cut.edits:
        for strip in _strips_of(edit):
            if strip.key not in takes:
                take = vault.find(strip.key)
                if take is None:
                    raise MissingTakes(f"shot `{edit.shot}` shows a take that is not in the vault", "render the film")
                takes[strip.key] = take
    return takes


def _strips_of(edit: Edit) -> tuple[Strip, ...]:
    under = edit.mix.under if edit.mix else None
    return (edit.strip,) if under is None else (edit.strip, under)


def keys_of(cut: Cut, takes: Mapping[str, Take], coder: str | None = None) -> list[str]:
    """The key of each edit's piece, as `coder` makes it; left out, ffmpeg is asked. Raises ConformError."""
    coder = coder or ffmpeg_version()
    return [str(digest_of(_slate_of(edit, cut, takes, coder))) for edit in cut.edits]


def _slate_of(edit: Edit, cut: Cut, takes: Mapping[str, Take], coder: str) -> Plain:
    """All that decides a piece's frames."""
    slate: dict[str, Plain] = {
        "recipe": RECIPE,
        "coder": coder,
        "size": [cut.width, cut.height],
        "rate": str(cut.rate),
        "pictures": [_pictures_of(strip, takes) for strip in _strips_of(edit)],
    }
    if any((takes[strip.key].width, takes[strip.key].height) != (cut.width, cut.height) for strip in _strips_of(edit)):
        slate["resampled"] = [RESAMPLE, cut.fit]
    if edit.mix is not None:
        slate["alphas"] = [_alphas(edit.mix, frame) for frame in range(len(edit))]
    return slate


def _pictures_of(strip: Strip, takes: Mapping[str, Take]) -> Plain:
    digests = takes[strip.key].frames
    assert all(0 <= frame < len(digests) for frame in strip.frames), strip.key
    return [digests[frame] for frame in strip.frames]


def _alphas(mix: Mix, frame: int) -> tuple[int, int]:
    """How opaque the picture under and the one over it are, of 255, so that over black their weights come out."""
    under, over = mix.weights(frame)
    covered = under / (1 - over) if over < 1 else Fraction(0)
    return round_half_up(covered * _OPAQUE), round_half_up(over * _OPAQUE)


# Composing and encoding


class Count:
    """Counts frames that are done, for who wants to know."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def add(self, frames: int) -> None:
        self._done += frames
        if self._progress is not None:
            self._progress(self._done, self._total)


class _Reel:
    """The pictures of a strip at the film's size, read a stretch at a time."""

    def __init__(self, strip: Strip, take: Take, cut: Cut, vault: Vault) -> None:
        self._strip, self._take, self._cut, self._vault = strip, take, cut, vault
        picture = 3 * max(take.width * take.height, cut.width * cut.height)
        self._most = max(1, _STRETCH // picture)
        self._held: dict[int, NDArray[np.uint8]] = {}

    def picture(self, frame: int) -> NDArray[np.uint8]:
        """What frame `frame` of the strip shows, uint8 RGB [height, width, 3]."""
        wanted = self._strip.frames[frame]
        if wanted not in self._held:
            self._held = {}
            stretch = self._strip.frames[frame : frame + self._most]
            indices = sorted(set(stretch))
            pictures = self._vault.frames(self._take, indices)
            pictures = resample(pictures, self._cut.width, self._cut.height, self._cut.fit)
            self._held = dict(zip(indices, pictures, strict=True))
        return self._held[wanted]


class Source:
    """Encoded pieces of a cut: from the vault, or encoded now."""

    def __init__(self, cut: Cut, vault: Vault, takes: Mapping[str, Take], folder: Path, count: Count) -> None:
        self._cut, self._vault, self._takes, self._folder, self._count = cut, vault, takes, folder, count
        self.encoded = 0
        self.reused = False

    def pieces(self, keys: Sequence[str], *, afresh: bool) -> list[tuple[Path, int]]:
        """The file and the frames of each edit's piece. With `afresh` the vault's are not used, but replaced."""
        made: dict[str, Path] = {}
        for key, edit in zip(keys, self._cut.edits, strict=True):
            kept = None if afresh or key in made else self._vault.find_segment(key)
            if kept is not None:
                made[key] = kept
                self.reused = True
            if key in made:
                self._count.add(len(edit))
            else:
                made[key] = keep_piece(self._vault, key, self.encode([edit], f"piece-{key[:16]}"))
        return [(made[key], len(edit)) for key, edit in zip(keys, self._cut.edits, strict=True)]

    def track(self, sound: Soundtrack, *, afresh: bool) -> Track:
        """The film's sound, which is a piece by itself."""
        key = track_key(sound)
        kept = None if afresh else self._vault.find_segment(key)
        self.reused |= kept is not None
        path = kept or write_track(sound, self._vault, self._folder, partial(self._count.add, 0))
        return Track(key, kept or keep_piece(self._vault, key, path), sound.length)

    def encode(self, edits: Sequence[Edit], name: str) -> Path:
        """Encode edits that touch as one piece, an IDR frame at the first frame of each. Raises ConformError."""
        self.encoded += 1
        path = self._folder / f"{name}.mp4"
        begins = [edit.first - edits[0].first for edit in edits]
        frames = begins[-1] + len(edits[-1])
        clip = self._clip(edits[0]) if len(edits) == 1 else self._row(edits, begins)
        _encode(clip, frames, self._cut, begins[1:], path, self._count)
        check_piece(path, frames, rate=self._cut.rate, width=self._cut.width, height=self._cut.height)
        return path

    def _row(self, edits: Sequence[Edit], begins: Sequence[int]) -> VideoClip:
        """One clip over several edits, of which one is open at a time."""
        rate = float(self._cut.rate.fraction)
        opened: dict[int, VideoClip] = {}

        def picture(t: float) -> NDArray[np.uint8]:
            frame = round(t * rate)
            number = bisect_right(begins, frame) - 1
            if number not in opened:
                opened.clear()
                opened[number] = self._clip(edits[number])
            return cast("NDArray[np.uint8]", opened[number].get_frame((frame - begins[number]) / rate))

        return self._timed(picture, begins[-1] + len(edits[-1]))

    def _clip(self, edit: Edit) -> VideoClip:
        over = self._layer(edit.strip)
        if edit.mix is None:
            return over
        return self._mixed(edit, edit.mix, over)

    def _mixed(self, edit: Edit, mix: Mix, over: VideoClip) -> VideoClip:
        from moviepy import CompositeVideoClip

        size = (self._cut.width, self._cut.height)
        layers = [over.with_mask(self._mask(edit, lambda frame: _alphas(mix, frame)[1]))]
        if mix.under is not None:
            mask = self._mask(edit, lambda frame: _alphas(mix, frame)[0])
            layers.insert(0, self._layer(mix.under).with_mask(mask))
        return CompositeVideoClip(layers, size=size, bg_color=(0, 0, 0))

    def _layer(self, strip: Strip) -> VideoClip:
        reel = _Reel(strip, self._takes[strip.key], self._cut, self._vault)
        rate = float(self._cut.rate.fraction)
        return self._timed(lambda t: reel.picture(round(t * rate)), len(strip))

    def _mask(self, edit: Edit, alpha: Callable[[int], int]) -> VideoClip:
        import numpy as np

        rate = float(self._cut.rate.fraction)
        shape = (self._cut.height, self._cut.width)
        # moviepy cuts 255 times the mask down to a whole number: from half above, whatever rounding does, to ours.
        return self._timed(lambda t: np.full(shape, (alpha(round(t * rate)) + 0.5) / _OPAQUE), len(edit), is_mask=True)

    def _timed(
        self, picture: Callable[[float], NDArray[np.generic]], frames: int, *, is_mask: bool = False
    ) -> VideoClip:
        from moviepy import VideoClip

        span = (frames + 0.25) / float(self._cut.rate.fraction)
        return VideoClip(picture, is_mask=is_mask, duration=span)


def _encode(clip: VideoClip, frames: int, cut: Cut, keyframes: Sequence[int], path: Path, count: Count) -> None:
    """Write the clip by moviepy's ffmpeg, which is gone when this returns or raises. Raises ConformError."""
    from moviepy.config import FFMPEG_BINARY
    from moviepy.video.io.ffmpeg_writer import FFMPEG_VideoWriter

    if ffmpeg_binary() != FFMPEG_BINARY:
        raise ConformError(f"moviepy runs `{FFMPEG_BINARY}`, not `{ffmpeg_binary()}`", "set `FFMPEG_BINARY` itself")
    rate = float(cut.rate.fraction)
    options = encode_options(cut.rate, keyframes)
    size = (cut.width, cut.height)
    writer = FFMPEG_VideoWriter(
        str(path), size, rate, codec=CODEC, preset=PRESET, threads=THREADS, ffmpeg_params=options
    )
    with _ends(writer.proc):
        written = 0
        for picture in clip.iter_frames(fps=rate, dtype="uint8"):
            try:
                writer.write_frame(picture)
            except OSError as error:
                raise ConformError(f"ffmpeg stopped after frame {written}: {_last_lines(str(error))}") from error
            written += 1
            count.add(1)
        assert written == frames, (written, frames)
        _, complaints = writer.proc.communicate()
        if writer.proc.returncode:
            raise ConformError(f"ffmpeg failed: {_last_lines(complaints.decode(errors='replace'))}")


@contextmanager
def _ends(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """A child process that does not outlive what is done with it."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
        for pipe in (process.stdin, process.stderr):
            with suppress(OSError):  # what it did not read any more
                if pipe is not None:
                    pipe.close()
        process.wait()


def _last_lines(text: str) -> str:
    return "\n".join([line for line in text.splitlines() if line.strip()][-16:])
