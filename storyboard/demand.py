"""A film ready to be rendered -> the disk and the time that it takes, about, and whether it can have them.

Takes are FFV1, whose size depends on the pictures: an engine's takes in the film tell best, else what was measured
tells. May import what stands above `demand` in the layout.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storyboard.errors import CommandError
from storyboard.plan import Planned, State
from storyboard.price import price_of
from storyboard.production import Production

_FILMED, _DRAWN = 0.8, 0.1
"""Bytes a pixel of takes: of 120 frames of 768x512, and of what `animatic` draws at 1280x720."""
_BOARDS: Final = frozenset({"animatic", "card"})
_CODED: Final = 8
"""How many times smaller than its takes a movie is, and the encoded pieces of it that are kept in the vault."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a render would take, in bytes and seconds."""

    vault: int
    """Of takes that are not there yet, and of the movie's pieces."""
    film: int
    vault_free: int
    film_free: int
    shared: bool
    """Whether both are on one disk."""
    seconds: float | None
    """Of shooting; None where a shot has no estimate."""


def demand_of(production: Production) -> Demand:
    """What is missing of a film, and what there is room for. Raises CommandError where a disk cannot be asked."""
    shots = [each for each in production.plan if each.shot.id in production.wanted]
    known = _density(shots)
    sizes = {each.shot.id: _pixels(each) * known.get(each.shot.engine.spec.name, _usual(each)) for each in shots}
    missing = sum(sizes[each.shot.id] for each in shots if each.state is not State.HIT)
    movie = round(sum(sizes.values()) / _CODED)
    vault, out = (_standing(path) for path in (production.places.vault, production.places.out))
    try:
        vault_free, film_free = (shutil.disk_usage(folder).free for folder in (vault, out))
        shared = vault.stat().st_dev == out.stat().st_dev
    except OSError as error:
        raise CommandError(f"cannot ask how much room there is: {error}", "name folders that are there") from error
    return Demand(round(missing) + movie, movie, vault_free, film_free, shared, price_of(shots).seconds)


def check_demand(production: Production) -> None:
    """Raise CommandError where a film that is to be shot cannot fit the disk, or takes longer than it may."""
    demand, limits = demand_of(production), production.plan.breakdown.screenplay.limits
    if limits.seconds is not None and demand.seconds is not None and demand.seconds > limits.seconds:
        message = f"shooting takes about {demand.seconds:.0f} s, and {limits.seconds:.0f} s are allowed"
        raise CommandError(message, "render a part with `--only`, or allow more with `--max-seconds`")
    for what, needed, free, option in (
        ("the vault", demand.vault + demand.film * demand.shared, demand.vault_free, "--vault"),
        ("the film", demand.film, demand.film_free, "--out"),
    ):
        if needed > free:
            message = f"{what} needs about {size_text(needed)} more, and its disk has {size_text(free)} free"
            raise CommandError(message, f"make room there, or name a folder on another disk with `{option}`")


def size_text(count: int) -> str:
    """`12.3 GB`, `4.5 MB`, `0.8 kB`."""
    step, unit = next(((step, unit) for step, unit in ((1e9, "GB"), (1e6, "MB")) if count >= step), (1e3, "kB"))
    return f"{count / step:.1f} {unit}"


def _pixels(planned: Planned) -> int:
    use = planned.shot.engine
    return planned.shot.frames * use.width * use.height


def _usual(planned: Planned) -> float:
    return _DRAWN if planned.shot.engine.spec.name in _BOARDS else _FILMED


def _density(shots: Iterable[Planned]) -> dict[str, float]:
    """Bytes a pixel of the takes that are there, by engine."""
    bytes_of: dict[str, int] = {}
    pixels_of: dict[str, int] = {}
    for each in shots:
        if each.take is not None:
            name = each.shot.engine.spec.name
            bytes_of[name] = bytes_of.get(name, 0) + each.take.size
            pixels_of[name] = pixels_of.get(name, 0) + _pixels(each)
    return {name: count / pixels_of[name] for name, count in bytes_of.items()}


def _standing(path: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())
