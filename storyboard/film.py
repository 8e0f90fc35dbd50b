"""A screenplay file -> its film: every step of the line in one place, for the command line and for whoever calls us.

    prepare(path)            load, break down, plan against the vault: nothing is written
    produce(production)      render, assemble, conform, manifest: told as a stream of events

What only a real shot or a real conform needs is imported there, so that a render with nothing to do starts fast.
May import what stands above `film` in the layout.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.blame import ShotFacts, make_note
from storyboard.breakdown import break_down
from storyboard.cut import assemble
from storyboard.digest import Digest, digest_bytes, digest_of
from storyboard.encoding import RECIPE
from storyboard.engines import INTERNAL, is_built_in, spec_of
from storyboard.engines.archive import ArchiveOptions
from storyboard.engines.choice import engine_faults, use_engine
from storyboard.errors import Cancelled, CommandError, StoryboardError
from storyboard.events import (
    Event,
    FilmDone,
    FilmEncoding,
    FilmStopped,
    ShotDone,
    ShotFailed,
    ShotFound,
    ShotNotAttempted,
)
from storyboard.fresh import code_digest, is_movie, relative_to
from storyboard.plan import Plan, State, make_plan
from storyboard.project import (
    Manifest,
    MovieRecord,
    Places,
    ShotRecord,
    Variant,
    places,
    read_manifest,
    write_manifest,
)
from storyboard.screenplay import load
from storyboard.shots import Shot
from storyboard.timing import FrameRange
from storyboard.vault import Take, Vault

if TYPE_CHECKING:
    from storyboard.conform import Movie
    from storyboard.crew import Crew


@dataclass(frozen=True, slots=True)
class Production:
    """A film ready to be rendered."""

    plan: Plan
    vault: Vault
    places: Places
    variant: Variant
    """What was asked for in place of the film itself."""

    @property
    def wanted(self) -> frozenset[str]:
        """Ids of the shots that the film needs."""
        breakdown, only = self.plan.breakdown, self.variant.only
        return frozenset(breakdown.shots) if only is None else breakdown.needed_for([only])


def prepare(
    screenplay: Path,
    *,
    out: Path | None = None,
    vault: Path | None = None,
    engine: str | None = None,
    only: str | None = None,
    partial: bool = False,
) -> Production:
    """Load, break down and plan. `only` is the one scene to render; `partial` shoots nothing: the film so far.

    Raises ScreenplayError, CommandError, VaultError; writes nothing.
    """
    breakdown = break_down(load(screenplay, more=engine_faults), engine=engine)
    if only is not None and only not in {span.id for span in breakdown.scenes}:
        names = ", ".join(f"`{span.id}`" for span in breakdown.scenes[:10])
        raise CommandError(f"there is no scene `{only}` in `{screenplay}`", f"its scenes are {names}")
    variant = Variant(engine, only, partial)
    where = places(screenplay, out=out, vault=vault, variant=variant.name)
    main = places(screenplay, out=out, vault=vault)
    store = Vault(where.vault)
    last = read_manifest(where.manifest) or read_manifest(main.manifest)
    return Production(make_plan(breakdown, store, last), store, where, variant)


def produce(production: Production, crew: Crew | None = None) -> Generator[Event, None, None]:
    """Make the film. Closing the iterator stops everything; what was shot by then is kept.

    Raises VaultError and ConformError; a shot that fails raises nothing (see FilmStopped).
    """
    begun = time.perf_counter()
    if production.variant.partial:
        production = replace(production, plan=_with_stand_ins(production))
    shots, takes = production.wanted, production.plan.takes
    yield production.plan.told(shots)
    if shots <= takes.keys():
        final = _Final(production, takes)
        if final.is_there():
            final.remember_inputs()
            yield FilmDone(final.path, final.cut.frames, time.perf_counter() - begun, changed=False)
            return
    with production.vault.in_use(), _resident(crew) as those:
        stopped = yield from _shoot(production, shots, takes, those)
        if stopped:
            yield stopped
            return
        final = _Final(production, takes)
        yield from final.make()
    yield FilmDone(final.path, final.cut.frames, time.perf_counter() - begun, changed=True)


@contextmanager
def _resident(crew: Crew | None) -> Iterator[Crew]:
    """The crew that was given, or one of our own for as long as the film takes."""
    if crew is not None:
        yield crew
        return
    from storyboard.crew import Here

    own = Here()
    try:
        yield own
    finally:
        own.close()


def _shoot(
    production: Production, shots: frozenset[str], takes: dict[str, Take], crew: Crew
) -> Generator[Event, None, FilmStopped | None]:
    """Shoot what is missing of `shots` and add it to `takes`."""
    from storyboard.render import render

    failed: list[str] = []
    stranded: list[str] = []
    try:
        for event in render(production.plan, production.vault, crew, only=shots):
            if isinstance(event, ShotDone | ShotFound):
                takes[event.shot.id] = event.take
            elif isinstance(event, ShotFailed):
                failed.append(event.shot.id)
            elif isinstance(event, ShotNotAttempted):
                stranded.append(event.shot.id)
            yield event
    finally:
        if len(takes.keys() & shots) < len(shots):
            _remember_unfinished(production, takes)
    return FilmStopped(tuple(failed), tuple(stranded)) if failed else None


def _remember_unfinished(production: Production, takes: Mapping[str, Take]) -> None:
    """Name what was shot for a film that is not finished, so that pruning leaves it alone until the film is."""
    path = production.places.unfinished
    shots = production.plan.breakdown.shots
    records = tuple(_record(shots[name], take) for name, take in takes.items())
    screenplay = production.plan.breakdown.screenplay
    with suppress(StoryboardError):  # it is a courtesy: what stopped the render is what the author has to hear of
        write_manifest(path, Manifest(production.places.screenplay.name, screenplay.title, None, records, ()))
        production.vault.name_root(path)


class _Final:
    """The movie of a cut whose takes are all there."""

    def __init__(self, production: Production, takes: Mapping[str, Take]) -> None:
        breakdown = production.plan.breakdown
        self.production = production
        self.where, self.vault, self.takes = production.places, production.vault, takes
        self.cut = assemble(breakdown, self.vault, takes=takes, scene=production.variant.only)
        self.last = read_manifest(self.where.manifest)
        self.title = breakdown.screenplay.title
        needed = production.wanted
        self.shots = [shot for name, shot in breakdown.shots.items() if name in needed]
        used = {edit.shot for edit in self.cut.edits}
        on_screen = [shot for shot in self.shots if shot.id in used]
        facts = {shot.id: ShotFacts(shot.prompt, shot.engine.spec.name, shot.seed) for shot in on_screen}
        self.note = make_note(breakdown.screenplay.canonical(), self.cut, facts)
        self.recipe = digest_of([RECIPE, self.title, self.note])

    @property
    def path(self) -> Path:
        return self.where.movie

    def is_there(self) -> bool:
        """Whether the file at the movie's path is this very movie."""
        movie = self.last.movie if self.last else None
        return movie is not None and movie.recipe == self.recipe and is_movie(self.path, movie)

    def manifest(self, movie: MovieRecord, segments: tuple[str, ...]) -> Manifest:
        records = tuple(_record(shot, self.takes[shot.id]) for shot in self.shots)
        code, inputs = _made_from(self.production)
        return Manifest(self.where.screenplay.name, self.title, movie, records, segments, code, inputs)

    def remember_inputs(self) -> None:
        """Bring the manifest up to date where another text, or other code of ours, came to the same movie."""
        last = self.last
        if last and last.movie and last != (now := self.manifest(last.movie, last.segments)):
            with suppress(StoryboardError):  # it only spares work next time
                write_manifest(self.where.manifest, now)

    def make(self) -> Generator[FilmEncoding, None, None]:
        """The movie file, then its manifest."""
        from storyboard.conform import conform

        movie = yield from _told(
            lambda progress: conform(
                self.cut, self.vault, self.path, title=self.title, note=self.note, progress=progress
            )
        )
        record = MovieRecord(self.path.name, movie.digest, movie.size, movie.frames, self.recipe)
        write_manifest(self.where.manifest, self.manifest(record, movie.segments))
        self.vault.name_root(self.where.manifest)
        self.where.unfinished.unlink(missing_ok=True)


