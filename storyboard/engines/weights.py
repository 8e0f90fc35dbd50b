"""Where a model's weights are -> which weights they are, and what their configuration says. Nothing is loaded.

    a model of the Hugging Face hub    `org/name` and a commit    hub:org/name@<40 hex digits>
    a folder in the same layout        its path                   folder:<digest of what is loaded from it>
    a single file                      its path                   file:<digest of its content>

A folder is known by its content: the digest of the sorted list of (name, digest) of the files that are loaded from it.
Digests of files are remembered in the user's cache folder by size, times and inode, so that a plan reads no weights.

Reads JSON and bytes only. May import what stands above `engines` in the layout; of the hub's own library no more than
the look whether a model is there.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storyboard.digest import Digest, digest_file, digest_of
from storyboard.durable import as_digest, json_object, write_atomically
from storyboard.footage import reason_of
from storyboard.regular import path_named, read_regular

_HUB: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_LOADED: Final = (".json", ".safetensors", ".model", ".txt")
"""How the names of files end that models and tokenizers are loaded from."""
_SETTLED: Final = 2.0
"""Seconds after which a changed file must have changed its times too, however coarse the filesystem's clock is."""
_MOST_REMEMBERED: Final = 5000


@dataclass(frozen=True, slots=True)
class Part:
    """One folder of a model, as the diffusers layout has them."""

    name: str
    """Of the folder: `vae`; empty where a model is this part and nothing else."""
    classes: tuple[str, ...] = ()
    """What its `config.json` may name as its class; empty where it has none, as a tokenizer."""
    files: tuple[str, ...] = ()
    """Of which it needs one."""
    bare: bool = False
    """Only its configuration is read: the weights come from elsewhere."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Where weights are: a folder, or a commit of a hub model."""

    model: str
    """`org/name`, or the path of a folder."""
    revision: str | None
    """The commit; None for a folder."""
    download: bool = False
    """Whether the hub may be asked for what is not on this machine."""

    @property
    def folder(self) -> Path | None:
        return Path(self.model) if self.revision is None else None


def checked_commit(text: str) -> str:
    """A commit as it is written. Raises ValueError with the remedy: a branch or a tag may be another tomorrow."""
    if not _COMMIT.fullmatch(text):
        raise ValueError(f"`{text}` is no commit; write its 40 hex digits, as the model's page on the hub shows them")
    return text


def checked_model(text: str) -> str:
    """A model of the hub as it is written. Raises ValueError with the remedy."""
    if not _HUB.fullmatch(text):
        raise ValueError(f"`{text}` is no model of the hub; write `org/name`, or for a folder no `revision`")
    return text


def locate(model: str, revision: str | None, parts: Sequence[Part], *, download: bool = False) -> Weights:
    """Weights as an author names them: with a commit a hub model, without one a folder.

    A folder's path is absolute or relative to the current directory. Its parts are looked at, not read: each must be
    there, of a class that is expected, and saved as safetensors. Raises ValueError with the remedy behind `; `.
    """
    if revision is not None:
        return Weights(checked_model(model), revision, download)
    folder = path_named(model)
    if not folder.is_dir():
        remedy = "for the hub's model of that name, add `revision` with the 40 hex digits of a commit"
        remedy = remedy if _HUB.fullmatch(model) else "write its path, or `org/name` and a `revision` of the hub"
        raise ValueError(f"there is no folder `{model}`; {remedy}")
    for part in parts:
        _check_part(folder, part)
    return Weights(str(folder.absolute()), None)


def _check_part(folder: Path, part: Part) -> None:
    place = f"`{folder.name}/{part.name}`".replace("/`", "`")
    if not (folder / part.name).is_dir():
        raise ValueError(f"`{folder.name}` has no folder `{part.name}`; name a folder in the diffusers layout")
    if part.files and not any((folder / part.name / name).is_file() for name in part.files):
        names = " or ".join(f"`{name}`" for name in part.files)
        raise ValueError(f"{place} has no {names}; copy or save the model again")
    if not part.classes:
        return
    config = read_config(folder, part.name)
    architectures = config.get("architectures")
    named = config.get("_class_name") or (architectures[0] if isinstance(architectures, list) and architectures else "")
    if named not in part.classes:
        wanted = " or ".join(f"`{each}`" for each in part.classes)
        raise ValueError(f"{place} is of the class `{named}`, and {wanted} is needed; name another model")
    for shard in _shards(folder, part):
        if not (folder / part.name / shard).is_file():
            raise ValueError(f"{place} has no `{shard}`; copy or save the model again")
    for name, path in _loaded_files(folder, (part,)):
        if not os.access(path, os.R_OK):
            raise ValueError(f"`{folder.name}/{name}` cannot be read; check its permissions")
    if not part.bare and not any(path.suffix == ".safetensors" for path in (folder / part.name).iterdir()):
        raise ValueError(f"{place} has no `.safetensors` file; save the model as safetensors, as others can run code")


