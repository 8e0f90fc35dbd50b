"""The vault with real files, real ffmpeg, real processes and real kills."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from storyboard.digest import digest_bytes, digest_of
from storyboard.errors import DamagedFootage, VaultError
from storyboard.footage import Footage, frame_digests
from storyboard.project import Manifest, ShotRecord, write_manifest
from storyboard.timing import Rate
from storyboard.vault import Take, Vault
from storyboard.vault_care import DamageKind
from tests.stored import (
    KEY,
    MADE,
    SLATE,
    become_a_folder,
    empty,
    flip,
    leftovers,
    put,
    record_of,
    shoot,
    truncate,
    zero,
)

# What is put is found


def test_a_take_is_found_as_it_was_put(tmp_path: Path) -> None:
    take = put(Vault(tmp_path / "v"))
    vault = Vault(tmp_path / "v")
    assert vault.find(KEY) == vault.peek(KEY) == take
    assert (take.key, take.width, take.height, take.rate) == (KEY, 16, 12, Rate.parse("24000/1001"))
    assert take.frames == frame_digests(shoot().frames)
    assert take.slate == SLATE | {"rate": "24000/1001"}
    assert take.made == MADE
    assert take.size == vault.footage_path(take).stat().st_size
    assert digest_bytes(vault.footage_path(take).read_bytes()) == take.footage
    assert [each.key for each in vault.takes()] == [KEY]
    assert vault.verify(deep=True) == []
    assert leftovers(vault) == []


def test_pictures_come_back_in_the_order_asked_for(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    take = put(vault)
    assert np.array_equal(vault.frames(take, [3, 0, 0]), shoot().frames[[3, 0, 0]])


def test_pictures_of_changed_footage_are_refused(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    first, second = put(vault), put(vault, digest_of("another"), seed=1)
    shutil.copyfile(vault.footage_path(second), vault.footage_path(first))  # whole footage, but not this take's
    with pytest.raises(DamagedFootage):
        vault.frames(first, [0])
    vault.footage_path(first).unlink()
    with pytest.raises(DamagedFootage):
        vault.frames(first, [0])


class Reused(np.ndarray):
    """Pictures in a buffer that an engine goes on writing into."""

    def __iter__(self) -> Iterator[np.ndarray]:
        self += 1
        return super().__iter__()


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    with pytest.raises(DamagedFootage):
        vault.put(KEY, SLATE, Footage(shoot().frames.view(Reused), Rate.parse(8)), MADE)
    assert vault.peek(KEY) is None and vault.verify() == [] and leftovers(vault) == []


def test_equal_footage_is_kept_once(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    assert put(vault).footage == put(vault, digest_of("another")).footage
    assert len([path for path in (tmp_path / "objects").rglob("*") if path.is_file()]) == 1


def test_looking_writes_nothing(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "v")
    assert vault.find(KEY) is None and vault.peek(KEY) is None and vault.find_segment(KEY) is None
    assert list(vault.takes()) == [] and vault.timings(KEY) == () and vault.verify() == []
    assert vault.prune(yes=True).takes == 0
    assert not (tmp_path / "v").exists()


def test_what_is_no_key_is_a_miss(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    for key in ("", "../../etc/passwd", KEY[:-1], KEY.upper() + "G"):
        assert vault.find(key) is None


def test_a_hit_needs_no_heavy_import(tmp_path: Path) -> None:
    put(Vault(tmp_path))
    program = (
        "import sys; from pathlib import Path; from storyboard.vault import Vault\n"
        f"v = Vault(Path({str(tmp_path)!r}))\n"
        f"with v.in_use(): assert v.find({KEY!r}) is not None\n"
        "print(sorted({'numpy', 'av', 'PIL', 'moviepy', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# What is damaged is a miss, and heals


@pytest.mark.parametrize("damage", [truncate, zero, flip, empty, Path.unlink])
@pytest.mark.parametrize("what", ["footage", "record"])
def test_damage_is_a_miss_that_heals(tmp_path: Path, what: str, damage: Callable[[Path], None]) -> None:
    vault = Vault(tmp_path)
    take = put(vault)
    path = vault.footage_path(take) if what == "footage" else record_of(vault)
    damage(path)
    os.utime(path.parent)
    assert Vault(tmp_path).find(KEY) is None
    found = {each.kind for each in vault.verify()}
    if path.exists():
        assert found == ({DamageKind.OBJECT, DamageKind.TAKE} if what == "footage" else {DamageKind.TAKE})
    else:
        assert found == ({DamageKind.TAKE} if what == "footage" else set())
    assert put(vault) == take
    assert vault.find(KEY) == Vault(tmp_path).find(KEY) == take
    assert vault.verify(deep=True) == []


def test_no_byte_of_a_record_can_change(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    put(vault)
    path = record_of(vault)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert vault.peek(KEY) is None, place
    path.write_bytes(whole + b"\n")
    assert vault.peek(KEY) is None
    path.write_bytes(whole)
    assert vault.find(KEY) is not None


def test_the_take_of_another_key_is_a_miss(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    put(vault)
    other = digest_of("another")
    record_of(vault, other).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(record_of(vault), record_of(vault, other))
    assert vault.find(other) is None and vault.peek(other) is None
    assert [each.name for each in vault.verify()] == [other]


def test_footage_is_hashed_again_only_when_its_file_changed(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    path = vault.footage_path(put(vault))
    assert vault.find(KEY) is not None
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert vault.find(KEY) is not None, "the same size, time and inode: known to be whole"
    assert Vault(tmp_path).find(KEY) is None, "another process hashes it"
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert vault.find(KEY) is None


def test_heal_removes_damage_and_nothing_else(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    put(vault)
    good = put(vault, digest_of("another"), seed=1)
    flip(vault.footage_path(vault.find(KEY) or good))
    found = vault.verify(heal=True)
    assert {each.kind for each in found} == {DamageKind.OBJECT, DamageKind.TAKE}
    assert not any(each.path.exists() for each in found)
    assert vault.verify() == []
    assert [each.key for each in vault.takes()] == [good.key]
    with vault.in_use(), pytest.raises(VaultError, match="in use"):
        vault.verify(heal=True)


def test_a_deep_look_decodes(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    take = put(vault)
    other = put(vault, digest_of("another"), seed=1)
    lying = Take(KEY, {}, other.footage, other.size, 16, 12, other.rate, take.frames, {})
    record_of(vault).write_bytes(lying.sealed())
    assert vault.verify() == []
    assert [each.name for each in vault.verify(deep=True)] == [KEY]


# Segments


def piece(folder: Path, content: bytes = b"a piece of a movie") -> Path:
    path = folder / "piece.mp4"
    path.write_bytes(content)
    return path


def test_a_segment_is_moved_in_and_found(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "v")
    given = piece(tmp_path)
    kept = vault.put_segment(KEY, given)
    assert not given.exists() and kept.read_bytes() == b"a piece of a movie"
    assert Vault(tmp_path / "v").find_segment(KEY) == kept
    assert vault.find_segment(digest_of("another")) is None
    assert vault.find(KEY) is None
    assert vault.verify() == []


@pytest.mark.parametrize("damage", [truncate, zero, flip, Path.unlink, become_a_folder])
def test_a_damaged_segment_is_a_miss_that_heals(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    vault = Vault(tmp_path / "v")
    kept = vault.put_segment(KEY, piece(tmp_path))
    damage(kept)
    assert Vault(tmp_path / "v").find_segment(KEY) is None
    assert DamageKind.SEGMENT in {each.kind for each in vault.verify()}
    if kept.is_dir():
        kept.rmdir()
    assert vault.put_segment(KEY, piece(tmp_path)) == kept
    assert vault.find_segment(KEY) == kept and vault.verify() == []


def test_a_segment_from_another_filesystem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.replace
    given = piece(tmp_path)

    def replace(source: Path, target: Path) -> None:
        if Path(source) == given:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    vault = Vault(tmp_path / "v")
    assert vault.put_segment(KEY, given).read_bytes() == b"a piece of a movie"
    assert not given.exists() and vault.verify() == [] and leftovers(vault) == []


# Estimates


def test_the_last_twenty_timings(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    for count in range(25):
        vault.note_timing(KEY, count, count / 2)
    assert vault.timings(KEY) == tuple((count, count / 2) for count in range(5, 25))
    assert vault.timings(digest_of("another")) == ()
    for path in (tmp_path / "timings").iterdir():
        flip(path)
    assert vault.timings(KEY) == ()
    vault.note_timing(KEY, 8, 1)
    assert vault.timings(KEY) == ((8, 1.0),)


# What is pruned


def film(vault: Vault, folder: Path, *takes: Take, segments: tuple[str, ...] = ()) -> Path:
    shots = tuple(ShotRecord("s/1", "s", "p", 1, take.key, take.footage, "e", None, 1.0, 4) for take in takes)
    path = folder / "manifest.json"
    write_manifest(path, Manifest("film.yaml", "A film", None, shots, segments))
    vault.name_root(path)
    return path


def test_prune_keeps_what_films_use(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "v")
    keys = [digest_of(count) for count in range(4)]
    takes = [put(vault, key, seed) for key, seed in zip(keys, (0, 0, 1, 2), strict=True)]  # 0 and 1 share footage
    for key in keys[:2]:
        vault.put_segment(key, piece(tmp_path, key.encode()))
    film(vault, tmp_path / "film", takes[0], segments=(keys[0],))
    (vault.root / "tmp" / "leftover").touch()
    would = vault.prune(keep=[keys[3]])
    assert (would.takes, would.objects, would.segments, would.dry) == (2, 2, 1, True)
    assert would.bytes > takes[2].size
    assert all(vault.find(key) for key in keys) and leftovers(vault)
    with vault.in_use(), pytest.raises(VaultError, match="in use"):
        vault.prune(yes=True)
    done = vault.prune(keep=[keys[3]], yes=True)
    assert (done.takes, done.objects, done.segments, done.bytes, done.dry) == (2, 2, 1, would.bytes, False)
    assert [bool(vault.find(key)) for key in keys] == [True, False, False, True]
    assert vault.find_segment(keys[0]) and not vault.find_segment(keys[1])
    assert vault.verify() == [] and leftovers(vault) == []
    assert vault.prune(keep=[keys[3]], yes=True).bytes == 0


def test_a_film_that_is_gone_keeps_nothing(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "v")
    manifest = film(vault, tmp_path / "film", put(vault))
    assert vault.prune(yes=True).takes == 0
    manifest.unlink()
    assert vault.prune(yes=True).takes == 1
    assert list((vault.root / "roots").iterdir()) == []


def test_a_project_that_was_moved_keeps_its_takes(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "old" / "renders" / "vault")
    film(vault, tmp_path / "old" / "renders" / "film", put(vault))
    (tmp_path / "old").rename(tmp_path / "new")
    assert Vault(tmp_path / "new" / "renders" / "vault").prune(yes=True).takes == 0


def test_prune_does_not_guess(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "v")
    manifest = film(vault, tmp_path / "film", put(vault))
    whole = manifest.read_bytes()
    truncate(manifest)
    with pytest.raises(VaultError, match="cannot read the manifest"):
        vault.prune(yes=True)
    manifest.write_bytes(whole)
    (root,) = (vault.root / "roots").iterdir()
    flip(root)
    with pytest.raises(VaultError, match="is damaged"):
        vault.prune(yes=True)
    assert [each.kind for each in vault.verify(heal=True)] == [DamageKind.ROOT]
    vault.name_root(manifest)
    assert vault.prune(yes=True).takes == 0 and vault.find(KEY)
