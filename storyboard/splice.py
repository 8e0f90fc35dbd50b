"""A film broken down, its lock and a vault -> the film with its splices: takes that stay, and what leads into them.

    tail of a      b, shot again      head of c
    ...------|----------------------|--------...   c and all after it stay, pinned
             continues a    leads into c

Where a shot has to be shot just before a take that stays, it is given that take's first frames as its head: the seam
holds on both sides. Where its own take, unspliced, is there, and the take after it is the one that would be shot from
it, nothing is spliced, and the pin goes. A screenplay that the lock knows, the present one or one before it, gets the
very pins that it had: so undoing an edit brings the film back. May import what stands above `splice` in the layout.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from storyboard.attempts import attempt_key, attempt_keys
from storyboard.breakdown import break_down
from storyboard.conditioning import head_rule
from storyboard.digest import Digest
from storyboard.errors import CommandError, MissingTakes, ScreenplayError
from storyboard.lock import Head, Lock, LockedShot, Pins
from storyboard.pins import (
    Mode,
    check_held,
    check_locked,
    film_digest,
    on_hold,
    own_digests,
    pinned_take,
    staying,
    unchanged_scenes,
)
from storyboard.shots import Ahead, Breakdown, FrameRef, Shot, scene_of
from storyboard.timing import FrameRange
from storyboard.vault import Take, Vault

MOST_EARLIER: Final = 10
"""Pins of so many screenplays before are remembered in a lock: so many edits of a spliced film can be undone."""

Heads = Mapping[str, Ahead]
"""What scenes lead into, by scene."""


def splice(plain: Breakdown, lock: Lock | None, vault: Vault, mode: Mode) -> Breakdown:
    """The film as it is to be rendered: `plain`, with pins and spliced heads.

    Raises ScreenplayError where a held scene was changed; MissingTakes where a pinned take is nowhere, or with LOCKED
    the film is not as its lock says; CommandError where SPLICE asks for what an engine cannot do.
    """
    if lock is None:
        if mode is Mode.LOCKED:
            raise MissingTakes("the film has no lock beside its screenplay", "render it without `--locked`")
        if mode is Mode.SPLICE:
            raise CommandError("there is no film yet to splice into", "render it without `--splice` first")
        return plain
    spliced = _led(plain, _aheads(plain, lock.pins))
    check_held(spliced, lock, lambda key: take.slate if (take := vault.peek(key)) else None)
    if mode is Mode.LOCKED:
        check_locked(plain, spliced, lock)
    if mode is Mode.RIPPLE:
        held = on_hold(plain)
        spliced = _led(plain, {scene: head for scene, head in spliced.heads.items() if scene in held})
        return _Splicing(plain, spliced, lock, vault, mode).result()
    if mode is Mode.PLAIN and not (lock.pins.takes or lock.pins.heads or lock.earlier or on_hold(plain)):
        return plain
    if pins := _remembered(lock, film_digest(plain)):
        spliced = _led(plain, _aheads(plain, pins))
        return _Splicing(plain, spliced, lock, vault, mode, pins).result()
    whole = unchanged_scenes(spliced, lock)
    spliced = _led(plain, {scene: head for scene, head in spliced.heads.items() if scene in whole})
    return _Splicing(plain, spliced, lock, vault, mode).result()


def check_holds(plain: Breakdown, lock: Lock | None) -> None:
    """Raises ScreenplayError where a scene on hold was changed since its take was shot."""
    if lock is not None:
        check_held(_led(plain, _aheads(plain, lock.pins)), lock)


def _remembered(lock: Lock, film: Digest) -> Pins | None:
    """The pins that a screenplay had when it was the film's."""
    return next((pins for pins in (lock.pins, *lock.earlier) if pins.film == film), None)


def _aheads(plain: Breakdown, pins: Pins) -> dict[str, Ahead]:
    """What scenes of the film lead into by these pins, where their engines can be given it."""
    spans = {span.id: span for span in plain.scenes}
    return {
        scene: Ahead(head.shot, head.rate, head.visible, 0, head.take)
        for shot, head in pins.heads.items()
        if (scene := scene_of(shot)) in spans and head_rule(plain.shots[spans[scene].shots[-1]].engine)
    }


