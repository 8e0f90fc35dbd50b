"""What a screenplay may ask of the machine on which it is read.

Screenplays come from strangers too, so none can raise a limit: only a command, or a program that calls us, can. Imports
nothing of storyboard.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a film may be, which weights it may fetch, and which files it may name.

    A film of so many frames, pixels and shots is checked and planned in seconds; what it takes to shoot is told, and
    measured against the disk, before the first shot.
    """

    frames: int = 1_000_000
    """Of the film, and of all of its shots together: eleven hours at 24 a second."""
    pixels: int = 4096 * 2304
    """In one picture, of the film's or of an engine's."""
    shots: int = 10_000
    seconds: float | None = None
    """Of shooting, as far as past takes tell; None for any time."""
    models: frozenset[str] = frozenset()
    """Hub models that may be fetched where a screenplay says `download: true`: `org/name`, at any commit, or
    `org/name@<commit>`."""
    outside: bool = False
    """Whether pictures, movies and sounds may lie outside the screenplay's folder."""

    def may_fetch(self, model: str) -> bool:
        """Whether a hub model, `org/name@<commit>`, may be fetched."""
        return model in self.models or model.partition("@")[0] in self.models
