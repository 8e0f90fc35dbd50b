"""What the generation loop and the diffusion transformers have in common: one call of a transformer, and its inputs.

    texts = Texts(states, mask, pooled)                   once a generation: both prompts, read
    context = Context(texts, clips)                       once for each unit and stage: the history as the stage sees it
    velocity = transformer(noisy, timestep, context)      once a step

Letters of shapes: B rows of the guidance batch (2: the negative prompt, then the prompt; 1 without guidance), C latent
channels, T latent frames, h and w of a stage's latents, L text tokens. All tensors of a call are on one device. Latents
are float32 here; a transformer casts what it is given to the dtype of its own weights.

torch is named only in types. May import nothing of storyboard.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    import torch

STAGES: Final = 3
"""Each at twice the height and width of the one before."""
PIXELS: Final = 8
"""Of a side, and frames of a clip's later latents, for each of a latent."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What the text encoders made of the prompts: B rows, the negative prompt's first."""

    states: torch.Tensor
    """[B, L, width]: the last hidden states of T5."""
    mask: torch.Tensor
    """[B, L]: not 0 where there is a token, 0 where there is padding."""
    pooled: torch.Tensor
    """[B, pooled width]: what CLIP makes of the whole text."""
    kept: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)
    """The transformer's own: what it wants to keep for the whole generation, over all units, stages and steps."""


@dataclass(frozen=True, slots=True)
class Context:
    """What stays the same over all steps of one unit and stage."""

    texts: Texts
    clips: tuple[torch.Tensor, ...]
    """History, oldest first: [B, C, T_i, h_i, w_i], each at a level's size; none for the first unit. All rows of a
    clip are the same. In time their latents are 0, 1, 2, ... through all clips, and the noisy one comes after them.
    Within one generation history only grows: latent j is the same in all contexts of one `Texts`, but for its level."""
    kept: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)
    """The transformer's own: filled in the first step of the stage and read in the others (embedded text and history,
    rotary tables, mask), and gone with the stage."""


class Transformer(Protocol):
    """A diffusion transformer that predicts the velocity of the last latent of a video.

    It is asked by its call alone, so that hooks of `torch.nn.Module.__call__` (offload) see everything. What it returns
    does not depend on whether `kept` is empty.
    """

    def __call__(self, noisy: torch.Tensor, timestep: torch.Tensor, context: Context) -> torch.Tensor:
        """The velocity [B, C, 1, h, w] for `noisy` [B, C, 1, h, w], in the transformer's own dtype.

        `timestep` is [B] float32, 0 to 1000, all rows the same. The model was trained on timesteps that were rounded to
        its own dtype, so the transformer casts it before it makes sinusoids of it, as it does with `noisy`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Normalization:
    """How a checkpoint's transformer wants the latents of its autoencoder: (latent - shift) * scale."""

    first_shift: float
    first_scale: float
    """Of latent 0, which is an image by itself."""
    later_shift: float
    later_scale: float
    """Of all others."""


FLUX_NORMALIZATION: Final = Normalization(-0.04, 1 / 1.8726, -0.2343, 1 / 3.0986)
"""Of the miniFLUX checkpoints."""
MMDIT_NORMALIZATION: Final = Normalization(0.1490, 1 / 1.8415, -0.2343, 1 / 3.0986)
"""Of the SD3 ones, whose autoencoder is another."""
