"""A picked take in the screenplay's text: one number or one field more, every other byte as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from storyboard.errors import CommandError, ScreenplayError
from storyboard.pick import pick
from storyboard.screenplay import load

BLOCK = """\
# A film of two scenes.
title: "Two"   # quoted
scenes:
  - id: a         # the first
    # what is seen:
    prompt: >-
      A bear
      swims.
    duration: 1s

  -   duration: 1s
      prompt: "B: {{x}}"
      id: 'b'
      take: 2     # the better one
"""
FLOW = """\
scenes: [{id: a, prompt: A., duration: 1}, {duration: 1, 'id' : 'b' , prompt: "take: 9",
  beats: [{at: 0.5, prompt: B.}]}]
"""
JSON = '{"scenes": [{"id": "a", "prompt": "A.", "duration": 1, "take": 7}, {"prompt": "B.", "duration": 1, "id": "b"}]}'


def picked(folder: Path, text: str, scene: str, take: int) -> str:
    """The text after a pick; all that the screenplay says but for the take must be what it said."""
    film = folder / "film.yaml"
    film.write_bytes(text.encode())
    before = load(film).canonical()
    assert pick(film, scene, take)
    after = load(film)
    now = {each.id: each.take for each in after.scenes}
    assert now[scene] == take
    assert pick(film, scene, take) is False, "nothing is left to be changed"
    said = after.canonical()
    for each in (before, said):
        for spoken in each["scenes"]:  # type: ignore[union-attr]
            if spoken["id"] == scene:  # type: ignore[index, call-overload]
                spoken.pop("take", None)  # type: ignore[union-attr, call-arg]
    assert said == before
    return film.read_bytes().decode()


@pytest.mark.parametrize(
    ("text", "scene", "old", "new"),
    [
        (BLOCK, "a", "# the first\n", "# the first\n    take: 3\n"),
        (BLOCK, "b", "take: 2     #", "take: 3     #"),
        (FLOW, "a", "{id: a,", "{id: a, take: 3,"),
        (FLOW, "b", "'id' : 'b' ,", "'id' : 'b', 'take': 3 ,"),
        (JSON, "a", '"take": 7', '"take": 3'),
        (JSON, "b", '"id": "b"}', '"id": "b", "take": 3}'),
        ("scenes:\n- prompt: A.\n  duration: 1\n  id: a", "a", "  id: a", "  id: a\n  take: 3"),
        ("scenes:\n- ? prompt\n  : A.\n  ? id\n  : a\n  ? duration\n  : 1\n", "a", "  : a\n", "  : a\n  take: 3\n"),
        ("scenes:\n- {id: a, take: 0x2, prompt: A., duration: 1}\n", "a", "0x2", "3"),
        ("scenes:\n- id: a\n  take:\n    2\n  prompt: A.\n  duration: 1\n", "a", "    2\n", "    3\n"),
        ("scenes:\n- id: >-\n    a\n  duration: 1\n  prompt: O.\n", "a", "    a\n", "    a\n  take: 3\n"),
        ('scenes:\n- id: "\\x61"\n  prompt: Ä ☃.\n  duration: 1\n', "a", '61"\n', '61"\n  take: 3\n'),
    ],
)
def test_one_field_and_nothing_else(tmp_path: Path, text: str, scene: str, old: str, new: str) -> None:
    assert text.count(old) == 1
    assert picked(tmp_path, text, scene, 3) == text.replace(old, new)


@pytest.mark.parametrize("text", [BLOCK, FLOW])
def test_line_ends_and_a_mark_at_the_start_stay(tmp_path: Path, text: str) -> None:
    plain = picked(tmp_path, text, "a", 3)
    crlf = picked(tmp_path, "\ufeff" + text.replace("\n", "\r\n"), "a", 3)
    assert crlf == "\ufeff" + plain.replace("\n", "\r\n")
    assert picked(tmp_path, text.replace("\n", "\r"), "a", 3) == plain.replace("\n", "\r")


def test_the_first_take_is_picked_back(tmp_path: Path) -> None:
    assert picked(tmp_path, BLOCK, "b", 1) == BLOCK.replace("take: 2", "take: 1")
    film = tmp_path / "film.yaml"
    film.write_text(BLOCK)
    assert pick(film, "a", 1) is False, "it is what a scene has that says nothing"
    assert film.read_text() == BLOCK


def test_the_file_keeps_its_permissions_and_its_link(tmp_path: Path) -> None:
    film, link = tmp_path / "there.yaml", tmp_path / "film.yaml"
    film.write_text(BLOCK)
    film.chmod(0o640)
    link.symlink_to("there.yaml")
    assert pick(link, "a", 2)
    assert link.is_symlink() and film.stat().st_mode & 0o777 == 0o640
    assert load(film).scenes[0].take == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.yaml", "there.yaml"]


def test_what_cannot_be_picked_says_why_and_changes_nothing(tmp_path: Path) -> None:
    film = tmp_path / "film.yaml"
    held = "  - {id: held, prompt: H., duration: 1, hold: true}\n"
    text = f"{BLOCK}  - {{id: end, card: {{text: End}}, duration: 1}}\n{held}"
    film.write_text(text)
    for scene, take, words in [
        ("z", 2, "there is no scene `z`"),
        ("end", 2, "scene `end` is a title card, which has no takes"),
        ("a", 0, "there is no take 0"),
        ("held", 2, "scene `held` is on hold"),
    ]:
        with pytest.raises(CommandError) as caught:
            pick(film, scene, take)
        assert words in caught.value.message
    assert film.read_text() == text
    for wrong, words in [("- &x {id: a, prompt: A., duration: 1}", "`&` begins an anchor"), ("- a", "mapping")]:
        film.write_text(f"scenes:\n{wrong}\n")
        with pytest.raises(ScreenplayError, match=words):
            pick(film, "a", 2)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    film = tmp_path / "film.yaml"
    film.write_text(BLOCK)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CommandError, match="cannot write"):
            pick(film, "a", 2)
    finally:
        tmp_path.chmod(0o700)
    assert film.read_text() == BLOCK
