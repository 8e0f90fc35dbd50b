"""What a model of Pyramid Flow is made of, and which of the two kinds it is, by its configuration or by its name.

    flux     miniFLUX, `rain1011/pyramid-flow-miniflux`    texts by CLIP and T5
    mmdit    `rain1011/pyramid-flow-sd3`                   texts by two CLIPs and T5, as Stable Diffusion 3 reads them

Each has a transformer for each of two resolutions, and an autoencoder whose latents are its own. Reads JSON only. May
import what stands above `engines` in the layout, and engines.weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from storyboard.engines.weights import Part, read_config

Variant = Literal["flux", "mmdit"]
Resolution = Literal["384p", "768p"]
CONVERT: Final = "storyboard.engines.pyramid.convert"
VAE: Final = Part("causal_video_vae", ("CausalVideoVAE",))
_CLIP: Final = ("CLIPTextModel", "CLIPTextModelWithProjection")
_T5: Final = ("T5EncoderModel",)
_WORDS: Final = ("tokenizer.json", "vocab.json", "spiece.model")
COMMON: Final = (
    VAE,
    Part("text_encoder", _CLIP),
    Part("tokenizer", files=_WORDS),
    Part("text_encoder_2", (*_CLIP, *_T5)),
    Part("tokenizer_2", files=_WORDS),
)
"""What both kinds have; which reader the second one is depends."""
THIRD: Final = (Part("text_encoder_3", _T5), Part("tokenizer_3", files=_WORDS))
"""What only the SD3 kind has besides."""
_KINDS: Final[Mapping[str, Variant]] = {"PyramidFluxTransformer": "flux", "PyramidDiffusionMMDiT": "mmdit"}
_HEARD: Final[Mapping[str, Variant]] = {"flux": "flux", "sd3": "mmdit"}
SIZES: Final[Mapping[Resolution, tuple[int, int]]] = {"384p": (640, 384), "768p": (1280, 768)}
"""Each transformer was trained at one, and is poor at any other."""
LATENTS: Final[Mapping[Resolution, int]] = {"384p": 16, "768p": 31}
"""The most of a film, each but the first 8 frames."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One transformer of one model."""

    variant: Variant
    resolution: Resolution

    @property
    def transformer(self) -> Part:
        return Part(f"diffusion_transformer_{self.resolution}", tuple(_KINDS))

    @property
    def readers(self) -> int:
        """How many parts read texts. The last one is T5, all before it are CLIPs."""
        return 2 if self.variant == "flux" else 3

    @property
    def parts(self) -> tuple[Part, ...]:
        """All that is loaded."""
        return (*COMMON, self.transformer, *(THIRD if self.readers == 3 else ()))


def by_name(name: str, variant: Variant | None, resolution: Resolution) -> Layout:
    """Of a hub model, by the name that its makers gave it, unless the author says of which kind it is.

    Raises ValueError, with the remedy behind `; `, where neither tells.
    """
    heard = re.search(r"flux|sd3", name.lower())
    kind = variant or (_HEARD[heard[0]] if heard else None)
    if kind is None:
        raise ValueError(f"`{name}` does not say of which kind it is; set `variant` to `flux` or `mmdit`")
    return Layout(kind, resolution)


def by_config(folder: Path, resolution: Resolution) -> Layout:
    """Of a folder, by its configuration files. Raises ValueError, the remedy behind `; `, where it does not fit."""
    part = Layout("flux", resolution).transformer.name
    if not (folder / part).is_dir():
        raise ValueError(f"`{folder.name}` has no folder `{part}`; set another `resolution`, or name another folder")
    denoiser = read_config(folder, part)
    layout = Layout(_KINDS.get(str(denoiser.get("_class_name")), "flux"), resolution)
    patch = 4 if layout.variant == "flux" else 1
    latents, channels = read_config(folder, VAE.name).get("decoder_in_channels", 16), denoiser.get("in_channels")
    t5 = f"text_encoder_{layout.readers}"
    width = read_config(folder, t5).get("d_model") if (folder / t5).is_dir() else None
    checks = (
        ("its autoencoder and its transformer do not fit", isinstance(latents, int) and channels == latents * patch),
        (f"`{t5}` is no T5 that fits its transformer", denoiser.get("joint_attention_dim", 4096) == width),
    )
    for wrong, holds in checks:
        if not holds:
            raise ValueError(f"`{folder.name}` cannot be shot with: {wrong}; name another model")
    return layout
