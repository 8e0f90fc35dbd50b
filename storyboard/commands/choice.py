"""Alternatives of a scene, and the choice among them: `takes`, `pick`.

May import what stands above `commands.choice` in the layout.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storyboard.commands import (
    DONE,
    FAILED,
    Verb,
    asked_crew,
    asked_limits,
    asked_remote,
    complain,
    crew_arguments,
    json_argument,
    places_of_film,
    say,
)
from storyboard.errors import StoryboardError

if TYPE_CHECKING:
    from storyboard.takes import Alternative, Tryout


def _takes_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("screenplay", type=Path, metavar="film.yaml")
    sub.add_argument("scene", metavar="SCENE")
    sub.add_argument("--n", type=int, default=4, metavar="N", help="how many: takes 1 to N (4)")
    places_of_film(sub)
    crew_arguments(sub)
    json_argument(sub, "one JSON object")


def _takes(asked: argparse.Namespace) -> int:
    from storyboard.film import prepare
    from storyboard.report import Bars, Lines
    from storyboard.takes import compare_takes, shoot_takes, try_takes, write_sheet

    call = asked_crew(asked)
    where = {"out": asked.out, "vault": asked.vault, "remote": asked_remote(asked), "limits": asked_limits(asked)}
    production = prepare(asked.screenplay, **where)
    tryout = try_takes(production, asked.scene, asked.n)
    reporter = (Bars if sys.stderr.isatty() else Lines)(sys.stderr)
    events = shoot_takes(tryout, call=call)
    try:
        for event in events:
            reporter.show(event)
    finally:
        events.close()
        reporter.close()
    alternatives = compare_takes(tryout)
    write_sheet(tryout, alternatives)
    print(json.dumps(_plain(tryout, alternatives)) if asked.json else "\n".join(_lines(tryout, alternatives)))
    return DONE if all(each.takes for each in alternatives) else FAILED


def _lines(tryout: Tryout, alternatives: tuple[Alternative, ...]) -> list[str]:
    from storyboard.report import columns

    rows = []
    for each in alternatives:
        seam = "" if each.seam is None else f"seam {each.seam:.2f}"
        keys = "not shot" if each.takes is None else " ".join(take.key[:12] for take in each.takes)
        seeds = " ".join(map(str, _seeds(each)))
        rows.append((f"take {each.number}", "in the film" if each.in_film else "", f"seed {seeds}", seam, keys))
    return [*columns(rows), str(tryout.sheet)]


def _seeds(each: Alternative) -> list[int]:
    """Of what was shot, or would be."""
    return [take.seed for take in each.takes] if each.takes else [shot.seed for shot in each.shots]


def _plain(tryout: Tryout, alternatives: tuple[Alternative, ...]) -> dict[str, object]:
    return {
        "scene": tryout.scene,
        "sheet": str(tryout.sheet),
        "takes": [
            {
                "take": each.number,
                "in_film": each.in_film,
                "seeds": _seeds(each),
                "keys": None if each.takes is None else [take.key for take in each.takes],
                "seam": each.seam,
            }
            for each in alternatives
        ],
    }


def _pick_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("screenplay", type=Path, metavar="film.yaml")
    sub.add_argument("scene", metavar="SCENE")
    sub.add_argument("take", type=int, metavar="TAKE")
    places_of_film(sub)


def _pick(asked: argparse.Namespace) -> int:
    from storyboard.film import prepare
    from storyboard.pick import pick
    from storyboard.telling import planned_line

    limits = asked_limits(asked)
    changed = pick(asked.screenplay, asked.scene, asked.take, limits=limits)
    say(f"scene `{asked.scene}` has take {asked.take}{' now' if changed else ' already'}")
    try:
        where = {"out": asked.out, "vault": asked.vault, "remote": asked_remote(asked, look=True)}
        production = prepare(asked.screenplay, **where, limits=limits)
        say(planned_line(production.plan.told()))
    except StoryboardError as error:
        complain(error)  # of the film: the choice itself is made
    return DONE


VERBS: Final = {
    "takes": Verb(_takes, _takes_arguments, works=True),
    "pick": Verb(_pick, _pick_arguments),
}
