"""What single fields of a screenplay may be, as the author writes them: times, rates, ids, colours, levels, credits.

May import what stands above `fields` in the layout, and pydantic.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from storyboard.timing import Duration, Rate

PREVIOUS: Final = "previous"
NOTHING: Final = "nothing"
"""What `continues` may say besides a scene's id."""
OWN: Final = "own"
"""What `sound` may say besides a file: what there is to be heard with the scene's pictures."""
LOUDNESS: Final = -16.0
"""In LUFS: what films on the web are brought to."""
MOST_SEED: Final = 2**63 - 1
MOST_RETRIES: Final = 20
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""Of a scene, and of whatever becomes part of a file's name."""
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_LEVEL = re.compile(r"([+-]?[0-9]{1,3}(?:\.[0-9]{1,3})?) ?(dB|LUFS)?")


def _rate(value: object) -> Rate:
    return value if isinstance(value, Rate) else Rate.parse(value)


def _id(text: str) -> str:
    if text in (PREVIOUS, NOTHING):
        raise ValueError(f"`{text}` is a word of `continues`; choose another id")
    if not ID.fullmatch(text):
        raise ValueError(
            f"`{text}` is no id; use small letters, digits, `-` and `_`, at most 64, with a letter or digit first"
        )
    return text


Credit: TypeAlias = tuple[str, ...]
"""A line of the end credits: one text by itself, or a role and the names that stand beside it."""
AUTO: Final = "auto"
"""The line that stands for those which can be written without the author: the title, and what shot the film."""


def _credits(value: object) -> tuple[Credit, ...]:
    if isinstance(value, str):
        value = [value] if value == AUTO else value.splitlines()
    if isinstance(value, dict):
        value = [{role: names} for role, names in value.items()]
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("must be lines; write a list of texts and of `role: name`, or `auto`")
    return tuple(credit for place, each in enumerate(value, 1) for credit in _credit(each, place))


def _credit(value: object, place: int) -> list[Credit]:
    if not isinstance(value, dict):
        return [(_words(value, place),)]
    names = {_words(role, place): said if isinstance(said, list | tuple) else [said] for role, said in value.items()}
    if not all(names.values()):
        raise ValueError(f"line {place} names nobody; write `role: name`, or `role: [name, name]`")
    return [(role, *(_words(name, place) for name in said)) for role, said in names.items()]


def _words(value: object, place: int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f'line {place} is no text and no `role: name`; for an empty line, write `""`')
    return " ".join(str(value).split())


def _plain_credits(credits: tuple[Credit, ...]) -> list[str | dict[str, list[str]]]:
    return [credit[0] if len(credit) == 1 else {credit[0]: list(credit[1:])} for credit in credits]


def _color(text: str) -> str:
    if not _COLOR.fullmatch(text):
        raise ValueError(f'`{text}` is no colour; write `#` and six hex digits in quotes, such as `"#101020"`')
    return text


def _level(value: object, unit: str, least: int, most: int, remedy: str) -> float:
    """A number of decibels or the like, with its unit or without."""
    match = _LEVEL.fullmatch(value.strip()) if isinstance(value, str) else None
    number = float(match[1]) if match and match[2] in (None, unit) else value
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError(f"must be a number of {unit}; {remedy}")
    if not least <= number <= most:
        raise ValueError(f"must be from {least} to {most} {unit}, not {number:g}")
    return float(number)


def _gain(value: object) -> float:
    return _level(value, "dB", -60, 40, "write such as `-6`")


def _loudness(value: object) -> float | None:
    return None if value is None or value == "off" else _level(value, "LUFS", -40, -8, "write such as `-16`, or `off`")


def listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


class OneOrMore:
    """A list of which a single entry may stand by itself."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        several = handler(core)
        return {"anyOf": [several["items"], several]}


FilmRate = Annotated[
    Rate,
    PlainValidator(_rate),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 240},
                {"type": "string", "pattern": "^[0-9]+(/[0-9]+)?$"},
            ],
            "examples": [24, "24000/1001"],
        }
    ),
]
"""Frames per second: `24` or `"24000/1001"`."""

FilmTime = Annotated[
    Duration,
    PlainValidator(Duration.parse),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 86400},
                {
                    "type": "string",
                    "pattern": r"^([0-9]+(\.[0-9]+)?s?|[0-9]+f|([0-9]+:)?[0-9]{1,2}:[0-9]{1,2}(\.[0-9]+)?)$",
                },
            ],
            "examples": [4, "4.5s", "00:01:30", "96f"],
        }
    ),
]
"""Seconds, a clock or frames: `4`, `4.5s`, `00:01:30`, `96f`."""

Gain = Annotated[
    float,
    PlainValidator(_gain),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": -60, "maximum": 40},
                {"type": "string", "pattern": r"^[+-]?[0-9]+(\.[0-9]+)? ?dB$"},
            ],
            "examples": [-6, "-6dB"],
        }
    ),
]
"""Decibels: `-6`, `-6dB`."""

Loudness = Annotated[
    float | None,
    PlainValidator(_loudness),
    PlainSerializer(lambda value: "off" if value is None else value, return_type=float | str),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": -40, "maximum": -8}, {"const": "off"}]}),
]
"""LUFS, or None, which is written `off`."""

SceneId = Annotated[str, AfterValidator(_id), Field(json_schema_extra={"pattern": f"^{ID.pattern}$"})]
Color = Annotated[str, AfterValidator(_color), Field(json_schema_extra={"pattern": f"^{_COLOR.pattern}$"})]
_WORD: Final[dict[str, object]] = {"type": ["string", "number"]}
_NAMES: Final[dict[str, object]] = {"anyOf": [_WORD, {"type": "array", "minItems": 1, "items": _WORD}]}
_ROLES: Final[dict[str, object]] = {"type": "object", "additionalProperties": _NAMES}
Credits = Annotated[
    tuple[Credit, ...],
    PlainValidator(_credits),
    PlainSerializer(_plain_credits),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "minItems": 1, "items": {"anyOf": [_WORD, _ROLES]}},
                _ROLES,
            ],
            "examples": ["auto", ["The Teddy Bear", {"Story": "R. Villegas"}, "auto"]],
        }
    ),
]
"""End credits: texts, `role: name` or `role: [name, name]`, and `auto`."""
Whole = Annotated[int, Field(strict=True)]
Pixels: TypeAlias = Annotated[Whole, Field(ge=16, le=8192, multiple_of=2)]
Retries: TypeAlias = Annotated[Whole, Field(ge=0, le=MOST_RETRIES)]
Seed: TypeAlias = Annotated[Whole, Field(ge=0, le=MOST_SEED)]


class Part(BaseModel):
    """What all parts share: nothing can be changed, and nothing unknown is taken."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        defer_build=True,
        field_title_generator=lambda name, _: name.strip("_").replace("_", " ").capitalize(),
    )


class ShortPart(Part):
    """A part that may be written as one text, which is then its first field."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if isinstance(value, str):
            return {next(iter(cls.model_fields)): value}
        if not isinstance(value, dict | cls):
            raise ValueError("must be text or a mapping of fields")
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, handler(core)]}
