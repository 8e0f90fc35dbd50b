"""Draws what `harbour.yaml` gives to the film: a night at the harbour as a movie, and two stills of it.

    python examples/assets/draw.py [FOLDER]      writes archive.mp4, dawn.png and evening.png

Everything is computed, nothing is taken from elsewhere: the same call gives the same pictures. Needs numpy, Pillow and
PyAV, which storyboard needs anyway; imports nothing of storyboard.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fractions import Fraction
from math import cos, pi, sin
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT, RATE, SECONDS = 384, 216, 24, 4
SCALE = 3
"""Shapes are drawn so much larger and scaled down, which smooths their edges."""
HORIZON = 128
LAMP = (306.0, 57.0)
"""Where the lighthouse's lamp is: x, y in pixels of the picture."""

Color = tuple[int, int, int]
Plane = NDArray[np.float64]
"""[height, width]."""
Canvas = NDArray[np.float64]
"""RGB from 0 to 255, [height, width, 3]."""


@dataclass(frozen=True)
class Hour:
    """The light of one time of day."""

    sky: tuple[tuple[float, Color], ...]
    """Colours at heights from 0, the top, to 1, the horizon."""
    sea: tuple[Color, Color]
    """At the horizon, and near."""
    glint: Color
    light: tuple[float, float, float]
    """The sun or the moon: x, y and radius."""
    light_color: Color
    glow: float
    far: Color
    near: Color
    tower: tuple[Color, Color]
    stars: int = 0


NIGHT = Hour(
    sky=((0.0, (8, 12, 34)), (0.55, (20, 34, 72)), (1.0, (52, 74, 116))),
    sea=((40, 60, 98), (8, 16, 36)),
    glint=(176, 196, 226),
    light=(92, 38, 8),
    light_color=(236, 238, 226),
    glow=0.42,
    far=(22, 32, 62),
    near=(9, 13, 28),
    tower=((150, 156, 176), (92, 52, 68)),
    stars=90,
)
DAWN = Hour(
    sky=((0.0, (74, 100, 156)), (0.45, (168, 150, 182)), (0.78, (246, 178, 142)), (1.0, (255, 222, 164))),
    sea=((232, 178, 150), (44, 66, 104)),
    glint=(255, 228, 184),
    light=(150, 122, 13),
    light_color=(255, 240, 196),
    glow=0.9,
    far=(128, 116, 150),
    near=(38, 38, 62),
    tower=((244, 226, 214), (196, 74, 66)),
)
EVENING = Hour(
    sky=((0.0, (34, 32, 78)), (0.4, (112, 58, 112)), (0.75, (226, 100, 84)), (1.0, (252, 178, 88))),
    sea=((214, 112, 84), (26, 24, 58)),
    glint=(255, 190, 120),
    light=(122, 116, 16),
    light_color=(255, 208, 120),
    glow=1.0,
    far=(84, 50, 92),
    near=(24, 18, 40),
    tower=((206, 164, 160), (142, 50, 62)),
    stars=24,
)


