"""How many steps a model takes and at which noise: options of engines whose timesteps can be written out.

Models come as they were trained, to be guided in many steps, or distilled to a few fixed ones without guidance. Which
of them one is, its name says (`...-distilled`), or the author by `distilled`; what follows from it can be said too.

Plain data, nothing heavy imported. May import what stands above `engines` in the layout and engines.options.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, model_validator

from storyboard.digest import Plain
from storyboard.engines.options import ModelOptions, Schedule


class Scheduled(ModelOptions):
    """A number of steps, or the timesteps themselves."""

    steps: int = Field(default=8, ge=1, le=1000, description="Denoising steps")
    schedule: Schedule | None = Field(
        default=None, description="Timesteps from 1000 down to above 0, instead of the model's own for so many steps"
    )

    @model_validator(mode="after")
    def _one_count(self) -> Self:
        if self.schedule is not None and "steps" in self.model_fields_set and self.steps != len(self.schedule):
            raise ValueError(f"`steps` is {self.steps}, and `schedule` has {len(self.schedule)}; leave `steps` out")
        return self

    @property
    def count(self) -> int:
        """Of denoising steps, as it really is."""
        return len(self.schedule) if self.schedule else self.steps

    def keyed(self) -> dict[str, Plain]:
        """As the base says; `steps` as it really is."""
        return super().keyed() | {"steps": self.count}


class Distillable(BaseModel):
    """A model that may be one of either kind."""

    distilled: bool | None = Field(
        default=None, description="Whether the model was distilled to a few steps; by its name where left out"
    )


def by_recipe(said: object, usual: str, few: Mapping[str, object], many: Mapping[str, object]) -> object:
    """Options with what is left out written out: that of `few` for a distilled model, that of `many` for any other.

    `usual` is the model that options without one mean. Steps in a recipe give way to a schedule that is said, and a
    schedule to steps.
    """
    if not isinstance(said, dict):
        return said
    distilled = said.get("distilled")
    recipe = dict(few if (distilled if isinstance(distilled, bool) else _sounds_distilled(said, usual)) else many)
    for one, other in (("steps", "schedule"), ("schedule", "steps")):
        if said.get(one) is not None:
            recipe.pop(other, None)
    return recipe | {name: value for name, value in said.items() if value is not None or name not in recipe}


def _sounds_distilled(said: Mapping[object, object], usual: str) -> bool:
    """By the name of what takes the transformer's place, or else of the model."""
    file = said.get("checkpoint")
    named = file.get("file") or file.get("name") if isinstance(file, dict) else said.get("model", usual)
    return "distilled" in Path(str(named)).name.lower()
