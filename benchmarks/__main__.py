"""`python -m benchmarks [NAME ...]`: measure, print a table, write results.json and results.md."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from benchmarks import chain, conform, dailies, dvc, noop, plan, pocket, pyramid
from benchmarks.measure import Comparison, Timed, machine

Benchmark = Callable[..., Iterator[Comparison]]
BENCHMARKS: dict[str, Benchmark] = {
    "noop": noop.compare,
    "dvc": dvc.compare,
    "conform": conform.compare,
    "chain": chain.compare,
    "plan": plan.compare,
    "pocket": pocket.compare,
    "dailies": dailies.compare,
    "pyramid": pyramid.compare,
}


def main() -> int:
    """Run the benchmarks that are asked for, all where none is."""
    asked = arguments()
    comparisons: list[Comparison] = []
    for name in asked.names or BENCHMARKS:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="storyboard-bench-") as folder:
            comparisons += BENCHMARKS[name](Path(folder), asked.repeat, small=asked.small)
    facts = machine()
    text = "\n".join([*table(comparisons), "", *footnotes(comparisons, facts)]) + "\n"
    asked.out.mkdir(parents=True, exist_ok=True)
    record = {"machine": facts, "comparisons": [plain(each) for each in comparisons]}
    (asked.out / "results.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    (asked.out / "results.md").write_text(text, encoding="utf-8")
    print(text, end="")
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; all where left out")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="rounds of each, 5 where left out")
    parser.add_argument("--small", action="store_true", help="tiny films: shows that it runs, measures nothing")
    here = Path(__file__).parent
    parser.add_argument("--out", type=Path, default=here, metavar="DIR", help="folder of results.json and results.md")
    asked = parser.parse_args()
    for name in asked.names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark `{name}`; there are {', '.join(BENCHMARKS)}")
    if asked.repeat < 1:
        parser.error("`--repeat` is 1 or more")
    return asked


def table(comparisons: Iterable[Comparison]) -> Iterator[str]:
    """Markdown. The ratio is that of the medians; in brackets the lowest and the highest of one round."""
    yield "| benchmark | A | median | B | median | A / B | target |"
    yield "|---|---|---:|---|---:|---:|---|"
    for each in comparisons:
        low, high = each.spread
        met = {None: "", True: ", met", False: ", **missed**"}[each.met]
        target = f"{each.target}{met}" if each.target else ""
        cells = (
            each.name,
            each.over.what,
            seconds(each.over),
            each.under.what,
            seconds(each.under),
            f"{each.ratio:.2f} ({low:.2f} to {high:.2f})",
            target,
        )
        yield f"| {' | '.join(cells)} |"


def seconds(timed: Timed) -> str:
    return f"{timed.median:.3f} s" if timed.median < 10 else f"{timed.median:.1f} s"


def footnotes(comparisons: Iterable[Comparison], facts: dict[str, str | int]) -> Iterator[str]:
    for each in comparisons:
        if each.facts:
            yield f"* {each.name}: " + ", ".join(f"{name} {fact}" for name, fact in each.facts.items())
    yield ""
    yield "Measured on: " + ", ".join(f"{name} {fact}" for name, fact in facts.items())


def plain(each: Comparison) -> dict[str, object]:
    """A comparison as data."""
    return {
        "name": each.name,
        "a": {"what": each.over.what, "median": each.over.median, "seconds": list(each.over.seconds)},
        "b": {"what": each.under.what, "median": each.under.median, "seconds": list(each.under.seconds)},
        "ratio": each.ratio,
        "spread": list(each.spread),
        "target": str(each.target) if each.target else None,
        "met": each.met,
        "facts": dict(each.facts),
    }


if __name__ == "__main__":
    sys.exit(main())
