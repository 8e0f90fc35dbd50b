"""A screenplay -> the film's size and rate, and the engine that shoots each scene, with its options.

May import what stands above `casting` in the layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from storyboard.checks import BRACES
from storyboard.digest import Plain
from storyboard.engines import DEFAULT, spec_of
from storyboard.engines.choice import EngineUse, Faulty, has_size, options_of, spec_named, use_engine
from storyboard.errors import DocumentPath, Fault
from storyboard.screenplay import Scene, Screenplay
from storyboard.timing import Rate


@dataclass(slots=True)
class Casting:
    """What was decided. `uses` has the engine of each scene by its place, but of cards and own footage."""

    decided: bool = False
    """Whether size and rate are; otherwise faults say why."""
    width: int = 0
    height: int = 0
    rate: Rate = field(default_factory=lambda: Rate(Fraction(1)))
    uses: dict[int, EngineUse] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    notices: dict[Fault, None] = field(default_factory=dict)
    """Each once, in order."""

    def internal(self, name: str, said: Mapping[str, Plain]) -> EngineUse:
        """What draws cards or reads own footage, at the film's size and rate."""
        spec = spec_of(name, internal=True)
        return use_engine(spec, spec.options.model_validate(dict(said)), (), (self.width, self.height), self.rate)


def cast(play: Screenplay, replaced: str | None) -> Casting:
    """Engines for all scenes, but for those with faults; `replaced` is the one name that takes the place of all."""
    result = Casting()
    _decide_format(play, replaced, result)
    known: dict[int | None, EngineUse | None] = {}
    for index, scene in enumerate(play.scenes if result.decided else ()):
        if scene.card or scene.footage:
            continue
        place = index if scene.engine else None
        if place not in known:
            known[place] = _use(play, place, replaced, result)
        use = known[place]
        if use is not None:
            result.uses[index] = use
            _note_left_out(play, index, use, result)
    return result


def _choice(play: Screenplay, place: int | None, replaced: str | None) -> tuple[str, dict[str, Plain], DocumentPath]:
    """Name, options and document path of the film's engine, or of the one that scene `place` names."""
    choice = play.engine if place is None else play.scenes[place].engine
    path: DocumentPath = ("engine",) if place is None else ("scenes", place, "engine")
    if choice is None:
        return replaced or DEFAULT, {}, ()
    if replaced is not None and choice.name != replaced:
        return replaced, {}, path
    return choice.name, choice.options, path


def _decide_format(play: Screenplay, replaced: str | None, result: Casting) -> None:
    name, options, path = _choice(play, None, replaced)
    try:
        spec = spec_named(name, path)
        asked = options_of(spec, options, play.source, path)
        can = spec.capabilities(asked)
    except Faulty as error:
        result.faults += error.faults
        return
    said, usual = play.format, can.default_size
    if (said.width is None) != (said.height is None):
        given, other = ("width", "height") if said.height is None else ("height", "width")
        hint = f"give both, or leave `{given}` out for the engine's {usual[0]}x{usual[1]}"
        result.faults.append(Fault(("format", given), f"`{given}` without `{other}`", hint))
        return
    result.decided = True
    result.width, result.height = (said.width, said.height) if said.width and said.height else usual
    result.rate = said.rate or can.default_rate
    stands_in = replaced is not None and name != (play.engine.name if play.engine else DEFAULT)
    if stands_in and not has_size(can, asked, (result.width, result.height)):
        message = f"`{name}` cannot shoot at {result.width}x{result.height}; this film is {usual[0]}x{usual[1]}"
        result.notices[Fault(("format", "width"), message)] = None
        result.width, result.height = usual


def _use(play: Screenplay, place: int | None, replaced: str | None, result: Casting) -> EngineUse | None:
    name, options, path = _choice(play, place, replaced)
    try:
        spec = spec_named(name, path)
        size = (result.width, result.height)
        return use_engine(spec, options_of(spec, options, play.source, path), path, size, result.rate)
    except Faulty as error:
        result.faults += error.faults
        return None


def _note_left_out(play: Screenplay, index: int, use: EngineUse, result: Casting) -> None:
    """What the engine has no use for is left out of the slate; the author is told once for each place."""
    can, name = use.capabilities, use.spec.name
    scene = play.scenes[index]
    notes: list[Fault] = []
    if not can.negative and (scene.negative or play.negative):
        path: DocumentPath = ("scenes", index, "negative") if scene.negative else ("negative",)
        notes.append(Fault(path, f"`{name}` takes no negative prompt; it is left out"))
    if not can.references:
        notes += (
            Fault(("cast", member, "reference"), f"`{name}` takes no reference images; it is left out")
            for member in _cast_of(scene)
            if member in play.cast and play.cast[member].reference is not None
        )
    result.notices |= dict.fromkeys(notes)


def _cast_of(scene: Scene) -> set[str]:
    """Cast names in the prompts of a scene."""
    prompts = [scene.prompt or "", *(beat.prompt for beat in scene.beats)]
    return {match[1] for prompt in prompts for match in BRACES.finditer(prompt) if match[1]}
