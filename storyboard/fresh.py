"""Whether a film is finished already, told without reading its screenplay.

A manifest remembers the digests of all files that its film was made from, of its lock, and of our own code. While
those are the same, so are the breakdown, the keys and the movie: a render has nothing to do if every take and the movie
are still whole. All of that is hashed each time; only validation, breakdown and planning are spared. Where another's
engine, or weights that the package does not carry, have a say, or where the film contains splices, nothing is
remembered, and the film is planned as ever.

Light on purpose: this is what a render with nothing to do costs. May import what stands above `fresh` in the layout.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from storyboard.digest import Digest, digest_file, digest_of
from storyboard.project import MovieRecord, Places, Variant, clear_up, read_manifest
from storyboard.vault import Vault


@dataclass(frozen=True, slots=True)
class Fresh:
    """A film that is finished."""

    movie: Path
    frames: int
    shots: int


def code_digest(variant: Variant, *, carried: bool = False) -> Digest:
    """Digest of what was asked, and of all our own code: another version may break the same screenplay down otherwise.

    With `carried` also of all else that is in the package, the weights in it among it: 24 MB, some 20 ms. File names do
    not tell what was asked: a scene may be called `partial`, or like an engine.
    """
    folder = Path(__file__).parent
    found = (path for path in folder.rglob("*") if path.suffix != ".pyc") if carried else folder.rglob("*.py")
    files = sorted(path for path in found if path.is_file())
    code = [[path.relative_to(folder).as_posix(), digest_file(path)] for path in files]
    return digest_of([code, variant.engine, variant.only, variant.partial, variant.profile])


def relative_to(folder: Path, path: Path) -> str:
    """How a manifest names an input: from the screenplay's folder, so that a project can be moved.

    Assets come with links resolved, the folder as the author named it.
    """
    if path.parent == folder:
        return path.name
    return Path(os.path.relpath(path, folder.resolve())).as_posix()


def find_fresh(where: Places, variant: Variant) -> Fresh | None:
    """The film, if a render of it has nothing to do; None where that has to be found out. Raises VaultError."""
    manifest = read_manifest(where.manifest)
    if manifest is None or manifest.movie is None or not manifest.inputs:
        return None
    # Several films may share a folder: the manifest has to be of this one.
    names = (manifest.screenplay, manifest.movie.file)
    if names != (where.screenplay.name, where.movie.name):
        return None
    folder = where.screenplay.parent
    try:
        # A film may be made from files elsewhere; a manifest, which anybody may have written, is not asked where.
        home, files = folder.resolve(), [(folder / name, digest) for name, digest in manifest.inputs]
        if any(not path.resolve().is_relative_to(home) or digest_file(path) != digest for path, digest in files):
            return None
    except (OSError, ValueError, RuntimeError):
        return None
    # Only films on weights that the package carries are remembered at all.
    if manifest.code != code_digest(variant, carried=any(shot.weights is not None for shot in manifest.shots)):
        return None
    if not is_movie(where.movie, manifest.movie):
        return None
    vault = Vault(where.vault)
    if any(vault.find(shot.key) is None for shot in manifest.shots):
        return None
    return Fresh(where.movie, manifest.movie.frames, len(manifest.shots))


def settle(where: Places, vault: Vault) -> None:
    """See to it that the vault knows a finished film, whatever became of what it knew, and clear up beside the film.

    Raises VaultError where the vault has to be told and cannot be.
    """
    for path in (where.manifest, where.lock):
        if path.exists():
            vault.name_root(path)
    clear_up(where)


def is_movie(path: Path, record: MovieRecord) -> bool:
    """Whether the file at a path is the very movie of a record."""
    try:
        return path.stat().st_size == record.size and digest_file(path) == record.digest
    except OSError:
        return False
