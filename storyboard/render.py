"""A plan -> takes in the vault, told as a stream of events. Decides in what order; `plan` decided whether.

Each shot that is not a hit is keyed when all that conditions it is there, looked up, locked, looked up again, and shot.
A take is in the vault before anything is said of it, so that an interruption loses at most the shot in hand.
May import what stands above `render` in the layout.
"""

from __future__ import annotations

import heapq
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from fractions import Fraction
from importlib import metadata
from typing import TYPE_CHECKING, Final

from storyboard.crew import Crew, Delivered, Lost, Stepped, Word
from storyboard.digest import Plain
from storyboard.engines import INTERNAL
from storyboard.engines.base import Assignment
from storyboard.errors import ShotError, StoryboardError
from storyboard.events import (
    ShotDone,
    ShotElsewhere,
    ShotEvent,
    ShotFailed,
    ShotFound,
    ShotNotAttempted,
    ShotStarted,
    ShotStepped,
)
from storyboard.footage import probe_image, read_image, resample
from storyboard.plan import Plan
from storyboard.scopes import flaw_of
from storyboard.shots import FrameRef, Shot, Still
from storyboard.slate import Slate, slate_of
from storyboard.timing import round_half_up
from storyboard.vault import Take, Vault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POLL: Final = 0.1
"""Seconds between two looks at what other processes shoot."""


def render(plan: Plan, vault: Vault, crew: Crew, *, only: frozenset[str] | None = None) -> Iterator[ShotEvent]:
    """Shoot what is missing; `only` names the shots to look at, with all that they need (see `needed_for`).

    Yields what happens, as it happens. A shot that fails leaves its descendants not attempted and the rest of the film
    untouched. Closing the iterator, or an exception in it, stops the crew and gives back all locks.
    """
    with vault.in_use():
        work = _Rendering(plan, vault, crew, only)
        crew.expect((shot.engine, text) for shot in work.todo.values() for text in texts_of(shot))
        try:
            while work.unfinished:
                yield from work.hand_out()
                word = crew.wait(POLL) if work.shooting or work.elsewhere else None
                if word is not None:
                    yield from work.hear(word)
        finally:
            crew.cancel()
            work.locks.close()


def texts_of(shot: Shot) -> tuple[str, ...]:
    """What its engine reads."""
    return (shot.prompt, shot.negative) if shot.engine.capabilities.negative else (shot.prompt,)


