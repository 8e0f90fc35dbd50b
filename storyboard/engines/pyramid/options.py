"""Options of the engine `pyramid`: which model, how many steps in each stage, how strongly guided, and what is added to
the prompts. The defaults are what its makers recommend. Nothing is loaded.

May import what stands above `engines` in the layout, engines.options, engines.weights and engines.pyramid.layout.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar, Final, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from storyboard.digest import Plain
from storyboard.engines.options import Dtype, OpenOptions, Strength
from storyboard.engines.pyramid.layout import COMMON, CONVERT, VAE, Layout, Resolution, Variant, by_config, by_name
from storyboard.engines.weights import Part, Weights, locate

SUFFIX: Final = ", hyper quality, Ultra HD, 8K"
NEGATIVE: Final = (
    "cartoon style, worst quality, low quality, blurry, absolute black, absolute white, low res, extra limbs, "
    "extra digits, misplaced objects, mutated anatomy, monochrome, horror"
)
_GUIDANCE: Final = {"384p": 7.0, "768p": 9.0}
Steps = Annotated[
    tuple[
        Annotated[int, Field(ge=1, le=1000)], Annotated[int, Field(ge=1, le=1000)], Annotated[int, Field(ge=1, le=1000)]
    ],
    Field(strict=False),
]
"""Of each of the three stages, from the smallest up."""


class Chosen(BaseModel):
    """Which part of a model is meant. Apart, so that it is read before the model."""

    resolution: Resolution = Field(
        default="768p", description="Which transformer: 384p (640x384, up to 5 s) or 768p (1280x768, up to 10 s)"
    )
    variant: Variant | None = Field(
        default=None, description="Of which kind a hub model is, where its name does not say: flux or mmdit"
    )


class PyramidOptions(OpenOptions, Chosen):
    """A model of the author's choice, and how it is sampled."""

    parts = COMMON
    unkeyed: ClassVar[frozenset[str]] = OpenOptions.unkeyed | {"variant"}
    each: ClassVar[frozenset[str]] = OpenOptions.each | {
        "steps", "video_steps", "guidance", "video_guidance", "continued_guidance", "suffix", "usual_negative",
    }  # fmt: skip

    model: str = Field(
        description="`org/name` of the hub, with `revision`, or a folder, absolute or from the current directory"
    )
    dtype: Dtype = Field(default="bfloat16", description="Numbers it reckons in: bfloat16 or float32")
    steps: Steps = Field(default=(20, 20, 20), description="Denoising steps of the first frame, in each of its stages")
    video_steps: Steps = Field(
        default=(10, 10, 10), description="Denoising steps of each 8 frames after it, in each of their stages"
    )
    guidance: Strength | None = Field(
        default=None, description="Strength of the prompt in the first frame; 9 at 768p and 7 at 384p where left out"
    )
    video_guidance: Strength = Field(default=5.0, description="Strength of the prompt in all frames after the first")
    continued_guidance: Strength = Field(
        default=4.0, description="Strength of the prompt in frames after a start picture or a tail; less is steadier"
    )
    suffix: str = Field(default=SUFFIX, description="Added to every prompt, as the model was trained with it")
    usual_negative: str = Field(default=NEGATIVE, description="What is kept out where the screenplay has no `negative`")

    @field_validator("dtype")
    @classmethod
    def _wide_enough(cls, dtype: Dtype) -> Dtype:
        if dtype == "float16":
            raise ValueError("in `float16` this model's values are no numbers (NaN); write `bfloat16` or `float32`")
        return dtype

    @classmethod
    def located(cls, model: str, revision: str | None, parts: tuple[Part, ...], *, download: bool = False) -> Weights:
        vae = Path(model).expanduser() / VAE.name
        if revision is None and any(vae.glob("*.bin")) and not any(vae.glob("*.safetensors")):
            raise ValueError(
                f"`{VAE.name}` of `{model}` is a `.bin` file, and those can run code; convert it once, with "
                f"`python -m {CONVERT} {model}`"
            )
        return super().located(model, revision, parts, download=download)

    @model_validator(mode="after")
    def _all_there(self) -> Self:
        if self.variant not in (None, self.layout.variant):
            raise ValueError(
                f"`variant` is `{self.variant}`, and the model is `{self.layout.variant}`; leave `variant` out"
            )
        if self.weights.folder is not None:
            locate(self.model, None, self.used_parts)
        return self

    @cached_property
    def layout(self) -> Layout:
        """What the model is. Raises ValueError where it does not say."""
        if self.revision is not None:
            return by_name(self.model, self.variant, self.resolution)
        return by_config(Path(self.model).expanduser(), self.resolution)

    @property
    def used_parts(self) -> tuple[Part, ...]:
        return self.layout.parts

    @property
    def first_guidance(self) -> float:
        """Of the first frame, as it really is."""
        return self.guidance or _GUIDANCE[self.resolution]

    @property
    def guided(self) -> bool:
        """Whether a negative prompt is read at all."""
        return max(self.first_guidance, self.video_guidance, self.continued_guidance) > 1

    def keyed(self) -> dict[str, Plain]:
        """As the base says; `guidance` as it really is."""
        return super().keyed() | {"guidance": self.first_guidance}
