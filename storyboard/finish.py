"""A film whose takes are all there -> the movie, its lock and its manifest, each written whole.

The movie comes first, then the lock, which says what is in it, then the manifest, from which a finished film is known.
May import what stands above `finish` in the layout.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storyboard.blame import ShotFacts, make_note
from storyboard.captions import captions_of
from storyboard.cut import assemble
from storyboard.digest import Digest, digest_bytes, digest_file, digest_of
from storyboard.encoding import RECIPE
from storyboard.engines import is_built_in
from storyboard.engines.archive import ArchiveOptions
from storyboard.errors import Cancelled, CommandError, StoryboardError
from storyboard.events import FilmEncoding, LockNotKept
from storyboard.fresh import code_digest, is_movie, relative_to, settle
from storyboard.lock import Lock, write_lock
from storyboard.mixing import RECIPE as MIXING
from storyboard.muxing import LAYOUT
from storyboard.pins import Mode
from storyboard.production import Production
from storyboard.project import Manifest, MovieRecord, ShotRecord, read_manifest, write_manifest
from storyboard.provenance import origin_of
from storyboard.shots import Shot
from storyboard.soundtrack import soundtrack_of
from storyboard.splice import next_lock
from storyboard.vault import Take

if TYPE_CHECKING:
    from storyboard.conform import Movie

_READ_ONLY: Final = (errno.EROFS, errno.EACCES, errno.EPERM)


class Finish:
    """The movie of a cut whose takes are all there."""

    def __init__(self, production: Production, takes: Mapping[str, Take], shot: Sequence[str] = ()) -> None:
        breakdown = production.plan.breakdown
        self.production = production
        self.where, self.vault, self.takes = production.places, production.vault, takes
        self.cut = assemble(breakdown, self.vault, takes=takes, scene=production.variant.only)
        self.last, self.shot = read_manifest(self.where.manifest), tuple(shot)
        self.title = breakdown.screenplay.title
        needed = production.wanted
        self.shots = [shot for name, shot in breakdown.shots.items() if name in needed]
        on_screen = [shot for shot in self.shots if shot.id in self.cut.shots]
        facts = {shot.id: ShotFacts(shot.prompt, shot.engine.spec.name, takes[shot.id].seed) for shot in on_screen}
        self.note = make_note(breakdown.screenplay.canonical(), self.cut, facts)
        self.captions = captions_of(breakdown, only=production.variant.only)
        self.origin = origin_of(shot.engine for shot in on_screen)
        self.sound = soundtrack_of(breakdown, takes, only=production.variant.only)
        heard = [MIXING, self.sound.plain()] if self.sound else []
        self.recipe = digest_of([RECIPE, LAYOUT, self.origin and self.origin.value, self.title, self.note, *heard])
        self.lock = self._lock()
        self.lock_kept = True

    @property
    def path(self) -> Path:
        return self.where.movie

    def is_there(self) -> bool:
        """Whether the file at the movie's path is this very movie."""
        movie = self.last.movie if self.last else None
        return movie is not None and movie.recipe == self.recipe and is_movie(self.path, movie)

    def _lock(self) -> Lock | None:
        """What the film's lock says from now on; None where the lock is left alone."""
        made, plan = self.production, self.production.plan
        if made.variant.name is not None or made.mode is Mode.LOCKED:
            return None
        return next_lock(made.plain, plan.breakdown, {**self.takes, **plan.heads}, made.lock, made.mode)

    def keep_lock(self) -> Generator[LockNotKept, None, None]:
        """Write the lock, where it is not there already. Raises CommandError where that fails but for a folder that can
        only be read: there the film does without."""
        if self.lock is None:
            return
        self.vault.name_root(self.where.lock)  # before there is one: a kill in between must not leave it unknown
        try:
            write_lock(self.where.lock, self.lock)
        except OSError as error:
            reason = error.strerror or str(error)
            if error.errno not in _READ_ONLY:
                raise CommandError(f"cannot write `{self.where.lock}`: {reason}", "make room beside it") from error
            self.lock_kept = False
            yield LockNotKept(self.where.lock, reason)

    def manifest(self, movie: MovieRecord, segments: tuple[str, ...], shot: tuple[str, ...]) -> Manifest:
        records = tuple(record_of(shot, self.takes[shot.id]) for shot in self.shots)
        lock = self.lock or self.production.lock
        code, inputs = _made_from(self.production, lock) if self.lock_kept else ("", ())
        return Manifest(self.where.screenplay.name, self.title, movie, records, segments, code, inputs, shot)

    def remember_inputs(self) -> None:
        """Bring the manifest up to date where another text, or other code of ours, came to the same movie."""
        last = self.last
        if last and last.movie and last != (now := self.manifest(last.movie, last.segments, last.shot)):
            with suppress(StoryboardError):  # it only spares work next time
                write_manifest(self.where.manifest, now)

    def make(self) -> Generator[FilmEncoding | LockNotKept, None, None]:
        """The movie file, then its lock, then its manifest."""
        from storyboard.conform import conform

        movie = yield from _told(
            lambda progress: conform(
                self.cut,
                self.vault,
                self.path,
                title=self.title,
                captions=self.captions,
                origin=self.origin,
                note=self.note,
                sound=self.sound,
                progress=progress,
            )
        )
        yield from self.keep_lock()
        record = MovieRecord(self.path.name, movie.digest, movie.size, movie.frames, self.recipe)
        self.vault.name_root(self.where.manifest)  # before there is one, as above
        write_manifest(self.where.manifest, self.manifest(record, movie.segments, self.shot))
        self.vault.note_used(take.key for take in self.takes.values())
        settle(self.where, self.vault)


