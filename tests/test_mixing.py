"""A film's sound as a whole: how loud it is, what it costs to change, and which files are no sound."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from storyboard.encoding import ffmpeg_binary
from storyboard.errors import ConformError, ScreenplayError
from storyboard.events import FilmDone, FilmEncoding, ShotDone
from storyboard.film import prepare, produce
from storyboard.fresh import find_fresh
from storyboard.loudness import levelled, measure
from storyboard.project import Variant, places, read_manifest
from storyboard.screenplay import Screenplay, loads
from tests.films import broken_down, decoded, scene, screenplay, storyboard, text_of
from tests.noises import RATE, Samples, gain_of, heard, keep, noise, place_of, rendered


def loudness_of(movie: Path) -> tuple[float, float]:
    """Integrated loudness in LUFS and true peak in dB, as the other meter of ffmpeg has it, in a process of its own."""
    command = [
        ffmpeg_binary(),
        "-hide_banner",
        "-i",
        str(movie),
        "-af",
        "loudnorm=print_format=json",
        "-f",
        "null",
        "-",
    ]
    said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stderr
    found = re.search(r"\{[^{}]*\}", said)
    assert found is not None
    measured = json.loads(found[0])
    return float(measured["input_i"]), float(measured["input_tp"])


def drums(seconds: int, seed: int = 0) -> Samples:
    """Beats whose peaks stand out from what is between them."""
    rest = noise(seed, seconds) / 20
    beat = np.exp(-np.arange(RATE // 2) / 2400)[:, None] * noise(seed + 1, 0.5) * 3.5
    for first in range(0, len(rest), RATE // 2):
        rest[first : first + RATE // 2] += beat
    return rest


@pytest.mark.parametrize(
    ("name", "sound"),
    [("quiet", noise(0, 6) / 30), ("loud", np.clip(noise(1, 6) * 6, -1, 1)), ("drums", drums(6) * 0.9)],
)
def test_films_are_equally_loud_and_do_not_clip(name: str, sound: Samples, tmp_path: Path) -> None:
    keep(tmp_path / "sound.wav", sound)
    rendered(tmp_path, screenplay([scene("a", 6, sound="sound.wav")]))
    loudness, peak = loudness_of(tmp_path / "renders" / "film" / "film.mp4")
    assert loudness == pytest.approx(-16, abs=0.5)
    assert peak <= -0.5
    assert place_of(sound[: 2 * RATE], heard(tmp_path)) == 0, "a limiter looks ahead, and gives no sound late"


def test_another_loudness_or_none_is_the_author_s_to_choose(tmp_path: Path) -> None:
    sound = keep(tmp_path / "sound.wav", noise(0, 3) / 8)
    for written, expected in ((-23, -23), ("off", None)):
        rendered(tmp_path, screenplay([scene("a", 3, sound="sound.wav")], loudness=written))
        if expected is None:
            assert gain_of(sound[2048:-2048], heard(tmp_path), 2048) == pytest.approx(0, abs=0.05)
        else:
            assert loudness_of(tmp_path / "renders" / "film" / "film.mp4")[0] == pytest.approx(expected, abs=0.5)


def test_what_adds_up_to_more_than_full_scale_is_limited_even_with_loudness_off(tmp_path: Path) -> None:
    sound = keep(tmp_path / "sound.wav", noise(0, 3) * 3.5)
    twice = [{"file": "sound.wav", "gain": 6}, "sound.wav"]
    rendered(tmp_path, screenplay([scene("a", 3, sound=twice)], loudness="off"))
    movie = heard(tmp_path)
    assert abs(movie).max() < 1 and place_of(sound, movie) == 0


def test_silence_and_what_is_too_short_to_measure_stay_as_they_are() -> None:
    for sound in (np.zeros((RATE, 2), np.float32), noise(0, 0.2).astype(np.float32)):
        assert measure([sound]).integrated is None
        (same,) = levelled(lambda sound=sound: [sound], -16.0)  # type: ignore[misc]
        assert (same == sound).all()


def made(folder: Path, **changes: object) -> Path:
    """A film of three scenes with sound; `changes` are of the second's."""
    path = folder / "film.yaml"
    if not path.exists():
        keep(folder / "day.wav", noise(1, 2))
        keep(folder / "night.wav", noise(2, 2))
    second = {"file": "night.wav", **changes}
    path.write_text(text_of(screenplay([scene("a", sound="day.wav"), scene("b", sound=second), scene("c")])))
    return path


