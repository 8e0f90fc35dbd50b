"""Frames as people see them <-> normalized latents as the transformers want them.

The last 8m+1 frames of a shot are encoded as a clip of their own, whose first frame is an image to the autoencoder: in
the way that the models were trained, so that their latents are history for the first new one.

Imports torch; imported when a shot is really shot. May import engines.pyramid.parts and engines.pyramid.vae.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from storyboard.engines.pyramid.parts import Normalization
from storyboard.engines.pyramid.vae import CausalVideoVae

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HALF = 127.5


@torch.no_grad()
def latents_of(
    frames: NDArray[np.uint8], vae: CausalVideoVae, as_wanted: Normalization, device: torch.device | str
) -> Tensor:
    """uint8 [8m+1, H, W, 3] -> normalized latents [1, C, m+1, H/8, W/8]: the means of what the autoencoder sees.

    Means and no samples, so that what is given does not depend on the seed.
    """
    clip = torch.from_numpy(frames).to(device).permute(3, 0, 1, 2)[None].float() / _HALF - 1
    return normalized(vae.encode(clip).mean, as_wanted)


@torch.no_grad()
def frames_of(
    latents: Tensor, vae: CausalVideoVae, as_wanted: Normalization, device: torch.device | str
) -> NDArray[np.float32]:
    """Normalized latents [1, C, n+1, h, w] -> frames [8n+1, H, W, 3] of numbers in 0..1."""
    clip = vae.decode(restored(latents.to(device), as_wanted))[0]
    # In place: a long clip is gigabytes.
    numbers: NDArray[np.float32] = clip.add_(1).div_(2).clamp_(0, 1).permute(1, 2, 3, 0).numpy()
    return numbers


def normalized(latents: Tensor, as_wanted: Normalization) -> Tensor:
    """Of the autoencoder -> for the transformer. [1, C, n, h, w], the first one of a clip at the front."""
    n = as_wanted
    first, later = latents[:, :, :1], latents[:, :, 1:]
    return torch.cat([(first - n.first_shift) * n.first_scale, (later - n.later_shift) * n.later_scale], dim=2)


def restored(latents: Tensor, as_wanted: Normalization) -> Tensor:
    """The way back."""
    n = as_wanted
    first, later = latents[:, :, :1], latents[:, :, 1:]
    return torch.cat([first / n.first_scale + n.first_shift, later / n.later_scale + n.later_shift], dim=2)
