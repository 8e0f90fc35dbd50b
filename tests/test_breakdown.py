"""Scenes -> shots: counts, beats, windows, tails over several shots, heads, rates, own footage, cards, faults."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storyboard.breakdown import break_down
from storyboard.conditioning import tail_refs
from storyboard.engines.describe import described_all
from storyboard.errors import ScreenplayError
from storyboard.screenplay import loads
from storyboard.shots import Breakdown, FrameRef
from storyboard.timing import FrameRange, Rate
from tests.films import broken_down, scene, screenplay, text_of


def faults(data: dict[str, object], folder: Path = Path()) -> list[str]:
    with pytest.raises(ScreenplayError) as caught:
        broken_down(data, folder)
    return [fault.message for fault in caught.value.faults]


def test_scene_frames_are_rounded_half_up_each_by_itself() -> None:
    play = screenplay([scene(f"s{n}", seconds) for n, seconds in enumerate([0.0624, 0.0625, 0.19, "3f", 0.01])])
    assert [len(span.film) for span in broken_down(play).scenes] == [1, 1, 2, 3, 1]


def test_drift_beyond_half_a_frame_is_stated() -> None:
    assert not broken_down(screenplay([scene("a", 1.06)])).notices
    notices = broken_down(screenplay([scene("a", 1.06), scene("b", 1.06)])).notices
    assert "0.120 s shorter than its scenes say" in notices[0].message
    assert "longer than its scenes say" in broken_down(screenplay([scene(n, 1.07) for n in "ab"])).notices[0].message


def test_each_beat_starts_a_shot() -> None:
    beats = [{"at": "1s", "prompt": "Then this."}, {"at": 2.5, "prompt": "And that."}]
    film = broken_down(screenplay([scene("a", 4, beats=beats)], style="ink"))
    shots = list(film.shots.values())
    assert [shot.prompt for shot in shots] == ["This is a, ink", "Then this, ink", "And that, ink"]
    assert [shot.scene_first for shot in shots] == [0, 8, 20]
    assert [len(shot.visible) for shot in shots] == [8, 12, 12]
    assert [shot.continues for shot in shots] == [None, "a/1", "a/2"]


def test_a_long_stretch_is_filled_greedily_so_that_lengthening_changes_only_the_last_shot() -> None:
    engine = {"name": "animatic", "window": 20, "tail": 4}
    short = broken_down(screenplay([scene("a", 5)], engine=engine))
    long = broken_down(screenplay([scene("a", 6)], engine=engine))
    assert [len(shot.visible) for shot in short.shots.values()] == [20, 16, 4]
    assert [len(shot.visible) for shot in long.shots.values()] == [20, 16, 12]
    assert [short.shots[name] for name in ("a/1", "a/2")] == [long.shots[name] for name in ("a/1", "a/2")]
    assert [shot.frames for shot in long.shots.values()] == [20, 20, 16]


def test_a_tail_runs_back_over_several_shots_but_never_across_a_cut() -> None:
    scenes = [scene("a", 2), scene("b", "1f"), scene("c", "2f"), scene("d")]
    film = broken_down(screenplay(scenes, engine={"name": "animatic", "tail": 5}))
    assert film.shots["d/1"].tail == (
        *(FrameRef("a/1", frame) for frame in (14, 15)),
        FrameRef("b/1", 5),
        *(FrameRef("c/1", frame) for frame in (5, 6)),
    )
    scenes[1]["continues"] = "nothing"
    film = broken_down(screenplay(scenes, engine={"name": "animatic", "tail": 5}))
    assert [ref.shot for ref in film.shots["d/1"].tail] == ["b/1", "c/1", "c/1"]
    assert film.shots["d/1"].visible == FrameRange(3, 11)


def test_a_tail_is_the_largest_that_the_engine_accepts() -> None:
    film = broken_down(screenplay([scene("a", "8f"), scene("b")], engine="strict"))
    assert [ref.frame for ref in film.shots["b/1"].tail] == [7]
    film = broken_down(screenplay([scene("a", "9f"), scene("b")], engine="strict"))
    assert [ref.frame for ref in film.shots["b/1"].tail] == list(range(9))


def test_frames_obey_the_engine_s_rule_and_the_rest_are_handles() -> None:
    film = broken_down(screenplay([scene("a", "10f"), scene("b", "10f")], engine="strict"))
    assert [(shot.frames, shot.visible) for shot in film.shots.values()] == [
        (17, FrameRange(0, 10)),
        (25, FrameRange(9, 19)),
    ]


def test_a_branch_takes_its_tail_from_the_scene_that_it_names() -> None:
    scenes = [scene("a", 2), scene("b"), scene("c", continues="a")]
    film = broken_down(screenplay(scenes))
    assert {ref.shot for ref in film.shots["c/1"].tail} == {"a/1"}
    assert film.receivers["a/1"] == ("b/1", "c/1")
    assert nx.dag_longest_path_length(film.as_networkx()) == 1


def test_the_head_is_taken_after_the_fewest_handles_that_fit_the_rule() -> None:
    scenes = [scene("a", "10f", leads_into="b"), scene("b", 3, continues="nothing")]
    film = broken_down(screenplay(scenes, engine="strict"))
    shot = film.shots["a/1"]
    assert (shot.frames, shot.visible) == (25, FrameRange(0, 10))  # 10 visible + 6 handles + 9 of the head
    assert shot.head == tuple(FrameRef("b/1", frame) for frame in range(6, 15))
    assert list(film.shots) == ["b/1", "a/1"]


def test_a_head_runs_over_the_shots_of_the_scene_led_into_and_shrinks_with_it() -> None:
    beats = [{"at": "4f", "prompt": "Go on."}]
    scenes = [scene("a", 1, leads_into="b"), scene("b", 1, continues="nothing", beats=beats)]
    film = broken_down(screenplay(scenes, engine={"name": "animatic", "head": 6}))
    four = film.shots["b/2"].visible.start
    assert film.shots["a/1"].head[3:5] == (FrameRef("b/1", 3), FrameRef("b/2", four))
    scenes[1] = scene("b", "3f", continues="nothing")
    film = broken_down(screenplay(scenes, engine={"name": "animatic", "head": 6}))
    assert len(film.shots["a/1"].head) == 3


def test_only_the_last_shot_of_a_scene_takes_the_head_and_leaves_room_for_it() -> None:
    engine = {"name": "animatic", "window": 20, "tail": 4, "head": 8}
    film = broken_down(
        screenplay([scene("a", "30f", leads_into="b"), scene("b", 2, continues="nothing")], engine=engine)
    )
    shots = [film.shots[name] for name in film.scene("a").shots]
    assert sum(len(shot.visible) for shot in shots) == 30
    assert [bool(shot.head) for shot in shots] == [False] * (len(shots) - 1) + [True]
    assert all(shot.frames <= 20 for shot in shots)


def test_rates_differ_between_sender_and_receiver() -> None:
    scenes = [scene("a", 2, engine="twelve"), scene("b", 1), scene("c", 1, engine="twelve")]
    film = broken_down(screenplay(scenes, engine={"name": "animatic", "tail": 4}))
    assert film.shots["a/1"].frames == 24
    # frame j before the out point is (j - 1/2)/8 s before: 0.75, 2.25, 3.75 and 5.25 frames of twelve
    assert [ref.frame for ref in film.shots["b/1"].tail] == [18, 20, 21, 23]
    assert [ref.frame - film.shots["b/1"].visible.stop for ref in film.shots["c/1"].tail[-4:]] == [-3, -2, -1, -1]


@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    wanted=st.integers(1, 16),
    rates=st.lists(st.sampled_from([8, 12, 24]), min_size=6, max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_a_tail_is_the_newest_frames_in_order(lengths: list[int], wanted: int, rates: list[int]) -> None:
    engines = {8: {"name": "animatic", "rate": 8}, 12: {"name": "twelve"}, 24: {"name": "animatic", "rate": 24}}
    scenes = [scene(f"s{n}", f"{frames}f", engine=engines[rates[n]]) for n, frames in enumerate(lengths)]
    film = broken_down(screenplay(scenes))
    last = film.shots[film.scenes[-1].shots[-1]]
    refs = tail_refs(film.shots, last, wanted, Rate(Fraction(8)))
    places = [(list(film.shots).index(ref.shot), ref.frame) for ref in refs]
    assert places == sorted(places)
    assert all(ref.frame in film.shots[ref.shot].visible for ref in refs)
    assert len(refs) == min(wanted, film.frames), "each frame of the film, by a receiver at its rate"


def test_cards_hold_one_frame_and_are_not_continued() -> None:
    film = broken_down(screenplay([scene("a"), scene("title", 3, card={"text": "Then"}), scene("b")]))
    assert film.shots["title/1"].frames == 1
    assert film.shots["b/1"].continues is None
    assert film.frames == 8 + 24 + 8


def test_seeds_come_from_names_not_positions() -> None:
    one = broken_down(screenplay([scene("a"), scene("b")], seed=5))
    two = broken_down(screenplay([scene("new"), scene("a", continues="nothing"), scene("b", take=2)], seed=5))
    assert one.shots["a/1"].seed == two.shots["a/1"].seed
    assert one.shots["b/1"].seed != two.shots["b/1"].seed
    assert broken_down(screenplay([scene("a", seed=42)])).shots["a/1"].seed == 42


def test_what_an_engine_cannot_do_is_a_fault_and_what_it_ignores_a_notice() -> None:
    scenes = [
        scene("a", negative="blur"),
        scene("b"),
        scene("c", leads_into="d", continues="nothing"),
        scene("d", continues="nothing"),
    ]
    assert faults(screenplay(scenes, engine="alone")) == [
        "scene `b` continues `a`, and `alone` cannot continue a shot",
        "`alone` cannot lead into another scene",
    ]
    film = broken_down(screenplay([scene("a", negative="blur")], engine="alone"))
    assert film.shots["a/1"].negative == ""
    assert "takes no negative prompt" in film.notices[0].message


def test_options_sizes_and_windows_are_checked_against_the_engine() -> None:
    assert faults(screenplay([scene("a")], engine={"name": "animatic", "tial": 3})) != []
    assert (
        "does not take 17 tail frames" in faults(screenplay([scene("a")], engine={"name": "animatic", "tail": 17}))[0]
    )
    assert "does not take 8 tail frames" in faults(screenplay([scene("a")], engine={"name": "strict", "tail": 8}))[0]
    assert "shoots at 12 frames per second" in faults(screenplay([scene("a")], engine={"name": "twelve", "rate": 8}))[0]
    overrun = {"name": "animatic", "window": 8, "tail": 8}
    assert "does not fit the window: tail 8" in faults(screenplay([scene("a"), scene("b")], engine=overrun))[0]


def test_a_fault_in_one_scene_does_not_hide_another_s() -> None:
    bad = {"name": "animatic", "tail": 99}
    scenes = [
        scene("a", engine=bad),
        scene("b", continues="nothing", engine={"name": "nobody"}),
        scene("c", 1, continues="nothing", transition={"kind": "fade", "duration": "9f"}),
        scene("d", continues="nothing", engine="alone"),
        scene("e", engine="alone"),
        scene("f", continues="b"),
    ]
    film = screenplay(scenes, format={"width": 96, "height": 54})
    film["engine"] = {"name": "animatic", "rate": 8}
    scenes[2]["duration"] = 0.2
    assert faults(film) == [
        "`animatic` does not take 99 tail frames",
        "unknown engine `nobody`",
        "a fade of 9 frames into a scene of 5",
        "scene `e` continues `d`, and `alone` cannot continue a shot",
    ]


def test_a_scene_too_short_to_be_led_into_is_named() -> None:
    scenes = [scene("a", "10f", leads_into="b"), scene("b", "3f", continues="nothing")]
    assert faults(screenplay(scenes, engine="strict")) == [
        "scene `a` leads into `b`, which is too short for it, with 3 frames"
    ]


def test_one_frame_cannot_be_two_pictures(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (40, 30)).save(tmp_path / "x.png")
    both = {"start": {"image": "x.png"}, "end": {"image": "x.png"}}
    assert "both `start` and `end` give it" in faults(screenplay([scene("a", "1f", **both)]), tmp_path)[0]
    assert broken_down(screenplay([scene("a", "2f", **both)]), tmp_path).frames == 2


def test_a_transition_of_no_frame_is_said_to_be_a_cut() -> None:
    film = broken_down(screenplay([scene("a"), scene("b", transition={"kind": "dissolve", "duration": 0.05})]))
    assert [note.message for note in film.notices] == ["a dissolve of 0.05s is less than half a frame: the film cuts"]


def test_another_engine_gives_the_film_its_size_where_it_cannot_shoot_the_film_s() -> None:
    play = loads(text_of(screenplay([scene("a", engine="twelve"), scene("b")])))
    film = break_down(play, engine="wide")
    assert (film.width, film.height, film.rate) == (128, 64, Rate(Fraction(8)))
    assert {shot.engine.spec.name for shot in film.shots.values()} == {"wide"}
    assert [note.message for note in film.notices] == ["`wide` cannot shoot at 96x54; this film is 128x64"]
    assert not break_down(play, engine="strict").notices
    assert "cannot shoot at the film's 96x54" in faults(screenplay([scene("a")], engine="wide"))[0]


def test_a_film_that_names_no_engine_is_shot_by_pocket_at_its_size_and_rate() -> None:
    film = broken_down({"scenes": [scene("a", prompt="A dog in the forest."), scene("b", engine="animatic")]})
    assert [shot.engine.spec.name for shot in film.shots.values()] == ["pocket", "animatic"]
    assert (film.width, film.height, film.rate) == (128, 128, Rate(Fraction(8)))
    assert film.notices == ()


def test_a_broken_announcement_of_an_engine_is_a_fault_and_hides_no_other_engine() -> None:
    assert "engine `gone` cannot be loaded" in faults(screenplay([scene("a")], engine="gone"))[0]
    rows = {name: here for name, _, here in described_all()}
    assert (rows["gone"], rows["animatic"]) == ("cannot run here", "runs here")


def test_scenes_that_differ_in_counts_and_sizes_share_an_engine() -> None:
    one = {"name": "animatic", "tail": 2, "width": 48, "height": 48}
    film = broken_down(screenplay([scene("a", engine=one), scene("b")]))
    assert film.shots["a/1"].engine.resident == film.shots["b/1"].engine.resident


@pytest.mark.long
def test_ten_thousand_notices_take_seconds() -> None:
    scenes = [scene(f"s{n}", continues="nothing", negative="blur") for n in range(10_000)]
    begun = time.process_time()
    assert len(broken_down(screenplay(scenes, engine="alone")).notices) == 10_000
    assert time.process_time() - begun < 60


@pytest.mark.parametrize("chain", [pytest.param(True, marks=pytest.mark.long), False])
def test_ten_thousand_shots_take_seconds(chain: bool) -> None:
    data = screenplay([scene(f"s{n}", continues="previous" if chain else "nothing") for n in range(10_000)])
    begun = time.process_time()
    film: Breakdown = broken_down(data)
    assert len(film.shots) == 10_000
    assert time.process_time() - begun < 60  # a bound on the order of growth, not a benchmark
