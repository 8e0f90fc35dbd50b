"""The command line: one verb, one call of the library.

Data goes to stdout, everything else to stderr. Exit codes: 0 done; 1 some shot failed, or the film could not be made;
2 the screenplay or the command is wrong; 130 and 143 interrupted. Each verb imports only what it needs.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn

from storyboard.errors import CommandError, ScreenplayError, StoryboardError

if TYPE_CHECKING:
    from storyboard.report import Reporter
    from storyboard.shots import Breakdown

DONE: Final = 0
FAILED: Final = 1
WRONG: Final = 2
INTERRUPTED: Final = 130
TERMINATED: Final = 143


class Terminated(BaseException):
    """SIGTERM, raised like an interrupt so that everything is put in order on the way out."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    # No plugin of somebody's has a say in how screenplays are validated; looking for some takes a while, too.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.set_threshold(200_000, 20, 20)  # a start makes many objects and no garbage
    words = sys.argv[1:] if arguments is None else list(arguments)
    parsed = _parser(words[0] if words else None).parse_args(words)
    verb: Callable[[argparse.Namespace], int] = parsed.verb
    signal.signal(signal.SIGTERM, _terminate)
    try:
        _open_streams()
        code = verb(parsed)
        sys.stdout.flush()
        return code
    except StoryboardError as error:
        return _complain(error)
    except KeyboardInterrupt:
        _say("interrupted; finished takes are kept, and the next render goes on from there")
        return INTERRUPTED
    except Terminated:
        _say("terminated; finished takes are kept, and the next render goes on from there")
        return TERMINATED
    except BrokenPipeError:  # whoever read our output has read enough
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return FAILED if verb is _render else DONE


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def _open_streams() -> None:
    """Where a stream is closed, what is said there goes nowhere; what it cannot show is spelled out."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _complain(error: StoryboardError) -> int:
    from storyboard.excerpt import printable

    if isinstance(error, ScreenplayError):
        _say(str(error).rstrip())
        return WRONG
    _say(f"error: {printable(error.message)}")
    if error.hint:
        _say(f"\nhint: {printable(error.hint)}")
    return WRONG if isinstance(error, CommandError) else FAILED


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """The parser. Only the chosen verb gets its arguments; where none is chosen, help lists them all by name."""
    parser = argparse.ArgumentParser(prog="storyboard", description="Turns a written screenplay into a film.")
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version and exit")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")
    for name, (does, what, arguments) in VERBS.items():
        sub = verbs.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
        sub.set_defaults(verb=does)
        if name == chosen:
            arguments(sub)
    return parser


def _film_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("screenplay", type=Path, metavar="film.yaml")
    sub.add_argument("--engine", metavar="NAME", help="shoot on this engine instead")


def _places_arguments(sub: argparse.ArgumentParser) -> None:
    _film_arguments(sub)
    sub.add_argument("--out", type=Path, metavar="DIR", help="folder of the movie and its manifest")
    sub.add_argument("--vault", type=Path, metavar="DIR", help="the store of takes")


def _init_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("screenplay", type=Path, nargs="?", default=Path("film.yaml"), metavar="film.yaml")
    sub.add_argument("--from", dest="story", type=Path, metavar="story.txt", help="a prompt a line")


def _plan_arguments(sub: argparse.ArgumentParser) -> None:
    _places_arguments(sub)
    sub.add_argument("--why", action="store_true", help="the reasons for each shot")
    sub.add_argument("--json", action="store_true", help="one JSON object")


def _render_arguments(sub: argparse.ArgumentParser) -> None:
    _places_arguments(sub)
    sub.add_argument("--only", metavar="SCENE", help="this scene, and what it needs; writes STEM.SCENE.mp4")
    sub.add_argument("--partial", action="store_true", help="shoot nothing: the film so far; writes STEM.partial.mp4")
    sub.add_argument("--json", action="store_true", help="events, one JSON object a line")


def _engines_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("name", nargs="?", metavar="NAME")
    sub.add_argument("--json", action="store_true", help="JSON")


def _no_arguments(sub: argparse.ArgumentParser) -> None:
    """The verb stands alone."""


def _blame_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("movie", type=Path, metavar="film.mp4")
    sub.add_argument("--at", required=True, metavar="TIME", help="seconds, 00:07, or a frame such as 56f")
    sub.add_argument("--json", action="store_true", help="JSON")


def _vault_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="ls|verify|prune")
    for name, does, what in (
        ("ls", _vault_ls, "list the takes"),
        ("verify", _vault_verify, "check every stored byte"),
        ("prune", _vault_prune, "remove what no film uses; a dry run unless --yes"),
    ):
        sub = verbs.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
        sub.set_defaults(verb=does)
        sub.add_argument("--vault", type=Path, metavar="DIR", help="the store; the project's where left out")
        if name == "verify":
            sub.add_argument("--heal", action="store_true", help="remove what is damaged, so that it is shot again")
            sub.add_argument("--deep", action="store_true", help="decode the frames of every take too")
        if name == "prune":
            sub.add_argument("--yes", action="store_true", help="really remove")


class _ShowVersion(argparse.Action):
    """Looks the version up only when asked."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        from importlib.metadata import version

        print(f"storyboard {version('storyboard')}")
        parser.exit()


