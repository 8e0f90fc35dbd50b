"""`python -m benchmarks.grade`: whether giving the tail's colours back helps chains of 12 shots by the engine `pocket`.

Two films for each seed, of one prompt and of a story, each without `grade` and with it. Medians of the seams, and how
far brightness, saturation and sharpness drift (`storyboard.scopes`); means over the seeds. What is lower is better.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Final

from storyboard import scopes
from storyboard.breakdown import break_down
from storyboard.crew import Here
from storyboard.events import ShotDone, ShotFound
from storyboard.plan import make_plan
from storyboard.render import render
from storyboard.screenplay import loads
from storyboard.vault import Vault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frames = NDArray[np.uint8]

FILMS: Final = {
    "one prompt": ("A panda is walking in the forest on a sunny day.",) * 12,
    "a story": (
        "A teddy bear is swimming in the ocean.",
        "The teddy bear goes under water.",
        "The teddy bear keeps swimming under the water with colorful fishes.",
        "A panda bear is swimming under water.",
        "The panda goes to the forest in the rain.",
        "The panda is walking in the forest.",
        "The panda is walking in the desert at sunset.",
        "Night falls while the panda is walking in the desert.",
        "The panda travels to the mountains while it is snowing.",
        "The panda is walking in the city in the rain.",
        "A panda is jumping up and down on the moon.",
        "An astronaut is walking on the moon.",
    ),
}
GRADES: Final = (False, True, 1000)
"""Left as it is; fading out over the shot, and hardly at all."""
MEASURES: Final = ("seam", "luma", "saturation", "sharpness")


def main() -> int:
    """Measure, and print a table."""
    asked = arguments()
    print(f"| film | grade | {' | '.join(('seam ratio', *MEASURES[1:]))} |\n|---|---|---:|---:|---:|---:|")
    crew = Here()
    try:
        for name, prompts in FILMS.items():
            for grade in GRADES[:2] if asked.small else GRADES:
                chains = [chain(crew, prompts, seed, grade, small=asked.small) for seed in range(1, asked.seeds + 1)]
                found = [measured(shots) for shots in chains]
                figures = (f"{fmean(each[measure] for each in found):.3f}" for measure in MEASURES)
                print(f"| {name} | {json.dumps(grade)} | {' | '.join(figures)} |", flush=True)
    finally:
        crew.close()
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grade", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="films of each, 3 where left out")
    parser.add_argument("--small", action="store_true", help="two short shots: shows that it runs, measures nothing")
    return parser.parse_args()


def chain(crew: Here, prompts: Sequence[str], seed: int, grade: bool | int, *, small: bool) -> list[Frames]:
    """The visible frames [n, height, width, 3] of each shot of a film in which each continues the one before."""
    length = "4f" if small else "28f"
    scenes = [
        {"id": f"s{place}", "duration": length, "prompt": prompt}
        for place, prompt in enumerate(prompts[:2] if small else prompts, 1)
    ]
    film = {"seed": seed, "engine": {"name": "pocket", "device": "cpu", "grade": grade}, "scenes": scenes}
    with tempfile.TemporaryDirectory(prefix="storyboard-grade-") as folder:
        vault, breakdown = Vault(Path(folder)), break_down(loads(json.dumps(film), name="film.yaml", folder=Path()))
        events = render(make_plan(breakdown, vault), vault, crew)
        takes = {event.shot.id: event.take for event in events if isinstance(event, ShotDone | ShotFound)}
        return [
            vault.frames(takes[shot.id], range(shot.visible.start, shot.visible.stop))
            for shot in breakdown.shots.values()
        ]


def measured(shots: Sequence[Frames]) -> dict[str, float]:
    """The median seam ratio of a chain, and how far its shots drift from the first."""
    seams = [scopes.seam_ratio(before, after, still=True) for before, after in pairwise(shots)]
    kinds = {"luma": scopes.luma, "saturation": scopes.saturation, "sharpness": scopes.sharpness}
    drifts = {name: scopes.drift([float(kind(shot).mean()) for shot in shots]) for name, kind in kinds.items()}
    return {"seam": median(each for each in seams if each is not None), **drifts}


if __name__ == "__main__":
    sys.exit(main())
