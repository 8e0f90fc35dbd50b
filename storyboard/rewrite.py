"""A screenplay's text -> the same text with other fields in it, or with its scenes in another order.

It is not written anew: values are put where they stand, new fields behind the `id` of their scene, scenes are moved
with the comments that belong to them, and every other byte stays. What comes out is read again, and has to say exactly
what was asked. May import what stands above `rewrite` in the layout, and PyYAML's parser.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from storyboard.durable import aside, place
from storyboard.errors import CommandError, DocumentPath, ScreenplayError
from storyboard.source import Data, Source, parse_source
from storyboard.wording import value_at

_BOM: Final = "\ufeff"
_LINE: Final = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_COMMENT: Final = re.compile(r"([ \t]*)#")
_DASH: Final = re.compile(r"-(?:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))*[ \t]*\Z")
_PLAIN: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")

Fields = Mapping[str, Data]
"""Fields of a mapping with their new values; None takes a field out."""


def with_fields(source: Source, changes: Mapping[DocumentPath, Fields]) -> Source:
    """The source with fields of its mappings set or taken out. Raises CommandError where its text has no room for them.

    Of a mapping inside a mapping only what changes is touched.
    """
    text, tree = source.text, _Tree.of(source.text)
    edits: list[_Edit] = []
    for path, fields in changes.items():
        edits += _field_edits(text, tree, path, value_at(source.data, path), fields)
    pieces, done = [], 0
    for start, end, words in sorted(edits, key=lambda edit: edit[:2]):
        pieces += [text[done:start], words]
        done = max(done, end)
    expected = source.data
    for path, fields in changes.items():
        expected = _with(expected, path, fields)
    place = next(iter(changes), ())
    return _checked(source, "".join(pieces) + text[done:], expected, place)


def in_order(source: Source, order: Sequence[int]) -> Source:
    """The source with its scenes in another order, given by their places now. Raises CommandError where the text of one
    cannot be moved."""
    assert sorted(order) == list(range(len(order))), order
    text, tree = source.text, _Tree.of(source.text)
    items = [tree.values[("scenes", index)] for index in range(len(order))]
    if not tree.values[("scenes",)].flow:
        items = _with_comments(text, items)
    pieces, done = [], 0
    for there, index in zip(items, order, strict=True):
        pieces += [text[done : there.start], text[items[index].start : items[index].end]]
        done = there.end
    data = source.data
    assert isinstance(data, dict), "a screenplay"
    scenes = data["scenes"]
    assert isinstance(scenes, list), "of scenes"
    expected: Data = data | {"scenes": [scenes[index] for index in order]}
    return _checked(source, "".join(pieces) + text[done:], expected, ("scenes",))


def write(path: Path, source: Source, was: str) -> None:
    """Write a source durably where its text `was` stood, through links, with the file's permissions. Raises
    CommandError."""
    target = path.resolve()
    mark = _BOM if was.startswith(_BOM) else ""
    try:
        with aside(target) as folder:
            written = folder / "written"
            written.write_bytes((mark + source.text).encode())
            shutil.copymode(target, written)
            place(written, target)
    except OSError as error:
        raise CommandError(
            f"cannot write `{path}`: {error.strerror or error}", "check its permissions and those of its folder"
        ) from error


def _checked(source: Source, text: str, expected: Data, path: DocumentPath) -> Source:
    """The changed text, read again."""
    with suppress(ScreenplayError):
        now = parse_source(text, source.name)
        if now.data == expected:
            return now
    line, _ = source.map.value(path)
    message = f"{source.name}:{line}: this is written in a way that cannot be changed without writing it anew"
    raise CommandError(message, "write fields and values on lines of their own, or make the change yourself")


def _with(data: Data, path: DocumentPath, fields: Fields) -> Data:
    """Plain data with fields changed in the mapping at a path."""
    if path:
        step, *rest = path
        if isinstance(data, list) and isinstance(step, int):
            return [*data[:step], _with(data[step], tuple(rest), fields), *data[step + 1 :]]
        assert isinstance(data, dict) and isinstance(step, str), path
        return data | {step: _with(data[step], tuple(rest), fields)}
    assert isinstance(data, dict), "fields are of mappings"
    return {name: value for name, value in (data | dict(fields)).items() if value is not None}


# Where everything stands


@dataclass(frozen=True, slots=True)
class _Extent:
    """Where a piece of the text begins and ends. What is not `flow` is a block, or a scalar."""

    start: int
    end: int
    flow: bool = False


@dataclass(frozen=True, slots=True)
class _Tree:
    """The extents of all values and of the names of all fields."""

    values: dict[DocumentPath, _Extent] = field(default_factory=dict)
    keys: dict[DocumentPath, _Extent] = field(default_factory=dict)
    fields: dict[DocumentPath, list[str]] = field(default_factory=dict)
    """The names in each mapping, in the order of the text."""

    @classmethod
    def of(cls, text: str) -> _Tree:
        """Of a text that was read as a source."""
        tree = cls()
        events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                tree._measure(text, events, next(events), ())
        return tree

    def _measure(self, text: str, events: Iterator[yaml.Event], event: yaml.Event, path: DocumentPath) -> int:
        """Note the value that begins with an event; where it ends."""
        start, end, flow = _start(event), _end(event), bool(getattr(event, "flow_style", False))
        if isinstance(event, yaml.MappingStartEvent):
            names = self.fields.setdefault(path, [])
            while not isinstance(event := next(events), yaml.MappingEndEvent):
                assert isinstance(event, yaml.ScalarEvent), "as sources have it"
                names.append(event.value)
                here = (*path, event.value)
                self.keys[here] = _Extent(_start(event), _end(event))
                end = self._measure(text, events, next(events), here)
            end = _end(event) if flow else end
        elif isinstance(event, yaml.SequenceStartEvent):
            count = 0
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                end = self._measure(text, events, event, (*path, count))
                count += 1
            end = _end(event) if flow else end
        else:
            end = start + len(text[start:end].rstrip())
        self.values[path] = _Extent(start, end, flow)
        return end


def _start(event: yaml.Event) -> int:
    assert event.start_mark is not None
    return event.start_mark.index


def _end(event: yaml.Event) -> int:
    assert event.end_mark is not None
    return event.end_mark.index


# Fields

_Edit = tuple[int, int, str]
"""From where to where in the text, and what comes there."""


def _field_edits(text: str, tree: _Tree, path: DocumentPath, said: Data, fields: Fields) -> Iterator[_Edit]:
    assert isinstance(said, dict), "fields are of mappings"
    names = tree.fields[path]
    quote = text[tree.keys[(*path, "id" if "id" in names else names[0])].start]
    quote = quote if quote in "\"'" else ""
    for name, value in fields.items():
        here = (*path, name)
        old = tree.values.get(here)
        if value == said.get(name):
            continue
        if value is None:
            if old is not None:
                yield _dropped(text, tree, path, name)
        elif old is None:
            stays = [each for each in names if fields.get(each, "") is not None]
            behind = "id" if "id" in stays else stays[-1]
            yield _inserted(text, tree, path, behind, f"{quote}{name}{quote}: {_spelled(value, quote)}")
        elif isinstance(value, dict) and value.keys() & {*tree.fields.get(here, ())}:
            gone: dict[str, Data] = {each: None for each in tree.fields[here] if each not in value}
            yield from _field_edits(text, tree, here, said[name], gone | value)
        elif here in tree.fields:
            yield (tree.keys[here].end, old.end, f": {_spelled(value, quote)}")
        else:
            yield (old.start, old.end, f"{'' if old.end > old.start else ' '}{_spelled(value, quote)}")


def _inserted(text: str, tree: _Tree, path: DocumentPath, behind: str, words: str) -> _Edit:
    """A new field behind another one."""
    at, start = tree.values[(*path, behind)].end, tree.values[path].start
    if tree.values[path].flow:
        return at, at, f", {words}"
    indent = " " * (start - _line_start(text, start))
    at = _line_end(text, at)
    return at, at, f"{_ending(text)}{indent}{words}"


def _dropped(text: str, tree: _Tree, path: DocumentPath, name: str) -> _Edit:
    names = tree.fields[path]
    place, key, value = names.index(name), tree.keys[(*path, name)], tree.values[(*path, name)]
    following = tree.keys[(*path, names[place + 1])].start if place + 1 < len(names) else None
    if following is not None and (place == 0 or tree.values[path].flow):
        return key.start, following, ""
    if tree.values[path].flow:
        return (tree.values[(*path, names[place - 1])].end if place else key.start), value.end, ""
    line = _LINE.match(text, value.end)
    assert line is not None
    start = _line_start(text, key.start)
    if line[2]:
        return start, line.end(), ""
    return start - len(_ending(text)), line.end(), ""


def _spelled(value: Data, quote: str) -> str:
    """A value in the flow style, its texts in the quotes of the text around it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quote}{name}{quote}: {_spelled(each, quote)}" for name, each in value.items()) + "}"
    if not isinstance(value, str):
        return json.dumps(value)
    if quote:
        return f"{quote}{value}{quote}"
    plain = _PLAIN.fullmatch(value) and parse_source(value, "").data == value
    return value if plain else json.dumps(value, ensure_ascii=False)


