"""A film taken apart, as far as it is -> the fault in it where it comes to more than its limits, or its window.

What a screenplay asks for is counted while it is broken down, so that no absurd one is taken apart to its end. May
import what stands above `bounds` in the layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from storyboard.conditioning import head_rule
from storyboard.engines.choice import EngineUse
from storyboard.errors import DocumentPath, Fault
from storyboard.limits import Limits
from storyboard.scene import Scene
from storyboard.shots import Ahead, SceneSpan, Shot


@dataclass(slots=True)
class Bounds:
    """Counts the shots of one breakdown."""

    limits: Limits
    shots: int = 0
    frames: int = 0
    exceeded: Fault | None = None

    def film_faults(self, spans: Sequence[SceneSpan]) -> Iterator[Fault]:
        """The scene up to which the film is longer than it may be."""
        total = 0
        for index, span in enumerate(spans):
            total += span.frames
            if total > self.limits.frames:
                message = (
                    f"up to the end of this scene the film has {total:,} frames; {self.limits.frames:,} are allowed"
                )
                self.exceeded = Fault(("scenes", index, "duration"), message, _more("frames", "shorten the film"))
                yield self.exceeded
                return

    def admit(self, index: int, shot: Shot) -> bool:
        """Count a shot of scene `index`; whether there is room for it. If not, `exceeded` says so."""
        self.shots += 1
        self.frames += shot.frames
        if self.shots > self.limits.shots:
            message = f"shot `{shot.id}` is one more than the {self.limits.shots:,} that are allowed"
            self.exceeded = Fault(("scenes", index), message, _more("shots", "split the film"))
        elif self.frames > self.limits.frames:
            message = (
                f"up to shot `{shot.id}` there are {self.frames:,} frames to shoot; {self.limits.frames:,} are allowed"
            )
            self.exceeded = Fault(("scenes", index), message, _more("frames", "shorten the film"))
        return self.exceeded is None


def picture_fault(limits: Limits, width: int, height: int, path: DocumentPath) -> Fault | None:
    """The fault in a size that is asked for at `path`; None where it is allowed."""
    count = width * height
    if count <= limits.pixels:
        return None
    message = f"a picture of {width}x{height} has {count:,} pixels; {limits.pixels:,} are allowed"
    return Fault(path, message, f"make it smaller; or `--max-pixels {count}` allows it")


def window_fault(index: int, scene: Scene, use: EngineUse, kept: int, visible: int, sender: Sequence[Ahead]) -> Fault:
    """The fault in scene `index`, whose last shot does not fit its engine's window: `kept` frames of a tail, so many
    visible ones, and a head of `sender`."""
    can, rule = use.capabilities, head_rule(use)
    other = scene.leads_into or (sender[0].shot if sender else None)
    least = can.frames.at_least(kept + visible + rule.least) if other and rule else None
    if other and least is not None and least <= use.window:
        have = sum(len(each.visible) for each in sender)
        message = f"scene `{scene.id}` leads into `{other}`, which is too short for it, with {have} frames"
        hint = f"`{use.spec.name}` renders {can.frames} frames: make `{other}` longer, or leave `leads_into` out"
        return Fault(("scenes", index, "leads_into"), message, hint)
    needs = [f"tail {kept}", f"visible {visible}"]
    if other:
        needs.append(f"head {(use.options.head or can.default_head) if can.head else 1}")
    message = f"scene `{scene.id}` does not fit the window: {' + '.join(needs)} frames"
    head = f", and at least {rule.least} of the scene led into" if other and rule else ""
    hint = f"`{use.spec.name}` renders {can.frames} frames, here at most {use.window}{head}; use a shorter `tail`"
    return Fault(("scenes", index), message, hint)


def _more(what: str, other: str) -> str:
    return f"{other}, or allow more with `--max-{what}`"
