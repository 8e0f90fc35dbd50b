"""Rendering on save: `watch`.

May import what stands above `commands.watching` in the layout.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from storyboard.commands import Verb, asked_limits, asked_remote, complain, places_arguments, say

if TYPE_CHECKING:
    from storyboard.events import Event
    from storyboard.film import Production
    from storyboard.report import Reporter
    from storyboard.watch import FilmChanged, FilmFaulty, FilmWatched


def _watch_arguments(sub: argparse.ArgumentParser) -> None:
    places_arguments(sub)
    what = "shoot changed scenes alone, so that later takes stay, once there is a film to splice into"
    sub.add_argument("--splice", action="store_true", help=what)


def _watch(asked: argparse.Namespace) -> int:
    from storyboard.film import Mode, prepare
    from storyboard.project import places
    from storyboard.watch import watch

    where = {"out": asked.out, "vault": asked.vault, "remote": asked_remote(asked), "limits": asked_limits(asked)}
    lock = places(asked.screenplay).lock

    def plan() -> Production:
        mode = Mode.SPLICE if asked.splice and lock.exists() else Mode.PLAIN
        return prepare(asked.screenplay, **where, engine=asked.engine, profile=asked.profile, mode=mode)

    screen = _Screen()
    try:
        watch(asked.screenplay, plan, screen.show)
    finally:
        screen.close()


class _Screen:
    """Shows one render after another, and what is between them."""

    def __init__(self) -> None:
        self._reporter: Reporter | None = None

    def show(self, event: Event | FilmWatched | FilmFaulty | FilmChanged) -> None:
        from storyboard.events import FilmDone, FilmPlanned
        from storyboard.report import Bars, Lines
        from storyboard.watch import FilmChanged, FilmFaulty, FilmWatched

        match event:
            case FilmWatched(files):
                self.close()
                more = f" and {len(files) - 1} more" if len(files) > 1 else ""
                say(f"watching `{files[0]}`{more}; interrupt to end")
            case FilmFaulty(error):
                complain(error)
            case FilmChanged(cancelled):
                self.close()
                say(
                    "changed; "
                    + ("cancelled " + ", ".join(f"`{shot}`" for shot in cancelled) if cancelled else "again")
                )
            case _:
                if isinstance(event, FilmPlanned) or self._reporter is None:
                    self.close()
                    self._reporter = (Bars if sys.stderr.isatty() else Lines)(sys.stderr)
                self._reporter.show(event)
                if isinstance(event, FilmDone):
                    self.close()
                    print(event.movie, flush=True)

    def close(self) -> None:
        if self._reporter is not None:
            self._reporter.close()
            self._reporter = None


VERBS: Final = {"watch": Verb(_watch, _watch_arguments, works=True)}
