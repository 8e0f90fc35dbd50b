"""Dailies -> JUnit XML: a film's seams as the test cases that CI systems show.

May import what stands above `junit` in the layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from storyboard.dailies import Dailies, figure_text, flaws, seam_facts, too_rough
from storyboard.durable import write_asked
from storyboard.excerpt import printable
from storyboard.scopes_film import Seam


def junit(dailies: Dailies, most: float | None) -> bytes:
    """The report: a seam above `most` is a failure, one that cannot be measured is skipped.

    The shots stand in it too, for the record of what is black or frozen in them; they do not fail.
    """
    root = Element("testsuites", name=f"dailies of {printable(dailies.reel.places.screenplay.name)}")
    _add_seams(root, dailies, most)
    suite = _suite(root, dailies, "shots", count=len(dailies.reel.shots))
    for shot in dailies.reel.shots:
        case = _case(suite, dailies, "shots", shot.id, shot.scene)
        if told := flaws(dailies.shots[shot.id]):
            SubElement(case, "system-out").text = "\n".join(told)
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _add_seams(root: Element, dailies: Dailies, most: float | None) -> None:
    failing: Sequence[Seam] = () if most is None else too_rough(dailies, most)
    short = sum(seam.figure is None for seam in dailies.seams)
    suite = _suite(root, dailies, "seams", count=len(dailies.seams), failures=len(failing), skipped=short)
    scenes = {shot.id: shot.scene for shot in dailies.reel.shots}
    for seam in dailies.seams:
        case = _case(suite, dailies, "seams", f"{seam.before} | {seam.after}", scenes[seam.after])
        if seam.figure is None:
            SubElement(case, "skipped", message="the shots are too short to measure it")
        elif seam in failing:
            message = f"{figure_text(seam.figure)} times the motion beside it; {most:g} is the most"
            SubElement(case, "failure", type="seam", message=message).text = seam_facts(seam)
        else:
            SubElement(case, "system-out").text = seam_facts(seam)


def _suite(root: Element, dailies: Dailies, kind: str, *, count: int, failures: int = 0, skipped: int = 0) -> Element:
    numbers = {"tests": count, "failures": failures, "errors": 0, "skipped": skipped}
    name = f"{printable(dailies.reel.places.screenplay.name)}: {kind}"
    return SubElement(root, "testsuite", {"name": name, **{what: str(number) for what, number in numbers.items()}})


def _case(suite: Element, dailies: Dailies, kind: str, name: str, scene: str) -> Element:
    where = dailies.reel.places.screenplay
    line = next(each.line for each in dailies.reel.scenes if each.id == scene)
    place = {
        "name": name,
        "classname": f"{printable(where.stem)}.{kind}",
        "file": printable(where.name),
        "line": str(line),
    }
    return SubElement(suite, "testcase", place)


def write_junit(path: Path, dailies: Dailies, most: float | None) -> None:
    """Write the report whole or not at all. Raises CommandError."""
    write_asked(path, junit(dailies, most), "name another file")
