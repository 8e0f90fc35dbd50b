"""What the tests of trust did, added up over all of them and told in one line at the end of the run.

    tally("kills")                 one more of what `NOUNS` names, in the test that is running
    tally("bad inputs", 12)

Counts travel with the report of their test, so that they reach the summary from any worker. A loss is a test that
counted something and failed: whatever it did to the film, something was not as it must be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable
from typing import Final

import pytest

NOUNS: Final = ("faults injected", "kills", "bad inputs")
"""What is counted, in the order in which it is told."""

_counted: Final[Counter[str]] = Counter()
"""By the test that is running in this process."""


def tally(noun: str, count: int = 1) -> None:
    """Count something that was done to the program. Do so before looking what came of it."""
    assert noun in NOUNS, noun
    _counted[noun] += count


def summary_of(reports: Iterable[pytest.TestReport]) -> str | None:
    """The line that tells of a run, from the reports of its tests; None where none of them counted anything."""
    total: Counter[str] = Counter()
    losses = 0
    for report in reports:
        mine = {noun: count for noun, count in report.user_properties if noun in NOUNS}
        total.update(mine)
        losses += bool(mine) and report.failed
    if not total:
        return None
    return "trust: " + ", ".join([*(f"{total[noun]:,} {noun}" for noun in NOUNS), f"{losses:,} losses"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Puts into a test's report what it counted."""
    report = yield
    if call.when == "call":
        report.user_properties.extend(_counted.items())
        _counted.clear()
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tells the line."""
    told = [report for reports in terminalreporter.stats.values() for report in reports]
    line = summary_of(each for each in told if isinstance(each, pytest.TestReport) and each.when == "call")
    if line is not None:
        terminalreporter.write_line(line)
