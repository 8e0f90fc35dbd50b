"""A render with nothing to do against `dvc repro` with nothing to do, on chains of the same length.

DVC is installed once, into an environment of its own beside this file. Each of its stages copies the output of the one
before it: there is no cheaper stage. It works in a folder of its own, without git, analytics or network.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.films import render_command, write_film
from benchmarks.measure import Comparison, Target, in_turns, run
from benchmarks.noop import FRAMES, SIZE, check_nothing_to_do

ENVIRONMENT = Path(__file__).parent / ".dvc-venv"
TARGET = Target(10, at_most=False)


def compare(folder: Path, rounds: int, *, small: bool) -> Iterator[Comparison]:
    """One comparison of two chains."""
    length = 3 if small else 100
    program = install()
    film = write_film(folder / "film.yaml", length, frames=FRAMES, size=SIZE, chain=True)
    render = render_command(film)
    run(render)
    check_nothing_to_do(render)
    chain = folder / "dvc"
    chain.mkdir()
    env = environment(folder)
    write_chain(chain, length)
    run([program, "init", "--no-scm", "--quiet"], cwd=chain, env=env)
    repro: list[str | Path] = [program, "repro"]
    run(repro, cwd=chain, env=env)
    said = run(repro, cwd=chain, env=env).stdout
    if "up to date" not in said:
        raise SystemExit(f"the second `dvc repro` has something to do:\n{said}")
    over, under = in_turns(
        {
            f"`dvc repro`, {length} stages, nothing to do": lambda: run(repro, cwd=chain, env=env),
            f"`storyboard render`, {length} shots, nothing to do": lambda: run(render),
        },
        rounds,
    )
    version = run([program, "--version"], env=env).stdout.strip()
    yield Comparison("noop against DVC", over, under, TARGET, {"shots": length, "dvc": version})


def install() -> Path:
    """The `dvc` program, installed if it is not there yet."""
    scripts = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
    program = scripts / "dvc"
    if not any(scripts.glob("dvc*")):
        run([sys.executable, "-m", "venv", ENVIRONMENT])
        run([scripts / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "dvc"])
    return program


def environment(folder: Path) -> dict[str, str]:
    """DVC keeps to `folder` and tells nobody."""
    places = {name: str(folder / name.lower()) for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR")}
    return {**os.environ, **places, "DVC_SITE_CACHE_DIR": str(folder / "site"), "DVC_NO_ANALYTICS": "1"}


def write_chain(folder: Path, length: int) -> None:
    """A `dvc.yaml` of so many stages, each of which copies a file of 64 KiB."""
    (folder / "0.bin").write_bytes(bytes(range(256)) * 256)
    copy = "import shutil, sys; shutil.copyfile(sys.argv[1], sys.argv[2])"
    (folder / "copy.py").write_text(copy + "\n")
    python = sys.executable.replace("\\", "/")
    lines = ["stages:"]
    for number in range(length):
        lines += [
            f"  stage{number}:",
            f"    cmd: {python} -S copy.py {number}.bin {number + 1}.bin",
            f"    deps: [{number}.bin]",
            f"    outs: [{number + 1}.bin]",
        ]
    (folder / "dvc.yaml").write_text("\n".join(lines) + "\n")
