"""A tiny checkpoint of EasyAnimate's InP kind with random weights, in the diffusers layout, built and saved here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.tiny import LETTERS

LATENTS = 4
_TEXT = 16
_CHAT = "{% for message in messages %}<|im_start|>{{ message.content[0].text }}<|im_end|>{% endfor %}"


def tiny_easyanimate(folder: Path, *, channels: int = 2 * LATENTS + 1) -> Path:
    """4 frames and 8 pixels a latent. `channels`: that its denoiser takes."""
    import diffusers
    import torch
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformer = diffusers.EasyAnimateTransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=16,
            in_channels=channels,
            out_channels=LATENTS,
            patch_size=2,
            sample_width=16,
            sample_height=16,
            num_layers=2,
            mmdit_layers=2,
            time_embed_dim=8,
            text_embed_dim=_TEXT,
            add_noise_in_inpaint_model=True,
        ).eval()
        text_config = {
            "vocab_size": len(LETTERS) + 4,
            "hidden_size": _TEXT,
            "intermediate_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "max_position_embeddings": 512,
            "rope_parameters": {
                "type": "mrope",
                "mrope_section": [1, 1, 2],
                "rope_theta": 10000.0,
                "rope_type": "default",
            },
        }
        vision = {"depth": 1, "embed_dim": 16, "hidden_size": _TEXT, "num_heads": 2, "mlp_ratio": 1, "patch_size": 14}
        text_encoder = Qwen2VLForConditionalGeneration(
            Qwen2VLConfig(text_config=text_config, vision_config=vision, tie_word_embeddings=True)
        ).eval()
        pipeline = diffusers.EasyAnimateInpaintPipeline(
            vae=_vae(),
            text_encoder=text_encoder,
            tokenizer=_letters(),
            transformer=transformer,
            scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        )
    pipeline.save_pretrained(folder)
    return folder


def _letters() -> Any:
    """One letter, one token."""
    from transformers import Qwen2Tokenizer

    signs = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    pieces = [*LETTERS.replace(" ", ""), "\u0120", *signs]
    tokenizer = Qwen2Tokenizer(
        vocab={piece: place for place, piece in enumerate(pieces)},
        merges=[],
        unk_token="<|endoftext|>",
        eos_token="<|im_end|>",
        additional_special_tokens=signs[1:],
    )
    tokenizer.chat_template = _CHAT
    return tokenizer


def _vae() -> Any:
    """An autoencoder whose pictures and latents have contrast: a new one sees and shows nearly the same grey."""
    import torch
    from diffusers import AutoencoderKLMagvit

    vae = AutoencoderKLMagvit(
        latent_channels=LATENTS,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        norm_num_groups=2,
        spatial_group_norm=False,
    ).eval()
    with torch.no_grad():
        spread = vae.decode(torch.randn(1, LATENTS, 2, 4, 4), return_dict=False)[0].std()
        vae.decoder.conv_out.weight /= spread * 2
        seen = vae.encode(torch.rand(8, 3, 1, 32, 32) * 2 - 1).latent_dist.mode()
        vae.quant_conv.weight *= 2 / (seen - seen.mean(0)).std()
    return vae
