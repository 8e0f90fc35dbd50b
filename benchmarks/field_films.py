"""Whole films: a chain of shots by storyboard, against the loop that one would write around diffusers.

storyboard reads the screenplay, reads all prompts, shoots, keeps each take without loss and under its digest, and makes
the movie. The loop does as walk-throughs show, made to chain: it keeps the pipeline and its text encoder on the GPU,
reads a prompt, calls the pipeline with the last frames of the shot before, writes the frames without loss (FFV1), and
at the end the movie by moviepy. Both make the same frames in the same shots, on one set of weights, in turns.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.conform import decoded_frames
from benchmarks.field_hand import BY_HAND, Given
from benchmarks.field_models import Chain
from benchmarks.field_shots import Limits, steps_of, synchronize
from storyboard.breakdown import break_down
from storyboard.crew import Here
from storyboard.engines.memory import take_down
from storyboard.events import ShotDone, ShotFailed, ShotStepped
from storyboard.film import prepare, produce
from storyboard.screenplay import load

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch.profiler import profile

    from storyboard.shots import Breakdown


@dataclass(frozen=True, slots=True)
class Film:
    """A chain by both, one figure a round."""

    engine: str
    what: str
    shots: int
    size: tuple[int, int]
    generated: tuple[int, ...]
    """Frames of each generation."""
    frames: int
    """Of the film."""
    steps: int
    counted: tuple[int, ...] = ()
    """Frames that were decoded from the last movies: ours, theirs."""
    ours: tuple[float, ...] = ()
    first_step: tuple[float, ...] = ()
    """Of ours: seconds to the end of the first step, texts read."""
    conform: tuple[float, ...] = ()
    """Of ours: seconds from the last take to the movie; most of its pieces are encoded before."""
    theirs: tuple[float, ...] = ()
    storing: tuple[float, ...] = ()
    """Of theirs: seconds of writing frames without loss."""
    movie: tuple[float, ...] = ()
    """Of theirs: seconds of making the movie."""
    busy: tuple[float | None, float | None] = (None, None)
    """Share of the time in which a kernel ran on the GPU, from the first to the last step: ours, theirs."""

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return median(self.ours) / median(self.theirs)

    def plain(self) -> dict[str, Any]:
        """As data."""
        return asdict(self) | {"ratio": self.ratio}


class Set(Here):
    """A crew whose only engine can be met."""

    @property
    def engine(self) -> Any:
        (engine,) = self._engines.values()
        return engine


class Studio:
    """An open engine, resident in a crew, and its pipeline for who writes the loop by hand."""

    def __init__(self, chain: Chain, model_folder: Path, folder: Path, limits: Limits) -> None:
        self.chain, self.limits, self.folder, self.count = chain, limits, folder, 0
        self.said = limits.options(chain.model, str(model_folder), **chain.options, offload="none")
        self.crew = Set()
        self.film(2)  # opens it, and warms its arithmetic, from nothing and from a tail

    @property
    def engine(self) -> Any:
        return self.crew.engine

    @property
    def shape(self) -> tuple[tuple[int, int], int, int]:
        """Size, frames of a scene, and frames of a tail: together with its tail a scene fills a generation."""
        from storyboard.engines import spec_of

        spec = spec_of(self.chain.model.engine)
        can = spec.capabilities(spec.options(**self.said))
        (size, _), tail = self.limits.shape(self.chain.model, can.frames.at_least), can.default_tail
        frames = can.frames.at_least(2 * tail) if self.limits.tiny else self.chain.frames
        assert frames is not None
        return size, frames - tail, tail

    def screenplay(self, shots: int) -> Path:
        """A film of so many scenes, each of which continues the one before; its prompts are in no other."""
        self.count += 1
        (width, height), frames, _ = self.shape
        engine = ", ".join(f"{name}: {_yaml(value)}" for name, value in self.said.items())
        lines = [
            f"engine: {{name: {self.chain.model.engine}, {engine}}}",
            f"format: {{width: {width}, height: {height}}}",
            "negative: blurry, watermark",
            "scenes:",
        ]
        for number in range(shots):
            prompt = f"Wave {_letters(number)} rolls in on day {_letters(self.count)}."
            lines += [f"  - {{id: s{number}, prompt: {prompt}, duration: {frames}f}}"]
        path = self.folder / f"{self.count}" / "film.yaml"
        path.parent.mkdir(parents=True)
        path.write_text("\n".join(lines) + "\n")
        return path

    def film(self, shots: int, watch: Watch | None = None) -> tuple[Path, dict[str, float]]:
        """storyboard's: the movie, and seconds in all, to the first step, and of `conform`. Raises StoryboardError."""
        path = self.screenplay(shots)
        begun, marks = time.perf_counter(), []
        shot = begun
        production = prepare(path, out=path.parent, vault=path.parent / "vault")
        for event in produce(production, self.crew):
            if isinstance(event, ShotFailed):
                raise event.error
            if isinstance(event, ShotDone):
                shot = time.perf_counter()
            if isinstance(event, ShotStepped) and 0 < event.step < event.steps:
                marks.append(time.perf_counter())
                if watch is not None:
                    watch.step(len(marks))
        ended = time.perf_counter()
        return production.places.movie, {"all": ended - begun, "first": marks[0] - begun, "conform": ended - shot}

    def by_hand(self, shots: int, watch: Watch | None = None) -> tuple[Path, dict[str, float]]:
        """The loop: the movie, and seconds in all, of storing, and of making the movie."""
        path = self.screenplay(shots)
        breakdown = break_down(load(path))  # for its prompts, seeds and frame counts only
        _stand(self.engine, self.limits.device)
        storing, kept, done = 0.0, [], 0
        begun = time.perf_counter()
        tail = None
        _, _, length = self.shape
        for shot in breakdown.shots.values():

            def step() -> None:
                nonlocal done
                done += 1
                if watch is not None:
                    watch.step(done)

            frames = BY_HAND[self.chain.model.engine](self.engine.pipeline, self.given(shot, tail, step))
            stored = time.perf_counter()
            write_lossless(path.parent / f"{shot.scene}.mkv", frames, shot.engine.rate.fraction)
            storing += time.perf_counter() - stored
            kept.append(frames[shot.visible.start : shot.visible.stop])
            tail = kept[-1][-length:]
        shown = time.perf_counter()
        write_movie(path.parent / "film.mp4", kept, float(breakdown.rate.fraction))
        ended = time.perf_counter()
        _leave(self.engine)
        return path.parent / "film.mp4", {"all": ended - begun, "storing": storing, "movie": ended - shown}

    def given(self, shot: Any, tail: NDArray[np.uint8] | None, step: Any) -> Given:
        o, device = shot.engine.options, self.limits.device
        return Given(
            prompt=self._read(shot.prompt),
            negative=self._read(shot.negative) if shot.engine.capabilities.negative else None,
            tail=tail,
            frames=shot.frames,
            size=(shot.engine.width, shot.engine.height),
            rate=float(shot.engine.rate.fraction),
            steps=steps_of(o),
            timesteps=getattr(o, "schedule", None),
            guidance=o.guidance,
            seed=shot.seed,
            device=device,
            step=step,
        )

    def _read(self, text: str) -> Any:
        import torch

        with torch.no_grad():
            return self.engine.encode(text)

    def close(self) -> None:
        take_down(self.engine.pipeline)
        self.crew.close()


