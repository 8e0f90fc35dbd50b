"""From a screenplay to its film: `init`, `check`, `plan`, `render`.

May import what stands above `commands.film` in the layout.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storyboard.commands import (
    DONE,
    FAILED,
    WRONG,
    Verb,
    asked_crew,
    asked_limits,
    asked_remote,
    complain,
    crew_arguments,
    engine_arguments,
    json_argument,
    limits_arguments,
    places_arguments,
    say,
)
from storyboard.errors import ScreenplayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from storyboard.crew import Crew
    from storyboard.errors import Fault
    from storyboard.production import Production
    from storyboard.report import Reporter
    from storyboard.shots import Breakdown
    from storyboard.why import Why


def _init_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("screenplay", type=Path, nargs="?", default=Path("film.yaml"), metavar="film.yaml")
    sub.add_argument("--from", dest="story", type=Path, metavar="story.txt", help="a prompt a line")


def _init(asked: argparse.Namespace) -> int:
    from storyboard.opening import write_screenplay

    write_screenplay(asked.screenplay, asked.story)
    say(f"wrote `{asked.screenplay}`; render it: storyboard render {asked.screenplay}")
    return DONE


def _check_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("screenplays", type=Path, nargs="+", metavar="film.yaml")
    engine_arguments(sub)
    limits_arguments(sub)
    sub.add_argument("--github", action="store_true", help="annotations for GitHub too, at file and line, on stdout")


def _check(asked: argparse.Namespace) -> int:
    from storyboard.annotations import annotate

    code = DONE
    for screenplay in asked.screenplays:
        try:
            _check_film(screenplay, asked)
        except ScreenplayError as error:
            complain(error)
            code = WRONG
            if asked.github:
                print("\n".join(annotate("error", str(screenplay), error.faults)))
    return code


def _check_film(screenplay: Path, asked: argparse.Namespace) -> None:
    from storyboard.annotations import annotate
    from storyboard.breakdown import break_down
    from storyboard.engines.choice import engine_faults
    from storyboard.lock import read_lock
    from storyboard.profiles import in_profile, profile_faults
    from storyboard.project import Variant, places
    from storyboard.screenplay import load
    from storyboard.splice import check_holds
    from storyboard.telling import counted

    play = load(screenplay, more=engine_faults, limits=asked_limits(asked))
    breakdown = break_down(in_profile(play, asked.profile), engine=asked.engine)
    as_written = Variant(asked.engine, profile=asked.profile).as_written
    if as_written:
        check_holds(breakdown, read_lock(places(screenplay).lock))
    more = tuple(profile_faults(play) if as_written else ())
    _note(breakdown, more)
    if asked.github:
        notices = breakdown.screenplay.source.placed((*breakdown.notices, *more))
        print("".join(f"{line}\n" for line in annotate("notice", str(screenplay), notices)), end="")
    seconds = float(breakdown.rate.seconds(breakdown.frames))
    size = f"{breakdown.width}x{breakdown.height} at {breakdown.rate} frames per second"
    parts = {"scene": len(breakdown.scenes), "shot": len(breakdown.shots), "frame": breakdown.frames}
    length = ", ".join(counted(count, what) for what, count in parts.items())
    print(f"{screenplay}: {length} ({seconds:g} s), {size}")


def _note(breakdown: Breakdown, more: Iterable[Fault] = ()) -> None:
    from storyboard.report import notice_lines

    for line in notice_lines(breakdown.screenplay, (*breakdown.notices, *more)):
        say(line)


def _plan_arguments(sub: argparse.ArgumentParser) -> None:
    places_arguments(sub)
    sub.add_argument("--why", action="store_true", help="what changed of each shot, and which shots that reaches")
    sub.add_argument("--since", metavar="REV", help="compare with the screenplay at a git revision")
    sub.add_argument(
        "--gpus", type=int, metavar="N", help="how long a crew of so many GPUs would take, by past timings"
    )
    forms = sub.add_mutually_exclusive_group()
    forms.add_argument("--markdown", action="store_true", help="a table, for a comment on a pull request")
    json_argument(forms, "one JSON object")


def _plan(asked: argparse.Namespace) -> int:
    from storyboard.demand import demand_of
    from storyboard.film import prepare
    from storyboard.forecast import forecast
    from storyboard.price import prices
    from storyboard.telling_plan import (
        demand_line,
        demand_plain,
        forecast_lines,
        forecast_plain,
        plan_lines,
        plan_markdown,
        plan_plain,
        prices_lines,
        prices_plain,
        why_plain,
    )

    where = {"out": asked.out, "vault": asked.vault, "remote": asked_remote(asked, look=True)}
    what = {"engine": asked.engine, "profile": asked.profile, "limits": asked_limits(asked)}
    production = prepare(asked.screenplay, **where, **what)
    plan, ways, film = production.plan, prices(production), str(asked.screenplay)
    ahead = None if asked.gpus is None else forecast(plan, production.vault, asked.gpus)
    foretold = () if asked.gpus is None else tuple(forecast_lines(ahead))
    why = _why(production, asked.since) if asked.why or asked.since is not None or asked.markdown else None
    if asked.json:
        plain = plan_plain(plan, film) if why is None else why_plain(plan, why, film, since=asked.since)
        plain |= {"ways": prices_plain(ways), "disk": demand_plain(demand_of(production))}
        print(json.dumps(plain | ({} if asked.gpus is None else {"forecast": forecast_plain(ahead)})))
    elif asked.markdown and why is not None:
        print("\n".join([*plan_markdown(plan, why, ways, film, since=asked.since), *foretold]))
    else:
        disk = [demand_line(demand_of(production))] if ways.plan.shots else []
        print("\n".join([*plan_lines(plan, why, since=asked.since), *prices_lines(ways), *disk, *foretold]))
    return DONE


def _why(production: Production, revision: str | None) -> Why:
    from storyboard.why import explain, last_render

    if revision is None:
        return explain(production, last_render(production))
    from storyboard.since import film_since

    return explain(production, film_since(production, revision))


def _render_arguments(sub: argparse.ArgumentParser) -> None:
    places_arguments(sub)
    sub.add_argument("--only", metavar="SCENE", help="this scene, and what it needs; writes STEM.SCENE.mp4")
    sub.add_argument("--partial", action="store_true", help="shoot nothing: the film so far; writes STEM.partial.mp4")
    _mode_arguments(sub)
    crew_arguments(sub)
    json_argument(sub, "events, one JSON object a line")


def _mode_arguments(sub: argparse.ArgumentParser) -> None:
    modes = sub.add_mutually_exclusive_group()
    for mode, what in (
        (
            "splice",
            "shoot changed scenes alone, between the tail before them and the head after them; later takes stay",
        ),
        ("ripple", "shoot through what was spliced before"),
        ("locked", "fail unless the film is as its lock says and all of its takes are there; shoot nothing"),
    ):
        modes.add_argument(f"--{mode}", dest="mode", action="store_const", const=mode, help=what)
    sub.set_defaults(mode="plain")


def _render(asked: argparse.Namespace) -> int:
    from storyboard.events import FilmDone, FilmPlanned
    from storyboard.fresh import find_fresh, settle
    from storyboard.project import Variant, places
    from storyboard.report import Bars, JsonLines, Lines
    from storyboard.vault import Vault

    for_people = Bars if sys.stderr.isatty() else Lines
    reporter: Reporter = JsonLines(sys.stdout) if asked.json else for_people(sys.stderr)
    begun = time.perf_counter()
    variant = Variant(asked.engine, asked.only, asked.partial, asked.profile)
    call = asked_crew(asked)
    where = places(asked.screenplay, out=asked.out, vault=asked.vault, variant=variant.name)
    fresh = find_fresh(where, variant) if asked.mode == "plain" else None
    if fresh is None:
        return _render_film(asked, reporter, call)
    settle(where, Vault(where.vault))
    reporter.show(FilmPlanned(0, 0, fresh.shots, {}))
    reporter.show(FilmDone(fresh.movie, fresh.frames, time.perf_counter() - begun, changed=False))
    if not asked.json:
        print(fresh.movie)
    return DONE


def _render_film(asked: argparse.Namespace, reporter: Reporter, call: Callable[[], Crew] | None) -> int:
    from storyboard.events import FilmDone, FilmStopped
    from storyboard.film import Mode, prepare, produce

    where = {"out": asked.out, "vault": asked.vault, "remote": asked_remote(asked)}
    what = {"engine": asked.engine, "only": asked.only, "partial": asked.partial, "profile": asked.profile}
    production = prepare(asked.screenplay, **where, **what, mode=Mode(asked.mode), limits=asked_limits(asked))
    _note(production.plan.breakdown)
    code, movie = DONE, None
    events = produce(production, call=call)
    try:
        for event in events:
            reporter.show(event)
            if isinstance(event, FilmStopped):
                code = FAILED
            if isinstance(event, FilmDone):
                movie = event.movie
    finally:
        events.close()
        reporter.close()
    if movie is not None and not asked.json:
        print(movie)
    return code


VERBS: Final = {
    "init": Verb(_init, _init_arguments),
    "check": Verb(_check, _check_arguments),
    "plan": Verb(_plan, _plan_arguments),
    "render": Verb(_render, _render_arguments, works=True),
}
