"""film.lock: what the last finished render put into the film, and which takes are pinned in it.

It stands beside the screenplay and is kept with it. It is YAML that a person can read, written in one way only, a few
lines a shot, so that differences are small and a merge shows where two films part:

    storyboard: 1
    film: 31e0...                   digest of what the screenplay says of all shots
    shots:
    - id: under/1
      key: 4cf5...                  of the take that is in the film
      own: 77ab...                  digest of what the screenplay says of this shot alone
      footage: 9a0c...
      engine: "animatic"
      seed: 4501
      head: fishes/1 8+16@24 02d7...  leads into visible frames of this take: first, count, rate, key
    - id: fishes/1
      ...
      pin: true                     the take stays though its slate would now have another key
      hold: true                    the screenplay says so
    earlier:
    - film: 8b1d...                 pins of screenplays before this one, newest first, so that an edit can be undone
      pin: fishes/1 02d7...

May import what stands above `lock` in the layout.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, NoReturn

from storyboard.digest import Digest
from storyboard.durable import write_atomically
from storyboard.errors import CommandError, Fault, ScreenplayError
from storyboard.regular import read_regular
from storyboard.shots import scene_of
from storyboard.source import Source
from storyboard.timing import FrameRange, Rate

FORMAT: Final = 1
_ABOUT: Final = "# What is in the film, and its pins. `storyboard render` writes it; keep it with the screenplay."
_LINE = re.compile(r"(- |  )?([a-z]+):(?: (.*))?")
_HEX = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}/[1-9][0-9]{0,8}")
_HEAD = re.compile(r"(\S+) ([0-9]{1,9})\+([1-9][0-9]{0,8})@([0-9/]{1,20}) ([0-9a-f]{64})")
_CONFLICT = re.compile(r"<{7}( |$)|={7}$|>{7}( |$)|\|{7}( |$)")
_ANEW: Final = "the next render writes it anew, without splices"


@dataclass(frozen=True, slots=True)
class Head:
    """What a spliced shot leads into: the frames of a take that were on screen, which shot `shot` had then."""

    shot: str
    take: Digest
    visible: FrameRange
    rate: Rate

    def __str__(self) -> str:
        return f"{self.shot} {self.visible.start}+{len(self.visible)}@{self.rate} {self.take}"


@dataclass(frozen=True, slots=True)
class LockedShot:
    """One shot as it stands in the film."""

    id: str
    key: Digest
    own: Digest
    footage: Digest
    engine: str
    weights: str | None
    seed: int
    pinned: bool = False
    hold: bool = False
    head: Head | None = None

    @property
    def scene(self) -> str:
        return scene_of(self.id)


@dataclass(frozen=True, slots=True)
class Pins:
    """The pins of one film: takes that stay, by shot, and what shots lead into."""

    film: Digest
    """Of the screenplay, as in the lock."""
    takes: Mapping[str, Digest] = field(default_factory=dict)
    heads: Mapping[str, Head] = field(default_factory=dict)


@dataclass(frozen=True)
class Lock:
    """A film as its last render left it. `shots` are in the film's order."""

    film: Digest
    shots: tuple[LockedShot, ...]
    earlier: tuple[Pins, ...] = ()

    @cached_property
    def by_id(self) -> dict[str, LockedShot]:
        return {shot.id: shot for shot in self.shots}

    @property
    def pins(self) -> Pins:
        """Of the film itself."""
        takes = {shot.id: shot.key for shot in self.shots if shot.pinned}
        return Pins(self.film, takes, {shot.id: shot.head for shot in self.shots if shot.head})

    @property
    def keys(self) -> frozenset[Digest]:
        """Of all takes that it names: those in the film, those that shots lead into, and those of earlier pins."""
        found = {shot.key for shot in self.shots}
        for pins in (self.pins, *self.earlier):
            found |= {*pins.takes.values(), *(head.take for head in pins.heads.values())}
        return frozenset(found)


