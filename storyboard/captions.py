"""Scenes -> words with their frames: captions and chapters, as WebVTT, as SubRip, as samples of a movie's text track.

A cue is shown from its first frame to its last, by the clock of the film: times of files are cut down to whole
milliseconds, so that a player that asks at a frame's own time gets the cue on exactly its frames.
May import what stands above `captions` in the layout.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from storyboard.cut import Cut
from storyboard.shots import Breakdown
from storyboard.timing import FrameRange, Rate


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that belong to these frames of the film."""

    frames: FrameRange
    text: str


def captions_of(breakdown: Breakdown, *, only: str | None = None) -> tuple[Cue, ...]:
    """The captions of a film's scenes, in its order, without empty lines; or that of one scene as a film of its own."""
    said = {scene.id: scene.caption for scene in breakdown.screenplay.scenes if scene.caption is not None}
    spans = breakdown.scenes if only is None else (breakdown.scene(only),)
    away = 0 if only is None else spans[0].film.start
    return tuple(
        Cue(FrameRange(span.film.start - away, span.film.stop - away), _tidy(said[span.id]))
        for span in spans
        if span.id in said
    )


def _tidy(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def chapters_of(cut: Cut) -> tuple[Cue, ...]:
    """A chapter for each scene of the cut, named by its id; none where there is but one scene.

    A single chapter says nothing, and moviepy 2.2 cannot open a movie that has one.
    """
    cues = []
    for scene, group in groupby(cut.edits, key=lambda edit: edit.scene):
        edits = list(group)
        cues.append(Cue(FrameRange(edits[0].first, edits[-1].first + len(edits[-1])), scene))
    return tuple(cues) if len(cues) > 1 else ()


def as_vtt(cues: Sequence[Cue], rate: Rate) -> str:
    """A WebVTT file."""
    return "\n".join(["WEBVTT\n", *(f"{_times(cue, rate, '.')}\n{escape(cue.text, quote=False)}\n" for cue in cues)])


def as_srt(cues: Sequence[Cue], rate: Rate) -> str:
    """A SubRip file."""
    return "\n".join(f"{number}\n{_times(cue, rate, ',')}\n{cue.text}\n" for number, cue in enumerate(cues, start=1))


def _times(cue: Cue, rate: Rate, point: str) -> str:
    return f"{_clock(cue.frames.start, rate, point)} --> {_clock(cue.frames.stop, rate, point)}"


def _clock(frame: int, rate: Rate, point: str) -> str:
    thousandths = int(rate.seconds(frame) * 1000)
    seconds, rest = divmod(thousandths, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"


def text_samples(cues: Iterable[Cue], frames: int) -> Iterator[tuple[FrameRange, bytes]]:
    """What a text track of 3GPP timed text holds, for a film of so many frames: a sample for each cue and each gap."""
    done = 0
    for cue in cues:
        if done < cue.frames.start:
            yield FrameRange(done, cue.frames.start), _sample("")
        yield cue.frames, _sample(cue.text)
        done = cue.frames.stop
    if done < frames:
        yield FrameRange(done, frames), _sample("")


def _sample(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw
