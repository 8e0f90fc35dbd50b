"""Several assignments in one generation: what engines that can do it do alike.

    class Ltx(Batching[LtxSampling, LTXConditionPipeline]):
        def generate_together(self, calls): ...            # the frames of each call

Each shot's noise is drawn from its own seed, so that what it is shot with changes nothing but rounding. A batch for
which the memory is too small is shot in halves; only a single shot goes down the ladder. torch is imported when a shot
is really shot. May import what stands above `engines` in the layout, and all that engines share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from storyboard.engines.arithmetic import after_step, reproducible, seeded
from storyboard.engines.base import Assignment, Progress
from storyboard.engines.checking import check_assignment
from storyboard.engines.memory import free_memory, is_out_of_memory, using
from storyboard.engines.options import LoraOptions, ModelOptions
from storyboard.engines.resident import Call, Resident
from storyboard.engines.translation import translated
from storyboard.footage import Footage, from_float

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_Options = TypeVar("_Options", bound=ModelOptions)
_Pipeline = TypeVar("_Pipeline")


class Batching(Resident[_Options, _Pipeline]):
    """A loaded model that shoots several assignments of one shape in one go."""

    alone = False
    """Whether the model shoots a shot after the other all the same, because one would see another's noise."""

    def generate_together(self, calls: Sequence[Call[_Options]]) -> Sequence[NDArray[np.floating]]:
        """The frames [n, height, width, 3] of each call, in 0..1. All have the same options and `report`."""
        raise NotImplementedError

    def generate(self, call: Call[_Options]) -> NDArray[np.floating]:
        return self.generate_together([call])[0]

    def shoot_together(self, assignments: Sequence[Assignment], progress: Progress) -> tuple[Footage, ...]:
        """As `Together` says."""
        if len(assignments) == 1 or self.alone:
            return tuple(self.shoot(each, progress) for each in assignments)
        for each in assignments:
            check_assignment(each, self.can, self.name)
        self.shot = assignments[0].shot
        with translated(self.name, self.shot):
            made = self.ladder.run(lambda: self._all_or_none(assignments, progress))
        if made is not None:
            return made
        free_memory()
        half = len(assignments) // 2
        first = self.shoot_together(assignments[:half], progress)
        return (*first, *self.shoot_together(assignments[half:], progress))

    def _all_or_none(self, assignments: Sequence[Assignment], progress: Progress) -> tuple[Footage, ...] | None:
        """None where the memory is too small: by then the error is gone, and all that it held."""
        try:
            return self._shoot_all(assignments, progress)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return None

    def _shoot_all(self, assignments: Sequence[Assignment], progress: Progress) -> tuple[Footage, ...]:
        first = assignments[0]
        options = self.options_for(first)
        total = self.steps_for(first, options) + 1
        if isinstance(options, LoraOptions):
            self.wardrobe.wear(self._any, options.loras, download=options.download)
        with reproducible(self.device, first.seed), using(self._any):
            report = after_step(first.shot, progress, total)
            frames = self.generate_together(
                [Call(each, options, self._read, seeded(each.seed), report) for each in assignments]
            )
        progress(total, total)
        return tuple(Footage(from_float(own), each.rate) for own, each in zip(frames, assignments, strict=True))
