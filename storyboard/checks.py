"""What must hold between the parts of a screenplay -> faults, all of them, with their places.

Takes scenes that are sound by themselves; of those that are not, only their ids. Nothing is recursive. Reads no file,
but looks whether the named ones are there. May import what stands above `checks` in the layout.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import Final

from storyboard.assets import find_asset
from storyboard.cards import card_faults, words_of
from storyboard.errors import DocumentPath, Fault
from storyboard.excerpt import MOST_FAULTS, printable
from storyboard.fields import ID, NOTHING, OWN, PREVIOUS
from storyboard.limits import Limits
from storyboard.scene import Scene, Transition, continued
from storyboard.source import Data, Source
from storyboard.timing import Duration, Rate
from storyboard.wording import entries, nearest, quoted, value_at

BRACES: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
"""In a prompt: two literal braces, a cast name, or a brace that has no partner."""
_NAME = re.compile(r"\w[\w-]{0,63}")
MOST_FOUND: Final = 1000
"""Faults are looked for until there are so many: nobody reads on, and a hostile file has no end of them."""
_MOST_CAPTION: Final = 500
_ONLY_SHOT: Final = (
    "prompt",
    "beats",
    "engine",
    "negative",
    "seed",
    "take",
    "retries",
    "hold",
    "leads_into",
    "start",
    "end",
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A screenplay under test: its text, and its scenes; None stands for a scene with faults of its own."""

    source: Source
    folder: Path
    scenes: Sequence[Scene | None]
    ids: Mapping[str, int] = field(default_factory=dict)
    cast: Mapping[str, object] = field(default_factory=dict)
    rate: Rate | None = None
    """The film's, where the author says it."""
    limits: Limits = field(default_factory=Limits)

    def asset(self, name: str) -> Path | Fault:
        """Where a file that it names is (see `find_asset`)."""
        return find_asset(self.folder, name, outside=self.limits.outside)


def find_faults(draft: Draft) -> list[Fault]:
    """The faults between the parts of a draft; when there are more than MOST_FOUND, the first."""
    faults = [*_film_faults(draft), *_profile_faults(draft), *_cycle_faults(draft)]
    seen: dict[str, int] = {}
    for index, scene in enumerate(draft.scenes):
        if len(faults) > MOST_FOUND:
            break
        name = raw_id(draft.source, index)
        if name is not None and (first := seen.setdefault(name, index)) != index:
            line, column = draft.source.map.value(("scenes", first, "id"))
            message = f"scene id {quoted(name)} is used twice; first at {line}:{column}"
            faults.append(Fault(("scenes", index, "id"), message, "give one of them another id"))
        if scene is not None:
            place: DocumentPath = ("scenes", index)
            faults += _content_faults(scene, place)
            faults += _order_faults(draft, scene, index)
            faults += _time_faults(draft, scene, index)
            faults += _prompt_faults(draft, scene, place)
            faults += _asset_faults(draft, scene, place)
    return faults


def raw_id(source: Source, index: int) -> str | None:
    """The id of a scene as written, whatever else is wrong with the scene."""
    name = value_at(source.data, ("scenes", index, "id"))
    return name if isinstance(name, str) else None


# The film's own fields, and the cast


def _film_faults(draft: Draft) -> Iterator[Fault]:
    data = draft.source.data
    for name in ("title", "style", "negative"):
        yield from _text_faults(draft, value_at(data, (name,)), (name,), named=name == "style")
    yield from _sound_faults(draft, ())
    members = value_at(data, ("cast",))
    for name, member in members.items() if isinstance(members, dict) else ():
        path: DocumentPath = ("cast", name)
        if not _NAME.fullmatch(name):
            hint = "use letters, digits, `-` and `_`, at most 64"
            yield Fault(path, f"{quoted(name)} cannot be a name in prompts", hint, draft.source.map.key(path))
        if isinstance(member, dict):
            reference = member.get("reference")
            if isinstance(reference, str) and isinstance(found := draft.asset(reference), Fault):
                yield _at(found, (*path, "reference"))
            path, member = (*path, "description"), member.get("description")
        if isinstance(member, str) and not member.strip():
            yield Fault(path, "the description is empty", "say what the name stands for")
        yield from _text_faults(draft, member, path, named=True)


