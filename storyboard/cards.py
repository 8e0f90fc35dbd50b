"""What stands on a card -> its faults: nothing to be read, too much, or what there are no letters for.

May import what stands above `cards` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from storyboard.errors import DocumentPath, Fault
from storyboard.fields import AUTO
from storyboard.lettering import unlettered
from storyboard.scene import Card
from storyboard.wording import quoted

_MOST_CREDITS: Final = 1000


def words_of(card: Card) -> str:
    """All that the author wrote on it."""
    return "\n".join(words for credit in card.credits for words in credit) if card.credits else card.text or ""


def card_faults(card: Card, title: str, place: DocumentPath) -> Iterator[Fault]:
    """What is wrong with a card, which stands at `place`, of a film with that title."""
    lines = card.credits or ()
    if not lines and not (card.text or "").strip():
        yield Fault((*place, "text"), "the card is empty", "write what stands on it")
    if lines and card.text is not None:
        yield Fault((*place, "text"), "a card has either `text` or `credits`", "make it a line of `credits`")
    if len(lines) > _MOST_CREDITS:
        yield Fault((*place, "credits"), f"credits of more than {_MOST_CREDITS} lines", "make several scenes of them")
    if missing := unlettered(words_of(card) + (title if (AUTO,) in lines else "")):
        message = f"a card has no letters for {quoted(missing)}"
        hint = "it has Latin, Greek, Cyrillic and their like: spell it so, or show a movie of the text as `footage`"
        yield Fault((*place, "credits" if lines else "text"), message, hint)
