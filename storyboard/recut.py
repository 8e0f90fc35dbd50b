"""A timeline that an editor changed -> the same changes in the screenplay's text: order, trims, transitions.

    film.otio  ->  trim, continues, transition, and the places of scenes  ->  film.yaml

None of them is in any key, so no shot is lost: a trim is left out of what was shot, and a scene that moves goes on, by
name, from the scene that it went on from. What a screenplay cannot say is named. May import what stands above `recut`
in the layout.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from storyboard.breakdown import break_down
from storyboard.errors import CommandError, DocumentPath, ScreenplayError
from storyboard.export import media_scene
from storyboard.fields import NOTHING
from storyboard.limits import Limits
from storyboard.lock import read_lock
from storyboard.otio import MOST, Blend, Clip, Timeline, read_otio
from storyboard.project import places
from storyboard.rewrite import in_order, with_fields, write
from storyboard.scene import continued
from storyboard.screenplay import Screenplay, loads
from storyboard.shots import Breakdown, SceneSpan
from storyboard.source import Data, Source, read_text
from storyboard.splice import check_holds
from storyboard.timing import Duration, FrameRange
from storyboard.wording import value_at


@dataclass(frozen=True, slots=True)
class Recut:
    """What came of a timeline."""

    done: tuple[str, ...]
    """The changes of the screenplay, a sentence each."""
    lost: tuple[str, ...]
    """What could not come back, a sentence each."""


def recut(timeline: Path, screenplay: Path, *, limits: Limits | None = None) -> Recut:
    """Make the film of a screenplay the one that a timeline shows. The text is left alone where that is so already.

    The timeline is one that `export_timeline` wrote, changed since; `limits` are as for `load`. Raises
    ScreenplayError, and CommandError where the timeline cannot be read, is of another film, or needs what the
    screenplay cannot be changed to; then nothing is written.
    """
    text = read_text(screenplay)
    play = loads(text, str(screenplay), screenplay.parent, limits=limits)
    film = break_down(play)
    work = _Recutting(film, read_otio(timeline, film.rate))
    if not work.clips:
        scenes = ", ".join(f"`{span.id}`" for span in film.scenes[:5])
        raise CommandError(f"`{timeline}` shows no scene of `{screenplay}`", f"its scenes are {scenes}")
    changed = work.source()
    if changed.text != play.source.text:
        _check(changed, screenplay, work)
        write(screenplay, changed, text)
    return Recut(tuple(work.done), tuple(work.lost))


def _check(changed: Source, path: Path, work: _Recutting) -> None:
    """Raises CommandError unless the changed screenplay is sound, and says the film that was asked for."""
    try:
        film = break_down(loads(changed.text, changed.name, path.parent, limits=work.play.limits))
        check_holds(film, read_lock(places(path).lock))
    except ScreenplayError as error:
        fault = error.faults[0]
        message = f"the timeline cannot come back: it would be a screenplay in which {fault.message}"
        raise CommandError(message, fault.hint) from error
    shown = [(span.id, span.shown) for span in film.scenes]
    assert shown == [(name, work.shown[name]) for name in work.order], shown


@dataclass
class _Recutting:
    """A film as it is, and as the timeline has it."""

    film: Breakdown
    timeline: Timeline
    clips: dict[str, Clip] = field(default_factory=dict)
    """The clip of each scene."""
    shown: dict[str, FrameRange] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    changes: dict[str, dict[str, Data]] = field(default_factory=dict)
    """The fields of each scene that change."""

    def __post_init__(self) -> None:
        self.spans = {span.id: span for span in self.film.scenes}
        self.scenes = {scene.id: scene for scene in self.play.scenes}
        self.index = {scene: index for index, scene in enumerate(self.scenes)}
        self.lost += self.timeline.lost
        self.find_clips()
        self.find_order()
        self.find_trims()
        self.find_transitions()
        self.keep_ties()

    @property
    def play(self) -> Screenplay:
        return self.film.screenplay

    def change(self, scene: str, name: str, value: Data, sentence: str) -> None:
        self.changes.setdefault(scene, {})[name] = value
        self.done.append(sentence)

    def source(self) -> Source:
        """The screenplay's text with all changes in it."""
        at: dict[DocumentPath, Mapping[str, Data]] = {
            ("scenes", self.index[scene]): fields for scene, fields in self.changes.items()
        }
        changed = with_fields(self.play.source, at) if at else self.play.source
        order = [self.index[scene] for scene in self.order]
        return changed if order == sorted(order) else in_order(changed, order)

    # What the timeline shows

    def find_clips(self) -> None:
        before: str | None = None
        for clip in self.timeline.clips:
            scene, _ = _scene_of(clip)
            if scene is None or scene not in self.spans:
                self.lost.append(f"the clip `{clip.name}`, which is no scene of the screenplay")
            elif scene not in self.clips:
                self.clips[scene] = clip
            elif scene == before and _goes_on(self.clips[scene], clip):
                source = FrameRange(self.clips[scene].source.start, clip.source.stop)
                self.clips[scene] = replace(self.clips[scene], source=source)
            else:
                self.lost.append(f"another clip of scene `{scene}`: a scene is in a film once")
            before = scene

    def find_order(self) -> None:
        """Scenes as the timeline has them; what it leaves out stays behind the scene that it is behind."""
        self.order = list(self.clips)
        before: str | None = None
        for scene in self.spans:
            if scene not in self.clips:
                self.lost.append(f"scene `{scene}` is not in the timeline; it stays in the film: take it out yourself")
                self.order.insert(0 if before is None else self.order.index(before) + 1, scene)
            before = scene
        moved = _moved(list(self.spans), self.order)
        for scene, behind in zip(self.order, [None, *self.order], strict=False):
            if scene in moved:
                where = "to the start" if behind is None else f"behind `{behind}`"
                self.done.append(f"scene `{scene}` moves {where}")

    def find_trims(self) -> None:
        for scene, span in self.spans.items():
            self.shown[scene] = span.shown
            clip = self.clips.get(scene)
            if clip is None:
                continue
            _, first = _scene_of(clip)
            start = clip.source.start - clip.available.start + first
            asked = FrameRange(start, start + len(clip.source))
            if span.hold:
                self.set_card(scene, span, len(asked))
            else:
                self.set_trim(scene, span, asked)

    def set_card(self, scene: str, span: SceneSpan, length: int) -> None:
        """One picture: only the length of a card matters, and costs nothing."""
        if length < 1 or length == len(span.shown):
            return
        total = length + span.frames - len(span.shown)
        self.shown[scene] = FrameRange(span.shown.start, span.shown.start + length)
        self.change(scene, "duration", f"{total}f", f"card `{scene}` is on screen for {_frames(length)}")

    def set_trim(self, scene: str, span: SceneSpan, asked: FrameRange) -> None:
        shown = FrameRange(max(0, asked.start), min(span.frames, asked.stop))
        if shown.stop <= shown.start:
            self.lost.append(f"the trim of `{scene}`: none of the frames that its clip shows are the scene's own")
            return
        for handles, where in ((-asked.start, "before it begins"), (asked.stop - span.frames, "after it ends")):
            if handles > 0:
                self.lost.append(
                    f"{_frames(handles)} that the clip of `{scene}` shows {where}: handles are not part of a scene; "
                    "a longer `duration` would shoot them"
                )
        if shown == span.shown:
            return
        head, tail = shown.start, span.frames - shown.stop
        parts = {name: count for name, count in (("head", head), ("tail", tail)) if count}
        off = " and ".join(f"{_frames(count)} off its {name}" for name, count in parts.items())
        trim: dict[str, Data] = {name: self.spelled(scene, ("trim", name), count) for name, count in parts.items()}
        self.shown[scene] = shown
        self.change(scene, "trim", trim or None, f"scene `{scene}` {f'has {off}' if off else 'is shown whole'}")

    def spelled(self, scene: str, path: tuple[str, str], frames: int) -> Data:
        """So many frames as the author writes them; left as they are where they are the same."""
        written = value_at(self.play.source.data, ("scenes", self.index[scene], *path))
        if written is not None and Duration.parse(written).frames(self.film.rate) == frames:
            return written
        return f"{frames}f"

    def find_transitions(self) -> None:
        for scene, span in self.spans.items():
            if scene not in self.clips:
                continue
            now = Blend(span.transition, 0, span.transition_frames) if span.transition else None
            asked = self.clips[scene].blend
            if asked is not None and (why := self.cannot(scene, asked)):
                self.lost.append(f"the {asked.kind} into `{scene}`, which {why}")
                asked = None if now and self.cannot(scene, now) else now
            if asked == now:
                continue
            if asked is None:
                self.change(scene, "transition", None, f"the film cuts to scene `{scene}`")
            else:
                length = self.spelled(scene, ("transition", "duration"), asked.after)
                value: Data = {"kind": asked.kind, "duration": length}
                self.change(scene, "transition", value, f"a {asked.kind} of {_frames(asked.after)} leads to `{scene}`")

    def cannot(self, scene: str, blend: Blend) -> str | None:
        """Why a screenplay has no such transition into a scene; None where it has."""
        if blend.kind not in ("dissolve", "fade"):
            return "is no dissolve and no fade"
        if blend.before:
            return f"begins {_frames(blend.before)} before the cut"
        if blend.after < 1:
            return "has no length"
        if blend.after > len(self.shown[scene]):
            return "is longer than the scene"
        if blend.kind == "dissolve" and scene == self.order[0]:
            return "begins the film"
        return None

    def keep_ties(self) -> None:
        """A scene that goes on from another one goes on from it, wherever both are."""
        for scene, before in zip(self.order, [None, *self.order], strict=False):
            was = self.play.predecessor(self.index[scene])
            if continued(self.scenes[scene], self.scenes[before] if before else None) != was:
                what = f"goes on from `{was}`" if was else "goes on from nothing"
                self.change(scene, "continues", was or NOTHING, f"scene `{scene}` {what}, as it was shot")


