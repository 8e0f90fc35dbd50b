"""Seconds of the engine `pyramid`: its loop against a plain one, and whole shots at full size on a GPU.

    python -m benchmarks pyramid              a small random transformer on the CPU, against the plain loop
    python -m benchmarks.pyramid              models of the published sizes: a chain of three shots, seconds and memory
    python -m benchmarks.pyramid --small      the same with tiny ones, anywhere: shows that it runs, measures nothing

What weights are makes no difference to the time, so they are drawn by lot.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Comparison, in_turns, machine, seconds_of
from benchmarks.pyramid_models import FULL, TINY, Scale, save_model
from benchmarks.pyramid_plain import forgetting, plain

if TYPE_CHECKING:
    import torch

    from storyboard.engines.base import Engine
    from storyboard.engines.pyramid.parts import Texts, Transformer

KINDS = ("flux", "mmdit")
CHANNELS = 16
POOLED = 32
WIDTH = 64
TOKENS = 128
"""Of a text, with its padding."""
THERE = (40, 24)
"""Tokens without it, of the negative prompt and of the prompt."""
TAIL = 9
PROMPT = "An astronaut is walking through a red desert at dusk."
NEGATIVE = "blurry, low quality, worst quality, low res"
"""Short: readers whose weights are drawn by lot know letters only, and read 128 of them."""
PUBLISHED = "5.5 minutes for 5 s at 768p on one A100, as the makers say"


# The loop


class Generating:
    """A random transformer, and what it shall draw."""

    def __init__(self, kind: str, *, small: bool) -> None:
        import torch

        from storyboard.engines.pyramid.loop import Recipe, draw_noise

        self.units, self.size = (2, (8, 16)) if small else (5, (16, 32))
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.transformer = transformer_of(kind, layers=1 if small else 2)
            self.texts = texts()
        self.recipe = Recipe((1, 1, 2), (1, 1, 2), 7.0, 5.0) if small else Recipe((2, 2, 2), (2, 2, 2), 7.0, 5.0)
        self.noises = list(draw_noise(torch.Generator().manual_seed(0), (CHANNELS, *self.size), self.units))

    def engine(self) -> torch.Tensor:
        """The latents, as the engine makes them."""
        from storyboard.engines.pyramid.loop import generate
        from storyboard.engines.pyramid.parts import Texts

        anew = Texts(self.texts.states, self.texts.mask, self.texts.pooled)
        return generate(self.transformer, anew, self.noises, self.recipe, report=lambda step, x: None)

    def plain(self) -> torch.Tensor:
        """By the plain loop."""
        with plain():
            return self.engine()

    def forgetting(self) -> torch.Tensor:
        """As the engine does it, but that nothing is kept."""
        with forgetting():
            return self.engine()


def transformer_of(kind: str, layers: int) -> Transformer:
    """A transformer with few blocks of a seventh of the published width."""
    from storyboard.engines.pyramid.flux import PyramidFluxTransformer
    from storyboard.engines.pyramid.mmdit import PyramidDiffusionMMDiT

    said = {"num_attention_heads": 4, "joint_attention_dim": WIDTH, "pooled_projection_dim": POOLED}
    made: Any
    if kind == "flux":
        made = PyramidFluxTransformer(4 * CHANNELS, num_layers=layers, num_single_layers=2 * layers, **said)
    else:
        made = PyramidDiffusionMMDiT(in_channels=CHANNELS, num_layers=2 * layers, **said)
    transformer: Transformer = made.eval()
    return transformer


def texts() -> Texts:
    """Two prompts as an encoder might read them."""
    import torch

    from storyboard.engines.pyramid.parts import Texts

    mask = torch.arange(TOKENS)[None] < torch.tensor(THERE)[:, None]
    return Texts(torch.randn(2, TOKENS, WIDTH), mask.long(), torch.randn(2, POOLED))


def compare(folder: Path, rounds: int, *, small: bool) -> Iterator[Comparison]:
    """The plain loop, and the engine's own that keeps nothing, each against the engine's own, in turns."""
    for kind in KINDS:
        shot = Generating(kind, small=small)
        height, width = (8 * side for side in shot.size)
        difference = (shot.plain() - shot.engine()).abs().max().item()
        facts: dict[str, str | int] = {
            "latents": shot.units,
            "pixels": f"{width}x{height}",
            "steps": shot.recipe.count(shot.units),
            "largest difference": f"{difference:.1e}",
            "torch": version("torch"),
        }
        ours = f"`pyramid`, {kind}, {shot.units} latents"
        for name, other in (
            ("a plain loop with a dense mask", shot.plain),
            ("the same, nothing kept between steps", shot.forgetting),
        ):
            over, under = in_turns({name: other, ours: shot.engine}, rounds)
            yield Comparison(f"pyramid: {kind}, {name}", over, under, None, facts)


# Whole shots


@dataclass(frozen=True, slots=True)
class Chain:
    """What a chain of shots took, each of which continues the one before."""

    kind: str
    resolution: str
    size: str
    film_seconds: float
    """Of each shot."""
    offload: str
    tiling: bool
    plain: bool
    """By the plain loop."""
    opening: float
    """Seconds until the engine is loaded."""
    reading: float
    """Seconds until the texts are read."""
    shots: tuple[float, ...]
    """Seconds of each shot, pictures and all."""
    pictures: tuple[float, ...]
    """Of those, seconds of making pictures of latents."""
    gigabytes: float | None
    """The most that was on the GPU at any time; None on a CPU."""

    @property
    def case(self) -> tuple[object, ...]:
        return self.kind, self.resolution, self.film_seconds, self.offload, self.tiling, self.plain

    @property
    def how(self) -> str:
        return ", ".join(
            [self.offload, *(["in tiles"] if self.tiling else []), *(["plain loop"] if self.plain else [])]
        )


def shoot_chain(
    model: Path, kind: str, resolution: str, asked: argparse.Namespace, offload: str, seconds: int
) -> Chain:
    """Open the engine, read the texts, and shoot."""
    import torch

    from storyboard.engines.pyramid.engine import SPEC
    from storyboard.engines.pyramid.options import PyramidOptions

    size = {"width": 128, "height": 64} if asked.small else {}
    few = {"steps": (1, 1, 1), "video_steps": (1, 1, 1)} if asked.small else {}
    said: dict[str, Any] = {"resolution": resolution, "offload": offload, "device": asked.device, **size, **few}
    options = PyramidOptions(model=str(model), vae={"tiling": asked.tiling}, usual_negative=NEGATIVE, **said)
    is_cuda = asked.device.startswith("cuda")
    if is_cuda:
        torch.cuda.reset_peak_memory_stats(asked.device)
    opened: list[Any] = []
    opening = seconds_of(lambda: opened.append(SPEC.open(options)))
    engine = opened[0]
    reading = seconds_of(lambda: engine.prepare([PROMPT], lambda step, steps: None))
    width, height = (size["width"], size["height"]) if size else SPEC.capabilities(options).default_size
    frames = 17 if asked.small else 24 * seconds + 1
    with plain() if asked.plain else nullcontext():
        found = list(_shots(engine, options, (width, height), frames, asked.shots))
    engine.close()
    return Chain(
        kind=kind,
        resolution=resolution,
        size=f"{width}x{height}",
        film_seconds=round(frames / 24, 2),
        offload=offload,
        tiling=asked.tiling,
        plain=asked.plain,
        opening=round(opening, 2),
        reading=round(reading, 2),
        shots=tuple(round(whole, 2) for whole, _ in found),
        pictures=tuple(round(pictures, 2) for _, pictures in found),
        gigabytes=round(torch.cuda.max_memory_allocated(asked.device) / 1e9, 2) if is_cuda else None,
    )


def _shots(
    engine: Engine, options: Any, size: tuple[int, int], frames: int, count: int
) -> Iterator[tuple[float, float]]:
    """Seconds of each shot, and of those for pictures."""
    from storyboard.engines.base import Assignment
    from storyboard.timing import Rate

    tail = None
    for number in range(1, count + 1):
        told: list[float] = []
        rate = Rate(Fraction(24))
        assignment = Assignment(f"a/{number}", PROMPT, "", number, *size, rate, frames, options, tail=tail)
        begun = time.perf_counter()
        footage = engine.shoot(assignment, lambda step, steps, told=told: told.append(time.perf_counter()))  # type: ignore[misc]
        ended = time.perf_counter()
        tail = footage.frames[-TAIL:]
        yield ended - begun, ended - told[-2]  # the last that is told are the pictures themselves


def table(chains: Sequence[Chain]) -> Iterator[str]:
    """Markdown."""
    yield "| transformer | size | a shot | offload | seconds of each shot | of that for pictures | peak memory |"
    yield "|---|---|---:|---|---|---|---:|"
    for each in chains:
        shots, pictures = (", ".join(f"{some:.1f}" for some in found) for found in (each.shots, each.pictures))
        memory = "" if each.gigabytes is None else f"{each.gigabytes:.1f} GB"
        cells = (each.kind, each.size, f"{each.film_seconds:g} s", each.how, shots, pictures, memory)
        yield f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Chains that were measured before stay in the files until they are measured again."""
    asked = parsed(arguments)
    scale: Scale = TINY if asked.small else FULL
    known = asked.out / "pyramid.json"
    before = json.loads(known.read_text(encoding="utf-8"))["chains"] if known.exists() else []
    chains = {each.case: each for each in (Chain(**row) for row in before)}
    with tempfile.TemporaryDirectory(prefix="storyboard-bench-", dir=asked.models) as folder:
        for kind in asked.kinds:
            for resolution in asked.resolutions:
                model = Path(folder) / f"{kind}-{resolution}"
                save_model(model, kind, resolution, scale, asked.device)
                for seconds, offload in ((s, o) for s in asked.seconds for o in asked.offload):
                    print(f"measuring: {kind}, {resolution}, {seconds} s, {offload}", file=sys.stderr, flush=True)
                    chain = shoot_chain(model, kind, resolution, asked, offload, seconds)
                    chains[chain.case] = chain
                    _write(asked.out, list(chains.values()), asked.device)
    print((asked.out / "pyramid.md").read_text(encoding="utf-8"), end="")
    return 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pyramid", description=__doc__.partition("\n")[0])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["flux"])
    parser.add_argument("--resolutions", nargs="+", choices=["384p", "768p"], default=["384p", "768p"])
    parser.add_argument(
        "--seconds", nargs="+", type=int, choices=[5, 10], default=[5], help="of a shot; 10 at 768p only"
    )
    parser.add_argument("--offload", nargs="+", choices=["none", "model", "group", "sequential"], default=["none"])
    parser.add_argument("--tiling", action="store_true", help="make pictures in tiles")
    parser.add_argument("--plain", action="store_true", help="by a plain loop with a dense mask")
    parser.add_argument("--shots", type=int, default=3, metavar="N", help="of a chain, 3 where left out")
    parser.add_argument("--device", default="cuda", metavar="NAME", help="cuda where left out")
    parser.add_argument("--models", type=Path, metavar="DIR", help="where models of 15 GB may be for a while")
    parser.add_argument("--small", action="store_true", help="tiny models and pictures: shows that it runs")
    here = Path(__file__).parent
    parser.add_argument("--out", type=Path, default=here, metavar="DIR", help="folder of pyramid.json and pyramid.md")
    asked = parser.parse_args(arguments)
    if 10 in asked.seconds and "384p" in asked.resolutions:
        parser.error("10 s are shot at 768p only; set `--resolutions 768p`")
    return asked


def _write(out: Path, chains: list[Chain], device: str) -> None:
    import torch

    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    facts = machine() | {"device": name, "torch": version("torch"), "diffusers": version("diffusers")}
    out.mkdir(parents=True, exist_ok=True)
    record = {"machine": facts, "chains": [asdict(each) for each in chains]}
    (out / "pyramid.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    measured = ", ".join(f"{name} {fact}" for name, fact in facts.items())
    text = "\n".join([*table(chains), "", f"Published: {PUBLISHED}.", "", f"Measured on: {measured}"])
    (out / "pyramid.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
