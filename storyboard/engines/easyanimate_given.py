"""What a shot is given -> the film, the mask and the noise that EasyAnimate's pipeline for gaps takes.

    film    |KKKKK..............HHHH|   what is given in its place; anything in between
    mask    |00000111111111111110000|   1 where something is to be made: black is put there

The mask is brought to the latents frame by frame: so a tail of 4n + 1 frames and a head of 4n are marked as held as far
as they go, and nothing else is. A single picture at the end shows in the film, but its latent is made anew.

torch is imported when a shot is really shot. May import what stands above `engines` in the layout, and engines.base.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from storyboard.engines.base import Assignment

if TYPE_CHECKING:
    import torch

LATENT: Final = 4
"""Frames of one latent."""


def film_and_mask(a: Assignment, blur: float, generator: torch.Generator, device: str) -> dict[str, object]:
    """What is given, as the pipeline takes it; nothing where nothing is.

    `blur` is how much noise the given pictures get, for models that were made to hear of them so. The pipeline would
    draw it on the device, and fail where that is not the generator's: so it is done here, drawn on the CPU.
    """
    import torch

    first, last = a.tail if a.start is None else a.start[None], a.head if a.end is None else a.end[None]
    if first is None and last is None:
        return {}
    film, mask = torch.zeros(1, 3, a.frames, a.height, a.width), torch.full((1, 1, a.frames, a.height, a.width), 255.0)
    for frames, begin in ((first, 0), (last, a.frames - (0 if last is None else len(last)))):
        if frames is not None:
            here = slice(begin, begin + len(frames))
            film[0, :, here], mask[0, :, here] = torch.from_numpy(frames.copy()).permute(3, 0, 1, 2) / 255, 0.0
    pictures = film * 2 - 1
    shown = torch.where(mask > 0, -1.0, pictures)
    noise = torch.randn(shown.shape, generator=generator) * blur if blur else torch.zeros_like(shown)
    seen = torch.where(shown == -1, shown, shown + noise)
    given = {"video": film, "mask_video": mask, "masked_video_latents": seen}
    return {name: each.to(device) for name, each in given.items()}
