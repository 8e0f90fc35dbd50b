"""Why a shot is planned as it is: each reason is a value, and its sentence.

May import what stands above `reasons` in the layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from storyboard.contrast import contrast
from storyboard.digest import Plain
from storyboard.slate import CONDITIONS


@dataclass(frozen=True, slots=True)
class Kept:
    """Its take is in the vault, whole."""

    def __str__(self) -> str:
        return "its take is in the vault"


@dataclass(frozen=True, slots=True)
class New:
    """The film that it is compared with did not have this shot."""

    film: str = "the last render"

    def __str__(self) -> str:
        return f"it was not in {self.film}"


@dataclass(frozen=True, slots=True)
class Gone:
    """Nothing changed, but the take is no longer in the vault, or is damaged there."""

    def __str__(self) -> str:
        return "its take is missing from the vault, or damaged there"


@dataclass(frozen=True, slots=True)
class Changed:
    """A field is not what it was: of the screenplay, where `line` says where it stands, or of the slate."""

    field: str
    before: Plain
    after: Plain
    line: int | None = None
    of_film: bool = False
    """It holds for the whole film."""

    @property
    def name(self) -> str:
        """The field in a sentence; words for what authors have no field for."""
        whose = "the film's " if self.of_film else ""
        return _WORDS.get(self.field, f"{whose}`{self.field}`")

    def __str__(self) -> str:
        if self.field in CONDITIONS:
            return f"`{self.field}` frames changed"
        before, after = contrast(self.before, self.after)
        where = f" (line {self.line})" if self.line is not None else ""
        return f"{self.name} changed: {before} -> {after}{where}"


_WORDS: Final = {
    "frames": "its length in frames",
    "version": "the engine's adapter",
    "grade": "how its colours are matched",
    "weights": "the engine's weights",
}


@dataclass(frozen=True, slots=True)
class WaitsFor:
    """It is conditioned on frames that are themselves to be shot."""

    shots: tuple[str, ...]

    def __str__(self) -> str:
        return f"waits for {', '.join(f'`{shot}`' for shot in self.shots)}"


@dataclass(frozen=True, slots=True)
class Reached:
    """A change of other shots reaches it through the frames that it is given, from shot to shot."""

    given: str
    """Which frames: `tail`, `head`, or `tail and head`."""
    shots: tuple[str, ...]
    """Where the change comes from."""

    def __str__(self) -> str:
        more = f" and {len(self.shots) - 3} more" if len(self.shots) > 3 else ""
        return f"its {self.given} changes with {', '.join(f'`{shot}`' for shot in self.shots[:3])}{more}"


@dataclass(frozen=True, slots=True)
class Refused:
    """So many attempts of those that there may be were black or frozen, and are not shot again."""

    attempts: int
    of: int
    flaws: str

    def __str__(self) -> str:
        if self.attempts == self.of:
            return f"all {self.of} attempts were refused: {self.flaws}; nothing more is shot"
        return f"{self.attempts} of {self.of} attempts {'was' if self.attempts == 1 else 'were'} refused: {self.flaws}"


@dataclass(frozen=True, slots=True)
class Stays:
    """It is pinned: its take stays in the film."""

    def __str__(self) -> str:
        return "its take stays in the film, whatever it goes on from now"


@dataclass(frozen=True, slots=True)
class LeadsInto:
    """It is spliced in before a take that stays."""

    shot: str

    def __str__(self) -> str:
        return f"leads into the take of `{self.shot}` that stays in the film"


Reason = Kept | Refused | New | Gone | Changed | WaitsFor | Reached | Stays | LeadsInto
