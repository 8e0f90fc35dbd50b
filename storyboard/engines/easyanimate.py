"""The engine `easyanimate`: EasyAnimate V5.1 InP (Xu et al., EasyAnimate, 2024), by diffusers' pipeline for gaps.

The model fills what a mask leaves open in a film: so it goes on from a tail, leads into a head, begins and ends with
pictures, all in one pass, and with nothing given it is text to video.

torch and diffusers are imported when the engine is opened. May import what stands above `engines` in the layout, and
what engines share.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import Field

from storyboard.engines.base import Capabilities, FrameRule
from storyboard.engines.easyanimate_given import LATENT, film_and_mask
from storyboard.engines.loading import Loader
from storyboard.engines.memory import estimate
from storyboard.engines.options import OpenOptions, Share, Strength
from storyboard.engines.resident import Call, Resident, spec_of_model
from storyboard.engines.texts import Embeddings
from storyboard.engines.weights import Part, read_config
from storyboard.timing import Rate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW: Final = 49
"""The longest that the models were made for."""
_GRID: Final = 16
_SIZES: Final = ((672, 384), (384, 672), (512, 512), (1008, 576), (576, 1008), (768, 768))
_BILLIONS: Final = {"text_encoder": 8.3, "transformer": 12.0, "vae": 0.25}
"""Parameters of the larger of the two; the other's transformer has 7."""


class EasyanimateOptions(OpenOptions):
    """A model of the author's choice; the defaults are those of the pipeline."""

    parts = (
        Part("vae", ("AutoencoderKLMagvit",)),
        Part("transformer", ("EasyAnimateTransformer3DModel",)),
        Part("text_encoder", ("Qwen2VLForConditionalGeneration",)),
        Part("tokenizer", files=("tokenizer.json", "vocab.json")),
        Part("scheduler", files=("scheduler_config.json",)),
    )
    each: ClassVar[frozenset[str]] = OpenOptions.each | {"steps", "guidance", "guidance_rescale", "condition_noise"}

    model: str = Field(
        description="`org/name` of the hub, with `revision`, or a folder, absolute or from the current directory"
    )
    steps: int = Field(default=50, ge=1, le=1000, description="Denoising steps")
    guidance: Strength = Field(default=5.0, description="Strength of the prompt; at 1 no negative prompt is read")
    guidance_rescale: Share = Field(default=0.0, description="How far the contrast that guidance adds is taken back")
    condition_noise: Share = Field(
        default=0.0563, description="Noise on given frames, for models that were trained with it"
    )
    max_sequence_length: int = Field(default=256, ge=1, le=4096, description="The most tokens of a prompt")

    @classmethod
    def check_folder(cls, folder: Path) -> None:
        vae, denoiser, text = (read_config(folder, part) for part in ("vae", "transformer", "text_encoder"))
        latents, blocks, inner = vae.get("latent_channels"), vae.get("block_out_channels"), text.get("text_config")
        masks = 1 if denoiser.get("resize_inpaint_mask_directly", True) else latents
        width = (inner if isinstance(inner, dict) else text).get("hidden_size")
        fills = (
            isinstance(latents, int) and isinstance(masks, int) and denoiser.get("in_channels") == 2 * latents + masks
        )
        checks = (
            ("it was not made to fill gaps, as those with `InP` in their name were", fills),
            ("its text encoder and its denoiser do not fit", denoiser.get("text_embed_dim", 3584) == width),
            ("its autoencoder does not make 4 frames a latent", isinstance(blocks, list) and len(blocks) == 4),
        )
        for wrong, holds in checks:
            if not holds:
                raise ValueError(f"`{folder.name}` cannot be shot with: {wrong}; name another model")


