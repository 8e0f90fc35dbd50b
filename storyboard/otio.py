"""A timeline of clips <-> its OpenTimelineIO file: JSON, as `otio_json` of that project reads and writes it.

We write it ourselves because it is small, and because our times are whole frames until they become its floats. What
editors write is read leniently: what has no counterpart here is named, never guessed. May import what stands above
`otio` in the layout.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from storyboard.digest import Plain
from storyboard.durable import json_object
from storyboard.errors import CommandError
from storyboard.timing import FrameRange, Rate, round_half_up

_MOST_BYTES: Final = 64 << 20
MOST: Final = 1 << 32
_NEAR: Final = 0.01
"""By how much a rate that is written with a few decimals may miss the one that is meant."""
_DISSOLVE, _OTHER = "SMPTE_Dissolve", "Custom_Transition"

Record = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Blend:
    """A transition between two clips: so many frames before the cut and after it."""

    kind: str
    """`dissolve`, or the name that its maker gave it."""
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of a media file in the timeline."""

    name: str
    media: str
    """The file's path from the timeline's folder, or its URL; empty where there is none."""
    available: FrameRange
    """The file's frames, as the timeline counts them."""
    source: FrameRange
    """Those that are shown."""
    metadata: Plain = None
    """Under our own name."""
    blend: Blend | None = None
    """How the film goes over into it."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Clips in a row, and in plain words what else a file held that is not among them."""

    name: str
    rate: Rate
    clips: tuple[Clip, ...]
    metadata: Plain = None
    lost: tuple[str, ...] = ()


# Writing


def otio_text(timeline: Timeline) -> str:
    """The file of a timeline."""
    children = [child for clip in timeline.clips for child in _children(clip, timeline.rate)]
    track = {**_item("Track.1", "V1", None), "children": children, "kind": "Video"}
    tracks = {**_item("Stack.1", "tracks", None), "children": [track]}
    root = {**_object("Timeline.1", timeline.name, timeline.metadata), "global_start_time": None, "tracks": tracks}
    return json.dumps(root, indent=4, ensure_ascii=False, allow_nan=False) + "\n"


def _object(schema: str, name: str, metadata: Plain) -> dict[str, Plain]:
    said: dict[str, Plain] = {} if metadata is None else {"storyboard": metadata}
    return {"OTIO_SCHEMA": schema, "metadata": said, "name": name}


def _item(schema: str, name: str, source: Plain, metadata: Plain = None) -> dict[str, Plain]:
    return {
        **_object(schema, name, metadata),
        "source_range": source,
        "effects": [],
        "markers": [],
        "enabled": True,
        "color": None,
    }


def _children(clip: Clip, rate: Rate) -> Iterator[Plain]:
    if clip.blend is not None:
        kind = _DISSOLVE if clip.blend.kind == "dissolve" else _OTHER
        offsets: dict[str, Plain] = {
            "in_offset": _time(clip.blend.before, rate),
            "out_offset": _time(clip.blend.after, rate),
        }
        yield {**_object("Transition.1", clip.blend.kind, None), **offsets, "transition_type": kind}
    media: dict[str, Plain] = {
        **_object("ExternalReference.1", Path(clip.media).name, None),
        "available_range": _range(clip.available, rate),
        "available_image_bounds": None,
        "target_url": quote(clip.media),
    }
    yield {
        **_item("Clip.2", clip.name, _range(clip.source, rate), clip.metadata),
        "media_references": {"DEFAULT_MEDIA": media},
        "active_media_reference_key": "DEFAULT_MEDIA",
    }


def _range(frames: FrameRange, rate: Rate) -> Plain:
    return {
        "OTIO_SCHEMA": "TimeRange.1",
        "duration": _time(len(frames), rate),
        "start_time": _time(frames.start, rate),
    }


def _time(frames: int, rate: Rate) -> Plain:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(rate.fraction), "value": float(frames)}


# Reading


