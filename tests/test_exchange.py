"""To an editor and back, by OpenTimelineIO's own library: exact lengths, the right pictures, and no shot lost."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from storyboard.engines.strip import read_strip
from storyboard.errors import CommandError
from storyboard.export import export_timeline
from storyboard.film import Production, prepare
from storyboard.plan import State
from storyboard.recut import Recut, recut
from storyboard.screenplay import load
from storyboard.vault import Vault
from tests.films import decoded, film_of, scene, screenplay, shoot, storyboard, text_of

otio = pytest.importorskip("opentimelineio", reason="there is no opentimelineio for this Python")

TEXT = """\
# A film that an editor gets.
title: Out and back
engine: {name: animatic, window: 13, tail: 5}
format: {width: 192, height: 108, rate: 24000/1001}
scenes:
  # The first.
  - id: a
    prompt: A.
    duration: 24f
  - {id: b, prompt: B., duration: 30f, caption: Hello.}   # goes on from a

  # The third, in two shots.
  - id: c
    prompt: C.
    duration: 1s
    trim: {tail: 0.125s}
    transition:
      kind: dissolve   # softly
      duration: 0.25s
  - id: end
    card: {text: The End}
    duration: 12f
"""


class Edited:
    """A film that is shot, its timeline, and an editor at work on it."""

    def __init__(self, folder: Path, text: str = TEXT) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.film = folder, folder / "film.yaml"
        self.film.write_bytes(text.encode())
        plan = self.prepared().plan
        shoot(plan.breakdown, Vault(folder / "vault"))
        *_, path = export_timeline(self.prepared())
        assert isinstance(path, Path)
        self.path = path
        self.timeline = otio.adapters.read_from_file(str(path))

    def prepared(self) -> Production:
        return prepare(self.film, out=self.folder / "out", vault=self.folder / "vault")

    @property
    def track(self) -> otio.schema.Track:
        return self.timeline.tracks[0]

    def clip(self, name: str) -> otio.schema.Clip:
        return next(clip for clip in self.timeline.find_clips() if clip.name == name)

    def trim(self, name: str, head: int, tail: int) -> None:
        clip = self.clip(name)
        whole, rate = clip.source_range, clip.source_range.start_time.rate
        clip.source_range = otio.opentime.TimeRange(
            whole.start_time + otio.opentime.RationalTime(head, rate),
            whole.duration - otio.opentime.RationalTime(head + tail, rate),
        )

    def arrange(self, *names: str) -> None:
        """Cut the clips together in this order, without transitions."""
        clips = {name: self.clip(name) for name in names}
        del self.track[:]
        self.track.extend(clips[name] for name in names)

    def shown(self) -> list[tuple[object, ...]]:
        """What the film shows, frame by frame; nothing may have to be shot for it."""
        plan = self.prepared().plan
        assert all(each.state is State.HIT for each in plan), [each.shot.id for each in plan if not each.take]
        return film_of(plan.breakdown, Vault(self.folder / "vault"), plan.takes)

    def comes_back(self, edit: Callable[[dict[str, object]], None] | None = None) -> Recut:
        """Import the timeline as it is now; `edit` changes its plain data first."""
        path = self.folder / "back.otio"
        otio.adapters.write_to_file(self.timeline, str(path))
        if edit is not None:
            data = json.loads(path.read_text())
            edit(data)
            path.write_text(json.dumps(data))
        return recut(path, self.film)


@pytest.fixture
def edited(tmp_path: Path) -> Edited:
    return Edited(tmp_path / "film")


# Out


def test_the_timeline_has_the_films_exact_length_and_its_clips(edited: Edited) -> None:
    film = edited.prepared().plan.breakdown
    duration = edited.timeline.duration()
    assert (duration.value, duration.rate) == (film.frames, 24000 / 1001)
    assert [type(each).__name__ for each in edited.track] == ["Clip", "Clip", "Transition", "Clip", "Clip"]
    first = 0
    for clip, span in zip(edited.timeline.find_clips(), film.scenes, strict=True):
        assert clip.range_in_parent().start_time.value == first == span.film.start
        first += int(clip.duration().value)
        available, source = clip.available_range(), clip.source_range
        assert available.start_time <= source.start_time
        assert source.end_time_exclusive() <= available.end_time_exclusive()
        said = clip.metadata["storyboard"]
        assert (said["scene"], said["line"]) == (clip.name, span.line) == (span.id, span.line)
    assert edited.clip("c").metadata["storyboard"]["shots"][1]["prompt"] == "C."
    assert edited.clip("b").metadata["storyboard"]["caption"] == "Hello."
    dissolve = edited.track[2]
    assert (dissolve.transition_type, dissolve.in_offset.value, dissolve.out_offset.value) == ("SMPTE_Dissolve", 0, 6)
    before = edited.clip("b")
    room = before.available_range().end_time_exclusive() - before.source_range.end_time_exclusive()
    assert room.value >= 6, "what the dissolve shows of it is in its media"


def test_the_media_show_what_the_film_shows_and_the_handles_around_it(edited: Edited) -> None:
    import av

    plan = edited.prepared().plan
    for name, handles in (("a", (0, 0)), ("b", (5, 6)), ("c", (5, 0)), ("end", (24, 24))):
        clip = edited.clip(name)
        path = edited.folder / "out" / clip.media_reference.target_url
        span = plan.breakdown.scene(name)
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.average_rate) == ("prores", plan.breakdown.rate.fraction)
            assert stream.frames == clip.available_range().duration.value == sum(handles) + span.frames
        pictures = decoded(path)
        assert clip.source_range.start_time.value == handles[0] + span.shown.start
        first = 0
        for said in clip.metadata["storyboard"]["shots"]:
            take, shot = plan.takes[said["shot"]], plan.breakdown.shots[said["shot"]]
            offset = 0 if span.hold else shot.visible.start - (handles[0] if shot.number == 1 else 0)
            wanted = [0 if span.hold else min(offset + n, len(take.frames) - 1) for n in range(said["frames"])]
            takes = Vault(edited.folder / "vault").frames(take, wanted)
            assert np.abs(pictures[first : first + len(wanted)].astype(int) - takes).mean() < 3, (
                "this reader is 2 too dark"
            )
            if not span.hold:
                seen = [read_strip(picture) for picture in pictures[first : first + len(wanted)]]
                assert seen == [read_strip(picture) for picture in takes]
            first += len(wanted)
        assert first == len(pictures)


def test_what_is_there_is_not_made_again(edited: Edited) -> None:
    files = {path: path.stat().st_mtime_ns for path in (edited.folder / "out").rglob("*") if path.is_file()}
    before = edited.path.read_bytes()
    done = storyboard(
        "export", edited.film, "--out", edited.folder / "out", "--vault", edited.folder / "vault", "--to", "otio"
    )
    assert done.stdout.strip() == str(edited.path) and edited.path.read_bytes() == before
    assert done.stderr.count("there already") == 4
    assert {path: path.stat().st_mtime_ns for path in files if path.suffix == ".mov"}.items() <= files.items()


def test_captions_are_exported_and_none_are_told(edited: Edited) -> None:
    where = ("--out", edited.folder / "out", "--vault", edited.folder / "vault")
    done = storyboard("export", edited.film, *where, "--to", "srt")
    assert Path(done.stdout.strip()).read_text() == "1\n00:00:01,001 --> 00:00:02,252\nHello.\n"
    edited.film.write_text(TEXT.replace(", caption: Hello.", ""))
    assert "no scene of" in storyboard("export", edited.film, *where, "--to", "vtt", check=2).stderr
    bare = storyboard(
        "export", edited.film, "--out", edited.folder, "--vault", edited.folder / "no", "--to", "otio", check=1
    )
    assert "render the film first" in bare.stderr


# Back


def test_a_round_trip_without_change_changes_no_byte(edited: Edited) -> None:
    assert edited.comes_back() == Recut((), ())
    assert edited.film.read_bytes() == TEXT.encode()
    done = storyboard("import", edited.path, edited.film, "--vault", edited.folder / "vault")
    assert "the screenplay says this film already" in done.stderr and "plan: 0 to shoot" in done.stderr
    assert edited.film.read_bytes() == TEXT.encode()


def test_a_trim_and_a_swap_come_back_and_cost_no_shot(edited: Edited) -> None:
    before = edited.shown()
    edited.trim("a", 3, 5)
    edited.arrange("b", "a", "c", "end")
    came = edited.comes_back()
    assert came.lost == ()
    shown = edited.shown()
    whole = [frame[:1] for frame in before]
    wanted = [*whole[24:54], *whole[3:19], *whole[54:]]
    assert [frame[:1] for frame in shown] == wanted and all(len(frame) == 1 for frame in shown)
    assert edited.film.read_text() == TEXT.replace(
        """\
  # The first.
  - id: a
    prompt: A.
    duration: 24f
  - {id: b, prompt: B., duration: 30f, caption: Hello.}   # goes on from a
