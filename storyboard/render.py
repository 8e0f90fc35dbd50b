"""A plan -> takes in the vault, told as a stream of events. `callsheet` decides in what order; `plan` decided whether.

Each shot that is not a hit is keyed when all that conditions it is there, looked up, locked, looked up again, and shot.
What is refused is keyed anew, and so on.

    the crew     | a/1      | a/2      | a/3      |          a shot begins as soon as the frames before it are delivered
    the keepers             | a/1 |    | a/2 |    | a/3 |    ... which are stored meanwhile

A take is in the vault before anything is said of it. Who is killed loses at most what was in hand and what was being
stored: two shots, where one is shot at a time.
May import what stands above `render` in the layout.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from storyboard.attempts import Attempt, attempt_at, flaw_in
from storyboard.callsheet import CallSheet, Turn, entries_of
from storyboard.crew import Crew, Delivered, Dropped, Stepped, Word
from storyboard.digest import Digest, Plain, digest_frame
from storyboard.engines import INTERNAL
from storyboard.engines.base import Assignment
from storyboard.errors import ShotError, StoryboardError
from storyboard.events import (
    ShotAgain,
    ShotDone,
    ShotElsewhere,
    ShotEvent,
    ShotFailed,
    ShotFound,
    ShotNotAttempted,
    ShotRefused,
    ShotStarted,
    ShotStepped,
)
from storyboard.footage import Footage, probe_image, read_image, resample
from storyboard.plan import Plan
from storyboard.scopes import Flaw, flaw_of
from storyboard.shots import FrameRef, Shot, Still
from storyboard.timing import round_half_up
from storyboard.vault import Refusal, Take, Vault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POLL: Final = 0.1
"""Seconds between two looks at what other processes shoot."""
POLL_STORING: Final = 0.01
"""Seconds between two looks at whether a take is in the vault by now."""
MOST_TRIES: Final = 3
"""How often a shot is begun whose hands are lost."""


def render(plan: Plan, vault: Vault, crew: Crew, *, only: frozenset[str] | None = None) -> Iterator[ShotEvent]:
    """Shoot what is missing; `only` names the shots to look at, with all that they need (see `needed_for`).

    Yields what happens, as it happens. A shot that fails leaves its descendants not attempted and the rest of the film
    untouched. Closing the iterator, or an exception in it, stops the crew and gives back all locks.
    """
    with vault.in_use():
        work = _Rendering(plan, vault, crew, only)
        crew.expect((shot.engine, text) for shot in work.todo.values() for text in texts_of(shot))
        try:
            while work.sheet.left or work.storing:
                yield from work.hand_out()
                word = crew.wait(work.patience)
                if word is not None:
                    yield from work.hear(word)
                yield from work.stored()
        finally:
            crew.cancel()
            work.close()


def texts_of(shot: Shot) -> tuple[str, ...]:
    """What its engine reads."""
    return (shot.prompt, shot.negative) if shot.engine.capabilities.negative else (shot.prompt,)


@dataclass(frozen=True, slots=True)
class _InHand:
    """A shot that the crew has."""

    shot: Shot
    attempt: Attempt
    lock: ExitStack
    turn: Turn


class _Digests:
    """The digest of each of these frames, [n, height, width, 3], found when it is asked for: few of them are."""

    def __init__(self, frames: NDArray[np.uint8]) -> None:
        self._frames = frames

    def __getitem__(self, index: int) -> Digest:
        return digest_frame(self._frames[index])


@dataclass(frozen=True, slots=True, eq=False)
class _Unstored:
    """Footage that was delivered and whose take is not in the vault yet: it conditions other shots all the same."""

    footage: Footage

    @property
    def frames(self) -> _Digests:
        return _Digests(self.footage.frames)

    @property
    def width(self) -> int:
        return int(self.footage.frames.shape[2])

    @property
    def height(self) -> int:
        return int(self.footage.frames.shape[1])


class _Rendering:
    """One render under way."""

    def __init__(self, plan: Plan, vault: Vault, crew: Crew, only: frozenset[str] | None) -> None:
        self.plan, self.vault, self.crew = plan, vault, crew
        self.takes: dict[str, Take | _Unstored] = {**plan.takes, **plan.heads}
        shots = plan.breakdown.shots
        self.todo = {
            name: shot for name, shot in shots.items() if name not in self.takes and (only is None or name in only)
        }
        self.sheet = CallSheet(entries_of(plan.shots[name] for name in self.todo), crew.hands)
        self.shooting: dict[str, _InHand] = {}
        self.storing: dict[Future[Take | Refusal], tuple[_InHand, Delivered]] = {}
        self.tries: dict[str, int] = {}
        self.told_elsewhere: set[str] = set()
        self.locks = ExitStack()
        self.keepers = ThreadPoolExecutor(crew.hands, "storing")
        """Who stores takes while the crew goes on."""

    @property
    def patience(self) -> float:
        """Seconds until there is something to look at besides what the crew has to say."""
        return POLL_STORING if self.storing else POLL if self.sheet.left else 0

    @property
    def keeping(self) -> int:
        """How many turns' footage is being stored, each of one shot or of several together."""
        return len({each.turn for each, _ in self.storing.values()})

    def close(self) -> None:
        """What is being stored is stored."""
        self.keepers.shutdown()
        self.locks.close()

    def hand_out(self) -> Iterator[ShotEvent]:
        """Begin every shot that can begin now; none while more than the crew can have in hand is still to be stored."""
        self.sheet.resume()
        while self.keeping <= self.crew.hands and (turn := self.sheet.next(self.crew.free)):
            begun: list[Assignment] = []
            for name in turn.shots:
                yield from self.take_up(self.todo[name], turn, begun)
            if begun:
                self.crew.submit(self.shooting[begun[0].shot].shot.engine, begun, turn.hand)
                for each in (self.shooting[assignment.shot] for assignment in begun):
                    yield ShotStarted(each.shot, each.attempt.slate.key, self.plan.shots[each.shot.id].seconds)

    def take_up(self, shot: Shot, turn: Turn, begun: list[Assignment]) -> Iterator[ShotEvent]:
        """Find its take, or lock its key and add it to those to be begun, unless someone else shoots it or there is no
        attempt left."""
        attempt = attempt_at(shot, self.takes, self.vault)
        while attempt.take is None and not attempt.is_last_refused:
            lock = ExitStack()
            if not lock.enter_context(self.vault.locked(attempt.slate.key, wait=False)):
                lock.close()
                self.sheet.defer(shot.id)
                if shot.id not in self.told_elsewhere:
                    self.told_elsewhere.add(shot.id)
                    yield ShotElsewhere(shot)
                return
            now = attempt_at(shot, self.takes, self.vault)
            if now.take is None and now.slate == attempt.slate and not now.is_last_refused:
                yield from self.begin(_InHand(shot, now, lock, turn), begun)
                return
            lock.close()
            attempt = now
        if attempt.take is None:
            yield from self.fail(shot, attempt.error(shot))
            return
        self.complete(shot.id, attempt.take)
        yield ShotFound(shot, attempt.take)

    def begin(self, each: _InHand, begun: list[Assignment]) -> Iterator[ShotEvent]:
        """Add a shot whose key is locked to those to be begun."""
        self.locks.push(each.lock)
        try:
            begun.append(self.assignment(each.shot, each.attempt.slate.seed))
        except StoryboardError as error:
            each.lock.close()
            yield from self.fail(each.shot, error)
            return
        self.shooting[each.shot.id] = each

    def assignment(self, shot: Shot, seed: int) -> Assignment:
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
            seed=seed,
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
        parts = [self.shown(self.takes[giver], frames) for giver, frames in runs]
        return np.concatenate([resample(part, use.width, use.height, "cover") for part in parts])

    def shown(self, take: Take | _Unstored, frames: Sequence[int]) -> NDArray[np.uint8]:
        if isinstance(take, _Unstored):
            return take.footage.frames[list(frames)]
        return self.vault.frames(take, frames)

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
        if isinstance(word, Stepped):
            yield ShotStepped(self.shooting[word.shot].shot, word.step, word.steps)
            return
        each = self.shooting.pop(word.shot)
        if isinstance(word, Delivered):
            if not each.shot.retries:  # else it may be refused yet
                self.takes[word.shot] = _Unstored(word.footage)
                self.sheet.done(word.shot)
            self.storing[self.keepers.submit(self.keep, each, word)] = (each, word)
            return
        each.lock.close()
        tries = self.tries[word.shot] = self.tries.get(word.shot, 1) + 1
        if isinstance(word, Dropped) and tries <= MOST_TRIES:
            self.sheet.again(word.shot, shun=each.turn.hand)
            yield ShotAgain(each.shot, word.error, tries)
        else:
            yield from self.fail(each.shot, word.error)

    def stored(self) -> Iterator[ShotEvent]:
        """Tell of the takes that are in the vault now. Raises VaultError where one cannot be stored."""
        for future in [future for future in self.storing if future.done()]:
            each, word = self.storing.pop(future)
            each.lock.close()
            kept, shot = future.result(), each.shot
            if isinstance(kept, Refusal):
                self.sheet.again(shot.id)
                yield ShotRefused(shot, kept.key, Flaw(kept.flaw), len(each.attempt.refused) + 1, each.attempt.of)
                continue
            self.complete(shot.id, kept)
            shown = word.footage.frames[shot.visible.start : shot.visible.stop]
            yield ShotDone(shot, kept, word.seconds, None if shot.engine.spec.name in INTERNAL else flaw_of(shown))

    def keep(self, each: _InHand, word: Delivered) -> Take | Refusal:
        """Store what was delivered, or only what is wrong with it."""
        begun, shot, slate = time.perf_counter(), each.shot, each.attempt.slate
        flaw = flaw_in(shot, word.footage.frames)
        made = _made(each, word) | ({"flaw": flaw.value} if flaw else {})
        kept: Take | Refusal | None = None
        if flaw is not None:
            kept = Refusal(slate.key, slate.plain(), flaw.value, made)
            self.vault.refuse(kept)
        if kept is None or not shot.retries:
            kept = self.vault.put(slate.key, slate.plain(), word.footage, made)
        self.vault.note_timing(shot.engine.group, shot.frames, word.seconds)
        self.vault.note_timing(shot.engine.storing, shot.frames, time.perf_counter() - begun)
        return kept

    def complete(self, name: str, take: Take) -> None:
        self.takes[name] = take
        del self.todo[name]
        self.sheet.done(name)

    def fail(self, shot: Shot, error: StoryboardError) -> Iterator[ShotEvent]:
        """The shot and all that waits on it leave the render."""
        del self.todo[shot.id]
        yield ShotFailed(shot, error)
        for lost in self.sheet.fail(shot.id):
            yield ShotNotAttempted(self.todo.pop(lost), shot.id)


def _made(each: _InHand, word: Delivered) -> dict[str, Plain]:
    """How, when and on what it was shot."""
    made: dict[str, Plain] = {
        "engine": each.shot.engine.spec.name,
        "seconds": round(word.seconds, 3),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        **word.made,
    }
    refused = each.attempt.refused
    return made | ({"refused": [refusal.key for refusal in refused]} if refused else {})


def _fitted(still: Still, size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the whole picture, scaled to reach as far as it can in `size`. Raises ShotError."""
    try:
        width, height = probe_image(still.path)
    except ValueError as error:
        raise ShotError(str(error), "give a whole picture, saved as PNG or JPEG") from error
    scale = min(Fraction(size[0], width), Fraction(size[1], height))
    return max(1, round_half_up(width * scale)), max(1, round_half_up(height * scale))
