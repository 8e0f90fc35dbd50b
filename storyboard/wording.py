"""What pydantic found wrong -> faults in plain words, with the nearest known names.

May import what stands above `wording` in the layout, and pydantic's types.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final, get_args

from pydantic import BaseModel, ValidationError

from storyboard.errors import DocumentPath, Fault
from storyboard.excerpt import MOST_FAULTS, printable
from storyboard.source import Data, Source

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_MOST_NAMES: Final = 2000
_LONGEST_NAME: Final = 64

SENTENCES: Final = {
    "string_type": "{what} must be text, not {given}",
    "int_type": "{what} must be a whole number, not {given}",
    "bool_type": "{what} must be `true` or `false`, not {given}",
    "int_from_float": "{what} must be a whole number, not {given}",
    "tuple_type": "{what} must be a list, not {given}",
    "dict_type": "{what} must be a mapping of fields, not {given}",
    "model_type": "{what} must be a mapping of fields, not {given}",
    "greater_than_equal": "{what} must be at least {ge}, not {value}",
    "less_than_equal": "{what} must be at most {le}, not {value}",
    "multiple_of": "{what} must be a multiple of {multiple_of}, not {value}",
    "literal_error": "{what} cannot be {given}",
    "too_short": "{what} is empty",
    "string_too_long": "{what} is longer than {max_length} characters",
}
"""Pydantic's kind of error -> the author's sentence. A test fails when the models can raise a kind that is not here."""


def quoted(text: str) -> str:
    """A name or value of the author's in backticks, safe to print, and cut where it is long."""
    return f"`{printable(text, _LONGEST_NAME)}`"


def nearest(name: str, known: Collection[str], spelled: str = "`{}`") -> str | None:
    """A hint at the known name that is nearest to a wrong one; None where none is near."""
    if len(name) > _LONGEST_NAME:
        return None
    folded = {other.casefold(): other for other in known}
    near = [name.casefold()] if name.casefold() in folded else []
    if not near and len(known) <= _MOST_NAMES:
        near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f"did you mean {spelled.format(printable(folded[near[0]]))}?" if near else None


def plain_faults(error: ValidationError, model: type[BaseModel], source: Source, base: DocumentPath) -> Iterator[Fault]:
    """The faults of a model that was to be made of what stands at `base`. Hints end where a report ends."""
    for number, details in enumerate(error.errors(include_input=False, include_url=False)):
        loc: DocumentPath = details["loc"]
        path = _as_written(source.data, (*base, *loc))
        match details["type"]:
            case "missing":
                owner = _model_at(model, loc[:-1])
                message = f"{_owner(source, path[:-1])} has no `{loc[-1]}`"
                yield Fault(path[:-1], message, _example(owner, str(loc[-1])), source.map.value(path[:-1]))
            case "extra_forbidden":
                names = _field_names(_model_at(model, loc[:-1])) if number < MOST_FAULTS else []
                hint = nearest(str(loc[-1]), names) or "fields here: " + ", ".join(f"`{name}`" for name in names)
                yield Fault(path, f"unknown field {quoted(str(loc[-1]))}", hint, source.map.key(path))
            case _:
                yield _value_fault(model, details, path, value_at(source.data, path))


def _value_fault(model: type[BaseModel], details: ErrorDetails, path: DocumentPath, value: Data) -> Fault:
    what, context = _what(path), details.get("ctx", {})
    if value is None and path and isinstance(path[-1], int):
        return Fault(path, f"{what} is empty", "write it behind the `-`, or take the line out")
    if value is None:
        comment = path[-1:] in (("color",), ("ink",))
        hint = 'text that begins with `#` needs quotes: `"#101020"`' if comment else "write one behind its name"
        return Fault(path, f"{what} has no value", hint)
    if details["type"] == "value_error":
        # Validators say what is wrong and, behind the last semicolon, what to do; a value may hold semicolons too.
        text = str(context["error"])
        message, remedy = text.rsplit("; ", 1) if "; " in text else (text, None)
        return Fault(path, f"{what}{' ' if message.startswith('must ') else ': '}{message}", remedy)
    kind = details["type"]
    remedy = _shape(model, details["loc"]) if kind == "model_type" else _hint(details, value)
    sentence = SENTENCES.get(kind, "{what} cannot be {given}")
    return Fault(path, sentence.format(what=what, given=_given(value), value=value, **context), remedy)


