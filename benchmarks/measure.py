"""Things to time -> medians taken in turns, and ratios of them.

Two things are timed in turns (A B A B ...), so that a machine that slows down meanwhile slows both. Imports nothing of
storyboard.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

VERSIONS = ("storyboard", "pydantic", "PyYAML", "numpy", "av", "moviepy", "imageio-ffmpeg")


@dataclass(frozen=True, slots=True)
class Target:
    """What the ratio shall be: at most `limit`, or at least."""

    limit: float
    at_most: bool

    def met(self, ratio: float) -> bool:
        return ratio <= self.limit if self.at_most else ratio >= self.limit

    def __str__(self) -> str:
        return f"{'at most' if self.at_most else 'at least'} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds that one thing took, once a round."""

    what: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.seconds)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two things that were timed in turns. The ratio is `over` / `under`; who is who is the benchmark's choice."""

    name: str
    over: Timed
    under: Timed
    target: Target | None = None
    facts: Mapping[str, str | int] = field(default_factory=dict)
    """What else was seen, such as numbers of frames."""

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return self.over.median / self.under.median

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest ratio of one round."""
        ratios = [over / under for over, under in zip(self.over.seconds, self.under.seconds, strict=True)]
        return min(ratios), max(ratios)

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.target.met(self.ratio)


def seconds_of(work: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def in_turns(works: Mapping[str, Callable[[], object]], rounds: int) -> tuple[Timed, ...]:
    """Wall seconds of each, taken A B A B ..., in the order of `works`."""
    spent: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            spent[name].append(seconds_of(work))
    return tuple(Timed(name, tuple(seconds)) for name, seconds in spent.items())


def run(
    command: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One cold process, its output kept. Raises SystemExit with what it said when it fails.

    Its Python may keep bytecode, as it does for whoever uses an installed package: where a shell forbids that, our
    modules would be compiled in every process, and others' would not.
    """
    around = {name: value for name, value in (env or os.environ).items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=around, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def machine() -> dict[str, str | int]:
    """What the numbers were taken on, and when."""
    facts: dict[str, str | int] = {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0,
        "system": platform.system(),
        "python": platform.python_version(),
    }
    return facts | versions(VERSIONS)


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Of packages, without those that are not installed."""
    found: dict[str, str] = {}
    for name in packages:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _processor() -> str:
    """The model's name, as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    if sys.platform == "darwin":
        return run(["sysctl", "-n", "machdep.cpu.brand_string"]).stdout.strip()
    return platform.processor() or platform.machine()
