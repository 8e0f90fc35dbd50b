"""A screenplay -> the film's size and rate, and the engine that shoots each scene, with its options.

May import what stands above `casting` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from storyboard.bounds import picture_fault
from storyboard.checks import BRACES
from storyboard.digest import Plain
from storyboard.engines import DEFAULT, spec_of
from storyboard.engines.choice import (
    EngineUse,
    Faulty,
    has_size,
    lone_side,
    options_of,
    permitted,
    shaped,
    sizes_of,
    spec_named,
    use_engine,
)
from storyboard.engines.words import Vocabulary
from storyboard.errors import DocumentPath, Fault
from storyboard.footage import probe_image
from storyboard.screenplay import Scene, Screenplay, asset_path
from storyboard.timing import Rate
from storyboard.wording import quoted, value_at

_MOST_WORDS: Final = 8
"""That a notice names."""


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
    listeners: dict[str, _Listener] = {}
    for index, scene in enumerate(play.scenes if result.decided else ()):
        if scene.card or scene.footage:
            continue
        place = index if scene.engine else None
        if place not in known:
            known[place] = _use(play, place, replaced, result)
        use = known[place]
        if use is not None:
            result.uses[index] = _shaped(play, index, use, result)
            _note_left_out(play, index, use, result)
            _, _, path = _choice(play, place, replaced)
            what = f"`{use.spec.name}`: "
            result.notices |= dict.fromkeys(Fault(path, what + each) for each in use.capabilities.notices)
            if use.spec.vocabulary is not None:
                listener = listeners.setdefault(use.spec.name, _Listener(use.spec.name, use.spec.vocabulary()))
                result.notices |= dict.fromkeys(listener.notices(play, index))
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
    if lone := lone_side(said.width, said.height, ("format",), f" for the engine's {usual[0]}x{usual[1]}"):
        result.faults.append(lone)
        return
    result.width, result.height = (said.width, said.height) if said.width and said.height else usual
    result.rate = said.rate or can.default_rate
    stands_in = name != (play.sized_for or DEFAULT)
    if stands_in and not has_size(can, asked, (result.width, result.height)):
        message = f"`{name}` cannot shoot at {result.width}x{result.height}; this film is {usual[0]}x{usual[1]}"
        result.notices[Fault(("format", "width"), message)] = None
        result.width, result.height = usual
    if large := picture_fault(play.limits, result.width, result.height, ("format", "width")):
        result.faults.append(large)
    result.decided = large is None


def _use(play: Screenplay, place: int | None, replaced: str | None, result: Casting) -> EngineUse | None:
    name, options, path = _choice(play, place, replaced)
    try:
        spec = spec_named(name, path)
        size = (result.width, result.height)
        asked = permitted(options_of(spec, options, play.source, path), play.limits, path)
        use = use_engine(spec, asked, path, size, result.rate)
    except Faulty as error:
        result.faults += error.faults
        return None
    if large := picture_fault(play.limits, use.width, use.height, (*path, "width")):
        result.faults.append(large)
    return use


def _shaped(play: Screenplay, index: int, use: EngineUse, result: Casting) -> EngineUse:
    """The engine of a scene, in the shape of its start image where that is asked for."""
    start = play.scenes[index].start
    if start is None or not use.options.size_from_start:
        return use
    try:
        picture = probe_image(asset_path(play, start.image))
    except ValueError:
        return use  # the breakdown says what is wrong with it
    if (made := shaped(use, picture)) is None:
        message = f"`{use.spec.name}` cannot shoot in the shape of this picture, {picture[0]}x{picture[1]}"
        hint = f"leave `size_from_start` out: {sizes_of(use.capabilities)}"
        result.faults.append(Fault(("scenes", index, "start", "image"), message, hint))
    return made or use


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


@dataclass(slots=True)
class _Listener:
    """An engine that knows some words and no others: what it makes of a screenplay's texts."""

    name: str
    vocabulary: Vocabulary
    near: dict[str, str | None] = field(default_factory=dict)
    """The nearest known words that were looked up: that takes a while."""

    def notices(self, play: Screenplay, index: int) -> Iterator[Fault]:
        """What it does not know in the prompts of a scene, where it is written: there, in the cast or in the style."""
        scene, name = play.scenes[index], f"`{self.name}`"
        prompts: list[tuple[DocumentPath, str]] = [(("scenes", index, "prompt"), scene.prompt)] if scene.prompt else []
        prompts += (
            (("scenes", index, "beats", place, "prompt"), beat.prompt) for place, beat in enumerate(scene.beats)
        )
        texts = [(path, BRACES.sub(" ", prompt)) for path, prompt in prompts]
        texts += ((_description_of(play, each), play.cast[each].description) for each in sorted(_cast_of(scene)))
        texts += [(("style",), play.style)] if play.style else []
        for path, text in texts:
            if unknown := self.vocabulary.unknown(text):
                what = f"the words {_listed(unknown)}; they are" if len(unknown) > 1 else f"`{unknown[0]}`; it is"
                place = play.source.find(path, unknown[0])
                yield Fault(path, f"{name} has never seen {what} left out", self.hint(unknown), place)
        for path, prompt in prompts:
            known, most = len(self.vocabulary.known(play.resolved_prompt(prompt))), self.vocabulary.most
            if most is not None and known > most:
                message = f"{name} reads the first {most} words and marks of a prompt, and here are {known}"
                yield Fault(path, message, "make the prompt, or the style, shorter")

    def hint(self, unknown: Sequence[str]) -> str:
        """What the engine knows instead."""
        for word in unknown[:_MOST_WORDS]:
            if word not in self.near:
                self.near[word] = self.vocabulary.nearest(word)
        near = dict.fromkeys(each for word in unknown[:_MOST_WORDS] if (each := self.near[word]))
        more = f"`storyboard engines {self.name}` lists what it knows"
        return f"it knows {_listed(list(near))}; {more}" if near else more


def _description_of(play: Screenplay, member: str) -> DocumentPath:
    path: DocumentPath = ("cast", member, "description")
    written = play.source.data
    return path if isinstance(value_at(written, path), str) else path[:-1]


def _listed(words: Sequence[str]) -> str:
    """Words in a sentence; of many, the first."""
    more = len(words) - _MOST_WORDS
    return ", ".join(quoted(word) for word in words[:_MOST_WORDS]) + (f" and {more} more" if more > 0 else "")


def _cast_of(scene: Scene) -> set[str]:
    """Cast names in the prompts of a scene."""
    prompts = [scene.prompt or "", *(beat.prompt for beat in scene.beats)]
    return {match[1] for prompt in prompts for match in BRACES.finditer(prompt) if match[1]}
