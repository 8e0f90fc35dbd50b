"""The verbs of the command line, a module for each group of them: what each is told, and the library call it makes.

A module's `VERBS` names its verbs; `cli` imports only the module of the verb that was asked for. Data goes to stdout,
everything else to stderr. May import what stands above `commands` in the layout.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storyboard.errors import ScreenplayError, StoryboardError
from storyboard.limits import Limits

if TYPE_CHECKING:
    from storyboard.crew import Crew
    from storyboard.remote import Remote

DONE: Final = 0
FAILED: Final = 1
WRONG: Final = 2


@dataclass(frozen=True, slots=True)
class Verb:
    """What one verb does, given what was asked, as an exit code; and the arguments that it takes."""

    run: Callable[[argparse.Namespace], int]
    arguments: Callable[[argparse.ArgumentParser], None]
    works: bool = False
    """Cut short, because nobody reads its output any more, it has failed: it was asked to make something."""


def say(text: str) -> None:
    """Lines for people, on stderr, safe to print whatever files, remotes and editors put into them."""
    from storyboard.excerpt import printable

    print("\n".join(map(printable, text.split("\n"))), file=sys.stderr, flush=True)


def complain(error: StoryboardError) -> None:
    """What is wrong and what to do about it, on stderr."""
    from storyboard.excerpt import printable

    if isinstance(error, ScreenplayError):
        say(str(error).rstrip())
        return
    say(f"error: {printable(error.message)}")
    if error.hint:
        say(f"\nhint: {printable(error.hint)}")


def no_arguments(sub: argparse.ArgumentParser) -> None:
    """The verb stands alone."""


def film_arguments(sub: argparse.ArgumentParser) -> None:
    """Which film, and what shoots it."""
    sub.add_argument("screenplay", type=Path, metavar="film.yaml")
    engine_arguments(sub)


def engine_arguments(sub: argparse.ArgumentParser) -> None:
    """What shoots a film."""
    sub.add_argument("--engine", metavar="NAME", help="shoot on this engine instead")
    sub.add_argument("--profile", metavar="NAME", help="shoot it as this one of the screenplay's `profiles` says")


def places_arguments(sub: argparse.ArgumentParser) -> None:
    """Which film, what shoots it, what it may ask for, and where its movie and its takes are."""
    film_arguments(sub)
    places_of_film(sub)


def limits_arguments(sub: argparse.ArgumentParser) -> None:
    """What a screenplay may ask for: it cannot allow itself more."""
    usual = Limits()
    group = sub.add_argument_group("limits", "what the screenplay may ask for; it cannot allow itself more")
    for what, of, most in (
        ("frames", "of the film, and of all of its shots together", usual.frames),
        ("pixels", "in one picture", usual.pixels),
        ("shots", "of the film", usual.shots),
    ):
        group.add_argument(f"--max-{what}", type=_count, default=most, metavar="N", help=f"{what} {of} ({most})")
    what = "seconds of shooting, as far as past takes tell: a render that would take longer does not begin"
    group.add_argument("--max-seconds", type=_count, metavar="N", help=what)
    what = "let weights of this hub model be fetched, `org/name` or `org/name@COMMIT`; may be said again"
    group.add_argument("--allow-model", action="append", default=[], metavar="ID", help=what)
    what = "let pictures, movies and sounds lie outside the screenplay's folder"
    group.add_argument("--allow-outside", action="store_true", help=what)


def _count(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or len(text) > 18 or not int(text):
        raise argparse.ArgumentTypeError(f"`{text}` is no whole number from 1 on")
    return int(text)


def asked_limits(asked: argparse.Namespace) -> Limits:
    """The limits that were asked for, or the usual ones."""
    return Limits(
        frames=asked.max_frames,
        pixels=asked.max_pixels,
        shots=asked.max_shots,
        seconds=asked.max_seconds,
        models=frozenset(asked.allow_model),
        outside=asked.allow_outside,
    )


def places_of_film(sub: argparse.ArgumentParser) -> None:
    """Where the movie and the takes of a film are, and what its screenplay may ask for."""
    sub.add_argument("--out", type=Path, metavar="DIR", help="folder of the movie and its manifest")
    vault_argument(sub, "the store of takes")
    sub.add_argument("--remote", metavar="URL", help="look takes up there before shooting; a folder or a URL")
    limits_arguments(sub)


def asked_remote(asked: argparse.Namespace, *, look: bool = False) -> Remote | None:
    """The remote that was asked for, or that of `STORYBOARD_REMOTE`; with `look` nothing is brought from it."""
    if asked.remote is None and not os.environ.get("STORYBOARD_REMOTE"):
        return None
    from storyboard.remote import Remote, named_remote

    url = named_remote(asked.remote)
    return Remote(url, tell=say, look=look) if url else None


def crew_arguments(sub: argparse.ArgumentParser) -> None:
    """Who shoots, and how long they may be silent."""
    what = "who shoots: here, ray (every GPU of this machine), or ray://HOST:PORT and ray://auto (a cluster)"
    sub.add_argument("--crew", metavar="NAME", help=what)
    what = "how many shots the crew shoots at once; by GPUs, or else by cores, where left out"
    sub.add_argument("--workers", type=int, metavar="N", help=what)
    what = "give a shot up when its engine has made no step for so long, as one that hangs (wait for ever)"
    sub.add_argument("--shot-timeout", type=_seconds, metavar="SECONDS", help=what)


def asked_crew(asked: argparse.Namespace) -> Callable[[], Crew] | None:
    """How the crew that was asked for is called together; None for this process. Raises CommandError."""
    if asked.crew is None and asked.workers is None and asked.shot_timeout is None:
        return None
    from storyboard.crew_ray import HERE, crew_named

    return crew_named(asked.crew or HERE, asked.workers, patience=asked.shot_timeout)


def vault_argument(sub: argparse.ArgumentParser, what: str) -> None:
    """Which vault."""
    sub.add_argument("--vault", type=Path, metavar="DIR", help=what)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"`{text}` is no number of seconds")
    return seconds


def json_argument(sub: argparse._ActionsContainer, what: str = "JSON") -> None:
    """Output for programs."""
    sub.add_argument("--json", action="store_true", help=what)