def grid() -> tuple[Plane, Plane]:
    """x and y of each pixel's middle."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return x + 0.5, y + 0.5


def between(places: Plane, stops: tuple[tuple[float, Color], ...]) -> Canvas:
    """A gradient: the colour at each of `places`."""
    at = [stop for stop, _ in stops]
    return np.stack([np.interp(places, at, [color[band] for _, color in stops]) for band in range(3)], axis=-1)


def lay(canvas: Canvas, cover: Plane, color: Color) -> None:
    """Paint `color` where `cover`, from 0 to 1, says so."""
    canvas += (np.array(color, np.float64) - canvas) * np.clip(cover, 0, 1)[..., None]


class Shapes:
    """A mask made of shapes, drawn large and scaled down."""

    def __init__(self) -> None:
        self._image = Image.new("L", (WIDTH * SCALE, HEIGHT * SCALE))
        self._pen = ImageDraw.Draw(self._image)

    def polygon(self, *points: tuple[float, float]) -> Shapes:
        self._pen.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=255)
        return self

    def line(self, *points: tuple[float, float], width: float = 0.8) -> Shapes:
        self._pen.line([(x * SCALE, y * SCALE) for x, y in points], fill=255, width=max(1, round(width * SCALE)))
        return self

    def disc(self, x: float, y: float, radius: float) -> Shapes:
        box = [(x - radius) * SCALE, (y - radius) * SCALE, (x + radius) * SCALE, (y + radius) * SCALE]
        self._pen.ellipse(box, fill=255)
        return self

    def cover(self, soft: float = 0) -> Plane:
        image = self._image.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
        if soft:
            image = image.filter(ImageFilter.GaussianBlur(soft))
        return np.asarray(image, np.float64) / 255


def sky(hour: Hour) -> Canvas:
    x, y = grid()
    canvas = between(y / HORIZON, hour.sky)
    random = np.random.default_rng(5)
    for _ in range(hour.stars):
        column, row, light = random.integers(WIDTH), int(HORIZON * 0.8 * random.random() ** 1.6), random.random()
        canvas[row, column] += 60 + 130 * light
    sun_x, sun_y, radius = hour.light
    far = np.hypot(x - sun_x, (y - sun_y) * 1.15)
    for reach, strength in ((4.0, 0.5), (11.0, 0.35)):
        lay(canvas, hour.glow * strength * np.exp(-far / (radius * reach)), hour.light_color)
    lay(canvas, Shapes().disc(sun_x, sun_y, radius).cover(), hour.light_color)
    return canvas


def hills(canvas: Canvas, hour: Hour) -> None:
    """Two ranges behind the harbour, the farther one in haze."""
    x = np.arange(-4, WIDTH + 8, 4)
    haze = tuple((a + b) // 2 for a, b in zip(hour.far, hour.sky[-1][1], strict=True))
    for height, wave, shift, color in ((15, 0.019, 0.6, haze), (9, 0.031, 2.1, hour.far)):
        top = HORIZON - height * (0.62 + 0.38 * np.sin(x * wave + shift)) - 2 * np.sin(x * wave * 3.3 + shift)
        ridge = list(zip(x.tolist(), top.tolist(), strict=True))
        lay(
            canvas,
            Shapes().polygon(*ridge, (WIDTH + 8, HORIZON), (-4, HORIZON)).cover(),
            (color[0], color[1], color[2]),
        )


def sea(canvas: Canvas, hour: Hour, t: float) -> None:
    """Water from the horizon down: crests that come nearer, and the light's road on them."""
    x, y = grid()
    depth = np.clip((y - HORIZON) / (HEIGHT - HORIZON), 0, 1)
    water = between(depth, ((0.0, hour.sea[0]), (1.0, hour.sea[1])))
    away = 1 / (depth + 0.06)
    swell = 2 * pi * t / SECONDS
    bend = 0.45 * np.sin(x * 0.021 * away**0.5 + swell) + 0.3 * np.sin(x * 0.05 - 2 * swell)
    crest = np.sin(22 * np.log(depth + 0.06) * 1.5 + bend * 3 - 3 * swell)
    chop = np.sin(x * 0.16 * away**0.6 + 4 * swell + 9 * depth) * np.sin(x * 0.067 * away**0.6 - 3 * swell + 31 * depth)
    light = np.clip(0.6 * crest + 0.7 * chop, -1, 1.3)
    lay(water, 0.10 + 0.20 * np.clip(light, 0, 1), hour.glint)
    lay(water, 0.26 * np.clip(-light, 0, 1) * depth**0.5, hour.near)
    road = np.exp(-(((x - hour.light[0]) / (9 + 46 * depth)) ** 2))
    lay(water, hour.glow * road * np.clip(light * 1.6 + 0.25, 0, 1) * (1 - 0.45 * depth), hour.light_color)
    below = np.clip(y - HORIZON, 0, 1)[..., None]
    canvas += (water - canvas) * below


def rock(canvas: Canvas, hour: Hour) -> None:
    foot = HORIZON + 11
    points = [(252, foot), (262, 125), (274, 121), (284, 114), (296, 111), (318, 110), (330, 114), (344, 120)]
    lay(canvas, Shapes().polygon(*points, (362, 127), (384, 124), (384, foot + 3)).cover(), hour.near)
    x, y = grid()
    shade = np.exp(-np.clip(y - foot, 0, None) / 9) * (y > foot - 1) * np.clip((x - 246) / 20, 0, 1)
    lay(canvas, 0.6 * shade, hour.near)


