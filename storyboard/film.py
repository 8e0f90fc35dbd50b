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
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.breakdown import break_down
from storyboard.demand import check_demand
from storyboard.engines import INTERNAL, spec_of
from storyboard.engines.choice import engine_faults, use_engine
from storyboard.errors import CommandError, MissingTakes, StoryboardError
from storyboard.events import (
    Event,
    FilmDone,
    FilmSpliced,
    FilmStopped,
    ShotDone,
    ShotFailed,
    ShotFound,
    ShotNotAttempted,
)
from storyboard.finish import Finish, record_of
from storyboard.fresh import settle
from storyboard.limits import Limits
from storyboard.lock import Lock, read_lock
from storyboard.pins import Mode, listed
from storyboard.plan import Plan, State, make_plan
from storyboard.price import shooting_through, splices_in
from storyboard.production import Production
from storyboard.profiles import in_profile
from storyboard.project import Manifest, Variant, places, read_manifest, write_manifest
from storyboard.screenplay import load
from storyboard.shots import Shot
from storyboard.splice import splice
from storyboard.timing import FrameRange
from storyboard.vault import Take, Vault

if TYPE_CHECKING:
    from storyboard.crew import Crew
    from storyboard.remote import Remote

__all__ = ["Mode", "Production", "prepare", "produce", "record_of", "resident"]


def prepare(
    screenplay: Path,
    *,
    out: Path | None = None,
    vault: Path | None = None,
    engine: str | None = None,
    only: str | None = None,
    partial: bool = False,
    remote: Remote | None = None,
    mode: Mode = Mode.PLAIN,
    profile: str | None = None,
    limits: Limits | None = None,
) -> Production:
    """Load, break down and plan. `only` is the one scene to render; `partial` shoots nothing: the film so far.

    What the vault has not is looked up in `remote`. `mode` says what becomes of takes after a change, `limits` what the
    screenplay may ask for. Raises ScreenplayError, CommandError, VaultError; writes nothing but what comes from
    `remote`.
    """
    plain = break_down(in_profile(load(screenplay, more=engine_faults, limits=limits), profile), engine=engine)
    if only is not None and only not in {span.id for span in plain.scenes}:
        names = ", ".join(f"`{span.id}`" for span in plain.scenes[:10])
        raise CommandError(f"there is no scene `{only}` in `{screenplay}`", f"its scenes are {names}")
    variant = Variant(engine, only, partial, profile)
    if mode is not Mode.PLAIN and (partial or not variant.as_written):
        other = "partial" if partial else "engine" if engine is not None else "profile"
        raise CommandError(f"`--{mode.value}` is for the film itself, not for `--{other}`", "leave one of them out")
    where = places(screenplay, out=out, vault=vault, variant=variant.name)
    main = places(screenplay, out=out, vault=vault)
    store = _store(where.vault, remote)
    lock = read_lock(where.lock) if variant.as_written else None
    film = splice(plain, lock, store, mode) if variant.as_written else plain
    last = lock or read_manifest(where.manifest) or read_manifest(main.manifest)
    plan = make_plan(film, store, last)
    if mode is Mode.LOCKED and lock is not None:
        _check_stored(plan, lock)
    return Production(plan, store, where, variant, plain, lock, mode, last)


def _store(vault: Path, remote: Remote | None) -> Vault:
    if remote is None:
        return Vault(vault)
    from storyboard.remote import reading_through

    return reading_through(vault, remote)


def _check_stored(plan: Plan, lock: Lock) -> None:
    """Raises MissingTakes where a take that the lock names is not the film's, or is not in the vault."""
    keys = {shot.id: shot.key for shot in lock.shots}
    missing = [each.shot.id for each in plan if each.take is None or each.take.key != keys.get(each.shot.id)]
    if missing:
        message = f"{len(missing)} of {len(plan.shots)} locked shots are not in the vault: {listed(missing)}"
        raise MissingTakes(message, "`storyboard vault pull` brings them; or render without `--locked`")


