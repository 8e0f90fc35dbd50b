"""Pieces, movies and notes as files."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest

from storyboard.boxes import read_note
from storyboard.conform import conform
from storyboard.cut import Strip
from storyboard.encoding import check_movie, check_piece, encode_options
from storyboard.errors import ConformError
from storyboard.muxing import Words, join
from storyboard.timing import Rate
from storyboard.vault import Vault
from tests.pieces import HEIGHT, RATES, WIDTH, film, numbered, numbers_of, shoot, three


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault")


def test_pieces_that_do_not_fit_together_are_not_joined(vault: Vault, tmp_path: Path) -> None:
    key = shoot(vault, "shot", numbered(range(4)))
    paths = []
    for name, cut in (("a", film(Strip(key, range(4)))), ("b", film(Strip(key, range(4)), width=80))):
        conform(cut, vault, tmp_path / f"{name}.mp4")
        paths.append(tmp_path / f"{name}.mp4")
    with pytest.raises(ConformError, match="width, extradata"):
        join([(path, 4) for path in paths], tmp_path / "out.mp4", Rate.parse(24), Words())
    with pytest.raises(ConformError, match="has 4 frames, not 5"):
        join([(paths[0], 5)], tmp_path / "out.mp4", Rate.parse(24), Words())


# The note


@pytest.mark.parametrize(
    "note",
    [{"text": "Zwölf Boxkämpfer\n\t日本語 \U0001f9f8 \0 end", "list": [1, None, True, -0.5]}, [], {"": {"a": [[]]}}, 7],
)
def test_a_note_comes_back(note: list[object], vault: Vault, tmp_path: Path) -> None:
    movie = conform(three(vault), vault, tmp_path / "m.mp4", title="Ünder\nwater", note=note)  # type: ignore[arg-type]
    assert read_note(movie.path) == note
    with av.open(str(movie.path)) as container:
        assert container.metadata["title"] == "Ünder\nwater"
        assert "storyboard" in container.metadata["comment"]
        assert "creation_time" not in container.metadata


def test_a_note_of_two_megabytes_comes_back(vault: Vault, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 1_000_000, dtype=np.uint8).tobytes().hex()
    movie = conform(three(vault), vault, tmp_path / "m.mp4", note={"noise": noise, "words": "a bear\n" * 10_000})
    assert read_note(movie.path) == {"noise": noise, "words": "a bear\n" * 10_000}
    assert numbers_of(movie.path)[-1] == 25


def test_files_without_a_note_are_told(vault: Vault, tmp_path: Path) -> None:
    conform(three(vault), vault, tmp_path / "m.mp4")
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_bytes(b"\0\0\0\1uuid" * 30)
    for name in ("m.mp4", "empty", "text"):
        with pytest.raises(ConformError, match="holds no screenplay"):
            read_note(tmp_path / name)
    with pytest.raises(ConformError, match="cannot be read"):
        read_note(tmp_path / "nothing")


def test_a_damaged_note_is_told(vault: Vault, tmp_path: Path) -> None:
    movie = conform(three(vault), vault, tmp_path / "m.mp4", note={"a": list(range(500))})
    whole = movie.path.read_bytes()
    for place in range(20, 200, 9):
        movie.path.write_bytes(whole[:-place] + bytes([whole[-place] ^ 1]) + whole[len(whole) - place + 1 :])
        with pytest.raises(ConformError, match="cannot be read"):
            read_note(movie.path)


def test_the_movie_starts_with_its_index(vault: Vault, tmp_path: Path) -> None:
    data = conform(three(vault), vault, tmp_path / "m.mp4").path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    assert b"x264 - core" not in data and b"Lavf" not in data


def test_key_frames_are_asked_for_at_times_that_no_rounding_moves() -> None:
    for rate in (*RATES, "240", "1"):
        options = encode_options(Rate.parse(rate), range(1, 5000, 7))
        times = options[options.index("-force_key_frames") + 1].split(",")
        frames = [Fraction(time) * Fraction(rate) for time in times]
        assert all(frame - Fraction(1, 2) < time < frame for frame, time in zip(range(1, 5000, 7), frames, strict=True))


# What is made is checked


def test_a_movie_that_holds_other_pictures_than_its_pieces_is_refused(vault: Vault, tmp_path: Path) -> None:
    pieces = []
    for name, start in (("a", 0), ("b", 6)):
        strip = Strip(shoot(vault, name, numbered(range(start, start + 6))), range(6))
        pieces.append((conform(film(strip), vault, tmp_path / f"{name}.mp4").path, 6))
    rate, movie = Rate.parse(24), tmp_path / "m.mp4"
    pictures = join(pieces, movie, rate, Words())
    check = partial(check_movie, rate=rate, width=WIDTH, height=HEIGHT)
    check(movie, pictures, 12)
    for wrong, words in (
        (lambda: check(movie, pictures, 11), "has 12 frames"),
        (lambda: check(movie, pictures, 13), "has 12 frames"),
        (lambda: check(movie, pictures, 12, rate=Rate.parse(25)), "frames per second"),
        (lambda: check(movie, pictures, 12, width=WIDTH + 2), "size"),
        (lambda: check(movie, pictures, 12, samples=48_000), "sound"),
        (lambda: check(movie, join(pieces[::-1], tmp_path / "turned.mp4", rate, Words()), 12), "not those"),
    ):
        with pytest.raises(ConformError, match=words):
            wrong()
    whole = movie.read_bytes()
    begin = whole.index(b"mdat") + 4
    for place in range(begin + 8, len(whole), 97):
        movie.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ConformError):
            check(movie, pictures, 12)
    movie.write_bytes(whole[: begin + 200])
    with pytest.raises(ConformError):
        check(movie, pictures, 12)


def test_a_piece_that_does_not_decode_to_its_frames_is_refused(vault: Vault, tmp_path: Path) -> None:
    strip = Strip(shoot(vault, "a", numbered(range(6))), range(6))
    path, rate = conform(film(strip), vault, tmp_path / "a.mp4").path, Rate.parse(24)
    check_piece(path, 6, rate=rate, width=WIDTH, height=HEIGHT)
    for frames, size in ((5, (WIDTH, HEIGHT)), (7, (WIDTH, HEIGHT)), (6, (HEIGHT, WIDTH))):
        with pytest.raises(ConformError, match="piece"):
            check_piece(path, frames, rate=rate, width=size[0], height=size[1])
    with pytest.raises(ConformError, match="piece"):
        check_piece(path, 6, rate=Rate.parse(25), width=WIDTH, height=HEIGHT)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"mdat") + 300])
    with pytest.raises(ConformError, match="piece"):
        check_piece(path, 6, rate=rate, width=WIDTH, height=HEIGHT)
