"""Figures and logs -> the model card, as Markdown. Imports nothing of this folder.

A figure that is not there is written as a dash, one that misses its goal is said to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Row = Mapping[str, object]


@dataclass(frozen=True)
class Goal:
    """One line of the card's table: what is measured, by what, and what it should be."""

    label: str
    name: str
    command: str
    least: float | None = None
    most: float | None = None
    percent: bool = False

    def line(self, found: Mapping[str, object]) -> str:
        """As a row of the table."""
        value = found.get(self.name)
        unit = 100 if self.percent else 1
        sign = " %" if self.percent else ""
        goal = "" if self.least is None else f"at least {self.least * unit:g}{sign}"
        goal += "" if self.most is None else f"{' and ' if goal else ''}at most {self.most * unit:g}{sign}"
        if not isinstance(value, (int, float)):
            return f"| {self.label} | - | {goal} | `{self.command}` |"
        short = self.least is not None and value < self.least
        long = self.most is not None and value > self.most
        shown = f"{value * unit:.{0 if self.percent else 2}f}{sign}{' (missed)' if short or long else ''}"
        return f"| {self.label} | {shown} | {goal} | `{self.command}` |"


GOALS = (
    Goal("Autoencoder, held-out clips, dB", "psnr", "training.vae", least=31),
    Goal("Autoencoder, in sprite boxes, dB", "psnr_sprites", "training.vae", least=27),
    Goal("A 5-frame tail coded 4 times, dB", "psnr_tail_4", "training.vae"),
    Goal("The judge on real clips: subject", "judge_subject", "training.evaluate", percent=True),
    Goal("The judge on real clips: place", "judge_place", "training.evaluate", percent=True),
    Goal("The judge on real clips: action", "judge_action", "training.evaluate", percent=True),
    Goal("Subject, as a share of true clips", "subject_share", "training.evaluate", least=0.90, percent=True),
    Goal("Place, as a share of true clips", "place_share", "training.evaluate", least=0.97, percent=True),
    Goal("Action, as a share of true clips", "action_share", "training.evaluate", least=0.75, percent=True),
    Goal("Two subjects, both there", "both_subjects_made", "training.evaluate", least=0.70, percent=True),
    Goal("Two subjects, both there, true clips", "both_subjects_true", "training.evaluate", percent=True),
    Goal("Seam ratio of a continued shot", "seam", "training.evaluate", most=1.4),
    Goal("... as a share of that of a cut", "seam_share_of_without", "training.evaluate", most=0.1),
    Goal("Seam ratio where it leads into a head", "seam_head", "training.evaluate", most=1.6),
    Goal("... into one of another scene", "seam_head_other", "training.evaluate"),
    Goal("Seam ratio of the autoencoder alone", "seam_autoencoder", "training.evaluate"),
    Goal("12 shots, last four against first four: subject", "chain_subject_change", "training.evaluate", least=-0.1),
    Goal("12 shots, last four against first four: place", "chain_place_change", "training.evaluate", least=-0.1),
    Goal("12 shots, last four against first four: action", "chain_action_change", "training.evaluate", least=-0.1),
    Goal("12 steady shots, brightness against the first", "steady_luma", "training.evaluate", 0.9, 1.1),
    Goal("12 steady shots, saturation against the first", "steady_saturation", "training.evaluate", 0.9, 1.1),
    Goal("12 steady shots, sharpness against the first", "steady_sharpness", "training.evaluate", 0.75, 1.25),
)

HEAD = """---
license: apache-2.0
pipeline_tag: text-to-video
library_name: diffusers
---

# Pocket

A text-to-video model of the LTX architecture with {millions:.1f} million parameters, made to be carried in a package
and to run on two CPU cores: 33 frames of 128 x 128 pixels at 8 frames per second, continued from the last 1, 5 or 9
frames of the shot before, or leading into given last frames. It knows the words in `vocabulary.json` and no others.

```python
import json
from diffusers import LTXConditionPipeline

pipeline = LTXConditionPipeline.from_pretrained(folder)
call = json.load(open(f"{{folder}}/sampling.json"))
call.pop("condition_frames")
frames = pipeline(prompt="A teddy bear is swimming in the ocean at San Francisco.", **call).frames[0]
```

It samples in {steps} steps, {guidance}. Matrices and kernels are stored in eight bits (float8_e4m3), which diffusers
widens to the type that is asked for, the rest in bfloat16.

## Data

A storybook world drawn while training: sprites from Noto Color Emoji (SIL Open Font License 1.1, some with bodies
drawn to them) over procedural backgrounds, with captions from a grammar; `training/world/`. No photographs, no films,
no other model's output. Pairs of subject and place were held out, and all figures below are on those.

## Training

{training}

## Figures

| figure | found | goal | command |
|---|---|---|---|
"""

TAIL = """
The first 48 of the captions with what the model makes of them, not chosen: `training/sheet.webp` in the repository.

Adherence is what a classifier of the world's labels finds in generated clips, as a share of what it finds in true
clips of the same captions; its own accuracy is given first. Seam ratio: the step across the seam over the median step
of the eight frames on each side, both raised by one grey level; 1 cannot be seen.

## Limits

It draws its own small world and nothing else; other words are noise to it. Shapes of subjects are its weakest side:
colours, sizes and the larger parts are right, faces and fine lines are soft, and machines (robot, bicycle, train) are
the softest. Of two subjects it sometimes draws one twice, or mixes them. Styles other than the plain one are rarer in
its data and drawn worse. Two subjects of one kind, or three subjects, are not in its data. Sizes other than 128 x 128
and rates other than 8 were never trained. Errors grow over long chains of shots.
"""


def card(figures: Row, logs: Mapping[str, Row], parameters: int, recipe: Row) -> str:
    """The whole card. `logs` has the last row of each command's log, by the command's name."""
    found = {**logs.get("vae", {}), **figures}
    for field in ("subject", "place", "action"):
        first, last = figures.get(f"chain_{field}_first"), figures.get(f"chain_{field}_last")
        if isinstance(first, (int, float)) and isinstance(last, (int, float)):
            found[f"chain_{field}_change"] = last - first
    steps = recipe["timesteps"]
    assert isinstance(steps, list)
    guidance = "without guidance" if recipe["guidance_scale"] == 1 else f"with guidance {recipe['guidance_scale']}"
    lines = []
    for name, row in logs.items():
        minutes = float(str(row.get("seconds", 0))) / 60
        count = row.get("steps", row.get("step", "-"))
        lines.append(f"* `training.{name}`: {count} steps in {minutes:.1f} minutes of wall time")
    training = "\n".join(lines) or "See `training/README.md`."
    head = HEAD.format(millions=parameters / 1e6, steps=len(steps), guidance=guidance, training=training)
    return head + "\n".join(goal.line(found) for goal in GOALS) + "\n" + TAIL
