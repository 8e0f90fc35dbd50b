"""What is heard in a film -> strands: which samples of which file or take are heard from which sample of the film on.

    film            |   scene   |d|  next scene        |        d: a dissolve into the next scene
    its sound       |-----------|\\|                             goes on under the dissolve, and falls there
    the next's                  |/|--------------------|        rises there

Sound lies on a scene as it was shot, and is trimmed with its pictures. Under a dissolve both are heard, one falling as
the other rises, equal in power; a fade goes down to silence and up again as the pictures go to black. What is cut into
or cut off rises or falls for 10 ms, so that it does not click; a sound that begins or ends by itself does so as it is.

Nothing here is a float but gains, and nothing is decoded. May import what stands above `soundtrack` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from storyboard.audio import RATE
from storyboard.cut import MixKind, scene_strips
from storyboard.digest import Digest, Plain
from storyboard.scene import SoundClip
from storyboard.shots import Breakdown, LaidSound, SceneSpan, SoundFile
from storyboard.sound import lasting
from storyboard.timing import FrameRange, round_half_up
from storyboard.vault import Take

DEFAULT_FADE: Final = RATE // 100
"""In samples."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """A transition's part in how loud a sound is: over `length` samples from film sample `first` on."""

    kind: MixKind
    first: int
    length: int
    rises: bool
    alone: bool = False
    """Whether there is nothing on the other side of the transition."""


@dataclass(frozen=True, slots=True)
class Strand:
    """A sound as it is heard. All counts are samples, `audio.RATE` a second.

    Where it ends before `stop` by itself, and does not loop, it is silent from there on.
    """

    source: Digest
    """Of the file's content, or of the sound that was made with a take."""
    begin: int
    """Which sample of the source is heard at `first`; there is silence before its first."""
    first: int
    """In the film; what lies before the film's start is not heard."""
    stop: int
    gain: float = 0.0
    """In decibels."""
    fade_in: int | None = None
    """None for what is due where it is cut into; `fade_out` likewise."""
    fade_out: int | None = None
    loop: int | None = None
    """The sample of the source from which it begins again at its end."""
    ramps: tuple[Ramp, ...] = ()

    def plain(self) -> Plain:
        """All that decides what is heard."""
        ramps: list[Plain] = [[ramp.kind.value, ramp.first, ramp.length, ramp.rises, ramp.alone] for ramp in self.ramps]
        span = [self.begin, self.first, self.stop]
        return [self.source, *span, self.gain, self.fade_in, self.fade_out, self.loop, ramps]


@dataclass(frozen=True, slots=True)
class Soundtrack:
    """What is heard in a film of `length` samples, and where it comes from."""

    length: int
    loudness: float | None
    """In LUFS; None where it is left as it is mixed."""
    strands: tuple[Strand, ...]
    files: Mapping[Digest, SoundFile]
    """Of the author's sounds, by their content."""
    takes: Mapping[Digest, Take]
    """Whose sound is heard, by that sound."""

    def plain(self) -> Plain:
        """All that decides what is heard, wherever the files are."""
        return [self.length, self.loudness, [strand.plain() for strand in self.strands]]


def soundtrack_of(breakdown: Breakdown, takes: Mapping[str, Take], *, only: str | None = None) -> Soundtrack | None:
    """What is heard in a film whose takes are all there; None where that is nothing.

    `only` makes it that of one scene as a film of its own: the scene's sounds without its transitions, and what is
    heard of the film's where the scene is. It is then as loud as a film, whatever it is in the film.
    """
    work = _Work(breakdown, takes, only, {span.id: place for place, span in enumerate(breakdown.scenes)})
    strands = tuple(
        strand for sound in breakdown.sounds for strand in work.strands(sound) if strand.stop > max(0, strand.first)
    )
    if not strands:
        return None
    heard = {strand.source for strand in strands}
    files = {sound.file.digest: sound.file for sound in breakdown.sounds if sound.file is not None}
    made = {take.sound.digest: take for take in takes.values() if take.sound is not None}
    length = work.samples(breakdown.frames if only is None else len(breakdown.scene(only).film))
    return Soundtrack(
        length,
        breakdown.screenplay.loudness,
        strands,
        {digest: file for digest, file in files.items() if digest in heard},
        {digest: take for digest, take in made.items() if digest in heard},
    )


@dataclass(frozen=True, slots=True)
class _Scene:
    """Where a scene is in the film that is made, in samples, with the handles that the transition out of it shows."""

    span: SceneSpan
    frames: FrameRange
    """Of the scene as it was shot, those handles among them."""
    away: int
    """Which frame of the film that is made would be the scene's first."""
    zero: int
    """The sample from which that frame would be seen."""
    first: int
    """Sample of the film; `stop` likewise."""
    stop: int
    ramps: tuple[Ramp, ...]