def _led(plain: Breakdown, heads: Heads, *, strict: bool = False) -> Breakdown:
    """The film broken down with spliced heads; those that do not fit are left out, or with `strict` a CommandError."""
    scenes = plain.screenplay.scenes
    while heads:
        try:
            return break_down(plain.screenplay, heads=heads)
        except ScreenplayError as error:
            if strict:
                raise CommandError(f"this cannot be spliced: {error.faults[0].message}", _INSTEAD) from None
            places = {step for fault in error.faults for step in fault.path[1:2] if isinstance(step, int)}
            faulty = {scenes[place].id for place in places}
            assert faulty & heads.keys(), error
            heads = {scene: head for scene, head in heads.items() if scene not in faulty}
    return plain


class _Splicing:
    """One decision on what stays, what is led into it, and what is pinned."""

    def __init__(
        self, plain: Breakdown, spliced: Breakdown, lock: Lock, vault: Vault, mode: Mode, pins: Pins | None = None
    ) -> None:
        self.lock, self.vault, self.mode, self.decided = lock, vault, mode, pins is not None
        if pins is None:
            self.stay = staying(spliced, lock, mode)
        else:
            pinned = {shot: key for shot, key in pins.takes.items() if shot in spliced.shots}
            self.stay = pinned | staying(spliced, lock, Mode.RIPPLE)
        self.kept = {shot: take for shot, key in self.stay.items() if (take := vault.find(key))}
        self.plain, self.spliced = _settled(plain, self.kept), _settled(spliced, self.kept)
        self.heads, self.held = dict(spliced.heads), on_hold(plain)
        self.pins: dict[str, str] = {}
        self.takes: dict[str, Take] = {
            key: take for key in spliced.takes_ahead if (take := vault.peek(key)) is not None
        }
        self.receivers: dict[str, list[str]] = {}
        for span in spliced.scenes:
            first = spliced.shots[span.shots[0]]
            if first.continues and first.id in self.stay:
                self.receivers.setdefault(first.continues, []).append(first.id)

    def result(self) -> Breakdown:
        for shot in self.spliced.shots.values():
            key = self.key(shot, self.takes)
            if shot.id in self.stay:
                self.keep(shot.id, key)
                continue
            if shot.id in self.receivers and not self.decided and self.is_led(shot, key):
                continue
            if key is not None and shot.id not in self.takes and (take := self.vault.find(key)):
                self.takes[shot.id] = take
        film = self.spliced
        if self.heads != film.heads:
            film = _settled(_led(self.plain, self.heads, strict=self.mode is Mode.SPLICE), self.kept)
        return replace(film, shots={name: replace(s, pin=self.pins.get(name)) for name, s in film.shots.items()})

    def keep(self, shot: str, key: Digest | None) -> None:
        """A shot whose take stays: it is pinned, unless that is the take of its key anyway."""
        take = self.kept.get(shot)
        if key != self.stay[shot]:
            self.pins[shot] = self.stay[shot]
            take = pinned_take(self.vault, shot, self.stay[shot], held=scene_of(shot) in self.held)
        if take is not None:
            self.takes[shot] = take

    def is_led(self, last: Shot, key: Digest | None) -> bool:
        """Decide whether a scene, by its last shot, leads into the takes that stay behind it. Says whether that is
        new: then its key is another."""
        scene, receivers, before = last.scene, self.receivers[last.id], self.lock.by_id.get(last.id)
        if before is not None and before.key == key:
            return False
        alone = self.unspliced(scene)
        if alone and all(self.key(self.plain.shots[each], alone) == self.stay[each] for each in receivers):
            self.heads.pop(scene, None)
            self.takes |= {name: alone[name] for name in self.plain.scene(scene).shots}
            return False
        if scene in self.heads or last.end or last.head:
            return False
        if head_rule(last.engine) is not None:
            ahead = self.spliced.shots[receivers[0]].ahead
            self.heads[scene] = replace(ahead, first=0, take=self.stay[receivers[0]])
            return True
        if self.mode is Mode.SPLICE:
            message = f"`{last.engine.spec.name}` takes no head and no end image, so scene `{scene}` cannot be spliced"
            raise CommandError(message, _INSTEAD)
        return False

    def unspliced(self, scene: str) -> Mapping[str, Take] | None:
        """All takes so far and those of a scene without its splice; None where one of these is not there."""
        found: dict[str, Take] = {}
        takes = ChainMap(found, self.takes)
        for name in self.plain.scene(scene).shots:
            key = self.key(self.plain.shots[name], takes)
            take = self.vault.find(key) if key else None
            if take is None:
                return None
            found[name] = take
        return takes

    def key(self, shot: Shot, takes: Mapping[str, Take]) -> Digest | None:
        """The key that the shot has when it is not pinned; None while that is not known."""
        try:
            return attempt_key(shot, takes, self.vault)
        except (KeyError, IndexError):  # a lock that was written by hand may lead beyond a take's end
            return None


