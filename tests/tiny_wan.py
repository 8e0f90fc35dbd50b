"""Tiny checkpoints of the Wan family with random weights, in the diffusers layout, built and saved here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.tiny import LETTERS, TEXT, _tokenizer

LATENTS = 16
_EYES = 16


def tiny_wan(folder: Path, variant: str = "vace", *, eyes: bool = False, both: bool = False, two: bool = False) -> Path:
    """A model of one `variant`, as `storyboard.engines.wan_layout` names them: 4 frames and 8 pixels a latent.

    `eyes`: with an image encoder, as Wan 2.1 has one; `both`: made for a picture at both ends; `two`: two denoisers.
    """
    import diffusers
    import torch
    from transformers import UMT5Config, UMT5EncoderModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = UMT5Config(
            vocab_size=len(LETTERS) + 4,
            d_model=TEXT,
            d_kv=8,
            d_ff=37,
            num_layers=1,
            num_heads=4,
            is_encoder_decoder=False,
        )
        parts: dict[str, Any] = {
            "text_encoder": UMT5EncoderModel(config).eval(),
            "tokenizer": _tokenizer(),
            "vae": _vae(),
            "scheduler": diffusers.UniPCMultistepScheduler(
                prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
            ),
            "transformer": _denoiser(variant, eyes=eyes, both=both),
            "transformer_2": _denoiser(variant, eyes=eyes, both=both) if two else None,
            "boundary_ratio": 0.9 if two else None,
        }
        if eyes:
            parts |= _image_encoder()
    if variant == "vace":
        pipeline = diffusers.WanVACEPipeline(**parts)
    elif variant == "i2v":
        pipeline = diffusers.WanImageToVideoPipeline(**parts)
    else:
        pipeline = diffusers.WanPipeline(**parts, expand_timesteps=variant == "ti2v")
    pipeline.save_pretrained(folder)
    return folder


def _denoiser(variant: str, *, eyes: bool, both: bool) -> Any:
    """One that looks at all frames: new attention looks at hardly any."""
    import diffusers
    import torch

    config: dict[str, Any] = {
        "num_attention_heads": 2,
        "attention_head_dim": 12,
        "in_channels": LATENTS,
        "out_channels": LATENTS,
        "text_dim": TEXT,
        "freq_dim": 32,
        "ffn_dim": 32,
        "num_layers": 2,
        "rope_max_seq_len": 32,
    }
    if variant == "i2v":
        config["in_channels"] = 2 * LATENTS + 4
    if eyes:
        patches = (8 // 4) ** 2 + 1
        config |= {"image_dim": _EYES, "added_kv_proj_dim": 24, "pos_embed_seq_len": 2 * patches if both else None}
    if variant == "vace":
        denoiser = diffusers.WanVACETransformer3DModel(**config, vace_layers=[0, 1], vace_in_channels=96)
    else:
        denoiser = diffusers.WanTransformer3DModel(**config)
    with torch.no_grad():
        for name, parameter in denoiser.named_parameters():
            if name.endswith(("attn1.to_v.weight", "attn1.to_out.0.weight", "patch_embedding.weight")):
                parameter *= 4
    return denoiser.eval()


def _image_encoder() -> dict[str, Any]:
    from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModel

    config = CLIPVisionConfig(
        hidden_size=_EYES,
        intermediate_size=16,
        projection_dim=_EYES,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=8,
        patch_size=4,
    )
    return {
        "image_encoder": CLIPVisionModel(config).eval(),
        "image_processor": CLIPImageProcessorPil(size={"shortest_edge": 8}, crop_size=8),
    }


def _vae() -> Any:
    """An autoencoder whose pictures and latents have contrast: a new one sees and shows nearly the same grey."""
    import torch
    from diffusers import AutoencoderKLWan

    vae = AutoencoderKLWan(base_dim=4, z_dim=LATENTS, dim_mult=[1, 1, 1, 1], num_res_blocks=1).eval()
    with torch.no_grad():
        spread = vae.decode(torch.randn(1, LATENTS, 2, 4, 4), return_dict=False)[0].std()
        vae.decoder.conv_out.weight /= spread * 2
        seen = vae.encode(torch.rand(8, 3, 1, 32, 32) * 2 - 1).latent_dist.mode()
        vae.quant_conv.weight *= 2 / (seen - seen.mean(0)).std()
    return vae
