"""`python -m benchmarks.crew`: many GPUs. How near a crew on Ray comes to the best there is, and the forecast to that.

    python -m benchmarks.crew --engine pocket       # on every GPU of this machine; without one, on the CPU
    python -m benchmarks.crew --engine ltx          # the architecture of LTX-Video 2B, random weights
    python -m benchmarks.crew --small --workers 2   # tiny: shows that it runs, measures nothing

A film of 16 chains of 3 shots is shot once workers and models are warm, from the first shot that is handed out until
the last take is durable. N hands take no less than max(seconds of all shots / N, the longest chain): efficiency is that
bound over what it took. Then 16 shots together against one by one, on one GPU; and, with `pocket`, a chain of 16 shots
held at both ends by frames of a draft (`crew_anchors`). Writes crew-ENGINE-N.json, .md and .svg: who had what and when.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.crew_models import random_ltx
from benchmarks.measure import machine
from storyboard.breakdown import break_down
from storyboard.callsheet import entries_of
from storyboard.crew import Delivered, Word
from storyboard.crew_ray import RayCrew
from storyboard.events import ShotDone, ShotStarted
from storyboard.forecast import forecast, simulate
from storyboard.plan import make_plan
from storyboard.render import render
from storyboard.screenplay import loads
from storyboard.vault import Vault

if TYPE_CHECKING:
    from storyboard.engines.base import Assignment
    from storyboard.engines.choice import EngineUse
    from storyboard.shots import Breakdown

PROMPTS = (
    "A teddy bear is swimming in the ocean.",
    "The teddy bear goes under water.",
    "The teddy bear keeps swimming under the water with colorful fishes.",
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is shot: frames of a first shot, and of one that continues; chains, shots of each; shots in a batch."""

    frames: int
    tail: int
    chains: int = 16
    shots: int = 3
    together: int = 16


@dataclass(frozen=True, slots=True)
class Span:
    """A shot in somebody's hands; seconds since the first one was handed out."""

    shot: str
    hand: int
    begun: float
    ended: float


class NotedCrew(RayCrew):
    """A crew of which it is noted who has which shot from when to when."""

    def __init__(self, workers: int | None) -> None:
        super().__init__(workers=workers)
        self.begun: dict[str, tuple[int, float]] = {}
        self.ended: dict[str, float] = {}

    def submit(self, use: EngineUse, assignments: Sequence[Assignment], hand: int = 0) -> None:
        self.begun |= dict.fromkeys((each.shot for each in assignments), (hand, time.perf_counter()))
        super().submit(use, assignments, hand)

    def wait(self, seconds: float) -> Word | None:
        word = super().wait(seconds)
        if isinstance(word, Delivered):
            self.ended[word.shot] = time.perf_counter()
        return word

    def forget(self) -> None:
        self.begun, self.ended = {}, {}

    def spans(self) -> list[Span]:
        first = min(begun for _, begun in self.begun.values())
        return [Span(shot, hand, begun - first, self.ended[shot] - first) for shot, (hand, begun) in self.begun.items()]


def film_of(engine: Mapping[str, object], seed: int, sizes: Sizes, *, chains: int, shots: int) -> Breakdown:
    """Chains side by side, every shot with the same number of frames to generate."""
    scenes: list[dict[str, object]] = []
    for chain in range(chains):
        for place in range(shots):
            length = sizes.frames - (sizes.tail if place else 0)
            scenes.append(
                {"id": f"c{chain}s{place}", "prompt": PROMPTS[place % len(PROMPTS)], "duration": f"{length}f"}
                | ({} if place else {"continues": "nothing"})
            )
    film = {"seed": seed, "engine": dict(engine), "scenes": scenes}
    return break_down(loads(json.dumps(film), name="film.yaml", folder=Path()))


