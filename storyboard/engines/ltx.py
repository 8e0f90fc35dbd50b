"""The engine `ltx`: LTX-Video from 0.9.5 on, and whatever has its architecture, by diffusers' LTXConditionPipeline.

What is given conditions a shot in one pass, at every step:

    tail    |KKKKK....................|   a video at frame 0: its latents are held, and decoded as the first K frames
    head    |....................HHHHH|   a video at frame N - H: its first two latents are attended to, later ones held
    start   |S........................|   a picture at frame 0
    end     |........................E|   a picture at frame N - 1

The autoencoder turns r frames into one latent, the first frame alone into the first (Video Autoencoder of HaCohen et
al., LTX-Video, 2024). So N, K and H are r*n + 1, and N - H is a multiple of r: all of them line up by arithmetic.

torch and diffusers are imported when the engine is opened. May import what stands above `engines` in the layout, and
engines.base, engines.weights, engines.diffusion.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Self, TypeVar

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from storyboard.digest import Plain
from storyboard.engines.base import Assignment, Capabilities, EngineOptions, EngineSpec, FrameRule, Progress
from storyboard.engines.diffusion import (
    ModelOptions,
    after_step,
    check_assignment,
    free_memory,
    missing_packages,
    pick_device,
    place,
    quiet_loading,
    reproducible,
    translated,
    unheard,
    using,
)
from storyboard.engines.weights import Part, Weights, checked_commit, identity, is_here, locate, read_config
from storyboard.errors import EngineUnavailable, ShotError
from storyboard.footage import Footage, from_float
from storyboard.timing import Rate

if TYPE_CHECKING:
    import numpy as np
    import torch
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXConditionPipeline, LTXVideoCondition
    from numpy.typing import NDArray

_Loaded = TypeVar("_Loaded")

DEFAULT_MODEL: Final = "Lightricks/LTX-Video-0.9.7-distilled"
DEFAULT_REVISION: Final = "057509edea1493cae5e62e9d8f780ebda3fb4333"
PARTS: Final = (
    Part("vae", ("AutoencoderKLLTXVideo",)),
    Part("transformer", ("LTXVideoTransformer3DModel",)),
    Part("text_encoder", ("T5EncoderModel",)),
    Part("tokenizer", files=("tokenizer.json", "spiece.model")),
)
"""What is loaded. Not the scheduler: `_scheduler` says why."""
MOST_FRAMES: Final = 257
"""The longest that LTX-Video was made for."""
_GRID: Final = 32  # the pipeline takes no sizes but its multiples, whatever the autoencoder
_SIZES: Final = ((704, 512), (1024, 576), (576, 1024), (512, 704), (768, 768), (1216, 512))
_MOST_TEXTS: Final = 64
_NO_NEWS: Final = (
    "diffusers.schedulers.scheduling_flow_match_euler_discrete",
    "`timesteps` were passed without `sigmas`",  # which are the same where nothing is shifted
)


Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Strength = Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)]


def _falling(steps: tuple[float, ...]) -> tuple[float, ...]:
    if not all(a > b for a, b in zip((1000.001, *steps), (*steps, 0.0), strict=True)):
        raise ValueError("timesteps fall from at most 1000 to above 0; write them from the largest down")
    return steps


Schedule = Annotated[tuple[float, ...], Field(strict=False, min_length=1, max_length=1000), AfterValidator(_falling)]
"""Timesteps."""


class LtxSampling(ModelOptions):
    """How a model of this architecture is sampled. The defaults are those of LTX-Video's distilled models."""

    steps: int = Field(default=8, ge=1, le=1000, description="Denoising steps")
    schedule: Schedule | None = Field(
        default=None, description="Timesteps from 1000 down to above 0, instead of the model's own for so many steps"
    )
    guidance: Strength = Field(default=1.0, description="Strength of the prompt; at 1 no negative prompt is read")
    guidance_rescale: Share = Field(default=0.0, description="How far the contrast that guidance adds is taken back")
    condition_noise: Share = Field(default=0.15, description="Noise on given frames, most of it in the first steps")
    max_sequence_length: int = Field(default=256, ge=1, le=4096, description="The most tokens of a prompt")
    decode_timestep: Share = Field(default=0.05, description="How noisy the autoencoder is told that latents are")
    decode_noise: Share = Field(default=0.025, description="How noisy they are made for it")

    @model_validator(mode="after")
    def _one_count(self) -> Self:
        if self.schedule is not None and "steps" in self.model_fields_set and self.steps != len(self.schedule):
            raise ValueError(f"`steps` is {self.steps}, and `schedule` has {len(self.schedule)}; leave `steps` out")
        return self

    def keyed(self) -> dict[str, Plain]:
        """As the base says; `steps` as it really is."""
        steps = len(self.schedule) if self.schedule else self.steps
        return super().keyed() | {"steps": steps}


