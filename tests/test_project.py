"""Where things are, and manifests that are whole or nothing."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from storyboard.digest import digest_of
from storyboard.errors import CommandError
from storyboard.project import Manifest, MovieRecord, ShotRecord, find_root, places, read_manifest, write_manifest

FOOTAGE = digest_of("footage")
MANIFEST = Manifest(
    screenplay="film.yaml",
    title="Ein Bär – 熊",
    movie=MovieRecord("film.mp4", digest_of("movie"), 123456, 96, digest_of("recipe")),
    shots=(
        ShotRecord("a/1", "a", "a bear\nswims", 7, digest_of("a"), FOOTAGE, "animatic", None, None, 33),
        ShotRecord("b/1", "b", "a panda", 2**52 - 1, digest_of("b"), FOOTAGE, "pocket", "pocket@1", 1.25, 49),
    ),
    segments=(digest_of("s"), digest_of("t")),
)


@pytest.mark.parametrize("mark", [".git", "pyproject.toml", "storyboard.toml"])
def test_the_nearest_mark_makes_the_root(tmp_path: Path, mark: str) -> None:
    acts = tmp_path / "project" / "acts"
    acts.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    assert find_root(acts / "film.yaml") == tmp_path
    (tmp_path / "project" / mark).touch()  # `.git` is a file in a worktree
    assert find_root(acts / "film.yaml") == tmp_path / "project"
    (acts / "pyproject.toml").touch()
    assert find_root(acts / "film.yaml") == acts


def test_without_a_mark_it_is_the_screenplays_folder(tmp_path: Path) -> None:
    if any((above / mark).exists() for above in tmp_path.parents for mark in (".git", "pyproject.toml")):
        raise AssertionError("the tests' temporary folder lies within a project")
    assert find_root(tmp_path / "film.yaml") == tmp_path


def test_relative_paths_and_dots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "storyboard.toml").touch()
    (tmp_path / "acts").mkdir()
    monkeypatch.chdir(tmp_path / "acts")
    monkeypatch.delenv("STORYBOARD_VAULT", raising=False)
    found = places(Path("../acts/film.yaml"), out=Path("../out"))
    assert found.screenplay == tmp_path / "acts" / "film.yaml"
    assert (found.root, found.out, found.movie) == (tmp_path, tmp_path / "out", tmp_path / "out" / "film.mp4")
    assert found.vault == tmp_path / "renders" / "vault"


def test_where_films_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORYBOARD_VAULT", raising=False)
    (tmp_path / ".git").mkdir()
    film = places(tmp_path / "acts" / "my.film.yaml")
    folder = tmp_path / "renders" / "my.film"
    assert (film.out, film.movie, film.manifest) == (folder, folder / "my.film.mp4", folder / "manifest.json")
    draft = places(tmp_path / "acts" / "my.film.yaml", variant="draft")
    assert (draft.movie, draft.manifest) == (folder / "my.film.draft.mp4", folder / "manifest.draft.json")
    assert list(tmp_path.iterdir()) == [tmp_path / ".git"], "only looked at"


def test_which_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screenplay = tmp_path / "film.yaml"
    monkeypatch.setenv("STORYBOARD_VAULT", str(tmp_path / "shared"))
    assert places(screenplay).vault == tmp_path / "shared"
    assert places(screenplay, vault=tmp_path / "given").vault == tmp_path / "given"
    monkeypatch.setenv("STORYBOARD_VAULT", "")
    assert places(screenplay).vault == find_root(screenplay) / "renders" / "vault"


@pytest.mark.parametrize("variant", ["", "../up", "a/b", "a b", ".hidden"])
def test_variants_that_are_no_file_names(tmp_path: Path, variant: str) -> None:
    with pytest.raises(CommandError, match="file name"):
        places(tmp_path / "film.yaml", variant=variant)


def test_a_manifest_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "manifest.json"
    write_manifest(path, MANIFEST)
    assert read_manifest(path) == MANIFEST
    bare = dataclasses.replace(MANIFEST, movie=None, shots=(), segments=())
    write_manifest(path, bare)
    assert read_manifest(path) == bare
    assert list(path.parent.iterdir()) == [path]


def test_a_damaged_manifest_is_none(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    assert read_manifest(path) is None
    write_manifest(path, MANIFEST)
    whole = path.read_bytes()
    for length in range(len(whole) - 2):
        path.write_bytes(whole[:length])
        assert read_manifest(path) is None, length
    for other in (b"[]", b"null", b"[" * 100_000, b"\xff\xfe", whole.replace(FOOTAGE.encode(), b"x")):
        path.write_bytes(other)
        assert read_manifest(path) is None, other[:20]
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize("where", [(), ("movie",), ("shots", 0)])
def test_every_field_must_be_there_and_of_its_kind(tmp_path: Path, where: tuple[str | int, ...]) -> None:
    path = tmp_path / "manifest.json"
    write_manifest(path, MANIFEST)
    whole = path.read_text()
    part = json.loads(whole)
    for step in where:
        part = part[step]
    for name in part:
        for spoil in (lambda into, field: into.pop(field), lambda into, field: into.update({field: True})):
            record = json.loads(whole)
            into = record
            for step in where:
                into = into[step]
            spoil(into, name)
            path.write_text(json.dumps(record))
            assert read_manifest(path) is None, name


def test_a_failed_write_leaves_the_old_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "manifest.json"
    write_manifest(path, MANIFEST)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for call in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            with pytest.raises(CommandError, match="No space left") as caught:
                write_manifest(path, dataclasses.replace(MANIFEST, title="Other"))
            assert caught.value.hint
        assert read_manifest(path) == MANIFEST
        assert list(tmp_path.iterdir()) == [path]
