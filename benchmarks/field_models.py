"""The engines of the field at their published architecture sizes: what their makers' configuration files say.

Only numbers of layers and widths are here; no weights are. `tiny` is the same with hardly anything in it, for machines
without a GPU. Imports nothing of storyboard, and nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a model that has weights."""

    kind: str
    """Library and class: `diffusers.AutoencoderKL`."""
    config: Config = field(default_factory=dict)
    """As published, where it is not the default of the class."""
    tiny: Config = field(default_factory=dict)
    """What takes its place in the tiny one."""
    dtype: str = "BF16"
    """How its weights are stored, as safetensors names it."""


@dataclass(frozen=True, slots=True)
class Model:
    """What is measured of one engine."""

    engine: str
    what: str
    parts: Mapping[str, Part]
    pipeline: str
    scheduler: Config
    tokenizer: str
    """Which of `benchmarks.field_weights.TOKENIZERS` it has."""
    size: tuple[int, int]
    published: int
    """Frames of one generation that the model was published with."""
    frames: int
    """Those that are shot here where time is short."""
    steps: int
    """That were published."""
    options: Mapping[str, object] = field(default_factory=dict)
    billions: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Between which counts of parameters its parts are known to be, in billions."""


_TINY_TEXT: Final = {"vocab_size": 64, "d_model": 32, "d_kv": 8, "d_ff": 37, "num_layers": 2, "num_heads": 4}
_XXL: Final = {"d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64}
_GATED: Final = {"feed_forward_proj": "gated-gelu", "is_encoder_decoder": False}
_T5: Final = Part("transformers.T5EncoderModel", {**_XXL, **_GATED, "vocab_size": 32128}, _TINY_TEXT)
_UMT5: Final = Part("transformers.UMT5EncoderModel", {**_XXL, **_GATED, "vocab_size": 256384}, _TINY_TEXT)
_T5_BILLIONS: Final = (4.7, 4.8)

LTX: Final = Model(
    "ltx",
    "LTX-Video 2B (0.9.5)",
    {
        "transformer": Part(
            "diffusers.LTXVideoTransformer3DModel",
            tiny={
                "in_channels": 8,
                "out_channels": 8,
                "num_attention_heads": 4,
                "attention_head_dim": 8,
                "cross_attention_dim": 32,
                "num_layers": 1,
                "caption_channels": 32,
            },
        ),
        "vae": Part(
            "diffusers.AutoencoderKLLTXVideo",
            {
                "block_out_channels": (128, 256, 512, 1024, 2048),
                "down_block_types": ("LTXVideo095DownBlock3D",) * 4,
                "decoder_block_out_channels": (256, 512, 1024),
                "layers_per_block": (4, 6, 6, 2, 2),
                "decoder_layers_per_block": (5, 5, 5, 5),
                "spatio_temporal_scaling": (True,) * 4,
                "decoder_spatio_temporal_scaling": (True,) * 3,
                "decoder_inject_noise": (False,) * 4,
                "downsample_type": ("spatial", "temporal", "spatiotemporal", "spatiotemporal"),
                "upsample_residual": (True,) * 3,
                "upsample_factor": (2,) * 3,
                "timestep_conditioning": True,
                "spatial_compression_ratio": 32,
                "temporal_compression_ratio": 8,
            },
            {
                "latent_channels": 8,
                "block_out_channels": (4, 8, 16, 32, 64),
                "decoder_block_out_channels": (8, 16, 32),
                "layers_per_block": (1,) * 5,
                "decoder_layers_per_block": (1,) * 4,
            },
        ),
        "text_encoder": _T5,
    },
    pipeline="LTXConditionPipeline",
    scheduler={"_class_name": "FlowMatchEulerDiscreteScheduler"},
    tokenizer="t5",
    size=(704, 512),
    published=161,
    frames=161,
    steps=40,
    options={"distilled": False},
    billions={"transformer": (1.8, 2.0), "vae": (1.2, 1.3), "text_encoder": _T5_BILLIONS},
)
WAN: Final = Model(
    "wan",
    "Wan 2.1 VACE 1.3B",
    {
        "transformer": Part(
            "diffusers.WanVACETransformer3DModel",
            {
                "num_attention_heads": 12,
                "ffn_dim": 8960,
                "num_layers": 30,
                "vace_layers": list(range(0, 30, 2)),
            },
            {
                "num_attention_heads": 2,
                "attention_head_dim": 12,
                "text_dim": 32,
                "freq_dim": 32,
                "ffn_dim": 32,
                "num_layers": 2,
                "vace_layers": [0, 1],
                "rope_max_seq_len": 32,
            },
        ),
        "vae": Part(
            "diffusers.AutoencoderKLWan", tiny={"base_dim": 4, "dim_mult": [1] * 4, "num_res_blocks": 1}, dtype="F32"
        ),
        "text_encoder": _UMT5,
    },
    pipeline="WanVACEPipeline",
    scheduler={
        "_class_name": "UniPCMultistepScheduler",
        "prediction_type": "flow_prediction",
        "use_flow_sigmas": True,
        "flow_shift": 3.0,
    },
    tokenizer="t5",
    size=(832, 480),
    published=81,
    frames=33,
    steps=50,
    billions={"transformer": (2.0, 2.3), "vae": (0.12, 0.13), "text_encoder": (5.6, 5.8)},
)
EASYANIMATE: Final = Model(
    "easyanimate",
    "EasyAnimate V5.1 InP 12B",
    {
        "transformer": Part(
            "diffusers.EasyAnimateTransformer3DModel",
            {"in_channels": 33, "out_channels": 16, "patch_size": 2},
            {
                "num_attention_heads": 2,
                "attention_head_dim": 16,
                "in_channels": 9,
                "out_channels": 4,
                "num_layers": 2,
                "mmdit_layers": 2,
                "time_embed_dim": 8,
                "text_embed_dim": 16,
            },
        ),
        "vae": Part(
            "diffusers.AutoencoderKLMagvit",
            tiny={
                "latent_channels": 4,
                "block_out_channels": (8,) * 4,
                "layers_per_block": 1,
                "norm_num_groups": 2,
                "spatial_group_norm": False,
            },
        ),
        "text_encoder": Part(
            "transformers.Qwen2VLForConditionalGeneration",
            {
                "text_config": {
                    "vocab_size": 152064,
                    "hidden_size": 3584,
                    "intermediate_size": 18944,
                    "num_hidden_layers": 28,
                    "num_attention_heads": 28,
                    "num_key_value_heads": 4,
                    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
                },
                "vision_config": {
                    "depth": 32, "embed_dim": 1280, "hidden_size": 3584, "num_heads": 16, "patch_size": 14,
                },
                "tie_word_embeddings": False,
            },
            {
                "text_config": {
                    "vocab_size": 64,
                    "bos_token_id": 0,
                    "eos_token_id": 2,
                    "hidden_size": 16,
                    "intermediate_size": 16,
                    "num_hidden_layers": 2,
                    "num_attention_heads": 2,
                    "num_key_value_heads": 2,
                    "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]},
                },
                "vision_config": {
                    "depth": 1, "embed_dim": 16, "hidden_size": 16, "num_heads": 2, "mlp_ratio": 1, "patch_size": 14,
                },
            },
        ),
    },
    pipeline="EasyAnimateInpaintPipeline",
    scheduler={"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0},
    tokenizer="qwen2",
    size=(672, 384),
    published=49,
    frames=33,
    steps=50,
    billions={"transformer": (11.0, 13.0), "vae": (0.15, 0.35), "text_encoder": (8.2, 8.4)},
)  # fmt: skip
MODELSCOPE: Final = Model(
    "modelscope",
    "ModelScope text-to-video 1.7B",
    {
        "unet": Part(
            "diffusers.UNet3DConditionModel",
            {"sample_size": 32},
            {
                "sample_size": 8,
                "block_out_channels": (8, 8),
                "layers_per_block": 1,
                "cross_attention_dim": 32,
                "attention_head_dim": 4,
                "norm_num_groups": 2,
                "down_block_types": ("CrossAttnDownBlock3D", "DownBlock3D"),
                "up_block_types": ("UpBlock3D", "CrossAttnUpBlock3D"),
            },
            dtype="F16",
        ),
        "vae": Part(
            "diffusers.AutoencoderKL",
            {
                "block_out_channels": (128, 256, 512, 512),
                "down_block_types": ("DownEncoderBlock2D",) * 4,
                "up_block_types": ("UpDecoderBlock2D",) * 4,
                "layers_per_block": 2,
                "sample_size": 512,
            },
            {"block_out_channels": (8,) * 4, "layers_per_block": 1, "norm_num_groups": 2},
            dtype="F16",
        ),
        "text_encoder": Part(
            "transformers.CLIPTextModel",
            {
                "vocab_size": 49408,
                "hidden_size": 1024,
                "intermediate_size": 4096,
                "num_hidden_layers": 23,
                "num_attention_heads": 16,
                "hidden_act": "gelu",
                "projection_dim": 512,
            },
            {
                "vocab_size": 96,
                "bos_token_id": 94,
                "eos_token_id": 95,
                "hidden_size": 32,
                "intermediate_size": 37,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
            },
            dtype="F16",
        ),
    },
    pipeline="TextToVideoSDPipeline",
    scheduler={
        "_class_name": "DDIMScheduler",
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "clip_sample": False,
        "set_alpha_to_one": False,
        "steps_offset": 1,
    },
    tokenizer="clip",
    size=(256, 256),
    published=16,
    frames=16,
    steps=25,
    billions={"unet": (1.38, 1.44), "vae": (0.08, 0.09), "text_encoder": (0.33, 0.35)},
)
COGVIDEOX: Final = Model(
    "cogvideox",
    "CogVideoX 2B",
    {
        "transformer": Part(
            "diffusers.CogVideoXTransformer3DModel",
            tiny={
                "num_attention_heads": 2,
                "attention_head_dim": 16,
                "in_channels": 4,
                "out_channels": 4,
                "time_embed_dim": 16,
                "text_embed_dim": 32,
                "num_layers": 1,
                "sample_width": 8,
                "sample_height": 8,
            },
        ),
        "vae": Part(
            "diffusers.AutoencoderKLCogVideoX",
            tiny={
                "block_out_channels": (8,) * 4,
                "latent_channels": 4,
                "layers_per_block": 1,
                "norm_num_groups": 2,
                "sample_height": 64,
                "sample_width": 64,
            },
        ),
        "text_encoder": _T5,
    },
    pipeline="CogVideoXPipeline",
    scheduler={
        "_class_name": "CogVideoXDDIMScheduler",
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "clip_sample": False,
        "prediction_type": "v_prediction",
        "rescale_betas_zero_snr": True,
        "snr_shift_scale": 3.0,
        "set_alpha_to_one": True,
        "timestep_spacing": "linspace",
    },
    tokenizer="t5",
    size=(720, 480),
    published=49,
    frames=33,
    steps=50,
    billions={"transformer": (1.6, 1.8), "vae": (0.2, 0.23), "text_encoder": _T5_BILLIONS},
)
MODELS: Final = {model.engine: model for model in (LTX, WAN, EASYANIMATE, MODELSCOPE, COGVIDEOX)}


@dataclass(frozen=True, slots=True)
class Chain:
    """A model as whole films are shot with it: short shots in few steps."""

    model: Model
    options: dict[str, object]
    frames: int
    """Of a generation that continues another, its tail included."""


CHAINS: Final = (Chain(LTX, {"distilled": True}, 97), Chain(WAN, {"steps": 4}, 25))


def config_of(part: Part, size: str) -> dict[str, Any]:
    """What the part is made of, at the size `published` or `tiny`."""
    return {**part.config, **(part.tiny if size == "tiny" else {})}
