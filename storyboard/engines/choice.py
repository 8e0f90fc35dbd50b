"""What the author says of an engine -> an engine with options, size and rate decided, or the faults in what is said.

Reads capabilities only; nothing heavy is imported. May import what stands above `engines` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isqrt

from pydantic import ValidationError

from storyboard.digest import Digest, Plain, digest_of
from storyboard.engines import known, spec_of
from storyboard.engines.base import Capabilities, EngineOptions, EngineSpec
from storyboard.errors import DocumentPath, EngineUnavailable, Fault
from storyboard.limits import Limits
from storyboard.source import Source
from storyboard.timing import Rate
from storyboard.wording import nearest, plain_faults, quoted, value_at


@dataclass(frozen=True, slots=True)
class EngineUse:
    """An engine as one scene uses it."""

    spec: EngineSpec
    options: EngineOptions
    capabilities: Capabilities
    weights: str | None
    width: int
    height: int
    rate: Rate

    @property
    def window(self) -> int:
        """The most frames of one generation here."""
        frames = self.capabilities.frames
        return frames.at_most(self.options.window or frames.most) or frames.least

    @property
    def grade(self) -> bool | int:
        """Whether colours of the tail are given back to what follows, or over how many frames; as said, else usual."""
        return self.capabilities.grade if self.options.grade is None else self.options.grade

    @property
    def group(self) -> Digest:
        """What shots must share for one's time to tell the other's."""
        return digest_of([self.spec.name, self.capabilities.version, self.width, self.height, self.options.keyed()])

    @property
    def storing(self) -> Digest:
        """What takes must share for the time that it takes to store one to tell the other's."""
        return digest_of(["storing", self.width, self.height])

    @property
    def resident(self) -> Digest:
        """What shots must share to be shot by the same open engine; the rest comes with each assignment."""
        return digest_of([self.spec.name, self.options.model_dump(mode="json", exclude=set(self.options.each))])


class Faulty(Exception):
    """The choice is wrong; carries why."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults[0].message)
        self.faults = faults


def unknown_engine(name: str) -> tuple[str, str]:
    """Message and hint for a name that no engine has."""
    names = known()
    hint = nearest(name, names) or f"there is {', '.join(f'`{each}`' for each in names)}"
    return f"unknown engine {quoted(name)}", hint


def spec_named(name: str, path: DocumentPath) -> EngineSpec:
    """The spec of an engine that an author named. Raises Faulty with the nearest name."""
    try:
        return spec_of(name)
    except KeyError:
        raise Faulty([Fault(path, *unknown_engine(name))]) from None
    except EngineUnavailable as error:
        raise Faulty([Fault(path, error.message, error.hint)]) from None


def options_of(spec: EngineSpec, said: Mapping[str, Plain], source: Source, path: DocumentPath) -> EngineOptions:
    """The engine's options as they stand at `path` of a source, checked. Raises Faulty with every fault in them."""
    try:
        return spec.options.model_validate(dict(said))
    except ValidationError as error:
        raise Faulty(list(plain_faults(error, spec.options, source, path))) from None


def permitted(options: EngineOptions, limits: Limits, path: DocumentPath) -> EngineOptions:
    """The options as far as they may be granted: what may not be fetched is looked for on this machine only.

    Raises Faulty for each model that is not here, where the screenplay would have it fetched and nobody else would.
    """
    models = options.hub_models()
    refused = [model for model in models if not limits.may_fetch(model)]
    if not refused:
        return options
    faults = [
        Fault(
            (*path, "download"), f"the weights of {quoted(model)} are not on this machine, and may not be fetched", hint
        )
        for model in refused
        if not models[model]
        for hint in [f"`--allow-model {model.partition('@')[0]}` lets a screenplay fetch them"]
    ]
    if faults:
        raise Faulty(faults)
    return options.model_copy(update={"download": False})


def engine_faults(source: Source) -> Iterator[Fault]:
    """What is wrong in the engines that a source names, whatever else is wrong in it."""
    scenes = value_at(source.data, ("scenes",))
    count = len(scenes) if isinstance(scenes, list) else 0
    paths: list[DocumentPath] = [("engine",), *(("scenes", index, "engine") for index in range(count))]
    for path in paths:
        said = value_at(source.data, path)
        choice = {"name": said} if isinstance(said, str) else said
        name = choice.get("name") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(name, str):
            continue
        options = {field: value for field, value in choice.items() if field != "name"}
        try:
            options_of(spec_named(name, path), options, source, path)
        except Faulty as error:
            yield from error.faults


