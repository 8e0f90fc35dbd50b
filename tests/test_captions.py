"""Captions and chapters: exact to the frame in files, and in the movie as readers of movies find them."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import pytest
from moviepy import VideoFileClip

from storyboard.captions import Cue, as_srt, as_vtt, captions_of
from storyboard.conform import conform
from storyboard.cut import assemble
from storyboard.encoding import ffmpeg_binary
from storyboard.timing import FrameRange, Rate
from storyboard.vault import Vault
from tests.films import broken_down, scene, screenplay, shoot
from tests.pieces import RATES

WORDS = "  The <end>, &\n\n Zwölf\tBären -->  \U0001f9f8 "
TIDY = "The <end>, &\nZwölf\tBären -->  \U0001f9f8"


def film(rate: object = 8) -> dict[str, object]:
    scenes = [
        scene("a", "10f"),
        scene("b", "12f", caption=WORDS, trim={"head": "3f"}),
        scene("c", "7f", transition={"kind": "dissolve", "duration": "4f"}),
        scene("d", "5f", card={"text": "End"}, caption="End."),
        scene("e", "6f", caption="Over."),
    ]
    return screenplay(scenes, format={"width": 96, "height": 54, "rate": rate})


def test_a_caption_is_on_its_scene_as_the_film_shows_it() -> None:
    breakdown = broken_down(film())
    cues = (
        Cue(FrameRange(10, 19), TIDY),
        Cue(FrameRange(26, 31), "End."),
        Cue(FrameRange(31, 37), "Over."),
    )
    assert captions_of(breakdown) == cues
    assert captions_of(breakdown, only="b") == (Cue(FrameRange(0, 9), TIDY),)
    assert captions_of(breakdown, only="a") == ()


@pytest.mark.parametrize("rate", [*RATES, "240", "1"])
def test_a_player_that_asks_at_a_frames_time_gets_the_cue_on_its_frames_alone(rate: str) -> None:
    exact = Rate.parse(rate)
    cues = [Cue(FrameRange(start, start + 1 + start % 3), "x") for start in range(1, 4000, 5)]
    for text, point in ((as_vtt(cues, exact), "."), (as_srt(cues, exact), ",")):
        found = re.findall(
            rf"^(\d\d):(\d\d):(\d\d)\{point}(\d\d\d) --> (\d\d):(\d\d):(\d\d)\{point}(\d\d\d)$", text, re.M
        )
        assert len(found) == len(cues)
        for cue, parts in zip(cues, found, strict=True):
            begin, end = (
                Fraction(int(h) * 3600 + int(m) * 60 + int(s)) + Fraction(int(ms), 1000)
                for h, m, s, ms in (parts[:4], parts[4:])
            )
            around = range(cue.frames.start - 1, cue.frames.stop + 2)
            on = [frame for frame in around if begin <= exact.seconds(frame) < end]
            assert on == list(range(cue.frames.start, cue.frames.stop))


def test_files_of_captions_are_read_by_others_as_they_were_written(tmp_path: Path) -> None:
    breakdown = broken_down(film("24000/1001"))
    cues = captions_of(breakdown)
    vtt, srt = as_vtt(cues, breakdown.rate), as_srt(cues, breakdown.rate)
    assert vtt.startswith("WEBVTT\n\n00:00:00.417 --> 00:00:00.792\nThe &lt;end&gt;, &amp;\nZwölf\tBären --&gt;  ")
    assert srt.startswith("1\n00:00:00,417 --> 00:00:00,792\nThe <end>, &\nZwölf")
    (tmp_path / "film.vtt").write_text(vtt, encoding="utf-8")
    command = [ffmpeg_binary(), "-v", "error", "-i", str(tmp_path / "film.vtt"), "-f", "srt", "-"]
    read = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    assert re.sub(r"</?[^>]*>", "", read.replace("&lt;", "<").replace("&gt;", ">")).count("-->") >= 3
    assert "2\n00:00:01,084 --> 00:00:01,292\nEnd.\n" in read


@pytest.mark.parametrize("rate", ["8", "24000/1001"])
def test_the_movie_has_captions_and_a_chapter_for_each_scene(rate: str, tmp_path: Path) -> None:
    breakdown, vault = broken_down(film(rate)), Vault(tmp_path / "vault")
    takes = shoot(breakdown, vault).takes
    cut, cues = assemble(breakdown, vault, takes=takes), captions_of(breakdown)
    movie = conform(cut, vault, tmp_path / "film.mp4", captions=cues)
    exact = Fraction(rate)
    with av.open(str(movie.path)) as container:
        chapters = [
            (each["metadata"]["title"], *(each[end] * each["time_base"] * exact for end in ("start", "end")))  # type: ignore[index,operator]
            for each in container.chapters()
        ]
        assert chapters == [("a", 0, 10), ("b", 10, 19), ("c", 19, 26), ("d", 26, 31), ("e", 31, 37)]
        track = container.streams.subtitles[0]
        assert track.codec_context.name == "mov_text"
        packets = [packet for packet in container.demux(track) if packet.pts is not None]
        said = [
            (
                packet.pts * packet.time_base * exact,
                (packet.duration or 0) * packet.time_base * exact,
                bytes(packet)[2:],
            )
            for packet in packets
        ]
    assert said == [
        (0, 10, b""),
        (10, 9, TIDY.encode()),
        (19, 7, b""),
        (26, 5, b"End."),
        (31, 6, b"Over."),
    ]
    read = subprocess.run(
        [ffmpeg_binary(), "-v", "error", "-i", str(movie.path), "-map", "0:s", "-f", "srt", "-"],
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert "Zwölf\tBären" in read and len(re.findall(r"^\d\d:.* --> ", read, re.M)) == 3


def test_the_same_words_give_the_same_bytes_and_no_captions_no_track(tmp_path: Path) -> None:
    breakdown, vault = broken_down(film()), Vault(tmp_path / "vault")
    takes = shoot(breakdown, vault).takes
    cut, cues = assemble(breakdown, vault, takes=takes), captions_of(breakdown)
    made = [conform(cut, vault, tmp_path / f"{n}.mp4", captions=cues, title="T").digest for n in range(2)]
    assert made[0] == made[1]
    bare = conform(cut, vault, tmp_path / "bare.mp4", title="T")
    assert bare.digest != made[0]
    with av.open(str(bare.path)) as container:
        assert not container.streams.subtitles and len(container.chapters()) == 5


@pytest.mark.parametrize("scenes", [1, 2])
def test_moviepy_opens_a_film_of_one_scene_as_it_does_one_of_two(scenes: int, tmp_path: Path) -> None:
    breakdown = broken_down(screenplay([scene(name) for name in "ab"[:scenes]]))
    vault = Vault(tmp_path / "vault")
    takes = shoot(breakdown, vault).takes
    movie = conform(assemble(breakdown, vault, takes=takes), vault, tmp_path / "film.mp4")
    with VideoFileClip(str(movie.path)) as clip:
        assert round(clip.duration * clip.fps) == breakdown.frames
    with av.open(str(movie.path)) as container:
        assert len(container.chapters()) == (scenes if scenes > 1 else 0)
