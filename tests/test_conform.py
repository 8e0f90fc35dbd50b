"""Movies, made by the real moviepy and ffmpeg from a real vault, and read back picture by picture."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from storyboard.conform import Movie, conform, conform_whole, segment_keys
from storyboard.cut import Cut, Mix, MixKind, Strip
from storyboard.digest import digest_file, digest_of
from storyboard.errors import ConformError, MissingTakes
from storyboard.vault import Vault
from tests.pieces import HEIGHT, RATES, WIDTH, Pictures, decode, film, numbered, numbers_of, shoot, three


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault")


def everything(vault: Vault) -> Cut:
    """Straight edits, holds, a dissolve, fades from black and through black, takes of other sizes, one-frame edits."""
    noise = np.random.default_rng(1).integers(0, 60, (30, HEIGHT, WIDTH, 3), dtype=np.uint8)
    one = shoot(vault, "one", numbered(range(30)) // 2 + noise)
    two = shoot(vault, "two", 255 - numbered(range(30)))
    wide = shoot(vault, "wide", numbered(range(12), 96, 54))
    return film(
        (Strip(one, range(4)), Mix(MixKind.FADE, None, 0, 4)),
        Strip(one, range(4, 17)),
        Strip(two, [0]),
        Strip(two, [1]),
        (Strip(two, range(2, 9)), Mix(MixKind.DISSOLVE, Strip(one, [17, 18, 19, 20, 20, 20, 20]), 0, 7)),
        Strip(two, [9, 9, 10, 10, 10, 11, 29, 3]),
        (Strip(wide, range(6)), Mix(MixKind.FADE, Strip(two, range(20, 26)), 0, 6)),
        Strip(wide, range(6, 12)),
        Strip(one, range(4, 17)),
        rate="24000/1001",
    )


# Both ways to make a movie


def test_joined_pieces_decode_to_exactly_the_frames_of_one_encode(vault: Vault, tmp_path: Path) -> None:
    cut = everything(vault)
    joined = conform(cut, vault, tmp_path / "joined.mp4", title="x", note={"a": 1})
    whole = conform_whole(cut, vault, tmp_path / "whole.mp4", title="x", note={"a": 1})
    assert joined.frames == whole.frames == cut.frames == 59
    assert joined.segments == segment_keys(cut, vault) and whole.segments == ()
    for form in ("yuv420p", "rgb24"):
        assert np.array_equal(decode(joined.path, form), decode(whole.path, form))


def test_long_and_busy_pieces_are_coded_as_in_one_encode_too(vault: Vault, tmp_path: Path) -> None:
    # Longer than the most frames between two IDR frames, with movement that x264 has to search for, and a flash.
    canvas = np.random.default_rng(3).integers(0, 256, (HEIGHT + 80, WIDTH + 80, 3), dtype=np.uint8)
    canvas = (canvas.astype(int) + np.roll(canvas, 1, 0) + np.roll(canvas, 1, 1) + np.roll(canvas, 2, 1)) // 4
    pictures = np.stack([canvas[i % 71 : i % 71 + HEIGHT, i % 43 : i % 43 + WIDTH] for i in range(290)])
    pictures[150] = 255
    key = shoot(vault, "busy", pictures.astype(np.uint8))
    cut = film(Strip(key, range(0, 37)), Strip(key, range(37, 290)), Strip(key, range(290)))
    joined, whole = tmp_path / "joined.mp4", tmp_path / "whole.mp4"
    conform(cut, vault, joined)
    conform_whole(cut, vault, whole)
    assert np.array_equal(decode(joined, "yuv420p"), decode(whole, "yuv420p"))


def test_the_same_input_gives_the_same_bytes(vault: Vault, tmp_path: Path) -> None:
    cut = everything(vault)
    first = conform(cut, vault, tmp_path / "a.mp4", title="x", note=[1])
    again = conform(cut, vault, tmp_path / "b.mp4", title="x", note=[1])
    scratch = conform(cut, vault, tmp_path / "c.mp4", title="x", note=[1], from_scratch=True)
    assert first.digest == again.digest == scratch.digest == digest_file(tmp_path / "c.mp4")
    assert first.size == (tmp_path / "c.mp4").stat().st_size
    # The film's second piece and its last show the same frames.
    assert (first.encoded, again.encoded, scratch.encoded) == (8, 0, 8)


# Which frame is where


@pytest.mark.parametrize("rate", RATES)
def test_each_frame_is_shown_once_in_order_at_its_exact_time(rate: str, vault: Vault, tmp_path: Path) -> None:
    key = shoot(vault, "shot", numbered(range(130)))
    lengths = (1, 1, 7, 48, 1, 33)
    starts = np.cumsum([0, *lengths[:-1]]).tolist()
    cut = film(*(Strip(key, range(a, a + n)) for a, n in zip(starts, lengths, strict=True)), rate=rate)
    movie = conform(cut, vault, tmp_path / "m.mp4")
    assert numbers_of(movie.path) == list(range(91))
    exact = Fraction(rate)
    with av.open(str(movie.path)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == stream.guessed_rate == stream.base_rate == exact
        assert stream.codec_context.framerate == exact, "the H.264 stream's own timing"
        assert container.duration == round(91 / exact * 1_000_000)
        assert [frame.pts * frame.time_base * exact for frame in container.decode(stream)] == list(range(91))


@pytest.mark.parametrize("rate", ["24", "30000/1001"])
def test_a_film_of_one_frame(rate: str, vault: Vault, tmp_path: Path) -> None:
    key = shoot(vault, "shot", numbered([37, 38]))
    for make in (conform, conform_whole):
        assert numbers_of(make(film(Strip(key, [1]), rate=rate), vault, tmp_path / "m.mp4").path) == [38]


def test_a_film_of_forty_pieces(vault: Vault, tmp_path: Path) -> None:
    key = shoot(vault, "shot", numbered(range(256)))
    lengths = [1 + piece * 7 % 5 for piece in range(40)]
    starts = np.cumsum([0, *lengths[:-1]]).tolist()
    cut = film(*(Strip(key, range(a, a + n)) for a, n in zip(starts, lengths, strict=True)), rate="25")
    movie = conform(cut, vault, tmp_path / "m.mp4")
    assert movie.frames == sum(lengths) and len(movie.segments) == 40
    assert numbers_of(movie.path) == list(range(sum(lengths)))


def test_a_thousand_pieces_are_joined_with_few_files_open(vault: Vault, tmp_path: Path) -> None:
    import resource

    key = shoot(vault, "shot", numbered(range(4)))
    cut = film(*(Strip(key, [piece % 4]) for piece in range(1000)))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    try:
        movie = conform(cut, vault, tmp_path / "m.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert movie.encoded == 4
    assert numbers_of(movie.path) == [0, 1, 2, 3] * 250


# What a frame looks like


def flat(colour: tuple[int, int, int], count: int = 8) -> Pictures:
    return np.broadcast_to(np.array(colour, np.uint8), (count, HEIGHT, WIDTH, 3)).copy()


COLOURS = [
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
    (128, 64, 32),
    (10, 200, 120),
    (250, 250, 5),
]


def test_colours_come_back_as_bt709(vault: Vault, tmp_path: Path) -> None:
    key = shoot(vault, "colours", np.concatenate([flat(colour, 1) for colour in COLOURS]))
    path = conform(film(*(Strip(key, [i]) for i in range(len(COLOURS)))), vault, tmp_path / "m.mp4").path
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        tags = (context.color_range, context.colorspace, context.color_primaries, context.color_trc)
        assert (context.name, context.pix_fmt, tags) == ("h264", "yuv420p", (1, 1, 1, 1))
        for colour, frame in zip(COLOURS, container.decode(video=0), strict=True):
            planes = [
                frame.reformat(format="yuv444p").to_ndarray()[plane, HEIGHT // 2, WIDTH // 2] for plane in range(3)
            ]
            y, u, v = ((planes[0] - 16.0) / 219, (planes[1] - 128.0) / 224, (planes[2] - 128.0) / 224)
            blue, red = y + 1.8556 * u, y + 1.5748 * v
            green = (y - 0.2126 * red - 0.0722 * blue) / 0.7152
            assert np.abs(np.array([red, green, blue]) * 255 - colour).max() <= 3, colour
            shown = frame.reformat(format="rgb24", src_colorspace="ITU709", dst_colorspace="ITU709").to_ndarray()
            assert np.abs(shown[HEIGHT // 2, WIDTH // 2].astype(int) - colour).max() <= 3, colour


def greys(movie: Path) -> list[float]:
    return [float(picture.mean()) for picture in decode(movie)]


def test_a_dissolve_and_fades_have_the_weights_of_the_cut(vault: Vault, tmp_path: Path) -> None:
    dark, light = shoot(vault, "dark", flat((40, 40, 40))), shoot(vault, "light", flat((220, 220, 220)))
    mixes = (
        Mix(MixKind.DISSOLVE, Strip(dark, range(7)), 0, 7),
        Mix(MixKind.DISSOLVE, Strip(dark, range(7)), 2, 20),
        Mix(MixKind.FADE, Strip(dark, range(7)), 0, 7),
        Mix(MixKind.FADE, None, 0, 7),
    )
    cut = film(*((Strip(light, range(7)), mix) for mix in mixes))
    wanted = [40 * under + 220 * over for mix in mixes for under, over in map(mix.weights, range(7))]
    found = greys(conform(cut, vault, tmp_path / "m.mp4").path)
    assert np.abs(np.array(found) - np.array(wanted, float)).max() < 2.5


@pytest.mark.parametrize(("fit", "edge"), [("cover", 200), ("contain", 0)])
def test_a_take_of_another_size_fits_as_the_cut_says(fit: str, edge: int, vault: Vault, tmp_path: Path) -> None:
    wide = np.full((2, 24, 96, 3), 200, np.uint8)
    cut = film(Strip(shoot(vault, "wide", wide), range(2)), fit=fit)
    picture = decode(conform(cut, vault, tmp_path / "m.mp4").path)[0]
    assert abs(int(picture[0, 0, 0]) - edge) <= 3 and abs(int(picture[HEIGHT // 2, WIDTH // 2, 0]) - 200) <= 3


# What is encoded again


def test_a_changed_edit_alone_is_encoded_again(vault: Vault, tmp_path: Path) -> None:
    before = conform(three(vault), vault, tmp_path / "m.mp4")
    after = conform(three(vault, second=40), vault, tmp_path / "m.mp4")
    assert (before.encoded, after.encoded) == (3, 1)
    assert [a == b for a, b in zip(before.segments, after.segments, strict=True)] == [True, False, True]
    assert numbers_of(after.path) == [*range(6), *range(40, 46), *range(20, 26)]
    assert conform(three(vault), vault, tmp_path / "m.mp4").encoded == 0


def test_a_piece_is_keyed_by_what_it_shows_and_nothing_else(vault: Vault) -> None:
    one, same = shoot(vault, "one", numbered(range(9))), shoot(vault, "another name", numbered(range(9)))
    wide = shoot(vault, "wide", numbered(range(9), 96))

    def key(part: Strip | tuple[Strip, Mix], rate: str = "24", fit: str = "cover") -> str:
        return segment_keys(film(part, rate=rate, fit=fit), vault)[0]

    straight = key(Strip(one, range(6)))
    assert straight == key(Strip(same, [0, 1, 2, 3, 4, 5])) == key(Strip(one, range(6)), fit="contain")
    mixed = [
        (Strip(one, range(6)), Mix(MixKind.FADE, under, at, 9))
        for under in (None, Strip(wide, range(6)))
        for at in (0, 1)
    ]
    others = [
        key(Strip(one, range(1, 7))),
        key(Strip(one, range(5))),
        key(Strip(one, range(6)), rate="25"),
        key(Strip(wide, range(6))),
        key(Strip(wide, range(6)), fit="contain"),
        *map(key, mixed),
    ]
    assert len({straight, *others}) == 1 + len(others)


def test_a_wrong_piece_in_the_vault_is_replaced(vault: Vault, tmp_path: Path) -> None:
    cut = three(vault)
    good = conform(cut, vault, tmp_path / "good.mp4")
    short = conform(film(cut.edits[0].strip, rate="25"), vault, tmp_path / "short.mp4")
    vault.put_segment(good.segments[1], short.path)
    healed = conform(cut, vault, tmp_path / "m.mp4")
    assert (healed.digest, healed.encoded) == (good.digest, 3)
    assert conform(cut, vault, tmp_path / "m.mp4").encoded == 0


def test_a_film_without_its_takes_is_not_made(vault: Vault, tmp_path: Path) -> None:
    with pytest.raises(MissingTakes, match="scene0/1"):
        conform(film(Strip(digest_of("nothing"), range(4))), vault, tmp_path / "m.mp4")


# What goes wrong leaves the old movie, and nothing else


def old_movie(vault: Vault, folder: Path) -> Movie:
    return conform(three(vault), vault, folder / "m.mp4", title="old")


def assert_untouched(movie: Movie) -> None:
    assert digest_file(movie.path) == movie.digest
    assert [entry.name for entry in movie.path.parent.iterdir()] == [movie.path.name]
    assert not children()


def children() -> list[int]:
    """Processes of this one that live."""
    return [int(pid) for pid in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()]


class Stop(BaseException):
    """Raised by a test's progress."""


