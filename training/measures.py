"""Figures of films that need no network: seams, brightness, saturation, sharpness. Imports torch.

Films are float [n, 3, frames, h, w] in -1..1; figures are in 0..255 or ratios, one for each film.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def steps(films: Tensor) -> Tensor:
    """Mean absolute difference of each frame and the next, 0..255: [n, frames - 1]."""
    return 127.5 * (films[:, :, 1:] - films[:, :, :-1]).abs().mean(dim=(1, 3, 4))


def seam_ratio(before: Tensor, after: Tensor, around: int = 8) -> Tensor:
    """The step from `before`'s last frame to `after`'s first over the median step of `around` frames on each side.

    1 cannot be seen. Both are raised by one grey level, so that still shots do not divide by nothing: [n].
    """
    jump = steps(torch.cat([before[:, :, -1:], after[:, :, :1]], dim=2))[:, 0]
    inside = torch.cat([steps(before[:, :, -around:]), steps(after[:, :, :around])], dim=1)
    return (jump + 1) / (inside.median(dim=1).values + 1)


def luma(films: Tensor) -> Tensor:
    """Mean brightness (BT.601), 0..255: [n]."""
    weights = films.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1, 1)
    return ((films + 1) * 127.5 * weights).sum(dim=1).mean(dim=(1, 2, 3))


def saturation(films: Tensor) -> Tensor:
    """Mean distance of the largest and the least of red, green and blue, 0..255: [n]."""
    return 127.5 * (films.amax(dim=1) - films.amin(dim=1)).mean(dim=(1, 2, 3))


def sharpness(films: Tensor) -> Tensor:
    """Variance of the Laplacian of brightness, mean over frames: [n]."""
    weights = films.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1, 1)
    grey = ((films + 1) * 127.5 * weights).sum(dim=1)
    kernel = films.new_tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]).view(1, 1, 3, 3)
    edges = F.conv2d(grey.flatten(0, 1)[:, None], kernel)
    return edges.var(dim=(1, 2, 3)).unflatten(0, grey.shape[:2]).mean(dim=1)


LOOKS = {"luma": luma, "saturation": saturation, "sharpness": sharpness}
