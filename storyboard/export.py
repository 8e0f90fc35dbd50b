"""A film whose takes are all there -> what editors and players open: OpenTimelineIO with its media, WebVTT, SubRip.

    film.otio                      the timeline: a clip for each scene, trimmed and in order, with its transitions
    film.media/under.h8.<key>.mov  a scene as it was shot, its handles before and after; `h8`: 8 frames before it

May import what stands above `export` in the layout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Final

from storyboard.captions import as_srt, as_vtt, captions_of
from storyboard.cut import Strip, assemble, scene_strips, with_handles
from storyboard.digest import Plain
from storyboard.durable import write_asked
from storyboard.errors import CommandError
from storyboard.masters import SUFFIX, master_digest, write_master
from storyboard.otio import Blend, Clip, Timeline, otio_text
from storyboard.production import Production
from storyboard.shots import Breakdown, SceneSpan
from storyboard.timing import FrameRange
from storyboard.vault import Take

Strips = tuple[tuple[str, Strip], ...]
"""What shots show, by shot."""
_MEDIA: Final = re.compile(r"([a-z0-9][a-z0-9_-]*)\.h([0-9]{1,9})\.[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class MediaMade:
    """A scene's media file is there: `number` of `total`. `made` says whether it was written now."""

    path: Path
    number: int
    total: int
    made: bool


def export_captions(film: Breakdown, movie: Path, kind: str) -> Path:
    """Write the captions beside the movie, as `vtt` or `srt`, and return the file. Raises CommandError where the film
    has none, or the file cannot be written."""
    cues = captions_of(film)
    if not cues:
        raise CommandError(f"no scene of `{film.screenplay.source.name}` has a caption", "add `caption:` to a scene")
    path = movie.with_suffix(f".{kind}")
    text = as_vtt(cues, film.rate) if kind == "vtt" else as_srt(cues, film.rate)
    write_asked(path, text.encode(), "use `--out`")
    return path


def export_timeline(production: Production) -> Iterator[MediaMade | Path]:
    """Write the film's timeline beside its movie, and the media that it names first; yields that file at last.

    Media that are there already are not made again. Raises MissingTakes, DamagedFootage, ConformError, CommandError.
    """
    film, vault, movie = production.plan.breakdown, production.vault, production.places.movie
    takes = production.plan.takes
    assemble(film, vault, takes=takes)
    play, by_key = film.screenplay, {take.key: take for take in takes.values()}
    media = movie.with_suffix(".media")
    clips: list[Clip] = []
    with vault.in_use():
        for number, (span, after) in enumerate(zip_longest(film.scenes, film.scenes[1:]), start=1):
            frames = _available(film, takes, span, after)
            strips = scene_strips(film, takes, span, frames)
            digest = master_digest([strip for _, strip in strips], by_key, film)
            path = media / f"{span.id}.h{-frames.start}.{digest[:12]}{SUFFIX}"
            if missing := not path.exists():
                write_master(path, [strip for _, strip in strips], by_key, film, vault)
            yield MediaMade(path, number, len(film.scenes), missing)
            caption = play.scenes[number - 1].caption
            clips.append(_clip(film, span, frames, strips, f"{media.name}/{path.name}", caption))
    metadata: Plain = {"title": play.title, "screenplay": production.places.screenplay.name, "rate": str(film.rate)}
    timeline = movie.with_suffix(".otio")
    text = otio_text(Timeline(play.title or movie.stem, film.rate, tuple(clips), metadata))
    write_asked(timeline, text.encode(), "use `--out`")
    yield timeline


def media_scene(name: str) -> tuple[str, int] | None:
    """The scene that a media file of ours shows, by the file's name, and which of its frames comes first."""
    match = _MEDIA.match(name)
    return (match[1], -int(match[2])) if match else None


def _available(film: Breakdown, takes: Mapping[str, Take], span: SceneSpan, after: SceneSpan | None) -> FrameRange:
    """The frames of a scene that its media hold: all there are, and those that the transition out of it shows."""
    there = with_handles(film, takes, span)
    length = after.transition_frames if after and after.transition else 0
    return FrameRange(there.start, max(there.stop, span.shown.stop + length))


def _clip(
    film: Breakdown, span: SceneSpan, frames: FrameRange, strips: Strips, media: str, caption: str | None
) -> Clip:
    return Clip(
        name=span.id,
        media=media,
        available=FrameRange(0, len(frames)),
        source=FrameRange(span.shown.start - frames.start, span.shown.stop - frames.start),
        metadata=_facts(film, span, frames, strips, caption),
        blend=Blend(span.transition, 0, span.transition_frames) if span.transition else None,
    )


def _facts(film: Breakdown, span: SceneSpan, frames: FrameRange, strips: Strips, caption: str | None) -> Plain:
    """What an editor may want to know of a scene; frames are counted as its media count them."""
    shots: list[Plain] = []
    first = 0
    for name, strip in strips:
        shot = film.shots[name]
        shots.append(
            {
                "shot": name,
                "take": strip.key,
                "prompt": shot.prompt,
                "seed": shot.seed,
                "engine": shot.engine.spec.name,
                "first": first,
                "frames": len(strip),
            }
        )
        first += len(strip)
    return {
        "scene": span.id,
        "line": span.line,
        "first": frames.start,
        "frames": span.frames,
        "caption": caption,
        "shots": shots,
    }
