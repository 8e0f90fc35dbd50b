"""Films to measure with: written, and rendered by the command line, as authors do."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def write_film(
    path: Path,
    shots: int,
    *,
    frames: int,
    size: tuple[int, int],
    rate: int = 24,
    chain: bool,
    engine: str = "animatic",
    prompt: str = "Wave {number} rolls in.",
) -> Path:
    """A film of one shot a scene, each of which continues the one before it (`chain`) or nothing."""
    width, height = size
    lines = [
        "title: Measured",
        f"engine: {engine}",
        f"format: {{width: {width}, height: {height}, rate: {rate}}}",
        "scenes:",
    ]
    for number in range(shots):
        lines += [f"  - id: scene-{number}", f"    prompt: {prompt.format(number=number)}", f"    duration: {frames}f"]
        if not chain:
            lines.append("    continues: nothing")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def console_script() -> Path:
    """`storyboard` as it is installed beside this Python. Raises SystemExit where it is not."""
    found = shutil.which("storyboard", path=str(Path(sys.executable).parent))
    if found is None:
        raise SystemExit("`storyboard` is not installed beside this Python; run `make bench`")
    return Path(found)


def render_command(film: Path) -> list[str | Path]:
    """What renders a film, all of it beside the screenplay."""
    folder = film.parent
    return [console_script(), "render", film, "--out", folder / "out", "--vault", folder / "vault"]
