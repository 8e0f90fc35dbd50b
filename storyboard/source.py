"""YAML text -> plain data, and where in the text each piece of it stands.

Reads a strict part of YAML 1.2: one document of mappings, lists and scalars. The parser's events are looked at one by
one while they come, so nothing deep, large or self-referring is ever built. May import what stands above `source` in
the layout, and PyYAML's parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeAlias

import yaml

from storyboard.errors import CommandError, DocumentPath, Fault, ScreenplayError
from storyboard.excerpt import printable, render_faults

Data: TypeAlias = bool | int | float | str | list["Data"] | dict[str, "Data"] | None
Position: TypeAlias = tuple[int, int]
"""Line and column, both from 1; columns count characters."""

MOST_BYTES: Final = 8 << 20
MOST_EVENTS: Final = 400_000
MOST_DEPTH: Final = 32
MOST_SCALAR: Final = 64 << 10
_MOST_DIGITS: Final = 19

_NULL = re.compile(r"null|Null|NULL|~|")
_BOOL = re.compile(r"(true|True|TRUE)|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WIDE_CONTROL: Final = "[\x80-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
"""Other unseen characters and line ends; as a pattern it takes long to compile, and most texts need none of it."""
_LINE_END = re.compile(r"\r\n|\n|\r")
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
_AFTER_CLOSED = re.compile(r""":\s+([{\["'])""")
_SECOND_COLON = re.compile(r"""\s*(?:-\s+)*[^\s:"'#]+:\s+\S""")


@dataclass(frozen=True, slots=True)
class SourceMap:
    """Document path -> where its value starts, and where the key that names it starts."""

    values: Mapping[DocumentPath, Position] = field(default_factory=dict)
    keys: Mapping[DocumentPath, Position] = field(default_factory=dict)

    def value(self, path: DocumentPath) -> Position:
        """Where the value starts; of what is not in the text, where its nearest known parent starts."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, (1, 1))

    def key(self, path: DocumentPath) -> Position:
        """Where the field's name starts; the value's place for what has no name."""
        return self.keys.get(path) or self.value(path)


@dataclass(frozen=True, slots=True)
class Source:
    """A text that was read: `name` as shown in messages, its plain data, and the places of these."""

    name: str
    text: str
    data: Data = None
    map: SourceMap = field(default_factory=SourceMap)
    lines: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", tuple(_LINE_END.split(self.text)))

    def position(self, fault: Fault) -> Position:
        """Line and column of a fault, from 1."""
        return fault.position or self.map.value(fault.path)

    def ordered(self, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        """The faults in the order of the text; what is said twice of one place, once."""
        said = {(self.position(fault), fault.message): fault for fault in faults}
        return tuple(said[place] for place in sorted(said))

    def find(self, path: DocumentPath, words: str) -> Position:
        """Where `words` stand in a text of one line; the start of the text when they are not on its first line."""
        line, column = self.map.value(path)
        at = self.lines[line - 1].find(words, column - 1)
        return (line, at + 1) if at >= 0 else (line, column)

    def report(self, faults: Iterable[Fault]) -> str:
        """All faults in the order of the text: place and message, the line with a caret, and the hint."""
        return render_faults(self.name, self.lines, [(self.position(fault), fault) for fault in self.ordered(faults)])

    def error(self, faults: Iterable[Fault]) -> ScreenplayError:
        """The exception that carries these faults and their report."""
        ordered = self.ordered(faults)
        return ScreenplayError(self.placed(ordered), self.report(ordered))

    def placed(self, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        """The faults in the order of the text, each with its line and column."""
        return tuple(replace(fault, position=self.position(fault)) for fault in self.ordered(faults))


def read_source(path: Path) -> Source:
    """The source in a file. Raises CommandError when it cannot be read, ScreenplayError with all faults of the text."""
    return parse_source(read_text(path), str(path))


def parse_source(text: str, name: str) -> Source:
    """The source in a text. Raises ScreenplayError with all faults of the text."""
    source, faults = scan_source(text, name)
    if faults:
        raise source.error(faults)
    return source


def read_text(path: Path) -> str:
    """The text of a file. Raises CommandError when it cannot be read, ScreenplayError when it is not UTF-8."""
    shown = printable(str(path))
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise CommandError(f"`{shown}` does not exist", "check the path") from None
    except IsADirectoryError:
        raise CommandError(f"`{shown}` is a folder", "name the screenplay in it, such as `film.yaml`") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise CommandError(f"cannot read `{shown}`: {reason}", "check the path and its permissions") from error
    try:
        return raw[:MOST_BYTES].decode("utf-8") if len(raw) <= MOST_BYTES else raw.decode("utf-8", "replace")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        lines = _LINE_END.split(before)
        source = Source(str(path), raw.decode("utf-8", "replace"))
        wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
        message = "this file is UTF-16, not UTF-8" if wide else f"byte {raw[error.start]:#04x} is not UTF-8"
        position = (len(lines), len(lines[-1]) + 1)
        raise source.error([Fault((), message, "save the file as UTF-8", position)]) from None


def scan_source(text: str, name: str) -> tuple[Source, tuple[Fault, ...]]:
    """The source in a text, with the faults that leave the rest of it readable.

    Raises ScreenplayError for a fault behind which nothing can be read.
    """
    text = text.removeprefix("\ufeff")
    bare = Source(name, text)
    try:
        _check_characters(text)
        composer = _Composer(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        data = composer.document()
    except yaml.MarkedYAMLError as error:
        raise bare.error([_syntax_fault(error, bare.lines)]) from None
    except _Unreadable as error:
        raise bare.error([error.fault]) from None
    source = Source(name, text, data, SourceMap(composer.values, composer.keys))
    return source, tuple(composer.faults)


class _Unreadable(Exception):
    """Carries the fault behind which nothing can be read."""

    def __init__(self, position: Position, message: str, hint: str) -> None:
        self.fault = Fault((), message, hint, position)


def _check_characters(text: str) -> None:
    if len(text) > MOST_BYTES or len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise _Unreadable((1, 1), f"the screenplay is larger than {MOST_BYTES >> 20} MiB", "split the film")
    match = _CONTROL.search(text) or (None if text.isascii() else re.search(_WIDE_CONTROL, text))
    if match:
        message = f"the character U+{ord(match[0]):04X} cannot stand in a screenplay"
        raise _Unreadable(
            _place(text, match.start()), message, "take it out, or write it as an escape in double quotes"
        )
    # The parser compares each directive with all before it, so a long row of them would keep it busy for hours.
    if match := _DIRECTIVE.search(text):
        hint = "take the line out; if it belongs to a text, indent it"
        raise _Unreadable(_place(text, match.start()), "a line cannot begin with `%`", hint)


def _place(text: str, index: int) -> Position:
    lines = _LINE_END.split(text[:index])
    return len(lines), len(lines[-1]) + 1


class _Composer:
    """Events -> plain data, with the places of it. Faults behind which one can go on are gathered."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._count = 0
        self.faults: list[Fault] = []
        self.values: dict[DocumentPath, Position] = {}
        self.keys: dict[DocumentPath, Position] = {}

    def document(self) -> Data:
        self._next()
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        data = self._value(self._next(), ())
        self._next()
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise _Unreadable(_start(event), "a second document begins here", "one file holds one screenplay")
        return data

    def _next(self) -> yaml.Event:
        self._count += 1
        event = next(self._events)
        if self._count > MOST_EVENTS:
            raise _Unreadable(_start(event), f"more than {MOST_EVENTS:,} pieces of text", "split the film")
        return event

    def _value(self, event: yaml.Event, path: DocumentPath) -> Data:
        position = _start(event)
        self.values.setdefault(path, position)
        if len(path) > MOST_DEPTH:
            raise _Unreadable(position, f"nested more than {MOST_DEPTH} deep", "put text that holds brackets in quotes")
        self._check_node(event, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(event, path) if isinstance(event, yaml.ScalarEvent) else None

    def _check_node(self, event: yaml.Event, path: DocumentPath) -> None:
        sign = "*" if isinstance(event, yaml.AliasEvent) else "&" if getattr(event, "anchor", None) else None
        if sign is None and getattr(event, "tag", None) is not None:
            sign = "!"
        if sign is not None:
            what = {"*": "an alias", "&": "an anchor", "!": "a tag"}[sign]
            hint = f"put text that begins with `{sign}` in quotes"
            self._fault(event, path, f"`{sign}` begins {what}, which screenplays do not have", hint)

    def _fault(self, event: yaml.Event, path: DocumentPath, message: str, hint: str) -> None:
        self.faults.append(Fault(path, message, hint, _start(event)))

    def _sequence(self, path: DocumentPath) -> Data:
        items: list[Data] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: DocumentPath) -> Data:
        fields: dict[str, Data] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                hint = "put text that holds `{`, `[` or `*` in quotes"
                raise _Unreadable(_start(event), "the name of a field must be text", hint)
            name, here = event.value, (*path, event.value)
            self._check_node(event, here)
            self._check_length(event)
            if name == "<<" and event.implicit[0]:
                self._fault(event, here, "`<<` merges mappings, which screenplays do not have", "write the fields out")
            first = self.keys.setdefault(here, _start(event))
            following = self._next()
            if _is_empty(following):
                self.values.setdefault(here, _start(event))
            value = self._value(following, here)
            if name in fields:
                message = f"field `{printable(name, 64)}` is written twice; first at {first[0]}:{first[1]}"
                self._fault(event, here, message, "keep one of them")
            fields.setdefault(name, value)
        return fields

    def _check_length(self, event: yaml.ScalarEvent) -> None:
        if len(event.value) > MOST_SCALAR:
            raise _Unreadable(_start(event), f"a text of more than {MOST_SCALAR >> 10} KiB", "shorten it")

    def _scalar(self, event: yaml.ScalarEvent, path: DocumentPath) -> Data:
        self._check_length(event)
        text = event.value
        if not event.implicit[0]:
            return text
        if _NULL.fullmatch(text):
            return None
        if match := _BOOL.fullmatch(text):
            return match[1] is not None
        if _INT.fullmatch(text):
            return self._whole(event, path)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if abs(number) != float("inf"):
                return number
        elif not _NOT_FINITE.fullmatch(text):
            return text
        self._fault(event, path, f"`{printable(text, 40)}` is no finite number", "put it in quotes if it is text")
        return None

    def _whole(self, event: yaml.ScalarEvent, path: DocumentPath) -> Data:
        text = event.value
        digits = len(text.lstrip("+-"))
        if digits > _MOST_DIGITS:
            message = f"a whole number of {digits} digits; {_MOST_DIGITS} are the most"
            self._fault(event, path, message, "put it in quotes if it is text")
            return None
        return int(text, 0 if text.startswith(("0o", "0x")) else 10)


def _start(event: yaml.Event) -> Position:
    mark = event.start_mark
    assert mark is not None
    return mark.line + 1, mark.column + 1


def _is_empty(event: yaml.Event) -> bool:
    return isinstance(event, yaml.ScalarEvent) and not event.value and event.implicit[0]


def _syntax_fault(error: yaml.MarkedYAMLError, lines: Sequence[str]) -> Fault:
    """What the parser could not read, in an author's words."""
    problem, context = error.problem or "", error.context or ""
    if "<block end>" in problem:  # PyYAML's own parser has fewer words than libyaml
        problem = "expected '-' indicator" if "collection" in context else "expected key"
    mark = error.problem_mark or error.context_mark
    if error.context_mark and ("end of stream" in problem or "could not find expected ':'" in problem):
        mark = error.context_mark
    row, column = (mark.line, mark.column) if mark else (0, 0)
    if row >= len(lines) or (row == len(lines) - 1 and not lines[row] and row):
        row = max(index for index, line in enumerate(lines) if line.strip() or not index)
        column = len(lines[row])
    message, hint = _sentence(problem, context, lines[row], column)
    return Fault((), message, hint, (row + 1, column + 1))


def _sentence(problem: str, context: str, line: str, column: int) -> tuple[str, str]:
    before, sign = line[:column], line[column : column + 1]
    if sign == "\t" or "tab character" in problem:
        return "a tab where the line is indented", "indent with spaces"
    if "mapping values" in problem and _SECOND_COLON.match(before):
        return "a second `:` on one line", "put text that holds `: ` in quotes"
    if "cannot start any token" in problem or ("tag handle" in problem and sign):
        return f"text cannot begin with `{sign}`", "put it in quotes"
    if "expected key" in problem and (match := list(_AFTER_CLOSED.finditer(before))):
        opener = match[-1][1]
        if opener in "{[":
            return "text goes on behind a closed bracket", f"put text that begins with `{opener}` in quotes"
        inner = "''" if opener == "'" else '\\\\"'
        return "text goes on behind a closed quote", f"to have the quote in the text, write `{inner}`"
    for words, where, message, hint in _SENTENCES:
        if words in problem and where in context:
            return message, hint
    return f"this cannot be read as YAML: {printable(problem, 100)}", "check the indentation and the quotes"


_INDENTATION: Final = "check the indentation, here and on the line above"
_SENTENCES: Final = (
    ("mapping values", "", "a field cannot begin on this line", f"{_INDENTATION}; text that holds `: ` needs quotes"),
    ("expected key", "", "this does not fit to the fields above", _INDENTATION),
    ("expected <document start>", "", "this does not fit to the lines above", _INDENTATION),
    ("expected '-' indicator", "", "this does not fit to the list above", _INDENTATION),
    ("could not find expected ':'", "", "this line is no `field: value`", "add the `:`, or check the indentation"),
    ("end of stream", "quoted", "this quote is never closed", "close it, or put the whole text in other quotes"),
    ("document indicator", "quoted", "this quote is never closed", "close it, or put the whole text in other quotes"),
    ("escape character", "quoted", "an unknown escape in double quotes", "write `\\\\` for a backslash"),
    ("escape code", "quoted", "an impossible escape in double quotes", "write `\\\\` for a backslash"),
    ("hexdecimal", "quoted", "an unfinished escape in double quotes", "write `\\\\` for a backslash"),
    ("expected ',' or ']'", "", "a list in brackets goes on with `,` or ends with `]`", "close it, or add the comma"),
    ("expected ',' or '}'", "", "a mapping in braces goes on with `,` or ends with `}`", "close it, or add the comma"),
    ("block sequence entries", "", "a list cannot begin here", "put its first `-` on the next line"),
    ("alphabetic or numeric", "anchor", "text cannot begin with `&`", "put it in quotes"),
    ("alphabetic or numeric", "alias", "text cannot begin with `*`", "put it in quotes"),
    ("", "tag", "text cannot begin with `!`", "put it in quotes"),
    ("comment or line break", "block scalar", "text cannot begin with `>` or `|`", "put it in quotes"),
    ("expected node content", "", "a value is expected here", "write one, or put the text in quotes"),
)