def lock_text(lock: Lock) -> str:
    """The one spelling of a lock."""
    return "\n".join(_lines(lock)) + "\n"


def _lines(lock: Lock) -> Iterator[str]:
    yield from (_ABOUT, f"storyboard: {FORMAT}", f"film: {lock.film}", "shots:")
    for shot in lock.shots:
        yield f"- id: {shot.id}"
        yield from (f"  key: {shot.key}", f"  own: {shot.own}", f"  footage: {shot.footage}")
        yield f"  engine: {json.dumps(shot.engine)}"
        if shot.weights is not None:
            yield f"  weights: {json.dumps(shot.weights)}"
        yield f"  seed: {shot.seed}"
        if shot.pinned:
            yield "  pin: true"
        if shot.hold:
            yield "  hold: true"
        if shot.head:
            yield f"  head: {shot.head}"
    if lock.earlier:
        yield "earlier:"
    for pins in lock.earlier:
        yield f"- film: {pins.film}"
        yield from (f"  pin: {shot} {key}" for shot, key in pins.takes.items())
        yield from (f"  head: {shot} {head}" for shot, head in pins.heads.items())


def write_lock(path: Path, lock: Lock) -> bool:
    """Write it whole or not at all; whether there was anything to write. Raises OSError."""
    try:
        if read_lock(path) == lock:
            return False
    except (ScreenplayError, CommandError):
        pass  # it is replaced
    write_atomically(path, lock_text(lock).encode())
    return True


