"""Films -> contact sheets for people to look at. Imports torch, numpy and Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor


def sheet(films: Tensor, path: Path, captions: Sequence[str] = (), columns: int = 1, quality: int = 85) -> None:
    """Write films [n, 3, frames, h, w] in -1..1 as a WebP: each a strip of its frames, below its caption if any.

    Strips go down the page, then on in the next column.
    """
    frames = films.clamp(-1, 1).add(1).mul(127.5).round().byte().permute(0, 2, 3, 4, 1).cpu().numpy()
    count, length, height, width = frames.shape[:4]
    band, gap = 14 if captions else 0, 2
    rows, row, column = -(-count // columns), height + gap + band, length * (width + gap) + 6
    page = Image.fromarray(np.full((rows * row, columns * column, 3), 24, np.uint8))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    for index, clip in enumerate(frames):
        left, top = index // rows * column, index % rows * row
        if captions:
            text = captions[index]
            while font.getlength(text) > column - 8:
                text = text[:-4] + "..."
            pen.text((left + 2, top), text, fill=(235, 235, 235), font=font)
        for place, frame in enumerate(clip):
            page.paste(Image.fromarray(frame), (left + place * (width + gap), top + band))
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path, quality=quality)