_INSTEAD: Final = "render without `--splice`, which shoots what comes after it again; or use another `engine`"


def _keys(shot: Shot, takes: Mapping[str, Take]) -> frozenset[str]:
    """Those that its takes may have when it is not pinned; none while that is not known."""
    try:
        return attempt_keys(shot, takes)
    except (KeyError, IndexError):
        return frozenset()


def _settled(film: Breakdown, kept: Mapping[str, Take]) -> Breakdown:
    """The film with takes that stay shown where their own tails end: what they went on from may have been longer."""
    moved: dict[str, int] = {}
    for name, take in kept.items():
        shot = film.shots[name]
        if shot.engine.capabilities.repeats_tail and (by := _tail_of(take) - shot.visible.start):
            moved[name] = by
    if not moved:
        return film

    def follow(refs: tuple[FrameRef, ...]) -> tuple[FrameRef, ...]:
        return tuple(
            ref if ref.take else replace(ref, frame=max(0, ref.frame + moved.get(ref.shot, 0))) for ref in refs
        )

    def settle(shot: Shot) -> Shot:
        by, visible = moved.get(shot.id, 0), shot.visible
        visible = FrameRange(visible.start + by, visible.stop + by)
        return replace(shot, visible=visible, tail=follow(shot.tail), head=follow(shot.head))

    return replace(film, shots={name: settle(shot) for name, shot in film.shots.items()})


def _tail_of(take: Take) -> int:
    """How many frames of tail it was given."""
    given = take.slate.get("tail")
    digests = given.get("digests") if isinstance(given, Mapping) else None
    return len(digests) if isinstance(digests, Sequence) else 0


def next_lock(plain: Breakdown, film: Breakdown, takes: Mapping[str, Take], last: Lock | None, mode: Mode) -> Lock:
    """The lock of a finished film. `takes` are those of its shots, and those that its heads name, by key."""
    owns, held = own_digests(film), on_hold(film)

    def locked(shot: Shot) -> LockedShot:
        take, ahead = takes[shot.id], None
        if any(ref.take is not None for ref in shot.head):
            ahead = film.heads[shot.scene]
        return LockedShot(
            id=shot.id,
            key=Digest(take.key),
            own=owns[shot.id],
            footage=take.footage,
            engine=shot.engine.spec.name,
            weights=shot.engine.weights,
            seed=take.seed,
            pinned=shot.pin is not None and take.key not in _keys(shot, takes),
            hold=shot.scene in held,
            head=Head(ahead.shot, Digest(ahead.take or ""), ahead.visible, ahead.rate) if ahead else None,
        )

    shots = tuple(locked(film.shots[name]) for span in film.scenes for name in span.shots)
    lock = Lock(film_digest(plain), shots)
    return replace(lock, earlier=_earlier(lock, last) if last and mode is not Mode.RIPPLE else ())


def _earlier(lock: Lock, last: Lock) -> tuple[Pins, ...]:
    """The pins of screenplays before this one. What is undone is taken out again."""
    for place, pins in enumerate((last.pins, *last.earlier)):
        if pins.film == lock.film:
            return last.earlier[place:]
    if not any(pins.takes or pins.heads for pins in (lock.pins, last.pins)):
        return last.earlier
    return (last.pins, *last.earlier)[:MOST_EARLIER]
