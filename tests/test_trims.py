"""What the film leaves out of a scene as it was shot: no key knows of it, and transitions go on into it."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from storyboard.boxes import read_xmp
from storyboard.cut import assemble
from storyboard.errors import ScreenplayError
from storyboard.shots import Breakdown
from storyboard.vault import Take, Vault
from tests.films import broken_down, film_of, scene, screenplay, shoot, storyboard, text_of

ENGINE = {"name": "animatic", "window": 9, "tail": 4}


def film(*scenes: dict[str, object]) -> Breakdown:
    return broken_down(screenplay(list(scenes), engine=ENGINE))


def trim(head: int = 0, tail: int = 0) -> dict[str, object]:
    return {"head": f"{head}f", "tail": f"{tail}f"}


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> tuple[Vault, dict[str, Take], list[tuple[object, ...]]]:
    """Three scenes of two shots each as they are shot, and what they show."""
    vault = Vault(tmp_path_factory.mktemp("shot") / "vault")
    whole = film(scene("a", "14f"), scene("b", "12f"), scene("c", "10f"))
    takes = shoot(whole, vault).takes
    return vault, takes, film_of(whole, vault, takes)


Shot = tuple[Vault, dict[str, Take], list[tuple[object, ...]]]


@pytest.mark.parametrize(
    ("trims", "left"),
    [
        ((trim(3), trim(0, 2), trim(1, 1)), [*range(3, 24), *range(27, 35)]),
        ((trim(10), trim(9, 2), trim(0, 9)), [*range(10, 14), 23, 26]),
        ((trim(0, 13), trim(0, 6), {}), [0, *range(14, 20), *range(26, 36)]),
    ],
)
def test_the_film_shows_the_rest_and_nothing_is_shot(
    trims: tuple[dict[str, object]], left: list[int], shot: Shot
) -> None:
    vault, _, frames = shot
    scenes = [
        scene(name, length, trim=each) for name, length, each in zip("abc", ("14f", "12f", "10f"), trims, strict=True)
    ]
    cut = film(*scenes)
    again = shoot(cut, vault)
    assert again.shot == []
    assert film_of(cut, vault, again.takes) == [frames[frame] for frame in left]
    assert cut.frames == len(left)


def test_a_dissolve_goes_on_into_what_is_trimmed_from_shot_to_shot(shot: Shot) -> None:
    vault, takes, frames = shot
    dissolve = {"kind": "dissolve", "duration": "12f"}
    cut = film(scene("a", "14f", trim=trim(2, 8)), scene("b", "12f", transition=dissolve), scene("c", "10f"))
    seen = film_of(cut, vault, shoot(cut, vault).takes)
    last = takes["a/2"].frames[-1]
    under = [*(frames[place][0] for place in range(6, 14)), last, last, last, last]
    assert [frame[:2] for frame in seen[4:16]] == [(frames[14 + n][0], under[n]) for n in range(12)]
    mixes = [edit.mix for edit in assemble(cut, vault, takes=takes).edits if edit.mix]
    assert [mix.shot for mix in mixes] == ["a/1", "a/2", "a/2", "a/2"]
    assert [(mix.position, mix.length) for mix in mixes] == [(0, 12), (3, 12), (5, 12), (10, 12)]


def test_a_fade_from_black_begins_with_the_first_frame_that_is_shown(shot: Shot) -> None:
    vault, _, frames = shot
    cut = film(scene("a", "14f", trim=trim(4), transition={"kind": "fade", "duration": "3f"}), scene("b", "12f"))
    seen = film_of(cut, vault, shoot(cut, vault).takes)
    assert [frame[:2] for frame in seen[:3]] == [(frames[place][0], None) for place in (4, 5, 6)]


def test_a_scene_may_go_on_from_one_that_comes_later(shot: Shot) -> None:
    vault, _, frames = shot
    cut = film(
        scene("c", "10f", continues="b"), scene("b", "12f", continues="a"), scene("a", "14f", continues="nothing")
    )
    again = shoot(cut, vault)
    assert again.shot == []
    assert film_of(cut, vault, again.takes) == [*frames[26:], *frames[14:26], *frames[:14]]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"trim": trim(10)}, "`trim` leaves nothing of a scene of 10 frames"),
        ({"trim": trim(5, 7)}, "`trim` leaves nothing of a scene of 10 frames"),
        ({"trim": trim(5), "transition": {"kind": "fade", "duration": "6f"}}, "a fade of 6 frames into a scene of 5"),
    ],
)
def test_trims_that_cannot_be_are_told(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ScreenplayError) as caught:
        film(scene("a"), scene("b", "10f", **fields))
    assert [fault.message for fault in caught.value.faults] == [message]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ({"trim": trim(0, 2)}, {"trim": trim(1)}, ["the film jumps 3 frames where `b` goes on from `a`, by `trim`"]),
        ({"trim": trim(0, 2)}, {}, ["the film jumps 2 frames where `b` goes on from `a`, by `trim`"]),
        ({"trim": trim(2)}, {"trim": trim(0, 2)}, []),
        ({"trim": trim(0, 2)}, {"continues": "nothing"}, []),
        ({"trim": trim(0, 2)}, {"transition": {"kind": "dissolve", "duration": "2f"}}, []),
    ],
)
def test_a_jump_at_a_seam_is_told(first: dict[str, object], second: dict[str, object], told: list[str]) -> None:
    assert [notice.message for notice in film(scene("a", **first), scene("b", **second)).notices] == told


@pytest.mark.parametrize("caption", ["", "  \n", "{hero}", "x" * 501, "\x1b"])
def test_captions_that_cannot_be_are_told(caption: str) -> None:
    with pytest.raises(ScreenplayError) as caught:
        broken_down(screenplay([scene("a", caption=caption)], cast={"hero": "a bear"}))
    assert caught.value.faults[0].path == ("scenes", 0, "caption")


def test_a_render_makes_the_movie_anew_and_shoots_nothing(tmp_path: Path) -> None:
    path, where = tmp_path / "film.yaml", ("--out", tmp_path, "--vault", tmp_path / "vault")
    path.write_text(text_of(screenplay([scene("a"), scene("b")])))
    storyboard("render", path, *where)
    lock = (tmp_path / "film.lock").read_text()
    path.write_text(text_of(screenplay([scene("a", trim=trim(1)), scene("b", caption="Hello.")])))
    locked = storyboard("render", path, *where, "--locked", check=1).stderr
    assert "says another film than its lock, in the order or the lengths of its scenes" in locked
    done = storyboard("render", path, *where)
    assert "0 to shoot" in done.stderr and "note: the film jumps" not in done.stderr
    assert (tmp_path / "film.lock").read_text() != lock
    with av.open(str(tmp_path / "film.mp4")) as movie:
        assert [each["metadata"]["title"] for each in movie.chapters()] == ["a", "b"]
        assert [bytes(packet)[2:] for packet in movie.demux(movie.streams.subtitles[0])][1] == b"Hello."
        assert movie.streams.video[0].frames == 15
    assert b"digitalsourcetype/algorithmicMedia" in (read_xmp(tmp_path / "film.mp4") or b"")
    assert "0 to shoot" in storyboard("render", path, *where).stderr
