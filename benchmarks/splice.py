"""`python -m benchmarks.splice`: how well one changed scene fits between its neighbours, with the engine `pocket`.

Films of one chain each are shot; then one scene of each is changed, drawn by lot, and put in three ways: spliced, so
that it is led into the take after it; without that, as if the later takes had been kept regardless; and not at all,
which gives the ordinary seams of the same films. Seam ratios are medians; 1 cannot be seen.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.measure import machine

if TYPE_CHECKING:
    from storyboard.film import Production
    from storyboard.shots import Shot
    from storyboard.vault import Take

HEROES = ("teddy bear", "panda bear", "astronaut", "dog", "penguin", "red car", "dragon", "tiger")
PLACES = ("in the forest", "on the beach", "in the city", "on mars", "in a desert", "on a farm", "in the mountains")
BEGINNINGS = ("A {hero} is walking {place}.", "A {hero} is standing {place}.", "A {hero} is dancing {place}.")
DOINGS = (
    "The {hero} is dancing.",
    "The {hero} is jumping up and down.",
    "The {hero} keeps walking.",
    "The {hero} spins around.",
    "The {hero} is standing {place} at sunset.",
    "It begins to snow while the {hero} is standing.",
    "It begins to rain while the {hero} is walking.",
    "Night falls while the {hero} is standing.",
)


class Film:
    """A chain of scenes about somebody somewhere, one of which is changed."""

    def __init__(self, folder: Path, seed: int, scenes: int, seconds: float) -> None:
        dice = random.Random(seed)
        words = {"hero": dice.choice(HEROES), "place": dice.choice(PLACES)}
        told = [dice.choice(BEGINNINGS), *dice.sample(DOINGS, scenes)]
        self.prompts = [line.format(**words) for line in told]
        self.spare = self.prompts.pop()
        self.changed = dice.randrange(1, scenes - 1)
        self.folder, self.seed, self.seconds = folder, seed, seconds
        self.path = folder / "film.yaml"

    def write(self, *, changed: bool) -> None:
        prompts = list(self.prompts)
        if changed:
            prompts[self.changed] = self.spare
        lines = [f"title: Film {self.seed}", f"seed: {self.seed}", "engine: pocket", "scenes:"]
        for number, prompt in enumerate(prompts):
            lines += [f"  - id: s{number}", f"    prompt: {json.dumps(prompt)}", f"    duration: {self.seconds}"]
        self.path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def produce(self, **how: object) -> Production:
        """Render it, and give it as it stands then."""
        from storyboard.api import prepare, produce

        where = {"out": self.folder / "out", "vault": self.folder / "vault"}
        for _ in produce(prepare(self.path, **where, **how)):  # type: ignore[arg-type]
            pass
        return prepare(self.path, **where, **how)  # type: ignore[arg-type]

    def seams(self) -> Iterator[tuple[str, float]]:
        """Kinds and ratios: `ordinary` ones, then `left`, `right` and `right without a head` of the change."""
        from storyboard.api import Mode

        self.write(changed=False)
        whole = self.produce()
        shots = list(whole.plan.breakdown.shots.values())
        for before, after in pairwise(shots):
            yield from self.ratio("ordinary", whole, before, after)
        self.write(changed=True)
        alone = self.produce(only=f"s{self.changed}")
        spliced = self.produce(mode=Mode.SPLICE)
        shots = list(spliced.plan.breakdown.shots.values())
        before, new, after = shots[self.changed - 1 : self.changed + 2]
        yield from self.ratio("left", spliced, before, new)
        yield from self.ratio("right", spliced, new, after)
        plain = alone.plan.breakdown.shots[new.id]
        given = alone.plan.takes[new.id], spliced.plan.takes[after.id]
        yield from self.ratio("right without a head", spliced, plain, after, given)

    def ratio(
        self, kind: str, film: Production, before: Shot, after: Shot, takes: tuple[Take, Take] | None = None
    ) -> Iterator[tuple[str, float]]:
        """One seam, if the picture moves beside it at all."""
        from storyboard.joins import join_ratio

        takes = takes or (film.plan.takes[before.id], film.plan.takes[after.id])
        found = join_ratio(before, after, takes, film.vault)
        if found is not None:
            yield kind, found


def measure(films: int, scenes: int, seconds: float) -> dict[str, list[float]]:
    """All ratios, by kind."""
    found: dict[str, list[float]] = {}
    for seed in range(films):
        with tempfile.TemporaryDirectory(prefix="storyboard-bench-") as folder:
            for kind, ratio in Film(Path(folder), seed, scenes, seconds).seams():
                found.setdefault(kind, []).append(ratio)
        print(f"film {seed + 1} of {films}", file=sys.stderr, flush=True)
    return found


def table(found: dict[str, list[float]]) -> Iterator[str]:
    """Markdown; the last column is the median over that of ordinary seams."""
    usual = median(found["ordinary"])
    yield "| seam | seams | median ratio | over ordinary |"
    yield "|---|---|---|---|"
    for kind, ratios in found.items():
        yield f"| {kind} | {len(ratios)} | {median(ratios):.2f} | {median(ratios) / usual:.2f} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.splice", description=__doc__)
    parser.add_argument("--films", type=int, default=20, metavar="N", help="films with one edit each, 20 if left out")
    parser.add_argument("--scenes", type=int, default=4, metavar="N", help="of each film, 4 if left out")
    parser.add_argument("--seconds", type=float, default=3, metavar="S", help="of each scene, 3 if left out")
    here = Path(__file__).parent
    parser.add_argument("--out", type=Path, default=here, metavar="DIR", help="folder of splice.json and splice.md")
    asked = parser.parse_args(arguments)
    found = measure(asked.films, asked.scenes, asked.seconds)
    text = "\n".join(table(found)) + "\n"
    asked.out.mkdir(parents=True, exist_ok=True)
    ratios = {kind: [round(ratio, 3) for ratio in some] for kind, some in found.items()}
    record = {"machine": machine(), "films": asked.films, "scenes": asked.scenes, "ratios": ratios}
    (asked.out / "splice.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    (asked.out / "splice.md").write_text(text, encoding="utf-8")
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
