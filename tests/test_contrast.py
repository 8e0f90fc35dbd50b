"""Values of a field, as they are shown beside each other: short, and never the same where they differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.contrast import AROUND, MOST, contrast, spelled
from storyboard.telling_plan import code

LONG = "A very small bear is {} in the ocean at San Francisco, and behind it the sun goes down, wide shot, soft light"


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("A.", "B.", ('"A."', '"B."')),
        (None, 5, ("nothing", "5")),
        (False, True, ("false", "true")),
        ([1, {"a": None}], [], ('[1, {"a": null}]', "[]")),
        (
            LONG.format("diving"),
            LONG.format("swimming"),
            ('"…small bear is diving in the ocean at…"', '"…small bear is swimming in the ocean at…"'),
        ),
        (LONG.format("x"), LONG.format("x") + ", 35 mm", ('"…shot, soft light"', '"…shot, soft light, 35 mm"')),
        ("3" * 64, "4" * 64, ("3" * 12, "4" * 12)),
        ("3" * 64, "3" * 63 + "4", ("…3333333333333333", "…3333333333333334")),
        ("a\x1b[1m", "a", ('"a\\x1b[1m"', '"a"')),
    ],
)
def test_what_differs_is_shown_between_whole_words(before: object, after: object, shown: tuple[str, str]) -> None:
    assert contrast(before, after) == shown  # type: ignore[arg-type]


WORDS = st.lists(
    st.sampled_from(["a", "bear", "walks", "in", "the", "city", "at", "night", "very", "x" * 70, "夜" * 30])
)
TEXTS = st.builds(" ".join, WORDS) | st.text("ab |`.", max_size=200)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_texts_that_differ_are_shown_to_differ_and_short(lead: str, one: str, two: str, rest: str) -> None:
    before, after = lead + one + rest, lead + two + rest
    shown = contrast(before, after)
    assert (shown[0] == shown[1]) == (before == after)
    assert max(map(len, shown)) <= MOST + 2 * AROUND + len('"……"')


@given(st.text(st.characters(codec="utf-8")))
def test_one_value_is_cut_with_a_mark(text: str) -> None:
    assert len(spelled(text)) <= MOST + len('"…"')


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("plain", "`plain`"),
        ("a|b", "`a\\|b`"),
        ("a `b` c", "``a `b` c``"),
        ("`", "`` ` ``"),
        ("``` | </td>", "```` ``` \\| </td> ````"),
        ("two\nlines", "`two\\x0alines`"),
    ],
)
def test_whatever_the_author_wrote_is_no_markup(text: str, span: str) -> None:
    assert code(text) == span
