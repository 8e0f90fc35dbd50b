"""Engine specs -> what `storyboard engines` says of them. Plain data, nothing heavy imported.

May import what stands above `engines` in the layout.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticUndefined

from storyboard.engines import DEFAULT, known, spec_of
from storyboard.engines.base import Capabilities, EngineOptions, EngineSpec, FrameRule
from storyboard.engines.choice import unknown_engine
from storyboard.errors import CommandError, EngineUnavailable

_UNNAMED: Final = "its model has to be named; set `model`, and for one of the hub `revision`"


def described_all() -> list[tuple[str, str, str]]:
    """Name, summary and whether it can run here, of every engine that authors may name."""
    return [_row(name) for name in known()]


def _row(name: str) -> tuple[str, str, str]:
    try:
        spec = spec_of(name)
    except EngineUnavailable as error:
        return name, error.message, "cannot run here"
    return spec.name, spec.summary, _here(spec).split("; ")[0]


def described(name: str) -> dict[str, str]:
    """What one engine can do with its default options. Raises CommandError for an unknown name, EngineUnavailable."""
    try:
        spec = spec_of(name)
    except KeyError:
        raise CommandError(*unknown_engine(name)) from None
    options, named = _usual(spec)
    can = spec.capabilities(options)
    size = f"{can.default_size[0]}x{can.default_size[1]} where the film names none"
    multiple = f", multiples of {can.size_multiple}" if can.size_multiple > 1 else ""
    multiple = ", and no other" if can.only_native_sizes else multiple
    facts = {
        "name": spec.name + (" (default)" if spec.name == DEFAULT else ""),
        "summary": spec.summary,
        "here": _here(spec),
        "version": str(can.version),
        "weights": (spec.weights(options) or "none") if named else _UNNAMED,
        "licence of weights": can.licence or "none",
        "memory of the device": _memory(can),
        "frames": str(can.frames),
        "size": size + multiple,
        "rate": f"{can.native_rate} only" if can.native_rate else f"any; {can.default_rate} where the film names none",
        "tail": _count(can.tail, can.default_tail),
        "head": _count(can.head, can.default_head),
        "longest chain": "not known" if can.bears is None else f"{can.bears} shots, each continuing the one before",
        "start image": "needed where a scene continues none" if can.needs_picture else _yes(can.start_image),
        "end image": _yes(can.end_image),
        "references": _yes(can.references),
        "negative prompt": _yes(can.negative),
        "LoRA": _yes(can.lora),
        "sound of its own": _yes(can.sound),
        "languages": ", ".join(can.languages) or "any",
    }
    facts |= {f"note {number}": notice for number, notice in enumerate(can.notices, 1)}
    if spec.vocabulary is not None:
        vocabulary = spec.vocabulary()
        facts |= {kind: ", ".join(names) for kind, names in vocabulary.kinds.items()}
        facts["words"] = f"{len(vocabulary.words)}; others are left out"
    fields = spec.options.model_fields.items()
    facts |= {f"option {field}": f"{info.description or ''}{_default(info.default)}" for field, info in fields}
    return facts


def _usual(spec: EngineSpec) -> tuple[EngineOptions, bool]:
    """Its options where an author says nothing, and whether that says which model is meant."""
    try:
        return spec.options(), True
    except ValidationError:
        return spec.options.model_construct(), False


def _here(spec: EngineSpec) -> str:
    options, named = _usual(spec)
    why = spec.missing() or (spec.absent(options) if named else _UNNAMED)
    return "runs here" if why is None else f"cannot run here: {why}"


def _memory(can: Capabilities) -> str:
    """As an estimate: it is one."""
    if not can.memory:
        return "does not matter"
    return ", ".join(f"{gigabytes:g} GB with `offload: {rung}`" for rung, gigabytes in can.memory) + ", estimated"


def _count(rule: FrameRule | None, usual: int) -> str:
    return "no" if rule is None else f"{rule} frames, {usual} unless told otherwise"


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


def _default(value: object) -> str:
    """What counts where an author says nothing, as one would write it."""
    return "" if value in (None, (), PydanticUndefined) else f" (default {_said(value)})"


def _said(value: object) -> str:
    if isinstance(value, BaseModel):
        return "{" + ", ".join(f"{name}: {_said(each)}" for name, each in value) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_said, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)