def _profile_faults(draft: Draft) -> Iterator[Fault]:
    profiles = value_at(draft.source.data, ("profiles",))
    for name in profiles if isinstance(profiles, dict) else ():
        if not ID.fullmatch(name):
            hint = "use small letters, digits, `-` and `_`, at most 64: it becomes part of a file's name"
            path: DocumentPath = ("profiles", name)
            yield Fault(path, f"{quoted(name)} cannot be the name of a profile", hint, draft.source.map.key(path))


def _text_faults(draft: Draft, text: Data, path: DocumentPath, *, named: bool = False) -> Iterator[Fault]:
    """Control characters; and cast names where they are not replaced, when `named`."""
    if not isinstance(text, str):
        return
    if odd := next((sign for sign in text if unicodedata.category(sign) == "Cc" and sign not in "\t\n"), None):
        yield Fault(path, f"a control character is in this text: {printable(odd)}", "take it out")
    if named and (match := next((m for m in BRACES.finditer(text) if m[1] in draft.cast), None)):
        message = f"`{match[0]}` is not replaced here: cast names are for prompts"
        yield Fault(path, message, "write it out", draft.source.find(path, match[0]))


# What a scene shows


def _content_faults(scene: Scene, place: DocumentPath) -> Iterator[Fault]:
    kind = "footage" if scene.footage else "card" if scene.card else None
    if kind is None:
        yield from _start_faults(scene, place)
        return
    what = "own footage" if scene.footage else "a title card"
    if scene.footage and scene.card:
        yield Fault((*place, "card"), "a scene shows either own footage or a card", "make two scenes of it")
    for name in _ONLY_SHOT:
        if name in scene.model_fields_set and getattr(scene, name) not in (None, ()):
            yield Fault((*place, name), f"`{name}` means nothing for {what}", "leave it out, or make a scene of it")
    if scene.continues != NOTHING and "continues" in scene.model_fields_set:
        message = f"{what} continues nothing"
        yield Fault((*place, "continues"), message, "leave `continues` out")


def _start_faults(scene: Scene, place: DocumentPath) -> Iterator[Fault]:
    at_start = bool(scene.beats) and scene.beats[0].at.amount == 0
    if scene.prompt is None and not at_start:
        message = f"scene `{scene.id}` has neither a `prompt` nor a beat at 0s"
        first = f"beat 1 is at {scene.beats[0].at}: begin it at 0s, or " if scene.beats else ""
        yield Fault(place, message, first + "add a `prompt`")
    if scene.prompt is not None and at_start:
        message = "`prompt` and the beat at 0s both say what is seen first"
        yield Fault((*place, "prompt"), message, "leave one of them out")


# What a scene is tied to


def _order_faults(draft: Draft, scene: Scene, index: int) -> Iterator[Fault]:
    if scene.card or scene.footage:
        return
    explicit = "continues" in scene.model_fields_set
    if explicit and scene.continues not in (PREVIOUS, NOTHING):
        yield from _tie_faults(draft, scene.id, "continues", scene.continues, index)
    if scene.start and explicit and scene.continues != NOTHING:
        message = "`start` gives the first frame, so the scene continues nothing"
        yield Fault(("scenes", index, "continues"), message, "leave `continues` or `start` out")
    if scene.leads_into is None:
        return
    yield from _tie_faults(draft, scene.id, "leads_into", scene.leads_into, index)
    if scene.end:
        message = "the last frames cannot both be given by `end` and lead into a scene"
        yield Fault(("scenes", index, "end"), message, "leave `end` or `leads_into` out")


def _tie_faults(draft: Draft, name: str, verb: str, other: str, index: int) -> Iterator[Fault]:
    """Whether a scene may continue another, or lead into it."""
    path: DocumentPath = ("scenes", index, verb)
    doing = verb.replace("_", " ")
    target = draft.ids.get(other)
    if target is None:
        words = (PREVIOUS, NOTHING) if verb == "continues" else ()
        hint = nearest(other, [*draft.ids, *words])
        yield Fault(path, f"there is no scene {quoted(other)}", hint or f"`{verb}` takes the id of a scene")
        return
    tied = draft.scenes[target]
    if other == name:
        hint = "leave it out, to continue the scene before" if verb == "continues" else "leave it out"
        yield Fault(path, f"scene `{name}` {doing} itself", hint)
    elif tied is not None and tied.card:
        hint = "set `continues: nothing`" if verb == "continues" else "leave it out"
        yield Fault(path, f"scene `{name}` {doing} `{other}`, which is a title card", hint)


