"""The engine `ltx2`: LTX-2 and LTX-2.3, which make sound with their pictures, by diffusers' LTX2ConditionPipeline.

What is given conditions a shot in one pass, at every step:

    tail    |KKKKK....................|   a video at frame 0: its latents are held, and decoded as the first K frames
    head    |....................HHHHH|   its latents, as they are in the middle of a film, are held as the last ones
    start   |S........................|   a picture at frame 0, held
    end     |........................E|   a picture at frame N - 1, attended to

The pipeline has a way of its own to condition an end, which counts in latents: it places a picture r - 1 frames before
the last one, and of a video that shall end with the shot it silently keeps one frame. So both are placed here.

Sound is made with every shot, from its first frame on; nothing of the shot before is known to it.

torch and diffusers are imported when the engine is opened. May import what stands above `engines` in the layout, and
what engines share.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from storyboard.engines.base import Assignment, Capabilities
from storyboard.engines.loading import Loader
from storyboard.engines.ltx2_layout import VOCODERS, can_shoot
from storyboard.engines.ltx2_options import Ltx2Options
from storyboard.engines.replacement import encode_head
from storyboard.engines.resident import Call, Resident, spec_of_model
from storyboard.engines.texts import Embeddings
from storyboard.footage import Footage, from_float
from storyboard.sound import lasting, sound_from_float

if TYPE_CHECKING:
    import torch

_PERTURBED: Final = {False: 29, True: 28}
"""Which block is perturbed for spatio-temporal guidance in LTX-2, and in LTX-2.3."""


def capabilities(options: Ltx2Options) -> Capabilities:
    """Of a folder by its configuration files; a hub model is taken to be as LTX-2 is."""
    size = 4 if options.dtype == "float32" else 2
    return can_shoot(options.described, options.rate, guided=options.guided, size=size)


class Ltx2(Resident[Ltx2Options, Any]):
    """A loaded model."""

    def load(self) -> Any:
        import diffusers
        from diffusers.pipelines import ltx2
        from transformers import Gemma3ForConditionalGeneration, GemmaTokenizer

        loader = Loader(self.name, self.options.weights, self.options.used_parts, self.options)
        text_encoder = loader.model(Gemma3ForConditionalGeneration, "text_encoder")
        tokenizer = loader.tokenizer(GemmaTokenizer, text_encoder.get_input_embeddings().num_embeddings)
        tokenizer.padding_side = "left"  # the pipeline pads so in any case, and asks here where words are
        self.most_tokens = self.options.max_sequence_length
        config = loader.read(ltx2.LTX2Vocoder.load_config, "vocoder")
        vocoder = next((kind for kind in VOCODERS if kind == config.get("_class_name")), VOCODERS[0])
        # What the model makes of evenly spread timesteps depends on their number; a schedule is meant as it stands.
        self.own_scheduler = loader.scheduler("FlowMatchEulerDiscrete")
        self.plain_scheduler = loader.scheduler(
            "FlowMatchEulerDiscrete", use_dynamic_shifting=False, shift=1.0, shift_terminal=None
        )
        return diffusers.LTX2ConditionPipeline(
            scheduler=self.own_scheduler,
            vae=loader.model(diffusers.AutoencoderKLLTX2Video, "vae"),
            audio_vae=loader.model(diffusers.AutoencoderKLLTX2Audio, "audio_vae"),
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            connectors=loader.model(ltx2.LTX2TextConnectors, "connectors"),
            transformer=loader.denoiser(diffusers.LTX2VideoTransformer3DModel),
            vocoder=loader.model(getattr(ltx2, vocoder), "vocoder"),
        )

    def count_tokens(self, text: str) -> int:
        return len(self.pipeline.tokenizer(text.strip(), verbose=False).input_ids)

    def encode(self, text: str) -> Embeddings:
        """All hidden states of the words [1, words, channels * layers]: padding, which is most of it, is not kept."""
        embeddings, mask, *_ = self.pipeline.encode_prompt(
            text,
            do_classifier_free_guidance=False,
            max_sequence_length=self.options.max_sequence_length,
            device=self.device,
        )
        return (embeddings[:, -int(mask.sum()) :].clone(),)

    def steps(self, options: Ltx2Options) -> int:
        return options.count

    def film(self, call: Call[Ltx2Options]) -> Footage:
        a, o, pipeline = call.assignment, call.options, self.pipeline
        given = dict(zip(("prompt_embeds", "prompt_attention_mask"), self._read_padded(call, a.prompt), strict=True))
        if o.guided:
            names = ("negative_prompt_embeds", "negative_prompt_attention_mask")
            given |= zip(names, self._read_padded(call, a.negative), strict=True)
        pipeline.scheduler = self.plain_scheduler if o.schedule else self.own_scheduler
        with _ending(pipeline, a, self.device):
            result = pipeline(
                **given,
                **_guidance(o, pipeline.transformer.config),
                conditions=_conditions(a, o.compression),
                width=a.width,
                height=a.height,
                num_frames=a.frames,
                frame_rate=float(a.rate.fraction),
                num_inference_steps=o.count,
                sigmas=[step / 1000 for step in o.schedule] if o.schedule else None,
                generator=call.generator,
                output_type="np",
                callback_on_step_end=call.report,
            )
        rate = int(pipeline.vocoder.config.output_sampling_rate)
        heard = result.audio[0].float().cpu().numpy().T
        return Footage(
            from_float(result.frames[0]), a.rate, sound_from_float(heard, rate, lasting(a.frames, a.rate, rate))
        )

    def _read_padded(self, call: Call[Ltx2Options], text: str) -> tuple[torch.Tensor, torch.Tensor]:
        """A text's hidden states [1, most, channels * layers] with padding in front, and the mask [1, most]."""
        import torch

        (words,) = call.read(text)
        assert words is not None
        missing = self.options.max_sequence_length - words.shape[1]
        mask = torch.ones(words.shape[:2], dtype=torch.int64, device=words.device)
        return (
            torch.nn.functional.pad(words, (0, 0, missing, 0)),
            torch.nn.functional.pad(mask, (missing, 0)),
        )


