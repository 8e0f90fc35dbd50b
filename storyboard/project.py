"""A screenplay's path -> where its film, manifest and vault are; and the manifest: what went into a film.

May import what stands above `project` in the layout: `errors`, `digest`, `durable`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from storyboard.digest import Digest
from storyboard.durable import as_digest, digest_in, field_of, json_object, sweep, write_asked
from storyboard.errors import CommandError
from storyboard.regular import read_regular

_MARKS = (".git", "pyproject.toml", "storyboard.toml")
_VARIANT = re.compile(r"\w[\w.-]*")
_FORMAT = 1


def find_root(screenplay: Path) -> Path:
    """The project's folder: the nearest above that has a mark of a project, else the screenplay's own."""
    folder = _absolute(screenplay).parent
    for above in (folder, *folder.parents):
        if any((above / mark).exists() for mark in _MARKS):
            return above
    return folder


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything of one film is; absolute paths, of which none need exist."""

    root: Path
    screenplay: Path
    out: Path
    """The folder of the movie and the manifest."""
    movie: Path
    manifest: Path
    unfinished: Path
    """Names what was shot for a film that is not finished yet."""
    lock: Path
    """What is in the film, and its pins: `film.lock`, beside the screenplay."""
    vault: Path


def places(
    screenplay: Path, *, out: Path | None = None, vault: Path | None = None, variant: str | None = None
) -> Places:
    """Where the film of a screenplay is written. Writes nothing.

    `variant` tells a film that is not the film itself (another engine, a profile, one scene, a partial one) from it.
    The vault is the one given, else that of `STORYBOARD_VAULT`, else the project's. In a folder that holds the manifest
    of another screenplay, the film's own has its name in front. Raises CommandError where the variant cannot be part of
    a file name, or where a link in the project leads what would be written out of it.
    """
    if variant is not None and not _VARIANT.fullmatch(variant):
        raise CommandError(f"`{variant}` cannot be part of a file name", "use letters, digits, `-`, `_` and `.`")
    root = find_root(screenplay)
    stem = screenplay.stem
    if out is None:
        check_inside(root, root / "renders" / stem, "--out")
    folder = _absolute(out) if out is not None else root / "renders" / stem
    part = f".{variant}" if variant is not None else ""

    def beside(kind: str) -> Path:
        path = folder / f"{kind}{part}.json"
        there = read_manifest(path) if out is not None else None
        taken = there is not None and there.screenplay != screenplay.name
        return folder / f"{stem}.{kind}{part}.json" if taken else path

    return Places(
        root=root,
        screenplay=_absolute(screenplay),
        out=folder,
        movie=folder / f"{stem}{part}.mp4",
        manifest=beside("manifest"),
        unfinished=beside("unfinished"),
        lock=_absolute(screenplay).with_name(f"{stem}.lock"),
        vault=vault_of(root, vault),
    )


def clear_up(where: Places) -> None:
    """Remove what is of no use any more once a film is finished: what interrupted and killed renders of it left beside
    its files. What cannot be removed stays for the next render that finishes it."""
    with suppress(OSError):
        where.unfinished.unlink(missing_ok=True)
    for path in (where.movie, where.manifest, where.unfinished, where.lock):
        sweep(path)


@dataclass(frozen=True, slots=True)
class Variant:
    """What was asked for in place of the film itself: another engine or profile, one scene alone, the film so far."""

    engine: str | None = None
    only: str | None = None
    partial: bool = False
    profile: str | None = None

    @property
    def name(self) -> str | None:
        """Part of the file names; None for the film itself. A scene may have the name of an engine."""
        parts = (self.profile, self.engine, self.only, "partial" if self.partial else None)
        return ".".join(part for part in parts if part) or None

    @property
    def as_written(self) -> bool:
        """Whether it is shot as the screenplay says, so that the film's lock has a say in it."""
        return self.engine is None and self.profile is None


def vault_of(root: Path, vault: Path | None = None) -> Path:
    """The vault that was asked for, else that of `STORYBOARD_VAULT`, else that of the project at `root`.

    Raises CommandError where the variable cannot be read as a path, or the project's leads out of the project.
    """
    if vault is None and (named := os.environ.get("STORYBOARD_VAULT")):
        try:
            vault = Path(named).expanduser()
        except RuntimeError:
            raise CommandError(f"`STORYBOARD_VAULT` names nobody's home: `{named}`", "write the whole path") from None
    if vault is not None:
        return _absolute(vault)
    own = root / "renders" / "vault"
    check_inside(root, own, "--vault")
    return own