""",
        """\
  - {id: b, continues: a, prompt: B., duration: 30f, caption: Hello.}   # goes on from a
  # The first.
  - id: a
    trim: {head: 3f, tail: 5f}
    continues: nothing
    prompt: A.
    duration: 24f
""",
    ).replace("  - id: c\n", "  - id: c\n    continues: b\n").replace(
        "    transition:\n      kind: dissolve   # softly\n      duration: 0.25s\n", ""
    )
    done = storyboard("import", edited.folder / "back.otio", edited.film, "--vault", edited.folder / "vault")
    assert "the screenplay says this film already" in done.stderr


def test_undone_in_the_editor_the_film_is_what_it_was(edited: Edited) -> None:
    before, clips = edited.shown(), edited.timeline.deepcopy()
    edited.trim("b", 1, 2)
    edited.arrange("c", "b", "end", "a")
    edited.comes_back()
    assert edited.shown() != before
    edited.timeline = clips
    assert edited.comes_back().lost == ()
    assert edited.shown() == before


def test_a_trim_at_a_seam_is_told(edited: Edited) -> None:
    edited.trim("a", 0, 4)
    edited.comes_back()
    notices = [notice.message for notice in edited.prepared().plan.breakdown.notices]
    assert notices == ["the film jumps 4 frames where `b` goes on from `a`, by `trim`"]


def test_only_what_changes_of_a_trim_or_a_transition_is_written_anew(edited: Edited) -> None:
    edited.trim("c", 2, 0)
    dissolve = edited.track[2]
    dissolve.out_offset = otio.opentime.RationalTime(4, dissolve.out_offset.rate)
    assert edited.comes_back().lost == ()
    wanted = TEXT.replace("{tail: 0.125s}", "{tail: 0.125s, head: 2f}").replace("duration: 0.25s", "duration: 4f")
    assert edited.film.read_text() == wanted
    edited.shown()


def test_a_card_may_be_as_long_as_the_editor_likes(edited: Edited) -> None:
    edited.trim("end", 0, -7)
    assert edited.comes_back() == Recut(("card `end` is on screen for 19 frames",), ())
    assert edited.film.read_text() == TEXT.replace("duration: 12f", "duration: 19f")
    edited.shown()


def test_a_clip_that_was_cut_in_two_is_one_scene(edited: Edited) -> None:
    rest = edited.clip("b").deepcopy()
    edited.trim("b", 0, 20)
    rest.source_range = otio.opentime.range_from_start_end_time(
        edited.clip("b").source_range.end_time_exclusive(), rest.source_range.end_time_exclusive()
    )
    edited.track.insert(2, rest)
    assert edited.comes_back() == Recut((), ())


def test_what_a_screenplay_cannot_say_is_named(edited: Edited) -> None:
    rate = edited.clip("a").source_range.start_time.rate

    def seconds(frames: int) -> otio.opentime.RationalTime:
        return otio.opentime.RationalTime(frames, rate)

    edited.trim("b", -2, -3)
    edited.track[2].in_offset = seconds(2)
    edited.clip("a").effects.append(otio.schema.LinearTimeWarp(time_scalar=2))
    edited.track.append(otio.schema.Gap(duration=seconds(5)))
    edited.track.append(edited.clip("b").deepcopy())
    edited.track.append(otio.schema.Clip("logo", source_range=edited.clip("a").source_range))
    edited.track.append(otio.schema.Stack(name="nest"))
    edited.track.remove(edited.clip("end"))
    edited.track.append(otio.schema.Transition("wipe", "Custom_Transition", seconds(0), seconds(5)))
    edited.timeline.tracks.append(otio.schema.Track("A1", [edited.clip("a").deepcopy()], kind="Audio"))
    came = edited.comes_back()
    assert came.done == ()
    for words in (
        "1 of the effects on `a`",
        "a gap of 5 frames",
        "another clip of scene `b`",
        "the clip `logo`, which is no scene of the screenplay",
        "the nested sequence `nest`",
        "the wipe at the end",
        "the audio track `A1`: 1 of its clips",
        "scene `end` is not in the timeline",
        "2 frames that the clip of `b` shows before it begins",
        "3 frames that the clip of `b` shows after it ends",
        "the dissolve into `c`, which begins 2 frames before the cut",
    ):
        assert sum(words in sentence for sentence in came.lost) == 1, words
    assert len(came.lost) == 11
    assert edited.film.read_text() == TEXT


def test_a_clip_of_handles_alone_is_no_trim(edited: Edited) -> None:
    edited.trim("b", -4, 31)
    (lost,) = edited.comes_back().lost
    assert lost == "the trim of `b`: none of the frames that its clip shows are the scene's own"
    assert edited.film.read_text() == TEXT


@pytest.mark.parametrize("rate", [23.976, 23.98, 24000 / 1001, 47.952047952047955])
def test_what_other_programs_leave_of_a_timeline_is_enough(rate: float, edited: Edited) -> None:
    """Neither metadata nor names, another spelling of the rate, or another rate; clips as older versions have them."""
    edited.trim("b", 6, 1)
    factor = round(rate / 24)

    def plainer(node: object) -> None:
        for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            plainer(child)
        if isinstance(node, dict):
            node.pop("name", None)
            if "storyboard" in node.get("metadata", {}):
                node["metadata"] = {"other": {"a": 1}}
            if node.get("OTIO_SCHEMA") == "RationalTime.1":
                node |= {"rate": rate, "value": node["value"] * factor}
            if node.get("OTIO_SCHEMA") == "Clip.2":
                media = node.pop("media_references").pop(node.pop("active_media_reference_key"))
                media["target_url"] = f"file:///somewhere/{media['target_url']}"
                node |= {"OTIO_SCHEMA": "Clip.1", "media_reference": media}

    came = edited.comes_back(plainer)
    assert came == Recut(("scene `b` has 6 frames off its head and 1 frame off its tail",), ())
    assert edited.film.read_text() == TEXT.replace("{id: b,", "{id: b, trim: {head: 6f, tail: 1f},")


def test_a_scene_on_hold_keeps_what_it_is_tied_to(tmp_path: Path) -> None:
    text = text_of(screenplay([scene("a"), scene("b"), scene("c", hold=True), scene("d", continues="nothing")]))
    edited = Edited(tmp_path, text)
    where = ("--out", tmp_path / "out", "--vault", tmp_path / "vault")
    storyboard("render", edited.film, *where)
    edited.arrange("a", "c", "b", "d")
    with pytest.raises(CommandError, match="`c` is on hold") as caught:
        edited.comes_back()
    assert "take `hold` out" in (caught.value.hint or "") and edited.film.read_text() == text
    edited.arrange("d", "a", "b", "c")
    assert edited.comes_back().lost == ()
    edited.shown()


def test_a_timeline_of_another_film_is_told(edited: Edited, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(text_of(screenplay([scene("x")])))
    with pytest.raises(CommandError, match="shows no scene of"):
        recut(edited.path, other)
    with pytest.raises(CommandError, match="cannot read"):
        recut(tmp_path / "nothing.otio", edited.film)


def test_random_cuts_come_back_as_they_were_made(tmp_path: Path) -> None:
    """Any order and any trims: the film shows them, no shot is lost, and the timeline of that film is the editor's."""
    rng = random.Random(11)
    for number in range(6):
        names = "abcdef"[: rng.randrange(2, 7)]
        scenes = [scene(name, f"{rng.randrange(4, 12)}f") for name in names]
        for each in scenes[1:]:
            if rng.random() < 0.4:
                each["transition"] = {"kind": rng.choice(["dissolve", "fade"]), "duration": "2f"}
        edited = Edited(tmp_path / str(number), text_of(screenplay(scenes)))
        for _ in range(3):
            order = list(names)
            rng.shuffle(order)
            for name in order:
                length = int(edited.clip(name).source_range.duration.value)
                head = rng.randrange(0, length - 1) if length > 2 else 0
                edited.trim(name, head, rng.randrange(0, length - head))
            edited.arrange(*order)
            assert edited.comes_back().lost == ()
            edited.shown()
            *_, path = export_timeline(edited.prepared())
            again = otio.adapters.read_from_file(str(path))
            wanted = [(clip.name, clip.source_range) for clip in edited.timeline.find_clips()]
            assert [(clip.name, clip.source_range) for clip in again.find_clips()] == wanted
            assert len(load(edited.film).scenes) == len(names)
