"""The skies: a panorama for each kind, time of day and variant. Imports canvas and places."""

from __future__ import annotations

from random import Random

from training.world.canvas import HEIGHT, WIDTH, Canvas

SKIES: tuple[str, ...] = ("earth", "mars", "black", "water", "none")
VARIANTS = 4

_SLOPES: dict[tuple[str, str], tuple[str, str]] = {
    ("earth", "day"): ("#4f9fe8", "#d8effc"),
    ("earth", "sunset"): ("#6b4f9a", "#ffb765"),
    ("earth", "night"): ("#0a1030", "#2a3a78"),
    ("mars", "day"): ("#d98a58", "#f6cf9e"),
    ("mars", "sunset"): ("#8a4a4a", "#f0a070"),
    ("mars", "night"): ("#150c14", "#4a2a28"),
    ("black", "day"): ("#05060d", "#101426"),
    ("black", "sunset"): ("#05060d", "#101426"),
    ("black", "night"): ("#05060d", "#101426"),
    ("water", "day"): ("#35c3d8", "#0b4a8f"),
    ("water", "sunset"): ("#3aa3b8", "#0d3a70"),
    ("water", "night"): ("#0f4a78", "#051838"),
    ("none", "day"): ("#e8e0d0", "#e8e0d0"),
    ("none", "sunset"): ("#e8e0d0", "#e8e0d0"),
    ("none", "night"): ("#e8e0d0", "#e8e0d0"),
}
"""Colours at the top and at two thirds of the height."""


def paint_sky(kind: str, time: str, variant: int) -> Canvas:
    """One panorama of a sky, opaque."""
    rng = Random(f"{kind} {time} {variant}")
    canvas = Canvas()
    canvas.box(0, 0, WIDTH, HEIGHT, "#000000")
    canvas.slope(*_SLOPES[kind, time], 0, HEIGHT * (1.0 if kind == "water" else 0.72))
    if kind == "water":
        _rays(rng, canvas, time)
    elif kind == "black" or (time == "night" and kind != "none"):
        _stars(rng, canvas, 170 if kind == "black" else 90)
        if kind == "earth":
            canvas.oval(rng.uniform(60, 120), 26, 10, 10, "#f4f1d8")
            canvas.oval(rng.uniform(300, 420), 30, 10, 10, "#f4f1d8")
    elif kind == "earth":
        if time == "sunset":
            for x in (rng.uniform(60, 140), rng.uniform(310, 400)):
                canvas.oval(x, 66, 15, 15, "#ffe28a")
            canvas.blur(1.2)
        _clouds(rng, canvas, ("#ffffff", "#eef6fd") if time == "day" else ("#f5a07a", "#d97f86"))
    elif kind == "mars":
        canvas.oval(rng.uniform(90, 160), 28, 7, 7, "#fff3dc")
        canvas.oval(rng.uniform(330, 420), 22, 5, 5, "#fff3dc")
    return canvas


def _stars(rng: Random, canvas: Canvas, count: int) -> None:
    for _ in range(count):
        radius = rng.choice((0.6, 0.8, 1.1))
        canvas.oval(
            rng.random() * WIDTH,
            rng.random() ** 1.2 * 96,
            radius,
            radius,
            rng.choice(("#ffffff", "#cfd8ff", "#fff3c8")),
        )


def _clouds(rng: Random, canvas: Canvas, colours: tuple[str, str]) -> None:
    for _ in range(9):
        x, y, size = rng.random() * WIDTH, rng.uniform(8, 46), rng.uniform(6, 12)
        for _ in range(6):
            canvas.oval(
                x + rng.uniform(-2, 2) * size,
                y + rng.uniform(-0.2, 0.3) * size,
                size * rng.uniform(0.8, 1.5),
                size * rng.uniform(0.35, 0.6),
                colours[rng.random() < 0.3],
            )
    canvas.blur(1.4)


def _rays(rng: Random, canvas: Canvas, time: str) -> None:
    rays = Canvas()
    for _ in range(9):
        x, width, lean = rng.random() * WIDTH, rng.uniform(8, 24), rng.uniform(-26, -10)
        shade = "#ffffff2c" if time == "day" else "#ffffff16"
        rays.polygon([(x, -4), (x + width, -4), (x + width * 1.5 + lean, 110), (x + lean, 110)], shade)
    rays.blur(3)
    canvas.picture.alpha_composite(rays.picture)
