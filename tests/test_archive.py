"""Own footage: each film frame is the picture that is on screen at that moment, in its true colours."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from storyboard.digest import digest_file
from storyboard.engines import Assignment, spec_of
from storyboard.engines.archive import read_span
from storyboard.errors import ShotError
from storyboard.footage import probe_movie
from storyboard.timing import Rate

SPEC = spec_of("archive", internal=True)
MILLISECOND = Fraction(1, 1000)
RATE = Rate.parse(25)


def grey(number: int) -> NDArray[np.uint8]:
    """Picture `number` of a film as the planes of yuv420p, 32x16: its luma is 20 + 2 x number."""
    planes = np.full((24, 32), 128, np.uint8)
    planes[:16] = 20 + 2 * number
    return planes


def numbers(frames: NDArray[np.uint8]) -> list[int]:
    """Which pictures these are, off their grey."""
    return [round((float(frame.mean()) * 219 / 255 + 16 - 20) / 2) for frame in frames]


def film(path: Path, starts: Sequence[Fraction], form: str = "mp4", gop: int = 12) -> Path:
    """A movie whose picture i is grey i and comes on screen at starts[i] seconds."""
    with av.open(str(path), "w", format=form) as container:
        options = {"qp": "0", "preset": "veryfast", "g": str(gop), "bf": "2"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = 32, 16, "yuv420p", MILLISECOND
        stream.codec_context.time_base = MILLISECOND
        for number, start in enumerate(starts):
            frame = av.VideoFrame.from_ndarray(grey(number), format="yuv420p")
            frame.pts, frame.time_base = round(start / MILLISECOND), MILLISECOND
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def even(count: int, rate: int = 25) -> list[Fraction]:
    return [Fraction(number, rate) for number in range(count)]


def span(path: Path, start: Fraction, rate: Rate, count: int) -> list[int]:
    return numbers(read_span(path, start, rate, count, 32, 16, "cover"))


@pytest.mark.parametrize("form", ["mp4", "matroska", "mpegts", "avi"])
@pytest.mark.parametrize("start", [0, 1, Fraction(5, 2), Fraction(81, 25)])
def test_frames_from_any_moment_of_any_container(tmp_path: Path, form: str, start: Fraction) -> None:
    path = film(tmp_path / "m", even(100), form)
    first = int(start * 25 + Fraction(1, 2))
    assert span(path, Fraction(start), RATE, 15) == list(range(first, first + 15))


def test_other_rates_show_what_is_on_screen_in_the_middle_of_each_frame(tmp_path: Path) -> None:
    path = film(tmp_path / "m", even(100))
    for rate in ("8", "24000/1001", "50"):
        asked = Rate.parse(rate)
        wanted = [int((Fraction(2 * i + 1, 2) / asked.fraction) * 25) for i in range(20)]
        assert span(path, Fraction(0), asked, 20) == wanted


def test_uneven_timestamps_are_kept(tmp_path: Path) -> None:
    starts = [Fraction(ms, 1000) for ms in (0, 40, 400, 420, 1000, 1040, 2600, 2640, 2680)]
    path = film(tmp_path / "m.mkv", starts, "matroska", gop=3)
    moments = [Fraction(2 * i + 1, 50) for i in range(66)]
    wanted = [max(n for n, start in enumerate(starts) if start <= moment) for moment in moments]
    assert span(path, Fraction(0), RATE, 66) == wanted
    assert span(path, Fraction(52, 25), RATE, 14) == wanted[52:]


def test_seeking_gives_what_reading_from_the_start_gives(tmp_path: Path) -> None:
    path = film(tmp_path / "m", even(110), gop=30)
    whole = read_span(path, Fraction(0), RATE, 110, 32, 16, "cover")
    for first in (50, 59, 60, 61, 89, 90, 100):
        part = read_span(path, Fraction(first, 25), RATE, 10, 32, 16, "cover")
        assert np.array_equal(part, whole[first : first + 10])


def test_too_short_a_movie_says_how_long_it_is(tmp_path: Path) -> None:
    path = film(tmp_path / "m.mp4", even(50))
    assert span(path, Fraction(1), RATE, 25) == list(range(25, 50))
    for start in (Fraction(1), Fraction(5)):
        with pytest.raises(ShotError, match=r"`m.mp4` has (2.00|1.9\d) s of pictures") as caught:
            read_span(path, start, RATE, 27, 32, 16, "cover")
        assert caught.value.hint
    assert abs(probe_movie(path).duration - 2) <= Fraction(1, 25)


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("tagged", [True, False])
def test_colours_come_back_by_the_tracks_own_matrix_and_range(
    tmp_path: Path, matrix: str, full: bool, tagged: bool
) -> None:
    """Encoded from luma and chroma that are computed here, so that no library's conversion is trusted."""
    if not tagged and (full or matrix == "bt709"):
        matrix, full = "smpte170m", False  # what an untagged small picture is
    red, blue = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114)}[matrix]
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 120, 40), (30, 90, 160)]
    planes = []
    for r, g, b in colors:
        y = red * r + (1 - red - blue) * g + blue * b
        cb, cr = (b - y) / (2 * (1 - blue)), (r - y) / (2 * (1 - red))
        scale, lift, chroma = (1.0, 0, 1.0) if full else (219 / 255, 16, 224 / 255)
        planes.append([np.full((16, 16), np.clip(round(v), 0, 255), np.uint8) for v in
                       (y * scale + lift, cb * chroma + 128, cr * chroma + 128)])  # fmt: skip
    path = tmp_path / "colors.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"qp": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv444p"
        context = stream.codec_context
        if tagged:
            context.colorspace, context.color_range = {"bt709": 1, "smpte170m": 6}[matrix], 2 if full else 1
        for three in planes:
            frame = av.VideoFrame.from_ndarray(np.stack(three), format="yuv444p")
            if tagged:
                frame.colorspace, frame.color_range = context.colorspace, context.color_range
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    frames = read_span(path, Fraction(0), Rate.parse(10), len(colors), 16, 16, "cover")
    assert abs(frames.astype(int) - np.array(colors)[:, None, None]).max() <= 3


