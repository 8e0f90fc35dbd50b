"""Cut + takes in the vault -> movie file. The only module that imports moviepy, which composes and encodes.

Each edit is encoded once, as a piece with a key of its own, and kept in the vault; the movie is the pieces, joined by
packet copy. `conform_whole` is what that must equal, frame for frame: one moviepy clip over the whole cut, encoded at
once. A movie is made aside, checked by decoding all of it, and only then put in its place.

moviepy's time is float seconds, so it is asked only for what survives that: a clip of n frames lasts (n + 1/4) / rate,
and the frame at t is round(t * rate). May import what stands above `conform` in the layout.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from storyboard.boxes import read_note
from storyboard.captions import Cue, chapters_of
from storyboard.cut import Cut, Edit, Mix, Strip
from storyboard.digest import Digest, Plain, digest_file, digest_of
from storyboard.durable import aside, place
from storyboard.encoding import (
    CODEC,
    PRESET,
    RECIPE,
    THREADS,
    check_movie,
    encode_options,
    ffmpeg_binary,
    ffmpeg_version,
)
from storyboard.errors import ConformError, MissingTakes
from storyboard.footage import RESAMPLE, resample
from storyboard.mixing import Track, keep_piece, track_key, write_track
from storyboard.muxing import Words, join
from storyboard.provenance import Origin
from storyboard.soundtrack import Soundtrack
from storyboard.timing import round_half_up
from storyboard.vault import Take, Vault

if TYPE_CHECKING:
    import subprocess

    import numpy as np
    from moviepy import VideoClip
    from numpy.typing import NDArray

__all__ = ["RECIPE", "Movie", "conform", "conform_whole", "read_note", "segment_keys"]


_OPAQUE: Final = 255
_STRETCH: Final = 256 << 20
"""The most bytes of pictures of one strip that are held at a time."""

Progress = Callable[[int, int], None]
"""Called with (frames done, frames in all); what it raises stops the conform."""


@dataclass(frozen=True, slots=True)
class Movie:
    """A finished movie file. `segments` are the keys of the pieces that it was joined from, its sound's the last."""

    path: Path
    digest: Digest
    size: int
    """In bytes."""
    frames: int
    segments: tuple[str, ...]
    encoded: int
    """How many pieces were encoded for it; the others were in the vault."""


def conform(
    cut: Cut,
    vault: Vault,
    out: Path,
    *,
    title: str = "",
    captions: tuple[Cue, ...] = (),
    origin: Origin | None = None,
    note: Plain = None,
    sound: Soundtrack | None = None,
    progress: Progress | None = None,
    from_scratch: bool = False,
) -> Movie:
    """Make the movie `out` from the cut, with a chapter for each scene; `note` can be read back with `read_note`.

    The same input gives the same bytes. Pieces and sound that the vault has are not encoded again, unless
    `from_scratch`. Raises ConformError, MissingTakes or another VaultError; then, as after a kill at any moment, what
    was at `out` is there, whole.
    """
    takes = _takes_of(cut, vault)
    keys = _keys_of(cut, takes)
    words = Words(title, chapters_of(cut), captions, origin, note)
    with _disk_faults(out), aside(out) as folder:
        while True:
            source = _Source(cut, vault, takes, folder, _Count(progress, cut.frames))
            track = source.track(sound, afresh=from_scratch) if sound else None
            pieces = source.pieces(keys, afresh=from_scratch)
            try:
                return _finish(cut, out, folder, pieces, words, tuple(keys), source.encoded, track)
            except ConformError:
                if from_scratch or not source.reused:
                    raise
                from_scratch = True  # a piece in the vault may be to blame, which is replaced now


def conform_whole(
    cut: Cut, vault: Vault, out: Path, *, title: str = "", note: Plain = None, progress: Progress | None = None
) -> Movie:
    """As `conform`, but by one encode of one moviepy clip, with no use of encoded pieces: the reference path."""
    takes = _takes_of(cut, vault)
    with _disk_faults(out), aside(out) as folder:
        source = _Source(cut, vault, takes, folder, _Count(progress, cut.frames))
        pieces = [(source.encode(cut.edits, "whole"), cut.frames)]
        return _finish(cut, out, folder, pieces, Words(title, chapters_of(cut), note=note), (), 1)


def segment_keys(cut: Cut, vault: Vault) -> tuple[str, ...]:
    """The key of each edit's encoded piece: all that decides its frames, known without decoding. Raises MissingTakes,
    ConformError where ffmpeg cannot be run."""
    return tuple(_keys_of(cut, _takes_of(cut, vault)))


@contextmanager
def _disk_faults(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "make room, or name another folder with `--out`"
        raise ConformError(f"`{out}` cannot be written: {error.strerror or error}", hint) from error


def _finish(
    cut: Cut,
    out: Path,
    folder: Path,
    pieces: Iterable[tuple[Path, int]],
    words: Words,
    keys: tuple[str, ...],
    encoded: int,
    track: Track | None = None,
) -> Movie:
    """Join, check, and put in its place."""
    made = folder / "movie.mp4"
    join(pieces, made, cut.rate, words, track.path if track else None)
    samples = track.samples if track else None
    check_movie(made, frames=cut.frames, rate=cut.rate, width=cut.width, height=cut.height, samples=samples)
    digest, size = digest_file(made), made.stat().st_size
    place(made, out)
    return Movie(out, digest, size, cut.frames, (*keys, *([track.key] if track else ())), encoded)


# What a piece's key says


def _takes_of(cut: Cut, vault: Vault) -> dict[str, Take]:
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


def _keys_of(cut: Cut, takes: Mapping[str, Take]) -> list[str]:
    coder = ffmpeg_version()
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


class _Count:
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


class _Source:
    """Encoded pieces of a cut: from the vault, or encoded now."""

    def __init__(self, cut: Cut, vault: Vault, takes: Mapping[str, Take], folder: Path, count: _Count) -> None:
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
        """Encode edits that touch as one piece, an IDR frame at the first frame of each."""
        self.encoded += 1
        path = self._folder / f"{name}.mp4"
        begins = [edit.first - edits[0].first for edit in edits]
        frames = begins[-1] + len(edits[-1])
        clip = self._clip(edits[0]) if len(edits) == 1 else self._row(edits, begins)
        _encode(clip, frames, self._cut, begins[1:], path, self._count)
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


def _encode(clip: VideoClip, frames: int, cut: Cut, keyframes: Sequence[int], path: Path, count: _Count) -> None:
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
