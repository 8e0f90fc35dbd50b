"""One engine in one way of placing it -> seconds a shot, steps a second and memory, beside the same calls by hand.

A row is a chain of 3 shots, each of which continues the one before it, by the open engine itself; and the same chain by
hand (`benchmarks.field_hand`) with the pipeline as the engine has placed it, on the same weights. Shots are taken in
turns.

How many steps a shot has is found by a shot before: as many as were published, or as few as make the row last as long
as it may. What they are is in the row.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from benchmarks.field_hand import BY_HAND, Given
from benchmarks.field_models import Model
from storyboard.engines import spec_of
from storyboard.engines.base import Assignment, EngineSpec
from storyboard.engines.memory import free_memory, take_down
from storyboard.errors import StoryboardError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHOTS: Final = 3
LEAST: Final = 2
"""Steps, however long they take."""
PROBED: Final = 2
"""Steps of the shot before."""
PROMPT: Final = "The teddy bear keeps swimming under the water with colorful fishes, wave {number}."
NEGATIVE: Final = "blurry, watermark"
GIGA: Final = 1e9


@dataclass(frozen=True, slots=True)
class Way:
    """How an engine is placed."""

    name: str
    offload: str | None = None
    cap: float | None = None
    """Gigabytes of the GPU that the process may have."""
    options: Mapping[str, object] = field(default_factory=dict)
    rounds: int = 1


WAYS: Final = (
    Way("none", offload="none", rounds=2),
    *(Way(f"cap {cap} GB", cap=cap) for cap in (24, 16, 12)),
    *(Way(offload, offload=offload) for offload in ("model", "group", "sequential")),
)
DISTILLED: Final = Way("none, distilled", offload="none", options={"distilled": True}, rounds=2)
"""The schedule of the distilled models, of LTX alone."""


def ways_of(model: Model, device: str) -> tuple[Way, ...]:
    """The rows of an engine, the most telling first. Where there is no GPU there is nothing to cap."""
    more = (DISTILLED,) if model.engine == "ltx" else ()
    return (WAYS[0], *more, *(way for way in WAYS[1:] if device != "cpu" or way.cap is None))


@dataclass(frozen=True, slots=True)
class Shooting:
    """What one of the two did: a figure a shot."""

    seconds: tuple[float, ...] = ()
    steps_per_second: tuple[float, ...] = ()
    peak: tuple[float, ...] = ()
    """Gigabytes of tensors on the GPU; empty where there is none."""
    reserved: tuple[float, ...] = ()
    """Gigabytes that were taken from the GPU."""

    def __add__(self, other: Shooting) -> Shooting:
        return Shooting(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Row:
    """One engine in one way."""

    engine: str
    what: str
    way: str
    size: tuple[int, int]
    frames: int
    published: int
    tail: int
    guidance: float
    billions: dict[str, float]
    steps: int = 0
    chosen: str = ""
    """The `offload` that it began with."""
    picked: str = ""
    """The one that it was shot with in the end."""
    opening: float = 0.0
    """Seconds of opening it, where its parts are in main memory already."""
    reading: float = 0.0
    """Seconds of reading all texts."""
    ours: Shooting = Shooting()
    theirs: Shooting = Shooting()
    error: str | None = None
    """What the engine said where it could not shoot, with its hint."""
    by_hand: str | None = None
    """What came of it by hand, where that was no film."""

    @property
    def ratio(self) -> float | None:
        """Ours to theirs, of the medians of seconds a shot."""
        there = self.ours.seconds and self.theirs.seconds
        return median(self.ours.seconds) / median(self.theirs.seconds) if there else None

    def plain(self) -> dict[str, Any]:
        """As data."""
        return asdict(self) | {"ratio": self.ratio}


class Marks:
    """Moments of a device's own time, so that nobody waits for it meanwhile."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.moments: list[Any] = []

    def clear(self) -> None:
        self.moments.clear()

    def mark(self) -> None:
        if self.device == "cpu":
            self.moments.append(time.perf_counter())
            return
        import torch

        event = torch.cuda.Event(enable_timing=True)
        event.record()
        self.moments.append(event)

    def rate(self) -> float:
        """Marks a second, from the first to the last; the device has come so far."""
        first, last = self.moments[0], self.moments[-1]
        seconds = last - first if self.device == "cpu" else first.elapsed_time(last) / 1e3
        return (len(self.moments) - 1) / seconds if seconds else 0.0


