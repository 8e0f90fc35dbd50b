"""The engine `ltx`: LTX-Video 0.9.5 to 0.9.8, and whatever has its architecture, by diffusers' LTXConditionPipeline.

What is given conditions a shot in one pass, at every step:

    tail    |KKKKK....................|   a video at frame 0: its latents are held, and decoded as the first K frames
    head    |....................HHHHH|   a video at frame N - H: its first two latents are attended to, later ones held
    start   |S........................|   a picture at frame 0
    end     |........................E|   a picture at frame N - 1

torch and diffusers are imported when the engine is opened. May import what stands above `engines` in the layout, and
what engines share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import Field, model_validator

from storyboard.engines.base import Assignment, Capabilities
from storyboard.engines.batches import Batching
from storyboard.engines.loading import Loader
from storyboard.engines.ltx_layout import PARTS, Layout, can_shoot, read_layout
from storyboard.engines.options import BatchOptions, Share, Strength, TransformerOptions
from storyboard.engines.resident import Call, spec_of_model
from storyboard.engines.schedules import Distillable, Scheduled, by_recipe
from storyboard.engines.texts import Embeddings
from storyboard.engines.translation import unheard
from storyboard.engines.weights import Weights

if TYPE_CHECKING:
    import numpy as np
    import torch
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXConditionPipeline, LTXVideoCondition
    from numpy.typing import NDArray

DEFAULT_MODEL: Final = "Lightricks/LTX-Video-0.9.7-distilled"
DISTILLED: Final = (1000.0, 993.7, 987.5, 981.2, 975.0, 909.4, 725.0, 421.9)
"""The timesteps that the distilled models were made for, in one pass."""
STEPS: Final = 40
GUIDANCE: Final = 3.0
"""Of models that are not distilled."""
_NO_NEWS: Final = (
    "diffusers.schedulers.scheduling_flow_match_euler_discrete",
    "`timesteps` were passed without `sigmas`",  # which are the same where nothing is shifted
)


class LtxSampling(Scheduled, BatchOptions):
    """How a model of this architecture is sampled."""

    guidance: Strength = Field(default=1.0, description="Strength of the prompt; at 1 no negative prompt is read")
    guidance_rescale: Share = Field(default=0.0, description="How far the contrast that guidance adds is taken back")
    condition_noise: Share = Field(default=0.15, description="Noise on given frames, most of it in the first steps")
    max_sequence_length: int = Field(default=256, ge=1, le=4096, description="The most tokens of a prompt")
    decode_timestep: Share = Field(default=0.05, description="How noisy the autoencoder is told that latents are")
    decode_noise: Share = Field(default=0.025, description="How noisy they are made for it")


class LtxOptions(LtxSampling, TransformerOptions, Distillable):
    """A model of the author's choice. What is left out follows from whether it is distilled."""

    parts = PARTS
    pinned: ClassVar[Mapping[str, str]] = {DEFAULT_MODEL: "057509edea1493cae5e62e9d8f780ebda3fb4333"}
    unkeyed: ClassVar[frozenset[str]] = TransformerOptions.unkeyed | {"distilled"}
    each: ClassVar[frozenset[str]] = TransformerOptions.each | {
        "distilled", "steps", "schedule", "guidance", "guidance_rescale", "condition_noise", "decode_timestep",
        "decode_noise", "batch",
    }  # fmt: skip

    model: str = Field(
        default=DEFAULT_MODEL,
        description="`org/name` of the hub, with `revision`, or a folder, absolute or from the current directory",
    )

    @model_validator(mode="before")
    @classmethod
    def _recipe(cls, said: object) -> object:
        """Steps, schedule and guidance written out, where they are left out."""
        few, many = {"guidance": 1.0, "schedule": DISTILLED}, {"guidance": GUIDANCE, "steps": STEPS}
        return by_recipe(said, DEFAULT_MODEL, few, many)

    @classmethod
    def check_folder(cls, folder: Path) -> None:
        read_layout(folder)


def capabilities(options: LtxOptions) -> Capabilities:
    """Of a folder by its configuration files; a hub model is taken to be as LTX-Video is."""
    folder = options.weights.folder
    layout = read_layout(folder) if folder else Layout()
    return can_shoot(layout, options.rate, guided=options.guidance > 1, size=4 if options.dtype == "float32" else 2)


