"""A shot and what was refused of it -> the attempt that counts: its slate, and its take where that is there.

    attempt 1   the shot's own seed         refused: black
    attempt 2   digest of (seed, 1)         refused: frozen
    attempt 3   digest of (seed, 2)         this one

A take is refused when all of it is black or frozen and its scene has `retries` left. What is wrong with a key is the
same for every film and machine, and so is where a walk through refused keys ends. May import what stands above
`attempts` in the layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from storyboard.digest import Digest, seed_from
from storyboard.engines import INTERNAL
from storyboard.errors import ShotError
from storyboard.fields import MOST_RETRIES
from storyboard.shots import Shot
from storyboard.slate import Recorded, Slate, slate_of
from storyboard.timing import FrameRange
from storyboard.vault import Refusal, Take, Vault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from storyboard.scopes import Flaw


@dataclass(frozen=True, slots=True)
class Attempt:
    """What to shoot of a shot, or what was shot."""

    slate: Slate
    take: Take | None
    refused: tuple[Refusal, ...]
    """The attempts before it; all that there are where `is_last_refused`."""
    of: int
    """How many attempts there may be."""

    @property
    def is_last_refused(self) -> bool:
        return len(self.refused) == self.of

    @property
    def flaws(self) -> str:
        """What was wrong with those that were refused, each once."""
        return ", ".join(dict.fromkeys(each.flaw for each in self.refused))

    def error(self, shot: Shot) -> ShotError:
        """Why the shot is given up."""
        what = f"all {self.of} attempts were refused: {self.flaws}"
        hint = f"write another prompt or `take`, or more `retries` than {shot.retries}; none keeps such a take"
        return ShotError(f"shot `{shot.id}`: {what}", hint)


def attempt_at(shot: Shot, takes: Mapping[str, Recorded], vault: Vault) -> Attempt:
    """The first attempt at a shot that was not refused, or the last one. Raises KeyError as `slate_of`."""
    slate, refused = _walk(shot, takes, vault)
    take = None if len(refused) > shot.retries else take_for(vault, shot, slate.key)
    return Attempt(slate, take, refused, shot.retries + 1)


def attempt_key(shot: Shot, takes: Mapping[str, Recorded], vault: Vault) -> Digest:
    """Its key alone, whether or not the take is there. Raises KeyError as `slate_of`."""
    return _walk(shot, takes, vault)[0].key


def _walk(shot: Shot, takes: Mapping[str, Recorded], vault: Vault) -> tuple[Slate, tuple[Refusal, ...]]:
    slate = first = slate_of(shot, takes)
    refused: list[Refusal] = []
    for number in range(shot.retries + 1):
        slate = replace(first, seed=attempt_seed(shot.seed, number))
        refusal = _refusal(slate.key, vault) if shot.retries else None
        if refusal is None:
            break
        refused.append(refusal)
    return slate, tuple(refused)


def _refusal(key: str, vault: Vault) -> Refusal | None:
    """A take that is there says itself whether anything is wrong with it: that spares looking further."""
    take = vault.peek(key)
    return vault.refusal(key) if take is None or take.is_flawed else None


def take_for(vault: Vault, shot: Shot, key: str) -> Take | None:
    """The take of a key, if it can be the shot's: whoever wrote the record may have said another size or length."""
    take = vault.find(key)
    if take is None or (take.width, take.height) != (shot.engine.width, shot.engine.height):
        return None
    return take if shot.visible.stop <= len(take.frames) else None


def attempt_keys(shot: Shot, takes: Mapping[str, Recorded]) -> frozenset[str]:
    """The keys of all attempts, refused or not. Raises KeyError as `slate_of`."""
    first = slate_of(shot, takes)
    seeds = (attempt_seed(shot.seed, number) for number in range(shot.retries + 1))
    return frozenset(replace(first, seed=seed).key for seed in seeds)


def attempt_seed(seed: int, number: int) -> int:
    """The seed of attempt `number`, from 0, at a shot that has `seed`."""
    return seed_from(seed, number) if number else seed


def is_attempt(seed: object, at: object) -> bool:
    """Whether a seed is one of an attempt at a shot that has the seed `at`."""
    return isinstance(at, int) and any(seed == attempt_seed(at, number) for number in range(MOST_RETRIES + 1))


def flaw_in(shot: Shot, frames: NDArray[np.uint8]) -> Flaw | None:
    """What is wrong with the frames of a take, [n, height, width, 3]: those that are neither tail nor head.

    By what is in the key alone: how many of them the film shows is not.
    """
    from storyboard.scopes import flaw_of

    if shot.engine.spec.name in INTERNAL:
        return None
    own = FrameRange(shot.visible.start, shot.frames - len(shot.head))
    return flaw_of(frames[own.start : own.stop])
