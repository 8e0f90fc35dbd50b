"""A store of encoded clips on the device, refreshed while training draws from it.

Turns batches of the world into tokens: the whole clip, its first frames as a tail would give them (some of them worn
by being decoded and encoded again), and its last frames as a head. Imports torch, diffusers and this folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from torch import Tensor
from transformers import T5EncoderModel

from training.data import FIELDS, Batch, film
from training.flow import GIVEN_NOISE, Given, decode, describe, encode, mixed, place, velocity
from training.models import FRAMES, SIDE, TAILS, Size


@dataclass
class Drawn:
    """A training batch, n clips. Tokens are bfloat16 on a GPU."""

    clean: Tensor
    """[n, frames, places, c]"""
    tails: Tensor
    """[n, 3, places, c]: the first latent frames as they would be given."""
    heads: Tensor
    """[n, 1 to 3, places, c]: the last frames, encoded by themselves."""
    ids: Tensor
    need: Tensor
    """int64 [n]: how many latent frames belong to the earlier state; 0 for a fresh clip."""
    labels: Tensor
    told: Tensor
    """int64 [n]: how many first latent frames the caption tells of."""


class Ring:
    """Room for `room` clips. A slot's head covers TAILS[slot % 3] frames, so batches can have heads of a length."""

    def __init__(
        self,
        source: Iterator[Batch],
        vae: AutoencoderKLLTXVideo,
        size: Size,
        room: int,
        device: torch.device,
        side: int = SIDE,
        frames: int = FRAMES,
    ) -> None:
        self.source, self.vae, self.device, self.side, self.frames = source, vae, device, side, frames
        room -= room % 3
        places, latents, kind = (side // 16) ** 2, (frames - 1) // 4 + 1, torch.float32
        kind = torch.bfloat16 if device.type == "cuda" else kind
        self.clean = torch.zeros(room, latents, places, size.latents, device=device, dtype=kind)
        self.tails = torch.zeros(room, 3, places, size.latents, device=device, dtype=kind)
        self.heads = torch.zeros(room, 3, places, size.latents, device=device, dtype=kind)
        self.ids = torch.zeros(room, size.tokens, device=device, dtype=torch.int64)
        self.need = torch.zeros(room, device=device, dtype=torch.int64)
        self.labels = torch.zeros(room, len(FIELDS), device=device, dtype=torch.int64)
        self.told = torch.zeros(room, device=device, dtype=torch.int64)
        self.room, self.made = room, 0

    @torch.no_grad()
    def refresh(
        self, wear: float = 0.0, model: tuple[LTXVideoTransformer3DModel, T5EncoderModel] | None = None
    ) -> None:
        """Draw and encode the next batch of the source over the oldest clips.

        A share `wear` of batches has its tails worn: through the autoencoder one to four times, and, where there is
        a `model`, first drawn half anew by it.
        """
        batch = next(self.source)
        films = film(batch, self.device, self.frames, self.side)
        slots = torch.arange(self.made, self.made + len(films), device=self.device) % self.room
        clean, ids = encode(self.vae, films), batch.tokens.to(self.device)
        tails = self._worn(films, clean, ids, model) if torch.rand(()) < wear else self._given(films[:, :, : TAILS[-1]])
        self.clean[slots] = clean.to(self.clean.dtype)
        self.tails[slots] = tails.to(self.tails.dtype)
        self.ids[slots] = ids
        kept = batch.kept.to(self.device)
        self.need[slots] = torch.where(kept > 0, (kept - 1) // 4 + 1, kept)
        self.labels[slots] = batch.labels.to(self.device)
        self.told[slots] = (batch.told.to(self.device) - 1) // 4 + 1
        places = torch.arange(self.made, self.made + len(films)) % self.room  # on the host, as shapes hang on it
        for kind, length in enumerate(TAILS):
            own = (places % 3 == kind).nonzero().flatten().to(self.device)
            if len(own):
                head = self._given(films[own][:, :, -length:])
                self.heads[slots[own], : head.size(1)] = head.to(self.heads.dtype)
        self.made += len(films)

    def _given(self, films: Tensor) -> Tensor:
        return encode(self.vae, films, lambda shape: torch.randn(*shape, device=self.device))

    def _worn(
        self,
        films: Tensor,
        clean: Tensor,
        ids: Tensor,
        model: tuple[LTXVideoTransformer3DModel, T5EncoderModel] | None,
    ) -> Tensor:
        """The first frames as a chain of shots would hand them on."""
        first = films[:, :, : TAILS[-1]]
        if model is not None:
            first = decode(self.vae, self._redrawn(clean, ids, *model))[:, :, : TAILS[-1]]
        for _ in range(int(torch.randint(0 if model else 1, 4, ()))):
            lead = int(torch.randint(0, 4, ()))  # frames before it, so that it does not always start a latent
            longer = torch.cat([first[:, :, :1]] * lead + [first], dim=2)
            longer = torch.cat([longer] + [longer[:, :, -1:]] * (-(longer.size(2) - 1) % 4), dim=2)
            first = decode(self.vae, self._given(longer))[:, :, lead : lead + TAILS[-1]]
        return self._given(first)

    def _redrawn(
        self, clean: Tensor, ids: Tensor, transformer: LTXVideoTransformer3DModel, text: T5EncoderModel
    ) -> Tensor:
        """Tokens with noise added and taken away again in one step: what the model itself makes of the clip."""
        level = 0.1 + 0.5 * torch.rand(len(clean), 1, device=self.device)
        spread = level[..., None, None]
        noisy = (1 - spread) * clean + spread * torch.randn_like(clean)
        with mixed(self.device):
            moved = velocity(transformer, noisy, level.expand(-1, clean.size(1)), describe(text, ids))[0].float()
        return noisy - spread * moved

    def draw(self, count: int, head: int = 0) -> Drawn:
        """`count` random clips; with a `head` of 1, 5 or 9 frames, only clips that have one of that length."""
        filled = min(self.made, self.room)
        if head:
            slots = 3 * torch.randint(0, filled // 3, (count,), device=self.device) + TAILS.index(head)
        else:
            slots = torch.randint(0, filled, (count,), device=self.device)
        heads = self.heads[slots, : (head - 1) // 4 + 1 if head else 0]
        facts = (self.ids[slots], self.need[slots], self.labels[slots], self.told[slots])
        return Drawn(self.clean[slots], self.tails[slots], heads, *facts)


@dataclass
class Lesson:
    """What the transformer sees and shall say, extra frames of a head first."""

    tokens: Tensor
    levels: Tensor
    """[n, frames]: told to it; 0 where frames are given."""
    answer: Tensor
    """Noise minus clean."""
    free: Tensor
    """[n, frames]: 1 where the answer counts."""
    fixed: Tensor
    """[n, frames]: 1 where frames are given."""


def noise_levels(count: int, frames: int, forced: bool, device: torch.device) -> Tensor:
    """[count, frames] in 0..1, logit-normal and leaning to noise; one for each frame where `forced`.

    Levels of their own for frames: Chen et al., "Diffusion Forcing", 2024.
    """
    shape = (count, frames if forced else 1)
    drawn = torch.sigmoid(0.5 + 1.2 * torch.randn(shape, device=device))
    drawn = torch.where(torch.rand(shape, device=device) < 0.1, torch.rand(shape, device=device), drawn)
    return drawn.expand(-1, frames)


def lesson(drawn: Drawn, head: int, forced: bool, rough: bool = True) -> Lesson:
    """Choose how much of each clip is given, how noisy the rest is, and build what the pipeline would build.

    Where no head is given, nothing is asked of frames that the caption does not tell of.

    With `rough`, what is given gets the pipeline's noise and, in half the clips, up to 0.1 more.
    """
    clean = drawn.clean.float()
    count, frames, device = len(clean), clean.size(1), clean.device
    chance = torch.rand(count, device=device)
    some = torch.randint(1, 4, (count,), device=device)
    tail = torch.where(drawn.need > 0, drawn.need, torch.where(chance < 0.4, some, 0))
    tail = torch.where((drawn.need > 0) & (chance > 0.85), torch.maximum(drawn.need, some), tail)
    levels = noise_levels(count, frames, forced, device)
    noise = torch.randn_like(clean)
    spread = levels[..., None, None]
    noisy = (1 - spread) * clean + spread * noise
    tokens, fixed = place(noisy, Given(head=drawn.heads.float() if head else None))
    extra = tokens.size(1) - frames
    early = torch.arange(frames, device=device) < tail[:, None]
    shown = torch.nn.functional.pad(drawn.tails.float(), (0, 0, 0, 0, 0, frames - drawn.tails.size(1)))
    tokens = torch.cat([tokens[:, :extra], torch.where(early[..., None, None], shown, tokens[:, extra:])], dim=1)
    fixed = torch.cat([fixed[:, :extra], torch.maximum(fixed[:, extra:], early.float())], dim=1)
    if rough:
        much = GIVEN_NOISE * levels.amax(dim=1).square() + 0.1 * torch.rand_like(chance) * (
            torch.rand_like(chance) < 0.5
        )
        jitter = much.view(-1, 1, 1, 1) * torch.randn_like(tokens)
        tokens = torch.where(fixed.bool()[..., None, None], tokens + jitter, tokens)
    levels = torch.cat([levels[:, :1].expand(-1, extra), levels], dim=1) * (1 - fixed)
    answer = torch.nn.functional.pad(noise - clean, (0, 0, 0, 0, extra, 0))
    free = 1 - fixed
    if not head:
        free = free * (torch.arange(frames, device=device) < drawn.told[:, None])
    return Lesson(tokens, levels, answer, free, fixed)