def _cycle_faults(draft: Draft) -> Iterator[Fault]:
    """Scenes that wait for one another. What leads into a scene needs its head; what continues one, its tail."""
    edges: list[list[int]] = []
    for index, scene in enumerate(draft.scenes):
        before = draft.scenes[index - 1] if index else None
        tail = draft.ids.get(continued(scene, before) or "") if scene else None
        head = draft.ids.get(scene.leads_into or "") if scene else None
        edges.append([tail] if tail is not None and tail != index else [])
        if head is not None and head != index:
            edges[-1].append(head)
    for cycle in islice(find_cycles(edges), MOST_FAULTS):
        ring = [(index, scene) for index in cycle if (scene := draft.scenes[index])]
        following = [*ring[1:], *ring[:1]]
        leading = [at for at, (_, scene) in enumerate(ring) if scene.leads_into == following[at][1].id]
        ahead = [at for at, (index, _) in enumerate(ring) if following[at][0] > index]
        at = min(leading or ahead, key=lambda place: ring[place][0])
        ring = [*ring[at:], *ring[:at]]
        (index, scene), (_, target) = ring[0], ring[1]
        names = [*(scene.id for _, scene in ring), scene.id]
        shown = " -> ".join(names if len(names) <= 8 else [*names[:4], "...", *names[-3:]])
        verb = "leads_into" if leading else "continues"
        doing = verb.replace("_", " ")
        message = f"scene `{scene.id}` {doing} `{target.id}`, which waits for `{scene.id}` in turn: {shown}"
        hint = f"set `continues: nothing` in `{target.id}`" if len(leading) < 2 else "leave one `leads_into` out"
        yield Fault(("scenes", index, verb), message, hint)


