"""Tiny checkpoints of the CogVideoX family with random weights: 4 frames and 8 pixels a latent, one of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.tiny import LETTERS, TEXT, _tokenizer

LATENTS = 4
SIDE = 32
LENGTH = 17
TOKENS = 48


def tiny_cogvideox(folder: Path, kind: str = "1.0", **more: object) -> Path:
    """A model of the kind `1.0`, `1.0-I2V`, `1.5` or `1.5-I2V`; `more` changes the transformer's configuration."""
    import torch
    from diffusers import CogVideoXDDIMScheduler, CogVideoXImageToVideoPipeline, CogVideoXPipeline
    from diffusers import CogVideoXTransformer3DModel as Transformer
    from transformers import T5Config, T5EncoderModel

    newer, pictured = kind.startswith("1.5"), kind.endswith("I2V")
    config: dict[str, Any] = {
        "num_attention_heads": 2,
        "attention_head_dim": 16,
        "in_channels": LATENTS * (2 if pictured else 1),
        "out_channels": LATENTS,
        "time_embed_dim": 16,
        "text_embed_dim": TEXT,
        "num_layers": 1,
        "sample_width": SIDE // 8,
        "sample_height": SIDE // 8,
        "sample_frames": LENGTH,
        "max_text_seq_length": TOKENS,
    }
    if newer:
        config |= {"patch_size_t": 2, "patch_bias": False, "use_rotary_positional_embeddings": True}
        config |= {"ofs_embed_dim": 16} if pictured else {}
    elif pictured:
        config |= {"use_rotary_positional_embeddings": True, "use_learned_positional_embeddings": True}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformer = Transformer(**{**config, **more})
        text = T5Config(
            vocab_size=len(LETTERS) + 4,
            d_model=TEXT,
            d_kv=8,
            d_ff=37,
            num_layers=1,
            num_heads=4,
            feed_forward_proj="gated-gelu",
            is_encoder_decoder=False,
        )
        text_encoder = T5EncoderModel(text).eval()
        vae = _vae(newer)
        with torch.no_grad():
            text_encoder.shared.weight *= 4
            if config.get("use_learned_positional_embeddings"):
                transformer.patch_embed.pos_embedding.normal_()
    scheduler = CogVideoXDDIMScheduler(
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        beta_end=0.012,
        snr_shift_scale=1.0,
        clip_sample=False,
        timestep_spacing="linspace",
    )
    pipeline = CogVideoXImageToVideoPipeline if pictured else CogVideoXPipeline
    pipeline(_tokenizer(), text_encoder, vae, transformer, scheduler).save_pretrained(folder)
    return folder


def _vae(newer: bool):  # type: ignore[no-untyped-def]
    """An autoencoder whose pictures have contrast."""
    import torch
    from diffusers import AutoencoderKLCogVideoX

    vae = AutoencoderKLCogVideoX(
        block_out_channels=(8,) * 4,
        latent_channels=LATENTS,
        layers_per_block=1,
        norm_num_groups=2,
        sample_height=SIDE,
        sample_width=SIDE,
        scaling_factor=0.7,
        invert_scale_latents=newer,
    ).eval()
    with torch.no_grad():
        spread = vae.decode(torch.randn(1, LATENTS, 3, 4, 4), return_dict=False)[0].std()
        vae.decoder.conv_out.conv.weight /= spread * 2
    return vae