class LtxOptions(LtxSampling):
    """A model of the hub by its commit, or a folder. Which of them it is enters the key by its identity."""

    unkeyed: ClassVar[frozenset[str]] = LtxSampling.unkeyed | {"model", "revision", "download"}

    revision: Annotated[str, AfterValidator(checked_commit)] | None = Field(
        default=None, description="The commit of a hub model, 40 hex digits"
    )
    model: str = Field(
        default=DEFAULT_MODEL,
        description="`org/name` of the hub, with `revision`, or a folder, absolute or from the current directory",
    )
    download: bool = Field(default=False, description="Whether a hub model that is not here yet is fetched")

    @field_validator("model")
    @classmethod
    def _usable(cls, model: str, info: ValidationInfo) -> str:
        if "revision" in info.data:  # else there is a fault in it already
            place_of = _locate(model, info.data["revision"])
            if place_of.folder is not None:
                read_layout(place_of.folder)
        return model

    @property
    def weights(self) -> Weights:
        """Where the weights are."""
        return _locate(self.model, self.revision, self.download)


def _locate(model: str, revision: str | None, download: bool = False) -> Weights:
    known = DEFAULT_REVISION if model == DEFAULT_MODEL else None
    return locate(model, revision or known, PARTS, download=download)


# Capabilities


@dataclass(frozen=True, slots=True)
class Layout:
    """How many frames and how many pixels across one latent stands for."""

    frames: int = 8
    pixels: int = 32


def read_layout(folder: Path) -> Layout:
    """The layout of a model in a folder, by its configuration files.

    Raises ValueError, with the remedy behind `; `, where LTXConditionPipeline would go wrong without a word.
    """
    vae, transformer, text = (read_config(folder, part.name) for part in PARTS[:3])
    latents, words = vae.get("latent_channels", 128), text.get("d_model", 512)
    checks = (
        # Given frames are not multiplied by it while results are divided.
        ("its autoencoder has a `scaling_factor` other than 1", vae.get("scaling_factor", 1.0) == 1.0),
        # Times of given frames are counted in latents, not in patches.
        ("its transformer has patches", transformer.get("patch_size", 1) == transformer.get("patch_size_t", 1) == 1),
        ("its autoencoder and its transformer do not fit together", transformer.get("in_channels", 128) == latents),
        (
            "its text encoder and its transformer do not fit together",
            transformer.get("caption_channels", 4096) == words,
        ),
    )
    for wrong, holds in checks:
        if not holds:
            raise ValueError(f"`{folder.name}` cannot be shot with: {wrong}; name another model")
    scaling = vae.get("spatio_temporal_scaling", (True, True, True, False))
    halvings = sum(map(bool, scaling)) if isinstance(scaling, list | tuple) else 0
    return Layout(
        _whole(vae, "temporal_compression_ratio") or _whole(vae, "patch_size_t", 1) * 2**halvings,
        _whole(vae, "spatial_compression_ratio") or _whole(vae, "patch_size", 4) * 2**halvings,
    )


def _whole(config: Mapping[str, object], name: str, default: int = 0) -> int:
    value = config.get(name)
    return value if type(value) is int and value > 0 else default


