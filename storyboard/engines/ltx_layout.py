"""The configuration of a model of the LTX architecture -> how many frames and pixels one latent is, and what it can do.

The autoencoder turns r frames into one latent, the first frame alone into the first (Video Autoencoder of HaCohen et
al., LTX-Video, 2024). So counts of frames are r*n + 1, given ones too: all of them line up by arithmetic.

Reads JSON only. May import what stands above `engines` in the layout, engines.base, engines.memory and engines.weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from storyboard.engines.base import Capabilities, FrameRule
from storyboard.engines.memory import estimate
from storyboard.engines.weights import Part, read_config
from storyboard.timing import Rate

PARTS: Final = (
    Part("vae", ("AutoencoderKLLTXVideo",)),
    Part("transformer", ("LTXVideoTransformer3DModel",)),
    Part("text_encoder", ("T5EncoderModel",)),
    Part("tokenizer", files=("tokenizer.json", "spiece.model")),
)
"""What is loaded. Not the scheduler: the engine says why."""
MOST_FRAMES: Final = 257
"""The longest that LTX-Video was made for."""
_GRID: Final = 32  # the pipeline takes no sizes but its multiples, whatever the autoencoder
_SIZES: Final = ((704, 512), (1024, 576), (576, 1024), (512, 704), (768, 768), (1216, 512))
_BILLIONS: Final = {"text_encoder": 4.76, "transformer": 13.0, "vae": 1.25}
"""Parameters of the largest, 0.9.7 and 0.9.8 of 13B; that of 0.9.5 and those of 2B have 1.9 in the transformer."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How many frames and how many pixels across one latent stands for."""

    frames: int = 8
    pixels: int = 32


def read_layout(folder: Path) -> Layout:
    """The layout of a model in a folder, by its configuration files.

    Raises ValueError, with the remedy behind `; `, where LTXConditionPipeline would go wrong without a word.
    """
    vae, transformer, text = (read_config(folder, part.name) for part in PARTS[:3])
    latents, words = vae.get("latent_channels", 128), text.get("d_model", 512)
    checks = (
        # Given frames are not multiplied by it while results are divided.
        ("its autoencoder has a `scaling_factor` other than 1", vae.get("scaling_factor", 1.0) == 1.0),
        # Times of given frames are counted in latents, not in patches.
        ("its transformer has patches", transformer.get("patch_size", 1) == transformer.get("patch_size_t", 1) == 1),
        ("its autoencoder and its transformer do not fit together", transformer.get("in_channels", 128) == latents),
        (
            "its text encoder and its transformer do not fit together",
            transformer.get("caption_channels", 4096) == words,
        ),
    )
    for wrong, holds in checks:
        if not holds:
            raise ValueError(f"`{folder.name}` cannot be shot with: {wrong}; name another model")
    return layout_of(vae, (True, True, True, False))


def layout_of(vae: Mapping[str, object], usual: tuple[bool, ...]) -> Layout:
    """The layout that an autoencoder's configuration tells; `usual` are the scalings of one that does not."""
    scaling = vae.get("spatio_temporal_scaling", usual)
    halvings = sum(map(bool, scaling)) if isinstance(scaling, list | tuple) else 0
    return Layout(
        _whole(vae, "temporal_compression_ratio") or _whole(vae, "patch_size_t", 1) * 2**halvings,
        _whole(vae, "spatial_compression_ratio") or _whole(vae, "patch_size", 4) * 2**halvings,
    )


def _whole(config: Mapping[str, object], name: str, default: int = 0) -> int:
    value = config.get(name)
    return value if type(value) is int and value > 0 else default


def on_grid(sizes: Iterable[tuple[int, int]], multiple: int) -> tuple[tuple[int, int], ...]:
    """Sizes rounded down to a multiple, at least one of it, each once."""
    rounded = ((max(w // multiple, 1) * multiple, max(h // multiple, 1) * multiple) for w, h in sizes)
    return tuple(dict.fromkeys(rounded))


def can_shoot(
    layout: Layout, rate: Rate | None = None, *, guided: bool = False, size: int = 2, most: int = MOST_FRAMES
) -> Capabilities:
    """What LTXConditionPipeline can do with a model of that layout: up to `most` frames, rounded down to r*n + 1.

    `guided` says whether a negative prompt is read; `size` is that of a number in bytes.
    """
    r = layout.frames
    longest = max((most - 1) // r, 1) * r + 1
    given = FrameRule(r, 1, 1, max(longest - r, 1))
    multiple = math.lcm(_GRID, layout.pixels)
    sizes = on_grid(_SIZES, multiple)
    rate = rate or Rate(Fraction(24))
    return Capabilities(
        version=1,
        frames=FrameRule(r, 1, r + 1, longest),
        native_rate=rate,
        default_size=sizes[0],
        default_rate=rate,
        size_multiple=multiple,
        least_size=multiple,
        native_sizes=sizes,
        tail=given,
        default_tail=min(r + 1, given.most),
        # A single frame is given as a picture, which is attended to; more begin with two latents at least.
        head=given,
        default_head=min(r + 1, given.most),
        start_image=True,
        end_image=True,
        negative=guided,
        lora=True,
        languages=("en",),
        licence="LTXV Open Weights License for LTX-Video (unverified); that of another model is its own",
        memory=estimate(_BILLIONS, size),
    )
