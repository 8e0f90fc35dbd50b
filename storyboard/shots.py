"""What a film is taken apart into: shots, the frames that they hand on, and where scenes are in the film.

    one shot's file    | tail K |      visible V       | p handles | head H | padding |
                        repeated  what the film shows    engine's frame rule wants them

All in engine frames (see `timing.shown_frame` for what the film shows of them). `breakdown` makes them. May import what
stands above `shots` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.digest import Digest, digest_file
from storyboard.engines.choice import EngineUse
from storyboard.errors import Fault
from storyboard.screenplay import Screenplay, SoundClip
from storyboard.timing import FrameRange, Rate

if TYPE_CHECKING:
    import networkx as nx


def scene_of(shot: str) -> str:
    """The scene in a shot's id."""
    return shot.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class FrameRef:
    """Frame `frame` of the file of a shot's take."""

    shot: str
    frame: int
    take: str | None = None
    """The key of the take that is meant, whatever the shot's own is by then; None for the shot's own."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """Frames that a shot may lead into: those of another shot that the film shows."""

    shot: str
    rate: Rate
    visible: FrameRange
    first: int = 0
    """Which frame of its scene's engine frames `visible.start` is."""
    take: str | None = None
    """The key of the take that is meant, whatever the shot's own is by then; None for the shot's own."""


@dataclass(frozen=True, slots=True)
class Still:
    """A picture of the author's."""

    path: Path
    digest: Digest

    def is_unchanged(self) -> bool:
        """Whether the file still has the content that the key knows."""
        try:
            return digest_file(self.path) == self.digest
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class Shot:
    """One continuous generation. All counts are frames of the engine."""

    id: str
    """`scene/number`: for people and messages; no key depends on it."""
    scene: str
    number: int
    line: int
    """Of the scene in the screenplay."""
    engine: EngineUse
    prompt: str
    negative: str
    seed: int
    fit: str
    """How the author's own pictures are brought to size: `cover` or `contain`."""
    frames: int
    """To generate."""
    visible: FrameRange
    """What of them the film shows; the rest are handles."""
    scene_first: int
    """Which frame of its scene's engine frames `visible.start` is."""
    lasts: Fraction
    """From `visible.start` to the out point, exact: a scene may end within a frame of the engine's."""
    continues: str | None = None
    """The shot just before it in its chain."""
    tail: tuple[FrameRef, ...] = ()
    head: tuple[FrameRef, ...] = ()
    start: Still | None = None
    end: Still | None = None
    references: tuple[Still, ...] = ()
    """Of the cast in its prompt, in order, where the engine takes them."""
    retries: int = 0
    """How many more attempts there may be where one is black or frozen (see `attempts`)."""
    pin: str | None = None
    """The key of the take that stays in the film, whatever it is conditioned on now (see `splice`)."""

    @property
    def depends(self) -> tuple[str, ...]:
        """The shots whose takes have to be there before its own can be, each once, oldest first."""
        refs = () if self.pin is not None else (*self.tail, *self.head)
        return tuple(dict.fromkeys(ref.shot for ref in refs if ref.take is None))

    @property
    def stills(self) -> tuple[Still, ...]:
        """The author's own pictures that it is given."""
        return tuple(still for still in (self.start, self.end, *self.references) if still is not None)

    @property
    def head_is_end(self) -> bool:
        """Whether the engine, which takes no head, gets its one frame as the last picture."""
        return bool(self.head) and self.engine.capabilities.head is None

    @property
    def ahead(self) -> Ahead:
        """Its visible frames, for a shot that leads into them."""
        return Ahead(self.id, self.engine.rate, self.visible, self.scene_first)


@dataclass(frozen=True, slots=True)
class SceneSpan:
    """Where a scene is in the film."""

    id: str
    line: int
    frames: int
    """Its length as it is shot, in film frames."""
    shown: FrameRange
    """Which of them the film shows; the rest are trimmed."""
    film: FrameRange
    """Where in the film these are."""
    shots: tuple[str, ...]
    transition: str | None = None
    transition_frames: int = 0
    hold: bool = False
    """A card: its one frame is held for the scene's length."""


@dataclass(frozen=True, slots=True)
class SoundFile:
    """A file of the author's in which there is sound."""

    path: Path
    digest: Digest
    seconds: Fraction
    """That its sound lasts."""
    lead: Fraction | None = None
    """Of the sound of own footage: how many seconds after the first picture it begins."""


@dataclass(frozen=True, slots=True)
class LaidSound:
    """A sound, and what it belongs to."""

    scene: str | None
    """None for the film as a whole."""
    clip: SoundClip
    file: SoundFile | None
    """None for what engines make with the scene's pictures."""


@dataclass(frozen=True)
class Breakdown:
    """A film taken apart. `shots` are in an order in which each stands after all that it depends on."""

    screenplay: Screenplay
    width: int
    height: int
    rate: Rate
    fit: str
    scenes: tuple[SceneSpan, ...]
    shots: Mapping[str, Shot]
    notices: tuple[Fault, ...]
    """What the author should know though nothing is wrong: what an engine leaves out, drift, lost end frames."""
    heads: Mapping[str, Ahead] = field(default_factory=dict)
    """What scenes lead into besides what the screenplay says, by scene (see `splice`)."""
    sounds: tuple[LaidSound, ...] = ()
    """What is heard, scene by scene and then with the film as a whole."""

    @property
    def takes_ahead(self) -> dict[str, str]:
        """The takes that shots lead into whatever is in the film: the key of each, and whose it was."""
        refs = (ref for shot in self.shots.values() for ref in shot.head)
        return {ref.take: ref.shot for ref in refs if ref.take is not None}

    @property
    def frames(self) -> int:
        """Length of the film in film frames."""
        return self.scenes[-1].film.stop

    @cached_property
    def receivers(self) -> dict[str, tuple[str, ...]]:
        """For each shot, those that are conditioned on it."""
        found: dict[str, list[str]] = {shot: [] for shot in self.shots}
        for shot in self.shots.values():
            for giver in shot.depends:
                found[giver].append(shot.id)
        return {shot: tuple(those) for shot, those in found.items()}

    def scene(self, scene_id: str) -> SceneSpan:
        """Raises KeyError."""
        return self._by_scene[scene_id]

    @cached_property
    def _by_scene(self) -> dict[str, SceneSpan]:
        return {span.id: span for span in self.scenes}

    def needed_for(self, scene_ids: Iterable[str]) -> frozenset[str]:
        """Ids of the shots of these scenes and of all that they depend on."""
        needed: set[str] = set()
        open_ends = [shot for scene in scene_ids for shot in self.scene(scene).shots]
        while open_ends:
            shot = open_ends.pop()
            if shot not in needed:
                needed.add(shot)
                open_ends += self.shots[shot].depends
        return frozenset(needed)

    def as_networkx(self) -> nx.DiGraph:
        """The DAG for drawings and path queries: nodes are shot ids with `shot`, edges point to the receiver."""
        import networkx as nx

        graph = nx.DiGraph()
        graph.add_nodes_from((shot.id, {"shot": shot, "frames": shot.frames}) for shot in self.shots.values())
        graph.add_edges_from((giver, shot.id) for shot in self.shots.values() for giver in shot.depends)
        return graph