def compare(studio: Studio, shots: int, rounds: int, seconds: float) -> Film:
    """Both in turns, as many rounds as there are or as fit in the time, at least one."""
    path = studio.screenplay(shots)
    breakdown: Breakdown = break_down(load(path))
    size, _, _ = studio.shape
    options: Any = next(iter(breakdown.shots.values())).engine.options
    film = Film(
        studio.chain.model.engine,
        studio.chain.model.what,
        shots,
        size,
        tuple(shot.frames for shot in breakdown.shots.values()),
        breakdown.frames,
        steps_of(options),
    )
    begun = time.perf_counter()
    for number in range(rounds):
        if number and time.perf_counter() - begun > seconds:
            break
        ours, took = studio.film(shots)
        theirs, spent = studio.by_hand(shots)
        film = replace(
            film,
            ours=(*film.ours, took["all"]),
            first_step=(*film.first_step, took["first"]),
            conform=(*film.conform, took["conform"]),
            theirs=(*film.theirs, spent["all"]),
            storing=(*film.storing, spent["storing"]),
            movie=(*film.movie, spent["movie"]),
            counted=(decoded_frames(ours), decoded_frames(theirs)),
        )
    return film


def busy(studio: Studio, shots: int) -> tuple[float | None, float | None]:
    """How busy the GPU is in a chain by storyboard, and in one by hand; None where there is none."""
    if studio.limits.device == "cpu":
        return None, None
    size = steps_of(studio.engine.options) * shots
    shares = []
    for shoot in (studio.film, studio.by_hand):
        with Watch(size) as watch:
            shoot(shots, watch)
        shares.append(watch.share)
    return shares[0], shares[1]


