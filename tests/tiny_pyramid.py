"""Tiny checkpoints of Pyramid Flow, in the layout of the published ones: the golden weights, and readers built here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.pyramid_parts import MANIFEST, golden
from tests.tiny import LETTERS, _letters, _tokenizer

WEIGHTS = "diffusion_pytorch_model.safetensors"
_CLASSES = {"flux": "PyramidFluxTransformer", "mmdit": "PyramidDiffusionMMDiT", "vae": "CausalVideoVAE"}
_TEXT, _POOLED = 24, 20


def tiny_pyramid(folder: Path, variant: str = "flux", resolution: str = "384p") -> Path:
    """A model of one `variant` with the transformer of one `resolution`: 8 frames and 8 pixels a latent."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        for name, part in readers(variant).items():
            part.save_pretrained(folder / name)
    weights = golden("vae_tiny.weights")
    # Pictures that have contrast: those of the golden weights are beyond black and white.
    for name in ("weight", "bias"):
        weights[f"decoder.conv_out.conv.{name}"] /= 4
    save_part(folder / "causal_video_vae", "vae", weights)
    save_part(folder / f"diffusion_transformer_{resolution}", variant, golden(f"{variant}_tiny.weights"))
    return folder


def save_part(folder: Path, kind: str, weights: dict[str, Any]) -> None:
    """Weights with the golden configuration of their kind."""
    from safetensors.torch import save_file

    config = MANIFEST["configs"][f"{kind}_tiny"] | {"_class_name": _CLASSES[kind]}
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(weights, folder / WEIGHTS)


def readers(variant: str) -> dict[str, Any]:
    """Text encoders and tokenizers by the names of their folders: one CLIP and T5, or two and T5."""
    from transformers import T5Config, T5EncoderModel

    config = T5Config(
        vocab_size=len(LETTERS) + 4,
        d_model=_TEXT,
        d_kv=8,
        d_ff=37,
        num_layers=2,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        is_encoder_decoder=False,
    )
    clips = [_clip(_POOLED)] if variant == "flux" else [_clip(_POOLED // 2, projected=True) for _ in range(2)]
    pairs = [*((clip, _letters()) for clip in clips), (T5EncoderModel(config).eval(), _tokenizer())]
    return {
        f"{what}{number}": part
        for pair, number in zip(pairs, ("", "_2", "_3"), strict=False)
        for part, what in zip(pair, ("text_encoder", "tokenizer"), strict=True)
    }


def _clip(width: int, *, projected: bool = False) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    tokenizer = _letters()
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=20,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        projection_dim=width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config).eval()
