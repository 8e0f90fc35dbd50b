"""Whole figures for glyphs that are only a head, and sprites that no glyph has: Pillow pictures in, pictures out.

Everything is drawn four times too large and scaled down by whoever calls. Imports Pillow only.
"""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter

SIZE = 512
"""Width and height of what is drawn, in pixels."""

Box = tuple[float, float, float, float]


def _canvas() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGBA", (SIZE, SIZE))
    return picture, ImageDraw.Draw(picture)


def _limb(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], width: int, colour: str) -> None:
    """A thick line with round joints and ends."""
    draw.line(points, fill=colour, width=width, joint="curve")
    for x, y in points:
        draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=colour)


def _shade(colour: str, factor: float) -> str:
    """The same colour, darker (factor < 1) or lighter."""
    parts = (min(255, round(int(colour[i : i + 2], 16) * factor)) for i in (1, 3, 5))
    return "#" + "".join(f"{part:02x}" for part in parts)


def _put(picture: Image.Image, head: Image.Image, box: Box) -> None:
    """The head into a box of the picture, over what is there."""
    left, top, right, bottom = (round(edge) for edge in box)
    scaled = head.resize((right - left, bottom - top), Image.Resampling.LANCZOS)
    picture.alpha_composite(scaled, (left, top))


def bear(head: Image.Image, coat: str, belly: str) -> Image.Image:
    """A bear that sits up: round body, light belly, four paws."""
    picture, draw = _canvas()
    dark = _shade(coat, 0.82) if coat > "#3" else _shade(coat, 1.5)
    draw.ellipse((128, 238, 384, 500), fill=belly if coat < "#3" else coat)
    draw.ellipse((176, 282, 336, 480), fill=belly)
    _limb(draw, [(158, 300), (96, 372)], 72, coat)
    _limb(draw, [(354, 300), (416, 372)], 72, coat)
    for x in (150, 362):
        draw.ellipse((x - 68, 408, x + 68, 510), fill=coat)
        draw.ellipse((x - 34, 440, x + 34, 498), fill=dark)
    _put(picture, head, (112, 4, 400, 286))
    return picture


def suit(head: Image.Image, coat: str, trim: str) -> Image.Image:
    """Someone in a suit who walks to the right: pack on the back, one leg forward, one arm up."""
    picture, draw = _canvas()
    dark = _shade(coat, 0.84)
    draw.rounded_rectangle((128, 232, 236, 392), 34, fill=trim)
    _limb(draw, [(232, 384), (190, 440), (130, 462)], 66, dark)
    _limb(draw, [(128, 462), (112, 488)], 46, trim)
    _limb(draw, [(244, 264), (176, 330)], 56, dark)
    draw.rounded_rectangle((184, 216, 328, 404), 58, fill=coat)
    _limb(draw, [(282, 386), (330, 430), (330, 470)], 68, coat)
    _limb(draw, [(330, 486), (376, 486)], 46, trim)
    draw.rounded_rectangle((184, 352, 328, 376), 8, fill=trim)
    _limb(draw, [(290, 262), (344, 318), (398, 286)], 56, coat)
    draw.ellipse((380, 254, 436, 310), fill=trim)
    draw.ellipse((272, 284, 300, 312), fill="#d9473b")
    _put(picture, head, (128, 0, 384, 250))
    return picture


def robot(head: Image.Image, coat: str, trim: str) -> Image.Image:
    """A robot: box body with lamps, jointed arms and legs."""
    picture, draw = _canvas()
    for x in (206, 306):
        _limb(draw, [(x, 400), (x, 470)], 40, trim)
        draw.rounded_rectangle((x - 46, 464, x + 46, 508), 16, fill=coat)
    for side in (-1, 1):
        _limb(draw, [(256 + side * 124, 278), (256 + side * 176, 330), (256 + side * 150, 396)], 40, trim)
        draw.ellipse((256 + side * 150 - 36, 380, 256 + side * 150 + 36, 446), fill=coat)
    draw.rounded_rectangle((136, 238, 376, 420), 30, fill=coat)
    draw.rounded_rectangle((176, 276, 336, 376), 18, fill=_shade(coat, 1.35))
    for x, colour in ((212, "#e2483c"), (256, "#f6c945"), (300, "#4cc06a")):
        draw.ellipse((x - 17, 309, x + 17, 343), fill=colour)
    _put(picture, head, (118, 0, 394, 250))
    return picture


def frog(head: Image.Image, coat: str, belly: str) -> Image.Image:
    """A frog that sits: bent hind legs, webbed feet."""
    picture, draw = _canvas()
    dark = _shade(coat, 0.82)
    for side in (-1, 1):
        draw.ellipse((256 + side * 150 - 84, 320, 256 + side * 150 + 84, 476), fill=dark)
        _limb(draw, [(256 + side * 130, 484), (256 + side * 214, 486)], 40, dark)
    draw.ellipse((130, 226, 382, 496), fill=coat)
    draw.ellipse((178, 276, 334, 486), fill=belly)
    for side in (-1, 1):
        _limb(draw, [(256 + side * 96, 340), (256 + side * 74, 470)], 46, coat)
        _limb(draw, [(256 + side * 48, 490), (256 + side * 100, 490)], 32, coat)
    _put(picture, head, (86, 18, 426, 300))
    return picture


def four(head: Image.Image, coat: str, trim: str) -> Image.Image:
    """An animal on four legs that looks left: head in front, tail with a tuft behind."""
    picture, draw = _canvas()
    dark = _shade(coat, 0.82)
    _limb(draw, [(420, 290), (476, 236), (470, 170)], 34, coat)
    draw.ellipse((428, 116, 508, 220), fill=trim)
    for x, foot in ((250, 236), (424, 438)):
        _limb(draw, [(x, 380), (foot, 480)], 52, dark)
    draw.rounded_rectangle((150, 228, 470, 410), 88, fill=coat)
    draw.ellipse((190, 330, 420, 416), fill=_shade(coat, 0.93))
    for x, foot in ((196, 184), (380, 384)):
        _limb(draw, [(x, 370), (foot, 482)], 56, coat)
        draw.rounded_rectangle((foot - 44, 474, foot + 28, 510), 16, fill=trim)
    _put(picture, head, (4, 60, 284, 340))
    return picture


def puddle() -> Image.Image:
    """A flat pool of water with a bright rim, in the lower half of the picture."""
    picture, draw = _canvas()
    draw.ellipse((4, 330, 508, 506), fill="#5fa3cf")
    draw.ellipse((20, 340, 492, 492), fill="#3d86bd")
    draw.ellipse((90, 356, 430, 456), fill="#6db6e0")
    draw.ellipse((150, 386, 460, 476), fill="#3d86bd")
    _limb(draw, [(110, 402), (196, 376)], 14, "#e9f7ff")
    return picture.filter(ImageFilter.GaussianBlur(3))


PLANS: dict[str, Callable[[Image.Image, str, str], Image.Image]] = {
    "bear": bear,
    "suit": suit,
    "robot": robot,
    "frog": frog,
    "four": four,
}
"""How a body is drawn, by the name that `cast` gives it."""