def efficiency(crew: NotedCrew, engine: Mapping[str, object], sizes: Sizes, folder: Path) -> dict[str, Any]:
    """A film's wall time against the bound and the forecast. The warm-up's timings are all that the forecast knows."""
    vault, hands = Vault(folder), crew.hands
    begun = time.perf_counter()
    warm = film_of(engine, 1, sizes, chains=2 * hands, shots=sizes.shots)
    assert sum(isinstance(event, ShotDone) for event in render(make_plan(warm, vault), vault, crew)) == len(warm.shots)
    warming = time.perf_counter() - begun
    film = film_of(engine, 2, sizes, chains=sizes.chains, shots=sizes.shots)
    plan = make_plan(film, vault)
    ahead = forecast(plan, vault, hands)
    crew.forget()
    seconds: dict[str, float] = {}
    first = last = 0.0
    for event in render(plan, vault, crew):
        if isinstance(event, ShotStarted):
            first = first or min(begun for _, begun in crew.begun.values())
        elif isinstance(event, ShotDone):
            seconds[event.shot.id], last = event.seconds, time.perf_counter()
    assert seconds.keys() == film.shots.keys()
    wall = last - first
    entries = {name: replace(each, seconds=seconds[name]) for name, each in entries_of(plan).items()}
    known = simulate(entries, hands)
    bound = max(known.total / hands, known.longest)
    storing = [seconds / frames for frames, seconds in vault.timings(film.shots["c0s0/1"].engine.storing)]
    return {
        "hands": hands,
        "shots": len(seconds),
        "frames": sizes.frames,
        "shot_seconds": round(median(seconds.values()), 4),
        "storing_seconds": round(median(storing) * sizes.frames, 4),
        "total_seconds": round(known.total, 3),
        "longest_chain_seconds": round(known.longest, 3),
        "bound_seconds": round(bound, 3),
        "wall_seconds": round(wall, 3),
        "efficiency": round(bound / wall, 4),
        "forecast_seconds": round(ahead.seconds, 3) if ahead else None,
        "forecast_over_wall": round(ahead.seconds / wall, 4) if ahead else None,
        "warm_up_seconds": round(warming, 3),
        "spans": [[span.shot, span.hand, round(span.begun, 3), round(span.ended, 3)] for span in crew.spans()],
    }


def together(engine: Mapping[str, object], sizes: Sizes, rounds: int) -> dict[str, Any]:
    """Frames a second of independent shots one by one and together, by one open engine, and how far apart they are."""
    import numpy as np

    from storyboard.engines.base import Assignment, Together

    film = film_of({**engine, "batch": True}, 3, sizes, chains=sizes.together, shots=1)
    shots = list(film.shots.values())
    use = shots[0].engine
    asked = [
        Assignment(shot.id, shot.prompt, "", shot.seed, use.width, use.height, use.rate, shot.frames, use.options)
        for shot in shots
    ]
    opened = use.spec.open(use.options)
    assert isinstance(opened, Together)

    def one_by_one() -> list[Any]:
        return [opened.shoot(each, _unheard).frames for each in asked]

    def at_once() -> list[Any]:
        return [each.frames for each in opened.shoot_together(asked, _unheard)]

    spent: dict[str, list[float]] = {"one by one": [], "together": []}
    made: dict[str, list[Any]] = {}
    for _ in range(rounds + 1):
        for name, work in (("one by one", one_by_one), ("together", at_once)):
            begun = time.perf_counter()
            made[name] = work()
            spent[name].append(time.perf_counter() - begun)
    opened.close()
    apart = [np.abs(a.astype(int) - b) for a, b in zip(made["one by one"], made["together"], strict=True)]
    count = len(asked) * sizes.frames
    paces = {name: count / median(seconds[1:]) for name, seconds in spent.items()}  # the first round warms up
    return {
        "shots": len(asked),
        "frames_a_second": {name: round(pace, 2) for name, pace in paces.items()},
        "ratio": round(paces["together"] / paces["one by one"], 3),
        "most_apart": int(max(each.max() for each in apart)),
        "mean_apart": float(f"{np.mean([each.mean() for each in apart]):.3g}"),
        "share_apart": float(f"{np.mean([(each > 0).mean() for each in apart]):.3g}"),
    }


def _unheard(step: int, steps: int) -> None:
    pass


def engine_of(name: str, folder: Path, *, small: bool) -> tuple[dict[str, object], Sizes]:
    """What the screenplay says of the engine, and what is shot with it."""
    if name == "pocket":
        return {"name": "pocket"}, Sizes(5, 1, 3, 2, 3) if small else Sizes(33, 5)
    model = {"name": "ltx", "model": str(random_ltx(folder, tiny=small)), "distilled": True}
    if small:
        tiny = {"dtype": "float32", "steps": 2, "width": 32, "height": 32, "max_sequence_length": 80}
        return model | tiny, Sizes(9, 5, 3, 2, 3)
    return model | {"width": 704, "height": 480}, Sizes(97, 9)


