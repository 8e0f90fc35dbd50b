"""Fields and the order of scenes in a screenplay's text: what was asked, and every other byte as it was."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from storyboard.errors import CommandError
from storyboard.rewrite import in_order, with_fields
from storyboard.source import Data, parse_source

BLOCK = """\
# A film.
scenes:
  # Above the first.

  # Of a, line one.
  # Of a, line two.
  - id: a   # the first
    prompt: >-
      A bear

      swims.
    # Still of a.
  # Of b.
  -
    # inside b
    id: b
    trim: {head: 2f}   # trimmed
    prompt: Ä ☃ \U0001f9f8.


  # ---- act two ----

  - {id: c, prompt: C., trim: {tail: 1f, head: 3f}}
  - prompt: D.
    trim:
      head: 4f  # four
      tail: 1f
    id: d

  # At the end.
profiles: {}
"""

MOVED = """\
# A film.
scenes:
  # Above the first.

  - prompt: D.
    trim:
      head: 4f  # four
      tail: 1f
    id: d
  - {id: c, prompt: C., trim: {tail: 1f, head: 3f}}


  # ---- act two ----

  # Of a, line one.
  # Of a, line two.
  - id: a   # the first
    prompt: >-
      A bear

      swims.
    # Still of a.
  # Of b.
  -
    # inside b
    id: b
    trim: {head: 2f}   # trimmed
    prompt: Ä ☃ \U0001f9f8.

  # At the end.
