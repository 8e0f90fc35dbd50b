"""A vault -> what is damaged in it, and what no film uses.

Damage is a record or an object whose bytes are not those that were written, or a record whose object is not whole.
What a killed writer left is no damage. Takes are removed before objects, so that a kill in between leaves no take
without footage. May import what stands above `vault_care` in the layout.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path

from storyboard.digest import Digest, digest_file
from storyboard.durable import field_of, sweep, unseal
from storyboard.errors import DamagedFootage, StoryboardError, VaultError
from storyboard.lock import read_lock
from storyboard.project import read_manifest
from storyboard.regular import read_regular
from storyboard.vault_layout import SHARDED, Layout, Take, entries, refusal_from, segment_from, take_from


class DamageKind(Enum):
    """What is damaged."""

    TAKE = "take"
    REFUSAL = "refusal"
    SEGMENT = "segment"
    OBJECT = "object"
    ROOT = "root"


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is not as it was written."""

    kind: DamageKind
    name: str
    """Key of a take or segment, digest of an object, name of a root."""
    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many things went, or would go in a dry run, and how many bytes they hold."""

    takes: int
    objects: int
    segments: int
    bytes: int
    dry: bool
    left: int = 0
    """Bytes that the vault holds then."""
    refusals: int = 0


def _manifests(layout: Layout, root: Path) -> tuple[Path, ...]:
    """Where a root's manifest is; nothing where it is gone. Raises OSError and ValueError where that is unknown."""
    record = unseal(read_regular(root))
    named = field_of(record, "manifest", str)
    if root != layout.root_of(Path(named)):
        raise ValueError("it is the root of another film")
    places = [Path(named)]
    if record.get("relative") is not None:
        places.append(Path(os.path.normpath(layout.root.absolute() / field_of(record, "relative", str))))
    return tuple(dict.fromkeys(place for place in places if place.exists()))


def verify(layout: Layout, *, deep: bool = False) -> list[Damage]:
    """All damage, every byte hashed; `deep` decodes each take's footage too and compares its frames."""
    return [
        Damage(kind, name, path, reason)
        for kind, name, path, check in _checks(layout, deep)
        if (reason := _fault(check)) is not None
    ]


def heal(layout: Layout, *, deep: bool = False) -> list[Damage]:
    """Find all damage and remove what is damaged, so that it is shot again. Nobody else may use the vault. Raises
    OSError."""
    check_unlinked(layout)
    found = verify(layout, deep=deep)
    for damage in found:
        damage.path.unlink(missing_ok=True)
    return found


def _checks(layout: Layout, deep: bool) -> Iterator[tuple[DamageKind, str, Path, Callable[[], object]]]:
    """What to check, objects first: the checks of records ask which objects were found whole."""
    whole: dict[str, int] = {}
    for name, path in layout.objects():
        yield DamageKind.OBJECT, name, path, partial(_check_object, name, path, whole)
    for key, path in layout.takes():
        yield DamageKind.TAKE, key, path, partial(_check_take, layout, key, path, whole, deep)
    for key, path in layout.refusals():
        yield DamageKind.REFUSAL, key, path, partial(_check_refusal, key, path)
    for key, path in layout.segments():
        yield DamageKind.SEGMENT, key, path, partial(_check_segment, key, path, whole)
    for path in entries(layout.roots):
        yield DamageKind.ROOT, path.stem, path, partial(_manifests, layout, path)


def _fault(check: Callable[[], object]) -> str | None:
    try:
        check()
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    except (ValueError, DamagedFootage) as error:
        return str(error)
    return None


def _check_object(name: str, path: Path, whole: dict[str, int]) -> None:
    if digest_file(path) != name:
        raise ValueError("its bytes are not those of its name")
    whole[name] = path.stat().st_size


def _check_take(layout: Layout, key: str, path: Path, whole: Mapping[str, int], deep: bool) -> None:
    take = take_from(read_regular(path))
    if take.key != key:
        raise ValueError(f"it is the take of another key, `{take.key}`")
    if whole.get(take.footage) != take.size:
        raise ValueError(f"its footage `{take.footage}` is missing or damaged")
    if deep:
        check_pictures(layout.object(take.footage), take)


def check_pictures(path: Path, take: Take) -> None:
    """Decode footage and compare each picture, and the sound, with its digest. Raises DamagedFootage."""
    from storyboard.footage import footage_digests
    from storyboard.sound import read_sound

    if footage_digests(path) != take.frames:
        raise DamagedFootage(f"the pictures in the footage of `{take.key}` are not those that were shot")
    if take.sound is not None and read_sound(path).digest != take.sound.digest:
        raise DamagedFootage(f"the sound in the footage of `{take.key}` is not what was made with it")


def _check_refusal(key: str, path: Path) -> None:
    refusal = refusal_from(read_regular(path))
    if refusal.key != key:
        raise ValueError(f"it is the refusal of another key, `{refusal.key}`")


def _check_segment(key: str, path: Path, whole: Mapping[str, int]) -> None:
    segment = segment_from(read_regular(path))
    if segment.key != key:
        raise ValueError(f"it is the segment of another key, `{segment.key}`")
    if whole.get(segment.file) != segment.size:
        raise ValueError(f"its file `{segment.file}` is missing or damaged")