def _shards(folder: Path, part: Part) -> set[str]:
    """The files that an index of sharded weights names."""
    names: set[str] = set()
    if part.bare:
        return names
    for index in (folder / part.name).glob("*.safetensors.index.json"):
        named = _read_json(index).get("weight_map")
        names |= {str(name) for name in named.values()} if isinstance(named, dict) else set()
    return names


def read_config(folder: Path, part: str) -> Mapping[str, object]:
    """The `config.json` of a part. Raises ValueError with the remedy where there is none that can be read."""
    return _read_json(folder / part / "config.json")


def _read_json(path: Path) -> Mapping[str, object]:
    try:
        return json_object(read_regular(path))
    except (OSError, ValueError) as error:
        said = f"cannot read `{'/'.join(path.parts[-3:])}`: {reason_of(error)}"
        raise ValueError(f"{said}; copy or save the model again") from error


def is_here(weights: Weights, parts: Sequence[Part]) -> bool:
    """Whether the weights are on this machine. Looks only: nothing is asked of the hub."""
    if weights.folder is not None:
        return weights.folder.is_dir()
    from huggingface_hub import try_to_load_from_cache

    configs = [f"{part.name}/config.json".lstrip("/") for part in parts if part.classes]
    found = (try_to_load_from_cache(weights.model, config, revision=weights.revision) for config in configs)
    return all(isinstance(path, str) for path in found)


def absent(weights: Weights, parts: Sequence[Part]) -> tuple[str, str] | None:
    """What is not on this machine, and the remedy; None where all is."""
    if is_here(weights, parts):
        return None
    command = f"hf download {weights.model} --revision {weights.revision}"
    remedy = f"set `download: true` and say `--allow-model {weights.model}` to fetch them, or run `{command}`"
    return f"the weights of `{weights.model}` are not on this machine", remedy


def identity(weights: Weights, parts: Sequence[Part], *, now: float | None = None) -> str:
    """Which weights these are, for the key: `hub:org/name@<commit>` or `folder:<digest of content>`.

    Raises OSError when a file cannot be read. `now` is the time to judge the files' times by, for tests.
    """
    if weights.folder is None:
        return f"hub:{weights.model}@{weights.revision}"
    memory = _Memory(time.time() if now is None else now)
    listed = [[name, memory.digest(path)] for name, path in sorted(_loaded_files(weights.folder, parts))]
    memory.keep()
    return f"folder:{digest_of(listed)}"


def file_identity(path: Path) -> str:
    """Which file this is, for the key: `file:<digest of content>`. Raises OSError."""
    memory = _Memory(time.time())
    digest = memory.digest(path)
    memory.keep()
    return f"file:{digest}"


def _loaded_files(folder: Path, parts: Sequence[Part]) -> Iterator[tuple[str, Path]]:
    for part in parts:
        for path in (folder / part.name).iterdir():
            if path.suffix in _LOADED and path.is_file() and not (part.bare and path.name != "config.json"):
                yield f"{part.name}/{path.name}", path


def cache_folder() -> Path:
    """The user's folder for what can be made again, by the habits of the system."""
    if named := os.environ.get("XDG_CACHE_HOME"):
        return Path(named) / "storyboard"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "storyboard"
    if local := os.environ.get("LOCALAPPDATA"):
        return Path(local) / "storyboard" / "cache"
    return Path.home() / ".cache" / "storyboard"


class _Memory:
    """Digests of files that have not changed since they were taken. Losing it costs time only."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.path: Path | None = None
        self.known: dict[str, object] = {}
        self.changed = False
        with suppress(OSError, ValueError, RuntimeError):  # no home, no file yet, or not one of ours
            self.path = cache_folder() / "digests.json"
            self.known = dict(json_object(read_regular(self.path)))

    def digest(self, path: Path) -> Digest:
        """Digest of a file's content. Raises OSError."""
        name, before = str(path.absolute()), _stamp(path)
        entry = self.known.get(name)
        if isinstance(entry, list) and len(entry) == 2 and entry[0] == before:
            with suppress(ValueError):
                return as_digest(entry[1])
        digest = digest_file(path)
        # A file that changed a moment ago may change again within one tick of the clock: it is not remembered.
        if _stamp(path) == before and self.now - max(before[1:3]) / 1e9 > _SETTLED:
            self.known[name] = [before, digest]
            self.changed = True
        return digest

    def keep(self) -> None:
        """Write down what is new, and forget files that are gone when there are many."""
        if not self.changed or self.path is None:
            return
        if len(self.known) > _MOST_REMEMBERED:
            self.known = {name: entry for name, entry in self.known.items() if Path(name).exists()}
        with suppress(OSError):
            write_atomically(self.path, json.dumps(self.known).encode())


def _stamp(path: Path) -> list[int]:
    """What changes when a file does: its size, its times (the second of which no program sets), its inode."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