def _init(asked: argparse.Namespace) -> int:
    from storyboard.opening import write_screenplay

    write_screenplay(asked.screenplay, asked.story)
    _say(f"wrote `{asked.screenplay}`; render it: storyboard render {asked.screenplay}")
    return DONE


def _check(asked: argparse.Namespace) -> int:
    from storyboard.breakdown import break_down
    from storyboard.engines.choice import engine_faults
    from storyboard.report import counted
    from storyboard.screenplay import load

    breakdown = break_down(load(asked.screenplay, more=engine_faults), engine=asked.engine)
    _note(breakdown)
    seconds = float(breakdown.rate.seconds(breakdown.frames))
    size = f"{breakdown.width}x{breakdown.height} at {breakdown.rate} frames per second"
    parts = {"scene": len(breakdown.scenes), "shot": len(breakdown.shots), "frame": breakdown.frames}
    length = ", ".join(counted(count, what) for what, count in parts.items())
    print(f"{asked.screenplay}: {length} ({seconds:g} s), {size}")
    return DONE


def _note(breakdown: Breakdown) -> None:
    from storyboard.report import notice_lines

    for line in notice_lines(breakdown.screenplay, breakdown.notices):
        _say(line)


def _plan(asked: argparse.Namespace) -> int:
    from storyboard.film import prepare
    from storyboard.report import plan_lines, plan_plain

    plan = prepare(asked.screenplay, out=asked.out, vault=asked.vault, engine=asked.engine).plan
    if asked.json:
        print(json.dumps(plan_plain(plan, str(asked.screenplay))))
    else:
        print("\n".join(plan_lines(plan, why=asked.why)))
    return DONE


def _render(asked: argparse.Namespace) -> int:
    from storyboard.events import FilmDone, FilmPlanned
    from storyboard.fresh import find_fresh
    from storyboard.project import Variant, places
    from storyboard.report import Bars, JsonLines, Lines

    for_people = Bars if sys.stderr.isatty() else Lines
    reporter: Reporter = JsonLines(sys.stdout) if asked.json else for_people(sys.stderr)
    begun = time.perf_counter()
    variant = Variant(asked.engine, asked.only, asked.partial)
    fresh = find_fresh(places(asked.screenplay, out=asked.out, vault=asked.vault, variant=variant.name), variant)
    if fresh is None:
        return _render_film(asked, reporter)
    reporter.show(FilmPlanned(0, 0, fresh.shots, {}))
    reporter.show(FilmDone(fresh.movie, fresh.frames, time.perf_counter() - begun, changed=False))
    if not asked.json:
        print(fresh.movie)
    return DONE


def _render_film(asked: argparse.Namespace, reporter: Reporter) -> int:
    from storyboard.events import FilmDone, FilmStopped
    from storyboard.film import prepare, produce

    where = {"out": asked.out, "vault": asked.vault}
    production = prepare(asked.screenplay, **where, engine=asked.engine, only=asked.only, partial=asked.partial)
    _note(production.plan.breakdown)
    code, movie = DONE, None
    events = produce(production)
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


