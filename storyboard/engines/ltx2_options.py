"""What an author may say of the engine `ltx2`, and what follows from a model's name where nothing is said.

Reads JSON only. May import what stands above `engines` in the layout, engines.ltx2_layout, engines.options and
engines.schedules.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final, Self

from pydantic import Field, model_validator

from storyboard.engines.ltx2_layout import PARTS, Model, read_model
from storyboard.engines.ltx_layout import Layout
from storyboard.engines.options import Share, Strength, TransformerOptions
from storyboard.engines.schedules import Distillable, Scheduled, by_recipe

DEFAULT_MODEL: Final = "Lightricks/LTX-2"
DISTILLED: Final = (1000.0, 993.75, 987.5, 981.25, 975.0, 909.375, 725.0, 421.875)
"""The timesteps that the distilled models were made for, in one pass."""
_UNGUIDED: Final = {"guidance": 1.0, "audio_guidance": 1.0, "modality": 1.0, "stg": 0.0, "guidance_rescale": 0.0}
_GUIDED: Final = {"guidance": 3.0, "audio_guidance": 7.0, "modality": 3.0, "guidance_rescale": 0.7}
_STEPS: Final = 30


class Ltx2Options(Scheduled, TransformerOptions, Distillable):
    """A model of the author's choice. What is left out follows from whether it is distilled."""

    parts = PARTS
    pinned: ClassVar[Mapping[str, str]] = {DEFAULT_MODEL: "47da56e2ad66ce4125a9922b4a8826bf407f9d0a"}
    unkeyed: ClassVar[frozenset[str]] = TransformerOptions.unkeyed | {"distilled"}
    each: ClassVar[frozenset[str]] = TransformerOptions.each | {
        "distilled", "steps", "schedule", "guidance", "audio_guidance", "modality", "stg", "guidance_rescale",
        "compression",
    }  # fmt: skip

    model: str = Field(
        default=DEFAULT_MODEL,
        description="`org/name` of the hub, with `revision`, or a folder, absolute or from the current directory",
    )
    steps: int = Field(default=_STEPS, ge=2, le=1000, description="Denoising steps")
    guidance: Strength = Field(default=3.0, description="Strength of the prompt; at 1 here and for sound no negative")
    audio_guidance: Strength = Field(default=7.0, description="Strength of the prompt in the sound")
    modality: Strength = Field(default=3.0, description="How strongly sound and pictures go together; at 1 as they do")
    stg: float = Field(
        default=0.0, ge=0, le=100, allow_inf_nan=False, description="Spatio-temporal guidance, where the model knows it"
    )
    guidance_rescale: Share = Field(default=0.7, description="How far the contrast that guidance adds is taken back")
    compression: int = Field(
        default=33, ge=0, le=51, description="How strongly given pictures are compressed as films are; 0 for not at all"
    )
    max_sequence_length: int = Field(
        default=1024, ge=128, le=4096, multiple_of=128, description="The most tokens of a prompt"
    )

    @model_validator(mode="before")
    @classmethod
    def _recipe(cls, said: object) -> object:
        """Steps, schedule and guidance written out, where they are left out."""
        return by_recipe(said, DEFAULT_MODEL, _UNGUIDED | {"schedule": DISTILLED}, _GUIDED)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.stg and self.weights.folder is not None and not self.described.knows_stg:
            raise ValueError("`stg` has no effect on this model, whose attention cannot be perturbed; leave it out")
        return self

    @classmethod
    def check_folder(cls, folder: Path) -> None:
        read_model(folder)

    @property
    def described(self) -> Model:
        """Of a folder by its configuration files; a hub model is taken to be as LTX-2 is."""
        folder = self.weights.folder
        return read_model(folder) if folder else Model(Layout(), knows_stg=False)

    @property
    def guided(self) -> bool:
        """Whether a negative prompt is read: for both sound and pictures, or for neither."""
        return max(self.guidance, self.audio_guidance) > 1
