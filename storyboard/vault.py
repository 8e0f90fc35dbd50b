"""Keys -> takes, digests -> footage: the content-addressed store of all that was ever shot.

Objects are written first and the take last, each aside, flushed and renamed, so that at any moment a take is whole or
not there. Nothing that is read is trusted: what is missing or has other bytes than were written is a miss, which the
next `put` heals. Opening a vault and finding takes in it writes nothing. May import what stands above `vault` in the
layout; what decodes is imported when footage is read or written.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storyboard.digest import Digest, Plain, digest_file
from storyboard.durable import field_of, make_folder, place, scratch_name, seal, sync_folder, unseal
from storyboard.errors import DamagedFootage
from storyboard.regular import read_regular
from storyboard.vault_layout import (
    Layout,
    Refusal,
    Segment,
    Take,
    TakeSound,
    refusal_from,
    root_record,
    segment_from,
    take_from,
)
from storyboard.vault_locks import READ_ONLY, alone, in_use, locked, writing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from storyboard.footage import Footage
    from storyboard.sound import Sound
    from storyboard.vault_care import Damage, Pruned

__all__ = ["Refusal", "Take", "Vault"]

_MOST_TIMINGS: Final = 20


class Vault:
    """A vault in a folder, which need not exist until something is put. Raises VaultError where the folder holds a
    vault of another version."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._layout = Layout(root)
        self._layout.read_version()
        self._whole: dict[Digest, tuple[int, int, int]] = {}
        """Objects found whole, with the size, time and inode that their files had then."""

    # Takes

    def find(self, key: str) -> Take | None:
        """The take of a key, its footage hashed; None where there is none, or where anything is wrong with it."""
        take = self.peek(key)
        return take if take is not None and self._is_whole(take.footage, take.size) else None

    def peek(self, key: str) -> Take | None:
        """The take's record alone, whether or not its footage is whole: enough to explain a plan, not to use it."""
        try:
            take = take_from(read_regular(self._layout.take(key)))
        except (OSError, ValueError):
            return None
        return take if take.key == key else None

    def takes(self) -> Iterator[Take]:
        """All takes that have a whole record, by key."""
        for key, _ in self._layout.takes():
            with suppress(ValueError):
                if (take := self.peek(key)) is not None:
                    yield take

    def put(self, key: str, slate: Mapping[str, Plain], footage: Footage, made: Mapping[str, Plain]) -> Take:
        """Store footage and, once that is decoded again and found right, its take. The take is as it will be found.

        Raises VaultError where the vault cannot be written, DamagedFootage where other pictures were written.
        """
        from storyboard.footage import frame_digests, write_footage
        from storyboard.vault_care import check_pictures

        count, height, width, _ = footage.frames.shape
        digests = frame_digests(footage.frames)
        assert count > 0
        with self._aside("footage", ".mkv") as aside:
            write_footage(aside, footage)
            draft = Take(
                key=key,
                slate=slate,
                footage=digest_file(aside),
                size=aside.stat().st_size,
                width=width,
                height=height,
                rate=footage.rate,
                frames=digests,
                made=made,
                sound=_facts_of(footage.sound),
            )
            check_pictures(aside, draft)
            self._keep(aside, draft.footage, draft.size)
            record = draft.sealed()
            self._layout.write(self._layout.take(key), record)
        return take_from(record)

    def adopt(self, take: Take, fetch: Callable[[Path], None]) -> Take:
        """Store a take that another vault has: `fetch` writes its footage to a path, unless that is here already.

        Raises DamagedFootage where other bytes come than the take names, VaultError where the vault cannot be written.
        """
        with self._aside("footage", ".mkv") as aside:
            if not self._is_whole(take.footage, take.size):
                fetch(aside)
                if aside.stat().st_size != take.size or digest_file(aside) != take.footage:
                    raise DamagedFootage("its footage is not what was shot")
            self._keep(aside, take.footage, take.size)
            self._layout.write(self._layout.take(take.key), take.sealed())
        return take

    def refusal(self, key: str) -> Refusal | None:
        """What is wrong with the take of a key; None where nothing is known to be, whether it is there or not."""
        try:
            refusal = refusal_from(read_regular(self._layout.refusal(key)))
        except (OSError, ValueError):
            return None
        return refusal if refusal.key == key else None

    def refusals(self) -> Iterator[Refusal]:
        """All refusals that have a whole record, by key."""
        for key, _ in self._layout.refusals():
            with suppress(ValueError):
                if (refusal := self.refusal(key)) is not None:
                    yield refusal

    def keys(self) -> Iterator[str]:
        """Of all takes and refusals, each once."""
        takes = [take.key for take in self.takes()]
        yield from dict.fromkeys([*takes, *(refusal.key for refusal in self.refusals())])

    def refuse(self, refusal: Refusal) -> None:
        """Note what is wrong with the take of a key; the take itself, if any, stays. Raises VaultError."""
        with in_use(self._layout), writing(self._layout, "a refusal"):
            self._layout.prepare()
            self._layout.write(self._layout.refusal(refusal.key), refusal.sealed())

    def frames(self, take: Take, indices: Sequence[int]) -> NDArray[np.uint8]:
        """Pictures of a take by their places in its file, uint8 RGB [len(indices), height, width, 3]. Raises
        DamagedFootage where one is not the picture that was shot."""
        from storyboard.footage import frame_digests, read_footage

        assert indices and all(0 <= index < len(take.frames) for index in indices), indices
        path = self.footage_path(take)
        hint = "render again: damaged takes are shot anew"
        try:
            pictures = read_footage(path, indices)
        except IndexError as error:
            raise DamagedFootage(f"`{path}` holds fewer pictures than were shot", hint) from error
        if frame_digests(pictures) != tuple(take.frames[index] for index in indices):
            raise DamagedFootage(f"the pictures of `{path}` are not those that were shot", hint)
        return pictures

    def sound(self, take: Take) -> Sound | None:
        """The sound that a take's engine made with its pictures, from its first frame to the end of its last; None
        where it made none. Raises DamagedFootage where it is not what was made."""
        from storyboard.sound import read_sound

        if take.sound is None:
            return None
        sound = read_sound(self.footage_path(take))
        if sound.digest != take.sound.digest:
            hint = "render again: damaged takes are shot anew"
            raise DamagedFootage(f"the sound of `{self.footage_path(take)}` is not what was made", hint)
        return sound

    def footage_path(self, take: Take) -> Path:
        """The file of a take's footage, to read only; its sound, if any, is a track in it."""
        return self._layout.object(take.footage)

    def refusal_path(self, refusal: Refusal) -> Path:
        """The file of a refusal's record, to read only."""
        return self._layout.refusal(refusal.key)

    def record_path(self, take: Take) -> Path:
        """The file of a take's record, to read only."""
        return self._layout.take(take.key)

    # Encoded pieces of movies

    def find_segment(self, key: str) -> Path | None:
        """The file of an encoded piece, hashed, to read only; None where there is none or anything is wrong with it."""
        try:
            segment = segment_from(read_regular(self._layout.segment(key)))
        except (OSError, ValueError):
            return None
        whole = segment.key == key and self._is_whole(segment.file, segment.size)
        return self._layout.object(segment.file) if whole else None

    def put_segment(self, key: str, file: Path) -> Path:
        """Move an encoded piece into the vault, from whichever filesystem. Raises VaultError."""
        with self._aside("a segment", file.suffix) as aside:
            try:
                file.replace(aside)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                shutil.copyfile(file, aside)
                file.unlink()
            segment = Segment(key, digest_file(aside), aside.stat().st_size)
            self._keep(aside, segment.file, segment.size)
            self._layout.write(self._layout.segment(key), segment.sealed())
        return self._layout.object(segment.file)

    # Who uses it

    def in_use(self) -> AbstractContextManager[None]:
        """While it is held, by whomever, nothing is removed. Every render holds it. Raises VaultError."""
        return in_use(self._layout)

    def locked(self, key: str, *, wait: bool) -> AbstractContextManager[bool]:
        """Yields whether this caller alone may shoot the key now; look the key up again once it is held. With `wait` it
        is held in the end; without, False says that someone else is shooting it. Raises VaultError where the vault
        cannot be written."""
        return locked(self._layout, key, wait=wait)

    # Estimates

    def timings(self, group: str) -> tuple[tuple[int, float], ...]:
        """The last 20 (frames, seconds) noted for a group, oldest first."""
        try:
            record = unseal(read_regular(self._layout.timings(group)))
            pairs = [field_of({"pair": pair}, "pair", list) for pair in field_of(record, "timings", list)]
            named = [{"frames": frames, "seconds": seconds} for frames, seconds in pairs]
            return tuple((field_of(pair, "frames", int), field_of(pair, "seconds", float)) for pair in named)
        except (OSError, ValueError):
            return ()

    def note_timing(self, group: str, frames: int, seconds: float) -> None:
        """Note how long a shot took. It is for estimates only: one that is lost is not missed."""
        noted = [*self.timings(group), (frames, float(seconds))][-_MOST_TIMINGS:]
        with suppress(OSError):
            self._layout.write(self._layout.timings(group), seal({"timings": noted}), flush=False)

    # Care

    def name_root(self, manifest: Path) -> None:
        """Remember where a film's manifest is: what it names is never pruned while it exists. A vault that can only be
        read remembers nothing, and serves all the same. Raises VaultError."""
        path, record = root_record(self._layout, manifest)
        with suppress(OSError):
            if read_regular(path) == record:
                return
        with in_use(self._layout), writing(self._layout, "where a film is"):
            try:
                self._layout.write(path, record)
            except OSError as error:
                if error.errno not in READ_ONLY:
                    raise

    def verify(self, *, deep: bool = False, heal: bool = False) -> list[Damage]:
        """All damage, every byte hashed; `deep` decodes all footage too. `heal` removes what is damaged, so that it is
        shot again, and raises VaultError while a render uses the vault."""
        from storyboard.vault_care import heal as heal_all
        from storyboard.vault_care import verify

        if not self.root.exists():
            return []
        if not heal:
            with in_use(self._layout):
                return verify(self._layout, deep=deep)
        with alone(self._layout), writing(self._layout, "repairs"):
            return heal_all(self._layout, deep=deep)

    def named(self) -> frozenset[str]:
        """Keys of the takes that films use. Raises VaultError where that cannot be known."""
        from storyboard.vault_care import named

        return frozenset(named(self._layout)[0])

    def note_used(self, keys: Iterable[str]) -> None:
        """Note that a film uses these takes now: `prune` removes last what was used last. It may fail unheard."""
        for key in keys:
            with suppress(OSError):
                os.utime(self._layout.take(key))

    def prune(self, keep: Iterable[str] = (), *, yes: bool = False, most: int | None = None) -> Pruned:
        """Remove what neither `keep` (keys of takes) nor the manifest of a film names; only count it unless `yes`.

        With `most` only until the vault holds no more bytes than that, what was used last being removed last. Raises
        VaultError while a render uses the vault, or where it cannot be known what a film uses.
        """
        from storyboard.vault_care import Pruned, prune

        if not self.root.exists():
            return Pruned(0, 0, 0, 0, dry=not yes)
        with alone(self._layout), writing(self._layout, "removals"):
            return prune(self._layout, keep, dry=not yes, most=most)

    # Within

    @contextmanager
    def _aside(self, what: str, suffix: str) -> Iterator[Path]:
        """A path to write an object at; gone in the end. OSErrors become VaultErrors."""
        with in_use(self._layout), writing(self._layout, what):
            self._layout.prepare()
            make_folder(self._layout.tmp)
            aside = self._layout.tmp / f"{scratch_name()}{suffix}"
            try:
                yield aside
            finally:
                with suppress(OSError):
                    aside.unlink(missing_ok=True)

    def _keep(self, aside: Path, digest: Digest, size: int) -> None:
        """Move a file to its place among the objects, unless a whole one is there. Raises OSError."""
        path = self._layout.object(digest)
        self._whole.pop(digest, None)
        make_folder(path.parent)
        if self._is_whole(digest, size):
            sync_folder(path.parent)
        else:
            place(aside, path)

    def _is_whole(self, digest: Digest, size: int) -> bool:
        """Whether an object is there with that size and its bytes. Hashed once, and again when its file changed."""
        path = self._layout.object(digest)
        try:
            stat = path.stat()
            stamp = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
            if stat.st_size != size:
                return False
            if self._whole.get(digest) != stamp:
                if digest_file(path) != digest:
                    return False
                self._whole[digest] = stamp
        except OSError:
            return False
        return True


def _facts_of(sound: Sound | None) -> TakeSound | None:
    if sound is None:
        return None
    samples, channels = sound.samples.shape
    return TakeSound(sound.rate, channels, samples, sound.digest)
