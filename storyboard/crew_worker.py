"""What a crew on Ray runs in other processes: a `Here` of its own that takes assignments and says what becomes of them.

Nothing of Ray is in it: whoever calls a method is elsewhere, and `shoot` is a stream. May import what stands above
`crew_worker` in the layout.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import metadata
from typing import Any, Final

from storyboard.crew import Here, Lost, Word
from storyboard.engines import spec_of
from storyboard.engines.base import Assignment
from storyboard.engines.choice import EngineUse
from storyboard.errors import ShotError, StoryboardError

_HEAR: Final = 0.05
"""Seconds between two looks of a worker at whether it shall stop."""
_LOG: Final = logging.getLogger("storyboard")


@dataclass(frozen=True, slots=True)
class Said:
    """What an engine logged while it shot."""

    text: str


@dataclass(frozen=True, slots=True)
class Sent:
    """An engine as one scene uses it, for another process, which knows its spec by name."""

    name: str
    rest: Mapping[str, Any]

    @classmethod
    def of(cls, use: EngineUse) -> Sent:
        return cls(use.spec.name, {each.name: getattr(use, each.name) for each in fields(use) if each.name != "spec"})

    def use(self) -> EngineUse:
        """Raises KeyError where there is no such engine, EngineUnavailable."""
        return EngineUse(spec_of(self.name, internal=True), **self.rest)


class Worker:
    """Shoots what it is given, one shot or one batch at a time."""

    def __init__(self, patience: float | None = None) -> None:
        self._here = Here(patience)
        self._stop = threading.Event()
        self._said: deque[str] = deque()
        _LOG.addHandler(_Keeping(self._said))
        _LOG.propagate = False

    def version(self) -> str:
        """Of storyboard: keys mean the same only to one and the same."""
        return metadata.version("storyboard")

    def process(self) -> int:
        """Its number where it runs."""
        return os.getpid()

    def shoot(
        self, sent: Sent, assignments: Sequence[Assignment], texts: Sequence[tuple[Sent, str]]
    ) -> Iterator[Word | Said]:
        """What happens, until each shot is delivered or lost, or `stop` is called. `texts` is what will be read, as far
        as that is news."""
        self._stop.clear()
        try:
            use = sent.use()
            self._here.expect((each.use(), text) for each, text in texts)
        except (KeyError, StoryboardError) as error:
            lost = ShotError(f"engine `{sent.name}` is not known where it shall run: {error}", "install it there too")
            yield from (Lost(each.shot, lost) for each in assignments)
            return
        self._here.submit(use, assignments)
        while not self._here.free:
            if self._stop.is_set():
                self._here.cancel()
                return
            word = self._here.wait(_HEAR)
            while self._said:
                yield Said(self._said.popleft())
            if word is not None:
                yield word

    def stop(self) -> None:
        """Called while `shoot` is under way: it ends at the engine's next step."""
        self._stop.set()


class _Keeping(logging.Handler):
    """Keeps what is logged, to be said where somebody reads it."""

    def __init__(self, said: deque[str]) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())
