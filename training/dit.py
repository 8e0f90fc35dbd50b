"""Trains the transformer and the text encoder together: clips of the world, encoded, -> a flow from noise to them.

    torchrun --nproc-per-node 4 -m training.dit --vae weights/vae/vae.safetensors --out weights/dit --minutes 8

Writes transformer.safetensors and text.safetensors (averaged weights, which --resume goes on from) and a log.
Imports torch, diffusers and this folder.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import LTXVideoTransformer3DModel
from torch import Tensor, nn
from transformers import T5EncoderModel

from training import world
from training.common import (
    Average,
    Clock,
    Gradients,
    Logbook,
    Team,
    assemble,
    load_weights,
    parser,
    save_weights,
    trapezoid,
    workers_for,
)
from training.data import FIELDS, UNKNOWN, Describer, label_lists, stream
from training.flow import describe, mixed, velocity
from training.models import (
    FRAMES,
    SIDE,
    TAILS,
    Size,
    build_text,
    build_tokenizer,
    build_transformer,
    build_vae,
    pieces,
    size_named,
)
from training.optim import Both
from training.ring import Drawn, Ring, lesson


class Witness(nn.Module):
    """Says from a middle block's features what is in the film; only there to help the binding, never exported."""

    def __init__(self, width: int, classes: list[int]) -> None:
        super().__init__()
        self.classes = classes
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, sum(classes))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Features [n, tokens, width] and labels [n, FIELDS] -> mean cross entropy."""
        scores = self.out(self.norm(features.float().mean(dim=1))).split(self.classes, dim=1)
        pairs = zip(scores, labels.unbind(1), strict=True)
        return sum((F.cross_entropy(s, t, ignore_index=UNKNOWN) for s, t in pairs), features.new_zeros(())) / len(
            FIELDS
        )


class Student(nn.Module):
    """Everything that learns."""

    def __init__(self, size: Size, words: int, classes: list[int]) -> None:
        super().__init__()
        self.transformer, self.text = build_transformer(size), build_text(size, words)
        self.witness = Witness(size.width, classes)
        self.middle = size.layers // 2

    def loss(self, drawn: Drawn, head: int, forced: bool, dropped: float = 0.1) -> tuple[Tensor, Tensor]:
        """Mean squared error of the flow over frames that are not given, and the witness's loss."""
        drawn.ids = without_caption(drawn.ids, dropped)
        task = lesson(drawn, head, forced)
        with mixed(task.tokens.device):
            said = describe(self.text, drawn.ids)
            made, seen = velocity(self.transformer, task.tokens, task.levels, said, head, self.middle)
            assert seen is not None
        error = (made.float() - task.answer).square().mean(dim=(2, 3))
        return (error * task.free).sum() / task.free.sum(), self.witness(seen, drawn.labels)


def without_caption(ids: Tensor, share: float) -> Tensor:
    """Caption ids with a share of captions made empty: nothing but the end mark."""
    empty = torch.zeros_like(ids)
    empty[:, 0] = 1
    return torch.where(torch.rand(len(ids), 1, device=ids.device) < share, empty, ids)


def is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether Muon takes it: the matrices inside the blocks of the transformer and of the text encoder."""
    blocks = name.startswith(("transformer.transformer_blocks", "text.encoder.block"))
    return parameter.ndim == 2 and blocks and not name.endswith(("scale_shift_table", "relative_attention_bias.weight"))


def save(transformer: LTXVideoTransformer3DModel, text: T5EncoderModel, words: list[str], out: Path) -> None:
    """Both networks, and the pieces that the text encoder's rows stand for."""
    save_weights(transformer, out / "transformer.safetensors", pack=True)
    save_weights(text, out / "text.safetensors")
    (out / "words.json").write_text(json.dumps(words) + "\n")


def load_words(folder: Path) -> list[str]:
    """The pieces that `save` wrote."""
    return json.loads((folder / "words.json").read_text())


def load(transformer: LTXVideoTransformer3DModel, text: T5EncoderModel, folder: Path) -> None:
    """What `save` wrote, for the same words."""
    load_weights(transformer, folder / "transformer.safetensors")
    load_weights(text, folder / "text.safetensors")


def load_for(words: list[str], student: Student, size: Size, folder: Path) -> None:
    """What `save` wrote, for words that may have changed since: rows go with their words, new ones stay as they are."""
    old = load_words(folder)
    text = build_text(size, len(old) + 3)
    load(student.transformer, text, folder)
    state, rows, fresh = text.state_dict(), text.shared.weight.data, student.text.shared.weight.data
    place = {word: index for index, word in enumerate(old, 3)}
    table = fresh.clone()
    table[:3] = rows[:3].to(table.device)
    for index, word in enumerate(words, 3):
        if word in place:
            table[index] = rows[place[word]].to(table.device)
    state["shared.weight"] = state["encoder.embed_tokens.weight"] = table
    student.text.load_state_dict(state)


