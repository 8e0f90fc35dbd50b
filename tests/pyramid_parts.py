"""The golden files of Pyramid Flow, and its parts with their tiny weights.

The files hold what the published code made of random weights; `manifest.json` says how, and what each of them holds.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden_pyramid"
MANIFEST: dict[str, Any] = json.loads((GOLDEN / "manifest.json").read_text())
LOOPS = 2e-4
"""How far latents of whole loops may be off; they reach 18."""


def golden(name: str) -> dict[str, Any]:
    """The tensors of a golden file."""
    from safetensors.torch import load

    return load(lzma.decompress((GOLDEN / f"{name}.safetensors.xz").read_bytes()))


def tiny_vae() -> Any:
    """The golden autoencoder."""
    from storyboard.engines.pyramid.vae import CausalVideoVae, VaeConfig

    vae = CausalVideoVae(VaeConfig.read(MANIFEST["configs"]["vae_tiny"]))
    vae.load_state_dict(golden("vae_tiny.weights"), strict=True)
    return vae.eval().requires_grad_(False)


def tiny_transformer(kind: str) -> Any:
    """The golden transformer, `flux` or `mmdit`."""
    from storyboard.engines.pyramid.flux import PyramidFluxTransformer
    from storyboard.engines.pyramid.mmdit import PyramidDiffusionMMDiT

    cls = {"flux": PyramidFluxTransformer, "mmdit": PyramidDiffusionMMDiT}[kind]
    made = cls.from_config(MANIFEST["configs"][f"{kind}_tiny"])
    made.load_state_dict(golden(f"{kind}_tiny.weights"), strict=True)
    return made.eval()


def texts_of(io: dict[str, Any]) -> Any:
    """The guidance batch of a golden loop."""
    import torch

    from storyboard.engines.pyramid.parts import Texts

    return Texts(*(torch.cat([io[f"{side}.{part}"] for side in ("neg", "pos")]) for part in ("text", "mask", "pooled")))


def noises_of(io: dict[str, Any], case: str, units: int) -> Iterator[Any]:
    """The noise of a golden loop, unit by unit."""
    from storyboard.engines.pyramid.loop import UnitNoise

    for unit in range(units):
        jumps = tuple(io[f"{case}.block_noise.{2 * unit + stage}"] for stage in range(2))
        yield UnitNoise(io[f"{case}.init_noise"][:, :, unit : unit + 1], jumps)


def recipe_of(kind: str, case: str) -> Any:
    """The recipe of a golden loop."""
    from storyboard.engines.pyramid.loop import Recipe

    said = MANIFEST["e2e_args"][kind][case]
    first = tuple(said["num_inference_steps"])
    steps = tuple(said.get("video_num_inference_steps", first))
    return Recipe(first, steps, said["guidance_scale"], said.get("video_guidance_scale", said["guidance_scale"]))
