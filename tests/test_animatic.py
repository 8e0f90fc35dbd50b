"""The animatic shows what the slate knows, and what it shows can be read back off coded, scaled pixels."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from storyboard.engines import Assignment, EngineOptions, spec_of
from storyboard.engines.strip import read_mark, read_strip, tag_of
from storyboard.errors import Cancelled, ShotError
from storyboard.footage import resample
from storyboard.timing import Rate

SPEC = spec_of("animatic")
OPTIONS = EngineOptions.model_validate({})
Frames = NDArray[np.uint8]
PLAIN = Assignment("a/1", "A bear swims.", "blurry", 7, 192, 108, Rate.parse(24), 24, OPTIONS)


def shoot(assignment: Assignment) -> Frames:
    footage = SPEC.open(assignment.options).shoot(assignment, lambda done, of: None)
    assert footage.rate == assignment.rate
    shape = (assignment.frames, assignment.height, assignment.width, 3)
    assert footage.frames.shape == shape and footage.frames.dtype == np.uint8 and footage.frames.flags.c_contiguous
    return footage.frames


def coded(frames: Frames, rate: Fraction) -> Frames:
    """What comes back of frames that went through H.264, yuv420p, crf 18."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def steps(frames: Frames) -> NDArray[np.float64]:
    """How far the mark went from each frame to the next, as a part of its lane."""
    marks = [read_mark(frame) for frame in frames]
    assert None not in marks
    return (np.diff(np.array(marks, np.float64)) + 0.5) % 1.0 - 0.5


@pytest.mark.parametrize("size", [(64, 36), (64, 64), (66, 120), (128, 128), (384, 216), (854, 480)])
def test_strips_and_marks_survive_coding(size: tuple[int, int]) -> None:
    asked = replace(PLAIN, width=size[0], height=size[1], frames=12, rate=Rate.parse("24000/1001"))
    seen = coded(shoot(asked), asked.rate.fraction)
    assert [(s.tag, s.number) for s in map(read_strip, seen) if s] == [(tag_of(7), n) for n in range(12)]
    assert np.allclose(steps(seen), 1001 / 96000, atol=0.5 / size[0])


def test_strips_survive_coding_after_scaling_and_scaling_after_coding() -> None:
    frames = shoot(replace(PLAIN, width=384, height=216))
    smaller = resample(frames, 288, 162, "cover")
    for seen in (coded(smaller, Fraction(24)), resample(coded(frames, Fraction(24)), 288, 162, "cover")):
        assert [s.number for s in map(read_strip, seen) if s] == list(range(24))
        assert np.allclose(steps(seen), 1 / 96, atol=0.002)
    tiny = resample(shoot(replace(PLAIN, width=64, height=36)), 48, 27, "cover")
    assert [s.number for s in map(read_strip, tiny) if s] == list(range(24))


def test_every_number_and_tag_can_be_read() -> None:
    from storyboard.engines.strip import Strip, draw_strip

    frame = np.zeros((36, 64, 3), np.uint8)
    for number in (*range(0, 16384, 97), 16383):
        strip = Strip(number * 5 % 4096, number)
        draw_strip(frame, 4.0, strip)
        assert read_strip(frame) == strip
    assert len({tag_of(seed) for seed in range(50)}) >= 48


def test_a_strip_with_any_cell_turned_is_no_strip() -> None:
    frame = shoot(replace(PLAIN, frames=1))[0]
    assert read_strip(frame) is not None
    for row, column in np.ndindex(2, 16):
        wrong = frame.copy()
        wrong[row * 6 : row * 6 + 6, column * 12 : column * 12 + 12] ^= 255
        assert read_strip(wrong) is None


def test_what_is_no_animatic_has_neither_strip_nor_mark() -> None:
    random = np.random.default_rng(1).integers(0, 256, (108, 192, 3), dtype=np.uint8)
    black, white = np.zeros_like(random), np.full_like(random, 255)
    smooth = np.asarray(Image.fromarray(random[:4, :4]).resize((192, 108)))
    for picture in (random, black, white, black + 60, smooth):
        assert read_strip(picture) is None and read_mark(picture) is None


def test_a_dissolve_reads_as_the_picture_that_outweighs() -> None:
    a, b = (shoot(replace(PLAIN, seed=seed, frames=1))[0].astype(float) for seed in (1, 2))
    for weight, tag in [(0.2, tag_of(1)), (0.8, tag_of(2)), (0.5, None)]:
        strip = read_strip((a * (1 - weight) + b * weight).astype(np.uint8))
        assert (strip.tag if strip else None) == tag


def test_the_mark_crosses_its_lane_in_four_seconds_at_any_rate() -> None:
    for rate in ("8", "25", "30000/1001"):
        frames = shoot(replace(PLAIN, rate=Rate.parse(rate), frames=40))
        assert read_mark(frames[0]) == pytest.approx(0, abs=0.002) or read_mark(frames[0]) > 0.998
        assert np.allclose(steps(frames), float(1 / (4 * Fraction(rate))), atol=0.002)


