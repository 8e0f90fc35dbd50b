"""What decided a shot's pixels, then and now -> the fields that differ.

A slate whose conditioning is not there yet is known but for the frames themselves: how many they are is known. May
import what stands above `past` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from storyboard.attempts import is_attempt
from storyboard.digest import Plain
from storyboard.shots import Shot
from storyboard.slate import Slate, own_fields, slate_of

GIVEN: Final = ("tail", "head")
"""What other shots give."""
_STILLS: Final = {"start": "start.image", "end": "end.image", "references": "cast"}
Given = tuple[str | None, ...]
"""Digests of frames; None for one that is not shot yet."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a shot as it was, or is. `tail` and `head` are None where nothing is known of them."""

    fields: Mapping[str, Plain]
    """Of its slate, but for what other shots give; options one by one, as `options.steps`, and of the author's pictures
    the digests of their files, and how they are fitted, apart."""
    tail: Given | None
    head: Given | None
    whole: bool = True
    """Whether all fields are known; otherwise some."""


def recorded(slate: Mapping[str, Plain]) -> Past:
    """By the slate of a take."""
    return Past(_flat(slate), _digests(slate.get("tail")), _digests(slate.get("head")))


def partly(**known: Plain) -> Past:
    """By a few fields that are known though its take is not."""
    return Past(known, None, None, whole=False)


def present(shot: Shot, slate: Slate | None) -> Past:
    """By the screenplay, and by its slate where that is known; whichever attempt it is of."""
    if slate is None:
        still = slate_of(replace(shot, tail=(), head=()), {}).plain()
        return Past(_flat(still | own_fields(shot)), (None,) * len(shot.tail), (None,) * len(shot.head))
    plain = slate.plain() | {"seed": shot.seed}
    head = plain.pop("end", None) if shot.head_is_end else plain.get("head")
    return Past(_flat(plain), _digests(plain.get("tail")), _digests(head))


def field_name(name: str, shot: Shot) -> str:
    """What an author calls a field of a slate: `engine.steps`, `card.text`, `footage.from`."""
    if name in _STILLS or name == "fit":
        return _STILLS.get(name, "format.fit")
    if not name.startswith("options."):
        return name
    option = name.removeprefix("options.")
    owner = {"card": "card", "archive": "footage"}.get(shot.engine.spec.name, "engine")
    return {"footage.begin": "footage.from", "footage.fit": "format.fit"}.get(f"{owner}.{option}", f"{owner}.{option}")


def differing(before: Past, now: Past) -> Iterator[tuple[str, Plain, Plain]]:
    """Each field that is known to differ, with its values; of frames given, their digests as far as known."""
    for name in {**before.fields, **now.fields} if before.whole else before.fields:
        one, two = before.fields.get(name), now.fields.get(name)
        if one == two or (name == "seed" and is_attempt(one, two)):
            continue
        if name != "fit" or None not in (one, two):
            yield name, one, two
    for role, was, are in (("tail", before.tail, now.tail), ("head", before.head, now.head)):
        if was is None or are is None or was == are:
            continue
        if len(was) != len(are) or None not in (*was, *are):
            yield role, was, are


def _flat(slate: Mapping[str, Plain]) -> dict[str, Plain]:
    fields = {name: value for name, value in slate.items() if name not in (*GIVEN, "options")}
    options = slate.get("options")
    if isinstance(options, Mapping):
        fields |= {f"options.{name}": value for name, value in options.items()}
    for role in _STILLS.keys() & fields.keys():
        condition, files = fields[role], _digests(fields[role])
        fields[role] = files[0] if len(files) == 1 else files
        if isinstance(condition, Mapping) and role != "references":
            fields["fit"] = condition.get("resample")
    return fields


def _digests(condition: Plain) -> Given:
    digests = condition.get("digests") if isinstance(condition, Mapping) else None
    return tuple(map(str, digests)) if isinstance(digests, Sequence) else ()