@pytest.mark.parametrize("fault", [KeyboardInterrupt, Stop, BrokenPipeError])
def test_an_interrupted_conform_leaves_the_old_movie_and_no_process(
    fault: type[BaseException], vault: Vault, tmp_path: Path
) -> None:
    movie = old_movie(vault, tmp_path / "out")

    def progress(done: int, total: int) -> None:
        if done == 9:
            raise fault

    raised = ConformError if issubclass(fault, OSError) else fault
    for make in (conform, conform_whole):
        with pytest.raises(raised):
            make(three(vault, second=60), vault, movie.path, progress=progress)
        assert_untouched(movie)


def test_an_ffmpeg_that_fails_is_quoted(vault: Vault, tmp_path: Path) -> None:
    movie = old_movie(vault, tmp_path / "out")
    odd = film(Strip(shoot(vault, "odd", numbered(range(4), 63)), range(4)), width=63)
    with pytest.raises(ConformError, match="not divisible by 2"):
        conform(odd, vault, movie.path)
    assert_untouched(movie)


@pytest.mark.parametrize("make", [conform, conform_whole])
def test_progress_counts_every_frame_once(make: Callable[..., Movie], vault: Vault, tmp_path: Path) -> None:
    conform(three(vault), vault, tmp_path / "m.mp4")
    seen: list[tuple[int, int]] = []
    make(three(vault, second=40), vault, tmp_path / "m.mp4", progress=lambda *step: seen.append(step))
    done = [step[0] for step in seen]
    assert done == sorted(set(done)) and seen[-1] == (18, 18)


