"""The parts of a screenplay, as the author writes them: frozen models, each by itself.

What holds between parts is looked after by `checks`. May import what stands above `scene` in the layout, and pydantic.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeAlias, cast

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

from storyboard.digest import Plain
from storyboard.timing import Duration, Rate

PREVIOUS: Final = "previous"
NOTHING: Final = "nothing"
"""What `continues` may say besides a scene's id."""
MOST_SEED: Final = 2**63 - 1
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""Of a scene, and of whatever becomes part of a file's name."""
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


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


def _color(text: str) -> str:
    if not _COLOR.fullmatch(text):
        raise ValueError(f'`{text}` is no colour; write `#` and six hex digits in quotes, such as `"#101020"`')
    return text


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

SceneId = Annotated[str, AfterValidator(_id), Field(json_schema_extra={"pattern": f"^{ID.pattern}$"})]
Color = Annotated[str, AfterValidator(_color), Field(json_schema_extra={"pattern": f"^{_COLOR.pattern}$"})]
Whole = Annotated[int, Field(strict=True)]
Pixels: TypeAlias = Annotated[Whole, Field(ge=16, le=8192, multiple_of=2)]
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


class Format(Part):
    """The film's size and rate; what is left out comes from the engine."""

    width: Pixels | None = Field(default=None, description="Width of the film in pixels, even")
    height: Pixels | None = Field(default=None, description="Height of the film in pixels, even")
    rate: FilmRate | None = Field(default=None, description="Frames per second of the film")
    fit: Literal["cover", "contain"] = Field(
        default="cover", description="How pictures of another shape are fitted: filled and cropped, or with bars"
    )


class EngineChoice(ShortPart):
    """The engine that shoots, by name, or as a mapping of its name and its options."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(description="The engine's name, as `storyboard engines` lists it", examples=["animatic"])

    @property
    def options(self) -> dict[str, Plain]:
        """What the author says of the engine besides its name."""
        return cast("dict[str, Plain]", dict(self.model_extra or {}))


class Profile(Part):
    """Another way to shoot the same film: `draft`, `final`. What it leaves out stays as the screenplay says."""

    engine: EngineChoice | None = Field(
        default=None,
        description="The engine that shoots all scenes; where the screenplay names it too, the options that change",
    )
    format: Format = Field(default=Format(), description="What changes in the film's size and rate")


class CastMember(ShortPart):
    """Somebody or something that prompts name as {name}: a description, or a mapping with it."""

    description: str = Field(description="What takes the name's place in prompts", examples=["a teddy bear"])
    reference: str | None = Field(
        default=None, description="A picture of it, beside the screenplay, where the engine can"
    )


class Beat(Part):
    """A timed prompt inside a scene."""

    at: FilmTime = Field(description="When it begins, from the scene's start", examples=["2s"])
    prompt: str = Field(description="What is seen from then on", examples=["It begins to rain."])


class Transition(Part):
    """How the film goes over into a scene."""

    kind: Literal["dissolve", "fade"] = Field(
        description="Over the picture before it, or through black", examples=["dissolve"]
    )
    duration: FilmTime = Field(description="How long it lasts, at most as long as the scene", examples=["0.5s"])


class Trim(Part):
    """What the film leaves out of a scene as it was shot: no shot depends on it."""

    head: FilmTime = Field(default=Duration.parse(0), description="How much at its start", examples=["4f"])
    tail: FilmTime = Field(default=Duration.parse(0), description="How much at its end", examples=["8f"])


class StillImage(Part):
    """A picture that is given as a frame."""

    image: str = Field(description="The picture's file, beside the screenplay", examples=["assets/city.png"])


class OwnFootage(Part):
    """The author's own footage as a scene."""

    file: str = Field(description="The footage's file, beside the screenplay", examples=["assets/archive.mp4"])
    from_: FilmTime = Field(default=Duration.parse(0), alias="from", description="Where in the file the scene begins")


class Card(Part):
    """A title card."""

    text: str = Field(description="What stands on it; line breaks are kept", examples=["The End"])
    color: Color = Field(default="#101020", description="Its background, as # and six hex digits")
    ink: Color = Field(default="#f0f0f0", description="The colour of its text, as # and six hex digits")


class Scene(Part):
    """One place and action: prompts over time, or own footage, or a title card."""

    id: SceneId = Field(description="The scene's name, unique in the film", examples=["surface"])
    duration: FilmTime = Field(description="How long it is, before any `trim`", examples=["4s"])
    prompt: str | None = Field(
        default=None, description="What is seen from the scene's start; {name} stands for the cast"
    )
    beats: tuple[Beat, ...] = Field(default=(), description="Timed prompts, in order")
    continues: str = Field(
        default=PREVIOUS,
        description="The scene whose last frames it goes on from: previous, nothing (a hard cut), or an id",
    )
    leads_into: str | None = Field(default=None, description="The scene whose first frames its last ones lead up to")
    take: Annotated[Whole, Field(ge=1)] = Field(
        default=1, description="Which try this is: another number is another take"
    )
    hold: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="Keep the take that is in the film, whatever changes before it"
    )
    seed: Seed | None = Field(
        default=None, description="The seed of its first take; from the film's seed where left out"
    )
    engine: EngineChoice | None = Field(default=None, description="The engine that shoots it, if not the film's")
    negative: str | None = Field(
        default=None, description="What shall not be seen, instead of the film's, where the engine can"
    )
    start: StillImage | None = Field(
        default=None, description="Its first frame, given; the scene then continues nothing"
    )
    end: StillImage | None = Field(default=None, description="Its last frame, given, where the engine can")
    transition: Transition | None = Field(
        default=None, description="How the film goes over into it; a cut where left out"
    )
    trim: Trim | None = Field(
        default=None, description="What the film leaves out at the scene's ends, as an editor trims a clip"
    )
    caption: str | None = Field(default=None, description="Its subtitle", examples=["Far below, something moves."])
    footage: OwnFootage | None = Field(default=None, description="Own footage, shown instead of prompts")
    card: Card | None = Field(default=None, description="A title card, shown instead of prompts")


def continued(scene: Scene, before: Scene | None) -> str | None:
    """The id of the scene that a scene continues; `before` is the one before it in the document."""
    if scene.card or scene.footage or scene.start or scene.continues == NOTHING:
        return None
    if scene.continues != PREVIOUS:
        return scene.continues
    return before.id if before and not before.card else None
