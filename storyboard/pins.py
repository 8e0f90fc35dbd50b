"""A screenplay and the lock of its film -> which takes stay in the film though their keys may say otherwise.

A pin is a shot, its take, and the digest of the shot's own fields: what the author says of it, whatever it goes on
from. While those are the same the pin holds; where they change, a splice's pin drops and a held scene is a fault.
Within a scene a pin holds no longer than what is before it. May import what stands above `pins` in the layout.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from itertools import takewhile

from storyboard.attempts import is_attempt
from storyboard.digest import Digest, Plain, digest_of
from storyboard.errors import Fault, MissingTakes
from storyboard.lock import Lock, LockedShot
from storyboard.scene import Scene
from storyboard.shots import Breakdown, Shot
from storyboard.slate import own_fields
from storyboard.vault import Take, Vault


class Mode(Enum):
    """How a render treats what comes after a change."""

    PLAIN = "plain"
    """It is shot again, but for what is pinned."""
    SPLICE = "splice"
    """It stays: only changed scenes are shot, between the tail before them and the head after them."""
    RIPPLE = "ripple"
    """It is shot again, what was spliced too; scenes on hold stay."""
    LOCKED = "locked"
    """There must be no change: nothing is shot."""


def own_digests(breakdown: Breakdown) -> dict[str, Digest]:
    """Of what the author says of each shot alone: its slate without tail and head, and what ties it to other scenes.

    Of its frames, those that the film shows: how many handles there are depends on the shots around it.
    """
    scenes = {scene.id: scene for scene in breakdown.screenplay.scenes}
    return {
        name: digest_of(_own(breakdown.shots[name], scenes[span.id], last=name == span.shots[-1]))
        for span in breakdown.scenes
        for name in span.shots
    }


def _own(shot: Shot, scene: Scene, *, last: bool) -> Plain:
    own = own_fields(shot) | {"frames": len(shot.visible)}
    own |= {role: still.digest for role, still in (("start", shot.start), ("end", shot.end)) if still}
    if shot.references:
        own["references"] = [still.digest for still in shot.references]
    if shot.start or shot.end:
        own["fit"] = shot.fit
    if shot.number == 1:
        own["continues"] = scene.continues
    if last and scene.leads_into:
        own["leads_into"] = scene.leads_into
    return own


def film_digest(breakdown: Breakdown) -> Digest:
    """Of all that the screenplay says of the film's pictures. `breakdown` is without splices."""
    owns, shots = own_digests(breakdown), breakdown.shots
    return digest_of(
        [
            [breakdown.width, breakdown.height, str(breakdown.rate), breakdown.fit],
            [
                [
                    *(span.shown.start, len(span.film), span.transition, span.transition_frames),
                    *([name, owns[name], shots[name].continues, len(shots[name].tail)] for name in span.shots),
                ]
                for span in breakdown.scenes
            ],
        ]
    )


def on_hold(breakdown: Breakdown) -> frozenset[str]:
    """Ids of the scenes that the author holds."""
    return frozenset(scene.id for scene in breakdown.screenplay.scenes if scene.hold)


SlateOf = Callable[[str], Mapping[str, Plain] | None]
"""The slate of a take by its key, where that is known."""


def check_held(breakdown: Breakdown, lock: Lock, slate_of: SlateOf = lambda key: None) -> None:
    """Raises ScreenplayError where a scene that is held, and was held in the film, is no longer what its take shows.

    `breakdown` has the lock's splices. `slate_of` helps to say which field changed.
    """
    held = on_hold(breakdown)
    if not held:
        return
    owns, faults = own_digests(breakdown), []
    locked: dict[str, list[LockedShot]] = {scene: [] for scene in held}
    for shot in lock.shots:
        if shot.scene in locked:
            locked[shot.scene].append(shot)
    for index, scene in enumerate(breakdown.screenplay.scenes):
        before = locked.get(scene.id)
        if not before or not all(shot.hold for shot in before):
            continue
        changed = [shot for shot in before if owns.get(shot.id) != shot.own]
        if changed or len(before) != len(breakdown.scene(scene.id).shots):
            slates = {shot.id: slate_of(shot.key) for shot in changed}
            fields = dict.fromkeys(name for shot in changed for name in _changed(breakdown, shot, slates[shot.id]))
            tied = "its length, or what it is tied to," if all(slates.values()) else "what it says"
            what = ", ".join(f"`{name}`" for name in fields) or tied
            message = f"scene `{scene.id}` is on hold, but {what} changed since its take was shot"
            hint = "undo the change, or take `hold` out to shoot the scene again"
            faults.append(Fault(("scenes", index, "hold"), message, hint))
    if faults:
        raise breakdown.screenplay.error(faults)


