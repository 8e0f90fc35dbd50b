"""What a shot is given -> what each of the pipelines of Wan takes in its place.

    vace    |KKKKKKKKK..........HHHHHHHH|   a film and a mask of what to make; references beside it
    i2v     |S.........................E|   the first picture, and the last
    ti2v    |KKKKK..................HHHH|   latents that are held: no noise is told of them
    t2v     |KKKKK..................HHHH|   latents that are put back after each step (engines.replacement)

torch and diffusers are imported when a shot is really shot. May import what stands above `engines` in the layout,
engines.base, engines.replacement and engines.wan_layout.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from storyboard.engines.base import Assignment
from storyboard.engines.replacement import Known, encode_head, encode_tail, know
from storyboard.engines.wan_layout import LATENT

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

_GREY: Final = (128, 128, 128)
"""What stands where the mask says that something is to be made, as the model was trained with."""


def beginning(a: Assignment) -> NDArray[np.uint8] | None:
    """The frames [n, height, width, 3] that a shot begins with, whatever they are."""
    return a.tail if a.start is None else a.start[None]


def ending(a: Assignment) -> NDArray[np.uint8] | None:
    """The frames [n, height, width, 3] that a shot ends with, whatever they are."""
    return a.head if a.end is None else a.end[None]


def film_and_mask(a: Assignment) -> dict[str, object]:
    """What is given, as VACE takes it; nothing where nothing is."""
    first, last = beginning(a), ending(a)
    given: dict[str, object] = {"reference_images": _pictures(a.references) or None}
    if first is None and last is None:
        return given
    before, after = (_pictures(frames) for frames in (first, last))
    between = a.frames - len(before) - len(after)
    size = (a.width, a.height)
    film = [*before, *[Image.new("RGB", size, _GREY)] * between, *after]
    keep, make = Image.new("L", size, 0), Image.new("L", size, 255)
    return given | {"video": film, "mask": [*[keep] * len(before), *[make] * between, *[keep] * len(after)]}


def first_and_last(a: Assignment) -> dict[str, object]:
    """What is given, as I2V takes it."""
    first, last = _pictures(beginning(a)), _pictures(ending(a))
    return {"image": first[0], "last_image": last[0] if last else None}


def see_two(pipeline: Any) -> None:
    """Let the image encoder look twice at a picture that is alone: for denoisers that are made to hear of two."""
    look = pipeline.encode_image
    pipeline.encode_image = lambda image, device: look(image if isinstance(image, list) else [image, image], device)


def known_latents(a: Assignment, noise: torch.Tensor, vae: Any, device: str) -> Known | None:
    """What is given, as latents in the layout of the loop."""
    first, head = beginning(a), a.head
    return know(
        noise,
        2,
        tail=None if first is None else encode_tail(vae, first, device),
        head=None if head is None else encode_head(vae, head, device),
    )


def latent_noise(a: Assignment, vae: Any, generator: torch.Generator, device: str) -> torch.Tensor:
    """Noise [1, c, n, h, w] for a shot, drawn on the CPU."""
    import torch

    across, frames = vae.config.scale_factor_spatial, (a.frames - 1) // LATENT + 1
    shape = (1, vae.config.z_dim, frames, a.height // across, a.width // across)
    return torch.randn(shape, generator=generator).to(device)


@contextmanager
def holding(pipeline: Any, noise: torch.Tensor, known: Known | None) -> Iterator[None]:
    """While inside, the pipeline of TI2V begins with this noise and holds what is known, or nothing.

    By itself it holds the first latent only, and drops a last picture without a word.
    """
    import torch

    clean, held = (torch.zeros_like(noise), torch.zeros_like(noise[:, :1], dtype=torch.bool))
    if known is not None:
        clean, held = known.clean, held | known.mask
    pipeline.prepare_latents = lambda *_, **__: (noise, clean, (~held).to(noise.dtype))
    try:
        yield
    finally:
        del pipeline.prepare_latents


def no_picture(a: Assignment) -> torch.Tensor:
    """What stands for a picture [1, 3, height, width] where a pipeline asks for one and does not look at it."""
    import torch

    return torch.zeros(1, 3, a.height, a.width)


def _pictures(frames: Any) -> list[Image.Image]:
    return [] if frames is None else [Image.fromarray(frame) for frame in frames]
