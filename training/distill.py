"""Teaches the transformer to do in a few steps, without guidance, what it does in many steps with it.

    torchrun --nproc-per-node 4 -m training.distill --vae weights/vae/vae.safetensors --base weights/dit \\
        --out weights/few --minutes 3

Each of the student's steps learns where the teacher's guided smaller steps lead, from noised clips and from where the
student's own steps led it. After Salimans and Ho, "Progressive Distillation", 2022, and Meng et al., "On Distillation
of Guided Diffusion Models", 2023, in one stage. Writes what training.dit writes, the text encoder unchanged.
Imports torch and this folder.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import LTXVideoTransformer3DModel
from torch import Tensor
from transformers import T5EncoderModel

from training.common import Average, Clock, Gradients, Logbook, Team, assemble, load_weights, parser, trapezoid
from training.data import Describer
from training.dit import build_ring, load, load_words, save
from training.flow import GIVEN_NOISE, Guide, describe, extra_frames, mixed, shifted, velocity, walk
from training.models import TAILS, build_text, build_tokenizer, build_transformer, size_named
from training.optim import Both
from training.ring import Drawn, lesson


def waypoints(levels: list[float], index: int, parts: int) -> tuple[list[float], float]:
    """The teacher's levels for the student's step number `index`, and the level where that step ends."""
    end = levels[index + 1] if index + 1 < len(levels) else 0.0
    span = levels[index] - end
    return [levels[index] - span * part / parts for part in range(parts)], end


def is_matrix(name: str, parameter: torch.nn.Parameter) -> bool:
    """Whether Muon takes it."""
    return parameter.ndim == 2 and name.startswith("transformer_blocks") and "table" not in name


class Lecture:
    """Teacher and text encoder, frozen, and the steps that are to be learnt."""

    def __init__(self, teacher: LTXVideoTransformer3DModel, text: T5EncoderModel, o: argparse.Namespace) -> None:
        self.teacher, self.text = teacher, text
        self.levels, self.parts, self.scale = shifted(o.few, o.shift), o.parts, o.guidance

    def loss(self, student: LTXVideoTransformer3DModel, drawn: Drawn, head: int, index: int, own: bool) -> Tensor:
        """Squared error of the student's step number `index`, begun by its `own` steps or from noised clips."""
        level = self.levels[index]
        with torch.no_grad():
            task = lesson(drawn, head, forced=False, rough=False)
            fixed, guide = task.fixed, self.guide(drawn.ids)
            hold = fixed.bool()[..., None, None]
            noise = torch.where(hold, task.tokens, torch.randn_like(task.tokens))
            start = noise, fixed, head
            if own:
                tokens = walk(student, Guide(guide.said), noise, start, self.levels[:index], level)
            else:
                clean = F.pad(drawn.clean.float(), (0, 0, 0, 0, extra_frames(head), 0))
                tokens = torch.where(hold, noise, (1 - level) * clean + level * noise)
            path, end = waypoints(self.levels, index, self.parts)
            answer = (tokens - walk(self.teacher, guide, tokens, start, path, end)) / (level - end)
            seen = torch.where(hold, noise + GIVEN_NOISE * level**2 * torch.randn_like(noise), tokens)
            told = torch.minimum(torch.full_like(fixed, level), 1 - fixed)
        with mixed(tokens.device):
            made = velocity(student, seen, told, guide.said, head)[0].float()
        error = (made - answer).square().mean(dim=(2, 3))
        return (error * task.free).sum() / task.free.sum()

    def guide(self, ids: Tensor) -> Guide:
        """The captions, and the empty one to be guided away from."""
        empty = torch.zeros_like(ids)
        empty[:, 0] = 1
        with mixed(ids.device):
            return Guide(describe(self.text, ids), describe(self.text, empty), self.scale)


