"""Options of the engine `framepack`: how a model is sampled, and where its parts are.

Its makers published the transformer alone, to go with parts of two other models:

    model            the transformer: a hub model or a folder that is nothing else, or a folder that holds all parts
    base             texts, autoencoder and scheduler of HunyuanVideo
    image_encoder    what looks at the picture

Nothing is loaded. May import what stands above `engines` in the layout, engines.files, engines.options and
engines.weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from storyboard.digest import Plain
from storyboard.engines.files import Commit
from storyboard.engines.options import LoraOptions, Strength
from storyboard.engines.weights import Part, Weights, absent, identity, locate, read_config
from storyboard.regular import path_named

Sampling = Literal["inverted_anti_drifting", "vanilla"]
DEFAULT_MODEL: Final = "lllyasviel/FramePackI2V_HY"
_TRANSFORMER: Final = Part(
    "transformer", ("HunyuanVideoFramepackTransformer3DModel", "HunyuanVideoTransformer3DModelPacked")
)
_ALONE: Final = replace(_TRANSFORMER, name="")
BASE: Final = (
    Part("vae", ("AutoencoderKLHunyuanVideo",)),
    Part("text_encoder", ("LlamaModel", "LlamaForCausalLM")),
    Part("tokenizer", files=("tokenizer.json",)),
    Part("text_encoder_2", ("CLIPTextModel",)),
    Part("tokenizer_2", files=("tokenizer.json", "vocab.json")),
    Part("scheduler", files=("scheduler_config.json",)),
)
IMAGE_ENCODER: Final = (
    Part("image_encoder", ("SiglipVisionModel",)),
    Part("feature_extractor", files=("preprocessor_config.json",)),
)


class Source(BaseModel):
    """A hub model at a commit, or a folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    parts: ClassVar[tuple[Part, ...]]

    revision: Commit | None = Field(default=None, description="The commit of a hub model, 40 hex digits")
    model: str = Field(description="`org/name` of the hub, with `revision`, or a folder")

    @model_validator(mode="after")
    def _usable(self) -> Self:
        self.weights()
        return self

    def weights(self, *, download: bool = False) -> Weights:
        """Where they are. Raises ValueError with the remedy."""
        return locate(self.model, self.revision, self.parts, download=download)


class Base(Source):
    parts = BASE


class ImageEncoder(Source):
    parts = IMAGE_ENCODER


_HUNYUAN: Final = ("hunyuanvideo-community/HunyuanVideo", "e8c2aaa66fe3742a32c11a6766aecbf07c56e773")
_SIGLIP: Final = ("lllyasviel/flux_redux_bfl", "45b801affc54ff2af4e5daf1b282e0921901db87")


class Sources(BaseModel):
    """Where the other parts are. Apart, so that they are read before the model."""

    base: Base | None = Field(
        default=None,
        description="Where texts, autoencoder and scheduler come from; HunyuanVideo, or the folder with all parts",
    )
    image_encoder: ImageEncoder | None = Field(
        default=None, description="What looks at the picture; SigLIP, or the folder with all parts"
    )


class FramepackParts(LoraOptions, Sources):
    """A transformer and what goes with it."""

    parts = (_ALONE,)
    pinned: ClassVar[Mapping[str, str]] = {DEFAULT_MODEL: "86cef4396041b6002c957852daac4c91aaa47c79"}
    unkeyed: ClassVar[frozenset[str]] = LoraOptions.unkeyed | {"base", "image_encoder"}

    model: str = Field(
        default=DEFAULT_MODEL,
        description="Where the transformer is: `org/name` of the hub, with `revision`, or a folder with it or with all",
    )

    @classmethod
    def located(cls, model: str, revision: str | None, parts: tuple[Part, ...], *, download: bool = False) -> Weights:
        commit = revision or cls.pinned.get(model)
        return locate(model, commit, (_TRANSFORMER,) if _is_whole(model, commit) else parts, download=download)

    @classmethod
    def check_folder(cls, folder: Path) -> None:
        config = read_config(folder, _TRANSFORMER.name if _is_whole(folder, None) else "")
        for field in ("has_clean_x_embedder", "has_image_proj"):
            if not config.get(field):
                raise ValueError(f"`{folder.name}` is no FramePack model: it lacks `{field}`; name another model")

    @model_validator(mode="after")
    def _all_there(self) -> Self:
        for weights, parts in self.all_weights:
            if weights.folder is not None:
                locate(weights.model, None, parts)
        return self

    @property
    def used_parts(self) -> tuple[Part, ...]:
        return (_TRANSFORMER,) if self.is_whole else self.parts

    @property
    def is_whole(self) -> bool:
        """Whether the model is a folder that holds all parts."""
        return _is_whole(self.model, self.revision or self.pinned.get(self.model))

    @property
    def base_weights(self) -> Weights:
        """Where texts, autoencoder and scheduler come from."""
        return self._other(self.base, _HUNYUAN)

    @property
    def image_encoder_weights(self) -> Weights:
        """Where the image encoder comes from."""
        return self._other(self.image_encoder, _SIGLIP)

    @property
    def all_weights(self) -> tuple[tuple[Weights, tuple[Part, ...]], ...]:
        """Where everything is, and which parts of it are loaded."""
        others = ((self.base_weights, BASE), (self.image_encoder_weights, IMAGE_ENCODER))
        return ((self.weights, self.used_parts), *others)

    def identity(self) -> str:
        """Which weights these are, for the key. Raises OSError when a file cannot be read."""
        return " with ".join(identity(weights, parts) for weights, parts in self.all_weights)

    def absent(self) -> str | None:
        """Which weights are not on this machine, with the remedy behind `; `; None where they are."""
        gone = next((found for weights, parts in self.all_weights if (found := absent(weights, parts))), None)
        return "; ".join(gone) if gone else None

    def _other(self, source: Source | None, usual: tuple[str, str]) -> Weights:
        if source is not None:
            return source.weights(download=self.download)
        return self.weights if self.is_whole else Weights(*usual, self.download)


class FramepackOptions(FramepackParts):
    """A model of this kind, and how it is sampled."""

    each: ClassVar[frozenset[str]] = FramepackParts.each | {"steps", "guidance", "negative_guidance"}

    sampling: Sampling | None = Field(
        default=None,
        description="The order of sections that the model was made for: inverted_anti_drifting, or vanilla for F1 "
        "models; by the model's name where left out",
    )
    latent_window_size: int = Field(
        default=9, ge=1, le=33, description="Latents of a section; the published models were made for 9"
    )
    steps: int = Field(default=30, ge=1, le=1000, description="Denoising steps of each section")
    guidance: float = Field(
        default=9.0, ge=0, le=100, allow_inf_nan=False, description="Strength of the prompt that the model is told"
    )
    negative_guidance: Strength = Field(
        default=1.0, description="Strength against the negative prompt, at twice the time; at 1 none is read"
    )

    @property
    def order(self) -> Sampling:
        """Of sections, as it really is."""
        name = self.model.rstrip("/").rpartition("/")[2]
        return self.sampling or ("vanilla" if "_F1_" in f"{name}_" else "inverted_anti_drifting")

    def keyed(self) -> dict[str, Plain]:
        """As the base says; `sampling` as it really is."""
        return super().keyed() | {"sampling": self.order}


def _is_whole(model: str | Path, commit: str | None) -> bool:
    return commit is None and (path_named(str(model)) / _TRANSFORMER.name).is_dir()
