"""Events -> lines for people, plain data for programs. One event, one line, one object.

A render with nothing to do tells its events too: so this imports nothing of what reads screenplays and plans them. May
import what stands above `telling` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from storyboard.events import (
    Event,
    FilmDone,
    FilmEncoding,
    FilmPlanned,
    FilmSpliced,
    FilmStopped,
    LockNotKept,
    SeamMeasured,
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
from storyboard.excerpt import printable


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


def named(names: Iterable[str], most: int = 5) -> str:
    """Names in backticks; of many, the first."""
    shown = [f"`{name}`" for name in names]
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")


def price_text(shots: int, frames: int, seconds: float | None) -> str:
    """`14 shots, 112 frames, about 12 s`; at most so many, where some may turn out to be there."""
    about = f", about {seconds_text(seconds)}" if seconds is not None and shots else ""
    return f"{counted(shots, 'shot')}, {counted(frames, 'frame')}{about}"


def event_line(event: Event) -> str | None:
    """One line for one event; None for what only bars show."""
    match event:
        case FilmPlanned():
            return planned_line(event)
        case FilmEncoding():
            return None
        case SeamMeasured():
            return seam_line(event)
        case FilmSpliced(splices, shots, frames, seconds):
            what = f"film: contains {counted(len(splices), 'splice')}, at {named(splices)}"
            return f"{what}; shooting through with `--ripple`: {price_text(shots, frames, seconds)}"
        case LockNotKept(lock, reason):
            return f"film: cannot write `{lock}`: {reason}; so nothing can be spliced into it later"
        case FilmStopped(failed, not_attempted):
            rest = f", {len(not_attempted)} not attempted" if not_attempted else ""
            lost = f"{counted(len(failed), 'shot')} failed{rest}"
            return f"film: {lost}; finished takes are kept, the movie was left as it was"
        case FilmDone(_, frames, seconds, changed):
            return f"film: {counted(frames, 'frame')} in {seconds_text(seconds)}{'' if changed else ', nothing to do'}"
        case _:
            return shot_line(event)


def shot_line(event: ShotEvent) -> str | None:
    """One line for what happened to a shot; None for its steps."""
    match event:
        case ShotStarted(shot, _, seconds):
            about = f", about {seconds_text(seconds)}" if seconds is not None else ""
            return f"shot `{shot.id}`: shooting {shot.frames} frames on `{shot.engine.spec.name}`{about}"
        case ShotDone(shot, _, seconds, flaw):
            what = f"; all of it is {flaw.value}: another `take` has another seed" if flaw else ""
            return f"shot `{shot.id}`: done in {seconds_text(seconds)}{what}"
        case ShotRefused(shot, _, flaw, attempt, of):
            return f"shot `{shot.id}`: attempt {attempt} of {of} refused: all of it is {flaw.value}"
        case ShotFound(shot, _):
            return f"shot `{shot.id}`: its take is there already"
        case ShotElsewhere(shot):
            return f"shot `{shot.id}`: another render is shooting it; waiting"
        case ShotAgain(shot, error, tries):
            return f"shot `{shot.id}`: shooting it again, try {tries}: {printable(error.message)}"
        case ShotFailed(shot, error):
            hint = f"\n  hint: {printable(error.hint)}" if error.hint else ""
            return f"shot `{shot.id}`: failed: {printable(error.message)}{hint}"
        case ShotNotAttempted(shot, waits_on):
            return f"shot `{shot.id}`: not attempted, waits on `{waits_on}`"
        case ShotStepped():
            return None
        case _:
            assert_never(event)


def planned_line(planned: FilmPlanned) -> str:
    """`plan: 3 to shoot, 2 waiting, 5 there; about 12 s`."""
    known = [seconds for seconds in planned.seconds.values() if seconds is not None]
    about = f"; about {seconds_text(sum(known))}" if known and len(known) == len(planned.seconds) else ""
    return f"plan: {planned.miss} to shoot, {planned.waiting} waiting, {planned.hit} there{about}"


def seam_line(seam: SeamMeasured) -> str:
    """How a splice joins what is beside it, and what else can be done where that is rough."""
    figure = "cannot be measured" if seam.ratio is None else f"{seam.ratio:.2f} times the motion beside it"
    line = f"seam `{seam.before}` | `{seam.after}`: {figure}{', beside a take that stayed' if seam.stays else ''}"
    if not seam.rough:
        return line
    other = "take `hold` out to shoot it again" if seam.held else "`--ripple` shoots through instead"
    return f"{line}; that is rough: {other}"


def event_plain(event: Event) -> dict[str, object]:
    """An event as plain data: its name in `event`, shots by id."""
    match event:
        case FilmPlanned(miss, waiting, hit, _):
            return {"event": "planned", "summary": {"hit": hit, "miss": miss, "waiting": waiting}}
        case FilmEncoding(done, total):
            return {"event": "encoding", "done": done, "total": total}
        case SeamMeasured():
            return seam_plain(event)
        case FilmSpliced(splices, shots, frames, seconds):
            return {"event": "spliced", "splices": list(splices), "ripple": price_plain(shots, frames, seconds)}
        case LockNotKept(lock, reason):
            return {"event": "lock not kept", "lock": str(lock), "reason": reason}
        case FilmStopped(failed, not_attempted):
            return {"event": "stopped", "failed": list(failed), "not_attempted": list(not_attempted)}
        case FilmDone(movie, frames, seconds, changed):
            spent = round(seconds, 3)
            return {"event": "film", "movie": str(movie), "frames": frames, "seconds": spent, "changed": changed}
        case _:
            return shot_plain(event)


def shot_plain(event: ShotEvent) -> dict[str, object]:
    """What happened to a shot as plain data."""
    match event:
        case ShotStarted(shot, key, seconds):
            return {"event": "started", "shot": shot.id, "key": key, "estimate_seconds": seconds}
        case ShotStepped(shot, step, steps):
            return {"event": "step", "shot": shot.id, "step": step, "steps": steps}
        case ShotDone(shot, take, seconds, flaw):
            told = {"event": "done", "shot": shot.id, "key": take.key, "seconds": round(seconds, 3)}
            return told | ({"flaw": flaw.value} if flaw else {})
        case ShotRefused(shot, key, flaw, attempt, of):
            told = {"event": "refused", "shot": shot.id, "key": key, "flaw": flaw.value}
            return told | {"attempt": attempt, "of": of}
        case ShotFound(shot, take):
            return {"event": "found", "shot": shot.id, "key": take.key}
        case ShotElsewhere(shot):
            return {"event": "elsewhere", "shot": shot.id}
        case ShotAgain(shot, error, tries):
            return {"event": "again", "shot": shot.id, "message": error.message, "try": tries}
        case ShotFailed(shot, error):
            return {"event": "failed", "shot": shot.id, "message": error.message, "hint": error.hint}
        case ShotNotAttempted(shot, waits_on):
            return {"event": "not attempted", "shot": shot.id, "waits_on": waits_on}
        case _:
            assert_never(event)


def seam_plain(seam: SeamMeasured) -> dict[str, object]:
    """A seam as plain data. `ratio` is null where it cannot be measured or has no bound."""
    ratio = round(seam.ratio, 3) if seam.ratio is not None and seam.ratio < float("inf") else None
    sides = {"before": seam.before, "after": seam.after}
    return {"event": "seam", **sides, "ratio": ratio, "stays": seam.stays, "rough": seam.rough}


def price_plain(shots: int, frames: int, seconds: float | None) -> dict[str, object]:
    """What something would shoot, as plain data."""
    return {"shots": shots, "frames": frames, "estimate_seconds": seconds}
