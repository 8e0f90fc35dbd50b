"""Cut + takes in the vault -> movie file.

Each edit is encoded once, as a piece with a key of its own, and kept in the vault; the movie is the pieces, joined by
packet copy. `conform_whole` is what that must equal, frame for frame: one moviepy clip over the whole cut, encoded at
once. Each piece is decoded when it is made. A movie is made aside, read back, and only put in its place if it holds
the pictures of its pieces, coded as they are there, each in its place. May import what stands above `conform` in the
layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from storyboard.boxes import read_note
from storyboard.captions import Cue, chapters_of
from storyboard.conform_pieces import Count, Progress, Source, keys_of, takes_of
from storyboard.cut import Cut
from storyboard.digest import Digest, Plain, digest_file
from storyboard.durable import aside, place
from storyboard.encoding import RECIPE, check_movie
from storyboard.errors import ConformError
from storyboard.mixing import Track
from storyboard.muxing import Words, join
from storyboard.provenance import Origin
from storyboard.soundtrack import Soundtrack
from storyboard.vault import Vault

__all__ = ["RECIPE", "Movie", "conform", "conform_whole", "read_note", "segment_keys"]


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
    takes = takes_of(cut, vault)
    keys = keys_of(cut, takes)
    words = Words(title, chapters_of(cut), captions, origin, note)
    with _disk_faults(out), aside(out) as folder:
        while True:
            source = Source(cut, vault, takes, folder, Count(progress, cut.frames))
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
    takes = takes_of(cut, vault)
    with _disk_faults(out), aside(out) as folder:
        source = Source(cut, vault, takes, folder, Count(progress, cut.frames))
        pieces = [(source.encode(cut.edits, "whole"), cut.frames)]
        return _finish(cut, out, folder, pieces, Words(title, chapters_of(cut), note=note), (), 1)


def segment_keys(cut: Cut, vault: Vault) -> tuple[str, ...]:
    """The key of each edit's encoded piece: all that decides its frames, known without decoding. Raises MissingTakes,
    ConformError where ffmpeg cannot be run."""
    return tuple(keys_of(cut, takes_of(cut, vault)))


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
    pictures = join(pieces, made, cut.rate, words, track.path if track else None)
    samples = track.samples if track else None
    check_movie(made, pictures, cut.frames, rate=cut.rate, width=cut.width, height=cut.height, samples=samples)
    digest, size = digest_file(made), made.stat().st_size
    place(made, out)
    return Movie(out, digest, size, cut.frames, (*keys, *([track.key] if track else ())), encoded)
