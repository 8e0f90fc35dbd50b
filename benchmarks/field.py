"""`python -m benchmarks.field`: the engines of the field at their published sizes, with random weights, on one GPU.

Each of `ltx`, `wan`, `easyanimate`, `modelscope` and `cogvideox` shoots chains of 3 shots in every way of placing it
and under caps of its memory, beside the same calls by hand against diffusers; then whole films of 3 and 12 shots by
`ltx` and `wan` are made, beside the loop that one would write. Prints tables, and writes field.json and field.md after
each row, so that nothing is lost where it is stopped: what is measured again takes the place of what is there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.field_models import CHAINS, MODELS, Chain
from benchmarks.field_shots import GIGA, WAYS, Limits, measure, ways_of
from benchmarks.field_weights import random_weights, write_model
from benchmarks.measure import machine, versions

MOST: Final = 1.02
"""What a shot of ours may take of theirs."""
TARGET: Final = 0.95
"""What a film of ours may take of theirs."""
BUSY: Final = 0.95
"""How busy the GPU shall be between the first and the last step of a film."""
HEAD: Final = (
    "All weights are random: nothing is claimed of pictures, only of speed and memory. The architectures are those "
    "published, unless counts of parameters below say otherwise: they are of what was run."
)
Record = dict[str, Any]


class Results:
    """What has been measured so far, in two files."""

    def __init__(self, out: Path) -> None:
        self.json, self.text = out / "field.json", out / "field.md"
        out.mkdir(parents=True, exist_ok=True)
        kept: Record = json.loads(self.json.read_text(encoding="utf-8")) if self.json.exists() else {}
        self.rows: dict[str, Record] = kept.get("rows", {})
        self.films: dict[str, Record] = kept.get("films", {})

    def has(self, kind: str, name: str) -> bool:
        """Whether there is a figure by that name, of `rows` or `films`."""
        return name in getattr(self, kind)

    def keep(self, kind: str, name: str, measured: Record, facts: Mapping[str, object]) -> None:
        """Write down one figure, with what it was measured on."""
        getattr(self, kind)[name] = measured | {"machine": dict(facts)}
        record = {"head": HEAD, "rows": self.rows, "films": self.films}
        self.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        self.text.write_text("\n".join(page(self.rows, self.films)) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for."""
    asked = parsed(arguments)
    quiet()
    limits = Limits(device_of(asked.device), asked.seconds, full=asked.full, tiny=asked.size == "tiny")
    results, facts = Results(asked.out), facts_of(limits.device)
    ends = time.monotonic() + asked.limit

    def wanted(kind: str, name: str) -> bool:
        if asked.resume and results.has(kind, name):
            return False
        if time.monotonic() > ends:
            print(f"left out for want of time: {name}", file=sys.stderr)
            return False
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        return True

    for name in asked.only or MODELS:
        with tempfile.TemporaryDirectory(prefix="storyboard-field-") as folder, random_weights(limits.device) as kept:
            counts = in_billions(write_model(MODELS[name], Path(folder) / "model", asked.size))
            for way in ways_of(MODELS[name], limits.device) if "shots" in asked.parts else ():
                if (not asked.ways or way.name in asked.ways) and wanted("rows", f"{name}, {way.name}"):
                    with going_on(kept):
                        row = measure(MODELS[name], way, str(Path(folder) / "model"), counts, limits)
                        results.keep("rows", f"{name}, {way.name}", row.plain(), facts)
            chain = next((each for each in CHAINS if each.model.engine == name), None)
            if "films" in asked.parts and chain is not None:
                with going_on(kept):
                    films(chain, Path(folder), limits, asked, wanted, lambda *film: results.keep("films", *film, facts))
    print(results.text.read_text(encoding="utf-8") if results.text.exists() else "", end="")
    return 0


@contextmanager
def going_on(kept: dict[str, Any]) -> Iterator[None]:
    """What fails leaves the rest to be measured, with parts that are loaded again: nobody knows where these stand."""
    try:
        yield
    except Exception:
        traceback.print_exc()
        kept.clear()


def films(
    chain: Chain,
    folder: Path,
    limits: Limits,
    asked: argparse.Namespace,
    wanted: Callable[[str, str], bool],
    keep: Callable[[str, Record], None],
) -> None:
    """The films of one engine."""
    from benchmarks.field_films import busy, compare, open_studio  # which need what films are encoded with

    name = chain.model.engine
    asks = [shots for shots in asked.shots if wanted("films", f"{name}, {shots} shots")]
    if not asks:
        return
    with open_studio(chain, folder / "model", folder, limits) as studio:
        for shots in asks:
            film = compare(studio, shots, asked.rounds, asked.film_seconds)
            keep(f"{name}, {shots} shots", film.plain())
            if shots == max(asked.shots) and name == "ltx":
                keep(f"{name}, {shots} shots", film.plain() | {"busy": busy(studio, shots)})


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.field", description=__doc__)
    add = parser.add_argument
    add("--only", nargs="+", choices=tuple(MODELS), metavar="ENGINE", help=f"of {', '.join(MODELS)}; all if left out")
    add("--parts", nargs="+", choices=("shots", "films"), default=("shots", "films"), help="both if left out")
    add("--ways", nargs="+", metavar="WAY", help=f"of {', '.join(f'`{way.name}`' for way in WAYS)}; all if left out")
    add("--size", choices=("published", "tiny"), default="published", help="tiny: shows that it runs, measures nothing")
    add("--full", action="store_true", help="as many frames as were published, where fewer are shot else")
    add("--seconds", type=float, default=8, metavar="S", help="of a row, about; 8 if left out. Decides its steps")
    add("--shots", type=int, nargs="+", default=(3, 12), metavar="N", help="of the films, 3 and 12 if left out")
    add("--rounds", type=int, default=5, metavar="N", help="of each film, at most; 5 if left out")
    add("--film-seconds", type=float, default=40, metavar="S", help="after which no further round of a film begins")
    add("--limit", type=float, default=1e9, metavar="S", help="seconds after which nothing further is measured")
    add("--resume", action="store_true", help="measure only what is not in the results yet")
    add("--device", default="auto", choices=("auto", "cuda", "cpu"))
    add("--out", type=Path, default=Path(__file__).parent, metavar="DIR", help="folder of field.json and field.md")
    asked = parser.parse_args(arguments)
    if asked.device == "cpu" and asked.size != "tiny":
        parser.error("the published sizes are for a GPU; on a CPU say `--size tiny`")
    if min(asked.shots) < 1 or asked.rounds < 1:
        parser.error("`--shots` and `--rounds` are 1 or more")
    return asked


