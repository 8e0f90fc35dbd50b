"""Whose turn it is: schedules as worked out by hand, bounds of list scheduling, batches, hands that are lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.callsheet import MOST_TOGETHER, CallSheet, Entry, Turn, entries_of
from storyboard.engines.choice import EngineUse
from storyboard.errors import CommandError
from storyboard.forecast import forecast, simulate
from storyboard.plan import make_plan
from storyboard.vault import Vault
from tests.films import broken_down, scene, screenplay, shoot, storyboard, text_of


def film(**shots: tuple[float, str]) -> dict[str, Entry]:
    """Entries by name: how long each takes, and the shots that it needs, a letter each; it continues the first."""
    return {
        name: Entry(tuple(needs), seconds, continues=needs[0] if needs else None)
        for name, (seconds, needs) in shots.items()
    }


FILM = film(a=(2, ""), b=(1, ""), c=(4, "a"), d=(1, "a"), e=(3, "b"), f=(1, "ce"))
"""
    hand 0   a a c c c c f
    hand 1   b e e e d . .
"""


def test_two_hands_take_what_one_works_out_by_hand() -> None:
    found = simulate(FILM, 2)
    assert (found.seconds, found.longest, found.chain) == (7, 7, ("a", "c", "f"))
    assert found.idle == pytest.approx(2 / 14)
    assert found.total == pytest.approx(12)


def test_one_hand_shoots_in_the_film_s_order_and_is_never_idle() -> None:
    found = simulate(FILM, 1)
    assert (found.seconds, found.idle) == (12, 0)
    assert worked_off(CallSheet(FILM, 1)) == list("abcdef")
    assert worked_off(CallSheet(FILM, 2)) == list("abcedf"), "several: the longest way to go first"


def worked_off(sheet: CallSheet) -> list[str]:
    """Its order where every shot is there as soon as its turn comes."""
    order: list[str] = []
    while turn := sheet.next([0]):
        order += turn.shots
        for name in turn.shots:
            sheet.done(name)
    return order


def test_takes_are_stored_while_what_waits_for_them_is_shot() -> None:
    chain = film(a=(2, ""), b=(2, "a"), c=(3, ""))
    storing = {"a": 1.5, "b": 0.5, "c": 0.5}
    found = simulate(chain, 2, storing)
    assert (found.seconds, found.longest) == (2 + 2 + 0.5, 4)
    assert simulate(chain, 1, storing).seconds == 2 + 2 + 3 + 0.5


def test_where_storing_takes_longer_than_shooting_it_is_waited_for() -> None:
    chain = film(a=(1, ""), b=(1, "a"), c=(1, "b"), d=(1, "c"))
    found = simulate(chain, 1, dict.fromkeys("abcd", 10.0))
    # a: stored from 1 to 11; b: shot by 2, stored by 21; c: begun at 11, stored by 31; d: begun at 21, stored by 41
    assert (found.seconds, found.longest) == (41, 4)


def test_what_is_there_already_is_not_waited_for() -> None:
    found = simulate({"b": Entry(("a",), 2.0), "c": Entry(("b", "a"), 1.0)}, 4)
    assert (found.seconds, found.chain) == (3, ("b", "c"))
    nothing = simulate({}, 3)
    assert (nothing.seconds, nothing.idle, nothing.chain) == (0, 0, ())


@st.composite
def films(draw: st.DrawFn) -> dict[str, Entry]:
    """Shots that each need some of those before them."""
    count = draw(st.integers(1, 14))
    found: dict[str, Entry] = {}
    for number in range(count):
        before = [f"s{each}" for each in range(number)]
        needs = draw(st.lists(st.sampled_from(before), max_size=3, unique=True)) if before else []
        found[f"s{number}"] = Entry(tuple(needs), float(draw(st.integers(1, 9))), draw(st.sampled_from("xy")))
    return found


@given(films(), st.integers(1, 5))
def test_a_schedule_is_whole_and_at_most_twice_the_bound(shots: dict[str, Entry], hands: int) -> None:
    found = simulate(shots, hands)
    total = sum(each.seconds for each in shots.values())
    bound = max(total / hands, found.longest)
    assert bound - 1e-9 <= found.seconds <= (2 - 1 / hands) * bound + 1e-9
    assert found.total == pytest.approx(total)
    order = worked_off(CallSheet(shots, hands))
    assert sorted(order) == sorted(shots)
    place = {name: number for number, name in enumerate(order)}
    assert all(place[need] < place[name] for name, each in shots.items() for need in each.needs)


# Who


def test_a_chain_stays_with_its_hand_and_a_model_where_it_is_open() -> None:
    sheet = CallSheet(
        {
            "a": Entry((), 2, "ltx"),
            "b": Entry((), 2, "pocket"),
            "c": Entry(("a",), 1, "ltx", "a"),
            "d": Entry(("b",), 1, "pocket", "b"),
            "e": Entry((), 1, "pocket"),
        },
        3,
    )
    assert sheet.next([0, 1, 2]) == Turn(0, ("a",))
    assert sheet.next([1, 2]) == Turn(1, ("b",))
    assert sheet.next([0, 1]) == Turn(1, ("e",)), "its model is open there"
    for name in "ab":
        sheet.done(name)
    assert sheet.next([0, 1, 2]) == Turn(0, ("c",))
    assert sheet.next([0, 1, 2]) == Turn(1, ("d",))
    assert sheet.next([0, 1, 2]) is None


def test_a_shot_that_was_lost_goes_to_another_hand_while_there_is_one() -> None:
    sheet = CallSheet(film(a=(1, ""), b=(1, "a")), 2)
    assert sheet.next([0, 1]) == Turn(0, ("a",))
    sheet.again("a", shun=0)
    assert sheet.next([0, 1]) == Turn(1, ("a",))
    sheet.again("a", shun=1)
    assert sheet.next([1]) == Turn(1, ("a",))
    sheet.done("a")
    assert sheet.next([0]) == Turn(0, ("b",))


def test_a_shot_that_was_lost_waits_for_another_hand_that_will_be_free() -> None:
    sheet = CallSheet(film(a=(2, ""), b=(1, ""), c=(1, "")), 2)
    assert [sheet.next([0, 1]), sheet.next([1])] == [Turn(0, ("a",)), Turn(1, ("b",))]
    sheet.again("a", shun=0)
    assert sheet.next([0]) == Turn(0, ("c",)), "the next one goes before it"
    sheet.done("c")
    assert sheet.next([0]) is None, "hand 1 is still at work"
    sheet.done("b")
    assert sheet.next([0]) == Turn(0, ("a",)), "nobody else is, or may ever be"


def test_what_fails_takes_along_what_waits_on_it_and_nothing_else() -> None:
    sheet = CallSheet(FILM, 2)
    assert sheet.next([0, 1]) == Turn(0, ("a",))
    assert sorted(sheet.fail("a")) == ["c", "d", "f"]
    assert worked_off(sheet) == ["b", "e"]
    sheet.done("b")
    sheet.done("e")
    assert sheet.left == set()


def test_what_is_deferred_comes_back_when_it_is_looked_at_again() -> None:
    sheet = CallSheet(film(a=(1, ""), b=(1, "")), 1)
    assert sheet.next([0]) == Turn(0, ("a",))
    sheet.defer("a")
    assert sheet.next([0]) == Turn(0, ("b",))
    assert sheet.next([0]) is None
    sheet.resume()
    assert sheet.next([0]) == Turn(0, ("a",))


# Together


def alike(count: int, shape: str | None = "same") -> dict[str, Entry]:
    return {f"s{number}": Entry((), 1.0, shape=shape) for number in range(count)}


def test_ready_shots_of_one_shape_go_together_and_leave_as_many_for_the_others() -> None:
    sheet = CallSheet(alike(5) | {"other": Entry((), 1.0, shape="other"), "alone": Entry((), 1.0)}, 2)
    assert sheet.next([0, 1]) == Turn(0, ("s0", "s1", "s2"))
    assert sheet.next([1]) == Turn(1, ("s3", "s4"))
    assert [turn.shots for turn in iter(lambda: sheet.next([0]), None)] == [("other",), ("alone",)]


def test_a_batch_has_its_limit_and_what_waits_is_not_in_it() -> None:
    turn = CallSheet(alike(MOST_TOGETHER + 3), 1).next([0])
    assert turn is not None and len(turn.shots) == MOST_TOGETHER
    chain = {"a": Entry((), 1, shape="x"), "b": Entry(("a",), 1, shape="x")}
    assert CallSheet(chain, 1).next([0]) == Turn(0, ("a",))
    assert CallSheet(alike(3, None), 1).next([0]) == Turn(0, ("s0",))


def test_only_shots_of_one_shape_whose_option_says_so_are_alike() -> None:
    def shapes(**option: object) -> list[str | None]:
        tall = {"name": "pocket", "window": 17} | option
        scenes = [
            scene("a"),
            scene("b", continues="nothing", prompt="Another."),
            scene("c", seconds=2, continues="nothing"),
            scene("d", continues="a"),
        ]
        size = {"width": 128, "height": 128}
        shots = broken_down(screenplay(scenes, engine=tall, format=size)).shots
        plan = make_plan(broken_down(screenplay(scenes, engine=tall, format=size)), Vault(Path("nowhere")))
        assert list(shots) == list(entries_of(plan))
        return [each.shape for each in entries_of(plan).values()]

    assert shapes() == [None] * 4
    one, two, longer, later = shapes(batch=True)
    assert one is not None and one == two
    assert len({one, longer, later}) == 3


# What is foretold


def test_a_forecast_counts_what_shots_and_storing_took(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    scenes = [scene(name, continues="nothing" if name in "ac" else "previous") for name in "abcd"]
    shots = broken_down(screenplay(scenes, engine="strict"))
    plan = make_plan(shots, vault)
    assert forecast(plan, vault, 2) is None, "nobody knows yet"
    use: EngineUse = shots.shots["a/1"].engine
    for _ in range(3):
        vault.note_timing(use.group, 10, 20.0)
        vault.note_timing(use.storing, 10, 5.0)
    found = forecast(make_plan(shots, vault), vault, 2)
    first, second = shots.shots["a/1"].frames, shots.shots["b/1"].frames
    assert found is not None
    assert found.seconds == pytest.approx((first + second) * 2 + second * 0.5)
    assert found.longest == pytest.approx((first + second) * 2)
    assert found.chain == ("a/1", "b/1")
    for hands in (0, -1, 10**9):
        with pytest.raises(CommandError):
            forecast(plan, vault, hands)


def test_plan_tells_how_long_so_many_gpus_would_take(tmp_path: Path) -> None:
    path = tmp_path / "film.yaml"
    scenes = [scene(name, continues="nothing" if name in "ac" else "previous") for name in "abcd"]
    path.write_text(text_of(screenplay(scenes)))
    assert "no forecast: some shots have no estimate yet" in storyboard("plan", path, "--gpus", 2).stdout
    assert json.loads(storyboard("plan", path, "--gpus", 2, "--json").stdout)["forecast"] is None
    shoot(broken_down(screenplay([scene("other")])), Vault(tmp_path / "renders" / "vault"))
    said = json.loads(storyboard("plan", path, "--gpus", 2, "--json").stdout)["forecast"]
    assert (said["gpus"], said["longest_chain"]["shots"]) == (2, ["a/1", "b/1"])
    assert said["seconds"] >= said["longest_chain"]["seconds"] > 0
    assert 0 <= said["idle"] < 1
    lines = storyboard("plan", path, "--gpus", 2).stdout
    assert "on 2 GPUs: about " in lines and "longest chain: 2 shots, " in lines
    assert "forecast" not in json.loads(storyboard("plan", path, "--json").stdout)
    assert "GPU" not in storyboard("plan", path).stdout
