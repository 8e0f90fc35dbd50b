"""Trains the judge: clips of the world -> what is in them (subject, second, place, action, ...).

    CUDA_VISIBLE_DEVICES=3 python -m training.classifier --out weights/classifier --minutes 5

Its accuracy on real held-out clips comes before any figure that it gives for generated ones. Imports torch and this
folder.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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
from training.data import FIELDS, UNKNOWN, Batch, Describer, film, label_lists, stream
from training.models import FRAMES, SIDE, build_tokenizer, size_named
from training.optim import Both


class Residual(nn.Module):
    """Two convolutions, in the picture and then also in time."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one = nn.Conv3d(width, width, (1, 3, 3), padding=(0, 1, 1), bias=False)
        self.two = nn.Conv3d(width, width, 3, padding=1, bias=False)
        self.norms = nn.ModuleList([nn.GroupNorm(8, width), nn.GroupNorm(8, width)])

    def forward(self, x: Tensor) -> Tensor:
        """[n, width, frames, h, w] -> the same shape."""
        inner = self.one(F.silu(self.norms[0](x)))
        return x + self.two(F.silu(self.norms[1](inner)))


class Judge(nn.Module):
    """Convolutions down to 8 x 8 x 9 features, then attention over them: actions need places and order."""

    def __init__(self, width: int, classes: list[int], side: int = SIDE, frames: int = FRAMES) -> None:
        super().__init__()
        self.classes = classes
        self.stem = nn.Conv3d(3, width, (1, 4, 4), stride=(1, 4, 4))
        self.first = nn.Sequential(Residual(width), nn.Conv3d(width, 2 * width, 3, stride=2, padding=1))
        self.second = nn.Sequential(Residual(2 * width), nn.Conv3d(2 * width, 4 * width, 3, stride=2, padding=1))
        self.third = nn.Sequential(Residual(4 * width), nn.Conv3d(4 * width, 4 * width, (1, 2, 2), stride=(1, 2, 2)))
        count = (side // 32) ** 2 * math.ceil(math.ceil(frames / 2) / 2)
        self.places = nn.Parameter(0.02 * torch.randn(1, count, 4 * width))
        layer = nn.TransformerEncoderLayer(
            4 * width, 4, 8 * width, 0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.mix = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm, self.out = nn.LayerNorm(8 * width), nn.Linear(8 * width, sum(classes))

    def forward(self, films: Tensor) -> Tensor:
        """[n, 3, frames, h, w] in -1..1 -> scores of all classes of all FIELDS, side by side."""
        features = self.third(self.second(self.first(self.stem(films))))
        tokens = self.mix(features.flatten(2).mT + self.places)
        return self.out(self.norm(torch.cat([tokens.mean(dim=1), tokens.amax(dim=1)], dim=1)))

    def judge(self, films: Tensor) -> Tensor:
        """[n, 3, frames, h, w] -> int64 [n, FIELDS], the best-scored label of each."""
        with torch.no_grad(), torch.autocast(films.device.type, torch.bfloat16, enabled=films.is_cuda):
            scores = self(films).float()
        return torch.stack([part.argmax(dim=1) for part in scores.split(self.classes, dim=1)], dim=1)


def build_judge(size: str) -> Judge:
    """For films of the named size."""
    classes = [len(names) for names in label_lists().values()]
    return Judge(8, classes, 32, 17) if size == "tiny" else Judge(48, classes)


def smudge(films: Tensor) -> Tensor:
    """What generated films suffer from (softness, noise, another contrast), so that it is not held against them."""
    count, device = len(films), films.device
    soft = F.avg_pool3d(films, (1, 3, 3), stride=1, padding=(0, 1, 1), count_include_pad=False)
    mix = torch.rand(count, 1, 1, 1, 1, device=device) * (torch.rand(count, 1, 1, 1, 1, device=device) < 0.5)
    films = torch.lerp(films, soft, mix)
    gain = 1 + 0.1 * torch.randn(count, 1, 1, 1, 1, device=device)
    rough = 0.1 * torch.rand(count, 1, 1, 1, 1, device=device)
    return (
        films * gain + 0.05 * torch.randn(count, 3, 1, 1, 1, device=device) + rough * torch.randn_like(films)
    ).clamp(-1, 1)


def accuracy(judge: Judge, batch: Batch, team: Team, side: int, frames: int) -> dict[str, float]:
    """Share of labels that the judge gets right on real clips, for each field; each process has its own batch."""
    parts = [judge.judge(films) for films in film(batch, team.device, frames, side).split(64)]
    told, known = team.gather(torch.cat(parts)), team.gather(batch.labels.to(team.device))
    counts = known.ne(UNKNOWN)
    right = ((told == known) & counts).sum(dim=0) / counts.sum(dim=0).clamp(min=1)
    return dict(zip(FIELDS, right.tolist(), strict=True))


def train(o: argparse.Namespace) -> dict[str, float]:
    """Run to the end of the time; returns the accuracy on held-out clips."""
    team, tiny = assemble(o.seed + 90, tune=True), o.size == "tiny"
    clock = Clock(team, o.minutes, reserve=0 if tiny else 12)
    log = Logbook(team, o.out, "classifier", clock)
    side, frames = (32, 17) if tiny else (SIDE, FRAMES)
    judge, copy = (build_judge(o.size).to(team.device, memory_format=torch.channels_last_3d) for _ in range(2))
    if o.resume:
        load_weights(judge, o.resume)
    team.align(judge)
    smooth = Average(judge, copy, 0.998)
    gradients = Gradients(team, judge.parameters())
    optimizer = Both(judge.named_parameters(), lambda name, p: p.ndim >= 2 and "stem" not in name, o.rate, o.rate / 2)
    size = size_named(o.size)
    describer = Describer(build_tokenizer(world.words()), size.tokens)
    source = stream(describer, "train", o.batch, 300 + o.seed, team.rank, workers_for(o.workers, team))
    step, saved = 0, 0.0
    while clock.tick() and step < o.steps:
        batch = next(source)
        films = smudge(film(batch, team.device, frames, side))
        labels = batch.labels.to(team.device)
        gradients.clear()
        with torch.autocast(team.device.type, torch.bfloat16, enabled=films.is_cuda):
            scores = judge(films)
        pairs = list(zip(scores.float().split(judge.classes, dim=1), labels.unbind(1), strict=True))
        loss = torch.stack([F.cross_entropy(s, t, ignore_index=UNKNOWN, label_smoothing=0.05) for s, t in pairs]).mean()
        loss.backward()
        norm = gradients.gather()
        optimizer.step(trapezoid(clock.fraction, step, 50, 0.6))
        smooth.update()
        step += 1
        if log.due():
            hit = {field: (s.argmax(1) == t).float().mean() for field, (s, t) in zip(FIELDS[:4], pairs, strict=False)}
            log.note(step=step, loss=loss, norm=norm, **hit)
        if team.leads and clock.seconds - saved > 55:
            saved = clock.seconds
            save_weights(smooth.copy, o.out / "classifier.safetensors")
    held = next(stream(describer, "held-out", 8 if tiny else 256, 2, team.rank, 0, stories=0.0))
    facts = accuracy(smooth.copy, held, team, side, frames)
    log.note(step=step, done=True, **facts)
    if team.leads:
        save_weights(smooth.copy, o.out / "classifier.safetensors")
    team.close()
    return facts


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """The command."""
    options = parser(__doc__ or "", minutes=5)
    options.add_argument("--batch", type=int, default=64, help="clips of each rank")
    options.add_argument("--resume", type=Path, help="a classifier.safetensors to go on from")
    options.add_argument("--rate", type=float, default=2e-3, help="peak rate of Muon; half of it for AdamW")
    return train(options.parse_args(arguments))


if __name__ == "__main__":
    main()
