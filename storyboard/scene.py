"""The parts of a screenplay, as the author writes them: frozen models, each by itself.

What holds between parts is looked after by `checks`. May import what stands above `scene` in the layout, and pydantic.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, cast

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from storyboard.digest import Plain
from storyboard.fields import (
    NOTHING,
    OWN,
    PREVIOUS,
    Color,
    Credits,
    FilmRate,
    FilmTime,
    Gain,
    OneOrMore,
    Part,
    Pixels,
    Retries,
    SceneId,
    Seed,
    ShortPart,
    Whole,
    listed,
)
from storyboard.timing import Duration


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


class SoundClip(ShortPart):
    """A sound: its file, or a mapping with it."""

    file: str = Field(
        description="The sound's file, beside the screenplay; or own: what is heard with the scene's own pictures",
        examples=["assets/bang.wav"],
    )
    gain: Gain = Field(default=0.0, description="How much louder it is than its file, in decibels", examples=[-6])
    from_: FilmTime = Field(
        default=Duration.parse(0), alias="from", description="Where in the file it begins", examples=["1s"]
    )
    at: FilmTime = Field(
        default=Duration.parse(0), description="When it is heard first, from the scene's start", examples=["1.5s"]
    )
    fade_in: FilmTime | None = Field(default=None, description="How long it rises from silence", examples=["0.5s"])
    fade_out: FilmTime | None = Field(default=None, description="How long it falls to silence", examples=["2s"])
    loop: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="Begin again where its file ends, until the scene does"
    )

    @model_validator(mode="after")
    def _check_own(self) -> Self:
        told = {"from_": "from", "at": "at", "loop": "loop"}
        if self.is_own and (name := next((word for field, word in told.items() if field in self.model_fields_set), "")):
            raise ValueError(f"`{name}` means nothing for a scene's own sound; leave it out")
        return self

    @property
    def is_own(self) -> bool:
        """Whether it is what is heard with the scene's own pictures."""
        return self.file == OWN


Sounds = Annotated[tuple[SoundClip, ...], BeforeValidator(listed), OneOrMore]
"""A sound, or a list of them."""


class Card(Part):
    """A title card, or end credits that roll up through the picture while the scene lasts."""

    text: str | None = Field(default=None, description="What stands on it; line breaks are kept", examples=["The End"])
    credits: Credits | None = Field(
        default=None,
        description="Lines that roll up instead: texts, `role: name`, and `auto` for the title and what shot the film",
    )
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
    retries: Retries | None = Field(
        default=None, description="How often a shot of it that is black or frozen is shot again, instead of the film's"
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
    sound: Sounds = Field(
        default=(), description="What is heard from its first frame to its last: a file, or own, or a list of them"
    )
    footage: OwnFootage | None = Field(default=None, description="Own footage, shown instead of prompts")
    card: Card | None = Field(default=None, description="A title card, shown instead of prompts")


def continued(scene: Scene, before: Scene | None) -> str | None:
    """The id of the scene that a scene continues; `before` is the one before it in the document."""
    if scene.card or scene.footage or scene.start or scene.continues == NOTHING:
        return None
    if scene.continues != PREVIOUS:
        return scene.continues
    return before.id if before and not before.card else None