def produce(
    production: Production, crew: Crew | None = None, *, call: Callable[[], Crew] | None = None
) -> Generator[Event, None, None]:
    """Make the film. Closing the iterator stops everything; what was shot by then is kept.

    Where no crew is given, one is called together by `call` once there is something to shoot: this process, if that is
    left out. Raises CommandError where the film cannot fit the disk, or its limits; VaultError and ConformError. A shot
    that fails raises nothing (see FilmStopped).
    """
    begun = time.perf_counter()
    if production.variant.partial:
        production = replace(production, plan=_with_stand_ins(production))
    shots, takes = production.wanted, production.plan.takes
    yield production.plan.told(shots)
    if shots <= takes.keys():
        final = Finish(production, takes)
        if final.is_there():
            yield from final.keep_lock()
            final.remember_inputs()
            settle(production.places, production.vault)
            yield from _told_of_splices(final, changed=False)
            yield FilmDone(final.path, final.cut.frames, time.perf_counter() - begun, changed=False)
            return
    else:
        check_demand(production)
    with production.vault.in_use(), resident(crew, call) as those:
        done: list[str] = []
        stopped = yield from _shoot(production, shots, takes, done, those)
        if stopped:
            yield stopped
            return
        final = Finish(production, takes, done)
        yield from final.make()
        yield from _told_of_splices(final, changed=True)
    yield FilmDone(final.path, final.cut.frames, time.perf_counter() - begun, changed=True)


def _told_of_splices(final: Finish, *, changed: bool) -> Iterator[Event]:
    """What a person should know of the splices in a finished film: new seams, and what shooting through would take."""
    made = final.production
    lock = final.lock or made.lock
    if lock is None or made.variant.name is not None:
        return
    if changed and (lock.pins.takes or lock.pins.heads):
        from storyboard.joins import new_seams

        yield from new_seams(made.plan.breakdown, final.takes, made.vault, lock, made.lock)
    if through := shooting_through(made, lock):
        yield FilmSpliced(splices_in(lock), through.shots, through.frames, through.seconds)


@contextmanager
def resident(crew: Crew | None, call: Callable[[], Crew] | None = None) -> Iterator[Crew]:
    """The crew that was given, or one of our own, as `call` calls it together, for as long as the film takes."""
    if crew is not None:
        yield crew
        return
    from storyboard.crew import Here

    own = (call or Here)()
    try:
        yield own
    finally:
        own.close()


def _shoot(
    production: Production, shots: frozenset[str], takes: dict[str, Take], done: list[str], crew: Crew
) -> Generator[Event, None, FilmStopped | None]:
    """Shoot what is missing of `shots` and add it to `takes`; the ids of those that were really shot go to `done`."""
    from storyboard.ahead import Ahead
    from storyboard.render import render

    failed: list[str] = []
    stranded: list[str] = []
    plan, vault, variant = production.plan, production.vault, production.variant
    try:
        with Ahead(plan.breakdown, vault, production.places.movie, scene=variant.only) as ahead:
            for event in render(plan, vault, crew, only=shots):
                if isinstance(event, ShotDone | ShotFound):
                    takes[event.shot.id] = event.take
                    ahead.add(takes, event.shot.id)
                    if isinstance(event, ShotDone):
                        done.append(event.shot.id)
                        _remember_unfinished(production, takes)  # each time: who is killed says nothing any more
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
    records = tuple(record_of(shots[name], take) for name, take in takes.items())
    screenplay = production.plan.breakdown.screenplay
    with suppress(StoryboardError):  # it is a courtesy: what stopped the render is what the author has to hear of
        production.vault.name_root(path)
        write_manifest(path, Manifest(production.places.screenplay.name, screenplay.title, None, records, ()))


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
        shot,
        engine=drawn,
        frames=frames,
        visible=FrameRange(0, frames),
        tail=(),
        head=(),
        start=None,
        end=None,
        retries=0,
    )
