"""Footage is stored without loss and read by frame; authors' pictures come in whole, right and harmless."""

from __future__ import annotations

import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from storyboard.digest import digest_frame
from storyboard.errors import BadFootage, DamagedFootage, ShotError
from storyboard.footage import (
    Footage,
    check_footage,
    frame_digests,
    from_float,
    probe_image,
    probe_movie,
    read_footage,
    read_image,
    resample,
    write_footage,
)
from storyboard.lettering import letter
from storyboard.timing import Rate

RATE = Rate.parse("24000/1001")


def noise(count: int, width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 2), (3, 2), (5, 7), (33, 31), (128, 72)])
@pytest.mark.parametrize("rate", ["8", "24000/1001", "240"])
def test_random_frames_come_back_bit_for_bit(tmp_path: Path, size: tuple[int, int], rate: str) -> None:
    frames = noise(9, *size)
    write_footage(tmp_path / "f", Footage(frames, Rate.parse(rate)))
    assert np.array_equal(read_footage(tmp_path / "f", None), frames)


def test_two_encodes_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_footage(tmp_path / name, Footage(noise(5, 64, 48), RATE))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_frames_are_picked_in_any_order_and_more_than_once(tmp_path: Path) -> None:
    frames = noise(20, 16, 16)
    write_footage(tmp_path / "f", Footage(frames, RATE))
    picked = read_footage(tmp_path / "f", [19, 3, 3, 0, 18])
    assert np.array_equal(picked, frames[[19, 3, 3, 0, 18]]) and picked.flags.c_contiguous


def test_a_tail_of_a_long_take_costs_a_fraction_of_reading_it(tmp_path: Path) -> None:
    write_footage(tmp_path / "f", Footage(noise(120, 128, 128), RATE))

    def cpu(frames: list[int] | None) -> float:
        begin = time.process_time()
        read_footage(tmp_path / "f", frames)
        return time.process_time() - begin

    assert min(cpu([118, 119]) for _ in range(3)) < min(cpu(None) for _ in range(3)) / 4


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_file_cut_short_is_damaged_never_shorter(tmp_path: Path, part: float) -> None:
    write_footage(tmp_path / "f", Footage(noise(30, 32, 32), RATE))
    data = (tmp_path / "f").read_bytes()
    (tmp_path / "f").write_bytes(data[: int(len(data) * part)])
    with pytest.raises(DamagedFootage):
        read_footage(tmp_path / "f", None)
    with pytest.raises(DamagedFootage):
        read_footage(tmp_path / "f", [0, 29])


def test_what_is_missing_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(DamagedFootage, match="gone"):
        read_footage(tmp_path / "gone", None)
    (tmp_path / "text").write_text("no footage")
    with pytest.raises(DamagedFootage, match="text"):
        read_footage(tmp_path / "text", None)
    write_footage(tmp_path / "f", Footage(noise(3, 8, 8), RATE))
    with pytest.raises(DamagedFootage, match="frame 3"):
        read_footage(tmp_path / "f", [1, 3])


def test_flipped_bytes_are_found_by_digest_or_refused(tmp_path: Path) -> None:
    frames = noise(4, 32, 32)
    write_footage(tmp_path / "f", Footage(frames, RATE))
    data, wrong = (tmp_path / "f").read_bytes(), 0
    for at in range(7, len(data), len(data) // 60):
        (tmp_path / "g").write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        try:
            wrong += frame_digests(read_footage(tmp_path / "g", None)) != frame_digests(frames)
        except DamagedFootage:
            wrong += 1
    assert wrong > 40, "most bytes are pixels, and none of those passes"


def test_head_and_tail() -> None:
    footage = Footage(noise(5, 4, 3), RATE)
    assert (len(footage), footage.width, footage.height) == (5, 4, 3)
    assert np.array_equal(footage.head(2), footage.frames[:2])
    assert np.array_equal(footage.tail(2), footage.frames[3:])
    assert len(footage.tail(0)) == 0
    assert frame_digests(footage.tail(1)) == (digest_frame(footage.frames[4]),)


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        (noise(3, 8, 6), "3 frames of 8x6"),
        (noise(4, 6, 8), "4 frames of 6x8"),
        (noise(4, 8, 6).astype(np.float32), "float32"),
        (noise(4, 8, 6)[..., :1], "4x6x8x1"),
        (noise(4, 8, 6)[:, :, ::-1], "not contiguous"),
    ],
)
def test_wrong_footage_is_named(frames: NDArray[np.uint8], told: str) -> None:
    with pytest.raises(BadFootage, match="shot `reef/2`") as caught:
        check_footage(Footage(frames, RATE), frames=4, width=8, height=6, rate=RATE, shot="reef/2")
    assert told in caught.value.message
    check_footage(Footage(noise(4, 8, 6), RATE), frames=4, width=8, height=6, rate=RATE, shot="reef/2")


def test_floats_are_rounded_half_to_even_and_clipped() -> None:
    values = np.array([0.5, 1.5, 2.5, 300.0, -4.0, 255.0]) / 255
    assert from_float(values.reshape(1, 1, 2, 3)).ravel().tolist() == [0, 2, 2, 255, 0, 255]
    half = np.linspace(0, 1, 300, dtype=np.float16).reshape(1, 10, 10, 3)
    assert np.array_equal(from_float(half), np.rint(half.astype(np.float64) * 255).astype(np.uint8))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused_before_the_cast(bad: float) -> None:
    values = np.zeros((3, 2, 2, 3), np.float32)
    values[1, 1, 0, 2] = bad
    with pytest.raises(BadFootage, match="frame 1"):
        from_float(values)