def _made_from(production: Production, lock: Lock | None) -> tuple[str, tuple[tuple[str, Digest], ...]]:
    """Digests of our code and of all files that the film was made from (see `fresh`).

    Nothing where more decides it, other people's engines or weights from elsewhere, or where there is something to tell
    each time.
    """
    breakdown = production.plan.breakdown
    shots = breakdown.shots.values()
    specs = {shot.engine.spec.name: shot.engine.spec for shot in shots}
    weighty = {shot.engine.spec.name for shot in shots if shot.engine.weights is not None}
    ours = all(is_built_in(name) and (spec.carried or name not in weighty) for name, spec in specs.items())
    more = any(member.reference is not None for member in breakdown.screenplay.cast.values())
    more |= lock is not None and bool(lock.pins.takes or lock.pins.heads)
    if production.variant.partial or breakdown.notices or more or not ours:
        return "", ()
    files = {production.places.screenplay: digest_bytes(breakdown.screenplay.source.text.encode())}
    for shot in shots:
        files |= {still.path: still.digest for still in shot.stills}
        if isinstance(options := shot.engine.options, ArchiveOptions):
            files[Path(options.path)] = Digest(options.file)
    files |= {sound.file.path: sound.file.digest for sound in breakdown.sounds if sound.file is not None}
    if production.variant.as_written:
        try:
            files[production.places.lock] = digest_file(production.places.lock)
        except OSError:  # whether one comes into being cannot be told
            return "", ()
    folder = production.places.screenplay.parent
    code = code_digest(production.variant, carried=bool(weighty))
    return code, tuple((relative_to(folder, path), digest) for path, digest in files.items())


def record_of(shot: Shot, take: Take) -> ShotRecord:
    """What a manifest says of a shot whose take is there."""
    seconds = take.made.get("seconds")
    return ShotRecord(
        id=shot.id,
        scene=shot.scene,
        prompt=shot.prompt,
        seed=take.seed,
        key=take.key,
        footage=take.footage,
        engine=shot.engine.spec.name,
        weights=shot.engine.weights,
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        frames=len(take.frames),
    )


def _told(work: Callable[[Callable[[int, int], None]], Movie]) -> Generator[FilmEncoding, None, Movie]:
    """`work` in a thread of its own, its progress as events. Closing the iterator stops it at its next report."""
    import queue
    import threading

    said: queue.SimpleQueue[FilmEncoding | Movie | BaseException] = queue.SimpleQueue()
    stop = threading.Event()

    def progress(done: int, total: int) -> None:
        if stop.is_set():
            raise Cancelled("the render was stopped")
        said.put(FilmEncoding(done, total))

    def run() -> None:
        try:
            said.put(work(progress))
        except BaseException as error:  # it is raised where the events are read
            said.put(error)

    thread = threading.Thread(target=run, name="conform", daemon=True)
    thread.start()
    try:
        while True:
            try:
                word = said.get(timeout=0.2)  # with a limit, so that an interrupt is heard on every system
            except queue.Empty:
                continue
            if isinstance(word, FilmEncoding):
                yield word
            elif isinstance(word, BaseException):
                raise word
            else:
                return word
    finally:
        stop.set()
        thread.join(timeout=10)
