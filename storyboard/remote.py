"""A vault far away, which machines share: what a film needs is looked up there before it is shot.

    push(vault, remote, keys)           what is here and not there: footage first, takes last
    pull(vault, remote, keys)           what is there and not here
    reading_through(root, remote)       a vault whose misses are looked up there

Nothing that comes is trusted: a take has to be of the slate that its key is the digest of, and its footage has to have
the bytes that the take names. What is wrong is refused and counts as missing. Rendering never writes to a remote; only
`push` does. May import what stands above `remote` in the layout.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storyboard.digest import digest_of
from storyboard.durable import as_digest
from storyboard.errors import CommandError, DamagedFootage, RemoteError
from storyboard.lock import read_lock
from storyboard.project import Places, read_manifest
from storyboard.remote_shelves import Shelves, shelves_at, shown_url
from storyboard.vault import Vault
from storyboard.vault_layout import VERSION, Refusal, Take, refusal_from, take_from

_MOST_RECORD: Final = 64 << 20  # bytes of a take's record: it holds a digest for each frame


class Remote:
    """A vault at a URL or in a folder, reached when something is first looked up there.

    `tell` hears what the author should know: that a take went or came, was refused, or that the remote cannot be
    reached, after which nothing more is looked up. With `look` takes are looked up and not brought: enough for a plan.
    """

    def __init__(self, url: str, *, tell: Callable[[str], None] | None = None, look: bool = False) -> None:
        self.url = url
        self.look = look
        self.tell = tell or (lambda text: None)
        self._shelves: Shelves | None = None
        self._lost = False
        self._refused: set[str] = set()
        """Keys of takes that are not right there: they are not fetched, and told of, time and again."""

    @property
    def shown(self) -> str:
        """The URL without user name and password."""
        return shown_url(self.url)

    def find(self, key: str) -> Take | None:
        """The take of a key there, without its footage; None where there is none, or where it is not right.

        Raises RemoteError, CommandError.
        """
        data = self._read(_take_name(key), _MOST_RECORD)
        if data is None:
            return None
        try:
            take = take_from(data)
            _check(take, key)
        except ValueError as error:
            self._refuse(key, error)
            return None
        return take

    def bring(self, key: str, vault: Vault) -> Take | None:
        """The take of a key, brought into a vault with its footage; None where it is not there, or not right.

        Raises RemoteError, CommandError; VaultError where the vault cannot be written.
        """
        take = self.find(key)
        if take is None:
            return None
        try:
            kept = vault.adopt(take, lambda path: self._fetch(take, path))
        except DamagedFootage as error:
            self._refuse(key, error)
            return None
        self.tell(f"remote: take {key[:12]} came, {take.size / 1e6:.1f} MB")
        return kept

    def lookup(self, key: str, vault: Vault | None = None) -> Take | None:
        """The take of a key: brought into a vault, or without one its record alone. A remote that cannot be reached is
        told of once, and has nothing from then on. Raises CommandError, VaultError."""
        if self._lost or key in self._refused:
            return None
        try:
            if vault is not None and not self.look:
                return self.bring(key, vault)
            take = self.find(key)
            return take if take and self.opened().size(_object_name(take)) == take.size else None
        except RemoteError as error:
            self._lose(error)
            return None

    def refusal(self, key: str) -> Refusal | None:
        """What is said there to be wrong with the take of a key. Raises RemoteError, CommandError."""
        data = self._read(_refusal_name(key), _MOST_RECORD)
        try:
            refusal = refusal_from(data) if data is not None else None
        except ValueError:
            return None
        is_right = refusal is not None and refusal.key == key == digest_of(refusal.slate)
        return refusal if is_right else None

    def lookup_refusal(self, key: str) -> Refusal | None:
        """The same; a remote that cannot be reached is told of once, and has nothing from then on. Raises
        CommandError."""
        if self._lost:
            return None
        try:
            return self.refusal(key)
        except RemoteError as error:
            self._lose(error)
            return None

    def keys(self) -> Iterator[str]:
        """Of all takes and refusals there, each once. Raises RemoteError, CommandError."""
        found: dict[str, None] = {}
        for shelf in ("takes", "refusals"):
            for name in self.opened().names(shelf):
                with suppress(ValueError):
                    found[as_digest(name.removeprefix(f"{shelf}/").removesuffix(".json").replace("/", ""))] = None
        yield from found

    def opened(self, *, new: bool = False) -> Shelves:
        """What is there, once it is known to be a vault; with `new`, or to be nothing yet.

        Raises RemoteError, CommandError.
        """
        if self._shelves is None:
            shelves = shelves_at(self.url)
            try:
                version = next(shelves.pieces("VERSION"), b"")
            except FileNotFoundError:
                if not new:
                    hint = f"`storyboard vault push {self.shown}` makes one"
                    raise RemoteError(f"there is no vault at `{self.shown}`", hint) from None
                version = VERSION
            if version != VERSION:
                raise RemoteError(
                    f"the vault at `{self.shown}` is of a version that this storyboard does not know",
                    "use the storyboard that made it, or name another remote",
                )
            self._shelves = shelves
        return self._shelves

    def _lose(self, error: RemoteError) -> None:
        self._lost = True
        self.tell(f"{error.message}; going on without it")

    def _refuse(self, key: str, error: Exception) -> None:
        self._refused.add(key)
        self.tell(f"remote: take {key[:12]} was refused: {error}")

    def _read(self, name: str, most: int) -> bytes | None:
        """A small file; None where it is not there, or is larger than `most` bytes."""
        data = bytearray()
        try:
            for piece in self.opened().pieces(name):
                data += piece
                if len(data) > most:
                    return None
        except FileNotFoundError:
            return None
        return bytes(data)

    def _fetch(self, take: Take, path: Path) -> None:
        """Its footage into a file, not much more of it than there should be. Raises DamagedFootage, RemoteError."""
        pieces = self.opened().pieces(_object_name(take))
        left = take.size
        with path.open("wb") as file:
            while left >= 0 and (piece := _next(pieces)):
                file.write(piece)
                left -= len(piece)


def _next(pieces: Iterator[bytes]) -> bytes:
    try:
        return next(pieces, b"")
    except FileNotFoundError:
        raise DamagedFootage("its footage is not there") from None


def _check(take: Take, key: str) -> None:
    """Raises ValueError unless the take is what its key promises."""
    if take.key != key:
        raise ValueError(f"it is the take of another key, `{take.key}`")
    if digest_of(take.slate) != key:
        raise ValueError("its slate is not that of its key")
    said = {"frames": len(take.frames), "width": take.width, "height": take.height}
    for name, value in said.items():
        if take.slate.get(name) != value:
            raise ValueError(f"its `{name}` is not that of its slate")


def _take_name(key: str) -> str:
    return f"takes/{as_digest(key)[:2]}/{key[2:]}.json"


def _refusal_name(key: str) -> str:
    return f"refusals/{as_digest(key)[:2]}/{key[2:]}.json"


def _object_name(take: Take) -> str:
    return f"objects/{take.footage[:2]}/{take.footage[2:]}"


class _Reading(Vault):
    """A vault whose misses are looked up in a remote."""

    def __init__(self, root: Path, remote: Remote) -> None:
        super().__init__(root)
        self._remote = remote

    def find(self, key: str) -> Take | None:
        return super().find(key) or self._remote.lookup(key, self)

    def peek(self, key: str) -> Take | None:
        return super().peek(key) or self._remote.lookup(key)

    def refusal(self, key: str) -> Refusal | None:
        found = super().refusal(key)
        if found is None and (found := self._remote.lookup_refusal(key)) and not self._remote.look:
            self.refuse(found)
        return found


def reading_through(root: Path, remote: Remote) -> Vault:
    """The vault in a folder, which looks up in `remote` what it has not, and keeps what comes. Raises VaultError."""
    return _Reading(root, remote)


def named_remote(url: str | None) -> str | None:
    """The remote that was asked for, else that of `STORYBOARD_REMOTE`; an empty name is none."""
    return (os.environ.get("STORYBOARD_REMOTE") if url is None else url) or None


def only_read() -> bool:
    """Whether `STORYBOARD_REMOTE_READ_ONLY` says that nothing may be written to a remote, as for a stranger's pull
    request."""
    return os.environ.get("STORYBOARD_REMOTE_READ_ONLY", "0") not in ("", "0")


def film_keys(where: Places) -> frozenset[str]:
    """Keys of all takes that the lock and the manifests of a film name. Raises ScreenplayError, CommandError where the
    lock cannot be read."""
    lock = read_lock(where.lock)
    keys: set[str] = set(lock.keys) if lock else set()
    for path in where.out.glob("*.json"):
        manifest = read_manifest(path)
        if manifest is not None and manifest.screenplay == where.screenplay.name:
            keys |= {shot.key for shot in manifest.shots}
    return frozenset(keys)


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of one take that was asked for."""

    key: str
    bytes: int
    """That went; 0 where it was there already."""
    missing: bool = False
    """It is not where it should come from, or not whole there."""


