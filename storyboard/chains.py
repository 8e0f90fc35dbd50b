"""Shots -> which chains of them are longer than their engine is known to bear, each continuing the one before.

What an engine gets a little wrong is handed on with every tail, so that pictures wander off in a long chain. Author's
own footage, cards, cuts and start images begin one anew. May import what stands above `chains` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from storyboard.engines import INTERNAL
from storyboard.engines.base import Capabilities
from storyboard.errors import Fault
from storyboard.screenplay import Screenplay
from storyboard.shots import Shot


def long_chains(play: Screenplay, shots: Iterable[Shot]) -> Iterator[Fault]:
    """A notice for the first shot that is one too many in its chain, at its scene. `shots` come in order of need."""
    places = {scene.id: place for place, scene in enumerate(play.scenes)}
    lengths: dict[str | None, int] = {}
    for shot in shots:
        name, can = shot.engine.spec.name, shot.engine.capabilities
        lengths[shot.id] = 0 if name in INTERNAL else lengths.get(shot.continues, 0) + 1
        if can.bears is not None and lengths[shot.id] == can.bears + 1:
            chain = f"shot `{shot.id}` comes after {can.bears} others in a chain"
            message = f"{chain}, and `{name}` is known to bear {can.bears}"
            yield Fault(("scenes", places[shot.scene]), message, _remedies(can))


def _remedies(can: Capabilities) -> str:
    ways = ["a cut (`continues: nothing`)"]
    ways += ["a `start` image"] if can.start_image else []
    ways += ["a `reference` in the cast"] if can.references else []
    listed = f"{', '.join(ways[:-1])} or {ways[-1]}" if len(ways) > 1 else ways[0]
    return f"begin anew on the way, by {listed}, or pictures may wander off"