def build_ring(o: argparse.Namespace, team: Team, size: Size, describer: Describer) -> Ring:
    """The store of clips, with enough in it to begin."""
    tiny = o.size == "tiny"
    vae = build_vae(size).to(team.device, memory_format=torch.channels_last_3d).eval().requires_grad_(False)
    load_weights(vae, o.vae)
    if team.device.type == "cuda":
        vae.to(torch.bfloat16)
    chunk = 6 if tiny else 63  # a multiple of the kinds of heads, so that shapes stay the same
    source = stream(describer, "train", chunk, 100 + o.seed, team.rank, workers_for(o.workers, team), o.stories, o.led)
    shape = (32, 17) if tiny else (SIDE, FRAMES)
    ring = Ring(source, vae, size, 48 if tiny else o.room, team.device, *shape)
    for _ in range(2 if tiny else 64):
        ring.refresh()
    return ring


def start(o: argparse.Namespace, team: Team, words: list[str]) -> tuple[Student, Average]:
    """The student, the same on all processes, and its moving average."""
    size = size_named(o.size)
    shape = (size, len(words) + 3, [len(names) for names in label_lists().values()])
    student, copy = (Student(*shape).to(team.device) for _ in range(2))
    if o.resume:
        load_for(words, student, size, o.resume)
    team.align(student)
    return student, Average(student, copy, o.average)


def train(o: argparse.Namespace) -> dict[str, float]:
    """Run to the end of the time; returns the last line of the log."""
    team = assemble(o.seed + 50, eager=o.no_compile)
    clock = Clock(team, o.minutes, reserve=0 if o.size == "tiny" else 12)
    log = Logbook(team, o.out, "dit", clock)
    words = pieces(world.words())
    ring = build_ring(o, team, size_named(o.size), Describer(build_tokenizer(words), size_named(o.size).tokens))
    student, smooth = start(o, team, words)
    gradients = Gradients(team, student.parameters())
    optimizer = Both(student.named_parameters(), is_matrix, muon=o.muon, adam=o.adam)
    models = smooth.copy.transformer, smooth.copy.text
    dice = random.Random(o.seed)  # the same on all ranks, so that all have batches of one shape
    step, saved, marks = 0, 0.0, (0, clock.seconds)
    log.note(clips=ring.made, learns=len(gradients.flat))
    while clock.tick() and step < o.steps:
        head = dice.choice(TAILS) if dice.random() < o.heads else 0
        if step % o.refresh == 0:
            ring.refresh(o.wear, models if clock.fraction > 0.25 and dice.random() < 0.5 else None)
        gradients.clear()
        loss, seen = student.loss(ring.draw(o.batch, head), head, forced=dice.random() < 0.2)
        (loss + o.witness * seen).backward()
        norm = gradients.gather()
        share = trapezoid(clock.fraction, step, 100, o.decay)
        optimizer.step(share)
        smooth.update()
        step += 1
        if log.due():
            pace = (step - marks[0]) * o.batch * team.size / (clock.seconds - marks[1])
            log.note(step=step, share=share, head=head, loss=loss, witness=seen, norm=norm, pace=pace, clips=ring.made)
            marks = step, clock.seconds
        if team.leads and clock.seconds - saved > 55:
            saved = clock.seconds
            save(*models, words, o.out)
    facts = {"loss": float(team.average(loss.detach())), "steps": step, "clips": ring.made * team.size}
    log.note(done=True, **facts)
    if team.leads:
        save(*models, words, o.out)
    team.close()
    return facts


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """The command."""
    options = parser(__doc__ or "", minutes=8)
    options.add_argument("--vae", type=Path, required=True, help="vae.safetensors of training.vae")
    options.add_argument("--resume", type=Path, help="folder of an earlier run, to go on from its weights")
    options.add_argument("--batch", type=int, default=256, help="clips of each rank")
    options.add_argument("--room", type=int, default=32766, help="clips kept encoded on each rank")
    options.add_argument("--refresh", type=int, default=6, help="steps between batches of new clips")
    options.add_argument("--muon", type=float, default=2e-3, help="peak rate of Muon, for matrices in blocks")
    options.add_argument("--adam", type=float, default=1.2e-3, help="peak rate of AdamW, for the rest")
    options.add_argument("--decay", type=float, default=0.5, help="share of the time in which rates fall to zero")
    options.add_argument("--average", type=float, default=0.999, help="decay of the moving average")
    options.add_argument("--heads", type=float, default=0.25, help="share of steps with last frames given")
    options.add_argument("--wear", type=float, default=0.35, help="share of batches with worn tails")
    options.add_argument("--stories", type=float, default=0.15, help="chance of a chain instead of a clip")
    options.add_argument("--led", type=float, default=0.12, help="chance of a clip that turns into another scene")
    options.add_argument("--witness", type=float, default=0.03, help="weight of the label loss")
    return train(options.parse_args(arguments))


if __name__ == "__main__":
    main()
