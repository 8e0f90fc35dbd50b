"""Dailies -> the page and the contact sheet on which people look at a film.

The page is one file that opens from the disk and fetches nothing: pictures, style and script are in it, the movie too
where it is small. Whatever an author wrote is escaped text on it, and its policy runs no script but its own. May import
what stands above `dailies_page` in the layout.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import quote

from storyboard.dailies import ROUGH_SEAM, Dailies, figure_text, flaws
from storyboard.dailies_pictures import Stills, draw_stills
from storyboard.dailies_plots import Plot, dag, hue, line_plot, place_id, seam_plot
from storyboard.durable import write_asked
from storyboard.errors import CommandError
from storyboard.excerpt import printable
from storyboard.reel import Reel, ReelShot
from storyboard.scopes_film import Seam, said_cuts
from storyboard.sheet import write_picture
from storyboard.vault import Vault

MOST_MOVIE: Final = 1_500_000
"""Bytes: a movie up to that size is part of the page; a larger one has to stay beside it."""
_WORST: Final = 12
_DENSE: Final = 60  # shots, beyond which they are drawn without borders
_BEFORE_SEAM: Final = 4  # frames: how long before a seam the film is shown from when the seam is picked


def write_dailies(dailies: Dailies, vault: Vault, *, most: float | None = None) -> tuple[Path, Path]:
    """Write page and contact sheet beside the manifest; where they are. `most` is the limit of seams.

    Raises CommandError where they cannot be written, MissingTakes, DamagedFootage.
    """
    reel = dailies.reel
    page, sheet = beside(reel, "dailies", ".html"), beside(reel, "contact-sheet", ".png")
    notes = {shot.id: told for shot in reel.shots if (told := "; ".join(flaws(dailies.shots[shot.id])))}
    stills, contacts = draw_stills(reel, vault, notes)
    text = page_text(dailies, stills, movie_source(reel), most or ROUGH_SEAM)
    write_asked(page, text.encode(), "make room, or render with another `--out`")
    write_picture(sheet, contacts)
    return page, sheet


def beside(reel: Reel, kind: str, suffix: str) -> Path:
    """A file beside the manifest, named as it is: films that share a folder keep apart."""
    manifest = reel.places.manifest
    return manifest.with_name(manifest.stem.replace("manifest", kind) + suffix)


def movie_source(reel: Reel) -> str:
    """What a page plays: the movie itself as a data URI where it is small, else its name. Raises CommandError."""
    movie = reel.movie
    try:
        if movie.stat().st_size > MOST_MOVIE:
            return quote(movie.name)
        return f"data:video/mp4;base64,{base64.b64encode(movie.read_bytes()).decode()}"
    except OSError as error:
        raise CommandError(f"cannot read `{movie}`: {error.strerror or error}", "render the film again") from error


def page_text(dailies: Dailies, stills: Mapping[str, Stills], movie: str, most: float) -> str:
    """The page, HTML. `movie` is what it plays, `most` the limit of seams."""
    reel = dailies.reel
    parts: Iterable[str] = (
        _head(reel),
        _header(reel),
        _stage(reel, movie),
        _tracks(dailies, most),
        _worst(dailies, most),
        _graph(dailies),
        _shots(dailies, stills),
        f"<script>{_asset('dailies.js')}</script></body></html>",
    )
    return "\n".join(parts)


def _asset(name: str) -> str:
    return (Path(__file__).parent / "page" / name).read_text(encoding="utf-8")


def _text(text: str) -> str:
    """What an author wrote, as text and nothing else; marks that nobody sees are spelled out."""
    return escape("\n".join(printable(line) for line in text.splitlines()))


_POLICY: Final = "default-src 'none'; img-src data:; media-src data: file: 'self'; style-src 'unsafe-inline'"


def _head(reel: Reel) -> str:
    digest = base64.b64encode(hashlib.sha256(_asset("dailies.js").encode()).digest()).decode()
    policy = f"{_POLICY}; script-src 'sha256-{digest}'"
    rate = reel.cut.rate.fraction
    body = f'data-frames="{reel.cut.frames}" data-over="{rate.numerator}" data-under="{rate.denominator}"'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Dailies: {_text(_title(reel))}</title><style>{_asset('dailies.css')}</style></head><body {body}>"
    )


def _title(reel: Reel) -> str:
    return reel.title or reel.places.screenplay.stem


def _header(reel: Reel) -> str:
    cut = reel.cut
    engines = dict.fromkeys(shot.record.engine for shot in reel.shots if shot.drawn)
    fresh = sum(shot.was_shot for shot in reel.shots)
    facts = [
        f"{_clock(cut.frames, reel)}",
        f"{cut.frames} frames",
        f"{cut.width}×{cut.height} at {_rate(reel)}",
        f"{len(reel.scenes)} scenes, {len(reel.shots)} shots",
        f"{fresh} shot by the last render",
        *([_text(", ".join(engines))] if engines else []),
    ]
    return f'<header><h1>{_text(_title(reel))}</h1><p class="quiet">{" · ".join(facts)}</p></header>'


def _rate(reel: Reel) -> str:
    rate = reel.cut.rate.fraction
    return f"{rate} fps" if rate.denominator == 1 else f"{float(rate):.3f} fps"


def _clock(frame: int, reel: Reel) -> str:
    """`0:07.5`: where a film frame begins."""
    tenths = int(reel.cut.rate.seconds(frame) * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02}.{tenths % 10}"


def _stage(reel: Reel, movie: str) -> str:
    keys = "<kbd>space</kbd> plays, <kbd>←</kbd> <kbd>→</kbd> go from shot to shot"
    return (
        f'<div class="stage"><video src="{escape(movie)}" controls playsinline preload="auto" '
        f'width="{reel.cut.width}" height="{reel.cut.height}"></video>'
        '<div class="now"><h3 data-part="name"></h3><p class="prompt" data-part="prompt"></p>'
        f'<p class="quiet" data-part="told"></p><p class="quiet">{keys}</p></div></div>'
    )


# Along the film


def _at(frame: int, reel: Reel) -> str:
    return f"{100 * frame / reel.cut.frames:.3f}%"


def _place(first: int, stop: int, reel: Reel) -> str:
    return f"left:{_at(first, reel)};width:{_at(stop - first, reel)}"


def _tracks(dailies: Dailies, most: float) -> str:
    reel, track = dailies.reel, dailies.track
    scenes = [
        f'<button data-seek="{scene.film.start}" style="{_place(scene.film.start, scene.film.stop, reel)}" '
        f'title="{_text(scene.id)}, {_clock(scene.film.start, reel)}">{_text(scene.id)}</button>'
        for scene in reel.scenes
    ]
    shots = [
        f'<button class="{hue(shot)}" data-seek="{shot.film.start}" data-go="{number}" '
        f'style="{_place(shot.film.start, shot.film.stop, reel)}" title="{_text(shot.id)}" '
        f'aria-label="shot {_text(shot.id)}"></button>'
        for number, shot in enumerate(reel.shots)
    ]
    cuts = [f'<i class="cut" style="left:{_at(frame, reel)}"></i>' for frame in said_cuts(reel.joined, reel.cut)]
    mixes = [
        f'<i class="mix" style="{_place(edit.first, edit.first + len(edit), reel)}"></i>'
        for edit in reel.cut.edits
        if edit.mix
    ]
    dense = " dense" if len(reel.shots) > _DENSE else ""
    plots = [
        _row("Seams: jump against the motion beside it", seam_plot(dailies.seams, reel.cut.frames, most), most),
        _row(
            "Change from frame to frame (flicker, motion, cuts)",
            _changes(track.changes.tolist()),
            extra=_unsaid(dailies),
        ),
        _row("Brightness", line_plot(track.luma.tolist())),
        _row("Saturation", line_plot(track.saturation.tolist())),
        _row("Sharpness", line_plot(track.sharpness.tolist())),
    ]
    return (
        f'<div class="tracks{dense}"><div class="scenes">{"".join(scenes)}</div>'
        f'<div class="shots">{"".join([*shots, *mixes, *cuts])}</div>{"".join(plots)}<div class="playhead"></div></div>'
        f"{_legend(dailies)}"
    )


def _changes(changes: Sequence[float]) -> Plot:
    return line_plot([0.0, *changes], peaks=True, floor=0)


def _row(name: str, plot: Plot, limit: float | None = None, extra: str = "") -> str:
    told = f"limit {limit:g}" if limit is not None else f"{_short(plot.low)} to {_short(plot.high)}"
    return f'<div class="plot-row"><span>{name}</span><span class="figure">{told}</span>{plot.svg}{extra}</div>'


def _short(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"


def _unsaid(dailies: Dailies) -> str:
    places = [_at(frame, dailies.reel) for frame in dailies.cuts.extra]
    return "".join(f'<i class="unsaid" style="left:{place}" title="a cut that nobody wrote"></i>' for place in places)


def _legend(dailies: Dailies) -> str:
    cuts = dailies.cuts
    told = [
        '<span>colours: chains of shots that go on from each other</span><span><i class="cut"></i>cut</span>',
        '<span><i class="mix"></i>transition</span>',
        f"<span>{len(cuts.right)} of {len(cuts.right) + len(cuts.missing)} cuts are seen where they were written, "
        f"{len(cuts.extra)} {'is' if len(cuts.extra) == 1 else 'are'} seen that nobody wrote</span>",
    ]
    return f'<p class="keys quiet">{"".join(told)}</p>'


# Seams, the DAG, shots


def _worst(dailies: Dailies, most: float) -> str:
    place = {shot.id: number for number, shot in enumerate(dailies.reel.shots)}
    rows = [_seam(seam, place, most) for seam in dailies.worst[:_WORST]]
    if not rows:
        return '<h2>Seams</h2><p class="quiet">No shot goes on from the one before it on screen.</p>'
    more = f", the worst {_WORST} of {len(dailies.seams)}" if len(dailies.seams) > _WORST else ""
    flow = "" if any(seam.motion is not None for seam in dailies.seams) else _NO_FLOW
    return f'<h2>Seams, worst first{more}</h2><ul class="worst">{"".join(rows)}</ul>{flow}'


_NO_FLOW: Final = (
    '<p class="quiet">What motion does not explain is not measured: it needs OpenCV, '
    "<kbd>pip install storyboard[scopes]</kbd></p>"
)


def _seam(seam: Seam, place: Mapping[str, int], most: float) -> str:
    out, into = place_id(place[seam.before]), place_id(place[seam.after])
    rough = seam.figure is not None and seam.figure > most
    figures = [f"jerk {figure_text(seam.jerk)}"] if seam.jerk is not None else []
    figures += [f"beyond motion {figure_text(seam.motion)}"] if seam.motion is not None else []
    return (
        f'<li><button data-seek="{max(0, seam.first - _BEFORE_SEAM)}"><span class="pair">'
        f'<img data-same="{out}-tail" alt=""><img data-same="{into}-head" alt=""></span>'
        f'<strong class="figure{" rough-figure" if rough else ""}">{figure_text(seam.figure)}</strong> '
        f"{_text(seam.before)} | {_text(seam.after)}<br>"
        f'<span class="quiet figure">{", ".join(figures)}</span></button></li>'
    )


def _graph(dailies: Dailies) -> str:
    told = "A line: goes on from. Dashes: leads into. A row for each chain, in the film's order."
    graph = f'<div class="scroll">{dag(dailies.reel)}</div><p class="keys quiet">{told}</p>'
    return f"<h2>What goes on from what</h2>{graph}{_drifts(dailies)}"


def _drifts(dailies: Dailies) -> str:
    rows = "".join(
        f"<tr><td>{_text(each.shots[0])} to {_text(each.shots[-1])}</td><td>{figure_text(each.luma)}</td>"
        f"<td>{figure_text(each.saturation)}</td><td>{figure_text(each.sharpness)}</td></tr>"
        for each in dailies.drifts
    )
    head = "<tr><th>Drift along a chain</th><th>brightness</th><th>saturation</th><th>sharpness</th></tr>"
    return f'<div class="scroll figure"><table>{head}{rows}</table></div>' if rows else ""


def _shots(dailies: Dailies, stills: Mapping[str, Stills]) -> str:
    places = {shot.id: number for number, shot in enumerate(dailies.reel.shots)}
    rows = [_shot(dailies, shot, places, stills[shot.id]) for shot in dailies.reel.shots]
    return f"<h2>Shots</h2>{''.join(rows)}"


def _shot(dailies: Dailies, shot: ReelShot, places: Mapping[str, int], own: Stills) -> str:
    number, reel = places[shot.id], dailies.reel
    state = '<span class="chip was-shot">shot</span>' if shot.was_shot else '<span class="chip">hit</span>'
    told = [f"{_clock(shot.film.start, reel)} to {_clock(shot.film.stop, reel)}", _text(shot.record.engine)]
    told += [f"goes on from {_text(shot.continues)}"] if shot.continues else []
    wrong = "".join(f'<p class="flaw">{_text(flaw)}</p>' for flaw in flaws(dailies.shots[shot.id]))
    facts = "".join(f"<div><dt>{name}</dt><dd>{fact}</dd></div>" for name, fact in _facts(dailies, shot))
    place = place_id(number)
    return (
        f'<article class="shot {hue(shot)}" id="{place}" data-first="{shot.film.start}">'
        f'<header><h3><a href="#{place}" data-go="{number}" data-part="name">{_text(shot.id)}</a></h3>{state}'
        f'<span class="quiet figure" data-part="told">{" · ".join(told)}</span></header>'
        f'<p class="prompt" data-part="prompt">{_text(shot.record.prompt)}</p>'
        f'<div class="stills">{"".join(_stills(dailies.reel, shot, places, own))}</div>'
        f"{wrong}<dl>{facts}</dl></article>"
    )


def _stills(reel: Reel, shot: ReelShot, places: Mapping[str, int], own: Stills) -> Iterator[str]:
    """What is before it on the left of its own first frame, so that the seam is seen."""
    place = place_id(places[shot.id])
    size = f'width="{reel.cut.width}" height="{reel.cut.height}" decoding="async"'
    if shot.continues is not None and shot.continues in places:
        before = f"{place_id(places[shot.continues])}-tail"
        yield f'<figure><img data-same="{before}" {size} alt=""><figcaption>before it</figcaption></figure>'
    else:
        yield '<div class="none">begins afresh</div>'
    for name, data in (("head", own.head), ("middle", own.middle), ("tail", own.tail)):
        alt = f"{name} of {_text(shot.id)}"
        yield (
            f'<figure><img id="{place}-{name}" src="{data}" {size} alt="{alt}"><figcaption>{name}</figcaption></figure>'
        )


def _facts(dailies: Dailies, shot: ReelShot) -> Iterator[tuple[str, str]]:
    record, figures = shot.record, dailies.shots[shot.id]
    number = next(scene.take for scene in dailies.reel.scenes if scene.id == shot.scene)
    yield "Seed", str(record.seed)
    yield "Take", f"{number} <span class='quiet'>{_text(record.key[:12])}</span>"
    yield "Frames on screen", str(len(shot.film))
    yield "Time to shoot", "not known" if record.seconds is None else f"{record.seconds:.1f} s"
    yield "Flicker", figure_text(figures.flicker, 4)
    yield "Brightness", figure_text(figures.luma, 0)
    yield "Saturation", figure_text(figures.saturation)
    yield "Sharpness", figure_text(figures.sharpness, 0)
