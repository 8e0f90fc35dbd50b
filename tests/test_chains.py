"""Chains longer than their engine is known to bear: the author is told where, and how to begin anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from storyboard.chains import long_chains
from storyboard.engines.describe import described
from storyboard.errors import Fault
from tests.films import broken_down, scene, screenplay


def told(scenes: list[dict[str, object]], bears: int | None = 2, **can: object) -> list[Fault]:
    """The notices, were `animatic` known to bear so many."""
    breakdown = broken_down(screenplay(scenes))
    shots = [
        replace(
            shot,
            engine=replace(shot.engine, capabilities=replace(shot.engine.capabilities, bears=bears, **can)),  # type: ignore[arg-type]
        )
        for shot in breakdown.shots.values()
    ]
    return list(long_chains(breakdown.screenplay, shots))


def test_the_first_shot_too_many_is_told_of_at_its_scene() -> None:
    (notice,) = told([scene(name) for name in "abcde"])
    assert notice.path == ("scenes", 2)
    assert notice.message == "shot `c/1` comes after 2 others in a chain, and `animatic` is known to bear 2"
    assert notice.hint == (
        "begin anew on the way, by a cut (`continues: nothing`) or a `start` image, or pictures may wander off"
    )


@pytest.mark.parametrize(
    ("can", "ways"),
    [
        ({"start_image": False}, "by a cut (`continues: nothing`), or"),
        ({"references": True}, "by a cut (`continues: nothing`), a `start` image or a `reference` in the cast, or"),
    ],
)
def test_only_what_the_engine_can_is_suggested(can: Mapping[str, object], ways: str) -> None:
    (notice,) = told([scene(name) for name in "abc"], **can)
    assert ways in (notice.hint or "")


def test_pocket_says_how_many_it_bears() -> None:
    names = [f"s{number}" for number in range(1, 15)]
    scenes = [scene(name, prompt="A bear is walking.") for name in names]
    film = {"engine": "pocket", "scenes": scenes}
    (notice,) = broken_down(film).notices
    assert notice.path == ("scenes", 12) and "`pocket` is known to bear 12" in notice.message
    assert broken_down(film | {"scenes": scenes[:12]}).notices == ()
    assert described("pocket")["longest chain"].startswith("12 shots")
    assert described("animatic")["longest chain"] == "not known"


def test_a_cut_or_a_card_begins_a_chain_anew() -> None:
    assert told([scene("a"), scene("b"), scene("c", continues="nothing"), scene("d")]) == []
    assert told([scene("a"), scene("b"), scene("c", card={"text": "."}), scene("d"), scene("e")]) == []
    assert told([scene("a"), scene("b")]) == [] and told([scene(name) for name in "abcdef"], None) == []


def test_each_branch_is_told_of_and_shots_of_one_scene_count() -> None:
    branches = [scene("a"), scene("b"), scene("c"), scene("d", continues="b")]
    assert [notice.path for notice in told(branches)] == [("scenes", 2), ("scenes", 3)]
    beats = [{"at": second, "prompt": "It rains."} for second in (0, 1, 2, 3)]
    (notice,) = told([scene("a", 4, prompt="A.", beats=beats[1:])])
    assert notice.message.startswith("shot `a/3`") and notice.path == ("scenes", 0)
