"""Letters come from the font of the package, the same everywhere; what it has not is spelled, no box stands for it."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from PIL import ImageFont

from storyboard.lettering import FONT, font_of, letter, spelled, unlettered

ALPHABETS = "ÅÉÎÕÜßçğłñőřšžæœð ΑΒΓΔΩάέήώϊ АБВГДЖЩЪЫЭЮЯёђіљџґ Ա ა"


def test_the_font_has_latin_greek_and_cyrillic_and_says_whose_it_is() -> None:
    assert unlettered(ALPHABETS) == "" and spelled(ALPHABETS) == unicodedata.normalize("NFC", ALPHABETS)
    assert FONT.stat().st_size < 800_000
    assert "Bitstream" in (FONT.parent / "LICENSE.txt").read_text()


def test_the_font_s_own_table_says_what_the_font_draws() -> None:
    """Against the renderer itself: a character that is covered is not drawn as the one that stands for nothing."""
    font, nothing = font_of(20), bytes(font_of(20).getmask("\U000e0fff"))
    signs = [chr(code) for code in range(0x21, 0x3000, 7) if not unicodedata.category(chr(code)).startswith("C")]
    tried = [sign for sign in signs if unicodedata.bidirectional(sign) not in ("R", "AL", "AN", "NSM")]
    drawn = [sign for sign in tried if bytes(font.getmask(sign)) != nothing]
    assert len(drawn) > 300 and len(tried) - len(drawn) > 100
    assert [sign for sign in tried if not unlettered(unicodedata.normalize("NFC", sign)) and sign not in drawn] == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("日本 film", "\\u65e5\\u672c film"),
        ("שלום", "\\u05e9\\u05dc\\u05d5\\u05dd"),
        ("a 🧸", "a \\U0001f9f8"),
        ("Cafe\u0301\nno\u200d!", "Café\nno!"),
    ],
)
def test_what_cannot_be_set_is_spelled(text: str, shown: str) -> None:
    assert spelled(text) == shown
    assert (letter(text, 300, 60, 20) == letter(shown, 300, 60, 20)).all()


def test_texts_without_letters_are_told_apart() -> None:
    """Two prompts in another script are two pictures of the animatic."""
    assert (letter("日本", 300, 60, 20) != letter("中国", 300, 60, 20)).any()
    assert unlettered("日本日 ok") == "日本"


def test_shaping_that_only_some_machines_have_is_not_used() -> None:
    assert font_of(12).layout_engine == ImageFont.Layout.BASIC
    assert np.count_nonzero(letter("fi ffl AVA", 200, 40, 30)) > 100