def push(
    vault: Vault, remote: Remote, keys: Iterable[str], *, again: bool = False, dry: bool = False
) -> Iterator[Moved]:
    """Send the takes of these keys that are not there yet; `again` sends those too that are, to mend what is damaged
    there. With `dry` nothing is written.

    Cut short, what was sent stays, and the next push goes on from there. Raises RemoteError, and CommandError where
    nothing may be written (see `only_read`).
    """
    if only_read() and not dry:
        raise CommandError("nothing is written to a remote while `STORYBOARD_REMOTE_READ_ONLY` is set", "unset it")
    shelves = remote.opened(new=True)
    for key in keys:
        take = vault.find(key)
        refusals = [each for name in (take.refusals if take else (key,)) if (each := vault.refusal(name))]
        for refusal in refusals:
            if not dry and (again or shelves.size(_refusal_name(refusal.key)) is None):
                _put(vault, shelves, _refusal_name(refusal.key), vault.refusal_path(refusal))
        if take is None:
            yield Moved(key, 0, missing=not refusals)
            continue
        footage = again or shelves.size(_object_name(take)) != take.size
        if not footage and shelves.size(_take_name(key)):
            yield Moved(key, 0)
            continue
        if not dry:
            _send(vault, shelves, take, footage=footage)
        remote.tell(f"remote: take {key[:12]} {'would be sent' if dry else 'sent'}, {take.size / 1e6:.1f} MB")
        yield Moved(key, take.size)