def table(found: Mapping[str, Any]) -> Iterator[str]:
    """Markdown."""
    film, batch, anchors = found["film"], found["together"], found.get("anchors")
    yield f"`{found['engine']}`, {film['hands']} hands, {film['shots']} shots of {film['frames']} frames"
    yield from ("", "| what | |", "|---|---:|")
    for name in ("shot", "storing", "total", "longest_chain", "bound", "wall", "forecast", "warm_up"):
        value = film[f"{name}_seconds"]
        yield f"| {name.replace('_', ' ')} | {'' if value is None else f'{value:.2f} s'} |"
    yield f"| crew and workers started | {found['start_seconds']:.1f} s |"
    yield f"| **efficiency**: bound / wall | {film['efficiency']:.1%} |"
    if film["forecast_over_wall"] is not None:
        yield f"| forecast / wall | {film['forecast_over_wall']:.3f} |"
    paces = batch["frames_a_second"]
    yield f"| {batch['shots']} shots one by one, together | {paces['one by one']}, {paces['together']} frames/s |"
    yield f"| together / one by one | {batch['ratio']:.2f} |"
    apart = f"{batch['most_apart']}, {batch['mean_apart']:g}, {batch['share_apart']:.2%}"
    yield f"| grey levels between them: most, mean, share of values | {apart} |"
    if anchors:
        yield f"| chain of {anchors['shots']}: one after the other | {anchors['serial_seconds']:.2f} s |"
        both = f"{anchors['draft_seconds']:.2f} s, {anchors['all_seconds']:.2f} s"
        yield f"| the same, anchors first: draft, then all | {both} |"
        yield f"| anchors first / one after the other | {anchors['ratio']:.3f} |"
        for kind in ("serial", "anchored"):
            seams = anchors[f"{kind}_seams"]
            yield f"| seams, {kind}: median, worst | {seams['median']:.2f}, {seams['worst']:.2f} |"


COLOURS = ("#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377", "#bbbbbb")


def picture(film: Mapping[str, Any]) -> str:
    """Who had which shot from when to when, a row for each hand, a colour for each chain: SVG."""
    high, wide, left = 22, 900, 60
    scale = (wide - left - 10) / film["wall_seconds"]
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{(film["hands"] + 2) * high}" '
        'font-family="sans-serif" font-size="11">'
    ]
    rows += [f'<text x="4" y="{hand * high + 16}">hand {hand}</text>' for hand in range(film["hands"])]
    for shot, hand, begun, ended in film["spans"]:
        colour = COLOURS[int(shot[1:].partition("s")[0]) % len(COLOURS)]
        place = f'x="{left + begun * scale:.1f}" y="{hand * high + 2}" width="{(ended - begun) * scale:.1f}"'
        rows.append(f'<rect {place} height="{high - 4}" fill="{colour}" stroke="white"><title>{shot}</title></rect>')
    for name, seconds in (("bound", film["bound_seconds"]), ("last take stored", film["wall_seconds"])):
        x = left + seconds * scale
        rows.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{film["hands"] * high}" stroke="black"/>')
        y = film["hands"] * high + (14 if name == "bound" else 32)
        rows.append(f'<text x="{x:.1f}" y="{y}" text-anchor="end">{name}: {seconds:.2f} s</text>')
    return "\n".join([*rows, "</svg>\n"])


def measure(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    engine, sizes = engine_of(asked.engine, folder / "model", small=asked.small)
    begun = time.perf_counter()
    crew = NotedCrew(asked.workers)
    try:
        crew.ready()
        found = {"engine": asked.engine, "start_seconds": round(time.perf_counter() - begun, 3)}
        found |= {"film": efficiency(crew, engine, sizes, folder / "vault")}
        if asked.engine == "pocket":
            from benchmarks.crew_anchors import anchors_first

            found |= {"anchors": anchors_first(crew, asked.out, small=asked.small)}
    finally:
        crew.close()
    return found | {"together": together(engine, sizes, 1 if asked.small else asked.rounds)}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crew", description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=("pocket", "ltx"), default="pocket", help="pocket where left out")
    parser.add_argument("--workers", type=int, metavar="N", help="hands; by GPUs, or else by cores, where left out")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of the batch, 3 where left out")
    parser.add_argument("--small", action="store_true", help="tiny films: shows that it runs, measures nothing")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR", help="where results go")
    asked = parser.parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="storyboard-bench-") as folder:
        found = {"machine": machine(), **measure(asked, Path(folder))}
    name = f"crew-{asked.engine}-{found['film']['hands']}"
    text = "\n".join(table(found)) + "\n"
    (asked.out / f"{name}.json").write_text(json.dumps(found) + "\n", encoding="utf-8")
    (asked.out / f"{name}.md").write_text(text, encoding="utf-8")
    (asked.out / f"{name}.svg").write_text(picture(found["film"]), encoding="utf-8")
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
