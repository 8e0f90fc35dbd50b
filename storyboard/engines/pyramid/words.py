"""A text -> what the transformers take of it: T5's states, token by token, and CLIP's one vector for all of it.

Imports torch. May import engines.texts.
"""

from __future__ import annotations

from typing import Any, Final

import torch

from storyboard.engines.texts import Embeddings

TOKENS: Final = 128
"""Of T5, padded and with its end of text: the transformers were trained on as many."""


def embed(text: str, readers: list[tuple[Any, Any]], device: str) -> Embeddings:
    """States [1, 128, width], mask [1, 128], pooled [1, width]. `readers` are tokenizers and encoders, T5 last.

    CLIP reads the first 77 tokens: it only gives the gist.
    """
    *clips, (tokenizer, encoder) = readers
    tokens = tokenizer(text, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt").to(device)
    states = encoder(tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state
    pooled = torch.cat([_gist(text, *clip, device) for clip in clips], 1)
    return states, tokens.attention_mask, pooled


def _gist(text: str, tokenizer: Any, encoder: Any, device: str) -> torch.Tensor:
    most = tokenizer.model_max_length
    tokens = tokenizer(text, padding="max_length", max_length=most, truncation=True, return_tensors="pt").to(device)
    read = encoder(tokens.input_ids)
    # Of the encoders with a projection, that; of the one without, what it pools.
    gist: torch.Tensor = read.text_embeds if "text_embeds" in read else read.pooler_output
    return gist


def full_prompt(prompt: str, suffix: str) -> str:
    """A prompt and what is added to it, as one sentence."""
    return prompt.rstrip(" .") + suffix if suffix else prompt
