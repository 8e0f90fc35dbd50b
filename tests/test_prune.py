"""What goes when a vault is to hold no more than so many bytes, and what never goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from storyboard.digest import digest_of
from storyboard.project import Manifest, ShotRecord, write_manifest
from storyboard.vault import Take, Vault
from tests.films import scene, screenplay, storyboard, text_of
from tests.stored import put

DAY = 24 * 3600


def shelf(tmp_path: Path, count: int = 5) -> tuple[Vault, list[Take]]:
    """A vault of takes, of which each was used a day after the one before it."""
    vault = Vault(tmp_path / "vault")
    takes = [put(vault, digest_of(["take", number]), seed=number) for number in range(count)]
    for number, take in enumerate(takes):
        record = vault.root / "takes" / take.key[:2] / f"{take.key[2:]}.json"
        os.utime(record, (DAY * number, DAY * number))
    return vault, takes


def name(vault: Vault, folder: Path, takes: list[Take]) -> None:
    """A film that uses takes."""
    shots = tuple(
        ShotRecord(f"s/{n}", "s", "", 0, take.key, take.footage, "e", None, None, 4) for n, take in enumerate(takes)
    )
    write_manifest(folder / "manifest.json", Manifest("film.yaml", "", None, shots, ()))
    vault.name_root(folder / "manifest.json")


def weight(vault: Vault) -> int:
    shelves = [vault.root / shelf for shelf in ("objects", "takes", "segments")]
    return sum(path.stat().st_size for shelf in shelves for path in shelf.rglob("*") if path.is_file())


def there(vault: Vault, takes: list[Take]) -> list[int]:
    return [number for number, take in enumerate(takes) if vault.find(take.key)]


def test_what_was_not_used_for_the_longest_time_goes_first(tmp_path: Path) -> None:
    vault, takes = shelf(tmp_path)
    whole = weight(vault)
    assert vault.prune(most=whole, yes=True).takes == 0
    vault.note_used([takes[0].key])
    assert vault.prune(most=whole - 1).takes == 1
    assert there(vault, takes) == [0, 1, 2, 3, 4], "a dry run removes nothing"
    assert vault.prune(most=whole - 1, yes=True).takes == 1
    assert there(vault, takes) == [0, 2, 3, 4]
    pruned = vault.prune(most=weight(vault) // 2, yes=True)
    assert pruned.takes == 2 and there(vault, takes) == [0, 4]
    assert pruned.left == weight(vault) and vault.verify() == []
    assert vault.prune(most=0, yes=True).left == 0 and there(vault, takes) == []


@pytest.mark.parametrize("most", [0, 3000])
def test_what_films_use_never_goes(tmp_path: Path, most: int) -> None:
    vault, takes = shelf(tmp_path)
    name(vault, tmp_path, [takes[0], takes[2]])
    pruned = vault.prune(keep=[takes[3].key], most=most, yes=True)
    assert {0, 2, 3} <= {*there(vault, takes)} and pruned.left == weight(vault)
    assert there(vault, takes) == [0, 2, 3] or pruned.left <= most


def test_footage_goes_with_the_last_take_of_it(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault")
    takes = [put(vault, digest_of(["same", number]), seed=1) for number in range(3)]
    footage = vault.footage_path(takes[0])
    name(vault, tmp_path, [takes[1]])
    pruned = vault.prune(most=0, yes=True)
    assert (pruned.takes, pruned.objects) == (2, 0) and footage.exists()
    name(vault, tmp_path, [])
    pruned = vault.prune(most=0, yes=True)
    assert (pruned.takes, pruned.objects) == (1, 1) and not footage.exists()


def test_pieces_of_movies_go_before_takes(tmp_path: Path) -> None:
    vault, takes = shelf(tmp_path, 2)
    whole = weight(vault)
    piece = tmp_path / "piece.mp4"
    piece.write_bytes(bytes(5000))
    vault.put_segment(digest_of("piece"), piece)
    pruned = vault.prune(most=whole, yes=True)
    assert (pruned.takes, pruned.segments, pruned.objects) == (0, 1, 1) and there(vault, takes) == [0, 1]


def test_a_render_notes_what_its_film_uses(tmp_path: Path) -> None:
    film = tmp_path / "film.yaml"
    for take in (1, 2, 1, 3):
        film.write_text(text_of(screenplay([scene("a", take=take)])))
        storyboard("render", film)
    where = ("--vault", tmp_path / "renders" / "vault")
    whole = weight(Vault(where[1]))
    done = storyboard("vault", "prune", *where, "--max-size", f"{whole / 1000 - 1}kB")
    assert done.stdout.startswith("would remove") and "nothing was removed" in done.stderr
    storyboard("vault", "prune", *where, "--max-size", "10GiB", "--yes")
    assert weight(Vault(where[1])) == whole

    def keys() -> list[str]:
        return [line.split()[0] for line in storyboard("vault", "ls", *where).stdout.splitlines()]

    assert len(keys()) == 3
    done = storyboard("vault", "prune", *where, "--max-size", "0", "--yes")
    assert len(keys()) == 1 and "what films use is larger than that" in done.stderr
    assert "nothing to do" in storyboard("render", film).stderr
    assert "`20 apples` is no size" in storyboard("vault", "prune", "--max-size", "20 apples", check=2).stderr
