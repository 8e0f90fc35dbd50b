"""A screenplay and a revision of its git repository -> the film as it was written then, to compare with.

    git show REV:film.yaml  ->  text  ->  screenplay, broken down in a folder with the assets of then

Git is asked as a person would; the working tree is only read. An asset that git does not keep is taken as it is now.
Slates are known as far as the takes of then are in the vault. May import what stands above `since` in the layout.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final

from storyboard.breakdown import break_down
from storyboard.engines.choice import engine_faults
from storyboard.errors import CommandError
from storyboard.past import present
from storyboard.plan import make_plan
from storyboard.production import Production
from storyboard.profiles import in_profile
from storyboard.screenplay import loads
from storyboard.source import Data, scan_source
from storyboard.why import Before
from storyboard.wording import entries, quoted

_ASSETS: Final = frozenset({"image", "file", "reference"})
_ENGINES: Final = frozenset({"engine", "profiles"})


def film_since(production: Production, revision: str) -> Before:
    """The film of a production as its screenplay was written at `revision`, shot in the same way.

    Raises CommandError where there is no such revision, or no such file in it; ScreenplayError where that file is
    no screenplay for this storyboard.
    """
    path, variant = production.places.screenplay, production.variant
    repository = Repository.around(path, revision)
    name = f"{revision}:{path.name}"
    text = repository.read(path.name).decode("utf-8", "replace")
    with TemporaryDirectory(prefix="storyboard-") as folder:
        repository.check_out(_named(text, name), Path(folder))
        play = loads(text, name, Path(folder), more=engine_faults, limits=production.plan.breakdown.screenplay.limits)
        film = break_down(
            in_profile(play, variant.profile if variant.profile in play.profiles else None), engine=variant.engine
        )
    plan = make_plan(film, production.vault)
    shots = {name: present(each.shot, each.slate) for name, each in plan.shots.items()}
    return Before(quoted(revision), shots, film.screenplay, is_plain=True)


def _named(text: str, name: str) -> Iterator[str]:
    """All that a screenplay names as a file beside it. What engines read is not there."""
    source, _ = scan_source(text, name)
    parts: list[Data] = [source.data]
    for part in parts:
        if isinstance(part, dict):
            yield from (value for field, value in part.items() if field in _ASSETS and isinstance(value, str))
            yield from (sound for _, sound in entries(part, ("sound",)) if isinstance(sound, str))
            parts += (value for field, value in part.items() if field not in _ENGINES)
        elif isinstance(part, list):
            parts += part


@dataclass(frozen=True, slots=True)
class Repository:
    """One revision of a folder that git keeps."""

    folder: Path
    revision: str
    commit: str

    @classmethod
    def around(cls, path: Path, revision: str) -> Repository:
        """Of the folder of a file. Raises CommandError where it is in no repository, or `revision` is none."""
        folder = path.parent
        try:
            _git(folder, "rev-parse", "--git-dir")
        except _Refused as refused:
            said = str(refused)
            what = "it is in no git repository" if "not a git repository" in said else said
            hint = "`--since` asks git what the screenplay was"
            raise CommandError(f"cannot compare `{path.name}`: {what}", hint) from None
        try:
            commit = _git(folder, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
        except _Refused:
            hint = "name a commit, a branch or a tag; in a shallow clone, fetch it first"
            raise CommandError(f"git knows no revision {quoted(revision)}", hint) from None
        return cls(folder, revision, commit.decode().strip())

    def read(self, name: str) -> bytes:
        """A file of then. Raises CommandError where it was not there."""
        try:
            return _git(self.folder, "show", f"{self.commit}:./{name}")
        except _Refused:
            hint = f"it may have had another name: `git log --follow -- {name}`"
            raise CommandError(f"`{name}` was not there at {quoted(self.revision)}", hint) from None

    def check_out(self, names: Iterator[str], folder: Path) -> None:
        """Files of then, as git would check them out; of what it does not keep, those of now. What leads out of the
        folder, or is nowhere, is left out: the screenplay then has a fault there."""
        for name in names:
            path = folder / name
            with suppress(OSError, ValueError):
                if path.exists() or not path.resolve().is_relative_to(folder.resolve()):
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    with path.open("wb") as file:
                        _git(self.folder, "cat-file", "--filters", f"{self.commit}:./{name}", out=file)
                except _Refused:
                    path.unlink()
                    shutil.copyfile(self.folder / name, path)


class _Refused(Exception):
    """Git cannot do it; says why."""


def _git(folder: Path, *words: str, out: IO[bytes] | None = None) -> bytes:
    """What git says, or writes to `out`. Raises _Refused, or CommandError where there is no git."""
    # A folder of a stranger's may hold what looks like a bare repository, whose settings name commands to run.
    command = ["git", "-c", "safe.bareRepository=explicit", "-C", str(folder), *words]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out or subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except OSError as error:
        raise CommandError(f"cannot run git: {error.strerror or error}", "`--since` needs git; install it") from error
    if done.returncode:
        raise _Refused(done.stderr.decode("utf-8", "replace").strip().partition("\n")[0].removeprefix("fatal: "))
    return done.stdout or b""
