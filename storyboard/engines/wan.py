"""The engine `wan`: Wan 2.1 and 2.2 (Wan Team, Wan: Open and Advanced Large-Scale Video Generative Models, 2025) and
VACE (Jiang et al., VACE: All-in-One Video Creation and Editing, 2025), by diffusers' pipelines.

Which of them a model is, its configuration says, or the name of a hub model, or the author by `variant`; what each of
them can be given is in engines.wan_layout, and how, in engines.wan_given.

torch and diffusers are imported when the engine is opened. May import what stands above `engines` in the layout, and
what engines share.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from storyboard.digest import Plain
from storyboard.engines.base import Capabilities
from storyboard.engines.loading import Loader
from storyboard.engines.options import Strength, TransformerOptions
from storyboard.engines.replacement import by_callback, start
from storyboard.engines.resident import Call, Resident, spec_of_model
from storyboard.engines.texts import Embeddings
from storyboard.engines.translation import unheard
from storyboard.engines.wan_given import (
    film_and_mask,
    first_and_last,
    holding,
    known_latents,
    latent_noise,
    no_picture,
    see_two,
)
from storyboard.engines.wan_layout import (
    EYES,
    PARTS,
    SECOND,
    Layout,
    Variant,
    by_config,
    by_name,
    can_shoot,
    usual_shift,
)
from storyboard.engines.wan_text import cleaned, embed
from storyboard.engines.weights import Part, locate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEFAULT_MODEL: Final = "Wan-AI/Wan2.1-VACE-1.3B-diffusers"
_FLOW: Final = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "use_dynamic_shifting": False}
"""What a scheduler has to be told that was not made for flow matching alone; the rest is as the model has it."""
_NO_NEWS: Final = ("transformers.utils.import_utils", "`CLIPImageProcessor` requires torchvision")


class WanOptions(TransformerOptions):
    """A model of the author's choice. The defaults are those of the pipelines."""

    parts = PARTS
    pinned: ClassVar[Mapping[str, str]] = {DEFAULT_MODEL: "ec4d2cb062b548996b179d493fdd05340de702a1"}
    each: ClassVar[frozenset[str]] = TransformerOptions.each | {"steps", "guidance", "guidance_2", "flow_shift"}

    model: str = Field(
        default=DEFAULT_MODEL,
        description="`org/name` of the hub, with `revision`, or a folder, absolute or from the current directory",
    )
    variant: Variant | None = Field(
        default=None, description="Of which kind a hub model is, where its name does not say: vace, i2v, ti2v or t2v"
    )
    scheduler: Literal["UniPCMultistep", "FlowMatchEulerDiscrete", "DPMSolverMultistep"] = Field(
        default="UniPCMultistep", description="How noise is taken away, by the name that diffusers has for it"
    )
    steps: int = Field(default=50, ge=1, le=1000, description="Denoising steps")
    guidance: Strength = Field(default=5.0, description="Strength of the prompt; at 1 no negative prompt is read")
    guidance_2: Strength | None = Field(
        default=None, description="Of a model with two denoisers, for the second; as `guidance` where left out"
    )
    flow_shift: float | None = Field(
        default=None, gt=0, le=100, description="How far noise levels are shifted up; 3 for 480 lines, 5 for 720"
    )
    max_sequence_length: int = Field(default=512, ge=1, le=512, description="The most tokens of a prompt")

    @classmethod
    def check_folder(cls, folder: Path) -> None:
        locate(str(folder), None, by_config(folder).parts)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        layout = self.layout
        if self.variant is not None and self.variant != layout.variant:
            raise ValueError(f"`variant` is `{self.variant}`, and the model is `{layout.variant}`; leave `variant` out")
        if self.guidance_2 is not None and not (layout.two and self.guidance > 1):
            raise ValueError("`guidance_2` is for models with two denoisers, with `guidance` above 1; leave it out")
        if layout.two and (self.loras or self.checkpoint):
            raise ValueError("a model with two denoisers takes no `loras` and no `checkpoint` here; leave them out")
        return self

    @cached_property
    def layout(self) -> Layout:
        """What the model is. Raises ValueError where its name does not say."""
        hub = self.revision or self.model in self.pinned
        return by_name(self.model, self.variant) if hub else by_config(Path(self.model).expanduser())

    @property
    def used_parts(self) -> tuple[Part, ...]:
        return super().used_parts + self.layout.parts

    def keyed(self) -> dict[str, Plain]:
        """As the base says; with what a folder's `model_index.json` says, which is no part of its identity."""
        return super().keyed() | {"variant": self.layout.variant, "boundary": self.layout.boundary}


def capabilities(options: WanOptions) -> Capabilities:
    """Of a folder by its configuration files, of a hub model by its name."""
    size = 4 if options.dtype == "float32" else 2
    return can_shoot(options.layout, options.rate, options.window, guided=options.guidance > 1, size=size)