@dataclass(frozen=True, slots=True)
class _Work:
    breakdown: Breakdown
    takes: Mapping[str, Take]
    only: str | None
    places: Mapping[str, int]
    """Of scenes in the film as it is written."""

    def samples(self, frames: int) -> int:
        return lasting(frames, self.breakdown.rate, RATE)

    def strands(self, sound: LaidSound) -> Iterator[Strand]:
        if sound.scene is None:
            assert sound.file is not None, "the film as a whole has no pictures of its own"
            away = 0 if self.only is None else self.samples(self.breakdown.scene(self.only).film.start)
            yield self.from_file(sound.clip, sound.file, -away, -away, self.samples(self.breakdown.frames) - away, ())
        elif self.only in (None, sound.scene):
            scene = self.scene(sound.scene)
            if sound.file is None:
                yield from self.from_takes(sound.clip, scene)
            elif sound.file.lead is not None:
                yield self.from_footage(sound.clip, sound.file, sound.file.lead, scene)
            else:
                yield self.from_file(sound.clip, sound.file, scene.zero, scene.first, scene.stop, scene.ramps)

    def scene(self, name: str) -> _Scene:
        scenes, place = self.breakdown.scenes, self.places[name]
        span = scenes[place]
        after = scenes[place + 1] if place + 1 < len(scenes) else None
        film, ramps, longer = span.film, [], 0
        if self.only is not None:
            film = FrameRange(0, len(film))
        elif span.transition:
            length = self.samples(film.start + span.transition_frames) - self.samples(film.start)
            ramps.append(Ramp(MixKind(span.transition), self.samples(film.start), length, rises=True, alone=not place))
        first, stop = self.samples(film.start), self.samples(film.stop)
        if after and after.transition and self.only is None:
            longer = after.transition_frames
            over, stop = stop, self.samples(film.stop + longer)
            ramps.append(Ramp(MixKind(after.transition), over, stop - over, rises=False))
        zero = first - self.samples(span.shown.start)
        frames = FrameRange(span.shown.start, span.shown.stop + longer)
        return _Scene(span, frames, film.start - span.shown.start, zero, first, stop, tuple(ramps))

    def from_file(
        self, clip: SoundClip, file: SoundFile, zero: int, first: int, stop: int, ramps: tuple[Ramp, ...]
    ) -> Strand:
        """A file that lies on what begins at film sample `zero`, and is heard from `first` at the earliest."""
        rate = self.breakdown.rate
        start = round_half_up(clip.from_.seconds(rate) * RATE)
        there = zero + round_half_up(clip.at.seconds(rate) * RATE)
        heard = max(there, first)
        return self.strand(clip, file.digest, start + heard - there, heard, stop, ramps, start if clip.loop else None)

    def from_footage(self, clip: SoundClip, file: SoundFile, lead: Fraction, scene: _Scene) -> Strand:
        """The sound of own footage, with its pictures."""
        footage = self.breakdown.screenplay.scenes[self.places[scene.span.id]].footage
        assert footage is not None
        start = round_half_up((footage.from_.seconds(self.breakdown.rate) - lead) * RATE)
        return self.strand(clip, file.digest, start + scene.first - scene.zero, scene.first, scene.stop, scene.ramps)

    def from_takes(self, clip: SoundClip, scene: _Scene) -> Iterator[Strand]:
        """What was made with the pictures of a scene's shots; from one to the next it goes over in 10 ms."""
        film = self.breakdown
        frame = scene.frames.start
        for name, strip in scene_strips(film, self.takes, scene.span, scene.frames):
            shot, take = film.shots[name], self.takes[name]
            first = self.samples(scene.away + frame)
            frame += len(strip)
            stop = self.samples(scene.away + frame)
            # The take's file begins so much before the scene does, by the clock that both share.
            before = shot.engine.rate.seconds(shot.visible.start - shot.scene_first)
            begin = round_half_up(before * RATE) + first - scene.zero
            earlier = min(DEFAULT_FADE, begin) if first > scene.first else 0
            if take.sound is None:
                continue
            strand = self.strand(clip, take.sound.digest, begin - earlier, first - earlier, stop, scene.ramps)
            rise = strand.fade_in if first == scene.first else None
            fall = strand.fade_out if stop == scene.stop else None
            rise, fall = (DEFAULT_FADE if fade is None else fade for fade in (rise, fall))
            yield replace(strand, fade_in=rise, fade_out=fall)

    def strand(
        self,
        clip: SoundClip,
        source: Digest,
        begin: int,
        first: int,
        stop: int,
        ramps: tuple[Ramp, ...],
        loop: int | None = None,
    ) -> Strand:
        rate = self.breakdown.rate
        rise, fall = (
            None if fade is None else round_half_up(fade.seconds(rate) * RATE) for fade in (clip.fade_in, clip.fade_out)
        )
        return Strand(source, begin, first, stop, clip.gain, rise, fall, loop, ramps)