def _changed(breakdown: Breakdown, locked: LockedShot, slate: Mapping[str, Plain] | None) -> list[str]:
    """The own fields of a shot that are not as in its take, as far as that is known."""
    shot = breakdown.shots.get(locked.id)
    if shot is None:
        return []
    known = slate or {"engine": locked.engine, "weights": locked.weights, "seed": locked.seed}
    fields = {
        name: value for name, value in own_fields(shot).items() if name != "frames" and value != known.get(name, value)
    }
    return [name for name, value in fields.items() if name != "seed" or not is_attempt(known["seed"], value)]


def unchanged(breakdown: Breakdown, lock: Lock) -> dict[str, tuple[str, ...]]:
    """The shots of each scene, from its first on, that say what they said in the film."""
    owns, before = own_digests(breakdown), lock.by_id

    def same(name: str) -> bool:
        return name in before and before[name].own == owns[name]

    return {span.id: tuple(takewhile(same, span.shots)) for span in breakdown.scenes}


def unchanged_scenes(breakdown: Breakdown, lock: Lock) -> frozenset[str]:
    """Ids of the scenes that say what they said in the film, in as many shots."""
    count, same = Counter(shot.scene for shot in lock.shots), unchanged(breakdown, lock)
    return frozenset(span.id for span in breakdown.scenes if len(same[span.id]) == len(span.shots) == count[span.id])


def staying(breakdown: Breakdown, lock: Lock, mode: Mode) -> dict[str, Digest]:
    """Keys of the takes that stay, by shot: held ones, pinned ones, and with SPLICE those of all unchanged scenes."""
    whole = on_hold(breakdown)
    if mode is Mode.SPLICE:
        whole |= unchanged_scenes(breakdown, lock)
    return {
        name: lock.by_id[name].key
        for scene, same in unchanged(breakdown, lock).items()
        for name in same
        if scene in whole or (lock.by_id[name].pinned and mode is not Mode.RIPPLE)
    }


def pinned_take(vault: Vault, shot: str, key: str, *, held: bool = False, frames: int = 0) -> Take:
    """A take that has to be there, of at least so many frames, because the film keeps it. Raises MissingTakes where it
    is not."""
    take = vault.find(key)
    if take is None or len(take.frames) < frames:
        message = f"shot `{shot}` is pinned to a take that is not in the vault: {key[:12]}"
        other = "take `hold` out of its scene, and " if held else ""
        hint = f"`storyboard vault pull` brings it from where it is; or {other}shoot through with `--ripple`"
        raise MissingTakes(message, hint)
    return take


def check_locked(plain: Breakdown, spliced: Breakdown, lock: Lock) -> None:
    """Raises MissingTakes where the screenplay says another film than the lock. `spliced` has the lock's splices."""
    if film_digest(plain) == lock.film:
        return
    owns = own_digests(spliced)
    changed = [name for name in owns if name not in lock.by_id or lock.by_id[name].own != owns[name]]
    changed += [shot.id for shot in lock.shots if shot.id not in owns]
    where = f": {listed(changed)}" if changed else ", in the order or the lengths of its scenes, or in a transition"
    raise MissingTakes(f"the screenplay says another film than its lock{where}", "render it without `--locked`")


def listed(shots: Iterable[str], most: int = 10) -> str:
    """Names in backticks; of many, the first."""
    names = [f"`{shot}`" for shot in shots]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
