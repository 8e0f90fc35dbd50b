"""A chain of shots one after the other, against *anchors first*: a cheap draft of it, then all shots at once.

    serial     |a|->|b|->|c|->|d|                 each shot continues the one before
    draft      |a|->|b|->|c|->|d|                 the same in two steps: a few frames at each boundary are anchors
    anchored   |a d'b| |b'b d'c| |c' ...           every shot between the draft's tail before it and the head after it

Whether a film made so is as good is for eyes to judge, too: a sheet of both is drawn beside the figures.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.grade import FILMS
from storyboard import scopes
from storyboard.breakdown import break_down
from storyboard.crew import Delivered, Stepped
from storyboard.engines.base import Assignment
from storyboard.screenplay import loads

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from storyboard.crew import Crew
    from storyboard.engines.choice import EngineUse

    Frames = NDArray[np.uint8]

HELD = 5
"""Frames of a tail, and of a head."""
DRAFT = "[1000, 600]"
"""Timesteps of the draft: two steps, where the model was made for eight."""
VISIBLE = 23
"""Frames of each shot that the film shows: with tail and head they are the 33 of a generation."""


def anchors_first(crew: Crew, out: Path, *, small: bool) -> dict[str, Any]:
    """Wall seconds and seams of both ways; storing is in neither."""
    story = (*FILMS["a story"], *FILMS["one prompt"][:4])
    prompts, visible = (story[:3], 3) if small else (story, VISIBLE)
    best, draft = use_of("{name: pocket}"), use_of(f"{{name: pocket, schedule: {DRAFT}}}")
    shoot_all(crew, best, [assigned(best, "warm", "A bear.", 1, visible + HELD)] * 1)
    shoot_all(crew, draft, [assigned(draft, f"warm{hand}", "A bear.", 1, visible + HELD) for hand in crew.free])
    begun = time.perf_counter()
    serial = chained(crew, best, prompts, visible)
    then = time.perf_counter()
    sketch = chained(crew, draft, prompts, visible)
    drawn = time.perf_counter()
    anchored = between(crew, best, prompts, visible, sketch)
    done = time.perf_counter()
    spent = {"serial_seconds": then - begun, "draft_seconds": drawn - then, "all_seconds": done - drawn}
    write_sheet(out / "crew-anchors.webp", (serial, anchored))
    return {
        "shots": len(prompts),
        "hands": crew.hands,
        **{name: round(seconds, 3) for name, seconds in spent.items()},
        "ratio": round((done - then) / (then - begun), 4),
        "serial_seams": seams(serial),
        "anchored_seams": seams(anchored),
        "sharpness_drift": {"serial": drift(serial), "anchored": drift(anchored)},
    }


def use_of(engine: str) -> EngineUse:
    text = f"engine: {engine}\nscenes:\n  - {{id: a, prompt: A bear., duration: 1s}}\n"
    return break_down(loads(text, name="film.yaml", folder=Path())).shots["a/1"].engine


def assigned(
    use: EngineUse,
    shot: str,
    prompt: str,
    seed: int,
    shown: int,
    tail: Frames | None = None,
    head: Frames | None = None,
) -> Assignment:
    """A shot that shows `shown` frames besides its tail; what the engine's rule wants more is a handle after them."""
    given = 0 if tail is None else len(tail)
    frames = use.capabilities.frames.at_least(given + shown)
    assert frames is not None, shown
    return Assignment(shot, prompt, "", seed, use.width, use.height, use.rate, frames, use.options, tail, head)


def shoot_all(crew: Crew, use: EngineUse, asked: Sequence[Assignment]) -> dict[str, Frames]:
    """The frames of each, by its name; as many at once as the crew has hands."""
    left, made = list(asked), {}
    while len(made) < len(asked):
        for hand in crew.free:
            if left:
                crew.submit(use, [left.pop(0)], hand)
        word = crew.wait(1)
        if isinstance(word, Delivered):
            made[word.shot] = word.footage.frames
        elif word is not None and not isinstance(word, Stepped):
            raise SystemExit(str(word.error))
    return made


def chained(crew: Crew, use: EngineUse, prompts: Sequence[str], visible: int) -> list[Frames]:
    """The visible frames of each shot of a chain."""
    shots: list[Frames] = []
    for place, prompt in enumerate(prompts):
        tail = shots[-1][-HELD:] if shots and visible >= HELD else None
        tail = shots[-1][-1:] if shots and tail is None else tail
        made = shoot_all(crew, use, [assigned(use, f"s{place}", prompt, place, visible, tail)])[f"s{place}"]
        first = 0 if tail is None else len(tail)
        shots.append(made[first : first + visible])
    return shots


def between(crew: Crew, use: EngineUse, prompts: Sequence[str], visible: int, sketch: Sequence[Frames]) -> list[Frames]:
    """The same shots, each held by the draft's frames before it and after it."""
    held = HELD if visible >= HELD else 1
    asked = []
    for place, prompt in enumerate(prompts):
        tail = sketch[place - 1][-held:] if place else None
        given = 0 if tail is None else held
        head = None
        if place + 1 < len(prompts):
            total = use.capabilities.frames.at_least(given + visible + held)
            assert total is not None
            spare = total - given - visible - held
            head = sketch[place + 1][spare : spare + held]
        shown = visible + (0 if head is None else held)
        asked.append(assigned(use, f"s{place}", prompt, place, shown, tail, head))
    made = shoot_all(crew, use, asked)
    firsts = [0, *[held] * (len(prompts) - 1)]
    return [made[f"s{place}"][first : first + visible] for place, first in enumerate(firsts)]


def seams(shots: Sequence[Frames]) -> dict[str, float]:
    """Ratios at the boundaries; 1 cannot be seen."""
    found = [scopes.seam_ratio(before, after, still=True) for before, after in pairwise(shots)]
    known = [each for each in found if each is not None]
    return {"median": round(median(known), 3), "worst": round(max(known), 3)}


def drift(shots: Sequence[Frames]) -> float:
    return round(scopes.drift([float(scopes.sharpness(shot).mean()) for shot in shots]), 3)


def write_sheet(path: Path, films: Sequence[Sequence[Frames]]) -> None:
    """The last and the first frame at each boundary, a row for each film."""
    import numpy as np
    from PIL import Image

    rows = [np.concatenate([np.concatenate([shot[0], shot[-1]], axis=1) for shot in film], axis=1) for film in films]
    Image.fromarray(np.concatenate(rows)).reduce(2).save(path, quality=80)