def _guidance(o: Ltx2Options, transformer: Any) -> dict[str, object]:
    """How strongly it is guided, all written out: what is not said of the sound would be as of the pictures, or not."""
    crossed = bool(transformer.cross_attn_mod)  # in LTX-2.3 sound and pictures are told how noisy the other is
    return {
        "guidance_scale": o.guidance,
        "audio_guidance_scale": o.audio_guidance,
        "modality_scale": o.modality,
        "audio_modality_scale": o.modality,
        "stg_scale": o.stg,
        "audio_stg_scale": o.stg,
        "spatio_temporal_guidance_blocks": [min(_PERTURBED[crossed], transformer.num_layers - 1)],
        "guidance_rescale": o.guidance_rescale,
        "audio_guidance_rescale": o.guidance_rescale,
        "use_cross_timestep": crossed,
    }


def _conditions(a: Assignment, compression: int) -> list[Any] | None:
    """What is given, each at its latent; the pipeline places those at latent 0 right, `_ending` the others."""
    from diffusers.pipelines.ltx2.pipeline_ltx2_condition import LTX2VideoCondition

    given = ((a.start, 0), (a.tail, 0), (a.end, -1))
    return [
        LTX2VideoCondition(frames=frames.reshape(-1, *frames.shape[-3:]), index=index, crf=compression)
        for frames, index in given
        if frames is not None
    ] or None


@contextmanager
def _ending(pipeline: Any, a: Assignment, device: str) -> Iterator[None]:
    """While inside, a head is held as the last latents, and a picture at the end stands at the last frame."""
    hold, place = pipeline.apply_first_frame_conditioning, pipeline._prepare_keyframe_coords
    head = None if a.head is None else _packed(pipeline, encode_head(pipeline.vae, a.head, device))

    def held(*given: Any, **named: Any) -> tuple[torch.Tensor, ...]:
        latents, mask, clean = hold(*given, **named)
        if head is not None:
            count = head.shape[1]
            latents[:, -count:] = clean[:, -count:] = head.to(latents)
            mask[:, -count:] = 1
        return latents, mask, clean

    def placed(**named: Any) -> torch.Tensor:
        where: torch.Tensor = place(**named | {"pixel_frame_idx": a.frames - 1})
        return where

    pipeline.apply_first_frame_conditioning, pipeline._prepare_keyframe_coords = held, placed
    try:
        yield
    finally:
        del pipeline.apply_first_frame_conditioning, pipeline._prepare_keyframe_coords


def _packed(pipeline: Any, latents: torch.Tensor) -> torch.Tensor:
    """[1, c, n, h, w] -> [1, n * h * w, c], as the loop has them."""
    packed: torch.Tensor = pipeline._pack_latents(latents)
    return packed


SPEC: Final = spec_of_model(
    name="ltx2",
    summary="LTX-2: pictures with their sound; continues, leads into, begins and ends with pictures",
    options=Ltx2Options,
    capabilities=capabilities,
    engine=Ltx2,
)
