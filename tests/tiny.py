"""Tiny checkpoints with random weights in the diffusers layout: what engines load in tests, built and saved here.

Their pictures mean nothing, but depend on all that a real model's do: on prompt, noise and given frames.
"""

from __future__ import annotations

from pathlib import Path

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,'"
CHANNELS = 8
TEXT = 32


def tiny_ltx(folder: Path, *, poison: float | None = None, scaling: float = 1.0) -> Path:
    """A model of the LTX architecture: 4 frames and 16 pixels a latent. `poison` takes the place of one weight."""
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, LTXConditionPipeline, LTXVideoTransformer3DModel
    from transformers import T5Config, T5EncoderModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformer = LTXVideoTransformer3DModel(
            in_channels=CHANNELS,
            out_channels=CHANNELS,
            num_attention_heads=4,
            attention_head_dim=8,
            cross_attention_dim=32,
            num_layers=1,
            caption_channels=TEXT,
        )
        config = T5Config(
            vocab_size=len(LETTERS) + 4,
            d_model=TEXT,
            d_kv=8,
            d_ff=37,
            num_layers=2,
            num_heads=4,
            feed_forward_proj="gated-gelu",
            is_encoder_decoder=False,
        )
        text_encoder = T5EncoderModel(config).eval()
        vae = _vae(scaling)
    if poison is not None:
        with torch.no_grad():
            transformer.proj_out.bias[0] = poison
    pipeline = LTXConditionPipeline(FlowMatchEulerDiscreteScheduler(), vae, text_encoder, _tokenizer(), transformer)
    pipeline.save_pretrained(folder)
    return folder


def _vae(scaling: float):  # type: ignore[no-untyped-def]
    """An autoencoder whose pictures have contrast: what it decodes fills the range instead of staying at grey."""
    import torch
    from diffusers import AutoencoderKLLTXVideo

    vae = AutoencoderKLLTXVideo(
        latent_channels=CHANNELS,
        block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4,
        layers_per_block=(1,) * 5,
        decoder_layers_per_block=(1,) * 5,
        spatio_temporal_scaling=(True, True, False, False),
        decoder_spatio_temporal_scaling=(True, True, False, False),
        decoder_inject_noise=(False,) * 5,
        patch_size=4,
        patch_size_t=1,
        decoder_causal=True,
        scaling_factor=scaling,
    ).eval()
    with torch.no_grad():
        spread = vae.decode(torch.randn(1, CHANNELS, 2, 2, 2), return_dict=False)[0].std()
        vae.decoder.conv_out.conv.weight /= spread * 2
    return vae


def _tokenizer():  # type: ignore[no-untyped-def]
    """One letter, one token."""
    from transformers import T5Tokenizer

    pieces = [
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", -10.0),
        ("\u2581", -2.0),
        *((letter, -3.0) for letter in LETTERS),
    ]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=256)
