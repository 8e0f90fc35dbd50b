"""Splices and holds: what is shot, what it is conditioned on, what stays, and for how long."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest

from storyboard.errors import CommandError, MissingTakes, ScreenplayError
from storyboard.joins import new_seams
from storyboard.pins import Mode
from storyboard.scopes import seam_ratio
from storyboard.screenplay import loads
from tests.films import scene, screenplay, text_of
from tests.spliced import Reel, Rendered

Film = dict[str, object]


def chain(names: str = "abcde", **film: object) -> Film:
    return screenplay([scene(name) for name in names], **film)


def changed(film: Film, **scenes: dict[str, object]) -> Film:
    """The film with other fields in some scenes; a field that is None is left out."""
    film = deepcopy(film)
    written = film["scenes"]
    assert isinstance(written, list)
    for each in written:
        each |= scenes.get(each["id"], {})
        for name in [name for name, value in each.items() if value is None]:
            del each[name]
    return film


def new_words(film: Film, *names: str) -> Film:
    return changed(film, **{name: {"prompt": f"Now {name} is other."} for name in names})


def visible(rendered: Rendered, shot: str) -> list[str]:
    """Digests of the frames of a shot that the film may show."""
    shown = rendered.film.shots[shot].visible
    return list(rendered.takes[shot].frames[shown.start : shown.stop])


def test_one_scene_of_twenty_is_shot_and_with_cuts_what_is_between_them(tmp_path: Path) -> None:
    names = [f"s{number}" for number in range(1, 21)]
    for cuts, plainly in ((False, 14), (True, 4)):
        film = screenplay(
            [
                scene(name, "4f", continues="nothing" if cuts and place % 5 == 0 else "previous")
                for place, name in enumerate(names)
            ]
        )
        reels = [Reel(tmp_path / f"{cuts}{number}") for number in range(2)]
        before = [reel.render(film) for reel in reels]
        edited = new_words(film, "s7")
        assert len(reels[0].render(edited).shot) == plainly
        after = reels[1].render(edited, Mode.SPLICE)
        assert after.shot == ["s7/1"]
        assert {name for name in after.keys if after.keys[name] != before[1].keys[name]} == {"s7/1"}


def test_a_spliced_shot_is_given_the_tail_before_and_the_head_after_it(tmp_path: Path) -> None:
    reel, film = Reel(tmp_path), chain()
    before = reel.render(film)
    after = reel.render(new_words(film, "b"), Mode.SPLICE)
    take = after.takes["b/1"]
    assert take.slate["tail"] == {"digests": visible(before, "a/1")[-8:], "resample": None}
    assert take.slate["head"] == {"digests": visible(before, "c/1")[:8], "resample": None}
    assert list(take.frames[-8:]) == visible(before, "c/1")[:8], "the head comes back, as a handle"
    assert len(visible(after, "b/1")) == 8, "and is not shown twice"
    assert after.shown[16:] == before.shown[16:]
    assert after.shown[8:16] == [(frame,) for frame in visible(after, "b/1")]


def test_what_the_head_is_like_decides_the_pixels(tmp_path: Path) -> None:
    """The engine of these tests draws other pictures where it is given another head."""
    reel, film = Reel(tmp_path), chain("abc")
    reel.render(film)
    one = reel.render(new_words(film, "b"), Mode.SPLICE)
    other = Reel(tmp_path / "other")
    other.render(changed(film, c={"take": 2}))
    two = other.render(changed(new_words(film, "b"), c={"take": 2}), Mode.SPLICE)
    assert one.takes["b/1"].slate["prompt"] == two.takes["b/1"].slate["prompt"]
    assert visible(one, "b/1") != visible(two, "b/1")


def test_an_engine_without_heads_is_given_one_last_picture(tmp_path: Path) -> None:
    reel, film = Reel(tmp_path), chain("abc", engine="ends")
    before = reel.render(film)
    after = reel.render(new_words(film, "b"), Mode.SPLICE)
    slate = after.takes["b/1"].slate
    assert slate["end"] == {"digests": visible(before, "c/1")[:1], "resample": None}
    assert "head" not in slate
    assert after.film.shots["b/1"].frames == 8 + 8 + 1
    assert after.takes["b/1"].frames[-1] == visible(before, "c/1")[0]


def test_an_engine_that_takes_neither_is_refused_and_renders_plainly(tmp_path: Path) -> None:
    reel, film = Reel(tmp_path), chain("abc", engine="forth")
    reel.render(film)
    with pytest.raises(CommandError, match="`forth` takes no head and no end image, so scene `b`") as refused:
        reel.render(new_words(film, "b"), Mode.SPLICE)
    assert refused.value.hint is not None and "without `--splice`" in refused.value.hint
    assert reel.render(new_words(film, "c"), Mode.SPLICE).shot == ["c/1"], "nothing goes on from the last scene"
    assert reel.render(new_words(film, "b")).shot == ["b/1", "c/1"]


def test_a_frame_rule_is_kept_by_a_head_that_begins_before_the_in_point(tmp_path: Path) -> None:
    reel, film = Reel(tmp_path), screenplay([scene("a", 2), scene("b", 1), scene("c", 2)], engine="strict")
    before = reel.render(film)
    after = reel.render(new_words(film, "b"), Mode.SPLICE)
    shot, head = after.film.shots["b/1"], after.takes["b/1"].slate["head"]
    assert (shot.frames - 1) % 8 == 0
    into, over = after.film.shots["c/1"].visible.start, shot.visible.stop + 9 - shot.frames
    assert 0 < over < 8
    assert head == {"digests": list(before.takes["c/1"].frames[into - over : into - over + 9]), "resample": None}


def test_where_nothing_is_before_the_in_point_handles_keep_the_frame_rule(tmp_path: Path) -> None:
    scenes = [scene("a", 2, continues="nothing"), scene("b", "9f", continues="nothing", leads_into="a")]
    film, reel = screenplay(scenes, engine="strict"), Reel(tmp_path)
    after = reel.render(film)
    shot, head = after.film.shots["b/1"], after.takes["b/1"].slate["head"]
    padding = shot.frames - shot.visible.stop - 9
    assert (shot.frames - 1) % 8 == 0 and padding > 0
    assert head == {"digests": visible(after, "a/1")[padding : padding + 9], "resample": None}


def test_where_no_head_fits_it_is_said(tmp_path: Path) -> None:
    scenes = [scene("a", 2), scene("b", "4f", engine={"name": "strict", "window": 17}), scene("c", "1f")]
    reel, film = Reel(tmp_path), screenplay(scenes)
    reel.render(film)
    with pytest.raises(CommandError, match="cannot be spliced: scene `b` leads into `c/1`, which is too short"):
        reel.render(new_words(film, "b"), Mode.SPLICE)


def test_other_rates_and_sizes_meet_at_both_ends(tmp_path: Path) -> None:
    wide = {"name": "wide", "width": 128, "height": 64}
    reel, film = Reel(tmp_path), screenplay([scene("a"), scene("b", engine="twelve"), scene("c", engine=wide)])
    before = reel.render(film)
    after = reel.render(new_words(film, "b"), Mode.SPLICE)
    assert after.shot == ["b/1"]
    head = after.takes["b/1"].slate["head"]
    assert isinstance(head, dict) and set(head["digests"]) <= set(visible(before, "c/1"))
    assert head["resample"] is not None
    assert after.shown[16:] == before.shown[16:]


@pytest.mark.parametrize("length", ["3f", "1.5s", "3s"])
def test_a_scene_made_longer_or_shorter_moves_what_comes_after_it(length: str, tmp_path: Path) -> None:
    reel, film = Reel(tmp_path), chain()
    before = reel.render(film)
    after = reel.render(changed(film, b={"duration": length}), Mode.SPLICE)
    assert after.shot == ["b/1"]
    frames = {"3f": 3, "1.5s": 12, "3s": 24}[length]
    assert len(after.shown) == 32 + frames
    assert after.shown[:8] == before.shown[:8]
    assert after.shown[8 + frames :] == before.shown[16:]


def test_of_a_scene_of_several_shots_the_last_takes_the_head(tmp_path: Path) -> None:
    beats = [{"at": "8f", "prompt": "Then."}, {"at": "16f", "prompt": "At last."}]
    reel = Reel(tmp_path)
    film = screenplay([scene("a"), scene("b", 3, beats=beats), scene("c", 2, beats=beats[:1])])
    before = reel.render(film)
    after = reel.render(new_words(film, "b"), Mode.SPLICE)
    assert after.shot == ["b/1", "b/2", "b/3"]
    assert ["head" in after.takes[shot].slate for shot in after.shot] == [False, False, True]
    middle = changed(film, b={"beats": [{"at": "8f", "prompt": "Other."}, beats[1]]})
    reel.lock = before.lock
    after = reel.render(middle, Mode.SPLICE)
    assert after.shot == ["b/2", "b/3"], "its first shot goes on from the same tail"
    assert {name: key for name, key in after.keys.items() if name[0] == "c"} == {
        name: key for name, key in before.keys.items() if name[0] == "c"
    }


def test_a_window_too_short_for_the_head_makes_another_shot(tmp_path: Path) -> None:
    reel, film = Reel(tmp_path), chain("abc", engine={"name": "animatic", "window": 16})
    reel.render(film)
    edited = new_words(film, "b")
    after = reel.render(edited, Mode.SPLICE)
    assert after.shot == ["b/1", "b/2"]
    assert reel.render(edited).shot == []
    assert reel.render(new_words(edited, "a")).shot == ["a/1", "b/1", "b/2"]


def test_scenes_that_stay_are_led_into_by_the_first_in_the_document(tmp_path: Path) -> None:
    reel = Reel(tmp_path)
    film = screenplay([scene("a"), scene("b"), scene("x", continues="a"), scene("y", continues="a")])
    before = reel.render(film)
    after = reel.render(new_words(film, "a"), Mode.SPLICE)
    assert after.shot == ["a/1"]
    head = after.takes["a/1"].slate["head"]
    assert isinstance(head, dict) and head["digests"] == visible(before, "b/1")[:8]
    assert sorted(after.lock.pins.takes) == ["b/1", "x/1", "y/1"]
    both = Reel(tmp_path / "both")
    both.render(film)
    after = both.render(new_words(film, "a", "b"), Mode.SPLICE)
    head = after.takes["a/1"].slate["head"]
    assert isinstance(head, dict) and head["digests"] == visible(before, "x/1")[:8], "`b` is shot from it anyway"


def test_neighbours_that_change_together_are_spliced_as_one(tmp_path: Path) -> None:
    reel, film = Reel(tmp_path), chain()
    reel.render(film)
    after = reel.render(new_words(film, "b", "c"), Mode.SPLICE)
    assert after.shot == ["b/1", "c/1"]
    assert "head" not in after.takes["b/1"].slate and "head" in after.takes["c/1"].slate


def test_scenes_put_in_and_taken_out(tmp_path: Path) -> None:
    reel, film = Reel(tmp_path), chain("abd")
    before = reel.render(film)
    more = chain("abcd")
    after = reel.render(more, Mode.SPLICE)
    assert after.shot == ["c/1"]
    assert (after.shown[:16], after.shown[24:]) == (before.shown[:16], before.shown[16:])
    less = chain("acd")
    after = reel.render(less, Mode.SPLICE)
    assert (after.shot, len(after.shown)) == ([], 24), "what is left stays as it is"


def test_a_tail_that_got_shorter_moves_nothing_in_a_take_that_stays(tmp_path: Path) -> None:
    """A take shows the frames that it showed, whatever tail it would be given now."""
    reel, film = Reel(tmp_path), screenplay([scene("a", 1), scene("b", 1), scene("c", 1), scene("d", "4f")])
    before = reel.render(film)
    after = reel.render(changed(film, b={"duration": "2f", "continues": "nothing"}), Mode.SPLICE)
    assert after.shot == ["b/1"]
    assert after.film.shots["c/1"].visible.start == 8, "as it was shot, with a tail of 8"
    assert after.shown[10:] == before.shown[16:]
    again = reel.render(new_words(changed(film, b={"duration": "2f", "continues": "nothing"}), "d"))
    tail = again.takes["d/1"].slate["tail"]
    assert again.shot == ["d/1"]
    assert isinstance(tail, dict) and tail["digests"] == visible(before, "c/1")[-8:]


def test_splices_stay_until_they_are_shot_through(tmp_path: Path) -> None:
    reel, film = Reel(tmp_path), chain()
    reel.render(film)
    edited = new_words(film, "b")
    spliced = reel.render(edited, Mode.SPLICE)
    assert reel.render(edited).keys == spliced.keys
    later = reel.render(new_words(edited, "e"))
    assert later.shot == ["e/1"]
    assert set(later.lock.pins.takes) == {"c/1"}
    earlier = reel.render(new_words(edited, "a", "e"))
    assert earlier.shot == ["a/1", "b/1"], "a spliced shot whose tail changed is shot again"
    assert earlier.takes["b/1"].slate["head"] == spliced.takes["b/1"].slate["head"], "with the same head"
    again = reel.render(changed(new_words(edited, "a", "e"), b={"prompt": "A third b."}))
    assert again.shot == ["b/1"]
    assert again.takes["b/1"].slate["head"] == spliced.takes["b/1"].slate["head"], "the take after it is still pinned"
    film = changed(new_words(edited, "a", "e"), b={"prompt": "A third b."})
    through = reel.render(film, Mode.RIPPLE)
    assert through.shot == ["b/1", "c/1", "d/1", "e/1"]
    assert not through.lock.pins.takes and not through.lock.pins.heads and not through.lock.earlier
    assert through.shown == Reel(tmp_path / "clean").render(film).shown


def test_a_pin_drops_when_its_own_shot_changes(tmp_path: Path) -> None:
    reel, film = Reel(tmp_path), chain()
    reel.render(film)
    edited = new_words(film, "b")
    spliced = reel.render(edited, Mode.SPLICE)
    after = reel.render(new_words(edited, "c"))
    assert after.shot == ["c/1", "d/1", "e/1"]
    assert not after.lock.pins.takes
    assert after.keys["b/1"] == spliced.keys["b/1"], "a spliced scene stays; nobody changed it"
    back = reel.render(edited)
    assert (back.shot, back.keys) == ([], spliced.keys), "undone, the pin holds again"


def test_a_pin_goes_when_nothing_needs_it_any_more(tmp_path: Path) -> None:
    """Undone by another way than back: with something else changed as well."""
    reel, film = Reel(tmp_path), chain()
    before = reel.render(film)
    reel.render(new_words(film, "b"), Mode.SPLICE)
    after = reel.render(new_words(film, "e"))
    assert after.shot == ["e/1"]
    assert {name: after.keys[name] for name in ("b/1", "c/1", "d/1")} == {
        name: before.keys[name] for name in ("b/1", "c/1", "d/1")
    }
    assert not after.lock.pins.takes and not after.lock.pins.heads


def test_a_held_scene_stays_whatever_changes_before_it(tmp_path: Path) -> None:
    reel, film = Reel(tmp_path), changed(chain(), c={"hold": True})
    before = reel.render(film)
    assert not before.lock.pins.takes
    edited = new_words(film, "a")
    after = reel.render(edited)
    assert after.shot == ["a/1", "b/1"]
    assert after.shown[16:] == before.shown[16:]
    assert after.takes["b/1"].slate["head"] == {"digests": visible(before, "c/1")[:8], "resample": None}
    assert reel.render(edited, Mode.RIPPLE).keys == after.keys, "what is held is held"
    released = changed(edited, c={"hold": None})
    assert reel.render(released).keys == after.keys, "to take the hold out shoots nothing"
    assert reel.render(released, Mode.RIPPLE).shot == ["b/1", "c/1", "d/1", "e/1"]


def test_a_held_scene_cannot_be_changed(tmp_path: Path) -> None:
    reel, film = Reel(tmp_path), changed(chain(), c={"hold": True})
    reel.render(film)
    for field, value in (("prompt", "Other."), ("take", 2), ("duration", 2), ("continues", "nothing")):
        with pytest.raises(ScreenplayError) as wrong:
            reel.render(changed(film, c={field: value}))
        report = str(wrong.value)
        assert "scene `c` is on hold, but" in report and "|   hold: true" in report
        assert "hint: undo the change, or take `hold` out to shoot the scene again" in report
    with pytest.raises(ScreenplayError, match="`c` is on hold, but `prompt` changed"):
        reel.render(changed(film, c={"prompt": "Other."}), Mode.SPLICE)
    both = changed(film, c={"prompt": "Other.", "hold": None})
    assert reel.render(both).shot == ["c/1", "d/1", "e/1"]
    assert reel.render(changed(both, c={"hold": True, "take": 3})).shot, "nothing was held when it was changed"


def test_a_pinned_take_that_is_nowhere_is_said(tmp_path: Path) -> None:
    reel, film = Reel(tmp_path), chain()
    before = reel.render(film)
    edited = new_words(film, "b")
    reel.render(edited, Mode.SPLICE)
    reel.vault.footage_path(before.takes["c/1"]).unlink()
    with pytest.raises(MissingTakes, match="shot `c/1` is pinned to a take that is not in the vault") as gone:
        reel.render(edited)
    assert gone.value.hint is not None and "vault pull" in gone.value.hint and "--ripple" in gone.value.hint
    assert reel.render(edited, Mode.RIPPLE).shot == ["b/1", "c/1", "d/1", "e/1"]


def test_what_leads_into_a_spliced_scene_stays_and_its_seam_is_measured(tmp_path: Path) -> None:
    reel = Reel(tmp_path)
    film = screenplay([scene("a", leads_into="b"), scene("b", continues="nothing"), scene("c")])
    before = reel.render(film)
    after = reel.render(new_words(film, "b"), Mode.SPLICE)
    assert (after.shot, set(after.lock.pins.takes)) == (["b/1"], {"a/1", "c/1"})
    seams = list(new_seams(after.film, after.takes, reel.vault, after.lock, before.lock))
    assert [(seam.before, seam.after, seam.stays) for seam in seams] == [("a/1", "b/1", True), ("b/1", "c/1", True)]
    assert not list(new_seams(after.film, after.takes, reel.vault, after.lock, after.lock)), "told once"


def test_the_ratio_of_a_seam_is_that_of_the_frames_beside_it(tmp_path: Path) -> None:
    reel, film = Reel(tmp_path), chain("abc")
    before = reel.render(film)
    after = reel.render(new_words(film, "b"), Mode.SPLICE)
    left, right = new_seams(after.film, after.takes, reel.vault, after.lock, before.lock)
    one, two = (reel.vault.frames(after.takes[name], range(8, 16)) for name in ("b/1", "c/1"))
    assert (right.before, right.after, right.ratio) == ("b/1", "c/1", seam_ratio(one, two))
    assert right.rough == (right.ratio is not None and right.ratio > 2)
    assert (left.before, left.after, left.rough) == ("a/1", "b/1", False)


def test_hold_is_true_or_false_and_for_what_is_shot() -> None:
    for fields, said in (
        ({"hold": "yes"}, "`hold` must be `true` or `false`, not `yes`"),
        ({"hold": True, "card": {"text": "End"}}, "`hold` means nothing for a title card"),
    ):
        with pytest.raises(ScreenplayError, match=said):
            loads(text_of(screenplay([scene("a", **fields)])))


def test_without_a_film_there_is_nothing_to_splice_into(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no film yet to splice into"):
        Reel(tmp_path).render(chain(), Mode.SPLICE)