def read_lock(path: Path) -> Lock | None:
    """The lock in a file; None where there is none.

    Raises ScreenplayError with the line where it is no lock of ours, CommandError where it cannot be read.
    """
    try:
        raw = read_regular(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"cannot read `{path}`: {error.strerror or error}"
        raise CommandError(message, f"mend its permissions, or delete it: {_ANEW}") from error
    return lock_from(raw.decode("utf-8", "replace"), str(path))


def lock_from(text: str, name: str) -> Lock:
    """The lock in a text; `name` is for messages. Raises ScreenplayError with the line of what is wrong."""
    reader = _Reader(Source(name, text))
    return reader.lock()


@dataclass(frozen=True, slots=True)
class _Field:
    """One line: `name: value`, and whether it begins an entry of a list or stands in one."""

    line: int
    opens: bool
    inside: bool
    name: str
    value: str


class _Reader:
    """Lines -> a lock. Takes what `lock_text` writes, in whatever order of fields, with any line ends."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def fail(self, line: int, message: str, hint: str | None = None) -> NoReturn:
        hint = hint or f"restore it from version control, or delete it: {_ANEW}"
        raise self.source.error([Fault((), message, hint, (line, 1))])

    def fields(self) -> Iterator[_Field]:
        for number, text in enumerate(self.source.lines, start=1):
            if _CONFLICT.match(text):
                hint = f"keep one side, or delete the file: {_ANEW}; takes that are in the vault are not shot again"
                self.fail(number, "a merge left a conflict here", hint)
            if not text.strip() or text.startswith("#"):
                continue
            match = _LINE.fullmatch(text.rstrip())
            if match is None:
                self.fail(number, "this is no line of a lock")
            start, name, value = match[1], match[2], match[3] or ""
            yield _Field(number, start == "- ", start is not None, name, value)

    def lock(self) -> Lock:
        top: dict[str, _Field] = {}
        lists: dict[str, list[list[_Field]]] = {"shots": [], "earlier": []}
        section = ""
        for each in self.fields():
            if not each.inside:
                if each.name in top:
                    self.fail(each.line, f"`{each.name}` is written twice")
                top[each.name] = each
                section = each.name
                self.check_top(each)
            elif each.opens and section in lists:
                lists[section].append([each])
            elif lists.get(section):
                lists[section][-1].append(each)
            else:
                self.fail(each.line, "this entry stands in no list")
        for name in ("storyboard", "film", "shots"):
            if name not in top:
                self.fail(1, f"this is no lock of a film: it has no `{name}`")
        shots = tuple(self.shot(entry) for entry in lists["shots"])
        if len({shot.id for shot in shots}) < len(shots):
            self.fail(top["shots"].line, "a shot is in the film twice")
        return Lock(self.digest(top["film"]), shots, tuple(self.pins(entry) for entry in lists["earlier"]))

    def check_top(self, each: _Field) -> None:
        if each.name == "storyboard" and each.value != str(FORMAT):
            hint = f"update storyboard, or delete the lock: {_ANEW}"
            self.fail(each.line, f"this lock is of format {each.value[:20]}, which this storyboard does not know", hint)
        if each.name not in ("storyboard", "film", "shots", "earlier"):
            self.fail(each.line, f"a lock has no `{each.name}`")

    def shot(self, entry: list[_Field]) -> LockedShot:
        line = entry[0].line
        said: dict[str, _Field] = {}
        for each in entry:
            if each.name in said:
                self.fail(each.line, f"`{each.name}` is written twice")
            said[each.name] = each
        for name in ("id", "key", "own", "footage", "engine", "seed"):
            if name not in said:
                self.fail(line, f"this shot has no `{name}`")
        if strange := said.keys() - {"id", "key", "own", "footage", "engine", "weights", "seed", "pin", "hold", "head"}:
            self.fail(line, f"a locked shot has no `{min(strange)}`")
        seed = said["seed"]
        if not re.fullmatch("[0-9]{1,19}", seed.value):
            self.fail(seed.line, "a seed is a whole number")
        return LockedShot(
            id=self.id(said["id"], said["id"].value),
            key=self.digest(said["key"]),
            own=self.digest(said["own"]),
            footage=self.digest(said["footage"]),
            engine=self.text(said["engine"]),
            weights=self.text(said["weights"]) if "weights" in said else None,
            seed=int(seed.value),
            pinned=self.truth(said.get("pin")),
            hold=self.truth(said.get("hold")),
            head=self.head(said["head"], said["head"].value) if "head" in said else None,
        )

    def pins(self, entry: list[_Field]) -> Pins:
        takes: dict[str, Digest] = {}
        heads: dict[str, Head] = {}
        if entry[0].name != "film":
            self.fail(entry[0].line, "earlier pins begin with `film`")
        for each in entry[1:]:
            shot, _, rest = each.value.partition(" ")
            if each.name == "pin":
                takes[self.id(each, shot)] = self.digest(each, rest)
            elif each.name == "head":
                heads[self.id(each, shot)] = self.head(each, rest)
            else:
                self.fail(each.line, f"earlier pins have no `{each.name}`")
        return Pins(self.digest(entry[0]), takes, heads)

    def id(self, at: _Field, text: str) -> str:
        if not _ID.fullmatch(text):
            self.fail(at.line, "this is no id of a shot, such as `surface/1`")
        return text

    def digest(self, at: _Field, text: str | None = None) -> Digest:
        text = at.value if text is None else text
        if not _HEX.fullmatch(text):
            self.fail(at.line, f"`{at.name}` holds something that is no digest")
        return Digest(text)

    def text(self, at: _Field) -> str:
        try:
            value = json.loads(at.value)
        except ValueError:
            value = None
        if not isinstance(value, str):
            self.fail(at.line, f"`{at.name}` is a text in double quotes")
        return value

    def truth(self, at: _Field | None) -> bool:
        if at is not None and at.value != "true":
            self.fail(at.line, f"`{at.name}` is `true` or left out")
        return at is not None

    def head(self, at: _Field, text: str) -> Head:
        match = _HEAD.fullmatch(text)
        rate = None
        with suppress(ValueError):
            rate = Rate.parse(match[4]) if match else None
        if match is None or rate is None:
            self.fail(at.line, "`head` names a shot, frames of a take at a rate, and the key of that take")
        first = int(match[2])
        return Head(self.id(at, match[1]), Digest(match[5]), FrameRange(first, first + int(match[3])), rate)
