"""Movies -> the pictures that the README shows: for each film a frame from the middle of each of its shots, four a row.

python examples/gallery.py renders/teddy/teddy.mp4 ... --out renders/gallery
"""

from __future__ import annotations

import argparse
from pathlib import Path

import av
from PIL import Image

from storyboard.blame import cut_of
from storyboard.boxes import read_note

WIDTH = 192
GAP = 4
ROW = 4
"""Pictures side by side, at most."""


def middles_of(movie: Path) -> list[int]:
    """The frame in the middle of each shot, in the film's order, by what the movie says of itself."""
    spans: dict[str, list[int]] = {}
    for edit in cut_of(read_note(movie)).edits:
        spans.setdefault(edit.shot, []).extend((edit.first, edit.first + len(edit)))
    return [(min(span) + max(span)) // 2 for span in spans.values()]


def sheet_of(movie: Path) -> Image.Image:
    """One picture of the whole film, with a narrow white gap between frames."""
    with av.open(str(movie)) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    picked = [frames[middle] for middle in middles_of(movie)]
    height = WIDTH * picked[0].height // picked[0].width
    across, down = min(ROW, len(picked)), -(-len(picked) // ROW)
    sheet = Image.new("RGB", (across * (WIDTH + GAP) - GAP, down * (height + GAP) - GAP), "white")
    for place, picture in enumerate(picked):
        corner = (place % ROW * (WIDTH + GAP), place // ROW * (height + GAP))
        sheet.paste(picture.resize((WIDTH, height), Image.Resampling.LANCZOS), corner)
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("movies", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("renders/gallery"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for movie in asked.movies:
        sheet_of(movie).save(asked.out / f"{movie.stem}.webp", quality=85, method=6)


if __name__ == "__main__":
    main()
