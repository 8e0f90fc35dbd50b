"""The configuration of a CogVideoX model, or its name -> which of the family it is, and what can be shot with it.

    1.0        8 frames a second, 8n+1 of them up to 49, 720x480     words
    1.0-I2V    49 frames of 720x480 and nothing else                 words and a first picture
    1.5        16 frames a second, 16n+1 of them up to 161           words
    1.5-I2V    the same                                              words and a first picture

The autoencoder turns 4 frames into one latent, the first frame alone into the first. It decodes latents two by two, and
what is odd with the first: an even count of them would come out as more frames than were asked for, so counts go by
two latents. 1.5 has patches of two latents; one is put before them, and its pictures are left out. Positions that were
learned (1.0-I2V) are there for one size and one length only: another length would be shot without them, silently.

Reads JSON only. May import what stands above `engines` in the layout, engines.base, engines.memory and engines.weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal

from storyboard.engines.base import Capabilities, FrameRule
from storyboard.engines.memory import estimate
from storyboard.engines.weights import Part, read_config
from storyboard.timing import Rate

PARTS: Final = (
    Part("vae", ("AutoencoderKLCogVideoX",)),
    Part("transformer", ("CogVideoXTransformer3DModel",)),
    Part("text_encoder", ("T5EncoderModel",)),
    Part("tokenizer", files=("tokenizer.json", "spiece.model")),
    Part("scheduler", files=("scheduler_config.json",)),
)
Kind = Literal["1.0", "1.0-I2V", "1.5", "1.5-I2V"]
_SIZES_15: Final = ((1360, 768), (768, 1360), (768, 768))
_MOST_15: Final = 1360 * 768
_BILLIONS: Final = {"text_encoder": 4.76, "vae": 0.216}


@dataclass(frozen=True, slots=True)
class Layout:
    """One of the family. Sizes are in latents."""

    kind: Kind
    frames: int = 4
    """That one latent stands for."""
    pixels: int = 8
    """Across, that one latent stands for."""
    width: int = 90
    """That it was trained at; in 1.5 the most that it has positions for."""
    height: int = 60
    length: int = 49
    """Frames that it was trained on."""
    patch: int = 2
    """Latents across that are one token."""
    learned: bool = False
    """Whether positions were learned for that width, height and length."""
    blocks: int = 30
    channels: int = 1920

    @property
    def pictured(self) -> bool:
        """Whether it sets a first picture in motion."""
        return self.kind.endswith("I2V")

    @property
    def paired(self) -> bool:
        """Whether two latents in time are one token."""
        return self.kind.startswith("1.5")


def layout_by_name(model: str) -> Layout:
    """The layout of a hub model by its name, as the makers name theirs: `CogVideoX1.5-5B-I2V`."""
    name = model.lower()
    return hub_layout(_kind("1.5" in name, "i2v" in name), small="2b" in name)


def hub_layout(kind: Kind, *, small: bool = False) -> Layout:
    """The layout of the published models of a kind."""
    blocks, channels = (30, 1920) if small else (42, 3072)
    if kind.startswith("1.5"):
        return Layout(kind, width=300, height=300, length=81, blocks=blocks, channels=channels)
    return Layout(kind, learned=kind == "1.0-I2V", blocks=blocks, channels=channels)


def read_layout(folder: Path) -> Layout:
    """The layout of a model in a folder, by its configuration files.

    Raises ValueError, with the remedy behind `; `, where its parts do not go together.
    """
    vae, transformer, text = (read_config(folder, part.name) for part in PARTS[:3])
    latents = _whole(vae, "latent_channels", 16)
    pictured = _whole(transformer, "in_channels", 16) == 2 * latents
    ratio = _whole(vae, "temporal_compression_ratio", 4)
    patch = transformer.get("patch_size_t")
    checks = (
        (
            "its autoencoder and its transformer do not fit together",
            _whole(transformer, "out_channels", 16) == latents
            and _whole(transformer, "in_channels", 16) in (latents, 2 * latents)
            and _whole(transformer, "temporal_compression_ratio", 4) == ratio,
        ),
        (
            "its text encoder and its transformer do not fit together",
            _whole(transformer, "text_embed_dim", 4096) == text.get("d_model", 512),
        ),
        ("its transformer takes more than two latents in time as one", patch in (None, 2)),
    )
    for wrong, holds in checks:
        if not holds:
            raise ValueError(f"`{folder.name}` cannot be shot with: {wrong}; name another model")
    blocks = vae.get("block_out_channels")
    return Layout(
        _kind(patch is not None, pictured),
        frames=ratio,
        pixels=2 ** (len(blocks) - 1) if isinstance(blocks, list) and blocks else 8,
        width=_whole(transformer, "sample_width", 90),
        height=_whole(transformer, "sample_height", 60),
        length=_whole(transformer, "sample_frames", 49),
        patch=_whole(transformer, "patch_size", 2),
        learned=transformer.get("use_learned_positional_embeddings") is True,
        blocks=_whole(transformer, "num_layers", 30),
        channels=_whole(transformer, "num_attention_heads", 30) * _whole(transformer, "attention_head_dim", 64),
    )


def _kind(newer: bool, pictured: bool) -> Kind:
    if pictured:
        return "1.5-I2V" if newer else "1.0-I2V"
    return "1.5" if newer else "1.0"


def _whole(config: Mapping[str, object], name: str, default: int) -> int:
    value = config.get(name)
    return value if type(value) is int and value > 0 else default


def frame_rule(layout: Layout) -> FrameRule:
    """How many frames one generation may have."""
    step = 2 * layout.frames * (2 if layout.paired else 1)
    if layout.learned:
        return FrameRule(step, layout.length % step, layout.length, layout.length)
    trained = 2 * layout.length - 1 if layout.paired else layout.length  # 1.5 was made for 5 and for 10 seconds
    return FrameRule(step, 1, step + 1, max((trained - 1) // step, 1) * step + 1)


def can_shoot(layout: Layout, rate: Rate | None, *, guided: bool, size: int) -> Capabilities:
    """What can be done with a model of that layout.

    `guided` says whether a negative prompt is read; `size` is that of a number in bytes.
    """
    frames, r = frame_rule(layout), layout.frames
    multiple = math.lcm(8, layout.pixels * layout.patch)  # the pipeline takes no sizes but multiples of 8
    sizes, pixels = _sizes(layout, multiple)
    rate = rate or Rate(Fraction(16 if layout.paired else 8))
    room = frames.most - 1
    tail = FrameRule(1, 0, 1, 1) if layout.pictured else FrameRule(r, 1, 1, room - r + 1)
    head = FrameRule(r, 0, r, room - r)
    params = 1e-9 * layout.blocks * layout.channels * (12 * layout.channels + 6144)
    return Capabilities(
        version=1,
        frames=frames,
        native_rate=rate,
        default_size=sizes[0],
        default_rate=rate,
        size_multiple=multiple,
        least_size=multiple,
        most_size=min(layout.width, layout.height) * layout.pixels if layout.paired else None,
        most_pixels=pixels,
        native_sizes=sizes,
        only_native_sizes=layout.learned,
        tail=tail,
        default_tail=tail.at_most(2 * r + 1) or 1,
        head=head,
        default_head=head.at_most(2 * r) or r,
        start_image=layout.pictured,
        needs_picture=layout.pictured,
        negative=guided,
        lora=True,
        languages=("en",),
        licence="Apache-2.0 for CogVideoX-2b, CogVideoX License for those of 5B (unverified)",
        memory=estimate({**_BILLIONS, "transformer": round(params, 2)}, size),
    )


def _sizes(layout: Layout, multiple: int) -> tuple[tuple[tuple[int, int], ...], int]:
    """Width and height of what it was trained on, the usual first, and the most pixels."""
    width, height = (max(side * layout.pixels // multiple, 1) * multiple for side in (layout.width, layout.height))
    if not layout.paired:
        return ((width, height),), width * height
    most = min(width, height)
    native = tuple(size for size in _SIZES_15 if max(size) <= most)
    return native or ((most, most),), min(_MOST_15, most * most)
