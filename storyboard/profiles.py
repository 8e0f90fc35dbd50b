"""A screenplay and the name of one of its profiles -> the screenplay as that profile shoots it.

What comes out is a screenplay like any other. Its source has the profile's words in the places where they count, with
the positions at which they were written, so that faults show there. May import what stands above `profiles` in the
layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import cast

from storyboard.breakdown import break_down
from storyboard.errors import CommandError, DocumentPath, Fault, ScreenplayError
from storyboard.screenplay import EngineChoice, Profile, Screenplay
from storyboard.source import Data, Position, Source, SourceMap
from storyboard.wording import nearest, quoted, value_at

Engines = Mapping[DocumentPath, EngineChoice]
"""By document path: `("engine",)`, `("scenes", 2, "engine")`."""


def in_profile(screenplay: Screenplay, name: str | None) -> Screenplay:
    """The screenplay as a profile shoots it, every scene on its engine and in its format; None is the film itself.

    Where the screenplay names the same engine, for the film or for a scene, the options stay of which the profile says
    nothing. Raises CommandError where there is no such profile.
    """
    if name is None:
        return screenplay
    profile = screenplay.profiles.get(name)
    if profile is None:
        raise CommandError(*_unknown(screenplay, name))
    engines = _engines(screenplay, profile)
    shot = {} if profile.engine is None else {"engine": engines["engine",], "scenes": _scenes(screenplay, engines)}
    said = profile.format
    size = {field: getattr(said, field) for field in said.model_fields_set}
    has_size = {"width", "height"} <= said.model_fields_set
    return screenplay.redrafted(
        _source(screenplay, name, engines),
        profile.engine.name if profile.engine and has_size else screenplay.sized_for,
        profiles={},
        format=screenplay.format.model_copy(update=size),
        **shot,
    )


def profile_faults(screenplay: Screenplay) -> Iterator[Fault]:
    """What is wrong with the film in each of its profiles, where it stands in the text."""
    for name in screenplay.profiles:
        play = in_profile(screenplay, name)
        try:
            break_down(play)
        except ScreenplayError as error:
            for fault in error.faults:
                yield Fault(fault.path, f"profile `{name}`: {fault.message}", fault.hint, play.source.position(fault))


def _unknown(screenplay: Screenplay, name: str) -> tuple[str, str]:
    known = screenplay.profiles
    hint = nearest(name, known) or "its profiles are " + ", ".join(f"`{each}`" for each in known)
    if not known:
        hint = "it has no `profiles`; write them as `profiles: {draft: {engine: animatic}}`"
    return f"there is no profile {quoted(name)} in `{screenplay.source.name}`", hint


def _written(screenplay: Screenplay) -> dict[DocumentPath, EngineChoice]:
    """The engines that the screenplay names."""
    film: Engines = {("engine",): screenplay.engine} if screenplay.engine else {}
    scenes = enumerate(screenplay.scenes)
    return {**film, **{("scenes", place, "engine"): scene.engine for place, scene in scenes if scene.engine}}


def _engines(screenplay: Screenplay, profile: Profile) -> dict[DocumentPath, EngineChoice]:
    """What takes their places, the film's engine among them whether it was named or not."""
    said, written = profile.engine, _written(screenplay)
    if said is None:
        return {}
    kept = {path: own.options for path, own in written.items() if own.name == said.name}
    return {
        path: EngineChoice.model_validate({"name": said.name, **kept.get(path, {}), **said.options})
        for path in dict.fromkeys([("engine",), *written])
    }


def _scenes(screenplay: Screenplay, engines: Engines) -> tuple[object, ...]:
    return tuple(
        scene.model_copy(update={"engine": engines.get(("scenes", place, "engine"))})
        for place, scene in enumerate(screenplay.scenes)
    )


# The same in the document


def _source(screenplay: Screenplay, name: str, engines: Engines) -> Source:
    """The text with the plain data and the places that it would have if the profile's words stood where they count."""
    source, at = screenplay.source, ("profiles", name)
    written = _written(screenplay)
    gone = {path for path, engine in engines.items() if path in written and written[path].name != engine.name}

    def moved(places: Mapping[DocumentPath, Position]) -> dict[DocumentPath, Position]:
        stay = {path: where for path, where in places.items() if path[:1] not in gone and path[:3] not in gone}
        said = [(path[2:], where) for path, where in places.items() if path[:2] == at]
        stay |= {path: where for path, where in said if path[:1] == ("format",)}
        return stay | {(*own, *path[1:]): where for path, where in said if path[:1] == ("engine",) for own in engines}

    data = cast("dict[str, Data]", source.data)
    formats = [value_at(data, path) for path in (("format",), (*at, "format"))]
    data = {
        **data,
        "format": {name: value for each in formats if isinstance(each, dict) for name, value in each.items()},
    }
    plain = {path: cast("Data", engine.model_dump()) for path, engine in engines.items()}
    if plain:
        scenes = cast("list[dict[str, Data]]", data["scenes"])
        data["engine"] = plain["engine",]
        data["scenes"] = [
            scene | {"engine": plain[path]} if (path := ("scenes", place, "engine")) in plain else scene
            for place, scene in enumerate(scenes)
        ]
    return replace(source, data=data, map=SourceMap(moved(source.map.values), moved(source.map.keys)))