def check_inside(root: Path, path: Path, option: str) -> None:
    """Raise CommandError where a link leads a path of a project out of it: whoever sent the project may have made that,
    and only the command says where to write."""
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        inside = False
    if not inside:
        shown = path.relative_to(root).as_posix()
        raise CommandError(f"`{shown}` leads out of the project", f"name the folder that you mean with `{option}`")


def _absolute(path: Path) -> Path:
    """Without `..`, but links are left as they are: a linked screenplay belongs to where the author put the link."""
    return Path(os.path.normpath(path.absolute()))


@dataclass(frozen=True, slots=True)
class ShotRecord:
    """One shot as it stands in the film."""

    id: str
    scene: str
    prompt: str
    seed: int
    key: str
    footage: Digest
    engine: str
    weights: str | None
    """Identity of the weights, where the engine has any."""
    seconds: float | None
    """That it took to shoot, where that is known."""
    frames: int
    """In its take."""


@dataclass(frozen=True, slots=True)
class MovieRecord:
    """The movie file as it was written."""

    file: str
    """Its name, in the folder of the manifest."""
    digest: Digest
    size: int
    """In bytes."""
    frames: int
    recipe: str
    """Digest of all that it was made from: while that is the same, it need not be made again."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What went into a film. The vault keeps what manifests name."""

    screenplay: str
    """Its file name."""
    title: str
    movie: MovieRecord | None
    shots: tuple[ShotRecord, ...]
    segments: tuple[str, ...]
    """Keys of the encoded pieces that the movie was joined from."""
    code: str = ""
    """Digest of the code that made it and of what was asked of it; empty where more than that and `inputs` decided."""
    inputs: tuple[tuple[str, Digest], ...] = ()
    """All files that it was made from: path from the screenplay's folder, and digest."""
    shot: tuple[str, ...] = ()
    """Ids of the shots that the render of this movie shot; the takes of the others were there already."""


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write it whole or not at all. Raises CommandError where the folder cannot be written."""
    text = json.dumps({"storyboard": _FORMAT, **asdict(manifest)}, indent=2, ensure_ascii=False, allow_nan=False)
    write_asked(path, text.encode() + b"\n", "name another folder with `--out`")


def read_manifest(path: Path) -> Manifest | None:
    """The manifest, or None where it is missing, damaged or of another format."""
    try:
        record = json_object(read_regular(path))
        if field_of(record, "storyboard", int) != _FORMAT:
            return None
        return Manifest(
            screenplay=field_of(record, "screenplay", str),
            title=field_of(record, "title", str),
            movie=_movie(field_of(record, "movie", dict)) if record["movie"] is not None else None,
            shots=tuple(_shot(_mapping(shot)) for shot in field_of(record, "shots", list)),
            segments=tuple(_text(key) for key in field_of(record, "segments", list)),
            code=field_of(record, "code", str),
            inputs=tuple(_input(pair) for pair in field_of(record, "inputs", list)),
            shot=tuple(_text(shot) for shot in field_of(record, "shot", list)),
        )
    except (OSError, ValueError, KeyError):
        return None


def _movie(record: Mapping[str, object]) -> MovieRecord:
    return MovieRecord(
        file=field_of(record, "file", str),
        digest=digest_in(record, "digest"),
        size=field_of(record, "size", int),
        frames=field_of(record, "frames", int),
        recipe=field_of(record, "recipe", str),
    )


def _shot(record: Mapping[str, object]) -> ShotRecord:
    return ShotRecord(
        id=field_of(record, "id", str),
        scene=field_of(record, "scene", str),
        prompt=field_of(record, "prompt", str),
        seed=field_of(record, "seed", int),
        key=field_of(record, "key", str),
        footage=digest_in(record, "footage"),
        engine=field_of(record, "engine", str),
        weights=field_of(record, "weights", str) if record["weights"] is not None else None,
        seconds=field_of(record, "seconds", float) if record["seconds"] is not None else None,
        frames=field_of(record, "frames", int),
    )


def _input(value: object) -> tuple[str, Digest]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("it is no pair")
    return _text(value[0]), as_digest(value[1])


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError("it is no mapping")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("it is no text")
    return value
