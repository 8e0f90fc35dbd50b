"""What a render tells while it goes on: of each shot, and of the film as a whole.

May import what stands above `events` in the layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.errors import StoryboardError

if TYPE_CHECKING:
    from storyboard.scopes import Flaw
    from storyboard.shots import Shot
    from storyboard.vault import Take


@dataclass(frozen=True, slots=True)
class ShotStarted:
    """The crew has the shot. `seconds` is the estimate, where there is one."""

    shot: Shot
    key: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class ShotStepped:
    shot: Shot
    step: int
    steps: int


@dataclass(frozen=True, slots=True)
class ShotDone:
    """Its take is in the vault, durable."""

    shot: Shot
    take: Take
    seconds: float
    flaw: Flaw | None = None
    """What the author should know of it: it is kept all the same."""


@dataclass(frozen=True, slots=True)
class ShotRefused:
    """All of what was shot is black or frozen: attempt `attempt` of `of`, counted from 1. It is not kept."""

    shot: Shot
    key: str
    flaw: Flaw
    attempt: int
    of: int


@dataclass(frozen=True, slots=True)
class ShotFound:
    """Its take was there once its key was known: the change before it did not reach it, or another render shot it."""

    shot: Shot
    take: Take


@dataclass(frozen=True, slots=True)
class ShotElsewhere:
    """Another render on the same vault is shooting it; this one waits for it."""

    shot: Shot


@dataclass(frozen=True, slots=True)
class ShotAgain:
    """Who was shooting it is gone, or had too little memory: it is shot again, for the `tries`-th time."""

    shot: Shot
    error: StoryboardError
    tries: int


@dataclass(frozen=True, slots=True)
class ShotFailed:
    shot: Shot
    error: StoryboardError


@dataclass(frozen=True, slots=True)
class ShotNotAttempted:
    """It waits on a shot that failed."""

    shot: Shot
    waits_on: str


ShotEvent = (
    ShotStarted
    | ShotStepped
    | ShotDone
    | ShotRefused
    | ShotFound
    | ShotElsewhere
    | ShotAgain
    | ShotFailed
    | ShotNotAttempted
)


@dataclass(frozen=True, slots=True)
class FilmPlanned:
    """What there is to do, in shots."""

    miss: int
    waiting: int
    hit: int
    seconds: Mapping[str, float | None]
    """Estimates for the shots that are no hits."""


@dataclass(frozen=True, slots=True)
class FilmEncoding:
    """Frames of the movie that were encoded, of those that have to be."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class SeamMeasured:
    """How well a splice, or a scene on hold, joins what is beside it. `ratio` is `scopes.seam_ratio`."""

    before: str
    after: str
    ratio: float | None
    stays: bool
    """Beside it is a take that stayed: this is the seam that had to be met."""
    rough: bool
    """So it is, and the ratio is above what is taken for a whole film."""
    held: bool
    """It stays because the author holds its scene."""


@dataclass(frozen=True, slots=True)
class FilmSpliced:
    """The film contains splices at these shots; to shoot through would take so many shots and frames, and seconds,
    where that can be estimated."""

    splices: tuple[str, ...]
    shots: int
    frames: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class LockNotKept:
    """The film is finished, but its lock cannot be written beside the screenplay."""

    lock: Path
    reason: str


@dataclass(frozen=True, slots=True)
class FilmDone:
    """The movie is at its path, whole. `changed` is False where the file there was it already."""

    movie: Path
    frames: int
    seconds: float
    """That the whole render took."""
    changed: bool


@dataclass(frozen=True, slots=True)
class FilmStopped:
    """Some shots failed: their takes are missing, all others are kept, and the movie that was there stays."""

    failed: tuple[str, ...]
    not_attempted: tuple[str, ...]


Event = ShotEvent | FilmPlanned | FilmEncoding | SeamMeasured | FilmSpliced | LockNotKept | FilmDone | FilmStopped