def shot(path: Path) -> tuple[list[str], bool, int]:
    """Render; the ids of what was shot, whether the movie is another one now, and how many frames were encoded."""
    manifest = places(path).manifest
    before = read_manifest(manifest)
    known = set(before.segments) if before else set()
    events = list(produce(prepare(path)))
    after = read_manifest(manifest)
    assert after is not None and len(after.segments) == 4
    done = next(event for event in events if isinstance(event, FilmDone))
    return (
        [event.shot.id for event in events if isinstance(event, ShotDone)],
        done.changed,
        len({*after.segments} - known),
    )


def test_a_change_of_sound_shoots_nothing_and_encodes_no_picture(tmp_path: Path) -> None:
    assert shot(made(tmp_path)) == (["a/1", "b/1", "c/1"], True, 4)
    pictures = decoded(tmp_path / "renders" / "film" / "film.mp4")
    for changes in ({"gain": -6}, {"fade_in": "0.5s"}, {"at": "2f"}, {"loop": True}, {"from": "1s"}):
        assert shot(made(tmp_path, **changes)) == ([], True, 1), changes
        assert shot(made(tmp_path, **changes)) == ([], False, 0)
    keep(tmp_path / "night.wav", noise(3, 2))
    assert shot(made(tmp_path, loop=True)) == ([], True, 1), "another file under the same name"
    assert (decoded(tmp_path / "renders" / "film" / "film.mp4") == pictures).all()


def test_a_change_of_pictures_mixes_nothing_and_undoing_one_brings_the_same_bytes_back(tmp_path: Path) -> None:
    path, movie = made(tmp_path), tmp_path / "renders" / "film" / "film.mp4"
    shot(path)
    first = movie.read_bytes()
    path.write_text(path.read_text().replace("This is c", "That is c"))
    assert shot(path) == (["c/1"], True, 1)
    assert shot(made(tmp_path, gain=3))[1] and movie.read_bytes() != first
    shot(made(tmp_path))
    assert movie.read_bytes() == first
    kept = storyboard("vault", "prune", cwd=tmp_path).stdout
    assert "would remove 1 take, 2 segments" in kept, "the film's own are kept"
    for each in (tmp_path / "renders" / "vault" / "segments").rglob("*.json"):
        each.unlink()
    movie.unlink()
    assert shot(path)[1] and movie.read_bytes() == first, "mixed again, it is the same sound"


def test_a_finished_film_is_fresh_until_a_sound_changes(tmp_path: Path) -> None:
    path = made(tmp_path)
    shot(path)
    assert find_fresh(places(path), Variant()) is not None
    keep(tmp_path / "day.wav", noise(7, 2))
    assert find_fresh(places(path), Variant()) is None


def test_a_film_without_sound_has_no_track_of_it(tmp_path: Path) -> None:
    rendered(tmp_path, screenplay([scene("a"), scene("b", sound=[])]))
    with av.open(str(tmp_path / "renders" / "film" / "film.mp4")) as container:
        assert not container.streams.audio
    plain, levels = (broken_down(screenplay([scene("a")], **film)).screenplay for film in ({}, {"loudness": -16}))
    assert plain.canonical() == levels.canonical()


def test_a_mix_can_be_stopped(tmp_path: Path) -> None:
    path = made(tmp_path)
    events = produce(prepare(path))
    assert any(isinstance(event, FilmEncoding) for event in events)
    events.close()
    assert not places(path).movie.exists()
    assert shot(path) == ([], True, 4), "what was shot is kept"


