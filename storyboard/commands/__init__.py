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

if TYPE_CHECKING:
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
    """A line for people, on stderr."""
    print(text, file=sys.stderr, flush=True)


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
    sub.add_argument("--engine", metavar="NAME", help="shoot on this engine instead")
    sub.add_argument("--profile", metavar="NAME", help="shoot it as this one of the screenplay's `profiles` says")


def places_arguments(sub: argparse.ArgumentParser) -> None:
    """Which film, what shoots it, and where its movie and its takes are."""
    film_arguments(sub)
    places_of_film(sub)


def places_of_film(sub: argparse.ArgumentParser) -> None:
    """Where the movie and the takes of a film are."""
    sub.add_argument("--out", type=Path, metavar="DIR", help="folder of the movie and its manifest")
    vault_argument(sub, "the store of takes")
    sub.add_argument("--remote", metavar="URL", help="look takes up there before shooting; a folder or a URL")


def asked_remote(asked: argparse.Namespace, *, look: bool = False) -> Remote | None:
    """The remote that was asked for, or that of `STORYBOARD_REMOTE`; with `look` nothing is brought from it."""
    if asked.remote is None and not os.environ.get("STORYBOARD_REMOTE"):
        return None
    from storyboard.remote import Remote, named_remote

    url = named_remote(asked.remote)
    return Remote(url, tell=say, look=look) if url else None


def vault_argument(sub: argparse.ArgumentParser, what: str) -> None:
    """Which vault."""
    sub.add_argument("--vault", type=Path, metavar="DIR", help=what)


def json_argument(sub: argparse._ActionsContainer, what: str = "JSON") -> None:
    """Output for programs."""
    sub.add_argument("--json", action="store_true", help=what)
