"""What a model of the Wan family is, by its configuration or by its name -> what it can do.

    vace    Wan-VACE              tails, heads and pictures at both ends through video and mask; references
    i2v     Wan I2V and FLF2V     sets one picture in motion; the last frame where it was made for that
    ti2v    Wan 2.2 TI2V          begins and ends with any latents that are held: tails, heads, a start picture
    t2v     Wan T2V               knows only text: tails and heads by replacement

The autoencoder turns 4 frames into one latent, the first frame alone into the first: so a film and a tail have 4n + 1
frames, and a head, whose latents stand in the middle, 4n. Wan 2.2's larger models have two denoisers, the second from a
`boundary` of noise on.

Reads JSON only. May import what stands above `engines` in the layout, engines.base, engines.memory and engines.weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal

from storyboard.durable import json_object
from storyboard.engines.base import Capabilities, FrameRule
from storyboard.engines.memory import estimate
from storyboard.engines.weights import Part, read_config
from storyboard.footage import reason_of
from storyboard.regular import read_regular
from storyboard.timing import Rate

Variant = Literal["vace", "i2v", "ti2v", "t2v"]
PARTS: Final = (
    Part("vae", ("AutoencoderKLWan",)),
    Part("transformer", ("WanTransformer3DModel", "WanVACETransformer3DModel")),
    Part("text_encoder", ("UMT5EncoderModel",)),
    Part("tokenizer", files=("tokenizer.json", "spiece.model")),
    Part("scheduler", files=("scheduler_config.json",)),
)
"""What all of them have."""
SECOND: Final = Part("transformer_2", PARTS[1].classes)
EYES: Final = (
    Part("image_encoder", ("CLIPVisionModel", "CLIPVisionModelWithProjection")),
    Part("image_processor", files=("preprocessor_config.json", "processor_config.json")),
)
"""What Wan 2.1 reads its first picture with."""
MOST_FRAMES: Final = 241
LATENT: Final = 4
"""Frames of one latent: the autoencoder's code knows no other number."""
_WINDOW: Final = {"ti2v": 121}
_RATE: Final = {"ti2v": 24}
_SIZES: Final = ((832, 480), (480, 832), (624, 624), (1280, 720), (720, 1280), (960, 960))
_LARGE_SIZES: Final = ((1280, 704), (704, 1280), (960, 960), (832, 480), (480, 832))
_BOTH: Final = (
    "this model was made for a picture at both ends; give scenes an `end` or `leads_into`, or set another one"
)
_LARGE: Final = 1024 * 576
"""Pixels between those of 480 and of 720 lines."""
_SHAPES: Final = {"1.3B": (1536, 8960, 30), "5B": (3072, 14336, 30), "14B": (5120, 13824, 40)}
"""Width, inner width and depth of the published ones, by what their names say."""
_EYES_BILLIONS: Final = 0.63
_HEARD: Final[Mapping[str, Variant]] = {"vace": "vace", "ti2v": "ti2v", "flf2v": "i2v", "i2v": "i2v", "t2v": "t2v"}
"""Kinds by what names say."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One model of the family."""

    variant: Variant
    pixels: int = 16
    """Across a patch of latents: sizes are multiples of it."""
    two: bool = False
    """Whether it has two denoisers."""
    boundary: float | None = None
    """The share of noise below which the second denoises; None where the model's own file has yet to say."""
    eyes: bool = False
    """Whether it has an image encoder."""
    ends: bool = False
    """Of i2v: whether it takes a last frame."""
    billions: float = 1.4
    """Parameters of a denoiser."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """What is loaded besides `PARTS`."""
        return ((SECOND,) if self.two else ()) + (EYES if self.eyes else ())


def by_name(name: str, variant: Variant | None) -> Layout:
    """Of a hub model, by the name that its makers gave it, unless the author says of which kind it is.

    Raises ValueError, with the remedy behind `; `, where neither tells.
    """
    heard = re.search(r"vace|ti2v|flf2v|i2v|t2v", name.lower())
    kind = variant or (_HEARD[heard[0]] if heard else None)
    if kind is None:
        raise ValueError(f"`{name}` does not say of which kind it is; set `variant` to `vace`, `i2v`, `ti2v` or `t2v`")
    size = next((size for size in _SHAPES if size in name), "5B" if kind == "ti2v" else "14B")
    eyes = "2.1" in name and kind == "i2v"
    layers = 0 if kind != "vace" else 15 if size == "1.3B" else 8
    return Layout(
        kind,
        pixels=32 if kind == "ti2v" else 16,
        two="A14B" in name,
        eyes=eyes,
        ends=kind == "i2v" and (not eyes or "flf2v" in name.lower()),
        billions=_billions(*_SHAPES[size], layers, eyes=eyes),
    )


def by_config(folder: Path) -> Layout:
    """Of a folder, by its configuration files. Raises ValueError, with the remedy behind `; `, where it fits none."""
    index, vae, denoiser = _read_index(folder), read_config(folder, "vae"), read_config(folder, "transformer")
    latents, image, layers = _whole(vae, "z_dim", 16), denoiser.get("image_dim"), denoiser.get("vace_layers")
    boundary, two = index.get("boundary_ratio"), (folder / SECOND.name / "config.json").is_file()
    patch, boundary = denoiser.get("patch_size", [1, 2, 2]), boundary if isinstance(boundary, float) else None
    picture = _whole(denoiser, "in_channels", 16) == 2 * latents + LATENT
    checks = (
        ("its autoencoder and its denoiser do not fit", picture or _whole(denoiser, "in_channels", 16) == latents),
        (
            "its text encoder and its denoiser do not fit",
            denoiser.get("text_dim") == read_config(folder, "text_encoder").get("d_model"),
        ),
        ("its autoencoder does not make 4 frames a latent", _whole(vae, "scale_factor_temporal", 4) == LATENT),
        ("it needs two denoisers and a boundary between them, or neither", two == (boundary is not None)),
        ("patches of latents are not 1x2x2", patch == [1, 2, 2]),
    )
    for wrong, holds in checks:
        if not holds:
            raise ValueError(f"`{folder.name}` cannot be shot with: {wrong}; name another model")
    plain: Variant = "ti2v" if index.get("expand_timesteps") is True else "t2v"
    width = _whole(denoiser, "num_attention_heads", 40) * _whole(denoiser, "attention_head_dim", 128)
    control, depth = len(layers) if isinstance(layers, list) else 0, _whole(denoiser, "num_layers", 40)
    return Layout(
        "vace" if layers else "i2v" if picture else plain,
        pixels=_whole(vae, "scale_factor_spatial", 8) * 2,
        two=two,
        boundary=boundary,
        eyes=image is not None,
        ends=picture and (image is None or denoiser.get("pos_embed_seq_len") is not None),
        billions=_billions(width, _whole(denoiser, "ffn_dim", 13824), depth, control, eyes=image is not None),
    )


def _read_index(folder: Path) -> Mapping[str, object]:
    """What the model says of itself as a whole."""
    try:
        return json_object(read_regular(folder / "model_index.json"))
    except (OSError, ValueError) as error:
        said = f"cannot read `{folder.name}/model_index.json`: {reason_of(error)}"
        raise ValueError(f"{said}; copy or save the model again") from error


def _whole(config: Mapping[str, object], name: str, default: int) -> int:
    value = config.get(name)
    return value if type(value) is int and value > 0 else default


def _billions(width: int, inner: int, depth: int, layers: int, *, eyes: bool) -> float:
    """Parameters of a denoiser with `layers` of control: attention to itself and to the text, and what follows."""
    block = 8 * width**2 + 2 * width * inner
    return (depth * (block + (2 * width**2 if eyes else 0)) + layers * (block + width**2)) / 1e9 + 0.03


def can_shoot(layout: Layout, rate: Rate | None, window: int | None, *, guided: bool, size: int) -> Capabilities:
    """What a model of that layout can do. `guided`: whether a negative prompt is read; `size`: of a number in bytes."""
    kind = layout.variant
    most = min(window or _WINDOW.get(kind, 81), MOST_FRAMES)
    longest = max((most - 1) // LATENT, 1) * LATENT + 1
    rate = rate or Rate(Fraction(_RATE.get(kind, 16)))
    usual = _LARGE_SIZES if kind == "ti2v" else _SIZES
    fit = [(w // layout.pixels * layout.pixels, h // layout.pixels * layout.pixels) for w, h in usual]
    one = FrameRule(1, 0, 1, 1)
    # A mask of fewer than 5 frames is lost on its way to the latents: what is given would not be held.
    tail = one if kind == "i2v" else _given(1, 5 if kind == "vace" else 1, longest)
    head = (one if layout.ends else None) if kind == "i2v" else _given(0, LATENT, longest)
    denoisers = {"transformer": layout.billions} | ({"transformer_2": layout.billions} if layout.two else {})
    wide = {"vae": (0.7 if kind == "ti2v" else 0.13) * 4 / size}  # always in 4 bytes
    eyes = {"image_encoder": _EYES_BILLIONS * 4 / size} if layout.eyes else {}
    return Capabilities(
        version=1,
        frames=FrameRule(LATENT, 1, LATENT + 1, longest),
        native_rate=rate,
        default_size=fit[0],
        default_rate=rate,
        size_multiple=layout.pixels,
        least_size=layout.pixels,
        native_sizes=tuple(dict.fromkeys(fit)),
        tail=tail,
        default_tail=tail.at_most(9 if kind == "vace" else 5) or 0 if tail else 0,
        head=head,
        default_head=head.at_most(8 if kind == "vace" else 4) or 0 if head else 0,
        start_image=True,
        end_image=layout.ends or kind == "vace",
        needs_picture=kind == "i2v",
        negative=guided,
        references=kind == "vace",
        lora=not layout.two,
        languages=("en", "zh"),
        licence="Apache-2.0 for Wan's own (unverified); that of another model is its own",
        memory=estimate({"text_encoder": 5.68} | denoisers | wide | eyes, size),
        notices=(_BOTH,) if layout.eyes and layout.ends else (),
    )


def usual_shift(width: int, height: int) -> float:
    """How far noise levels are shifted up: less for pictures of 480 lines, more for those of 720."""
    return 5.0 if width * height >= _LARGE else 3.0


def _given(offset: int, least: int, longest: int) -> FrameRule | None:
    """Counts of given frames that leave a latent to make; None where the window is too short for any."""
    most = longest - LATENT - (1 - offset)
    return FrameRule(LATENT, offset, least, most) if most >= least else None
