"""Films -> contact sheets for people to look at. Imports torch, numpy and Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor


def sheet(films: Tensor, path: Path, captions: Sequence[str] = (), gap: int = 2, quality: int = 85) -> None:
    """Write films [n, 3, frames, h, w] in -1..1 as rows of a WebP, a caption above each where there are any."""
    frames = films.clamp(-1, 1).add(1).mul(127.5).round().byte().permute(0, 2, 3, 4, 1).cpu().numpy()
    count, length, height, width = frames.shape[:4]
    band = 14 if captions else 0
    row = height + gap + band
    page = Image.fromarray(np.full((count * row, length * (width + gap), 3), 24, np.uint8))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    for index, clip in enumerate(frames):
        if captions:
            pen.text((2, index * row), captions[index], fill=(235, 235, 235), font=font)
        for place, frame in enumerate(clip):
            page.paste(Image.fromarray(frame), (place * (width + gap), index * row + band))
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path, quality=quality)
