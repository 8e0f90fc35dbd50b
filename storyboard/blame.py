"""What a movie file says of itself: which scene, line, shot and take each of its frames comes from.

The note that is embedded in a movie holds the canonical screenplay and the cut; to blame a frame is to look it up
there, with no need of screenplay, vault or lock. May import what stands above `blame` in the layout.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

from storyboard.cut import Cut, Edit, Mix, MixKind, Strip
from storyboard.digest import Plain
from storyboard.durable import field_of
from storyboard.errors import CommandError, ConformError
from storyboard.timing import Duration, Rate

_VERSION: Final = 1
_MOST: Final = 1 << 32

Record = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ShotFacts:
    """What a movie remembers of a shot. `seed` is None where nothing was drawn at random."""

    prompt: str
    engine: str
    seed: int | None


@dataclass(frozen=True, slots=True)
class MixedWith:
    """What lies under a frame inside a transition, and the weights of (under, over); what is missing to 1 is black."""

    kind: MixKind
    shot: str | None
    """Whose take lies under it; None for black."""
    key: str | None
    take_frame: int | None
    weights: tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True)
class Credit:
    """Where a frame of a movie comes from."""

    film_frame: int
    seconds: Fraction
    scene: str
    line: int
    shot: str
    prompt: str
    engine: str
    seed: int | None
    key: str
    take_frame: int
    mixed_with: MixedWith | None


def make_note(screenplay: Plain, cut: Cut, shots: Mapping[str, ShotFacts]) -> Plain:
    """What is embedded in a movie: the canonical screenplay, the cut, and facts of each shot in it, by shot."""
    return {
        "storyboard": _VERSION,
        "screenplay": screenplay,
        "size": [cut.width, cut.height],
        "rate": str(cut.rate),
        "fit": cut.fit,
        "edits": [_edit_to_plain(edit) for edit in cut.edits],
        "shots": {
            name: {"prompt": facts.prompt, "engine": facts.engine, "seed": facts.seed}
            for name, facts in shots.items()
            if name in cut.shots
        },
    }


def blame(movie: Path, at: Duration) -> Credit:
    """Where the frame comes from that `movie` shows at that time, or frame. Reads the movie's note alone.

    Raises ConformError where the movie holds no note that can be read, CommandError for a time beyond its end.
    """
    from storyboard.boxes import read_note

    note = read_note(movie)
    try:
        cut = cut_of(note)
        frame = int(at.amount) if at.in_frames else int(at.amount * cut.rate.fraction)
        if frame >= cut.frames:
            length = f"{cut.frames} frames, {float(cut.rate.seconds(cut.frames)):.3f} s, long"
            raise CommandError(f"`{at}` is beyond the end of `{movie}`, which is {length}")
        return _credit(cast("Record", note), cut, frame)
    except ValueError as error:
        raise _unreadable(movie, error) from error


def screenplay_of(movie: Path) -> Plain:
    """The canonical screenplay that a movie was made from. Raises ConformError."""
    from storyboard.boxes import read_note

    note = read_note(movie)
    if not isinstance(note, Mapping) or "screenplay" not in note:
        raise _unreadable(movie, ValueError("it has no screenplay"))
    return note["screenplay"]


def cut_of(note: Plain) -> Cut:
    """The cut in a note. Raises ValueError."""
    if not isinstance(note, Mapping) or note.get("storyboard") != _VERSION:
        raise ValueError("it is of another version")
    record = cast("Record", note)
    size = field_of(record, "size", list)
    edits = tuple(_edit_from(_record(each)) for each in field_of(record, "edits", list))
    ends = [0, *(edit.first + len(edit) for edit in edits)]
    if len(size) != 2 or not edits or [edit.first for edit in edits] != ends[:-1]:
        raise ValueError("its edits are no film")
    rate = Rate.parse(field_of(record, "rate", str))
    return Cut(_whole(size[0]), _whole(size[1]), rate, field_of(record, "fit", str), edits)


def _unreadable(movie: Path, error: ValueError) -> ConformError:
    return ConformError(
        f"the screenplay in `{movie}` cannot be read: {error}", "render the film again with this storyboard"
    )


def _credit(note: Record, cut: Cut, frame: int) -> Credit:
    edit = cut.edits[bisect_right([edit.first for edit in cut.edits], frame) - 1]
    facts = field_of(field_of(note, "shots", dict), edit.shot, dict)
    return Credit(
        film_frame=frame,
        seconds=cut.rate.seconds(frame),
        scene=edit.scene,
        line=edit.line,
        shot=edit.shot,
        prompt=field_of(facts, "prompt", str),
        engine=field_of(facts, "engine", str),
        seed=None if facts.get("seed") is None else field_of(facts, "seed", int),
        key=edit.strip.key,
        take_frame=edit.strip.frames[frame - edit.first],
        mixed_with=_mixed_with(edit.mix, cut, frame - edit.first) if edit.mix else None,
    )


def _mixed_with(mix: Mix, cut: Cut, frame: int) -> MixedWith:
    weights = mix.weights(frame)
    if mix.under is None:
        return MixedWith(mix.kind, None, None, None, weights)
    key = mix.under.key
    shot = mix.shot or next((edit.shot for edit in cut.edits if edit.strip.key == key), None)
    return MixedWith(mix.kind, shot, key, mix.under.frames[frame], weights)


# The cut, as plain data


def _edit_to_plain(edit: Edit) -> Plain:
    plain: dict[str, Plain] = {
        "first": edit.first,
        "scene": edit.scene,
        "line": edit.line,
        "shot": edit.shot,
        **_strip_to_plain(edit.strip),
    }
    if edit.mix is not None:
        mix = edit.mix
        under = None if mix.under is None else _strip_to_plain(mix.under)
        mixed: dict[str, Plain] = {"kind": mix.kind.value, "position": mix.position, "length": mix.length}
        whose: dict[str, Plain] = {} if mix.shot is None else {"shot": mix.shot}
        plain["mix"] = {**mixed, "under": under, **whose}
    return plain


def _strip_to_plain(strip: Strip) -> dict[str, Plain]:
    """A run of frames as [first, count]; frames in any other order one by one."""
    frames = list(strip.frames)
    if frames == list(range(frames[0], frames[0] + len(frames))):
        return {"key": strip.key, "run": [frames[0], len(frames)]}
    return {"key": strip.key, "frames": frames}


def _edit_from(record: Record) -> Edit:
    edit = Edit(
        first=_whole(record.get("first")),
        strip=_strip_from(record),
        shot=field_of(record, "shot", str),
        scene=field_of(record, "scene", str),
        line=field_of(record, "line", int),
        mix=_mix_from(field_of(record, "mix", dict)) if "mix" in record else None,
    )
    if len(edit) < 1 or (edit.mix and edit.mix.under and len(edit.mix.under) != len(edit)):
        raise ValueError("one of its edits has no length")
    return edit


def _mix_from(record: Record) -> Mix:
    under = record.get("under")
    return Mix(
        kind=MixKind(field_of(record, "kind", str)),
        under=None if under is None else _strip_from(_record(under)),
        position=_whole(record.get("position")),
        length=_whole(record.get("length")),
        shot=field_of(record, "shot", str) if "shot" in record else None,
    )


def _strip_from(record: Record) -> Strip:
    key = field_of(record, "key", str)
    if "run" not in record:
        return Strip(key, tuple(_whole(frame) for frame in field_of(record, "frames", list)))
    first, count = (_whole(number) for number in _pair(field_of(record, "run", list)))
    return Strip(key, range(first, first + count))


def _pair(values: Sequence[object]) -> tuple[object, object]:
    if len(values) != 2:
        raise ValueError("one of its runs is none")
    return values[0], values[1]


def _record(value: object) -> Record:
    if not isinstance(value, dict):
        raise ValueError("one of its records is none")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MOST:
        raise ValueError("one of its numbers is none")
    return value
