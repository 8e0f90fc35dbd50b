"""A model of diffusers as an engine: what all of them do alike, so that an adapter says only what is its own.

    class Wan(Resident[WanOptions, WanPipeline]):
        texts_by = ("text_encoder",)
        def load(self): ...                                # the pipeline, on the CPU: engines.loading
        def encode(self, text): ...                        # what the pipeline takes in place of a text
        def count_tokens(self, text): ...                  # and how many of them, where it reads only so many
        def steps(self, options): ...                      # of denoising
        def generate(self, call): ...                      # frames [n, h, w, 3] of numbers in 0..1

    SPEC = spec_of_model("wan", "what it is for", WanOptions, capabilities, Wan)

Here: assignments that do not fit, errors of others, one seed one film, texts read once, LoRAs, memory and the way down
when it is full, steps that are told and may cancel. torch is imported when an engine is opened. May import what stands
above `engines` in the layout, and all that engines share.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from storyboard.engines.arithmetic import after_step, reproducible
from storyboard.engines.base import Assignment, Capabilities, Engine, EngineOptions, EngineSpec, Progress
from storyboard.engines.checking import check_assignment
from storyboard.engines.loras import Wardrobe
from storyboard.engines.memory import Ladder, free_memory, modules_of, pick_device, place, rungs, take_down, using
from storyboard.engines.options import LoraOptions, ModelOptions, OpenOptions
from storyboard.engines.texts import Embeddings, Texts
from storyboard.engines.translation import missing_packages, translated
from storyboard.errors import EngineUnavailable, ShotError
from storyboard.footage import Footage, from_float

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

_Options = TypeVar("_Options", bound=ModelOptions)
_Pipeline = TypeVar("_Pipeline")
_Open = TypeVar("_Open", bound=OpenOptions)
LIBRARIES: Final = ("torch", "diffusers", "transformers")
"""Whose versions a take remembers."""
_LOG: Final = logging.getLogger("storyboard")


@dataclass(frozen=True, slots=True)
class Call(Generic[_Options]):
    """One generation, as an adapter carries it out."""

    assignment: Assignment
    options: _Options
    """Of this assignment: what is in the class variable `each` of options may differ from the engine's."""
    read: Callable[[str], Embeddings]
    """A text's embeddings, on the device."""
    generator: torch.Generator
    """On the CPU, seeded."""
    report: Callable[..., dict[str, torch.Tensor]]
    """To be called after each step, as `callback_on_step_end` is."""


