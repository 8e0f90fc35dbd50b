"""Everything that storyboard raises on purpose.

    StoryboardError
    ├── ScreenplayError       the author's document is wrong: a list of faults, each with its place
    ├── CommandError          the command is wrong, or cannot be carried out as asked
    ├── VaultError            the vault cannot be used
    │   ├── DamagedFootage        stored bytes are not the bytes that were stored
    │   └── MissingTakes          a film was asked for whose takes are not all there
    ├── RemoteError           the vault far away cannot be reached or used
    ├── ShotError             a shot could not be shot
    │   ├── EngineUnavailable     the engine cannot run on this machine
    │   ├── OutOfMemory           the device has too little memory for it
    │   └── BadFootage            the engine returned what it was not asked for
    ├── Cancelled             a shot was stopped because the render was
    └── ConformError          the movie file could not be made exactly

A message names the thing and ends without a full stop; the remedy is in `hint`. Imports nothing of storyboard.
"""

from __future__ import annotations

from dataclasses import dataclass

DocumentPath = tuple[str | int, ...]
"""Where something stands in the document: `("scenes", 2, "beats", 0, "at")`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a screenplay. `path` is where; the source map turns it into line and column."""

    path: DocumentPath
    message: str
    hint: str | None = None
    position: tuple[int, int] | None = None
    """Line and column from 1, for faults of the text itself, where there is no document path yet."""


class StoryboardError(Exception):
    """The root of all errors on purpose. `hint` says what to do about it."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ScreenplayError(StoryboardError):
    """All faults of one screenplay, with their positions. `str()` is the full report: file:line:column, excerpt, caret
    and hint of each."""

    def __init__(self, faults: tuple[Fault, ...], report: str) -> None:
        super().__init__(report)
        self.faults = faults


class CommandError(StoryboardError):
    """The command is wrong, or cannot be carried out as asked."""


class VaultError(StoryboardError):
    """The vault cannot be used."""


class DamagedFootage(VaultError):
    """Stored bytes are missing, or are not the bytes that were stored. A planner takes it as a miss."""


class MissingTakes(VaultError):
    """A film was asked for whose takes are not all in the vault."""


class RemoteError(StoryboardError):
    """The vault far away cannot be reached, or is none. A render goes on without it."""


class ShotError(StoryboardError):
    """A shot could not be shot; the film's other chains go on."""


class EngineUnavailable(ShotError):
    """The engine cannot run on this machine."""


class OutOfMemory(ShotError):
    """The device has too little memory, even by every means that leaves pixels alone."""


class BadFootage(ShotError):
    """The engine returned frames of the wrong number, shape or type, or values that are no pixels."""


class Cancelled(StoryboardError):
    """Raised inside an engine by its progress callback when the render is being stopped."""


class ConformError(StoryboardError):
    """The movie could not be made, or its frames are not those of the cut."""