def start(o: argparse.Namespace, team: Team, words: int) -> tuple[LTXVideoTransformer3DModel, Average, Lecture]:
    """The student, its moving average, and its teacher."""
    size = size_named(o.size)
    student, teacher, copy = (build_transformer(size).to(team.device) for _ in range(3))
    text = build_text(size, words).to(team.device)
    for part in (teacher, text):
        part.eval().requires_grad_(False)
    load(teacher, text, o.base)
    if o.resume:
        load_weights(student, o.resume / "transformer.safetensors")
    else:
        student.load_state_dict(teacher.state_dict())
    team.align(student)
    return student, Average(student, copy, 0.995), Lecture(teacher, text, o)


def keep(smooth: Average, lecture: Lecture, words: list[str], out: Path) -> None:
    """Write the averaged student, the text encoder, and how to sample with them."""
    save(smooth.copy, lecture.text, words, out)
    recipe = {"levels": lecture.levels, "guidance": 1.0, "taught_guidance": lecture.scale}
    (out / "sampling.json").write_text(json.dumps(recipe) + "\n")


def train(o: argparse.Namespace) -> dict[str, float]:
    """Run to the end of the time; returns the last loss and the count of steps."""
    team = assemble(o.seed + 70, eager=o.no_compile)
    clock = Clock(team, o.minutes, reserve=0 if o.size == "tiny" else 8)
    log = Logbook(team, o.out, "distill", clock)
    size, words = size_named(o.size), load_words(o.base)
    describer = Describer(build_tokenizer(words), size.tokens)
    ring = build_ring(o, team, size, describer)
    student, smooth, lecture = start(o, team, len(describer.tokenizer))
    gradients = Gradients(team, student.parameters())
    optimizer = Both(student.named_parameters(), is_matrix, muon=o.rate, adam=o.rate / 2)
    dice = random.Random(o.seed)  # the same on all ranks, so that all take as long
    step, saved = 0, 0.0
    while clock.tick() and step < o.steps:
        head = dice.choice(TAILS) if dice.random() < o.heads else 0
        index, own = dice.randrange(o.few), dice.random() < o.own
        if step % 8 == 0:
            ring.refresh(o.wear)
        gradients.clear()
        loss = lecture.loss(student, ring.draw(o.batch, head), head, index, own)
        loss.backward()
        norm = gradients.gather()
        optimizer.step(trapezoid(clock.fraction, step, 30, 0.6))
        smooth.update()
        step += 1
        if log.due():
            log.note(step=step, index=index, own=own, head=head, loss=loss, norm=norm)
        if team.leads and clock.seconds - saved > 55:
            saved = clock.seconds
            keep(smooth, lecture, words, o.out)
    last = float(team.average(loss.detach()))
    log.note(done=True, steps=step, loss=last)
    if team.leads:
        keep(smooth, lecture, words, o.out)
    team.close()
    return {"loss": last, "steps": step}


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """The command."""
    options = parser(__doc__ or "", minutes=3)
    options.add_argument("--vae", type=Path, required=True, help="vae.safetensors of training.vae")
    options.add_argument("--base", type=Path, required=True, help="folder of training.dit")
    options.add_argument("--resume", type=Path, help="folder of an earlier run of this command")
    options.add_argument("--batch", type=int, default=96, help="clips of each rank")
    options.add_argument("--room", type=int, default=32766, help="clips kept encoded on each rank")
    options.add_argument("--few", type=int, default=8, help="steps of the student")
    options.add_argument("--shift", type=float, default=2.0, help="more of the steps at high noise where above 1")
    options.add_argument("--parts", type=int, default=3, help="teacher's steps in one of the student's")
    options.add_argument("--guidance", type=float, default=3.0)
    options.add_argument("--own", type=float, default=0.6, help="share of batches that the student itself begins")
    options.add_argument("--rate", type=float, default=4e-4, help="peak rate of Muon; half of it for AdamW")
    options.add_argument("--heads", type=float, default=0.25, help="share of steps with last frames given")
    options.add_argument("--wear", type=float, default=0.35, help="share of batches with worn tails")
    options.add_argument("--stories", type=float, default=0.15, help="chance of a chain instead of a clip")
    options.add_argument("--led", type=float, default=0.12, help="chance of a clip that turns into another scene")
    return train(options.parse_args(arguments))


if __name__ == "__main__":
    main()
