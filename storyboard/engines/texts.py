"""What a model made of texts, kept: a prompt that many shots share is read once, and the text encoder then goes away.

    texts = Texts(encode)
    embeddings = texts.read("A bear swims.", device)

Embeddings are kept in main memory, the last ones used first, up to a limit in bytes. torch is imported when a text is
really read. May import what stands above `engines` in the layout.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import torch

Embeddings = tuple["torch.Tensor | None", ...]
"""Whatever an engine's pipeline takes in place of a text: embeddings, a mask, pooled embeddings."""
MOST_BYTES: Final = 1 << 30


class Texts:
    """Embeddings by text."""

    def __init__(self, encode: Callable[[str], Embeddings], most: int = MOST_BYTES) -> None:
        """`encode` reads one text with the model; `most` is how many bytes are kept."""
        self.encode, self.most = encode, most
        self.kept: OrderedDict[str, Embeddings] = OrderedDict()
        self.bytes = 0

    def __contains__(self, text: str) -> bool:
        return text in self.kept

    def read(self, text: str, device: str) -> Embeddings:
        """The text's embeddings on a device."""
        import torch

        if text not in self.kept:
            with torch.no_grad():
                self._keep(text, tuple(None if each is None else each.to("cpu") for each in self.encode(text)))
        self.kept.move_to_end(text)
        return tuple(None if each is None else each.to(device) for each in self.kept[text])

    def clear(self) -> None:
        """Forget all."""
        self.kept.clear()
        self.bytes = 0

    def _keep(self, text: str, made: Embeddings) -> None:
        self.kept[text] = made
        self.bytes += _size(made)
        while self.bytes > self.most and len(self.kept) > 1:
            _, gone = self.kept.popitem(last=False)
            self.bytes -= _size(gone)


def _size(made: Embeddings) -> int:
    return sum(each.numel() * each.element_size() for each in made if each is not None)
