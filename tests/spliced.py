"""A film with a lock, rendered step by step without its movie: for tests of splices and pins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from storyboard.breakdown import break_down
from storyboard.cut import assemble
from storyboard.events import ShotDone
from storyboard.lock import Lock, read_lock, write_lock
from storyboard.pins import Mode
from storyboard.screenplay import loads
from storyboard.shots import Breakdown
from storyboard.splice import next_lock, splice
from storyboard.vault import Take, Vault
from tests.films import shoot, shown, text_of


@dataclass
class Rendered:
    """What a render came to."""

    film: Breakdown
    takes: dict[str, Take]
    shot: list[str]
    shown: list[tuple[object, ...]]
    lock: Lock

    @property
    def keys(self) -> dict[str, str]:
        return {name: take.key for name, take in self.takes.items()}


@dataclass
class Reel:
    """A vault and a lock, which renders go on from."""

    folder: Path
    lock: Lock | None = None
    vault: Vault = field(init=False)

    def __post_init__(self) -> None:
        self.vault = Vault(self.folder / "vault")

    def render(self, data: Mapping[str, object], mode: Mode = Mode.PLAIN) -> Rendered:
        plain = break_down(loads(text_of(data), name="film.yaml", folder=self.folder))
        film = splice(plain, self.lock, self.vault, mode)
        result = shoot(film, self.vault)
        assert not result.failed
        shots = [event.shot.id for event in result.events if isinstance(event, ShotDone)]
        cut = assemble(film, self.vault, takes=result.takes)
        path = self.folder / "film.lock"
        write_lock(path, next_lock(plain, film, {**result.takes, **result.plan.heads}, self.lock, mode))
        self.lock = read_lock(path)
        assert self.lock is not None
        return Rendered(film, result.takes, shots, shown(cut, result.takes), self.lock)