profiles: {}
"""


def changed(text: str, index: int, **fields: Data) -> str:
    return with_fields(parse_source(text, "film.yaml"), {("scenes", index): fields}).text


def test_scenes_move_with_the_comments_that_are_theirs() -> None:
    assert in_order(parse_source(BLOCK, "film.yaml"), [3, 2, 0, 1]).text == MOVED
    assert in_order(parse_source(MOVED, "film.yaml"), [2, 3, 1, 0]).text == BLOCK
    assert in_order(parse_source(BLOCK, "film.yaml"), range(4)).text == BLOCK


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_other_line_ends_stay(ending: str) -> None:
    text, moved = BLOCK.replace("\n", ending), MOVED.replace("\n", ending)
    assert in_order(parse_source(text, "film.yaml"), [3, 2, 0, 1]).text == moved
    assert changed(text, 0, take=3) == changed(BLOCK, 0, take=3).replace("\n", ending)


def test_scenes_in_brackets_change_places() -> None:
    text = '{"scenes": [{"id": "a"},  {"id": "b"} , # b\n {"id": "c"}]}'
    moved = '{"scenes": [{"id": "c"},  {"id": "a"} , # b\n {"id": "b"}]}'
    assert in_order(parse_source(text, "film.yaml"), [2, 0, 1]).text == moved


def test_the_last_line_needs_no_end() -> None:
    text = "scenes:\n- id: a\n  prompt: A.\n# of b\n- id: b\n  prompt: B."
    assert (
        in_order(parse_source(text, "f"), [1, 0]).text
        == "scenes:\n# of b\n- id: b\n  prompt: B.\n- id: a\n  prompt: A."
    )
    assert changed(text, 1, take=2) == text.replace("id: b", "id: b\n  take: 2")
    assert changed(text, 1, prompt=None) == text.removesuffix("\n  prompt: B.")


@pytest.mark.parametrize(
    ("index", "fields", "old", "new"),
    [
        (0, {"continues": "nothing", "take": 2}, "# the first\n", "# the first\n    continues: nothing\n    take: 2\n"),
        (0, {"trim": {"head": "4f", "tail": "2f"}}, "# the first\n", "# the first\n    trim: {head: 4f, tail: 2f}\n"),
        (1, {"trim": {"head": "9f"}}, "{head: 2f}   #", "{head: 9f}   #"),
        (1, {"trim": {"head": "2f", "tail": "1f"}}, "{head: 2f}   #", "{head: 2f, tail: 1f}   #"),
        (1, {"trim": {"tail": "1f"}}, "{head: 2f}   #", "{tail: 1f}   #"),
        (1, {"trim": None}, "    trim: {head: 2f}   # trimmed\n", ""),
        (1, {"trim": None, "take": 2}, "id: b\n    trim: {head: 2f}   # trimmed\n", "id: b\n    take: 2\n"),
        (2, {"trim": {"head": "3f"}}, "{tail: 1f, head: 3f}", "{head: 3f}"),
        (2, {"trim": {"tail": "1f"}}, "{tail: 1f, head: 3f}", "{tail: 1f}"),
        (2, {"trim": None}, ", trim: {tail: 1f, head: 3f}", ""),
        (2, {"prompt": None, "take": 2}, "c, prompt: C.", "c, take: 2"),
        (2, {"trim": None, "prompt": "Nó: {x}"}, "C., trim: {tail: 1f, head: 3f}", '"Nó: {x}"'),
        (3, {"trim": {"tail": "2f", "head": "4f"}}, "tail: 1f\n    id", "tail: 2f\n    id"),
        (3, {"trim": {"tail": "1f"}}, "      head: 4f  # four\n      tail: 1f", "      tail: 1f"),
        (3, {"trim": {"head": "4f"}}, "  # four\n      tail: 1f\n", "  # four\n"),
        (3, {"trim": None}, "    trim:\n      head: 4f  # four\n      tail: 1f\n", ""),
        (3, {"prompt": None}, "prompt: D.\n    trim:\n      head: 4f", "trim:\n      head: 4f"),
        (0, {"prompt": "no"}, ">-\n      A bear\n\n      swims.\n", "no\n"),
        (0, {"prompt": "null"}, ">-\n      A bear\n\n      swims.\n", '"null"\n'),
    ],
)
def test_fields_are_set_and_taken_out(index: int, fields: dict[str, Data], old: str, new: str) -> None:
    assert BLOCK.count(old) == 1
    assert changed(BLOCK, index, **fields).splitlines() == BLOCK.replace(old, new).splitlines()


def test_quotes_are_those_of_the_text() -> None:
    text = '{"scenes": [{"id": "a", "prompt": "A."}]}'
    new = '{"scenes": [{"id": "a", "continues": "nothing", "trim": {"head": "4f"}, "prompt": "A."}]}'
    assert changed(text, 0, continues="nothing", trim={"head": "4f"}) == new


def test_what_cannot_be_changed_is_told(tmp_path: Path) -> None:
    text = "scenes:\n  - id: a\n    prompt: |+\n      A.\n\n\n  - id: b\n    prompt: B.\n"
    with pytest.raises(CommandError) as caught:
        in_order(parse_source(text, "film.yaml"), [1, 0])
    assert caught.value.message.startswith("film.yaml:2: this is written in a way that")


def test_any_order_comes_back_byte_for_byte() -> None:
    rng = random.Random(4)
    for number in range(200):
        items = []
        for name in "abcdefgh"[: rng.randrange(1, 9)]:
            lead = rng.choice(["", "", "  # above\n", "\n", "\n  # far\n\n  # near\n"])
            body = rng.choice(["  - id: {}\n    prompt: P.\n", "  - {{id: {}, prompt: 'P # q'}}  # behind\n"])
            items.append(lead + body.format(name) + rng.choice(["", "    # below\n", "\n\n"]))
        text = "title: T\nscenes:\n" + "".join(items) + rng.choice(["", "seed: 4\n", "# end"])
        text = text.replace("\n", rng.choice(["\n", "\r\n"]))
        order = list(range(len(items)))
        rng.shuffle(order)
        source = parse_source(text, "film.yaml")
        moved = in_order(source, order)
        back = in_order(moved, [order.index(place) for place in range(len(order))])
        assert back.text == text, (number, text)
        assert sorted(moved.text) == sorted(text)
