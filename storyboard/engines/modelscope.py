"""The engine `modelscope`: the text-to-video model of 1.7 billion parameters with which open text-to-video began
(Wang et al., ModelScope Text-to-Video Technical Report, 2023), by diffusers' TextToVideoSDPipeline.

The model knows only text. A tail and a head condition a shot by replacement (engines.replacement): one latent is one
frame, so any number of frames can be given, and they come back as the autoencoder shows them.

torch and diffusers are imported when the engine is opened. May import what stands above `engines` in the layout, and
what engines share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from pydantic import Field

from storyboard.engines.base import Capabilities, FrameRule
from storyboard.engines.loading import Loader
from storyboard.engines.memory import estimate
from storyboard.engines.options import Dtype, OpenOptions, Strength
from storyboard.engines.replacement import Known, by_scheduler, encode_pictures, know, start
from storyboard.engines.resident import Call, Resident, spec_of_model
from storyboard.engines.texts import Embeddings
from storyboard.engines.translation import unheard
from storyboard.engines.weights import Part, read_config
from storyboard.timing import Rate

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

DEFAULT_MODEL: Final = "ali-vilab/text-to-video-ms-1.7b"
WINDOW: Final = 16
"""Frames of one generation that the model was trained on."""
MOST_FRAMES: Final = 64
_SIDE: Final = 256
_GRID: Final = 8  # the pipeline takes no sizes but its multiples
_BILLIONS: Final = {"text_encoder": 0.34, "unet": 1.41, "vae": 0.084}
_LIMITS: Final = (
    "its weights are CC-BY-NC-4.0: not for commercial use",
    "it was trained on English, and cannot draw text that can be read",
)
_NO_NEWS: Final = ("diffusers.pipelines.pipeline_utils", "The TextToVideoSDPipeline has been deprecated")


class ModelscopeOptions(OpenOptions):
    """A model of this kind. The defaults are those of the walk-throughs that made it known."""

    parts = (
        Part("vae", ("AutoencoderKL",)),
        Part("unet", ("UNet3DConditionModel",)),
        Part("text_encoder", ("CLIPTextModel",)),
        Part("tokenizer", files=("tokenizer.json", "vocab.json")),
        Part("scheduler", files=("scheduler_config.json",)),
    )
    denoiser = "unet"
    pinned: ClassVar[Mapping[str, str]] = {DEFAULT_MODEL: "8227dddca75a8561bf858d604cc5dae52b954d01"}
    each: ClassVar[frozenset[str]] = OpenOptions.each | {"steps", "guidance"}

    model: str = Field(
        default=DEFAULT_MODEL,
        description="`org/name` of the hub, with `revision`, or a folder, absolute or from the current directory",
    )
    dtype: Dtype = Field(default="float16", description="Numbers it reckons in")
    scheduler: Literal["DPMSolverMultistep", "UniPCMultistep", "DDIM", "EulerDiscrete"] = Field(
        default="DPMSolverMultistep", description="How noise is taken away, by the name that diffusers has for it"
    )
    steps: int = Field(default=25, ge=1, le=1000, description="Denoising steps")
    guidance: Strength = Field(default=9.0, description="Strength of the prompt; at 1 no negative prompt is read")

    @classmethod
    def check_folder(cls, folder: Path) -> None:
        vae, unet, text = (read_config(folder, part) for part in ("vae", "unet", "text_encoder"))
        if vae.get("latent_channels") != unet.get("in_channels"):
            raise ValueError(f"`{folder.name}`: its autoencoder and its denoiser do not fit together; name another")
        if text.get("hidden_size") != unet.get("cross_attention_dim"):
            raise ValueError(f"`{folder.name}`: its text encoder and its denoiser do not fit together; name another")


def capabilities(options: ModelscopeOptions) -> Capabilities:
    """Of a folder by its configuration files; a hub model is taken to be as the first one is."""
    multiple, side = _GRID, _SIDE
    if (folder := options.weights.folder) is not None:
        blocks, sample = (
            read_config(folder, "vae").get("block_out_channels"),
            read_config(folder, "unet").get("sample_size"),
        )
        factor = 2 ** (len(blocks) - 1) if isinstance(blocks, list) and blocks else _GRID
        multiple = math.lcm(_GRID, factor)
        side = max(sample * factor // multiple, 1) * multiple if isinstance(sample, int) else _SIDE
    most = min(options.window or WINDOW, MOST_FRAMES)
    given = FrameRule(1, 0, 1, most - 1) if most > 1 else None
    rate = options.rate or Rate(Fraction(8))
    return Capabilities(
        version=1,
        frames=FrameRule(1, 0, 1, most),
        native_rate=rate,
        default_size=(side, side),
        default_rate=rate,
        size_multiple=multiple,
        least_size=multiple,
        native_sizes=((side, side),),
        tail=given,
        default_tail=min(4, given.most) if given else 0,
        head=given,
        default_head=min(4, given.most) if given else 0,
        negative=options.guidance > 1,
        languages=("en",),
        licence="CC-BY-NC-4.0",
        memory=estimate(_BILLIONS, 4 if options.dtype == "float32" else 2),
        notices=_LIMITS,
    )


class Modelscope(Resident[ModelscopeOptions, Any]):
    """A loaded model."""

    def load(self) -> Any:
        from diffusers import AutoencoderKL, TextToVideoSDPipeline, UNet3DConditionModel
        from transformers import CLIPTextModel, CLIPTokenizer

        loader = Loader(self.name, self.options.weights, self.options.used_parts, self.options)
        text_encoder = loader.model(CLIPTextModel, "text_encoder")
        tokenizer = loader.tokenizer(CLIPTokenizer, text_encoder.config.vocab_size)
        self.most_tokens = text_encoder.config.max_position_embeddings
        with unheard(*_NO_NEWS):
            return TextToVideoSDPipeline(
                vae=loader.model(AutoencoderKL, "vae"),
                text_encoder=text_encoder,
                tokenizer=tokenizer,
                unet=loader.denoiser(UNet3DConditionModel, "unet"),
                scheduler=loader.scheduler(self.options.scheduler),
            )

    def count_tokens(self, text: str) -> int:
        return len(self.pipeline.tokenizer(text, verbose=False).input_ids)

    def encode(self, text: str) -> Embeddings:
        """Embeddings [1, tokens, channels]."""
        embeddings, _ = self.pipeline.encode_prompt(text, self.device, 1, do_classifier_free_guidance=False)
        return (embeddings,)

    def steps(self, options: ModelscopeOptions) -> int:
        return options.steps

    def generate(self, call: Call[ModelscopeOptions]) -> NDArray[np.floating]:
        a, o = call.assignment, call.options
        (prompt,) = call.read(a.prompt)
        (negative,) = call.read(a.negative) if o.guidance > 1 else (None,)
        noise = self._noise(call)
        known = self._known(call, noise)
        begun = noise if known is None else start(self.pipeline.scheduler, known, o.steps)
        with by_scheduler(self.pipeline, known):
            result = self.pipeline(
                prompt_embeds=prompt,
                negative_prompt_embeds=negative,
                latents=_as_video(begun),
                width=a.width,
                height=a.height,
                num_frames=a.frames,
                num_inference_steps=o.steps,
                guidance_scale=o.guidance,
                output_type="np",
                callback=lambda step, timestep, latents: call.report(None, step, timestep, {"latents": latents}),
            )
        frames: NDArray[np.floating] = result.frames[0]
        return frames

    def _noise(self, call: Call[ModelscopeOptions]) -> torch.Tensor:
        """Noise [n, c, h, w] for each frame: the layout in which the scheduler has the latents."""
        import torch

        a, pipeline = call.assignment, self.pipeline
        factor, channels = pipeline.vae_scale_factor, pipeline.unet.config.in_channels
        shape = (a.frames, channels, a.height // factor, a.width // factor)
        return torch.randn(shape, generator=call.generator).to(self.device, pipeline.unet.dtype)

    def _known(self, call: Call[ModelscopeOptions], noise: torch.Tensor) -> Known | None:
        a, vae = call.assignment, self.pipeline.vae
        tail, head = (
            None if frames is None else encode_pictures(vae, frames, self.device)[0].transpose(0, 1)
            for frames in (a.tail, a.head)
        )
        return know(noise, 0, tail=tail, head=head)


def _as_video(latents: torch.Tensor) -> torch.Tensor:
    """[n, c, h, w] -> [1, c, n, h, w]."""
    return latents.transpose(0, 1)[None]


SPEC: Final = spec_of_model(
    name="modelscope",
    summary="ModelScope's text-to-video, 1.7B: where open text-to-video began; tails and heads by replacement",
    options=ModelscopeOptions,
    capabilities=capabilities,
    engine=Modelscope,
)
