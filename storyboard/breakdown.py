"""A screenplay -> the DAG of shots: what to generate, of how many frames, conditioned on which frames of which shots.

Scenes are taken in an order in which each comes after those that it continues or leads into, so that every frame a shot
is conditioned on is known by shot and number. Nothing is recursive: a film may be one chain of 10,000 shots.
May import what stands above `breakdown` in the layout.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

from storyboard.bounds import Bounds, window_fault
from storyboard.casting import cast
from storyboard.chains import long_chains
from storyboard.conditioning import Closing, close_on_end, close_on_head, head_refs, tail_refs
from storyboard.credits import credit_lines, speed_notices
from storyboard.digest import Plain, digest_file, seed_from
from storyboard.engines.card import piece_of
from storyboard.engines.choice import EngineUse
from storyboard.errors import DocumentPath, Fault
from storyboard.footage import probe_image, probe_movie
from storyboard.laying import lay_sounds
from storyboard.screenplay import Card, Scene, Screenplay, asset_path
from storyboard.shots import Ahead, Breakdown, FrameRef, LaidSound, SceneSpan, Shot, Still
from storyboard.spans import lay_out
from storyboard.timing import FrameRange, engine_frames, shown_frame


def break_down(
    screenplay: Screenplay, *, engine: str | None = None, heads: Mapping[str, Ahead] | None = None
) -> Breakdown:
    """The film's shots. `engine` takes the place of every engine that the screenplay names.

    `heads` are frames that scenes lead into besides what the screenplay says (see `splice`); of a scene of several
    shots, the last takes them. Their engines must have a `head_rule`.

    Raises ScreenplayError with all faults that only the engines' capabilities show: options, sizes, tails that are too
    short, windows that overrun.
    """
    work = _Work(screenplay, engine, heads or {})
    for index in work.scene_order() if work.cast.decided else ():
        if work.bounds.exceeded is None:
            work.break_scene(index)
    work.lay_sounds()
    if work.faults:
        raise screenplay.error(dict.fromkeys(work.faults))
    return work.result()


def in_order(edges: Mapping[str, Iterable[str]]) -> list[str]:
    """Each after all that it depends on; among those that are free, first come first. Raises graphlib.CycleError."""
    place = {name: index for index, name in enumerate(edges)}
    names = list(edges)
    sorter = TopologicalSorter(edges)
    sorter.prepare()
    free: list[int] = []
    order: list[str] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heapq.heappush(free, place[name])
        name = names[heapq.heappop(free)]
        order.append(name)
        sorter.done(name)
    return order


def seed_of(screenplay: Screenplay, scene: Scene, number: int, take: int) -> int:
    """The seed of a scene's shot `number` in a take: by names, never by position.

    A scene's own seed is its first take's, as it stands.
    """
    if scene.seed is None:
        return seed_from(screenplay.seed, scene.id, number, take)
    return scene.seed if (number, take) == (1, 1) else seed_from(scene.seed, number, take)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Engine frames of a scene under one prompt."""

    prompt: str
    frames: FrameRange


