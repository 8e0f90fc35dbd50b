"""A shot and the digests of its conditioning frames -> the slate, the complete record of what decides a take's pixels.

The key is the digest of the slate and of nothing else. It is shallow: a shot's ancestors are in it only as the frames
that they actually handed on. Not in it, because no pixel depends on it: titles, scene ids, paths, the device, library
versions, trims, transitions. May import what stands above `slate` in the layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from storyboard.digest import Digest, Plain, digest_of
from storyboard.footage import RESAMPLE
from storyboard.grade import RECIPE
from storyboard.shots import FrameRef, Shot

SALT: Final = 1
"""Part of every key: raised to disown all takes at once, should a version of ours have stored wrong ones."""

CONDITIONS: Final = ("tail", "head", "start", "end", "references")
"""The fields of a slate that are pictures, and are in it only where there are any."""


class Digests(Protocol):
    """A digest for each frame, by its place."""

    def __getitem__(self, index: int, /) -> Digest: ...


class Recorded(Protocol):
    """What a slate needs of the take of a shot before: a digest for every frame of its file, and their size."""

    @property
    def frames(self) -> Digests: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Condition:
    """Pictures that a shot was given."""

    digests: tuple[Digest, ...]
    """Of the frames as they stand in their takes, oldest first; of the file, for a still."""
    resample: str | None
    """How they are brought to the shot's size; None where they have it. The same recipe gives the same pixels."""

    def plain(self) -> dict[str, Plain]:
        return {"digests": list(self.digests), "resample": self.resample}


@dataclass(frozen=True, slots=True)
class Slate:
    """Each field is in the key because the engine's output depends on it."""

    engine: str
    """Another engine, other pixels."""
    version: int
    """Of the adapter: the same request is carried out in another way."""
    weights: str | None
    """With commit or content digest: the same name may hold other weights tomorrow."""
    options: Mapping[str, Plain]
    """Every option that changes pixels, defaults written out, so that a changed default changes the key."""
    prompt: str
    """As the engine reads it: cast names replaced, style added."""
    negative: str
    """Empty where the engine takes none, so that it costs no shot there."""
    seed: int
    """Decides the noise."""
    width: int
    height: int
    rate: str
    """Engines know how fast time passes."""
    frames: int
    """Of the generation, handles included; where it is trimmed is not in the key."""
    grade: str | None
    """How the engine's shift of colour is undone in its pictures; None where it is not."""
    tail: Condition | None
    """What it continues, as pixels: an identical tail stops a change from going further."""
    head: Condition | None
    """What it leads into, as pixels."""
    start: Condition | None
    end: Condition | None
    references: Condition | None
    """Who and what it shows, as pictures, in the order in which the prompt names them."""

    def plain(self) -> dict[str, Plain]:
        """The slate as plain data; what the key is the digest of, and what a take keeps."""
        given = {role: getattr(self, role) for role in CONDITIONS}
        return self.own() | {role: each.plain() for role, each in given.items() if each is not None}

    def own(self) -> dict[str, Plain]:
        """The slate without conditioning: what the author decides for this shot alone."""
        own: dict[str, Plain] = {
            "slate": SALT,
            "engine": self.engine,
            "version": self.version,
            "weights": self.weights,
            "options": dict(self.options),
            "prompt": self.prompt,
            "negative": self.negative,
            "seed": self.seed,
            "width": self.width,
            "height": self.height,
            "rate": self.rate,
            "frames": self.frames,
        }
        return own if self.grade is None else own | {"grade": self.grade}

    @property
    def key(self) -> Digest:
        return digest_of(self.plain())


def slate_of(shot: Shot, takes: Mapping[str, Recorded]) -> Slate:
    """The shot's slate, from the takes of the shots that it depends on, by id, and those that its head names, by key.

    A pin is not looked at. Raises KeyError where a take is not there.
    """
    use = shot.engine
    still = f"{RESAMPLE} {shot.fit}"
    head, end = _given(shot, shot.head, takes), Condition((shot.end.digest,), still) if shot.end else None
    if shot.head_is_end:
        head, end = None, head
    return Slate(
        engine=use.spec.name,
        version=use.capabilities.version,
        weights=use.weights,
        options=use.options.keyed(),
        prompt=shot.prompt,
        negative=shot.negative,
        seed=shot.seed,
        width=use.width,
        height=use.height,
        rate=str(use.rate),
        frames=shot.frames,
        grade=_graded(shot),
        tail=_given(shot, shot.tail, takes),
        head=head,
        start=Condition((shot.start.digest,), still) if shot.start else None,
        end=end,
        references=_shown(shot),
    )


def own_fields(shot: Shot) -> dict[str, Plain]:
    """A shot's own fields, which are known before any take."""
    return replace(slate_of(replace(shot, tail=(), head=()), {}), grade=_graded(shot)).own()


def _graded(shot: Shot) -> str | None:
    over = shot.engine.grade
    if not over or not shot.tail:
        return None
    return f"over {'all' if over is True else over} of its new frames: {RECIPE}"


def _shown(shot: Shot) -> Condition | None:
    return Condition(tuple(each.digest for each in shot.references), f"{RESAMPLE} whole") if shot.references else None


def _given(shot: Shot, refs: Sequence[FrameRef], takes: Mapping[str, Recorded]) -> Condition | None:
    if not refs:
        return None
    givers = [takes[ref.take or ref.shot] for ref in refs]
    same = {(take.width, take.height) for take in givers} == {(shot.engine.width, shot.engine.height)}
    digests = tuple(take.frames[ref.frame] for take, ref in zip(givers, refs, strict=True))
    return Condition(digests, None if same else f"{RESAMPLE} cover")
