"""To an editor and back: `export`, `import`.

May import what stands above `commands.exchange` in the layout.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from storyboard.commands import DONE, Verb, asked_limits, asked_remote, complain, places_arguments, places_of_film, say
from storyboard.errors import StoryboardError


def _export_arguments(sub: argparse.ArgumentParser) -> None:
    places_arguments(sub)
    sub.add_argument(
        "--to",
        required=True,
        choices=("otio", "vtt", "srt"),
        help="a timeline for editors with its media beside it (OpenTimelineIO, ProRes), or captions (WebVTT, SubRip)",
    )


def _export(asked: argparse.Namespace) -> int:
    from storyboard.export import MediaMade, export_captions, export_timeline
    from storyboard.film import prepare

    where = {"out": asked.out, "vault": asked.vault, "remote": asked_remote(asked, look=asked.to != "otio")}
    what = {"engine": asked.engine, "profile": asked.profile, "limits": asked_limits(asked)}
    production = prepare(asked.screenplay, **where, **what)
    if asked.to != "otio":
        print(export_captions(production.plan.breakdown, production.places.movie, asked.to))
        return DONE
    for step in export_timeline(production):
        if isinstance(step, MediaMade):
            say(f"{step.number}/{step.total} {step.path.name}{'' if step.made else ', there already'}")
        else:
            print(step)
    return DONE


def _import_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("timeline", type=Path, metavar="film.otio")
    sub.add_argument("screenplay", type=Path, metavar="film.yaml")
    places_of_film(sub)


def _import(asked: argparse.Namespace) -> int:
    from storyboard.film import prepare
    from storyboard.recut import recut
    from storyboard.report import notice_lines
    from storyboard.telling import planned_line

    limits = asked_limits(asked)
    came = recut(asked.timeline, asked.screenplay, limits=limits)
    for sentence in came.done or ("the screenplay says this film already",):
        say(sentence)
    for sentence in came.lost:
        say(f"cannot come back: {sentence}")
    try:
        where = {"out": asked.out, "vault": asked.vault, "remote": asked_remote(asked, look=True)}
        plan = prepare(asked.screenplay, **where, limits=limits).plan
        for line in notice_lines(plan.breakdown.screenplay, plan.breakdown.notices):
            say(line)
        say(planned_line(plan.told()))
    except StoryboardError as error:
        complain(error)  # of the film: what could come back has
    return DONE


VERBS: Final = {
    "export": Verb(_export, _export_arguments, works=True),
    "import": Verb(_import, _import_arguments),
}