class _Work:
    """One breakdown under way."""

    def __init__(self, screenplay: Screenplay, engine: str | None, heads: Mapping[str, Ahead]) -> None:
        self.play, self.heads = screenplay, heads
        self.cast = cast(screenplay, engine)
        self.bounds = Bounds(screenplay.limits)
        self.rate = self.cast.rate
        self.faults, self.notices = self.cast.faults, list(self.cast.notices)
        self.shots: dict[str, Shot] = {}
        self.of_scene: dict[str, list[Shot]] = {}
        self.broken: set[str] = set()
        self.index = {scene.id: place for place, scene in enumerate(screenplay.scenes)}
        self.spans: tuple[SceneSpan, ...] = ()
        self.sounds: tuple[LaidSound, ...] = ()
        if self.cast.decided:
            self.spans, faults, notices = lay_out(screenplay, self.rate)
            self.faults += [*faults, *self.bounds.film_faults(self.spans)]
            self.notices += notices

    def scene_order(self) -> list[int]:
        edges: dict[str, list[str]] = {}
        for index, scene in enumerate(self.play.scenes):
            before = self.play.predecessor(index)
            edges[scene.id] = [other for other in (before, scene.leads_into) if other is not None]
        return [self.index[scene] for scene in in_order(edges)]

    def lay_sounds(self) -> None:
        audible = {
            name for name, shots in self.of_scene.items() if all(shot.engine.capabilities.sound for shot in shots)
        }
        self.sounds, faults, notices = lay_sounds(self.play, self.spans, self.rate, audible)
        self.faults += faults
        self.notices += notices

    # The shots of a scene

    def break_scene(self, index: int) -> None:
        scene = self.play.scenes[index]
        before = self.play.predecessor(index)
        shown = scene.card is not None or scene.footage is not None
        if {before, scene.leads_into} & self.broken or not (shown or index in self.cast.uses):
            self.broken.add(scene.id)
            return
        count = len(self.faults)
        if scene.card:
            shots = self.card_shots(index, scene.card)
        elif scene.footage:
            shots = self.footage_shots(index, scene)
        else:
            shots = self.engine_shots(index, scene, before)
        if len(self.faults) > count:
            self.broken.add(scene.id)
            return
        self.of_scene[scene.id] = shots
        self.shots.update((shot.id, shot) for shot in shots)

    def admits(self, index: int, shot: Shot) -> bool:
        """Whether the film may have one more shot, this one of scene `index`."""
        if not self.bounds.admit(index, shot):
            assert self.bounds.exceeded is not None
            self.faults.append(self.bounds.exceeded)
            return False
        return True

    def plain_shot(self, index: int, number: int, use: EngineUse, start: int, frames: int) -> Shot:
        scene = self.play.scenes[index]
        return Shot(
            id=f"{scene.id}/{number}",
            scene=scene.id,
            number=number,
            line=self.play.line(index),
            engine=use,
            prompt="",
            negative="",
            seed=0,
            fit=self.play.format.fit,
            frames=frames,
            visible=FrameRange(0, frames),
            scene_first=start,
            lasts=Fraction(frames),
        )

    def card_shots(self, index: int, card: Card) -> list[Shot]:
        """One frame of a text, or a roll of credits in pieces."""
        said: dict[str, Plain] = {"color": card.color, "ink": card.ink}
        if not card.credits:
            use = self.cast.internal("card", said | {"text": card.text or ""})
            return [shot for shot in [self.plain_shot(index, 1, use, 0, 1)] if self.admits(index, shot)]
        lines = credit_lines(card, self.play.title, self.cast.uses.values())
        total, size = self.spans[index].frames, (self.cast.width, self.cast.height)
        self.notices += speed_notices(lines, *size, self.rate.seconds(total), ("scenes", index, "duration"))
        said |= {"credits": lines, "of": total, "window": piece_of(*size)}
        return self.pieces(index, lambda start: self.cast.internal("card", said | {"first": start}))

    def pieces(self, index: int, use_from: Callable[[int], EngineUse]) -> list[Shot]:
        """The shots of a scene that needs no model, of one window each: memory is bounded, and a longer scene of own
        footage reads only its end. `use_from` gives the engine for the piece that begins at a frame."""
        total, start = self.spans[index].frames, 0
        shots: list[Shot] = []
        while start < total:
            use = use_from(start)
            shot = self.plain_shot(index, len(shots) + 1, use, start, min(use.window, total - start))
            if not self.admits(index, shot):
                return []
            shots.append(shot)
            start += shot.frames
        chain = [replace(shot, continues=before.id) for before, shot in pairwise(shots)]
        return [shots[0], *chain]

    def footage_shots(self, index: int, scene: Scene) -> list[Shot]:
        assert scene.footage is not None
        path = asset_path(self.play, scene.footage.file)
        begin = scene.footage.from_.seconds(self.rate)
        if not self.is_long_enough(index, path, begin + self.rate.seconds(self.spans[index].frames)):
            return []
        said = {"path": str(path), "file": digest_file(path), "fit": self.play.format.fit}

        def use_from(start: int) -> EngineUse:
            return self.cast.internal("archive", said | {"begin": str(begin + self.rate.seconds(start))})

        return self.pieces(index, use_from)

    def is_long_enough(self, index: int, path: Path, end: Fraction) -> bool:
        at: DocumentPath = ("scenes", index, "footage", "file")
        try:
            length = probe_movie(path).duration
        except ValueError as error:
            self.faults.append(Fault(at, str(error), "name a movie file"))
            return False
        if length >= end - 1 / self.rate.fraction / 2:
            return True
        message = f"`{path.name}` ends at {float(length):g} s, and the scene needs it up to {float(end):g} s"
        self.faults.append(Fault(at, message, "make the scene shorter, or begin earlier with `from`"))
        return False

    def stretches(self, index: int, scene: Scene, use: EngineUse) -> list[_Stretch]:
        """Each beat starts one. Beats are placed in film frames from the scene's start, then in engine frames."""
        total = self.spans[index].frames
        end = engine_frames(total, use.rate, self.rate)
        starts: list[tuple[int, str, DocumentPath]] = []
        if scene.prompt is not None:
            starts.append((0, scene.prompt, ("scenes", index, "prompt")))
        for place, beat in enumerate(scene.beats):
            path: DocumentPath = ("scenes", index, "beats", place, "at")
            at = beat.at.frames(self.rate)
            if at >= total:
                message = f"the beat at {beat.at} is frame {at} of a scene of {total} frames"
                self.faults.append(Fault(path, message, "move it forward, or make the scene longer"))
                return []
            starts.append((shown_frame(at, use.rate, self.rate) if at else 0, beat.prompt, path))
        for (earlier, _, _), (later, _, path) in pairwise(starts):
            if later <= earlier:
                message = f"this beat begins in the same frame as the one before it, at {use.rate} frames per second"
                self.faults.append(Fault(path, message, "move the beats apart, or leave one out"))
        stops = [start for start, _, _ in starts[1:]] + [end]
        return [_Stretch(text, FrameRange(start, stop)) for (start, text, _), stop in zip(starts, stops, strict=True)]

    def engine_shots(self, index: int, scene: Scene, before: str | None) -> list[Shot]:
        use, count = self.cast.uses[index], len(self.faults)
        stretches = self.stretches(index, scene, use)
        self.check_ends(index, scene, use, before)
        last = self.of_scene[before][-1] if before else None
        shots: list[Shot] = []
        for stretch in stretches if len(self.faults) == count else ():
            position = stretch.frames.start
            while position < stretch.frames.stop:
                final = stretch is stretches[-1]
                shot = self.engine_shot(index, use, stretch, position, last, len(shots) + 1, final)
                if shot is None or not self.admits(index, shot):
                    return shots
                self.shots[shot.id] = last = shot
                shots.append(shot)
                position += len(shot.visible)
        return shots

    def check_ends(self, index: int, scene: Scene, use: EngineUse, before: str | None) -> None:
        can = use.capabilities
        if can.needs_picture and before is None and scene.start is None:
            message = f"scene `{scene.id}` begins with nothing, and `{use.spec.name}` sets a picture in motion"
            hint = "give it `start: {image: ...}`, let it continue a scene, or set another `engine`"
            self.faults.append(Fault(("scenes", index), message, hint))
        wrong = [
            ("start", scene.start is not None and not can.start_image, "takes no start image"),
            ("end", scene.end is not None and not can.end_image, "takes no end image"),
            ("leads_into", scene.leads_into is not None and can.head is None, "cannot lead into another scene"),
        ]
        for field, is_wrong, what in wrong:
            if is_wrong:
                hint = f"leave `{field}` out, or set another `engine`"
                self.faults.append(Fault(("scenes", index, field), f"`{use.spec.name}` {what}", hint))

    def engine_shot(
        self, index: int, use: EngineUse, stretch: _Stretch, position: int, last: Shot | None, number: int, final: bool
    ) -> Shot | None:
        """The shot that begins at engine frame `position` of its scene; None after a fault."""
        scene = self.play.scenes[index]
        tail = self.tail(index, scene, use, last)
        if tail is None:
            return None
        kept = len(tail) if use.capabilities.repeats_tail else 0
        remaining = stretch.frames.stop - position
        closing = self.closing(scene, use, remaining, kept) if final else None
        if closing is None or kept + remaining > use.window:
            ends = final and (scene.end is not None or bool(self.sender(scene)))
            visible, closing = min(use.window - kept, remaining - 1 if ends else remaining), Closing(0, 0)
        else:
            visible = remaining
        if visible < 1:
            self.faults.append(window_fault(index, scene, use, kept, remaining, self.sender(scene)))
            return None
        frames = use.capabilities.frames.at_least(kept + visible + closing.first + closing.head)
        assert frames is not None and frames <= use.window
        closes = final and visible == remaining
        if closes and scene.end and frames > kept + visible:
            self.note_lost_end(index, use, frames - kept - visible)
        if closes and scene.end and scene.start and frames == 1:
            message = f"scene `{scene.id}` is one frame long, and both `start` and `end` give it"
            self.faults.append(Fault(("scenes", index, "end"), message, "make it longer, or leave one of them out"))
        first = scene.start if position == 0 else None
        shown = self.play.references(stretch.prompt) if use.capabilities.references else {}
        shot = replace(
            self.plain_shot(index, number, use, position, frames),
            prompt=self.play.resolved_prompt(stretch.prompt),
            negative=(scene.negative or self.play.negative or "") if use.capabilities.negative else "",
            seed=seed_of(self.play, scene, number, scene.take),
            visible=FrameRange(kept, kept + visible),
            lasts=self.scene_end(index, use) - position if closes else Fraction(visible),
            continues=last.id if last else None,
            tail=tail,
            start=self.still(first.image, "scenes", index, "start", "image") if first else None,
            end=self.still(scene.end.image, "scenes", index, "end", "image") if scene.end and closes else None,
            retries=self.play.retries if scene.retries is None else scene.retries,
            references=tuple(self.still(file, "cast", who, "reference") for who, file in shown.items()),
        )
        if closing.head:
            shot = replace(shot, head=head_refs(self.sender(scene), closing, use.rate))
        return shot

    def scene_end(self, index: int, use: EngineUse) -> Fraction:
        """The scene's out point by the engine's clock, exact: not where the last frame shown ends."""
        return self.spans[index].frames * use.rate.fraction / self.rate.fraction

    def closing(self, scene: Scene, use: EngineUse, visible: int, kept: int) -> Closing | None:
        """How a shot closes that shows all up to the scene's end, after `kept` frames of its tail; None where that does
        not fit the window."""
        if sender := self.sender(scene):
            return close_on_head(use, visible, kept, sender)
        return close_on_end(use, kept + visible) if scene.end else Closing(0, 0)

    def sender(self, scene: Scene) -> list[Ahead]:
        """What the scene leads into: what the author says, else what is spliced in behind it."""
        if scene.leads_into:
            return [shot.ahead for shot in self.of_scene[scene.leads_into]]
        return [self.heads[scene.id]] if scene.id in self.heads and not scene.end else []

    def tail(self, index: int, scene: Scene, use: EngineUse, last: Shot | None) -> tuple[FrameRef, ...] | None:
        """What a shot after `last` is conditioned on; None after a fault."""
        if last is None:
            return ()
        inside = last.scene == scene.id
        path = ("scenes", index, *(() if inside or scene.continues == "previous" else ("continues",)))
        rule, name = use.capabilities.tail, use.spec.name
        if rule is None and inside:
            message = f"scene `{scene.id}` needs several shots, and `{name}` cannot continue a shot"
            hint = f"it renders at most {use.window} frames at a time: split the scene, or set another `engine`"
        elif rule is None:
            message = f"scene `{scene.id}` continues `{last.scene}`, and `{name}` cannot continue a shot"
            hint = "set `continues: nothing`, or another `engine`"
        else:
            found = tail_refs(self.shots, last, use.options.tail or use.capabilities.default_tail, use.rate)
            count = rule.at_most(len(found))
            if count is not None:
                return found[-count:]
            message = f"scene `{scene.id}` has a tail of {len(found)} frames before it; `{name}` takes {rule}"
            hint = f"make `{last.scene}` longer, or set `continues: nothing`"
        self.faults.append(Fault(path, message, hint))
        return None

    def note_lost_end(self, index: int, use: EngineUse, lost: int) -> None:
        message = f"the end image falls {lost} frames after the scene's last, by the frame rule of `{use.spec.name}`"
        longer = float(use.rate.seconds(lost))
        hint = f"make the scene {longer:g} s longer to see it"
        self.notices.append(Fault(("scenes", index, "end"), message, hint))

    def still(self, name: str, *at: str | int) -> Still:
        """A picture of the author's, named at that document path."""
        path = asset_path(self.play, name)
        try:
            probe_image(path)
        except ValueError as error:
            self.faults.append(Fault(at, str(error), "name a PNG or JPEG picture"))
        return Still(path, digest_file(path))

    def result(self) -> Breakdown:
        scenes = tuple(replace(span, shots=tuple(shot.id for shot in self.of_scene[span.id])) for span in self.spans)
        document_order = {shot: self.shots[shot].depends for span in scenes for shot in span.shots}
        shots = {shot: self.shots[shot] for shot in in_order(document_order)}
        film, fit = self.cast, self.play.format.fit
        notices = (*self.notices, *long_chains(self.play, shots.values()))
        size = (film.width, film.height)
        return Breakdown(self.play, *size, self.rate, fit, scenes, shots, notices, self.heads, self.sounds)
