"""The storybook world as tensors: described in worker processes, drawn on the device.

Turns (split, seed, rank) into an endless stream of `Batch`es; `film` turns a batch into pictures. Imports torch,
numpy and training.world.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset
from transformers import PreTrainedTokenizerFast

from training import world
from training.models import FRAMES, SIDE, TAILS

FIELDS = ("subject", "second", "place", "action", "weather", "time", "style", "camera")
"""The labels that classifiers learn, in this order."""
UNKNOWN = -100
"""A label that is not on its list; no loss is taken on it."""
ALL = 10**6
"""More frames than a clip has."""


def label_lists() -> dict[str, tuple[str, ...]]:
    """For each of FIELDS the names that a label may have; "" stands for none."""
    return {
        "subject": world.subjects(),
        "second": ("", *world.subjects()),
        "place": world.places(),
        "action": world.actions(),
        "weather": world.weathers(),
        "time": world.times(),
        "style": world.styles(),
        "camera": world.cameras(),
    }


@dataclass
class Batch:
    """n clips, described: what is needed to draw them, and what is known of them."""

    packed: dict[str, Tensor]
    tokens: Tensor
    """int64 [n, tokens]: caption ids, padded with 0."""
    kept: Tensor
    """int64 [n]: how many frames follow the earlier state; 0 for a fresh clip."""
    labels: Tensor
    """int64 [n, FIELDS]: places in `label_lists`."""
    captions: list[str]
    told: Tensor
    """int64 [n]: how many first frames the caption tells of; large where it is all of them."""


class Describer:
    """Turns clips into batches; picklable, so that workers can have one each."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, length: int) -> None:
        self.tokenizer, self.length = tokenizer, length
        self.places = {field: {name: i for i, name in enumerate(names)} for field, names in label_lists().items()}

    def ids(self, captions: Sequence[str]) -> Tensor:
        """int64 [n, length], as the pipeline makes them."""
        return self.tokenizer(
            list(captions), padding="max_length", truncation=True, max_length=self.length, return_tensors="pt"
        ).input_ids

    def batch(self, clips: Sequence[world.Clip]) -> Batch:
        """Describe and pack."""
        labels = [[self.places[f].get(clip.labels.get(f) or "", UNKNOWN) for f in FIELDS] for clip in clips]
        captions = [clip.caption for clip in clips]
        kept = torch.tensor([clip.kept for clip in clips])
        told = torch.tensor([ALL if clip.whole else clip.start + 1 for clip in clips])
        return Batch(world.pack(clips), self.ids(captions), kept, torch.tensor(labels), captions, told)


def trainable(clip: world.Clip) -> bool:
    """Whether no state of the clip is of a held-out pair of subject and place."""
    return not any(world.is_held_out(state.subject, state.place) for state in (clip.earlier, clip.later))


class Stream(IterableDataset[Batch]):
    """Endless batches of `chunk` clips; with chance `stories` the next ones are a chain of up to four prompts.

    With chance `led` the next one turns, late and untold, into another scene.
    """

    def __init__(
        self, describer: Describer, split: str, chunk: int, seed: int, rank: int, stories: float, led: float
    ) -> None:
        self.describer, self.split, self.chunk = describer, split, chunk
        self.seed, self.rank, self.stories, self.led = seed, rank, stories, led

    def __iter__(self) -> Iterator[Batch]:
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, self.rank, worker.id if worker else 0])
        while True:
            clips: list[world.Clip] = []
            while len(clips) < self.chunk:
                if rng.random() < self.stories:
                    kept = TAILS[int(rng.integers(len(TAILS)))]
                    clips += filter(trainable, world.sample_story(rng, int(rng.integers(2, 5)), kept=kept))
                elif rng.random() < self.led:
                    clips += filter(trainable, [world.sample_led(rng)])
                else:
                    clips.append(world.sample(rng, split=self.split))
            yield self.describer.batch(clips[: self.chunk])


def stream(
    describer: Describer,
    split: str,
    chunk: int,
    seed: int,
    rank: int,
    workers: int,
    stories: float = 0.15,
    led: float = 0.0,
) -> Iterator[Batch]:
    """An iterator over `Stream`, described in `workers` other processes, or in this one where there are none."""
    loader = DataLoader(
        Stream(describer, split, chunk, seed, rank, stories, led),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=6 if workers else None,
        multiprocessing_context="fork" if workers else None,
    )
    return iter(loader)


@torch.no_grad()
def film(batch: Batch, device: torch.device, frames: int = FRAMES, side: int = SIDE) -> Tensor:
    """Draw a batch: float32 [n, 3, frames, side, side] in -1..1."""
    pictures = world.render(batch.packed, frames=frames, height=side, width=side, device=device)
    films = pictures.permute(0, 2, 1, 3, 4).float().div_(127.5).sub_(1)
    return films.contiguous(memory_format=torch.channels_last_3d)


@torch.no_grad()
def sprites(batch: Batch, device: torch.device, frames: int = FRAMES, side: int = SIDE) -> Tensor:
    """Where sprites are: bool [n, 1, frames, side, side]."""
    boxes = world.masks(batch.packed, frames=frames, height=side, width=side, device=device)
    return boxes.permute(0, 2, 1, 3, 4)
