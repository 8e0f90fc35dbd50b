"""Whatever is written: `check` raises our own faults and nothing else, and what it accepts is shot and cut."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from storyboard.breakdown import break_down
from storyboard.conform import conform
from storyboard.cut import assemble
from storyboard.engines.choice import engine_faults
from storyboard.errors import ScreenplayError, StoryboardError
from storyboard.limits import Limits
from storyboard.lock import lock_from
from storyboard.profiles import profile_faults
from storyboard.screenplay import load, loads
from storyboard.splice import check_holds
from storyboard.vault import Vault
from tests.films import decoded, shoot, text_of
from tests.hostile import FINE, SCENES, TEXTS
from tests.strategies import Film, films, mutated
from tests.tally import tally

EXAMPLES = Path(__file__).parent.parent / "examples"
CORPUS = [*TEXTS.values(), *SCENES.values(), *FINE.values()]
SMALL = [
    *(path.read_bytes() for path in sorted(EXAMPLES.glob("*.yaml"))),
    *(
        raw
        for each in CORPUS
        if len(raw := each.text if isinstance(each.text, bytes) else each.text.encode("utf-8", "replace")) < 4000
    ),
]
LIMITS = Limits(frames=3000, pixels=1_000_000, shots=300)


def check_file(raw: bytes, folder: Path) -> None:
    """All that `check` does with a file, within limits."""
    path = folder / "film.yaml"
    path.write_bytes(raw)
    try:
        play = load(path, more=engine_faults, limits=LIMITS)
        film = break_down(play)
        check_holds(film, None)
        assert all(fault.message for fault in profile_faults(play))
    except StoryboardError as error:
        assert str(error) and not str(error).endswith(".")
    finally:
        tally("bad inputs")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("films")
    shutil.copytree(EXAMPLES / "assets", home / "assets")
    return home


@given(raw=mutated(SMALL))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_gone_wrong_anywhere_are_faults_and_nothing_else(raw: bytes, folder: Path) -> None:
    check_file(raw, folder)


@pytest.mark.long
@given(raw=mutated(SMALL))
@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_more_bytes_gone_wrong(raw: bytes, folder: Path) -> None:
    check_file(raw, folder)


def made(film: Film, folder: Path, *, movie: bool) -> bool:
    """Whether a film is sound; if so it has been shot, cut, and with `movie` conformed, as long as it says."""
    try:
        breakdown = break_down(loads(text_of(film), limits=LIMITS))
    except ScreenplayError:
        return False
    vault = Vault(folder / "vault")
    result = shoot(breakdown, vault)
    assert not result.failed, [event for event in result.events if hasattr(event, "error")]
    cut = assemble(breakdown, vault, takes=result.takes)
    assert cut.frames == breakdown.frames
    if movie:
        conform(cut, vault, folder / "film.mp4")
        assert len(decoded(folder / "film.mp4")) == cut.frames
    return True


@given(film=films())
@settings(max_examples=25, deadline=None)
def test_what_is_accepted_is_shot_and_cut(film: Film) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made(film, Path(folder), movie=False)


@pytest.mark.long
@given(film=films())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_accepted_becomes_a_movie_of_its_length(film: Film) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made(film, Path(folder), movie=True)


def test_a_random_film_is_often_sound() -> None:
    sound = []

    @given(film=films())
    @settings(max_examples=40, deadline=None, database=None, derandomize=True)
    def look(film: Film) -> None:
        try:
            break_down(loads(text_of(film), limits=LIMITS))
            sound.append(film)
        except ScreenplayError:
            pass

    look()
    assert len(sound) >= 8


@given(
    raw=mutated([b"# lock\nstoryboard: 1\nfilm: " + b"0" * 64 + b"\nshots:\n- id: a/1\n  key: " + b"1" * 64 + b"\n"])
)
@settings(max_examples=100, deadline=None)
def test_a_lock_gone_wrong_is_a_fault(raw: bytes) -> None:
    try:
        lock_from(raw.decode("utf-8", "replace"), "film.lock")
    except ScreenplayError as error:
        assert "film.lock:" in str(error)