class _Rendering:
    """One render under way."""

    def __init__(self, plan: Plan, vault: Vault, crew: Crew, only: frozenset[str] | None) -> None:
        self.plan, self.vault, self.crew = plan, vault, crew
        self.takes: dict[str, Take] = {**plan.takes, **plan.heads}
        shots = plan.breakdown.shots
        self.todo = {
            name: shot for name, shot in shots.items() if name not in self.takes and (only is None or name in only)
        }
        self.place = {name: place for place, name in enumerate(shots)}
        self.names = list(shots)
        self.open_needs = {
            name: {each for each in shot.depends if each in self.todo} for name, shot in self.todo.items()
        }
        self.ready = [self.place[name] for name, needs in self.open_needs.items() if not needs]
        self.shooting: dict[str, tuple[Shot, Slate, ExitStack]] = {}
        self.elsewhere: list[str] = []
        self.told_elsewhere: set[str] = set()
        self.locks = ExitStack()

    @property
    def unfinished(self) -> bool:
        return bool(self.ready or self.shooting or self.elsewhere)

    def hand_out(self) -> Iterator[ShotEvent]:
        """Begin every shot that can begin now."""
        for name in self.elsewhere:
            heapq.heappush(self.ready, self.place[name])
        self.elsewhere = []
        while self.ready and self.crew.free:
            name = self.names[heapq.heappop(self.ready)]
            shot = self.todo[name]
            slate = slate_of(shot, self.takes)
            take = self.vault.find(slate.key)
            if take is None:
                lock = ExitStack()
                if not lock.enter_context(self.vault.locked(slate.key, wait=False)):
                    lock.close()
                    self.elsewhere.append(name)
                    if name not in self.told_elsewhere:
                        self.told_elsewhere.add(name)
                        yield ShotElsewhere(shot)
                    continue
                take = self.vault.find(slate.key)
                if take is None:
                    yield from self.begin(shot, slate, lock)
                    continue
                lock.close()
            self.complete(name, take)
            yield ShotFound(shot, take)

    def begin(self, shot: Shot, slate: Slate, lock: ExitStack) -> Iterator[ShotEvent]:
        self.locks.push(lock)
        try:
            assignment = self.assignment(shot)
        except StoryboardError as error:
            lock.close()
            yield from self.fail(shot, error)
            return
        self.shooting[shot.id] = (shot, slate, lock)
        self.crew.submit(shot.engine, assignment)
        yield ShotStarted(shot, slate.key, self.plan.shots[shot.id].seconds)

    def assignment(self, shot: Shot) -> Assignment:
        use = shot.engine
        head, end = self.pictures(shot, shot.head), self.still(shot, shot.end) if shot.end else None
        if shot.head_is_end:
            assert head is not None
            end = head[0]
            head = None
        return Assignment(
            shot=shot.id,
            prompt=shot.prompt,
            negative=shot.negative,
            seed=shot.seed,
            width=use.width,
            height=use.height,
            rate=use.rate,
            frames=shot.frames,
            options=use.options,
            tail=self.pictures(shot, shot.tail),
            head=head,
            start=self.still(shot, shot.start) if shot.start else None,
            end=end,
            references=tuple(self.still(shot, still, whole=True) for still in shot.references),
        )

    def pictures(self, shot: Shot, refs: Sequence[FrameRef]) -> NDArray[np.uint8] | None:
        """Conditioning frames at the shot's size, [K, height, width, 3]."""
        if not refs:
            return None
        import numpy as np

        runs: list[tuple[str, list[int]]] = []
        for ref in refs:
            giver = ref.take or ref.shot
            if not runs or runs[-1][0] != giver:
                runs.append((giver, []))
            runs[-1][1].append(ref.frame)
        use = shot.engine
        parts = [self.vault.frames(self.takes[giver], frames) for giver, frames in runs]
        return np.concatenate([resample(part, use.width, use.height, "cover") for part in parts])

    def still(self, shot: Shot, still: Still, *, whole: bool = False) -> NDArray[np.uint8]:
        """A picture of the author's at the shot's size, [height, width, 3]; `whole` has its own sides, as large as fit.

        Raises ShotError where it has changed.
        """
        size = (shot.engine.width, shot.engine.height)
        width, height = _fitted(still, size) if whole else size
        picture = read_image(still.path, width, height, shot.fit)
        if not still.is_unchanged():
            message = f"shot `{shot.id}`: `{still.path.name}` changed while the film was being made"
            raise ShotError(message, "render again, which reads it as it is now")
        return picture

    def hear(self, word: Word) -> Iterator[ShotEvent]:
        shot, slate, lock = self.shooting[word.shot]
        if isinstance(word, Stepped):
            yield ShotStepped(shot, word.step, word.steps)
            return
        del self.shooting[word.shot]
        with lock:
            if isinstance(word, Lost):
                yield from self.fail(shot, word.error)
                return
            take = self.keep(shot, slate, word)
        self.complete(shot.id, take)
        shown = word.footage.frames[shot.visible.start : shot.visible.stop]
        yield ShotDone(shot, take, word.seconds, None if shot.engine.spec.name in INTERNAL else flaw_of(shown))

    def keep(self, shot: Shot, slate: Slate, word: Delivered) -> Take:
        made: Mapping[str, Plain] = {
            "engine": shot.engine.spec.name,
            "seconds": round(word.seconds, 3),
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "storyboard": metadata.version("storyboard"),
            "python": platform.python_version(),
            "machine": platform.machine(),
            "libraries": _versions(shot.engine.spec.libraries),
        }
        take = self.vault.put(slate.key, slate.plain(), word.footage, made)
        self.vault.note_timing(shot.engine.group, shot.frames, word.seconds)
        return take

    def complete(self, name: str, take: Take) -> None:
        self.takes[name] = take
        del self.todo[name]
        for receiver in self.plan.breakdown.receivers[name]:
            needs = self.open_needs.get(receiver)
            if needs is not None and name in needs:
                needs.remove(name)
                if not needs:
                    heapq.heappush(self.ready, self.place[receiver])

    def fail(self, shot: Shot, error: StoryboardError) -> Iterator[ShotEvent]:
        """The shot and all that waits on it leave the render."""
        del self.todo[shot.id]
        yield ShotFailed(shot, error)
        lost = [shot.id]
        while lost:
            giver = lost.pop()
            for receiver in self.plan.breakdown.receivers[giver]:
                if receiver in self.todo:
                    yield ShotNotAttempted(self.todo.pop(receiver), shot.id)
                    lost.append(receiver)


def _fitted(still: Still, size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the whole picture, scaled to reach as far as it can in `size`. Raises ShotError."""
    try:
        width, height = probe_image(still.path)
    except ValueError as error:
        raise ShotError(str(error), "give a whole picture, saved as PNG or JPEG") from error
    scale = min(Fraction(size[0], width), Fraction(size[1], height))
    return max(1, round_half_up(width * scale)), max(1, round_half_up(height * scale))


def _versions(packages: Sequence[str]) -> dict[str, Plain]:
    """Versions of installed packages; one that goes by another name here is left out."""
    found: dict[str, Plain] = {}
    for name in packages:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
