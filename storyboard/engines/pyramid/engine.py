"""The engine `pyramid`: Pyramid Flow, miniFLUX and SD3 (Jin et al., Pyramidal Flow Matching for Efficient Video
Generative Modeling, 2024).

It makes 8 frames at a time, as one latent, from all latents before. So the frames of a tail are history like any other:

    tail     |KKKKKKKKK........|........|........|    8m + 1 frames, encoded as a clip of their own
    start    |S........|........|........|            the same, of one frame

No information flows backwards in time: it takes no head and no end picture. torch and diffusers are imported when the
engine is opened. May import what stands above `engines` in the layout, what engines share, and all of engines.pyramid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from storyboard.engines.base import Assignment, Capabilities, FrameRule, Progress
from storyboard.engines.memory import estimate
from storyboard.engines.pyramid.layout import LATENTS, SIZES
from storyboard.engines.pyramid.options import PyramidOptions
from storyboard.engines.pyramid.parts import FLUX_NORMALIZATION, MMDIT_NORMALIZATION, PIXELS, Normalization, Texts
from storyboard.engines.resident import Call, Resident, spec_of_model
from storyboard.engines.texts import Embeddings
from storyboard.timing import Rate

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from storyboard.engines.pyramid.loop import Recipe
    from storyboard.engines.pyramid.pipeline import PyramidPipeline

_GRID: Final = 64
"""Pixels of a side: of latents, halved twice, in patches of two."""
_FRAMES: Final = 8  # of a latent, but for the first
_BILLIONS: Final = {"text_encoder": 0.12, "text_encoder_2": 4.76, "transformer": 2.03, "vae": 0.34}
_ROUGH: Final = "this model loses much as 8-bit floats; leave `quantize` out"


def capabilities(options: PyramidOptions) -> Capabilities:
    """By what the options say: all models of the family are built alike."""
    size, rate = SIZES[options.resolution], options.rate or Rate(Fraction(24))
    most = _FRAMES * (LATENTS[options.resolution] - 1) + 1
    longest = max((min(options.window or most, most) - 1) // _FRAMES, 1) * _FRAMES + 1
    tail = FrameRule(_FRAMES, 1, 1, longest - _FRAMES)
    asked = (options.width, options.height)
    elsewhere = f"it was made for {size[0]}x{size[1]} at `resolution: {options.resolution}`, and is poor at other sizes"
    return Capabilities(
        version=1,
        frames=FrameRule(_FRAMES, 1, _FRAMES + 1, longest),
        native_rate=rate,
        default_size=size,
        default_rate=rate,
        size_multiple=_GRID,
        least_size=_GRID,
        native_sizes=(size,),
        # What a film says by the way it does not mean; what an author says of the engine he does.
        only_native_sizes=asked == (None, None),
        tail=tail,
        default_tail=tail.at_most(9) or 1,
        start_image=True,
        negative=options.guided,
        languages=("en",),
        licence="MIT for miniFLUX, as its makers announced; after that of Stable Diffusion 3 for SD3 (unverified)",
        memory=estimate(_BILLIONS, 4 if options.dtype == "float32" else 2),
        notices=((elsewhere,) if asked not in ((None, None), size) else ())
        + ((_ROUGH,) if options.quantize != "none" else ()),
    )


class Pyramid(Resident[PyramidOptions, "PyramidPipeline"]):
    """A loaded model. The first frames of what it shoots are what its autoencoder makes of those given."""

    texts_by = ("text_encoder", "text_encoder_2", "text_encoder_3")

    def load(self) -> PyramidPipeline:
        from transformers import (
            CLIPTextModel,
            CLIPTextModelWithProjection,
            CLIPTokenizer,
            T5EncoderModel,
            T5Tokenizer,
        )

        from storyboard.engines.loading import Loader
        from storyboard.engines.pyramid.loading import load_transformer, load_vae
        from storyboard.engines.pyramid.pipeline import PyramidPipeline
        from storyboard.engines.pyramid.words import TOKENS

        self.most_tokens = TOKENS
        o, layout = self.options, self.options.layout
        loader = Loader(self.name, o.weights, o.used_parts, o)
        clip = CLIPTextModel if layout.variant == "flux" else CLIPTextModelWithProjection
        kinds = [(clip, CLIPTokenizer)] * (layout.readers - 1) + [(T5EncoderModel, T5Tokenizer)]
        parts = {}
        for (encoder, tokenizer), number in zip(kinds, ("", "_2", "_3"), strict=False):
            reader = loader.model(encoder, f"text_encoder{number}")
            parts[f"text_encoder{number}"] = reader
            parts[f"tokenizer{number}"] = loader.tokenizer(tokenizer, reader.config.vocab_size, f"tokenizer{number}")
        return PyramidPipeline(vae=load_vae(loader), transformer=load_transformer(loader, layout), **parts)

    def prepare(self, texts: Sequence[str], progress: Progress) -> None:
        """As all do it. Which of them are prompts, and which are negative ones, nobody says."""
        from storyboard.engines.pyramid.words import full_prompt

        o = self.options
        whole = [full_prompt(text, o.suffix) for text in texts]
        super().prepare([*dict.fromkeys([*whole, *texts, o.usual_negative])], progress)

    def count_tokens(self, text: str) -> int:
        tokenizer, _ = self.pipeline.readers[-1]
        return len(tokenizer(text, verbose=False).input_ids)

    def encode(self, text: str) -> Embeddings:
        """States [1, 128, width], mask [1, 128], pooled [1, width]."""
        from storyboard.engines.pyramid.words import embed

        return embed(text, self.pipeline.readers, self.device)

    def steps_for(self, assignment: Assignment, options: PyramidOptions) -> int:
        given = _given(assignment)
        history = 0 if given is None else 1 + len(given) // _FRAMES
        units = 1 + assignment.frames // _FRAMES - history
        return self._recipe(options, continued=history > 0).count(units, history)

    def generate(self, call: Call[PyramidOptions]) -> NDArray[np.floating]:
        from storyboard.engines.pyramid.frames import frames_of, latents_of
        from storyboard.engines.pyramid.loop import draw_noise, generate

        a, o, pipeline = call.assignment, call.options, self.pipeline
        given = _given(a)
        history = None if given is None else latents_of(given, pipeline.vae, self._normalization, self.device)
        units = 1 + a.frames // _FRAMES - (0 if history is None else history.shape[2])
        shape = (pipeline.vae.config.decoder_in_channels, a.height // PIXELS, a.width // PIXELS)

        def report(step: int, latent: torch.Tensor) -> None:
            call.report(pipeline, step, None, {"latents": latent})

        latents = generate(
            pipeline.transformer,
            self._texts(call),
            draw_noise(call.generator, shape, units),
            self._recipe(o, continued=history is not None),
            report=report,
            history=history,
        )
        return frames_of(latents, pipeline.vae, self._normalization, self.device)

    def _recipe(self, o: PyramidOptions, *, continued: bool) -> Recipe:
        from storyboard.engines.pyramid.loop import Recipe

        guidance = o.continued_guidance if continued else o.video_guidance
        return Recipe(o.steps, o.video_steps, o.first_guidance, guidance)

    def _texts(self, call: Call[PyramidOptions]) -> Texts:
        """The prompt, and before it the negative one where anything is guided."""
        import torch

        from storyboard.engines.pyramid.words import full_prompt

        a, o = call.assignment, call.options
        rows = [call.read(a.negative or o.usual_negative)] if o.guided else []
        rows.append(call.read(full_prompt(a.prompt, o.suffix)))
        states, mask, pooled = (
            torch.cat([each for each in column if each is not None]) for column in zip(*rows, strict=True)
        )
        return Texts(states, mask, pooled)

    @property
    def _normalization(self) -> Normalization:
        return FLUX_NORMALIZATION if self.options.layout.variant == "flux" else MMDIT_NORMALIZATION


def _given(a: Assignment) -> NDArray[np.uint8] | None:
    """The frames [8m + 1, height, width, 3] that the shot begins with."""
    return a.start[None] if a.start is not None else a.tail


SPEC: Final = spec_of_model(
    name="pyramid",
    summary="Pyramid Flow, miniFLUX and SD3: 8 frames at a time from all before, so tails are its own history",
    options=PyramidOptions,
    capabilities=capabilities,
    # A scene may have a size of its own, of which the model is only told with the shot.
    engine=lambda name, options, can: Pyramid(name, options, replace(can, only_native_sizes=False)),
)
