"""From the movie alone back to the screenplay."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from storyboard.blame import Credit, MixedWith, ShotFacts, blame, cut_of, make_note, screenplay_of
from storyboard.boxes import append_note
from storyboard.conform import conform
from storyboard.cut import Cut, Edit, Mix, MixKind, Strip
from storyboard.digest import Plain, canonical, digest_of
from storyboard.errors import CommandError, ConformError
from storyboard.footage import Footage
from storyboard.timing import Duration, Rate
from storyboard.vault import Vault

SURFACE, UNDER = digest_of("surface"), digest_of("under")
SCREENPLAY = {"title": "The Teddy Bear Goes Under", "scenes": [{"id": "surface", "prompt": "Zwölf\nBären"}]}
SHOTS = {
    "surface/1": ShotFacts("A teddy bear swims.", "pocket", 7),
    "under/1": ShotFacts("The title.", "card", None),
    "elsewhere/1": ShotFacts("It is not in this cut.", "pocket", 9),
}
CUT = Cut(
    32,
    16,
    Rate.parse("24000/1001"),
    "cover",
    (
        Edit(0, Strip(SURFACE, range(2, 26)), "surface/1", "surface", 9, Mix(MixKind.FADE, None, 0, 30)),
        Edit(24, Strip(SURFACE, [26, 26, 27, 27, 28]), "surface/1", "surface", 9),
        Edit(
            29, Strip(UNDER, (0, 1, 2)), "under/1", "under", 12, Mix(MixKind.DISSOLVE, Strip(SURFACE, [29] * 3), 0, 3)
        ),
        Edit(32, Strip(UNDER, range(3, 10)), "under/1", "under", 12),
    ),
)


def noted(folder: Path, note: Plain) -> Path:
    path = folder / "film.mp4"
    path.unlink(missing_ok=True)
    append_note(path, note)
    return path


def test_a_rendered_movie_says_where_each_frame_comes_from(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault")
    for key in (SURFACE, UNDER):
        vault.put(key, {}, Footage(np.full((30, 16, 32, 3), 80, np.uint8), Rate.parse(24)), {})
    movie = conform(CUT, vault, tmp_path / "m.mp4", note=make_note(SCREENPLAY, CUT, SHOTS)).path
    shown = [(strip.key, frame) for strip in (edit.strip for edit in CUT.edits) for frame in strip.frames]
    credits = [blame(movie, Duration.parse(f"{frame}f")) for frame in range(CUT.frames)]
    assert [(credit.key, credit.take_frame) for credit in credits] == shown
    assert [credit.film_frame for credit in credits] == list(range(39))
    assert credits[26] == Credit(
        film_frame=26,
        seconds=Fraction(26 * 1001, 24000),
        scene="surface",
        line=9,
        shot="surface/1",
        prompt="A teddy bear swims.",
        engine="pocket",
        seed=7,
        key=SURFACE,
        take_frame=27,
        mixed_with=None,
    )
    assert (credits[35].scene, credits[35].line, credits[35].engine, credits[35].seed) == ("under", 12, "card", None)


def test_a_moment_is_the_frame_on_screen_then(tmp_path: Path) -> None:
    movie = noted(tmp_path, make_note(SCREENPLAY, CUT, SHOTS))
    assert blame(movie, Duration.parse("00:01")).film_frame == 23, "frame 24 comes 1 ms later"
    assert blame(movie, Duration.parse(1.001)).film_frame == 24
    assert blame(movie, Duration.parse(0)).film_frame == 0


def test_transitions_are_credited_with_what_lies_under(tmp_path: Path) -> None:
    movie = noted(tmp_path, make_note(SCREENPLAY, CUT, SHOTS))
    under = blame(movie, Duration.parse("30f")).mixed_with
    assert under == MixedWith(MixKind.DISSOLVE, "surface/1", SURFACE, 29, (Fraction(1, 2), Fraction(1, 2)))
    black = blame(movie, Duration.parse("2f")).mixed_with
    assert black == MixedWith(MixKind.FADE, None, None, None, (Fraction(0), Fraction(3, 31)))


@pytest.mark.parametrize("at", ["39f", "1.627", "00:00:10", "86400s"])
def test_a_time_beyond_the_end_names_the_length(at: str, tmp_path: Path) -> None:
    movie = noted(tmp_path, make_note(SCREENPLAY, CUT, SHOTS))
    assert blame(movie, Duration.parse("1.626")).film_frame == 38
    with pytest.raises(CommandError, match=r"39 frames, 1\.627 s, long"):
        blame(movie, Duration.parse(at))


def test_a_note_holds_the_screenplay_the_cut_and_the_shots_in_it(tmp_path: Path) -> None:
    note = make_note(SCREENPLAY, CUT, SHOTS)
    movie = noted(tmp_path, note)
    assert screenplay_of(movie) == SCREENPLAY
    assert b"elsewhere" not in canonical(note)
    back = cut_of(note)
    assert make_note(SCREENPLAY, back, SHOTS) == note
    assert [list(edit.strip.frames) for edit in back.edits] == [list(edit.strip.frames) for edit in CUT.edits]
    assert (back.width, back.height, back.rate, back.frames) == (32, 16, CUT.rate, 39)


def test_a_long_run_takes_little_room() -> None:
    cut = Cut(32, 16, Rate.parse(24), "cover", (Edit(0, Strip(SURFACE, range(100_000)), "surface/1", "surface", 9),))
    assert len(canonical(make_note(None, cut, SHOTS))) < 500


EDIT: dict[str, Plain] = {"first": 0, "scene": "s", "line": 1, "shot": "s/1", "key": "k", "run": [0, 3]}


def with_edit(**changes: Plain) -> Plain:
    film: dict[str, Plain] = {"storyboard": 1, "size": [32, 16], "rate": "24", "fit": "cover", "shots": {}}
    return {**film, "edits": [{**EDIT, **changes}]}


FOREIGN: list[Plain] = [
    [],
    {},
    {"storyboard": 2},
    {"storyboard": 1},
    with_edit(first=1),
    with_edit(run=[0, 0]),
    with_edit(run=[0]),
    with_edit(run=[0, 10**30]),
    with_edit(run=[-1, 3]),
    with_edit(run=["0", 3]),
    with_edit(line=None),
    with_edit(mix={"kind": "wipe", "position": 0, "length": 3, "under": None}),
    with_edit(mix={"kind": "fade", "position": 0, "length": -1, "under": None}),
    with_edit(mix={"kind": "fade", "position": 0, "length": 3, "under": {"key": "k", "frames": [1]}}),
    with_edit(),
]


@pytest.mark.parametrize("note", FOREIGN)
def test_a_note_that_is_not_ours_is_told(note: Plain, tmp_path: Path) -> None:
    with pytest.raises(ConformError, match="cannot be read"):
        blame(noted(tmp_path, note), Duration.parse(0))
