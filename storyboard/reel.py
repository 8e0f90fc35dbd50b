"""The last render of a film -> what is in it: scenes, shots, takes, and how they hang together.

Put together from the manifest, the movie with its note, and the vault. The screenplay's file is not read: it may have
changed since. May import what stands above `reel` in the layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from storyboard.blame import cut_of
from storyboard.boxes import read_note
from storyboard.cut import Cut, Edit
from storyboard.engines import INTERNAL
from storyboard.errors import CommandError, ConformError, MissingTakes
from storyboard.fresh import is_movie
from storyboard.project import Manifest, Places, ShotRecord, read_manifest
from storyboard.scene import Scene, continued
from storyboard.screenplay import Screenplay
from storyboard.shots import scene_of
from storyboard.timing import FrameRange
from storyboard.vault import Take, Vault


@dataclass(frozen=True, slots=True)
class ReelShot:
    """A shot as the film shows it."""

    id: str
    film: FrameRange
    """Where it is in the film, transition into it included."""
    frames: tuple[int, ...]
    """Of its take, one for each film frame."""
    plain: FrameRange
    """The film frames that show it unmixed; may be empty."""
    take: Take
    record: ShotRecord
    was_shot: bool
    """By the render that made this movie; its take was there already otherwise."""
    continues: str | None
    """The shot that it goes on from, which need not be on screen."""
    leads_into: str | None
    chain: int
    """Shots of one chain go on from each other; numbered from 0 in the film's order."""

    @property
    def scene(self) -> str:
        """The id of its scene."""
        return scene_of(self.id)

    @property
    def drawn(self) -> bool:
        """Whether an engine drew it, rather than that it is a title card or the author's own footage."""
        return self.record.engine not in INTERNAL


@dataclass(frozen=True, slots=True)
class ReelScene:
    """A scene as the film shows it."""

    id: str
    line: int
    """In the screenplay as it was."""
    film: FrameRange
    take: int
    transition: str | None
    """How the film goes over into it; None for a cut, or where it goes on."""


@dataclass(frozen=True, slots=True)
class Reel:
    """A rendered film."""

    places: Places
    title: str
    cut: Cut
    scenes: tuple[ReelScene, ...]
    shots: tuple[ReelShot, ...]
    """Those on screen, in the film's order."""

    @property
    def movie(self) -> Path:
        return self.places.movie

    @property
    def joined(self) -> frozenset[tuple[str, str]]:
        """Pairs of shots of which the first was made to go on into the second."""
        led = {(shot.id, shot.leads_into) for shot in self.shots if shot.leads_into}
        return frozenset(led | {(shot.continues, shot.id) for shot in self.shots if shot.continues})


def open_reel(where: Places, vault: Vault) -> Reel:
    """The film as the last render at these places made it.

    Raises CommandError where there is none, or its movie is another now; ConformError where the movie's note cannot be
    read; MissingTakes naming the shots whose takes are not in the vault.
    """
    name = where.screenplay.name
    manifest = read_manifest(where.manifest)
    hint = f"render it first: storyboard render {name}"
    if manifest is None or manifest.movie is None or manifest.screenplay != name:
        raise CommandError(f"`{name}` has not been rendered into `{where.out}` yet", hint)
    if not is_movie(where.movie, manifest.movie):
        raise CommandError(f"`{where.movie}` is gone, or is not the movie that was rendered", hint)
    note = read_note(where.movie)
    try:
        cut = cut_of(note)
        screenplay = Screenplay.model_validate(cast("Mapping[str, object]", note)["screenplay"])
    except (ValueError, KeyError, ValidationError) as error:
        message = f"the screenplay in `{where.movie}` cannot be read"
        raise ConformError(message, "render the film again with this storyboard") from error
    return _put_together(where, manifest, cut, screenplay, vault)