def test_it_prints_nothing(vault: Vault, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    conform(three(vault), vault, tmp_path / "m.mp4")
    assert capfd.readouterr() == ("", "")


ENDLESS = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
from tests import pieces as t
from storyboard.conform import conform, conform_whole
from storyboard.vault import Vault
vault = Vault(Path({vault!r}))
key = t.shoot(vault, "long", t.numbered(range(200)))
def progress(done, total):
    print(done, flush=True)
{make}(t.film(t.Strip(key, [*range(200)] * 500)), vault, Path({out!r}), progress=progress)
"""


@pytest.mark.parametrize("make", [conform, conform_whole])
def test_a_killed_conform_leaves_the_old_movie_and_the_next_one_cleans_up(
    make: Callable[..., Movie], vault: Vault, tmp_path: Path
) -> None:
    movie = old_movie(vault, tmp_path / "out")
    paths = [str(Path(__file__).parent.parent)]
    code = ENDLESS.format(path=paths, vault=str(vault.root), out=str(movie.path), make=make.__name__)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            while process.stdout.readline().strip() != "400":
                assert process.poll() is None
            hidden = {entry.name for entry in movie.path.parent.iterdir()} - {"m.mp4"}
            again = conform(three(vault), vault, movie.path, title="old")
            assert {entry.name for entry in movie.path.parent.iterdir()} == {"m.mp4", *hidden}, "someone works there"
        finally:
            process.send_signal(signal.SIGKILL)
    assert len(hidden) == 1 and again.digest == digest_file(movie.path) == movie.digest
    time.sleep(0.2)  # ffmpeg sees the end of its input, and ends
    conform(three(vault), vault, movie.path, title="old")
    assert_untouched(movie)


def test_conform_imports_nothing_heavy_until_it_works() -> None:
    code = (
        "import sys, storyboard.conform, storyboard.blame; print({'moviepy', 'av', 'numpy', 'PIL'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
