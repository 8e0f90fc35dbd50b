"""The one vocabulary of options of all engines on torch and diffusers, as authors write it.

    ModelOptions          dtype, vae, device, offload: how any model runs
    BatchOptions          and batch: for models that shoot several shots in one go
    OpenOptions           and model, revision, download, quantize: weights that the author names
    LoraOptions           and loras
    TransformerOptions    and checkpoint: all that people bring for a diffusion transformer

An engine's options are a subclass that says in class variables what `parts` it loads and which commits are `pinned`,
and adds fields of its own: `steps`, `guidance`, `scheduler: Literal["DDIM", ...]`. What is read from each assignment
goes into `each`, so that one loaded model serves scenes that differ in it; what leaves pixels alone into `unkeyed`.

Plain data, nothing heavy imported. May import what stands above `engines` in the layout, engines.base,
engines.weights and engines.files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from storyboard.digest import Plain
from storyboard.engines.base import EngineOptions
from storyboard.engines.files import Checkpoint, Commit, Lora, WeightFile
from storyboard.engines.weights import Part, Weights, absent, identity, is_here, locate

_DEVICE: Final = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,2})?")
_STRICT: Final = ConfigDict(frozen=True, extra="forbid", strict=True)


def _device(text: str) -> str:
    if not _DEVICE.fullmatch(text):
        raise ValueError(f"`{text}` is no device; write `auto`, `cpu`, `cuda`, `cuda:1` or `mps`")
    return text


def _falling(steps: tuple[float, ...]) -> tuple[float, ...]:
    if not all(a > b for a, b in zip((1000.001, *steps), (*steps, 0.0), strict=True)):
        raise ValueError("timesteps fall from at most 1000 to above 0; write them from the largest down")
    return steps


Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Strength = Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)]
"""Of guidance: at 1 there is none."""
Schedule = Annotated[tuple[float, ...], Field(strict=False, min_length=1, max_length=1000), AfterValidator(_falling)]
"""Timesteps."""
Dtype = Literal["bfloat16", "float16", "float32"]
Offload = Literal["none", "model", "group", "sequential"]


class VaeOptions(BaseModel):
    """How the autoencoder saves memory. In the key, as tiles are blended and so change pixels."""

    model_config = _STRICT

    tiling: bool = Field(default=False, description="Decode in tiles: less memory, slightly other pixels")
    slicing: bool = Field(default=False, description="Decode one picture of a batch at a time")


class ModelOptions(EngineOptions):
    """Options of every engine on diffusers. `device` and `offload` say where, not what, and are not in the key.

    `dtype` changes pixels and never depends on the device: an engine's default is fixed, and an author who shoots on a
    CPU writes `dtype: float32` where bfloat16 is slow there.
    """

    unkeyed: ClassVar[frozenset[str]] = frozenset({"device", "offload"})

    dtype: Dtype = Field(default="bfloat16", description="Numbers it reckons in")
    vae: VaeOptions = Field(default=VaeOptions(), description="How the autoencoder saves memory")
    device: Annotated[str, AfterValidator(_device)] = Field(
        default="auto", description="Where it runs: auto, cpu, cuda, cuda:1 or mps; auto takes the first that is there"
    )
    offload: Offload | None = Field(
        default=None,
        description="What waits in main memory while it is not used: none, model, group or sequential, each slower and "
        "smaller, all with the same pixels; by the memory that there is where left out",
    )


class BatchOptions(ModelOptions):
    """A model that can shoot several shots in one go (see `batches`)."""

    each: ClassVar[frozenset[str]] = ModelOptions.each | {"batch"}

    batch: bool = Field(
        default=False,
        description="Shoot ready shots of one shape together: more of them in a second on a GPU, rounded otherwise",
    )

    @property
    def together(self) -> bool:
        return self.batch

    def keyed(self) -> dict[str, Plain]:
        """As the base says; what is not asked for is not written, so that films from before it was there keep keys."""
        said = super().keyed()
        return said if self.batch else {name: value for name, value in said.items() if name != "batch"}


class OpenOptions(ModelOptions):
    """A model of the hub by its commit, or a folder. Which of them it is enters the key by its identity."""

    parts: ClassVar[tuple[Part, ...]] = ()
    """What is loaded of the model."""
    denoiser: ClassVar[str] = "transformer"
    """The part that denoises: what is quantized, and what a checkpoint takes the place of."""
    pinned: ClassVar[Mapping[str, str]] = {}
    """Hub models whose commit an author may leave out, with it."""
    unkeyed: ClassVar[frozenset[str]] = ModelOptions.unkeyed | {"model", "revision", "download"}

    revision: Commit | None = Field(default=None, description="The commit of a hub model, 40 hex digits")
    model: str = Field(
        default="",
        description="`org/name` of the hub, with `revision`, or a folder, absolute or from the current directory",
    )
    download: bool = Field(default=False, description="Whether a hub model that is not here yet is fetched")
    quantize: Literal["none", "fp8"] = Field(
        default="none", description="Keep the denoiser's weights as 8-bit floats: half the memory, other pixels"
    )

    @field_validator("model")
    @classmethod
    def _usable(cls, model: str, info: ValidationInfo) -> str:
        if "revision" in info.data:  # else there is a fault in it already
            parts = cls.parts_with(info.data.get("checkpoint"))
            where = cls.located(model, info.data["revision"], parts)
            if where.folder is not None:
                cls.check_folder(where.folder)
        return model

    @classmethod
    def located(cls, model: str, revision: str | None, parts: tuple[Part, ...], *, download: bool = False) -> Weights:
        """Where the weights are. Raises ValueError with the remedy."""
        return locate(model, revision or cls.pinned.get(model), parts, download=download)

    @classmethod
    def check_folder(cls, folder: Path) -> None:
        """For engines: raise ValueError, with the remedy behind `; `, where a model cannot be shot with."""

    @classmethod
    def parts_with(cls, checkpoint: Checkpoint | None) -> tuple[Part, ...]:
        """What is loaded of the model: of a denoiser whose weights come from a checkpoint only the configuration."""
        if checkpoint is None:
            return cls.parts
        return tuple(replace(part, bare=True) if part.name == cls.denoiser else part for part in cls.parts)

    @property
    def used_parts(self) -> tuple[Part, ...]:
        """The parts as these options load them."""
        return self.parts_with(None)

    @property
    def weights(self) -> Weights:
        """Where the weights are."""
        return self.located(self.model, self.revision, self.used_parts, download=self.download)

    def identity(self) -> str:
        """Which weights these are, for the key. Raises OSError when a file cannot be read."""
        return identity(self.weights, self.used_parts)

    @property
    def all_weights(self) -> tuple[tuple[Weights, tuple[Part, ...]], ...]:
        """Where everything is, and which parts of it are loaded."""
        return ((self.weights, self.used_parts),)

    def hub_models(self) -> Mapping[str, bool]:
        if not self.download:
            return {}
        far = [(weights, parts) for weights, parts in self.all_weights if weights.folder is None]
        return {f"{weights.model}@{weights.revision}": is_here(weights, parts) for weights, parts in far}

    def absent(self) -> str | None:
        """Which weights are not on this machine, with the remedy behind `; `; None where they are."""
        gone = absent(self.weights, self.used_parts)
        return "; ".join(gone) if gone else None

    def keyed(self) -> dict[str, Plain]:
        """As the base says; what is not asked for is not written, so that films from before it was there keep keys."""
        said = super().keyed()
        return said if said["quantize"] != "none" else {name: said[name] for name in said if name != "quantize"}


class Worn(BaseModel):
    """LoRAs. Apart, as `Brought` is."""

    model_config = _STRICT

    loras: Annotated[tuple[Lora, ...], Field(strict=False, max_length=16)] = Field(
        default=(), description="LoRAs, each with its weight; their order counts"
    )

    @field_validator("loras")
    @classmethod
    def _each_once(cls, loras: tuple[Lora, ...]) -> tuple[Lora, ...]:
        places = [(lora.file, lora.repo, lora.revision, lora.name) for lora in loras]
        if len(set(places)) < len(places):
            raise ValueError("a LoRA is named twice; name it once, with the weight that it shall have")
        return loras


class LoraOptions(OpenOptions, Worn):
    """A model with LoRAs, whose weights diffusers reads in its own layout only."""

    each: ClassVar[frozenset[str]] = OpenOptions.each | {"loras"}

    @property
    def files(self) -> tuple[WeightFile, ...]:
        """Single files that are loaded besides the model."""
        return self.loras

    def hub_models(self) -> Mapping[str, bool]:
        models = dict(super().hub_models())
        for file in self.files if self.download else ():
            if file.repo is not None:
                name = f"{file.repo}@{file.revision}"
                models[name] = models.get(name, True) and file.found() is not None
        return models

    def keyed(self) -> dict[str, Plain]:
        """As the base says; LoRAs by content or commit, in their order, with their weights."""
        said = {name: value for name, value in super().keyed().items() if name != "loras"}
        loras: list[Plain] = [{"weights": each.identity, "weight": each.weight} for each in self.loras]
        return said | {"loras": loras} if loras else said


class Brought(Worn):
    """What people bring for a diffusion transformer. Apart, so that it is read before the model that it changes."""

    checkpoint: Checkpoint | None = Field(
        default=None,
        description="A .safetensors or .gguf file whose weights take the place of the model's transformer",
    )


class TransformerOptions(LoraOptions, Brought):
    """A model whose denoiser is a diffusion transformer, with a checkpoint of one's own, and LoRAs."""

    unkeyed: ClassVar[frozenset[str]] = LoraOptions.unkeyed | {"checkpoint"}

    @model_validator(mode="after")
    def _quantized_once(self) -> Self:
        if self.checkpoint is not None and self.checkpoint.is_gguf and self.quantize != "none":
            raise ValueError("a .gguf checkpoint is quantized already; leave `quantize` out")
        return self

    @property
    def files(self) -> tuple[WeightFile, ...]:
        return (*super().files, self.checkpoint) if self.checkpoint else super().files

    @property
    def used_parts(self) -> tuple[Part, ...]:
        return self.parts_with(self.checkpoint)

    def identity(self) -> str:
        """As the base says, with the checkpoint's."""
        return super().identity() + (f" with {self.checkpoint.identity}" if self.checkpoint else "")