class Ltx(Batching[LtxSampling, "LTXConditionPipeline"]):
    """A loaded model. The first frames of a tail and the last ones of a head are what the model decodes for them, near
    to what was given but not the same."""

    def __init__(self, name: str, weights: Weights, options: LtxSampling, can: Capabilities) -> None:
        """Load it onto its device. `name` is the engine's, for messages. Raises EngineUnavailable, OutOfMemory."""
        self.weights, self.most_tokens = weights, options.max_sequence_length
        super().__init__(name, options, can)

    def load(self) -> LTXConditionPipeline:
        from diffusers.models.autoencoders.autoencoder_kl_ltx import AutoencoderKLLTXVideo
        from diffusers.models.transformers.transformer_ltx import LTXVideoTransformer3DModel
        from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXConditionPipeline
        from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
        from transformers import T5EncoderModel, T5Tokenizer

        loader = Loader(self.name, self.weights, PARTS, self.options)
        vae = loader.model(AutoencoderKLLTXVideo, "vae")
        transformer = loader.denoiser(LTXVideoTransformer3DModel)
        text_encoder = loader.model(T5EncoderModel, "text_encoder")
        tokenizer = loader.tokenizer(T5Tokenizer, text_encoder.config.vocab_size)
        # The pipeline makes the schedule. A scheduler that shifts it again would step by other noise levels than the
        # model is told, and one that adds noise does so with the wrong sign here: so the model's own is not asked.
        scheduler = FlowMatchEulerDiscreteScheduler(shift=1.0)
        return LTXConditionPipeline(scheduler, vae, text_encoder, tokenizer, transformer)

    def count_tokens(self, text: str) -> int:
        return len(self.pipeline.tokenizer(text, verbose=False).input_ids)

    def encode(self, text: str) -> Embeddings:
        """Embeddings [1, tokens, channels] and mask [1, tokens]."""
        embeddings, mask, *_ = self.pipeline.encode_prompt(
            text, do_classifier_free_guidance=False, max_sequence_length=self.most_tokens, device=self.device
        )
        return embeddings, mask

    def steps(self, options: LtxSampling) -> int:
        return options.count

    @property
    def alone(self) -> bool:  # type: ignore[override]
        """Where its decoder adds noise, it draws it once for all."""
        return any(self.pipeline.vae.config.decoder_inject_noise)

    def generate_together(self, calls: Sequence[Call[LtxSampling]]) -> Sequence[NDArray[np.floating]]:
        a, o = calls[0].assignment, calls[0].options
        embeddings, mask = _stacked([call.read(call.assignment.prompt) for call in calls])
        given: dict[str, object] = {"prompt_embeds": embeddings, "prompt_attention_mask": mask}
        if o.guidance > 1:
            embeddings, mask = _stacked([call.read(call.assignment.negative) for call in calls])
            given |= {"negative_prompt_embeds": embeddings, "negative_prompt_attention_mask": mask}
        with unheard(*_NO_NEWS):
            result = self.pipeline(
                **given,
                conditions=_conditions([call.assignment for call in calls]),
                width=a.width,
                height=a.height,
                num_frames=a.frames,
                frame_rate=float(a.rate.fraction),
                num_inference_steps=o.count,
                timesteps=list(o.schedule) if o.schedule else None,
                guidance_scale=o.guidance,
                guidance_rescale=o.guidance_rescale,
                image_cond_noise_scale=o.condition_noise,
                decode_timestep=o.decode_timestep,
                decode_noise_scale=o.decode_noise,
                generator=[call.generator for call in calls],
                output_type="np",
                callback_on_step_end=calls[0].report,
            )
        frames: Sequence[NDArray[np.floating]] = result.frames
        return frames


def _stacked(read: Sequence[Embeddings]) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings and masks of several texts, [n, tokens, channels] and [n, tokens]."""
    import torch

    embeddings, masks = zip(*read, strict=True)
    return torch.cat(embeddings), torch.cat(masks)


def _conditions(rows: Sequence[Assignment]) -> list[LTXVideoCondition] | None:
    """What is given, each at its frame, a row for each assignment; in all of them the same is given. Only ever as
    `conditions`: other ways of asking drop pictures silently."""
    a = rows[0]
    last = a.frames - (1 if a.head is None else len(a.head))
    places = (("start", 0), ("tail", 0), ("end", last), ("head", last))
    given = [
        _condition([getattr(row, role) for row in rows], index)
        for role, index in places
        if getattr(a, role) is not None
    ]
    return given or None  # an empty list would be taken for conditions, of which the mask is then missing


def _condition(rows: Sequence[NDArray[np.uint8]], index: int) -> LTXVideoCondition:
    """Pictures [height, width, 3], or frames [n, height, width, 3], a row each, to stand at frame `index`."""
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition
    from PIL import Image

    pictures = [[Image.fromarray(frame) for frame in row.reshape(-1, *row.shape[-3:])] for row in rows]
    if len(pictures[0]) == 1:
        return LTXVideoCondition(image=[row[0] for row in pictures], frame_index=index)
    return LTXVideoCondition(video=pictures, frame_index=index)


SPEC: Final = spec_of_model(
    name="ltx",
    summary="LTX-Video: continues, leads into and begins with pictures; weights from a folder or the hub",
    options=LtxOptions,
    capabilities=capabilities,
    engine=lambda name, options, can: Ltx(name, options.weights, options, can),
)
