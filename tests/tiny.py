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


def tiny_modelscope(folder: Path) -> Path:
    """A model of the kind of ModelScope's text-to-video: one latent a frame, 2 pixels across."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, TextToVideoSDPipeline, UNet3DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet3DConditionModel(
            sample_size=16,
            block_out_channels=(8, 8),
            layers_per_block=1,
            cross_attention_dim=TEXT,
            attention_head_dim=4,
            norm_num_groups=2,
            down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
            up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
        )
        vae = AutoencoderKL(
            block_out_channels=(8, 8),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            norm_num_groups=2,
            latent_channels=4,
        ).eval()
        config = CLIPTextConfig(
            vocab_size=2 * len(LETTERS) + 2,
            hidden_size=TEXT,
            intermediate_size=37,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=77,
            bos_token_id=2 * len(LETTERS),
            eos_token_id=2 * len(LETTERS) + 1,
        )
        text_encoder = CLIPTextModel(config).eval()
        with torch.no_grad():
            spread = vae.decode(torch.randn(1, 4, 16, 16), return_dict=False)[0].std()
            vae.decoder.conv_out.weight /= spread * 2
            unet.conv_out.weight *= 10
            # New layers add nothing over time, and would not see the frames around.
            for name, parameter in unet.named_parameters():
                if "conv4" in name:
                    parameter.normal_()
    pipeline = TextToVideoSDPipeline(vae, text_encoder, _letters(), unet, DDIMScheduler())
    pipeline.save_pretrained(folder)
    return folder


def _letters():  # type: ignore[no-untyped-def]
    """As CLIP's: one letter, one token; the last of a word another than one inside."""
    from transformers import CLIPTokenizer

    pieces = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: place for place, piece in enumerate(pieces)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)


def tiny_lora(model: Path, file: Path, *, seed: int = 1) -> Path:
    """A LoRA for the transformer of a tiny model, saved as those that people bring are."""
    import json

    import diffusers
    import torch
    from peft import LoraConfig, get_peft_model_state_dict
    from safetensors.torch import save_file

    kind = json.loads((model / "transformer" / "config.json").read_text())["_class_name"]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        transformer = getattr(diffusers, kind).from_pretrained(model, subfolder="transformer")
        targets = ["to_q", "to_k", "to_v", "to_out.0"]
        transformer.add_adapter(LoraConfig(r=4, lora_alpha=4, init_lora_weights=False, target_modules=targets))
        layers = get_peft_model_state_dict(transformer)
        made = {f"transformer.{name}": torch.randn_like(value) for name, value in layers.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(made, file)
    return file