class Watch:
    """torch's profiler, from the end of the first step to that of the last."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.share: float | None = None
        self._profile: profile | None = None
        self._begun = 0.0

    def __enter__(self) -> Watch:
        from torch.profiler import ProfilerActivity, profile

        with profile(activities=[ProfilerActivity.CUDA]):
            pass  # the first one loads what it needs
        self._profile = profile(activities=[ProfilerActivity.CUDA])
        return self

    def __exit__(self, *_: object) -> None:
        self._profile = None

    def step(self, done: int) -> None:
        """To be told of each step, counted from 1, in the thread of whoever watches."""
        assert self._profile is not None
        if done == 1:
            synchronize("cuda")
            self._profile.start()
            self._begun = time.perf_counter()
        elif done == self.steps:
            synchronize("cuda")
            seconds = time.perf_counter() - self._begun
            self._profile.stop()
            self.share = covered(_kernels(self._profile)) / 1e6 / seconds


def _kernels(profiled: profile) -> Iterator[tuple[float, float]]:
    """Begin and end of what the GPU reckoned, in microseconds; copies are not counted."""
    from torch.autograd import DeviceType

    for event in profiled.events() or ():
        if event.device_type == DeviceType.CUDA and not event.name.startswith(("Memcpy", "Memset")):
            yield event.time_range.start, event.time_range.end


def covered(spans: Any) -> float:
    """How much of a line half-open spans cover together."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        if end > reached:
            total += end - max(begin, reached)
            reached = end
    return total


# What a loop by hand does besides


def _stand(engine: Any, device: str) -> None:
    """The text encoder on the device, as in a pipeline that was moved there whole."""
    for name in engine.texts_by:
        getattr(engine.pipeline, name).to(device)
    synchronize(device)


def _leave(engine: Any) -> None:
    for name in engine.texts_by:
        getattr(engine.pipeline, name).to("cpu")


def write_lossless(path: Path, frames: NDArray[np.uint8], rate: Any) -> None:
    """FFV1, as ffmpeg does it by itself."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "bgr0"
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def write_movie(path: Path, parts: list[NDArray[np.uint8]], rate: float) -> None:
    """As walk-throughs do: all frames, one clip."""
    from moviepy import ImageSequenceClip

    frames = [frame for part in parts for frame in part]
    ImageSequenceClip(frames, fps=rate).write_videofile(str(path), codec="libx264", audio=False, logger=None)


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _letters(number: int) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


@contextmanager
def open_studio(chain: Chain, model_folder: Path, folder: Path, limits: Limits) -> Iterator[Studio]:
    """An engine, opened and warm."""
    studio = Studio(chain, model_folder, folder, limits)
    try:
        yield studio
    finally:
        studio.close()
