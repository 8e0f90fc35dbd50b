"""Trains the autoencoder: clips of the world -> 16 x 16 x 4 latents -> clips. Writes vae.safetensors and its figures.

    torchrun --nproc-per-node 4 -m training.vae --out weights/vae --minutes 6

Imports torch, diffusers and this folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLLTXVideo
from torch import Tensor, nn

from training import world
from training.common import (
    Average,
    Clock,
    Gradients,
    Logbook,
    Team,
    assemble,
    compiled,
    load_weights,
    narrow,
    parser,
    save_weights,
    trapezoid,
    workers_for,
)
from training.data import Batch, Describer, film, sprites, stream
from training.models import SIDE, TAILS, build_tokenizer, build_vae, size_named
from training.optim import Both
from training.pictures import sheet


def reconstruction_loss(made: Tensor, real: Tensor, boxes: Tensor, box_weight: float = 4.0) -> Tensor:
    """How far two films [n, 3, frames, h, w] in -1..1 are apart; pixels in sprite boxes count `box_weight` times.

    Absolute and squared error, error of the differences along x, y and time, and error of a 4 x 4 average.
    """
    weight = 1 + (box_weight - 1) * boxes.float()
    weight = weight / weight.mean()
    off = made - real
    loss = (weight * off.abs()).mean() + 8.0 * (weight * off.square()).mean()
    steps = (off[..., 1:] - off[..., :-1]).abs(), (off[..., 1:, :] - off[..., :-1, :]).abs()
    loss = loss + 0.25 * (weight[..., 1:] * steps[0]).mean() + 0.25 * (weight[..., 1:, :] * steps[1]).mean()
    loss = loss + 0.25 * (weight[:, :, 1:] * (off[:, :, 1:] - off[:, :, :-1]).abs()).mean()
    return loss + 0.5 * F.avg_pool3d(off, (1, 4, 4)).abs().mean()


class Trip(nn.Module):
    """Film -> noisy latents -> film, and the prior's loss; what one training step differentiates."""

    def __init__(self, vae: AutoencoderKLLTXVideo, noise: float) -> None:
        super().__init__()
        self.vae, self.noise = vae, noise

    def forward(self, real: Tensor) -> tuple[Tensor, Tensor]:
        """[n, 3, frames, h, w] -> the same, and the divergence from a unit normal, by element."""
        moments = self.vae.encoder(real)
        mean, variance = moments.float().chunk(2, dim=1)
        variance = variance.clamp(-12.0, 2.0)
        prior = 0.5 * (mean.square() + variance.exp() - 1 - variance).mean()
        spread = mean.detach().std() * self.noise * torch.rand(len(mean), 1, 1, 1, 1, device=mean.device)
        latents = mean + torch.randn_like(mean) * (variance.exp() + spread.square()).sqrt()
        return self.vae.decoder(latents.to(real.dtype)).float(), prior


def decibels(made: Tensor, real: Tensor, where: Tensor | None = None) -> Tensor:
    """Peak signal to noise ratio of each film [n, 3, frames, h, w] in -1..1, in dB: [n]; NaN where nothing counts."""
    square = ((made.clamp(-1, 1) - real) / 2).square()
    if where is None:
        return -10 * square.mean(dim=(1, 2, 3, 4)).log10()
    inside = where.float().expand_as(square)
    return -10 * ((square * inside).sum(dim=(1, 2, 3, 4)) / inside.sum(dim=(1, 2, 3, 4))).log10()


def there_and_back(vae: AutoencoderKLLTXVideo, real: Tensor) -> Tensor:
    """Encode to the most likely latents and decode, in the network's own precision on the device."""
    with torch.no_grad(), torch.autocast(real.device.type, torch.bfloat16, enabled=real.is_cuda):
        return vae.decode(vae.encode(real).latent_dist.mode()).sample.float()


def measure(vae: AutoencoderKLLTXVideo, batch: Batch, team: Team, part: int = 16) -> dict[str, float]:
    """Mean dB over held-out clips: of whole pictures, in sprite boxes, and of a 5-frame tail coded 1, 2 and 4 times."""
    whole, boxed, tails = [], [], []
    films, boxes = film(batch, team.device), sprites(batch, team.device)
    for real, where in zip(films.split(part), boxes.split(part), strict=True):
        made = there_and_back(vae, real)
        whole.append(decibels(made, real))
        boxed.append(decibels(made, real, where))
        again, rounds = real[:, :, -TAILS[1] :], []
        for _ in range(4):
            again = there_and_back(vae, again).clamp(-1, 1)
            rounds.append(decibels(again, real[:, :, -TAILS[1] :]))
        tails.append(torch.stack(rounds, dim=1))
    facts = {"psnr": team.gather(torch.cat(whole)).mean(), "psnr_sprites": team.gather(torch.cat(boxed)).nanmean()}
    again = team.gather(torch.cat(tails)).mean(dim=0)
    return {name: float(value) for name, value in facts.items()} | {
        f"psnr_tail_{count}": float(again[count - 1]) for count in (1, 2, 4)
    }


@torch.no_grad()
def measure_latents(vae: AutoencoderKLLTXVideo, batches: list[Batch], team: Team) -> dict[str, float]:
    """Set the latents' mean and deviation by channel, which the pipeline normalises with, from these clips."""
    found = []
    for batch in batches:
        for real in film(batch, team.device).split(16):
            with torch.autocast(real.device.type, torch.bfloat16, enabled=real.is_cuda):
                found.append(vae.encode(real).latent_dist.mode().float())
    latents = torch.cat(found)
    mean = team.average(latents.mean(dim=(0, 2, 3, 4)))
    square = team.average((latents - mean.view(1, -1, 1, 1, 1)).square().mean(dim=(0, 2, 3, 4)))
    vae.latents_mean.copy_(mean)
    vae.latents_std.copy_(square.sqrt().clamp(min=1e-3))
    return {"latents_std_least": float(square.sqrt().min()), "latents_std_most": float(square.sqrt().max())}