def test_it_covers_or_contains(tmp_path: Path) -> None:
    path = film(tmp_path / "m", even(5))
    covered = read_span(path, Fraction(0), RATE, 2, 24, 24, "cover")
    contained = read_span(path, Fraction(0), RATE, 2, 24, 24, "contain")
    assert covered.min() > 2 and (contained[:, :6] == 0).all() and contained[:, 6:18].min() > 2


def assignment(path: Path, frames: int = 10, **said: str) -> Assignment:
    options = SPEC.options.model_validate({"path": str(path), "file": digest_file(path), **said})
    return Assignment("reef/1", "", "", 0, 48, 32, RATE, frames, options)


def test_the_engine_shoots_the_stretch_that_is_named(tmp_path: Path) -> None:
    asked = assignment(film(tmp_path / "m.mp4", even(60)), begin="6/5")
    engine = SPEC.open(asked.options)
    told: list[tuple[int, int]] = []
    footage = engine.shoot(asked, lambda done, of: told.append((done, of)))
    engine.close()
    assert footage.frames.shape == (10, 32, 48, 3) and footage.rate == RATE
    assert numbers(footage.frames) == list(range(30, 40))
    assert told[-1] == (1, 1)


def test_a_file_that_changed_or_went_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "m.mp4", even(30))
    asked = assignment(path)
    film(path, even(31))
    with pytest.raises(ShotError, match=r"shot `reef/1`: `m\.mp4` changed while the film was being made"):
        SPEC.open(asked.options).shoot(asked, lambda done, of: None)
    path.unlink()
    with pytest.raises(ShotError, match=r"shot `reef/1`: `m\.mp4` cannot be read"):
        SPEC.open(asked.options).shoot(asked, lambda done, of: None)


def test_a_damaged_or_foreign_file_fails_the_shot_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "m.mp4"
    path.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(ShotError, match=r"shot `reef/1`: `m\.mp4` is no movie"):
        SPEC.open(assignment(path).options).shoot(assignment(path), lambda done, of: None)


def test_the_key_knows_content_and_stretch_but_not_the_path(tmp_path: Path) -> None:
    path = film(tmp_path / "m.mp4", even(3))
    keyed = assignment(path, begin="14/4", fit="contain").options.keyed()
    assert keyed == {"file": digest_file(path), "begin": "7/2", "fit": "contain"}
    for wrong in ({"begin": "-1"}, {"begin": "soon"}, {"fit": "stretch"}):
        with pytest.raises(ValidationError):
            assignment(path, **wrong)
