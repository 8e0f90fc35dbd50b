"""Events and plans -> what a person or a program reads: lines, bars, JSON.

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
    FilmDone,
    FilmEncoding,
    FilmPlanned,
    FilmStopped,
    ShotDone,
    ShotElsewhere,
    ShotFailed,
    ShotFound,
    ShotNotAttempted,
    ShotStarted,
    ShotStepped,
)
from storyboard.excerpt import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from storyboard.blame import Credit
    from storyboard.errors import Fault
    from storyboard.plan import Plan, Planned
    from storyboard.screenplay import Screenplay


class Reporter(Protocol):
    """Shows events as they come; closed at the end, whatever the end."""

    def show(self, event: Event) -> None: ...

    def close(self) -> None: ...


def seconds_text(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def counted(count: int, what: str) -> str:
    """`1 shot`, `2 shots`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def event_line(event: Event) -> str | None:
    """One line for one event; None for what only bars show."""
    match event:
        case FilmPlanned():
            return planned_line(event)
        case ShotStarted(shot, _, seconds):
            about = f", about {seconds_text(seconds)}" if seconds is not None else ""
            return f"shot `{shot.id}`: shooting {shot.frames} frames on `{shot.engine.spec.name}`{about}"
        case ShotDone(shot, _, seconds):
            return f"shot `{shot.id}`: done in {seconds_text(seconds)}"
        case ShotFound(shot, _):
            return f"shot `{shot.id}`: its take is there already"
        case ShotElsewhere(shot):
            return f"shot `{shot.id}`: another render is shooting it; waiting"
        case ShotFailed(shot, error):
            hint = f"\n  hint: {printable(error.hint)}" if error.hint else ""
            return f"shot `{shot.id}`: failed: {printable(error.message)}{hint}"
        case ShotNotAttempted(shot, waits_on):
            return f"shot `{shot.id}`: not attempted, waits on `{waits_on}`"
        case FilmStopped(failed, not_attempted):
            rest = f", {len(not_attempted)} not attempted" if not_attempted else ""
            lost = f"{counted(len(failed), 'shot')} failed{rest}"
            return f"film: {lost}; finished takes are kept, the movie was left as it was"
        case FilmDone(_, frames, seconds, changed):
            return f"film: {counted(frames, 'frame')} in {seconds_text(seconds)}{'' if changed else ', nothing to do'}"
        case ShotStepped() | FilmEncoding():
            return None


def notice_lines(screenplay: Screenplay, notices: Iterable[Fault]) -> Iterator[str]:
    """What the author should know though nothing is wrong, each with its place."""
    source = screenplay.source
    for notice in source.ordered(notices):
        line, column = source.position(notice)
        hint = f" ({printable(notice.hint)})" if notice.hint else ""
        yield f"{printable(source.name)}:{line}:{column}: note: {printable(notice.message)}{hint}"


def planned_line(planned: FilmPlanned) -> str:
    """`plan: 3 to shoot, 2 waiting, 5 there; about 12 s`."""
    known = [seconds for seconds in planned.seconds.values() if seconds is not None]
    about = f"; about {seconds_text(sum(known))}" if known and len(known) == len(planned.seconds) else ""
    return f"plan: {planned.miss} to shoot, {planned.waiting} waiting, {planned.hit} there{about}"


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
        elif isinstance(event, ShotDone | ShotFound | ShotFailed | ShotNotAttempted) and self._film is not None:
            if event.shot.id in self._shots:
                bars.remove_task(self._shots.pop(event.shot.id)[0])
            self._left -= self._ahead.pop(event.shot.id, 0.0)
            ahead = f"about {seconds_text(self._left)} left" if self._ahead else ""
            bars.update(self._film, advance=1, left=ahead)


class JsonLines:
    """One object a line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def show(self, event: Event) -> None:
        print(json.dumps(event_plain(event)), file=self._out, flush=True)

    def close(self) -> None:
        pass


def event_plain(event: Event) -> dict[str, object]:
    """An event as plain data: its name in `event`, shots by id."""
    match event:
        case FilmPlanned(miss, waiting, hit, _):
            return {"event": "planned", "summary": {"hit": hit, "miss": miss, "waiting": waiting}}
        case ShotStarted(shot, key, seconds):
            return {"event": "started", "shot": shot.id, "key": key, "estimate_seconds": seconds}
        case ShotStepped(shot, step, steps):
            return {"event": "step", "shot": shot.id, "step": step, "steps": steps}
        case ShotDone(shot, take, seconds):
            return {"event": "done", "shot": shot.id, "key": take.key, "seconds": round(seconds, 3)}
        case ShotFound(shot, take):
            return {"event": "found", "shot": shot.id, "key": take.key}
        case ShotElsewhere(shot):
            return {"event": "elsewhere", "shot": shot.id}
        case ShotFailed(shot, error):
            return {"event": "failed", "shot": shot.id, "message": error.message, "hint": error.hint}
        case ShotNotAttempted(shot, waits_on):
            return {"event": "not attempted", "shot": shot.id, "waits_on": waits_on}
        case FilmEncoding(done, total):
            return {"event": "encoding", "done": done, "total": total}
        case FilmStopped(failed, not_attempted):
            return {"event": "stopped", "failed": list(failed), "not_attempted": list(not_attempted)}
        case FilmDone(movie, frames, seconds, changed):
            spent = round(seconds, 3)
            return {"event": "film", "movie": str(movie), "frames": frames, "seconds": spent, "changed": changed}


def plan_plain(plan: Plan, film: str) -> dict[str, object]:
    """A whole plan as plain data, for `plan --json`."""
    from storyboard.plan import State

    breakdown = plan.breakdown
    return {
        "film": film,
        "frames": breakdown.frames,
        "rate": str(breakdown.rate),
        "shots": [_planned_plain(each) for each in plan],
        "summary": {state.value: plan.count(state) for state in State},
    }


def _planned_plain(each: Planned) -> dict[str, object]:
    return {
        "id": each.shot.id,
        "scene": each.shot.scene,
        "state": each.state.value,
        "reasons": [str(reason) for reason in each.reasons],
        "frames": each.shot.frames,
        "continues": each.shot.continues,
        "estimate_seconds": each.seconds,
    }


def plan_lines(plan: Plan, *, why: bool) -> Iterator[str]:
    """A plan for people: a line a shot, with its reasons on request, and the summary."""
    width = max(len(each.shot.id) for each in plan)
    for each in plan:
        about = f"  about {seconds_text(each.seconds)}" if each.seconds is not None else ""
        yield f"{each.state.value:7}  {each.shot.id:{width}}  {each.shot.frames:4} frames{about}"
        if why:
            yield from (f"{'':9}{printable(str(reason))}" for reason in each.reasons)
    yield planned_line(plan.told())


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
    """Rows of text in aligned columns; the last column is left as it is."""
    table = list(rows)
    widths = [max((len(cell) for cell in column), default=0) for column in zip(*table, strict=True)]
    for row in table:
        cells = [f"{cell:{width}}" for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        yield "  ".join([*cells, row[-1]]).rstrip()
