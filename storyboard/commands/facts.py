"""What there is to know without a film at hand: `engines`, `schema`, `blame`.

May import what stands above `commands.facts` in the layout.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

from storyboard.commands import DONE, Verb, json_argument, no_arguments
from storyboard.errors import CommandError


def _engines_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("name", nargs="?", metavar="NAME")
    json_argument(sub)


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


def _blame_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("movie", type=Path, metavar="film.mp4")
    sub.add_argument("--at", required=True, metavar="TIME", help="seconds, 00:07, or a frame such as 56f")
    json_argument(sub)


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


VERBS: Final = {
    "engines": Verb(_engines, _engines_arguments),
    "schema": Verb(_schema, no_arguments),
    "blame": Verb(_blame, _blame_arguments),
}
