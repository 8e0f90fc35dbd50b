"""film.lock: written in one way, read back as it is, and wrong ones told by line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from storyboard.digest import digest_of
from storyboard.errors import CommandError, ScreenplayError
from storyboard.lock import Head, Lock, LockedShot, Pins, lock_from, lock_text, read_lock, write_lock
from storyboard.timing import FrameRange, Rate

A, B, C = (digest_of(name) for name in "abc")
HEAD = Head("sea/2", C, FrameRange(8, 24), Rate.parse("24000/1001"))
LOCK = Lock(
    film=A,
    shots=(
        LockedShot("a/1", A, B, C, "animatic", None, 0),
        LockedShot("sea/1", B, C, A, 'odd "engine": x', "Some/Model@1234: ä", 2**63 - 1, head=HEAD),
        LockedShot("sea/2", C, A, B, "animatic", None, 7, pinned=True, hold=True),
    ),
    earlier=(Pins(B), Pins(C, {"sea/2": A, "a/1": B}, {"sea/1": HEAD})),
)


def test_what_is_written_is_read_and_is_yaml(tmp_path: Path) -> None:
    path = tmp_path / "film.lock"
    assert read_lock(path) is None
    assert write_lock(path, LOCK)
    assert read_lock(path) == LOCK
    stamp = path.stat().st_mtime_ns
    assert not write_lock(path, LOCK), "nothing to write"
    assert path.stat().st_mtime_ns == stamp
    shots = yaml.safe_load(path.read_text())["shots"]
    assert [shot["seed"] for shot in shots] == [0, 2**63 - 1, 7]
    assert shots[1]["weights"] == "Some/Model@1234: ä"
    assert (shots[2]["pin"], shots[2]["hold"]) == (True, True)
    assert lock_from(lock_text(LOCK).replace("\n", "\r\n"), "film.lock") == LOCK, "however lines end"


def test_a_changed_shot_is_a_change_of_a_few_lines() -> None:
    other = replace(LOCK.shots[0], key=C, own=C, footage=A, seed=4)
    before = lock_text(LOCK).splitlines()
    after = lock_text(replace(LOCK, film=B, shots=(other, *LOCK.shots[1:]))).splitlines()
    assert sum(one != two for one, two in zip(before, after, strict=True)) == 5


def test_it_names_every_take_that_it_needs() -> None:
    assert LOCK.keys == {A, B, C}
    alone = Lock(A, (replace(LOCK.shots[0], head=HEAD),), (Pins(B, {"x/1": B}),))
    assert alone.keys == {A, B, C}


TEXT = lock_text(LOCK)
WRONG = [
    (
        TEXT.replace("  seed: 7", "<<<<<<< HEAD\n  seed: 7\n=======\n  seed: 8\n>>>>>>> other"),
        24,
        "a merge left a conf",
    ),
    (
        TEXT.replace("storyboard: 1", "storyboard: 2"),
        2,
        "this lock is of format 2, which this storyboard does not know",
    ),
    ("", 1, "this is no lock of a film: it has no `storyboard`"),
    ("title: A film\nscenes: []\n", 1, "a lock has no `title`"),
    ("PK\x03\x04\ufffd", 1, "this is no line of a lock"),
    (TEXT.replace("  key: ", "  key: x", 1), 6, "`key` holds something that is no digest"),
    (TEXT.replace("  seed: 0\n", ""), 5, "this shot has no `seed`"),
    (TEXT.replace("  seed: 0", "  seed: -1"), 10, "a seed is a whole number"),
    (TEXT.replace("  seed: 0", "  seed: 0\n  colour: red"), 5, "a locked shot has no `colour`"),
    (TEXT.replace("  seed: 0", "  seed: 0\n  seed: 0"), 11, "`seed` is written twice"),
    (TEXT.replace("- id: a/1", "- id: sea/1"), 4, "a shot is in the film twice"),
    (TEXT.replace("- id: a/1", "- id: ../1"), 5, "this is no id of a shot, such as `surface/1`"),
    (TEXT.replace('"animatic"', "animatic", 1), 9, "`engine` is a text in double quotes"),
    (TEXT.replace("pin: true", "pin: maybe"), 25, "`pin` is `true` or left out"),
    (TEXT.replace("8+16@24000/1001", "8+16@0"), 18, "`head` names a shot, frames of a take"),
    (TEXT.replace("shots:\n", "- id: a/1\nshots:\n"), 4, "this entry stands in no list"),
    (TEXT.replace("  seed: 0", "\tseed: 0"), 10, "this is no line of a lock"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_a_wrong_lock_is_told_by_line(number: int) -> None:
    text, line, message = WRONG[number]
    with pytest.raises(ScreenplayError) as wrong:
        lock_from(text, "film.lock")
    report = str(wrong.value)
    assert report.startswith(f"film.lock:{line}:1: {message}"), report
    assert "delete" in report[report.index("hint: ") :], "what to do is said too"


def test_a_wrong_lock_is_replaced_when_a_film_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "film.lock"
    path.write_text("<<<<<<< HEAD\n")
    assert write_lock(path, LOCK)
    assert read_lock(path) == LOCK
    assert [file.name for file in tmp_path.iterdir()] == ["film.lock"]


def test_a_lock_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "film.lock").mkdir()
    with pytest.raises(CommandError, match="cannot read"):
        read_lock(tmp_path / "film.lock")