def lighthouse(canvas: Canvas, hour: Hour, lit: float) -> None:
    """The tower with its three bands; `lit` is how bright the lamp is, from 0 to 1."""
    x, top, foot = LAMP[0], 64.0, 112.0

    def half(y: float) -> float:
        return 5.4 + 4.2 * (y - top) / (foot - top)

    def band(upper: float, lower: float) -> Plane:
        sides = ((x - half(upper), upper), (x + half(upper), upper), (x + half(lower), lower), (x - half(lower), lower))
        return Shapes().polygon(*sides).cover()

    lay(canvas, band(top, foot), hour.tower[0])
    for upper in (70.0, 84.0, 98.0):
        lay(canvas, band(upper, upper + 7), hour.tower[1])
    columns, _ = grid()
    lay(canvas, band(top, foot) * np.clip((columns - x) / 12 + 0.15, 0, 0.55), hour.near)
    house = Shapes().polygon((x - 3.6, 52), (x + 3.6, 52), (x + 3.6, 63), (x - 3.6, 63)).cover()
    lay(canvas, house, hour.far)
    lay(canvas, house * (0.25 + 0.75 * lit), (255, 236, 170))
    iron = Shapes().polygon((x - 7.5, 62), (x + 7.5, 62), (x + 6.5, 65), (x - 6.5, 65))
    iron.polygon((x - 4.8, 52.5), (x, 45.5), (x + 4.8, 52.5)).line((x, 46), (x, 42)).line((x, 52), (x, 63), width=0.5)
    lay(canvas, iron.cover(), hour.near)
    lay(canvas, Shapes().polygon((322, 113), (322, 105), (329, 100.5), (336, 105), (336, 114)).cover(), hour.near)
    lay(canvas, Shapes().polygon((327, 107), (331, 107), (331, 110.5), (327, 110.5)).cover(), (255, 208, 128))


def beam(canvas: Canvas, turn: float) -> None:
    """Two beams back to back, `turn` of a full circle on; the flash where one looks at us."""
    x, y = grid()
    across, down = x - LAMP[0], y - LAMP[1]
    far = np.hypot(across, down) + 1e-6
    along, toward = cos(2 * pi * turn), sin(2 * pi * turn)
    for side in (1.0, -1.0):
        reach = 60 + 330 * abs(along)
        wide = 0.035 + 0.32 * (1 - abs(along)) ** 2
        off = np.arctan2(np.abs(down - 0.05 * side * toward * far), across * (1.0 if side * along > 0 else -1.0))
        light = np.exp(-((off / wide) ** 2)) * np.exp(-far / reach) * (0.25 + 0.6 * abs(along))
        lay(canvas, light * np.clip(1 - (y - HORIZON - 6) / 18, 0, 1), (255, 240, 190))
    flash = abs(toward) ** 10
    lay(canvas, 0.95 * flash * np.exp(-((far / 13) ** 2)), (255, 250, 226))
    lay(canvas, 0.55 * flash * np.exp(-far / 30), (255, 240, 190))
    road = np.exp(-((across / (5 + 0.16 * np.clip(y - HORIZON, 0, None))) ** 2)) * (y > HORIZON + 13)
    ripple = 0.5 + 0.5 * np.sin(y * 1.7 + 0.05 * across + 12 * pi * turn)
    lay(canvas, (0.16 + 0.6 * flash) * road * ripple * np.exp(-(y - HORIZON - 13).clip(0) / 40), (255, 236, 180))


def boat(canvas: Canvas, hour: Hour, x: float, y: float, size: float, lamp: bool) -> None:
    """A fishing boat, its waterline at y, from the side."""

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x + size * across, y + size * down) for across, down in points]

    mirror = (
        Shapes().polygon(*at((-24, 1), (25, 1), (17, 9), (-15, 9))).polygon(*at((-12, 8), (0, 8), (-2, 19), (-10, 19)))
    )
    lay(canvas, 0.5 * mirror.cover(soft=1.3), hour.near)
    rig = Shapes().line(*at((5, -8), (5, -42)), width=1.2 * size).line(*at((5, -40), (27, -11)), width=0.4)
    rig.line(*at((5, -40), (-22, -8)), width=0.4).line(*at((5, -16), (22, -28)), width=0.9 * size)
    rig.line(*at((-17, -8), (-17, -26)), width=0.9 * size)
    lay(canvas, rig.cover(), hour.near)
    lay(canvas, Shapes().polygon(*at((-14, -8), (-14, -21), (1, -21), (2, -8))).cover(), hour.tower[0])
    lay(canvas, Shapes().polygon(*at((-16, -21), (3, -21), (2, -23.5), (-15, -23.5))).cover(), hour.near)
    panes = Shapes().polygon(*at((-11.5, -18), (-6.5, -18), (-6.5, -13), (-11.5, -13)))
    panes.polygon(*at((-4.5, -18), (-0.5, -18), (-0.2, -13), (-4.5, -13)))
    lay(canvas, panes.cover(), (255, 222, 140) if lamp else hour.far)
    lay(canvas, Shapes().polygon(*at((-25, -8), (18, -8), (29, -13), (22, 2), (-21, 2))).cover(), hour.tower[1])
    lay(canvas, Shapes().polygon(*at((-23, -1.5), (24, -1.5), (22, 2), (-21, 2))).cover(), hour.near)
    lay(canvas, 0.9 * Shapes().line(*at((-25, -8), (18, -8), (29, -13)), width=0.9 * size).cover(), hour.tower[0])


