"""Weights of a model that were published as `.bin` -> safetensors beside them.

    python -m storyboard.engines.pyramid.convert FOLDER

The published autoencoders are pickles, which can run code when they are read; engines read none. This reads them by
torch's reader for tensors alone, once, because somebody asked. May import what stands above `engines` in the layout.
"""

from __future__ import annotations

import sys
from pathlib import Path

from storyboard.durable import aside, place
from storyboard.errors import CommandError, StoryboardError

_BIN = "diffusion_pytorch_model.bin"


def convert(folder: Path) -> list[Path]:
    """Convert each part of a model that has a `.bin` file and no safetensors; what was written.

    Raises CommandError where one cannot be read, and OSError.
    """
    written = []
    for source in sorted(folder.glob(f"*/{_BIN}")):
        target = source.with_suffix(".safetensors")
        if not target.exists():
            _convert(source, target)
            written.append(target)
    return written


def _convert(source: Path, target: Path) -> None:
    import torch
    from safetensors.torch import save_file

    try:
        loaded = torch.load(source, map_location="cpu", weights_only=True, mmap=True)
        weights = {name: each.contiguous() for name, each in loaded.items()}
    except Exception as error:  # whatever a pickle makes of it
        message = f"`{source}` cannot be read as tensors alone: {type(error).__name__}"
        raise CommandError(message, "copy or download the model again") from error
    with aside(target) as scratch:
        save_file(weights, scratch / target.name)
        place(scratch / target.name, target)


def main(arguments: list[str]) -> int:
    """Of the command line; the exit status."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python -m storyboard.engines.pyramid.convert FOLDER", file=sys.stderr)
        return 2
    try:
        written = convert(Path(arguments[0]))
    except StoryboardError as error:
        print(f"error: {error.message}\n\nhint: {error.hint}", file=sys.stderr)
        return 2
    print("\n".join(map(str, written)) or "nothing to convert")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
