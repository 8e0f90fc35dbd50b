"""Whatever fails, and whoever else uses the vault: real failing calls, real kills, real processes."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from storyboard.digest import digest_of
from storyboard.errors import VaultError
from storyboard.vault import Vault
from tests.stored import (
    KEY,
    fail,
    leftovers,
    put,
    result_of,
    run_here,
    shoot,
    trouble_at,
    zero,
)

# Whatever fails, a take is whole or not there


@pytest.mark.parametrize("before", ["empty", "damaged"])
def test_each_failing_call_leaves_before_or_after(tmp_path: Path, before: str) -> None:
    for nth in itertools.count(1):
        vault = Vault(tmp_path / str(nth))
        if before == "damaged":
            zero(vault.footage_path(put(vault)))
        failed = False
        with trouble_at(nth, fail) as calls:
            try:
                put(vault)
            except VaultError as error:
                failed = True
                assert "made to fail" in error.message and error.hint
        again = Vault(vault.root)
        assert (again.find(KEY) is None) or (again.find(KEY) == again.peek(KEY))
        assert before == "damaged" or again.verify() == []
        assert not vault.root.exists() or not (vault.root / "tmp").exists() or leftovers(vault) == []
        take = put(vault)
        assert again.find(KEY) == take
        assert again.verify(deep=True) == []
        if len(calls) < nth:
            assert not failed
            break
    assert nth > 10


def test_each_failing_removal_leaves_a_sound_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for nth in itertools.count(1):
        vault = Vault(tmp_path / str(nth))
        for seed in range(3):
            put(vault, digest_of(seed), seed)
        left = iter(range(nth - 1))
        real = os.unlink

        def unlink(
            path: str, *args: object, left: Iterator[int] = left, real: Callable[..., None] = real, **more: object
        ) -> None:
            if "takes" in str(path) or "objects" in str(path):
                next(left, None) is not None or fail()
            real(path, *args, **more)

        with monkeypatch.context() as patch:
            patch.setattr(os, "unlink", unlink)
            try:
                vault.prune(yes=True)
                break
            except VaultError:
                pass
        assert vault.verify() == []
        vault.prune(yes=True)
        assert list(vault.takes()) == []
    assert nth == 7


def test_kills_at_random_moments(tmp_path: Path) -> None:
    result_of(run_here("killed_at_random", str(tmp_path)))
    vault = Vault(tmp_path)
    takes = list(vault.takes())
    assert takes, "some were whole before the kill"
    assert all(vault.find(take.key) == take for take in takes)
    assert vault.verify(deep=True) == []
    vault.prune(yes=True)
    assert leftovers(vault) == [] and list(vault.takes()) == []


@pytest.mark.long
def test_kills_at_every_call(tmp_path: Path) -> None:
    assert int(result_of(run_here("killed_at_every_call", str(tmp_path)))) > 10


# Who uses it


def test_racing_processes_shoot_once(tmp_path: Path) -> None:
    racers = [run_here("race", str(tmp_path / "v"), KEY, str(tmp_path / "log")) for _ in range(3)]
    takes = {result_of(racer) for racer in racers}
    assert (tmp_path / "log").read_text().splitlines() == ["shot"]
    assert len(takes) == 1


def test_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    holder = run_here("hold", str(tmp_path), KEY)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with vault.locked(KEY, wait=False) as mine:
        assert not mine
    with vault.locked(digest_of("another"), wait=False) as mine:
        assert mine
    with pytest.raises(VaultError, match="in use"):
        vault.prune(yes=True)
    holder.kill()
    holder.communicate()
    with vault.locked(KEY, wait=False) as mine:
        assert mine
    assert len(list((tmp_path / "in-use").iterdir())) == 1, "the dead one's file"
    vault.prune(yes=True)
    assert list((tmp_path / "in-use").iterdir()) == [] and list((tmp_path / "locks").iterdir()) == []


def test_a_lock_excludes_within_a_process_and_outlasts_no_exception(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Vault(tmp_path).locked(KEY, wait=True) as mine:
        assert mine
        with Vault(tmp_path).locked(KEY, wait=False) as other:
            assert not other
        raise KeyError
    with Vault(tmp_path).locked(KEY, wait=False) as mine:
        assert mine


# Vaults that cannot be written, and folders that are none


def test_a_vault_that_cannot_be_written_serves_hits(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    take = put(vault)
    for folder in ("tmp", "locks"):  # a file in its place stops root too, unlike permissions
        shutil.rmtree(tmp_path / folder, ignore_errors=True)
        (tmp_path / folder).touch()
    assert Vault(tmp_path).find(KEY) == take
    assert np.array_equal(vault.frames(take, [1]), shoot().frames[[1]])
    with pytest.raises(VaultError, match="cannot write footage") as caught:
        put(vault)
    assert caught.value.hint and "--vault" in caught.value.hint
    with pytest.raises(VaultError, match="cannot write a lock"), vault.locked(KEY, wait=False):
        pass
    vault.note_timing(KEY, 9, 1.0)  # an estimate is not worth a failure


def test_a_file_limit_is_told(tmp_path: Path) -> None:
    message = result_of(run_here("beyond_the_limit", str(tmp_path)))
    assert "cannot write footage" in message and "make room" in message
    vault = Vault(tmp_path)
    assert vault.verify() == [] and vault.find(KEY) is None and leftovers(vault) == []


def test_other_versions_and_other_folders_are_refused(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "v")
    put(vault)
    (tmp_path / "v" / "VERSION").write_text("storyboard vault 2\n")
    with pytest.raises(VaultError, match="version"):
        Vault(tmp_path / "v")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letters.txt").touch()
    with pytest.raises(VaultError, match=r"letters\.txt"):
        put(Vault(tmp_path / "home"))
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["letters.txt"]
    with pytest.raises(VaultError, match="cannot read the vault"):
        Vault(tmp_path / "home" / "letters.txt")