def _engines(asked: argparse.Namespace) -> int:
    from storyboard.engines.describe import described, described_all
    from storyboard.report import columns

    if asked.name is None:
        rows = described_all()
        if asked.json:
            print(json.dumps([dict(zip(("name", "summary", "here"), row, strict=True)) for row in rows]))
        else:
            print("\n".join(columns(rows)))
        return DONE
    facts = described(asked.name)
    print(json.dumps(facts) if asked.json else "\n".join(columns((name, str(fact)) for name, fact in facts.items())))
    return DONE


def _schema(asked: argparse.Namespace) -> int:
    from storyboard.screenplay import json_schema

    print(json.dumps(json_schema(), indent=2, sort_keys=True))
    return DONE


def _blame(asked: argparse.Namespace) -> int:
    from storyboard.blame import blame
    from storyboard.report import columns, credit_plain
    from storyboard.timing import Duration

    try:
        at = Duration.parse(asked.at)
    except ValueError as error:
        raise CommandError(str(error)) from None
    credit = credit_plain(blame(asked.movie, at))
    print(json.dumps(credit) if asked.json else "\n".join(columns((name, str(fact)) for name, fact in credit.items())))
    return DONE


def _vault(asked: argparse.Namespace) -> Path:
    from storyboard.project import find_root, vault_of

    return vault_of(find_root(Path.cwd() / "film.yaml"), asked.vault)


def _vault_ls(asked: argparse.Namespace) -> int:
    from storyboard.report import columns
    from storyboard.vault import Vault

    rows = [
        (
            take.key[:12],
            str(take.slate.get("engine")),
            f"{take.width}x{take.height}",
            f"{len(take.frames)} frames",
            f"{take.size / 1e6:.1f} MB",
            str(take.slate.get("prompt", ""))[:60],
        )
        for take in Vault(_vault(asked)).takes()
    ]
    print("\n".join(columns(rows)) if rows else "no takes")
    return DONE


def _vault_verify(asked: argparse.Namespace) -> int:
    from storyboard.vault import Vault

    damages = Vault(_vault(asked)).verify(deep=asked.deep, heal=asked.heal)
    for damage in damages:
        print(damage)
    _say(f"vault: {len(damages)} damaged{', removed' if asked.heal and damages else ''}" if damages else "vault: clean")
    return FAILED if damages and not asked.heal else DONE


def _vault_prune(asked: argparse.Namespace) -> int:
    from storyboard.report import counted
    from storyboard.vault import Vault

    pruned = Vault(_vault(asked)).prune(yes=asked.yes)
    parts = {"take": pruned.takes, "segment": pruned.segments, "object": pruned.objects}
    gone = ", ".join(counted(count, what) for what, count in parts.items())
    print(f"{'removed' if asked.yes else 'would remove'} {gone}, {pruned.bytes / 1e6:.1f} MB")
    if not asked.yes and pruned.bytes:
        _say("nothing was removed; say `--yes` to remove it")
    return DONE


Arguments = Callable[[argparse.ArgumentParser], None]
VERBS: Final[dict[str, tuple[Callable[[argparse.Namespace], int], str, Arguments]]] = {
    "init": (_init, "write a commented screenplay that renders", _init_arguments),
    "check": (_check, "show all faults of a screenplay, with lines; render nothing", _film_arguments),
    "plan": (_plan, "show what would be shot, why, and how long it would take", _plan_arguments),
    "render": (_render, "render the film; only what changed is shot again", _render_arguments),
    "engines": (_engines, "show what engines there are, what one can do, and whether it runs here", _engines_arguments),
    "schema": (_schema, "print the JSON Schema of screenplays", _no_arguments),
    "blame": (_blame, "show what a moment of a movie was made from, from the movie alone", _blame_arguments),
    "vault": (_vault_ls, "look at the store of takes, check it, and make room in it", _vault_arguments),
}
