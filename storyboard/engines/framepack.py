"""The engine `framepack`: FramePack on HunyuanVideo (Zhang and Agrawala, Packing Input Frame Context in Next-Frame
Prediction Models, 2025), by diffusers' HunyuanVideoFramepackPipeline.

It sets one picture in motion: the start image, or the last frame of the tail; towards another one, where it is given an
end image or a frame of a head. A shot is made of sections of w latents, each conditioned on those made before, so that
memory does not grow with its length:

    inverted_anti_drifting    |S[section 3][section 2][section 1]|E    the last section first, towards a picture
    vanilla                   |S[section 1][section 2][section 3]|     in the order of time: F1 models

n sections are 4*w*n + 1 frames, the picture with them. The pipeline has no other counts, and makes a section more where
it is asked for these very ones: so it is asked for n sections of what it takes for their length.

torch and diffusers are imported when the engine is opened. May import what stands above `engines` in the layout, and
what engines share.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from storyboard.engines.base import Assignment, Capabilities, FrameRule
from storyboard.engines.framepack_options import BASE, IMAGE_ENCODER, FramepackOptions
from storyboard.engines.loading import Loader
from storyboard.engines.memory import estimate
from storyboard.engines.resident import Call, Resident, spec_of_model
from storyboard.engines.texts import Embeddings
from storyboard.engines.translation import unheard
from storyboard.timing import Rate

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

SECTIONS: Final = 50
"""At most: a minute, as its makers show it."""
_FRAMES: Final = 4  # of a latent, but for the first
_GRID: Final = 16
_SIZES: Final = ((832, 480), (480, 832), (704, 544), (544, 704), (640, 608), (960, 416), (416, 960))
_BILLIONS: Final = {
    "text_encoder": 7.5,
    "text_encoder_2": 0.12,
    "image_encoder": 0.43,
    "transformer": 12.9,
    "vae": 0.25,
}
_NO_NEWS: Final = (  # of CLIP, which only gives the gist of a text here
    (
        "diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video_framepack",
        "The following part of your input was trunc",
    ),
    ("transformers.tokenization_utils_base", "Token indices sequence length is longer"),
)
_NO_TORCHVISION: Final = ("transformers.utils.import_utils", "`SiglipImageProcessor` requires torchvision")


def capabilities(options: FramepackOptions) -> Capabilities:
    """By what the options say: all models of this kind are built alike."""
    section = _FRAMES * options.latent_window_size
    rate = options.rate or Rate(Fraction(30))
    picture, ends = FrameRule(1, 0, 1, 1), options.order == "inverted_anti_drifting"
    return Capabilities(
        version=1,
        frames=FrameRule(section, 1, section + 1, SECTIONS * section + 1),
        native_rate=rate,
        default_size=_SIZES[0],
        default_rate=rate,
        size_multiple=_GRID,
        least_size=_GRID,
        native_sizes=_SIZES,
        tail=picture,
        default_tail=1,
        head=picture if ends else None,
        default_head=int(ends),
        start_image=True,
        end_image=ends,
        needs_picture=True,
        negative=options.negative_guidance > 1,
        lora=True,
        languages=("en",),
        licence="Tencent Hunyuan Community License, not for the EU, the UK and South Korea (unverified)",
        memory=estimate(_BILLIONS, 4 if options.dtype == "float32" else 2),
    )


class Framepack(Resident[FramepackOptions, Any]):
    """A loaded model. Its first frame is near to the picture that was given, its last one leads up to the other."""

    texts_by = ("text_encoder", "text_encoder_2")
    most_tokens = 256

    def load(self) -> Any:
        from diffusers import AutoencoderKLHunyuanVideo, HunyuanVideoFramepackTransformer3DModel
        from transformers import (
            CLIPTextModel,
            CLIPTokenizer,
            LlamaModel,
            PreTrainedTokenizerFast,
            SiglipImageProcessorPil,
            SiglipVisionModel,
        )

        with unheard(*_NO_TORCHVISION):
            from diffusers import HunyuanVideoFramepackPipeline

        o = self.options
        own = Loader(self.name, o.weights, o.used_parts, o)
        base = Loader(self.name, o.base_weights, BASE, o)
        eyes = Loader(self.name, o.image_encoder_weights, IMAGE_ENCODER, o)
        text_encoder = base.model(LlamaModel, "text_encoder")
        text_encoder_2 = base.model(CLIPTextModel, "text_encoder_2")
        return HunyuanVideoFramepackPipeline(
            transformer=own.denoiser(HunyuanVideoFramepackTransformer3DModel, o.used_parts[0].name),
            text_encoder=text_encoder,
            # As its file has it: a tokenizer of Llama's own class takes the words of Llama 3 for those of Llama 2.
            tokenizer=base.tokenizer(PreTrainedTokenizerFast, text_encoder.config.vocab_size),
            text_encoder_2=text_encoder_2,
            tokenizer_2=base.tokenizer(CLIPTokenizer, text_encoder_2.config.vocab_size, "tokenizer_2"),
            vae=base.model(AutoencoderKLHunyuanVideo, "vae"),
            scheduler=base.scheduler("FlowMatchEulerDiscrete"),
            image_encoder=_headless(eyes.model(SiglipVisionModel, "image_encoder")),
            # The one that needs no other package, and so is the same everywhere.
            feature_extractor=eyes.read(SiglipImageProcessorPil.from_pretrained, "feature_extractor"),
        )

    def count_tokens(self, text: str) -> int:
        from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video_framepack import DEFAULT_PROMPT_TEMPLATE as whole

        said = str(whole["template"]).format(text)
        return len(self.pipeline.tokenizer(said, verbose=False).input_ids) - int(whole["crop_start"])

    def encode(self, text: str) -> Embeddings:
        """Embeddings [1, tokens, channels], pooled ones [1, channels], mask [1, tokens]."""
        with unheard(*_NO_NEWS[0]), unheard(*_NO_NEWS[1]):
            embeddings, pooled, mask = self.pipeline.encode_prompt(
                text, device=self.device, max_sequence_length=self.most_tokens
            )
        return embeddings, pooled, mask

    def steps(self, options: FramepackOptions) -> int:
        return options.steps

    def steps_for(self, assignment: Assignment, options: FramepackOptions) -> int:
        return options.steps * self._sections(assignment)

    def generate(self, call: Call[FramepackOptions]) -> NDArray[np.floating]:
        a, o = call.assignment, call.options
        w, done = self.options.latent_window_size, count()

        def report(pipeline: object, step: int, *given: Any) -> dict[str, torch.Tensor]:
            return call.report(pipeline, next(done), *given)  # it counts from 0 again in each section

        result = self.pipeline(
            **self._pictures(a),
            **self._texts(call, a.prompt, ""),
            **(self._texts(call, a.negative, "negative_") if o.negative_guidance > 1 else {}),
            width=a.width,
            height=a.height,
            num_frames=self._sections(a) * (_FRAMES * (w - 1) + 1),
            latent_window_size=w,
            sampling_type=self.options.order,
            num_inference_steps=o.steps,
            guidance_scale=o.guidance,
            true_cfg_scale=o.negative_guidance,
            generator=call.generator,
            output_type="np",
            callback_on_step_end=report,
        )
        frames: NDArray[np.floating] = result.frames[0]
        return frames

    def _sections(self, a: Assignment) -> int:
        return (a.frames - 1) // (_FRAMES * self.options.latent_window_size)

    def _pictures(self, a: Assignment) -> dict[str, object]:
        from PIL import Image

        first = a.start if a.tail is None else a.tail[-1]
        last = a.end if a.head is None else a.head[0]
        given = {"image": first, "last_image": last}
        return {name: Image.fromarray(picture) for name, picture in given.items() if picture is not None}

    def _texts(self, call: Call[FramepackOptions], text: str, which: str) -> Mapping[str, object]:
        names = ("prompt_embeds", "pooled_prompt_embeds", "prompt_attention_mask")
        return {which + name: value for name, value in zip(names, call.read(text), strict=True)}


def _headless(encoder: Any) -> Any:
    """Without the head that pools what it sees: nothing here asks for that, and it cannot be fetched layer by layer."""
    for part in encoder.modules():
        if getattr(part, "use_head", False):
            part.use_head = False
            del part.head
    return encoder


SPEC: Final = spec_of_model(
    name="framepack",
    summary="FramePack: sets a picture in motion for up to a minute, towards a last picture if there is one",
    options=FramepackOptions,
    capabilities=capabilities,
    engine=Framepack,
)