def capabilities(options: EasyanimateOptions) -> Capabilities:
    """Of all models of the kind."""
    longest = max((min(options.window or WINDOW, WINDOW) - 1) // LATENT, 1) * LATENT + 1
    head = FrameRule(LATENT, 0, LATENT, longest - LATENT - 1) if longest > 2 * LATENT else None
    tail = FrameRule(LATENT, 1, 1, longest - LATENT)
    rate = options.rate or Rate(Fraction(8))
    return Capabilities(
        version=1,
        frames=FrameRule(LATENT, 1, LATENT + 1, longest),
        native_rate=rate,
        default_size=_SIZES[0],
        default_rate=rate,
        size_multiple=_GRID,
        least_size=_GRID,
        native_sizes=_SIZES,
        tail=tail,
        default_tail=min(5, tail.most),
        head=head,
        default_head=LATENT if head else 0,
        start_image=True,
        end_image=True,
        negative=options.guidance > 1,
        languages=("en", "zh"),
        licence="Apache-2.0 (unverified)",
        memory=estimate(_BILLIONS, 4 if options.dtype == "float32" else 2),
    )


class Easyanimate(Resident[EasyanimateOptions, Any]):
    """A loaded model."""

    def load(self) -> Any:
        from diffusers import AutoencoderKLMagvit, EasyAnimateInpaintPipeline, EasyAnimateTransformer3DModel
        from transformers import Qwen2Tokenizer, Qwen2VLForConditionalGeneration

        loader = Loader(self.name, self.options.weights, self.options.used_parts, self.options)
        self.most_tokens = self.options.max_sequence_length
        text_encoder = loader.model(Qwen2VLForConditionalGeneration, "text_encoder")
        vae = loader.model(AutoencoderKLMagvit, "vae")
        # The pipeline asks for it, and the class does not know it: whether a first latent stands for one frame.
        vae.register_to_config(cache_mag_vae=True)
        transformer = loader.denoiser(EasyAnimateTransformer3DModel)
        # What the pipeline would do for it, `film_and_mask` does.
        self.blurs = bool(transformer.config.add_noise_in_inpaint_model)
        transformer.register_to_config(add_noise_in_inpaint_model=False)
        return EasyAnimateInpaintPipeline(
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=loader.tokenizer(Qwen2Tokenizer, text_encoder.get_input_embeddings().num_embeddings),
            transformer=transformer,
            scheduler=loader.scheduler("FlowMatchEulerDiscrete"),
        )

    def count_tokens(self, text: str) -> int:
        return len(self.pipeline.tokenizer(self._asked(text), verbose=False).input_ids)

    def encode(self, text: str) -> Embeddings:
        """Embeddings [1, tokens, channels] and mask [1, tokens]: what is behind a text is attended to as well."""
        pipeline = self.pipeline
        tokens = pipeline.tokenizer(
            self._asked(text),
            padding="max_length",
            max_length=self.most_tokens,
            padding_side="right",
            return_attention_mask=True,
            return_tensors="pt",
        ).to(self.device)
        states = pipeline.text_encoder(
            input_ids=tokens.input_ids, attention_mask=tokens.attention_mask, output_hidden_states=True
        )
        return states.hidden_states[-2], tokens.attention_mask

    def _asked(self, text: str) -> str:
        """A text as it is put to the language model."""
        said = [{"role": "user", "content": [{"type": "text", "text": text}]}]
        asked: str = self.pipeline.tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
        return asked

    def steps(self, options: EasyanimateOptions) -> int:
        return options.steps

    def generate(self, call: Call[EasyanimateOptions]) -> NDArray[np.floating]:
        a, o, pipeline = call.assignment, call.options, self.pipeline
        prompt, prompt_mask = call.read(a.prompt)
        negative, negative_mask = call.read(a.negative) if o.guidance > 1 else (None, None)
        pipeline.vae._clear_conv_cache()  # a shot that ended while it decoded has left its frames there
        blur = o.condition_noise if self.blurs else 0.0
        result = pipeline(
            **film_and_mask(a, blur, call.generator, self.device),
            prompt_embeds=prompt,
            prompt_attention_mask=prompt_mask,
            negative_prompt_embeds=negative,
            negative_prompt_attention_mask=negative_mask,
            width=a.width,
            height=a.height,
            num_frames=a.frames,
            num_inference_steps=o.steps,
            guidance_scale=o.guidance,
            guidance_rescale=o.guidance_rescale,
            generator=call.generator,
            output_type="np",
            callback_on_step_end=call.report,
        )
        frames: NDArray[np.floating] = result.frames[0]
        return frames


SPEC: Final = spec_of_model(
    name="easyanimate",
    summary="EasyAnimate V5.1 InP: fills what is between given frames: tails, heads and pictures at both ends",
    options=EasyanimateOptions,
    capabilities=capabilities,
    engine=Easyanimate,
)
