"""A model's vocabulary and a prompt -> the words of it that the model has never seen, and the nearest that it knows.

A small model knows the words of its captions and no others. Text is taken apart as its tokenizer does it: capitals are
the same word, and a hyphen parts two. Imports nothing of storyboard.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MARKS: Final = frozenset(".,!?:;-'")
"""Punctuation that is read; any other is passed over."""
_PIECE: Final = re.compile(r"'s\b|[^\W_]+|[^\w\s]")
_CUTOFF: Final = 0.8
"""How alike two spellings are, at least, for one to be shown for the other: 1 is the same."""
_SHORTEST: Final = 5
"""Letters of a word that may be a misspelling: shorter ones are all alike."""
_ENDINGS: Final = ("ings", "ing", "ers", "ies", "ied", "ed", "er", "es", "ly", "en", "s", "e", "y")
_STOP_WORDS: Final = """
a about after again all also although am an and another any are as at be because been before being both but by can
could did do does doing done during each either else enough even ever every few for from further had has have having
he her here hers herself him himself his how i if in into is it its itself just like may me might more most much
must my myself neither no nor not of off on once one only or other others our ours own per perhaps quite rather
really s same she should since so some still such t than that the their theirs them themselves then there these they
this those though thus to too toward towards until up upon us very via was we were what when where whether which
while who whom whose why will with within without would yet you your yours
"""
_STOP: Final = frozenset(_STOP_WORDS.split())
"""Words that say little by themselves: a picture is the same without them."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that a model has seen."""

    words: frozenset[str]
    """In small letters."""
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What it can draw, by kind: `subjects` -> (`teddy bear`, ...)."""
    most: int | None = None
    """Words and marks of a prompt that it reads, at most."""

    def unknown(self, text: str) -> tuple[str, ...]:
        """The words of a text that are not known, as they are written, each once. Stop words and marks do not count."""
        found: dict[str, str] = {}
        for piece in _PIECE.findall(_straight(text)):
            word = piece.lower()
            if piece[0].isalnum() and word not in self.words and word not in _STOP:
                found.setdefault(word, piece)
        return tuple(found.values())

    def known(self, text: str) -> tuple[str, ...]:
        """The words and marks of a text that the model can read, in small letters and in order, however many."""
        pieces = _PIECE.findall(_straight(text).lower())
        return tuple(piece for piece in pieces if piece in self.words or piece in MARKS or piece == "'s")

    def read(self, text: str) -> str:
        """What the model reads of a text: the words that it knows, as many as it reads."""
        return " ".join(self.known(text)[: self.most])

    def nearest(self, word: str) -> str | None:
        """The known word that is most like an unknown one: of the same stem, else spelled nearly so."""
        word = word.lower()
        known = sorted(self.words - _STOP)
        stem = _stem(word)
        related = [other for other in known if _stem(other) == stem]
        if related:
            return min(related, key=lambda other: (abs(len(other) - len(stem)), other))
        if len(word) < _SHORTEST:
            return None
        alike = [other for other in known if other[0] == word[0]]
        near = difflib.get_close_matches(word, alike, n=1, cutoff=_CUTOFF)
        return near[0] if near else None


def _straight(text: str) -> str:
    """Compatible letters as one, and apostrophes straight."""
    return re.sub("[\u2018\u2019]", "'", unicodedata.normalize("NFKC", text))


def _stem(word: str) -> str:
    """A word without its ending, and without the letter that the ending doubled: `swimming` and `swims` are `swim`."""
    for ending in _ENDINGS:
        bare = word.removesuffix(ending)
        if bare != word and len(bare) >= 3 and not word.endswith("ss"):
            doubled = len(bare) > 3 and bare[-1] == bare[-2] and bare[-1] not in "aeiouls"
            return bare[:-1] if doubled else bare
    return word
