"""Batches of described clips from worker processes. Imports torch, story and packing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training.world.packing import pack
from training.world.story import sample


@dataclass(frozen=True)
class Batch:
    """Clips that are described and packed, not rendered yet."""

    captions: list[str]
    packed: dict[str, Tensor]
    labels: list[dict[str, str | None]]


class Clips(IterableDataset[Batch]):
    """An endless stream of batches. Workers of one DataLoader, and ranks with different seeds, draw different clips.

    `for batch in Clips(64, seed=rank).loader(workers=8): render(batch.packed, device=...)`
    """

    def __init__(self, batch: int, *, seed: int, split: str = "train") -> None:
        self.batch, self.seed, self.split = batch, seed, split

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        rng = np.random.default_rng([self.seed, 0 if info is None else info.id])
        while True:
            clips = [sample(rng, split=self.split) for _ in range(self.batch)]
            yield Batch([clip.caption for clip in clips], pack(clips), [clip.labels for clip in clips])

    def loader(self, workers: int) -> DataLoader[Batch]:
        """The stream from worker processes, a few batches ahead of whoever takes them."""
        return DataLoader(
            self,
            batch_size=None,
            num_workers=workers,
            prefetch_factor=8 if workers else None,
            persistent_workers=workers > 0,
            worker_init_fn=_single_thread,
        )


def _single_thread(_: int) -> None:
    torch.set_num_threads(1)