def find_cycles(edges: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """At least one cycle of each knot of a graph: the places in order, each with an edge to the next."""
    done = [False] * len(edges)
    for root in range(len(edges)):
        if done[root]:
            continue
        path, place = [root], {root: 0}
        ahead = [iter(edges[root])]
        while path:
            following = next(ahead[-1], None)
            if following is None:
                done[path[-1]] = True
                ahead.pop()
                del place[path.pop()]
            elif following in place:
                yield path[place[following] :]
            elif not done[following]:
                place[following] = len(path)
                path.append(following)
                ahead.append(iter(edges[following]))


# Times


def _time_faults(draft: Draft, scene: Scene, index: int) -> Iterator[Fault]:
    place: DocumentPath = ("scenes", index)
    if scene.duration.amount == 0:
        yield Fault((*place, "duration"), "a scene lasts longer than 0s", "say how long, such as `duration: 4s`")
        return
    for number, beat in enumerate(scene.beats):
        longer = _compare(beat.at, scene.duration, draft.rate, least=1)
        if longer is not None and longer >= 0:
            message = f"beat {number + 1} is at {beat.at}, but the scene ends at {scene.duration}"
            message += _same_frame(beat.at, scene.duration, draft.rate)
            yield Fault((*place, "beats", number, "at"), message, "move it forward, or make the scene longer")
    for number, (earlier, later) in enumerate(pairwise(scene.beats)):
        after = _compare(later.at, earlier.at, draft.rate)
        if after is not None and after <= 0:
            message = f"beat {number + 2} is at {later.at}, not after beat {number + 1} at {earlier.at}"
            message += _same_frame(later.at, earlier.at, draft.rate)
            yield Fault((*place, "beats", number + 1, "at"), message, "beats stand in the order of their times")
    if scene.transition:
        yield from _transition_faults(draft, scene, scene.transition, index)


def _transition_faults(draft: Draft, scene: Scene, transition: Transition, index: int) -> Iterator[Fault]:
    place: DocumentPath = ("scenes", index, "transition")
    if index == 0 and transition.kind == "dissolve":
        yield Fault((*place, "kind"), "the film begins here, so there is nothing to dissolve from", "use `kind: fade`")
    if transition.duration.amount == 0:
        yield Fault((*place, "duration"), "a transition lasts longer than 0s", "for a cut, leave `transition` out")
    if (_compare(transition.duration, scene.duration, draft.rate, least=1) or 0) > 0:
        message = f"a {transition.kind} of {transition.duration} is longer than its scene of {scene.duration}"
        yield Fault((*place, "duration"), message, "make the scene longer or the transition shorter")


def _compare(one: Duration, other: Duration, rate: Rate | None, least: int = 0) -> int | None:
    """Below, equal to or above 0 as `one` is shorter, as long, or longer; `other` has at least `least` frames.

    In whole frames where the rate is known. None for frames against seconds where it is not; the breakdown, which
    knows it, looks at those again.
    """
    if rate is not None:
        return one.frames(rate) - max(least, other.frames(rate))
    if one.in_frames != other.in_frames and one.amount and other.amount:
        return None
    return (one.amount > other.amount) - (one.amount < other.amount)


def _same_frame(one: Duration, other: Duration, rate: Rate | None) -> str:
    """Why two times that differ are none in the film; nothing where the reader sees it."""
    if rate is None or one.seconds(rate) == other.seconds(rate) or one.frames(rate) != other.frames(rate):
        return ""
    return f": the same frame at {rate} frames per second"


# Prompts


def _prompt_faults(draft: Draft, scene: Scene, place: DocumentPath) -> Iterator[Fault]:
    if scene.prompt is not None:
        yield from _one_prompt(draft, scene.prompt, (*place, "prompt"))
    for number, beat in enumerate(scene.beats):
        yield from _one_prompt(draft, beat.prompt, (*place, "beats", number, "prompt"))
    yield from _text_faults(draft, scene.negative, (*place, "negative"))
    yield from _text_faults(draft, scene.caption, (*place, "caption"), named=True)
    if scene.caption is not None and not scene.caption.strip():
        yield Fault((*place, "caption"), "the caption is empty", "write it, or leave `caption` out")
    if len(scene.caption or "") > _MOST_CAPTION:
        yield Fault((*place, "caption"), f"a caption of more than {_MOST_CAPTION} characters", "split the scene")
    if scene.card:
        title = value_at(draft.source.data, ("title",))
        yield from _text_faults(
            draft, words_of(scene.card), (*place, "card", "credits" if scene.card.credits else "text")
        )
        yield from card_faults(scene.card, title if isinstance(title, str) else "", (*place, "card"))


def _one_prompt(draft: Draft, text: str, path: DocumentPath) -> Iterator[Fault]:
    if not text.strip():
        yield Fault(path, "the prompt is empty", "say what is seen")
    yield from _text_faults(draft, text, path)
    told: set[str] = set()
    for match in BRACES.finditer(text):
        words, name = match[0], match[1]
        if words in ("{{", "}}") or name in draft.cast or words in told:
            continue
        told.add(words)
        position = draft.source.find(path, words)
        if name is None:
            yield Fault(path, f"`{words}` has no partner", f"for a brace in the text, write `{words * 2}`", position)
            continue
        hint = nearest(name.strip(), draft.cast, "`{{{}}}`")
        add = f"add {quoted(name)} to `cast`; " if _NAME.fullmatch(name) else ""
        hint = hint or f"{add}for braces in the text, write `{{{{` and `}}}}`"
        yield Fault(path, f"{quoted(words)} names nobody in the cast", hint, position)


# Assets


def _asset_faults(draft: Draft, scene: Scene, place: DocumentPath) -> Iterator[Fault]:
    named = [
        (("start", "image"), scene.start.image if scene.start else None),
        (("end", "image"), scene.end.image if scene.end else None),
        (("footage", "file"), scene.footage.file if scene.footage else None),
    ]
    for steps, name in named:
        if name is not None and isinstance(found := draft.asset(name), Fault):
            yield _at(found, (*place, *steps))
    yield from _sound_faults(draft, place)


def _sound_faults(draft: Draft, place: DocumentPath) -> Iterator[Fault]:
    for path, entry in entries(draft.source.data, (*place, "sound")):
        name = entry.get("file") if isinstance(entry, dict) else entry
        if isinstance(name, str) and name != OWN and isinstance(found := draft.asset(name), Fault):
            yield _at(found, (*path, "file") if isinstance(entry, dict) else path)


def _at(fault: Fault, path: DocumentPath) -> Fault:
    return Fault(path, fault.message, fault.hint)
