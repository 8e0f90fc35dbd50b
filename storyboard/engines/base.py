"""The contract between storyboard and what generates pictures: one method plus close.

Everything here is plain data that is read without any engine's dependencies; numpy is named only in types.
May import what stands above `engines` in the layout, and engines.words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from storyboard.digest import Plain
from storyboard.engines.words import Vocabulary
from storyboard.screenplay import FilmRate
from storyboard.timing import Rate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from storyboard.footage import Footage


@dataclass(frozen=True, slots=True)
class FrameRule:
    """The counts that are accepted: `step * n + offset`, from `least` to `most`; all three must themselves fit."""

    step: int
    offset: int
    least: int
    most: int

    def __post_init__(self) -> None:
        assert 0 < self.least <= self.most and self.fits(self.least) and self.fits(self.most), self

    def fits(self, count: int) -> bool:
        return self.least <= count <= self.most and (count - self.offset) % self.step == 0

    def at_least(self, count: int) -> int | None:
        """The smallest accepted count that is no less, or None."""
        count = max(count, self.least)
        count += (self.offset - count) % self.step
        return count if count <= self.most else None

    def at_most(self, count: int) -> int | None:
        """The largest accepted count that is no more, or None."""
        count = min(count, self.most)
        count -= (count - self.offset) % self.step
        return count if count >= self.least else None

    def __str__(self) -> str:
        span = f"{self.least} to {self.most}" if self.least < self.most else str(self.least)
        if self.step == 1 or self.least == self.most:
            return span
        return f"{self.step}n{f'+{self.offset}' if self.offset else ''}, {span}"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do with given options. Frames are engine frames; sizes are width by height in pixels."""

    version: int
    """Of the adapter: raised whenever the same slate would give other pixels."""
    frames: FrameRule
    """How many frames one generation may have, repeated conditioning included."""
    native_rate: Rate | None
    """Frames per second that it was made for; None where any will do."""
    default_size: tuple[int, int]
    default_rate: Rate
    size_multiple: int = 1
    least_size: int = 1
    """Of width and of height."""
    most_size: int | None = None
    """Of width and of height."""
    most_pixels: int | None = None
    native_sizes: tuple[tuple[int, int], ...] = ()
    """Sizes to fall back on where the film's own cannot be shot; the nearest aspect ratio is taken."""
    only_native_sizes: bool = False
    """Whether these are all that it can shoot at."""
    tail: FrameRule | None = None
    """How many tail frames it accepts; None: it cannot continue a shot."""
    default_tail: int = 0
    head: FrameRule | None = None
    """How many head frames it accepts at its end; None: it cannot lead into a scene."""
    default_head: int = 0
    repeats_tail: bool = True
    """The tail's frames are the first of what it returns, and count as frames of the generation."""
    grade: bool | int = False
    """Whether what it does to the tail's colours is undone in the new frames where the author says nothing of it."""
    bears: int | None = None
    """How many shots, each continuing the one before, it is known to bear; None where nobody has tried."""
    start_image: bool = False
    end_image: bool = False
    needs_picture: bool = False
    """It sets a picture in motion: each shot continues another or has a start image."""
    negative: bool = False
    references: bool = False
    lora: bool = False
    sound: bool = False
    """It makes sound with its pictures."""
    languages: tuple[str, ...] = ()
    """Of prompts, as BCP 47 tags; empty where any will do."""
    licence: str | None = None
    """Of the weights, with `unverified` where nobody has looked it up; None where there are none."""
    memory: tuple[tuple[str, float], ...] = ()
    """Gigabytes of device memory for each `offload`, estimated from parameter counts; empty where it matters not."""
    notices: tuple[str, ...] = ()
    """What an author should know before a film is shot with it; `check` says it."""


