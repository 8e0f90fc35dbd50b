"""Saves of a screenplay -> renders of its film: each time that it or a file that it names changes.

The shot in hand is cancelled if the film no longer wants it as it is, and goes on if it does; engines stay open. A text
that has faults, such as one that is half saved, is shown and waited out. The files are looked at a few times a second:
that works on every system and every mounted folder, and there are few of them. May import what stands above `watch` in
the layout.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from storyboard.crew import Delivered, Stepped
from storyboard.digest import Digest, digest_file
from storyboard.errors import ScreenplayError, StoryboardError
from storyboard.events import Event, FilmEncoding, ShotDone, ShotRefused, ShotStarted
from storyboard.film import produce, resident
from storyboard.source import Data, read_text, scan_source

if TYPE_CHECKING:
    from storyboard.crew import Crew, Word
    from storyboard.engines.base import Assignment
    from storyboard.engines.choice import EngineUse
    from storyboard.film import Production

LOOK: Final = 0.3
"""Seconds between two looks at the files."""
_LONGEST_NAME: Final = 1024
_NAMES: Final = frozenset({"image", "file", "reference"})


@dataclass(frozen=True, slots=True)
class FilmWatched:
    """There is nothing to do until one of these files changes; the screenplay is the first."""

    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class FilmFaulty:
    """The film cannot be rendered as it is now; the next change may mend it."""

    error: StoryboardError


@dataclass(frozen=True, slots=True)
class FilmChanged:
    """The film is planned anew. These shots were cancelled, because it no longer wants them as they were."""

    cancelled: tuple[str, ...]


Show = Callable[[Event | FilmWatched | FilmFaulty | FilmChanged], None]


def watch(screenplay: Path, plan: Callable[[], Production], show: Show, crew: Crew | None = None) -> NoReturn:
    """Render the film that `plan` prepares, now and after every change, until interrupted.

    `show` is called with all that happens, in this thread; what is wrong with the film is shown too. Raises
    CommandError where there is no screenplay to begin with.
    """
    with suppress(ScreenplayError):
        read_text(screenplay)
    files = Files(screenplay)
    with resident(crew) as those:
        while True:
            turn = _Turn(files, plan, show, those)
            if turn.finished():
                show(FilmWatched(files.paths))
                while not files.changed():
                    time.sleep(LOOK)


class _Overtaken(Exception):
    """Nothing that is in hand is wanted any more."""


class _Turn:
    """One render, until it is done or overtaken. It is the crew that the render sees, and looks at the files while it
    waits for the real one."""

    def __init__(self, files: Files, plan: Callable[[], Production], show: Show, crew: Crew) -> None:
        self.files, self.plan, self.show, self.crew = files, plan, show, crew
        self.in_hand: dict[str, str] = {}
        """Keys of the shots that are being shot."""
        self.storing: set[str] = set()
        """Shots that were delivered, and whose takes are not there yet."""
        self.changed = self.faulty = False
        self.looked = time.monotonic()

    def finished(self) -> bool:
        """Render; whether the next change has to be waited for."""
        try:
            production = self.plan()
            with closing(produce(production, self)) as events:
                for event in events:
                    self.hear(event)
        except _Overtaken:
            if not self.faulty:
                self.show(FilmChanged(tuple(self.in_hand)))
        except StoryboardError as error:
            self.show(FilmFaulty(error))
        return self.faulty or not self.changed

    def hear(self, event: Event) -> None:
        if isinstance(event, ShotStarted):
            self.in_hand[event.shot.id] = event.key
        elif isinstance(event, ShotDone | ShotRefused):
            self.storing.discard(event.shot.id)
        self.show(event)
        if isinstance(event, FilmEncoding):
            self.look()
        if self.changed and not self.in_hand and not isinstance(event, FilmEncoding):
            raise _Overtaken

    def look(self) -> None:
        """Look at the files, if it is time to. Raises _Overtaken.

        Not while a take is being stored: what goes on from it cannot be planned until it is there.
        """
        if self.storing or time.monotonic() - self.looked < LOOK:
            return
        self.looked = time.monotonic()
        if not self.files.changed():
            return
        self.changed = True
        try:
            wanted: set[str] = {planned.slate.key for planned in self.plan().plan if planned.slate}
        except StoryboardError as error:
            self.faulty = True
            self.show(FilmFaulty(error))
            wanted = set(self.in_hand.values())
        else:
            self.faulty = False
        if wanted.isdisjoint(self.in_hand.values()):
            raise _Overtaken

    # What a render asks of a crew

    @property
    def hands(self) -> int:
        return self.crew.hands

    @property
    def free(self) -> Sequence[int]:
        return () if self.changed else self.crew.free  # nothing more is begun of what is about to be planned anew

    def expect(self, texts: Iterable[tuple[EngineUse, str]]) -> None:
        self.crew.expect(texts)

    def submit(self, use: EngineUse, assignments: Sequence[Assignment], hand: int = 0) -> None:
        self.crew.submit(use, assignments, hand)

    def wait(self, seconds: float) -> Word | None:
        word = self.crew.wait(seconds)
        if word is None or isinstance(word, Stepped):  # what was delivered is kept first
            self.look()
        else:
            self.in_hand.pop(word.shot, None)
            if isinstance(word, Delivered):
                self.storing.add(word.shot)
        return word

    def cancel(self) -> None:
        self.crew.cancel()

    def close(self) -> None:
        """The crew outlives the render."""


class Files:
    """A screenplay and the files that it names, and what was in them when they were last at rest."""

    def __init__(self, screenplay: Path) -> None:
        self.screenplay = screenplay
        self.paths: tuple[Path, ...] = (screenplay,)
        self.paths = self._named()
        self._stamps = self._look()
        self._seen = self._digests()
        self._restless = False

    def changed(self) -> bool:
        """Whether there is other content than before; not while it is still being written."""
        before, self._stamps = self._stamps, self._look()
        if before != self._stamps or not self._restless:
            self._restless = before != self._stamps
            return False
        self._restless = False
        self.paths = self._named()
        self._stamps = self._look()
        seen, self._seen = self._seen, self._digests()
        return seen != self._seen

    def _look(self) -> dict[Path, tuple[int, int, int] | None]:
        return {path: _stamp(path) for path in self.paths}

    def _digests(self) -> dict[Path, Digest | None]:
        return {path: _digest(path) for path in self.paths}

    def _named(self) -> tuple[Path, ...]:
        """The screenplay, and all files that it names; those that it named before where it cannot be read."""
        try:
            source, _ = scan_source(read_text(self.screenplay), str(self.screenplay))
        except StoryboardError:
            return self.paths
        folder = self.screenplay.parent
        found = (folder / name for name in _names(source.data, folder))
        return tuple(dict.fromkeys([self.screenplay, *found]))


def _names(data: Data, folder: Path, field: str = "") -> Iterator[str]:
    """All that looks like a file in what a screenplay says: named as one, or the name of one that is there."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _names(value, folder, name)
    elif isinstance(data, list):
        for value in data:
            yield from _names(value, folder, field)
    elif isinstance(data, str) and 0 < len(data) <= _LONGEST_NAME:
        with suppress(OSError, ValueError):
            if field in _NAMES or (folder / data).is_file():
                yield data


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return None
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def _digest(path: Path) -> Digest | None:
    try:
        return digest_file(path)
    except (OSError, ValueError):
        return None