def _made_from(production: Production) -> tuple[str, tuple[tuple[str, Digest], ...]]:
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
    if production.variant.partial or breakdown.notices or more or not ours:
        return "", ()
    files = {production.places.screenplay: digest_bytes(breakdown.screenplay.source.text.encode())}
    for shot in shots:
        files |= {still.path: still.digest for still in (shot.start, shot.end) if still}
        if isinstance(options := shot.engine.options, ArchiveOptions):
            files[Path(options.path)] = Digest(options.file)
    folder = production.places.screenplay.parent
    code = code_digest(production.variant, carried=bool(weighty))
    return code, tuple((relative_to(folder, path), digest) for path, digest in files.items())


def _record(shot: Shot, take: Take) -> ShotRecord:
    seconds = take.made.get("seconds")
    return ShotRecord(
        id=shot.id,
        scene=shot.scene,
        prompt=shot.prompt,
        seed=shot.seed,
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


def _with_stand_ins(production: Production) -> Plan:
    """The film so far: shots whose takes are not there are drawn by `animatic`, unconditioned. Shoots nothing else."""
    breakdown, vault = production.plan.breakdown, production.vault
    shots = dict(breakdown.shots)
    for name, planned in production.plan.shots.items():
        if planned.state is not State.HIT and planned.shot.engine.spec.name not in INTERNAL:
            shots[name] = _stand_in(planned.shot)
    return make_plan(replace(breakdown, shots=shots), vault)


def _stand_in(shot: Shot) -> Shot:
    """The shot as `animatic` would draw what the film shows of it."""
    spec, use = spec_of("animatic"), shot.engine
    options = spec.options(window=len(shot.visible))
    drawn = use_engine(spec, options, (), (use.width, use.height), use.rate)
    frames = len(shot.visible)
    return replace(
        shot, engine=drawn, frames=frames, visible=FrameRange(0, frames), tail=(), head=(), start=None, end=None
    )
