"""The choice of a take -> `take: N` in the screenplay's text, every other byte of which stays as it is.

The screenplay is not written anew: the number is put where it stands, or a field is put behind the scene's `id`. What
comes out is read again, and has to say what the old text said but for the one take. May import what stands above
`pick` in the layout.
"""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from storyboard.durable import LEFTOVER, place, scratch_name
from storyboard.errors import CommandError, DocumentPath, ScreenplayError
from storyboard.screenplay import Screenplay, loads
from storyboard.source import Position, Source, parse_source, read_text

_BOM: Final = "\ufeff"
_LINE: Final = re.compile(r"[^\r\n]*(\r\n|\r|\n|\Z)")
_NUMBER: Final = re.compile(r"[-+0-9a-fA-Fox]+")
_TEXT: Final = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[a-z0-9_-]+""", re.DOTALL)
_REST: Final = re.compile(r"[ \t]*(?:#[^\r\n]*)?")
_MOST_TAKE: Final = 10**9


def pick(path: Path, scene: str, take: int) -> bool:
    """Make `take` the take of a scene in the screenplay at `path`; whether its text had to change for that.

    Written durably, through links, with the file's permissions. Raises ScreenplayError where the screenplay has faults,
    CommandError where there is no such scene, where it has no takes, or where the file cannot be written.
    """
    text = read_text(path)
    screenplay = loads(text, str(path), path.parent)
    index = index_of_shot_scene(screenplay, scene)
    if not 1 <= take <= _MOST_TAKE:
        raise CommandError(f"there is no take {take}", "takes are numbered from 1")
    if screenplay.scenes[index].take == take:
        return False
    if screenplay.scenes[index].hold:
        raise CommandError(f"scene `{scene}` is on hold", "take `hold` out first: another take is another scene")
    bare = text.removeprefix(_BOM)
    changed = _with_take(screenplay.source, index, take)
    if changed is None or not _says(screenplay.source, index, take, changed):
        line, _ = screenplay.source.map.value(("scenes", index))
        raise CommandError(
            f"{path}:{line}: scene `{scene}` is written in a way that no field can be put into",
            f"write `take: {take}` there yourself",
        )
    _write(path, text[: len(text) - len(bare)] + changed)
    return True


def index_of_shot_scene(screenplay: Screenplay, scene: str) -> int:
    """The place of a scene that an engine shoots. Raises CommandError where it is not there, or has no takes."""
    ids = [each.id for each in screenplay.scenes]
    if scene not in ids:
        names = ", ".join(f"`{each}`" for each in ids[:10])
        raise CommandError(f"there is no scene `{scene}` in `{screenplay.source.name}`", f"its scenes are {names}")
    index = ids.index(scene)
    found = screenplay.scenes[index]
    if found.card or found.footage:
        what = "a title card" if found.card else "own footage"
        raise CommandError(f"scene `{scene}` is {what}, which has no takes", "name a scene that has a prompt")
    return index


def _with_take(source: Source, index: int, take: int) -> str | None:
    """The text with the take in it; None where there is no place for it."""
    at: DocumentPath = ("scenes", index)
    text = source.text
    if (written := source.map.values.get((*at, "take"))) is not None:
        start = _offset(text, written)
        number = _NUMBER.match(text, start)
        return f"{text[:start]}{take}{text[number.end() :]}" if number else None
    name = _TEXT.match(text, _offset(text, source.map.value((*at, "id"))))
    if name is None:
        return None
    scene = source.map.value(at)
    if text[_offset(text, scene)] == "{":
        quote = text[_offset(text, source.map.key((*at, "id")))]
        field = f"{quote}take{quote}" if quote in "\"'" else "take"
        return f"{text[: name.end()]}, {field}: {take}{text[name.end() :]}"
    rest = _REST.match(text, name.end())
    line = _LINE.match(text, rest.end() if rest else name.end())
    if rest is None or line is None or line.start() != line.start(1):
        return None
    ending = line[1] or _first_ending(text)
    before = text[: line.end()] if line[1] else text + ending
    indent = " " * (scene[1] - 1)
    return f"{before}{indent}take: {take}{ending if line[1] else ''}{text[line.end() :]}"


def _offset(text: str, position: Position) -> int:
    """Where in the text a line and column, both from 1, are."""
    line, column = position
    offset = 0
    for _ in range(line - 1):
        found = _LINE.match(text, offset)
        assert found is not None
        offset = found.end()
    return offset + column - 1


def _first_ending(text: str) -> str:
    found = _LINE.match(text)
    return (found[1] if found else "") or "\n"


def _says(source: Source, index: int, take: int, changed: str) -> bool:
    """Whether the changed text says what the source says, but for the scene's take."""
    try:
        now = parse_source(changed, source.name).data
    except ScreenplayError:
        return False
    before = source.data
    if not (isinstance(now, dict) and isinstance(before, dict)):
        return False
    scenes, old = now["scenes"], before["scenes"]
    if not (isinstance(scenes, list) and isinstance(old, list)) or not isinstance(scene := old[index], dict):
        return False
    return now == before | {"scenes": [*old[:index], scene | {"take": take}, *old[index + 1 :]]}


def _write(path: Path, text: str) -> None:
    target = path.resolve()
    aside = target.with_name(f".{scratch_name()}{LEFTOVER}")
    try:
        aside.write_bytes(text.encode())
        shutil.copymode(target, aside)
        place(aside, target)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise CommandError(
            f"cannot write `{path}`: {error.strerror or error}", "check its permissions and those of its folder"
        ) from error