# Scenes


def _with_comments(text: str, items: Sequence[_Extent]) -> list[_Extent]:
    """The entries of a list in blocks, from the comments right above each to those that are indented as it is, below
    it. What stands further away stays where it is."""
    whole: list[_Extent] = []
    done = 0
    for item in items:
        dash = _DASH.search(text, done, item.start)
        assert dash is not None, "an entry of a block begins with a dash"
        start = _line_start(text, dash.start())
        column = dash.start() - start
        while start > done and (above := _line_above(text, start)) >= done and _is_comment(text, above, at_most=column):
            start = above
        end = _line_end(text, item.end)
        while _is_comment(text, below := end + len(_ending_at(text, end)), at_least=column + 1):
            end = _line_end(text, below)
        whole.append(_Extent(start, end))
        done = end
    return whole


def _is_comment(text: str, line: int, *, at_least: int = 0, at_most: int | None = None) -> bool:
    """Whether a line is a comment, indented so far."""
    found = _COMMENT.match(text, line)
    return found is not None and len(found[1]) >= at_least and (at_most is None or len(found[1]) <= at_most)


def _line_start(text: str, offset: int) -> int:
    """Where the line begins that an offset is in."""
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def _line_above(text: str, line: int) -> int:
    """Where the line before the one that begins at `line` begins."""
    return _line_start(text, line - (2 if text[line - 2 : line] == "\r\n" else 1))


def _line_end(text: str, offset: int) -> int:
    line = _LINE.match(text, offset)
    assert line is not None
    return line.end(1)


def _ending_at(text: str, offset: int) -> str:
    line = _LINE.match(text, offset)
    return line[2] if line else ""


def _ending(text: str) -> str:
    """How lines end in the text."""
    return _ending_at(text, _line_end(text, 0)) or "\n"