class EngineOptions(BaseModel):
    """What an author may say of any engine: `engine: {name: ..., tail: 9}`. Engines add their own fields.

    The fields here decide frame counts and sizes, and enter the key as those. A subclass's own fields enter the key as
    written, with defaults, unless it names them in `unkeyed` (for what leaves pixels alone, such as offload).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)
    unkeyed: ClassVar[frozenset[str]] = frozenset()
    each: ClassVar[frozenset[str]] = frozenset({"tail", "head", "width", "height", "size_from_start", "grade"})
    """Options that come with each assignment: one open engine serves scenes that differ in them."""

    tail: int | None = Field(default=None, ge=1, description="Frames of the shot before that condition a shot")
    head: int | None = Field(default=None, ge=1, description="Frames of the scene after that condition a shot")
    width: int | None = Field(default=None, ge=1, description="Width to shoot at, in pixels")
    height: int | None = Field(default=None, ge=1, description="Height to shoot at, in pixels")
    size_from_start: bool = Field(
        default=False, description="A scene with a start image is shot in its shape, with as many pixels as otherwise"
    )
    rate: FilmRate | None = Field(default=None, description="Rate to shoot at, where the engine has none of its own")
    window: int | None = Field(default=None, ge=1, description="The most frames of one generation")
    grade: bool | Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="Undo what the engine does to the tail's colours in the frames that follow, fading out over the "
        "shot, or over so many frames",
    )

    @property
    def together(self) -> bool:
        """Whether ready shots of one shape are shot together. For engines that can (see `Together`), by an option that
        is in the key: sums are split by the size of a batch."""
        return False

    def hub_models(self) -> Mapping[str, bool]:
        """Hub models that the author asks to fetch, as `org/name@<commit>`, and whether each is on this machine."""
        return {}

    def keyed(self) -> dict[str, Plain]:
        """The options that decide pixels, defaults written out, as plain data."""
        hidden = set(EngineOptions.model_fields) | self.unkeyed
        return {name: value for name, value in self.model_dump(mode="json").items() if name not in hidden}


@dataclass(frozen=True, slots=True)
class Assignment:
    """One generation, complete: what an engine is asked to shoot. Pictures are uint8 RGB.

    Nothing is in it that is not in the slate, so no engine can make pixels depend on what the key does not know
    (`shot` is for messages only).
    """

    shot: str
    prompt: str
    negative: str
    seed: int
    width: int
    height: int
    rate: Rate
    frames: int
    """To return, conditioning frames that the engine repeats included."""
    options: EngineOptions
    tail: NDArray[np.uint8] | None = None
    """[K, height, width, 3]: what was on screen just before, oldest first."""
    head: NDArray[np.uint8] | None = None
    """[K, height, width, 3]: what the last K frames shall lead into."""
    start: NDArray[np.uint8] | None = None
    """[height, width, 3]: the first frame, given."""
    end: NDArray[np.uint8] | None = None
    """[height, width, 3]: the last frame, given."""
    references: tuple[NDArray[np.uint8], ...] = ()
    """[h, w, 3] each, as large as fits in width and height: pictures of who or what the prompt names, in its order."""


Progress = Callable[[int, int], None]
"""Called after each step with (steps done, steps in all). Raises Cancelled when the render is being stopped."""


class Engine(Protocol):
    """Resident: opened once, shoots many assignments, closed at the end."""

    def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
        """Exactly `assignment.frames` frames of its size and rate. Raises ShotError, or Cancelled by `progress`."""
        ...

    def close(self) -> None:
        """Give back what it holds; it will not be used again."""
        ...


@runtime_checkable
class Preparing(Protocol):
    """An engine that wants to know a film's texts beforehand, to read them all before its first shot.

    It is no part of any key: pixels must be the same without it.
    """

    def prepare(self, texts: Sequence[str], progress: Progress) -> None:
        """Called once after opening, with each text once. `progress` is called with (0, 0) only, and may cancel."""
        ...


@runtime_checkable
class Together(Protocol):
    """An engine that can shoot several assignments in one go. It is asked to where its options say `together`."""

    def shoot_together(self, assignments: Sequence[Assignment], progress: Progress) -> Sequence[Footage]:
        """The footage of each, as `shoot` gives it but for rounding: none depends on what is in another's.

        All have the same options, size, rate and frame counts, of what is given too. `progress` is told of all at once.
        Raises as `shoot` does; each is then shot by itself.
        """
        ...


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """How the registry knows an engine: everything but the engine itself, and how to open it."""

    name: str
    summary: str
    options: type[EngineOptions]
    capabilities: Callable[[EngineOptions], Capabilities]
    """Plain data, without heavy imports."""
    missing: Callable[[], str | None]
    """Why it cannot run on this machine; None when it can. Without heavy imports."""
    weights: Callable[[EngineOptions], str | None]
    """Identity of the weights that the options name, with commit or content digest; None where there are none."""
    open: Callable[[EngineOptions], Engine]
    vocabulary: Callable[[], Vocabulary] | None = None
    """The words that it has seen, without heavy imports; None where it knows a language."""
    absent: Callable[[EngineOptions], str | None] = lambda options: None
    """What the options name and is not on this machine, with the remedy behind `; `. Without heavy imports."""
    libraries: tuple[str, ...] = ()
    """Packages whose versions a take remembers: they may change pixels, and are not in the key."""
    carried: bool = False
    """Its weights are files of this package, so that our own files are all there is to know of it."""
