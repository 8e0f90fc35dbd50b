"""Movies -> the pictures that the README shows: a row of frames for each film, one in the middle of each scene.

python examples/gallery.py renders/teddy/teddy.mp4 ... --out renders/gallery
"""

from __future__ import annotations

import argparse
from pathlib import Path

import av
from PIL import Image

WIDTH = 192
GAP = 4


def row_of(movie: Path, pictures: int) -> Image.Image:
    """So many frames of a movie, evenly spread, side by side."""
    with av.open(str(movie)) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    picked = [frames[len(frames) * (2 * place + 1) // (2 * pictures)] for place in range(pictures)]
    height = WIDTH * picked[0].height // picked[0].width
    row = Image.new("RGB", (pictures * (WIDTH + GAP) - GAP, height), "white")
    for place, picture in enumerate(picked):
        row.paste(picture.resize((WIDTH, height), Image.Resampling.LANCZOS), (place * (WIDTH + GAP), 0))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("movies", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("renders/gallery"))
    parser.add_argument("--pictures", type=int, default=4)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for movie in asked.movies:
        row_of(movie, asked.pictures).save(asked.out / f"{movie.stem}.webp", quality=85, method=6)


if __name__ == "__main__":
    main()
