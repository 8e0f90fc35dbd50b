"""storyboard turns a written screenplay into a film with text-to-video models, and shoots again only what changed.

screenplay = load("film.yaml")                 # text -> validated; all faults at once, with lines
shots      = break_down(screenplay)            # -> DAG of shots
plan       = make_plan(shots, vault)           # -> HIT | MISS | WAITING for each, and why
for event in render(plan, vault, Here()): ...  # -> takes in the vault; progress is a stream of events
conform(assemble(shots, vault), vault, path)   # -> cut -> movie

`prepare` and `produce` do all of it for a file, as the command line does. Names are imported when first used, so that
nothing heavy is loaded before a shot is really shot.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from storyboard.blame import blame as blame
    from storyboard.breakdown import break_down as break_down
    from storyboard.conform import conform as conform
    from storyboard.crew import Here as Here
    from storyboard.cut import assemble as assemble
    from storyboard.errors import StoryboardError as StoryboardError
    from storyboard.film import prepare as prepare
    from storyboard.film import produce as produce
    from storyboard.plan import make_plan as make_plan
    from storyboard.render import render as render
    from storyboard.screenplay import load as load
    from storyboard.screenplay import loads as loads
    from storyboard.vault import Vault as Vault

__all__ = [
    "Here",
    "StoryboardError",
    "Vault",
    "assemble",
    "blame",
    "break_down",
    "conform",
    "load",
    "loads",
    "make_plan",
    "prepare",
    "produce",
    "render",
]

_HOMES: Final = {
    "Here": "crew",
    "StoryboardError": "errors",
    "Vault": "vault",
    "assemble": "cut",
    "blame": "blame",
    "break_down": "breakdown",
    "conform": "conform",
    "load": "screenplay",
    "loads": "screenplay",
    "make_plan": "plan",
    "prepare": "film",
    "produce": "film",
    "render": "render",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module `storyboard` has no attribute `{name}`")
    return getattr(import_module(f"storyboard.{_HOMES[name]}"), name)
