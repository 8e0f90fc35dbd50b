"""A plan, why it is so, and what each way of rendering would shoot -> lines, plain data, a Markdown table.

May import what stands above `telling_plan` in the layout.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from storyboard.alterations import Alteration
from storyboard.contrast import contrast
from storyboard.demand import Demand, size_text
from storyboard.errors import StoryboardError
from storyboard.excerpt import printable
from storyboard.forecast import Forecast
from storyboard.plan import Plan, Planned, State
from storyboard.price import Price, Prices, price_of
from storyboard.reasons import Changed, Kept, New, Reached, Reason, WaitsFor
from storyboard.slate import CONDITIONS
from storyboard.telling import counted, named, planned_line, price_plain, price_text, seconds_text
from storyboard.why import ShotWhy, Why

MOST_ROWS: Final = 100
"""Of a Markdown table: comments of pull requests have a limit."""


# For people


def demand_line(demand: Demand) -> str:
    """`disk: about 1.2 GB more in the vault, 80.0 MB for the film; 30.0 GB free`."""
    needs = f"disk: about {size_text(demand.vault)} more in the vault, {size_text(demand.film)} for the film"
    other = "" if demand.shared else f" and {size_text(demand.film_free)}"
    return f"{needs}; {size_text(demand.vault_free)}{other} free"


def demand_plain(demand: Demand) -> dict[str, int]:
    """The same in bytes."""
    free = {"vault_free": demand.vault_free, "film_free": demand.film_free}
    return {"vault": demand.vault, "film": demand.film, **free}


def plan_lines(plan: Plan, why: Why | None = None, *, since: str | None = None) -> Iterator[str]:
    """A line a shot, with its reasons where they are given, and the summary.

    With `since`, what was written at that revision is what `why` compares with, and only what changed is shown.
    """
    shown = plan.shots.values() if why is None or since is None else [each.planned for each in why.touched]
    width = max((len(each.shot.id) for each in shown), default=0)
    for each in shown:
        about = f"  about {seconds_text(each.seconds)}" if each.seconds is not None else ""
        yield f"{each.state.value:7}  {each.shot.id:{width}}  {each.shot.frames:4} frames{about}"
        if why is not None:
            yield from (f"{'':9}{line}" for line in _reason_lines(why.shots[each.shot.id]))
    if why is not None:
        yield from _rest_lines(why)
        if since is not None:
            yield f"since {printable(since)}: {_touched_text(why)}"
    yield planned_line(plan.told())


def _reason_lines(why: ShotWhy) -> Iterator[str]:
    yield from (printable(str(reason)) for reason in why.reasons)
    if why.reaches:
        yield f"reaches {counted(len(why.reaches), 'shot')}: {named(why.reaches)}"


def _rest_lines(why: Why) -> Iterator[str]:
    if why.gone:
        yield f"in the film no more: {named(why.gone)}"
    if why.idle:
        yield f"changes no shot: {', '.join(_idle_texts(why.idle))}"


def _idle_texts(idle: Iterable[Alteration]) -> list[str]:
    """Each field once for each scene."""
    texts = (
        (f"scene `{each.scene}`: " if each.scene else "") + Changed(each.field, None, None, of_film=not each.scene).name
        for each in idle
    )
    return list(dict.fromkeys(texts))


def _touched_text(why: Why) -> str:
    own = [each for each in why.touched if any(isinstance(reason, New | Changed) for reason in each.reasons)]
    price = _price(why)
    shoot = price_text(price.shots, price.frames, price.seconds) if price.shots else "nothing"
    reached = f", {len(why.touched) - len(own)} reached" if len(why.touched) > len(own) else ""
    what = f"{counted(len(own), 'shot')} new or changed{reached}"
    return f"{what}; of these to shoot: {shoot}"


def _price(why: Why) -> Price:
    """Of what is touched and not there."""
    return price_of(each.planned for each in why.touched)


def prices_lines(prices: Prices) -> Iterator[str]:
    """What else could be done, where there is a choice."""

    def priced(way: str, price: Price) -> str:
        return f"{way}: {price_text(price.shots, price.frames, price.seconds)}"

    if isinstance(prices.splice, Price):
        if prices.splice.shots != prices.plan.shots:
            yield priced("as planned", prices.plan)
            yield priced("with `--splice`", prices.splice)
    elif prices.splice is not None:
        yield f"no `--splice`: {printable(str(prices.splice))}"
    if prices.ripple is not None:
        yield f"the film contains {counted(len(prices.splices), 'splice')}, at {named(prices.splices)}"
        yield priced("with `--ripple`", prices.ripple)


def forecast_lines(found: Forecast | None) -> Iterator[str]:
    """How long a crew would take, and why not less; None where that cannot be estimated."""
    if found is None:
        yield "no forecast: some shots have no estimate yet; shoot one with each engine first"
        return
    if found.chain:
        crew = counted(found.hands, "GPU")
        yield f"on {crew}: about {seconds_text(found.seconds)}, {found.idle:.0%} of it idle"
        ends = dict.fromkeys((found.chain[0], found.chain[-1]))
        chain = " to ".join(f"`{name}`" for name in ends)
        yield f"longest chain: {counted(len(found.chain), 'shot')}, {seconds_text(found.longest)}, {chain}"


# For programs


def forecast_plain(found: Forecast | None) -> dict[str, object] | None:
    """The same as plain data."""
    if found is None:
        return None
    return {
        "gpus": found.hands,
        "seconds": round(found.seconds, 3),
        "shots_seconds": round(found.total, 3),
        "idle": round(found.idle, 4),
        "longest_chain": {"shots": list(found.chain), "seconds": round(found.longest, 3)},
    }


def plan_plain(plan: Plan, film: str) -> dict[str, object]:
    """A whole plan as plain data, for `plan --json`."""
    return {
        "film": film,
        "frames": plan.breakdown.frames,
        "rate": str(plan.breakdown.rate),
        "shots": [_planned_plain(each, each.reasons) for each in plan],
        "summary": {state.value: plan.count(state) for state in State},
    }


def why_plain(plan: Plan, why: Why, film: str, *, since: str | None = None) -> dict[str, object]:
    """The same with what changed, field by field as the author wrote it, and what that reaches."""
    price = _price(why)
    return {
        **plan_plain(plan, film),
        "shots": [_why_plain(each) for each in why.shots.values()],
        "since": since,
        "touched": {**price_plain(price.shots, price.frames, price.seconds), "all": len(why.touched)},
        "gone": list(why.gone),
        "changes_no_shot": [_alteration_plain(each) for each in why.idle],
    }


def _planned_plain(each: Planned, reasons: Iterable[Reason]) -> dict[str, object]:
    return {
        "id": each.shot.id,
        "scene": each.shot.scene,
        "state": each.state.value,
        "reasons": [str(reason) for reason in reasons],
        "frames": each.shot.frames,
        "continues": each.shot.continues,
        "estimate_seconds": each.seconds,
    }


def _why_plain(why: ShotWhy) -> dict[str, object]:
    sources = [shot for reason in why.reasons if isinstance(reason, Reached) for shot in reason.shots]
    return {
        **_planned_plain(why.planned, why.reasons),
        "changes": [_changed_plain(reason) for reason in why.reasons if isinstance(reason, Changed)],
        "reached_from": list(dict.fromkeys(sources)),
        "reaches": list(why.reaches),
    }


def _changed_plain(each: Changed) -> dict[str, object]:
    values = {"before": each.before, "after": each.after}
    return {"field": each.field, "of": "film" if each.of_film else "scene", **values, "line": each.line}


def _alteration_plain(each: Alteration) -> dict[str, object]:
    return {"field": each.field, "scene": each.scene, "before": each.before, "after": each.after, "line": each.line}


def prices_plain(prices: Prices) -> dict[str, object]:
    """What each way of rendering would shoot, as plain data: by the plan, with `--splice`, with `--ripple`."""
    ways = {"plan": prices.plan, "splice": prices.splice, "ripple": prices.ripple}
    plain: dict[str, object] = {
        way: price_plain(each.shots, each.frames, each.seconds) if isinstance(each, Price) else None
        for way, each in ways.items()
    }
    refused = isinstance(prices.splice, StoryboardError)
    return {**plain, "no_splice": str(prices.splice) if refused else None, "splices": list(prices.splices)}


# For a comment on a pull request


@dataclass(frozen=True, slots=True)
class _Row:
    """One shot, or several in a row of which the same is to be said."""

    shots: tuple[ShotWhy, ...]
    state: str
    why: str

    def cells(self) -> tuple[str, ...]:
        first, last = self.shots[0].planned.shot.id, self.shots[-1].planned.shot.id
        price = price_of(each.planned for each in self.shots)
        about = "" if price.shots == 0 else "?" if price.seconds is None else seconds_text(price.seconds)
        several = f" to {code(last)}, {len(self.shots)} shots" if len(self.shots) > 1 else ""
        return code(first) + several, self.state, str(price.frames) if price.shots else "", about, self.why


def plan_markdown(plan: Plan, why: Why, prices: Prices, film: str, *, since: str | None = None) -> Iterator[str]:
    """A summary, a table of all that is to be shot or changed, and what else could be done.

    Whatever the author wrote is in code spans, so that none of it is markup.
    """
    price = prices.plan
    what = price_text(price.shots, price.frames, price.seconds)
    yield f"**{code(film)}**, {counted(len(plan.shots), 'shot')}; to shoot: {what if price.shots else 'nothing'}"
    if since is not None:
        yield from ("", f"Since {code(since)}: {_touched_text(why)}")
    rows = list(_rows(plan, why, since is not None))
    if rows:
        yield from ("", "| shot | | frames | about | why |", "| --- | --- | ---: | ---: | --- |")
        yield from (f"| {' | '.join(row.cells())} |" for row in rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        yield from ("", f"and {len(rows) - MOST_ROWS} more rows")
    for line in (*_rest_lines(why), *prices_lines(prices)):
        yield from ("", line[0].upper() + line[1:])


def _rows(plan: Plan, why: Why, only_touched: bool) -> Iterator[_Row]:
    """In the film's order."""

    def said(each: ShotWhy) -> tuple[str, str] | None:
        there = each.planned.state is State.HIT
        if not each.is_touched and (there or only_touched):
            return None
        return "there" if there else "to shoot", _why_cell(each.reasons)

    names = (name for span in plan.breakdown.scenes for name in span.shots)
    for words, run in groupby((why.shots[name] for name in names), said):
        if words is not None:
            yield _Row(tuple(run), *words)


def _why_cell(reasons: tuple[Reason, ...]) -> str:
    """What says most: a shot's own change before what reaches it, and that before what it waits for."""
    own = [reason for reason in reasons if isinstance(reason, New | Changed)]
    more = [reason for reason in reasons if not isinstance(reason, Kept | WaitsFor)]
    return "<br>".join(map(_reason_cell, own or more or reasons))


def _reason_cell(reason: Reason) -> str:
    if isinstance(reason, New):
        return "new"
    if not isinstance(reason, Changed) or reason.field in CONDITIONS:
        return str(reason)
    before, after = (
        "nothing" if value == "nothing" else code(value) for value in contrast(reason.before, reason.after)
    )
    where = f" (line {reason.line})" if reason.line is not None else ""
    return f"{reason.name}: {before} → {after}{where}"


def code(text: str) -> str:
    """A code span of any text, in a cell of a table too."""
    text = printable(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")