def test_resampling_covers_or_contains_and_leaves_the_right_size_alone() -> None:
    frames = np.zeros((2, 40, 80, 3), np.uint8)
    frames[:, :, :20], frames[:, :, 20:60], frames[:, :, 60:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    assert resample(frames, 80, 40, "cover") is frames
    covered = resample(frames, 20, 20, "cover")
    assert covered.shape == (2, 20, 20, 3) and (abs(covered.astype(int) - (0, 255, 0)) < 20).all(), "the middle half"
    contained = resample(frames, 40, 40, "contain")
    assert (contained[:, :10] == 0).all() and (contained[:, 30:] == 0).all()
    assert (contained[0, 20, 2] == (255, 0, 0)).all() and (contained[0, 20, 37] == (0, 0, 255)).all()
    assert resample(noise(1, 1, 999), 7, 3, "contain").shape == (1, 3, 7, 3)


def test_images_are_turned_upright_and_laid_over_black(tmp_path: Path) -> None:
    wide = Image.new("RGB", (40, 20), (200, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    wide.save(tmp_path / "turned.jpg", exif=exif)
    assert probe_image(tmp_path / "turned.jpg") == (20, 40)
    assert abs(read_image(tmp_path / "turned.jpg", 20, 40, "cover").astype(int) - (200, 0, 0)).max() <= 3
    Image.new("RGBA", (8, 8), (255, 255, 255, 128)).save(tmp_path / "glass.png")
    assert (read_image(tmp_path / "glass.png", 8, 8, "cover") == 128).all()
    Image.fromarray(np.full((4, 4), 0x8000, np.uint16)).save(tmp_path / "deep.png")
    assert (read_image(tmp_path / "deep.png", 4, 4, "cover") == 0x80).all()


def test_images_that_cannot_be_used_are_refused_in_a_sentence(tmp_path: Path) -> None:
    Image.new("1", (10_000, 6_500)).save(tmp_path / "bomb.png")
    Image.new("RGB", (4, 4)).save(tmp_path / "moving.gif")
    (tmp_path / "text.png").write_text("hello")
    for name, told in [("bomb.png", "million"), ("moving.gif", "is no PNG"), ("text.png", "is no PNG"), ("no", "read")]:
        with pytest.raises(ValueError, match=told):
            probe_image(tmp_path / name)
        with pytest.raises(ShotError, match=told) as caught:
            read_image(tmp_path / name, 8, 8, "cover")
        assert caught.value.hint
    Image.fromarray(noise(1, 64, 64)[0]).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:5000])
    assert probe_image(tmp_path / "half.png") == (64, 64)
    with pytest.raises(ShotError, match=r"half\.png"):
        read_image(tmp_path / "half.png", 64, 64, "cover")


def movie(path: Path, count: int, form: str, rate: Fraction = Fraction(25)) -> None:
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for picture in noise(count, 32, 16):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("form", ["mp4", "matroska", "avi", "mpegts"])
def test_movies_are_probed_without_decoding(tmp_path: Path, form: str) -> None:
    movie(tmp_path / "m", 50, form)
    probe = probe_movie(tmp_path / "m")
    assert (probe.width, probe.height) == (32, 16)
    assert abs(probe.duration - 2) <= Fraction(1, 24) and probe.frames in (None, 50)


def test_a_duration_in_ntsc_time_is_exact(tmp_path: Path) -> None:
    movie(tmp_path / "m.mp4", 48, "mp4", Fraction(24000, 1001))
    assert probe_movie(tmp_path / "m.mp4").duration == Fraction(48 * 1001, 24000)


def test_playlists_and_scripts_in_disguise_open_nothing(tmp_path: Path) -> None:
    movie(tmp_path / "real.ts", 10, "mpegts")
    real = tmp_path / "real.ts"
    disguises = {
        "list.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{real}\n#EXT-X-ENDLIST\n",
        "web.mp4": "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n",
        "concat.mp4": f"ffconcat version 1.0\nfile '{real}'\n",
        "dash.mp4": "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'></MPD>",
        "subs.mp4": "1\n00:00:00,000 --> 00:00:01,000\nhello\n",
    }
    assert probe_movie(real).width == 32, "what they point at is there to be read"
    for name, text in disguises.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match="is no movie"):
            probe_movie(tmp_path / name)
    Image.new("RGB", (4, 4)).save(tmp_path / "still.mp4", format="PNG")
    with pytest.raises(ValueError, match="is no movie"):
        probe_movie(tmp_path / "still.mp4")
    with pytest.raises(ValueError, match="is no movie"):
        probe_movie(Path(f"concat:{real}"))


def test_letters_fill_their_box_and_stay_in_it() -> None:
    short, long = letter("Hello", 200, 60, 40), letter("many words " * 200, 200, 60, 40)
    assert short.shape == long.shape == (60, 200)
    assert short[:, :80].max() == 255 and not short[:, 150:].any()
    assert long[45:].any(), "small letters use the box to its end"
    assert not letter("Hello", 10, 4, 40).any() and not letter("", 200, 60, 40).any()
    assert letter("x" * 500, 100, 100, 20)[60:].any(), "a word too wide for a line is broken"
    centred = letter("ooo", 101, 61, 20, centred=True)
    columns = np.flatnonzero(centred.any(axis=0))
    assert abs(columns[0] + columns[-1] - 100) <= 3


def test_nothing_heavy_is_imported_before_a_picture_is_touched() -> None:
    code = "import sys, storyboard.footage; print(sorted({'numpy', 'PIL', 'av'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
