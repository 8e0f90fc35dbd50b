"""Pictures too large for memory, cut into overlapping tiles that are worked on one by one and blended again.

    |---- tile ----|
               |---- tile ----|          a quarter of each tile overlaps the next one; there one fades into the other
                          |---- tile --

Imports torch; imported when a shot is really shot. May import nothing of storyboard.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_OVERLAP = 0.25


def tiled(work: Callable[[Tensor], Tensor], x: Tensor, size: int, factor: float) -> Tensor:
    """What `work` makes of `x` [..., H, W], tile by tile of `size` x `size`; it changes a side's length by `factor`.

    Linear fades, first from the tile above and then from the one to the left, both blended themselves.
    """
    step = int(size * (1 - _OVERLAP))
    made = int(size * factor)
    fade = int(made * _OVERLAP)
    above: list[Tensor] = []
    rows = []
    for top in range(0, x.shape[-2], step):
        row: list[Tensor] = []
        for left in range(0, x.shape[-1], step):
            tile = work(x[..., top : top + size, left : left + size])
            if above:
                tile = _faded(above[len(row)], tile, fade, dim=-2)
            if row:
                tile = _faded(row[-1], tile, fade, dim=-1)
            row.append(tile)
        rows.append(torch.cat([tile[..., : made - fade, : made - fade] for tile in row], dim=-1))
        above = row
    return torch.cat(rows, dim=-2)


def _faded(before: Tensor, tile: Tensor, extent: int, dim: int) -> Tensor:
    """`tile`, whose first rows (or columns) fade in over the last ones of the tile before it."""
    extent = min(before.shape[dim], tile.shape[dim], extent)
    weight = torch.arange(extent, device=tile.device, dtype=tile.dtype) / extent
    weight = weight[:, None] if dim == -2 else weight
    old = before.narrow(dim, before.shape[dim] - extent, extent)
    new, rest = torch.split(tile, [extent, tile.shape[dim] - extent], dim=dim)
    return torch.cat([old * (1 - weight) + new * weight, rest], dim=dim)
