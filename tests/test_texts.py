"""Embeddings kept by text: read once, the last ones used kept, within a limit."""

from __future__ import annotations

import torch

from storyboard.engines.texts import Embeddings, Texts

EACH = 40
"""Bytes of what `Reader` makes of a text."""


class Reader:
    def __init__(self, most: int) -> None:
        self.read: list[str] = []
        self.texts = Texts(self.encode, most)

    def encode(self, text: str) -> Embeddings:
        assert not torch.is_grad_enabled()
        self.read.append(text)
        return torch.full((10,), float(len(text))), None


def test_a_text_is_read_once() -> None:
    reader = Reader(10 * EACH)
    first, nothing = reader.texts.read("bear", "cpu")
    again, _ = reader.texts.read("bear", "cpu")
    assert first is not None and again is not None and nothing is None
    assert torch.equal(first, again) and first[0] == 4
    assert reader.read == ["bear"] and "bear" in reader.texts and "dog" not in reader.texts


def test_the_last_ones_used_are_kept_within_the_limit() -> None:
    reader = Reader(2 * EACH)
    for text in ("a", "b", "a", "c"):
        reader.texts.read(text, "cpu")
    assert list(reader.texts.kept) == ["a", "c"] and reader.texts.bytes == 2 * EACH
    tight = Reader(EACH // 2)
    tight.texts.read("a", "cpu")
    assert "a" in tight.texts, "one is kept, however large"
    reader.texts.clear()
    assert reader.texts.bytes == 0 and "a" not in reader.texts