def quay(canvas: Canvas, hour: Hour) -> None:
    """The stones in front, with a lantern and two bollards."""
    stones = Shapes().polygon((0, 186), (104, 190), (116, 194), (120, 216), (0, 216))
    stones.line((26, 188), (26, 128), width=2).line((25, 130), (36, 130), width=1.4)
    for x in (66.0, 94.0):
        stones.polygon((x - 3, 190), (x - 3, 182), (x + 3, 182), (x + 3, 190)).disc(x, 181.5, 4)
    lay(canvas, stones.cover(), hour.near)
    lay(canvas, 0.55 * Shapes().line((0, 186), (104, 190), (116, 194), width=1).cover(), hour.glint)
    lay(canvas, 0.5 * Shapes().disc(36, 134, 7).cover(soft=4), (255, 216, 140))
    lay(canvas, Shapes().disc(36, 133.5, 2.4).cover(), (255, 232, 176))


def gulls(canvas: Canvas, hour: Hour, places: tuple[tuple[float, float, float], ...]) -> None:
    flock = Shapes()
    for x, y, size in places:
        wing = [(-1.0, -0.25), (-0.62, -0.42), (-0.25, -0.2), (0.0, 0.05), (0.25, -0.2), (0.62, -0.42), (1.0, -0.25)]
        flock.line(*((x + size * across, y + size * down) for across, down in wing), width=1 + size / 14)
    lay(canvas, flock.cover(), hour.near)


def finished(canvas: Canvas) -> NDArray[np.uint8]:
    """uint8 RGB, a little darker towards the corners."""
    x, y = grid()
    corner = np.hypot((x / WIDTH - 0.5) * 1.1, y / HEIGHT - 0.5)
    shaded = canvas * (1 - 0.5 * np.clip(corner - 0.42, 0, None))[..., None]
    return np.clip(shaded + 0.5, 0, 255).astype(np.uint8)


def night(frame: int) -> NDArray[np.uint8]:
    """Frame `frame` of the movie: the lamp turns once in four seconds, and the waves come back to where they were."""
    t = frame / RATE
    canvas = sky(NIGHT)
    hills(canvas, NIGHT)
    sea(canvas, NIGHT, t)
    rock(canvas, NIGHT)
    lighthouse(canvas, NIGHT, lit=1.0)
    beam(canvas, t / SECONDS + 0.06)
    rise = 1.2 * sin(2 * pi * t / SECONDS * 2)
    boat(canvas, NIGHT, 176, 178 + rise, 0.95, lamp=True)
    quay(canvas, NIGHT)
    return finished(canvas)


def dawn() -> NDArray[np.uint8]:
    """The boat at the quay, the sun just over the hills."""
    canvas = sky(DAWN)
    hills(canvas, DAWN)
    sea(canvas, DAWN, 0.7)
    rock(canvas, DAWN)
    lighthouse(canvas, DAWN, lit=0.2)
    boat(canvas, DAWN, 176, 178, 0.95, lamp=True)
    quay(canvas, DAWN)
    gulls(canvas, DAWN, ((214, 70, 9), (238, 56, 7), (196, 50, 5), (118, 64, 6)))
    return finished(canvas)


def evening() -> NDArray[np.uint8]:
    """The boat is back, the sun is going down, and the lamp is lit."""
    canvas = sky(EVENING)
    hills(canvas, EVENING)
    sea(canvas, EVENING, 2.4)
    rock(canvas, EVENING)
    lighthouse(canvas, EVENING, lit=1.0)
    beam(canvas, 0.08)
    boat(canvas, EVENING, 176, 178, 0.95, lamp=True)
    quay(canvas, EVENING)
    gulls(canvas, EVENING, ((60, 60, 6), (76, 52, 4)))
    return finished(canvas)


def write_movie(path: Path) -> None:
    """H.264 in one thread and without the writer's name, so that the same encoder writes the same file."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as movie:
        track = movie.add_stream("libx264", rate=Fraction(RATE))
        track.width, track.height, track.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        track.codec_context.thread_count = 1
        track.options = {"crf": "22", "preset": "slow", "flags": "+bitexact", "threads": "1"}
        for number in range(RATE * SECONDS):
            picture = av.VideoFrame.from_ndarray(night(number), format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, RATE)
            movie.mux(track.encode(picture))
        movie.mux(track.encode(None))


def draw_all(folder: Path) -> None:
    """Write the movie and the stills into `folder`."""
    for name, picture in (("dawn", dawn()), ("evening", evening())):
        Image.fromarray(picture).save(folder / f"{name}.png", optimize=True)
    write_movie(folder / "archive.mp4")


if __name__ == "__main__":
    draw_all(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
