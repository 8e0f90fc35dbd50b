"""The storybook world: captions with the pictures that they describe, drawn as fast as a model learns from them.

    clips = [sample(rng) for _ in range(64)]        # describing: Python, thousands a second on one core
    packed = pack(clips)                            # tensors of fixed shape
    pictures = render(packed, device="cuda")        # uint8 [64, 33, 3, 128, 128], thousands of clips a second

Everything is a closed form of time, so a clip can go on from any other: see `state` and `motion`.
"""

from __future__ import annotations

from training.world.cast import SUBJECTS
from training.world.packing import pack
from training.world.parallel import Clips
from training.world.places import CAMERAS, PLACES, STYLES, TIMES, WEATHERS
from training.world.render import masks, render
from training.world.sampling import ACTIONS, is_held_out
from training.world.state import Clip, State
from training.world.story import describe, sample, sample_led, sample_story
from training.world.wording import split, vocabulary


def subjects() -> tuple[str, ...]:
    """Names of all who can be the subject or the companion."""
    return tuple(subject.name for subject in SUBJECTS)


def places() -> tuple[str, ...]:
    """Names of all places."""
    return tuple(place.name for place in PLACES)


def actions() -> tuple[str, ...]:
    """Names of all actions."""
    return ACTIONS


def weathers() -> tuple[str, ...]:
    """Names of the kinds of weather."""
    return WEATHERS


def times() -> tuple[str, ...]:
    """Names of the times of day."""
    return TIMES


def styles() -> tuple[str, ...]:
    """Names of the styles, the default first."""
    return STYLES


def cameras() -> tuple[str, ...]:
    """Names of the camera's moves."""
    return CAMERAS


def words() -> frozenset[str]:
    """Every lower-case word that a caption may contain; `split` takes a text apart in the same way."""
    return vocabulary()


__all__ = [
    "Clip", "Clips", "State", "actions", "cameras", "describe", "is_held_out", "masks", "pack", "places", "render",
    "sample", "sample_led", "sample_story", "split", "styles", "subjects", "times", "weathers", "words",
]  # fmt: skip
