"""What lies where in a vault, and records <-> their bytes.

    VERSION                    of this layout
    objects/ab/<62 hex>        footage and encoded pieces, by digest of their bytes
    takes/ab/<62 hex>.json     key -> take; written last, so that what it names is there
    refusals/ab/<62 hex>.json  key -> what is wrong with its take, which need not be kept
    segments/ab/<62 hex>.json  key -> encoded piece of a movie
    roots/<32 hex>.json        where the manifest of a film is that uses this vault
    timings/<32 hex>.json      how long shots took, for estimates only
    in-use/, locks/, gate      lock files, all empty
    tmp/                       what is being written; a killed writer leaves something here

Names are short enough for Windows. May import what stands above `vault_layout` in the layout.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from storyboard.digest import Digest, Plain, digest_bytes
from storyboard.durable import (
    as_digest,
    digest_in,
    field_of,
    seal,
    unseal,
    write_atomically,
)
from storyboard.errors import VaultError
from storyboard.regular import read_regular
from storyboard.timing import Rate

VERSION: Final = b"storyboard vault 1\n"
_SOME_VERSION: Final = re.compile(rb"storyboard vault [0-9]+\n")
SHARDED: Final = ("objects", "takes", "refusals", "segments")
"""The shelves whose things are in folders by how their names begin."""
_SHELVES: Final = (*SHARDED, "roots", "timings", "in-use", "locks", "tmp")
_NAMES: Final = frozenset({"VERSION", "gate", *_SHELVES})


@dataclass(frozen=True, slots=True)
class TakeSound:
    """The sound in the file of a take's footage."""

    rate: int
    """Samples per second."""
    channels: int
    samples: int
    """Of each channel."""
    digest: Digest

    def plain(self) -> dict[str, Plain]:
        return {"rate": self.rate, "channels": self.channels, "samples": self.samples, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Take:
    """What was shot for a key."""

    key: str
    slate: Mapping[str, Plain]
    """All that decides its pixels, so that a plan can say which field changed. Fractions have become text."""
    footage: Digest
    size: int
    """Of the footage, in bytes."""
    width: int
    height: int
    rate: Rate
    frames: tuple[Digest, ...]
    """Of each picture in the file, so that a tail can be keyed without decoding."""
    made: Mapping[str, Plain]
    """How, when and on what it was shot; decides nothing."""
    sound: TakeSound | None = None
    """That its engine made with the pictures, if any."""

    @property
    def seed(self) -> int:
        """That it was shot with: of a shot that was tried again, not the author's."""
        seed = self.slate.get("seed")
        return seed if isinstance(seed, int) else 0

    @property
    def refusals(self) -> tuple[str, ...]:
        """Keys of the refusals that go where it goes: those of the attempts before it, and its own where it has one."""
        keys = self.made.get("refused")
        before = tuple(map(str, keys)) if isinstance(keys, Sequence) and not isinstance(keys, str) else ()
        return (*before, self.key) if self.is_flawed else before

    @property
    def is_flawed(self) -> bool:
        """All of it is black or frozen: there is a refusal of its key, though it was kept."""
        return "flaw" in self.made

    def sealed(self) -> bytes:
        """Its record's bytes."""
        record: dict[str, Plain] = {
            "take": self.key,
            "slate": self.slate,
            "footage": self.footage,
            "size": self.size,
            "width": self.width,
            "height": self.height,
            "rate": str(self.rate),
            "frames": self.frames,
            "made": self.made,
        }
        return seal(record | {"sound": self.sound.plain()} if self.sound else record)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is wrong with the take of a key: films that say `retries` go on to another key."""

    key: str
    slate: Mapping[str, Plain]
    """All that decides the take's pixels."""
    flaw: str
    """`black` or `frozen`."""
    made: Mapping[str, Plain]
    """How, when and on what it was shot; decides nothing."""

    def sealed(self) -> bytes:
        """Its record's bytes."""
        return seal({"refusal": self.key, "slate": self.slate, "flaw": self.flaw, "made": self.made})


@dataclass(frozen=True, slots=True)
class Segment:
    """An encoded piece of a movie."""

    key: str
    file: Digest
    size: int
    """In bytes."""

    def sealed(self) -> bytes:
        """Its record's bytes."""
        return seal({"segment": self.key, "file": self.file, "size": self.size})


def take_from(data: bytes) -> Take:
    """The take that was sealed. Raises ValueError."""
    record = unseal(data)
    return Take(
        key=field_of(record, "take", str),
        slate=cast("Mapping[str, Plain]", field_of(record, "slate", dict)),
        footage=digest_in(record, "footage"),
        size=field_of(record, "size", int),
        width=field_of(record, "width", int),
        height=field_of(record, "height", int),
        rate=Rate.parse(field_of(record, "rate", str)),
        frames=tuple(as_digest(each) for each in field_of(record, "frames", list)),
        made=cast("Mapping[str, Plain]", field_of(record, "made", dict)),
        sound=_sound(field_of(record, "sound", dict)) if "sound" in record else None,
    )


def refusal_from(data: bytes) -> Refusal:
    """The refusal that was sealed. Raises ValueError."""
    record = unseal(data)
    slate, made = (cast("Mapping[str, Plain]", field_of(record, name, dict)) for name in ("slate", "made"))
    return Refusal(field_of(record, "refusal", str), slate, field_of(record, "flaw", str), made)


def _sound(record: dict[str, object]) -> TakeSound:
    rate, channels, samples = (field_of(record, name, int) for name in ("rate", "channels", "samples"))
    return TakeSound(rate, channels, samples, digest_in(record, "digest"))


def segment_from(data: bytes) -> Segment:
    """The segment that was sealed. Raises ValueError."""
    record = unseal(data)
    return Segment(field_of(record, "segment", str), digest_in(record, "file"), field_of(record, "size", int))


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of a vault. Keys and groups are digests."""

    root: Path

    @property
    def gate(self) -> Path:
        """Locked while anyone begins to use the vault, and all the while that something is removed from it."""
        return self.root / "gate"

    @property
    def in_use(self) -> Path:
        return self.root / "in-use"

    @property
    def locks(self) -> Path:
        return self.root / "locks"

    @property
    def tmp(self) -> Path:
        return self.root / "tmp"

    @property
    def roots(self) -> Path:
        return self.root / "roots"

    def object(self, digest: Digest) -> Path:
        return self.root / "objects" / digest[:2] / digest[2:]

    def take(self, key: str) -> Path:
        return self.root / "takes" / as_digest(key)[:2] / f"{key[2:]}.json"

    def refusal(self, key: str) -> Path:
        return self.root / "refusals" / as_digest(key)[:2] / f"{key[2:]}.json"

    def segment(self, key: str) -> Path:
        return self.root / "segments" / as_digest(key)[:2] / f"{key[2:]}.json"

    def lock(self, key: str) -> Path:
        return self.locks / as_digest(key)[:32]

    def root_of(self, manifest: Path) -> Path:
        """Where it is remembered that a manifest, or a lock, is at that absolute path."""
        return self.roots / f"{digest_bytes(str(manifest).encode())[:32]}.json"

    def timings(self, group: str) -> Path:
        return self.root / "timings" / f"{as_digest(group)[:32]}.json"

    def objects(self) -> Iterator[tuple[str, Path]]:
        """Digest and path of each object, sorted."""
        return self._shelf("objects", "")

    def takes(self) -> Iterator[tuple[str, Path]]:
        """Key and path of each take's record, sorted."""
        return self._shelf("takes", ".json")

    def refusals(self) -> Iterator[tuple[str, Path]]:
        """Key and path of each refusal's record, sorted."""
        return self._shelf("refusals", ".json")

    def segments(self) -> Iterator[tuple[str, Path]]:
        """Key and path of each segment's record, sorted."""
        return self._shelf("segments", ".json")

    def _shelf(self, name: str, suffix: str) -> Iterator[tuple[str, Path]]:
        for shard in entries(self.root / name):
            for path in entries(shard):
                yield shard.name + path.name.removesuffix(suffix), path

    def read_version(self) -> None:
        """Raises VaultError where this is a vault of another version, or no folder."""
        try:
            found = read_regular(self.root / "VERSION")
        except FileNotFoundError:
            return
        except OSError as error:
            raise VaultError(
                f"cannot read the vault `{self.root}`: {error.strerror or error}", "name a folder with `--vault`"
            ) from error
        if not _SOME_VERSION.fullmatch(found):
            raise VaultError(
                f"`{self.root / 'VERSION'}` is damaged, so what is in the vault is not known",
                "delete it if this storyboard made the vault: the next render writes it anew",
            )
        if found != VERSION:
            raise VaultError(
                f"the vault `{self.root}` is of a version that this storyboard does not know",
                "use the storyboard that made it, or name another folder with `--vault`",
            )

    def check_own(self) -> None:
        """Raise VaultError where one of the vault's folders is a link: what lies behind it is not the vault's."""
        for name in _SHELVES:
            self.refuse_link(self.root / name)

    def refuse_link(self, folder: Path) -> None:
        """Raise VaultError where a folder of the vault is a link."""
        if folder.is_symlink():
            hint = "put the folder itself there, or name another vault with `--vault`"
            raise VaultError(f"`{folder}` is a link, and a vault writes and removes only what is its own", hint)

    def prepare(self) -> None:
        """Make the vault's folder and its VERSION where they are missing. Raises OSError, and VaultError where the
        folder holds something else, or one of its own is a link."""
        self.check_own()
        if (self.root / "VERSION").exists():
            return
        strange = [path.name for path in entries(self.root) if path.name not in _NAMES]
        if strange:
            raise VaultError(
                f"`{self.root}` is no vault, and holds other files, such as `{strange[0]}`",
                "name an empty folder or a new one with `--vault`",
            )
        write_atomically(self.root / "VERSION", VERSION)

    def write(self, path: Path, data: bytes, *, flush: bool = True) -> None:
        """Write a record. Raises OSError."""
        write_atomically(path, data, scratch=self.tmp, flush=flush)


def root_record(layout: Layout, manifest: Path) -> tuple[Path, bytes]:
    """Path and bytes of the record of where a film's manifest, or its lock, is: both from `/` and from the vault, as a
    project may be moved as a whole."""
    absolute = Path(os.path.normpath(manifest.absolute()))
    try:
        relative: str | None = os.path.relpath(absolute, layout.root.absolute())
    except ValueError:  # on another drive
        relative = None
    return layout.root_of(absolute), seal({"manifest": str(absolute), "relative": relative})


def entries(folder: Path) -> list[Path]:
    """What is in a folder, sorted, without hidden files; nothing where there is no such folder."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
