"""Measures a trained model against the known world: weights -> figures.json and a contact sheet.

    torchrun --nproc-per-node 4 -m training.evaluate --vae weights/vae/vae.safetensors --model weights/few \\
        --judge weights/classifier/classifier.safetensors --out weights/figures

The judge is measured on real held-out clips first, and adherence is a share of what it finds in true clips of the
same captions. Imports torch and this folder.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training import world
from training.classifier import accuracy, build_judge
from training.common import Team, assemble, load_weights, parser
from training.data import FIELDS, UNKNOWN, Describer, film
from training.dit import load, load_words
from training.flow import Given, Guide, decode, describe, encode, sample, shifted
from training.measures import LOOKS, seam_ratio
from training.models import FRAMES, SIDE, TAILS, build_text, build_tokenizer, build_transformer, build_vae, size_named
from training.pictures import sheet

TAIL = TAILS[1]
SHOWN = 48
"""Films on the contact sheet: the first ones, not chosen."""
JUDGED = ("subject", "place", "action")


class Studio:
    """A model and its judge, ready to shoot captions on one device."""

    def __init__(self, o: argparse.Namespace, team: Team) -> None:
        size = size_named(o.size)
        self.team, self.side = team, 32 if o.size == "tiny" else SIDE
        self.frames = 17 if o.size == "tiny" else FRAMES
        self.describer = Describer(build_tokenizer(load_words(o.model)), size.tokens)
        self.vae = build_vae(size)
        load_weights(self.vae, o.vae)
        self.transformer, self.text = build_transformer(size), build_text(size, len(self.describer.tokenizer))
        load(self.transformer, self.text, o.model)
        self.judge = build_judge(o.size)
        load_weights(self.judge, o.judge)
        for part in (self.vae, self.transformer, self.text, self.judge):
            part.to(team.device).eval().requires_grad_(False)
        recipe = o.model / "sampling.json"
        few = json.loads(recipe.read_text())["levels"] if recipe.exists() and not o.many else None
        self.levels, self.scale = (few, 1.0) if few else (shifted(o.many or 20, o.shift), o.guidance)
        self.shape = ((self.frames - 1) // 4 + 1, (self.side // 16) ** 2, size.latents)
        self.dice = torch.Generator().manual_seed(1234 + team.rank)

    @torch.no_grad()
    def shoot(self, captions: Sequence[str], tail: Tensor | None = None, head: Tensor | None = None) -> Tensor:
        """Films [n, 3, frames, h, w] of captions; tails and heads are films too."""
        device, made = self.team.device, []
        ids = self.describer.ids(captions).to(device)
        said, unsaid = describe(self.text, ids), describe(self.text, self.describer.ids([""] * len(ids)).to(device))
        tokens = [None if part is None else encode(self.vae, part, self._noise) for part in (tail, head)]
        noise = self._noise((len(ids), *self.shape))
        for n in range(0, len(ids), 64):
            own = slice(n, n + 64)
            guide = Guide((said[0][own], said[1][own]), (unsaid[0][own], unsaid[1][own]), self.scale)
            given = Given(*(None if part is None else part[own] for part in tokens))
            made.append(decode(self.vae, sample(self.transformer, guide, noise[own], self.levels, given)))
        return torch.cat(made)

    def _noise(self, shape: Sequence[int]) -> Tensor:
        return torch.randn(*shape, generator=self.dice).to(self.team.device)

    def true(self, clips: Sequence[world.Clip]) -> Tensor:
        """The films that the world has for these clips."""
        return film(self.describer.batch(clips), self.team.device, self.frames, self.side)

    def right(self, films: Tensor, clips: Sequence[world.Clip]) -> Tensor:
        """bool [n, FIELDS]: where the judge sees what the captions ask for; unknown labels count as wrong."""
        labels = self.describer.batch(clips).labels.to(self.team.device)
        return (self.judge.judge(films) == labels) & labels.ne(UNKNOWN)

    def both_there(self, films: Tensor, clips: Sequence[world.Clip]) -> Tensor:
        """bool [n]: where the judge sees the two subjects that captions name, whichever it takes for the first."""
        labels = self.describer.batch(clips).labels.to(self.team.device)
        return (pair(self.judge.judge(films)) == pair(labels)).all(dim=1)


def pair(labels: Tensor) -> Tensor:
    """int64 [n, 2]: the subjects that labels [n, FIELDS] name, in the order of the list."""
    first, second = (labels[:, FIELDS.index(field)] for field in ("subject", "second"))
    return torch.stack([first, second - 1], dim=1).sort(dim=1).values  # the list of companions begins with none


def held_out(rng: np.random.Generator, count: int, fresh: bool, pairs: bool = False) -> list[world.Clip]:
    """Held-out clips: fresh ones, or those that go on after TAIL frames; with `pairs` only those of two subjects."""
    clips: list[world.Clip] = []
    for _ in range(1000 * count):
        if len(clips) == count:
            break
        clip = world.sample(rng, split="held-out")
        if clip.kept == (0 if fresh else TAIL) and (not pairs or clip.labels["second"]):
            clips.append(clip)
    return clips


def even(count: int, team: Team) -> int:
    """`count`, raised so that each process gets as many, in pairs too, and at least two."""
    return max(1, -(-count // (2 * team.size))) * 2 * team.size


def adherence(studio: Studio, count: int, out: Path) -> dict[str, float]:
    """What the judge finds of captions of held-out pairs, in generated films as a share of in true ones; the sheet."""
    team, rng = studio.team, np.random.default_rng(7)
    drawn = held_out(rng, count, fresh=True)
    clips = drawn[team.rank :: team.size]
    both = held_out(rng, count // 2, fresh=True, pairs=True)[team.rank :: team.size]
    films = studio.shoot([clip.caption for clip in clips])
    made, true = (team.gather(studio.right(f, clips)).float().mean(0) for f in (films, studio.true(clips)))
    facts = {f"{field}_true": float(true[i]) for i, field in enumerate(FIELDS)}
    facts |= {f"{field}_made": float(made[i]) for i, field in enumerate(FIELDS)}
    facts |= {f"{field}_share": float(made[i] / true[i].clamp(min=1e-3)) for i, field in enumerate(FIELDS)}
    for name, shot in (("made", studio.shoot([clip.caption for clip in both])), ("true", studio.true(both))):
        facts[f"both_subjects_{name}"] = float(team.gather(studio.both_there(shot, both)).float().mean())
    facts["both_subjects_share"] = facts["both_subjects_made"] / max(facts["both_subjects_true"], 1e-3)
    each = min(len(clips), -(-SHOWN // team.size))
    few = team.gather(films[:each, :, :: max(1, (studio.frames - 1) // 3)])
    if team.leads:
        captions = [clip.caption for rank in range(team.size) for clip in drawn[rank :: team.size][:each]]
        sheet(few[:SHOWN], out / "sheet.webp", captions[:SHOWN], columns=3)
    return facts


def seams(studio: Studio, count: int) -> dict[str, float]:
    """Median seam ratios where generated films are continued, where they are not, and where they lead into a head."""
    team, rng = studio.team, np.random.default_rng(8)
    stories = [world.sample_story(rng, 2) for _ in range(count)][team.rank :: team.size]
    first = studio.shoot([story[0].caption for story in stories])
    captions = [story[1].caption for story in stories]
    joined, apart = studio.shoot(captions, tail=first[:, :, -TAIL:]), studio.shoot(captions)
    clips = held_out(rng, count, fresh=False)[team.rank :: team.size]
    real = studio.true(clips)
    led = studio.shoot([clip.caption for clip in clips], tail=real[:, :, :TAIL], head=real[:, :, -TAIL:])
    turning = [world.sample_led(rng) for _ in range(count)][team.rank :: team.size]
    other = studio.true(turning)
    turned = studio.shoot([clip.caption for clip in turning], tail=other[:, :, :TAIL], head=other[:, :, -TAIL:])
    coded = decode(studio.vae, encode(studio.vae, real))
    ratios = {
        "seam": seam_ratio(first, joined[:, :, TAIL:]),
        "seam_without": seam_ratio(first, apart),
        "seam_head": seam_ratio(led[:, :, TAIL:-TAIL], real[:, :, -TAIL:]),
        "seam_head_other": seam_ratio(turned[:, :, TAIL:-TAIL], other[:, :, -TAIL:]),
        "seam_true": seam_ratio(real[:, :, :TAIL], real[:, :, TAIL:]),
        "seam_autoencoder": seam_ratio(real[:, :, :TAIL], coded[:, :, TAIL:]),
    }
    facts = {name: float(team.gather(ratio).median()) for name, ratio in ratios.items()}
    return facts | {"seam_share_of_without": facts["seam"] / facts["seam_without"]}


def chain(studio: Studio, stories: list[list[world.Clip]]) -> tuple[dict[str, Tensor], Tensor]:
    """Shoot stories shot by shot on generated tails: figures [stories, shots] of each, made and true; the films."""
    found: dict[str, list[Tensor]] = {name: [] for name in (*JUDGED, *LOOKS, *(f"{name}_true" for name in LOOKS))}
    films, tail = [], None
    for clips in zip(*stories, strict=True):
        made = studio.shoot([clip.caption for clip in clips], tail=tail)
        true, right = studio.true(clips), studio.right(made, clips)
        for field in JUDGED:
            found[field].append(right[:, FIELDS.index(field)].float())
        for name, look in LOOKS.items():
            found[name].append(look(made[:, :, TAIL:]))
            found[f"{name}_true"].append(look(true[:, :, TAIL:]))
        tail = made[:, :, -TAIL:]
        films.append(made)
    return {name: studio.team.gather(torch.stack(rows, dim=1)) for name, rows in found.items()}, torch.stack(films, 1)


def chains(studio: Studio, count: int, shots: int, out: Path) -> dict[str, float]:
    """Drift over chains: of adherence between the first and last third, of looks against the first shot.

    In stories the picture changes as told, so looks are shares of the true films'; a steady chain asks for one
    caption again and again, and its looks are compared as they are.
    """
    team, rng, third, facts = studio.team, np.random.default_rng(9), max(1, shots // 3), {}
    stories = [world.sample_story(rng, shots) for _ in range(count)][team.rank :: team.size]
    told, films = chain(studio, stories)
    for field in JUDGED:
        facts[f"chain_{field}_first"] = float(told[field][:, :third].mean())
        facts[f"chain_{field}_last"] = float(told[field][:, -third:].mean())
    for name in LOOKS:
        share = told[name] / told[f"{name}_true"].clamp(min=1e-3)
        facts[f"chain_{name}"] = float(share[:, -third:].median() / share[:, :1].median())
    steady, same = chain(studio, [[clip] * shots for clip in held_out(rng, count, fresh=True)[team.rank :: team.size]])
    for name in LOOKS:
        facts[f"steady_{name}"] = float((steady[name][:, -third:].mean(dim=1) / steady[name][:, 0]).median())
    if team.leads:
        few = torch.cat([films[:4], same[:2]])[:, :, :, :: (studio.frames - 1) // 2].transpose(1, 2).flatten(2, 3)
        sheet(few, out / "chains.webp")
    return facts


def run(o: argparse.Namespace) -> dict[str, float]:
    """All figures, written to figures.json as they come."""
    team = assemble(o.seed, eager=True)
    studio = Studio(o, team)
    o.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([6, team.rank])
    real = studio.describer.batch([world.sample(rng, split="held-out") for _ in range(o.count)])
    facts: dict[str, float] = {"steps": len(studio.levels), "guidance": studio.scale}
    found = accuracy(studio.judge, real, team, studio.side, studio.frames)
    facts |= {f"judge_{field}": value for field, value in found.items()}
    parts = (
        lambda: adherence(studio, even(o.count, team), o.out),
        lambda: seams(studio, even(o.count // 2, team)),
        lambda: chains(studio, even(o.count // 12, team), o.shots, o.out),
    )
    for part in parts:
        facts |= part()
        if team.leads:
            print("[evaluate] " + " ".join(f"{name}={value:.3f}" for name, value in facts.items()), flush=True)
            rounded = {name: round(value, 4) for name, value in facts.items()}
            (o.out / "figures.json").write_text(json.dumps(rounded, indent=1) + "\n")
    team.close()
    return facts


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """The command."""
    options = parser(__doc__ or "", minutes=3)
    options.add_argument("--vae", type=Path, required=True, help="vae.safetensors of training.vae")
    options.add_argument("--model", type=Path, required=True, help="folder of training.dit or training.distill")
    options.add_argument("--judge", type=Path, required=True, help="classifier.safetensors of training.classifier")
    options.add_argument("--count", type=int, default=240, help="captions")
    options.add_argument("--shots", type=int, default=12, help="of a chain")
    options.add_argument("--many", type=int, default=0, help="guided steps; 0: as sampling.json says, or 20")
    options.add_argument("--shift", type=float, default=2.0)
    options.add_argument("--guidance", type=float, default=3.0)
    return run(options.parse_args(arguments))


if __name__ == "__main__":
    main()