def read_otio(path: Path, rate: Rate) -> Timeline:
    """The timeline in a file, in frames of a film of that rate: its video track with the most clips.

    Raises CommandError where the file cannot be read, or is no such file.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise CommandError(f"cannot read `{path}`: {error.strerror or error}", "check the path") from error
    try:
        if len(raw) > _MOST_BYTES:
            raise ValueError(f"it is larger than {_MOST_BYTES >> 20} MiB")
        return _Reader(rate).timeline(json_object(raw))
    except ValueError as error:
        hint = "export the timeline as OpenTimelineIO (`.otio`)"
        raise CommandError(f"`{path}` is no OpenTimelineIO file that can be read: {error}", hint) from error


@dataclass(slots=True)
class _Reader:
    """One file under way. Raises ValueError for what makes no sense."""

    rate: Rate
    lost: list[str] = field(default_factory=list)

    def timeline(self, data: object) -> Timeline:
        root = _first_timeline(data)
        stack = _record(root.get("tracks"))
        tracks = [_record(child) for child in _records(stack.get("children"))]
        pictures = [track for track in tracks if _schema(track) == "Track" and track.get("kind") != "Audio"]
        if not pictures:
            raise ValueError("it has no video track")
        main = max(pictures, key=_clip_count)
        for track in tracks:
            if track is not main and (count := _clip_count(track)):
                kind = "audio" if track.get("kind") == "Audio" else "other"
                self.lost.append(f"the {kind} track `{_text(track, 'name')}`: {count} of its clips")
        self.note(main, "the track")
        return Timeline(_text(root, "name"), self.rate, tuple(self.clips(main)), _ours(root), tuple(self.lost))

    def clips(self, track: Record) -> Iterator[Clip]:
        blend: Blend | None = None
        for child in map(_record, _records(track.get("children"))):
            kind, name = _schema(child), _text(child, "name")
            if kind == "Transition":
                blend = self.blend(child)
                continue
            if kind == "Clip" and child.get("enabled", True) is False:
                self.lost.append(f"the clip `{name}`, which is switched off")
            elif kind == "Clip":
                self.note(child, f"`{name}`")
                yield self.clip(child, blend)
            elif kind != "Gap":
                self.lost.append(f"the nested sequence `{name}`")
            elif length := len(self.range(child.get("source_range"))):
                self.lost.append(f"a gap of {length} frames")
            blend = None
        if blend is not None:
            self.lost.append(f"the {blend.kind} at the end")

    def clip(self, child: Record, blend: Blend | None) -> Clip:
        media = child.get("media_reference")
        if "media_references" in child:
            key = _text(child, "active_media_reference_key") or "DEFAULT_MEDIA"
            media = _record(child["media_references"]).get(key)
        media = {} if media is None else _record(media)
        available = self.range(media.get("available_range"))
        written = child.get("source_range")
        return Clip(
            name=_text(child, "name"),
            media=unquote(urlsplit(_text(media, "target_url")).path),
            available=available,
            source=available if written is None else self.range(written),
            metadata=_ours(child),
            blend=blend,
        )

    def blend(self, child: Record) -> Blend:
        known = child.get("transition_type") == _DISSOLVE
        kind = "dissolve" if known else _text(child, "name") or _text(child, "transition_type")
        return Blend(kind, self.frames(child.get("in_offset")), self.frames(child.get("out_offset")))

    def note(self, item: Record, name: str) -> None:
        """What hangs on a clip or a track and has no place in a screenplay."""
        for what in ("effects", "markers"):
            if count := len(_records(item.get(what))):
                self.lost.append(f"{count} of the {what} on {name}")

    def range(self, data: object) -> FrameRange:
        """Frames of the film; empty where nothing is said."""
        if data is None:
            return FrameRange(0, 0)
        record = _record(data)
        start, length = self.frames(record.get("start_time")), self.frames(record.get("duration"))
        return FrameRange(start, start + max(0, length))

    def frames(self, data: object) -> int:
        if data is None:
            return 0
        record = _record(data)
        value, rate = _number(record.get("value")), _number(record.get("rate"))
        own = float(self.rate.fraction)
        if rate <= 0:
            raise ValueError("one of its rates is none")
        count = value if abs(rate - own) < _NEAR else value / rate * own
        if not abs(count) <= MOST:
            raise ValueError("one of its times is none")
        return round_half_up(Fraction(count))


def _first_timeline(data: object) -> Record:
    """The timeline of a file, which may lie in a collection."""
    record = _record(data)
    if _schema(record) == "Timeline":
        return record
    inside = (_record(child) for child in _records(record.get("children")))
    found = next((child for child in inside if _schema(child) == "Timeline"), None)
    if found is None:
        raise ValueError("it has no timeline")
    return found


def _clip_count(track: Record) -> int:
    return sum(_schema(_record(child)) == "Clip" for child in _records(track.get("children")))


def _schema(record: Record) -> str:
    """The kind of an object, without its version."""
    return _text(record, "OTIO_SCHEMA").partition(".")[0]


def _ours(record: Record) -> Plain:
    metadata = record.get("metadata")
    said = metadata.get("storyboard") if isinstance(metadata, dict) else None
    return said if isinstance(said, dict) else None


def _record(value: object) -> Record:
    if not isinstance(value, dict):
        raise ValueError("one of its objects is none")
    return value


def _records(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _text(record: Record, name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MOST:
        raise ValueError("one of its times is none")
    return float(value)
