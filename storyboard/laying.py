"""The sounds that a screenplay names -> what each belongs to and which file it is; or the faults in that.

Files are probed, not decoded. May import what stands above `laying` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from storyboard.audio import lead_of, probe_audio
from storyboard.digest import digest_file
from storyboard.errors import DocumentPath, Fault
from storyboard.footage import reason_of
from storyboard.scene import Scene, SoundClip
from storyboard.screenplay import Screenplay, asset_path
from storyboard.shots import LaidSound, SceneSpan, SoundFile
from storyboard.timing import Rate
from storyboard.wording import entries

_SILENT: Final = "leave `own` out, or name a file of sound"
Laid = tuple[tuple[LaidSound, ...], list[Fault], list[Fault]]


def lay_sounds(play: Screenplay, spans: Sequence[SceneSpan], rate: Rate, audible: Set[str]) -> Laid:
    """What is heard with each scene, then with the film; and the faults and the notices about it.

    `audible` are the scenes of which engines make the sound. A film that takes scenes' own sound takes it of those that
    have some.
    """
    work = _Laying(play, rate, audible)
    sounds: list[LaidSound] = []
    for index, span in enumerate(spans):
        sounds += work.of_scene(index, play.scenes[index], span)
    if spans:
        sounds += work.of_film(spans[-1].film.stop)
    return tuple(sounds), work.faults, work.notices


@dataclass(slots=True)
class _Laying:
    """One film under way."""

    play: Screenplay
    rate: Rate
    audible: Set[str]
    faults: list[Fault] = field(default_factory=list)
    notices: list[Fault] = field(default_factory=list)
    probed: dict[tuple[Path, bool], SoundFile | str] = field(default_factory=dict)
    """Of each file, and whether it is heard with its pictures: what is known of it, or what is wrong with it."""

    def of_scene(self, index: int, scene: Scene, span: SceneSpan) -> Iterator[LaidSound]:
        for clip, place in self.places(scene.sound, ("scenes", index, "sound")):
            if clip.is_own:
                yield from self.own(clip, scene, place)
            else:
                yield from self.from_file(clip, scene.id, span.frames, place)
        if not any(clip.is_own for clip in scene.sound):
            for clip in self.play.sound:
                if clip.is_own:
                    yield from self.own(clip, scene, None)

    def of_film(self, frames: int) -> Iterator[LaidSound]:
        for clip, place in self.places(self.play.sound, ("sound",)):
            if not clip.is_own:
                yield from self.from_file(clip, None, frames, place)

    def places(self, clips: Sequence[SoundClip], path: DocumentPath) -> Iterator[tuple[SoundClip, DocumentPath]]:
        """Each sound of a list, and where it stands; a single one may stand there by itself."""
        written = [place for place, _ in entries(self.play.source.data, path)]
        return zip(clips, written or [(*path, number) for number in range(len(clips))], strict=True)

    def own(self, clip: SoundClip, scene: Scene, place: DocumentPath | None) -> Iterator[LaidSound]:
        """What is heard with a scene's pictures; where that is nothing, it is told at `place`, if any."""
        if scene.footage:
            path = asset_path(self.play, scene.footage.file)
            if isinstance(known := self.probe(path, with_pictures=True), SoundFile):
                yield LaidSound(scene.id, clip, known)
            elif place is not None:
                self.faults.append(Fault(place, f"scene `{scene.id}` has no sound of its own: {known}", _SILENT))
        elif scene.card:
            if place is not None:
                self.faults.append(Fault(place, "a title card has no sound of its own", "name a file"))
        elif scene.id in self.audible:
            yield LaidSound(scene.id, clip, None)
        elif place is not None:
            message = f"scene `{scene.id}` is silent: what shoots it makes no sound of its own"
            self.notices.append(Fault(place, message))

    def from_file(self, clip: SoundClip, scene: str | None, frames: int, place: DocumentPath) -> Iterator[LaidSound]:
        path = asset_path(self.play, clip.file, place)
        known = self.probe(path)
        what = f"scene `{scene}`" if scene else "the film"
        if isinstance(known, str):
            self.faults.append(Fault(self.at(place, "file"), known, "name a file of sound: WAV, FLAC, MP3, OGG or M4A"))
            return
        begin = clip.from_.seconds(self.rate)
        if begin >= known.seconds:
            message = f"`{path.name}` ends at {float(known.seconds):g} s, and its sound begins at {float(begin):g} s"
            self.faults.append(Fault(self.at(place, "from"), message, "begin earlier with `from`"))
        elif clip.at.frames(self.rate) >= frames:
            end = float(self.rate.seconds(frames))
            message = f"the sound begins at {clip.at}, but {what} ends at {end:g} s"
            self.faults.append(Fault(self.at(place, "at"), message, f"move it forward, or make {what} longer"))
        else:
            yield LaidSound(scene, clip, known)

    def at(self, place: DocumentPath, name: str) -> DocumentPath:
        """Where a field of a sound stands: the sound itself where it is written as one text."""
        return (*place, name) if (*place, name) in self.play.source.map.values else place

    def probe(self, path: Path, *, with_pictures: bool = False) -> SoundFile | str:
        if (path, with_pictures) not in self.probed:
            try:
                seconds, lead = probe_audio(path), lead_of(path) if with_pictures else None
                known: SoundFile | str = SoundFile(path, digest_file(path), seconds, lead)
            except (OSError, ValueError) as error:
                known = str(error) if type(error) is ValueError else reason_of(error)
            self.probed[path, with_pictures] = known
        return self.probed[path, with_pictures]
