"""Timelines as files: what is written is read again, to the frame; what is none is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storyboard.errors import CommandError
from storyboard.otio import Blend, Clip, Timeline, otio_text, read_otio
from storyboard.recut import recut
from storyboard.timing import FrameRange, Rate
from tests.films import scene, screenplay, text_of
from tests.pieces import RATES


@pytest.mark.parametrize("rate", [*RATES, "240", "1", "60000/1001"])
def test_a_timeline_comes_back_to_the_frame(rate: str, tmp_path: Path) -> None:
    clips = tuple(
        Clip(
            name=f"Ä {start}",
            media=f"film media/{start}#?%.mov",
            available=FrameRange(0, start + 500),
            source=FrameRange(start, start + 1 + start % 90),
            metadata={"first": -start, "prompt": "\U0001f9f8"},
            blend=Blend("fade" if start % 2 else "dissolve", start % 3, 1 + start % 50) if start % 7 else None,
        )
        for start in range(0, 200_000, 1117)
    )
    timeline = Timeline("Ä film", Rate.parse(rate), clips, {"title": "T"})
    path = tmp_path / "film.otio"
    path.write_text(otio_text(timeline))
    assert read_otio(path, Rate.parse(rate)) == timeline


def test_a_timeline_in_a_collection_is_found(tmp_path: Path) -> None:
    clip = Clip("a", "a.mov", FrameRange(0, 9), FrameRange(2, 7))
    timeline = Timeline("T", Rate.parse(24), (clip,))
    path = tmp_path / "film.otio"
    inside = json.loads(otio_text(timeline))
    path.write_text(json.dumps({"OTIO_SCHEMA": "SerializableCollection.1", "children": [inside]}))
    assert read_otio(path, Rate.parse(24)) == timeline


@pytest.mark.parametrize(
    "data",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"OTIO_SCHEMA": "Clip.2"}',
        '{"OTIO_SCHEMA": "Timeline.1", "tracks": {"children": [7]}}',
        '{"OTIO_SCHEMA": "Timeline.1", "tracks": {"children": []}}',
        '{"OTIO_SCHEMA": "Timeline.1", "tracks": {"children": [{"OTIO_SCHEMA": "Track.1", "children": '
        '[{"OTIO_SCHEMA": "Gap.1", "source_range": {"duration": {"value": NaN, "rate": 24}}}]}]}}',
        '{"OTIO_SCHEMA": "Timeline.1", "tracks": {"children": [{"OTIO_SCHEMA": "Track.1", "children": '
        '[{"OTIO_SCHEMA": "Gap.1", "source_range": {"duration": {"value": 1, "rate": 0}}}]}]}}',
    ],
)
def test_what_is_no_timeline_is_told(data: str, tmp_path: Path) -> None:
    film, path = tmp_path / "film.yaml", tmp_path / "back.otio"
    film.write_text(text_of(screenplay([scene("a")])))
    path.write_text(data)
    with pytest.raises(CommandError, match="is no OpenTimelineIO file"):
        recut(path, film)
