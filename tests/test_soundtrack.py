"""What is heard in a film is on its scene, to the sample: by correlation, on the decoded movie."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from storyboard.audio import audible
from storyboard.sound import lasting
from storyboard.timing import Rate
from tests.films import scene, screenplay
from tests.noises import RATE, coded, gain_of, heard, keep, level, noise, place_of, rendered
from tests.plugin.storyboard_test_engines import hum

TEN_MS = RATE // 100


def at_rate(rate: object) -> dict[str, object]:
    return {"width": 32, "height": 32, "rate": rate}


def loose(scenes: list[dict[str, object]], **film: object) -> dict[str, object]:
    """A film whose sound is left as loud as it is mixed."""
    return screenplay(scenes, loudness="off", **film)


@pytest.mark.parametrize("rate", [8, "24000/1001", "30000/1001", "25/3", 60])
def test_each_scene_s_sound_begins_with_its_first_frame(rate: object, tmp_path: Path) -> None:
    lengths = {"a": 1.03, "b": 0.71, "c": 1.37}
    sounds = {
        "a": keep(tmp_path / "a.wav", noise(1, 2)),
        "b": keep(tmp_path / "b.wav", noise(2, 2, channels=1)),
        "c": keep(tmp_path / "c.wav", noise(3, 2)),
    }
    scenes = [scene(name, seconds, sound=f"{name}.wav") for name, seconds in lengths.items()]
    film = rendered(tmp_path, loose([*scenes, scene("silence")], format=at_rate(rate)))
    movie = heard(tmp_path)
    assert len(movie) == lasting(film.frames, film.rate, RATE)
    for span in film.scenes[:3]:
        first, stop = (lasting(frame, film.rate, RATE) for frame in (span.film.start, span.film.stop))
        # One part after the other, so that neither stretching nor drifting would pass.
        for part in (0, (stop - first) // 2):
            piece = sounds[span.id][part : part + (stop - first) // 2]
            assert place_of(piece, movie) == first + part, span.id
            assert gain_of(piece, movie, first + part) == pytest.approx(0, abs=0.3)
    end = lasting(film.scenes[3].film.start, film.rate, RATE)
    assert level(movie[end + 2048 :]) < -80, "what is cut off with its scene is not heard in the next"


def test_formats_and_rates_of_files_do_not_matter(tmp_path: Path) -> None:
    """A kind of file each, among them one with the run-up of a coder, and one of another rate."""
    forms = {"a.flac": ("flac", "flac"), "b.m4a": ("aac", "mp4"), "c.ogg": ("libopus", "ogg"), "d.mp3": ("mp3", "mp3")}
    for seed, (name, form) in enumerate(forms.items()):
        coded(tmp_path / name, noise(seed), *form)
    low = noise(9, 1, 16000)
    keep(tmp_path / "e.wav", low, 16000)
    scenes = [scene(name[0], sound=name) for name in (*forms, "e.wav")]
    rendered(tmp_path, loose(scenes))
    movie = heard(tmp_path)
    for seed in range(4):
        assert place_of(noise(seed), movie) == seed * RATE
    third = place_of(low, movie[::3])
    assert third == 4 * 16000


def test_sound_is_trimmed_as_pictures_are_and_may_begin_later_in_file_and_scene(tmp_path: Path) -> None:
    sounds = [keep(tmp_path / f"{seed}.wav", noise(seed, 3)) for seed in range(4)]
    film = rendered(
        tmp_path,
        loose(
            [
                scene("a", 2, trim={"head": "3f", "tail": "2f"}, sound="0.wav"),
                scene("b", sound={"file": "1.wav", "from": "1.25s"}),
                scene("c", 2, sound={"file": "2.wav", "at": "0.7s"}),
                scene("d", 2, trim={"head": "8f"}, sound=[{"file": "3.wav", "at": "12f", "from": 0.5}]),
            ]
        ),
    )
    movie, frame = heard(tmp_path), RATE // 8
    starts = [span.film.start * frame for span in film.scenes]
    assert place_of(sounds[0][: 2 * RATE], movie) == starts[0] - 3 * frame
    assert level(sounds[0]) == pytest.approx(level(movie[TEN_MS : 10 * frame]), abs=0.5)
    assert place_of(sounds[1][RATE * 5 // 4 :][: RATE // 2], movie) == starts[1]
    assert place_of(sounds[2][:RATE], movie) == starts[2] + RATE * 7 // 10
    assert level(movie[starts[2] + 2048 : starts[2] + RATE * 7 // 10 - 2048]) < -80
    assert place_of(sounds[3][RATE // 2 :][: RATE // 4], movie) == starts[3] + 4 * frame


def test_gains_add_up_and_several_sounds_are_heard_at_once(tmp_path: Path) -> None:
    sounds = {name: keep(tmp_path / f"{name}.wav", noise(seed, 3)) for seed, name in enumerate("abm")}
    both = [{"file": "a.wav", "gain": -6}, {"file": "b.wav", "gain": "+3 dB"}]
    rendered(tmp_path, loose([scene("x"), scene("y", sound=both)], sound={"file": "m.wav", "gain": -12}))
    movie = heard(tmp_path)
    for name, first, gain in (("a", RATE, -6), ("b", RATE, 3), ("m", 0, -12)):
        piece = sounds[name][:RATE]
        assert place_of(piece, movie) == first
        assert gain_of(piece[:-2048], movie, first) == pytest.approx(gain, abs=0.3), name


def test_fades_loops_and_ends(tmp_path: Path) -> None:
    steady = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)[:, None] / 4
    keep(tmp_path / "steady.wav", np.repeat(steady, 2, axis=1))
    faded = {"file": "steady.wav", "fade_in": "0.5s", "fade_out": 0.25, "loop": True}
    rendered(
        tmp_path,
        loose([scene("a", 2, sound=faded), scene("b", 1.5, sound="steady.wav"), scene("c", 1, sound="steady.wav")]),
    )
    movie = heard(tmp_path)[:, 0]

    def loudest(start: float, stop: float) -> float:
        return float(abs(movie[round(start * RATE) : round(stop * RATE)]).max())

    assert loudest(0.24, 0.26) == pytest.approx(0.125, rel=0.1), "half way up"
    assert loudest(0.9, 1.6) == pytest.approx(0.25, rel=0.05), "the seam of the loop is not heard"
    assert loudest(1.865, 1.885) == pytest.approx(0.125, rel=0.12), "half way down"
    assert loudest(2, 2.005) == pytest.approx(0.25, rel=0.1), "a sound that begins by itself does so at once"
    assert loudest(2.99, 3) == pytest.approx(0.25, rel=0.1), "and ends as it does"
    assert loudest(3.03, 3.47) < 0.001
    assert loudest(4.4945, 4.4955) == pytest.approx(0.13, rel=0.1), "cut off with the film, it falls for 10 ms"


@pytest.mark.parametrize("kind", ["dissolve", "fade"])
def test_sounds_go_over_as_pictures_do(kind: str, tmp_path: Path) -> None:
    one, two = (keep(tmp_path / f"{seed}.wav", noise(seed, 4)) for seed in (1, 2))
    change = {"kind": kind, "duration": "1s"}
    rendered(tmp_path, loose([scene("a", 2, sound="1.wav"), scene("b", 2, sound="2.wav", transition=change)]))
    movie = heard(tmp_path)

    def part(sound: np.ndarray, begun: float, second: float) -> float:
        """How loud a sound is for a tenth of a second of the film, of 1."""
        first, count = round(second * RATE), RATE // 10
        own = sound[first - round(begun * RATE) :][:count]
        return 10 ** (gain_of(own, movie, first) / 20) if level(movie[first:][:count]) > -80 else 0.0

    middle = {"dissolve": (np.cos(np.pi / 4), np.sin(np.pi / 4)), "fade": (0, 0)}[kind]
    later = {"dissolve": np.sin(0.9 * np.pi / 2), "fade": np.sin(0.8 * np.pi / 2)}[kind]
    assert (part(one, 0, 1.8), part(two, 2, 3.2)) == pytest.approx((1, 1), abs=0.05)
    assert (part(one, 0, 2.45), part(two, 2, 2.45)) == pytest.approx(middle, abs=0.12)
    assert (part(one, 0, 2.05), part(two, 2, 2.85)) == pytest.approx((later, later), abs=0.08)
    assert place_of(two[RATE:], movie) == 3 * RATE


def test_a_scene_alone_has_its_own_sound_and_its_part_of_the_film_s(tmp_path: Path) -> None:
    own, music = keep(tmp_path / "own.wav", noise(1)), keep(tmp_path / "music.wav", noise(2, 4))
    keep(tmp_path / "other.wav", noise(3, 2))
    change = {"kind": "dissolve", "duration": "0.5s"}
    scenes = [
        scene("a", 2, sound="other.wav"),
        scene("b", 1, sound={"file": "own.wav"}, transition=change),
        scene("c", 1, sound="other.wav", transition=change),
    ]
    rendered(tmp_path, loose(scenes, sound={"file": "music.wav", "gain": -6}), only="b")
    movie = heard(tmp_path, "film.b")
    assert len(movie) == RATE
    assert place_of(own, movie) == 0 and place_of(music, movie) == -2 * RATE
    assert gain_of(own[2048:-2048], movie, 2048) == pytest.approx(0, abs=0.3), "whole, without its transitions"
    assert level(movie) == pytest.approx(level(own + music[2 * RATE : 3 * RATE] / 2), abs=0.2), "and nothing else"


@pytest.mark.parametrize("rate", [24, "24000/1001"])
def test_what_an_engine_makes_is_heard_with_its_pictures(rate: str, tmp_path: Path) -> None:
    scenes = [scene("a", 1), scene("b", 3, sound={"file": "own", "gain": -3}), scene("c", 1)]
    film = rendered(tmp_path, loose(scenes, engine="humming", format={**at_rate(rate), "width": 96}))
    movie, clock = heard(tmp_path), Rate.parse(rate)
    span = film.scene("b")
    assert len(span.shots) == 2
    first = lasting(span.film.start, clock, RATE)
    for shot in (film.shots[name] for name in span.shots):
        made = np.concatenate(list(audible(hum(shot.seed, shot.frames, clock)))).astype(np.float64)
        begun = first + lasting(shot.scene_first, clock, RATE) - lasting(shot.visible.start, clock, RATE)
        assert abs(place_of(made, movie) - begun) <= 1, shot.id
        there = lasting(shot.visible.start, clock, RATE) + 2048
        assert gain_of(made[there : there + RATE // 2], movie, begun + there) == pytest.approx(-3, abs=0.3)
    assert level(movie[: first - 2048]) < -80 and level(movie[lasting(span.film.stop, clock, RATE) + 2048 :]) < -80


def test_a_film_may_take_all_scenes_own_sound(tmp_path: Path) -> None:
    scenes = [scene("a", engine="animatic"), scene("b"), scene("c", card={"text": "End"}), scene("d", sound="own")]
    film = rendered(tmp_path, loose(scenes, engine="humming", sound="own"))
    assert [(sound.scene, sound.file) for sound in film.sounds] == [("b", None), ("d", None)]
    assert film.notices == ()
    movie = heard(tmp_path)
    assert [level(movie[second * RATE + 2048 : (second + 1) * RATE]) > -60 for second in range(4)] == [0, 1, 0, 1]


def test_own_footage_is_heard_with_its_pictures_wherever_its_tracks_begin(tmp_path: Path) -> None:
    """Its sound begins a fifth of a second after its first picture."""
    sound, late = noise(5, 3), RATE // 5
    with av.open(str(tmp_path / "own.mkv"), "w") as container:
        pictures = container.add_stream("libx264", rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = 32, 32, "yuv420p"
        track = container.add_stream("flac", rate=RATE, layout="mono")
        for number in range(80):
            picture = av.VideoFrame.from_ndarray(np.full((48, 32), number, np.uint8), format="yuv420p")
            container.mux(pictures.encode(picture))
        whole = np.rint(sound[:, :1] * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, late
        container.mux(pictures.encode(None) + track.encode(frame) + track.encode(None))
    scenes = [scene("a", 1), scene("b", 1, footage={"file": "own.mkv", "from": "1.5s"}, sound="own")]
    rendered(tmp_path, loose(scenes, format=at_rate(25)))
    movie = heard(tmp_path)
    assert abs(place_of(sound, movie) - (RATE + late - RATE * 3 // 2)) <= RATE // 1000, "as exact as Matroska's clock"
    assert level(movie[: RATE - 2048]) < -80