def test_a_shot_goes_on_where_its_tail_left_the_mark_and_repeats_it() -> None:
    first = shoot(PLAIN)
    second = shoot(replace(PLAIN, seed=8, tail=first[-8:], frames=100))
    assert np.array_equal(second[:8], first[-8:])
    assert [s.number for s in map(read_strip, second) if s] == [*range(16, 24), *range(8, 100)]
    assert np.allclose(steps(second), 1 / 96, atol=0.002), "the mark does not jump, not even round the lane's end"


def test_a_tail_without_a_mark_starts_at_the_left() -> None:
    foreign = np.full((4, 108, 192, 3), 130, np.uint8)
    frames = shoot(replace(PLAIN, tail=foreign))
    assert np.array_equal(frames[:4], foreign)
    assert min(read_mark(frames[4]), 1 - read_mark(frames[4])) < 0.002
    assert np.allclose(steps(frames[4:]), 1 / 96, atol=0.002)


@pytest.mark.parametrize("with_tail", [True, False])
def test_a_shot_arrives_where_its_head_is_in_even_steps(with_tail: bool) -> None:
    tail = shoot(PLAIN)[-8:] if with_tail else None
    head = shoot(replace(PLAIN, seed=9, frames=60))[40:45]
    frames = shoot(replace(PLAIN, seed=8, tail=tail, head=head, frames=80))
    assert np.array_equal(frames[-5:], head)
    own = steps(frames[7:76] if with_tail else frames[:76])
    assert np.ptp(own) < 0.004, "even, into the head as well"
    assert np.array_equal(steps(frames[-5:]), steps(head))


def test_start_and_end_images_are_the_first_and_last_frames() -> None:
    start, end = (np.full((108, 192, 3), value, np.uint8) for value in (20, 200))
    frames = shoot(replace(PLAIN, start=start, end=end))
    assert np.array_equal(frames[0], start) and np.array_equal(frames[-1], end)
    assert [s and s.number for s in map(read_strip, frames)] == [None, *range(1, 23), None]


def test_conditions_can_fill_the_whole_take_but_no_more() -> None:
    given = shoot(PLAIN)
    assert np.array_equal(shoot(replace(PLAIN, tail=given[:16], head=given[16:])), given)
    with pytest.raises(ShotError, match="`a/1` asks for 23 frames, but is given 24") as caught:
        shoot(replace(PLAIN, tail=given[:16], head=given[16:], frames=23))
    assert caught.value.hint


def test_pixels_depend_on_the_slate_alone() -> None:
    once = shoot(PLAIN)
    assert np.array_equal(once, shoot(PLAIN))
    assert np.array_equal(once, shoot(replace(PLAIN, shot="other/5")))
    others = [replace(PLAIN, prompt="A fox."), replace(PLAIN, negative="dull"), replace(PLAIN, seed=8)]
    others += [replace(PLAIN, frames=25), replace(PLAIN, rate=Rate.parse(25))]
    assert all(shoot(other)[5].tobytes() != once[5].tobytes() for other in others)


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (33, 100), (1000, 20), (20, 1000), (48, 27), (77, 41)])
def test_any_size_can_be_drawn(size: tuple[int, int]) -> None:
    shoot(replace(PLAIN, width=size[0], height=size[1], frames=3, prompt="long words " * 60, negative="bad " * 90))


def test_progress_is_told_a_frame_at_a_time_and_may_cancel() -> None:
    told: list[tuple[int, int]] = []
    engine = SPEC.open(OPTIONS)
    engine.shoot(PLAIN, lambda done, of: told.append((done, of)))
    assert told == [(n, 24) for n in range(1, 25)]

    def cancel(done: int, of: int) -> None:
        if done == 3:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        engine.shoot(PLAIN, cancel)
    engine.close()


def test_capabilities_follow_the_window() -> None:
    can = SPEC.capabilities(OPTIONS)
    assert can.frames.most == 120 and can.repeats_tail and can.negative and not can.references
    assert can.tail is not None and can.head is not None and can.tail.fits(16) and not can.head.fits(17)
    longer = SPEC.capabilities(EngineOptions.model_validate({"window": 500}))
    assert longer.frames.most == 500
    assert SPEC.capabilities(EngineOptions.model_validate({"window": 99_999})).frames.most == 10_000
    assert SPEC.missing() is None and SPEC.weights(OPTIONS) is None


def test_it_is_fast_enough_to_be_the_default() -> None:
    asked = replace(PLAIN, width=384, height=216, frames=120)
    shoot(replace(asked, frames=1))
    begin = time.process_time()
    shoot(asked)
    assert time.process_time() - begin < 2.0
