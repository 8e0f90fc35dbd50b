"""The engine `pocket`: a small model of the LTX architecture that is part of this package, in `pocket_model`.

It shoots 33 frames of 128x128 at a time in a second or two on two CPU cores. Its world is small: it has seen the words
of `vocabulary.json` and no others, and words that it has never seen are left out of what it reads. `training/` tells
how it was made, and the model card beside the weights how good it is.

torch and diffusers are imported when the engine is opened. May import what stands above `engines` in the layout, and
engines.base, engines.words, engines.ltx, and what engines share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from pydantic import Field

from storyboard.digest import Plain
from storyboard.durable import json_object
from storyboard.engines.base import Assignment, Capabilities, EngineOptions, EngineSpec, FrameRule, Progress
from storyboard.engines.ltx import Ltx, LtxSampling
from storyboard.engines.ltx_layout import PARTS
from storyboard.engines.options import BatchOptions, Dtype, Schedule
from storyboard.engines.resident import LIBRARIES
from storyboard.engines.translation import missing_packages
from storyboard.engines.weights import Weights, identity
from storyboard.engines.words import Vocabulary
from storyboard.errors import EngineUnavailable
from storyboard.footage import Footage
from storyboard.timing import Rate

FOLDER: Final = Path(__file__).parent / "pocket_model"
"""An ordinary model in the diffusers layout, with `vocabulary.json` and `sampling.json` besides."""
WEIGHTS: Final = Weights(str(FOLDER), None)
SIDE: Final = 128
BEARS: Final = 12
"""Shots of the longest chains that it was measured in: the model card has how."""
_CONDITIONS: Final = FrameRule(4, 1, 1, 9)


class PocketOptions(BatchOptions):
    """There is little to choose: the model was distilled to its few steps, which have guidance built in."""

    dtype: Dtype = Field(default="float32", description="Numbers it reckons in")
    schedule: Schedule | None = Field(
        default=None, description="Timesteps from 1000 down to above 0, instead of those it was made for"
    )

    @property
    def sampling(self) -> LtxSampling:
        """All of it as `ltx` takes it. Raises EngineUnavailable where the model's recipe cannot be read."""
        said = {name: getattr(self, name) for name in BatchOptions.model_fields}
        recipe = _read("sampling.json")
        schedule, tokens = self.schedule or recipe.get("timesteps"), recipe.get("max_sequence_length")
        return LtxSampling.model_validate(said | {"schedule": schedule, "max_sequence_length": tokens})

    def keyed(self) -> dict[str, Plain]:
        """All that decides how the model is sampled, written out."""
        return self.sampling.keyed()


def capabilities(options: EngineOptions) -> Capabilities:
    """One size and one rate: it was trained on no others."""
    rate = Rate(Fraction(8))
    return Capabilities(
        version=1,
        frames=FrameRule(4, 1, 5, 33),
        native_rate=rate,
        default_size=(SIDE, SIDE),
        default_rate=rate,
        size_multiple=SIDE,
        least_size=SIDE,
        most_pixels=SIDE * SIDE,
        native_sizes=((SIDE, SIDE),),
        tail=_CONDITIONS,
        default_tail=5,
        head=_CONDITIONS,
        default_head=5,
        bears=BEARS,
        start_image=True,
        end_image=True,
        languages=("en",),
        licence="Apache-2.0; drawings that it learnt from are of Noto Color Emoji, SIL OFL 1.1",
    )


def vocabulary() -> Vocabulary:
    """What the model has seen. Raises EngineUnavailable where that cannot be read."""
    said = {kind: tuple(names) for kind, names in _read("vocabulary.json").items() if isinstance(names, list)}
    words = said.pop("words", ())
    tokens = _read("sampling.json").get("max_sequence_length")
    # One token is the end of the text.
    return Vocabulary(frozenset(words), said, tokens - 1 if isinstance(tokens, int) else None)


def _read(name: str) -> Mapping[str, object]:
    try:
        return json_object((FOLDER / name).read_bytes())
    except (OSError, ValueError) as error:
        raise EngineUnavailable(f"`pocket` cannot read its `{name}`: {error}", "install storyboard again") from error


class Pocket(Ltx):
    """The model, loaded. Where it differs from others of its architecture: it knows which words it knows."""

    def __init__(self, options: PocketOptions) -> None:
        """Load it onto its device. Raises EngineUnavailable, OutOfMemory."""
        super().__init__("pocket", WEIGHTS, options.sampling, capabilities(options))
        self.vocabulary = vocabulary()

    def prepare(self, texts: Sequence[str], progress: Progress) -> None:
        """As `ltx` does it, of what is read of them."""
        super().prepare([self.vocabulary.read(text) for text in texts], progress)

    def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
        """As `ltx` does it, by the words that are known: to the model, any other is one and the same noise."""
        return super().shoot(self._known(assignment), progress)

    def shoot_together(self, assignments: Sequence[Assignment], progress: Progress) -> tuple[Footage, ...]:
        """The same for several."""
        return super().shoot_together([self._known(each) for each in assignments], progress)

    def _known(self, assignment: Assignment) -> Assignment:
        return replace(assignment, prompt=self.vocabulary.read(assignment.prompt))


def _identity(_: EngineOptions) -> str:
    try:
        return identity(WEIGHTS, PARTS)
    except OSError as error:
        raise EngineUnavailable(f"`pocket` cannot read its weights: {error}", "install storyboard again") from error


def _open(options: EngineOptions) -> Pocket:
    assert isinstance(options, PocketOptions), options
    return Pocket(options)


SPEC: Final = EngineSpec(
    name="pocket",
    summary="the model in the box: a small storybook world, 128x128, in seconds on a CPU",
    options=PocketOptions,
    capabilities=capabilities,
    missing=missing_packages,
    weights=_identity,
    open=_open,
    vocabulary=vocabulary,
    libraries=LIBRARIES,
    carried=True,
)
