"""The engine `cogvideox`: CogVideoX 1.0 and 1.5 (Yang et al., CogVideoX, 2024), by diffusers' pipelines.

    text to video     a tail and a head by replacement (engines.replacement), as frames of 4k+1 and of 4k
    image to video    a first picture, which is the start image or the last frame of the tail; a head by replacement

Latents have the layout [1, n, c, h, w]. In 1.5 the first of them stands for nothing that is shown: with a tail it is
the tail's first latent once more, as it was when the model was trained.

torch and diffusers are imported when the engine is opened. May import what stands above `engines` in the layout, and
what engines share.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from pydantic import Field

from storyboard.engines.base import Capabilities
from storyboard.engines.cogvideox_layout import PARTS, Kind, Layout, can_shoot, hub_layout, layout_by_name, read_layout
from storyboard.engines.loading import Loader
from storyboard.engines.options import LoraOptions, Strength
from storyboard.engines.replacement import Known, by_callback, encode_head, encode_tail, know, start
from storyboard.engines.resident import Call, Resident, spec_of_model
from storyboard.engines.texts import Embeddings
from storyboard.errors import EngineUnavailable

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

DEFAULT_MODEL: Final = "THUDM/CogVideoX-2b"


class CogvideoxOptions(LoraOptions):
    """A model of the family, for words alone or for a first picture."""

    parts = PARTS
    pinned: ClassVar[Mapping[str, str]] = {
        DEFAULT_MODEL: "1137dacfc2c9c012bed6a0793f4ecf2ca8e7ba01",
        "THUDM/CogVideoX-5b": "8d6ea3f817438460b25595a120f109b88d5fdfad",
        "THUDM/CogVideoX-5b-I2V": "a6f0f4858a8395e7429d82493864ce92bf73af11",
    }
    unkeyed: ClassVar[frozenset[str]] = LoraOptions.unkeyed | {"kind"}
    each: ClassVar[frozenset[str]] = LoraOptions.each | {"steps", "guidance"}

    model: str = Field(
        default=DEFAULT_MODEL,
        description="`org/name` of the hub, with `revision`, or a folder, absolute or from the current directory",
    )
    kind: Kind | None = Field(
        default=None, description="Which of the family a hub model is; by its name where left out. A folder's is read"
    )
    scheduler: Literal["DDIM", "DPM"] = Field(
        default="DDIM", description="How noise is taken away: DDIM is for the model of 2B, DPM for those of 5B"
    )
    steps: int = Field(default=50, ge=1, le=1000, description="Denoising steps")
    guidance: Strength = Field(default=6.0, description="Strength of the prompt; at 1 no negative prompt is read")

    @classmethod
    def check_folder(cls, folder: Path) -> None:
        read_layout(folder)

    @property
    def layout(self) -> Layout:
        """Which of the family it is, and how it is built."""
        if (folder := self.weights.folder) is not None:
            return read_layout(folder)
        return hub_layout(self.kind, small="2b" in self.model.lower()) if self.kind else layout_by_name(self.model)


def capabilities(options: CogvideoxOptions) -> Capabilities:
    """Of a folder by its configuration files, of a hub model by its name or by what the author says."""
    size = 4 if options.dtype == "float32" else 2
    return can_shoot(options.layout, options.rate, guided=options.guidance > 1, size=size)


class Cogvideox(Resident[CogvideoxOptions, Any]):
    """A loaded model. Given frames come back as the autoencoder shows them, a first picture near to what it was."""

    def load(self) -> Any:
        from diffusers import (
            AutoencoderKLCogVideoX,
            CogVideoXImageToVideoPipeline,
            CogVideoXPipeline,
            CogVideoXTransformer3DModel,
        )
        from transformers import T5EncoderModel, T5Tokenizer

        o = self.options
        loader = Loader(self.name, o.weights, o.used_parts, o)
        transformer = loader.denoiser(CogVideoXTransformer3DModel)
        self.layout = o.layout
        self._expect(transformer.config)
        self.most_tokens = transformer.config.max_text_seq_length
        text_encoder = loader.model(T5EncoderModel, "text_encoder")
        pipeline = CogVideoXImageToVideoPipeline if self.layout.pictured else CogVideoXPipeline
        return pipeline(
            tokenizer=loader.tokenizer(T5Tokenizer, text_encoder.config.vocab_size),
            text_encoder=text_encoder,
            vae=loader.model(AutoencoderKLCogVideoX, "vae"),
            transformer=transformer,
            # Its makers sample from the last timestep on, which is all noise; not all of their files say so.
            scheduler=loader.scheduler(f"CogVideoX{o.scheduler}", timestep_spacing="trailing"),
        )

    def _expect(self, config: Any) -> None:
        """That a hub model is what it is taken for: what `check` said of it would else be wrong."""
        taken, layout = (config.in_channels != config.out_channels, config.patch_size_t is not None), self.layout
        learned = bool(config.use_learned_positional_embeddings)
        if taken != (layout.pictured, layout.paired) or learned != layout.learned:
            message = f"`{self.name}`: `{self.options.model}` is not of the kind {layout.kind}"
            raise EngineUnavailable(message, "say in `kind` which of the family it is")

    def count_tokens(self, text: str) -> int:
        return len(self.pipeline.tokenizer(text, verbose=False).input_ids)

    def encode(self, text: str) -> Embeddings:
        """Embeddings [1, tokens, channels]."""
        embeddings, _ = self.pipeline.encode_prompt(
            text, do_classifier_free_guidance=False, max_sequence_length=self.most_tokens, device=self.device
        )
        return (embeddings,)

    def steps(self, options: CogvideoxOptions) -> int:
        return options.steps

    def generate(self, call: Call[CogvideoxOptions]) -> NDArray[np.floating]:
        a, o = call.assignment, call.options
        (prompt,) = call.read(a.prompt)
        (negative,) = call.read(a.negative) if o.guidance > 1 else (None,)
        noise = self._noise(call)
        known = self._known(call, noise)
        begun = noise if known is None else start(self.pipeline.scheduler, known, o.steps)
        result = self.pipeline(
            **self._picture(call),
            prompt_embeds=prompt,
            negative_prompt_embeds=negative,
            latents=begun.to(prompt),
            width=a.width,
            height=a.height,
            num_frames=a.frames,
            num_inference_steps=o.steps,
            guidance_scale=o.guidance,
            generator=call.generator,
            output_type="np",
            max_sequence_length=self.most_tokens,
            callback_on_step_end=by_callback(known, call.report),
        )
        frames: NDArray[np.floating] = result.frames[0]
        return frames

    def _picture(self, call: Call[CogvideoxOptions]) -> dict[str, object]:
        if not self.layout.pictured:
            return {}
        from PIL import Image

        a = call.assignment
        picture = a.start if a.tail is None else a.tail[-1]
        assert picture is not None, "it has been checked"
        return {"image": Image.fromarray(picture)}

    def _noise(self, call: Call[CogvideoxOptions]) -> torch.Tensor:
        """Noise [1, n, c, h, w] in float32, of an even count of latents where two are one token."""
        import torch

        a, layout = call.assignment, self.layout
        count = (a.frames - 1) // layout.frames + 1 + self._before(a.frames)
        channels = self.pipeline.transformer.config.out_channels
        shape = (1, count, channels, a.height // layout.pixels, a.width // layout.pixels)
        return torch.randn(shape, generator=call.generator).to(self.device)

    def _before(self, frames: int) -> int:
        """How many latents stand before those that are shown."""
        return ((frames - 1) // self.layout.frames + 1) % 2 if self.layout.paired else 0

    def _known(self, call: Call[CogvideoxOptions], noise: torch.Tensor) -> Known | None:
        import torch

        a, vae, tail = call.assignment, self.pipeline.vae, None
        if a.tail is not None and not self.layout.pictured:
            tail = encode_tail(vae, a.tail, self.device).transpose(1, 2)
            tail = torch.cat([tail[:, : self._before(a.frames)], tail], dim=1)
        head = None if a.head is None else encode_head(vae, a.head, self.device).transpose(1, 2)
        return know(noise, 1, tail=tail, head=head)


SPEC: Final = spec_of_model(
    name="cogvideox",
    summary="CogVideoX: tails and heads by replacement, or a first picture set in motion",
    options=CogvideoxOptions,
    capabilities=capabilities,
    engine=Cogvideox,
)
