"""The land of each place: a far layer and a near one, which pass the camera at different speeds.

Imports canvas, shapes and places. Coordinates are pixels of a 512 x 128 panorama.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

from training.world.canvas import HEIGHT, WIDTH, Canvas
from training.world.shapes import (
    bricks,
    bush,
    coral,
    crater,
    dots,
    fir,
    house,
    leafy,
    palm,
    peak,
    skyscraper,
    tufts,
    waves,
)

Painter = Callable[[Random, Canvas, Canvas], None]


def paint_land(place: str, variant: int) -> tuple[Canvas, Canvas]:
    """Far and near layer of a place."""
    far, near = Canvas(), Canvas()
    PAINTERS[place](Random(f"{place} {variant}"), far, near)
    return far, near


def _spread(rng: Random, count: int, jitter: float = 0.35) -> list[float]:
    """Places along the panorama, evenly but not quite."""
    step = WIDTH / count
    return [(index + 0.5 + rng.uniform(-jitter, jitter)) * step for index in range(count)]


def _sea(rng: Random, far: Canvas, near: Canvas, top: float) -> None:
    near.box(0, top, WIDTH, HEIGHT, "#2f7fc4")
    near.slope("#4aa5dc", "#15509a", top, HEIGHT)
    waves(rng, near, top + 3, "#7cc4ea")


def _san_francisco(rng: Random, far: Canvas, near: Canvas) -> None:
    far.ridge(rng, 72, 10, "#7f9a78")
    far.ridge(rng, 80, 5, "#648a63", (3, 4, 7))
    for x in (48.0, 176.0, 304.0, 432.0):
        left, right = x - 64, x + 64
        for sign in (-1, 1):
            cable = [(x + sign * step * 8.0, 30 + 36 * (1 - (1 - step / 8) ** 2)) for step in range(9)]
            far.line(cable, "#c8452f", 1.6)
            for px, py in cable[1:-1]:
                far.line([(px, py), (px, 70)], "#d0604a", 0.6)
        far.box(left, 68, right, 73, "#c8452f")
        for leg in (-5.0, 3.0):
            far.box(x + leg, 22, x + leg + 3, 94, "#b83a26")
        for y in (26, 42, 56):
            far.box(x - 5, y, x + 6, y + 3, "#b83a26")
    _sea(rng, far, near, 84)


def _ocean(rng: Random, far: Canvas, near: Canvas) -> None:
    far.box(0, 76, WIDTH, HEIGHT, "#3f8fc8")
    if rng.random() < 0.6:
        x = rng.uniform(100, 400)
        far.polygon([(x - 34, 77), (x - 12, 68), (x + 6, 71), (x + 30, 77)], "#6f9a6a")
        palm(far, x, 70, 14)
    _sea(rng, far, near, 82)


def _harbour(rng: Random, far: Canvas, near: Canvas) -> None:
    far.box(0, 74, WIDTH, HEIGHT, "#8f8a86")
    for x in _spread(rng, 13):
        house(rng, far, x, 76, rng.uniform(24, 32), rng.uniform(18, 30))
    for x in _spread(rng, 5):
        far.box(x - 1, 40, x + 1, 92, "#5c4433")
        far.polygon([(x + 2, 46), (x + 16, 74), (x + 2, 74)], "#f4efe2")
        far.polygon(
            [(x - 14, 78), (x + 18, 78), (x + 12, 88), (x - 8, 88)], rng.choice(("#b8463a", "#3a6ab0", "#e0b040"))
        )
    far.box(0, 84, WIDTH, 90, "#77706a")
    _sea(rng, far, near, 88)


def _under(rng: Random, far: Canvas, near: Canvas) -> None:
    far.ridge(rng, 112, 8, "#1a5f8e", (3, 4, 6))
    near.ridge(rng, 118, 3, "#d8c48c", (2, 3))
    for x in _spread(rng, 9):
        coral(rng, near, x, 121)
    for x in _spread(rng, 6):
        near.oval(x, 122, rng.uniform(5, 9), 4, rng.choice(("#7d8a94", "#94816a")))


def _mars(rng: Random, far: Canvas, near: Canvas) -> None:
    far.ridge(rng, 70, 14, "#c0714a", (2, 3, 5, 9))
    near.ridge(rng, 84, 4, "#b4532c", (2, 3, 5))
    dots(rng, near, 90, 126, 46, ("#9c4424", "#c96a3c"), 5.5, 1.6)
    for x in _spread(rng, 6):
        crater(near, x, rng.uniform(96, 122), rng.uniform(9, 16), "#8c3c20", "#cf7346")
    for x in _spread(rng, 5):
        near.oval(x, 90, rng.uniform(4, 8), rng.uniform(3, 5), "#8a4226")


def _moon(rng: Random, far: Canvas, near: Canvas) -> None:
    for x in (110.0, 366.0):
        far.oval(x, 28, 15, 15, "#3f7fd0")
        far.oval(x - 4, 24, 7, 5, "#57a857")
        far.oval(x + 5, 32, 5, 6, "#57a857")
    far.ridge(rng, 80, 8, "#8b8e98", (2, 5, 7))
    near.ridge(rng, 88, 3, "#b9bcc4", (2, 3, 5))
    for x in _spread(rng, 13):
        crater(near, x, rng.uniform(95, 122), rng.uniform(6, 17), "#8f929c", "#d8dae0")


def _space(rng: Random, far: Canvas, near: Canvas) -> None:
    for x, colour, dark in ((90.0, "#d8a05a", "#b47a3c"), (330.0, "#7a6fd0", "#5a50a8")):
        ring = [
            (x + 34 * math.cos(turn / 6) + 4 * math.sin(turn / 6), 38 - 9 * math.cos(turn / 6) + 8 * math.sin(turn / 6))
            for turn in range(-19, 20)
        ]
        far.line(ring[:20], "#c8b890", 3)
        far.oval(x, 38, 20, 20, colour)
        far.oval(x + 5, 43, 14, 13, dark)
        far.line(ring[19:], "#efe0bc", 3)
    for x in (210.0, 450.0):
        far.oval(x, rng.uniform(80, 104), 12, 12, rng.choice(("#c85a48", "#4fa0c8", "#80b060")))
    for _ in range(24):
        radius = rng.uniform(0.8, 1.5)
        near.oval(rng.random() * WIDTH, rng.random() * HEIGHT, radius, radius, "#f4f6ff")


def _forest(rng: Random, far: Canvas, near: Canvas) -> None:
    far.ridge(rng, 70, 5, "#6f9f74")
    for x in _spread(rng, 26):
        fir(far, x, 90, rng.uniform(34, 52), "#2f6b46", "#5b4230")
    near.box(0, 88, WIDTH, HEIGHT, "#5f8f45")
    near.ridge(rng, 89, 2, "#6a9a4a")
    for x in _spread(rng, 8):
        fir(near, x, 96, rng.uniform(62, 84), "#1f5537", "#4a3526")
    tufts(rng, near, 96, 126, 60, ("#4f8039", "#82b25c"))
    for x in _spread(rng, 5):
        near.oval(x, rng.uniform(104, 122), 7, 3, "#8a6b45")


def _city(rng: Random, far: Canvas, near: Canvas) -> None:
    for x in _spread(rng, 22):
        skyscraper(
            rng, far, x, 96, rng.uniform(20, 30), rng.uniform(30, 66), rng.choice(("#8b9cb8", "#a3adc0", "#7b88a6"))
        )
    for x in _spread(rng, 11):
        skyscraper(
            rng,
            near,
            x,
            98,
            rng.uniform(30, 40),
            rng.uniform(30, 62),
            rng.choice(("#b0705a", "#6f7f95", "#c0a070", "#8a6f86")),
        )
    near.box(0, 96, WIDTH, 104, "#b9b4ac")
    near.box(0, 104, WIDTH, HEIGHT, "#6b6e76")
    for x in _spread(rng, 10, 0):
        near.box(x - 14, 114, x + 14, 117, "#e9e4c8")


def _desert(rng: Random, far: Canvas, near: Canvas) -> None:
    far.ridge(rng, 74, 12, "#e2b872", (2, 3))
    near.ridge(rng, 86, 6, "#eec27a", (2, 3, 4))
    near.ridge(rng, 102, 4, "#e4b268", (2, 3))
    for x in _spread(rng, 4):
        near.line([(x, 94), (x, 68)], "#4c8a4a", 5)
        near.line([(x, 84), (x - 8, 82), (x - 8, 73)], "#4c8a4a", 4)
        near.line([(x, 80), (x + 8, 78), (x + 8, 70)], "#4c8a4a", 4)


def _snow(rng: Random, far: Canvas, near: Canvas) -> None:
    far.ridge(rng, 72, 10, "#cfdff0", (2, 3, 5))
    for x in _spread(rng, 14):
        fir(far, x, 92, rng.uniform(26, 42), "#4f7f78", "#5b4230", snow=True)
    near.ridge(rng, 88, 4, "#eef5fc", (2, 3))
    near.ridge(rng, 106, 3, "#dfeaf6", (2, 3, 4))
    for x in _spread(rng, 4):
        fir(near, x, 96, rng.uniform(46, 60), "#3a6b5e", "#4a3526", snow=True)


def _beach(rng: Random, far: Canvas, near: Canvas) -> None:
    far.box(0, 64, WIDTH, HEIGHT, "#3f9fd4")
    far.box(0, 64, WIDTH, 68, "#2f86c0")
    waves(rng, far, 72, "#8fd0f0", 3)
    near.ridge(rng, 92, 2, "#f6efd8", (3, 5, 7))
    near.ridge(rng, 95, 2, "#f2d595", (3, 5, 7))
    for x in _spread(rng, 4):
        palm(near, x, 98, rng.uniform(52, 64))
    dots(rng, near, 102, 126, 26, ("#e8c47c", "#fff2d8", "#e89a86"), 2.2, 1.4)


def _meadow(rng: Random, far: Canvas, near: Canvas) -> None:
    far.ridge(rng, 68, 9, "#8fc47f")
    for x in _spread(rng, 6):
        leafy(far, x, 76, rng.uniform(16, 24), "#5f9f58")
    near.ridge(rng, 84, 4, "#6cbf4a", (2, 3))
    near.ridge(rng, 104, 3, "#5fb040", (2, 3, 5))
    tufts(rng, near, 92, 126, 40, ("#4f9a36", "#86d05c"))
    dots(rng, near, 90, 126, 70, ("#f25a6a", "#f9e24a", "#ffffff", "#c070e0"), 2.0, 1.0)


def _kitchen(rng: Random, far: Canvas, near: Canvas) -> None:
    wall = rng.choice(("#cfe3e0", "#f0e2c0", "#d8dff0", "#e6d8e4"))
    near.box(0, 0, WIDTH, HEIGHT, wall)
    near.box(0, 92, WIDTH, HEIGHT, "#c9b394")
    for index, left in enumerate(range(0, WIDTH, 16)):
        for row in range(3):
            if (index + row) % 2:
                near.box(left, 92 + row * 12, left + 16, 104 + row * 12, "#b08f68")
    near.box(0, 64, WIDTH, 68, "#8a6244")
    near.box(0, 68, WIDTH, 92, rng.choice(("#f3f3ee", "#9fc0c8", "#e8b48a")))
    for left in range(0, WIDTH, 32):
        near.box(left + 2, 71, left + 30, 90, "#ffffff44")
        near.oval(left + 16, 75, 2, 2, "#7a7a7a")
    for x in (64.0, 320.0):
        near.box(x - 22, 14, x + 22, 50, "#ffffff")
        near.box(x - 19, 17, x + 19, 47, "#9fd4f4", 60)
        near.box(x - 1, 17, x + 1, 47, "#ffffff")
    for x in (170.0, 430.0):
        near.box(x - 24, 40, x + 8, 92, "#e4e8ea")
        near.box(x + 2, 48, x + 4, 62, "#8a9096")
        near.box(x - 24, 64, x + 8, 66, "#b9c0c4")
    for x in (110.0, 240.0, 490.0):
        near.box(x - 8, 54, x + 8, 64, "#d0463a")
        near.box(x - 10, 53, x + 10, 56, "#a03028")


def _living_room(rng: Random, far: Canvas, near: Canvas) -> None:
    near.box(0, 0, WIDTH, HEIGHT, rng.choice(("#d9c8e6", "#c8dcc0", "#f2d6c0", "#c4d4ea")))
    near.box(0, 90, WIDTH, HEIGHT, "#9a6a44")
    near.box(0, 87, WIDTH, 91, "#f4f0ea")
    rug = rng.choice(("#b8483e", "#3f6fa0", "#5a8a58"))
    for x in (100.0, 356.0):
        near.oval(x, 115, 100, 9, rug)
        near.oval(x, 115, 88, 6, "#ffffff33")
        sofa = rng.choice(("#4a7a8a", "#b85a4a", "#6a5a9a"))
        near.box(x - 46, 62, x + 30, 92, sofa)
        near.box(x - 54, 70, x - 42, 96, sofa)
        near.box(x + 26, 70, x + 38, 96, sofa)
        near.box(x - 42, 78, x + 26, 82, "#00000030")
    for x in (200.0, 460.0):
        near.box(x - 20, 16, x + 20, 56, "#ffffff")
        near.box(x - 17, 19, x + 17, 53, "#a8daf6", 60)
        near.box(x - 28, 12, x - 19, 62, "#d8745a")
        near.box(x + 19, 12, x + 28, 62, "#d8745a")
    for x in (84.0, 340.0):
        near.box(x - 14, 22, x + 14, 46, "#7a5230")
        near.box(x - 11, 25, x + 11, 43, rng.choice(("#e8c860", "#80b8d0", "#d08a90")))
    for x in (160.0, 416.0):
        near.box(x - 1.5, 50, x + 1.5, 92, "#5a4432")
        near.polygon([(x - 12, 52), (x - 7, 36), (x + 7, 36), (x + 12, 52)], "#f6dd9a")
        near.oval(x, 46, 9, 8, "#f6dd9a", 200)


def _castle(rng: Random, far: Canvas, near: Canvas) -> None:
    far.ridge(rng, 74, 8, "#86ae7c")
    for x in (70.0, 326.0):
        stone = rng.choice(("#b9b2a8", "#a8a4b4", "#c8b49a"))
        for dx, top, width in ((-46, 40, 18), (46, 40, 18), (-18, 24, 16), (20, 30, 14)):
            far.box(x + dx - width / 2, top, x + dx + width / 2, 94, stone)
            far.polygon([(x + dx - width / 2 - 3, top), (x + dx, top - 20), (x + dx + width / 2 + 3, top)], "#b0463e")
            far.box(x + dx - 2, top + 9, x + dx + 2, top + 17, "#4a4650", 230)
        bricks(far, x - 46, 58, x + 46, 94, stone)
        far.oval(x, 80, 9, 12, "#5a3f2a")
        far.box(x - 9, 80, x + 9, 94, "#5a3f2a")
    near.ridge(rng, 90, 2, "#74a850", (2, 3))
    for x in _spread(rng, 7):
        bush(rng, near, x, 95, rng.uniform(6, 11), "#4f8a40")
    tufts(rng, near, 98, 126, 50, ("#5c9040", "#94c86a"))


def _sky(rng: Random, far: Canvas, near: Canvas) -> None:
    for layer, count, low, shade in ((far, 7, 74, "#f4f9fe"), (near, 8, 112, "#ffffff")):
        for x in _spread(rng, count):
            size, y = rng.uniform(11, 17), low + rng.uniform(-10, 6)
            for _ in range(7):
                layer.oval(
                    x + rng.uniform(-1.7, 1.7) * size,
                    y + rng.uniform(-0.3, 0.3) * size,
                    size * rng.uniform(0.7, 1.2),
                    size * rng.uniform(0.4, 0.65),
                    shade,
                )
        layer.blur(1)


def _jungle(rng: Random, far: Canvas, near: Canvas) -> None:
    far.box(0, 34, WIDTH, HEIGHT, "#4f9a5c")
    far.ridge(rng, 36, 10, "#4f9a5c", (5, 7, 11))
    for x in _spread(rng, 14):
        leafy(far, x, 92, rng.uniform(40, 60), rng.choice(("#2f7a42", "#3c8a4a", "#266a3a")))
    near.box(0, 92, WIDTH, HEIGHT, "#3f6a30")
    near.ridge(rng, 92, 3, "#4c7a38", (3, 5))
    for x in _spread(rng, 5):
        palm(near, x, 98, rng.uniform(66, 82))
    for x in _spread(rng, 15):
        bush(rng, near, x, 96, rng.uniform(7, 12), rng.choice(("#2c8a3c", "#52a83c")))
    tufts(rng, near, 100, 126, 50, ("#2f6a28", "#6aa848"))
    dots(rng, near, 88, 100, 16, ("#e8486a", "#f8a030"), 2.6, 1.0)


def _street(rng: Random, far: Canvas, near: Canvas) -> None:
    for x in _spread(rng, 15, 0.1):
        house(rng, near, x, 94, rng.uniform(30, 35), rng.uniform(30, 48))
    near.box(0, 92, WIDTH, 102, "#c4beb4")
    near.box(0, 102, WIDTH, HEIGHT, "#5a5d66")
    for x in _spread(rng, 10, 0):
        near.box(x - 13, 114, x + 13, 117, "#f4f0d8")
    for x in _spread(rng, 5, 0.1):
        near.box(x - 1.2, 52, x + 1.2, 98, "#3f4248")
        near.oval(x, 50, 4, 4, "#fff0b8", 255)


def _stage(rng: Random, far: Canvas, near: Canvas) -> None:
    near.box(0, 0, WIDTH, HEIGHT, "#4a1f3a")
    cloth, fold = rng.choice(
        (("#b8262e", "#8c1a22"), ("#8a2a9a", "#661c74"), ("#2a58a8", "#1c3f80"), ("#b8262e", "#8c1a22"))
    )
    for x in range(0, WIDTH, 16):
        near.box(x, 0, x + 16, 88, cloth)
        near.box(x + 9, 0, x + 15, 88, fold)
    for x in range(0, WIDTH, 32):
        near.oval(x + 16, 0, 18, 15, "#e0b040")
        near.oval(x + 16, -2, 17, 12, cloth)
    near.box(0, 86, WIDTH, HEIGHT, "#b07a48")
    for x in range(0, WIDTH, 32):
        near.line([(x, 86), (x - 10, HEIGHT)], "#8f5f36", 1)
    near.box(0, 120, WIDTH, HEIGHT, "#7a4c2a")
    for x in range(12, WIDTH, 32):
        near.oval(x, 120, 4, 3, "#fff2b0", 255)


def _mountains(rng: Random, far: Canvas, near: Canvas) -> None:
    for x in _spread(rng, 8):
        peak(far, x, 90, rng.uniform(46, 64), rng.uniform(46, 72), rng.choice(("#7f8aa6", "#8f97ae", "#707c9a")))
    near.ridge(rng, 84, 5, "#7f9f64", (2, 3, 5))
    near.ridge(rng, 102, 3, "#8f8a70", (2, 3))
    for x in _spread(rng, 9):
        near.oval(x, rng.uniform(92, 122), rng.uniform(4, 8), rng.uniform(3, 5), "#77777c")
    for x in _spread(rng, 5):
        fir(near, x, 92, rng.uniform(24, 34), "#3f6f4c", "#4a3526")


def _farm(rng: Random, far: Canvas, near: Canvas) -> None:
    far.ridge(rng, 74, 6, "#a8c878")
    for x in (64.0, 320.0):
        far.box(x - 28, 54, x + 28, 94, "#b8332c")
        far.polygon([(x - 32, 56), (x - 20, 36), (x + 20, 36), (x + 32, 56)], "#7a5048")
        far.box(x - 11, 70, x + 11, 94, "#f2ece0", 40)
        far.line([(x - 11, 70), (x + 11, 94)], "#b8332c", 1.5)
        far.line([(x + 11, 70), (x - 11, 94)], "#b8332c", 1.5)
        far.box(x + 44, 40, x + 60, 94, "#c8ccd0")
        far.oval(x + 52, 40, 8, 7, "#a8aeb4")
    near.ridge(rng, 90, 2, "#b8b450", (2, 3))
    near.ridge(rng, 104, 2, "#8fb848", (2, 3))
    for x in range(0, WIDTH, 16):
        near.box(x, 84, x + 3, 98, "#f4eee0")
    near.box(0, 87, WIDTH, 89, "#f4eee0")
    near.box(0, 92, WIDTH, 94, "#f4eee0")
    tufts(rng, near, 102, 126, 40, ("#7aa038", "#c8cc68"))


PAINTERS: dict[str, Painter] = {
    "san francisco": _san_francisco,
    "under water": _under,
    "mars": _mars,
    "moon": _moon,
    "space": _space,
    "forest": _forest,
    "city": _city,
    "desert": _desert,
    "snow": _snow,
    "beach": _beach,
    "meadow": _meadow,
    "kitchen": _kitchen,
    "castle": _castle,
    "sky": _sky,
    "jungle": _jungle,
    "harbour": _harbour,
    "street": _street,
    "stage": _stage,
    "mountains": _mountains,
    "ocean": _ocean,
    "living room": _living_room,
    "farm": _farm,
}
"""Who paints which place."""
