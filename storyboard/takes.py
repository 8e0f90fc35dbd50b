"""A scene of a film -> alternatives of it: the same shots with the seeds of other takes, on a sheet beside each other.

    try_takes(production, scene, count)     which takes there are and which are missing: nothing is written
    shoot_takes(tryout)                     shoots what is missing, told as a stream of events
    compare_takes(tryout)                         how each joins what is before it
    write_sheet(tryout, alternatives)       a row of pictures for each

Each is conditioned as the scene is at its place in the film, so that the one that is picked is in the vault already.
While the record beside the sheet is there, pruning leaves all of them alone. May import what stands above `takes` in
the layout.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storyboard.breakdown import seed_of
from storyboard.cut import assemble
from storyboard.demand import check_demand
from storyboard.errors import CommandError, StoryboardError
from storyboard.events import Event
from storyboard.film import Production, record_of, resident
from storyboard.footage import resample
from storyboard.pick import index_of_shot_scene
from storyboard.plan import Plan, make_plan
from storyboard.project import Manifest, write_manifest
from storyboard.scopes import AROUND, seam_ratio
from storyboard.sheet import Row, draw_sheet, picture_size, write_picture
from storyboard.shots import FrameRef, Shot
from storyboard.vault import Take

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from storyboard.crew import Crew

MOST_TAKES: Final = 100


@dataclass(frozen=True, slots=True)
class Tryout:
    """Takes of one scene, planned together."""

    production: Production
    scene: str
    current: int
    """The take that the screenplay names."""
    numbers: tuple[int, ...]
    plan: Plan
    """The shots of all takes and what they are conditioned on; those of take 3 of scene `b` are `b@3/1`, `b@3/2`..."""

    @property
    def sheet(self) -> Path:
        """Where the sheet is drawn."""
        return self._beside(".png")

    @property
    def record(self) -> Path:
        """What keeps the takes from being pruned."""
        return self._beside(".json")

    def _beside(self, suffix: str) -> Path:
        manifest = self.production.places.manifest
        return manifest.with_name(manifest.stem.replace("manifest", f"takes-{self.scene}") + suffix)

    def shots(self, number: int) -> dict[str, Shot]:
        """The shots of one take, by their ids in the film."""
        film = self.production.plan.breakdown
        return {name: self.plan.breakdown.shots[_alias(film.shots[name], number)] for name in self._names}

    @property
    def _names(self) -> tuple[str, ...]:
        return self.production.plan.breakdown.scene(self.scene).shots


@dataclass(frozen=True, slots=True)
class Alternative:
    """One take of a scene, shot or not."""

    number: int
    in_film: bool
    shots: tuple[Shot, ...]
    takes: tuple[Take, ...] | None
    """Of the shots; None where one of them is not there."""
    seam: float | None
    """Seam ratio where it goes on from the shot that it continues (see `scopes.seam_ratio`); None where it does not."""


def try_takes(production: Production, scene: str, count: int) -> Tryout:
    """Plan takes 1 to `count` of a scene, and the film's own where that is another. Writes nothing.

    Raises CommandError where there is no such scene or it has no takes.
    """
    film = production.plan.breakdown
    if not 1 <= count <= MOST_TAKES:
        raise CommandError(f"{count} takes cannot be shot at once", f"ask for 1 to {MOST_TAKES}")
    written = film.screenplay.scenes[index_of_shot_scene(film.screenplay, scene)]
    numbers = tuple(sorted({*range(1, count + 1), written.take}))
    own = film.scene(scene).shots
    free = {name: replace(film.shots[name], pin=None) for name in own}
    needed = replace(film, shots={**film.shots, **free}).needed_for([scene])
    shots = {name: shot for name, shot in film.shots.items() if name in needed and name not in own}
    for number in numbers:
        aliases = {name: _alias(film.shots[name], number) for name in own}
        for name in own:
            shot = film.shots[name] if number == written.take else free[name]
            seed = seed_of(film.screenplay, written, shot.number, number)
            shots[aliases[name]] = _as_take(shot, aliases, seed)
    plan = make_plan(replace(film, shots=shots), production.vault)
    return Tryout(production, scene, written.take, numbers, plan)


def _alias(shot: Shot, number: int) -> str:
    return f"{shot.scene}@{number}/{shot.number}"


def _as_take(shot: Shot, aliases: Mapping[str, str], seed: int) -> Shot:
    """The shot with another seed, which goes on from shots of its own take."""

    def renamed(refs: tuple[FrameRef, ...]) -> tuple[FrameRef, ...]:
        return tuple(ref if ref.take else replace(ref, shot=aliases.get(ref.shot, ref.shot)) for ref in refs)

    continues = aliases.get(shot.continues, shot.continues) if shot.continues else None
    return replace(
        shot, id=aliases[shot.id], seed=seed, tail=renamed(shot.tail), head=renamed(shot.head), continues=continues
    )


def shoot_takes(
    tryout: Tryout, crew: Crew | None = None, *, call: Callable[[], Crew] | None = None
) -> Generator[Event, None, None]:
    """Shoot what is missing. Closing the iterator stops everything; what was shot by then is kept.

    The crew is as `produce` says. Raises CommandError where they cannot fit the disk, or the film's limits; VaultError.
    A shot that fails raises nothing, and its take stays out of the comparison.
    """
    from storyboard.render import render

    vault = tryout.production.vault
    yield tryout.plan.told()
    if len(tryout.plan.takes) < len(tryout.plan.shots):
        check_demand(replace(tryout.production, plan=tryout.plan))
        with vault.in_use(), resident(crew, call) as those:
            try:
                yield from render(tryout.plan, vault, those)
            finally:
                _remember(tryout)
    _remember(tryout)


def _takes(tryout: Tryout) -> dict[str, Take]:
    """All takes that are there now."""
    return make_plan(tryout.plan.breakdown, tryout.production.vault).takes


def _remember(tryout: Tryout) -> None:
    """Name the takes in a record beside the sheet."""
    shots, production = tryout.plan.breakdown.shots, tryout.production
    takes = _takes(tryout)
    production.vault.note_used(take.key for take in takes.values())
    records = tuple(record_of(shots[name], take) for name, take in takes.items())
    title = production.plan.breakdown.screenplay.title
    with suppress(StoryboardError):  # it is a courtesy: what stopped the shooting is what the author has to hear of
        production.vault.name_root(tryout.record)
        write_manifest(tryout.record, Manifest(production.places.screenplay.name, title, None, records, ()))


def compare_takes(tryout: Tryout) -> tuple[Alternative, ...]:
    """The alternatives by number. Raises DamagedFootage."""
    screen = _Screen(tryout)
    return tuple(
        Alternative(
            number,
            number == tryout.current,
            tuple(tryout.shots(number).values()),
            screen.takes_of(number),
            screen.seam(number),
        )
        for number in tryout.numbers
    )


def write_sheet(tryout: Tryout, alternatives: Sequence[Alternative]) -> Path:
    """Draw first, middle and last frame of each take, the film's own marked; where the sheet is.

    Raises CommandError where it cannot be written, DamagedFootage.
    """
    film, screen = tryout.production.plan.breakdown, _Screen(tryout)
    size = picture_size(film.width, film.height)
    rows = []
    for each in alternatives:
        lines = [f"take {each.number}", *(["in the film"] if each.in_film else [])]
        pictures = None
        if each.takes is None:
            lines.append("not shot")
        else:
            lines += [f"seam {each.seam:.2f}"] if each.seam is not None else []
            shown = screen.shown(tryout.scene, each.number)
            pictures = screen.pictures([shown[0], shown[len(shown) // 2], shown[-1]], size)
        rows.append(Row("\n".join(lines), pictures, each.in_film))
    write_picture(tryout.sheet, draw_sheet(rows, 3, size))
    return tryout.sheet


class _Screen:
    """What the film shows, or would show with another take of the scene in it."""

    def __init__(self, tryout: Tryout) -> None:
        self.tryout, self.film = tryout, tryout.production.plan.breakdown
        self.vault = tryout.production.vault
        self.takes = _takes(tryout)
        self.by_key = {take.key: take for take in self.takes.values()}

    def takes_of(self, number: int) -> tuple[Take, ...] | None:
        """The takes of the scene's shots; None where one is not there."""
        names = [shot.id for shot in self.tryout.shots(number).values()]
        return tuple(self.takes[name] for name in names) if all(name in self.takes for name in names) else None

    def shown(self, scene: str, number: int) -> list[tuple[str, int]]:
        """Key and frame of the take that each film frame of a scene shows, with take `number` in the film."""
        own = {name: self.takes[shot.id] for name, shot in self.tryout.shots(number).items()}
        cut = assemble(self.film, self.vault, takes=self.takes | own, scene=scene)
        return [(edit.strip.key, frame) for edit in cut.edits for frame in edit.strip.frames]

    def pictures(self, shown: Iterable[tuple[str, int]], size: tuple[int, int]) -> NDArray[np.uint8]:
        """[n, height, width, 3], `size` being width and height. Raises DamagedFootage."""
        import numpy as np

        found = [self.vault.frames(self.by_key[key], [frame]) for key, frame in shown]
        return np.concatenate([resample(picture, *size, self.film.fit) for picture in found])

    def seam(self, number: int) -> float | None:
        """The ratio at the left edge; a frame that the film shows several times counts once."""
        first = self.film.scene(self.tryout.scene).shots[0]
        before = self.film.shots[first].continues
        if before is None or self.takes_of(number) is None:
            return None
        out = list(dict.fromkeys(self.shown(self.film.shots[before].scene, number)))[-AROUND:]
        into = list(dict.fromkeys(self.shown(self.tryout.scene, number)))[:AROUND]
        size = self.film.width, self.film.height
        return seam_ratio(self.pictures(out, size), self.pictures(into, size))