class Wan(Resident[WanOptions, Any]):
    """A loaded model. Its autoencoder and its image encoder reckon in 32 bits, as the pipelines want them to."""

    def load(self) -> Any:
        import diffusers
        from transformers import T5Tokenizer, UMT5EncoderModel

        o = self.options
        loader = Loader(self.name, o.weights, o.used_parts, o)
        self.most_tokens = o.max_sequence_length
        is_vace = o.layout.variant == "vace"
        denoiser = diffusers.WanVACETransformer3DModel if is_vace else diffusers.WanTransformer3DModel
        text_encoder = loader.model(UMT5EncoderModel, "text_encoder")
        parts = {
            "vae": _exact(loader, diffusers.AutoencoderKLWan, "vae"),
            "text_encoder": text_encoder,
            "tokenizer": loader.tokenizer(T5Tokenizer, text_encoder.config.vocab_size),
            "transformer": loader.denoiser(denoiser),
            "transformer_2": loader.denoiser(denoiser, SECOND.name) if o.layout.two else None,
            "scheduler": loader.scheduler(o.scheduler, **_FLOW),
            "boundary_ratio": loader.read(diffusers.DiffusionPipeline.load_config, "").get("boundary_ratio"),
        }
        if is_vace:
            return diffusers.WanVACEPipeline(**parts)
        if o.layout.variant == "t2v":
            return diffusers.WanPipeline(**parts)
        with unheard(*_NO_NEWS):
            kind = diffusers.WanImageToVideoPipeline
        seen = _eyes(loader) if o.layout.eyes else {}
        pipeline = kind(**parts, **seen, expand_timesteps=o.layout.variant == "ti2v")
        if parts["transformer"].config.pos_embed_seq_len is not None:
            see_two(pipeline)
        return pipeline

    def count_tokens(self, text: str) -> int:
        return len(self.pipeline.tokenizer(cleaned(text), verbose=False).input_ids)

    def encode(self, text: str) -> Embeddings:
        """Embeddings [1, tokens, channels], zero behind the text."""
        pipeline, count = self.pipeline, self.options.max_sequence_length
        return (embed(text, pipeline.tokenizer, pipeline.text_encoder, count, self.device),)

    def steps(self, options: WanOptions) -> int:
        return options.steps

    def generate(self, call: Call[WanOptions]) -> NDArray[np.floating]:
        a, o = call.assignment, call.options
        self._shift(o.flow_shift or usual_shift(a.width, a.height))
        (prompt,) = call.read(a.prompt)
        (negative,) = call.read(a.negative) if o.guidance > 1 else (None,)
        said = {
            "prompt_embeds": prompt,
            "negative_prompt_embeds": negative,
            "width": a.width,
            "height": a.height,
            "num_frames": a.frames,
            "num_inference_steps": o.steps,
            "guidance_scale": o.guidance,
            "guidance_scale_2": o.guidance_2,
            "output_type": "np",
        }
        frames: NDArray[np.floating] = self._run(call, said).frames[0]
        return frames

    def _run(self, call: Call[WanOptions], said: dict[str, Any]) -> Any:
        """The pipeline's answer, given what the shot is given."""
        a, pipeline, variant = call.assignment, self.pipeline, self.options.layout.variant
        said |= {"generator": call.generator, "callback_on_step_end": call.report}
        if variant == "vace":
            return pipeline(**said, **film_and_mask(a))
        if variant == "i2v":
            return pipeline(**said, **first_and_last(a))
        noise = latent_noise(a, pipeline.vae, call.generator, self.device)
        known = known_latents(a, noise, pipeline.vae, self.device)
        if variant == "ti2v":
            with holding(pipeline, noise, known):
                return pipeline(**said, image=no_picture(a))
        begun = noise if known is None else start(pipeline.scheduler, known, call.options.steps)
        said["callback_on_step_end"] = by_callback(known, call.report)
        return pipeline(**said, latents=begun)

    def _shift(self, shift: float) -> None:
        """A scheduler as before, with noise levels shifted so far up."""
        scheduler = self.pipeline.scheduler
        name = "shift" if "shift" in scheduler.config else "flow_shift"
        self.pipeline.scheduler = type(scheduler).from_config(scheduler.config, **{name: shift})


def _exact(loader: Loader, kind: Any, part: str) -> Any:
    import torch

    return loader.read(kind.from_pretrained, part, use_safetensors=True, dtype=torch.float32)


def _eyes(loader: Loader) -> dict[str, Any]:
    """What Wan 2.1 reads pictures with."""
    from transformers import CLIPImageProcessorPil, CLIPVisionModel

    image_encoder, image_processor = (part.name for part in EYES)
    return {
        "image_encoder": _exact(loader, CLIPVisionModel, image_encoder),
        "image_processor": loader.read(CLIPImageProcessorPil.from_pretrained, image_processor),
    }


SPEC: Final = spec_of_model(
    name="wan",
    summary="Wan 2.1 and 2.2: VACE continues, leads into and knows its cast; I2V, TI2V and T2V as far as they can",
    options=WanOptions,
    capabilities=capabilities,
    engine=Wan,
)
