"""The dailies of a film of 200 shots: making them, and opening the page in a browser without a window.

Making them against asking the vault for each frame of the film by itself, which measures nothing yet. The page against
the same one with its stills as they were shot.
"""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from benchmarks.films import write_film
from benchmarks.measure import Comparison, Timed, seconds_of
from storyboard.dailies import ROUGH_SEAM, Dailies, look
from storyboard.dailies_page import movie_source, page_text, write_dailies
from storyboard.dailies_pictures import Stills
from storyboard.events import FilmStopped
from storyboard.film import prepare, produce
from storyboard.project import Places
from storyboard.reel import Reel, open_reel
from storyboard.scopes_film import shown
from storyboard.vault import Vault
from tests.browser import browser, open_browser

MOST_ROUNDS = 3
"""Each takes minutes."""
DESKTOP = (1280, 800)


def compare(folder: Path, rounds: int, *, small: bool) -> Iterator[Comparison]:
    """Real takes throughout. Without a browser on this machine, only what makes the page is timed."""
    shots, frames, size = (3, 9, (96, 54)) if small else (200, 33, (384, 216))
    film = write_film(folder / "film.yaml", shots, frames=frames, size=size, chain=True)
    where, vault = render(film)
    reel = open_reel(where, vault)
    spent: dict[str, list[float]] = {"made": [], "singly": []}
    for _ in range(min(rounds, MOST_ROUNDS)):
        spent["singly"].append(seconds_of(partial(read_singly, reel, vault)))
        spent["made"].append(seconds_of(partial(make, where)))
    dailies, page = make(where)
    facts = {"frames": reel.cut.frames, "bytes of the page": page.stat().st_size, "most": 5_000_000}
    singly = Timed("each frame by itself from the vault", tuple(spent["singly"]))
    made = Timed(f"`dailies`: measures, page and sheet of {shots} shots", tuple(spent["made"]))
    yield Comparison("dailies: made", made, singly, None, facts)
    if browser() is None:
        print("there is no Chromium here: opening the page is not measured", file=sys.stderr)
        return
    heavy = page.with_name("heavy.html")  # beside the movie that it plays
    heavy.write_text(page_text(dailies, whole_stills(reel, vault), movie_source(reel), ROUGH_SEAM), encoding="utf-8")
    yield open_both(folder, page, heavy, rounds)


def render(film: Path) -> tuple[Places, Vault]:
    """The film, shot and conformed. Raises SystemExit when a shot fails."""
    production = prepare(film, out=film.parent / "out", vault=film.parent / "vault")
    if any(isinstance(event, FilmStopped) for event in produce(production)):
        raise SystemExit("a shot failed")
    return production.places, production.vault


def make(where: Places) -> tuple[Dailies, Path]:
    """What `storyboard dailies` does; a vault of its own has hashed nothing yet."""
    vault = Vault(where.vault)
    dailies = look(open_reel(where, vault), vault)
    page, _ = write_dailies(dailies, vault)
    return dailies, page


def read_singly(reel: Reel, vault: Vault) -> None:
    """As code does that wants a frame of a film here and there."""
    for edit in reel.cut.edits:
        for frame in edit.strip.frames:
            shown(reel.cut, vault, edit.strip.key, [frame])


def whole_stills(reel: Reel, vault: Vault) -> Mapping[str, Stills]:
    """Head, middle and tail of each shot as they were shot."""
    from PIL import Image

    def uri(key: str, frame: int) -> str:
        out = io.BytesIO()
        Image.fromarray(shown(reel.cut, vault, key, [frame])[0]).save(out, "PNG")
        return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"

    def stills(key: str, frames: tuple[int, ...]) -> Stills:
        return Stills(*(uri(key, frame) for frame in (frames[0], frames[len(frames) // 2], frames[-1])))

    return {shot.id: stills(shot.take.key, shot.frames) for shot in reel.shots}


def open_both(folder: Path, page: Path, heavy: Path, rounds: int) -> Comparison:
    """Seconds until each page is loaded, in one browser that was started before."""
    spent: dict[Path, list[float]] = {page: [], heavy: []}
    with open_browser(folder / "profile") as window:
        window.open(page, *DESKTOP)
        for _ in range(rounds):
            for each, seconds in spent.items():
                seconds.append(window.open(each, *DESKTOP))
        if window.errors:
            raise SystemExit(f"the page has errors: {window.errors[0]}")
    light = Timed("the page in headless Chromium (at most 2 s)", tuple(spent[page]))
    whole = Timed("the same page with full-size stills", tuple(spent[heavy]))
    sizes = {"bytes of the page": page.stat().st_size, "with full-size stills": heavy.stat().st_size}
    return Comparison("dailies: opened", light, whole, None, sizes)
