"""Keys, states and reasons: what is shot again after which edit, and why."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

from storyboard.plan import State, make_plan
from storyboard.project import Manifest, ShotRecord
from storyboard.reasons import Changed, Gone, New, WaitsFor
from storyboard.slate import slate_of
from storyboard.vault import Vault
from tests.films import broken_down, scene, screenplay, shoot

Film = dict[str, object]


def six(**film: object) -> Film:
    """Six scenes; the fifth is behind a cut."""
    scenes = [scene(name, 1) for name in "abcdef"]
    scenes[4]["continues"] = "nothing"
    return screenplay(scenes, **film)


def scenes_of(film: Film) -> list[dict[str, object]]:
    scenes = film["scenes"]
    assert isinstance(scenes, list)
    return scenes


def edit(change: Callable[[list[dict[str, object]]], object]) -> Callable[[Film], None]:
    return lambda film: (change(scenes_of(film)), None)[1]


def field(name: str, value: object) -> Callable[[Film], None]:
    return lambda film: film.update({name: value})


def swap(scenes: list[dict[str, object]]) -> None:
    scenes[1], scenes[2] = scenes[2], scenes[1]


def nothing(film: Film) -> None:
    """No edit."""


EDITS: list[tuple[str, Callable[[Film], None], str]] = [
    ("nothing at all", nothing, ""),
    ("the prompt of scene 1 of 6", edit(lambda s: s[0].update(prompt="Something else.")), "abcd"),
    ("the prompt of scene 3 of 6", edit(lambda s: s[2].update(prompt="Something else.")), "cd"),
    ("the prompt of the scene behind the cut", edit(lambda s: s[4].update(prompt="Something else.")), "ef"),
    ("the prompt of the last scene", edit(lambda s: s[5].update(prompt="Something else.")), "f"),
    ("the title", field("title", "Another title"), ""),
    ("a transition", edit(lambda s: s[2].update(transition={"kind": "dissolve", "duration": 0.5})), ""),
    ("a retake", edit(lambda s: s[1].update(take=2)), "bcd"),
    ("a seed", edit(lambda s: s[3].update(seed=1)), "d"),
    ("a cut scene inserted", edit(lambda s: s.insert(4, scene("new", 1, continues="nothing"))), "new"),
    ("a card inserted before the cut", edit(lambda s: s.insert(4, scene("new", 1, card={"text": "Later"}))), "new"),
    ("the duration of a scene behind which there is a cut", edit(lambda s: s[3].update(duration=2)), "d"),
    ("the duration of a scene that is continued", edit(lambda s: s[2].update(duration=2)), "cd"),
    ("a beat added", edit(lambda s: s[2].update(beats=[{"at": 0.5, "prompt": "And then."}])), "cd"),
    ("continues nothing", edit(lambda s: s[2].update(continues="nothing")), "cd"),
    ("continues another", edit(lambda s: s[3].update(continues="a")), "d"),
    ("the rate", lambda film: film.update(format={"width": 96, "height": 54, "rate": 12}), "abcdef"),
    ("the size", lambda film: film.update(format={"width": 64, "height": 36, "rate": 8}), "abcdef"),
    ("two scenes swapped", edit(swap), "bcd"),
    ("the style", field("style", "pencil drawing"), "abcdef"),
    ("the negative prompt", field("negative", "blur"), "abcdef"),
    ("the film's seed", field("seed", 9), "abcdef"),
    ("a scene left out", edit(lambda s: s.pop(1)), "cd"),
    ("an engine option that decides pixels", field("engine", {"name": "animatic", "tail": 3}), "bcdf"),
    ("defaults written out", field("engine", {"name": "animatic", "tail": 8}), ""),
    ("a scene renamed, its seed with it", edit(lambda s: s[5].update(id="z")), "z"),
]


@pytest.mark.parametrize(("name", "change", "expected"), EDITS, ids=[name for name, _, _ in EDITS])
def test_an_edit_shoots_again_exactly_what_depends_on_it(
    name: str, change: Callable[[Film], None], expected: str, tmp_path: Path
) -> None:
    vault = Vault(tmp_path)
    film = six()
    assert len(shoot(broken_down(film), vault).shot) == 6
    edited = deepcopy(film)
    change(edited)
    again = shoot(broken_down(edited), vault)
    scenes = [shot.split("/")[0] for shot in again.shot]
    wanted = [expected] if expected == "new" else list(expected)
    assert sorted(set(scenes)) == sorted(wanted)
    assert shoot(broken_down(edited), vault).shot == []
    assert shoot(broken_down(film), vault).shot == [], "reverting an edit shoots nothing"


def test_an_identical_tail_stops_the_ripple(tmp_path: Path) -> None:
    """A shot whose conditioning was shot again, but came out the same, is a hit and goes no further."""
    vault = Vault(tmp_path)
    film = broken_down(six())
    first = shoot(film, vault)
    vault.footage_path(first.takes["b/1"]).unlink()
    plan = make_plan(film, vault)
    assert [each.state for each in plan][:4] == [State.HIT, State.MISS, State.WAITING, State.WAITING]
    assert shoot(film, vault).shot == ["b/1"]


def test_states_and_reasons(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    film = six()
    result = shoot(broken_down(film), vault)
    records = [
        ShotRecord(name, name[0], "", 0, take.key, take.footage, "animatic", None, None, len(take.frames))
        for name, take in result.takes.items()
    ]
    last = Manifest("film.yaml", "", None, tuple(records), ())
    edited = deepcopy(film)
    scenes_of(edited)[2]["prompt"] = "Something else."
    scenes_of(edited).append(scene("g"))
    plan = make_plan(broken_down(edited), vault, last)
    assert plan.shots["b/1"].state is State.HIT
    assert plan.shots["c/1"].reasons == (Changed("prompt", "This is c.", "Something else."),)
    assert plan.shots["d/1"].reasons == (WaitsFor(("c/1",)),)
    assert plan.shots["g/1"].reasons == (New(),)
    assert plan.shots["g/1"].state is State.MISS
    assert plan.shots["c/1"].seconds is not None
    vault.footage_path(result.takes["a/1"]).write_bytes(b"damaged")
    plan = make_plan(broken_down(film), vault, last)
    assert plan.shots["a/1"].reasons == (Gone(),)
    changed = six(engine={"name": "animatic", "window": 60}, seed=3)
    reasons = make_plan(broken_down(changed), Vault(tmp_path), last).shots["e/1"].reasons
    assert [reason.field for reason in reasons if isinstance(reason, Changed)] == ["seed"]


def test_keys_do_not_depend_on_names_or_places(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    one = broken_down(screenplay([scene("a", prompt="A sea.", seed=1)], title="One"))
    two = broken_down(screenplay([scene("x", prompt="A  sea.", seed=1, engine={"name": "animatic", "window": 70})]))
    assert slate_of(one.shots["a/1"], {}).key == slate_of(two.shots["x/1"], {}).key
    assert shoot(one, vault).shot == ["a/1"]
    assert shoot(two, vault).shot == []


def test_the_key_of_a_known_slate_is_the_same_on_every_machine() -> None:
    shot = broken_down(screenplay([scene("a", prompt="A sea.", seed=1)])).shots["a/1"]
    plain = slate_of(shot, {}).plain()
    assert plain == {
        "slate": 1,
        "engine": "animatic",
        "version": 2,
        "weights": None,
        "options": {},
        "prompt": "A sea.",
        "negative": "",
        "seed": 1,
        "width": 96,
        "height": 54,
        "rate": "8",
        "frames": 8,
    }
    assert slate_of(shot, {}).key == "7f03e36cbf0bc54e09e60e5e842046800ad5eaf38ddd4759eb78cab6e794afb6"


def test_a_plan_of_a_chain_of_thousands_is_not_recursive(tmp_path: Path) -> None:
    film = broken_down(screenplay([scene(f"s{n}", "2f") for n in range(3000)]))
    plan = make_plan(film, Vault(tmp_path))
    assert (plan.count(State.MISS), plan.count(State.WAITING)) == (1, 2999)
