"""A tiny model of the LTX-2 architecture with random weights, in the diffusers layout, built and saved here."""

from __future__ import annotations

from pathlib import Path

from tests.tiny import LETTERS, TEXT

CHANNELS = 8
RATE = 2400
"""Samples per second of its sound."""


def tiny_ltx2(folder: Path, *, crossed: bool = False, perturbed: bool = False) -> Path:
    """4 frames and 16 pixels a latent, sound of two channels. `crossed` is what tells LTX-2.3 from LTX-2."""
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, LTX2ConditionPipeline, LTX2VideoTransformer3DModel
    from diffusers.pipelines.ltx2 import LTX2TextConnectors, LTX2Vocoder

    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformer = LTX2VideoTransformer3DModel(
            in_channels=CHANNELS,
            out_channels=CHANNELS,
            num_attention_heads=2,
            attention_head_dim=16,
            cross_attention_dim=32,
            vae_scale_factors=(4, 16, 16),
            audio_in_channels=CHANNELS,
            audio_out_channels=CHANNELS,
            audio_num_attention_heads=2,
            audio_attention_head_dim=8,
            audio_cross_attention_dim=16,
            num_layers=1,
            caption_channels=TEXT,
            rope_type="split",
            rope_double_precision=False,
            cross_attn_mod=crossed,
            audio_cross_attn_mod=crossed,
            perturbed_attn=perturbed,
        )
        connectors = LTX2TextConnectors(
            caption_channels=TEXT,
            text_proj_in_factor=3,
            video_connector_num_attention_heads=4,
            video_connector_attention_head_dim=8,
            video_connector_num_layers=1,
            audio_connector_num_attention_heads=4,
            audio_connector_attention_head_dim=8,
            audio_connector_num_layers=1,
            rope_type="split",
            rope_double_precision=False,
        )
        vocoder = LTX2Vocoder(
            in_channels=2 * 16,
            hidden_channels=16,
            out_channels=2,
            upsample_kernel_sizes=[12, 8],
            upsample_factors=[6, 4],
            resnet_kernel_sizes=[3],
            resnet_dilations=[[1, 3, 5]],
            output_sampling_rate=RATE,
        )
        vae, audio_vae, text_encoder = _vae(), _audio_vae(), _text_encoder()
        with torch.no_grad():
            transformer.proj_out.weight *= 4
            vocoder.conv_out.weight *= 20
    scheduler = FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True,
        base_shift=0.95,
        max_shift=2.05,
        base_image_seq_len=1024,
        max_image_seq_len=4096,
        shift_terminal=0.1,
    )
    pipeline = LTX2ConditionPipeline(
        scheduler, vae, audio_vae, text_encoder, _tokenizer(), connectors, transformer, vocoder
    )
    pipeline.save_pretrained(folder)
    return folder


def _vae():  # type: ignore[no-untyped-def]
    """An autoencoder whose pictures have contrast, and whose latents are normalised."""
    import torch
    from diffusers import AutoencoderKLLTX2Video

    vae = AutoencoderKLLTX2Video(
        latent_channels=CHANNELS,
        block_out_channels=(8, 8),
        down_block_types=("LTX2VideoDownBlock3D",) * 2,
        decoder_block_out_channels=(8, 8),
        layers_per_block=(1, 1, 1),
        decoder_layers_per_block=(1, 1, 1),
        spatio_temporal_scaling=(True, True),
        decoder_spatio_temporal_scaling=(True, True),
        decoder_inject_noise=(False,) * 3,
        downsample_type=("spatiotemporal", "spatiotemporal"),
        upsample_type=("spatiotemporal", "spatiotemporal"),
        upsample_residual=(False, False),
        upsample_factor=(1, 1),
        patch_size=4,
        patch_size_t=1,
    ).eval()
    with torch.no_grad():
        spread = vae.decode(torch.randn(1, CHANNELS, 2, 2, 2), return_dict=False)[0].std()
        vae.decoder.conv_out.conv.weight /= spread * 2
        vae.latents_mean += 0.1
        vae.latents_std *= 0.5
    return vae


def _audio_vae():  # type: ignore[no-untyped-def]
    from diffusers import AutoencoderKLLTX2Audio

    return AutoencoderKLLTX2Audio(
        base_channels=CHANNELS,
        ch_mult=(1, 1, 1),
        num_res_blocks=1,
        latent_channels=2,
        sample_rate=16000,
        mel_hop_length=160,
        mel_bins=16,
    ).eval()


def _text_encoder():  # type: ignore[no-untyped-def]
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    text = {
        "vocab_size": len(LETTERS) + 6,
        "hidden_size": TEXT,
        "intermediate_size": 37,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 512,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 2,
    }
    vision = {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    }
    return Gemma3ForConditionalGeneration(Gemma3Config(text_config=text, vision_config=vision)).eval()


def _tokenizer():  # type: ignore[no-untyped-def]
    """One letter, one token, and one before all; saved as one that pads on the wrong side."""
    from tokenizers.processors import TemplateProcessing
    from transformers import GemmaTokenizer

    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "\u2581", *LETTERS]
    vocabulary = {piece: place for place, piece in enumerate(pieces)}
    tokenizer = GemmaTokenizer(vocab=vocabulary, merges=[], padding_side="right")
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    return tokenizer