def is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether Muon takes it: kernels of convolutions between features, not those from or to pixels and latents."""
    return parameter.ndim == 5 and not name.endswith(("encoder.conv_in.conv.weight", "conv_out.conv.weight"))


def show(vae: AutoencoderKLLTXVideo, batch: Batch, team: Team, path: Path, rows: int = 6) -> None:
    """A WebP sheet: each film above its reconstruction, every third frame."""
    real = film(batch, team.device)[:rows]
    pairs = torch.stack([real, there_and_back(vae, real)], dim=1).flatten(0, 1)
    sheet(pairs[:, :, ::3], path)


def footage(source: Iterator[Batch], team: Team, count: int, frames: int, side: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless (films, sprite boxes) of `count` clips, drawn a whole batch of the source at a time.

    Each clip comes twice, the second time mirrored and in other company, as drawing takes as long as learning.
    """
    for batch in source:
        films, boxes = film(batch, team.device, frames, side), sprites(batch, team.device, frames, side)
        yield from zip(films.split(count), boxes.split(count), strict=True)
        order = torch.randperm(len(films), device=films.device)
        for part in order.split(count):
            shape = films[part].flip(4).contiguous(memory_format=torch.channels_last_3d)
            yield shape, boxes[part].flip(4).contiguous()


def start(o: argparse.Namespace, team: Team) -> tuple[AutoencoderKLLTXVideo, Average]:
    """The network that learns, the same on all processes, and its moving average."""
    size = size_named(o.size)
    vae, copy = (build_vae(size).to(team.device, memory_format=torch.channels_last_3d) for _ in range(2))
    if o.resume:
        load_weights(vae, o.resume)
    team.align(vae)
    return vae, Average(vae, copy, 0.998)


def train(o: argparse.Namespace) -> dict[str, float]:
    """Run to the end of the time; returns the last figures."""
    team = assemble(o.seed, tune=True)
    tiny = o.size == "tiny"
    clock = Clock(team, o.minutes, reserve=0 if tiny else 25)
    log = Logbook(team, o.out, "vae", clock)
    vae, smooth = start(o, team)
    gradients = Gradients(team, vae.parameters())
    optimizer = Both(vae.named_parameters(), is_matrix, muon=o.rate, adam=o.rate)
    forward, loss_of = (compiled(part, team, o.no_compile) for part in (Trip(vae, o.noise), reconstruction_loss))
    describer = Describer(build_tokenizer(world.words()), size_named(o.size).tokens)
    many = 1 if tiny else max(1, 64 // o.batch)  # drawing many clips at once takes little longer than a few
    source = stream(describer, "train", many * o.batch, o.seed, team.rank, workers_for(o.workers, team))
    reel = footage(source, team, o.batch, *((9, 32) if tiny else (o.frames, SIDE)))
    step, saved = 0, 0.0
    while clock.tick() and step < o.steps:
        real, boxes = next(reel)
        gradients.clear()
        with torch.autocast(team.device.type, torch.bfloat16, enabled=real.is_cuda):
            made, prior = forward(real)
        loss = loss_of(made, real, boxes) + o.prior * prior
        loss.backward()
        norm = gradients.gather()
        share = trapezoid(clock.fraction, step, 50, o.decay)
        optimizer.step(share)
        smooth.update()
        step += 1
        if log.due():
            facts = {"loss": loss, "prior": prior, "norm": norm, "psnr": decibels(made.detach(), real).mean()}
            log.note(step=step, share=share, **facts)
        if team.leads and clock.seconds - saved > 55:
            saved = clock.seconds
            save_weights(smooth.copy, o.out / "vae.safetensors", pack=True)
    held = next(stream(describer, "held-out", 4 if tiny else 32, 1, team.rank, 0, stories=0.0))
    return finish(smooth.copy, [next(source) for _ in range(1 if tiny else 4)], held, log, step, o.out)


def finish(
    vae: AutoencoderKLLTXVideo, seen: list[Batch], held: Batch, log: Logbook, step: int, out: Path
) -> dict[str, float]:
    """Normalise, save, measure and show the averaged network as the file has it."""
    team = log.team
    narrow(vae)
    facts = measure_latents(vae, seen, team)
    if team.leads:
        save_weights(vae, out / "vae.safetensors", pack=True)
    facts |= measure(vae, held, team)
    log.note(step=step, done=True, **facts)
    if team.leads:
        show(vae, held, team, out / "vae.webp", rows=8)
    team.close()
    return facts


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """The command."""
    options = parser(__doc__ or "", minutes=6)
    options.add_argument("--batch", type=int, default=16, help="clips of each rank")
    options.add_argument("--frames", type=int, default=33)
    options.add_argument("--rate", type=float, default=2e-3, help="peak learning rate of Muon and of AdamW")
    options.add_argument("--decay", type=float, default=0.5, help="share of the time in which the rate falls to zero")
    options.add_argument("--prior", type=float, default=2e-5)
    options.add_argument("--noise", type=float, default=0.05, help="most noise on latents, in deviations")
    options.add_argument("--resume", type=Path, help="a vae.safetensors to go on from")
    return train(options.parse_args(arguments))


if __name__ == "__main__":
    main()
