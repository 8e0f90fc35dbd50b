"""Two screenplays -> what the author wrote otherwise, field by field, with its line in the later one.

Scenes are told by their ids. What is spelled in another way and says the same is no difference; what is left out has
its default. May import what stands above `alterations` in the layout, and pydantic's models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from storyboard.digest import Plain
from storyboard.errors import DocumentPath
from storyboard.fields import NOTHING, Part
from storyboard.screenplay import Screenplay

_FILM: Final = frozenset({"scenes", "storyboard"})
_SCENE: Final = frozenset({"id", "continues"})
"""What is compared in another way: `continues` by the scene that is meant, wherever that stands."""


@dataclass(frozen=True, slots=True)
class Alteration:
    """One field that says something else. `path` is from the film, or from its scene."""

    scene: str | None
    path: DocumentPath
    before: Plain
    after: Plain
    line: int | None

    @property
    def field(self) -> str:
        """As an author names it: `prompt`, `engine.steps`, `cast.teddy`, `beats.2.prompt`."""
        path = self.path
        if path[-1] in ("name", "description") and path[0] in ("engine", "cast"):
            path = path[:-1]
        return ".".join(str(step + 1) if isinstance(step, int) else step for step in path)


def alterations(before: Screenplay, after: Screenplay) -> list[Alteration]:
    """What differs: of the film, then of each scene that both have, in the later film's order."""
    film = _differences(_plain(before, after, _FILM), _plain(after, before, _FILM))
    found = [Alteration(None, path, old, new, line_of(after, path)) for path, old, new in film]
    places = {scene.id: place for place, scene in enumerate(before.scenes)}
    for place, scene in enumerate(after.scenes):
        if scene.id not in places:
            continue
        was = places[scene.id]
        old_scene = before.scenes[was]
        differences = _differences(_plain(old_scene, scene, _SCENE), _plain(scene, old_scene, _SCENE))
        one, two = (play.predecessor(at) or NOTHING for play, at in ((before, was), (after, place)))
        tie: list[tuple[DocumentPath, Plain, Plain]] = [(("continues",), one, two)] if one != two else []
        for path, old, new in [*differences, *tie]:
            found.append(Alteration(scene.id, path, old, new, line_of(after, ("scenes", place, *path))))
    return found


def line_of(play: Screenplay, path: DocumentPath) -> int | None:
    """The line of a field, or of what it would stand in; None where that is the film as a whole."""
    places = play.source.map
    least = 2 if path[:1] == ("scenes",) else 1
    for end in range(len(path), least - 1, -1):
        if found := places.keys.get(path[:end]) or places.values.get(path[:end]):
            return found[0]
    return None


def _plain(part: Part, other: Part, apart: frozenset[str]) -> dict[str, Plain]:
    """The fields of a part; of what the other has not, only what was written."""
    whole, written = (
        part.model_dump(mode="json", by_alias=True, exclude=set(apart), exclude_defaults=only) for only in (False, True)
    )
    lone = {name for name, value in whole.items() if isinstance(value, dict) and getattr(other, name) is None}
    return {name: written[name] if name in lone else value for name, value in whole.items()}


def _differences(before: Plain, after: Plain, path: DocumentPath = ()) -> Iterator[tuple[DocumentPath, Plain, Plain]]:
    """The least parts of plain data that differ, with their values; None for what is not there."""
    if before == after:
        return
    alike = isinstance(before, list) and isinstance(after, list) and len(before) == len(after)
    one, two = (_parts(each, path, alike=alike) for each in (before, after))
    if one is None or two is None:
        yield path, before, after
        return
    for name in {**one, **two}:
        yield from _differences(one.get(name), two.get(name), (*path, name))


def _parts(value: Plain, path: DocumentPath, *, alike: bool) -> Mapping[str | int, Plain] | None:
    """What is compared one by one: fields, entries of lists that are equally long, and beats by their times.

    A profile is compared as a whole: it is no part of the film.
    """
    if isinstance(value, list) and (alike or path == ("beats",)):
        return {
            place if alike else str(each["at"]): each if alike else each["prompt"] for place, each in enumerate(value)
        }
    if path[:1] == ("profiles",) and len(path) == 2:
        return None
    return {} if value is None else cast("Mapping[str | int, Plain]", value) if isinstance(value, Mapping) else None