def test_what_an_author_writes_comes_back_the_same() -> None:
    fields = {"file": "a.wav", "gain": "-6dB", "from": "1s", "at": "8f", "fade_in": 0.5, "fade_out": "1s", "loop": True}
    film = screenplay([scene("a", sound=["own", fields]), scene("b", sound="own")], loudness="-18 LUFS")
    (fault,) = faults_of(lambda: loads(text_of(film)))
    assert fault == (("scenes", 0, "sound", 1, "file"), "there is no file `a.wav`")
    play = Screenplay.model_validate(film)
    assert Screenplay.model_validate(play.canonical()) == play
    assert play.loudness == -18 and play.scenes[0].sound[1].gain == -6
    off = Screenplay.model_validate({**film, "loudness": "off"})
    assert off.loudness is None and Screenplay.model_validate(off.canonical()) == off


def faults_of(work: Callable[[], object]) -> list[tuple[object, str]]:
    with pytest.raises(ScreenplayError) as caught:
        work()
    return [(fault.path, fault.message) for fault in caught.value.faults]


def test_files_that_are_no_sound_are_faults(tmp_path: Path) -> None:
    keep(tmp_path / "good.wav", noise(0, 2))
    whole = (tmp_path / "good.wav").read_bytes()
    contents = {
        "empty.wav": b"",
        "cut.wav": whole[: len(whole) // 2],
        "list.wav": b"#EXTM3U\n#EXTINF:2,\ngood.wav\n",
        "concat.wav": b"ffconcat version 1.0\nfile good.wav\n",
        "text.mp3": b"This is no sound.\n" * 500,
        "head.wav": whole[:44],
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    with av.open(str(tmp_path / "mute.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 32), np.uint8), format="yuv420p")))
        container.mux(stream.encode(None))
    names = [*contents, "mute.mp4"]
    scenes = [scene(f"s{number}", sound=name) for number, name in enumerate(names)]
    path = tmp_path / "film.yaml"
    path.write_text(text_of(screenplay([*scenes, scene("good", sound="good.wav")])))
    refused = storyboard("check", path, check=2).stderr
    for number, name in enumerate(names):
        (told,) = (block for block in refused.split("\n\n") if f"sound: {name}" in block)
        assert re.match(rf".*film\.yaml:\d+:\d+: `{name}` (is|has) ", told) and "hint: name a file of sound" in told, (
            number
        )
    assert "good.wav" not in refused


def test_sounds_that_cannot_be_where_they_are_put_are_faults(tmp_path: Path) -> None:
    keep(tmp_path / "a.wav", noise(0, 2))
    film = screenplay(
        [
            scene("late", sound={"file": "a.wav", "from": "2s"}),
            scene("never", sound=["a.wav", {"file": "a.wav", "at": "8f"}]),
            scene("card", card={"text": "End"}, sound="own"),
        ],
        sound={"file": "a.wav", "at": "4s"},
    )
    assert sorted(faults_of(lambda: broken_down(film, tmp_path)), key=str) == [
        (("scenes", 0, "sound", "from"), "`a.wav` ends at 2 s, and its sound begins at 2 s"),
        (("scenes", 1, "sound", 1, "at"), "the sound begins at 8f, but scene `never` ends at 1 s"),
        (("scenes", 2, "sound"), "a title card has no sound of its own"),
        (("sound", "at"), "the sound begins at 4s, but the film ends at 3 s"),
    ]
    silent = broken_down(screenplay([scene("a", sound="own")]))
    assert [fault.message for fault in silent.notices] == [
        "scene `a` is silent: what shoots it makes no sound of its own"
    ]


def test_check_decodes_nothing_whole_and_imports_nothing_heavy(tmp_path: Path) -> None:
    path = made(tmp_path)
    code = "import sys; from storyboard.cli import main; main(['check', sys.argv[1]]); print('numpy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == "False"


def test_a_file_that_changes_while_the_film_is_made_stops_it(tmp_path: Path) -> None:
    path = made(tmp_path)
    events = produce(prepare(path))
    with pytest.raises(ConformError, match=r"`night.wav` changed while the film was being made"):
        for event in events:
            if isinstance(event, ShotDone) and event.shot.id == "c/1":
                keep(tmp_path / "night.wav", noise(8, 2))
    assert not places(path).movie.exists()
    assert shot(path)[0] == []
