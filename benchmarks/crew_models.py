"""A model of the LTX architecture with random weights, of the size of LTX-Video 2B or tiny, to measure time on.

Its pictures mean nothing. The text encoder is as wide as the real one and only two layers deep: what a film's texts
take to read is not what is measured.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,' "
TRANSFORMER = {"in_channels": 128, "out_channels": 128}
"""The rest of its defaults are those of LTX-Video 2B: 28 layers of 32 heads of 64."""
VAE: dict[str, Any] = {
    "latent_channels": 128,
    "block_out_channels": (128, 256, 512, 1024, 2048),
    "down_block_types": ("LTXVideo095DownBlock3D",) * 4,
    "layers_per_block": (4, 6, 6, 2, 2),
    "spatio_temporal_scaling": (True, True, True, True),
    "downsample_type": ("spatial", "temporal", "spatiotemporal", "spatiotemporal"),
    "decoder_block_out_channels": (256, 512, 1024),
    "decoder_layers_per_block": (5, 5, 5, 5),
    "decoder_spatio_temporal_scaling": (True, True, True),
    "decoder_inject_noise": (False, False, False, False),
    "upsample_residual": (True, True, True),
    "upsample_factor": (2, 2, 2),
    "timestep_conditioning": True,
    "spatial_compression_ratio": 32,
    "temporal_compression_ratio": 8,
}
"""As LTX-Video 0.9.5 has it."""
TINY_TRANSFORMER = {
    "in_channels": 8,
    "out_channels": 8,
    "num_attention_heads": 4,
    "attention_head_dim": 8,
    "cross_attention_dim": 32,
    "num_layers": 1,
    "caption_channels": 32,
}
TINY_VAE: dict[str, Any] = {
    "latent_channels": 8,
    "block_out_channels": (8,) * 4,
    "decoder_block_out_channels": (8,) * 4,
    "layers_per_block": (1,) * 5,
    "decoder_layers_per_block": (1,) * 5,
    "spatio_temporal_scaling": (True, True, False, False),
    "decoder_spatio_temporal_scaling": (True, True, False, False),
    "decoder_inject_noise": (False,) * 5,
}


def random_ltx(folder: Path, *, tiny: bool = False) -> Path:
    """Build it in the diffusers layout, on a GPU where there is one, and save it in bfloat16."""
    import torch
    from diffusers import (
        AutoencoderKLLTXVideo,
        FlowMatchEulerDiscreteScheduler,
        LTXConditionPipeline,
        LTXVideoTransformer3DModel,
    )
    from transformers import T5Config, T5EncoderModel

    wide = 32 if tiny else 4096
    text = T5Config(
        vocab_size=len(LETTERS) + 3,
        d_model=wide,
        d_kv=8 if tiny else 64,
        d_ff=2 * wide,
        num_layers=2,
        num_heads=4 if tiny else 64,
        feed_forward_proj="gated-gelu",
        is_encoder_decoder=False,
    )
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        transformer = LTXVideoTransformer3DModel(**(TINY_TRANSFORMER if tiny else TRANSFORMER))
        encoder, vae = T5EncoderModel(text), AutoencoderKLLTXVideo(**(TINY_VAE if tiny else VAE))
    _spread(vae.eval())
    pipeline = LTXConditionPipeline(FlowMatchEulerDiscreteScheduler(), vae, encoder, _tokenizer(), transformer)
    pipeline.to(torch.bfloat16).to("cpu").save_pretrained(folder)
    return folder


def _spread(vae: Any) -> None:
    """Have what it decodes fill the range: grey frames would be stored in no time."""
    import torch

    with torch.no_grad():
        latents = torch.randn(1, vae.config.latent_channels, 2, 2, 2, device=vae.device)
        time = torch.full((1,), 0.05, device=vae.device) if vae.config.timestep_conditioning else None
        vae.decoder.conv_out.conv.weight /= vae.decode(latents, time, return_dict=False)[0].std() * 2


def _tokenizer() -> Any:
    """One letter, one token."""
    from transformers import T5Tokenizer

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -10.0), *((letter, -3.0) for letter in LETTERS)]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=256)
