"""Small films for tests: written, shot and read back with the real parts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from storyboard.breakdown import break_down
from storyboard.crew import Here
from storyboard.cut import Cut, Strip, assemble
from storyboard.events import ShotDone, ShotEvent, ShotFailed, ShotFound, ShotNotAttempted
from storyboard.plan import Plan, make_plan
from storyboard.render import render
from storyboard.screenplay import loads
from storyboard.shots import Breakdown
from storyboard.vault import Take, Vault

SMALL = {"width": 96, "height": 54, "rate": 8}


def screenplay(scenes: list[dict[str, object]], **film: object) -> dict[str, object]:
    """A screenplay as data, small and drawn by `animatic` unless told otherwise."""
    return {"engine": "animatic", "format": SMALL, **film, "scenes": scenes}


def scene(name: str, seconds: object = 1, **fields: object) -> dict[str, object]:
    """A scene with a prompt, unless it is a card or own footage."""
    prompt = {} if fields.keys() & {"card", "footage", "prompt"} else {"prompt": f"This is {name}."}
    return {"id": name, "duration": seconds, **prompt, **fields}


class Spelled(yaml.SafeDumper):
    """Writes everything out: screenplays have no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def text_of(data: Mapping[str, object]) -> str:
    return yaml.dump(dict(data), Dumper=Spelled, sort_keys=False)


def broken_down(data: Mapping[str, object], folder: Path = Path()) -> Breakdown:
    return break_down(loads(text_of(data), name="film.yaml", folder=folder))


@dataclass
class Result:
    """What a render did."""

    plan: Plan
    events: list[ShotEvent]
    takes: dict[str, Take]

    @property
    def shot(self) -> list[str]:
        """Ids of the shots that were really shot, in the order in which they were done."""
        return [event.shot.id for event in self.events if isinstance(event, ShotDone)]

    @property
    def failed(self) -> list[str]:
        return [event.shot.id for event in self.events if isinstance(event, ShotFailed)]

    @property
    def not_attempted(self) -> list[str]:
        return [event.shot.id for event in self.events if isinstance(event, ShotNotAttempted)]


Planner = Callable[[Breakdown, Vault], Plan]


def shoot(breakdown: Breakdown, vault: Vault, planner: Planner = make_plan) -> Result:
    """Plan and render with a crew of its own."""
    plan = planner(breakdown, vault)
    crew = Here()
    try:
        events = list(render(plan, vault, crew))
    finally:
        crew.close()
    takes = plan.takes | {event.shot.id: event.take for event in events if isinstance(event, ShotDone | ShotFound)}
    return Result(plan, events, takes)


def shown(cut: Cut, takes: Mapping[str, Take]) -> list[tuple[object, ...]]:
    """What each film frame shows before encoding, as digests and weights: equal lists are equal films."""
    by_key = {take.key: take for take in takes.values()}

    def digest(strip: Strip | None, frame: int) -> str | None:
        return by_key[strip.key].frames[strip.frames[frame]] if strip else None

    film: list[tuple[object, ...]] = []
    for edit in cut.edits:
        for frame in range(len(edit)):
            over = digest(edit.strip, frame)
            mix = edit.mix
            film.append((over,) if mix is None else (over, digest(mix.under, frame), *mix.weights(frame)))
    return film


def film_of(breakdown: Breakdown, vault: Vault, takes: Mapping[str, Take]) -> list[tuple[object, ...]]:
    return shown(assemble(breakdown, vault, takes=takes), takes)


def decoded(movie: Path) -> NDArray[np.uint8]:
    """All frames of a movie, uint8 RGB [n, h, w, 3], by a reader of its own."""
    import av

    with av.open(str(movie)) as container:
        frames = [
            frame.to_ndarray(format="rgb24", src_colorspace="itu709", dst_colorspace="itu709")
            for frame in container.decode(video=0)
        ]
    return np.stack(frames)


def storyboard(*arguments: object, cwd: Path | None = None, check: int | None = 0) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own; `check` is the exit code that must come."""
    done = subprocess.run(
        [sys.executable, "-m", "storyboard", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=300
    )
    assert check is None or done.returncode == check, (done.returncode, done.stdout, done.stderr)
    return done