def _put_together(where: Places, manifest: Manifest, cut: Cut, screenplay: Screenplay, vault: Vault) -> Reel:
    records = {record.id: record for record in manifest.shots}
    edits: dict[str, list[Edit]] = {}
    for edit in cut.edits:
        edits.setdefault(edit.shot, []).append(edit)
    takes = {shot: vault.find(those[0].strip.key) for shot, those in edits.items()}
    found = {shot: take for shot, take in takes.items() if take is not None}
    if missing := [f"`{shot}`" for shot in takes if shot not in found]:
        names = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        message = f"{len(missing)} of the film's {len(takes)} shots have no take in the vault: {names}"
        raise MissingTakes(message, "render the film again")
    before = _continuity(screenplay, records)
    chains: dict[str, int] = {}
    ends: dict[str, int] = {}
    shots = []
    for shot, those in edits.items():
        giver = before.get(shot)
        # The first that goes on from a shot is of its chain; another one is a branch, and begins its own.
        chains[shot] = ends[shot] = ends.pop(giver or "", len(set(chains.values())))
        leads = _leads_into(found[shot], before, shot, found)
        shots.append(_shot(records[shot], those, found[shot], shot in manifest.shot, giver, leads, chains[shot]))
    return Reel(where, manifest.title, cut, tuple(_scenes(screenplay, shots, cut)), tuple(shots))


def _shot(
    record: ShotRecord,
    edits: Sequence[Edit],
    take: Take,
    was_shot: bool,
    continues: str | None,
    leads_into: str | None,
    number: int,
) -> ReelShot:
    first, stop = edits[0].first, edits[-1].first + len(edits[-1])
    clear = next((edit.first for edit in edits if edit.mix is None), stop)
    frames = tuple(chain.from_iterable(edit.strip.frames for edit in edits))
    film, plain = FrameRange(first, stop), FrameRange(clear, stop)
    return ReelShot(record.id, film, frames, plain, take, record, was_shot, continues, leads_into, number)


def _continuity(screenplay: Screenplay, records: Mapping[str, ShotRecord]) -> dict[str, str]:
    """For each shot that goes on from another, that one: the one before it in its scene, or the last of the scene that
    its scene continues."""
    by_scene: dict[str, list[str]] = {}
    for shot in records:
        by_scene.setdefault(scene_of(shot), []).append(shot)
    for those in by_scene.values():
        those.sort(key=lambda shot: int(shot.rpartition("/")[2]))
    found: dict[str, str] = {}
    last: Scene | None = None
    for scene in screenplay.scenes:
        giver = continued(scene, last)
        row = ([by_scene[giver][-1]] if giver in by_scene else []) + by_scene.get(scene.id, [])
        found |= dict(zip(row[1:], row, strict=False))
        last = scene
    return found


def _leads_into(take: Take, before: Mapping[str, str], shot: str, takes: Mapping[str, Take]) -> str | None:
    """The shot among `takes` whose frames were given as this one's last, if any; the first that continues it."""
    for role in ("head", "end"):
        given = take.slate.get(role)
        digests = given.get("digests") if isinstance(given, Mapping) else None
        if not isinstance(digests, Sequence) or not digests:
            continue
        found = [other for other, each in takes.items() if other != shot and set(digests) <= set(each.frames)]
        return next((other for other in found if before.get(other) == shot), next(iter(found), None))
    return None


def _scenes(screenplay: Screenplay, shots: Sequence[ReelShot], cut: Cut) -> list[ReelScene]:
    """The scenes on screen, in the film's order."""
    lines = {edit.scene: edit.line for edit in cut.edits}
    mixes = {edit.scene: edit.mix.kind.value for edit in cut.edits if edit.mix}
    takes = {scene.id: scene.take for scene in screenplay.scenes}
    spans: dict[str, FrameRange] = {}
    for shot in shots:
        start = spans[shot.scene].start if shot.scene in spans else shot.film.start
        spans[shot.scene] = FrameRange(start, shot.film.stop)
    return [ReelScene(name, lines[name], span, takes[name], mixes.get(name)) for name, span in spans.items()]