@dataclass(frozen=True, slots=True)
class _Record:
    """A take's or a segment's record, and what it stands for."""

    path: Path
    object: Digest | None
    """That it names; None where it is damaged."""
    size: int
    """Of the record, in bytes."""
    used: int
    """When, in nanoseconds."""
    spare: bool
    needs: frozenset[str]
    """Keys of the refusals that go where it goes."""


def check_unlinked(layout: Layout) -> None:
    """Raise VaultError where a folder of the vault is a link: nothing is removed behind it."""
    layout.check_own()
    for shelf in SHARDED:
        for shard in entries(layout.root / shelf):
            layout.refuse_link(shard)


def prune(layout: Layout, keep: Iterable[str], *, dry: bool, most: int | None = None) -> Pruned:
    """Remove, or only count, the takes and segments that neither `keep` nor a film's manifest names, objects and
    refusals that none of the others names, and what killed writers left. Nobody else may use the vault.

    With `most` it ends as soon as the vault holds no more bytes than that: segments first, which are made again without
    shooting, then takes, those that were not used for the longest time before others. Raises VaultError where it cannot
    be known what a film uses, and OSError.
    """
    check_unlinked(layout)
    takes, segments = named(layout)
    takes.update(keep)
    shot = [_take_record(path, key, key not in takes) for key, path in layout.takes()]
    pieces = [_record(path, _file_of(path), key not in segments) for key, path in layout.segments()]
    refusals = {key: (path, path.stat().st_size) for key, path in layout.refusals()}
    objects = {name: (path, path.stat().st_size) for name, path in layout.objects()}
    users = Counter(record.object for record in (*shot, *pieces))
    gone: list[_Record] = []
    lost = {name for name in objects if not users[Digest(name)]}
    whole = sum(size for _, size in (*objects.values(), *refusals.values()))
    whole += sum(record.size for record in (*shot, *pieces))
    freed = sum(objects[name][1] for name in lost)
    for record in (*_by_age(pieces), *_by_age(shot)):
        if most is not None and whole - freed <= most:
            break
        gone.append(record)
        freed += record.size
        users[record.object] -= 1
        if record.object in objects and not users[record.object]:
            lost.add(record.object)
            freed += objects[record.object][1]
    needed = takes.union(*(record.needs for record in {*shot} - {*gone}))
    idle = {} if most is not None and whole - freed <= most else {k: v for k, v in refusals.items() if k not in needed}
    freed += sum(size for _, size in idle.values())
    if not dry:
        dead = [path for path in entries(layout.roots) if not _manifests(layout, path)]
        leftovers = list(layout.tmp.iterdir()) if layout.tmp.is_dir() else []
        records = [*(record.path for record in gone), *(path for path, _ in idle.values())]
        for path in (*records, *(objects[name][0] for name in lost), *dead, *leftovers):
            path.unlink(missing_ok=True)
        sweep(layout.root / "VERSION")
    count = len({*gone} & {*pieces})
    return Pruned(len(gone) - count, len(lost), count, freed, dry, whole - freed, len(idle))


def _record(path: Path, object: Digest | None, spare: bool, needs: frozenset[str] = frozenset()) -> _Record:
    stat = path.stat()
    return _Record(path, object, stat.st_size, stat.st_mtime_ns, spare, needs)


def _take_record(path: Path, key: str, spare: bool) -> _Record:
    try:
        take = take_from(read_regular(path))
    except ValueError:
        return _record(path, None, spare)  # a damaged record is a miss, and so is its footage
    return _record(path, take.footage, spare, frozenset(take.refusals))


def _by_age(records: Iterable[_Record]) -> list[_Record]:
    """Those that no film uses, the one that was not used for the longest time first."""
    return sorted((record for record in records if record.spare), key=lambda record: (record.used, record.path))


def _file_of(record: Path) -> Digest | None:
    try:
        return segment_from(read_regular(record)).file
    except ValueError:
        return None


def named(layout: Layout) -> tuple[set[str], set[str]]:
    """Keys of all takes and of all segments that films use. Raises VaultError rather than guess."""
    takes: set[str] = set()
    segments: set[str] = set()
    for root in entries(layout.roots):
        try:
            paths = _manifests(layout, root)
        except (OSError, ValueError) as error:
            raise VaultError(
                f"`{root}` should say where a film is, but is damaged: {error}",
                "remove it with `storyboard vault verify --heal`, and render that film again before pruning",
            ) from error
        for path in paths:
            if path.suffix == ".lock":
                takes |= _locked(path)
                continue
            manifest = read_manifest(path)
            if manifest is None:
                raise VaultError(
                    f"cannot read the manifest `{path}`, so what its film uses is not known",
                    "render that film again, or remove the manifest",
                )
            takes |= {shot.key for shot in manifest.shots}
            segments |= set(manifest.segments)
    return takes, segments


def _locked(path: Path) -> frozenset[Digest]:
    """Keys of all takes that a film's lock names. Raises VaultError."""
    try:
        lock = read_lock(path)
    except StoryboardError as error:
        raise VaultError(
            f"cannot read the lock `{path}`, so what its film uses is not known",
            "render that film again, or remove the lock",
        ) from error
    return lock.keys if lock else frozenset()