def _scene_of(clip: Clip) -> tuple[str | None, int]:
    """The scene that a clip shows, and which of the scene's frames its media begin with."""
    said = clip.metadata
    if isinstance(said, dict) and isinstance(scene := said.get("scene"), str):
        first = said.get("first")
        if isinstance(first, int) and abs(first) <= MOST:
            return scene, first
    return media_scene(Path(clip.media).name) or media_scene(clip.name) or (None, 0)


def _goes_on(clip: Clip, after: Clip) -> bool:
    """Whether a clip is the rest of the one before it, which was cut in two."""
    return after.blend is None and after.source.start == clip.source.stop


def _moved(before: Sequence[str], after: Sequence[str]) -> set[str]:
    """The fewest scenes that, taken out and put elsewhere, turn one order into the other."""
    place = {scene: index for index, scene in enumerate(before)}
    ends: list[int] = []
    chain: list[tuple[str, int]] = []
    for scene in after:
        at = bisect_left(ends, place[scene])
        ends[at:] = [place[scene], *ends[at + 1 :]]
        chain.append((scene, at))
    stays: set[str] = set()
    wanted = len(ends) - 1
    for scene, at in reversed(chain):
        if at == wanted:
            stays.add(scene)
            wanted -= 1
    return set(after) - stays


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"
