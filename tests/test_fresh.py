"""A finished film is known without reading its screenplay; whatever may have changed it is found out as ever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from storyboard.film import prepare, produce
from storyboard.fresh import find_fresh
from storyboard.project import Variant, places, read_manifest, write_manifest
from tests.films import scene, screenplay, storyboard, text_of


def made(folder: Path, **film: object) -> Path:
    """A film with a picture of the author's, rendered."""
    Image.new("RGB", (40, 30), "red").save(folder / "start.png")
    path = folder / "film.yaml"
    scenes = [scene("a", start={"image": "start.png"}), scene("b"), scene("end", card={"text": "End"})]
    path.write_text(text_of(screenplay(scenes, **film)))
    render(path)
    return path


def render(path: Path) -> None:
    list(produce(prepare(path)))


def repaint(path: Path) -> None:
    Image.new("RGB", (40, 30), "blue").save(path.parent / "start.png")


def damage(path: Path) -> None:
    largest = max((path.parent / "renders/vault/objects").rglob("*"), key=lambda file: file.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1] + b"!")


def cut_movie(path: Path) -> None:
    movie = path.parent / "renders/film/film.mp4"
    movie.write_bytes(movie.read_bytes()[:-1] + b"!")


def other_code(path: Path) -> None:
    """As after an upgrade of storyboard."""
    from dataclasses import replace

    where = places(path)
    manifest = read_manifest(where.manifest)
    assert manifest is not None and len(manifest.code) == 64
    write_manifest(where.manifest, replace(manifest, code="0" * 64))


CHANGES: list[Callable[[Path], object]] = [
    lambda path: path.write_text(path.read_text() + "# a comment\n"),
    lambda path: path.write_text(path.read_text().replace("This is b", "That was b")),
    repaint,
    damage,
    cut_movie,
    other_code,
    lambda path: (path.parent / "start.png").unlink(),
    lambda path: (path.parent / "renders/film/manifest.json").unlink(),
    lambda path: path.unlink(),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_a_film_is_fresh_until_anything_changes(number: int, tmp_path: Path) -> None:
    path = made(tmp_path)
    fresh = find_fresh(places(path), Variant())
    assert fresh is not None
    assert (fresh.frames, fresh.shots) == (24, 3)
    CHANGES[number](path)
    assert find_fresh(places(path), Variant()) is None


def test_what_comes_to_the_same_movie_is_fresh_again(tmp_path: Path) -> None:
    path = made(tmp_path)
    moved = tmp_path.with_name(tmp_path.name + "-moved")
    tmp_path.rename(moved)
    path = moved / "film.yaml"
    assert find_fresh(places(path), Variant()) is not None, "a project can be moved"
    other_code(path)
    render(path)
    assert find_fresh(places(path), Variant()) is not None


def test_other_people_s_engines_and_notices_are_looked_at_each_time(tmp_path: Path) -> None:
    path = made(tmp_path, engine="strict")
    assert find_fresh(places(path), Variant()) is None
    assert "nothing to do" in storyboard("render", path).stderr
    path.write_text(text_of(screenplay([scene("a", 1.06), scene("b", 1.06)])))
    render(path)
    assert find_fresh(places(path), Variant()) is None
    assert "note: the film is" in storyboard("render", path).stderr


def test_a_render_with_nothing_to_do_touches_no_file(tmp_path: Path) -> None:
    path = made(tmp_path)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    assert "nothing to do" in storyboard("render", path).stderr
    render(path)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before


def test_another_film_under_the_same_name_is_not_fresh(tmp_path: Path) -> None:
    """A scene may be called as an engine is, or `partial`; several films may share a folder."""
    path = tmp_path / "film.yaml"
    path.write_text(text_of(screenplay([scene("partial"), scene("animatic")])))
    for asked, frames in (
        (["--only", "partial"], 8),
        (["--partial"], 16),
        (["--only", "animatic"], 8),
        (["--engine", "animatic"], 16),
    ):
        done = storyboard("render", path, *asked)
        assert f"film: {frames} frames" in done.stderr and "nothing to do" not in done.stderr, asked


def test_films_may_share_a_folder(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    for path in (one, two):
        path.write_text(text_of(screenplay([scene("a")])))
        storyboard("render", path, "--out", tmp_path / "out")
    one.write_text(one.read_text().replace("This is a", "That was a"))
    for path in (one, two):
        storyboard("render", path, "--out", tmp_path / "out")
    movies = [(tmp_path / "out" / f"{name}.mp4").read_bytes() for name in ("one", "two")]
    assert movies[0] != movies[1]
    kept = storyboard("vault", "prune", "--vault", tmp_path / "renders" / "vault", cwd=tmp_path).stdout
    assert "would remove 0 takes" in kept, "each film keeps a manifest of its own"
    for path in (one, two):
        assert "nothing to do" in storyboard("render", path, "--out", tmp_path / "out").stderr
