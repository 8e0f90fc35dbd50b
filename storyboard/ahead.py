"""Takes as they come -> pieces of the movie, encoded while other shots are being shot.

    with Ahead(breakdown, vault, movie) as ahead:
        for event in render(...):
            ahead.add(takes, shot)             # each edit whose takes are all there

The movie needs none of it: `conform` encodes what is not in the vault, and tells what goes wrong. May import what
stands above `ahead` in the layout.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from storyboard.cut import Cut, cut_with
from storyboard.durable import aside
from storyboard.errors import Cancelled
from storyboard.shots import Breakdown
from storyboard.vault import Take, Vault


class Ahead:
    """Encodes in a thread of its own, and works beside `movie`. Leaving it waits for the piece in hand and drops the
    others; an exception stops that one too, at its next frame."""

    def __init__(self, breakdown: Breakdown, vault: Vault, movie: Path, *, scene: str | None = None) -> None:
        self._breakdown, self._vault, self._movie, self._scene = breakdown, vault, movie, scene
        self._cuts: queue.SimpleQueue[Cut | None] = queue.SimpleQueue()
        self._last, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, takes: Mapping[str, Take], shot: str) -> None:
        """The take of a shot is there, with these others."""
        cut = cut_with(self._breakdown, takes, shot, scene=self._scene)
        if cut is None:
            return
        self._cuts.put(cut)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="ahead", daemon=True)
            self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._last.set()
        if kind is not None:
            self._stop.set()
        self._cuts.put(None)
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        from storyboard.conform_pieces import Count, Source, keys_of, takes_of
        from storyboard.encoding import ffmpeg_version

        with suppress(Exception), aside(self._movie) as folder:  # whatever it is, `conform` meets it again
            coder = ffmpeg_version()
            while (cut := self._cuts.get()) is not None and not self._last.is_set():
                takes = takes_of(cut, self._vault)
                source = Source(cut, self._vault, takes, folder, Count(self._alive, cut.frames))
                source.pieces(keys_of(cut, takes, coder), afresh=False)

    def _alive(self, done: int, total: int) -> None:
        if self._stop.is_set():
            raise Cancelled("the render was stopped")