class Resident(Generic[_Options, _Pipeline]):
    """A loaded model. Adapters are subclasses, which say how it is loaded, how it reads and how it generates."""

    texts_by: ClassVar[tuple[str, ...]] = ("text_encoder",)
    """The parts that read texts: they are on the device only while they do."""
    most_tokens: int | None = None
    """Of a text; None where the model reads any."""

    def __init__(self, name: str, options: _Options, can: Capabilities) -> None:
        """Load it. `name` is the engine's, for messages. Raises EngineUnavailable, OutOfMemory."""
        if (why := missing_packages()) is not None:
            raise EngineUnavailable(f"`{name}` cannot run here: {why}")
        self.name, self.options, self.can = name, options, can
        self.texts = Texts(self._encode)
        self.wardrobe = Wardrobe(name)
        self.shot = ""
        with translated(name):
            self.device = pick_device(options.device, name)
            self._pipeline: _Pipeline | None = self.load()
            vae: Any = getattr(self._pipeline, "vae", None)
            if vae is not None:
                vae.use_tiling, vae.use_slicing = options.vae.tiling, options.vae.slicing
            self.ladder = Ladder(rungs(options.offload, self._any, self.device), self._place, self._tell)

    # What an adapter says

    def load(self) -> _Pipeline:
        """The pipeline, with all its parts on the CPU."""
        raise NotImplementedError

    def encode(self, text: str) -> Embeddings:
        """A text as the pipeline takes it in its place, read on `self.device`."""
        raise NotImplementedError

    def count_tokens(self, text: str) -> int:
        """How many tokens the model makes of a text; asked where `most_tokens` is set."""
        raise NotImplementedError

    def steps(self, options: _Options) -> int:
        """How many times `Call.report` is called in a generation."""
        raise NotImplementedError

    def steps_for(self, assignment: Assignment, options: _Options) -> int:
        """The same, where it depends on what is asked for."""
        return self.steps(options)

    def generate(self, call: Call[_Options]) -> NDArray[np.floating]:
        """The frames [n, height, width, 3], in 0..1."""
        raise NotImplementedError

    def film(self, call: Call[_Options]) -> Footage:
        """What `generate` makes, as footage; for adapters of models that make sound as well."""
        return Footage(from_float(self.generate(call)), call.assignment.rate)

    # What all of them do

    @property
    def pipeline(self) -> _Pipeline:
        """The loaded pipeline."""
        assert self._pipeline is not None, "it is closed"
        return self._pipeline

    def prepare(self, texts: Sequence[str], progress: Progress) -> None:
        """Read the texts of a film before its first shot, so that the text encoder is not needed any more.

        One that is too long is left to its shot to complain of. `progress` is called with (0, 0), and may cancel.
        """

        def read() -> None:
            with self._readers_at_hand():
                for text in unread:
                    progress(0, 0)
                    self.texts.read(text, "cpu")

        with translated(self.name):
            unread = [text for text in texts if text not in self.texts and self._fits(text)]
            if unread:
                self.ladder.run(read, unplaced=("none", "model"))

    def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
        """Exactly the frames asked for. Steps are those of denoising, and one of decoding. Raises ShotError."""
        check_assignment(assignment, self.can, self.name)
        self.shot = assignment.shot
        with translated(self.name, assignment.shot):
            return self.ladder.run(lambda: self._shoot(assignment, progress))

    def close(self) -> None:
        """Give back the memory."""
        self._pipeline = None
        self.texts.clear()
        free_memory()

    def _shoot(self, a: Assignment, progress: Progress) -> Footage:
        options = self.options_for(a)
        total = self.steps_for(a, options) + 1
        if isinstance(options, LoraOptions):
            self.wardrobe.wear(self._any, options.loras, download=options.download)
        with reproducible(self.device, a.seed) as generator, using(self._any):
            call = Call(a, options, self._read, generator, after_step(a.shot, progress, total))
            footage = self.film(call)
        progress(total, total)
        return footage

    def options_for(self, assignment: Assignment) -> _Options:
        """Its own; what an engine with a recipe of its own is asked is of another kind, and was said at its opening."""
        return assignment.options if isinstance(assignment.options, type(self.options)) else self.options

    @property
    def _any(self) -> Any:
        return self.pipeline

    def _read(self, text: str) -> Embeddings:
        if text not in self.texts and not self._fits(text):
            count = self.count_tokens(text)
            message = f"shot `{self.shot}`: a prompt has {count} tokens, and `{self.name}` reads {self.most_tokens}"
            raise ShotError(message, self._hint_at(count))
        if text in self.texts:
            return self.texts.read(text, self.device)
        with self._readers_at_hand():
            return self.texts.read(text, self.device)

    def _hint_at(self, tokens: int) -> str:
        more = "max_sequence_length" in type(self.options).model_fields
        return f"shorten it, or set `max_sequence_length: {tokens}`" if more else "shorten it"

    def _fits(self, text: str) -> bool:
        return self.most_tokens is None or self.count_tokens(text) <= self.most_tokens

    def _encode(self, text: str) -> Embeddings:
        # By the same arithmetic, whether it is read ahead or for its shot.
        with reproducible(self.device, 0):
            return self.encode(text)

    @contextmanager
    def _readers_at_hand(self) -> Iterator[None]:
        """The text encoders on the device; where parts are fetched by themselves, they are as well."""
        by_hand = self.device != "cpu" and not (self.ladder.placed and self.ladder.rung != "none")
        readers = [part for name, part in modules_of(self._any).items() if name in self.texts_by and by_hand]
        # Gigabytes that do not change while they are there: so they are not copied back.
        here = [(each, each.data) for part in readers for each in part.parameters()]
        try:
            for part in readers:
                part.to(self.device)
            yield
        finally:
            for parameter, data in here:
                parameter.data = data
            for part in readers:
                part.to("cpu")

    def _place(self, rung: str) -> None:
        take_down(self._any)
        free_memory()
        place(self._any, self.device, rung, self.texts_by)

    def _tell(self, rung: str) -> None:
        what = f"shot `{self.shot}`: `{self.name}`" if self.shot else f"`{self.name}`"
        _LOG.warning("%s ran out of memory; it goes on with `offload: %s`, slower, with the same pixels", what, rung)


def spec_of_model(
    name: str,
    summary: str,
    options: type[_Open],
    capabilities: Callable[[_Open], Capabilities],
    engine: Callable[[str, _Open, Capabilities], Engine],
) -> EngineSpec:
    """How the registry knows a model whose weights the author names: `engine` opens it, for its name in messages."""

    def ours(given: EngineOptions) -> _Open:
        assert isinstance(given, options), given
        return given

    return EngineSpec(
        name=name,
        summary=summary,
        options=options,
        capabilities=lambda given: capabilities(ours(given)),
        missing=missing_packages,
        weights=lambda given: ours(given).identity(),
        open=lambda given: engine(name, ours(given), capabilities(ours(given))),
        absent=lambda given: ours(given).absent(),
        libraries=LIBRARIES,
    )
