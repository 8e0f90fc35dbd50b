"""The strict loader: YAML 1.2 scalars, places, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from storyboard.errors import CommandError, Fault, ScreenplayError
from storyboard.excerpt import MOST_FAULTS, printable
from storyboard.source import MOST_BYTES, MOST_DEPTH, MOST_EVENTS, MOST_SCALAR, Source, parse_source, read_source


def only_fault(text: str) -> Fault:
    with pytest.raises(ScreenplayError) as caught:
        parse_source(text, "film.yaml")
    (fault,) = caught.value.faults
    return fault


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("nil", "nil"),
        ("true", True),
        ("FALSE", False),
        ("no", "no"),
        ("on", "on"),
        ("16:9", "16:9"),
        ("1:30", "1:30"),
        ("01:30", "01:30"),
        ("2024-01-01", "2024-01-01"),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("+12", 12),
        ("-0", 0),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("5.", 5.0),
        (".", "."),
        ("-", [None]),
        ("'12'", "12"),
        ('"true"', "true"),
        ("24000/1001", "24000/1001"),
        ("4s", "4s"),
        ("=", "="),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_plain_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    data = parse_source(f"- {text}", "x").data
    assert data == [value]
    assert isinstance(data, list) and type(data[0]) is type(value)


def test_the_map_has_the_place_of_each_value_and_of_each_key() -> None:
    source = parse_source("title: A\nscenes:\n  - id: a\n    beats: [{at: 0}, {at: 1}]\n  -   id: b\nempty:\n", "x")
    assert source.map.value(("title",)) == (1, 8)
    assert source.map.key(("title",)) == (1, 1)
    assert source.map.value(("scenes", 0)) == (3, 5)
    assert source.map.value(("scenes", 0, "beats", 1, "at")) == (4, 27)
    assert source.map.key(("scenes", 1, "id")) == (5, 7)
    assert source.map.value(("empty",)) == (6, 1), "a value that is not there stands where its name does"
    assert source.map.value(("scenes", 1, "prompt")) == (5, 7), "what is not written stands where its parent does"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them_and_a_bom_counts_nothing(end: str) -> None:
    source = parse_source("\ufeff" + end.join(["a: 1", "# 日本語", "b: '日本語'", "'日本': 2", ""]), "x")
    assert source.data == {"a": 1, "b": "日本語", "日本": 2}
    assert source.map.value(("b",)) == (3, 4)
    assert source.map.value(("日本",)) == (4, 7)


numbers = st.floats(-1e6, 1e6).map(lambda number: round(number, 3))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=12) | numbers,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    )
)
@settings(max_examples=150, deadline=None)
def test_what_pyyaml_writes_is_read_back(data: object) -> None:
    text = yaml.dump({"data": data}, Dumper=_NoAliases, allow_unicode=False)
    assert parse_source(text, "x").data == {"data": data}


class _NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "{? ", "[[{", "{[", "[? "])
def test_what_is_nested_too_deep_is_a_fault_at_any_depth(opening: str) -> None:
    for depth in (MOST_DEPTH + 2, 500_000):
        with pytest.raises(ScreenplayError):
            parse_source(opening * depth, "x")


def test_deep_nesting_cannot_kill_the_process() -> None:
    code = (
        "from storyboard.screenplay import loads\n"
        "try: loads('a: ' + '[' * 4_000_000)\n"
        "except Exception as error: print(type(error).__name__, error.faults[0].message)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"ScreenplayError nested more than {MOST_DEPTH} deep\n")


def test_the_deepest_that_is_allowed_is_read() -> None:
    data = parse_source("[" * MOST_DEPTH + "1" + "]" * MOST_DEPTH, "x").data
    for _ in range(MOST_DEPTH):
        assert isinstance(data, list)
        (data,) = data
    assert data == 1


def test_limits_of_events_scalars_and_bytes() -> None:
    assert "pieces" in only_fault("- 1\n" * MOST_EVENTS).message
    assert "KiB" in only_fault(f"a: {'x' * (MOST_SCALAR + 1)}").message
    assert "KiB" in only_fault(f"'{'x' * (MOST_SCALAR + 1)}': a").message
    assert "MiB" in only_fault("#" * (MOST_BYTES + 1)).message
    assert "MiB" in only_fault("#" + "日" * (MOST_BYTES // 3 + 1)).message
    assert parse_source(f"a: {'x' * MOST_SCALAR}", "x").data == {"a": "x" * MOST_SCALAR}


@pytest.mark.parametrize(
    "text", ["a\x00b", "a: \x1b[31m", "a: b\u2028c: d", "a: \x85", "a: \ud800", "a\ufeff: 1", "\x7f"]
)
def test_characters_that_cannot_be_seen_or_that_break_lines_are_faults(text: str) -> None:
    assert "U+" in only_fault(text).message


def test_a_row_of_directives_is_refused_before_the_parser_compares_them_all() -> None:
    text = "a: 1\n...\n" + "".join(f"%TAG !{number}! x\n" for number in range(300_000))
    assert only_fault(text).position == (3, 1)


def test_an_endless_file_is_read_no_further_than_the_limit() -> None:
    with pytest.raises(ScreenplayError, match=r"MiB|U\+0000"):
        read_source(Path("/dev/zero"))


def test_files_that_cannot_be_read_are_errors_of_the_command(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.yaml", tmp_path, tmp_path / ("x" * 300), Path("a\0b")):
        with pytest.raises(CommandError) as caught:
            read_source(path)
        assert caught.value.hint and "\0" not in caught.value.message


def test_the_report_is_sorted_and_ends_where_nobody_reads_on() -> None:
    source = parse_source("a: 1\nb: 2\nc: 3\n", "film.yaml")
    faults = [Fault(("c",), "third"), Fault(("a",), "first", "do this"), Fault((), "second", None, (2, 1))]
    assert source.report(faults) == (
        "film.yaml:1:4: first\n    1 | a: 1\n      |    ^\nhint: do this\n\n"
        "film.yaml:2:1: second\n    2 | b: 2\n      | ^\n\n"
        "film.yaml:3:4: third\n    3 | c: 3\n      |    ^"
    )
    report = source.report([Fault(("a",), f"number {number}") for number in range(MOST_FAULTS + 5)])
    assert report.endswith("and at least 5 more") and report.count("number") == MOST_FAULTS


@given(st.text(st.characters(exclude_characters="\r\n"), max_size=400), st.data())
@settings(max_examples=150, deadline=None)
def test_a_report_shows_no_control_character_and_its_caret_is_under_the_column(line: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(line)))
    rows = Source(line, line).report([Fault((), line, line, (1, at + 1))]).split("\n")
    assert not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for row in rows for sign in row)
    assert len(rows) == 3 + bool(line)
    if line.isascii() and line.isprintable() and len(line) <= 100:
        assert rows[2].index("^") == len("    1 | ") + at


def test_escapes_in_names_messages_and_hints_are_spelled_out() -> None:
    assert printable("a\x1b[2J\u202eb\u2028") == "a\\x1b[2J\\u202eb\\u2028"
    assert printable("日本語 é 🎬") == "日本語 é 🎬"
    assert printable("x" * 50, 10) == "x" * 9 + "…"


def test_read_source_names_the_file_as_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "film.yaml").write_text("a: [1, 2\n")
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        with pytest.raises(ScreenplayError, match=r"^film\.yaml:1:9: "):
            read_source(Path("film.yaml"))
    finally:
        os.chdir(before)
