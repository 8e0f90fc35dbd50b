"""Which words of a prompt a vocabulary knows, and what it offers for those that it does not."""

from __future__ import annotations

import pytest

from storyboard.engines.pocket import vocabulary
from storyboard.engines.words import Vocabulary

KNOWN = (
    "bear",
    "butterfly",
    "dances",
    "dancing",
    "elephant",
    "horse",
    "puppy",
    "rocket",
    "swimming",
    "swims",
    "t",
    "rex",
)
SMALL = Vocabulary(frozenset(KNOWN), {"subjects": ("bear", "rocket")}, most=4)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("A bear swims.", ()),
        ("BEAR! (Rocket), \u201cswims\u201d\u2026", ()),
        ("A T-rex, the bear's", ()),
        ("The zebra and the Spaceship: a zebra.", ("zebra", "Spaceship")),
        ("It isn\u2019t there, and they don't", ("isn", "don")),
        ("one-eyed \uff42\uff45\uff41\uff52, 35 mm", ("eyed", "35", "mm")),
        ("", ()),
    ],
)
def test_unknown_words_are_found_as_they_are_written(text: str, unknown: tuple[str, ...]) -> None:
    assert SMALL.unknown(text) == unknown


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("bears", "bear"),
        ("swimmer", "swims"),
        ("Danced", "dances"),
        ("puppies", "puppy"),
        ("horses", "horse"),
        ("elefant", "elephant"),
        ("buterfly", "butterfly"),
        ("gear", None),
        ("boar", None),
        ("pocket", None),
        ("zebra", None),
    ],
)
def test_the_nearest_is_of_the_same_stem_or_nearly_spelled_so(word: str, near: str | None) -> None:
    assert SMALL.nearest(word) == near


def test_a_model_reads_what_it_knows_and_as_much_as_it_can() -> None:
    assert SMALL.read("The BEAR, a zebra, swims (a bit).") == "bear , , swims"
    assert SMALL.known("The bear, a zebra, swims.") == ("bear", ",", ",", "swims", ".")
    assert SMALL.read("zebra") == ""


def test_pocket_parts_words_as_its_tokenizer_does() -> None:
    from transformers import PreTrainedTokenizerFast

    from storyboard.engines.pocket import FOLDER

    tokenizer = PreTrainedTokenizerFast.from_pretrained(FOLDER / "tokenizer")
    pocket = vocabulary()
    for text in (
        "A T-rex\u2019s kitten; a long-necked dinosaur ISN'T at the harbour!",
        "A zebra, a caf\u00e9 & 35 mm film: \u201cthe teddy bear\u201d (under_water) flies away\u2026",
        " ".join(sorted(pocket.words)[:60]),
    ):
        pieces = tokenizer.convert_ids_to_tokens(tokenizer(text, verbose=False).input_ids)
        read = tuple(piece for piece in pieces if piece not in ("<unk>", "</s>"))
        assert pocket.known(text) == read
        assert pocket.read(text) == " ".join(read[:39])


def test_pocket_knows_the_words_of_all_that_it_can_draw() -> None:
    pocket = vocabulary()
    assert set(pocket.kinds) == {"subjects", "places", "actions", "weathers", "times", "styles", "cameras"}
    for kind in ("subjects", "places", "weathers", "times"):
        assert pocket.kinds[kind] and all(pocket.unknown(name) == () for name in pocket.kinds[kind]), kind