def can_shoot(layout: Layout, options: LtxSampling, most: int = MOST_FRAMES) -> Capabilities:
    """What LTXConditionPipeline can do with a model of that layout: up to `most` frames, rounded down to r*n + 1."""
    r = layout.frames
    longest = max((most - 1) // r, 1) * r + 1
    given = FrameRule(r, 1, 1, max(longest - r, 1))
    multiple = math.lcm(_GRID, layout.pixels)
    sizes = tuple((max(w // multiple, 1) * multiple, max(h // multiple, 1) * multiple) for w, h in _SIZES)
    rate = options.rate or Rate(Fraction(24))
    return Capabilities(
        version=1,
        frames=FrameRule(r, 1, r + 1, longest),
        native_rate=rate,
        default_size=sizes[0],
        default_rate=rate,
        size_multiple=multiple,
        least_size=multiple,
        native_sizes=tuple(dict.fromkeys(sizes)),
        tail=given,
        default_tail=min(r + 1, given.most),
        # A single frame is given as a picture, which is attended to; more begin with two latents at least.
        head=given,
        default_head=min(r + 1, given.most),
        start_image=True,
        end_image=True,
        negative=options.guidance > 1,
        languages=("en",),
        licence="the model's own; LTX-Video's are under the LTXV Open Weights License",
    )


def capabilities(options: EngineOptions) -> Capabilities:
    """Of a folder by its configuration files; a hub model is taken to be as LTX-Video is."""
    ours = _ours(options)
    folder = ours.weights.folder
    return can_shoot(read_layout(folder) if folder else Layout(), ours)


# The engine


class Ltx:
    """A loaded model. Holds the embeddings of the last prompts besides it."""

    def __init__(self, name: str, weights: Weights, options: LtxSampling, can: Capabilities) -> None:
        """Load it onto its device. `name` is the engine's, for messages. Raises EngineUnavailable, OutOfMemory."""
        if (why := missing_packages()) is not None:
            raise EngineUnavailable(f"`{name}` cannot run here: {why}")
        self.name, self.options, self.can = name, options, can
        with translated(name):
            self.device = pick_device(options.device, name)
            self.pipeline: LTXConditionPipeline | None = _load(name, weights, options)
            place(self.pipeline, self.device, options.offload)
        self.texts: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
        """Exactly the frames asked for; the first ones of a tail and the last ones of a head are what the model decodes
        for them, near to what was given but not the same. Steps are those of denoising, and one of decoding.
        """
        a, pipeline = assignment, self.pipeline
        assert pipeline is not None, "it is closed"
        check_assignment(a, self.can, self.name)
        with translated(self.name, a.shot), reproducible(self.device, a.seed) as generator:
            given = {**self._texts_of(a), **self._pictures_of(a), **self._sampling()}
            with using(pipeline), unheard(*_NO_NEWS):
                result = pipeline(
                    **given,
                    width=a.width,
                    height=a.height,
                    num_frames=a.frames,
                    frame_rate=float(a.rate.fraction),
                    generator=generator,
                    output_type="np",
                    callback_on_step_end=after_step(a.shot, progress, self._steps + 1),
                )
            values: NDArray[np.floating] = result.frames[0]
            footage = Footage(from_float(values), a.rate)
        progress(self._steps + 1, self._steps + 1)
        return footage

    def close(self) -> None:
        """Give back the memory."""
        self.pipeline = None
        self.texts.clear()
        free_memory()

    @property
    def _steps(self) -> int:
        return len(self.options.schedule) if self.options.schedule else self.options.steps

    def _sampling(self) -> dict[str, object]:
        o = self.options
        return {
            "num_inference_steps": self._steps,
            "timesteps": list(o.schedule) if o.schedule else None,
            "guidance_scale": o.guidance,
            "guidance_rescale": o.guidance_rescale,
            "image_cond_noise_scale": o.condition_noise,
            "decode_timestep": o.decode_timestep,
            "decode_noise_scale": o.decode_noise,
        }

    def _texts_of(self, a: Assignment) -> dict[str, object]:
        """The prompt, and the negative one where there is guidance, as embeddings."""
        embeddings, mask = self._embed(a.shot, a.prompt)
        given: dict[str, object] = {"prompt_embeds": embeddings, "prompt_attention_mask": mask}
        if self.options.guidance > 1:
            embeddings, mask = self._embed(a.shot, a.negative)
            given |= {"negative_prompt_embeds": embeddings, "negative_prompt_attention_mask": mask}
        return given

    def _embed(self, shot: str, text: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings [1, tokens, channels] and mask [1, tokens] of a text; the last ones used are kept."""
        import torch

        assert self.pipeline is not None
        if text not in self.texts:
            most = self.options.max_sequence_length
            tokens = len(self.pipeline.tokenizer(text, verbose=False).input_ids)
            if tokens > most:
                message = f"shot `{shot}`: a prompt has {tokens} tokens, and `{self.name}` reads {most}"
                raise ShotError(message, f"shorten it, or set `max_sequence_length: {tokens}`")
            with torch.no_grad():
                embeddings, mask, *_ = self.pipeline.encode_prompt(
                    text, do_classifier_free_guidance=False, max_sequence_length=most
                )
            if len(self.texts) >= _MOST_TEXTS:
                self.texts.pop(next(iter(self.texts)))
            self.texts[text] = embeddings, mask
        return self.texts[text]

    def _pictures_of(self, a: Assignment) -> dict[str, object]:
        """What is given, each at its frame. Only ever as `conditions`: other ways of asking drop pictures silently."""
        last = a.frames - (1 if a.head is None else len(a.head))
        given = ((a.start, 0), (a.tail, 0), (a.end, last), (a.head, last))
        conditions = [_condition(frames, index) for frames, index in given if frames is not None]
        # An empty list would be taken for conditions, of which the mask is then missing.
        return {"conditions": conditions or None}


def _condition(frames: NDArray[np.uint8], index: int) -> LTXVideoCondition:
    """A picture [height, width, 3], or frames [n, height, width, 3], to stand at frame `index`."""
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition
    from PIL import Image

    pictures = [Image.fromarray(frame) for frame in frames.reshape(-1, *frames.shape[-3:])]
    if len(pictures) == 1:
        return LTXVideoCondition(image=pictures[0], frame_index=index)
    return LTXVideoCondition(video=pictures, frame_index=index)


def _load(name: str, weights: Weights, options: LtxSampling) -> LTXConditionPipeline:
    """The pipeline, part by part, on the CPU. Only safetensors and only classes that are named here are loaded."""
    import torch
    from diffusers.models.autoencoders.autoencoder_kl_ltx import AutoencoderKLLTXVideo
    from diffusers.models.transformers.transformer_ltx import LTXVideoTransformer3DModel
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXConditionPipeline
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
    from transformers import PreTrainedTokenizerFast, T5EncoderModel, T5Tokenizer
    from transformers.models.auto.tokenization_auto import get_tokenizer_config

    if not weights.download and not is_here(weights, PARTS):
        command = f"hf download {weights.model} --revision {weights.revision}"
        hint = f"set `download: true` to fetch them, or run `{command}`"
        raise EngineUnavailable(f"`{name}`: the weights of `{weights.model}` are not on this machine", hint)

    def read(load: Callable[..., _Loaded], part: str, **more: object) -> _Loaded:
        revision, here = weights.revision or "main", not weights.download
        return load(weights.model, subfolder=part, revision=revision, local_files_only=here, **more)

    dtype: torch.dtype = getattr(torch, options.dtype)
    with quiet_loading():
        vae = read(AutoencoderKLLTXVideo.from_pretrained, "vae", use_safetensors=True, dtype=dtype)
        transformer = read(LTXVideoTransformer3DModel.from_pretrained, "transformer", use_safetensors=True, dtype=dtype)
        text_encoder = read(T5EncoderModel.from_pretrained, "text_encoder", use_safetensors=True, dtype=dtype)
        plain = read(get_tokenizer_config, "tokenizer").get("tokenizer_class") == "PreTrainedTokenizerFast"
        tokenizer = read((PreTrainedTokenizerFast if plain else T5Tokenizer).from_pretrained, "tokenizer")
    words, rows = len(tokenizer), text_encoder.config.vocab_size
    if not rows // 2 < words <= rows:  # a tokenizer whose files cannot be read is made up, without a word about it
        message = f"`{name}`: the tokenizer has {words} words, and the text encoder {rows}"
        raise EngineUnavailable(message, "copy or download the model again")
    # The pipeline makes the schedule. A scheduler that shifts it again would step by other noise levels than the model
    # is told, and one that adds noise does so with the wrong sign here: so the model's own is not asked.
    scheduler = FlowMatchEulerDiscreteScheduler(shift=1.0)
    pipeline = LTXConditionPipeline(scheduler, vae, text_encoder, tokenizer, transformer)
    vae.use_tiling, vae.use_slicing = options.vae.tiling, options.vae.slicing
    return pipeline


def _ours(options: EngineOptions) -> LtxOptions:
    assert isinstance(options, LtxOptions), options
    return options


SPEC: Final = EngineSpec(
    name="ltx",
    summary="LTX-Video: continues, leads into and begins with pictures; weights from a folder or the hub",
    options=LtxOptions,
    capabilities=capabilities,
    missing=missing_packages,
    weights=lambda options: identity(_ours(options).weights, PARTS),
    open=lambda options: Ltx("ltx", _ours(options).weights, _ours(options), capabilities(options)),
    libraries=("torch", "diffusers", "transformers"),
)
