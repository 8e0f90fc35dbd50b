"""Dailies -> drawings in SVG: figures along the film, its seams, and the DAG of its shots.

Drawings along the film are 1000 wide whatever its length and are stretched to the page, so that they stand under its
timeline frame for frame. Colours are classes of the page's style. May import what stands above `dailies_plots` in the
layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite
from typing import Final

from storyboard.reel import Reel, ReelShot
from storyboard.scopes_film import Seam

HUES: Final = 6
"""Chains are told apart by so many colours, in turn."""

_WIDE: Final = 1000
_HIGH: Final = 100
_POINTS: Final = 500
_SEAM_TOP: Final = 2.5  # times the limit: seams beyond are drawn as high as this

_STEP: Final = 26  # pixels from shot to shot in the DAG, where there is room for it
_LABELLED: Final = 86  # the same where each has its name under it
_MOST_NAMES: Final = 12
_LONGEST_NAME: Final = 13
_LANE: Final = 34
_DOT: Final = 6
_MOST_DAG: Final = 2400
_MOST_LANES: Final = 40


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing and the figures at its lower and upper edge."""

    svg: str
    low: float
    high: float


def line_plot(values: Sequence[float], *, peaks: bool = False, floor: float | None = None) -> Plot:
    """Figures along the film as a line, one or more each. Where there are very many, means of those beside each other,
    or with `peaks` the largest. `floor` is the lower edge; else the least figure."""
    each = max(1, -(-len(values) // _POINTS))
    groups = [[*map(float, values[start : start + each])] for start in range(0, len(values), each)]
    points = [max(group) if peaks else sum(group) / len(group) for group in groups]
    low, high = min(points, default=0.0) if floor is None else floor, max(points, default=0.0)
    room = max(high - low, 1e-9)
    places = [
        (
            (start + len(group) / 2) * _WIDE / max(1, len(values)),
            _HIGH - 4 - (point - low) / room * (_HIGH - 8),
        )
        for start, group, point in zip(range(0, len(values), each), groups, points, strict=True)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return Plot(_stretched(f'<polyline class="line" points="{line}"/>'), low, high)


def seam_plot(seams: Sequence[Seam], frames: int, most: float) -> Plot:
    """A stem for each seam, as high as its figure, and the limit as a line across."""
    top = _SEAM_TOP * most

    def high(figure: float) -> float:
        return _HIGH - min(figure, top) / top * (_HIGH - 6) if isfinite(figure) else 6

    parts = [f'<line class="limit" x1="0" x2="{_WIDE}" y1="{high(most):.1f}" y2="{high(most):.1f}"/>']
    for seam in seams:
        if seam.figure is not None:
            x, kind = seam.first * _WIDE / frames, " rough" if seam.figure > most else ""
            parts.append(
                f'<line class="stem{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{_HIGH}" y2="{high(seam.figure):.1f}"/>'
            )
    return Plot(_stretched("".join(parts)), 0, top)


def _stretched(content: str) -> str:
    box = f'viewBox="0 0 {_WIDE} {_HIGH}" preserveAspectRatio="none"'
    return f'<svg class="plot" {box} aria-hidden="true">{content}</svg>'


def hue(shot: ReelShot) -> str:
    """The class of a shot's colour."""
    return f"hue-{shot.chain % HUES}"


def dag(reel: Reel) -> str:
    """Shots as dots in the film's order, a chain on each line; solid lines go on, dashed ones lead into.

    Of a film of many shots it is closer together, of many chains several share a line.
    """
    labelled = len(reel.shots) <= _MOST_NAMES
    step = _LABELLED if labelled else min(_STEP, max(7, _MOST_DAG // len(reel.shots)))
    margin = max(step, _STEP)
    lanes = min(_MOST_LANES, 1 + max(shot.chain for shot in reel.shots))
    at = {
        shot.id: (margin / 2 + place * step, _LANE / 3 + shot.chain % lanes * _LANE)
        for place, shot in enumerate(reel.shots)
    }
    edges = []
    for shot in reel.shots:
        if shot.continues in at:
            edges.append(_edge(at[shot.continues], at[shot.id], "goes-on"))
        if shot.leads_into in at:
            edges.append(_edge(at[shot.id], at[shot.leads_into], "leads"))
    names = [_name(shot.id, *at[shot.id]) for shot in reel.shots] if labelled else []
    dots = [
        f'<a class="dot {hue(shot)}" href="#{place_id(number)}" data-go="{number}"><title>{escape(shot.id)}</title>'
        f'<circle cx="{at[shot.id][0]:.1f}" cy="{at[shot.id][1]:.1f}" r="{min(_DOT, step / 2.4):.1f}"/></a>'
        for number, shot in enumerate(reel.shots)
    ]
    width, height = step * (len(reel.shots) - 1) + margin, lanes * _LANE
    box = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    label = 'role="img" aria-label="Which shot goes on from which"'
    return f'<svg class="dag" {box} {label}>{"".join([*edges, *dots, *names])}</svg>'


def _name(shot: str, x: float, y: float) -> str:
    short = shot if len(shot) <= _LONGEST_NAME else f"{shot[: _LONGEST_NAME - 1]}…"
    return f'<text x="{x:.1f}" y="{y + 18:.1f}">{escape(short)}</text>'


def _edge(start: tuple[float, float], end: tuple[float, float], kind: str) -> str:
    """A straight line within a chain, else a curve."""
    (x, y), (to_x, to_y) = start, end
    if y == to_y and kind == "goes-on":
        return f'<path class="{kind}" d="M{x:.1f} {y:.1f}H{to_x:.1f}"/>'
    middle = (x + to_x) / 2
    bend = _LANE / 2 if y == to_y else 0
    curve = f"M{x:.1f} {y:.1f}C{middle:.1f} {y - bend:.1f} {middle:.1f} {to_y - bend:.1f} {to_x:.1f} {to_y:.1f}"
    return f'<path class="{kind}" d="{curve}"/>'


def place_id(number: int) -> str:
    """The anchor of the shot with that number, from 0, in the film's order."""
    return f"shot-{number}"
