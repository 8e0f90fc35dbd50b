"""What the tests of the vault share: takes to put, damage to do, trouble to make, and tasks for other processes."""

from __future__ import annotations

import errno
import io
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np

from storyboard.digest import Digest, digest_of
from storyboard.errors import VaultError
from storyboard.footage import Footage
from storyboard.timing import Rate
from storyboard.vault import Take, Vault

KEY = digest_of("a shot")
SLATE = {"prompt": "a bear", "seed": 7, "rate": Fraction(24000, 1001), "nested": {"list": [1, None, 0.5]}}
MADE = {"engine": "test", "seconds": 0.25}


def shoot(seed: int = 0, count: int = 4) -> Footage:
    pictures = np.random.default_rng(seed).integers(0, 256, (count, 12, 16, 3), dtype=np.uint8)
    return Footage(pictures, Rate.parse("24000/1001"))


def put(vault: Vault, key: str = KEY, seed: int = 0) -> Take:
    return vault.put(key, SLATE, shoot(seed), MADE)


def record_of(vault: Vault, key: str = KEY) -> Path:
    return vault.root / "takes" / key[:2] / f"{key[2:]}.json"


def leftovers(vault: Vault) -> list[Path]:
    return list((vault.root / "tmp").iterdir())


# Damage


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


# Trouble


@contextmanager
def trouble_at(nth: int, trouble: Callable[[], None]) -> Iterator[list[str]]:
    """The n-th system call that makes, opens for writing, flushes or renames meets trouble. Yields the calls made."""
    calls: list[str] = []
    real = {(os, name): getattr(os, name) for name in ("open", "fsync", "replace", "mkdir")} | {(io, "open"): io.open}

    def troubled(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def instead(*args: object, **more: object) -> object:
            if name != "io" or set("wxa+") & set(str(args[1] if len(args) > 1 else more.get("mode", "r"))):
                calls.append(name)
                if len(calls) == nth:
                    trouble()
            return call(*args, **more)

        return instead

    try:
        for (module, name), call in real.items():
            setattr(module, name, troubled(name if module is os else "io", call))
        yield calls
    finally:
        for (module, name), call in real.items():
            setattr(module, name, call)


def fail() -> None:
    raise OSError(errno.EIO, "made to fail")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run_here(task: str, *words: str) -> subprocess.Popen[str]:
    """Another process that runs one of the tasks at the end of this module."""
    command, root = [sys.executable, "-m", "tests.stored", task, *words], Path(__file__).parent.parent
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root)


def result_of(process: subprocess.Popen[str]) -> str:
    out, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    return out


# What the other processes do


def killed_at_random(root: str) -> None:
    """Thirty writers, each killed at some moment of putting one take after another."""
    moments = random.Random(0)
    vault = Vault(Path(root))
    put(vault)
    for count in range(30):
        writer = os.fork()
        if writer == 0:
            for number in itertools.count():
                put(Vault(Path(root)), digest_of([count, number]), seed=count * 1000 + number)
        time.sleep(moments.uniform(0.001, 0.08))
        os.kill(writer, signal.SIGKILL)
        _, status = os.waitpid(writer, 0)
        assert os.WIFSIGNALED(status)
        assert vault.verify() == []


def killed_at_every_call(folder: str) -> None:
    """A writer killed at its n-th system call, for each n, and another that finishes its work."""
    for nth in itertools.count(1):
        vault = Vault(Path(folder) / str(nth))
        writer = os.fork()
        if writer == 0:
            with trouble_at(nth, die):
                put(vault)
            os._exit(0)
        _, status = os.waitpid(writer, 0)
        assert vault.verify() == []
        if not os.WIFSIGNALED(status):
            break
        assert vault.find(KEY) in (None, vault.peek(KEY))
        survivor = os.fork()
        if survivor == 0:
            put(vault)
            os._exit(0)
        assert os.waitpid(survivor, 0)[1] == 0
        assert vault.find(KEY) is not None and vault.verify() == []
    assert os.WEXITSTATUS(status) == 0 and vault.find(KEY) is not None
    print(nth)


def race(root: str, key: str, log: str) -> None:
    vault = Vault(Path(root))
    take = vault.find(key)
    if take is None:
        with vault.locked(key, wait=True) as mine:
            assert mine
            take = vault.find(key)
            if take is None:
                time.sleep(0.3)
                with Path(log).open("a") as file:
                    file.write("shot\n")
                take = put(vault, Digest(key), seed=os.getpid())
    print(take)


def hold(root: str, key: str) -> None:
    with Vault(Path(root)).locked(key, wait=True):
        print("held", flush=True)
        time.sleep(60)


def beyond_the_limit(root: str) -> None:
    import resource

    vault = Vault(Path(root))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))
    try:
        put(vault)
    except VaultError as error:
        print(error, error.hint)


if __name__ == "__main__":
    tasks = {task.__name__: task for task in (killed_at_random, killed_at_every_call, race, hold, beyond_the_limit)}
    tasks[sys.argv[1]](*sys.argv[2:])