def _hint(details: ErrorDetails, value: Data) -> str | None:
    kind = details["type"]
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", details["ctx"]["expected"]) or [details["ctx"]["expected"]]
        near = nearest(value, allowed) if isinstance(value, str) else None
        return near or "write " + " or ".join(f"`{word}`" for word in allowed)
    if kind == "string_type" and isinstance(value, dict):
        return "put text that begins with `{` in quotes" if not any(value.values()) else None
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "put it in quotes if it is text"
    if kind == "too_short":
        return "add at least one"
    if kind == "tuple_type":
        return "begin each entry with `-` on a line of its own"
    return None


def _what(path: DocumentPath) -> str:
    last = path[-1] if path else "the screenplay"
    if isinstance(last, int):
        return f"entry {last + 1} of `{path[-2]}`"
    return quoted(last) if path else last


def _owner(source: Source, path: DocumentPath) -> str:
    """Whose field is missing: a scene by its id, another part by its name."""
    value = value_at(source.data, path)
    if path[:1] == ("scenes",) and len(path) == 2 and isinstance(value, dict) and isinstance(value.get("id"), str):
        return f"scene {quoted(str(value['id']))}"
    return _what(path)


def _given(value: Data) -> str:
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case int() | float():
            return f"the number {value}"
        case str():
            return quoted(value) if value else "an empty text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def value_at(data: Data, path: DocumentPath) -> Data:
    """The plain data at a document path; None where there is nothing."""
    for step in path:
        if isinstance(data, dict) and isinstance(step, str):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return None
    return data


def _as_written(data: Data, path: DocumentPath) -> DocumentPath:
    """The path to what is meant where a list's only entry stands by itself, without a list around it."""
    steps: list[str | int] = []
    for step in path:
        if isinstance(step, str) or not isinstance(value_at(data, tuple(steps)), str | dict | None):
            steps.append(step)
    return tuple(steps)


def entries(data: Data, path: DocumentPath) -> list[tuple[DocumentPath, Data]]:
    """What stands in a list, each with its path; a single entry may stand there by itself."""
    value = value_at(data, path)
    if isinstance(value, list):
        return [((*path, number), each) for number, each in enumerate(value)]
    return [] if value is None else [(path, value)]


def _model_at(model: type[BaseModel], loc: DocumentPath) -> type[BaseModel] | None:
    """The model that stands at a place inside another; names of a mapping and places of a list are passed over."""
    found: type[BaseModel] | None = model
    for step in loc:
        if found is None or not isinstance(step, str):
            continue
        fields = {field.alias or name: field for name, field in found.model_fields.items()}
        if step in fields:
            found = _first_model(fields[step].annotation)
    return found


def _first_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_first_model, get_args(annotation))), None)


def _field_names(model: type[BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _example(model: type[BaseModel] | None, name: str) -> str | None:
    field = model.model_fields.get(name) if model else None
    return f"add it, such as `{name}: {field.examples[0]}`" if field and field.examples else None


def _shape(model: type[BaseModel], loc: DocumentPath) -> str | None:
    """A hint at how a mapping is written, by its fields that must be there."""
    part = _model_at(model, loc)
    if part is None or not loc or not isinstance(loc[-1], str):
        return None
    said = [f"{name}: {field.examples[0]}" for name, field in part.model_fields.items() if field.examples]
    return f"write it as `{loc[-1]}: {{{', '.join(said)}}}`" if said else None
