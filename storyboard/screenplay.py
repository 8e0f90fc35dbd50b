"""What the author writes -> a validated screenplay; or all of its faults at once, with their lines.

May import what stands above `screenplay` in the layout, and pydantic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, PrivateAttr, ValidationError

from storyboard.assets import find_asset
from storyboard.checks import BRACES, MOST_FOUND, Draft, find_faults, raw_id
from storyboard.digest import Plain
from storyboard.errors import DocumentPath, Fault, ScreenplayError
from storyboard.fields import LOUDNESS, FilmRate, FilmTime, Loudness, Part, Retries, Seed
from storyboard.limits import Limits
from storyboard.scene import (
    Beat,
    Card,
    CastMember,
    EngineChoice,
    Format,
    OwnFootage,
    Profile,
    Scene,
    SoundClip,
    Sounds,
    StillImage,
    Transition,
    continued,
)
from storyboard.source import Data, Source, read_text, scan_source
from storyboard.timing import Rate
from storyboard.wording import plain_faults, value_at

__all__ = [
    "MOST_SCENES",
    "Beat",
    "Card",
    "CastMember",
    "EngineChoice",
    "FilmRate",
    "FilmTime",
    "Format",
    "OwnFootage",
    "Profile",
    "Scene",
    "Screenplay",
    "SoundClip",
    "StillImage",
    "Transition",
    "asset_path",
    "json_schema",
    "load",
    "loads",
]

MOST_SCENES: Final = 20_000


class Screenplay(Part):
    """A film as it is written: what holds for all of it, who is in it, and its scenes in order."""

    storyboard: Literal[1] = Field(default=1, description="The version of this format")
    title: str = Field(default="", description="The film's title")
    engine: EngineChoice | None = Field(
        default=None, description="The engine that shoots; the default one where left out"
    )
    format: Format = Field(default=Format(), description="The film's size and rate")
    seed: Seed = Field(default=0, description="Another seed is another film of the same screenplay")
    retries: Retries = Field(
        default=0, description="How often a shot that is black or frozen is shot again, with other seeds"
    )
    style: str | None = Field(default=None, description="Added to every prompt")
    negative: str | None = Field(default=None, description="What shall not be seen, where the engine can")
    sound: Sounds = Field(
        default=(), description="What is heard from the film's first frame to its last: a file, or a list of them"
    )
    loudness: Loudness = Field(
        default=LOUDNESS, description="How loud the film is as a whole, in LUFS; off leaves it as it is mixed"
    )
    cast: dict[str, CastMember] = Field(default={}, description="Who and what prompts name as {name}")
    scenes: tuple[Scene, ...] = Field(
        min_length=1,
        description="The film's scenes, in order",
        examples=["[{id: surface, prompt: A bear swims., duration: 4s}]"],
    )
    profiles: dict[str, Profile] = Field(
        default={}, description="Other ways to shoot it, by name: `render --profile NAME`"
    )
    _source: Source = PrivateAttr(default_factory=lambda: Source("<screenplay>", ""))
    _folder: Path = PrivateAttr(default_factory=Path)
    _sized_for: str | None = PrivateAttr(default=None)
    _limits: Limits = PrivateAttr(default_factory=Limits)

    @property
    def source(self) -> Source:
        """The text that it was read from, with the places of all its parts."""
        return self._source

    @property
    def folder(self) -> Path:
        """Where its assets are looked up."""
        return self._folder

    @property
    def limits(self) -> Limits:
        """What it may ask of this machine."""
        return self._limits

    @property
    def sized_for(self) -> str | None:
        """The engine that its size was written for; None for the default one. Another shoots a size of its own where it
        cannot shoot that."""
        return self._sized_for or (self.engine.name if self.engine else None)

    def resolved_prompt(self, text: str) -> str:
        """A prompt as an engine gets it: cast names replaced, white space collapsed, the style added."""
        replaced = BRACES.sub(lambda match: self.cast[match[1]].description if match[1] else match[0][0], text)
        prompt = " ".join(replaced.split())
        style = " ".join((self.style or "").split())
        return ", ".join(filter(None, [prompt.rstrip(". "), style])) if style else prompt

    def references(self, text: str) -> dict[str, str]:
        """The pictures of those whom a prompt names, by their names in its order; of those that have one."""
        named = dict.fromkeys(match[1] for match in BRACES.finditer(text) if match[1])
        return {name: picture for name in named if (picture := self.cast[name].reference) is not None}

    def predecessor(self, scene_index: int) -> str | None:
        """The id of the scene that a scene continues; None where it begins afresh."""
        return continued(self.scenes[scene_index], self.scenes[scene_index - 1] if scene_index else None)

    def line(self, scene_index: int) -> int:
        """The line, from 1, on which a scene begins."""
        return self._source.map.value(("scenes", scene_index))[0]

    def canonical(self) -> dict[str, Plain]:
        """Plain data that loads as the same screenplay, without what is as it would be anyway."""
        return {"storyboard": 1, **self.model_dump(mode="json", by_alias=True, exclude_defaults=True)}

    def redrafted(self, source: Source, sized_for: str | None, **fields: object) -> Self:
        """A copy with other fields, whose places `source` knows; `sized_for` is the engine that its size is for."""
        copy = self.model_copy(update=fields)
        copy._source, copy._sized_for = source, sized_for
        return copy

    def error(self, faults: Iterable[Fault]) -> ScreenplayError:
        """The exception that carries these faults of the screenplay and the report on them."""
        return self._source.error(faults)


FindMore = Callable[[Source], Iterable[Fault]]


def load(path: Path, *, more: FindMore | None = None, limits: Limits | None = None) -> Screenplay:
    """The screenplay in a file; its assets are beside it. `more` and `limits` are as for `loads`.

    Raises ScreenplayError with all faults, CommandError when the file cannot be read.
    """
    return loads(read_text(path), str(path), path.parent, more=more, limits=limits)


def loads(
    text: str,
    name: str = "<text>",
    folder: Path = Path(),
    *,
    more: FindMore | None = None,
    limits: Limits | None = None,
) -> Screenplay:
    """The screenplay in a text; `name` is for messages, assets are in `folder`. It keeps within `limits`, or the usual
    ones, here and when it is broken down.

    Where it has faults, `more` finds those that would otherwise show only when these are mended, such as
    `engine_faults`. Raises ScreenplayError with all of them.
    """
    source, faults = scan_source(text, name)
    screenplay, found = _validate(source, folder, limits or Limits())
    told = {fault.path for fault in faults}
    faults += tuple(fault for fault in found if not any(fault.path[:end] in told for end in range(len(fault.path) + 1)))
    if faults or screenplay is None:
        raise source.error([*faults, *(more(source) if more else ())])
    return screenplay


def asset_path(screenplay: Screenplay, relative: str, at: DocumentPath = ()) -> Path:
    """Where a file that the screenplay names is, links resolved; `at` is where it is named.

    Raises ScreenplayError when it is not there, or not where it may be.
    """
    found = find_asset(screenplay.folder, relative, outside=screenplay.limits.outside)
    if isinstance(found, Fault):
        raise screenplay.error([Fault(at, found.message, found.hint)])
    return found


def json_schema() -> dict[str, object]:
    """JSON Schema (draft 2020-12) of screenplays, for editors."""
    schema = Screenplay.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _validate(source: Source, folder: Path, limits: Limits) -> tuple[Screenplay | None, list[Fault]]:
    """The film's own fields and each scene by itself, so that no fault hides another; then what is between them."""
    data = source.data
    if not isinstance(data, dict):
        message = "the screenplay is empty" if data is None else "a screenplay is a mapping of fields"
        return None, [Fault((), message, "begin with `title:` and `scenes:`")]
    written = data.get("scenes")
    if isinstance(written, list) and len(written) > MOST_SCENES:
        return None, [Fault(("scenes",), f"{len(written):,} scenes; {MOST_SCENES:,} are the most", "split the film")]
    scenes, faults = _validate_scenes(source, written if isinstance(written, list) else [])
    sound = tuple(scene for scene in scenes if scene)
    screenplay = None
    try:
        screenplay = Screenplay.model_validate({**data, "scenes": sound} if sound else data)
    except ValidationError as error:
        own = islice(plain_faults(error, Screenplay, source, ()), MOST_FOUND)
        faults += [fault for fault in own if fault.path[:1] != ("scenes",) or not scenes]
    ids: dict[str, int] = {}
    for index in range(len(scenes)):
        ids.setdefault(raw_id(source, index) or "", index)
    ids.pop("", None)
    members = data.get("cast")
    draft = Draft(source, folder, scenes, ids, members if isinstance(members, dict) else {}, _rate(data), limits)
    faults += find_faults(draft)
    if screenplay is not None:
        screenplay._source, screenplay._folder, screenplay._limits = source, folder, limits
    return screenplay if not faults else None, faults


def _validate_scenes(source: Source, written: list[Data]) -> tuple[list[Scene | None], list[Fault]]:
    scenes: list[Scene | None] = []
    faults: list[Fault] = []
    for index, raw in enumerate(written):
        try:
            scenes.append(Scene.model_validate(raw))
        except ValidationError as error:
            scenes.append(None)
            if len(faults) <= MOST_FOUND:
                faults += plain_faults(error, Scene, source, ("scenes", index))
    return scenes, faults


def _rate(data: Data) -> Rate | None:
    """The film's rate where it is written and can be read, whatever else is wrong."""
    try:
        written = value_at(data, ("format", "rate"))
        return None if written is None else Rate.parse(written)
    except ValueError:
        return None
