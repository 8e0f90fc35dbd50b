"""A prompt -> what the models of Wan read in its place.

diffusers cleans prompts with the package ftfy where that is installed, and fails or does without where it is not. Here
the same is done without it, but for the repair of texts that were decoded wrongly: so no film depends on a package.

torch is imported when a text is really read. May import nothing of storyboard.
"""

from __future__ import annotations

import html
import unicodedata
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import torch

_QUOTES: Final = {ord(sign): "'" for sign in "\u2018\u2019\u201a\u201b\u02bc"} | {
    ord(sign): '"' for sign in "\u201c\u201d\u201e\u201f"
}


def cleaned(text: str) -> str:
    """The text as the models were trained on it: signs of HTML read, quotes straight, letters of common width and
    apart, one space between words."""
    plain = html.unescape(html.unescape(text)).translate(_QUOTES)
    narrow = "".join(unicodedata.normalize("NFKC", sign) if _is_wide(sign) else sign for sign in plain)
    return " ".join(unicodedata.normalize("NFC", narrow).split())


def _is_wide(sign: str) -> bool:
    """Whether it is a letter or a mark of another width, or several Latin letters in one."""
    return "\uff01" <= sign <= "\uffef" or "\ufb00" <= sign <= "\ufb06" or sign == "\u3000"


def embed(text: str, tokenizer: Any, text_encoder: Any, count: int, device: str) -> torch.Tensor:
    """Embeddings [1, count, channels] of a text of at most so many tokens, zero behind it."""
    import torch

    tokens = tokenizer(cleaned(text), padding="max_length", max_length=count, return_tensors="pt").to(device)
    with torch.no_grad():
        states = text_encoder(tokens.input_ids, tokens.attention_mask).last_hidden_state
    made: torch.Tensor = states * tokens.attention_mask[..., None].to(states.dtype)
    return made
