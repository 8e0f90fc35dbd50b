"""Models of Pyramid Flow whose weights are drawn by lot, saved in the layout of the published ones.

What weights are makes no difference to seconds and memory. `FULL` is of the published sizes, readers included: 15 GB.
`TINY` shows that all runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

WEIGHTS = "diffusion_pytorch_model.safetensors"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,'0123456789"


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the parts of a model are."""

    head: int
    heads: dict[str, int]
    layers: dict[str, int]
    single_layers: int
    latent: int
    widths: tuple[int, ...]
    """Of the autoencoder's blocks."""
    vae_layers: tuple[int, int]
    """In each block of its encoder and of its decoder."""
    groups: int
    t5: dict[str, int]
    clips: tuple[dict[str, int], ...]
    """The one of both kinds, and the second one of the SD3 kind."""
    words: tuple[int, int]
    """Of T5 and of CLIP."""


FULL = Scale(
    head=64,
    heads={"flux": 30, "mmdit": 24},
    layers={"flux": 8, "mmdit": 24},
    single_layers=16,
    latent=16,
    widths=(128, 256, 512, 512),
    vae_layers=(2, 3),
    groups=32,
    t5={"d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64},
    clips=(
        {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12},
        {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20},
    ),
    words=(32128, 49408),
)
TINY = Scale(
    head=16,
    heads={"flux": 2, "mmdit": 2},
    layers={"flux": 1, "mmdit": 2},
    single_layers=1,
    latent=4,
    widths=(4, 8, 8, 8),
    vae_layers=(1, 1),
    groups=2,
    t5={"d_model": 32, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 4},
    clips=tuple(
        {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2} for _ in "12"
    ),
    words=(160, 160),
)


def save_model(folder: Path, kind: str, resolution: str, scale: Scale, device: str) -> Path:
    """A model of one kind with the transformer of one resolution, made on `device`, in bfloat16."""
    import torch
    from safetensors.torch import save_file

    before = torch.get_default_dtype()
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            for name, (part, config) in _denoising(kind, scale).items():
                at = folder / name.format(resolution=resolution)
                at.mkdir(parents=True)
                (at / "config.json").write_text(json.dumps(config), encoding="utf-8")
                save_file({key: each.contiguous() for key, each in part.state_dict().items()}, at / WEIGHTS)
            for name, encoder in _readers(kind, scale).items():
                encoder.save_pretrained(folder / name)
    finally:
        torch.set_default_dtype(before)
    for name, tokenizer in _tokenizers(kind, scale).items():
        tokenizer.save_pretrained(folder / name)
    return folder


def _denoising(kind: str, scale: Scale) -> dict[str, tuple[torch.nn.Module, dict[str, Any]]]:
    from storyboard.engines.pyramid.flux import PyramidFluxTransformer
    from storyboard.engines.pyramid.mmdit import PyramidDiffusionMMDiT
    from storyboard.engines.pyramid.vae import CausalVideoVae, VaeConfig

    config: dict[str, Any] = {
        "num_layers": scale.layers[kind],
        "attention_head_dim": scale.head,
        "num_attention_heads": scale.heads[kind],
        "joint_attention_dim": scale.t5["d_model"],
        "pooled_projection_dim": sum(clip["hidden_size"] for clip in _clips(kind, scale)),
        "in_channels": scale.latent * (4 if kind == "flux" else 1),
    }
    if kind == "flux":
        config["num_single_layers"] = scale.single_layers
    made = PyramidFluxTransformer if kind == "flux" else PyramidDiffusionMMDiT
    encoder, decoder = scale.vae_layers
    vae: dict[str, Any] = {
        "encoder_out_channels": scale.latent,
        "encoder_layers_per_block": [encoder] * 4,
        "encoder_block_out_channels": scale.widths,
        "encoder_norm_num_groups": scale.groups,
        "decoder_in_channels": scale.latent,
        "decoder_layers_per_block": [decoder] * 4,
        "decoder_block_out_channels": scale.widths,
        "decoder_norm_num_groups": scale.groups,
    }
    return {
        "diffusion_transformer_{resolution}": (made(**config), config | {"_class_name": made.__name__}),
        "causal_video_vae": (CausalVideoVae(VaeConfig.read(vae)), vae | {"_class_name": "CausalVideoVAE"}),
    }


def _readers(kind: str, scale: Scale) -> dict[str, Any]:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, T5Config, T5EncoderModel

    words, pieces = scale.words
    clip = CLIPTextModel if kind == "flux" else CLIPTextModelWithProjection
    made: list[Any] = [
        clip(
            CLIPTextConfig(
                vocab_size=pieces,
                projection_dim=size["hidden_size"],
                bos_token_id=2 * len(LETTERS),
                eos_token_id=2 * len(LETTERS) + 1,
                **size,
            )
        )
        for size in _clips(kind, scale)
    ]
    config = T5Config(vocab_size=words, feed_forward_proj="gated-gelu", is_encoder_decoder=False, **scale.t5)
    return dict(zip(_names("text_encoder"), [*made, T5EncoderModel(config)], strict=False))


def _tokenizers(kind: str, scale: Scale) -> dict[str, Any]:
    """One letter, one token; the other words of their vocabularies are never met."""
    from transformers import CLIPTokenizer, T5Tokenizer

    words, pieces = scale.words
    known = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -10.0), ("\u2581", -2.0), *((each, -3.0) for each in LETTERS)]
    spoken = known + [(f"<{number}>", -9.0) for number in range(words - len(known))]
    drawn = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    seen = drawn + [f"<{number}>" for number in range(pieces - len(drawn))]
    clips = [
        CLIPTokenizer(vocab={each: place for place, each in enumerate(seen)}, merges=[], model_max_length=77)
        for _ in _clips(kind, scale)
    ]
    t5 = T5Tokenizer(vocab=spoken, extra_ids=0, model_max_length=256)
    return dict(zip(_names("tokenizer"), [*clips, t5], strict=False))


def _clips(kind: str, scale: Scale) -> tuple[dict[str, int], ...]:
    return scale.clips[:1] if kind == "flux" else scale.clips


def _names(part: str) -> tuple[str, ...]:
    return part, f"{part}_2", f"{part}_3"
