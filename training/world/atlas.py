"""The sprite atlas: Noto's colour emoji and drawn bodies in, one picture with a list of names out; and back again.

`python -m training.world.atlas` builds it (needs the font); training reads it. Imports cast, bodies, Pillow; torch to
read it.
"""

from __future__ import annotations

import argparse
import colorsys
import functools
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from training.world.bodies import PLANS, puddle
from training.world.cast import EFFECTS, FISH_HUES, FOODS, PROPS, SUBJECTS, sprite_names

ASSETS = Path(__file__).parent.parent / "assets"
FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
"""Where Debian's fonts-noto-color-emoji puts it (SIL Open Font Licence 1.1)."""
CELL = 80
"""Width and height of a sprite, in pixels; a margin of two keeps bilinear sampling from cutting edges."""
COLUMNS = 12


def glyph(text: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    """One emoji, cropped to what is drawn, RGBA. Raises ValueError where the font has no picture for it."""
    picture = Image.new("RGBA", (200, 200))
    ImageDraw.Draw(picture).text((20, 20), text, font=font, embedded_color=True)
    box = picture.getbbox()
    if box is None:
        raise ValueError(f"the font draws nothing for `{text}`")
    return picture.crop(box)


def fit(picture: Image.Image) -> Image.Image:
    """A picture scaled into a cell, standing on its bottom in the middle: what stands on the ground then does."""
    picture = picture.crop(picture.getbbox())
    inner = CELL - 4
    scale = inner / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    # Premultiplied while scaling, so that no dark rim comes in from transparent pixels.
    scaled = picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    cell = Image.new("RGBA", (CELL, CELL))
    cell.alpha_composite(scaled, ((CELL - size[0]) // 2, CELL - 2 - size[1]))
    return cell


def turn_hue(picture: Image.Image, turn: float) -> Image.Image:
    """The colours of a picture moved round the colour wheel, in turns; greys stay."""
    pixels = np.asarray(picture.convert("RGBA")).astype(np.float32) / 255
    flat = pixels.reshape(-1, 4)
    for pixel in flat:
        hue, saturation, value = colorsys.rgb_to_hsv(*(float(part) for part in pixel[:3]))
        pixel[:3] = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
    return Image.fromarray((pixels * 255).round().astype(np.uint8))


def paint(picture: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """The shape of a picture in one colour."""
    flat = Image.new("RGBA", picture.size, (*colour, 255))
    flat.putalpha(picture.getchannel("A"))
    return flat


def build(font_path: Path, folder: Path) -> None:
    """Draw all sprites and write `atlas.webp` (lossless RGBA, 12 cells a row) and `atlas.json` (names, cell)."""
    font = ImageFont.truetype(str(font_path), 109)
    cells: dict[str, Image.Image] = {"": Image.new("RGBA", (CELL, CELL))}
    for subject in SUBJECTS:
        whole = glyph(subject.glyph, font)
        if subject.body:
            whole = PLANS[subject.body](whole, *subject.coat)
        cells[subject.name] = fit(whole)
    for name, text, _ in PROPS:
        cells[name] = fit(glyph(text, font) if text else puddle())
    for name, text in (*FOODS, *EFFECTS):
        cells[name] = fit(glyph(text, font))
    cells["music"] = paint(cells["music"], (232, 62, 140))
    for index, turn in enumerate(FISH_HUES):
        cells[f"fish {index}"] = turn_hue(cells["tropical fish"], turn)
    names = sprite_names()
    sheet = Image.new("RGBA", (COLUMNS * CELL, -(-len(names) // COLUMNS) * CELL))
    for place, name in enumerate(names):
        sheet.paste(cells[name], (place % COLUMNS * CELL, place // COLUMNS * CELL))
    folder.mkdir(parents=True, exist_ok=True)
    sheet.save(folder / "atlas.webp", lossless=True, quality=100, method=6)
    (folder / "atlas.json").write_text(json.dumps({"cell": CELL, "names": names}, indent=1) + "\n", encoding="utf-8")


@functools.lru_cache(maxsize=4)
def load_atlas(device: torch.device) -> torch.Tensor:
    """The sprites, premultiplied float [sprites, 4, CELL, CELL], 0 to 1. Raises ValueError when the names differ."""
    known = json.loads((ASSETS / "atlas.json").read_text(encoding="utf-8"))
    if tuple(known["names"]) != sprite_names() or known["cell"] != CELL:
        raise ValueError("`atlas.json` was built from another cast: run `python -m training.world.atlas`")
    with Image.open(ASSETS / "atlas.webp") as sheet:
        pixels = torch.from_numpy(np.array(sheet.convert("RGBA"))).float().div_(255).permute(2, 0, 1)
    cells = pixels.unfold(1, CELL, CELL).unfold(2, CELL, CELL).permute(1, 2, 0, 3, 4).reshape(-1, 4, CELL, CELL)
    cells = cells[: len(sprite_names())].clone()
    cells[:, :3] *= cells[:, 3:]
    return cells.to(device)


def main() -> None:
    """The command line: where the font is, where the atlas goes."""
    parser = argparse.ArgumentParser(description="Draw the sprite atlas from the emoji font")
    parser.add_argument("--font", type=Path, default=FONT)
    parser.add_argument("--out", type=Path, default=ASSETS)
    arguments = parser.parse_args()
    build(arguments.font, arguments.out)


if __name__ == "__main__":
    main()
