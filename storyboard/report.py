"""Events -> what a person or a program reads: lines, bars, JSON.

Data goes to stdout, everything else to stderr, both by whoever calls. rich is imported only for bars on a terminal.
May import what stands above `report` in the layout.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, TextIO

from storyboard.events import (
    Event,
    FilmEncoding,
    FilmPlanned,
    ShotAgain,
    ShotDone,
    ShotFailed,
    ShotFound,
    ShotNotAttempted,
    ShotRefused,
    ShotStarted,
    ShotStepped,
)
from storyboard.excerpt import printable
from storyboard.telling import event_line, event_plain, seconds_text

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from storyboard.blame import Credit
    from storyboard.errors import Fault
    from storyboard.screenplay import Screenplay


class Reporter(Protocol):
    """Shows events as they come; closed at the end, whatever the end."""

    def show(self, event: Event) -> None: ...

    def close(self) -> None: ...


def notice_lines(screenplay: Screenplay, notices: Iterable[Fault]) -> Iterator[str]:
    """What the author should know though nothing is wrong, each with its place."""
    source = screenplay.source
    for notice in source.ordered(notices):
        line, column = source.position(notice)
        hint = f" ({printable(notice.hint)})" if notice.hint else ""
        yield f"{printable(source.name)}:{line}:{column}: note: {printable(notice.message)}{hint}"


class Lines:
    """One line per event, for logs and pipes."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def show(self, event: Event) -> None:
        if line := event_line(event):
            print(line, file=self._out, flush=True)

    def close(self) -> None:
        pass


class Bars:
    """A bar for the film and one for the shot in hand, with the time that is left."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._stack = ExitStack()
        self._bars: Progress | None = None
        self._film: TaskID | None = None
        self._movie: TaskID | None = None
        self._shots: dict[str, tuple[TaskID, float]] = {}
        """The bars of the shots in hand, and when each was begun."""
        self._ahead: dict[str, float] = {}
        self._left = 0.0
        """Seconds: of the estimates in `_ahead`, the sum."""

    def show(self, event: Event) -> None:
        if isinstance(event, FilmPlanned) and event.seconds:
            self._plan(event, self._open())
        elif isinstance(event, FilmEncoding):
            self._encode(event, self._open())
        elif self._bars is not None:
            self._advance(event, self._bars)
        if isinstance(event, ShotStarted) or not (line := event_line(event)):
            return
        if self._bars is None:
            print(line, file=self._out, flush=True)
        else:
            self._bars.console.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        self._stack.close()
        self._bars = None

    def _open(self) -> Progress:
        """The bars, from when there is something to be seen on them."""
        if self._bars is not None:
            return self._bars
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        shown = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
        )
        # stdout is the caller's: rich would write what is printed there to the terminal of the bars.
        bars = Progress(*shown, console=Console(file=self._out), transient=True, redirect_stdout=False)
        self._bars = self._stack.enter_context(bars)
        return self._bars

    def _plan(self, planned: FilmPlanned, bars: Progress) -> None:
        self._film = bars.add_task("film", total=len(planned.seconds), left="")
        self._ahead = {shot: seconds for shot, seconds in planned.seconds.items() if seconds is not None}
        self._left = sum(self._ahead.values())

    def _encode(self, event: FilmEncoding, bars: Progress) -> None:
        if self._movie is None:
            self._movie = bars.add_task("movie", total=event.total, left="")
        bars.update(self._movie, completed=event.done, total=event.total)

    def _advance(self, event: Event, bars: Progress) -> None:
        if isinstance(event, ShotStarted):
            self._shots[event.shot.id] = (bars.add_task(event.shot.id, total=None, left=""), time.monotonic())
        elif isinstance(event, ShotStepped) and event.step and event.shot.id in self._shots:
            shot, begun = self._shots[event.shot.id]
            left = (time.monotonic() - begun) / event.step * (event.steps - event.step)
            bars.update(shot, completed=event.step, total=event.steps, left=f"{seconds_text(left)} left")
        elif isinstance(event, ShotRefused | ShotAgain):
            self._close(event.shot.id, bars)
        elif isinstance(event, ShotDone | ShotFound | ShotFailed | ShotNotAttempted) and self._film is not None:
            self._close(event.shot.id, bars)
            self._left -= self._ahead.pop(event.shot.id, 0.0)
            ahead = f"about {seconds_text(self._left)} left" if self._ahead else ""
            bars.update(self._film, advance=1, left=ahead)

    def _close(self, shot: str, bars: Progress) -> None:
        if shot in self._shots:
            bars.remove_task(self._shots.pop(shot)[0])


class JsonLines:
    """One object a line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def show(self, event: Event) -> None:
        print(json.dumps(event_plain(event)), file=self._out, flush=True)

    def close(self) -> None:
        pass


def credit_plain(credit: Credit) -> dict[str, object]:
    """What a frame of a movie was made from, as plain data; a transition's other picture under `mixed_with`."""
    plain: dict[str, object] = {
        "film_frame": credit.film_frame,
        "seconds": float(credit.seconds),
        "scene": credit.scene,
        "line": credit.line,
        "shot": credit.shot,
        "prompt": credit.prompt,
        "engine": credit.engine,
        "seed": credit.seed,
        "key": credit.key,
        "take_frame": credit.take_frame,
    }
    if mix := credit.mixed_with:
        under, over = mix.weights
        plain["mixed_with"] = {
            "kind": mix.kind.value,
            "shot": mix.shot,
            "key": mix.key,
            "take_frame": mix.take_frame,
            "weights": [str(under), str(over)],
        }
    return plain


def columns(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Rows of text in aligned columns, safe to print; the last column is left as long as it is."""
    table = [tuple(printable(cell) for cell in row) for row in rows]
    widths = [max((len(cell) for cell in column), default=0) for column in zip(*table, strict=True)]
    for row in table:
        cells = [f"{cell:{width}}" for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        yield "  ".join([*cells, row[-1]]).rstrip()