def use_engine(
    spec: EngineSpec, options: EngineOptions, path: DocumentPath, size: tuple[int, int], rate: Rate
) -> EngineUse:
    """The engine for a film of that size and rate. Raises Faulty where it cannot shoot what the options ask."""
    can = spec.capabilities(options)
    faults: list[Fault] = []

    def accept(field: str, fits: bool, message: str, hint: str) -> None:
        if not fits:
            faults.append(Fault((*path, field), message, hint))

    name = f"`{spec.name}`"
    for what, count, rule in (("tail", options.tail, can.tail), ("head", options.head, can.head)):
        if count is not None:
            accept(what, rule is not None and rule.fits(count), *_count(name, what, count, rule))
    if options.window is not None:
        fits = can.frames.least <= options.window <= can.frames.most
        hint = f"it renders {can.frames} frames at a time"
        accept("window", fits, f"{name} cannot render {options.window} frames at a time", hint)
    if options.rate is not None:
        fits = can.native_rate in (None, options.rate)
        hint = f"leave `rate` out: the film's own `format.rate` may be any, and shows {can.native_rate} frames a second"
        accept("rate", fits, f"{name} shoots at {can.native_rate} frames per second, not {options.rate}", hint)
    gives_back = can.tail is not None and can.repeats_tail
    hint = "leave `grade` out"
    accept("grade", gives_back or not options.grade, f"{name} gives no tail back, by which it could be graded", hint)
    width, height = size
    try:
        width, height = _size(spec.name, options, can, size, path)
    except Faulty as error:
        faults += error.faults
    if faults:
        raise Faulty(faults)
    return EngineUse(spec, options, can, spec.weights(options), width, height, can.native_rate or options.rate or rate)


def _count(name: str, what: str, asked: int, rule: object) -> tuple[str, str]:
    if rule is None:
        return f"{name} takes no {what} frames", f"leave `{what}` out"
    return f"{name} does not take {asked} {what} frames", f"it takes {rule}"


def _size(
    name: str, options: EngineOptions, can: Capabilities, film: tuple[int, int], path: DocumentPath
) -> tuple[int, int]:
    if lone := lone_side(options.width, options.height, path):
        raise Faulty([lone])
    if options.width is not None and options.height is not None:
        asked = (options.width, options.height)
        if not fits_size(can, asked):
            message = f"`{name}` cannot shoot at {asked[0]}x{asked[1]}"
            raise Faulty([Fault((*path, "width"), message, sizes_of(can))])
        return asked
    if fits_size(can, film):
        return film
    if can.native_sizes:
        aspect = film[0] / film[1]
        return min(can.native_sizes, key=lambda size: (abs(size[0] / size[1] - aspect), size))
    message = f"`{name}` cannot shoot at the film's {film[0]}x{film[1]}"
    hint = f"change `format`, or give the engine a size of its own: `engine: {{name: {name}, width: .., height: ..}}`"
    raise Faulty([Fault(path, message, f"{sizes_of(can)}; {hint}")])


def lone_side(width: int | None, height: int | None, path: DocumentPath, instead: str = "") -> Fault | None:
    """The fault of a size that has only one side; `instead` is what leaving it out gives."""
    if (width is None) == (height is None):
        return None
    given, other = ("width", "height") if height is None else ("height", "width")
    return Fault((*path, given), f"`{given}` without `{other}`", f"give both, or leave `{given}` out{instead}")


def has_size(can: Capabilities, options: EngineOptions, film: tuple[int, int]) -> bool:
    """Whether the engine has a size to shoot a film of that width and height at: its own, another's or the film's."""
    return options.width is not None or bool(can.native_sizes) or fits_size(can, film)


def shaped(use: EngineUse, picture: tuple[int, int]) -> EngineUse | None:
    """The engine with about as many pixels in the shape of a picture, width by height; None where it cannot."""
    can, pixels, (wide, high) = use.capabilities, use.width * use.height, picture
    sides = (isqrt(pixels * wide // high), isqrt(pixels * high // wide))
    step = can.size_multiple
    width, height = (max((side + step // 2) // step * step, can.least_size) for side in sides)
    return replace(use, width=width, height=height) if fits_size(can, (width, height)) else None


def fits_size(can: Capabilities, size: tuple[int, int]) -> bool:
    """Whether the engine can shoot at that width and height."""
    if can.only_native_sizes and size not in can.native_sizes:
        return False
    small = min(size) < can.least_size
    large = can.most_size is not None and max(size) > can.most_size
    large |= can.most_pixels is not None and size[0] * size[1] > can.most_pixels
    return not small and not large and all(side % can.size_multiple == 0 for side in size)


def sizes_of(can: Capabilities) -> str:
    """What sizes the engine takes, as a hint says it."""
    if can.only_native_sizes:
        return f"it takes {' or '.join(f'{width}x{height}' for width, height in can.native_sizes)} only"
    parts = [f"multiples of {can.size_multiple}"] if can.size_multiple > 1 else []
    parts += [f"at least {can.least_size}"] if can.least_size > 1 else []
    parts += [f"at most {can.most_size}"] if can.most_size is not None else []
    parts += [f"at most {can.most_pixels} pixels in all"] if can.most_pixels is not None else []
    return f"it takes {', '.join(parts) or 'any size'}"