def _send(vault: Vault, shelves: Shelves, take: Take, *, footage: bool) -> None:
    with shelves.in_use():
        if footage:
            _put(vault, shelves, _object_name(take), vault.footage_path(take))
        _put(vault, shelves, _take_name(take.key), vault.record_path(take))


def _put(vault: Vault, shelves: Shelves, name: str, path: Path) -> None:
    with shelves.in_use():
        if shelves.size("VERSION") is None:
            shelves.put("VERSION", vault.root / "VERSION")
        shelves.put(name, path)


def pull(vault: Vault, remote: Remote, keys: Iterable[str]) -> Iterator[Moved]:
    """Bring the takes of these keys that are not here yet, and what was refused before them. Raises RemoteError,
    CommandError, VaultError."""
    remote.opened()
    for key in keys:
        here = vault.find(key)
        take = here or remote.bring(key, vault)
        refusals = [_bring_refusal(name, remote, vault) for name in (take.refusals if take else (key,))]
        yield Moved(key, take.size if take and not here else 0, missing=take is None and not any(refusals))


def _bring_refusal(key: str, remote: Remote, vault: Vault) -> bool:
    """Whether there is a refusal of a key, here from now on."""
    if vault.refusal(key) is not None:
        return True
    refusal = remote.refusal(key)
    if refusal is not None:
        vault.refuse(refusal)
    return refusal is not None
