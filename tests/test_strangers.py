"""Strangers' screenplays: each of a hostile corpus ends in a clear fault, soon, in little memory, touching nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.hostile import FINE, SCENES, TEXTS, Hostile, make_assets
from tests.strangers import CPU_SECONDS, Outcome, Trial, run_all
from tests.tally import tally

MOST_MEMORY = 300_000_000
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal would obey, or show in another order than it stands."""


def told(folder: Path, corpus: Mapping[str, Hostile], verb: str = "check") -> dict[str, Outcome]:
    """What came of a verb on each film of a corpus, one folder for all of them."""
    trials = []
    for number, (name, hostile) in enumerate(corpus.items()):
        text = hostile.text if isinstance(hostile.text, bytes) else hostile.text.encode("utf-8", "surrogatepass")
        film = folder / f"film{number}.yaml"
        film.write_bytes(text)
        trials.append(Trial(name, str(folder), (verb, film.name)))
    tally("bad inputs", len(trials))
    return run_all(trials)


def check_harmless(outcome: Outcome, folder: Path, *, code: int = 2) -> None:
    """It ended as it should, said nothing that a terminal obeys, and changed nothing outside of `folder`."""
    assert outcome.code == code, outcome
    assert "Traceback" not in outcome.err, outcome.err
    assert not RAW.search(outcome.out + outcome.err), outcome
    assert outcome.cpu < CPU_SECONDS and outcome.memory < MOST_MEMORY, outcome
    outside = [path for path in outcome.touched if not Path(path).is_relative_to(folder) and path != "/dev/null"]
    assert (outside, outcome.reached) == ([], ()), outcome


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Names, sizes and times of all that is in a folder."""
    found = {path: path.lstat() for path in folder.rglob("*")}
    return {str(path): (stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A film's folder with all that the corpus names, and a secret beside it."""
    home = tmp_path / "film"
    home.mkdir()
    make_assets(home)
    return home


@pytest.mark.parametrize("corpus", [TEXTS, SCENES], ids=["texts", "scenes"])
def test_each_ends_in_a_clear_fault_and_touches_nothing(folder: Path, corpus: dict[str, Hostile]) -> None:
    before = snapshot(folder.parent / "outside")
    outcomes = told(folder, corpus)
    assert outcomes.keys() == corpus.keys()
    for name, outcome in outcomes.items():
        check_harmless(outcome, folder)
        assert re.search(corpus[name].says or "", outcome.err), (name, outcome.err)
        assert outcome.touched == (), "a check writes nothing"
    assert snapshot(folder.parent / "outside") == before and not (folder / "owned").exists()


@pytest.mark.long
def test_films_whose_texts_mean_something_elsewhere_are_films_like_any_other(folder: Path) -> None:
    outcomes = told(folder, FINE, "render")
    for name, outcome in outcomes.items():
        assert outcome.code == 0 and not RAW.search(outcome.out + outcome.err), (name, outcome)
        outside = [path for path in outcome.touched if not Path(path).is_relative_to(folder) and path != "/dev/null"]
        assert outside == [], name
        assert all(re.search("ffmpeg|ffplay", each) for each in outcome.reached), outcome.reached
    assert not list(folder.rglob("owned"))
