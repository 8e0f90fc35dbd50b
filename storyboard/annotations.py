"""Faults and notices -> the lines by which GitHub shows them beside the file and line that they are about.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions. May import what stands above
`annotations` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from storyboard.errors import Fault
from storyboard.excerpt import printable


def annotate(level: Literal["error", "notice"], file: str, faults: Iterable[Fault]) -> Iterator[str]:
    """A workflow command for each; `file` is the screenplay, from the root of its repository. Faults have positions."""
    for fault in faults:
        line, column = fault.position or (1, 1)
        place = f"file={_property(file)},line={line},col={column},title=storyboard"
        hint = f"\nhint: {printable(fault.hint)}" if fault.hint else ""
        yield f"::{level} {place}::{_data(printable(fault.message) + hint)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