def device_of(asked: str) -> str:
    import torch

    return asked if asked != "auto" else "cuda" if torch.cuda.is_available() else "cpu"


def quiet() -> None:
    """No news from libraries between the rows."""
    import diffusers
    import transformers

    diffusers.utils.logging.set_verbosity_error()
    transformers.logging.set_verbosity_error()


def facts_of(device: str) -> Record:
    """What it is measured on."""
    import torch

    gpu: Record = {}
    if device != "cpu":
        memory = torch.cuda.get_device_properties(0).total_memory / GIGA
        gpu = {"gpu": torch.cuda.get_device_name(0), "GPU memory": f"{memory:.0f} GB", "cuda": torch.version.cuda}
    return {**gpu, **machine(), **versions(("torch", "diffusers", "transformers", "accelerate"))}


def in_billions(counts: Mapping[str, int]) -> dict[str, float]:
    return {name: round(count / 1e9, 6) for name, count in counts.items()}


# The page


def page(rows: Mapping[str, Record], films: Mapping[str, Record]) -> Iterator[str]:
    """Markdown."""
    yield HEAD
    yield ""
    if rows:
        yield from shot_table(rows.values())
        yield ""
        yield from notes(rows)
        yield ""
    if films:
        yield from film_table(films.values())
        yield ""
    machines = {
        ", ".join(f"{name} {fact}" for name, fact in each["machine"].items())
        for each in (*rows.values(), *films.values())
    }
    yield from (f"Measured on: {each}" for each in sorted(machines))


def shot_table(rows: Any) -> Iterator[str]:
    """A row for each engine and way."""
    heads = "engine", "offload", "shot with", "steps", "s a shot", "by hand", f"ratio (at most {MOST})", "steps/s"
    heads = *heads, "by hand", "peak GB", "by hand", "open s", "read s"
    yield f"| {' | '.join(heads)} |"
    yield "|---|---|---|" + "---:|" * (len(heads) - 3)
    for row in rows:
        ours, theirs = row["ours"], row["theirs"]
        picked = row["picked"] if row["picked"] == row["chosen"] else f"{row['chosen']}, then {row['picked']}"
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.3f}{'' if row['ratio'] <= MOST else ' **over**'}"
        cells = (
            row["engine"],
            row["way"],
            f"{picked}: {row['error']}".replace("|", "/") if row["error"] else picked,
            str(row["steps"] or ""),
            middle(ours["seconds"]),
            (row["by_hand"] or "").replace("|", "/") or middle(theirs["seconds"]),
            ratio,
            middle(ours["steps_per_second"]),
            middle(theirs["steps_per_second"]),
            highest(ours["peak"]),
            highest(theirs["peak"]),
            f"{row['opening']:.1f}",
            f"{row['reading']:.1f}",
        )
        yield f"| {' | '.join(cells)} |"


def notes(rows: Mapping[str, Record]) -> Iterator[str]:
    """What each engine is and was asked for."""
    seen: set[str] = set()
    for row in rows.values():
        if row["engine"] not in seen:
            seen.add(row["engine"])
            sizes = ", ".join(f"{name} {count:.4g}" for name, count in row["billions"].items())
            width, height = row["size"]
            shape = f"{row['frames']} frames of {width}x{height} ({row['published']} were published)"
            asked = f"tails of {row['tail']}, guidance {row['guidance']:g}"
            yield f"* `{row['engine']}`: {row['what']}; parameters in billions: {sizes}; {shape}, {asked}"


def film_table(films: Any) -> Iterator[str]:
    """A row for each film."""
    heads = (
        "film",
        "frames (ours, by hand)",
        "steps",
        "rounds",
        "storyboard s",
        "by hand s",
        f"ratio (at most {TARGET})",
    )
    heads = *heads, "to the first step s", "conform s", "by hand: storing s", "movie s"
    heads = *heads, f"GPU busy (at least {BUSY:.0%})", "by hand"
    yield f"| {' | '.join(heads)} |"
    yield "|---|" + "---:|" * (len(heads) - 1)
    for film in films:
        cells = (
            f"{film['engine']}, {film['shots']} shots",
            f"{film['frames']} ({film['counted'][0]}, {film['counted'][1]})",
            str(film["steps"]),
            str(len(film["ours"])),
            *(middle(film[name]) for name in ("ours", "theirs")),
            f"{film['ratio']:.3f}",
            *(middle(film[name]) for name in ("first_step", "conform", "storing", "movie")),
            *("" if share is None else f"{share:.1%}" for share in film["busy"]),
        )
        yield f"| {' | '.join(cells)} |"


def middle(values: Sequence[float]) -> str:
    return f"{median(values):.2f}" if values else ""


def highest(values: Sequence[float]) -> str:
    return f"{max(values):.1f}" if values else ""


if __name__ == "__main__":
    sys.exit(main())