class Bench:
    """An open engine, and the two that shoot with it."""

    def __init__(self, spec: EngineSpec, model: Model, options: Any, size: tuple[int, int], frames: int) -> None:
        self.model, self.options, self.size, self.frames = model, options, size, frames
        self.can = spec.capabilities(options)
        begun = time.perf_counter()
        self.engine: Any = spec.open(options)
        self.opening = time.perf_counter() - begun
        self.device: str = self.engine.device
        self.marks = Marks(self.device)
        self.by_hand: str | None = None
        """Why it was given up by hand."""

    def read(self) -> float:
        """Read all texts; how many seconds that takes."""
        texts = [*map(prompt_of, range(SHOTS)), NEGATIVE]
        begun = time.perf_counter()
        self.engine.prepare(texts, lambda step, steps: None)
        synchronize(self.device)
        return time.perf_counter() - begun

    def step(self, step: int, steps: int) -> None:
        """As `progress`."""
        if step == 1:
            self.marks.clear()  # a shot that ran out of memory begins again
        if 0 < step < steps:
            self.marks.mark()

    def ours(self, number: int, tail: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
        o, (width, height) = self.options, self.size
        negative = NEGATIVE if self.can.negative else ""
        assignment = Assignment(
            f"s/{number}",
            prompt_of(number),
            negative,
            number,
            width,
            height,
            self.can.default_rate,
            self.frames,
            o,
            tail,
        )
        frames: NDArray[np.uint8] = self.engine.shoot(assignment, self.step).frames
        return frames

    def theirs(self, number: int, tail: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
        o, texts = self.options, self.engine.texts
        self.marks.clear()
        given = Given(
            prompt=texts.read(prompt_of(number), self.device),
            negative=texts.read(NEGATIVE, self.device) if self.can.negative else None,
            tail=tail,
            frames=self.frames,
            size=self.size,
            rate=float(self.can.default_rate.fraction),
            steps=steps_of(o),
            timesteps=getattr(o, "schedule", None),
            guidance=o.guidance,
            seed=number,
            device=self.device,
            step=self.marks.mark,
        )
        frames: NDArray[np.uint8] = BY_HAND[self.model.engine](self.engine.pipeline, given)
        return frames

    def timed(self, shoot: Callable[..., NDArray[np.uint8]], number: int, tail: Any) -> tuple[Any, Shooting]:
        """One shot's frames, and what it took."""
        reset_peak(self.device)
        begun = time.perf_counter()
        frames = shoot(number, tail)
        synchronize(self.device)
        seconds = time.perf_counter() - begun
        peak, reserved = peak_of(self.device)
        return frames, Shooting((seconds,), (self.marks.rate(),), peak, reserved)

    def choose_steps(self, seconds: float, published: int) -> int:
        """As many steps as a shot may have that takes so long, found by a shot that continues a grey picture."""
        import numpy as np

        width, height = self.size
        self.options = with_steps(self.options, PROBED)
        _, took = self.timed(self.ours, 0, np.full((self.can.default_tail, height, width, 3), 99, np.uint8))
        step = 1 / took.steps_per_second[0] if took.steps_per_second[0] else 0.0
        left = seconds - max(took.seconds[0] - PROBED * step, 0.0)
        steps = max(LEAST, min(published, int(left / step) if step else published))
        self.options = with_steps(self.options, steps)
        return steps

    def chain(self) -> Iterator[tuple[str, Shooting]]:
        """Shot by shot, ours and theirs in turns, each continuing its own; who begins changes. Raises StoryboardError.

        By hand nobody goes down a ladder: where that fails, ours goes on alone.
        """
        tails: dict[str, Any] = {"ours": None, "theirs": None}
        for number in range(SHOTS):
            for who in ("ours", "theirs") if number % 2 == 0 else ("theirs", "ours"):
                if who == "theirs" and self.by_hand is not None:
                    continue
                try:
                    frames, took = self.timed(getattr(self, who), number, tails[who])
                except Exception as error:
                    if who == "ours":
                        raise
                    traceback.print_exc()
                    self.by_hand = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
                    continue
                tails[who] = frames[-self.can.default_tail :]
                yield who, took

    def close(self) -> None:
        """Give back the memory of the GPU; the parts stay in main memory for the next."""
        take_down(self.engine.pipeline)
        self.engine.close()


def measure(model: Model, way: Way, folder: str, billions: dict[str, float], limits: Limits) -> Row:
    """One row. What an engine cannot do in that way is in the row as well."""
    spec = spec_of(model.engine)
    options: Any = spec.options(**limits.options(model, folder, **way.options), offload=way.offload)
    can = spec.capabilities(options)
    size, frames = limits.shape(model, can.frames.at_least)
    tail = can.default_tail
    row = Row(model.engine, model.what, way.name, size, frames, model.published, tail, options.guidance, billions)
    with capped(way.cap):
        bench = Bench(spec, model, options, size, frames)
        row = replace(row, opening=bench.opening, chosen=bench.engine.ladder.rung)
        try:
            row = replace(row, reading=bench.read())
            row = replace(row, steps=_warm(bench, way, limits))
            begun = time.perf_counter()
            for number in range(way.rounds):
                if number and time.perf_counter() - begun > limits.seconds:
                    break
                for who, took in bench.chain():
                    row = replace(row, **{who: getattr(row, who) + took})
        except StoryboardError as error:
            row = replace(row, error="; ".join(filter(None, (error.message, error.hint))))
        finally:
            row = replace(row, picked=bench.engine.ladder.rung, by_hand=bench.by_hand)
            bench.close()
    return row


def _warm(bench: Bench, way: Way, limits: Limits) -> int:
    """The number of steps. In the first rows of an engine both shoot once before they are timed."""
    if getattr(bench.options, "schedule", None) is None:
        bench.choose_steps(limits.seconds / (2 * SHOTS), bench.model.steps)
    if way.rounds > 1:
        for shoot in (bench.ours, bench.theirs):
            shoot(1, shoot(0, None)[-bench.can.default_tail :])
    return steps_of(bench.options)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is measured."""

    device: str
    seconds: float
    """Of a chain of both, about."""
    full: bool = False
    """With as many frames as were published."""
    tiny: bool = False

    def options(self, model: Model, folder: str, **more: object) -> dict[str, object]:
        """Of an engine that loads the model from a folder; on a CPU 16 bits are slow."""
        said = {**model.options, "model": folder, "device": self.device, **more}
        return said | ({"dtype": "float32"} if self.tiny else {})

    def shape(self, model: Model, at_least: Callable[[int], int | None]) -> tuple[tuple[int, int], int]:
        """Size and count of frames."""
        if self.tiny:
            return (64, 64), at_least(13) or model.frames
        return model.size, model.published if self.full else model.frames


def prompt_of(number: int) -> str:
    return PROMPT.format(number="abcdefghijklmnop"[number])


def steps_of(options: Any) -> int:
    """Of denoising, as they really are."""
    count: int = getattr(options, "count", None) or options.steps
    return count


def with_steps(options: Any, steps: int) -> Any:
    """The same options with another number of steps."""
    return type(options).model_validate(options.model_dump(exclude_unset=True) | {"steps": steps})


# The device


@contextmanager
def capped(gigabytes: float | None) -> Iterator[None]:
    """While inside, this process may have no more of the GPU."""
    if gigabytes is None:
        yield
        return
    import torch

    free_memory()
    torch.cuda.set_per_process_memory_fraction(min(1.0, gigabytes * GIGA / torch.cuda.mem_get_info()[1]))
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def synchronize(device: str) -> None:
    if device != "cpu":
        import torch

        torch.cuda.synchronize()


def reset_peak(device: str) -> None:
    if device != "cpu":
        import torch

        torch.cuda.reset_peak_memory_stats()


def peak_of(device: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The most gigabytes of tensors, and of what was taken for them; nothing where there is no GPU."""
    if device == "cpu":
        return (), ()
    import torch

    return (torch.cuda.max_memory_allocated() / GIGA,), (torch.cuda.max_memory_reserved() / GIGA,)
