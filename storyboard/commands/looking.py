"""Looking at a film: `dailies`.

May import what stands above `commands.looking` in the layout.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from storyboard.commands import DONE, FAILED, Verb, film_arguments, say, vault_argument


def _dailies_arguments(sub: argparse.ArgumentParser) -> None:
    film_arguments(sub)
    sub.add_argument("--out", type=Path, metavar="DIR", help="folder of the movie, where page and sheet go too")
    vault_argument(sub, "the store of takes")
    sub.add_argument("--junit", type=Path, metavar="FILE", help="the seams as JUnit XML, for CI")
    what = "exit with 1 where a seam jumps more than so many times the motion beside it, such as 2.0"
    sub.add_argument("--max-seam", type=_limit, metavar="X", help=what)


def _limit(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"`{text}` is no limit; write a number such as 2.0")
    return value


def _dailies(asked: argparse.Namespace) -> int:
    from storyboard.dailies import figure_text, flaws, look, too_rough
    from storyboard.dailies_page import write_dailies
    from storyboard.junit import write_junit
    from storyboard.project import Variant, places
    from storyboard.reel import open_reel
    from storyboard.vault import Vault

    variant = Variant(asked.engine).name
    where = places(asked.screenplay, out=asked.out, vault=asked.vault, variant=variant)
    vault = Vault(where.vault)
    reel = open_reel(where, vault)
    with vault.in_use():
        dailies = look(reel, vault)
        written = write_dailies(dailies, vault, most=asked.max_seam)
    if asked.junit is not None:
        write_junit(asked.junit, dailies, asked.max_seam)
    for shot, figures in dailies.shots.items():
        for flaw in flaws(figures):
            say(f"shot `{shot}`: {flaw}")
    rough = too_rough(dailies, asked.max_seam) if asked.max_seam is not None else ()
    for seam in rough:
        say(f"seam `{seam.before}` | `{seam.after}`: {figure_text(seam.figure)}, more than {asked.max_seam:g}")
    print("\n".join(map(str, written)))
    return FAILED if rough else DONE


VERBS: Final = {"dailies": Verb(_dailies, _dailies_arguments, works=True)}
